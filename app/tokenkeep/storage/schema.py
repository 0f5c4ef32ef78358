"""The vault's SQLite file: how it is opened, recognised, brought up to date, or found to be damaged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from tokenkeep.domain.errors import StorageFailed
from tokenkeep.storage.files import reason
from tokenkeep.storage.sealing import KeyFacts

BEGINNING = b"SQLite format 3\0"
APPLICATION_ID = 0x544F4B4E  # "TOKN", told by `file vault.db`
BUSY_LIMIT = 2.0  # seconds; the process lock keeps others out, so only a backup program can be in the way for long

# What SQLite says where it cannot have the shared memory of a write-ahead log.
NO_SHARED_MEMORY = (sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)

# One entry brings a file from the version of its index to the next; an entry is never changed once released.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE record (
        kind TEXT NOT NULL, id TEXT NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE activity (number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, sealed BLOB NOT NULL) STRICT;
    """,
)
TABLES = frozenset({"meta", "record", "activity"})


class Damaged(Exception):
    """The file is not a vault, or no longer one that can be read."""


class _NoSharedMemory(Exception):
    """A write-ahead log does not work here."""


def open_file(path: Path) -> sqlite3.Connection:
    """The file checked and up to date, with a write-ahead log, or the older journal where shared memory does not
    work, as on network file systems.

    :raises Damaged: it is broken or another program's. :raises StorageFailed: it cannot be used.
    """
    try:
        _check_beginning(path)
    except FileNotFoundError as error:  # removed since it was made; SQLite would make it again, for all to read
        raise StorageFailed("The vault's file was removed by another program.", hint="Try again.") from error
    connection = connect(str(path))
    try:
        try:
            prepare(connection)
        except _NoSharedMemory:
            connection.close()
            connection = connect(str(path))
            _leave_shared_memory(connection)
            prepare(connection, shared_memory=False)
    except BaseException:
        connection.close()
        raise
    return connection


def connect(path: str) -> sqlite3.Connection:
    """A connection without implicit transactions, which overwrites what it deletes. The file is not read yet.

    :raises StorageFailed: the file cannot be opened.
    """
    with translated("opened"):
        connection = sqlite3.connect(path, timeout=BUSY_LIMIT, isolation_level=None)
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _check_beginning(path: Path) -> None:
    """SQLite tidies away the write-ahead log of a file that it cannot read; ours is kept with it.

    :raises FileNotFoundError: there is no such file.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(len(BEGINNING))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageFailed(f"The vault could not be opened: {reason(error)}.") from error
    if beginning and beginning != BEGINNING:
        raise Damaged("no database")


def _leave_shared_memory(connection: sqlite3.Connection) -> None:
    """Back to the older journal. Only an exclusive owner can open a write-ahead log without shared memory."""
    with translated("opened"):
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = DELETE", "locking_mode = NORMAL"):
            connection.execute(f"PRAGMA {pragma}").fetchone()
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # locks change at the next use


def prepare(
    connection: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS, *, shared_memory: bool = True
) -> None:
    """Check the file and bring it to our version in one transaction.

    :raises Damaged: it is broken or another program's.
    :raises StorageFailed: a newer TokenKeep made it, or it cannot be read or written.
    """
    with translated("read"):
        with _watching_shared_memory(expected=shared_memory):
            version, application, tables = _look(connection)
        if version > len(migrations) and application == APPLICATION_ID:
            raise StorageFailed(
                "The saved sign-ins were written by a newer version of TokenKeep.",
                hint="Install that version again; the file was not touched.",
            )
        empty = not tables and version == 0
        if not empty and (application != APPLICATION_ID or not tables >= TABLES or version == 0):
            raise Damaged("another program's file")
        if shared_memory:
            with _watching_shared_memory(expected=True):  # only now: it changes the file
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
                _look(connection)
        if not empty and connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise Damaged("the check of the file failed")
    if version < len(migrations):
        with transaction(connection, "FULL"):
            for script in migrations[version:]:
                for statement in filter(str.strip, script.split(";")):
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {len(migrations)}")


@contextmanager
def _watching_shared_memory(*, expected: bool) -> Iterator[None]:
    """:raises _NoSharedMemory: in place of what SQLite says where it cannot have it."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if expected and error.sqlite_errorcode & 0xFF in NO_SHARED_MEMORY:
            raise _NoSharedMemory from error
        raise


def _look(connection: sqlite3.Connection) -> tuple[int, int, set[str]]:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return version, application, {name for (name,) in names if not str(name).startswith("sqlite_")}


@contextmanager
def transaction(connection: sqlite3.Connection, synchronous: str) -> Iterator[None]:
    """One transaction: all of it or nothing.

    :param synchronous: `FULL` returns when the disk has it; `NORMAL` may lose it in a power cut, not in a crash.
    """
    with translated("written"):
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """SQLite's errors as ours. :raises StorageFailed: or, for a broken file, `Damaged`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Damaged(str(error)) from error
        raise StorageFailed(f"The vault could not be {what}: {error}.", hint=_next_step(code)) from error


def _next_step(code: int) -> str:
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return "Make room on the disk; what was saved before is intact."
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return "Let TokenKeep write in its data folder; what was saved before is intact."
    if code == sqlite3.SQLITE_BUSY:
        return "Another program holds the file open; try again when it is done."
    return "What was saved before is intact."


def read_facts(connection: sqlite3.Connection) -> KeyFacts:
    """What the vault says about its key. :raises Damaged: it does not say it."""
    with translated("read"):
        row = connection.execute("SELECT value FROM meta WHERE name = 'key'").fetchone()
    try:
        return KeyFacts.from_json(json.loads(row[0]))
    except (TypeError, ValueError, AttributeError) as error:
        raise Damaged("the vault does not say where its key is") from error


def peek(path: Path) -> KeyFacts | None:
    """What the vault at `path` says about its key; None for a missing, new or damaged one.

    :raises StorageFailed: the file is there and cannot be read now.
    """
    try:
        _check_beginning(path)
        try:
            return _peek(path, shared_memory=True)
        except _NoSharedMemory:
            return _peek(path, shared_memory=False)
    except (Damaged, FileNotFoundError):
        return None


def _peek(path: Path, *, shared_memory: bool) -> KeyFacts | None:
    with translated("read"), closing(sqlite3.connect(path, timeout=BUSY_LIMIT)) as connection:
        if not shared_memory:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchone()
        with _watching_shared_memory(expected=shared_memory):
            version, application, tables = _look(connection)
        if application != APPLICATION_ID or version == 0 or "meta" not in tables:
            return None
        return read_facts(connection)
