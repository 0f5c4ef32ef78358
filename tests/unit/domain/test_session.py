"""The state machine under random events, and the overall state that every surface shows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenkeep.domain.session import (
    TRANSITIONS,
    Lifecycle,
    OverallState,
    SessionEvent,
    SessionSnapshot,
    SessionState,
    overall,
)

S, E = SessionState, SessionEvent


def snapshot(state: SessionState, *, usable: bool = True) -> SessionSnapshot:
    return SessionSnapshot(
        state.value, state.value, "https://i.example", "authorization_code", state, token_usable=usable
    )


@settings(max_examples=300)
@given(st.lists(st.sampled_from(list(E)), max_size=40))
def test_random_events_never_lead_to_a_state_that_the_table_does_not_name(events: list[SessionEvent]) -> None:
    life = Lifecycle()
    for event in events:
        if not life.allows(event):
            with pytest.raises(ValueError, match="cannot happen"):
                life.after(event)
            continue
        before, life = life, life.after(event)
        assert (life.state is S.SIGNING_IN) == (life.beneath is not None)
        if before.beneath is None and life.beneath is None:
            assert life.state is TRANSITIONS[before.state, event]


@given(st.lists(st.sampled_from(list(E)), max_size=25))
def test_a_sign_in_that_comes_to_nothing_leaves_what_was_before(events: list[SessionEvent]) -> None:
    life = Lifecycle()
    for event in events:
        if life.allows(event):
            life = life.after(event)
    if life.beneath is None:
        assert life.after(E.SIGN_IN_STARTED).after(E.SIGN_IN_ABANDONED) == life


def test_REF_4_only_the_end_of_the_grant_asks_for_a_sign_in_after_a_refresh() -> None:
    refreshing = Lifecycle(S.ACTIVE).after(E.REFRESH_STARTED)
    assert refreshing.after(E.ENDED).state is S.NEEDS_SIGN_IN
    assert refreshing.after(E.UNREACHABLE).state is S.OFFLINE


def test_CAUTH_4_a_rejected_client_is_a_failure_and_no_sign_out() -> None:
    assert Lifecycle(S.REFRESHING).after(E.REJECTED).state is S.FAILED
    assert Lifecycle(S.FAILED).after(E.MENDED).state is S.ACTIVE


def test_a_refresh_may_end_while_a_person_signs_in_again() -> None:
    life = Lifecycle(S.ACTIVE).after(E.REFRESH_STARTED).after(E.SIGN_IN_STARTED).after(E.ENDED)
    assert life.state is S.SIGNING_IN
    assert life.after(E.SIGN_IN_ABANDONED).state is S.NEEDS_SIGN_IN
    assert life.after(E.SIGNED_IN).state is S.ACTIVE


@pytest.mark.parametrize("state", [state for state in S if state is not S.SIGNING_IN])
def test_a_sign_in_and_a_sign_out_are_possible_from_everywhere(state: SessionState) -> None:
    assert Lifecycle(state).after(E.SIGN_IN_STARTED).state is S.SIGNING_IN
    assert Lifecycle(state).after(E.SIGNED_OUT).state is S.SIGNED_OUT


def test_two_sign_ins_do_not_overlap() -> None:
    with pytest.raises(ValueError, match="cannot happen"):
        Lifecycle().after(E.SIGN_IN_STARTED).after(E.SIGN_IN_STARTED)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], OverallState.OK),
        ([S.ACTIVE, S.SIGNED_OUT], OverallState.OK),
        ([S.ACTIVE, S.REFRESHING], OverallState.OK),
        ([S.ACTIVE, S.OFFLINE], OverallState.OK),
        ([S.OFFLINE], OverallState.OFFLINE),
        ([S.OFFLINE, S.SIGNED_OUT], OverallState.OFFLINE),
        ([S.OFFLINE, S.NEEDS_SIGN_IN], OverallState.NEEDS_YOU),
        ([S.ACTIVE, S.FAILED], OverallState.NEEDS_YOU),
    ],
)
def test_the_overall_state(states: list[SessionState], expected: OverallState) -> None:
    assert overall(map(snapshot, states)) is expected


def test_one_unreachable_provider_without_a_valid_token_is_everybodys_business() -> None:
    assert overall([snapshot(S.ACTIVE), snapshot(S.OFFLINE, usable=False)]) is OverallState.OFFLINE


def test_working_is_shown_only_when_somebody_waits() -> None:
    assert overall([snapshot(S.REFRESHING)]) is OverallState.OK
    assert overall([snapshot(S.REFRESHING)], waited_for=True) is OverallState.WORKING


def test_locked_comes_before_everything() -> None:
    assert overall([snapshot(S.NEEDS_SIGN_IN)], locked=True, waited_for=True) is OverallState.LOCKED
