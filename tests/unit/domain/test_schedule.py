"""When to refresh and how long to wait: the rules of time as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenkeep.domain import schedule

lifetimes = st.floats(min_value=0.0, max_value=400 * 86_400.0)


@pytest.mark.parametrize(
    ("lifetime", "due"),
    [(20, 20 - 20 / 3), (300, 200), (3600, 3000), (40 * 86_400, 40 * 86_400 - 600), (6, 5)],
    ids=["20 s", "5 min", "1 h", "40 days", "6 s: not before the floor of 5 s"],
)
def test_a_token_is_refreshed_ten_minutes_or_a_third_of_its_life_before_the_end(lifetime: float, due: float) -> None:
    assert schedule.refresh_due(0.0, lifetime, ahead=600.0) == pytest.approx(due)


@given(lifetime=lifetimes, ahead=st.floats(min_value=0, max_value=86_400))
def test_REF_6_two_refreshes_are_never_closer_than_five_seconds_or_a_quarter_of_the_life(
    lifetime: float, ahead: float
) -> None:
    assert schedule.refresh_due(0.0, lifetime, ahead) >= max(5.0, lifetime / 4)


@given(lifetime=lifetimes, skew=st.floats(min_value=0, max_value=3600))
def test_the_margin_never_eats_more_than_a_tenth_of_a_life(lifetime: float, skew: float) -> None:
    assert schedule.skew(skew, lifetime) <= lifetime / 10
    assert schedule.skew(skew, lifetime) <= skew


def test_an_unknown_lifetime_has_no_margin_and_no_minimum() -> None:
    assert schedule.skew(30.0, None) == 0.0
    assert schedule.min_valid(300.0, None) == 0.0


@given(lifetime=lifetimes, asked=st.floats(min_value=0, max_value=1e6))
def test_AGENT_7_min_valid_counts_at_most_half_of_a_life(lifetime: float, asked: float) -> None:
    assert schedule.min_valid(asked, lifetime) == min(asked, lifetime / 2)


@given(failures=st.integers(min_value=1, max_value=10_000), jitter=st.floats(min_value=0, max_value=0.999))
def test_REF_5_the_back_off_grows_to_its_ceiling_and_is_spread(failures: int, jitter: float) -> None:
    wait = schedule.backoff(failures, retry_max=300.0, jitter=jitter)
    ceiling = min(300.0, 2.0 * 2.0 ** min(failures - 1, 20))
    assert ceiling / 2 <= wait <= ceiling


def test_REF_5_retry_after_is_never_undercut_and_cannot_silence_for_ever() -> None:
    assert schedule.backoff(1, 300.0, 0.5, retry_after=120.0) == 120.0
    assert schedule.backoff(9, 300.0, 0.5, retry_after=1.0) >= 150.0
    assert schedule.backoff(1, 300.0, 0.5, retry_after=1e12) == 86_400.0


@given(jitter=st.floats(min_value=0, max_value=0.999))
def test_REF_6_after_a_wake_up_work_waits_ten_to_thirty_seconds(jitter: float) -> None:
    assert 10.0 <= schedule.after_wake(jitter) <= 30.0
