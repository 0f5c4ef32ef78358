"""Opens the vault's file: new, known, damaged, sealed with another key, or to be sealed anew with one."""

from __future__ import annotations

import json
import logging
import sqlite3
from pathlib import Path

from tokenkeep.domain.errors import Locked, StorageFailed
from tokenkeep.domain.ports import Vault
from tokenkeep.domain.session import StorageState
from tokenkeep.domain.tokens import Secret
from tokenkeep.storage.files import private_file, private_folder, reason, sync_folder
from tokenkeep.storage.keyring_key import KeyringKey, account_for
from tokenkeep.storage.schema import Damaged, open_file, peek, read_facts, transaction, translated
from tokenkeep.storage.sealing import CHECK, KeySource, MasterKey, MemoryKey, PassphraseKey, Sealer, Unsealable
from tokenkeep.storage.vault import MemoryVault, SqliteVault, place

log = logging.getLogger(__name__)

CHECK_PLACE = place("meta", "check")
SIDE_FILES = ("", "-wal", "-shm", "-journal")  # what belongs to one SQLite database


class VaultStorage:
    """Both steps to an open vault; the engine takes each on the thread where it may block."""

    def __init__(self, path: Path) -> None:
        """:param path: of the vault's file."""
        self._path = path
        self._current: MasterKey | None = None

    def key(self, kind: str, passphrase: Secret | None) -> MasterKey:
        """Get the master key; may wait for a person.

        :param kind: `keyring`, `passphrase` or `memory`.
        :raises Locked: the keyring is locked, its dialog was dismissed, or a passphrase is needed.
        :raises StorageFailed: there is no usable keyring.
        """
        sources: dict[StorageState, KeySource] = {
            StorageState.KEYRING: KeyringKey(account_for(self._path)),
            StorageState.PASSPHRASE: PassphraseKey(passphrase),
            StorageState.MEMORY: MemoryKey(),
        }
        wanted = StorageState(kind)
        facts = peek(self._path)
        return sources[wanted].get(facts if facts is not None and facts.kind is wanted else None)

    def open(self, key: object) -> Vault:
        """Open the vault with a key of `key`; never waits for a person.

        :raises Locked: the vault is sealed under another key.
        :raises StorageFailed: the file cannot be used.
        """
        if not isinstance(key, MasterKey):
            raise TypeError("a key of VaultStorage.key is needed")
        if key.facts.kind is StorageState.MEMORY:
            return MemoryVault(key)
        vault = open_vault(self._path, key, before=self._current)
        self._current = key
        return vault


def open_vault(path: Path, key: MasterKey, *, before: MasterKey | None = None) -> SqliteVault:
    """Open or make the vault's file.

    A damaged file is set aside and a new one begun; so is an intact one when a person chose to keep the key
    elsewhere, unless its own key is at hand to seal everything anew. A file that a newer version wrote, or that is
    sealed under another key of the same kind, is left alone.

    :param before: the key that this file may have been sealed with until now.
    :raises Locked: the file is sealed under another key.
    :raises StorageFailed: it cannot be used.
    """
    private_folder(path.parent)
    notice = ""
    for _ in range(2):
        private_file(path)
        try:
            connection = open_file(path)
        except Damaged:
            notice = _set_aside_damaged(path)
            continue
        try:
            foreign = _settle_key(connection, key, before)
        except Damaged:
            connection.close()
            notice = _set_aside_damaged(path)
        except BaseException:
            connection.close()
            raise
        else:
            if foreign is None:
                return SqliteVault(connection, key, notice)
            connection.close()
            kept = set_aside(path, foreign.value)
            notice = f"The sign-ins that were kept with the {foreign.value} are in {kept.name}; they are not used now."
    raise StorageFailed("A new vault could not be begun.", hint=f"Look at the folder {path.parent}.")


def _settle_key(connection: sqlite3.Connection, key: MasterKey, before: MasterKey | None) -> StorageState | None:
    """Make sure that the vault's records are under this key; else tell where the key that they are under is kept.

    :raises Locked: they are under another key of the same kind.
    """
    if _is_new(connection):
        with transaction(connection, "FULL"):
            _write_key(connection, key)
        return None
    facts = read_facts(connection)
    if _opens(connection, key.sealer):
        return None
    if facts.kind is not key.facts.kind:
        if before is None or not _opens(connection, before.sealer):
            return facts.kind
        with transaction(connection, "FULL"):
            _seal_anew(connection, before.sealer, key.sealer)
            _write_key(connection, key)
        return None
    if facts.kind is StorageState.PASSPHRASE:
        raise Locked("The passphrase is not right.", hint="Type it again; nothing was changed.")
    raise Locked(
        "The saved sign-ins are sealed with another key than the one in the keyring.",
        hint="Bring the old keyring item back, or choose a passphrase and sign in again; the sealed file is kept.",
    )


def _is_new(connection: sqlite3.Connection) -> bool:
    """Whether nothing was sealed yet; a process that was killed while making the file leaves it like this."""
    with translated("read"):
        return (
            connection.execute("SELECT 1 FROM meta WHERE name = 'key'").fetchone() is None
            and connection.execute("SELECT 1 FROM record").fetchone() is None
        )


def _write_key(connection: sqlite3.Connection, key: MasterKey) -> None:
    rows = [("key", json.dumps(key.facts.as_json()).encode()), ("check", key.sealer.seal(CHECK, CHECK_PLACE))]
    connection.executemany("REPLACE INTO meta (name, value) VALUES (?, ?)", rows)


def _opens(connection: sqlite3.Connection, sealer: Sealer) -> bool:
    """Whether this is the vault's key. One damaged check record must not lock everything, so any record will do."""
    with translated("read"):
        rows = connection.execute("SELECT 'meta', 'check', value FROM meta WHERE name = 'check'").fetchall()
        rows += connection.execute("SELECT kind, id, sealed FROM record").fetchall()
    for kind, id_, sealed in rows:
        try:
            sealer.unseal(sealed, place(kind, id_))
        except Unsealable:
            continue
        return True
    return False


def _seal_anew(connection: sqlite3.Connection, old: Sealer, new: Sealer) -> None:
    """All records under another key; one that cannot be unsealed stays as it is."""
    for kind, id_, sealed in connection.execute("SELECT kind, id, sealed FROM record").fetchall():
        if (again := _again(sealed, place(kind, id_), old, new)) is not None:
            connection.execute("UPDATE record SET sealed = ? WHERE kind = ? AND id = ?", (again, kind, id_))
    for number, at, sealed in connection.execute("SELECT number, at, sealed FROM activity").fetchall():
        if (again := _again(sealed, place("activity", repr(at)), old, new)) is not None:
            connection.execute("UPDATE activity SET sealed = ? WHERE number = ?", (again, number))


def _again(sealed: bytes, where: str, old: Sealer, new: Sealer) -> bytes | None:
    try:
        return new.seal(old.unseal(sealed, where), where)
    except Unsealable:
        return None


def _set_aside_damaged(path: Path) -> str:
    kept = set_aside(path, "damaged")
    log.warning("the vault was damaged and is kept aside as %s", kept.name)
    return f"The saved sign-ins could not be read and are kept aside in {kept.name}. Please sign in again."


def set_aside(path: Path, word: str) -> Path:
    """Rename a database with all that belongs to it to `NAME.WORD-N`, the first N that is free.

    :raises StorageFailed: it could not be renamed.
    """
    number = 1
    while (kept := path.with_name(f"{path.name}.{word}-{number}")).exists():
        number += 1
    try:
        for suffix in reversed(SIDE_FILES):  # the file itself last: a crash half-way leaves a file that is tried again
            source = path.with_name(path.name + suffix)
            if source.exists():
                source.rename(kept.with_name(kept.name + suffix))
        sync_folder(path.parent)
    except OSError as error:
        raise StorageFailed(f"The damaged file {path} could not be set aside: {reason(error)}.") from error
    return kept


def stored_kind(path: Path) -> StorageState | None:
    """Where the key of the vault at `path` is kept, for the doctor; None without a vault."""
    facts = peek(path)
    return None if facts is None else facts.kind
