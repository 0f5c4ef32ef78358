"""The browser's way back: what it sends to the redirect URI of a sign-in, from a thread of its own."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from support.engine_bench import EngineBench
from support.scripted_server import json_answer
from support.token_server import TokenServer
from tokenkeep.domain.session import SignInSnapshot

DEVICE_CODES = {
    "device_code": "device-code-canary",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://example.com/device",
    "expires_in": 600,
    "interval": 5,
}

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


async def begin(bench: EngineBench, provider: str = "p", **options: Any) -> SignInSnapshot:
    """A sign-in with a browser, begun by a click."""
    return await bench.engine.sign_in(provider, **({"method": "browser"} | options))


async def finish(bench: EngineBench, sign_in: SignInSnapshot, **changes: str | None) -> SignInSnapshot:
    """The same when the browser is back and all is over."""
    await visit(redirect(sign_in, **changes))
    return await bench.ended(sign_in)


def names_people(server: TokenServer, sub: str = "subject-1", name: str = "ada") -> None:
    """Let the server tell who signed in."""
    server.publish(userinfo_endpoint=f"{server.origin}/userinfo")
    server.reply("/userinfo", json_answer({"sub": sub, "preferred_username": name}))
