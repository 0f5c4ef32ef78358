"""The vault's file at start: new, known, damaged, foreign, newer, under another key; nothing is ever destroyed."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tokenkeep.domain.errors import Locked, StorageFailed
from tokenkeep.domain.session import StorageState
from tokenkeep.domain.tokens import Secret
from tokenkeep.storage import schema
from tokenkeep.storage.opening import VaultStorage, open_vault, stored_kind
from tokenkeep.storage.sealing import KeyFacts, MasterKey, Sealer
from unit.storage.vault_contract import a_grant, a_session

KEY = MasterKey(KeyFacts(StorageState.KEYRING, backend="test", account="test"), Sealer(b"k" * 32))
OTHER = MasterKey(KeyFacts(StorageState.KEYRING, backend="test", account="test"), Sealer(b"o" * 32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a vault with one session."""
    place = tmp_path / "data/vault.db"
    vault = open_vault(place, KEY)
    vault.write_session("github", a_session())
    vault.close()
    return place


def names(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir()}


def assert_set_aside_and_begun_anew(path: Path, content: bytes) -> None:
    vault = open_vault(path, KEY)
    assert vault.read_sessions() == {}
    assert "vault.db.damaged-1" in vault.notice
    assert "sign in again" in vault.notice
    vault.write_session("gitlab", a_session())
    vault.close()
    assert path.with_name("vault.db.damaged-1").read_bytes() == content
    again = open_vault(path, KEY)
    assert again.notice == ""
    assert set(again.read_sessions()) == {"gitlab"}
    again.close()


@pytest.mark.parametrize(
    "content", [b"garbage", b"\0" * 5_000, os.urandom(9_000), b"SQLite format 3\0" + b"\xff" * 200]
)
def test_a_file_of_garbage_is_kept_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data/vault.db"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(content)
    assert_set_aside_and_begun_anew(path, content)


@pytest.mark.parametrize("kept", [100, 4_096, 5_000, 10_000])
def test_a_truncated_file_is_kept_aside(path: Path, kept: int) -> None:
    content = path.read_bytes()[:kept]
    path.write_bytes(content)
    assert_set_aside_and_begun_anew(path, content)


def test_a_file_with_a_broken_page_is_kept_aside(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 2] = b"\xa5" * 4096
    path.write_bytes(content)
    assert_set_aside_and_begun_anew(path, bytes(content))


def test_another_programs_database_is_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "data/vault.db"
    path.parent.mkdir(mode=0o700)
    with closing(sqlite3.connect(path)) as foreign, foreign:
        foreign.execute("CREATE TABLE bookmarks (url TEXT)")
    assert_set_aside_and_begun_anew(path, path.read_bytes())


@pytest.mark.parametrize(
    "statement",
    [
        "PRAGMA application_id = 7",
        "PRAGMA user_version = 0",
        "DROP TABLE record",
        "DELETE FROM meta WHERE name = 'key'",
        "UPDATE meta SET value = CAST('{}' AS BLOB) WHERE name = 'key'",
        "UPDATE meta SET value = CAST('[]' AS BLOB) WHERE name = 'key'",
        "UPDATE meta SET value = x'ff' WHERE name = 'key'",
    ],
)
def test_a_vault_that_lost_what_it_needs_is_kept_aside(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute(statement)
        raw.execute("PRAGMA journal_mode = DELETE")
    vault = open_vault(path, KEY)
    assert vault.read_sessions() == {}
    assert "vault.db.damaged-1" in vault.notice
    vault.close()


def test_the_write_ahead_log_goes_along_and_the_next_damaged_file_gets_the_next_number(path: Path) -> None:
    for number in (1, 2):
        path.write_bytes(b"garbage")
        path.with_name("vault.db-wal").write_bytes(b"log")
        path.with_name("vault.db-shm").write_bytes(b"shared")
        open_vault(path, KEY).close()
        assert path.with_name(f"vault.db.damaged-{number}").read_bytes() == b"garbage"
        assert path.with_name(f"vault.db.damaged-{number}-wal").read_bytes() == b"log"


def test_an_empty_file_is_a_new_vault(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data/vault.db").touch()
    vault = open_vault(tmp_path / "data/vault.db", KEY)
    assert vault.notice == ""
    vault.close()


def test_a_vault_that_was_being_made_when_the_process_was_killed_is_made(tmp_path: Path) -> None:
    path = tmp_path / "data/vault.db"
    open_vault(path, KEY).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("DELETE FROM meta")  # the tables are committed, the key's description is not
    vault = open_vault(path, KEY)
    assert vault.notice == ""
    vault.close()
    assert stored_kind(path) is StorageState.KEYRING


def test_a_vault_of_a_newer_version_is_left_untouched(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA user_version = 99")
    content = path.read_bytes()
    with pytest.raises(StorageFailed, match="newer version"):
        open_vault(path, KEY)
    assert path.read_bytes() == content
    assert not [name for name in names(path) if "damaged" in name]


def test_a_migration_keeps_the_records_and_is_one_transaction(path: Path) -> None:
    with closing(schema.connect(str(path))) as connection:
        broken = (*schema.MIGRATIONS, "CREATE TABLE later (x TEXT); CREATE TABLE later (x TEXT)")
        with pytest.raises(StorageFailed):
            schema.prepare(connection, broken)
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'later'").fetchone() == (0,)
        schema.prepare(connection, (*schema.MIGRATIONS, "CREATE TABLE later (x TEXT)"))
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM record").fetchone() == (1,)


def test_LEAK_4_an_intact_vault_under_another_keyring_key_is_locked_and_kept(path: Path) -> None:
    content = path.read_bytes()
    with pytest.raises(Locked, match="sealed with another key"):
        open_vault(path, OTHER)
    assert path.read_bytes() == content
    assert names(path) == {"vault.db"}
    vault = open_vault(path, KEY)
    assert vault.read_sessions() == {"github": a_session()}
    vault.close()


def test_a_damaged_check_record_locks_nothing_while_a_session_opens(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("UPDATE meta SET value = x'00' WHERE name = 'check'")
    vault = open_vault(path, KEY)
    assert set(vault.read_sessions()) == {"github"}
    vault.close()
    with pytest.raises(Locked):
        open_vault(path, OTHER)


@pytest.mark.usefixtures("quick_argon2")
def test_a_passphrase_opens_its_vault_and_no_other_does(tmp_path: Path) -> None:
    path = tmp_path / "data/vault.db"
    storage = VaultStorage(path)
    vault = storage.open(storage.key("passphrase", Secret("correct horse")))
    vault.write_session("github", a_session())
    vault.close()
    content = path.read_bytes()
    for wrong in ("correct horsf", "Correct horse", "correct horse "):
        with pytest.raises(Locked) as caught:
            storage.open(storage.key("passphrase", Secret(wrong)))
        assert str(caught.value) == "The passphrase is not right."
    assert path.read_bytes() == content
    fresh = VaultStorage(path)
    vault = fresh.open(fresh.key("passphrase", Secret("correct horse")))
    assert set(vault.read_sessions()) == {"github"}
    vault.close()


@pytest.mark.parametrize("nothing", [None, Secret("")])
def test_without_a_passphrase_it_is_asked_for(tmp_path: Path, nothing: Secret | None, quick_argon2: None) -> None:
    storage = VaultStorage(tmp_path / "data/vault.db")
    with pytest.raises(Locked, match="No passphrase has been chosen"):
        storage.key("passphrase", nothing)
    storage.open(storage.key("passphrase", Secret("correct horse"))).close()
    with pytest.raises(Locked, match="The passphrase is needed"):
        storage.key("passphrase", nothing)


@pytest.mark.usefixtures("quick_argon2")
def test_choosing_another_place_for_the_key_seals_everything_anew(path: Path) -> None:
    storage = VaultStorage(path)
    before = storage.open(KEY)
    before.write_grant(a_grant())
    before.append_activity([{"at": 1.5, "event": "token"}])
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("INSERT INTO record VALUES ('session', 'broken', x'00')")
        raw.execute("INSERT INTO activity (at, sealed) VALUES (1.0, x'00')")
    vault = storage.open(storage.key("passphrase", Secret("correct horse")))
    before.close()  # as the engine does it: the new one is open first
    assert vault.state is StorageState.PASSPHRASE
    assert vault.notice == ""
    assert vault.read_sessions() == {"github": a_session()}
    assert vault.read_grants() == [a_grant()]
    assert vault.read_activity(5) == [{"at": 1.5, "event": "token"}]
    vault.close()
    assert stored_kind(path) is StorageState.PASSPHRASE
    assert names(path) == {"vault.db"}


@pytest.mark.usefixtures("quick_argon2")
def test_choosing_another_place_while_the_old_key_is_out_of_reach_keeps_the_old_file(path: Path) -> None:
    content = path.read_bytes()
    storage = VaultStorage(path)
    vault = storage.open(storage.key("passphrase", Secret("correct horse")))
    assert vault.read_sessions() == {}
    assert "vault.db.keyring-1" in vault.notice
    vault.close()
    assert path.with_name("vault.db.keyring-1").read_bytes() == content


def test_memory_leaves_the_file_alone(path: Path) -> None:
    content = path.read_bytes()
    storage = VaultStorage(path)
    vault = storage.open(storage.key("memory", None))
    vault.write_session("gitlab", a_session())
    assert vault.state is StorageState.MEMORY
    vault.close()
    assert path.read_bytes() == content
    with pytest.raises(TypeError):
        storage.open(object())


def test_a_vault_that_asks_for_absurd_work_is_not_obeyed(path: Path) -> None:
    facts = {
        "kind": "passphrase",
        "backend": "",
        "account": "",
        "salt": "AAAAAAAAAAA=",
        "memory": 1 << 40,
        "passes": 3,
        "lanes": 4,
    }
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("UPDATE meta SET value = ? WHERE name = 'key'", (json.dumps(facts).encode(),))
    assert schema.peek(path) is None


def test_looking_at_what_is_no_vault_tells_nothing(tmp_path: Path) -> None:
    assert stored_kind(tmp_path / "none.db") is None
    (tmp_path / "empty.db").touch()
    assert stored_kind(tmp_path / "empty.db") is None
    (tmp_path / "garbage.db").write_bytes(b"x" * 5_000)
    assert stored_kind(tmp_path / "garbage.db") is None
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as foreign, foreign:
        foreign.execute("CREATE TABLE bookmarks (url TEXT)")
    assert stored_kind(tmp_path / "foreign.db") is None


def test_a_vault_that_cannot_be_read_now_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "vault.db").mkdir()
    with pytest.raises(StorageFailed, match="could not be opened"):
        stored_kind(tmp_path / "vault.db")


def test_a_file_that_vanishes_is_not_made_again_by_sqlite(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="removed by another program"):
        schema.open_file(tmp_path / "vault.db")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_named_and_stays(tmp_path: Path) -> None:
    (tmp_path / "data/vault.db").mkdir(parents=True)
    (tmp_path / "data").chmod(0o700)
    with pytest.raises(StorageFailed, match=r"vault\.db"):
        open_vault(tmp_path / "data/vault.db", KEY)
    assert (tmp_path / "data/vault.db").is_dir()


@pytest.mark.unprivileged
def test_a_read_only_folder_is_a_storage_failure_and_harms_nothing(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere; the unprivileged run counts")
    content = path.read_bytes()
    path.parent.chmod(0o500)
    try:
        with pytest.raises(StorageFailed) as caught:
            open_vault(path, KEY)
        assert "data folder" in caught.value.hint
    finally:
        path.parent.chmod(0o700)
    assert path.read_bytes() == content
    vault = open_vault(path, KEY)
    assert set(vault.read_sessions()) == {"github"}
    vault.close()


@pytest.mark.unprivileged
def test_a_damaged_file_in_a_read_only_folder_is_reported(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere; the unprivileged run counts")
    path.write_bytes(b"garbage")
    path.parent.chmod(0o500)
    try:
        with pytest.raises(StorageFailed, match=r"could not be|cannot be"):
            open_vault(path, KEY)
    finally:
        path.parent.chmod(0o700)
    assert path.read_bytes() == b"garbage"
