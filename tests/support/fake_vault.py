"""A vault whose disk can fail or hang, and the storage that opens it; what it keeps outlives the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tokenkeep.domain.access import Grant
from tokenkeep.domain.errors import StorageFailed
from tokenkeep.domain.ports import Vault
from tokenkeep.domain.registration import Registration
from tokenkeep.domain.revocation import OwedRevocation
from tokenkeep.domain.session import StorageState
from tokenkeep.domain.tokens import Secret, StoredSession
from tokenkeep.storage import records, registration_records

HANG_LIMIT = 100.0  # seconds; a guard against hanging


class FakeVault:
    """Implements `domain.ports.Vault`; sessions go through the real encoding."""

    def __init__(self, state: StorageState = StorageState.MEMORY) -> None:
        self.state = state
        self.notice = ""
        self.failing = False
        self.writable = threading.Event()  # cleared: a write hangs
        self.writable.set()
        self.begun = threading.Event()  # a write has begun
        self.writes: list[tuple[str, StoredSession | None]] = []  # in order, removals as None
        self.marks: list[StoredSession] = []
        self.secrets: dict[str, Secret] = {}
        self.activity: list[dict[str, Any]] = []
        self.grants: dict[str, Grant] = {}
        self.closed = False
        self._sessions: dict[str, bytes] = {}
        self._revocations: dict[str, bytes] = {}
        self._registrations: dict[str, bytes] = {}

    def _write(self) -> None:
        self.begun.set()
        self.writable.wait(HANG_LIMIT)
        if self.failing:
            raise StorageFailed("The disk is full.")

    def read_sessions(self) -> dict[str, StoredSession]:
        return {id_: records.decode_session(data) for id_, data in self._sessions.items()}

    def session(self, provider: str = "p") -> StoredSession | None:
        """What a next run would find."""
        return self.read_sessions().get(provider)

    def read_session(self, provider: str) -> StoredSession | None:
        return self.session(provider)

    def write_session(self, provider: str, session: StoredSession) -> None:
        self._write()
        self.writes.append((provider, session))
        self._sessions[provider] = records.encode_session(session)

    def mark_session(self, provider: str, session: StoredSession) -> None:
        if self.failing:
            raise StorageFailed("The disk is full.")
        self.marks.append(session)
        self._sessions[provider] = records.encode_session(session)

    def delete_session(self, provider: str, owed: OwedRevocation | None = None) -> None:
        self._write()
        self.writes.append((provider, None))
        self._sessions.pop(provider, None)
        if owed is not None:
            self._revocations[owed.id] = records.encode_revocation(owed)

    def read_revocations(self) -> list[OwedRevocation]:
        return [records.decode_revocation(id_, data) for id_, data in self._revocations.items()]

    def write_revocation(self, owed: OwedRevocation) -> None:
        self._write()
        self._revocations[owed.id] = records.encode_revocation(owed)

    def delete_revocation(self, owed: str) -> None:
        self._write()
        self._revocations.pop(owed, None)

    def read_registrations(self) -> list[Registration]:
        return [registration_records.decode(id_, data) for id_, data in self._registrations.items()]

    def write_registration(self, registration: Registration) -> None:
        self._write()
        id_ = registration_records.record_id(registration.issuer, registration.provider)
        self._registrations[id_] = registration_records.encode(registration)

    def delete_registration(self, issuer: str, provider: str) -> None:
        self._write()
        self._registrations.pop(registration_records.record_id(issuer, provider), None)

    def read_grants(self) -> list[Grant]:
        return list(self.grants.values())

    def write_grant(self, grant: Grant) -> None:
        self._write()
        self.grants[grant.id] = grant

    def delete_grant(self, grant: str) -> None:
        self.grants.pop(grant, None)

    def read_secret(self, name: str) -> Secret | None:
        return self.secrets.get(name)

    def write_secret(self, name: str, secret: Secret) -> None:
        self._write()
        self.secrets[name] = secret

    def make_secret(self, name: str, make: Callable[[], Secret]) -> Secret:
        if name not in self.secrets:
            self.write_secret(name, make())
        return self.secrets[name]

    def secret_names(self) -> tuple[str, ...]:
        return tuple(sorted(self.secrets))

    def delete_secrets(self, provider: str) -> None:
        self._write()
        self.secrets = {name: kept for name, kept in self.secrets.items() if not name.startswith(f"{provider}/")}

    def append_activity(self, entries: list[dict[str, Any]]) -> None:
        self._write()
        self.activity.extend(entries)

    def read_activity(self, limit: int) -> list[dict[str, Any]]:
        return self.activity[::-1][:limit]

    def close(self) -> None:
        self.closed = True


class FakeStorage:
    """Implements `engine.context.Storage`: one vault for each kind of key.

    `problems` is raised instead of giving a key of that kind; while `keyring_answers` is cleared the keyring's dialog
    is open.
    """

    def __init__(self) -> None:
        self.vaults = {state: FakeVault(state) for state in (StorageState.KEYRING, StorageState.PASSPHRASE)}
        self.vaults[StorageState.MEMORY] = FakeVault()
        self.problems: dict[str, Exception] = {}
        self.keyring_answers = threading.Event()
        self.keyring_answers.set()
        self.asked: list[tuple[str, str | None]] = []

    def key(self, kind: str, passphrase: Secret | None) -> object:
        self.asked.append((kind, None if passphrase is None else passphrase.reveal()))
        if kind == "keyring":
            self.keyring_answers.wait(HANG_LIMIT)
        if kind in self.problems:
            raise self.problems[kind]
        return StorageState(kind)

    def open(self, key: object) -> Vault:
        assert isinstance(key, StorageState)
        return self.vaults[key]
