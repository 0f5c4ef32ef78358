"""The outside world as `bootstrap.py` hands it to the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tokenkeep.domain.configuration import Configuration
from tokenkeep.domain.ports import Browser, Clock, FileWatch, Network, PowerEvents, Prompter
from tokenkeep.engine.context import Storage
from tokenkeep.oauth.transport import Transport


@dataclass(frozen=True, slots=True)
class Outside:
    """One for each engine.

    :param read_configuration: reads `config.toml`; blocking.
    :param configuration_signature: cheap to get, differs when the file changed on disk.
    :param remove_entry: takes a provider's entry out of `config.toml`; blocking.
    :param remember_storage: writes where the master key is to be kept into `config.toml`; blocking.
    """

    clock: Clock
    transport: Transport
    storage: Storage
    browser: Browser
    prompter: Prompter
    power: PowerEvents
    network: Network
    read_configuration: Callable[[], Configuration]
    configuration_signature: Callable[[], object]
    remember_storage: Callable[[str], None]
    remove_entry: Callable[[str], None]
    configuration_watch: FileWatch | None = None
