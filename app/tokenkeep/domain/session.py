"""A session as a small state machine, and the snapshots from which every surface derives what it shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tokenkeep.domain.access import AccessRequest
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.registration import ClientFacts


class SessionState(StrEnum):
    """Where the sign-in of one provider stands."""

    SIGNED_OUT = "signed_out"
    SIGNING_IN = "signing_in"
    ACTIVE = "active"
    REFRESHING = "refreshing"
    NEEDS_SIGN_IN = "needs_sign_in"
    OFFLINE = "offline"
    FAILED = "failed"


class SessionEvent(StrEnum):
    """What can happen to a session."""

    RESTORED = "restored"  # read from the vault, with tokens
    RESTORED_ENDED = "restored_ended"  # read from the vault, ended by the provider before
    SIGN_IN_STARTED = "sign_in_started"
    SIGNED_IN = "signed_in"
    SIGN_IN_ABANDONED = "sign_in_abandoned"  # failed, cancelled or expired: what was before holds again
    REFRESH_STARTED = "refresh_started"
    REFRESHED = "refreshed"
    UNREACHABLE = "unreachable"
    ENDED = "ended"  # invalid_grant and its kin, or a token that ran out without a refresh token
    REJECTED = "rejected"  # invalid_client, a configuration or protocol error that a sign-in would not mend
    MENDED = "mended"  # the configuration was changed for the better, with tokens kept
    RESET = "reset"  # the configuration was changed, nothing kept
    SIGNED_OUT = "signed_out"


S, E = SessionState, SessionEvent
_SIGNED_IN = (S.ACTIVE, S.REFRESHING, S.OFFLINE)

TRANSITIONS: dict[tuple[SessionState, SessionEvent], SessionState] = {
    (S.SIGNED_OUT, E.RESTORED): S.ACTIVE,
    (S.SIGNED_OUT, E.RESTORED_ENDED): S.NEEDS_SIGN_IN,
    # a sign-in may begin in any state and, when it comes to nothing, leaves the state that was before
    **{(state, E.SIGN_IN_STARTED): S.SIGNING_IN for state in S if state is not S.SIGNING_IN},
    (S.SIGNING_IN, E.SIGNED_IN): S.ACTIVE,
    # refreshes; one may also end while a person signs in again, which does not change what is shown
    **{(state, E.REFRESH_STARTED): S.REFRESHING for state in (S.ACTIVE, S.OFFLINE, S.FAILED)},
    (S.SIGNED_OUT, E.REFRESH_STARTED): S.REFRESHING,  # a machine's first token; no person signs in
    (S.REFRESHING, E.REFRESHED): S.ACTIVE,
    (S.REFRESHING, E.UNREACHABLE): S.OFFLINE,
    (S.REFRESHING, E.ENDED): S.NEEDS_SIGN_IN,
    (S.REFRESHING, E.REJECTED): S.FAILED,
    (S.ACTIVE, E.ENDED): S.NEEDS_SIGN_IN,
    (S.OFFLINE, E.ENDED): S.NEEDS_SIGN_IN,
    **{(state, E.REJECTED): S.FAILED for state in S if state not in (S.SIGNING_IN, S.REFRESHING)},
    (S.FAILED, E.MENDED): S.ACTIVE,
    (S.FAILED, E.RESET): S.SIGNED_OUT,
    (S.NEEDS_SIGN_IN, E.RESET): S.SIGNED_OUT,
    **{(state, E.SIGNED_OUT): S.SIGNED_OUT for state in S if state is not S.SIGNING_IN},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The state of a session, and under a sign-in the state that a failed one falls back to."""

    state: SessionState = SessionState.SIGNED_OUT
    beneath: SessionState | None = None

    def after(self, event: SessionEvent) -> Lifecycle:
        """The lifecycle after an event.

        :raises ValueError: the event cannot happen in this state.
        """
        if self.beneath is not None:
            return self._while_signing_in(event)
        target = TRANSITIONS.get((self.state, event))
        if target is None:
            raise ValueError(f"{event} cannot happen to a session that is {self.state}")
        if target is SessionState.SIGNING_IN:
            return Lifecycle(target, beneath=self.state)
        return Lifecycle(target)

    def _while_signing_in(self, event: SessionEvent) -> Lifecycle:
        """What lies beneath goes on: a refresh may end, a token may run out while the browser is open."""
        beneath = self.beneath
        if beneath is None:
            raise ValueError("no sign-in is going on")
        if event is SessionEvent.SIGN_IN_ABANDONED:
            return Lifecycle(beneath)
        if event is SessionEvent.SIGNED_IN:
            return Lifecycle(SessionState.ACTIVE)
        target = TRANSITIONS.get((beneath, event))
        if target is None or target is SessionState.SIGNING_IN:
            raise ValueError(f"{event} cannot happen during a sign-in over a session that is {beneath}")
        return Lifecycle(SessionState.SIGNING_IN, beneath=target)

    def allows(self, event: SessionEvent) -> bool:
        """Whether the event can happen now."""
        try:
            self.after(event)
        except ValueError:
            return False
        return True


class OverallState(StrEnum):
    """The one state of the tray icon, of `/v1/status` and of `tokenkeep status`."""

    OK = "ok"
    WORKING = "working"
    NEEDS_YOU = "needs_you"
    OFFLINE = "offline"
    LOCKED = "locked"


class StorageState(StrEnum):
    """Where tokens are kept, or that they could not be written."""

    KEYRING = "keyring"
    PASSPHRASE = "passphrase"
    MEMORY = "memory"
    DEGRADED = "degraded"


class SignInState(StrEnum):
    """Where one attempt to sign in stands."""

    WAITING_FOR_BROWSER = "waiting_for_browser"
    WAITING_FOR_CODE = "waiting_for_code"
    EXCHANGING = "exchanging"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def pending(self) -> bool:
        """Whether something can still come of it."""
        return self in (SignInState.WAITING_FOR_BROWSER, SignInState.WAITING_FOR_CODE, SignInState.EXCHANGING)


@dataclass(frozen=True, slots=True)
class SignInSnapshot:
    """One attempt to sign in, as everybody sees it (`SignIn` of the socket API).

    :param expires_at: wall clock in seconds; when the attempt is given up.
    :param opened_with: the browser that was asked to open the page, empty when none was or its name is unknown.
    :param not_opened: a browser was to be asked and could not be started (AUTHZ-6).
    :param asked_by: who wanted it, in words: a program's name, or empty for the person at our own window.
    :param account: whom an earlier sign-in belonged to, for "as before"; after success who signed in.
    :param other_account: success of another account than before waits for the person's choice (AUTHZ-7).
    """

    id: str
    provider: str
    method: str
    state: SignInState
    authorization_url: str | None = None
    user_code: str | None = None
    verification_uri: str | None = None
    verification_uri_complete: str | None = None
    started_at: float = 0.0
    expires_at: float | None = None
    error: TokenKeepError | None = None
    opened_with: str = ""
    not_opened: bool = False
    asked_by: str = ""
    account: str = ""
    other_account: str | None = None
    device_available: bool = False


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """One provider and its session at one moment (`Provider` of the socket API, and what the window shows).

    All times are wall clock in seconds since the epoch.

    :param expires_at: end of the current token; None without one or when its lifetime is unknown.
    :param refresh_at: when the next refresh or retry is planned.
    :param obtained_at: when the current token was obtained.
    :param token_usable: a token can be handed out now.
    :param sealed: the vault is locked, so nobody can tell yet whether somebody is signed in here.
    :param since: when the present state began.
    :param waiting: programs that asked in vain since then: name and when last.
    :param history: when the last tokens were obtained, oldest first, at most eight.
    :param client: who we are to the provider; None while there is no client.
    :param notice: what a person should know beside the state, such as a sign-out that is not confirmed; else empty.
    :param secret_kept: the client secret is one that a person types in here.
    :param secret_wanted: and it is missing, or the provider did not accept it.
    :param signs_assertions: the client has a private key, whose public half can be shown.
    """

    id: str
    name: str
    issuer: str
    flow: str
    state: SessionState
    account: str = ""
    scope: tuple[str, ...] = ()
    expires_at: float | None = None
    refresh_at: float | None = None
    obtained_at: float | None = None
    signed_in_at: float | None = None
    signed_in_by: str = ""
    token_usable: bool = False
    refreshable: bool = False
    sealed: bool = False
    last_error: TokenKeepError | None = None
    since: float = 0.0
    base_url: str = ""
    resources: tuple[str, ...] = ()
    device_available: bool = False
    end_session_available: bool = False
    waiting: tuple[tuple[str, float], ...] = ()
    history: tuple[float, ...] = ()
    notice: str = ""
    client: ClientFacts | None = None
    secret_kept: bool = False
    secret_wanted: bool = False
    signs_assertions: bool = False


@dataclass(frozen=True, slots=True)
class ConfigurationProblem:
    """Something in `config.toml` that cannot work; the rest runs.

    :param key: dotted key, empty when the file itself cannot be read.
    :param line: counted from 1, None when unknown.
    """

    message: str
    key: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class EngineSnapshot:
    """Everything there is to show, at one moment.

    :param started_at: wall clock in seconds.
    :param boot_id: names this run of the process; event numbers belong to it.
    :param storage_notice: what a person should know of where tokens are kept, else empty.
    :param notices: what a person should know of sign-ins that ended or whose entries are gone.
    """

    state: OverallState
    storage: StorageState
    version: str
    boot_id: str
    started_at: float
    sessions: tuple[SessionSnapshot, ...] = ()
    sign_ins: tuple[SignInSnapshot, ...] = ()
    access_requests: tuple[AccessRequest, ...] = ()
    problems: tuple[ConfigurationProblem, ...] = ()
    storage_notice: str = ""
    locked: bool = False
    notices: tuple[str, ...] = ()

    def session(self, provider: str) -> SessionSnapshot | None:
        """The session of a provider, None when there is no such provider."""
        return next((session for session in self.sessions if session.id == provider), None)


def overall(sessions: Iterable[SessionSnapshot], *, locked: bool = False, waited_for: bool = False) -> OverallState:
    """The overall state. Precedence: locked, needs you (with failed), offline, working, ok.

    :param waited_for: somebody has been waiting for a refresh or a sign-in for more than a second; a refresh ahead
        of time is nobody's news.
    """
    sessions = list(sessions)
    if locked:
        return OverallState.LOCKED
    if any(session.state in (SessionState.NEEDS_SIGN_IN, SessionState.FAILED) for session in sessions):
        return OverallState.NEEDS_YOU
    unreachable = [session for session in sessions if session.state is SessionState.OFFLINE]
    signed_in = [session for session in sessions if session.state in _SIGNED_IN]
    if unreachable and (len(unreachable) == len(signed_in) or any(not session.token_usable for session in unreachable)):
        return OverallState.OFFLINE
    if waited_for:
        return OverallState.WORKING
    return OverallState.OK
