"""What the dialogs say: sign-in, its results, device codes, questions of programs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from PySide6.QtCore import QLocale

from tokenkeep.domain.access import AccessRequest, Application, Holding, printable
from tokenkeep.domain.errors import (
    AccessDenied,
    MalformedAnswer,
    Misconfigured,
    ProviderError,
    ProviderUnreachable,
    TokenKeepError,
)
from tokenkeep.domain.session import SignInSnapshot, SignInState
from tokenkeep.ui import texts, times
from tokenkeep.ui.translation import isolated, plural, tr

HOUR = 3600.0


# --- signing in ------------------------------------------------------------------------------------------------------


def sign_in_title(name: str) -> str:
    """The title of the sign-in window; never an account or a code (LEAK-3)."""
    return tr("Sign in to {name}", name=name)


def host(address: str | None) -> str:
    """The host of an address as people read it, empty when there is none."""
    try:
        return urlsplit(address or "").hostname or ""
    except ValueError:
        return ""


def browser_heading(sign_in: SignInSnapshot) -> str:
    """The heading while the browser is waited for."""
    return tr("Open the sign-in page yourself") if sign_in.not_opened else tr("Continue in your browser")


def browser_sentence(sign_in: SignInSnapshot, name: str) -> str:
    """What was asked of which browser. Nobody can know whether a page was really shown."""
    page = isolated(host(sign_in.authorization_url))
    if not page:
        return tr("TokenKeep is asking {name} for its sign-in page.", name=name)
    if sign_in.not_opened:
        return tr("No browser could be opened here. Open the address below in any browser of this computer. "
                  "The result appears here.")  # fmt: skip
    if sign_in.opened_with:
        return tr("TokenKeep asked {browser} to open a page of {host}. The result appears here.",
                  browser=sign_in.opened_with, host=page)  # fmt: skip
    return tr("Sign in on the page of {host}. The result appears here.", host=page)


def address_hint(sign_in: SignInSnapshot) -> str:
    """The line over the address to copy."""
    return tr("Sign-in address:") if sign_in.not_opened else tr("No page? Open this address yourself:")


def account_as_before(account: str) -> str:
    """Whom the earlier sign-in belonged to."""
    return tr("{account}, as before", account=isolated(account))


def asked_by(program: str) -> str:
    """Who wanted the sign-in."""
    return program or tr("you, in TokenKeep")


def sign_in_goes_on(sign_in: SignInSnapshot, name: str) -> str:
    """What is being waited for right now."""
    if sign_in.state is SignInState.EXCHANGING:
        return tr("Finishing the sign-in at {name}…", name=name)
    if sign_in.state is SignInState.WAITING_FOR_CODE:
        return tr("Waiting for you to confirm there…") if sign_in.user_code else tr("Asking for a code…")
    return tr("Waiting for the browser…") if sign_in.authorization_url else tr("Preparing…")


def left(seconds: float) -> str:
    """How much time a sign-in has left."""
    return tr("{time} left", time=times.duration(seconds))


def code_good_for(seconds: float) -> str:
    """How much time a user code has left."""
    return tr("code good for {time}", time=times.duration(seconds)) if seconds > 0 else tr("the code has run out")


# --- results ---------------------------------------------------------------------------------------------------------

ResultKind = Literal["done", "other_account", "failed", "expired"]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a sign-in, in words.

    :param mark: the state mark before the heading.
    :param server: what the server said, as it said it.
    :param details: everything that somebody who helps needs to know; never a secret, never an account.
    """

    kind: ResultKind
    mark: str
    heading: str
    text: str
    server: str = ""
    details: str = ""


def result_of(sign_in: SignInSnapshot, name: str) -> Result | None:
    """What to show instead of waiting; None while something is waited for, and for a sign-in that was cancelled."""
    if sign_in.other_account is not None and sign_in.state.pending:
        text = tr(
            "You signed in as {new}. So far it was {old}. Nothing has changed yet.",
            new=isolated(sign_in.other_account),
            old=isolated(sign_in.account),
        )
        return Result("other_account", "needs", tr("This is another account"), text)
    match sign_in.state:
        case SignInState.DONE:
            return Result("done", "ok", tr("Signed in"), _done(sign_in, name))
        case SignInState.EXPIRED:
            return Result("expired", "signed_out", tr("Time is up"), _expired(sign_in))
        case SignInState.FAILED:
            return _failed(sign_in, name)
        case _:
            return None


def _done(sign_in: SignInSnapshot, name: str) -> str:
    account = isolated(sign_in.account)
    if account and sign_in.asked_by:
        return tr("As {account}. {program} had asked for it.", account=account, program=sign_in.asked_by)
    if account:
        return tr("As {account}. TokenKeep keeps the token fresh from now on.", account=account)
    return tr("TokenKeep keeps the token of {name} fresh from now on.", name=name)


def _expired(sign_in: SignInSnapshot) -> str:
    if sign_in.expires_at is None or sign_in.expires_at <= sign_in.started_at:
        return tr("Nobody finished the sign-in in time, so TokenKeep stopped waiting.")
    minutes = max(1, round((sign_in.expires_at - sign_in.started_at) / 60))
    return plural(
        "Nobody finished the sign-in within %n minute, so TokenKeep stopped waiting. "
        "The page in your browser no longer works.",
        "Nobody finished the sign-in within %n minutes, so TokenKeep stopped waiting. "
        "The page in your browser no longer works.",
        minutes,
    )


def _failed(sign_in: SignInSnapshot, name: str) -> Result:
    error = sign_in.error or TokenKeepError()
    heading, text, mark = _failure_words(error, name)
    return Result("failed", mark, heading, text, texts.server_words(error), _failure_details(sign_in, error, name))


def _failure_words(error: TokenKeepError, name: str) -> tuple[str, str, str]:
    """Heading, sentence and mark of a failed sign-in."""
    step = with_step(error)
    match error:
        case ProviderUnreachable():
            return tr("{name} is not reachable", name=name), step, "offline"
        case AccessDenied():
            return tr("Nothing was changed"), step, "signed_out"
        case ProviderError(error="access_denied"):
            text = tr("{name} says that access was declined there. Try again if that was a mistake.", name=name)
            return tr("The sign-in was declined"), text, "refused"
        case MalformedAnswer():
            return tr("The server’s answer makes no sense"), step, "failed"
        case ProviderError():
            return tr("The server refused this sign-in"), step, "failed"
        case Misconfigured():
            return tr("{name} cannot work as it is set up", name=name), texts.problem_sentence(error), "failed"
        case _:
            return tr("The sign-in did not work"), step, "failed"


def with_step(error: TokenKeepError) -> str:
    """What happened, then what to do; never the code alone."""
    what = error.detail or error.title
    what = what if what.endswith((".", "!", "?", "…")) else f"{what}."
    return tr("{problem} {step}", problem=what, step=error.hint) if error.hint else what


def _failure_details(sign_in: SignInSnapshot, error: TokenKeepError, name: str) -> str:
    lines = [
        f"TokenKeep, {times.full_moment(sign_in.started_at)}",
        f"provider: {name} ({sign_in.provider})",
        f"sign-in: {sign_in.method}, {sign_in.state.value}",
        *texts.error_details(error),
    ]
    return "\n".join(lines)


def servers_own_words(words: str) -> str:
    """The server's words, marked as such."""
    return tr("Server’s own words: {words}", words=words)


def closes_in(seconds: int) -> str:
    """When the window closes by itself."""
    return tr("This window closes in {seconds} s.", seconds=QLocale().toString(seconds))


# --- questions of programs -------------------------------------------------------------------------------------------


def access_title(position: int, count: int) -> str:
    """The title of the question's window, with the length of the queue."""
    if count < 2:
        return tr("A program asks for access")
    locale = QLocale()
    return tr("A program asks for access ({position} of {count})",
              position=locale.toString(position), count=locale.toString(count))  # fmt: skip


def access_question(request: AccessRequest) -> str:
    """The question itself."""
    program = request.application.name
    if request.purpose == "manage":
        return tr("Let {program} change TokenKeep’s settings?", program=program)
    provider = request.provider_name or request.provider
    if request.purpose == "id_token":
        return tr("Tell {program} who you are at {provider}?", program=program, provider=provider)
    return tr("Let {program} use {provider}?", program=program, provider=provider)


def access_consequence(request: AccessRequest) -> str:
    """What a yes means."""
    if request.purpose == "manage":
        return tr("It could sign you out, change providers and stop TokenKeep. It gets no token by this.")
    if request.purpose == "id_token":
        if request.account:
            return tr("It would get your identity token: that you are {account}, and what else the provider says "
                      "about you. It can show that to others as a proof.",
                      account=isolated(request.account))  # fmt: skip
        return tr("It would get your identity token: who you are, and what else the provider says about you. "
                  "It can show that to others as a proof.")  # fmt: skip
    if request.account:
        return tr("It would get a token and could act as {account}.", account=isolated(request.account))
    return tr("It would get a token and could act in your name.")


def access_warning(application: Application) -> str:
    """What is odd about the program, empty when nothing is."""
    if application.script or application.executable:
        return ""
    return tr("TokenKeep cannot tell which program this is.")


def access_facts(request: AccessRequest) -> list[tuple[str, str, bool]]:
    """Name, value, and whether the value is machine text, for each thing known about the question."""
    program = request.application
    facts = []
    if program.script:
        facts += [(tr("Script"), printable(program.script), True), (tr("Run by"), printable(program.executable), True)]
    else:
        facts += [(tr("Program"), printable(program.executable), True)]
    facts += [(tr("Process"), str(program.pid) if program.pid else "", True)]
    facts += [(tr("Started by"), printable(program.parent), False)]
    if request.purpose == "token":
        facts += [(tr("May then"), _may_then(request.scope), False), (tr("Scopes"), " ".join(request.scope), True)]
        facts += [(tr("Only for"), "\n".join(request.resource), True)]
    return [fact for fact in facts if fact[1]]


def _may_then(scopes: tuple[str, ...]) -> str:
    """The person's words for the scopes, as one phrase; scopes without such words stand in the line below anyway."""
    phrases = [words for words, names in texts.scope_words(scopes) if words != texts.other_scopes()]
    return ", ".join([*phrases[:1], *(phrase[:1].lower() + phrase[1:] for phrase in phrases[1:])])


def holding_words(holding: Holding, remember: float) -> str:
    """How long an answer holds.

    :param remember: seconds of `for_a_while`.
    """
    match holding:
        case Holding.ONCE:
            return tr("Just this once")
        case Holding.FOR_A_WHILE:
            if remember >= HOUR:
                return plural("For %n hour", "For %n hours", round(remember / HOUR))
            return plural("For %n minute", "For %n minutes", max(1, round(remember / 60)))
        case Holding.UNTIL_QUIT:
            return tr("Until TokenKeep quits")
        case Holding.ALWAYS:
            return tr("Always")


def holds_for_runner(application: Application) -> str:
    """Why no answer can hold for ever for this one."""
    return tr("{program} runs other programs, so an answer holds for this terminal or process only.",
              program=application.name)  # fmt: skip


def denied_in(seconds: float) -> str:
    """What happens without an answer."""
    if seconds <= 0:
        return tr("No answer: denied this time")
    return tr("No answer in {seconds} s: denied this time", seconds=QLocale().toString(math.ceil(seconds)))
