"""An engine for the windows' tests: real thread, loop and event bus; what it answers and tells is set by the test."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tokenkeep.domain.access import Decision, Holding
from tokenkeep.domain.check import CheckReport, Finding, Outcome
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.session import (
    EngineSnapshot,
    SessionSnapshot,
    SessionState,
    SignInSnapshot,
    SignInState,
    StorageState,
    overall,
)
from tokenkeep.domain.tokens import Secret
from tokenkeep.engine.events import EventBus, Subscription
from tokenkeep.engine.thread import EngineThread

NOW = 1_700_000_000.0
TOKEN = "canary-access-token-5f0c"


CHECKED = CheckReport(
    subject="https://example.example",
    name="Example",
    issuer="https://example.example",
    checked_at=NOW,
    reachable=True,
    rules=(
        Finding("metadata.found", Outcome.PASS, "Published at /.well-known/openid-configuration."),
        Finding(
            "pkce.s256_listed",
            Outcome.FAIL,
            "Required: S256. Supported: plain.",
            "code_challenge_methods_supported lists S256.",
            "RFC 8414 §2",
            "Switch PKCE with S256 on for this client.",
        ),
    ),
)


class FakeClock:
    """A clock that stands still until the test moves it."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def wall(self) -> float:
        """Wall clock in seconds."""
        return self.now

    def boot(self) -> float:
        """Boot clock in seconds."""
        return self.now - NOW

    async def sleep(self, seconds: float) -> None:
        """Nothing here waits by this clock."""
        raise AssertionError(f"a window slept {seconds} s")


def session(provider: str = "example", **changes: Any) -> SessionSnapshot:
    """A provider that is signed in and well."""
    made = SessionSnapshot(
        id=provider,
        name=provider.replace("-", " ").title(),
        issuer=f"https://{provider}.example",
        flow="authorization_code",
        state=SessionState.ACTIVE,
        account=f"mara@{provider}.example",
        scope=("openid",),
        expires_at=NOW + 3600,
        refresh_at=NOW + 3000,
        obtained_at=NOW - 10,
        token_usable=True,
        refreshable=True,
        since=NOW - 10,
    )
    return replace(made, **changes)


def snapshot(*sessions: SessionSnapshot, **changes: Any) -> EngineSnapshot:
    """A snapshot of these sessions; the overall state follows from them."""
    made = EngineSnapshot(
        state=overall(sessions),
        storage=StorageState.MEMORY,
        version="1",
        boot_id="boot",
        started_at=NOW,
        sessions=sessions,
    )
    return replace(made, **changes)


@dataclass(frozen=True)
class SignOut:
    """As the engine's own, which would bring the whole protocol along."""

    revoked: bool | str
    detail: str


class FakeEngine:
    """The façade as far as windows use it. `calls` tells what was asked, `fail` makes a command raise."""

    def __init__(self) -> None:
        self.current = snapshot()
        self.calls: list[tuple[Any, ...]] = []
        self.fail: dict[str, TokenKeepError] = {}
        self.sign_out_answer = SignOut(revoked=True, detail="")
        self.threads: set[str] = set()
        self.called = threading.Event()
        self._bus = EventBus("boot", self.snapshot)
        self._ended = asyncio.Event()
        self._number = 0

    # what the test does; on the engine's loop

    def show_state(self, current: EngineSnapshot) -> None:
        """Publish a state."""
        self.current = current
        self._bus.publish("status", current)

    def publish(self, kind: str, data: object = None) -> None:
        """Publish any event."""
        self._bus.publish(kind, data)

    def end(self) -> None:
        """As if the engine had been stopped."""
        self._bus.close()
        self._ended.set()

    async def ended(self) -> None:
        """Return when it was ended."""
        await self._ended.wait()

    # what windows use

    def snapshot(self) -> EngineSnapshot:
        """The state that was shown last."""
        return self.current

    def subscribe(self, after: str | None = None) -> Subscription:
        """Follow the events."""
        return self._bus.subscribe(after)

    def _record(self, *call: Any) -> None:
        self.threads.add(threading.current_thread().name)
        self.calls.append(call)
        self.called.set()
        if call[0] in self.fail:
            raise self.fail[call[0]]

    async def sign_in(self, provider: str, *, method: str = "auto") -> SignInSnapshot:
        """Start one that waits for the browser, or for a code."""
        self._record("sign_in", provider, method)
        return self._start(provider, method)

    def _start(self, provider: str, method: str) -> SignInSnapshot:
        self._number += 1
        made = device_sign_in if method == "device" else browser_sign_in
        sign_in = made(provider, id=f"s{self._number}")
        self._bus.publish("sign_in", sign_in)
        return sign_in

    async def cancel_sign_in(self, sign_in: str) -> None:
        """Take note."""
        self._record("cancel_sign_in", sign_in)

    async def reopen_browser(self, sign_in: str) -> None:
        """Take note."""
        self._record("reopen_browser", sign_in)

    async def use_device(self, sign_in: str) -> SignInSnapshot:
        """Cancel the one, start another."""
        self._record("use_device", sign_in)
        self._bus.publish("sign_in", browser_sign_in("example", id=sign_in, state=SignInState.CANCELLED))
        return self._start("example", "device")

    async def use_browser(self, sign_in: str) -> SignInSnapshot:
        """Cancel the one, start another."""
        self._record("use_browser", sign_in)
        self._bus.publish("sign_in", device_sign_in("example", id=sign_in, state=SignInState.CANCELLED))
        return self._start("example", "browser")

    async def sign_in_callback(self, url: str, sign_in: str | None = None) -> None:
        """Take note."""
        self._record("sign_in_callback", url, sign_in)

    async def settle_account(self, sign_in: str, *, accept: bool) -> None:
        """Take note."""
        self._record("settle_account", sign_in, accept)

    async def refresh(self, provider: str) -> None:
        """Take note."""
        self._record("refresh", provider)

    async def sign_out(self, provider: str, *, end_session: bool = False) -> SignOut:
        """Take note."""
        self._record("log_out" if end_session else "sign_out", provider)
        return self.sign_out_answer

    async def check(self, *, provider: str) -> CheckReport:
        self._record("check", provider)
        return CHECKED

    async def copy_token(self, provider: str) -> Secret:
        """The canary."""
        self._record("copy_token", provider)
        return Secret(TOKEN)

    async def set_client_secret(self, provider: str, secret: Secret) -> SessionSnapshot:
        """Take note."""
        self._record("set_client_secret", provider, secret)
        return session(provider)

    async def paste_token(self, provider: str, token: Secret) -> SessionSnapshot:
        """Take note."""
        self._record("paste_token", provider, token)
        return session(provider)

    async def public_keys(self, provider: str) -> tuple[dict[str, str], ...]:
        """A key that is as good as any."""
        self._record("public_keys", provider)
        return ({"kty": "EC", "kid": "canary-kid"},)

    async def reload(self) -> None:
        """Take note."""
        self._record("reload")

    async def choose_storage(self, kind: str, passphrase: Secret | None) -> None:
        """Take note."""
        self._record("choose_storage", kind, passphrase)

    def answer_access(self, request: str, decision: Decision, holding: Holding) -> None:
        """Take note, and tell that it waits no longer."""
        self._record("answer_access", request, decision, holding)
        self._bus.publish("access_request", request)


def browser_sign_in(provider: str = "example", **changes: Any) -> SignInSnapshot:
    """One that waits for the browser, with 272 of 300 seconds left."""
    made = SignInSnapshot(
        id="s0",
        provider=provider,
        method="browser",
        state=SignInState.WAITING_FOR_BROWSER,
        authorization_url=f"https://login.{provider}.example/authorize?client_id=tokenkeep&state=abc",
        started_at=NOW - 28,
        expires_at=NOW + 272,
        opened_with="Firefox",
        device_available=True,
    )
    return replace(made, **changes)


def device_sign_in(provider: str = "example", **changes: Any) -> SignInSnapshot:
    """One that waits for a code to be confirmed."""
    made = SignInSnapshot(
        id="s0",
        provider=provider,
        method="device",
        state=SignInState.WAITING_FOR_CODE,
        user_code="WDJB-MJHT",
        verification_uri=f"https://login.{provider}.example/device",
        verification_uri_complete=f"https://login.{provider}.example/device?user_code=WDJB-MJHT",
        started_at=NOW - 139,
        expires_at=NOW + 461,
        device_available=True,
    )
    return replace(made, **changes)


class EngineForWindows:
    """A fake engine in a real `EngineThread`."""

    def __init__(self) -> None:
        self._engine: concurrent.futures.Future[FakeEngine] = concurrent.futures.Future()
        self.thread = EngineThread(self._serve)
        self.thread.start()

    @property
    def engine(self) -> FakeEngine:
        """The engine; its methods belong on its own loop."""
        return self._engine.result()

    async def _serve(self, ready: Callable[[Any], None]) -> None:
        engine = FakeEngine()
        self._engine.set_result(engine)
        ready(engine)
        await engine.ended()

    def do(self, function: Callable[..., object], *args: object) -> None:
        """Call a function on the engine's loop and wait until it is done."""

        async def call() -> None:
            function(*args)

        self.thread.submit(call()).result(30)

    def show(self, current: EngineSnapshot) -> None:
        """Publish a state."""
        self.do(self.engine.show_state, current)

    def publish(self, kind: str, data: object = None) -> None:
        """Publish any event."""
        self.do(self.engine.publish, kind, data)

    def stop(self) -> None:
        """End the engine and its thread."""
        if not self.thread.join(0):
            self.thread.call(self.engine.end)
        assert self.thread.join(30), "the engine's thread did not end"


@pytest.fixture
def ui_engine() -> Iterator[EngineForWindows]:
    """A fake engine in a real engine thread, ended after the test; garbage is collected in the test's own thread."""
    gc.collect()
    gc.disable()
    running = EngineForWindows()
    yield running
    running.stop()
    gc.collect()
    gc.enable()
