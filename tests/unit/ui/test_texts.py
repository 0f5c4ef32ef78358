"""State words, sentences and lists, as the table of states says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support import snapshots
from support.snapshots import NOW, at
from tokenkeep.domain.errors import ClientRejected, Misconfigured, ProviderError
from tokenkeep.domain.registration import ClientFacts
from tokenkeep.domain.session import ConfigurationProblem, SessionSnapshot, SessionState, SignInState
from tokenkeep.ui import icons, texts


@pytest.mark.parametrize(
    ("session", "mark", "words"),
    [
        (snapshots.active(), "ok", "Signed in, refreshes at 14:48"),
        (snapshots.refreshing(), "working", "Refreshing…"),
        (snapshots.session(SessionState.SIGNING_IN), "working", "Waiting for your browser…"),
        (snapshots.session(SessionState.SIGNED_OUT, sealed=True), "locked", "Locked"),
        (snapshots.needs_sign_in(), "needs", "Sign in again"),
        (snapshots.offline(), "offline", "Offline, token good until 14:31"),
        (snapshots.offline(token_usable=False), "offline", "Offline, no valid token"),
        (snapshots.offline(expires_at=at(14)), "offline", "Offline, no valid token"),
        (snapshots.failed(), "failed", "Setup problem: no client ID"),
        (snapshots.signed_out(), "signed_out", "Signed out"),
        (snapshots.signed_out(notice="Not confirmed."), "signed_out", "Signed out here, not confirmed"),
        (snapshots.active(refreshable=False, refresh_at=None), "ok", "Signed in until 14:58"),
        (snapshots.active(refreshable=False, refresh_at=None, expires_at=None), "ok", "Signed in"),
    ],
)
def test_each_state_has_its_mark_and_words(session: SessionSnapshot, mark: str, words: str) -> None:
    assert icons.mark_of(session) == mark
    assert texts.state_words(session, NOW) == words


def test_no_two_states_share_a_mark_unless_both_are_work_going_on() -> None:
    marks = [icons.mark_of(snapshots.session(state)) for state in SessionState if state is not SessionState.SIGNING_IN]
    assert len(set(marks)) == len(marks)


def test_a_sign_in_with_a_code_does_not_speak_of_a_browser() -> None:
    sign_in = snapshots.sign_in(state=SignInState.WAITING_FOR_CODE, user_code="WDJB-MJHT")
    words = texts.state_words(snapshots.session(SessionState.SIGNING_IN), NOW, sign_in)
    assert words == "Waiting for you to confirm the code…"


@pytest.mark.parametrize(
    ("session", "sentence"),
    [
        (snapshots.active(), "TokenKeep refreshes the token at 14:48. You don’t have to do anything."),
        (
            snapshots.needs_sign_in(),
            "Keycloak at work ended this sign-in. Programs that ask for its token get an error until you sign in.",
        ),
        (snapshots.offline(), "Not reachable since 13:51. TokenKeep tries again by itself, next in 42 s."),
        (snapshots.failed(), "config.toml line 31: no client ID."),
        (snapshots.signed_out(), "Not signed in. Programs get no token."),
        (snapshots.signed_out(notice="The sign-out is not confirmed."), "The sign-out is not confirmed."),
    ],
)
def test_each_state_says_what_it_means(session: SessionSnapshot, sentence: str) -> None:
    assert texts.state_sentence(session, NOW) == sentence


def test_a_rejected_client_gets_a_next_step_and_no_error_code() -> None:
    error = ClientRejected("invalid_client: bad", error="invalid_client", description="bad")
    session = snapshots.failed(last_error=error)
    sentence = texts.state_sentence(session, NOW)
    assert "invalid_client" not in sentence
    assert "Check the client ID and secret" in sentence
    assert texts.server_words(error) == "bad (invalid_client)"


def test_a_refusal_of_ours_names_its_reason() -> None:
    error = ProviderError("The answer leads on to https://elsewhere.example.", hint="Ask those who run it.")
    assert texts.problem_sentence(error) == "The answer leads on to https://elsewhere.example. Ask those who run it."


def test_a_long_reason_is_named_by_its_key_in_the_row() -> None:
    error = Misconfigured("x" * 80, key="providers.codeberg.client_id", line=3)
    assert texts.state_words(snapshots.failed(last_error=error), NOW) == "Setup problem: client ID"


def test_what_a_server_said_is_not_read_as_a_pattern() -> None:
    error = ProviderError(error="invalid_scope", description="{code} %n {0}")
    assert texts.server_words(error) == "{code} %n {0} (invalid_scope)"


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (snapshots.engine(), "No providers yet"),
        (snapshots.engine(snapshots.active()), "1 provider is signed in"),
        (snapshots.engine(snapshots.active(), snapshots.refreshing()), "All 2 providers are signed in"),
        (snapshots.engine(snapshots.active(), snapshots.signed_out()), "1 provider is signed in"),
        (snapshots.engine(snapshots.signed_out()), "Not signed in anywhere"),
        (snapshots.six_states(), "2 providers need you"),
        (snapshots.engine(snapshots.needs_sign_in()), "1 provider needs you"),
        (snapshots.engine(snapshots.offline()), "1 provider is offline"),
        (snapshots.engine(snapshots.active(), locked=True), "TokenKeep is locked"),
    ],
)
def test_the_overall_state_in_words(snapshot: object, words: str) -> None:
    assert texts.overall_words(snapshot) == words  # type: ignore[arg-type]


def test_scopes_are_said_in_the_persons_words_first() -> None:
    assert texts.scope_words(("email", "openid", "inference", "offline_access", "urn:x:y")) == [
        ("Know who you are", "email openid"),
        ("Send requests to models", "inference"),
        ("Stay signed in", "offline_access"),
        ("Other, as the provider names it", "urn:x:y"),
    ]


def test_a_problem_of_the_configuration_names_line_and_key() -> None:
    problem = ConfigurationProblem("unknown key, did you mean `scopes`?", key="providers.x.scope", line=7)
    assert texts.configuration_problem(problem) == "Line 7, providers.x.scope: unknown key, did you mean `scopes`?"


def test_copied_details_hold_what_a_helper_needs_and_no_account() -> None:
    details = texts.problem_details(snapshots.needs_sign_in(), NOW)
    assert "invalid_grant" in details
    assert "https://id.northwind.example/realms/staff" in details
    assert "okafor" not in details


def test_programs_that_wait_are_listed_newest_first() -> None:
    waiting = (("git", at(13, 50)), ("kubectl", at(14, 3)))
    words = texts.waiting_programs(snapshots.needs_sign_in(waiting=waiting), NOW)
    assert words == "kubectl, last at 14:03\ngit, last at 13:50"


REGISTERED = ClientFacts("made-1", "registration", NOW, NOW + 600, ("http://127.0.0.1:5/x", "http://127.0.0.1:6/x"))


@pytest.mark.parametrize(
    ("client", "names"),
    [
        (None, []),
        (ClientFacts("by-hand", "given"), []),
        (ClientFacts("https://apps.example/x.json", "metadata_document"), ["Client"]),
        (replace(REGISTERED, expires_at=None), ["Client", "Comes back to"]),
        (REGISTERED, ["Client", "Its secret", "Comes back to"]),
    ],
    ids=str,
)
def test_DCR_6_the_page_shows_who_we_are_where_nobody_wrote_it(client: ClientFacts | None, names: list[str]) -> None:
    facts = texts.client_facts(replace(snapshots.active(), client=client))
    assert [name for name, _ in facts] == names
    if client is not None and names:
        assert facts[0][1].startswith(client.client_id)
