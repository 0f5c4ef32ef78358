"""How a switch is written: `VALUE`, `VALUE*COUNT`, and for some switches `VALUE@/path` and `VALUE@/path*COUNT`."""

import json
from dataclasses import dataclass

from tokenkeep.demo.faults import switch
from tokenkeep.demo.faults.switch import KINDS, Fault

LONGEST_TEXT = 500
LARGEST_NUMBER = 1e6


class UnknownFaultError(ValueError):
    """No such switch, or it does not take that value."""


@dataclass
class Setting:
    """A switch that is on: its value, how many uses are left (None: without end), the only path (None: all)."""

    value: str
    left: int | None = None
    path: str | None = None

    def applies_to(self, path: str | None) -> bool:
        """A path that ends in a slash stands for all below it."""
        if self.path is None:
            return True
        return path is not None and (path == self.path or (self.path.endswith("/") and path.startswith(self.path)))

    def __str__(self) -> str:
        path = "" if self.path is None else f"@{self.path}"
        return self.value + path + ("" if self.left is None else f"*{self.left}")


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < LARGEST_NUMBER
    except ValueError:
        return False


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _is_of(kind: str, text: str) -> bool:
    match kind:
        case switch.NUMBER:
            return _is_number(text) and not text.startswith("-")
        case switch.SIGNED:
            return _is_number(text)
        case switch.TEXT:
            return text.isprintable() and len(text) < LONGEST_TEXT
    return _is_json(text)


def _accepts(allowed: str, value: str) -> bool:
    name, colon, kind = allowed.rpartition(":")
    if colon and kind in KINDS:
        head, found, rest = value.partition(":")
        return bool(found) and head == name and _is_of(kind, rest)
    if allowed in KINDS:
        return _is_of(allowed, value)
    return allowed == value


def parse(fault: Fault, raw: str) -> Setting:
    """The setting that the text stands for; raises UnknownFaultError."""
    value, star, count = raw.rpartition("*")
    if not star or not count.isdigit():
        value, count = raw, ""
    path = None
    if fault.per_path and "@" in value:
        value, _, path = value.rpartition("@")
        if not path.startswith("/"):
            raise UnknownFaultError(f"Fault '{fault.name}': behind @ stands a path like /token, not '{path}'.")
    if not any(_accepts(allowed, value) for allowed in fault.values):
        raise UnknownFaultError(f"Fault '{fault.name}' does not take '{value}', but one of: {', '.join(fault.values)}.")
    if fault.name == "network" and value == "refuse" and (path or count):
        raise UnknownFaultError("A refused connection has no path and cannot be counted: use network=refuse.")
    if fault.name == "slow_down":
        return Setting(value, int(float(value)))
    return Setting(value, int(count) if count else None, path)
