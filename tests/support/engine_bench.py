"""Benches for the engine: one session, or the whole engine, on a clock that moves only when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from support.fake_clock import GUARD, FakeClock, turn, until
from support.fake_context import FakeBrowser, FakeWindow, RecordingBus, close_context, make_context
from support.fake_vault import FakeStorage, FakeVault
from support.token_server import TokenServer
from tokenkeep.domain.access import Application
from tokenkeep.domain.configuration import Configuration
from tokenkeep.domain.provider import AnyProvider, Provider
from tokenkeep.domain.session import SessionSnapshot, SignInSnapshot
from tokenkeep.domain.tokens import Account, GrantedToken, Secret, TokenQuery, TokenSet
from tokenkeep.engine.context import Context
from tokenkeep.engine.engine import Engine
from tokenkeep.engine.events import Event
from tokenkeep.engine.outside import Outside
from tokenkeep.engine.refresher import Refresher
from tokenkeep.engine.sessions import Session
from tokenkeep.oauth.transport import Transport

GIT = Application(executable="/usr/bin/git", pid=7)
ADA = Account("https://issuer.example", "subject-1", "ada")


async def let(clock: FakeClock, seconds: float, busy: Callable[[], bool]) -> None:
    """Let time pass, sleeper by sleeper, and wait at each for what it began to be done."""
    end = clock.boot() + seconds
    while True:
        await turn()
        while busy():
            await until(lambda: not busy(), "the end of what the clock began")
            await turn()
        left = end - clock.boot()
        pending = clock.pending
        if left <= 0:
            return
        await clock.advance(min([left, *pending]) if pending else left)


class SessionBench:
    """One session with its refresher, a vault whose disk can fail and a provider that does as it is told."""

    def __init__(
        self, clock: FakeClock, context: Context, bus: RecordingBus, vault: FakeVault, server: TokenServer
    ) -> None:
        self.clock, self.context, self.bus, self.vault, self.server = clock, context, bus, vault, server
        self.refresher = Refresher(clock, context.jitter, lambda: None)
        self.states: list[str] = []
        self.session = Session(context, server.discovered(), self._changed)
        context.spawn(asyncio.create_task(self.refresher.run()))

    def _changed(self, session: Session) -> None:
        self.refresher.plan(session)
        if not self.states or self.states[-1] != session.state:
            self.states.append(session.state)

    @classmethod
    async def open(cls, server: TokenServer, **refresh: Any) -> SessionBench:
        clock, vault = FakeClock(), FakeVault()
        context, bus = await make_context(clock, Configuration(**({"refresh": refresh} if refresh else {})))
        await context.vault.attach(lambda: vault)
        return cls(clock, context, bus, vault, server)

    async def close(self) -> None:
        self.vault.writable.set()
        await close_context(self.context)

    @property
    def busy(self) -> bool:
        return self.session.refreshing is not None

    def first_tokens(self, **changes: Any) -> TokenSet:
        values: dict[str, Any] = {
            "access_token": Secret("access-0-canary"),
            "token_type": "Bearer",
            "obtained_at": self.clock.wall(),
            "lifetime": self.server.lifetime,
            "scope": ("read", "write"),
            "refresh_token": Secret("refresh-0-canary"),
        }
        return TokenSet(**(values | changes))

    async def signed_in(self, **changes: Any) -> None:
        """As after a sign-in; `changes` are of the token set."""
        await self.session.client.prepare()
        self.session.signing_in()
        binding = self.session.client.binding()
        await self.session.signed_in(self.first_tokens(**changes), ADA, "browser", binding)
        await turn()

    async def let(self, seconds: float) -> None:
        await let(self.clock, seconds, lambda: self.busy)

    async def settle(self) -> None:
        """Wait for the refresh in flight."""
        await until(lambda: not self.busy, "the end of the refresh")
        await turn()

    async def token(self, **query: Any) -> GrantedToken:
        return await self.session.token(TokenQuery(**query), "git")

    def ask(self, **query: Any) -> asyncio.Task[GrantedToken]:
        return asyncio.create_task(self.token(**query))

    @property
    def shown(self) -> SessionSnapshot:
        return self.session.snapshot()

    @property
    def held(self) -> str | None:
        held = self.session.held
        return None if held is None else held.tokens.access_token.reveal()

    @property
    def kept_refresh_token(self) -> str | None:
        """What a next run would use."""
        stored = self.vault.session()
        if stored is None or stored.tokens is None or stored.tokens.refresh_token is None:
            return None
        return stored.tokens.refresh_token.reveal()

    async def restarted(self) -> SessionBench:
        """The next run of the process, on what this one left in the vault."""
        for task in list(self.context.tasks):
            task.cancel()
        context, bus = await make_context(self.clock, self.context.configuration)
        await context.vault.attach(lambda: self.vault)
        again = SessionBench(self.clock, context, bus, self.vault, self.server)
        stored = self.vault.session()
        assert stored is not None
        again.session.restore(stored)
        await turn()
        return again


class Watcher:
    """A port that calls back: power, network and file watch."""

    def __init__(self) -> None:
        self.call: Callable[[], None] = lambda: None
        self.closed = False

    def watch(self, call: Callable[[], None]) -> None:
        self.call = call

    def close(self) -> None:
        self.closed = True


class EngineBench:
    """A whole engine; the outside world is fake but for the providers."""

    def __init__(
        self,
        *providers: AnyProvider,
        clock: FakeClock | None = None,
        vaults: FakeStorage | None = None,
        present: bool = True,
        **settings: Any,
    ) -> None:
        self.clock = clock or FakeClock()
        self.browser, self.window, self.storage = FakeBrowser(), FakeWindow(present), vaults or FakeStorage()
        self.power, self.network, self.file = Watcher(), Watcher(), Watcher()
        self.remembered: list[str] = []
        self.settings: dict[str, Any] = {
            "storage": {"key": "memory"},
            "access": {"default": "allow", "manage": "allow"},
            **settings,
        }
        self.version = 0
        self.providers: list[AnyProvider] = []
        self.write(*providers)
        self.transport = Transport(timeout=20.0, proxy="none", wall=self.clock.wall)
        self.engine = Engine(
            Outside(
                clock=self.clock,
                transport=self.transport,
                storage=self.storage,
                browser=self.browser,
                prompter=self.window,
                power=self.power,
                network=self.network,
                read_configuration=lambda: self.configuration,
                configuration_signature=lambda: self.version,
                remember_storage=self.remembered.append,
                remove_entry=lambda id_: self.write(*(one for one in self.providers if one.id != id_)),
                configuration_watch=self.file,
            )
        )
        self.engine._context.jitter = self.engine._refresher._jitter = lambda: 0.5
        self.events: list[Event] = []
        self._reader: asyncio.Task[None] | None = None

    def write(self, *providers: AnyProvider, **settings: Any) -> None:
        """Write config.toml anew; it is read when the engine looks."""
        self.providers = list(providers)
        self.settings |= settings
        self.version += 1
        self.configuration = Configuration(**self.settings, providers={one.id: one for one in providers})

    @property
    def vault(self) -> FakeVault:
        """The one in memory."""
        return self.storage.vaults[self.engine.snapshot().storage]

    async def start(self) -> EngineBench:
        subscription = self.engine.subscribe()

        async def read() -> None:
            async for event in subscription:
                self.events.append(event)

        self._reader = asyncio.create_task(read())
        await self.engine.start()
        return self

    async def opened(self) -> EngineBench:
        await self.start()
        await self.engine.opened()
        await turn()
        return self

    async def close(self) -> None:
        self.storage.keyring_answers.set()
        for vault in self.storage.vaults.values():
            vault.writable.set()
        await self.engine.stop()
        if self._reader is not None:
            await self._reader

    def of(self, kind: str) -> list[Any]:
        """The data of all events of a kind."""
        return [event.data for event in self.events if event.kind == kind]

    def shown(self, provider: str = "p") -> SessionSnapshot:
        found = self.engine.snapshot().session(provider)
        assert found is not None
        return found

    def session(self, provider: str = "p") -> Session:
        return self.engine._directory.get(provider)

    @property
    def busy(self) -> bool:
        revocations = self.engine._context.revocations
        return revocations.busy or any(session.refreshing is not None for session in self.engine._directory)

    async def let(self, seconds: float) -> None:
        await let(self.clock, seconds, lambda: self.busy)

    async def token(self, provider: str = "p", application: Application = GIT, **query: Any) -> GrantedToken:
        return await self.engine.token(provider, TokenQuery(**query), application)

    async def signed_in(self, server: TokenServer, provider: str = "p", **changes: Any) -> None:
        """A session as after a sign-in, without one."""
        session = self.session(provider)
        await session.client.prepare()
        session.signing_in()
        values: dict[str, Any] = {
            "access_token": Secret(f"access-0-{provider}"),
            "token_type": "Bearer",
            "obtained_at": self.clock.wall(),
            "lifetime": server.lifetime,
            "scope": ("read", "write"),
            "refresh_token": Secret(f"refresh-0-{provider}"),
        }
        await session.signed_in(TokenSet(**(values | changes)), ADA, "browser", session.client.binding())
        await turn()

    async def ended(self, sign_in: SignInSnapshot) -> SignInSnapshot:
        """A sign-in when it is over."""
        now = self.engine.sign_in_snapshot(sign_in.id)
        try:
            async with asyncio.timeout(GUARD):
                while now.state.pending:
                    now = await self.engine.wait_sign_in(sign_in.id, GUARD)
        except TimeoutError:
            raise AssertionError(f"the sign-in did not end, it is still {now.state}") from None
        await turn()
        return now


def entry(server: TokenServer, id_: str = "p", **changes: Any) -> Provider:
    """A discovered entry with an id of its own."""
    return server.discovered(**({"id": id_, "name": id_.upper()} | changes))
