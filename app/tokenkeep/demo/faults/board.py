"""Named fault switches that are on right now: set by `/faults` or `--fault`, read by the parts that misbehave."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping

from tokenkeep.demo.faults.grammar import Setting, UnknownFaultError, parse
from tokenkeep.demo.faults.table import BY_NAME

OFF = "off"

__all__ = ["OFF", "FaultBoard", "UnknownFaultError"]


class FaultBoard:
    """The switches that are on. A count means: for the next so many times."""

    def __init__(self, faults: dict[str, str] | None = None) -> None:
        self._changed = threading.Condition()
        self._settings: dict[str, Setting] = {}
        self._closed = False
        # Counts changes of the switches, so that a delay that has begun ends with its switch.
        self._changes: Counter[str] = Counter()
        self._watchers: list[Callable[[], None]] = []
        self.change(faults or {})

    def watch(self, changed: Callable[[], None]) -> None:
        """Have that called after every change, before the request that made it is answered."""
        self._watchers.append(changed)

    def change(self, faults: Mapping[str, str | None]) -> None:
        """Set or (None, "off") unset switches: all of them or, with UnknownFaultError, none."""
        for name in faults:
            if name not in BY_NAME:
                raise UnknownFaultError(f"No fault is named '{name}'. GET /faults lists them.")
        parsed = {name: parse(BY_NAME[name], raw) for name, raw in faults.items() if raw is not None and raw != OFF}
        with self._changed:
            for name in faults:
                self._settings.pop(name, None)
            self._changes.update(list(faults))
            self._settings.update({name: setting for name, setting in parsed.items() if setting.left != 0})
            self._changed.notify_all()
        self._tell()

    def clear(self) -> None:
        with self._changed:
            self._settings.clear()
            self._changes.update(list(BY_NAME))
            self._changed.notify_all()
        self._tell()

    def close(self) -> None:
        """Let every waiting request go on: the server is about to end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _tell(self) -> None:
        for changed in self._watchers:
            changed()

    def value(self, name: str) -> str | None:
        """The switch's value, without using it up."""
        with self._changed:
            setting = self._settings.get(name)
            return setting.value if setting else None

    def take(self, name: str, path: str | None = None) -> str | None:
        """The switch's value, counted as used once; None too when it is on for another path."""
        with self._changed:
            setting = self._settings.get(name)
            if setting is None or not setting.applies_to(path):
                return None
            if setting.left is not None:
                setting.left -= 1
                if setting.left <= 0:
                    del self._settings[name]
            return setting.value

    def draw(self, name: str, path: str) -> tuple[str, int] | None:
        """As take(), with the number of changes so far for wait()."""
        with self._changed:
            value = self.take(name, path)
            return None if value is None else (value, self._changes[name])

    def wait(self, name: str, changes: int, seconds: float | None = None) -> bool:
        """Wait until the switch is set or unset again; False when the seconds were over before."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or self._changes[name] != changes, seconds)

    def hold(self, delay: str, freeze: str) -> None:
        """Wait as the two named switches say; either wait ends at once when its switch goes off."""
        with self._changed:
            before = self._changes[delay]
            if (seconds := self.take(delay)) is not None:
                self.wait(delay, before, float(seconds))
            self._changed.wait_for(lambda: self._closed or freeze not in self._settings)

    def snapshot(self) -> dict[str, str]:
        with self._changed:
            return {name: str(setting) for name, setting in self._settings.items()}
