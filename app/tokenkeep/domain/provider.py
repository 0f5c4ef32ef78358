"""A configured identity provider: every key of `[providers.ID]`, checked without touching the outside world."""

from __future__ import annotations

import base64
import hashlib
import re
from enum import StrEnum
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tokenkeep.domain.resource import check_resource

PROVIDER_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
DURATION_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "device_authorization_endpoint")
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class Flow(StrEnum):
    """How tokens are obtained. There is no implicit, hybrid or password flow (AUTHZ-1)."""

    AUTHORIZATION_CODE = "authorization_code"
    DEVICE_CODE = "device_code"
    CLIENT_CREDENTIALS = "client_credentials"
    JWT_BEARER = "jwt_bearer"
    TOKEN_EXCHANGE = "token_exchange"
    STATIC = "static"

    @property
    def interactive(self) -> bool:
        """Whether a person takes part."""
        return self in (Flow.AUTHORIZATION_CODE, Flow.DEVICE_CODE)

    @property
    def machine(self) -> bool:
        """Whether a program acts for itself: a token is acquired anew, and never refreshed."""
        return self in (Flow.CLIENT_CREDENTIALS, Flow.JWT_BEARER, Flow.TOKEN_EXCHANGE)


def duration(value: object) -> object:
    """Seconds of `90s`, `15m`, `12h`, `7d`; anything else is left for the type check to refuse."""
    if isinstance(value, str) and (match := DURATION.fullmatch(value.strip())):
        return float(match[1]) * DURATION_UNITS[match[2]]
    if isinstance(value, str):
        raise ValueError("a duration is written like 90s, 15m, 12h or 7d")
    return value


Seconds = Annotated[float, BeforeValidator(duration), Field(ge=0, allow_inf_nan=False)]


def is_loopback(host: str | None) -> bool:
    """Whether a URL's host names this machine and nothing else (NET-2): no look-alike, no odd spelling."""
    return host is not None and host in LOOPBACK_HOSTS


def check_url(value: str, *, local: bool, what: str = "address") -> str:
    """Refuse a URL that a credential or a person must not be sent to (NET-2, META-6).

    :param local: plain http is allowed, on loopback only.
    :raises ValueError: with the reason in words.
    """
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError as broken:
        raise ValueError(f"the {what} is not a URL") from broken
    if any(not "!" <= char <= "~" or char in '"<>\\^`{|}' for char in value):  # RFC 3986 §2: ASCII, and not all of it
        raise ValueError(f"the {what} contains characters that no URL has")
    if not host or port == 0:
        raise ValueError(f"the {what} has no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"the {what} must not contain a user name or password")
    if parts.fragment or value.endswith("#"):
        raise ValueError(f"the {what} must not have a fragment")
    if parts.scheme == "https" or (parts.scheme == "http" and local and is_loopback(host)):
        return value
    if parts.scheme == "http" and is_loopback(host):
        raise ValueError(f"the {what} is plain http; set `local = true` to allow that on loopback")
    raise ValueError(f"the {what} must begin with https://")


class StrictModel(BaseModel):
    """A value read from the configuration: unknown keys and guessed types are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SecretSource(StrictModel):
    """Where a client secret or key comes from: sealed in the vault, or read anew at each use."""

    vault: Literal[True] | None = None
    env: str | None = None
    file: str | None = None
    command: list[str] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in ("vault", "env", "file", "command") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("give exactly one of vault, env, file, command")
        return self


# source → the one key that belongs to it, and whether it must be given.
_SUBJECT_KEYS = {
    "github_actions": ("audience", True),
    "kubernetes": ("path", False),
    "file": ("path", True),
    "env": ("name", True),
    "command": ("command", True),
    "provider": ("id", True),
}


class SubjectToken(StrictModel):
    """Where a machine flow takes its subject token from (RFC 7523, RFC 8693)."""

    source: Literal["github_actions", "kubernetes", "file", "env", "command", "provider"]
    audience: str = ""
    path: str = ""
    name: str = ""
    command: list[str] = []
    id: str = ""

    @model_validator(mode="after")
    def _what_the_source_needs(self) -> Self:
        key, needed = _SUBJECT_KEYS[self.source]
        if needed and not getattr(self, key):
            raise ValueError(f'`source = "{self.source}"` needs `{key}`')
        for other in ("audience", "path", "name", "command", "id"):
            if other != key and getattr(self, other):
                raise ValueError(f'`source = "{self.source}"` has no `{other}`')
        return self


class Models(StrictModel):
    """Model discovery of an OpenAI-compatible provider."""

    sync: Seconds = 3600.0
    names: dict[str, str] = {}
    metadata_url: str = ""


def _redirect_path(value: str) -> str:
    odd = any(not "!" <= char <= "~" or char in '?#"<>\\^`{|}' for char in value)
    if value and (not value.startswith("/") or "//" in value or odd):
        raise ValueError("a redirect path begins with / and is written as in a URL, without a query or fragment")
    return value


class Provider(StrictModel):
    """One entry of `[providers.ID]`; names and meanings as in the configuration reference.

    :param id: the key of the entry.
    """

    id: str
    name: str = ""
    preset: str = ""
    issuer: str = ""
    flow: Annotated[Flow, BeforeValidator(lambda value: Flow(value) if value in list(Flow) else value)] = (
        Flow.AUTHORIZATION_CODE
    )
    client_id: str = ""
    registration: Literal["", "auto"] = ""
    client_auth: Literal[
        "auto", "none", "client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"
    ] = "auto"
    client_secret: SecretSource | None = None
    private_key: SecretSource | None = None
    tls_client_cert: str = ""
    tls_client_key: str = ""
    scopes: list[str] = []
    pkce: bool = True
    refresh_token: Literal["required", "optional"] = "required"
    resource: list[str] = []
    audience: str | list[str] = ""
    dpop: Literal["off", "auto", "required"] = "off"
    redirect: Literal["loopback", "scheme"] = "loopback"
    redirect_host: Literal["127.0.0.1", "::1", "localhost"] = "127.0.0.1"
    redirect_port: int | list[int] = 0
    redirect_path: Annotated[str, AfterValidator(_redirect_path)] = ""
    post_logout_redirect: bool = False
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    device_authorization_endpoint: str = ""
    browser_url: str = ""
    authorization_params: dict[str, str] = {}
    browser: str = ""
    profile: Literal["", "mcp"] = ""
    accept_parent_resource: bool = False
    quirks: list[str] = []
    base_url: str = ""
    models: Models | None = None
    subject_token: SubjectToken | None = None
    subject_token_type: str = ""
    requested_token_type: str = ""
    actor_token: SubjectToken | None = None
    actor_token_type: str = ""
    local: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not PROVIDER_ID.fullmatch(self.id):
            raise ValueError(
                "a provider's id is lower-case letters, digits and dashes, at most 63, not beginning with -"
            )
        self._check_addresses()
        self._check_resources()
        for port in self.redirect_ports:
            if not 0 <= port <= 65535:
                raise ValueError("a redirect port is a number from 0 to 65535")
        reserved = RESERVED_PARAMETERS & set(self.authorization_params)
        if reserved:
            raise ValueError(f"authorization_params must not set {', '.join(sorted(reserved))}: TokenKeep sets it")
        if self.tls_client_key and not self.tls_client_cert:
            raise ValueError("tls_client_key needs tls_client_cert, the certificate of that key")
        if self.client_auth == "tls_client_auth" and not self.tls_client_cert:
            raise ValueError("client_auth tls_client_auth needs tls_client_cert, the path of the certificate")
        if any(not scope or not scope.isascii() or " " in scope or '"' in scope for scope in self.scopes):
            raise ValueError("a scope is one word without spaces or quotes")
        return self

    def _check_addresses(self) -> None:
        for key in (*ENDPOINTS, "issuer", "browser_url"):
            if value := getattr(self, key):
                check_url(value, local=self.local, what=key)
        for key in ("issuer", "browser_url"):
            if "?" in getattr(self, key):
                raise ValueError(f"the {key} must not have a query")

    def _check_resources(self) -> None:
        for resource in self.resource:
            try:
                check_resource(resource)
            except ValueError as reason:
                raise ValueError(f"resource {resource!r} cannot be used: {reason}") from None
        if len(set(self.resource)) != len(self.resource):
            raise ValueError("resource names the same one twice")

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or self.id

    @property
    def audiences(self) -> tuple[str, ...]:
        """Whom the token is for, by names that the server knows; several for a token exchange (RFC 8693 §2.1)."""
        return tuple(self.audience) if isinstance(self.audience, list) else tuple(filter(None, [self.audience]))

    @property
    def redirect_ports(self) -> tuple[int, ...]:
        """The ports to try in order; `(0,)` leaves the choice to the system (RFC 8252 §7.3)."""
        return tuple(self.redirect_port) if isinstance(self.redirect_port, list) else (self.redirect_port,)

    @property
    def written(self) -> tuple[str, ...]:
        """The addresses that a person wrote, or agreed to; all others are learned from servers (NET-3)."""
        return self.issuer, *(getattr(self, name) for name in ENDPOINTS), self.base_url

    @property
    def shows_certificate(self) -> bool:
        """Whether the client proves itself with its TLS certificate (RFC 8705)."""
        return bool(self.tls_client_cert) and self.client_auth in ("auto", "tls_client_auth")

    @property
    def callback_path(self) -> str:
        """The redirect URI's path, the issuer's own: no other server's answer can arrive on it (RFC 8252 §8.10)."""
        return self.redirect_path or default_callback_path(self.issuer or self.token_endpoint)

    @property
    def post_logout_path(self) -> str:
        """Where the browser comes back to from a log-out, beside `callback_path` (RP-Initiated Logout §3)."""
        return default_callback_path(self.issuer or self.token_endpoint).replace("/callback/", "/signed-out/", 1)

    @property
    def complete(self) -> bool:
        """Whether all endpoints of the flow are given, so that no discovery request is needed."""
        if not self.token_endpoint:
            return False
        if self.flow is Flow.AUTHORIZATION_CODE:
            return bool(self.authorization_endpoint)
        return self.flow is not Flow.DEVICE_CODE or bool(self.device_authorization_endpoint)


RESERVED_PARAMETERS = frozenset(
    {
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method", "resource", "request_uri", "request", "client_secret", "dpop_jkt",
    }
)  # fmt: skip


def default_callback_path(issuer: str) -> str:
    """`/callback/` and the first 12 base32 characters of SHA-256(issuer), lower case; stable for ever."""
    digest = hashlib.sha256(issuer.encode()).digest()
    return "/callback/" + base64.b32encode(digest).decode()[:12].lower()


class BrokenProvider(StrictModel):
    """An entry that cannot work, shown as a row in state `failed` while the others run.

    :param reason: one sentence for people, naming key and line.
    """

    id: str
    name: str = ""
    reason: str
    key: str = ""
    line: int | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or self.id


AnyProvider = Provider | BrokenProvider
