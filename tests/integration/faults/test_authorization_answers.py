"""What comes back to the redirect address: the rows of `iss`, `state`, `code`, `dup`, `extra`, `authorize`, `pkce`."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from support.fault_rows import Row, hold, sign_in
from support.fault_stage import Outcome, Stage

AGAIN = "Start the sign-in again."
UNTOUCHED = {"state": "signed_out", "serves": False, "keeps": "nothing", "mended": "sign_in"}


async def sign_in_that_never_comes_back(stage: Stage, faults: dict[str, str]) -> Outcome:
    """The provider shows a page of its own and sends nobody back."""
    stage.switch(faults)
    started = await stage.begin()
    assert started.authorization_url is not None
    person = stage.person
    page = await asyncio.to_thread(person.get, started.authorization_url)
    if 'id="password"' in page.text:
        page = await asyncio.to_thread(person.log_in, page, "ada")
    assert (await asyncio.to_thread(lambda: person.submit(page, decision="allow"))).status_code == 400
    await stage.bench.clock.advance(300)
    return stage.outcome_of(await stage.bench.ended(started))


def not_used(fault: str, reason: str) -> Row:
    """The attempt is over, and nothing has gone to the token endpoint."""
    return Row(
        fault,
        sign_in,
        ends="provider_error",
        title="The provider's answer makes no sense",
        says=f"The response of Demo was not used: {reason}.",
        step=AGAIN,
        asked={"/token": 0},
        **UNTOUCHED,
    )


def ignored(fault: str) -> Row:
    """Not the answer to this attempt, which goes on waiting; the genuine one still counts."""
    return Row(
        fault,
        sign_in,
        ends="waiting_for_browser",
        state="signing_in",
        serves=False,
        keeps="nothing",
        asked={"/token": 0},
        mended="browser",
    )


def refused(fault: str, says: str, step: str = AGAIN) -> Row:
    """An error of the standard, after the checks that come before it."""
    return Row(
        fault,
        sign_in,
        ends="provider_error",
        title="It did not work at the provider",
        says=says,
        step=step,
        asked={"/token": 0},
        **UNTOUCHED,
    )


def denied(fault: str, says: str) -> Row:
    """The person said no."""
    row = refused(fault, says)
    return replace(row, ends="access_denied", title="Access was denied")


OTHER_SERVER = "it comes from another server than the one that was asked"
ROWS = [
    *(not_used(f"iss={value}", OTHER_SERVER) for value in ("wrong", "slash", "upper", "port", "encoded")),
    not_used("iss=missing", "it does not say which server it comes from, although this server always does"),
    not_used("iss=wrong authorize=markup", OTHER_SERVER),
    *(ignored(f"state={value}") for value in ("missing", "wrong", "empty", "upper")),
    ignored("state=wrong authorize=markup"),
    not_used("code=missing", "it holds no code"),
    not_used("code=empty", "it holds no code"),
    not_used("code=with_error", "it holds both a code and an error"),
    ignored("dup=state"),
    not_used("dup=code", "a parameter occurs twice"),
    not_used("dup=iss", "a parameter occurs twice"),
    not_used("dup=error authorize=access_denied", "a parameter occurs twice"),
    Row("extra=unknown", sign_in, asked={"/token": 1}),
    *(not_used(f"extra={value}", "it holds more than a code") for value in ("access_token", "id_token", "response")),
    denied("authorize=access_denied", "The request was denied."),
    denied(
        "authorize=markup",
        "The request was denied. The provider says: "
        "“<script>document.title=\"CANARY\"</script> Set-Cookie: canary=1”.",
    ),
    refused("authorize=server_error", "The provider had an error of its own."),
    refused("authorize=temporarily_unavailable", "The provider is not available at the moment."),
    refused("authorize=invalid_request", "The provider could not use the request."),
    refused(
        "authorize=invalid_scope",
        "The provider does not give one of the scopes that were asked for.",
        step="Check `scopes` of this provider in the configuration.",
    ),
    Row(
        "authorize=error_page",
        sign_in_that_never_comes_back,
        ends="timed_out",
        title="The time for this sign-in is over",
        says="Nobody finished the sign-in in the browser within 5 minutes.",
        step=f"{AGAIN} If the provider's page said that the redirect address is not known: Register {{callback}} as a "
        "redirect address of this client; where the provider compares the port too, choose one with `redirect_port`.",
        asked={"/token": 0},
        **UNTOUCHED,
    ),
    Row("pkce=optional", sign_in, asked={"/token": 1}),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_RESP_1_RESP_3_RESP_4_RESP_6_RESP_7_RESP_8_PKCE_1_an_answer_counts_only_when_all_of_it_is_right(
    stage: Stage, row: Row
) -> None:
    await hold(row, stage)
