"""An engine without providers, vault or clock: what it gives is set by the test, what it was asked is noted."""
# ruff: noqa: ARG002 - the façade's parameters are what they are

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from tokenkeep.domain.access import OWN_WINDOW, Application, Decision, Grant, Holding
from tokenkeep.domain.check import CheckReport, Finding, Outcome
from tokenkeep.domain.errors import AccessDenied, NotFound, UnknownProvider
from tokenkeep.domain.identity import GrantedIdToken, SeenTokens
from tokenkeep.domain.session import (
    EngineSnapshot,
    OverallState,
    SessionSnapshot,
    SessionState,
    SignInSnapshot,
    SignInState,
    StorageState,
)
from tokenkeep.domain.tokens import GrantedHeaders, GrantedToken, Secret, TokenQuery
from tokenkeep.engine.events import EventBus, Subscription

BOOT_ID = "b007"
GITHUB = SessionSnapshot(
    id="github",
    name="GitHub",
    issuer="https://github.example",
    flow="authorization_code",
    state=SessionState.ACTIVE,
    account="ada",
    scope=("repo", "user"),
    expires_at=2_000_000_000.0,
    refresh_at=1_999_999_400.0,
    token_usable=True,
    refreshable=True,
    resources=("https://api.github.example",),
)
EMPTY = SessionSnapshot(
    id="example-ai", name="Example AI", issuer="https://auth.example.com", flow="device_code",
    state=SessionState.SIGNED_OUT,
)  # fmt: skip
TOKEN = GrantedToken(
    access_token=Secret("CANARY-AT-1"),
    token_type="Bearer",
    expires_at=2_000_000_000.0,
    expires_in=3600.0,
    min_valid_met=True,
    scope=("repo", "user"),
    resource=(),
    provider="github",
    issuer="https://github.example",
    account="ada",
)

CHECKED = CheckReport(
    subject="https://github.example",
    name="GitHub",
    issuer="https://github.example",
    checked_at=1_700_000_000.0,
    reachable=True,
    rules=(
        Finding("metadata.found", Outcome.PASS, "Published at /.well-known/openid-configuration."),
        Finding("pkce.s256_listed", Outcome.FAIL, "Required: S256. Supported: none.", "List it.", "RFC 8414 §2", "Do."),
    ),
)


@dataclass(frozen=True)
class Ended:
    """What a sign-out gives, as the engine's `SignOut`."""

    revoked: bool
    detail: str
    end_session: str = ""


@dataclass
class FakeEngine:
    """The façade of the engine.

    :ivar calls: name and arguments of what was asked, in order.
    :ivar fail: raised by every call that can fail, while set.
    :ivar gate: while set, calls that may wait wait for it.
    """

    removal: str = "ok"  # what comes of the next removal
    removed: list[tuple[str, str]] = field(default_factory=list)
    sessions: dict[str, SessionSnapshot] = field(default_factory=lambda: {"github": GITHUB, "example-ai": EMPTY})
    sign_ins: dict[str, SignInSnapshot] = field(default_factory=dict)
    manage: bool = True
    fail: BaseException | None = None
    gate: asyncio.Event | None = None
    now: bool = True
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    seen: SeenTokens = field(default_factory=lambda: SeenTokens("github", "GitHub", "https://github.com", 0.0))
    bound: Secret | None = None  # a proof: the token is bound to a key
    renewed: GrantedToken | None = None

    def __post_init__(self) -> None:
        self.bus = EventBus(BOOT_ID, self.snapshot)
        self.kept_grants: tuple[Grant, ...] = (
            Grant("g1", ("app", "/usr/bin/git"), "git", "github", Decision.ALLOW, Holding.ALWAYS, 1_700_000_000.0),
        )

    @property
    def boot_id(self) -> str:
        return BOOT_ID

    def snapshot(self) -> EngineSnapshot:
        return EngineSnapshot(
            state=OverallState.OK,
            storage=StorageState.KEYRING,
            version="0.0",
            boot_id=BOOT_ID,
            started_at=1_700_000_000.0,
            sessions=tuple(self.sessions.values()),
            sign_ins=tuple(self.sign_ins.values()),
        )

    def subscribe(self, after: str | None = None) -> Subscription:
        return self.bus.subscribe(after)

    def provider(self, provider: str) -> SessionSnapshot:
        if provider not in self.sessions:
            raise UnknownProvider(f"No provider is called {provider!r}.", hint="Did you mean github?")
        return self.sessions[provider]

    async def check(self, *, provider: str = "", issuer: str = "", url: str = "") -> CheckReport:
        await self._called("check", provider, issuer, url)
        if provider:
            self.provider(provider)
        return CHECKED

    def token_now(self, provider: str, query: TokenQuery, application: Application) -> GrantedToken | None:
        self.calls.append(("token_now", provider, query, application))
        self.provider(provider)
        if isinstance(self.fail, Exception):
            raise self.fail
        return TOKEN if self.now else None

    async def token(self, provider: str, query: TokenQuery, application: Application) -> GrantedToken:
        await self._called("token", provider, query)
        return TOKEN

    async def token_rejected(
        self,
        provider: str,
        sha256: str,
        application: Application,
        *,
        wait: float = 30.0,
        **told: str,
    ) -> GrantedToken:
        self.provider(provider)
        told = {name: value for name, value in told.items() if value}
        await self._called("token_rejected", provider, sha256, *([told] if told else []))
        fresh = Secret("CANARY-AT-2") if sha256 == TOKEN.access_token.sha256 else TOKEN.access_token
        self.renewed = replace(TOKEN, access_token=fresh)
        return self.renewed

    async def headers(
        self,
        provider: str | None,
        method: str,
        url: str,
        query: TokenQuery,
        application: Application,
        *,
        nonce: str = "",
    ) -> GrantedHeaders:
        """Of the token that the last refusal brought, once; else of the usual one."""
        await self._called("headers", provider, method, url, query, nonce)
        if provider is not None:
            self.provider(provider)
        granted, self.renewed = self.renewed or TOKEN, None
        return GrantedHeaders(granted, "DPoP" if self.bound else "Bearer", self.bound)

    async def proof(self, *asked: Any, **more: Any) -> Secret:
        await self._called("proof", *asked, more)
        return Secret("CANARY-PROOF")

    async def id_token(self, provider: str, application: Application, *, wait: float = 30.0) -> GrantedIdToken:
        self.provider(provider)
        await self._called("id_token", provider, wait)
        return GrantedIdToken(Secret("CANARY-ID-1"), {"sub": "s-1", "exp": 1_800_000_000}, 1_800_000_000.0)

    async def seen_tokens(
        self, provider: str, application: Application, *, introspect: bool = False, wait: float = 30.0
    ) -> SeenTokens:
        self.provider(provider)
        await self._called("seen_tokens", provider, introspect, wait)
        return self.seen

    async def set_client_secret(
        self, provider: str, secret: Secret, application: Application = OWN_WINDOW
    ) -> SessionSnapshot:
        await self._called("set_client_secret", provider, secret)
        return self.provider(provider)

    async def set_initial_access_token(
        self, provider: str, token: Secret, application: Application = OWN_WINDOW
    ) -> SessionSnapshot:
        await self._called("set_initial_access_token", provider, token)
        return self.provider(provider)

    async def remove_provider(self, provider: str, application: Application = OWN_WINDOW) -> str:
        await self._called("remove_provider", provider)
        del self.sessions[provider]
        self.removed.append((provider, self.removal))
        return "Removed."

    async def public_keys(self, provider: str) -> tuple[dict[str, str], ...]:
        await self._called("public_keys", provider)
        return ({"kty": "EC", "kid": "k1"},)

    async def refresh(self, provider: str, application: Application = OWN_WINDOW) -> SessionSnapshot:
        await self._called("refresh", provider)
        return self.provider(provider)

    async def unlock(self, passphrase: Secret) -> None:
        await self._called("unlock", passphrase)

    async def sign_out(
        self,
        provider: str,
        *,
        revoke: bool = True,
        end_session: bool = False,
        application: Application = OWN_WINDOW,
    ) -> Ended:
        await self._called("sign_out", provider, revoke, *([end_session] if end_session else []))
        self.sessions[provider] = replace(self.sessions[provider], state=SessionState.SIGNED_OUT)
        return Ended(
            revoked=revoke, detail="GitHub has revoked the tokens.", end_session="opened" if end_session else ""
        )

    async def sign_in(
        self,
        provider: str,
        *,
        method: str = "auto",
        open_browser: bool = True,
        application: Application = OWN_WINDOW,
    ) -> SignInSnapshot:
        self.provider(provider)
        await self._called("sign_in", provider, method, open_browser)
        device = method == "device"
        attempt = SignInSnapshot(
            id=f"s{len(self.sign_ins) + 1}",
            provider=provider,
            method="device" if device else "browser",
            state=SignInState.WAITING_FOR_CODE if device else SignInState.WAITING_FOR_BROWSER,
            authorization_url=None if device else "https://github.example/authorize?client_id=x&state=STATE",
            user_code="WDJB-MJHT" if device else None,
            verification_uri="https://github.example/device" if device else None,
            verification_uri_complete="https://github.example/device?user_code=WDJB-MJHT" if device else None,
            expires_at=2_000_000_000.0,
        )
        self.sign_ins[attempt.id] = attempt
        return attempt

    def sign_in_snapshot(self, sign_in: str) -> SignInSnapshot:
        if sign_in not in self.sign_ins:
            raise NotFound("There is no such sign-in.")
        return self.sign_ins[sign_in]

    async def wait_sign_in(self, sign_in: str, wait: float) -> SignInSnapshot:
        self.sign_in_snapshot(sign_in)
        await self._called("wait_sign_in", sign_in, wait)
        return self.sign_ins[sign_in]

    async def cancel_sign_in(self, sign_in: str, application: Application = OWN_WINDOW) -> SignInSnapshot:
        self.sign_ins[sign_in] = replace(self.sign_in_snapshot(sign_in), state=SignInState.CANCELLED)
        return self.sign_ins[sign_in]

    async def sign_in_callback(self, url: str, sign_in: str | None = None) -> SignInSnapshot:
        await self._called("sign_in_callback", url, sign_in)
        found = sign_in or next(iter(self.sign_ins), "")
        self.sign_ins[found] = replace(self.sign_in_snapshot(found), state=SignInState.EXCHANGING)
        return self.sign_ins[found]

    def end_sign_in(self, sign_in: str, state: SignInState, **changes: Any) -> None:
        """Let a sign-in end."""
        self.sign_ins[sign_in] = replace(self.sign_ins[sign_in], state=state, **changes)

    async def require_manage(self, application: Application, *, wait: float = 60.0) -> None:
        self.calls.append(("require_manage", application))
        if not self.manage:
            raise AccessDenied("The configuration says no.", hint="See [access] manage in config.toml.")

    def grants(self) -> tuple[Grant, ...]:
        return self.kept_grants

    async def activity(self, limit: int) -> list[dict[str, Any]]:
        self.calls.append(("activity", limit))
        done = [
            {"at": 1_700_000_001.0, "event": "remove", "provider": one, "outcome": how} for one, how in self.removed
        ]
        return [
            *done[::-1],
            {"at": 1_700_000_000.0, "event": "token", "provider": "github", "outcome": "ok", "program": "git"},
        ]

    def show(self) -> None:
        self.calls.append(("show",))
        self.bus.publish("show", None)

    def quit(self) -> None:
        self.calls.append(("quit",))
        self.bus.publish("quit", None)

    async def _called(self, *call: Any) -> None:
        self.calls.append(call)
        if self.gate is not None:
            await self.gate.wait()
        if self.fail is not None:
            raise self.fail

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        """The calls of that name."""
        return [call for call in self.calls if call[0] == name]
