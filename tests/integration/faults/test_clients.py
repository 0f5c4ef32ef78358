"""Who TokenKeep is to the server: rows of `client_auth`, `client_secret`, `basic`, `auth_methods`, `assertion_…`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.demo_provider import DemoProvider
from support.fault_rows import Row, ask, hold, refresh, sign_in, sign_in_by_code, sign_out
from support.fault_stage import Stage
from tokenkeep.domain.provider import SecretSource

WRONG_CLIENT = "The provider does not know this client, or the client's secret is wrong."
NOT_ALLOWED = "The provider does not allow this client to do that."
CHECK_CLIENT = "Check the client ID and secret of this provider. A sign-in that was there before is kept."
SWITCH = "a fault switch is on"
IN_ITS_PLACE = (
    "Try it again. If it stays so, something else may be answering in its place (a network sign-in page, a proxy), "
    "or its address in the configuration is wrong."
)
UNKNOWN = "The provider answered with status {} and nothing that TokenKeep understands.".format
RENEWED = {"/token": 1, "/token.refresh_token": 1}


def refused(value: str, says: str = WRONG_CLIENT, words: str = "", **changes: object) -> Row:
    """The sign-in is kept, the token serves on, and once the registration is right the old refresh token works."""
    row = Row(
        f"client_auth={value}",
        refresh,
        ends="provider_error",
        title="The provider does not accept this client registration",
        says=says,
        step=CHECK_CLIENT,
        words=words,
        state="failed",
        keeps="old",
        asked=RENEWED,
        mended="refreshing",
    )
    return replace(row, **changes)


def nonsense(value: str, status: int) -> Row:
    return refused(
        value,
        UNKNOWN(status),
        title="The provider's answer makes no sense",
        step=IN_ITS_PLACE,
        state="offline",
        mended="itself",
    )


KEPT = [
    refused("invalid_client", words=SWITCH),
    refused("invalid_client_400", words=SWITCH),
    refused("unauthorized_client", NOT_ALLOWED, SWITCH),
    refused("empty_401"),
    refused("html"),
    nonsense("empty_400", 400),
    nonsense("empty_403", 403),
    refused("invalid_client", words=SWITCH, does=ask, serves=False, mended="asking"),
    refused(
        "invalid_client",
        words=SWITCH,
        does=sign_in,
        state="signed_out",
        serves=False,
        keeps="nothing",
        asked={"/par": 1, "/token": 0},
        mended="sign_in",
    ),
    refused(
        "invalid_client",
        words=SWITCH,
        does=sign_in_by_code,
        state="signed_out",
        serves=False,
        keeps="nothing",
        asked={"/token": 0, "/device_authorization": 1},
        mended="sign_in",
    ),
]


@pytest.mark.parametrize("row", KEPT, ids=str)
async def test_CAUTH_4_a_broken_registration_never_ends_a_sign_in(stage: Stage, row: Row) -> None:
    await hold(row, stage)


def confidential(demo: DemoProvider, method: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The entry of a client that has a secret."""
    client = demo.description["clients"]["confidential"]
    monkeypatch.setenv("FAULT_TEST_SECRET", client["client_secret"])
    return {
        "client_id": client["client_id"],
        "client_secret": SecretSource(env="FAULT_TEST_SECRET"),
        "client_auth": method,
    }


SECRETS = [
    ("auto", Row("auth_methods=absent", sign_in, asked={"/token": 1})),
    ("auto", Row('auth_methods=["client_secret_post"]', sign_in, asked={"/token": 1})),
    ("auto", Row('auth_methods=["client_secret_basic"]', refresh, asked=RENEWED)),
    (
        "auto",
        Row(
            'auth_methods=["private_key_jwt"]',
            sign_in,
            ends="misconfigured",
            title="The configuration cannot work",
            says="The provider does not take a client secret.",
            step="Remove the client secret, or set `client_auth` to a way that the provider takes.",
            state="signed_out",
            serves=False,
            keeps="nothing",
            asked={"/token": 0},
            mended="sign_in",
        ),
    ),
    ("client_secret_post", Row("basic=raw", refresh, asked=RENEWED)),
    (
        "client_secret_basic",
        refused(
            "",
            "The provider could not use the request.",
            "client_id in the body is missing or differs from the authenticated client",
            fault="basic=wants_client_id",
            title="It did not work at the provider",
            step="Try it again; if it stays so, ask those who run the provider.",
        ),
    ),
    (
        "client_secret_basic",
        refused(
            "",
            fault="basic=raw",
            words="The client credentials are not valid",
        ),
    ),
    (
        "client_secret_basic",
        refused("", fault="client_secret=expired", words="The client secret has expired"),
    ),
    ("client_secret_post", refused("", fault="client_secret=expired", words="The client secret has expired")),
    (
        "client_secret_basic",
        Row(
            "client_secret=expired",
            sign_out,
            says="The tokens were removed here only: Demo refused to revoke them. They may work until they end.",
            words="False",
            state="signed_out",
            serves=False,
            keeps="nothing",
            asked={"/revoke": 1},
            mended="sign_in",
        ),
    ),
]


@pytest.mark.parametrize(("method", "row"), SECRETS, ids=[f"{row}, {method}" for method, row in SECRETS])
async def test_CAUTH_1_CAUTH_2_CAUTH_4_a_client_with_a_secret(
    open_stage, demo: DemoProvider, monkeypatch: pytest.MonkeyPatch, method: str, row: Row
) -> None:
    stage = await open_stage(**confidential(demo, method, monkeypatch))
    stage.secrets.append(demo.description["clients"]["confidential"]["client_secret"])
    await hold(row, stage)


def assertion_refused(fault: str, words: str) -> Row:
    return refused("", fault=fault, words=f"client_assertion: {words}")


ENDPOINT, UNTYPED = {"quirks": ["assertion_to_token_endpoint"]}, {"quirks": ["assertion_untyped"]}
ASSERTED = {"/par": 1, "/token": 1}
KEYS: list[tuple[dict[str, Any], Row]] = [
    ({}, Row("assertion_algs=absent", sign_in, asked=ASSERTED)),
    ({}, Row('assertion_algs=["RS256","ES256"]', sign_in, asked=ASSERTED)),
    (
        {},
        Row(
            'assertion_algs=["RS256"]',
            sign_in,
            ends="misconfigured",
            title="The configuration cannot work",
            says="The provider does not take signatures of this private key (ES256).",
            step="It takes RS256: give a private key of that kind.",
            state="signed_out",
            serves=False,
            keeps="nothing",
            asked={"/par": 0, "/token": 0},
            mended="sign_in",
        ),
    ),
    ({}, assertion_refused("assertion_audience=token_endpoint", "the claim aud does not name this server")),
    (ENDPOINT, Row("assertion_audience=token_endpoint", sign_in, asked=ASSERTED)),
    ({}, Row("assertion_audience=any", refresh, asked=RENEWED)),
    (ENDPOINT, Row("assertion_audience=any", sign_in, asked=ASSERTED)),
    ({}, Row("assertion_type=required", refresh, asked=RENEWED)),
    ({}, assertion_refused("assertion_type=refused", "the header typ is unknown")),
    (UNTYPED, Row("assertion_type=refused", sign_in, asked=ASSERTED)),
]


@pytest.mark.parametrize(("entry", "row"), KEYS, ids=[f"{row}, {''.join(one.get('quirks', ''))}" for one, row in KEYS])
async def test_CAUTH_3_a_client_with_a_key(
    open_stage, demo: DemoProvider, tmp_path: Path, entry: dict[str, Any], row: Row
) -> None:
    client = demo.description["clients"]["private_key_jwt"]
    (tmp_path / "key.json").write_text(json.dumps(client["private_jwk"]))
    key = SecretSource(file=str(tmp_path / "key.json"))
    stage = await open_stage(client_id=client["client_id"], private_key=key, **entry)
    stage.secrets.append(client["private_jwk"]["d"])
    await hold(row, stage)


ROWS = [*KEPT, *(row for _, row in SECRETS), *(row for _, row in KEYS)]
