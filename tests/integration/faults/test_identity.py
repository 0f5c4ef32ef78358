"""Who signed in: the rows of `jwks`, `id_token` and `userinfo`, at a sign-in and at a refresh."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.fake_clock import until
from support.fault_rows import COUNTED, Row, hold, refresh, sign_in, sign_in_again
from support.fault_stage import Outcome, Stage

AGAIN = "Start the sign-in again."
UNUSED = "Nothing of this answer was used. Start the sign-in again."
ASK_THEM = "Try it again; if it stays so, ask those who run the provider."
IN_ITS_PLACE = (
    "Try it again. If it stays so, something else may be answering in its place (a network sign-in page, a proxy), "
    "or its address in the configuration is wrong."
)
CHECK_ADDRESS = "If the provider has moved, change its address in the configuration."
REFUSED = "It did not work at the provider"
NONSENSE_TITLE = "The provider's answer makes no sense"
SIGNED_IN = {"/token": 1, "/userinfo": 1}
RENEWED = {"/token": 1, "/userinfo": 0}
BAD_PROFILES = """
    other_sub no_sub 401 500 503 html array signed_bad_signature signed_alg_none signed_wrong_iss signed_wrong_aud
"""
NO_PROFILE = {"account": "ada", "profile dropped": True}  # the id_token names the account


async def sign_in_as_somebody_else(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person is asked whether another account may take the place of the one before, and says no."""
    await stage.signed_in()
    stage.switch(faults)
    started = await stage.begin()
    await stage.back(await stage.decided(started))

    def asked() -> bool:
        return stage.bench.engine.sign_in_snapshot(started.id).other_account is not None

    await until(asked, "the question")
    assert (stage.kept, await stage.serves()) == ("old", True)
    return stage.outcome_of(await stage.bench.engine.settle_account(started.id, accept=False))


def unused(fault: str, says: str, step: str = UNUSED, **changes: object) -> Row:
    """No token of the answer is stored or given out, and nobody is asked for a profile with it (OIDC-6)."""
    row = Row(
        fault,
        sign_in,
        ends="provider_error",
        title=REFUSED,
        says=says,
        step=step,
        state="signed_out",
        serves=False,
        keeps="nothing",
        asked={"/token": 1, "/userinfo": 0},
        mended="sign_in",
    )
    return replace(row, **changes)


def bad(value: str, reason: str) -> Row:
    return unused(f"id_token={value}", f"The id_token of Demo was not accepted: {reason}.")


def good(fault: str) -> Row:
    return Row(fault, sign_in, asked=SIGNED_IN, shows={"account": "ada"})


NOT_SIGNED = "it is no signed token"
NO_SAFE_WAY = "it is signed in a way that this server does not announce or that is not safe"
NO_KEY = "it is not signed with a key of this server"
ANOTHER_SIGN_IN = "it belongs to another sign-in"
ANOTHER_CLIENT = "it is meant for another client"
SOMEBODY_ELSE = "it was issued by somebody else"
RUN_OUT = "it has run out"
NOBODY = "it does not say who signed in"
NO_TIME = "its time {} is missing or no number".format

SIGN_INS = [
    unused("id_token=absent", "Demo gave no id_token although the scope openid was asked for.", ASK_THEM),
    bad("garbage", NOT_SIGNED),
    bad("five_parts", "it is encrypted"),
    bad("alg_none", NO_SAFE_WAY),
    bad("alg_none_mixed", NO_SAFE_WAY),
    bad("hs256", NO_SAFE_WAY),
    bad("bad_signature", NO_KEY),
    bad("other_key", NO_KEY),
    bad("unknown_kid", NO_KEY),
    good("id_token=no_kid"),
    bad("jwk_header", NO_KEY),
    bad("crit", "it demands extensions that TokenKeep does not know"),
    bad("wrong_nonce", ANOTHER_SIGN_IN),
    bad("no_nonce", ANOTHER_SIGN_IN),
    bad("wrong_aud", ANOTHER_CLIENT),
    bad("no_aud", ANOTHER_CLIENT),
    bad("number_aud", ANOTHER_CLIENT),
    good("id_token=list_aud"),
    bad("extra_aud", "it is meant for other clients too and does not say which one asked"),
    good("id_token=extra_aud_azp"),
    bad("wrong_azp", ANOTHER_CLIENT),
    bad("wrong_iss", SOMEBODY_ELSE),
    bad("no_iss", SOMEBODY_ELSE),
    bad("expired", RUN_OUT),
    good("id_token=just_expired"),
    bad("long_expired", RUN_OUT),
    bad("text_exp", NO_TIME("exp")),
    bad("no_exp", NO_TIME("exp")),
    bad("no_iat", NO_TIME("iat")),
    bad("future_iat", "it is from the future"),
    bad("old_iat", "it is an old one"),
    bad("no_sub", NOBODY),
    bad("empty_sub", NOBODY),
    bad("long_sub", NOBODY),
    good("id_token=other_sub"),
    bad("wrong_at_hash", "it belongs to another access token"),
    good("id_token=no_auth_time"),
    good("id_token=other_auth_time"),
    good("id_token=no_acr"),
    good("id_token=wrong_acr"),
    bad("random_kid", NO_KEY),
    bad("rsa_1024", NO_KEY),
    bad("es256_p384", NO_SAFE_WAY),
    unused(
        "jwks=500",
        "The provider answered the request for its keys with status 500.",
        AGAIN,
        ends="provider_unreachable",
        title="The provider cannot be reached",
    ),
    unused(
        "jwks=503",
        "The provider answered the request for its keys with status 503.",
        AGAIN,
        ends="provider_unreachable",
        title="The provider cannot be reached",
    ),
    unused(
        "jwks=html",
        "The provider answered with status 200 and a body that is not JSON.",
        IN_ITS_PLACE,
        title="The provider's answer makes no sense",
    ),
    unused("jwks=empty", f"The id_token of Demo was not accepted: {NO_KEY}.", mended="sign_in_later"),
    unused(
        "jwks=redirect",
        "The provider redirects to {issuer}/moved-keys, which TokenKeep does not follow.",
        CHECK_ADDRESS,
    ),
    unused("jwks=no_kid", f"The id_token of Demo was not accepted: {NO_KEY}.", mended="sign_in_later"),
    unused("jwks=enc_only", f"The id_token of Demo was not accepted: {NO_KEY}.", mended="sign_in_later"),
    unused("jwks=two_no_kid", f"The id_token of Demo was not accepted: {NO_KEY}.", mended="sign_in_later"),
    unused("jwks=stranger", f"The id_token of Demo was not accepted: {NO_KEY}.", mended="sign_in_later"),
    unused("jwks=401", "The provider answered the request for its keys with status 401.", ASK_THEM),
    unused("jwks=404", "The provider answered the request for its keys with status 404.", ASK_THEM),
    unused("jwks=array", "The provider's key set is none.", IN_ITS_PLACE, title=NONSENSE_TITLE),
    unused("jwks=text_keys", "The provider's key set is none.", IN_ITS_PLACE, title=NONSENSE_TITLE),
    unused("jwks=huge", "The provider's answer is too large.", IN_ITS_PLACE, title=NONSENSE_TITLE),
    good("jwks=rotate"),
    good("jwks=overlap"),
    good("jwks=crowded"),
    *(replace(good(f"userinfo={value}"), shows=NO_PROFILE) for value in BAD_PROFILES.split()),
    replace(good("userinfo=signed"), shows={"account": "ada", "profile dropped": False}),
    Row(
        "id_token=other_sub",
        sign_in_as_somebody_else,
        ends="access_denied",
        title="Access was denied",
        says="Another account came back than this provider was signed in with; it was not used.",
        step="Sign out first to change the account.",
        keeps="old",
        asked={"/token": 1, "/revoke": 2},
        shows={"account": "ada"},
    ),
    replace(
        bad("bad_signature", NO_KEY), does=sign_in_again, state="active", serves=True, keeps="old"
    ),
]  # fmt: skip


@pytest.mark.parametrize("row", SIGN_INS, ids=str)
async def test_OIDC_1_OIDC_2_OIDC_3_OIDC_4_OIDC_5_OIDC_6_OIDC_7_OIDC_8_OIDC_9_AUTHZ_7_who_signed_in(
    stage: Stage, row: Row
) -> None:
    await hold(row, stage)


def ended(value: str, reason: str) -> Row:
    """The access token is not given out; a sign-in mends it (OIDC-10)."""
    return Row(
        f"id_token={value}",
        refresh,
        ends="provider_error",
        title="This sign-in has ended",
        says=f"The id_token of Demo was not accepted: {reason}.",
        step="Sign in again.",
        state="needs_sign_in",
        serves=False,
        keeps="nothing",
        asked=RENEWED,
        mended="sign_in",
    )


REFRESHES = [
    ended("other_sub", "it is about somebody else than the one who signed in"),
    ended("wrong_iss", SOMEBODY_ELSE),
    ended("wrong_aud", ANOTHER_CLIENT),
    ended("extra_aud_azp", "it is meant for others than the one of the sign-in"),
    ended("wrong_nonce", ANOTHER_SIGN_IN),
    ended("other_auth_time", ANOTHER_SIGN_IN),
    ended("bad_signature", NO_KEY),
    ended("alg_none", NO_SAFE_WAY),
    ended("wrong_at_hash", "it belongs to another access token"),
    *(
        Row(f"id_token={value}", refresh, asked=RENEWED, shows={"account": "ada"})
        for value in ("absent", "no_nonce", "list_aud", "no_auth_time", "no_kid")
    ),
    *(Row(f"jwks={value}", refresh, asked=RENEWED) for value in ("500", "503", "html", "rotate")),
]


@pytest.mark.parametrize("row", REFRESHES, ids=str)
async def test_OIDC_7_OIDC_10_who_it_is_at_a_refresh(stage: Stage, row: Row) -> None:
    await hold(row, stage)


@pytest.mark.parametrize(
    ("ahead", "way"), [("+600", "600 seconds behind the provider's"), ("-600", "600 seconds ahead of the provider's")]
)
async def test_OIDC_5_a_clock_that_is_wrong_is_named(stage: Stage, ahead: str, way: str) -> None:
    fault = "future_iat" if ahead == "+600" else "long_expired"
    stage.switch({"date": ahead, "id_token": fault})
    outcome = await stage.sign_in()
    assert f"; the clock of this computer is {way}." in COUNTED.sub("600 ", outcome.says)


async def test_OIDC_10_a_rotated_refresh_token_that_must_not_be_used_is_still_revoked(stage: Stage) -> None:
    await stage.signed_in()
    stage.switch({"id_token": "other_sub"})
    await stage.renew_in_background()
    stored = stage.bench.vault.session()
    assert stored is not None
    assert stored.tokens is not None
    assert stored.tokens.refresh_token is not None
    stage.demo.clear_faults()
    assert (await stage.sign_out()).words == "True"
    assert stage.demo.refresh(stored.tokens.refresh_token.reveal()).json()["error"] == "invalid_grant"
