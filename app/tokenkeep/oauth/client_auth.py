"""Client authentication at every endpoint: exactly one method (RFC 6749 §2.3, CAUTH-1)."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote_plus

from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.quirks import Quirks
from tokenkeep.oauth.signing_key import SigningKey

Form = tuple[tuple[str, str], ...]
Headers = dict[str, str]

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
ASSERTION_LIFETIME = 60  # seconds
TLS_METHODS = ("tls_client_auth", "self_signed_tls_client_auth")  # RFC 8705 §2: the same to a client


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Who we are to the server.

    :param method: a value of `client_auth`; `auto` chooses by what there is and what the server takes.
    :param key: signs client assertions.
    :param certificate: the transport shows a certificate of ours in the TLS handshake (`Transport.with_certificate`).
    :param wall: the server's wall clock as far as it is known, seconds since the epoch; needed with a key.
    """

    client_id: str
    secret: Secret | None = None
    method: str = "auto"
    key: SigningKey | None = None
    certificate: bool = False
    wall: Callable[[], float] | None = None


def authenticate(
    form: Form, headers: Headers, credentials: ClientCredentials, metadata: ServerMetadata, quirks: Quirks
) -> tuple[Form, Headers]:
    """Add the client to a request. Call it once for each request: an assertion is good for one (RFC 7523 §3).

    :raises Misconfigured: the method is not possible with what is configured.
    """
    client_id = ("client_id", credentials.client_id)
    match method_of(credentials, metadata):
        case "none":
            return (*form, client_id), headers
        case "tls_client_auth":  # RFC 8705 §2: the name here, the proof in the handshake
            if not credentials.certificate:
                raise Misconfigured(
                    "`client_auth = tls_client_auth` needs a client certificate.", key="tls_client_cert"
                )
            if not metadata.token_endpoint.startswith("https://"):
                raise Misconfigured(
                    "A client certificate is only shown over https, and this provider is plain http.",
                    key="tls_client_cert",
                )
            return (*form, client_id), headers
        case "private_key_jwt":
            assertion = _assertion(credentials, metadata, quirks).reveal()
            proof = (("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion))
            return (*form, client_id, *proof), headers
        case "client_secret_post":
            return (*form, client_id, ("client_secret", _secret(credentials, "client_secret_post"))), headers
    pair = [credentials.client_id, _secret(credentials, "client_secret_basic")]
    if not quirks.basic_unencoded:  # RFC 6749 §2.3.1; many servers do not decode, hence the switch (X8)
        pair = [quote_plus(part) for part in pair]
    basic = base64.b64encode(":".join(pair).encode()).decode("ascii")
    if quirks.client_id_in_body:
        form = (*form, client_id)
    return form, headers | {"Authorization": f"Basic {basic}"}


def _secret(credentials: ClientCredentials, method: str) -> str:
    if not credentials.secret:
        raise Misconfigured(f"`client_auth = {method}` needs a client secret.", key="client_secret")
    return credentials.secret.reveal()


def method_of(credentials: ClientCredentials, metadata: ServerMetadata) -> str:
    """The one method to use; absent metadata means Basic only (RFC 8414 §2).

    :raises Misconfigured: nothing that there is goes with what the server takes.
    """
    if credentials.method in TLS_METHODS:
        return "tls_client_auth"
    if credentials.method != "auto":
        return credentials.method
    possible = {
        "tls_client_auth": credentials.certificate,
        "private_key_jwt": credentials.key is not None,
        "client_secret_basic": bool(credentials.secret),
        "client_secret_post": bool(credentials.secret),
    }
    ready = [method for method, there in possible.items() if there]
    if not ready:
        return "none"
    offered = metadata.token_endpoint_auth_methods_supported
    if offered is None:
        # Only a secret fits the default; where there is none, what was configured is the only way there is.
        return "client_secret_basic" if credentials.secret else ready[0]
    for method in ready:
        if method in offered or (method in TLS_METHODS and set(TLS_METHODS) & set(offered)):
            return method
    if credentials.secret:
        raise Misconfigured(
            "The provider does not take a client secret.",
            hint="Remove the client secret, or set `client_auth` to a way that the provider takes.",
            key="client_auth",
        )
    what = "client certificate" if credentials.certificate else "signed client assertion"
    raise Misconfigured(
        f"The provider does not take a {what}.",
        hint="Set `client_auth` to a way that the provider takes.",
        key="client_auth",
    )


def _assertion(credentials: ClientCredentials, metadata: ServerMetadata, quirks: Quirks) -> Secret:
    """RFC 7523 §2.2 and §3, with the audience and the type of rfc7523bis (CAUTH-3)."""
    key, wall = credentials.key, credentials.wall
    if key is None or wall is None:
        raise Misconfigured("`client_auth = private_key_jwt` needs a private key.", key="private_key")
    listed = metadata.token_endpoint_auth_signing_alg_values_supported
    algorithm = key.algorithm(listed)
    if algorithm is None:
        raise Misconfigured(
            f"The provider does not take signatures of this private key ({', '.join(key.algorithms)}).",
            hint=f"It takes {', '.join(listed or ()) or 'none'}: give a private key of that kind.",
            key="private_key",
        )
    now = int(wall())
    audience = metadata.token_endpoint if quirks.assertion_to_token_endpoint else metadata.issuer
    claims = {
        "iss": credentials.client_id,
        "sub": credentials.client_id,
        "aud": audience or metadata.token_endpoint,  # there is no issuer where only endpoints are configured
        "jti": secrets.token_urlsafe(24),
        "iat": now,
        "exp": now + ASSERTION_LIFETIME,
    }
    header = {"kid": key.kid} if quirks.assertion_untyped else {"typ": "client-authentication+jwt", "kid": key.kid}
    return key.sign(header, claims, algorithm)
