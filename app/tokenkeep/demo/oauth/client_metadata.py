"""Client metadata (RFC 7591 §2): checked the same way in registrations and in client ID metadata documents."""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc7591 import (
    ClientMetadataClaims,
    InvalidClientMetadataError,
    InvalidRedirectURIError,
    UnapprovedSoftwareStatementError,
)
from joserfc.errors import JoseError

from tokenkeep.demo.oauth.assertions import import_keys
from tokenkeep.demo.oauth.clients import INTERACTIVE_GRANTS, MACHINE_GRANTS, SCOPES, SECRET_METHODS, Client
from tokenkeep.demo.oauth.redirect_uris import LOOPBACK_LITERALS, RedirectRule, problem_with

TEXTS = (
    "token_endpoint_auth_method", "client_name", "client_uri", "logo_uri", "scope", "tos_uri", "policy_uri", "jwks_uri",
    "software_id", "software_version", "application_type", "software_statement",
)  # fmt: skip
LISTS = ("redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types", "contacts")
# Characters of one text, members of one list; more is a mistake or an attack.
LONGEST_TEXT = 2000
LONGEST_LIST = 20
REGISTRABLE_METHODS = ("none", *SECRET_METHODS, "private_key_jwt")
SERVER_METADATA = {
    "scopes_supported": SCOPES,
    "response_types_supported": ("code",),
    "grant_types_supported": (*INTERACTIVE_GRANTS, *MACHINE_GRANTS),
    "token_endpoint_auth_methods_supported": REGISTRABLE_METHODS,
}


class _Claims(ClientMetadataClaims):  # type: ignore[misc]
    """Authlib's checks of URLs, scope, grant types, response types and methods."""

    REGISTERED_CLAIMS = [
        *ClientMetadataClaims.REGISTERED_CLAIMS,
        "application_type",
        "post_logout_redirect_uris",  # OpenID Connect RP-Initiated Logout §3.1
    ]

    def validate_redirect_uris(self) -> None:
        """Left to _check_redirects, whose errors have a code of their own."""


def _check_types(metadata: Mapping[str, Any]) -> None:
    for name in TEXTS:
        value = metadata.get(name, "")
        if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
            raise InvalidClientMetadataError(f"{name} must be a short text")
    for name in LISTS:
        value = metadata.get(name, [])
        texts = isinstance(value, list) and all(isinstance(item, str) and len(item) <= LONGEST_TEXT for item in value)
        if not texts or len(value) > LONGEST_LIST:
            error = InvalidRedirectURIError if name == "redirect_uris" else InvalidClientMetadataError
            raise error(f"{name} must be a short list of texts")


def _check_redirects(metadata: Mapping[str, Any]) -> None:
    uris = metadata.get("redirect_uris", [])
    # A confidential web client may have http redirects too (OpenID Connect Registration §2).
    loopback = metadata["application_type"] == "native" or metadata["token_endpoint_auth_method"] != "none"
    for problem in (problem_with(uri, loopback=loopback) for uri in uris):
        if problem:
            raise InvalidRedirectURIError(problem)
    for uri in metadata.get("post_logout_redirect_uris", []):
        if problem := problem_with(uri, loopback=loopback):
            raise InvalidClientMetadataError(problem.replace("redirect_uris", "post_logout_redirect_uris"))
    if "authorization_code" in metadata["grant_types"] and not uris:
        raise InvalidRedirectURIError("redirect_uris is missing")


def _check_agreement(metadata: Mapping[str, Any]) -> None:
    """Rules about more than one member."""
    method, grants = metadata["token_endpoint_auth_method"], metadata["grant_types"]
    if metadata["application_type"] not in ("native", "web"):
        raise InvalidClientMetadataError("application_type must be native or web")
    if ("authorization_code" in grants) != ("code" in metadata["response_types"]):
        raise InvalidClientMetadataError("authorization_code and the response type code belong together")
    if method == "none" and "client_credentials" in grants:
        raise InvalidClientMetadataError("client_credentials needs a client that authenticates")
    if "jwks_uri" in metadata:
        raise InvalidClientMetadataError("jwks_uri is not supported: send the keys as jwks")
    if (method == "private_key_jwt") and "jwks" not in metadata:
        raise InvalidClientMetadataError("private_key_jwt needs jwks")
    if "jwks" in metadata:
        try:
            import_keys(metadata["jwks"])
        except ValueError as error:
            raise InvalidClientMetadataError(str(error)) from error


def read_metadata(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The known members with their defaults; raises the errors of RFC 7591 §3.2.2. Unknown ones are ignored (§2)."""
    # A null means the same as leaving the member out (RFC 7592 §2.2).
    metadata = {name: value for name, value in sent.items() if value is not None}
    _check_types(metadata)
    if "software_statement" in metadata:
        raise UnapprovedSoftwareStatementError("software statements are not supported")
    # Defaults of RFC 7591 §2 and OpenID Connect Registration §2.
    grants = metadata.setdefault("grant_types", ["authorization_code"])
    metadata.setdefault("response_types", ["code"] if "authorization_code" in grants else [])
    metadata.setdefault("token_endpoint_auth_method", "client_secret_basic")
    metadata.setdefault("application_type", "web")
    metadata.setdefault("scope", " ".join(SCOPES))
    _check_agreement(metadata)
    _check_redirects(metadata)
    claims = _Claims(metadata, {}, _Claims.get_claims_options(SERVER_METADATA), SERVER_METADATA)
    try:
        claims.validate()
    except (JoseError, ValueError) as error:
        raise InvalidClientMetadataError("a member has a value that is not supported") from error
    return dict(claims.get_registered_claims())


def to_client(
    client_id: str,
    metadata: Mapping[str, Any],
    *,
    secret: str | None = None,
    secret_expires_at: int = 0,
    any_port_hosts: tuple[str, ...] = LOOPBACK_LITERALS,
) -> Client:
    """The client that checked metadata describe."""
    return Client(
        client_id=client_id,
        name=metadata.get("client_name") or client_id,
        redirects=RedirectRule(tuple(metadata.get("redirect_uris", ())), any_port_hosts=any_port_hosts),
        post_logout_redirects=RedirectRule(
            tuple(metadata.get("post_logout_redirect_uris", ())), any_port_hosts=any_port_hosts
        ),
        grant_types=tuple(metadata["grant_types"]),
        scopes=tuple(metadata["scope"].split()),
        auth_methods=(metadata["token_endpoint_auth_method"],),
        response_types=tuple(metadata["response_types"]),
        secret=secret,
        secret_expires_at=secret_expires_at,
        jwks=metadata.get("jwks"),
    )
