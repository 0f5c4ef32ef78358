"""The authorization response."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.attempts import CODE, start
from support.oauth_values import ISSUER
from tokenkeep.domain.errors import (
    AccessDenied,
    MalformedAnswer,
    ProviderError,
    TokenKeepError,
)
from tokenkeep.oauth.authorization import Attempt, UnrelatedResponse, read_response


def response(attempt: Attempt, *more: tuple[str, str], **changes: str | None) -> str:
    """A good response's query with changes; None leaves a parameter out."""
    members: dict[str, str | None] = {"code": CODE.reveal(), "state": attempt.state.reveal()}
    pairs = [(name, value) for name, value in (members | changes).items() if value is not None]
    return urlencode([*pairs, *more])


def refused(attempt: Attempt, query: str) -> TokenKeepError:
    """The error that ends the attempt."""
    with pytest.raises(TokenKeepError) as caught:
        read_response(attempt, query)
    assert not isinstance(caught.value, UnrelatedResponse)
    return caught.value


def unrelated(attempt: Attempt, query: str) -> None:
    with pytest.raises(UnrelatedResponse) as caught:
        read_response(attempt, query)
    assert "CANARY" not in repr(vars(caught.value))


def test_RESP_1_good_response_gives_the_code():
    attempt = start()
    assert read_response(attempt, response(attempt)) == CODE


def test_RESP_1_foreign_state_leaves_the_attempt_pending():
    attempt, other = start(), start()
    state = attempt.state.reveal()
    for wrong in (None, "", "wrong", state.swapcase(), state + "x", state[:-1], " " + state, "é", other.state.reveal()):
        unrelated(attempt, response(attempt, state=wrong))
    for query in ("", "&&&", "%", "state", "a" * 10_000, "&".join(f"a{number}=1" for number in range(1000))):
        unrelated(attempt, query)
    assert read_response(attempt, response(attempt)) == CODE


ADVERTISED = {"metadata_authorization_response_iss_parameter_supported": True}


@pytest.mark.parametrize(
    ("issuer", "iss"),
    [
        (ISSUER, "https://evil.example.com"),
        (ISSUER, ISSUER + "/"),
        (ISSUER + "/", ISSUER),
        (ISSUER, "https://AUTH.example.com"),
        (ISSUER, ISSUER + ":443"),
        ("https://auth.example.com/~a", "https://auth.example.com/%7Ea"),
        (ISSUER, ISSUER.upper()),
        (ISSUER, ISSUER + "\n"),
        (ISSUER, "\ud800"),
    ],
)
@pytest.mark.parametrize("advertised", [{}, ADVERTISED], ids=["unadvertised", "advertised"])
def test_RESP_3_RESP_5_iss_is_compared_to_the_letter(issuer, iss, advertised):
    attempt = start(issuer=issuer, metadata_issuer=issuer, **advertised)
    query = response(attempt, iss=iss.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    assert isinstance(refused(attempt, query), MalformedAnswer)
    assert read_response(attempt, response(attempt, iss=issuer)) == CODE


def test_RESP_5_an_unadvertised_issuer_that_is_the_right_one_is_noted(caplog):
    caplog.set_level("INFO")
    attempt = start()
    assert read_response(attempt, response(attempt, iss=ISSUER)) == CODE
    assert "names its issuer" in caplog.text
    caplog.clear()
    attempt = start(**ADVERTISED)
    assert read_response(attempt, response(attempt, iss=ISSUER)) == CODE
    assert caplog.text == ""


@pytest.mark.parametrize("iss", [None, ""])
def test_RESP_4_missing_iss_is_fatal_when_advertised(iss):
    attempt = start(**ADVERTISED)
    assert "which server" in refused(attempt, response(attempt, iss=iss)).detail
    attempt = start()
    assert read_response(attempt, response(attempt, iss=iss)) == CODE


def test_RESP_3_provider_without_an_issuer_takes_iss_of_its_own_server_only():
    attempt = start(issuer="", metadata_issuer="")
    assert read_response(attempt, response(attempt, iss=f"{ISSUER}/login/oauth")) == CODE
    refused(attempt, response(attempt, iss="https://evil.example.com"))
    refused(attempt, response(attempt, iss="https://[broken"))


def test_RESP_6_errors_are_believed_only_after_state_and_issuer():
    attempt = start(**ADVERTISED)
    error: dict[str, str | None] = {"code": None, "error": "access_denied", "error_description": "CANARY\x1b[1m <b>"}
    unrelated(attempt, response(attempt, **error | {"state": "bad"}))
    wrong = refused(attempt, response(attempt, **error, iss="https://evil.example.com"))
    assert "CANARY" not in wrong.detail
    assert isinstance(wrong, MalformedAnswer)
    denied = refused(attempt, response(attempt, **error, iss=ISSUER))
    assert isinstance(denied, AccessDenied)
    assert denied.detail == "The request was denied. The provider says: “CANARY[1m <b>”."


def test_RESP_6_other_errors_keep_code_and_description():
    attempt = start()
    error = refused(
        attempt, response(attempt, code=None, error="invalid_scope", error_description="no such", error_uri="https://x")
    )
    assert isinstance(error, ProviderError)
    assert (error.error, error.description) == ("invalid_scope", "no such")
    assert "scopes" in error.detail
    made_up = refused(attempt, response(attempt, code=None, error="made\x00up" + "x" * 500))
    assert isinstance(made_up, ProviderError)
    assert made_up.error is not None
    assert made_up.error.startswith("madeup")
    assert len(made_up.error) <= 64
    assert made_up.description is None


def test_RESP_7_a_parameter_twice_makes_it_invalid():
    attempt = start()
    unrelated(attempt, response(attempt, ("state", attempt.state.reveal())))
    unrelated(attempt, response(attempt, ("state", "")))
    for more in (("code", "x"), ("code", CODE.reveal()), ("code", "")):
        refused(attempt, response(attempt, more))
    refused(attempt, response(attempt, ("iss", ISSUER), ("iss", ISSUER)))
    refused(attempt, response(attempt, ("error", "a"), ("error", "a"), code=None))
    refused(attempt, response(attempt, ("foo", "1"), ("foo", "2")))
    refused(attempt, response(attempt, ("error", "access_denied")))


def test_RESP_8_unknown_parameters_are_ignored():
    attempt = start()
    assert read_response(attempt, response(attempt, session_state="x", foo="", error="", scope="a")) == CODE


@pytest.mark.parametrize("code", [None, "", "line\nbreak", "é"])
def test_RESP_8_no_usable_code(code):
    attempt = start()
    assert "no code" in refused(attempt, response(attempt, code=code)).detail


@pytest.mark.parametrize("name", ["access_token", "id_token", "response", "token_type"])
@pytest.mark.parametrize("value", ["", "CANARY"])
def test_RESP_8_front_channel_tokens_are_refused(name, value):
    attempt = start()
    assert "CANARY" not in refused(attempt, response(attempt, (name, value))).detail


ATTEMPT = start()
chunks = st.sampled_from(["state", "code", "iss", "error", "=", "&", "%", "+", ATTEMPT.state.reveal(), ISSUER, "x"])


@given(st.text() | st.lists(chunks | st.text(max_size=3), max_size=30).map("".join))
def test_RESP_8_no_query_raises_anything_but_our_errors(query):
    try:
        code = read_response(ATTEMPT, query)
    except TokenKeepError:
        return
    assert f"state={ATTEMPT.state.reveal()}" in query
    assert code
