"""Token revocation (RFC 7009)."""

from __future__ import annotations

from enum import StrEnum

from tokenkeep.domain.errors import ProviderError
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.client_auth import ClientCredentials, authenticate
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.quirks import quirks_of
from tokenkeep.oauth.token_answer import error_from, error_of
from tokenkeep.oauth.transport import Request, Transport


class Revocation(StrEnum):
    """What came of it. That it is not known is an error, not an outcome."""

    REVOKED = "revoked"
    UNSUPPORTED = "unsupported"


def revoke(
    transport: Transport,
    provider: Provider,
    metadata: ServerMetadata,
    token: Secret,
    hint: str,
    credentials: ClientCredentials,
) -> Revocation:
    """Ask the server to end one token.

    :param hint: `refresh_token` or `access_token`.
    :raises ProviderUnreachable: not confirmed; the token counts as alive (§2.2.1, REV-2).
    :raises ProviderError: refused.
    """
    if metadata.revocation_endpoint is None:
        return Revocation.UNSUPPORTED
    form, headers = authenticate(
        (("token", token.reveal()), ("token_type_hint", hint)), {}, credentials, metadata, quirks_of(provider)
    )
    answer = transport.send(Request("POST", metadata.revocation_endpoint, form, headers), local=provider.local)
    quirks = quirks_of(provider)
    error = error_of(answer, quirks)
    if error is not None and error.code == "unsupported_token_type":
        return Revocation.UNSUPPORTED
    if answer.status in (200, 204) and error is None:  # whatever the body says, and for an unknown token too (§2.2)
        return Revocation.REVOKED
    if quirks.unknown_token_revoked and error is not None and error.code == "invalid_token":
        return Revocation.REVOKED
    if error is None and not answer.transient:
        raise ProviderError(f"The provider answered the revocation with status {answer.status}.", provider=provider.id)
    raise error_from(answer, quirks)
