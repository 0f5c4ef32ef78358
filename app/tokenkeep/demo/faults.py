"""Named fault switches: set by `POST /faults`, by `--fault`, or by a person reading the list at `GET /faults`."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request

from tokenkeep.demo.fault_table import BY_NAME, FAULTS, JSON, NUMBER, TEXT

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
            self._settings.update({name: setting for name, setting in parsed.items() if setting.left != 0})
            self._changed.notify_all()

    def clear(self) -> None:
        with self._changed:
            self._settings.clear()
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

    def hold(self) -> None:
        """Wait as `token_delay` and `token_freeze` say; both end at once when switched off."""
        delay = self.take("token_delay")
        with self._changed:
            if delay is not None:
                self._changed.wait_for(lambda: self._closed, float(delay))
            self._changed.wait_for(lambda: self._closed or "token_freeze" not in self._settings)

    def snapshot(self) -> dict[str, str]:
        with self._changed:
            return {
                name: setting.value if setting.left is None else f"{setting.value}*{setting.left}"
                for name, setting in self._settings.items()
            }


def create_blueprint(board: FaultBoard) -> Blueprint:
    """The routes `/faults`."""
    blueprint = Blueprint("faults", __name__)

    def table() -> list[dict[str, Any]]:
        return [
            {"name": f.name, "values": f.values, "effect": f.effect, "requirements": f.requirements} for f in FAULTS
        ]

    @blueprint.get("/faults")
    def read() -> Response | str:
        if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
            return render_template("faults.html", faults=table(), active=board.snapshot())
        return jsonify(active=board.snapshot(), faults=table())

    @blueprint.post("/faults")
    def change() -> tuple[Response, int]:
        # A JSON content type cannot be sent cross-site without a preflight, and this server answers none.
        wanted = request.get_json(silent=True) if request.is_json else None
        if not isinstance(wanted, dict) or not all(v is None or isinstance(v, str | int) for v in wanted.values()):
            return jsonify(error="Send a JSON object of fault names and values."), 400
        try:
            board.change({name: None if value is None else str(value) for name, value in wanted.items()})
        except UnknownFaultError as error:
            return jsonify(error=str(error)), 400
        return jsonify(active=board.snapshot()), 200

    @blueprint.delete("/faults")
    def clear() -> tuple[str, int]:
        board.clear()
        return "", 204

    return blueprint
