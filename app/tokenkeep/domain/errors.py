"""The one family of errors: a code for programs, a title and a next step for people (RFC 9457, RFC 6749 §5.2)."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Self


class TokenKeepError(Exception):
    """Something TokenKeep cannot do, said so that a person knows the next step.

    :param detail: what happened in this case; plain text, never a secret, a path of ours or a server's raw body.
    :param hint: what to do next; a default of the class when left out.
    :param provider: id of the provider concerned.
    :param sign_in: id of a pending sign-in that would mend it.
    :param retry_after: seconds after which another try makes sense.
    """

    code: ClassVar[str] = "failed"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "It did not work"
    default_hint: ClassVar[str] = ""

    def __init__(
        self,
        detail: str = "",
        *,
        hint: str = "",
        provider: str | None = None,
        sign_in: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.hint = hint or self.default_hint
        self.provider = provider
        self.sign_in = sign_in
        self.retry_after = retry_after

    def bare(self) -> Self:
        """A copy to keep, or to raise once more: it holds no frames, and with them no secrets, alive (PKCE-4)."""
        return copy.copy(self)

    def as_problem(self) -> dict[str, Any]:
        """The members of an RFC 9457 problem document, absent ones left out."""
        problem: dict[str, Any] = {
            "type": f"https://tokenkeep.invalid/errors/{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "hint": self.hint,
        }
        optional = {"provider": self.provider, "sign_in": self.sign_in, "retry_after": self.retry_after}
        return problem | {name: value for name, value in optional.items() if value is not None}


class BadRequest(TokenKeepError):
    """The request cannot be read or asks for something that does not exist in this form."""

    code, status, title = "bad_request", 400, "The request is not understood"
    default_hint = "Compare it with the contract at /v1/openapi.json."


class NotFound(TokenKeepError):
    """No such route or object."""

    code, status, title = "not_found", 404, "There is nothing here"


class MethodNotAllowed(TokenKeepError):
    """The route exists, the method does not."""

    code, status, title = "method_not_allowed", 405, "This address does not take that method"


class PayloadTooLarge(TokenKeepError):
    """The body is over 64 KiB or the head over 16 KiB."""

    code, status, title = "payload_too_large", 413, "The request is too large"


class TooManyRequests(TokenKeepError):
    """A limit on how often something may be asked was reached."""

    code, status, title = "too_many_requests", 429, "That was asked too often"


class UnknownProvider(TokenKeepError):
    """No provider of that id is configured."""

    code, status, title = "unknown_provider", 404, "There is no such provider"
    default_hint = "`tokenkeep list` shows the providers that are set up."


class SignInRequired(TokenKeepError):
    """There is no valid token and none to be had without a person."""

    code, status, title = "sign_in_required", 409, "A sign-in is needed"
    default_hint = "Click the provider in the tray, or run `tokenkeep login` with its id."


class AccessDenied(TokenKeepError):
    """The person or a rule said no, or nobody answered."""

    code, status, title = "access_denied", 403, "Access was denied"


class TimedOut(TokenKeepError):
    """The caller's own wait ended first; what it waited for goes on."""

    code, status, title = "timed_out", 504, "It took longer than the caller wanted to wait"
    default_hint = "Ask again; what was begun goes on meanwhile."


class SignInExpired(TimedOut):
    """Nobody finished the sign-in in time; only the person starts again (LOOP-6, DEV-5)."""

    title = "The time for this sign-in is over"
    default_hint = "Start the sign-in again."


class DpopRequired(TokenKeepError):
    """The token is bound to a key and useless as a bearer token (RFC 9449)."""

    code, status, title = "dpop_required", 403, "This token is bound to a key"
    default_hint = "Ask for request headers or a proof instead of the bare token."


class InsufficientScope(TokenKeepError):
    """More scope was asked for than the sign-in covers."""

    code, status, title = "insufficient_scope", 403, "The sign-in does not cover that scope"
    default_hint = "Sign in again with the wider scope."


class ResourceNotAllowed(TokenKeepError):
    """A resource or audience was asked for that the sign-in does not cover (RFC 8707)."""

    code, status, title = "resource_not_allowed", 403, "The sign-in does not cover that resource"


class Locked(TokenKeepError):
    """TokenKeep is locked, or the keyring is."""

    code, status, title = "locked", 423, "TokenKeep is locked"
    default_hint = "Unlock it to go on; nothing is lost."


class ProviderUnreachable(TokenKeepError):
    """Network fault, time-out, 408/425/429 or 5xx: transient, the session stays (REF-5).

    :param maybe_sent: whether any byte of the request may have reached the server (TOK-9, REF-8).
    """

    code, status, title = "provider_unreachable", 503, "The provider cannot be reached"
    default_hint = "TokenKeep tries again by itself."

    def __init__(self, detail: str = "", *, maybe_sent: bool = True, **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.maybe_sent = maybe_sent


class ProviderError(TokenKeepError):
    """The provider answered with an OAuth error or with nonsense.

    :param error: the OAuth error code (RFC 6749 §5.2), None when the answer was no OAuth error.
    :param description: the server's own words, already cut and cleaned for showing as plain text.
    """

    code, status, title = "provider_error", 502, "It did not work at the provider"
    default_hint = "Try it again; if it stays so, ask those who run the provider."

    def __init__(
        self, detail: str = "", *, error: str | None = None, description: str | None = None, **rest: Any
    ) -> None:
        super().__init__(detail, **rest)
        self.error = error
        self.description = description


class MalformedAnswer(ProviderError):
    """The answer is not what the standard says; transient for a refresh, nothing stored is changed (TOK-3)."""

    title = "The provider's answer makes no sense"
    default_hint = (
        "Try it again. If it stays so, something else may be answering in its place (a network sign-in page, a proxy), "
        "or its address in the configuration is wrong."
    )


class InvalidTarget(ProviderError):
    """`invalid_target`: no token for that resource or audience; it is not asked for without them then (RES-1)."""

    title = "The provider does not give tokens for that resource"
    default_hint = "Check `resource` and `audience` of this provider in the configuration."


class GrantEnded(ProviderError):
    """`invalid_grant` and its kin: the one answer that ends a sign-in (REF-4)."""

    title = "This sign-in has ended"
    default_hint = "Sign in again."


class ClientRejected(ProviderError):
    """`invalid_client` or `unauthorized_client`: a broken registration, never a sign-out (CAUTH-4)."""

    title = "The provider does not accept this client registration"
    default_hint = "Check the client ID and secret of this provider. A sign-in that was there before is kept."


class Misconfigured(TokenKeepError):
    """The configuration cannot work.

    :param key: the key of `config.toml` concerned.
    :param line: its line, counted from 1.
    """

    code, status, title = "misconfigured", 422, "The configuration cannot work"

    def __init__(self, detail: str = "", *, key: str | None = None, line: int | None = None, **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.key = key
        self.line = line


class SecretMissing(Misconfigured):
    """A client secret that is to be kept in the vault was not typed in yet."""

    title = "The client secret is missing"


class NotAnAccessToken(Misconfigured):
    """A token exchange gave what opens no protected resource (`token_type` N_A, RFC 8693 §2.2.1)."""

    title = "This is not an access token"
    default_hint = "It can be the `subject_token` of another provider; for HTTP requests ask for an access token."


class StorageFailed(TokenKeepError):
    """A change could not be written; tokens are kept in memory and served meanwhile."""

    code, status, title = "storage_failed", 500, "The change could not be saved"
