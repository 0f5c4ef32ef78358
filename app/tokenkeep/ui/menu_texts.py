"""What the tray menu says: the overall state, one line for each provider, and what can be done."""

from __future__ import annotations

from tokenkeep.domain.session import EngineSnapshot, SessionSnapshot, SessionState
from tokenkeep.ui import machine_texts, texts, times
from tokenkeep.ui.translation import tr


def tooltip(snapshot: EngineSnapshot) -> str:
    """The tooltip of the tray icon: no account, no secret."""
    return tr("TokenKeep: {state}", state=texts.overall_words(snapshot))


def provider_line(session: SessionSnapshot, now: float) -> str:
    """A provider's line: its name and state, never its account (LEAK-3)."""
    return tr("{name}: {state}", name=session.name, state=_state(session, now))


def _state(session: SessionSnapshot, now: float) -> str:
    if words := machine_texts.menu_words(session):
        return words
    match session.state:
        case SessionState.ACTIVE:
            return tr("signed in")
        case SessionState.REFRESHING:
            return tr("refreshing…")
        case SessionState.SIGNING_IN:
            return tr("signing in…")
        case SessionState.NEEDS_SIGN_IN:
            return tr("sign in again")
        case SessionState.OFFLINE:
            if session.token_usable and session.expires_at is not None:
                return tr("offline, token good until {time}", time=times.moment(session.expires_at, now))
            return tr("offline") if session.token_usable else tr("offline, no valid token")
        case SessionState.FAILED:
            return tr("setup problem")
        case SessionState.SIGNED_OUT:
            return tr("locked") if session.sealed else tr("signed out")
