"""One person, one program and a whole engine at the demo provider, which misbehaves as its fault switches say.

The engine's clock is fake, the provider is a process with the real one: both begin at the same second, and what
takes minutes here takes none there.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.browser_callback import visit
from support.demo_provider import ALL_SCOPES, Browser, DemoProvider
from support.engine_bench import GIT, EngineBench
from support.fake_clock import FakeClock, turn, until
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.session import SessionSnapshot, SignInSnapshot, SignInState
from tokenkeep.domain.tokens import TokenQuery

TOKEN_LIFETIME = 3600  # seconds; the provider of these tests is started with it
IMPATIENCE = 0.2  # seconds
LAST_SECONDS = 25  # of a token's life, in which nobody gets it any more


@dataclass(frozen=True)
class Outcome:
    """What an operation came to: `done` or the error's code, and the words that a person reads."""

    ends: str
    title: str = ""
    says: str = ""
    step: str = ""
    words: str = ""

    @classmethod
    def of(cls, error: TokenKeepError | None) -> Outcome:
        """The outcome of an error, `done` without one."""
        if error is None:
            return cls("done")
        words = getattr(error, "description", None) or ""
        return cls(error.code, error.title, error.detail, error.hint, words)


@dataclass
class Stage:
    """The application from a click or a program's question to what is kept.

    :param pages: status of each page that the person's browser ended on at the application.
    :param polled_at: the fake boot clock at each poll.
    :param refresh_token: the old one, after `remember`.
    :param secrets: codes that were given out.
    :param log: the lines that TokenKeep has logged.
    """

    demo: DemoProvider
    person: Browser
    bench: EngineBench
    begun_at: float = 0.0  # boot clock, of the last sign-in
    pages: list[int] = field(default_factory=list, repr=False)
    polled_at: list[float] = field(default_factory=list)
    refresh_token: str | None = field(default=None, repr=False)
    secrets: list[str] = field(default_factory=list, repr=False)
    log: Callable[[], list[str]] = field(default=list, repr=False)

    @classmethod
    async def open(cls, demo: DemoProvider, person: Browser, **entry: Any) -> Stage:
        """An engine with one provider entry; `entry` changes it."""
        values: dict[str, Any] = {
            "id": "p",
            "name": "Demo",
            "issuer": demo.issuer,
            "client_id": demo.client_id,
            "scopes": ALL_SCOPES.split(),
            "local": True,
        }
        bench = EngineBench(Provider(**(values | entry)), clock=FakeClock(wall=time.time()))
        return cls(demo, person, await bench.opened())

    async def close(self) -> None:
        """End the engine."""
        await self.bench.close()

    # --- what is shown and kept -------------------------------------------------------------------------------

    @property
    def shown(self) -> SessionSnapshot:
        """The provider as everybody sees it."""
        return self.bench.shown()

    @property
    def machine(self) -> bool:
        """Whether no person signs in here; nothing but the token itself is kept then."""
        return self.bench.session().provider.flow.machine

    @property
    def kept(self) -> str:
        """Which refresh token a next run would use: `nothing`, the `old` one of `remember`, or a `new` one."""
        stored = self.bench.vault.session()
        if stored is None or stored.tokens is None or stored.ended is not None or stored.tokens.refresh_token is None:
            return "nothing"
        return "old" if stored.tokens.refresh_token.reveal() == self.refresh_token else "new"

    def remember(self) -> None:
        """From now on the present refresh token is the old one."""
        stored = self.bench.vault.session()
        assert stored is not None
        assert stored.tokens is not None
        token = stored.tokens.refresh_token
        self.refresh_token = None if token is None else token.reveal()

    async def serves(self) -> bool:
        """Whether a program gets a token that the resource takes, without anybody asking the provider for one."""
        try:
            granted = self.bench.engine.token_now("p", TokenQuery(), GIT)
        except TokenKeepError:  # it is a token of another kind
            return False
        return granted is not None and (await self.use(granted.access_token.reveal())) == 200

    def seen(self, name: str) -> object:
        """More that can be seen, by name; times in seconds, whole where the provider's clock has a part in them."""
        shown, tokens = self.shown, self.bench.session().held
        match name:
            case "lifetime":
                return None if tokens is None else tokens.tokens.lifetime
            case "tries again in":
                return None if shown.refresh_at is None else round(shown.refresh_at - self.bench.clock.wall())
            case "gaps":
                times = [self.begun_at, *self.polled_at]
                return [round(later - earlier) for earlier, later in itertools.pairwise(times)]
            case "profile dropped":
                return any("no profile from" in line for line in self.log())
            case "pages opened":
                return len(self.bench.browser.opened)
        value: object = getattr(shown, name)
        return value

    def be_impatient(self) -> None:
        """From now on answers that do not come are given up soon: only for what never comes."""
        self.bench.session().client._transport.timeout = IMPATIENCE

    # --- what a person does -----------------------------------------------------------------------------------

    async def begin(self, method: str = "browser") -> SignInSnapshot:
        """A click on "Sign in"; raises what keeps it from beginning."""
        self.begun_at = self.bench.clock.boot()
        return await self.bench.engine.sign_in("p", method=method)

    async def decided(self, started: SignInSnapshot, user: str = "ada", *, allow: bool = True) -> str:
        """Log in and decide; the address that the browser is sent back to."""
        assert started.authorization_url is not None
        url = await asyncio.to_thread(self.person.sign_in, started.authorization_url, user, allow=allow)
        self.secrets += parse_qs(urlsplit(url).query).get("code", [])
        return url

    async def back(self, url: str) -> None:
        """The browser follows the redirect to the application."""
        self.pages.append((await visit(url)).status_code)

    async def sign_in(self, user: str = "ada", *, allow: bool = True) -> Outcome:
        """A whole sign-in with a browser."""
        try:
            started = await self.begin()
        except TokenKeepError as error:
            return Outcome.of(error)
        await self.back(await self.decided(started, user, allow=allow))
        if self.pages[-1] == 400:  # it was not the answer that is waited for
            return self.outcome_of(self.bench.engine.sign_in_snapshot(started.id))
        return self.outcome_of(await self.bench.ended(started))

    async def sign_in_by_code(self, polls: int = 1, *, allow: bool = True) -> Outcome:
        """A whole sign-in with a code that is confirmed before the first poll.

        :param polls: after so many the test looks, whatever has come of it.
        """
        try:
            started = await self.begin("device")
        except TokenKeepError as error:
            return Outcome.of(error)
        assert started.user_code is not None
        await asyncio.to_thread(self.person.approve_device, started.user_code, allow=allow)
        return self.outcome_of(await self.polled(started, polls))

    async def polled(self, started: SignInSnapshot, polls: int) -> SignInSnapshot:
        """Let time pass until the provider was asked so many times more, or the sign-in is over."""
        task = self.bench.engine._sign_ins.get(started.id).task
        asked = self.demo.count("/token")
        wanted = asked + polls
        while True:
            await turn()
            await until(lambda: task.done() or _waits_for_clock(task), "the attempt to wait for the clock or to end")
            await turn()
            if self.demo.count("/token") > asked:
                asked += 1
                self.polled_at.append(self.bench.clock.boot())
            if task.done() or asked >= wanted:
                return self.bench.engine.sign_in_snapshot(started.id)
            await self.bench.clock.advance(min(self.bench.clock.pending))

    def outcome_of(self, now: SignInSnapshot) -> Outcome:
        """How a sign-in stands."""
        if now.error is not None:
            return Outcome.of(now.error)
        return Outcome(now.state.value)

    # --- what programs and the background do --------------------------------------------------------------------

    async def ask(self, **query: Any) -> Outcome:
        """A program asks for the token."""
        try:
            await self.bench.token(**query)
        except TokenKeepError as error:
            return Outcome.of(error)
        return Outcome("done")

    async def use(self, token: str, path: str = "/whoami") -> int:
        """A program shows a token to the resource; the status."""
        return (await asyncio.to_thread(self.demo.call, token, path)).status_code

    async def present(self, path: str = "/whoami") -> int:
        """A program takes the present token to the resource; the status."""
        return await self.use((await self.bench.token()).access_token.reveal(), path)

    async def renew_in_background(self) -> Outcome:
        """Let time pass until the token is due, and its renewal come to an end."""
        await self.bench.clock.advance(self._until_due())
        await self.settled()
        return Outcome.of(self.shown.last_error)

    def _until_due(self) -> float:
        due = self.bench.session().due()
        assert due is not None, "nothing is planned"
        return max(0.0, due - self.bench.clock.boot())

    async def settled(self) -> None:
        """Wait for the refresh in flight."""
        await turn()
        await until(lambda: not self.bench.busy, "the end of the refresh")
        await turn()

    def run_out(self) -> None:
        """The token is too close to its end to be handed out, and nobody has noticed."""
        self.bench.clock.skip(TOKEN_LIFETIME - LAST_SECONDS)

    # --- beginnings, and what mends it ------------------------------------------------------------------------

    def switch(self, faults: dict[str, str]) -> None:
        """From now on the provider misbehaves; its log begins here."""
        self.demo.reset_log()
        self.demo.faults(**faults)

    async def signed_in(self) -> None:
        """A session with its first tokens, which count as the old ones from now on."""
        assert await self.sign_in() == Outcome("done")
        self.remember()

    async def sign_out(self, *, revoke: bool = True) -> Outcome:
        """A click on "Sign out"; ends with what is said about the provider's side."""
        outcome = await self.bench.engine.sign_out("p", revoke=revoke)
        return Outcome("done", says=outcome.detail, words=str(outcome.revoked))

    async def mend_by_sign_in(self) -> None:
        """The person does as told."""
        assert await self.sign_in() == Outcome("done")

    async def mend_by_sign_in_later(self) -> None:
        """The person does as told, but not within the minute in which keys are not asked for once more (OIDC-7)."""
        self.bench.clock.skip(61)
        await self.mend_by_sign_in()

    async def mend_by_browser(self) -> None:
        """The genuine answer still comes to the attempt that waits, from a page that is opened once more."""
        (started,) = [one for one in self.bench.engine.snapshot().sign_ins if one.state.pending]
        await self.back(await self.decided(await self.bench.engine.reopen_browser(started.id)))
        assert (await self.bench.ended(started)).state is SignInState.DONE

    async def mend_by_code(self) -> None:
        """The next poll of the attempt that waits succeeds."""
        (started,) = [one for one in self.bench.engine.snapshot().sign_ins if one.state.pending]
        assert (await self.polled(started, 1)).state is SignInState.DONE

    async def mend_by_itself(self) -> None:
        """Nobody does anything."""
        assert await self.renew_in_background() == Outcome("done")

    async def mend_by_asking(self) -> None:
        """A program asks a minute later."""
        self.bench.clock.skip(61)
        assert await self.ask() == Outcome("done")

    async def mend_by_refreshing(self) -> None:
        """A click on "Refresh now", a moment later."""
        self.bench.clock.skip(6)
        await self.bench.engine.refresh("p")


def _waits_for_clock(task: asyncio.Task[None]) -> bool:
    """Whether a suspended task stands in the fake clock's `sleep`."""
    coroutine: Any = task.get_coro()
    while coroutine is not None and getattr(coroutine, "cr_frame", None) is not None:
        if coroutine.cr_frame.f_code is FakeClock.sleep.__code__:
            return True
        coroutine = coroutine.cr_await
    return False
