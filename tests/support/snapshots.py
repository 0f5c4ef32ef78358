"""Snapshots to show: the six states of the design's pictures, and one value at a time for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from tokenkeep.domain.errors import GrantEnded, Misconfigured, ProviderUnreachable
from tokenkeep.domain.session import (
    EngineSnapshot,
    OverallState,
    SessionSnapshot,
    SessionState,
    SignInSnapshot,
    SignInState,
    StorageState,
    overall,
)

# Thursday, on this machine's own clock, for people read local time
NOW = datetime(2026, 11, 12, 14, 6).timestamp()


def at(hour: int, minute: int = 0, *, day: int = 12) -> float:
    """Wall clock in seconds of a moment in that November."""
    return datetime(2026, 11, day, hour, minute).timestamp()


def wall() -> float:
    """A clock that stands still at `NOW`."""
    return NOW


def session(state: SessionState = SessionState.SIGNED_OUT, **values: Any) -> SessionSnapshot:
    """A session in a state; everything else can be named."""
    given: dict[str, Any] = {
        "id": "example",
        "name": "Example",
        "issuer": "https://auth.example.com",
        "flow": "authorization_code",
        "since": at(13),
    }
    return SessionSnapshot(state=state, **(given | values))


def active(**values: Any) -> SessionSnapshot:
    """A session with a token of one hour that is refreshed by itself."""
    given: dict[str, Any] = {
        "id": "example-ai",
        "name": "Example AI models",
        "account": "mara@northwind.example",
        "scope": ("openid", "profile", "email", "models:read", "inference", "offline_access"),
        "obtained_at": at(13, 58),
        "expires_at": at(14, 58),
        "refresh_at": at(14, 48),
        "signed_in_at": at(9, 12, day=9),
        "signed_in_by": "browser",
        "token_usable": True,
        "refreshable": True,
        "base_url": "https://api.example.com/v1",
        "device_available": True,
        "history": (at(9, 6), at(9, 50), at(10, 40), at(11, 30), at(12, 20), at(13, 10), at(13, 58)),
    }
    return session(SessionState.ACTIVE, **(given | values))


def needs_sign_in(**values: Any) -> SessionSnapshot:
    """A session that its provider ended while a program wanted a token."""
    given: dict[str, Any] = {
        "id": "keycloak",
        "name": "Keycloak at work",
        "issuer": "https://id.northwind.example/realms/staff",
        "account": "m.okafor@northwind.example",
        "scope": ("openid", "profile", "email", "groups", "offline_access"),
        "signed_in_at": at(23, 20, day=11),
        "signed_in_by": "browser",
        "last_error": GrantEnded(error="invalid_grant", description="Session not active"),
        "since": at(11, 20),
        "resources": ("https://k8s.northwind.example:6443",),
        "device_available": True,
        "waiting": (("kubectl", at(14, 3)),),
    }
    return session(SessionState.NEEDS_SIGN_IN, **(given | values))


def failed(**values: Any) -> SessionSnapshot:
    """A provider whose entry in the configuration lacks something."""
    given: dict[str, Any] = {
        "id": "codeberg",
        "name": "Codeberg",
        "issuer": "https://codeberg.org/",
        "last_error": Misconfigured("no client ID", key="providers.codeberg.client_id", line=31),
        "since": at(9, 5),
    }
    return session(SessionState.FAILED, **(given | values))


def refreshing(**values: Any) -> SessionSnapshot:
    """A session in the middle of a refresh."""
    given: dict[str, Any] = {
        "id": "github",
        "name": "GitHub",
        "issuer": "https://github.com",
        "account": "mara-okafor",
        "scope": ("repo", "read:user"),
        "obtained_at": at(6, 10),
        "expires_at": at(14, 36),
        "signed_in_at": at(8, 1, day=3),
        "signed_in_by": "device",
        "token_usable": True,
        "refreshable": True,
        "base_url": "https://api.github.com",
        "history": (at(6, 10),),
    }
    return session(SessionState.REFRESHING, **(given | values))


def offline(**values: Any) -> SessionSnapshot:
    """A session whose provider cannot be reached while its token is still good."""
    given: dict[str, Any] = {
        "id": "google",
        "name": "Google",
        "issuer": "https://accounts.google.com",
        "account": "mara.okafor@gmail.example",
        "scope": ("openid", "email"),
        "obtained_at": at(13, 31),
        "expires_at": at(14, 31),
        "refresh_at": NOW + 42,
        "signed_in_at": at(10, day=10),
        "signed_in_by": "browser",
        "token_usable": True,
        "refreshable": True,
        "last_error": ProviderUnreachable("accounts.google.com did not answer within 15 seconds."),
        "since": at(13, 51),
        "history": (at(12, 31), at(13, 31)),
    }
    return session(SessionState.OFFLINE, **(given | values))


def signed_out(**values: Any) -> SessionSnapshot:
    """A provider nobody signed in to yet."""
    given: dict[str, Any] = {
        "id": "gitlab",
        "name": "GitLab",
        "issuer": "https://gitlab.com",
        "base_url": "https://gitlab.com/api/v4",
        "device_available": True,
        "since": at(9, 5),
    }
    return session(SessionState.SIGNED_OUT, **(given | values))


def sign_in(provider: str = "gitlab", **values: Any) -> SignInSnapshot:
    """A sign-in in the browser that somebody has five minutes for."""
    given: dict[str, Any] = {
        "id": "s1",
        "provider": provider,
        "method": "browser",
        "state": SignInState.WAITING_FOR_BROWSER,
        "authorization_url": "https://auth.example.com/authorize?client_id=tokenkeep",
        "started_at": NOW - 28,
        "expires_at": NOW + 272,
        "opened_with": "Firefox",
        "device_available": True,
    }
    return SignInSnapshot(**(given | values))


def engine(*sessions: SessionSnapshot, **values: Any) -> EngineSnapshot:
    """A snapshot of the engine with these sessions and the overall state that follows from them."""
    given: dict[str, Any] = {
        "state": OverallState.LOCKED if values.get("locked") else overall(sessions),
        "storage": StorageState.KEYRING,
        "version": "0.1.0",
        "boot_id": "b1",
        "started_at": at(8),
        "sessions": sessions,
    }
    return EngineSnapshot(**(given | values))


def six_states() -> EngineSnapshot:
    """All states of the design's picture side by side."""
    return engine(needs_sign_in(), failed(), active(), refreshing(), signed_out(), offline())


def signing_in() -> EngineSnapshot:
    """The same with a sign-in going on at the one that was signed out."""
    shown = six_states()
    sessions = tuple(
        replace(one, state=SessionState.SIGNING_IN) if one.id == "gitlab" else one for one in shown.sessions
    )
    return replace(shown, sessions=sessions, sign_ins=(sign_in(),))
