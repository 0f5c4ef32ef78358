"""A rule, and the words that all rules share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from tokenkeep.domain.check import Finding, Outcome
from tokenkeep.oauth.texts import clean_text

SHOWN = 8  # values of a list that are named


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked of a server.

    :param id: stable name; scripts may look for it.
    :param asks: what the standard asks, as a sentence.
    :param standard: the text and its section.
    """

    id: str
    asks: str
    standard: str = ""

    def passed(self, detail: str) -> Finding:
        """It is kept."""
        return Finding(self.id, Outcome.PASS, detail, self.asks, self.standard)

    def warn(self, detail: str, advice: str) -> Finding:
        """It can be lived with, somebody should look."""
        return Finding(self.id, Outcome.WARN, detail, self.asks, self.standard, advice)

    def fail(self, detail: str, advice: str) -> Finding:
        """It is broken."""
        return Finding(self.id, Outcome.FAIL, detail, self.asks, self.standard, advice)

    def skip(self, detail: str) -> Finding:
        """It does not apply, or is an offer that the server does not make."""
        return Finding(self.id, Outcome.SKIP, detail, self.asks, self.standard)


def address(value: object) -> str:
    """A URL as it may be shown: without user information, query and fragment, which can hold secrets."""
    if not isinstance(value, str):
        return kind(value)
    try:
        parts = urlsplit(value)
    except ValueError:
        return "no URL"
    host = parts.netloc.rpartition("@")[2]
    return clean_text(urlunsplit((parts.scheme, host, parts.path, "", ""))) or "nothing"


def path(url: str) -> str:
    """The path of a URL; what stands on a line of its own needs no host."""
    return clean_text(urlsplit(url).path) or "/"


def host(url: str) -> str:
    """The host of a URL."""
    return clean_text(urlsplit(url).hostname or "")


def listed(values: Iterable[object] | None) -> str:
    """The values of a list for people; `none` for an absent or empty one."""
    texts = [clean_text(value, 80) if isinstance(value, str) else kind(value) for value in values or ()]
    more = [f"and {len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    return ", ".join([*texts[:SHOWN], *more]) or "none"


def kind(value: object) -> str:
    """What a JSON value is, in words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return f"“{clean_text(value, 120)}”"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
    return "an object"
