"""The master key in a real Secret Service: kept, locked, dismissed and missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.processes import clean_environment
from support.secret_service import SecretService
from support.session_bus import SessionBus

STEP = """
import pathlib, sys
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.tokens import Secret
from tokenkeep.storage.opening import VaultStorage
storage = VaultStorage(pathlib.Path(sys.argv[1]))
try:
    vault = storage.open(storage.key("keyring", None))
except TokenKeepError as error:
    print(type(error).__name__, error.detail)
else:
    before = vault.read_secret("x/client_secret")
    vault.write_secret("x/client_secret", Secret("CANARY-CS-1"))
    print(vault.state.value, "kept" if before == Secret("CANARY-CS-1") else "new", vault.notice)
"""


def start(home: Path, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STEP, str(home / "data/vault.db")],
        env=clean_environment(home, env),
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out.strip()


def test_LEAK_4_the_key_is_kept_by_the_keyring_and_found_by_the_next_process(
    home: Path, secret_service: SecretService
) -> None:
    assert said(start(home, secret_service.env())) == "keyring new"
    assert said(start(home, secret_service.env())) == "keyring kept"


def test_LEAK_4_a_locked_keyring_waits_for_its_dialog_and_a_dismissed_one_is_no_sign_out(
    home: Path, secret_service: SecretService
) -> None:
    assert said(start(home, secret_service.env())) == "keyring new"
    secret_service.lock()
    waiting = start(home, secret_service.env())
    secret_service.wait_for_prompt()
    assert waiting.poll() is None
    secret_service.dismiss_prompt()
    assert said(waiting) == "Locked The keyring is locked."
    waiting = start(home, secret_service.env())
    secret_service.answer_prompt()
    assert said(waiting) == "keyring kept"


def test_LEAK_4_without_the_keyring_that_has_the_key_nothing_is_lost(home: Path, secret_service: SecretService) -> None:
    assert said(start(home, secret_service.env())) == "keyring new"
    content = (home / "data/vault.db").read_bytes()
    none = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    assert said(start(home, none)).startswith("StorageFailed There is no keyring on this system")
    assert (home / "data/vault.db").read_bytes() == content
    assert said(start(home, secret_service.env())) == "keyring kept"


def test_LEAK_4_a_lost_item_locks_and_does_not_destroy(home: Path, secret_service: SecretService) -> None:
    assert said(start(home, secret_service.env())) == "keyring new"
    content = (home / "data/vault.db").read_bytes()
    delete = "import keyring, sys; keyring.delete_password('TokenKeep', sys.argv[1])"
    account = (
        "import pathlib, sys; from tokenkeep.storage.keyring_key import account_for;"
        "print(account_for(pathlib.Path(sys.argv[1])))"
    )
    environment = clean_environment(home, secret_service.env())
    name = subprocess.run(
        [sys.executable, "-c", account, str(home / "data/vault.db")],
        env=environment, capture_output=True, text=True, check=True, timeout=60,
    ).stdout.strip()  # fmt: skip
    subprocess.run([sys.executable, "-c", delete, name], env=environment, check=True, timeout=60)
    assert said(start(home, secret_service.env())).startswith("Locked The keyring no longer has the key")
    assert (home / "data/vault.db").read_bytes() == content


def test_a_session_bus_without_a_secret_service_has_no_keyring(home: Path, session_bus: SessionBus) -> None:
    env = session_bus.env()
    assert said(start(home, env)).startswith("StorageFailed There is no keyring on this system")
    assert not (home / "data").exists()
