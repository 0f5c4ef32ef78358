"""Signing in with a code: when it polls, what stops it, and what is shown; times are the fake clock's."""

from __future__ import annotations

import asyncio
import itertools
import os

import pytest

from support.engine_bench import EngineBench, entry
from support.fake_clock import turn, until
from support.scripted_server import Connection, Reply, answer, cut, json_answer
from support.token_server import Gate, TokenServer, oauth_error
from tokenkeep.domain.errors import ProviderError
from tokenkeep.domain.ports import Launch
from tokenkeep.domain.provider import Flow
from tokenkeep.domain.session import SessionState, SignInSnapshot, SignInState
from tokenkeep.system.browser import SystemBrowser

CODES = {
    "device_code": "device-code-canary",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://example.com/device",
    "verification_uri_complete": "https://example.com/device?user_code=WDJB-MJHT",
    "expires_in": 600,
    "interval": 5,
}
PENDING, SLOW_DOWN = oauth_error("authorization_pending"), oauth_error("slow_down")


class DeviceBench:
    """An engine with a pending device sign-in, and the fake clock's time of every poll."""

    def __init__(self, bench: EngineBench, server: TokenServer, started: SignInSnapshot) -> None:
        self.bench, self.server, self.started = bench, server, started
        self.begun_at = bench.clock.boot()
        self.polled_at: list[float] = []

    @property
    def shown(self) -> SignInSnapshot:
        return self.bench.engine.sign_in_snapshot(self.started.id)

    def script(self, *replies: Reply, then: Reply | None = None) -> None:
        """What the polls are answered, in order; afterwards `then`, or tokens."""

        def noted(reply: Reply | None) -> Reply:
            def run(connection: Connection) -> None:
                self.polled_at.append(self.bench.clock.boot())
                (reply or self.server.answer())(connection)

            return run

        self.server.instead = [noted(reply) for reply in replies]
        self.server.failing = noted(then)

    async def let(self, seconds: float) -> None:
        """Let time pass sleeper by sleeper; every poll is answered before the next."""
        clock = self.bench.clock
        end = clock.boot() + seconds
        while self.shown.state.pending and clock.boot() < end:
            await self._quiet()
            if not self.shown.state.pending:
                return
            await clock.advance(min([end - clock.boot(), *clock.pending]))
        await self._quiet()

    async def _quiet(self) -> None:
        """Wait until the attempt waits for the clock again, or is over."""
        await turn()
        task = self.bench.engine._sign_ins.get(self.started.id).task

        def waits() -> bool:
            return task.done() or any(
                "clock.sleep" in str(frame) or "fake_clock" in str(frame) for frame in stack(task)
            )

        await until(waits, "the attempt to wait for the clock")
        await turn()

    @property
    def gaps(self) -> list[float]:
        times = [self.begun_at, *self.polled_at]
        return [round(later - earlier, 3) for earlier, later in itertools.pairwise(times)]


def stack(task: asyncio.Task) -> list[str]:
    """The files in which a suspended task's coroutines stand, outermost first."""
    found, coroutine = [], task.get_coro()
    while coroutine is not None and getattr(coroutine, "cr_frame", None) is not None:
        found.append(coroutine.cr_frame.f_code.co_filename)
        coroutine = coroutine.cr_await
    return found


@pytest.fixture
def device_of(engine_of, server: TokenServer):
    async def start(**changes) -> DeviceBench:
        bench = await engine_of(entry(server, flow=Flow.DEVICE_CODE))
        server.reply("/device", json_answer({k: v for k, v in (CODES | changes).items() if v is not None}))
        started = await bench.engine.sign_in("p")
        return DeviceBench(bench, server, started)

    return start


async def test_DEV_7_what_is_shown_is_what_was_sent(device_of) -> None:
    for code in ("WDJB-MJHT", "wdjb mjht", "Ab12"):
        device = await device_of(user_code=code)
        shown = device.shown
        assert shown.state is SignInState.WAITING_FOR_CODE
        assert shown.user_code == code
        assert shown.verification_uri == CODES["verification_uri"]
        assert shown.verification_uri_complete == CODES["verification_uri_complete"]
        assert shown.expires_at == device.bench.clock.wall() + 600
        assert "device-code-canary" not in repr(shown)
        assert device.bench.browser.opened == [], "nothing opens by itself"
        await device.bench.engine.reopen_browser(device.started.id)
        assert device.bench.browser.opened == [CODES["verification_uri_complete"]]


async def test_DEV_7_the_device_code_is_neither_logged_nor_told(device_of, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1, "tokenkeep")
    device = await device_of()
    device.script(PENDING, cut(), answer(503), then=oauth_error("made_up"))
    await device.let(600)
    assert len(device.polled_at) == 4
    assert "failed" in caplog.text, "something was logged at all"
    assert "device-code-canary" not in caplog.text + repr(device.bench.events)


async def test_DEV_2_the_first_poll_waits_too_and_then_the_tokens_come(device_of) -> None:
    device = await device_of()
    device.script(PENDING, PENDING)
    await device.let(15)
    assert device.gaps == [5, 5, 5]
    done = await device.bench.ended(device.started)
    assert done.state is SignInState.DONE
    assert (await device.bench.token()).access_token.reveal() == "access-1-canary"
    stored = device.bench.vault.session()
    assert stored is not None
    assert stored.method == "device"


async def test_DEV_3_each_slow_down_adds_five_seconds_for_good(device_of) -> None:
    device = await device_of()
    device.script(PENDING, SLOW_DOWN, PENDING, SLOW_DOWN, PENDING)
    await device.let(120)
    assert device.gaps == [5, 5, 10, 10, 15, 15]


async def test_DEV_4_an_unreachable_server_lengthens_the_gap(device_of) -> None:
    device = await device_of()
    device.script(cut(), cut(), SLOW_DOWN)
    await device.let(120)
    assert device.gaps == [5, 10, 20, 25]


async def test_DEV_4_retry_after_is_obeyed_and_the_gap_bounded_by_the_codes_life(device_of) -> None:
    device = await device_of()
    device.script(answer(503, headers={"Retry-After": "120"}), PENDING)
    await device.let(599)
    assert device.gaps[:3] == [5, 120, 10]


async def test_DEV_4_a_page_instead_of_an_answer_is_an_unreachable_server(device_of) -> None:
    device = await device_of()
    device.script(answer(500, "<p>sorry", {"Content-Type": "text/html"}))
    await device.let(30)
    assert device.gaps == [5, 10]
    assert (await device.bench.ended(device.started)).state is SignInState.DONE


async def test_DEV_5_nothing_is_asked_after_the_codes_end(device_of) -> None:
    device = await device_of(expires_in=23)
    device.script(then=PENDING)
    await device.let(600)
    assert device.gaps == [5, 5, 5, 5]
    shown = device.shown
    assert (shown.state, shown.error.code) == (SignInState.EXPIRED, "timed_out")
    assert device.bench.shown().state is SessionState.SIGNED_OUT
    assert len(device.server.to("/device")) == 1, "only a person starts again"


async def test_DEV_5_the_servers_word_that_the_code_ran_out_is_the_same(device_of) -> None:
    device = await device_of()
    device.script(PENDING, then=oauth_error("expired_token"))
    await device.let(600)
    assert device.gaps == [5, 5]
    assert device.shown.state is SignInState.EXPIRED
    assert len(device.server.to("/device")) == 1


async def test_DEV_5_a_code_lives_from_its_request_and_not_from_a_late_answer(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server, flow=Flow.DEVICE_CODE))
    gate = Gate()
    server.reply("/device", gate.before(json_answer(CODES | {"expires_in": 23})))
    starting = asyncio.create_task(bench.engine.sign_in("p"))
    await until(gate.reached.is_set)
    await bench.clock.advance(19)
    gate.open()
    started = await starting
    assert started.expires_at == pytest.approx(bench.clock.wall() + 4), "what is shown runs out with the code"
    device = DeviceBench(bench, server, started)
    device.script(then=PENDING)
    await device.let(600)
    assert (device.shown.state, device.polled_at) == (SignInState.EXPIRED, [])


async def test_DEV_5_a_suspended_machine_does_not_poll_a_dead_code(device_of) -> None:
    device = await device_of()
    device.script(then=PENDING)
    await device.let(12)
    await device.bench.clock.suspend(3600)
    ended = await device.bench.ended(device.started)
    assert ended.state is SignInState.EXPIRED
    assert len(device.polled_at) == 2


@pytest.mark.parametrize("error", ["access_denied", "invalid_grant", "invalid_client", "made_up"])
async def test_DEV_6_any_other_error_stops_it(device_of, error: str) -> None:
    device = await device_of()
    device.script(PENDING, then=oauth_error(error))
    await device.let(600)
    assert device.gaps == [5, 5]
    assert device.shown.state is SignInState.FAILED
    assert isinstance(device.shown.error, ProviderError) or device.shown.error.code == "access_denied"
    assert device.bench.shown().state is SessionState.SIGNED_OUT


async def test_DEV_2_a_slow_answer_is_waited_for_and_not_overlapped(device_of) -> None:
    device = await device_of()
    gate = Gate()
    device.script(gate.before(PENDING))
    clock = device.bench.clock
    await clock.advance(5)
    await until(gate.reached.is_set)
    await clock.advance(60)
    assert len(device.polled_at) == 1
    gate.open()
    await device.let(20)
    assert device.gaps[1] >= 60 + 5


async def test_DEV_7_cancel_is_immediate(device_of) -> None:
    device = await device_of()
    device.script(then=PENDING)
    await device.let(6)
    assert (await device.bench.engine.cancel_sign_in(device.started.id)).state is SignInState.CANCELLED
    await device.bench.let(300)
    assert len(device.polled_at) == 1
    assert device.bench.shown().state is SessionState.SIGNED_OUT


async def test_DEV_7_quitting_is_the_end_of_the_polling(device_of) -> None:
    device = await device_of()
    device.script(then=PENDING)
    await device.let(6)
    await device.bench.engine.stop()
    assert device.shown.state is SignInState.CANCELLED
    await device.bench.clock.advance(300)
    assert len(device.polled_at) == 1


async def test_DEV_7_a_cancel_while_a_poll_is_under_way_drops_its_answer(device_of) -> None:
    device = await device_of()
    gate = Gate()
    device.script(gate.before(device.server.answer()))
    await device.bench.clock.advance(5)
    await until(gate.reached.is_set)
    await device.bench.engine.cancel_sign_in(device.started.id)
    gate.open()
    await device.bench.let(300)
    assert len(device.polled_at) == 1
    assert device.bench.session().held is None
    assert device.bench.vault.session() is None


async def test_DEV_7_a_verification_address_that_must_not_be_opened_is_shown_only(device_of) -> None:
    for uri in ("javascript:alert(1)", "http://example.com/device", "file:///etc/passwd"):
        device = await device_of(verification_uri=uri, verification_uri_complete=uri)
        assert (device.shown.verification_uri, device.shown.verification_uri_complete) == (uri, None)


async def test_DEV_7_AUTHZ_5_a_click_does_not_open_such_an_address_either(device_of, tmp_path) -> None:
    opened = tmp_path / "opened"
    browser = SystemBrowser({"BROWSER": f"sh -c 'touch {opened}'", "PATH": os.defpath})
    for uri in ("javascript:alert(1)", "http://example.com/device", "file:///etc/passwd", f"-{opened}"):
        device = await device_of(verification_uri=uri, verification_uri_complete=uri)
        device.bench.engine._context.browser = browser
        clicked = await device.bench.engine.reopen_browser(device.started.id)
        assert (clicked.not_opened, opened.exists()) == (True, False)
    device = await device_of()
    device.bench.engine._context.browser = browser
    clicked = await device.bench.engine.reopen_browser(device.started.id)
    assert (clicked.not_opened, opened.exists()) == (False, True), "a good one is opened by the same browser"


async def test_PKCE_2_a_refused_method_is_not_asked_for_again_without_it(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server, flow=Flow.DEVICE_CODE))
    server.reply("/device", json_answer({"error": "invalid_request", "error_description": "S256"}, 400))
    with pytest.raises(ProviderError):
        await bench.engine.sign_in("p")
    await bench.let(300)
    (request,) = server.to("/device")
    assert dict(request.form)["code_challenge_method"] == "S256"


async def test_a_code_flow_needs_no_listener_and_no_browser(device_of) -> None:
    device = await device_of()
    assert device.shown.authorization_url is None
    device.bench.browser.launch = Launch(asked=False, problem="none")
    assert (await device.bench.engine.reopen_browser(device.started.id)).not_opened


async def test_the_polls_go_to_the_server_that_gave_the_code(device_of) -> None:
    device = await device_of()
    device.script(PENDING)
    with TokenServer() as evil:
        device.server.publish(token_endpoint=f"{evil.origin}/token")
        await device.bench.session().client.prepare(fresh=True)
        await device.let(10)
        assert evil.token_requests == []
    assert (await device.bench.ended(device.started)).state is SignInState.DONE


async def test_a_server_without_such_an_endpoint_says_so(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    server.publish(device_authorization_endpoint=None)
    with pytest.raises(ProviderError, match="device authorization endpoint"):
        await bench.engine.sign_in("p", method="device")
    assert bench.shown().state is SessionState.SIGNED_OUT
