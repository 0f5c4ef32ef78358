"""The vault from the engine's loop: one thread for SQLite, commits that survive a failing disk by being tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tokenkeep.domain.access import Grant
from tokenkeep.domain.errors import Locked
from tokenkeep.domain.ports import Vault
from tokenkeep.domain.registration import Registration
from tokenkeep.domain.revocation import OwedRevocation
from tokenkeep.domain.session import StorageState
from tokenkeep.domain.tokens import Secret, StoredSession
from tokenkeep.engine.workers import WorkerPool

T = TypeVar("T")


class VaultAccess:
    """Runs the vault's blocking calls on its one thread, in the order they were asked for.

    Until a vault was attached every call raises `Locked`.
    """

    def __init__(self) -> None:
        self._pool = WorkerPool("vault", 1)
        self._vault: Vault | None = None

    @property
    def attached(self) -> bool:
        """Whether there is an open vault."""
        return self._vault is not None

    @property
    def state(self) -> StorageState:
        """Where the master key is kept; memory while there is no vault."""
        return StorageState.MEMORY if self._vault is None else self._vault.state

    @property
    def notice(self) -> str:
        """What the vault has to tell of its opening."""
        return "" if self._vault is None else self._vault.notice

    async def attach(self, opener: Callable[[], Vault]) -> None:
        """Open a vault on the vault's thread and use it from now on; the one before is closed."""
        before, self._vault = self._vault, await self._pool.run(opener)
        if before is not None:
            await self._pool.run(before.close)

    async def read_sessions(self) -> dict[str, StoredSession]:
        """As `Vault.read_sessions`."""
        return await self._run(lambda vault: vault.read_sessions())

    async def read_session(self, provider: str) -> StoredSession | None:
        """As `Vault.read_session`."""
        return await self._run(lambda vault: vault.read_session(provider))

    async def write_session(self, provider: str, session: StoredSession) -> None:
        """As `Vault.write_session`."""
        await self._run(lambda vault: vault.write_session(provider, session))

    async def mark_session(self, provider: str, session: StoredSession) -> None:
        """As `Vault.mark_session`."""
        await self._run(lambda vault: vault.mark_session(provider, session))

    async def delete_session(self, provider: str, owed: OwedRevocation | None = None) -> None:
        """As `Vault.delete_session`."""
        await self._run(lambda vault: vault.delete_session(provider, owed))

    async def read_revocations(self) -> list[OwedRevocation]:
        """As `Vault.read_revocations`."""
        return await self._run(lambda vault: vault.read_revocations())

    async def write_revocation(self, owed: OwedRevocation) -> None:
        """As `Vault.write_revocation`."""
        await self._run(lambda vault: vault.write_revocation(owed))

    async def delete_revocation(self, owed: str) -> None:
        """As `Vault.delete_revocation`."""
        await self._run(lambda vault: vault.delete_revocation(owed))

    async def read_registrations(self) -> list[Registration]:
        """As `Vault.read_registrations`."""
        return await self._run(lambda vault: vault.read_registrations())

    async def write_registration(self, registration: Registration) -> None:
        """As `Vault.write_registration`."""
        await self._run(lambda vault: vault.write_registration(registration))

    async def delete_registration(self, issuer: str, provider: str) -> None:
        """As `Vault.delete_registration`."""
        await self._run(lambda vault: vault.delete_registration(issuer, provider))

    async def read_grants(self) -> list[Grant]:
        """As `Vault.read_grants`."""
        return await self._run(lambda vault: vault.read_grants())

    async def write_grant(self, grant: Grant) -> None:
        """As `Vault.write_grant`."""
        await self._run(lambda vault: vault.write_grant(grant))

    async def delete_grant(self, grant: str) -> None:
        """As `Vault.delete_grant`."""
        await self._run(lambda vault: vault.delete_grant(grant))

    async def read_secret(self, name: str) -> Secret | None:
        """As `Vault.read_secret`."""
        return await self._run(lambda vault: vault.read_secret(name))

    async def write_secret(self, name: str, secret: Secret) -> None:
        """As `Vault.write_secret`."""
        await self._run(lambda vault: vault.write_secret(name, secret))

    async def make_secret(self, name: str, make: Callable[[], Secret]) -> Secret:
        """As `Vault.make_secret`."""
        return await self._run(lambda vault: vault.make_secret(name, make))

    async def secret_names(self) -> tuple[str, ...]:
        """As `Vault.secret_names`."""
        return await self._run(lambda vault: vault.secret_names())

    async def delete_secrets(self, provider: str) -> None:
        """As `Vault.delete_secrets`."""
        await self._run(lambda vault: vault.delete_secrets(provider))

    async def append_activity(self, entries: list[dict[str, Any]]) -> None:
        """As `Vault.append_activity`."""
        await self._run(lambda vault: vault.append_activity(entries))

    async def read_activity(self, limit: int) -> list[dict[str, Any]]:
        """As `Vault.read_activity`."""
        return await self._run(lambda vault: vault.read_activity(limit))

    async def close(self) -> None:
        """Close the vault after everything that was asked before."""
        vault, self._vault = self._vault, None
        if vault is not None:
            await self._pool.run(vault.close)
        self._pool.close()

    async def _run(self, call: Callable[[Vault], T]) -> T:
        vault = self._vault
        if vault is None:
            raise Locked("The tokens are sealed and their key is not at hand.")
        return await self._pool.run(call, vault)
