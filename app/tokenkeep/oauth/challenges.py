"""The challenges of a `WWW-Authenticate` header (RFC 9110 §11.6.1); nothing in one can pose as another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_BETWEEN = re.compile(r"[ \t,]*")
_SCHEME = re.compile(rf"({_TOKEN})(?![ \t]*=)(?:[ \t]+|(?=,)|$)")
_TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))")
_PARAMETER = re.compile(
    rf"({_TOKEN})[ \t]*=[ \t]*(?:({_TOKEN})|\"((?:[^\"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t\x20-\x7e\x80-\U0010ffff])*)\")"
    r"(?=[ \t]*(?:,|$))"
)
_QUOTED_PAIR = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge.

    :param scheme: as written; `is_` compares it without case.
    :param parameters: names in lower case, values without their quotes.
    """

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    def is_(self, scheme: str) -> bool:
        """Whether it is of that scheme."""
        return self.scheme.lower() == scheme.lower()


def parse(header: str) -> tuple[Challenge, ...]:
    """The challenges in order; several header lines are joined with commas before.

    What cannot be read ends the reading: what comes behind it might stand within a string. A challenge that names a
    parameter twice is dropped, for nobody can tell which of the two is meant.
    """
    found: list[tuple[str, list[tuple[str, str]]]] = []
    position = _end(_BETWEEN, header, 0)
    while position < len(header):
        parameter = _PARAMETER.match(header, position) if found else None
        if parameter is not None:
            name, plain, quoted = parameter.groups()
            value = plain if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted)
            found[-1][1].append((name.lower(), value))
            position = parameter.end()
        else:
            scheme = _SCHEME.match(header, position)
            if scheme is None:
                break
            found.append((scheme[1], []))
            position = _end(_TOKEN68, header, scheme.end())
        position = _end(_BETWEEN, header, position)
    return tuple(Challenge(scheme, dict(pairs)) for scheme, pairs in found if len(dict(pairs)) == len(pairs))


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    """Where a match that begins here ends; here, when there is none."""
    match = pattern.match(text, position)
    return position if match is None else match.end()
