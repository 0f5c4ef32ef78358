"""The request log that tests read: what was asked and how it ended, never a secret."""

import threading
import time
from collections import Counter
from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from tokenkeep.demo.oauth.store import fingerprint

# Form fields that are logged as a fingerprint; all others by name only.
FINGERPRINTED = (
    *("code", "refresh_token", "device_code", "token"),
    *("assertion", "client_assertion", "subject_token", "actor_token"),
)
# Long-polling test clients ask again after this many seconds at most.
LONGEST_WAIT = 60.0


class RequestLog:
    """Entries in order of arrival; counters like `/token`, `/token.refresh_token`, `/token.refresh_token.ok`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._entries: list[dict[str, Any]] = []
        self._counters: Counter[str] = Counter()
        self._number = 0

    def begin(self, method: str, path: str, form: dict[str, str]) -> dict[str, Any]:
        """Note the arrival of a request, so that one that never gets an answer counts too."""
        entry: dict[str, Any] = {"time": time.time(), "method": method, "path": path, "outcome": "pending"}
        entry["fields"] = sorted(form)
        if form.get("grant_type"):
            entry["grant_type"] = form["grant_type"].rpartition(":")[2]
        for name in FINGERPRINTED:
            if form.get(name):
                entry[name] = fingerprint(form[name])
        with self._changed:
            self._number += 1
            entry["n"] = self._number
            self._entries.append(entry)
            self._count(entry)
        return entry

    def finish(self, entry: dict[str, Any], status: int, details: dict[str, Any]) -> None:
        with self._changed:
            entry.update(details)
            entry["status"] = status
            if entry["outcome"] == "pending":
                entry["outcome"] = "ok" if status < 400 else str(status)
            self._count(entry, entry["outcome"])

    def progress(self, path: str, step: str) -> None:
        """Count a step of a request that has no answer yet, as `/token.processed`."""
        with self._changed:
            self._counters[f"{path}.{step}"] += 1
            self._changed.notify_all()

    def _count(self, entry: dict[str, Any], outcome: str | None = None) -> None:
        names = [entry["path"]]
        if "grant_type" in entry:
            names.append(f"{entry['path']}.{entry['grant_type']}")
        self._counters.update(f"{name}.{outcome}" if outcome else name for name in names)
        self._changed.notify_all()

    def wait(self, counter: str, count: int, seconds: float) -> bool:
        """True once that counter has reached the count."""
        with self._changed:
            return self._changed.wait_for(lambda: self._counters[counter] >= count, min(seconds, LONGEST_WAIT))

    def snapshot(self) -> dict[str, Any]:
        with self._changed:
            return {"entries": [dict(entry) for entry in self._entries], "counters": dict(self._counters)}

    def reset(self) -> None:
        with self._changed:
            self._entries.clear()
            self._counters.clear()
            self._changed.notify_all()


def note(**details: Any) -> None:
    """Add details to the log entry of the request being answered."""
    g.setdefault("log_details", {}).update(details)


def create_blueprint(log: RequestLog) -> Blueprint:
    """The routes `/log`, and the hooks that write it."""
    blueprint = Blueprint("log", __name__)
    unlogged = ("/log", "/faults", "/static")

    @blueprint.before_app_request
    def arrival() -> None:
        if not request.path.startswith(unlogged):
            g.log_entry = log.begin(request.method, request.path, request.form.to_dict())

    @blueprint.after_app_request
    def departure(response: Response) -> Response:
        if "log_entry" in g:
            log.finish(g.log_entry, response.status_code, g.get("log_details", {}))
        return response

    @blueprint.get("/log")
    def read() -> Response:
        if counter := request.args.get("wait_for"):
            log.wait(counter, request.args.get("count", 1, int), request.args.get("timeout", 10.0, float))
        return jsonify(log.snapshot())

    @blueprint.delete("/log")
    def reset() -> tuple[str, int]:
        log.reset()
        return "", 204

    return blueprint
