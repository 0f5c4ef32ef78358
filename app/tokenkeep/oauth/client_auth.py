"""Client authentication at the token, device and revocation endpoints: exactly one method (RFC 6749 §2.3, CAUTH-1)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import quote_plus

from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.quirks import Quirks

Form = tuple[tuple[str, str], ...]
Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Who we are to the server.

    :param method: a value of `client_auth`; `auto` chooses by secret and metadata.
    """

    client_id: str
    secret: Secret | None = None
    method: str = "auto"


def authenticate(
    form: Form, headers: Headers, credentials: ClientCredentials, metadata: ServerMetadata, quirks: Quirks
) -> tuple[Form, Headers]:
    """Add the client to a request.

    :raises Misconfigured: the method is not possible with what is configured.
    """
    method = _method(credentials, metadata)
    if method == "none":
        return (*form, ("client_id", credentials.client_id)), headers
    if not credentials.secret:
        raise Misconfigured(f"`client_auth = {method}` needs a client secret.", key="client_secret")
    secret = credentials.secret.reveal()
    if method == "client_secret_post":
        return (*form, ("client_id", credentials.client_id), ("client_secret", secret)), headers
    pair = [credentials.client_id, secret]
    if not quirks.basic_unencoded:  # RFC 6749 §2.3.1; many servers do not decode, hence the switch (X8)
        pair = [quote_plus(part) for part in pair]
    basic = base64.b64encode(":".join(pair).encode()).decode("ascii")
    if quirks.client_id_in_body:
        form = (*form, ("client_id", credentials.client_id))
    return form, headers | {"Authorization": f"Basic {basic}"}


def _method(credentials: ClientCredentials, metadata: ServerMetadata) -> str:
    """The one method to use; absent metadata means Basic only (RFC 8414 §2)."""
    if credentials.method in ("none", "client_secret_basic", "client_secret_post"):
        return credentials.method
    if credentials.method != "auto":
        raise Misconfigured(f"`client_auth = {credentials.method}` is not possible for this flow.", key="client_auth")
    if not credentials.secret:
        return "none"
    offered = metadata.token_endpoint_auth_methods_supported
    for method in ("client_secret_basic", "client_secret_post"):
        if offered is None or method in offered:
            return method
    raise Misconfigured(
        "The provider does not take a client secret.",
        hint="Remove the client secret, or set `client_auth` to a way that the provider takes.",
        key="client_auth",
    )
