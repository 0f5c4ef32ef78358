"""What all parts of the engine share: clock, pools, transport, vault, settings, and the way to tell of a change."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from tokenkeep.domain.configuration import Configuration
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.ports import Browser, Clock, Prompter, Vault
from tokenkeep.domain.tokens import Account, Secret, TokenSet
from tokenkeep.engine.events import EventBus
from tokenkeep.engine.limits import Limits
from tokenkeep.engine.registrations import Registrations
from tokenkeep.engine.revocations import Revocations
from tokenkeep.engine.vault_access import VaultAccess
from tokenkeep.engine.workers import NetPool, WorkerPool
from tokenkeep.oauth.transport import Transport

log = logging.getLogger(__name__)


class Storage(Protocol):
    """How a vault is opened, in two steps on two threads: the first may wait for a person, the second never does."""

    def key(self, kind: str, passphrase: Secret | None) -> object:
        """Get the master key. Blocking, on the keyring thread.

        :param kind: `keyring`, `passphrase` or `memory`.
        :raises Locked: the keyring is locked or its dialog was dismissed, or the passphrase is wrong.
        :raises StorageFailed: there is no usable keyring.
        """
        ...

    def open(self, key: object) -> Vault:
        """Open the vault with that key. Blocking, on the vault thread.

        :raises Locked: the vault is sealed under another key.
        :raises StorageFailed: the file cannot be used.
        """
        ...


@dataclass
class Context:
    """One for each engine.

    :param jitter: a number in [0, 1), new at each call.
    :param configuration: replaced as a whole when the file was read again.
    :ivar token_of: the tokens of another provider's session, renewed when that is due, and its account; asked with
        its id and the name of who asks.
    """

    clock: Clock
    net: NetPool
    keyring: WorkerPool
    transport: Transport
    vault: VaultAccess
    browser: Browser
    prompter: Prompter
    configuration: Configuration
    bus: EventBus
    token_of: Callable[[str, str], Awaitable[tuple[TokenSet, Account | None]]] = field(init=False)
    jitter: Callable[[], float] = field(default=random.SystemRandom().random)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    revocations: Revocations = field(init=False)
    registrations: Registrations = field(init=False)
    limits: Limits = field(init=False)

    def __post_init__(self) -> None:
        self.revocations = Revocations(self)
        self.registrations = Registrations(self)
        self.limits = Limits(self.clock)

    def spawn(self, task: asyncio.Task[Any]) -> None:
        """Keep a task alive until it is done; whatever is left is cancelled when the engine stops."""
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()  # asked for, so that nothing is said about it a second time
        if error is not None and not isinstance(error, TokenKeepError):
            log.error("a task of the engine ended unexpectedly", exc_info=error)
