"""Every secret that went over the wire of an application started as `children/loud.py`, taken from its record."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote_plus

from support.canaries import Canaries

LOUD = Path(__file__).parent / "children/loud.py"
# Names as they stand in forms, queries and JSON.
NAMES = (
    "access_token",
    "refresh_token",
    "id_token",
    "code",
    "code_verifier",
    "state",
    "nonce",
    "device_code",
    "client_secret",
    "client_assertion",
    "assertion",
    "subject_token",
    "actor_token",
    "token",
    "registration_access_token",
    "private_key",
    "request_uri",
    "id_token_hint",
)
_FORM = re.compile(rf"(?:^|[?&\s])({'|'.join(NAMES)})=([^&\s\"<>]+)", re.MULTILINE)
_JSON = re.compile(rf'"({"|".join(NAMES)})"\s*:\s*("(?:[^"\\]|\\.)*")')
_HEADER = re.compile(r"^(Authorization|DPoP): (?:(?:Bearer|Basic|DPoP) )?(\S+)", re.MULTILINE | re.IGNORECASE)
_SHORTEST = 12  # characters; a server's refusal may be as short as a word


class WireRecord:
    """Reads the record again and again; each secret is added to the canaries once."""

    def __init__(self, path: Path, canaries: Canaries) -> None:
        self.path = path
        self.seen: dict[str, set[str]] = {}
        self._canaries = canaries
        self._position = 0

    def env(self) -> dict[str, str]:
        """The variable that tells the application where to write."""
        return {"WIRE_RECORD": str(self.path)}

    def collect(self) -> None:
        """Take up what was recorded since the last time, and a bit of what was before."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(max(0, self._position - 65_536))
            text = file.read().decode("latin-1")
            self._position = file.tell()
        for name, value in _FORM.findall(text):
            self._add(name, unquote_plus(value))
        for name, value in _JSON.findall(text):
            try:
                self._add(name, json.loads(value))
            except ValueError:
                continue
        for name, value in _HEADER.findall(text):
            self._add(name.lower(), value)

    def _add(self, name: str, value: str) -> None:
        known = self.seen.setdefault(name, set())
        if len(value) >= _SHORTEST and value not in known and value.isascii() and value.isprintable():
            known.add(value)
            self._canaries.add(**{name: value})
