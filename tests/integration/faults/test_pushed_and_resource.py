"""Before the browser: the rows of `par`, and of `resource_indicator` wherever a resource is named."""

from __future__ import annotations

from typing import Any

import pytest

from support.fault_rows import Row, hold, refresh, sign_in, sign_in_by_code
from support.fault_stage import Outcome, Stage

AGAIN = "Start the sign-in again."
IN_ITS_PLACE = (
    "Try it again. If it stays so, something else may be answering in its place (a network sign-in page, a proxy), "
    "or its address in the configuration is wrong."
)
NO_SENSE = "The provider's answer makes no sense"
AT_THE_PROVIDER = "It did not work at the provider"
UNTOUCHED: dict[str, Any] = {
    "state": "signed_out",
    "serves": False,
    "keeps": "nothing",
    "asked": {"/token": 0},
    "shows": {"pages opened": 0},
}


def refused(fault: str, says: str, step: str = IN_ITS_PLACE, **changes: Any) -> Row:
    """No browser is opened, and no plain address takes the place of the pushed request."""
    row: dict[str, Any] = {"ends": "provider_error", "title": NO_SENSE, **UNTOUCHED, "mended": "sign_in"}
    return Row(fault, sign_in, says=says, step=step, **(row | changes))


def no_reason(status: str) -> Row:
    return refused(
        f"par={status}", f"The provider answered the pushed request with status {status} and gave no reason."
    )


PUSHED = [
    no_reason("400"),
    no_reason("405"),
    no_reason("413"),
    no_reason("401"),
    refused(
        "par=invalid_client",
        "The provider does not know this client, or the client's secret is wrong.",
        "Check the client ID and secret of this provider. A sign-in that was there before is kept.",
        title="The provider does not accept this client registration",
        words="a fault switch is on",
    ),
    refused(
        "par=invalid_request",
        "The provider could not use the request.",
        "Try it again; if it stays so, ask those who run the provider.",
        title=AT_THE_PROVIDER,
        words="a fault switch is on",
    ),
    refused("par=html", "The provider answered with status 201 and a body that is not JSON."),
    refused(
        "par=redirect",
        "The provider redirects to /moved-token, which TokenKeep does not follow.",
        "If the provider has moved, change its address in the configuration.",
        title=AT_THE_PROVIDER,
    ),
    *(
        refused(f"par={value}", f"The provider's answer to the pushed request has no {name}.")
        for value, name in (
            ("no_request_uri", "request_uri"),
            ("number_request_uri", "request_uri"),
            ("no_expires_in", "expires_in"),
            ("text_expires_in", "expires_in"),
        )
    ),
    *(Row(f"par={value}", sign_in, asked={"/par": 1, "/token": 1}) for value in ("429", "500", "503", "200")),
    refused(
        "metadata=par_without_endpoint",
        "The provider demands pushed authorization requests and has no endpoint for them.",
        "Ask those who run the provider to name pushed_authorization_request_endpoint in its metadata.",
        title=AT_THE_PROVIDER,
    ),
]


async def open_too_late(stage: Stage, faults: dict[str, str]) -> Outcome:
    """The browser comes when the request has run out, and once more after a click on "Open again"."""
    stage.switch(faults)
    started = await stage.begin()
    assert started.authorization_url is not None
    assert stage.person.get(started.authorization_url).status_code == 400
    stage.demo.clear_faults()
    again = await stage.bench.engine.reopen_browser(started.id)
    await stage.back(await stage.decided(again))
    return stage.outcome_of(await stage.bench.ended(started))


EXPIRED = Row("par=expired", open_too_late, asked={"/par": 2, "/token": 1}, shows={"pages opened": 2})


@pytest.mark.parametrize("row", [*PUSHED, EXPIRED], ids=str)
async def test_PAR_1_PAR_3_a_request_that_is_not_taken(stage: Stage, row: Row) -> None:
    await hold(row, stage)


TARGET = "The provider does not give tokens for the resource that was asked for."
TARGET_TITLE = "The provider does not give tokens for that resource"
WORDS = "resource must be an absolute URI without a fragment"
TARGET_STEP = "Check `resource` and `audience` of this provider in the configuration."


async def ask_for_one(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A program asks for a token for one of the resources."""
    await stage.signed_in()
    stage.switch(faults)
    return await stage.ask(resource=(stage.demo.resource,))


RESOURCES = [
    refused("resource_indicator=refused", TARGET, TARGET_STEP, title=TARGET_TITLE, words=WORDS),
    refused(
        "resource_indicator=refused metadata=no_par",
        TARGET,
        TARGET_STEP,
        title=TARGET_TITLE,
        words=WORDS,
        shows={"pages opened": 1},
    ),
    Row(
        "resource_indicator=refused",
        sign_in_by_code,
        ends="provider_error",
        title=TARGET_TITLE,
        says=TARGET,
        step=TARGET_STEP,
        words=WORDS,
        **(UNTOUCHED | {"asked": {"/token": 0, "/device_authorization": 1}}),
        mended="sign_in",
    ),
    Row(
        "resource_indicator=refused",
        refresh,
        ends="provider_error",
        title=TARGET_TITLE,
        says=TARGET,
        step=TARGET_STEP,
        words=WORDS,
        state="failed",
        keeps="old",
        asked={"/token": 1},
        mended="refreshing",
    ),
    Row(
        "resource_indicator=refused",
        ask_for_one,
        ends="resource_not_allowed",
        title="The sign-in does not cover that resource",
        says=TARGET,
        step="Ask for another resource, or sign in for this one.",
        keeps="old",
        asked={"/token": 1},
    ),
    Row("resource_indicator=ignored", sign_in, asked={"/token": 1}),
    Row("resource_indicator=ignored", refresh, asked={"/token": 1}),
]


@pytest.mark.parametrize("row", RESOURCES, ids=str)
async def test_RES_1_a_resource_that_the_server_gives_no_tokens_for(open_stage: Any, demo: Any, row: Row) -> None:
    await hold(row, await open_stage(resource=[demo.resource, f"{demo.origin}/v1"]))
