"""The vault: sealed records in one SQLite file, each write one transaction that outlives crash and power cut."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from tokenkeep.domain.access import Grant
from tokenkeep.domain.errors import Locked, StorageFailed
from tokenkeep.domain.registration import Registration
from tokenkeep.domain.revocation import OwedRevocation
from tokenkeep.domain.session import StorageState
from tokenkeep.domain.tokens import Secret, StoredSession
from tokenkeep.storage import records, registration_records
from tokenkeep.storage.schema import Damaged, connect, prepare, transaction, translated
from tokenkeep.storage.sealing import MasterKey, MemoryKey, Sealer, Unsealable

log = logging.getLogger(__name__)

FORMAT = 1  # of what is inside a sealed record; part of what the seal is bound to
ACTIVITY_KEPT = 20_000  # entries; older ones go, so that a busy program cannot fill the disk

T = TypeVar("T")


def place(kind: str, id_: str) -> str:
    """What a record's seal is bound to."""
    return f"tokenkeep/{FORMAT}/{kind}/{id_}"


class SqliteVault:
    """Implements `domain.ports.Vault` on an open connection; used on the thread that opened it only."""

    def __init__(self, connection: sqlite3.Connection, key: MasterKey, notice: str = "") -> None:
        """:param notice: what a person should know of the opening."""
        self._connection: sqlite3.Connection | None = connection
        self._sealer: Sealer = key.sealer
        self._state = key.facts.kind
        self._notices = [notice] if notice else []

    @property
    def state(self) -> StorageState:
        """Where the master key is kept."""
        return self._state

    @property
    def notice(self) -> str:
        """What a person should know of the opening and of what could not be read."""
        return " ".join(self._notices)

    def read_sessions(self) -> dict[str, StoredSession]:
        """All sessions by provider id; one that cannot be read is left where it is and named in the notice."""
        return dict(self._read_all("session", lambda _, plain: records.decode_session(plain)))

    def read_session(self, provider: str) -> StoredSession | None:
        """The session of a provider; None when there is none that can be read."""
        with self._open() as connection, translated("read"):
            row = connection.execute(
                "SELECT sealed FROM record WHERE kind = 'session' AND id = ?", (provider,)
            ).fetchone()
        if row is None:
            return None
        with suppress(Unsealable, records.Unreadable):
            return records.decode_session(self._sealer.unseal(row[0], place("session", provider)))
        return None

    def write_session(self, provider: str, session: StoredSession) -> None:
        """Durable when it returns, against a power cut too."""
        self._write("session", provider, records.encode_session(session), "FULL")

    def mark_session(self, provider: str, session: StoredSession) -> None:
        """Durable against the end of this process; written before a request leaves, so it must not take long."""
        self._write("session", provider, records.encode_session(session), "NORMAL")

    def delete_session(self, provider: str, owed: OwedRevocation | None = None) -> None:
        """Remove the session of a provider, its bytes too; what is owed for it takes its place in one transaction."""
        with self._open() as connection, transaction(connection, "FULL"):
            connection.execute("DELETE FROM record WHERE kind = 'session' AND id = ?", (provider,))
            if owed is not None:
                self._replace(connection, "revocation", owed.id, records.encode_revocation(owed))

    def read_revocations(self) -> list[OwedRevocation]:
        """What providers still have to be told, in the order of the ids."""
        return [owed for _, owed in self._read_all("revocation", records.decode_revocation)]

    def write_revocation(self, owed: OwedRevocation) -> None:
        """Add or replace by id."""
        self._write("revocation", owed.id, records.encode_revocation(owed), "FULL")

    def delete_revocation(self, owed: str) -> None:
        """Remove by id, the bytes too."""
        self._delete("revocation", owed)

    def read_registrations(self) -> list[Registration]:
        """The clients that servers registered for us; one that cannot be read is named in the notice."""
        return [one for _, one in self._read_all("registration", registration_records.decode)]

    def write_registration(self, registration: Registration) -> None:
        """Add or replace by issuer and entry."""
        id_ = registration_records.record_id(registration.issuer, registration.provider)
        self._write("registration", id_, registration_records.encode(registration), "FULL")

    def delete_registration(self, issuer: str, provider: str) -> None:
        """Remove by issuer and entry, the bytes too."""
        self._delete("registration", registration_records.record_id(issuer, provider))

    def read_grants(self) -> list[Grant]:
        """All grants, in the order of their ids."""
        return [grant for _, grant in self._read_all("grant", records.decode_grant)]

    def write_grant(self, grant: Grant) -> None:
        """Add or replace by id."""
        self._write("grant", grant.id, records.encode_grant(grant), "FULL")

    def delete_grant(self, grant: str) -> None:
        """Remove by id."""
        self._delete("grant", grant)

    def read_secret(self, name: str) -> Secret | None:
        """A sealed client secret; None when there is none.

        :raises Locked: it is there and cannot be unsealed.
        """
        with self._open() as connection, translated("read"):
            row = connection.execute("SELECT sealed FROM record WHERE kind = 'secret' AND id = ?", (name,)).fetchone()
        if row is None:
            return None
        try:
            return Secret(self._sealer.unseal(row[0], place("secret", name)).decode())
        except (Unsealable, UnicodeDecodeError) as error:
            raise Locked("A saved client secret cannot be unsealed.", hint="Type it again.") from error

    def write_secret(self, name: str, secret: Secret) -> None:
        """Seal a client secret that a person typed."""
        self._write("secret", name, secret.reveal().encode(), "FULL")

    def make_secret(self, name: str, make: Callable[[], Secret]) -> Secret:
        """The secret of that name; where there is none, what `make` gives, durable before it is given back."""
        kept = self.read_secret(name)
        if kept is None:
            kept = make()
            self.write_secret(name, kept)
        return kept

    def secret_names(self) -> tuple[str, ...]:
        """The names of all sealed secrets, in order."""
        with self._open() as connection, translated("read"):
            rows = connection.execute("SELECT id FROM record WHERE kind = 'secret' ORDER BY id").fetchall()
        return tuple(name for (name,) in rows)

    def delete_secrets(self, provider: str) -> None:
        """Remove all secrets and keys of a provider, the bytes too."""
        with self._open() as connection, transaction(connection, "FULL"):
            connection.execute(
                "DELETE FROM record WHERE kind = 'secret' AND substr(id, 1, ?) = ?", (len(provider) + 1, f"{provider}/")
            )

    def append_activity(self, entries: list[dict[str, Any]]) -> None:
        """Append records in one transaction; the oldest beyond `ACTIVITY_KEPT` go."""
        rows = []
        for entry in entries:
            at = float(entry.get("at", 0.0))
            rows.append((at, self._sealer.seal(records.encode(entry), place("activity", repr(at)))))
        with self._open() as connection, transaction(connection, "NORMAL"):
            connection.executemany("INSERT INTO activity (at, sealed) VALUES (?, ?)", rows)
            connection.execute(
                "DELETE FROM activity WHERE number <= (SELECT max(number) FROM activity) - ?", (ACTIVITY_KEPT,)
            )

    def read_activity(self, limit: int) -> list[dict[str, Any]]:
        """The newest records first; those that cannot be read are left out."""
        with self._open() as connection, translated("read"):
            rows = connection.execute(
                "SELECT at, sealed FROM activity ORDER BY number DESC LIMIT ?", (max(limit, 0),)
            ).fetchall()
        entries = []
        for at, sealed in rows:
            with suppress(Unsealable, records.Unreadable):
                entries.append(records.decode(self._sealer.unseal(sealed, place("activity", repr(at)))))
        return entries

    def forget_activity(self, before: float) -> None:
        """Remove the records from before that wall-clock time, in seconds since the epoch."""
        with self._open() as connection, transaction(connection, "NORMAL"):
            connection.execute("DELETE FROM activity WHERE at < ?", (before,))

    def close(self) -> None:
        """Close the file; further calls raise `StorageFailed`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # what was committed is safe; only the tidying up may fail
                connection.close()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if self._connection is None:
            raise StorageFailed("The vault is closed.")
        try:
            yield self._connection
        except Damaged as error:
            raise StorageFailed(
                "The vault's file was damaged while in use.",
                hint="Restart TokenKeep: it keeps the file aside and begins a new one.",
            ) from error

    def _write(self, kind: str, id_: str, plain: bytes, synchronous: str) -> None:
        with self._open() as connection, transaction(connection, synchronous):
            self._replace(connection, kind, id_, plain)

    def _replace(self, connection: sqlite3.Connection, kind: str, id_: str, plain: bytes) -> None:
        sealed = self._sealer.seal(plain, place(kind, id_))
        connection.execute("REPLACE INTO record (kind, id, sealed) VALUES (?, ?, ?)", (kind, id_, sealed))

    def _delete(self, kind: str, id_: str) -> None:
        with self._open() as connection, transaction(connection, "FULL"):
            connection.execute("DELETE FROM record WHERE kind = ? AND id = ?", (kind, id_))

    def _read_all(self, kind: str, build: Callable[[str, bytes], T]) -> Iterator[tuple[str, T]]:
        with self._open() as connection, translated("read"):
            rows = connection.execute("SELECT id, sealed FROM record WHERE kind = ? ORDER BY id", (kind,)).fetchall()
        for id_, sealed in rows:
            try:
                yield id_, build(id_, self._sealer.unseal(sealed, place(kind, id_)))
            except (Unsealable, records.Unreadable):
                log.warning("a saved %s cannot be read: %s", kind, id_)
                told = f"The saved {kind} of {id_} cannot be read; the others can."
                if told not in self._notices:
                    self._notices.append(told)


class MemoryVault(SqliteVault):
    """A vault that is gone when the process ends, under a key that nobody else has."""

    def __init__(self, key: MasterKey | None = None) -> None:
        connection = connect(":memory:")
        prepare(connection)
        super().__init__(connection, key or MemoryKey().get())
