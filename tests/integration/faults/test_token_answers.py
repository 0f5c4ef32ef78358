"""Every answer that a token endpoint may give in place of a genuine one, at each of the four kinds of request.

`exchange` spoils a sign-in with the browser, `poll` one with a code, `refresh` the renewal of a token that is still
good, and `token` one that a program waits for because the token has run out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from support.fault_rows import Row, ask, hold, refresh, sign_in, sign_in_again, sign_in_by_code
from support.fault_stage import Stage

AGAIN = "Start the sign-in again."
NEW_CODE = "Start again for a new code."
SWITCH = "a fault switch is on"  # what the provider's error answers say
REFUSED = "It did not work at the provider"
ASK_THEM = "Try it again; if it stays so, ask those who run the provider."
CHECK_CLIENT = "Check the client ID and secret of this provider. A sign-in that was there before is kept."
CHECK_SCOPES = "Check `scopes` of this provider in the configuration."
CHECK_FLOW = "Check `flow` of this provider in the configuration."
CHECK_ADDRESS = "If the provider has moved, change its address in the configuration."
IN_ITS_PLACE = (
    "Try it again. If it stays so, something else may be answering in its place (a network sign-in page, a proxy), "
    "or its address in the configuration is wrong."
)
LATER_TITLE = "The provider cannot be reached"
NONSENSE_TITLE = "The provider's answer makes no sense"
CLIENT_TITLE = "The provider does not accept this client registration"


@dataclass(frozen=True)
class Answer:
    """What one answer means, whichever request it is given to.

    :param kind: `later` is waited out, `nonsense` too where there is something to keep; `refused` and `client` need
        somebody's hand; `ended` and `denied` are the provider's last word on a sign-in; `code` is of device codes.
    """

    value: str
    kind: str
    says: str
    step: str = ASK_THEM
    words: str = ""


def later(value: str, says: str) -> Answer:
    return Answer(value, "later", says)


def nonsense(value: str, says: str) -> Answer:
    return Answer(value, "nonsense", says, IN_ITS_PLACE)


def ended(value: str, words: str = "") -> Answer:
    return Answer(value, "ended", "The sign-in is no longer valid at the provider.", words=words)


def named(value: str) -> Answer:
    return Answer(value, "refused", f"The provider answered with the error “{value}”.", words=SWITCH)


BUSY = "The provider does not take the request at the moment (status {}).".format
DOWN = "The provider does not work at the moment (status {}).".format
UNKNOWN = "The provider answered with status {} and nothing that TokenKeep understands.".format
NO_JSON = "The provider answered with status 200 and a body that is not JSON."
NO_OBJECT = "The provider's token answer is not a JSON object."
NO_TOKEN = "The provider's token answer has no access_token."
WRONG_CLIENT = "The provider does not know this client, or the client's secret is wrong."
LONG = "[31m" + "long " * 59 + "…"

ANSWERS = [
    nonsense("400", UNKNOWN(400)),
    nonsense("401", UNKNOWN(401)),
    later("408", BUSY(408)),
    later("425", BUSY(425)),
    later("429", "The provider was asked too often and wants a pause (status 429)."),
    later("500", DOWN(500)),
    later("502", DOWN(502)),
    later("503", DOWN(503)),
    later("504", DOWN(504)),
    later("html", DOWN(502)),
    nonsense("html200", NO_JSON),
    nonsense("array", NO_OBJECT),
    nonsense("null", NO_OBJECT),
    nonsense("empty", NO_JSON),
    nonsense("bom", NO_JSON),
    nonsense("bad_utf8", NO_JSON),
    nonsense("dup_keys", NO_JSON),
    nonsense("nan", NO_JSON),
    nonsense("huge", "The provider's answer is too large."),
    nonsense("truncated", "The provider's answer was cut off."),
    Answer(
        "redirect", "refused", "The provider redirects to /moved-token, which TokenKeep does not follow.", CHECK_ADDRESS
    ),
    nonsense("missing_access_token", NO_TOKEN),
    nonsense("number_access_token", "In the provider's token answer, access_token is no token."),
    nonsense("empty_access_token", NO_TOKEN),
    nonsense("missing_token_type", "The provider's token answer has no token_type."),
    Answer("mac_type", "refused", "The provider gave a token of the unknown type “mac”."),
    Answer("na_type", "refused", "The provider gave a token of the unknown type “N_A”."),
    Answer("invalid_request", "refused", "The provider could not use the request.", words=SWITCH),
    Answer("invalid_client", "client", WRONG_CLIENT, CHECK_CLIENT, SWITCH),
    ended("invalid_grant", SWITCH),
    Answer(
        "unauthorized_client", "client", "The provider does not allow this client to do that.", CHECK_CLIENT, SWITCH
    ),
    Answer("unsupported_grant_type", "refused", "The provider does not offer this way to sign in.", CHECK_FLOW, SWITCH),
    Answer(
        "invalid_scope",
        "refused",
        "The provider does not give one of the scopes that were asked for.",
        CHECK_SCOPES,
        SWITCH,
    ),
    later("server_error", "The provider had an error of its own."),
    later("temporarily_unavailable", "The provider is not available at the moment."),
    Answer(
        "access_denied",
        "denied",
        f"The request was denied. The provider says: “{SWITCH}”.",
        "Sign in again if that was a mistake.",
    ),
    Answer("expired_token", "code", "The code ran out before it was confirmed.", words=SWITCH),
    replace(named("authorization_pending"), kind="code"),
    replace(named("slow_down"), kind="code"),
    named("made_up"),
    ended("error200"),
    ended("error_form", "gone"),
    ended("error_text_plain"),
    ended("error_html_type"),
    nonsense("error_number", UNKNOWN(400)),
    ended("error_long", LONG),
    ended("invalid_grant_401"),
    Answer("www_authenticate_only", "client", WRONG_CLIENT, CHECK_CLIENT),
]


def failed_sign_in(answer: Answer) -> Row:
    """Nothing is kept, the code is not sent twice, and starting again is all it takes (TOK-3, TOK-9)."""
    row = Row(
        f"exchange={answer.value}",
        sign_in,
        ends="provider_error",
        title=REFUSED,
        says=answer.says,
        step=answer.step,
        words=answer.words,
        state="signed_out",
        serves=False,
        keeps="nothing",
        asked={"/token": 1, "/token.authorization_code": 1, "/userinfo": 0},
        mended="sign_in",
    )
    match answer.kind:
        case "later":
            return replace(row, ends="provider_unreachable", title=LATER_TITLE, step=AGAIN)
        case "nonsense":
            return replace(row, title=NONSENSE_TITLE)
        case "client":
            return replace(row, title=CLIENT_TITLE)
        case "denied":
            return replace(row, ends="access_denied", title="Access was denied")
        case "ended":
            return replace(row, says="The provider did not accept the code of this sign-in.", step=AGAIN)
    return row


def failed_sign_in_by_code(answer: Answer) -> Row:
    """Trouble is waited out, pending goes on, everything else ends the polling (DEV-4, DEV-6)."""
    row = replace(
        failed_sign_in(answer),
        fault=f"poll={answer.value}",
        does=sign_in_by_code,
        asked={"/token": 1, "/token.device_code": 1, "/device_authorization": 1, "/userinfo": 0},
    )
    goes_on = answer.kind == "later" or answer.value in ("truncated", "authorization_pending", "slow_down")
    if goes_on:
        return replace(
            row, ends="waiting_for_code", title="", says="", step="", words="", state="signing_in", mended="code"
        )
    if answer.kind == "ended":
        return replace(row, says="The provider does not accept the code any more.", step=NEW_CODE)
    if answer.value == "expired_token":
        return replace(row, ends="timed_out", title="The time for this sign-in is over", step=NEW_CODE, words="")
    return row


def failed_refresh(answer: Answer) -> Row:
    """One request. Only the provider's last word ends the sign-in; otherwise the token serves on (REF-4, REF-5)."""
    row = replace(
        failed_sign_in(answer),
        fault=f"refresh={answer.value}",
        does=refresh,
        state="failed",
        serves=True,
        keeps="old",
        asked={"/token": 1, "/token.refresh_token": 1},
        mended="refreshing",
    )
    match answer.kind:
        case "later":
            return replace(row, step="TokenKeep tries again by itself.", state="offline", mended="itself")
        case "nonsense":
            return replace(row, state="offline", mended="itself")
        case "ended":
            return replace(
                row,
                title="This sign-in has ended",
                says=answer.says,
                step="Sign in again.",
                state="needs_sign_in",
                serves=False,
                keeps="nothing",
                mended="sign_in",
            )
    return row


def failed_question(answer: Answer) -> Row:
    """The program is told why there is no token, in the same words (REF-5, CAUTH-4)."""
    row = failed_refresh(answer)
    mended = {"itself": "asking", "refreshing": "asking"}.get(row.mended, row.mended)
    return replace(row, fault=f"token={answer.value}", does=ask, serves=False, mended=mended)


ROWS = [make(answer) for make in (failed_sign_in, failed_sign_in_by_code, failed_refresh, failed_question)
        for answer in ANSWERS]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_TOK_3_TOK_4_TOK_5_TOK_9_REF_4_REF_5_CAUTH_4_DEV_4_DEV_6_wrong_token_answers(
    stage: Stage, row: Row
) -> None:
    await hold(row, stage)


BESIDE = [
    replace(row, does=sign_in_again, state="active", serves=True, keeps="old", mended="sign_in")
    for row in map(failed_sign_in, ANSWERS)
    if row.covers[1] in ("503", "html200", "invalid_grant", "invalid_client", "access_denied", "redirect")
]


@pytest.mark.parametrize("row", BESIDE, ids=str)
async def test_LOOP_13_REF_4_a_sign_in_that_fails_leaves_the_one_before_alone(stage: Stage, row: Row) -> None:
    await hold(row, stage)


async def test_REF_4_a_sign_in_that_ended_is_told_of_once_and_not_tried_again(stage: Stage) -> None:
    await stage.signed_in()
    stage.switch({"refresh": "invalid_grant"})
    await stage.renew_in_background()
    stage.demo.clear_faults()
    await stage.bench.let(86_400)
    assert stage.demo.count("/token") == 1
    assert [notice.title for notice in stage.bench.of("notice")] == ["Sign in to Demo again"]
