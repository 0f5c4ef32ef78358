"""Named fault switches that are on right now: set by `/faults` or `--fault`, read by the parts that misbehave."""

import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tokenkeep.demo.faults.switch import JSON, NUMBER, TEXT
from tokenkeep.demo.faults.table import BY_NAME

OFF = "off"


class UnknownFaultError(ValueError):
    """No such switch, or it does not take that value."""


@dataclass
class _Setting:
    value: str
    left: int | None


def _is_number(text: str) -> bool:
    try:
        return 0 <= float(text) < 1e6
    except ValueError:
        return False


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _parse(name: str, raw: str) -> _Setting:
    """`VALUE` or `VALUE*COUNT`; raises UnknownFaultError."""
    if name not in BY_NAME:
        raise UnknownFaultError(f"No fault is named '{name}'. GET /faults lists them.")
    values = BY_NAME[name].values
    value, star, count = raw.rpartition("*")
    if not star or not count.isdigit():
        value, count = raw, ""
    accepted = (
        value in values
        or (NUMBER in values and _is_number(value))
        or (TEXT in values and value.isprintable() and len(value) < 500)
        or (JSON in values and _is_json(value))
    )
    if not accepted:
        raise UnknownFaultError(f"Fault '{name}' does not take '{value}', but one of: {', '.join(values)}.")
    if name == "slow_down":
        return _Setting(value, int(float(value)))
    return _Setting(value, int(count) if count else None)


class FaultBoard:
    """The switches that are on. A count means: for the next so many times."""

    def __init__(self, faults: dict[str, str] | None = None) -> None:
        self._changed = threading.Condition()
        self._settings: dict[str, _Setting] = {}
        self._closed = False
        # Counts changes of the switches, so that a delay that has begun ends with its switch.
        self._changes: Counter[str] = Counter()
        self.change(faults or {})

    def change(self, faults: Mapping[str, str | None]) -> None:
        """Set or (None, "off") unset switches: all of them or, with UnknownFaultError, none."""
        parsed = {name: _parse(name, raw) for name, raw in faults.items() if raw is not None and raw != OFF}
        for name in faults:
            if name not in BY_NAME:
                raise UnknownFaultError(f"No fault is named '{name}'. GET /faults lists them.")
        with self._changed:
            for name in faults:
                self._settings.pop(name, None)
            self._changes.update(list(faults))
            self._settings.update({name: setting for name, setting in parsed.items() if setting.left != 0})
            self._changed.notify_all()

    def clear(self) -> None:
        with self._changed:
            self._settings.clear()
            self._changes.update(list(BY_NAME))
            self._changed.notify_all()

    def close(self) -> None:
        """Let every waiting request go on: the server is about to end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def value(self, name: str) -> str | None:
        """The switch's value, without using it up."""
        with self._changed:
            setting = self._settings.get(name)
            return setting.value if setting else None

    def take(self, name: str) -> str | None:
        """The switch's value, counted as used once."""
        with self._changed:
            setting = self._settings.get(name)
            if setting is None:
                return None
            if setting.left is not None:
                setting.left -= 1
                if setting.left <= 0:
                    del self._settings[name]
            return setting.value

    def hold(self, delay: str, freeze: str) -> None:
        """Wait as the two named switches say; either wait ends at once when its switch goes off."""
        with self._changed:
            before = self._changes[delay]
            if (seconds := self.take(delay)) is not None:
                self._changed.wait_for(lambda: self._closed or self._changes[delay] != before, float(seconds))
            self._changed.wait_for(lambda: self._closed or freeze not in self._settings)

    def snapshot(self) -> dict[str, str]:
        with self._changed:
            return {
                name: setting.value if setting.left is None else f"{setting.value}*{setting.left}"
                for name, setting in self._settings.items()
            }
