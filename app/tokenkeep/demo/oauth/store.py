"""Everything the demo provider remembers, in memory and behind one lock; times are wall-clock seconds."""

import hashlib
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tokenkeep.demo.oauth.assertions import AssertionRefused
from tokenkeep.demo.oauth.clients import Client, User

# RFC 8628 §6.1: consonants only, so that no words appear and nothing looks alike.
USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
# Seconds after which no assertion can be valid any more, however it and the clock were set.
FORGET_AFTER = 86400


def fingerprint(value: str) -> str:
    """A short name for a secret that tests can compare and nobody can use."""
    return hashlib.sha256(value.encode()).hexdigest()[:12]


@dataclass
class Family:
    """All tokens that came from one sign-in; revoked together (RFC 9700 §4.14.2)."""

    client_id: str
    # None for a program that acts for itself.
    user: User | None
    scope: str
    auth_time: int
    nonce: str | None = None
    revoked: bool = False
    # The resources that were named at the authorization (RFC 8707); empty when none was.
    resources: tuple[str, ...] = ()
    # Whom a program's token is about, where that is not the client: a foreign issuer's subject.
    foreign_subject: str | None = None
    # Who acts for the subject (RFC 8693 §4.1).
    actor: str | None = None

    @property
    def subject(self) -> str:
        """The `sub` of these tokens: the person, else the foreign subject, else the client itself."""
        return self.user.sub if self.user else self.foreign_subject or self.client_id


@dataclass
class Code:
    """An authorization code and what it is bound to."""

    value: str
    family: Family
    redirect_uri: str
    code_challenge: str | None
    expires_at: float
    used: bool = False
    # The thumbprint of the DPoP key it is bound to.
    jkt: str | None = None

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.family.scope


@dataclass
class Token:
    """An issued access or refresh token."""

    value: str
    kind: str
    family: Family
    scope: str
    expires_at: float
    revoked: bool = False
    # The resources that an access token is good for.
    audience: tuple[str, ...] = ()
    # The thumbprint of the DPoP key it is bound to (RFC 9449 §6).
    jkt: str | None = None
    # When a refresh token was exchanged for its successor.
    retired_at: float | None = None

    def is_valid(self, now: float) -> bool:
        return not self.is_revoked() and now < self.expires_at

    def is_expired(self) -> bool:
        return time.time() >= self.expires_at

    def is_revoked(self) -> bool:
        return self.revoked or self.family.revoked

    def get_scope(self) -> str:
        return self.scope

    def check_client(self, client: Client) -> bool:
        return self.family.client_id == client.client_id


@dataclass
class DeviceRequest:
    """A pending device authorization (RFC 8628)."""

    device_code: str
    user_code: str
    client_id: str
    scope: str
    code_challenge: str | None
    expires_at: float
    interval: int
    resources: tuple[str, ...] = ()
    jkt: str | None = None
    last_poll: float | None = None
    denied: bool = False
    used: bool = False
    family: Family | None = None

    def get_client_id(self) -> str:
        return self.client_id

    def get_scope(self) -> str:
        return self.scope

    def get_user_code(self) -> str:
        return self.user_code

    def is_expired(self) -> bool:
        return time.time() >= self.expires_at

    @property
    def decided(self) -> bool:
        return self.denied or self.family is not None


@dataclass
class BrowserSession:
    """One browser: its login and its CSRF token."""

    key: str
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    user: User | None = None
    auth_time: int = 0
    # The authorization request (by digest) that the last login was made for: answers `prompt=login` once.
    login_for: str | None = None


class Store:
    """The state of one run. Hold `lock` around anything that reads and then writes."""

    def __init__(self, users: Iterable[User], clients: Iterable[Client]) -> None:
        self.lock = threading.RLock()
        self.users = {user.username: user for user in users}
        self.clients = {client.client_id: client for client in clients}
        self.codes: dict[str, Code] = {}
        self.tokens: dict[str, Token] = {}
        self.devices: dict[str, DeviceRequest] = {}
        self.sessions: dict[str, BrowserSession] = {}
        # Assertions that were seen, by issuer and `jti`, until they expire.
        self.used_assertions: dict[tuple[str, str], float] = {}

    def use_once(self, issuer: str, claims: Mapping[str, Any]) -> None:
        """Remember the `jti` of a checked assertion; raises AssertionRefused for one without, or one seen before."""
        identifier = claims.get("jti")
        if not isinstance(identifier, str) or not identifier:
            raise AssertionRefused("the claim jti is missing")
        # By the real clock: a server clock put wrong for a moment must not forget anything.
        now = time.time()
        with self.lock:
            self.used_assertions = {key: end for key, end in self.used_assertions.items() if end > now}
            if (issuer, identifier) in self.used_assertions:
                raise AssertionRefused("the assertion was used before: its jti is known")
            self.used_assertions[issuer, identifier] = now + FORGET_AFTER

    def access_token(self, value: str) -> Token | None:
        """The valid access token of that value, if there is one."""
        with self.lock:
            token = self.tokens.get(value)
            return token if token and token.kind == "access_token" and token.is_valid(time.time()) else None

    def device_by_user_code(self, typed: str) -> DeviceRequest | None:
        """The undecided, unexpired request whose code was typed: case, dash and spaces do not count."""
        wanted = "".join(letter for letter in typed.upper() if letter.isalnum())
        with self.lock:
            for request in self.devices.values():
                if request.user_code.replace("-", "") == wanted and not request.decided and not request.is_expired():
                    return request
        return None

    def new_user_code(self) -> str:
        letters = [secrets.choice(USER_CODE_LETTERS) for _ in range(8)]
        return "".join(letters[:4]) + "-" + "".join(letters[4:])

    def revoke_client(self, client_id: str) -> None:
        """End everything that was issued to that client."""
        with self.lock:
            for token in self.tokens.values():
                if token.family.client_id == client_id:
                    token.family.revoked = True
            self.codes = {key: code for key, code in self.codes.items() if code.family.client_id != client_id}
            self.devices = {key: device for key, device in self.devices.items() if device.client_id != client_id}

    def revoke_access_tokens(self, family: Family) -> None:
        with self.lock:
            for token in self.tokens.values():
                if token.family is family and token.kind == "access_token":
                    token.revoked = True

    def user_by_subject(self, subject: str) -> User | None:
        return next((user for user in self.users.values() if user.sub == subject), None)

    def check_password(self, form: Mapping[str, str]) -> User | None:
        """The person whose `username` and `password` a login form holds."""
        user = self.users.get(form.get("username", "").strip().lower())
        return user if user is not None and form.get("password") == user.password else None

    def new_session(self) -> BrowserSession:
        session = BrowserSession(secrets.token_urlsafe(32))
        with self.lock:
            self.sessions[session.key] = session
        return session

    def log_in(self, session: BrowserSession, user: User, login_for: str) -> BrowserSession:
        """A new session for that person; the old key ends, against session fixation."""
        fresh = self.new_session()
        fresh.user, fresh.auth_time, fresh.login_for = user, int(time.time()), login_for
        with self.lock:
            self.sessions.pop(session.key, None)
        return fresh
