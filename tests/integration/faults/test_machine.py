"""The grants without a person: rows of `machine`, `machine_refresh_token` and `issued_token_type` (GRANT)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from integration.faults.test_token_answers import (
    ANSWERS,
    CHECK_SCOPES,
    CLIENT_TITLE,
    IN_ITS_PLACE,
    LATER_TITLE,
    NONSENSE_TITLE,
    REFUSED,
    SWITCH,
    Answer,
)
from support.demo_clients import DemoClient, trusted_assertion
from support.demo_provider import DemoProvider
from support.fault_rows import Row, hold
from support.fault_stage import Outcome, Stage
from tokenkeep.domain.provider import Flow, SecretSource, SubjectToken

CHECK_SERVICE = (
    "Check the client ID, its secret or key, and whether the provider lets this client get tokens for itself "
    "(often called a service account)."
)
TYPE = "urn:ietf:params:oauth:token-type:"
NOT_SAID = "Demo does not say what kind of token it gave (issued_token_type), so it is not used."
ONE = {"/token": 1}


async def ask_first(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A program asks, and there has never been a token."""
    stage.switch(faults)
    return await stage.ask()


async def renew(stage: Stage, faults: dict[str, str]) -> Outcome:
    """The background gets the next token while this one is good."""
    assert await stage.ask() == Outcome("done")
    stage.switch(faults)
    return await stage.renew_in_background()


def row_of(answer: Answer, does: Callable[..., Any] = ask_first) -> Row:
    """What a program gets that asks while the provider answers so."""
    step = CHECK_SCOPES if answer.value == "invalid_scope" else answer.step
    title, state, says, words = REFUSED, "failed", answer.says, answer.words
    match answer.kind:
        case "later":
            title, state, step = LATER_TITLE, "offline", "TokenKeep tries again by itself."
        case "nonsense":
            title, state, step = NONSENSE_TITLE, "offline", IN_ITS_PLACE
        case "client":
            title, step = CLIENT_TITLE, CHECK_SERVICE
        case "ended":
            says, step = "Demo does not accept this client’s request.", "Check the client's rights at the provider."
        case "denied":
            step, words = "Check the client's rights at the provider.", ""
    return Row(
        f"machine={answer.value}",
        does,
        ends="provider_unreachable" if answer.kind == "later" else "provider_error",
        title=title,
        says=says,
        step=step,
        words=words,
        state=state,
        serves=does is renew,
        keeps="nothing",
        asked=ONE,
        mended="itself" if state == "offline" else "refreshing" if does is renew else "asking",
    )


SERVICE = [
    *map(row_of, ANSWERS),
    *(row_of(answer, renew) for answer in ANSWERS if answer.value in ("503", "html200", "invalid_client")),
    Row("machine_refresh_token=on", ask_first, keeps="nothing", asked=ONE),
    Row("machine_refresh_token=on", renew, keeps="nothing", asked={"/token": 1, "/token.client_credentials": 1}),
]


def not_used(value: str, says: str, step: str) -> Row:
    return Row(
        f"issued_token_type={value}",
        ask_first,
        ends="provider_error",
        title=REFUSED,
        says=says,
        step=step,
        state="failed",
        serves=False,
        keeps="nothing",
        asked=ONE,
        mended="asking",
    )


UNNAMED = "Ask those who run the provider: RFC 8693 §2.2.1 requires it."
EXCHANGES = [
    not_used("absent", NOT_SAID, UNNAMED),
    not_used("null", NOT_SAID, UNNAMED),
    not_used(
        f"{TYPE}jwt",
        f"Demo gave a token of the type “{TYPE}jwt” and not of the one asked for.",
        "Change `requested_token_type`, or allow it with the quirk any_issued_type.",
    ),
    Row(
        "machine=na_type",
        ask_first,
        ends="provider_error",
        title=REFUSED,
        says=NOT_SAID,
        step=UNNAMED,
        state="failed",
        serves=False,
        keeps="nothing",
        asked=ONE,
        mended="asking",
    ),
    Row(
        "machine=invalid_request",
        ask_first,
        ends="provider_error",
        title=REFUSED,
        says="The provider could not use the request.",
        step="Check at the provider whom it trusts, and the token's type, issuer, audience and times.",
        words=SWITCH,
        state="failed",
        serves=False,
        keeps="nothing",
        asked=ONE,
        mended="asking",
    ),
]
ROWS = [*SERVICE, *EXCHANGES]


def service(demo: DemoProvider) -> dict[str, Any]:
    """The entry of a program with a secret."""
    return {
        "flow": Flow.CLIENT_CREDENTIALS,
        "client_id": DemoClient(demo, "service").client_id,
        "client_secret": SecretSource(env="A_SECRET"),
        "scopes": ["notes:read"],
    }


def workload(demo: DemoProvider, flow: Flow, **changes: Any) -> dict[str, Any]:
    """The entry of a program that somebody else vouches for."""
    return {
        "flow": flow,
        "client_id": DemoClient(demo, "workload").client_id,
        "subject_token": SubjectToken(source="env", name="A_SUBJECT"),
        "scopes": ["notes:read"],
    } | changes


@pytest.fixture(autouse=True)
def _credentials(demo: DemoProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", DemoClient(demo, "service").known["client_secret"])
    monkeypatch.setenv("A_SUBJECT", trusted_assertion(demo))


@pytest.mark.parametrize("row", SERVICE, ids=str)
async def test_GRANT_1_REF_5_TOK_3_answers_to_client_credentials(demo, open_stage, row: Row) -> None:
    await hold(row, await open_stage(**service(demo)))


@pytest.mark.parametrize("row", EXCHANGES, ids=str)
async def test_GRANT_3_GRANT_4_answers_to_a_token_exchange(demo, open_stage, row: Row) -> None:
    entry = workload(demo, Flow.TOKEN_EXCHANGE, requested_token_type=f"{TYPE}access_token")
    await hold(row, await open_stage(**entry))


async def test_GRANT_2_the_trusted_issuers_word_is_enough_for_a_token(demo, open_stage) -> None:
    stage = await open_stage(**workload(demo, Flow.JWT_BEARER))
    assert await stage.ask() == Outcome("done")
    assert (await stage.serves(), stage.shown.account) == (True, "demo-ada")


@pytest.mark.parametrize(
    ("claims", "words"),
    [({"aud": "https://elsewhere.example"}, "does not name this server"), ({"exp": 1000}, "has expired")],
)
async def test_GRANT_2_a_refused_assertion_is_said_in_the_providers_words_and_mended_by_the_next(
    demo, open_stage, monkeypatch, claims, words
) -> None:
    monkeypatch.setenv("A_SUBJECT", trusted_assertion(demo, **claims))
    stage = await open_stage(**workload(demo, Flow.JWT_BEARER))
    refused = await stage.ask()
    assert (refused.ends, refused.says) == ("provider_error", "Demo does not accept the assertion.")
    assert words in refused.words
    monkeypatch.setenv("A_SUBJECT", trusted_assertion(demo))
    await stage.mend_by_asking()
    assert await stage.serves()


async def test_GRANT_2_a_wrong_clock_of_the_provider_is_named(demo, open_stage, monkeypatch) -> None:
    monkeypatch.setenv("A_SUBJECT", trusted_assertion(demo))
    stage = await open_stage(**workload(demo, Flow.JWT_BEARER))
    stage.switch({"clock": "+900"})
    refused = await stage.ask()
    assert "the clock of this machine is 15 minutes behind the provider's" in refused.says
    assert refused.step.startswith("Set the clock of this machine")


async def test_GRANT_2_an_assertion_signed_here_gets_a_token_each_time(demo, open_stage, monkeypatch) -> None:
    client = DemoClient(demo, "private_key_jwt")
    monkeypatch.setenv("A_KEY", json.dumps(client.known["private_jwk"]))
    stage = await open_stage(
        flow=Flow.JWT_BEARER,
        client_id=client.client_id,
        client_auth="private_key_jwt",
        private_key=SecretSource(env="A_KEY"),
        scopes=["notes:read"],
    )
    assert await stage.ask() == Outcome("done")
    assert (await stage.serves(), stage.shown.account) == (True, client.client_id)
    stage.bench.clock.skip(10)
    await stage.bench.engine.refresh("p")
    assert stage.demo.count("/token.ok") == 2


async def test_GRANT_3_an_exchange_names_subject_and_actor_and_several_targets(demo, open_stage, monkeypatch) -> None:
    monkeypatch.setenv("AN_ACTOR", trusted_assertion(demo, sub="demo-grace"))
    entry = workload(
        demo,
        Flow.TOKEN_EXCHANGE,
        actor_token=SubjectToken(source="env", name="AN_ACTOR"),
        resource=[demo.description["resource"]],
        audience=[DemoClient(demo, "service").client_id, DemoClient(demo, "workload").client_id],
    )
    stage = await open_stage(**entry)
    assert await stage.ask() == Outcome("done")
    (request,) = [one for one in demo.log() if one["path"] == "/token"][-1:]
    assert request["token_types"] == {"subject_token_type": f"{TYPE}jwt", "actor_token_type": f"{TYPE}jwt"}
    assert len(request["audiences"]) == 2
    assert request["resources"] == [demo.description["resource"]]
