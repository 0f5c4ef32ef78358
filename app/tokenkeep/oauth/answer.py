"""A request and its answer as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from tokenkeep.domain.errors import MalformedAnswer, ProviderError, ProviderUnreachable
from tokenkeep.oauth import strict_json

TRANSIENT = frozenset({408, 425, 429})  # and every 5xx: the server is there, it just will not answer now (REF-5)
RETRY_AFTER_MAX = 86_400.0  # seconds; a server that asks for more is asked again after a day


class CutAnswer(MalformedAnswer):
    """The connection ended within the body."""


class Redirected(ProviderError):
    """A redirect, which is never followed (NET-4)."""


class Untrusted(ProviderUnreachable):
    """The server has no certificate that this machine trusts (NET-1)."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    :param form: pairs of a form body in order; only `resource` and `audience` may occur twice (TOK-1).
    :param headers: beside `Accept: application/json`, which is sent unless another is given.
    :param json: the members of a JSON body, in place of a form.
    """

    method: str
    url: str
    form: tuple[tuple[str, str], ...] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete HTTP answer.

    :param headers: looked up without case.
    :param body: after decompression.
    :param sent_at: wall clock, seconds since the epoch, when the request began to leave.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    sent_at: float
    url: str

    def json(self) -> Any:
        """The body as strict JSON, whatever content type it has.

        :raises MalformedAnswer: it is none.
        """
        try:
            return strict_json.loads(self.body)
        except ValueError:
            raise MalformedAnswer(
                f"The provider answered with status {self.status} and a body that is not JSON."
            ) from None

    @property
    def transient(self) -> bool:
        """Whether the status alone says that it may work later."""
        return self.status in TRANSIENT or self.status >= 500

    @property
    def date(self) -> float | None:
        """The server's clock (`Date`), seconds since the epoch."""
        return _http_date(self.headers.get("Date", ""))

    @property
    def retry_after(self) -> float | None:
        """Seconds the server wants us to wait (RFC 9110 §10.2.3), between 0 and a day; a date counts from `Date`."""
        value = self.headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdigit():
            return min(float(value[:12]), RETRY_AFTER_MAX)
        moment = _http_date(value)
        if moment is None:
            return None
        now = self.sent_at if self.date is None else self.date
        return min(max(moment - now, 0.0), RETRY_AFTER_MAX)

    @property
    def _trouble(self) -> str:
        if self.status >= 500:
            return f"The provider does not work at the moment (status {self.status})."
        if self.status == 429:
            return "The provider was asked too often and wants a pause (status 429)."
        return f"The provider does not take the request at the moment (status {self.status})."

    def unreachable(self, detail: str = "") -> ProviderUnreachable:
        """The error for an answer that means: later."""
        return ProviderUnreachable(detail or self._trouble, maybe_sent=True, retry_after=self.retry_after)


def _http_date(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()  # HTTP dates are GMT, also where they do not say
    except (ValueError, OverflowError):
        return None
