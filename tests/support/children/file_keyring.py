"""A keyring in one file, for tests in which the keyring is not the matter: KEYRING_FILE names it.

Chosen by PYTHON_KEYRING_BACKEND=support.children.file_keyring.Keyring with the folder of the tests in PYTHONPATH.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend


class Keyring(KeyringBackend):
    """Every item is there at once and never asks anybody."""

    priority = 1  # type: ignore[assignment]  # a property in the base class

    def _read(self) -> dict[str, str]:
        path = Path(os.environ["KEYRING_FILE"])
        return json.loads(path.read_text()) if path.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._read().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        path = Path(os.environ["KEYRING_FILE"])
        path.write_text(json.dumps(self._read() | {f"{service} {username}": password}))
