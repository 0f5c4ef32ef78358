"""What the windows, the tray and notifications say: states, next steps, scopes, buttons."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QLocale

from tokenkeep.domain.errors import (
    ClientRejected,
    GrantEnded,
    MalformedAnswer,
    Misconfigured,
    ProviderError,
    TokenKeepError,
)
from tokenkeep.domain.session import (
    ConfigurationProblem,
    EngineSnapshot,
    OverallState,
    SessionSnapshot,
    SessionState,
    SignInSnapshot,
)
from tokenkeep.ui import machine_texts, times
from tokenkeep.ui.translation import isolated, plural, tr

SHORT = 34  # characters; a longer explanation of a setup problem stands on the detail page only

_KEYS = {
    "client_id": "client ID",
    "client_secret": "client secret",
    "subject_token": "subject token",
    "actor_token": "actor token",
    "issuer": "issuer address",
    "scopes": "scopes",
    "flow": "flow",
    "base_url": "base address",
}

# The person's words for the scopes that many providers share, in the order in which they are listed.
_SCOPES: tuple[tuple[str, frozenset[str]], ...] = (
    (
        "Know who you are",
        frozenset({"openid", "profile", "email", "phone", "address", "read:user", "user:email", "read_user"}),
    ),
    ("See your groups", frozenset({"groups", "roles", "read:org"})),
    ("List models", frozenset({"models:read", "models.read"})),
    ("Send requests to models", frozenset({"inference", "inference:write"})),
    ("Read and change your repositories", frozenset({"repo", "write_repository", "write:repository"})),
    ("Read your repositories", frozenset({"public_repo", "read_repository", "read:repository"})),
    ("Use the whole programming interface", frozenset({"api"})),
    ("Stay signed in", frozenset({"offline_access", "offline"})),
)


# --- states ----------------------------------------------------------------------------------------------------------


def state_words(session: SessionSnapshot, now: float, sign_in: SignInSnapshot | None = None) -> str:
    """The words of a row: what the state is, and when it changes by itself."""
    if words := machine_texts.row(session, now):
        return words
    match session.state:
        case SessionState.ACTIVE:
            return _signed_in_words(session, now)
        case SessionState.REFRESHING:
            return tr("Refreshing…")
        case SessionState.SIGNING_IN:
            return waiting_words(sign_in)
        case SessionState.NEEDS_SIGN_IN:
            return tr("Sign in again")
        case SessionState.OFFLINE:
            if _still_good(session, now) and session.expires_at is not None:
                return tr("Offline, token good until {time}", time=times.moment(session.expires_at, now))
            return tr("Offline, no valid token")
        case SessionState.FAILED:
            reason = short_problem(session.last_error)
            return tr("Setup problem: {reason}", reason=reason) if reason else tr("Setup problem")
        case SessionState.SIGNED_OUT if session.notice:
            return tr("Signed out here, not confirmed")
        case SessionState.SIGNED_OUT:
            return tr("Locked") if session.sealed else tr("Signed out")


def state_title(session: SessionSnapshot, sign_in: SignInSnapshot | None = None) -> str:
    """The state alone, without times: the heading of the state band."""
    if words := machine_texts.title(session):
        return words
    match session.state:
        case SessionState.ACTIVE:
            return tr("Signed in")
        case SessionState.SIGNING_IN:
            return waiting_words(sign_in)
        case SessionState.OFFLINE:
            return tr("Offline")
        case SessionState.FAILED:
            return tr("Setup problem")
        case _:
            return state_words(session, 0.0)


def waiting_words(sign_in: SignInSnapshot | None) -> str:
    """What a sign-in waits for."""
    by_code = sign_in is not None and sign_in.user_code is not None
    return tr("Waiting for you to confirm the code…") if by_code else tr("Waiting for your browser…")


def state_sentence(session: SessionSnapshot, now: float) -> str:
    """One or two sentences of what the state means and what happens next; empty when the heading says it all."""
    if words := machine_texts.sentence(session, now):
        return words
    match session.state:
        case SessionState.ACTIVE:
            return _signed_in_sentence(session, now)
        case SessionState.REFRESHING:
            return tr("You don’t have to do anything.")
        case SessionState.SIGNING_IN:
            return tr("Finish the sign-in there; the result appears here.")
        case SessionState.NEEDS_SIGN_IN:
            return _ended_sentence(session)
        case SessionState.OFFLINE:
            return _offline_sentence(session, now)
        case SessionState.FAILED:
            return problem_sentence(session.last_error)
        case SessionState.SIGNED_OUT if session.sealed:
            return tr("What is kept of it shows once TokenKeep is unlocked. Nothing is lost.")
        case SessionState.SIGNED_OUT:
            return session.notice or tr("Not signed in. Programs get no token.")


def _signed_in_words(session: SessionSnapshot, now: float) -> str:
    if session.refreshable and session.refresh_at is not None:
        return tr("Signed in, refreshes at {time}", time=times.moment(session.refresh_at, now))
    if session.expires_at is not None:
        return tr("Signed in until {time}", time=times.moment(session.expires_at, now))
    return tr("Signed in")


def _signed_in_sentence(session: SessionSnapshot, now: float) -> str:
    if session.refreshable and session.refresh_at is not None:
        at = times.moment(session.refresh_at, now)
        return tr("TokenKeep refreshes the token at {time}. You don’t have to do anything.", time=at)
    if session.expires_at is not None:
        at = times.moment(session.expires_at, now)
        return tr("{name} gives no way to refresh this token. Sign in again after {time}.", name=session.name, time=at)
    return tr("{name} does not say how long this token is good.", name=session.name)


def _ended_sentence(session: SessionSnapshot) -> str:
    if session.last_error is None or isinstance(session.last_error, GrantEnded):
        return tr(
            "{name} ended this sign-in. Programs that ask for its token get an error until you sign in.",
            name=session.name,
        )
    return tr("The token of {name} has run out. Programs that ask for it get an error until you sign in.",
              name=session.name)  # fmt: skip


def _offline_sentence(session: SessionSnapshot, now: float) -> str:
    since = times.moment(session.since, now)
    if session.refresh_at is None or session.refresh_at <= now:
        return tr("Not reachable since {time}. TokenKeep tries again by itself.", time=since)
    return tr("Not reachable since {time}. TokenKeep tries again by itself, next in {wait}.",
              time=since, wait=times.duration(session.refresh_at - now))  # fmt: skip


def _still_good(session: SessionSnapshot, now: float) -> bool:
    return session.token_usable and (session.expires_at is None or session.expires_at > now)


def time_left(session: SessionSnapshot, now: float) -> str:
    """How long the current token is still good, empty without one."""
    if session.expires_at is None or not _still_good(session, now):
        return ""
    return tr("{time} left", time=times.duration(session.expires_at - now))


def since(session: SessionSnapshot, now: float) -> str:
    """Since when the state holds, empty when unknown."""
    return tr("since {time}", time=times.moment(session.since, now)) if session.since else ""


def overall_words(snapshot: EngineSnapshot) -> str:
    """The overall state in words: first line of the tray menu and, with our name before it, the tooltip."""
    sessions = snapshot.sessions
    match snapshot.state:
        case OverallState.LOCKED:
            return tr("TokenKeep is locked")
        case OverallState.NEEDS_YOU:
            needy = [session for session in sessions if needs_person(session)]
            return plural("%n provider needs you", "%n providers need you", len(needy))
        case OverallState.OFFLINE:
            away = [session for session in sessions if session.state is SessionState.OFFLINE]
            return plural("%n provider is offline", "%n providers are offline", len(away))
        case OverallState.WORKING:
            return tr("Refreshing…")
        case OverallState.OK:
            return _all_well(sessions)


def _all_well(sessions: tuple[SessionSnapshot, ...]) -> str:
    if not sessions:
        return tr("No providers yet")
    signed_in = [session for session in sessions if session.state is not SessionState.SIGNED_OUT]
    if len(signed_in) == len(sessions):
        return plural("%n provider is signed in", "All %n providers are signed in", len(sessions))
    if not signed_in:
        return tr("Not signed in anywhere")
    return plural("%n provider is signed in", "%n providers are signed in", len(signed_in))


def needs_person(session: SessionSnapshot) -> bool:
    """Whether nothing goes on for this provider without a person."""
    return session.state in (SessionState.NEEDS_SIGN_IN, SessionState.FAILED)


# --- problems --------------------------------------------------------------------------------------------------------


def short_problem(error: TokenKeepError | None) -> str:
    """A setup problem in a few words for a row, empty when there is no short way to say it."""
    if isinstance(error, Misconfigured):
        if error.detail and len(error.detail) <= SHORT and "\n" not in error.detail:
            return error.detail.rstrip(".")
        key = (error.key or "").rpartition(".")[2]
        return tr(_KEYS[key]) if key in _KEYS else key
    if isinstance(error, ClientRejected):
        return tr("client not accepted")
    if isinstance(error, MalformedAnswer):
        return tr("the answers make no sense")
    return ""


def problem_sentence(error: TokenKeepError | None) -> str:
    """What is wrong with the setup and what to do, with the file's line where there is one."""
    if error is None:
        return tr("This provider cannot work as it is set up.")
    detail = _sentence(error.detail or error.title)
    if isinstance(error, Misconfigured) and error.line is not None and f"line {error.line}" not in error.detail:
        return tr("config.toml line {line}: {problem}", line=QLocale().toString(error.line), problem=detail)
    if server_words(error):  # the detail repeats them, and they stand further down
        detail = _sentence(error.title)
    return tr("{problem} {step}", problem=detail, step=error.hint) if error.hint else detail


def server_words(error: TokenKeepError | None) -> str:
    """What the server said, as it said it, with its code; empty when it said nothing."""
    if not isinstance(error, ProviderError):
        return ""
    if error.description and error.error:
        return tr("{words} ({code})", words=error.description, code=isolated(error.error))
    return error.description or error.error or ""


def what_happened(session: SessionSnapshot) -> str:
    """The cause in our own words where no server said anything and the band does not name it; else empty."""
    error = session.last_error
    told = isinstance(error, (Misconfigured, ClientRejected)) or bool(server_words(error))
    if error is None or told or session.state is SessionState.FAILED:
        return ""
    return _sentence(error.detail) if error.detail else ""


def problem_details(session: SessionSnapshot, now: float) -> str:
    """What somebody who helps needs to know, to be copied; never a token, never an account."""
    error = session.last_error
    lines = [f"TokenKeep, {times.full_moment(now)}", f"provider: {session.name} ({session.id})"]
    lines += [f"issuer: {session.issuer}"] if session.issuer else []
    lines += [f"state: {session.state.value}, since {times.full_moment(session.since)}"]
    return "\n".join(lines + ([] if error is None else error_details(error)))


def error_details(error: TokenKeepError) -> list[str]:
    """The lines that describe an error to somebody who helps; not translated, so that they can be searched for."""
    lines = [f"error: {error.code}: {error.title}"]
    lines += [f"detail: {error.detail}"] if error.detail else []
    if isinstance(error, ProviderError):
        lines += [f"server error: {error.error}"] if error.error else []
        lines += [f"server words: {error.description}"] if error.description else []
    if isinstance(error, Misconfigured) and error.key:
        lines += [f"key: {error.key}" + (f", line {error.line}" if error.line else "")]
    return lines


def configuration_problem(problem: ConfigurationProblem) -> str:
    """One problem of the configuration file with its line and key."""
    message = _sentence(problem.message)
    key = isolated(problem.key)
    if problem.line is not None and key:
        line = QLocale().toString(problem.line)
        return tr("Line {line}, {key}: {problem}", line=line, key=key, problem=message)
    if problem.line is not None:
        return tr("Line {line}: {problem}", line=QLocale().toString(problem.line), problem=message)
    return tr("{key}: {problem}", key=key, problem=message) if key else message


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def waiting_programs(session: SessionSnapshot, now: float) -> str:
    """Who asked in vain, and when last."""
    latest = dict(sorted(session.waiting, key=lambda entry: entry[1]))
    newest_first = sorted(latest.items(), key=lambda entry: -entry[1])
    return "\n".join(
        tr("{program}, last at {time}", program=name, time=times.moment(last, now)) for name, last in newest_first
    )


# --- what a sign-in may do, where it belongs -------------------------------------------------------------------------


def scope_words(scopes: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of the person's words and the scopes they stand for; unknown ones last, under the provider's own names."""
    left = list(dict.fromkeys(scopes))
    pairs = []
    for words, names in _SCOPES:
        if here := [scope for scope in left if scope in names]:
            pairs.append((tr(words), " ".join(here)))
            left = [scope for scope in left if scope not in names]
    if left:
        pairs.append((other_scopes(), " ".join(left)))
    return pairs


def other_scopes() -> str:
    """The name of those scopes that have no words of ours."""
    return tr("Other, as the provider names it")


def signed_in_at(session: SessionSnapshot) -> str:
    """When and how the person signed in."""
    if session.signed_in_at is None:
        return ""
    at = times.full_moment(session.signed_in_at)
    if session.signed_in_by == "device":
        return tr("{moment}, with a code", moment=at)
    return tr("{moment}, in the browser", moment=at) if session.signed_in_by == "browser" else at


def used_for(session: SessionSnapshot) -> str:
    """The addresses that the token is for, one in a line."""
    return "\n".join(dict.fromkeys(address for address in (session.base_url, *session.resources) if address))


def client_facts(session: SessionSnapshot) -> list[tuple[str, str]]:
    """Who TokenKeep is to the provider, where nobody wrote that into the configuration."""
    client = session.client
    if client is None or client.source == "given":
        return []
    if client.registered_at is None:
        return [(tr("Client"), tr("{id}, a document of yours", id=client.client_id))]
    at = times.full_moment(client.registered_at)
    facts = [(tr("Client"), tr("{id}, registered {moment}", id=client.client_id, moment=at))]
    if client.expires_at is not None:
        facts.append((tr("Its secret"), tr("until {moment}", moment=times.full_moment(client.expires_at))))
    return [*facts, (tr("Comes back to"), "\n".join(client.redirect_uris))]


def row_for_readers(session: SessionSnapshot, words: str) -> str:
    """A row as a screen reader says it."""
    if session.account:
        return tr("{name}, {account}, {state}", name=session.name, account=session.account, state=words)
    return tr("{name}, {state}", name=session.name, state=words)


def timeline_sentence(first: str, refreshes: int, end: str) -> str:
    """The timeline for somebody who cannot see it."""
    return plural(
        "Token timeline: first token at {first}, %n refresh since, the current one ends at {end}.",
        "Token timeline: first token at {first}, %n refreshes since, the current one ends at {end}.",
        refreshes,
        first=first,
        end=end,
    )
