"""Proof key for code exchange: S256 and nothing else (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import secrets

from tokenkeep.domain.errors import ProviderError
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.metadata import ServerMetadata

METHOD = "S256"


def new_verifier() -> Secret:
    """64 unreserved characters made from 384 random bits (PKCE-1)."""
    return Secret(secrets.token_urlsafe(48))


def challenge(verifier: Secret) -> str:
    """BASE64URL(SHA-256(verifier)) without padding (§4.2)."""
    digest = hashlib.sha256(verifier.reveal().encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def verifier_for(provider: Provider, metadata: ServerMetadata) -> Secret | None:
    """A new verifier, None when the provider is set to do without.

    :raises ProviderError: the server's metadata rules S256 out; there is no way back to `plain` (PKCE-2, PKCE-3).
    """
    if not provider.pkce:
        return None
    methods = metadata.code_challenge_methods_supported
    if methods is None and provider.profile == "mcp":
        raise ProviderError(
            "The provider's metadata has no code_challenge_methods_supported, which this kind of server must have.",
            provider=provider.id,
        )
    if methods is not None and METHOD not in methods:
        raise ProviderError(
            "The provider's code_challenge_methods_supported does not list S256, the one safe way.",
            hint="If the provider knows no PKCE at all, set `pkce = false` for it.",
            provider=provider.id,
        )
    return new_verifier()
