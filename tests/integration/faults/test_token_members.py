"""Genuine token answers with odd members, late ones, and those that nobody ever gets to see."""

from __future__ import annotations

import asyncio

import pytest

from support.fault_rows import Row, ask, hold, refresh, sign_in
from support.fault_stage import Outcome, Stage

LOST = "The answer to the last refresh was lost on its way, and the provider had probably replaced the refresh token."
NO_REFRESH_TOKEN = (
    "It gave no refresh token, so the sign-in would end with the first token. "
    'Add the scope offline_access if the provider knows it, or set `refresh_token = "optional"`.'
)
REUSED = "The refresh token is unknown, expired, revoked or was used before"
EXCHANGED = {"/token": 1, "/userinfo": 1}
RENEWED = {"/token": 1, "/token.refresh_token": 1}
NOTHING_KEPT = {"state": "signed_out", "serves": False, "keeps": "nothing", "mended": "sign_in"}
ENDED = {
    "ends": "provider_error",
    "title": "This sign-in has ended",
    "step": "Sign in again.",
    "state": "needs_sign_in",
    "serves": False,
    "keeps": "nothing",
    "mended": "sign_in",
}


async def sign_in_and_ask_for_notes(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person signs in, then a program asks for a scope."""
    stage.switch(faults)
    assert await stage.sign_in() == Outcome("done")
    return await stage.ask(scope=("notes:read",))


async def refresh_twice(stage: Stage, faults: dict[str, str]) -> Outcome:
    """The background loses an answer and tries once more."""
    await stage.signed_in()
    stage.switch(faults)
    stage.be_impatient()
    lost = await stage.renew_in_background()
    assert (lost.ends, stage.shown.state, await stage.serves()) == ("provider_unreachable", "offline", True)
    stage.demo.clear_faults()
    await asyncio.to_thread(stage.demo.wait_for, "/token.processed")
    return await stage.renew_in_background()


async def sign_out_meanwhile(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person signs out while a refresh waits for its answer."""
    await stage.signed_in()
    stage.switch(faults)
    stage.run_out()
    asking = asyncio.create_task(stage.ask())
    await asyncio.to_thread(stage.demo.wait_for, "/token.processed")
    await stage.sign_out()
    stage.demo.clear_faults()
    outcome = await asking
    await asyncio.to_thread(stage.demo.wait_for, "/revoke.ok", 4)
    return outcome


def lives(raw: str, lifetime: float | None, *, serves: bool = True) -> Row:
    """How long a token counts as good; unknown is not for ever (TOK-6)."""
    return Row(f"expires_in={raw}", sign_in, serves=serves, asked=EXCHANGED, shows={"lifetime": lifetime})


def kept_apart(fault: str) -> Row:
    """A sign-in that would end with its first token is refused, and that token revoked (REF-2)."""
    return Row(
        fault,
        sign_in,
        ends="provider_error",
        title="It did not work at the provider",
        says=NO_REFRESH_TOKEN,
        step="Sign in again after that change.",
        asked={"/token": 1, "/revoke": 1},
        **NOTHING_KEPT,
    )


ROWS = [
    lives("absent", None),
    lives("null", None),
    lives("3600", 3600.0),
    lives('"3600"', 3600.0),
    lives("3600.5", 3600.5),
    lives("0", 0.0, serves=False),
    lives("-1", 0.0, serves=False),
    lives('"abc"', None),
    lives("true", None),
    lives("1e12", 315_360_000.0),
    Row(
        "token_type=absent",
        sign_in,
        ends="provider_error",
        title="The provider's answer makes no sense",
        says="The provider's token answer has no token_type.",
        step="Try it again. If it stays so, something else may be answering in its place (a network sign-in page, a "
        "proxy), or its address in the configuration is wrong.",
        asked={"/token": 1, "/userinfo": 0},
        **NOTHING_KEPT,
    ),
    Row("token_type=bearer", sign_in, asked=EXCHANGED),
    Row("token_type=BEARER", sign_in, asked=EXCHANGED),
    Row(
        "token_type=mac",
        sign_in,
        ends="provider_error",
        title="It did not work at the provider",
        says="The provider gave a token of the unknown type “mac”.",
        step="Try it again; if it stays so, ask those who run the provider.",
        asked={"/token": 1, "/userinfo": 0},
        **NOTHING_KEPT,
    ),
    Row(
        "token_type=dpop",
        sign_in,
        ends="provider_error",
        title="It did not work at the provider",
        says="Demo gave a token that is bound to a key, although TokenKeep showed none.",
        step='If this provider binds tokens, set `dpop = "required"`.',
        asked={"/token": 1, "/userinfo": 0},
        **NOTHING_KEPT,
    ),
    Row("scope=absent", sign_in, shows={"scope": ("openid", "profile", "email", "offline_access", "notes:read")}),
    Row("scope=empty", sign_in, shows={"scope": ()}),
    Row("scope=openid", sign_in, shows={"scope": ("openid",)}),
    Row(
        "scope=openid",
        sign_in_and_ask_for_notes,
        ends="insufficient_scope",
        title="The sign-in does not cover that scope",
        says="Demo granted no notes:read.",
        step="Sign in again with the wider scope.",
        asked={"/token": 1},
    ),
    Row("access_token=jwt_like", sign_in, asked=EXCHANGED, shows={"lifetime": 3600.0}),
    Row("access_token=broken_base64", sign_in, asked=EXCHANGED, shows={"lifetime": 3600.0}),
    Row("form_answer=unless_asked", sign_in, asked=EXCHANGED),
    Row("form_answer=unless_asked", refresh, asked=RENEWED),
    Row(
        "form_answer=always",
        sign_in,
        ends="provider_error",
        title="The provider's answer makes no sense",
        says="The provider answered with status 200 and a body that is not JSON.",
        step="Try it again. If it stays so, something else may be answering in its place (a network sign-in page, a "
        "proxy), or its address in the configuration is wrong.",
        asked={"/token": 1, "/userinfo": 0},
        **NOTHING_KEPT,
    ),
    Row("extra_member=on", sign_in, asked=EXCHANGED),
    Row("extra_member=on", refresh, asked=RENEWED),
    *(Row(f"refresh_token={value}", refresh, keeps="old", asked=RENEWED) for value in ("absent", "null", "empty")),
    *(kept_apart(f"first_refresh_token={value}") for value in ("absent", "null", "empty")),
    Row("old_access_token=revoked", refresh, asked=RENEWED),
    Row("old_access_token=revoked", ask, asked=RENEWED),
    Row("token_delay=0.05", refresh, asked=RENEWED),
    Row("answer_delay=0.05", refresh, asked=RENEWED),
    Row("token_freeze=on", refresh_twice, says=LOST, words=REUSED, asked={"/token.refresh_token": 2}, **ENDED),
    Row("answer_freeze=on", refresh_twice, says=LOST, words=REUSED, asked={"/token.refresh_token": 2}, **ENDED),
    Row(
        "answer_freeze=on",
        sign_out_meanwhile,
        ends="sign_in_required",
        title="A sign-in is needed",
        says="The sign-in at Demo was ended meanwhile.",
        step="Click the provider in the tray, or run `tokenkeep login` with its id.",
        asked={"/token.refresh_token": 1, "/revoke.ok": 4},
        **NOTHING_KEPT,
    ),
]  # fmt: skip


def waits(fault: str, seconds: int) -> Row:
    """How long the background leaves a provider alone that asks for it; half of a second try's wait is by chance."""
    return Row(
        f"retry_after={fault} refresh=503",
        refresh,
        ends="provider_unreachable",
        title="The provider cannot be reached",
        says="The provider does not work at the moment (status 503).",
        step="TokenKeep tries again by itself.",
        state="offline",
        keeps="old",
        asked=RENEWED,
        shows={"tries again in": seconds},
        mended="itself",
    )


WAITS = [waits("120", 120), waits("1", 2), waits("soon", 2), waits("-5", 2)]


@pytest.mark.parametrize("row", [*ROWS, *WAITS], ids=str)
async def test_TOK_3_TOK_4_TOK_6_TOK_7_TOK_8_REF_1_REF_2_REF_5_REF_8_REV_4_odd_token_answers(
    stage: Stage, row: Row
) -> None:
    await hold(row, stage)


async def test_REF_2_a_sign_in_without_refresh_token_may_be_wanted_and_says_when_it_ends(open_stage) -> None:
    stage = await open_stage(refresh_token="optional")
    stage.switch({"first_refresh_token": "absent"})
    assert await stage.sign_in() == Outcome("done")
    assert await stage.serves()
    await stage.bench.let(3600)
    assert Outcome.of(stage.shown.last_error) == Outcome(
        "provider_error",
        "This sign-in has ended",
        "The token ran out, and this provider gave no refresh token.",
        "Sign in again.",
    )
    assert stage.shown.state == "needs_sign_in"
    assert stage.demo.count("/token") == 1
