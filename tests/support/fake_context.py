"""An engine context for tests of single parts: a clock that stands still, a vault in memory, nothing outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from support.fake_clock import FakeClock
from tokenkeep.domain.configuration import Configuration
from tokenkeep.domain.ports import Launch
from tokenkeep.domain.session import EngineSnapshot, OverallState, StorageState
from tokenkeep.engine.context import Context
from tokenkeep.engine.events import Event, EventBus
from tokenkeep.engine.vault_access import VaultAccess
from tokenkeep.engine.workers import NetPool, WorkerPool
from tokenkeep.oauth.transport import Transport
from tokenkeep.storage.vault import MemoryVault

SNAPSHOT = EngineSnapshot(OverallState.OK, StorageState.MEMORY, "0", "run", 0.0)


@dataclass
class FakeWindow:
    """Implements `domain.ports.Prompter`."""

    present: bool = True


@dataclass
class FakeBrowser:
    """Implements `domain.ports.Browser`: keeps what it was asked, and fails when told to."""

    launch: Launch = field(default_factory=lambda: Launch(asked=True, browser="Fake"))
    opened: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def open(self, url: str, *, command: str = "", local: bool = False) -> Launch:  # noqa: ARG002 - the port's
        self.opened.append(url)
        self.commands.append(command)
        return self.launch


class RecordingBus(EventBus):
    """Keeps every event that was published."""

    def __init__(self) -> None:
        super().__init__("run", lambda: SNAPSHOT)
        self.published: list[Event] = []

    def publish(self, kind: str, data: object) -> None:
        super().publish(kind, data)
        self.published.append(self._kept[-1])

    def of(self, kind: str) -> list[Any]:
        """The data of all events of a kind."""
        return [event.data for event in self.published if event.kind == kind]


async def make_context(
    clock: FakeClock, configuration: Configuration | None = None, *, present: bool = True
) -> tuple[Context, RecordingBus]:
    """A context on the running loop."""
    bus = RecordingBus()
    context = Context(
        clock=clock,
        net=NetPool(),
        keyring=WorkerPool("keyring", 1),
        transport=Transport(wall=clock.wall),
        vault=VaultAccess(),
        browser=FakeBrowser(),
        prompter=FakeWindow(present),
        configuration=configuration or Configuration(),
        bus=bus,
        jitter=lambda: 0.5,
    )
    await context.vault.attach(MemoryVault)
    return context, bus


async def close_context(context: Context) -> None:
    """End everything that the context began."""
    for task in list(context.tasks):
        task.cancel()
    await context.vault.close()
    context.net.close()
    context.keyring.close()
    context.transport.close()
