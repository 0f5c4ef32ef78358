"""When to refresh, how long to wait after a failure, what counts as valid: pure functions of time in seconds."""

from __future__ import annotations

MINIMUM_GAP = 5.0  # seconds; below this a refresh loop would look like an attack to a provider
FIRST_RETRY = 2.0  # seconds before the first retry of a transient failure


def lead(ahead: float, lifetime: float) -> float:
    """How long before the end to refresh: `ahead`, but never more than a third of the lifetime."""
    return min(ahead, lifetime / 3)


def gap(lifetime: float) -> float:
    """The least distance between two refreshes, so that a short lifetime cannot become a busy loop."""
    return max(MINIMUM_GAP, lifetime / 4)


def refresh_due(obtained_at: float, lifetime: float, ahead: float) -> float:
    """When a token is due for refresh, on the clock that `obtained_at` was read from."""
    return max(obtained_at + lifetime - lead(ahead, lifetime), obtained_at + gap(lifetime))


def skew(validity_skew: float, lifetime: float | None) -> float:
    """The effective safety margin at the end of a token: at most a tenth of its lifetime."""
    return 0.0 if lifetime is None else min(validity_skew, lifetime / 10)


def min_valid(asked: float, lifetime: float | None) -> float:
    """The effective `min_valid`: at most half of the lifetime, else every query would refresh."""
    return 0.0 if lifetime is None else min(asked, lifetime / 2)


def backoff(failures: int, retry_max: float, jitter: float, retry_after: float | None = None) -> float:
    """Seconds until the next try after `failures` ≥ 1 transient failures in a row.

    :param jitter: a number in [0, 1) drawn by the caller; spreads the wait over its upper half.
    :param retry_after: what the server asked for; never undercut (RFC 9110 §10.2.3), and capped at a day
        so that a wrong header cannot silence a session for ever.
    """
    ceiling = min(retry_max, FIRST_RETRY * 2.0 ** min(failures - 1, 30))
    wait = ceiling * (0.5 + jitter / 2)
    return wait if retry_after is None else max(wait, min(retry_after, 86_400.0))


def after_wake(jitter: float) -> float:
    """Seconds to hold back after the machine woke up: the network comes up late, and not all at once."""
    return 10.0 + 20.0 * jitter
