"""Where a client secret or key comes from: sealed in the vault, or read anew from environment, file or command."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tokenkeep.domain.errors import Misconfigured, SecretMissing
from tokenkeep.domain.provider import Provider, SecretSource
from tokenkeep.domain.tokens import Secret

if TYPE_CHECKING:
    from tokenkeep.engine.context import Context

COMMAND_LIMIT = 30.0  # seconds; a password manager may ask a person first


async def client_secret(context: Context, provider: Provider) -> Secret | None:
    """The provider's client secret, None for a public client.

    :raises Misconfigured: the place that the configuration names has none.
    """
    source = provider.client_secret
    if source is None:
        return await context.registrations.secret(provider)
    if source.vault:
        secret = await context.vault.read_secret(vault_name(provider))
        if not secret:
            raise missing_secret(provider)
    else:
        secret = await read_source(context, source)
    if not secret:
        raise Misconfigured(
            f"The client secret of {provider.title} is not where the configuration says.",
            key=f"providers.{provider.id}.client_secret",
            provider=provider.id,
        )
    return secret


def vault_name(provider: Provider) -> str:
    """The name of a client secret in the vault.

    It holds for the server and the client that it was typed in for: an entry that names others finds nothing (REF-9).
    """
    return f"{provider.id}/client_secret/{_digest(provider.issuer or provider.token_endpoint, provider.client_id)}"


def initial_access_token(provider: Provider) -> str:
    """The name of the sealed secret that this server may want to see before it registers anybody (RFC 7591 §3)."""
    return f"{provider.id}/initial_access_token/{_digest(provider.issuer)}"


def _digest(*place: str) -> str:
    return hashlib.sha256("\n".join(place).encode()).hexdigest()[:16]


def missing_secret(provider: Provider) -> SecretMissing:
    """What is to be said of a secret that nobody typed in yet."""
    return SecretMissing(
        f"The client secret of {provider.title} was not typed in yet.",
        hint=f"Type it in TokenKeep's window, or with `tokenkeep edit {provider.id} --client-secret -`.",
        key=f"providers.{provider.id}.client_secret",
        provider=provider.id,
    )


async def read_source(context: Context, source: SecretSource) -> Secret | None:
    """What environment, file or command hold now; empty or None when there is nothing."""
    return await context.net.run(_read, source)


def _read(source: SecretSource) -> Secret | None:
    if source.env:
        return Secret(os.environ.get(source.env, ""))
    try:
        if source.file:
            return Secret(Path(source.file).expanduser().read_text(encoding="utf-8").strip())
        if source.command:
            done = subprocess.run(
                source.command,
                capture_output=True,
                text=True,
                timeout=COMMAND_LIMIT,
                check=True,
                stdin=subprocess.DEVNULL,
            )
            return Secret(done.stdout.strip())
    except (OSError, UnicodeDecodeError, subprocess.SubprocessError):
        return None
    return None
