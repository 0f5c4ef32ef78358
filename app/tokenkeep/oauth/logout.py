"""Logging out at the provider, in the person's browser (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from tokenkeep.domain.errors import ProviderError
from tokenkeep.domain.provider import Provider, check_url
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.quirks import quirks_of

FIELDS_MAX = 32  # of the query that a browser comes back with


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """What the browser sends to the end_session_endpoint (§2).

    :param method: `post`; `get` only for servers that take nothing else, since addresses are kept in a history.
    :param fields: the form's; an id_token among them must not become part of any address.
    :param state: what the way back has to carry; None where there is no way back.
    """

    endpoint: str
    fields: tuple[tuple[str, str], ...] = field(repr=False)
    state: Secret | None = None
    method: Literal["post", "get"] = "post"


def request(
    provider: Provider,
    endpoint: str,
    client_id: str,
    *,
    id_token: Secret | None,
    login: str = "",
    post_logout_redirect_uri: str = "",
) -> LogoutRequest:
    """The request: the id_token says who is to be logged out, without one client and account do (OUT-1).

    :param endpoint: the end_session_endpoint of the server that issued the id_token.
    :param login: what the provider knows the person by; only of use without an id_token.
    :param post_logout_redirect_uri: one that is registered for the client; empty for none: the server then shows a
        page of its own.
    :raises ProviderError: a person must not be sent there (AUTHZ-5).
    """
    check_endpoint(provider, endpoint)
    fields = [("client_id", client_id)] if client_id else []
    if id_token is not None:
        fields.insert(0, ("id_token_hint", id_token.reveal()))
    elif login:
        fields.append(("logout_hint", login))
    state = None
    if post_logout_redirect_uri:
        state = Secret(secrets.token_urlsafe(32))
        fields += [("post_logout_redirect_uri", post_logout_redirect_uri), ("state", state.reveal())]
    if quirks_of(provider).logout_by_get:
        # A browser puts a form's fields in the place of the query that its address has.
        fields += parse_qsl(urlsplit(endpoint).query, keep_blank_values=True)
        return LogoutRequest(endpoint.partition("?")[0], tuple(fields), state, "get")
    return LogoutRequest(endpoint, tuple(fields), state)


def link(provider: Provider, endpoint: str, client_id: str, login: str = "") -> str:
    """The same as an address for a person to open: nothing in it is secret, so the provider will ask.

    :raises ProviderError: as `request`.
    """
    check_endpoint(provider, endpoint)
    fields = [(name, value) for name, value in (("client_id", client_id), ("logout_hint", login)) if value]
    return endpoint + ("&" if "?" in endpoint else "?") + urlencode(fields)


def check_endpoint(provider: Provider, endpoint: str) -> None:
    """:raises ProviderError: it is neither https nor, for a local provider, on loopback."""
    try:
        check_url(endpoint, local=provider.local, what="end_session_endpoint")
    except ValueError as refused:
        raise ProviderError(f"The log-out page was not opened: {refused}.", provider=provider.id) from None


def is_return(asked: LogoutRequest, query: str) -> bool:
    """Whether a browser came back with the state of this request, and with one only (§3)."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        return False
    states = [value for name, value in pairs if name == "state"]
    return (
        asked.state is not None
        and len(states) == 1
        and hmac.compare_digest(states[0].encode(), asked.state.reveal().encode())
    )
