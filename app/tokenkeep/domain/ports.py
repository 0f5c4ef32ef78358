"""What the engine needs from the outside world, as protocols; `bootstrap.py` hands in the real things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from tokenkeep.domain.access import Grant
from tokenkeep.domain.registration import Registration
from tokenkeep.domain.revocation import OwedRevocation
from tokenkeep.domain.session import StorageState
from tokenkeep.domain.tokens import Secret, StoredSession


class Clock(Protocol):
    """Wall time and boot time. Boot time goes on in suspend and never jumps."""

    def wall(self) -> float:
        """Seconds since the epoch, as the system says; may jump."""
        ...

    def boot(self) -> float:
        """Seconds since some moment before start; runs on while the machine sleeps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when the boot clock is `seconds` further, never earlier; waits are sliced (at most 60 s)."""
        ...


@dataclass(frozen=True, slots=True)
class Launch:
    """What came of asking a browser to open an address. Nobody can know whether a page was really shown.

    :param browser: its name for people, empty when unknown.
    """

    asked: bool
    browser: str = ""
    problem: str = ""


class Browser(Protocol):
    """Opens an address for a person. Blocking; the engine calls it on a worker thread."""

    def open(self, url: str, *, command: str = "", local: bool = False) -> Launch:
        """Hand one URL to the browser as one argument, without a shell (AUTHZ-5).

        :param command: a browser command that goes before the default one.
        :param local: plain http on loopback is allowed.
        """
        ...


class Vault(Protocol):
    """Sealed records that survive anything. Blocking; called on the one vault thread only.

    Writing raises `StorageFailed`; reading what cannot be unsealed raises `Locked`.
    """

    @property
    def state(self) -> StorageState:
        """Where the master key is kept."""
        ...

    @property
    def notice(self) -> str:
        """What a person should know of the opening, such as a damaged file that was set aside; else empty."""
        ...

    def read_sessions(self) -> dict[str, StoredSession]:
        """All sessions by provider id."""
        ...

    def read_session(self, provider: str) -> StoredSession | None:
        """The session of a provider; None when there is none that can be read."""
        ...

    def write_session(self, provider: str, session: StoredSession) -> None:
        """Durable when it returns, against a power cut too (synchronous=FULL)."""
        ...

    def mark_session(self, provider: str, session: StoredSession) -> None:
        """As `write_session` but durable only against the end of this process: for notes made before a request."""
        ...

    def delete_session(self, provider: str, owed: OwedRevocation | None = None) -> None:
        """Remove the session of a provider; nothing happens when there is none.

        :param owed: what the provider still has to be told, written in the same transaction.
        """
        ...

    def read_revocations(self) -> list[OwedRevocation]:
        """What providers still have to be told."""
        ...

    def write_revocation(self, owed: OwedRevocation) -> None:
        """Add or replace by id."""
        ...

    def delete_revocation(self, owed: str) -> None:
        """Remove by id."""
        ...

    def read_registrations(self) -> list[Registration]:
        """The clients that servers registered for us."""
        ...

    def write_registration(self, registration: Registration) -> None:
        """Add or replace by issuer and entry."""
        ...

    def delete_registration(self, issuer: str, provider: str) -> None:
        """Remove by issuer and entry, the bytes too."""
        ...

    def read_grants(self) -> list[Grant]:
        """All grants that a person made to hold beyond this run."""
        ...

    def write_grant(self, grant: Grant) -> None:
        """Add or replace by id."""
        ...

    def delete_grant(self, grant: str) -> None:
        """Remove by id."""
        ...

    def read_secret(self, name: str) -> Secret | None:
        """A sealed secret by name: a provider's id, `/` and what it is, as `example/client_secret`."""
        ...

    def write_secret(self, name: str, secret: Secret) -> None:
        """Seal a client secret that a person typed."""
        ...

    def make_secret(self, name: str, make: Callable[[], Secret]) -> Secret:
        """The secret of that name; where there is none, what `make` gives, durable before it is given back."""
        ...

    def secret_names(self) -> tuple[str, ...]:
        """The names of all sealed secrets, in order."""
        ...

    def delete_secrets(self, provider: str) -> None:
        """Remove all secrets and keys of a provider, the bytes too."""
        ...

    def append_activity(self, entries: list[dict[str, Any]]) -> None:
        """Append activity records; never a token among them."""
        ...

    def read_activity(self, limit: int) -> list[dict[str, Any]]:
        """The newest records first."""
        ...

    def close(self) -> None:
        """Close the file; further calls raise `StorageFailed`."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification: what to do, why, and at most two actions.

    :param kind: `needs_you`, `access`, `storage`, `info`.
    :param actions: pairs of a name that comes back and the words on the button.
    """

    kind: str
    title: str
    body: str
    provider: str | None = None
    actions: tuple[tuple[str, str], ...] = field(default=())


class Notifier(Protocol):
    """Shows a notification on the desktop. Never raises, never blocks."""

    def notify(self, notice: Notice, on_action: Callable[[str], None] | None = None) -> None:
        """Show it; `on_action` may be called later from any thread with the chosen action's name."""
        ...


class Prompter(Protocol):
    """Whether a person can be asked at all. The engine publishes the request; a window answers it."""

    @property
    def present(self) -> bool:
        """False when headless: then "ask" means "deny"."""
        ...


class PowerEvents(Protocol):
    """Tells of the machine going to sleep and waking up; a fast path, the clocks are the floor."""

    def watch(self, on_wake: Callable[[], None]) -> None:
        """Call `on_wake` (from any thread) after each resume."""
        ...

    def close(self) -> None:
        """Stop watching."""
        ...


class Network(Protocol):
    """Tells of the network coming back; a hint to try earlier, never a reason not to try."""

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` (from any thread) when connectivity may have come back."""
        ...

    def close(self) -> None:
        """Stop watching."""
        ...


class FileWatch(Protocol):
    """Tells when one file changes; a fast path, the engine looks at it once a minute anyway."""

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` (from any thread) after each change."""
        ...

    def close(self) -> None:
        """Stop watching."""
        ...


class Autostart(Protocol):
    """Whether the desktop starts TokenKeep at login; the system's own record is the truth."""

    def enabled(self) -> bool:
        """As the system says."""
        ...

    def set(self, *, enabled: bool) -> None:
        """Change it.

        :raises StorageFailed: the system's record could not be written.
        """
        ...
