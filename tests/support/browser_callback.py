"""The browser's way back: what it sends to the redirect URI of a sign-in, from a thread of its own."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from tokenkeep.domain.session import SignInSnapshot

REQUEST_LIMIT = 60.0  # seconds; a guard against hanging


def sent(sign_in: SignInSnapshot) -> dict[str, str]:
    """The parameters of the authorization request."""
    assert sign_in.authorization_url is not None
    return {name: values[0] for name, values in parse_qs(urlsplit(sign_in.authorization_url).query).items()}


def redirect(sign_in: SignInSnapshot, **changes: str | None) -> str:
    """The redirect with a code and the state; a None leaves a parameter out."""
    request = sent(sign_in)
    parameters = {"code": "code-canary", "state": request["state"], **changes}
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{request['redirect_uri']}?{query}"


async def visit(url: str, **headers: str) -> requests.Response:
    """What a browser gets there in the end, redirects followed."""
    return await asyncio.to_thread(requests.get, url, timeout=REQUEST_LIMIT, headers=headers)
