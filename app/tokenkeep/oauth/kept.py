"""What a server published, kept for a while: how long it counts as new, and how to ask whether it holds (RFC 9111)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

from tokenkeep.oauth.answer import Answer

AGE_MIN, AGE_MAX = 300.0, 86_400.0  # seconds; what a server's max-age is held to (META-7)
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,200}"')

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """A document. All times are wall clock, seconds since the epoch.

    :param asked_at: when the server last said that it holds.
    :param max_age: seconds for which it is not asked again.
    :param etag: names this version; empty when the server names none.
    """

    value: T
    asked_at: float
    max_age: float
    etag: str

    @classmethod
    def of(cls, value: T, answer: Answer, wall: float, default: float) -> Self:
        """As it came in an answer.

        :param default: seconds to keep it when the server does not say.
        """
        return cls(value, wall, _max_age(answer.headers, default), _etag(answer.headers))

    def fresh(self, wall: float) -> bool:
        """Whether it may be used without asking; a clock that was set back makes nothing last longer."""
        return abs(wall - self.asked_at) < self.max_age

    @property
    def condition(self) -> dict[str, str]:
        """The headers that ask whether it still holds; the answer is then 304."""
        return {"If-None-Match": self.etag} if self.etag else {}

    def renewed(self, answer: Answer, wall: float, default: float) -> Self:
        """After a 304."""
        return replace(
            self, asked_at=wall, max_age=_max_age(answer.headers, default), etag=_etag(answer.headers) or self.etag
        )

    def put_off(self, wall: float) -> Self:
        """The server did not answer: it serves on, and is not asked for again at once."""
        return replace(self, asked_at=wall, max_age=AGE_MIN)


def _max_age(headers: Mapping[str, str], default: float) -> float:
    age = default
    for directive in headers.get("Cache-Control", "").split(","):
        name, _, value = directive.partition("=")
        number = value.strip().strip('"')
        match name.strip().lower():
            case "no-cache" | "no-store":
                return AGE_MIN
            case "max-age" if number.isascii() and number.isdigit():
                age = float(number[:12])
    return min(max(age, AGE_MIN), AGE_MAX)


def _etag(headers: Mapping[str, str]) -> str:
    etag = headers.get("ETag", "").strip()
    return etag if _ETAG.fullmatch(etag) else ""
