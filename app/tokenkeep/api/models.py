"""Bodies and answers of the contract as models: bodies are checked with them, `/v1/openapi.json` is made of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tokenkeep.domain.access import Decision, Holding
from tokenkeep.domain.check import Outcome
from tokenkeep.domain.session import OverallState, SessionState, SignInState, StorageState

METHOD = r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$"  # RFC 9110 §9.1
NONCE = r"^[\x21\x23-\x5b\x5d-\x7e]{1,1024}$"  # RFC 9449 §8.1


class Body(BaseModel):
    """Something a caller sends; unknown members are ignored, so that newer callers work with older versions."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)  # built when one comes, not at the start


class Answer(BaseModel):
    """Something a caller gets."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Empty(Body):
    """No members."""


class StartSignIn(Body):
    """Start a sign-in, or join the pending one of that provider."""

    provider: str
    method: Literal["auto", "browser", "device"] = "auto"
    open_browser: bool = True


class Callback(Body):
    """The address that a browser ended on."""

    url: Annotated[str, Field(min_length=1, max_length=16384)]


class Rejected(Body):
    """A resource answered 401 to the token with this SHA-256 (lower-case hexadecimal)."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    www_authenticate: Annotated[str, Field(max_length=16384)] = ""
    url: Annotated[str, Field(max_length=8192)] = ""
    dpop_nonce: Annotated[str, Field(max_length=1024)] = ""


class AskProof(Body):
    """A request that a program is about to send with the token: its method and address (RFC 9449 §4.2)."""

    htm: Annotated[str, Field(pattern=METHOD)]
    htu: Annotated[str, Field(min_length=1, max_length=8192)]
    nonce: Annotated[str, Field(pattern=NONCE)] | None = None
    ath: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{43}$")] | None = None


class EndSignIn(Body):
    """Sign out; `end_session` also asks the browser to log out at the provider."""

    revoke: bool = True
    end_session: bool = False


class Unlock(Body):
    """Open the sealed sign-ins."""

    passphrase: Annotated[str, Field(min_length=1, max_length=1024)]


class ChangeProvider(Body):
    """What to change: one of the three. All are sealed, and two never given back; an unknown member is refused.

    `token` is a pasted token of a `static` provider, `expires_at` its end in seconds since the epoch, if that is known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    client_secret: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    initial_access_token: Annotated[str, Field(min_length=1, max_length=4096, pattern="^[!-~]+$")] | None = None
    token: Annotated[str, Field(min_length=1, max_length=32_768, pattern="^[!-~]+$")] | None = None
    expires_at: float | None = None


class CheckServer(Body):
    """What to check: exactly one of the three."""

    provider: Annotated[str, Field(max_length=64)] = ""
    issuer: Annotated[str, Field(max_length=2048)] = ""
    url: Annotated[str, Field(max_length=2048)] = ""


class CheckedRule(Answer):
    """One rule: what was seen, what is asked and by which text, what the server's administrator should do."""

    id: str
    outcome: Outcome
    detail: str
    asks: str
    standard: str
    advice: str


class Checked(Answer):
    """The report on a server; `checked_at` in seconds since the epoch, `summary` counts outcomes."""

    subject: str
    name: str
    issuer: str
    checked_at: float
    reachable: bool
    summary: dict[str, int]
    rules: list[CheckedRule]


class Problem(Answer):
    """What went wrong (RFC 9457); `title` and `hint` are for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    provider: str | None = None
    sign_in: str | None = None
    retry_after: float | None = None


class Status(Answer):
    """The application; `started_at` in seconds since the epoch, `notices` are sentences for people."""

    version: str
    api: int
    pid: int
    boot_id: str
    started_at: float
    state: OverallState
    storage: StorageState
    counts: dict[str, int]
    notices: list[str]


class ClientFacts(Answer):
    """Who we are to a provider; `source` says where the client id is from, the times are of a registration."""

    client_id: str
    source: Literal["given", "metadata_document", "registration"]
    registered_at: float | None
    expires_at: float | None
    redirect_uris: list[str]


class Provider(Answer):
    """A provider and its session; times in seconds since the epoch."""

    id: str
    name: str
    issuer: str
    flow: str
    state: SessionState
    account: str
    scope: str
    expires_at: float | None
    refresh_at: float | None
    last_error: Problem | None
    base_url: str
    resources: list[str]
    client: ClientFacts | None


class ProviderDetails(Provider):
    """One provider; `jwks` has the public keys of a client that signs assertions (RFC 7517), else it is null."""

    jwks: dict[str, list[dict[str, str]]] | None


class Providers(Answer):
    """All providers."""

    providers: list[Provider]


class SignIn(Answer):
    """One attempt to sign in; `expires_at` in seconds since the epoch."""

    id: str
    provider: str
    method: str
    state: SignInState
    authorization_url: str | None
    user_code: str | None
    verification_uri: str | None
    verification_uri_complete: str | None
    expires_at: float | None
    error: Problem | None


class Token(Answer):
    """An access token; `expires_at` in seconds since the epoch, `expires_in` in seconds from now."""

    access_token: str
    token_type: str
    expires_at: float | None
    expires_in: float | None
    min_valid_met: bool
    scope: str
    resource: list[str]
    provider: str
    issuer: str
    account: str


class Headers(Answer):
    """Headers for one request: `Authorization`, and `DPoP` where the token is bound to a key; `expires_at` of the token
    in seconds since the epoch."""

    headers: dict[str, str]
    provider: str
    expires_at: float | None


class Proof(Answer):
    """A DPoP proof, good for one request."""

    proof: str


class IdToken(Answer):
    """A verified id_token and its claims; `expires_at` in seconds since the epoch."""

    id_token: str
    claims: dict[str, Any]
    expires_at: float | None


class SeenToken(Answer):
    """A token taken apart for people. `signature` is `bad` only where the issuer's own key says so; `odd` names claims
    that may be why a resource refuses it."""

    kind: Literal["jwt", "encrypted", "opaque"]
    signature: Literal["", "verified", "not_verifiable", "bad"]
    reason: str
    header: dict[str, Any]
    claims: dict[str, Any]
    expires_at: float | None
    odd: list[str]


class Introspection(Answer):
    """What the provider says of its token (RFC 7662); but for `active`, nobody knows more than `state` and `reason`."""

    state: Literal["active", "inactive", "unknown", "unsupported"]
    reason: str
    scope: list[str]
    expires_at: float | None
    audience: list[str]
    client_id: str
    subject: str


class Claims(Answer):
    """The tokens of a sign-in, taken apart; no token is among it. `checked_at` in seconds since the epoch."""

    provider: str
    name: str
    issuer: str
    checked_at: float
    id_token: SeenToken | None
    access_token: SeenToken | None
    introspection: Introspection | None


class SignedOut(Answer):
    """Signed out here in any case; `revoked` says whether the provider confirmed the end of the tokens.

    `end_session` says whether the browser was asked to log out at the provider too; empty where that was not wanted.
    """

    revoked: bool | Literal["unsupported"]
    detail: str
    end_session: Literal["", "opened", "unsupported", "failed"]


class Grant(Answer):
    """What an application may get; `until` in seconds since the epoch."""

    id: str
    kind: str
    application: str
    name: str
    provider: str
    decision: Decision
    holding: Holding
    purpose: str
    scope: str
    resource: list[str]
    created_at: float
    until: float | None


class Grants(Answer):
    """Who may get what."""

    grants: list[Grant]


class Activity(Answer):
    """Who asked for what, newest first; never a token."""

    entries: list[dict[str, Any]]
