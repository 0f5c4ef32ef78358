"""Pushed authorization requests (RFC 9126): what is asked goes to the server directly, the browser gets its name."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

from tokenkeep.domain.errors import GrantEnded, MalformedAnswer, ProviderError, ProviderUnreachable
from tokenkeep.oauth.authorization import AGAIN, Attempt, with_query
from tokenkeep.oauth.client_auth import ClientCredentials, authenticate
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.quirks import quirks_of
from tokenkeep.oauth.symptoms import step_for
from tokenkeep.oauth.token_answer import error_from, error_of, lifetime
from tokenkeep.oauth.transport import Answer, Request, Transport

log = logging.getLogger(__name__)

SUCCESS = frozenset({200, 201})  # §2.2 says 201; servers that say 200 mean the same
REQUEST_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]{1,2000}")


def is_pushed(metadata: ServerMetadata) -> bool:
    """Whether requests to this server are pushed: where that is offered, so that the browser's address tells nothing.

    :raises ProviderError: the server demands it and has no place for it (§5, PAR-1).
    """
    if metadata.pushed_authorization_request_endpoint is not None:
        return True
    if metadata.require_pushed_authorization_requests:
        raise ProviderError(
            "The provider demands pushed authorization requests and has no endpoint for them.",
            hint="Ask those who run the provider to name pushed_authorization_request_endpoint in its metadata.",
        )
    return False


def push(transport: Transport, attempt: Attempt, credentials: ClientCredentials) -> Attempt:
    """The same attempt with an address that holds `client_id` and `request_uri` alone (PAR-2).

    A server that does not demand pushed requests and cannot take one now (no connection, 429, 5xx) gets the request in
    the address after all. Every other failure is about the request or about who answers, and is final.

    :raises ProviderUnreachable: the server demands a pushed request and cannot take it now.
    :raises ProviderError: it refused, or answered nonsense.
    """
    try:
        request_uri, expires_at = _pushed(transport, attempt, credentials)
    except ProviderUnreachable as trouble:
        if attempt.metadata.require_pushed_authorization_requests:
            trouble.hint = AGAIN
            raise
        log.warning("%s could not take a pushed request: the browser carries it", attempt.provider.id)
        return attempt
    endpoint = attempt.metadata.authorization_endpoint or ""
    named = [("client_id", credentials.client_id), ("request_uri", request_uri)]
    return replace(attempt, url=with_query(attempt.provider, endpoint, named), expires_at=expires_at)


def _pushed(transport: Transport, attempt: Attempt, credentials: ClientCredentials) -> tuple[str, float]:
    provider, metadata = attempt.provider, attempt.metadata
    endpoint = metadata.pushed_authorization_request_endpoint
    if endpoint is None:
        raise RuntimeError("the server takes no pushed requests")
    quirks = quirks_of(provider)
    request = tuple((name, value) for name, value in attempt.parameters if name != "client_id")
    form, headers = authenticate(request, {}, credentials, metadata, quirks)
    if "client_id" not in dict(form):  # of the request itself, whatever proves the client (§2.1)
        form = (("client_id", credentials.client_id), *form)
    answer = transport.send(Request("POST", endpoint, form, headers), local=provider.local)
    if answer.status not in SUCCESS or error_of(answer) is not None:
        raise _refusal(answer, attempt)
    members = answer.json()
    if not isinstance(members, dict):
        raise MalformedAnswer("The provider's answer to the pushed request is not a JSON object.", provider=provider.id)
    return _request_uri(members, attempt), answer.sent_at + _expires_in(members, attempt)


def _refusal(answer: Answer, attempt: Attempt) -> Exception:
    error = error_from(answer, quirks_of(attempt.provider))
    if isinstance(error, GrantEnded):  # there is none yet; that of a sign-in beside this attempt goes on
        return ProviderError(error.detail, error=error.error, description=error.description, hint=AGAIN)
    if isinstance(error, MalformedAnswer):
        error.detail = f"The provider answered the pushed request with status {answer.status} and gave no reason."
    if isinstance(error, ProviderError):
        words = error.description or ""
        error.hint = step_for(attempt.provider, error.error or "", words, attempt.redirect_uri) or error.hint
    return error


def _request_uri(members: dict[str, Any], attempt: Attempt) -> str:
    value = members.get("request_uri")
    if not isinstance(value, str) or not REQUEST_URI.fullmatch(value):
        raise MalformedAnswer(
            "The provider's answer to the pushed request has no request_uri.", provider=attempt.provider.id
        )
    return value


def _expires_in(members: dict[str, Any], attempt: Attempt) -> float:
    seconds = lifetime(members.get("expires_in"))
    if not seconds:
        raise MalformedAnswer(
            "The provider's answer to the pushed request has no expires_in.", provider=attempt.provider.id
        )
    return seconds
