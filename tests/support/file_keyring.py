"""The variables that give the application a keyring without a desktop."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
IN_KEYRING = '[storage]\nkey = "keyring"\n'


def file_keyring(folder: Path) -> dict[str, str]:
    """:param folder: where the keyring's file lies; not the application's own home, which tests search for secrets."""
    return {
        "PYTHONPATH": str(TESTS),
        "PYTHON_KEYRING_BACKEND": "support.children.file_keyring.Keyring",
        "KEYRING_FILE": str(folder / "keyring.json"),
    }
