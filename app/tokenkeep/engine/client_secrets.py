"""Secrets and keys of ours in the vault: typed in, missed, shown by their public half, removed with their provider."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from tokenkeep.domain.errors import Misconfigured, TokenKeepError
from tokenkeep.domain.tokens import Secret
from tokenkeep.engine.context import Context
from tokenkeep.engine.credentials import kept_keys, key_source, signing_key
from tokenkeep.engine.directory import Directory
from tokenkeep.engine.left_behind import KEPT
from tokenkeep.engine.secret_sources import missing_secret, vault_name
from tokenkeep.engine.sessions import Session

log = logging.getLogger(__name__)

LEFT_AT = "left_at"  # the name of a record that says since when a provider has no entry, wall clock


class ClientSecrets:
    """Used on the engine's loop only."""

    def __init__(self, context: Context, directory: Directory) -> None:
        self._context = context
        self._directory = directory
        self._tidying = asyncio.Lock()

    async def type_in(self, provider: str, secret: Secret) -> None:
        """Seal a client secret; a provider that waited for it goes on at once, with the refresh token it had.

        :raises Misconfigured: the entry does not say that its secret is kept here.
        :raises Locked, StorageFailed: it cannot be kept.
        """
        session = self._directory.get(provider)
        if not session.secret_kept:
            raise Misconfigured(
                f"The client secret of {session.provider.title} is not kept by TokenKeep.",
                hint="Write `client_secret = { vault = true }` into its entry in config.toml first.",
                key=f"providers.{provider}.client_secret",
                provider=provider,
            )
        await self._context.vault.write_secret(vault_name(session.provider), secret)
        log.info("the client secret of %s was typed in", provider)
        session.mend()

    async def carried(self) -> dict[str, Secret]:
        """What a vault that is about to be closed has; the next one gets it with `carry`."""
        vault = self._context.vault
        if not vault.attached:
            return {}
        found = {name: await vault.read_secret(name) for name in await vault.secret_names()}
        return {name: secret for name, secret in found.items() if secret is not None}

    async def carry(self, secrets: dict[str, Secret]) -> None:
        """Seal them, except where there is one of that name."""
        for name, secret in secrets.items():
            await self._context.vault.make_secret(name, lambda secret=secret: secret)  # type: ignore[misc]

    async def look(self) -> None:
        """Let every provider whose secret was never typed in say so now, not when a program waits for its token."""
        if not self._context.vault.attached:
            return
        names = set(await self._context.vault.secret_names())
        for session in list(self._directory):
            if session.secret_kept and vault_name(session.provider) not in names:
                session.lacks(missing_secret(session.provider))

    async def public_keys(self, provider: str) -> tuple[dict[str, Any], ...]:
        """The public halves of the keys that a client authenticates with, as JWKs; empty for one that has none.

        A key of the vault is made now when there is none; the server is asked what it takes before that.

        :raises TokenKeepError: there is none and it cannot be made, or it is not where the configuration says.
        """
        session = self._directory.get(provider)
        source = key_source(session.provider)
        if source is None:
            return ()
        keys = await kept_keys(self._context, session.provider) if source.vault else []
        if not keys:
            listed = None
            if source.vault:
                listed = (await session.client.prepare()).token_endpoint_auth_signing_alg_values_supported
            key = await signing_key(self._context, session.provider, listed)
            keys = [] if key is None else [key]
        return tuple(key.public_jwk for key in keys)

    async def removed(self, provider: str) -> None:
        """A person signed out of a provider that has no entry any more: nothing of it is needed again."""
        if provider in self._context.configuration.providers or self._needed(provider):
            return
        try:
            await self._context.vault.delete_secrets(provider)
        except TokenKeepError as error:  # `tidy` does it later
            log.warning("the secrets of %s could not be removed: %s", provider, error.code)

    async def tidy(self) -> None:
        """Remove what belongs to entries that have been gone for a week; called once in a while.

        A file that cannot be read says nothing about its entries.
        """
        configuration = self._context.configuration
        if not self._context.vault.attached or any(not one.key for one in configuration.problems):
            return
        async with self._tidying:
            names = await self._context.vault.secret_names()
            for provider in sorted({name.partition("/")[0] for name in names}):
                try:
                    await self._look_at(provider, there=provider in configuration.providers)
                except TokenKeepError as error:
                    log.warning("old secrets of %s could not be looked at: %s", provider, error.code)

    async def _look_at(self, provider: str, *, there: bool) -> None:
        vault, wall = self._context.vault, self._context.clock.wall()
        kept = await vault.read_secret(f"{provider}/{LEFT_AT}")
        since = _seconds(kept)
        if there:
            if since is not None:
                await vault.write_secret(f"{provider}/{LEFT_AT}", Secret(""))
        elif since is None or since > wall:
            await vault.write_secret(f"{provider}/{LEFT_AT}", Secret(repr(wall)))
        elif wall - since >= KEPT and not self._needed(provider):
            log.info("%s has been without an entry for a week: its client secret and keys are removed", provider)
            await vault.delete_secrets(provider)

    def _needed(self, provider: str) -> bool:
        """Whether something still has to be authenticated there: a sign-in is kept, or a revocation is owed."""
        sessions = (session for session in self._directory.all() if session.id == provider)
        return any(map(_signed_in, sessions)) or self._context.revocations.owes(provider)


def _signed_in(session: Session) -> bool:
    return session.stored is not None and session.stored.tokens is not None


def _seconds(kept: Secret | None) -> float | None:
    try:
        return float(kept.reveal()) if kept else None
    except ValueError:
        return None
