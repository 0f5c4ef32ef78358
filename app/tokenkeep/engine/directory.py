"""All sessions by provider id: made, changed and removed as the configuration says, restored from the vault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from difflib import get_close_matches

from tokenkeep.domain.configuration import Configuration
from tokenkeep.domain.errors import Misconfigured, UnknownProvider
from tokenkeep.domain.machine import asked_for
from tokenkeep.domain.provider import BrokenProvider, Provider
from tokenkeep.domain.session import SessionSnapshot, SessionState
from tokenkeep.domain.tokens import StoredSession
from tokenkeep.engine.context import Context
from tokenkeep.engine.sessions import Session


class Directory:
    """Used on the engine's loop only.

    :param changed: called with a session after each of its changes.
    """

    def __init__(self, context: Context, changed: Callable[[Session], None]) -> None:
        self._context = context
        self._changed = changed
        self._sessions: dict[str, Session] = {}
        self._broken: dict[str, BrokenProvider] = {}
        self._broken_since: dict[str, float] = {}  # wall clock
        self._parked: dict[str, Session] = {}
        self._stored: dict[str, StoredSession] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def all(self) -> Iterator[Session]:
        """Those too whose entry is broken or gone for now."""
        yield from self._sessions.values()
        yield from self._parked.values()

    def find(self, provider: str) -> Session | None:
        """The session of a provider that can work, else None."""
        return self._sessions.get(provider)

    def get(self, provider: str) -> Session:
        """The session of a provider.

        :raises Misconfigured: its entry cannot work.
        :raises UnknownProvider: there is no such entry; the hint names near ones.
        """
        session = self._sessions.get(provider)
        if session is not None:
            return session
        broken = self._broken.get(provider)
        if broken is not None:
            raise _misconfigured(broken)
        if (left := self._left(provider)) is not None:
            raise _left_behind(left)
        known = [*self._sessions, *self._broken]
        near = get_close_matches(provider, known, n=3)
        if near:
            hint = f"Did you mean {' or '.join(near)}?"
        else:
            hint = f"There are: {', '.join(sorted(known)[:8])}." if known else "No provider is set up yet."
        raise UnknownProvider(f"No provider is called {provider[:64]!r}.", hint=hint)

    def to_sign_out(self, provider: str) -> Session:
        """The session of a provider, also where its entry is broken or gone.

        :raises Misconfigured: its entry cannot work, and nothing is kept of it.
        :raises UnknownProvider: there is no such entry, and nothing is kept of it.
        """
        parked = self._parked.get(provider)
        return parked if parked is not None and parked.stored is not None else self.get(provider)

    def left_behind(self) -> list[Session]:
        """Sign-ins whose entries are gone from `config.toml`."""
        return [session for id_ in self._parked if (session := self._left(id_)) is not None]

    def shown(self) -> list[str]:
        """The ids of everything that has a row: all entries, then what is left behind."""
        return [*self._context.configuration.providers, *(session.id for session in self.left_behind())]

    def _left(self, provider: str) -> Session | None:
        session = self._parked.get(provider)
        if session is None or provider in self._broken or session.stored is None or session.stored.tokens is None:
            return None
        return session

    def use(self, configuration: Configuration) -> list[Session]:
        """Take over a configuration; the sessions of removed providers are given back.

        They are kept beside: an entry that is broken or gone for a minute must not lose its sign-in, and a refresh
        that is in flight ends in the session that comes back.
        """
        self._broken = {
            id_: entry for id_, entry in configuration.providers.items() if isinstance(entry, BrokenProvider)
        }
        wall = self._context.clock.wall()
        self._broken_since = {id_: self._broken_since.get(id_, wall) for id_ in self._broken}
        removed = []
        for id_ in list(self._sessions):
            if id_ not in configuration.providers or id_ in self._broken:
                session = self._parked[id_] = self._sessions.pop(id_)
                removed.append(session)
        for id_, entry in configuration.providers.items():
            if isinstance(entry, BrokenProvider):
                continue
            parked = self._parked.pop(id_, None)
            if parked is not None:
                self._sessions[id_] = parked
            known = self._sessions.get(id_)
            if known is None:
                self._sessions[id_] = known = Session(self._context, entry, self._changed)
                self._restore(known)
            elif known.provider != entry:
                known.reconfigure(entry)
            self._changed(known)
        return removed

    def restore(self, stored: dict[str, StoredSession]) -> None:
        """Take over what the vault kept of earlier runs."""
        self._stored = dict(stored)
        for session in self._sessions.values():
            self._restore(session)
        for id_, kept in list(self._stored.items()):
            parked = self._parked.get(id_)
            if parked is None:
                parked = self._parked[id_] = Session(self._context, _entry_of(id_, kept), self._changed)
            self._restore(parked, entry=False)

    def _restore(self, session: Session, *, entry: bool = True) -> None:
        stored = self._stored.pop(session.provider.id, None)
        if stored is None or session.state is not SessionState.SIGNED_OUT or session.stored is not None:
            return
        if entry and stored.asked != asked_for(session.provider):
            session.restore_other(stored)
        else:
            session.restore(stored)

    def snapshot(self, provider: str) -> SessionSnapshot:
        """One, a broken entry and one that is gone as failed sessions.

        :raises UnknownProvider: there is no such entry.
        """
        broken = self._broken.get(provider)
        if broken is None and (left := self._left(provider)) is not None:
            return replace(
                left.snapshot(),
                state=SessionState.FAILED,
                last_error=_left_behind(left),
                refresh_at=None,
                token_usable=False,
            )
        if broken is None:
            return self.get(provider).snapshot()
        parked = self._parked.get(provider)
        kept = None if parked is None else parked.stored
        return SessionSnapshot(
            id=broken.id,
            name=broken.title,
            issuer="",
            flow="",
            state=SessionState.FAILED,
            last_error=_misconfigured(broken),
            since=self._broken_since[broken.id],
            account="" if kept is None or kept.account is None else kept.account.label,
            signed_in_at=None if kept is None else kept.signed_in_at,
        )


def _misconfigured(broken: BrokenProvider) -> Misconfigured:
    return Misconfigured(
        broken.reason,
        key=broken.key,
        line=broken.line,
        provider=broken.id,
        hint="Correct the entry in config.toml; it is read again by itself.",
    )


def _left_behind(session: Session) -> Misconfigured:
    who = f" as {session.account.label}" if session.account is not None and session.account.label else ""
    return Misconfigured(
        f"{session.id} is no longer in config.toml; it is still signed in{who}.",
        key=f"providers.{session.id}",
        provider=session.id,
        hint=f"Put its entry back, or sign out: `tokenkeep logout {session.id}`.",
    )


def _entry_of(id_: str, stored: StoredSession) -> Provider:
    """The entry that a sign-in was made with, as far as it is kept."""
    if stored.origin is not None and stored.origin.entry.id == id_:
        return stored.origin.entry
    return Provider.model_construct(id=id_, issuer=stored.binding[0], client_id=stored.binding[2])
