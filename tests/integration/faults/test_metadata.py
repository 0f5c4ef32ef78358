"""What the server says of itself: the rows of `metadata`. A bad document stops everything before the browser."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from support.fault_rows import Row, hold, sign_in, sign_in_again, sign_in_by_code
from support.fault_stage import Outcome, Stage
from tokenkeep.oauth.connection import system_resolver

AGAIN = "Start the sign-in again."
NONSENSE_TITLE = "The provider's answer makes no sense"
MORE = " `tokenkeep check p` says more."
ASK_THEM = "Try it again; if it stays so, ask those who run the provider." + MORE
TO_THE_LETTER = "The issuer in the configuration must be the same to the letter, final slash included." + MORE
CHECK_ISSUER = "Check the issuer, or give the endpoints in the configuration." + MORE
IN_ITS_PLACE = (
    "Try it again. If it stays so, something else may be answering in its place (a network sign-in page, a proxy), "
    "or its address in the configuration is wrong."
)
EXCHANGED = {"/token": 1}


async def sign_in_where_the_name_is_unknown(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person signs in; the name in the metadata leads nowhere."""
    transport = stage.bench.session().client._transport

    def unknown(host: str, port: int) -> Any:
        if host == "somebody-else.invalid":
            raise socket.gaierror
        return system_resolver(host, port)

    transport._resolver = unknown
    stage.switch(faults)
    outcome = await stage.sign_in()
    transport._resolver = None
    return outcome


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


def down(value: str) -> Row:
    says = f"The provider answered the request for its metadata with status {value}."
    return stopped(value, says, AGAIN, ends="provider_unreachable", title="The provider cannot be reached")


def redirected(value: str, target: str) -> Row:
    step = "If the provider has moved, change its address in the configuration." + MORE
    return stopped(value, f"The provider redirects to {target}, which TokenKeep does not follow.", step)


HARMLESS = "no_par no_dpop other_dpop_algs no_end_session no_offline_access other_protected_resources unknown_members"

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
    endpoint("trap_token_endpoint", "cannot be used: the ~ must begin with https://"),
    stopped(
        "private_token_endpoint",
        "In the provider's metadata, token_endpoint cannot be used: 169.254.169.254 is no address of a provider.",
        "If that is meant so, write this endpoint, or an issuer in that network, into the configuration." + MORE,
    ),
    Row("metadata=html_type", sign_in, asked=EXCHANGED),
    *(
        stopped(value, "Demo publishes no metadata for the issuer {issuer}.", CHECK_ISSUER)
        for value in ("html", "array", "401", "403", "404", "410")
    ),
    stopped("empty", "The provider answered the request for its metadata with status 204."),
    stopped("partial", "The provider answered the request for its metadata with status 206."),
    down("500"),
    down("503"),
    redirected("redirect", "{issuer}/moved-metadata"),
    redirected("redirect_same_host", "{issuer}/jwks.json"),
    redirected("redirect_other_host", "https://somebody-else.invalid/metadata"),
    redirected("redirect_http", "http://somebody-else.invalid/metadata"),
    stopped(
        "huge", "The provider's answer is too large.", IN_ITS_PLACE + MORE, title="The provider's answer makes no sense"
    ),
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
    *(Row(f"metadata={value}", sign_in, asked=EXCHANGED) for value in HARMLESS.split()),
    stopped(
        "moved_token_endpoint",
        "The name somebody-else.invalid is not found.",
        AGAIN,
        does=sign_in_where_the_name_is_unknown,
        ends="provider_unreachable",
        title="The provider cannot be reached",
        asked={"/token": 0},
        shows={"pages opened": 1},
    ),
    *(
        Row(f"well_known={value}", sign_in, asked=EXCHANGED)
        for value in ("inserted_oauth", "inserted_openid", "appended_openid", "root")
    ),
    *(
        Row(f"well_known_absent={value} well_known=inserted_oauth", sign_in, asked=EXCHANGED)
        for value in ("401", "403", "404", "410", "html")
    ),
    *(replace(down(value), fault=f"well_known_absent={value} well_known=inserted_oauth") for value in ("500", "503")),
    replace(
        stopped("none", "Demo publishes no metadata for the issuer {issuer}.", CHECK_ISSUER), fault="well_known=none"
    ),
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
    if row.does is sign_in
    and row.ends == "provider_error"
    and row.covers[1] in ("wrong_issuer", "http_token_endpoint", "404", "redirect")
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
