"""What is said of sessions that no person signs in to: a machine's own tokens, and tokens that were pasted.

Every function gives an empty text where the words of an ordinary sign-in fit.
"""

from __future__ import annotations

from tokenkeep.domain.provider import Flow
from tokenkeep.domain.session import SessionSnapshot, SessionState
from tokenkeep.ui import times
from tokenkeep.ui.translation import tr

_MACHINES = frozenset(flow.value for flow in Flow if flow.machine)


def is_machine(session: SessionSnapshot) -> bool:
    """Whether its tokens are fetched without anybody."""
    return session.flow in _MACHINES


def is_pasted(session: SessionSnapshot) -> bool:
    """Whether its token comes from a person's hand."""
    return session.flow == Flow.STATIC.value


def row(session: SessionSnapshot, now: float) -> str:
    """The words of a row."""
    if is_machine(session):
        return _machine_row(session, now)
    if is_pasted(session):
        return _pasted_row(session, now)
    return ""


def _machine_row(session: SessionSnapshot, now: float) -> str:
    match session.state:
        case SessionState.ACTIVE if session.refresh_at is not None:
            return tr("Ready, next token at {time}", time=times.moment(session.refresh_at, now))
        case SessionState.ACTIVE:
            return tr("Ready")
        case SessionState.REFRESHING:
            return tr("Getting a token…")
        case SessionState.SIGNED_OUT if session.refreshable and not session.sealed:
            return tr("Ready, no token asked for yet")
    return ""


def _pasted_row(session: SessionSnapshot, now: float) -> str:
    match session.state:
        case SessionState.ACTIVE if session.expires_at is not None:
            return tr("Token good until {time}", time=times.moment(session.expires_at, now))
        case SessionState.ACTIVE:
            return tr("Token kept")
        case SessionState.NEEDS_SIGN_IN:
            return tr("Paste a new token")
        case SessionState.SIGNED_OUT if not session.sealed:
            return tr("No token")
    return ""


def menu_words(session: SessionSnapshot) -> str:
    """The state in the tray's menu."""
    states: dict[SessionState, str] = {}
    if is_machine(session):
        states = {SessionState.ACTIVE: tr("ready"), SessionState.REFRESHING: tr("getting a token…")}
        if session.refreshable and not session.sealed:
            states[SessionState.SIGNED_OUT] = tr("ready")
    elif is_pasted(session):
        states = {SessionState.ACTIVE: tr("token kept"), SessionState.NEEDS_SIGN_IN: tr("paste a new token")}
        if not session.sealed:
            states[SessionState.SIGNED_OUT] = tr("no token")
    return states.get(session.state, "")


def title(session: SessionSnapshot) -> str:
    """The heading of the state band."""
    if is_machine(session) and session.state is SessionState.ACTIVE:
        return tr("Ready")
    if is_pasted(session) and session.state is SessionState.ACTIVE:
        return tr("Token kept")
    return row(session, 0.0) if session.state in (SessionState.SIGNED_OUT, SessionState.REFRESHING) else _asked(session)


def _asked(session: SessionSnapshot) -> str:
    return tr("Paste a new token") if is_pasted(session) and session.state is SessionState.NEEDS_SIGN_IN else ""


def sentence(session: SessionSnapshot, now: float) -> str:
    """What the state means and what happens next."""
    if is_machine(session):
        return _machine_sentence(session, now)
    if is_pasted(session):
        return _pasted_sentence(session)
    return ""


def _machine_sentence(session: SessionSnapshot, now: float) -> str:
    match session.state:
        case SessionState.ACTIVE if session.expires_at is not None and not session.token_usable:
            return tr("What {name} gave is not for requests. Other providers can exchange it.", name=session.name)
        case SessionState.ACTIVE if session.refresh_at is not None:
            at = times.moment(session.refresh_at, now)
            return tr("TokenKeep gets the next token at {time}. Nobody has to sign in.", time=at)
        case SessionState.ACTIVE:
            return tr("{name} does not say how long a token is good, so every program that asks gets a new one.",
                      name=session.name)  # fmt: skip
        case SessionState.SIGNED_OUT if session.sealed or session.notice:
            return ""
        case SessionState.SIGNED_OUT if session.refreshable:
            return tr("The first program that asks gets a token. Nobody has to sign in.")
        case SessionState.SIGNED_OUT:
            return tr("Programs get no token until you start it again.")
    return ""


def _pasted_sentence(session: SessionSnapshot) -> str:
    match session.state:
        case SessionState.ACTIVE:
            return tr("You pasted this token. Programs get it as it is; nothing can renew it.")
        case SessionState.NEEDS_SIGN_IN:
            return tr("Programs that ask for it get an error until you paste a new one from {name}.", name=session.name)
        case SessionState.SIGNED_OUT if not session.sealed:
            return tr("Paste a token that you got from {name}. TokenKeep seals it.", name=session.name)
    return ""


def sign_in_button(session: SessionSnapshot) -> str:
    """The words of the button that leads on."""
    if is_pasted(session):
        return tr("Paste a token…")
    if is_machine(session):
        return tr("Get a token now") if session.refreshable else tr("Start again")
    return tr("Sign in")


def sign_in_action(session: SessionSnapshot) -> str:
    """The same in the menu behind More; empty where there is nothing to do."""
    if is_machine(session):
        return ""
    return tr("Paste another token…") if is_pasted(session) else tr("Sign in again…")


def since_name(session: SessionSnapshot) -> str:
    """What happened at `signed_in_at`."""
    if is_machine(session):
        return tr("First token")
    return tr("Pasted") if is_pasted(session) else ""


def may_title(session: SessionSnapshot) -> str:
    """The heading over the scopes."""
    ordinary = not is_machine(session) and not is_pasted(session)
    return tr("What this sign-in may do") if ordinary else tr("What this token may do")
