"""How often one program may have others troubled: the person by sign-ins, the provider by refreshes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tokenkeep.domain.access import Application
from tokenkeep.domain.errors import TooManyRequests
from tokenkeep.domain.ports import Clock

KEPT = 512  # programs that are remembered; those that have been quiet are forgotten first


class Deed(Enum):
    """What is counted: how often at once, and the seconds after which once more is free."""

    SIGN_IN = (12, 5.0)  # beginnings and cancellations; a helper that signs in to all of a person's providers passes
    REFRESH = (10, 30.0)

    @property
    def burst(self) -> int:
        """How often at once."""
        return int(self.value[0])

    @property
    def refill(self) -> float:
        """Seconds after which once more is free."""
        return float(self.value[1])


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float  # boot clock


class Limits:
    """Counts what programs ask for. A person at our own window is never counted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[Deed, tuple[str, str]], _Bucket] = {}

    def spend(self, deed: Deed, application: Application) -> None:
        """Count one.

        :raises TooManyRequests: it was too often; `retry_after` says when once more is free.
        """
        if application.own:
            return
        boot = self._clock.boot()
        bucket = self._bucket((deed, _who(application)), boot)
        bucket.left = min(float(deed.burst), bucket.left + (boot - bucket.at) / deed.refill)
        bucket.at = boot
        if bucket.left < 1.0:
            raise TooManyRequests(
                f"{application.name} asked for that too often.",
                hint="Wait before asking again.",
                retry_after=(1.0 - bucket.left) * deed.refill,
            )
        bucket.left -= 1.0

    def _bucket(self, key: tuple[Deed, tuple[str, str]], boot: float) -> _Bucket:
        bucket = self._buckets.pop(key, None) or _Bucket(float(key[0].burst), boot)
        self._buckets[key] = bucket  # last in line, so that the first has been quiet for longest
        if len(self._buckets) > KEPT:
            del self._buckets[next(iter(self._buckets))]
        return bucket


def _who(application: Application) -> tuple[str, str]:
    """The identity that is counted; programs without any share one, else each new process would begin anew."""
    kind, value = application.key
    return (kind, "") if kind == "session" and not application.login_session else (kind, value)
