"""The answers of the device authorization endpoint, and the pace of the polls: `device`, `interval`, `slow_down`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.fault_rows import Row, hold, sign_in_by_code
from support.fault_stage import Outcome, Stage
from tokenkeep.system.browser import SystemBrowser

AGAIN = "Start the sign-in again."
REFUSED = "It did not work at the provider"
CLIENT_TITLE = "The provider does not accept this client registration"
CHECK_CLIENT = "Check the client ID and secret of this provider. A sign-in that was there before is kept."
IN_ITS_PLACE = (
    "Try it again. If it stays so, something else may be answering in its place (a network sign-in page, a proxy), "
    "or its address in the configuration is wrong."
)
SWITCH = "a fault switch is on"
POLLED = {"/device_authorization": 1, "/token": 1}


async def sign_in_by_code_patiently(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person confirms the code at once; the provider is asked up to five times."""
    stage.switch(faults)
    return await stage.sign_in_by_code(5)


async def show_code(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person looks at the code and presses "Open page", then does the rest on another device."""
    stage.switch(faults)
    started = await stage.begin("device")
    assert started.user_code is not None
    assert started.verification_uri is not None
    assert started.verification_uri_complete is None
    real = SystemBrowser({"BROWSER": "true"})  # a command that takes any address
    assert real.open("https://example.com/device").asked
    stage.bench.engine._context.browser = real
    await stage.bench.engine.reopen_browser(started.id)
    assert stage.bench.engine.sign_in_snapshot(started.id).not_opened
    return Outcome(started.state.value, says=started.verification_uri)


def failed(value: str, **changes: object) -> Row:
    """There is no code to show, nothing is polled, and starting again is all it takes."""
    row = Row(
        f"device={value}",
        sign_in_by_code,
        ends="provider_error",
        title=REFUSED,
        state="signed_out",
        serves=False,
        keeps="nothing",
        asked={"/device_authorization": 1, "/token": 0},
        mended="sign_in",
    )
    return replace(row, **changes)


def nonsense(value: str, member: str) -> Row:
    says = f"The provider's device answer has no {member}."
    return failed(value, title="The provider's answer makes no sense", says=says, step=IN_ITS_PLACE)


def later(value: str, status: int) -> Row:
    says = f"The provider does not work at the moment (status {status})."
    return failed(value, ends="provider_unreachable", title="The provider cannot be reached", says=says, step=AGAIN)


def not_opened(value: str, uri: str) -> Row:
    """The address is shown as it was sent and never handed to the browser (AUTHZ-5, DEV-7)."""
    return Row(
        f"device={value}",
        show_code,
        ends="waiting_for_code",
        says=uri,
        state="signing_in",
        serves=False,
        keeps="nothing",
        asked={"/token": 0},
    )


def paced(fault: str, *gaps: int) -> Row:
    return Row(
        fault, sign_in_by_code_patiently, asked={"/device_authorization": 1, "/token": len(gaps)},
        shows={"gaps": list(gaps)},
    )  # fmt: skip


ROWS = [
    nonsense("no_device_code", "device_code"),
    nonsense("no_user_code", "user_code"),
    nonsense("no_verification_uri", "verification_uri"),
    nonsense("no_expires_in", "expires_in"),
    nonsense("number_device_code", "device_code"),
    nonsense("number_user_code", "user_code"),
    nonsense("text_expires_in", "expires_in"),
    nonsense("null_verification_uri", "verification_uri"),
    nonsense("verification_url", "verification_uri"),
    Row("device=no_verification_uri_complete", sign_in_by_code, asked=POLLED),
    Row("device=lower_user_code", sign_in_by_code, asked=POLLED),
    Row("device=spaced_user_code", sign_in_by_code, asked=POLLED),
    not_opened("javascript_uri", "javascript:alert(1)"),
    not_opened("http_uri", "http://somebody-else.invalid/device"),
    later("html", 502),
    later("500", 500),
    later("503", 503),
    failed(
        "invalid_client",
        title=CLIENT_TITLE,
        says="The provider does not know this client, or the client's secret is wrong.",
        step=CHECK_CLIENT,
        words=SWITCH,
    ),
    failed(
        "unauthorized_client",
        title=CLIENT_TITLE,
        says="The provider does not allow this client to do that.",
        step=CHECK_CLIENT,
        words=SWITCH,
    ),
    failed(
        "invalid_scope",
        says="The provider does not give one of the scopes that were asked for.",
        step="Check `scopes` of this provider in the configuration.",
        words=SWITCH,
    ),
    paced("interval=absent", 5),
    paced("interval=0", 1),
    paced("interval=-1", 1),
    paced('interval="7"', 7),
    paced('interval="soon"', 5),
    paced("interval=100000", 300),
    paced("slow_down=2 interval=5", 5, 10, 15),
    paced("retry_after=40 poll=503*1", 1, 40),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_DEV_1_DEV_2_DEV_3_DEV_4_DEV_7_AUTHZ_5_device_answers(stage: Stage, row: Row) -> None:
    await hold(row, stage)


@pytest.mark.parametrize(("value", "changed"), [("lower_user_code", str.lower), ("spaced_user_code", str)])
async def test_DEV_7_a_code_is_shown_as_it_was_sent(stage: Stage, value: str, changed) -> None:
    stage.switch({"device": value})
    code = (await stage.begin("device")).user_code
    assert code is not None
    assert (code, "-" in code) == (changed(code), value == "lower_user_code")


async def test_DEV_5_DEV_6_a_denied_code_ends_the_sign_in(stage: Stage) -> None:
    outcome = await stage.sign_in_by_code(allow=False)
    assert outcome == Outcome(
        "access_denied",
        "Access was denied",
        "The request was denied. The provider says: “The resource owner or authorization server denied the request”.",
        "Sign in again if that was a mistake.",
    )
    assert stage.shown.state == "signed_out"
