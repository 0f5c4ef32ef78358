"""What the server says of itself: the rows of `metadata`. A bad document stops everything before the browser."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.fault_rows import Row, hold, sign_in, sign_in_again, sign_in_by_code
from support.fault_stage import Stage

AGAIN = "Start the sign-in again."
ASK_THEM = "Try it again; if it stays so, ask those who run the provider."
TO_THE_LETTER = "The issuer in the configuration must be the same to the letter, final slash included."
CHECK_ISSUER = "Check the issuer, or give the endpoints in the configuration."
IN_ITS_PLACE = (
    "Try it again. If it stays so, something else may be answering in its place (a network sign-in page, a proxy), "
    "or its address in the configuration is wrong."
)
EXCHANGED = {"/authorize": 2, "/token": 1}


def stopped(value: str, says: str, step: str = ASK_THEM, **changes: object) -> Row:
    """No page is opened, nothing is asked but the document, and nothing of it is used (META-3, META-6)."""
    row = Row(
        f"metadata={value}",
        sign_in,
        ends="provider_error",
        title="It did not work at the provider",
        says=says,
        step=step,
        state="signed_out",
        serves=False,
        keeps="nothing",
        asked={"/authorize": 0, "/token": 0, "/device_authorization": 0},
        shows={"pages opened": 0},
        mended="sign_in",
    )
    return replace(row, **changes)


def other_issuer(value: str, told: str) -> Row:
    return stopped(value, f"The metadata is for another issuer: {told}, not {{issuer}}.", TO_THE_LETTER)


def endpoint(value: str, reason: str) -> Row:
    name = value.split("_", 1)[1]
    return stopped(value, f"In the provider's metadata, {name} {reason.replace('~', name)}.")


ROWS = [
    other_issuer("wrong_issuer", "https://somebody-else.invalid"),
    other_issuer("slash_issuer", "{issuer}/"),
    other_issuer("upper_issuer", "{ISSUER}"),
    other_issuer("number_issuer", "none"),
    other_issuer("no_issuer", "none"),
    endpoint("no_token_endpoint", "is missing"),
    endpoint("relative_token_endpoint", "cannot be used: the ~ has no host"),
    endpoint("http_token_endpoint", "cannot be used: the ~ must begin with https://"),
    endpoint("fragment_token_endpoint", "cannot be used: the ~ must not have a fragment"),
    endpoint("userinfo_token_endpoint", "cannot be used: the ~ must not contain a user name or password"),
    endpoint("list_token_endpoint", "is not a string"),
    endpoint("fragment_authorization_endpoint", "cannot be used: the ~ must not have a fragment"),
    endpoint("javascript_authorization_endpoint", "cannot be used: the ~ has no host"),
    stopped(
        "plain_only",
        "The provider's code_challenge_methods_supported does not list S256, the one safe way.",
        "If the provider knows no PKCE at all, set `pkce = false` for it.",
    ),
    stopped("html", "Demo publishes no metadata for the issuer {issuer}.", CHECK_ISSUER),
    stopped("404", "Demo publishes no metadata for the issuer {issuer}.", CHECK_ISSUER),
    stopped("empty", "The provider answered the request for its metadata with status 204."),
    stopped(
        "500",
        "The provider answered the request for its metadata with status 500.",
        AGAIN,
        ends="provider_unreachable",
        title="The provider cannot be reached",
    ),
    stopped(
        "redirect",
        "The provider redirects to {issuer}/moved-metadata, which TokenKeep does not follow.",
        "If the provider has moved, change its address in the configuration.",
    ),
    stopped("huge", "The provider's answer is too large.", IN_ITS_PLACE, title="The provider's answer makes no sense"),
    stopped(
        "other_token_endpoint",
        "The provider answered with status 404 and nothing that TokenKeep understands.",
        IN_ITS_PLACE,
        title="The provider's answer makes no sense",
        asked={"/token": 0, "/token/moved": 1},
        shows={"pages opened": 1},
    ),
    stopped(
        "no_device",
        "Demo has no device authorization endpoint.",
        "Some servers have one without publishing it: set `device_authorization_endpoint`.",
        does=sign_in_by_code,
    ),
    Row("metadata=no_device", sign_in, asked=EXCHANGED, shows={"device_available": False}),
    Row("metadata=no_revocation", sign_in, asked=EXCHANGED),
    Row("metadata=no_pkce", sign_in, asked=EXCHANGED),
    Row("metadata=no_iss_parameter", sign_in, asked=EXCHANGED),
    Row("metadata=no_iss_parameter iss=missing", sign_in, asked=EXCHANGED),
    Row("metadata=text_iss_parameter iss=missing", sign_in, asked=EXCHANGED),
    Row("metadata=query_authorization_endpoint", sign_in, asked=EXCHANGED),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_META_3_META_4_META_5_META_6_PKCE_2_PKCE_3_AUTHZ_3_AUTHZ_5_RESP_4_metadata(
    stage: Stage, row: Row
) -> None:
    await hold(row, stage)


BESIDE = [
    replace(row, does=sign_in_again, state="active", serves=True, keeps="old")
    for row in ROWS
    if row.does is sign_in and row.covers[1] in ("wrong_issuer", "http_token_endpoint", "404", "redirect")
]


@pytest.mark.parametrize("row", BESIDE, ids=str)
async def test_META_3_a_bad_document_leaves_the_sign_in_before_alone(stage: Stage, row: Row) -> None:
    await hold(replace(row, shows={"pages opened": 1}), stage)


async def test_REV_3_without_a_revocation_endpoint_nothing_is_called_revoked(stage: Stage) -> None:
    stage.switch({"metadata": "no_revocation"})
    await stage.signed_in()
    outcome = await stage.sign_out()
    assert outcome.words == "unsupported"
    assert outcome.says == (
        "The tokens were removed here only: Demo has no way to revoke tokens. They may work until they end."
    )
    assert (stage.shown.state, stage.kept, stage.demo.count("/revoke")) == ("signed_out", "nothing", 0)
