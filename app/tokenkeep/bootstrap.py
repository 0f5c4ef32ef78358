"""The composition root: the one place that knows every adapter and puts the application together."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tokenkeep import assets, logs
from tokenkeep.api import systemd
from tokenkeep.api.server import ApiServer
from tokenkeep.domain.configuration import Configuration, HttpSettings, StorageSettings
from tokenkeep.domain.errors import StorageFailed
from tokenkeep.domain.ports import Clock
from tokenkeep.domain.session import StorageState
from tokenkeep.engine.engine import Engine
from tokenkeep.engine.outside import Outside
from tokenkeep.oauth.transport import Transport
from tokenkeep.storage import settings, settings_file
from tokenkeep.storage.catalogue import Catalogue
from tokenkeep.storage.files import private_folder
from tokenkeep.storage.lock import ProcessLock
from tokenkeep.storage.opening import VaultStorage, stored_kind
from tokenkeep.storage.paths import Paths
from tokenkeep.system import hardening
from tokenkeep.system.browser import SystemBrowser
from tokenkeep.system.clock import SystemClock
from tokenkeep.system.file_watch import FileWatch
from tokenkeep.system.network import DesktopNetwork
from tokenkeep.system.notifications import DesktopNotifier
from tokenkeep.system.power import LogindPower

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Window:
    """Whether there is a window that a person can be asked in."""

    present: bool


class Application:
    """The process without its window: lock, engine, socket.

    :param headless: there is no window; questions are answered by the rules alone.
    """

    def __init__(self, paths: Paths, *, headless: bool) -> None:
        self._umask = hardening.harden(headless=headless)
        self.paths = paths
        self.headless = headless
        private_folder(paths.data_dir)
        self.lock = ProcessLock(paths.vault_file.with_suffix(".lock"))
        self.clock = SystemClock()
        self._catalogue = Catalogue.load()
        self._kept_kind: StorageState | None = None
        self.configuration = self._read()
        if self.configuration.problems:
            with suppress(StorageFailed):
                self._kept_kind = stored_kind(paths.vault_file)
            self.configuration = self._read()
        self.logs = logs.configure(
            self.configuration.app.log_level,
            paths.log_dir,
            wall=self.clock.wall,
            stream=sys.stderr if headless else None,
        )

    def _read(self) -> Configuration:
        """The configuration. Where a mistake hides where the key is kept, the vault itself is believed: with the key
        of another place it would be set aside."""
        found = settings.read(self.paths.config_file, self._catalogue)
        if found.problems and self._kept_kind is not None and "key" not in found.storage.model_fields_set:
            storage = StorageSettings.model_validate({"key": self._kept_kind.value})
            return found.model_copy(update={"storage": storage})
        return found

    def _read_again(self) -> Configuration:
        """For the engine; the log follows the file at once."""
        configuration = self._read()
        self.logs.set_level(configuration.app.log_level)
        return configuration

    def outside(self) -> Outside:
        """Every adapter, as the engine takes them."""
        return Outside(
            clock=self.clock,
            transport=http_transport(self.configuration.http, self.clock),
            storage=VaultStorage(self.paths.vault_file),
            browser=SystemBrowser(umask=self._umask),
            prompter=Window(present=not self.headless),
            power=LogindPower(),
            network=DesktopNetwork(),
            read_configuration=self._read_again,
            configuration_signature=lambda: settings.signature(self.paths.config_file),
            remove_entry=lambda id_: settings_file.remove(self.paths.config_file, ("providers", id_)),
            remember_storage=lambda kind: settings_file.set_value(self.paths.config_file, "storage.key", kind),
            configuration_watch=FileWatch(self.paths.config_file),
        )

    def notifier(self) -> DesktopNotifier:
        """Shows notifications on this desktop."""
        return DesktopNotifier(str(assets.path("icons/app.svg")))

    async def serve(self, ready: Callable[[Engine], object] = id) -> None:
        """Run until somebody asks the engine to quit. The process lock must be held.

        :param ready: called when the socket listens.
        :raises StorageFailed: the socket's place cannot be used.
        """
        engine = Engine(self.outside())
        ended = engine.subscribe()
        server = ApiServer(engine, self.paths.socket, clock=self.clock)
        try:
            await engine.start()  # first: who asks early must not hear of unknown providers
            await server.start()
            if self.headless:
                self._take_signals(engine)
            systemd.notify("READY=1")
            ready(engine)
            async for event in ended:
                if event.kind == "quit":
                    break
        finally:
            systemd.notify("STOPPING=1")
            await server.stop()
            await engine.stop()

    def _take_signals(self, engine: Engine) -> None:
        loop = asyncio.get_running_loop()
        reloads: set[asyncio.Task[None]] = set()

        def reload() -> None:
            task = asyncio.create_task(engine.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        with suppress(NotImplementedError):  # Windows has no signals for loops
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, engine.quit)
            loop.add_signal_handler(signal.SIGHUP, reload)


def http_transport(http: HttpSettings, clock: Clock) -> Transport:
    """The way to providers as `[http]` of the configuration wants it."""
    return Transport(timeout=http.timeout, ca_bundle=http.ca_bundle, proxy=http.proxy, wall=clock.wall)


def run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on a new loop: uvloop where it exists, plain asyncio elsewhere."""
    if sys.platform == "win32":
        asyncio.run(main)
        return
    import uvloop

    uvloop.run(main)
