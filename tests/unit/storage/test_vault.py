"""Vaults of every kind, and what a sealed file does and does not give away."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.canaries import Canaries
from tokenkeep.domain.errors import Locked, StorageFailed
from tokenkeep.domain.ports import Vault
from tokenkeep.domain.session import StorageState
from tokenkeep.domain.tokens import Secret
from tokenkeep.storage import vault as vault_module
from tokenkeep.storage.opening import VaultStorage, open_vault
from tokenkeep.storage.sealing import KeyFacts, MasterKey, Sealer
from tokenkeep.storage.vault import MemoryVault, SqliteVault
from unit.storage.vault_contract import VaultContract, a_grant, a_registration, a_session

KEY = MasterKey(KeyFacts(StorageState.KEYRING, backend="test", account="test"), Sealer(b"k" * 32))


class TestMemoryVault(VaultContract):
    state = StorageState.MEMORY
    lasting = False

    @pytest.fixture
    def open_vault(self) -> Iterator[Callable[[], Vault]]:
        opened: list[Vault] = []
        yield lambda: opened.append(MemoryVault()) or opened[-1]  # type: ignore[func-returns-value]
        for vault in opened:
            vault.close()


class TestKeyringVault(VaultContract):
    state = StorageState.KEYRING

    @pytest.fixture
    def open_vault(self, tmp_path: Path) -> Iterator[Callable[[], Vault]]:
        opened: list[Vault] = []
        yield lambda: opened.append(open_vault(tmp_path / "data/vault.db", KEY)) or opened[-1]  # type: ignore[func-returns-value]
        for vault in opened:
            vault.close()


@pytest.mark.usefixtures("quick_argon2")
class TestPassphraseVault(VaultContract):
    state = StorageState.PASSPHRASE

    @pytest.fixture
    def open_vault(self, tmp_path: Path) -> Iterator[Callable[[], Vault]]:
        opened: list[Vault] = []

        def opening() -> Vault:
            storage = VaultStorage(tmp_path / "data/vault.db")
            opened.append(storage.open(storage.key("passphrase", Secret("correct horse"))))
            return opened[-1]

        yield opening
        for vault in opened:
            vault.close()


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[SqliteVault]:
    opened = open_vault(tmp_path / "data/vault.db", KEY)
    yield opened
    opened.close()


def test_LEAK_4_nothing_secret_is_readable_in_the_files(vault: SqliteVault, tmp_path: Path, canaries: Canaries) -> None:
    canaries.add(
        rat="CANARY-RAT-1",
        rcs="CANARY-CS-2",
        at="CANARY-AT-1",
        rt="CANARY-RT-1",
        it="CANARY-IT-1",
        cs="CANARY-CS-1",
        who="subject-1",
        app="/usr/bin/git",
    )
    vault.write_session("github", a_session())
    vault.write_grant(a_grant())
    vault.write_registration(a_registration())
    vault.write_secret("github/client_secret", Secret("CANARY-CS-1"))
    vault.append_activity([{"at": 1.0, "path": "/usr/bin/git"}])
    canaries.assert_absent_from_files(tmp_path)  # with the write-ahead log, while open
    vault.close()
    canaries.assert_absent_from_files(tmp_path)


def test_LEAK_4_equal_records_are_sealed_differently_each_time(vault: SqliteVault, tmp_path: Path) -> None:
    seen = set()
    for _ in range(50):
        vault.write_session("github", a_session())
        with closing(sqlite3.connect(tmp_path / "data/vault.db")) as raw:
            seen.add(raw.execute("SELECT substr(sealed, 1, 12) FROM record").fetchone())
    assert len(seen) == 50


@pytest.mark.unprivileged
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_LEAK_4_folder_and_files_are_owner_only_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        opened = open_vault(tmp_path / "data/vault.db", KEY)
        opened.write_session("github", a_session())
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "data").iterdir()}
        opened.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("vault.db", "vault.db-wal", "vault.db-shm"), 0o600)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_file_that_was_made_readable_is_closed_again(vault: SqliteVault, tmp_path: Path) -> None:
    vault.close()
    (tmp_path / "data/vault.db").chmod(0o644)
    open_vault(tmp_path / "data/vault.db", KEY).close()
    assert stat.S_IMODE((tmp_path / "data/vault.db").stat().st_mode) == 0o600


def test_a_record_does_not_unseal_at_another_place(vault: SqliteVault, tmp_path: Path) -> None:
    vault.write_session("mine", a_session("CANARY-AT-mine"))
    vault.write_session("other", a_session("CANARY-AT-other"))
    with closing(sqlite3.connect(tmp_path / "data/vault.db")) as raw, raw:
        raw.execute("UPDATE record SET sealed = (SELECT sealed FROM record WHERE id = 'mine') WHERE id = 'other'")
    assert vault.read_sessions() == {"mine": a_session("CANARY-AT-mine")}


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * 200, None])
def test_one_unreadable_session_does_not_take_the_others_along(
    vault: SqliteVault, tmp_path: Path, damage: bytes | None
) -> None:
    for name in ("a", "b", "c"):
        vault.write_session(name, a_session())
    with closing(sqlite3.connect(tmp_path / "data/vault.db")) as raw, raw:
        if damage is None:  # sealed rightly, but nothing that we would write
            damage = KEY.sealer.seal(b'{"tokens": 3}', "tokenkeep/1/session/b")
        raw.execute("UPDATE record SET sealed = ? WHERE id = 'b'", (damage,))
    assert set(vault.read_sessions()) == {"a", "c"}
    assert set(vault.read_sessions()) == {"a", "c"}
    assert vault.notice == "The saved session of b cannot be read; the others can."
    vault.write_session("b", a_session("new-token"))
    assert vault.read_sessions()["b"] == a_session("new-token")


def test_a_client_secret_that_cannot_be_unsealed_is_not_a_missing_one(vault: SqliteVault, tmp_path: Path) -> None:
    vault.write_secret("x/client_secret", Secret("CANARY-CS-1"))
    with closing(sqlite3.connect(tmp_path / "data/vault.db")) as raw, raw:
        raw.execute("UPDATE record SET sealed = zeroblob(80)")
    with pytest.raises(Locked, match="client secret"):
        vault.read_secret("x/client_secret")


def test_unreadable_activity_is_left_out(vault: SqliteVault, tmp_path: Path) -> None:
    vault.append_activity([{"at": 1.0}, {"at": 2.0}])
    with closing(sqlite3.connect(tmp_path / "data/vault.db")) as raw, raw:
        raw.execute("UPDATE activity SET sealed = x'00' WHERE at = 1.0")
    assert vault.read_activity(9) == [{"at": 2.0}]


def test_activity_is_forgotten_by_age_and_by_number(vault: SqliteVault, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.append_activity([{"at": float(number)} for number in range(10)])
    vault.forget_activity(4.0)
    assert [entry["at"] for entry in vault.read_activity(99)] == [9.0, 8.0, 7.0, 6.0, 5.0, 4.0]
    monkeypatch.setattr(vault_module, "ACTIVITY_KEPT", 3)
    vault.append_activity([{"at": 10.0}])
    assert [entry["at"] for entry in vault.read_activity(99)] == [10.0, 9.0, 8.0]


def test_REF_1_a_session_is_committed_through_to_the_disk_and_a_mark_is_not(vault: SqliteVault) -> None:
    connection = vault._connection
    assert connection is not None
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    vault.write_session("github", a_session())
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert [word for statement in statements for word in ("BEGIN", "COMMIT") if statement.startswith(word)] == [
        "BEGIN",
        "COMMIT",
    ]
    vault.mark_session("github", a_session())
    assert connection.execute("PRAGMA synchronous").fetchone() == (1,)  # NORMAL
    vault.delete_session("github")
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_deleted_sessions_leave_no_bytes_in_the_file(vault: SqliteVault, tmp_path: Path) -> None:
    vault.write_session("github", a_session("y" * 3_000))
    with closing(sqlite3.connect(tmp_path / "data/vault.db")) as raw:
        (sealed,) = raw.execute("SELECT sealed FROM record").fetchone()
    vault.delete_session("github")
    vault.close()
    assert sealed[:64] not in (tmp_path / "data/vault.db").read_bytes()


def test_a_file_that_breaks_while_in_use_is_a_storage_failure(vault: SqliteVault, tmp_path: Path) -> None:
    for number in range(40):
        vault.write_session(f"p{number}", a_session("z" * 2_000))
    vault.close()
    path = tmp_path / "data/vault.db"
    reopened = open_vault(path, KEY)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    reopened._connection.execute("PRAGMA shrink_memory")  # type: ignore[union-attr]  # pages it has read already
    with pytest.raises(StorageFailed, match="damaged while in use"):
        reopened.read_sessions()
    with pytest.raises(StorageFailed, match="damaged while in use"):
        reopened.write_session("p1", a_session())
    reopened.close()


def test_two_programs_writing_wait_for_each_other_and_then_say_so(
    vault: SqliteVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault._connection.execute("PRAGMA busy_timeout = 10")  # type: ignore[union-attr]
    with closing(sqlite3.connect(tmp_path / "data/vault.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailed) as caught:
            vault.write_session("github", a_session())
    assert "Another program" in caught.value.hint
    vault.write_session("github", a_session())
    assert set(vault.read_sessions()) == {"github"}
