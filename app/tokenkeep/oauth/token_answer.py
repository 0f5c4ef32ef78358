"""Reading a token endpoint's answer (RFC 6749 §5): a token set, or the one error it means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tokenkeep.domain.errors import (
    AccessDenied,
    ClientRejected,
    GrantEnded,
    InvalidTarget,
    MalformedAnswer,
    ProviderError,
    TokenKeepError,
)
from tokenkeep.domain.machine import NOT_AN_ACCESS_TOKEN
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.oauth import strict_json
from tokenkeep.oauth.answer import Answer
from tokenkeep.oauth.quirks import Quirks
from tokenkeep.oauth.texts import CODE_LIMIT, clean_text, denial_text, error_step, error_text

TOKEN_TYPES = {"bearer": "Bearer", "dpop": "DPoP"}
EXCHANGED_TYPES = TOKEN_TYPES | {"n_a": NOT_AN_ACCESS_TOKEN}
TRANSIENT_ERRORS = frozenset({"server_error", "temporarily_unavailable"})
LIFETIME_MAX = 10 * 365 * 86_400.0  # seconds; what claims to live longer is looked at again in ten years
_VISIBLE = re.compile(r"[\x20-\x7e]+")  # RFC 6749 appendix A.12, A.17: nothing that could break a header line
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_SCOPE = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """A successful answer.

    :param date: the server's clock, seconds since the epoch, where it tells.
    :param issued_token_type: RFC 8693 §2.2.1.
    """

    tokens: TokenSet
    date: float | None = None
    issued_token_type: str | None = None


@dataclass(frozen=True, slots=True)
class OAuthError:
    """An error answer (RFC 6749 §5.2), the texts fit to be shown.

    :param meaning: the standard's code for it, where the provider has one of its own.
    """

    code: str
    description: str | None = field(default=None)
    meaning: str = ""

    def __post_init__(self) -> None:
        if not self.meaning:
            object.__setattr__(self, "meaning", self.code)


def parse(
    answer: Answer,
    *,
    requested: tuple[str, ...],
    resource: tuple[str, ...] = (),
    quirks: Quirks | None = None,
    exchanged: bool = False,
) -> TokenAnswer:
    """The tokens of an answer.

    :param requested: the scope that was asked for: it is what was granted when the answer names none (TOK-7).
    :param exchanged: of a token exchange, which may give what is no access token (RFC 8693 §2.2.1).
    :raises TokenKeepError: as `error_from`, or `MalformedAnswer` for a success that is none (TOK-3).
    """
    quirks = quirks or Quirks()
    if answer.status != 200 or error_of(answer, quirks) is not None:
        raise error_from(answer, quirks)
    members = _members(answer, quirks)
    access_token = _secret(members, "access_token")
    if access_token is None:
        raise MalformedAnswer("The provider's token answer has no access_token.")
    tokens = TokenSet(
        access_token=access_token,
        token_type=_token_type(members, quirks, EXCHANGED_TYPES if exchanged else TOKEN_TYPES),
        obtained_at=answer.sent_at,
        lifetime=lifetime(members.get("expires_in")),
        scope=_scope(members, requested, quirks),
        refresh_token=_secret(members, "refresh_token"),
        id_token=_secret(members, "id_token"),
        resource=resource,
    )
    issued = members.get("issued_token_type")
    return TokenAnswer(tokens, answer.date, issued if isinstance(issued, str) else None)


def _members(answer: Answer, quirks: Quirks) -> dict[str, Any]:
    members: Any = (_form_members(answer) if quirks.form_answers else None) or answer.json()
    if not isinstance(members, dict):
        raise MalformedAnswer("The provider's token answer is not a JSON object.")
    return quirks.token_members(members) if quirks.token_members else members


def _secret(members: dict[str, Any], name: str) -> Secret | None:
    value = members.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _VISIBLE.fullmatch(value):
        raise MalformedAnswer(f"In the provider's token answer, {name} is no token.")
    return Secret(value)


def _token_type(members: dict[str, Any], quirks: Quirks, types: dict[str, str]) -> str:
    value = members.get("token_type")
    if value is None and quirks.token_type_optional:
        return TOKEN_TYPES["bearer"]
    if not isinstance(value, str) or not value:
        raise MalformedAnswer("The provider's token answer has no token_type.")
    known = types.get(value.lower())
    if known is None:
        raise ProviderError(f"The provider gave a token of the unknown type “{clean_text(value, CODE_LIMIT)}”.")
    return known


def lifetime(value: object) -> float | None:
    """Seconds of `expires_in`; None, that is unknown, for what is no number; never negative (TOK-6)."""
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return None
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(min(max(value, 0), LIFETIME_MAX))


def _scope(members: dict[str, Any], requested: tuple[str, ...], quirks: Quirks) -> tuple[str, ...]:
    value = members.get("scope")
    if value is None:
        return requested
    if not isinstance(value, str) or not _SCOPE.fullmatch(value):
        raise MalformedAnswer("The provider's token answer has a scope that is no text.")
    if quirks.comma_scopes:
        value = value.replace(",", " ")
    return tuple(dict.fromkeys(value.split()))


def error_of(answer: Answer, quirks: Quirks | None = None) -> OAuthError | None:
    """The OAuth error in a body, whatever its status or content type (TOK-5)."""
    quirks = quirks or Quirks()
    try:
        members = strict_json.loads(answer.body)
    except ValueError:
        members = _form_members(answer)
    code = members.get("error") if isinstance(members, dict) else None
    if not isinstance(code, str) or not code:
        return None
    description = members.get(quirks.error_description)
    text = clean_text(description) if isinstance(description, str) else ""
    return OAuthError(clean_text(code, CODE_LIMIT), text or None, quirks.errors.get(code, ""))


def _form_members(answer: Answer) -> dict[str, str]:
    """An answer as a form, which older servers send; HTML that happens to hold `&error=` is none."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded" and not answer.body.startswith(b"error="):
        return {}
    try:
        return dict(parse_qsl(answer.body.decode("utf-8"), max_num_fields=32))
    except ValueError:
        return {}


def error_from(answer: Answer, quirks: Quirks | None = None) -> TokenKeepError:
    """The error that an answer without tokens means (TOK-5, REF-5, CAUTH-4)."""
    quirks = quirks or Quirks()
    error = error_of(answer, quirks)
    if error is None:
        if answer.transient:
            return answer.unreachable()
        if answer.status == 401 and "WWW-Authenticate" in answer.headers:
            return ClientRejected(error_text("invalid_client"), error="invalid_client")
        return MalformedAnswer(
            f"The provider answered with status {answer.status} and nothing that TokenKeep understands."
        )
    detail = error_text(error.meaning)
    # A server in trouble is not believed when it says that a grant has ended.
    if answer.transient or error.meaning in TRANSIENT_ERRORS:
        return answer.unreachable(detail)
    if error.meaning == "access_denied":
        return AccessDenied(denial_text(error.description or ""), hint="Sign in again if that was a mistake.")
    kind: type[ProviderError] = ProviderError
    if error.meaning == "invalid_grant":
        kind = GrantEnded
    elif error.meaning in ("invalid_client", "unauthorized_client"):
        kind = ClientRejected
    elif error.meaning == "invalid_target":
        kind = InvalidTarget
    return kind(detail, error=error.code, description=error.description, hint=error_step(error.meaning))
