"""What one session holds and how it stands: the ground that serving, refreshing and signing out share."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from tokenkeep.domain import schedule
from tokenkeep.domain.errors import GrantEnded, ProviderError, SignInRequired, TokenKeepError
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.session import Lifecycle, SessionEvent, SessionState
from tokenkeep.domain.tokens import Account, HeldToken, StoredSession, TokenSet
from tokenkeep.engine.client import ProviderClient
from tokenkeep.engine.context import Context
from tokenkeep.engine.pace import Pace
from tokenkeep.engine.record import Record

HISTORY = 8  # tokens the window's timeline shows
MACHINE, STATIC = "machine", "static"  # the `method` of sessions that no person signed in to
WAITING = 16  # programs that are remembered as having asked in vain


class Standing:
    """Used on the engine's loop only.

    :param notify: called after every change that somebody may see or that moves the next due time.
    :ivar generation: an answer to a request of an earlier generation comes too late.
    :ivar waiting: programs that asked in vain, and when last.
    """

    def __init__(self, context: Context, provider: Provider, notify: Callable[[], None]) -> None:
        self.context = context
        self.provider = provider
        self.client = ProviderClient(context, provider)
        self.lifecycle = Lifecycle()
        self.held: HeldToken | None = None
        self.last_error: TokenKeepError | None = None
        self.record = Record(context, provider.id, notify)
        self.pace = Pace(context)
        self.since = context.clock.wall()
        self.generation = 0
        self.waiting: dict[str, float] = {}
        self.history: deque[float] = deque(maxlen=HISTORY)
        self.notify = notify

    @property
    def state(self) -> SessionState:
        """The state that everybody sees."""
        return self.lifecycle.state

    @property
    def settled(self) -> SessionState:
        """How it stands but for a sign-in that may be going on: what background work and errors go by."""
        return self.lifecycle.beneath or self.lifecycle.state

    @property
    def stored(self) -> StoredSession | None:
        """What is to be kept of this sign-in beyond the process."""
        return self.record.value

    @property
    def account(self) -> Account | None:
        """Whom this session belongs to, also while the provider wants a new sign-in."""
        return None if self.stored is None else self.stored.account

    @property
    def stopped(self) -> bool:
        """Whether a person signed this machine out: until somebody signs it in again, no token is acquired."""
        return self.stored is not None and self.stored.method == MACHINE and self.stored.ended is not None

    @property
    def refreshable(self) -> bool:
        """Whether there is a refresh token, or none is needed."""
        if self.provider.flow.machine:
            return not self.stopped
        return self.held is not None and self.held.tokens.refresh_token is not None

    def usable(self) -> bool:
        """Whether there is a token that can be handed out now."""
        if self.held is None:
            return False
        clock = self.context.clock
        remaining = self.held.remaining(clock.wall(), clock.boot())
        if remaining is None and self.provider.flow.machine:
            return False  # of unknown life, and the next one costs nobody a sign-in: each query gets its own
        margin = schedule.skew(self.context.configuration.refresh.validity_skew, self.held.tokens.lifetime)
        return remaining is None or remaining > margin

    def apply(self, event: SessionEvent) -> None:
        """Let something happen to the state, and tell.

        :raises ValueError: it cannot happen now.
        """
        before = self.lifecycle.state
        self.lifecycle = self.lifecycle.after(event)
        if self.lifecycle.state is not before:
            self.since = self.context.clock.wall()
        self.notify()

    def hold(self, tokens: TokenSet) -> None:
        """Serve these tokens from now on; they are committed already."""
        self.put(tokens)
        self.last_error = None
        self.waiting.clear()

    def put(self, tokens: TokenSet) -> None:
        """Keep these tokens in memory, whatever they are good for."""
        clock = self.context.clock
        age = max(0.0, clock.wall() - tokens.obtained_at)
        self.held = HeldToken(tokens, clock.boot() - age)
        self.history.append(tokens.obtained_at)

    def end(self, reason: str, error: TokenKeepError | None = None) -> None:
        """The sign-in is over: drop the tokens, keep whose they were. The record is still to be committed."""
        description = error.description if isinstance(error, ProviderError) else None
        oauth_error = error.error if isinstance(error, ProviderError) else None
        self.generation += 1
        self.held = None
        self.pace.give_up()
        self.last_error = GrantEnded(reason, error=oauth_error, description=description, provider=self.provider.id)
        if self.stored is not None:
            self.record.value = replace(
                self.stored, tokens=None, answer_lost=False, ended=reason, dpop_key=None, dpop_jkt=""
            )
        self.apply(SessionEvent.ENDED)

    def end_now(self, reason: str) -> None:
        """The sign-in is over without a request; the vault is told behind it."""
        self.end(reason)
        self.context.spawn(asyncio.create_task(self.record.commit(self.stored)))

    def note_waiting(self, program: str) -> None:
        """Remember a program that had to go away without a token."""
        self.waiting.pop(program, None)
        self.waiting[program] = self.context.clock.wall()
        while len(self.waiting) > WAITING:
            del self.waiting[next(iter(self.waiting))]
        self.notify()

    def check_current(self, generation: int) -> None:
        """Stop what a sign-out or a new sign-in has overtaken before it writes or sends anything (REV-4).

        :raises SignInRequired: it was overtaken.
        """
        if generation != self.generation:
            raise SignInRequired(
                f"The sign-in at {self.provider.title} was ended meanwhile.", provider=self.provider.id
            )
