"""How often one session may ask its provider for tokens: back-off, the server's own wish, and no loops."""

from __future__ import annotations

from tokenkeep.domain import schedule
from tokenkeep.engine.context import Context

REJECTED_PAUSE = 60.0  # seconds before a program's query tries a rejected registration again (CAUTH-4)


class Pace:
    """All times are seconds of the boot clock.

    :ivar retry_at: when background work tries again after a failure, else None.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._failures = 0
        self.retry_at: float | None = None
        self._not_before = 0.0  # what the server asked for by Retry-After
        self._tried_at = -schedule.MINIMUM_GAP  # when the last request was begun

    def begin(self) -> None:
        """A request is about to be made."""
        self._tried_at = self._context.clock.boot()

    def reset(self) -> None:
        """It went well, or begins anew."""
        self._failures = 0
        self.retry_at = None
        self._not_before = 0.0

    def give_up(self) -> None:
        """Nothing is tried again by itself."""
        self.retry_at = None

    def fail(self, retry_after: float | None) -> None:
        """It failed for now.

        :param retry_after: seconds that the server wants to be left alone.
        """
        self._failures += 1
        boot = self._context.clock.boot()
        retry_max = self._context.configuration.refresh.retry_max
        self.retry_at = boot + schedule.backoff(self._failures, retry_max, self._context.jitter(), retry_after)
        self._not_before = boot + retry_after if retry_after else 0.0

    def fail_for_all(self) -> None:
        """It failed in a way that asking more often cannot mend: programs and clicks wait like background work."""
        self.fail(None)
        self._not_before = self.retry_at or 0.0

    def wake(self, not_before: float) -> bool:
        """Try again soon, but not before that time; whether this changes anything.

        Never later than planned: a network that comes and goes must not put the retry off for ever.
        """
        if self.retry_at is None:
            return False
        self.retry_at = min(self.retry_at, max(not_before, self._not_before))
        return True

    def allows_each(self) -> bool:
        """Whether a query may cause a request although the last one succeeded just now: not after a failure."""
        return not self._failures and self._context.clock.boot() >= self._not_before

    def wait(self) -> float:
        """Seconds until another try makes sense, at least one."""
        return max(1.0, max(self._not_before, self.retry_at or 0.0) - self._context.clock.boot())

    def allows_click(self) -> bool:
        """Whether somebody who asks outright gets a request: not in a loop, and not against the server's wish."""
        boot = self._context.clock.boot()
        return boot >= self._not_before and boot - self._tried_at >= schedule.MINIMUM_GAP

    def allows_query(self, lifetime: float | None, *, rejected: bool) -> bool:
        """Whether a query that would like a fresher token causes a request.

        :param lifetime: of the present token, in seconds.
        :param rejected: the provider refused the last time.
        """
        boot = self._context.clock.boot()
        if boot < self._not_before:
            return False
        pause = schedule.gap(lifetime or 0.0)
        if self._failures:
            pause = schedule.MINIMUM_GAP
        elif rejected:
            pause = min(pause, REJECTED_PAUSE)
        return boot - self._tried_at >= pause
