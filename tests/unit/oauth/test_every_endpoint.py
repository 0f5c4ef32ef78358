"""What holds for the requests to every endpoint: no redirect is followed, the access token travels in its header."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from support.oauth_values import (
    CLIENT_ID,
    REDIRECT_URI,
    TOKENS,
    key,
    make_claims,
    make_metadata,
    make_provider,
    make_tokens,
    public,
    sign,
)
from support.scripted_server import ScriptedServer, answer, json_answer
from tokenkeep.domain.errors import ProviderError
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import authorization, device, identity, metadata, pushed, refresh, revocation
from tokenkeep.oauth.answer import Redirected
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.transport import Transport

CREDENTIALS = ClientCredentials(CLIENT_ID, Secret("CANARY-CS"), "client_secret_basic")
CODES = device.DeviceAuthorization(
    device_code=Secret("CANARY-DC"),
    user_code="WDJB-MJHT",
    verification_uri="https://auth.example.com/device",
    verification_uri_complete=None,
    expires_in=600,
    interval=5,
    verifier=None,
    sent_at=0.0,
    openable=True,
)


class Calls:
    """Every request that a sign-in at one server may cause, by name."""

    def __init__(self, server: ScriptedServer, transport: Transport) -> None:
        self.transport = transport
        self.provider = make_provider(server, scopes=["openid"])
        self.metadata = make_metadata(server.origin, pushed_authorization_request_endpoint=f"{server.origin}/par")
        self.tokens = make_tokens(id_token=Secret(sign(make_claims(iss=server.origin), key("RSA"))))
        self.attempt = authorization.begin(self.provider, self.metadata, REDIRECT_URI)

    def inserted_metadata(self) -> Any:
        return metadata.discover(self.transport, self.provider.model_copy(update={"scopes": []}))

    def appended_metadata(self) -> Any:
        return metadata.discover(self.transport, self.provider)

    def keys(self) -> Any:
        now = self.tokens.obtained_at
        return identity.verify_id_token(self.transport, self.provider, self.metadata, self.tokens, nonce=None, wall=now)

    def push(self) -> Any:
        return pushed.push(self.transport, self.attempt, CREDENTIALS)

    def exchange(self) -> Any:
        return authorization.exchange(self.transport, self.attempt, Secret("CANARY-CODE"), CREDENTIALS)

    def refresh(self) -> Any:
        return refresh.refresh(self.transport, self.provider, self.metadata, self.tokens, CREDENTIALS)

    def device_codes(self) -> Any:
        return device.request_codes(self.transport, self.provider, self.metadata, CREDENTIALS)

    def poll(self) -> Any:
        return device.poll(self.transport, self.provider, self.metadata, CREDENTIALS, CODES)

    def revoke(self) -> Any:
        token = self.tokens.access_token
        return revocation.revoke(self.transport, self.provider, self.metadata, token, "access_token", CREDENTIALS)

    def userinfo(self) -> Any:
        return identity.userinfo(self.transport, self.provider, self.metadata, self.tokens, None)


PATHS = {
    "inserted_metadata": "/.well-known/oauth-authorization-server",
    "appended_metadata": "/.well-known/openid-configuration",
    "keys": "/jwks",
    "push": "/par",
    "exchange": "/token",
    "refresh": "/token",
    "device_codes": "/device",
    "poll": "/token",
    "revoke": "/revoke",
    "userinfo": "/userinfo",
}
TARGETS: dict[str, Callable[[ScriptedServer, ScriptedServer], str]] = {
    "another host": lambda _, other: f"{other.origin}/trap",
    "the same host": lambda server, _: f"{server.origin}/trap",
    "a path": lambda _server, _other: "/trap",
}


def test_every_call_has_its_path():
    assert {name for name in vars(Calls) if not name.startswith("_")} == PATHS.keys()


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
@pytest.mark.parametrize("call", PATHS)
@pytest.mark.parametrize("target", TARGETS)
def test_NET_4_META_5_no_endpoint_may_redirect(server, transport, status, call, target):
    with ScriptedServer() as other:
        trap = TARGETS[target](server, other)
        server.reply(PATHS[call], answer(status, headers={"Location": f"{trap}?CANARY=1"}))
        with pytest.raises(Redirected) as caught:
            getattr(Calls(server, transport), call)()
        assert trap in caught.value.detail
        assert "CANARY" not in str(caught.value)
        assert other.connections == 0
    assert [request.path for request in server.requests] == [PATHS[call]]


def test_NET_6_the_access_token_travels_in_its_header_and_nowhere_else(server, transport):
    """All requests of a life: discovery, sign-in by browser and by code, refresh, profile; then its revocation."""
    claims = make_claims(iss=server.origin)
    members = {
        "issuer": server.origin,
        "authorization_endpoint": f"{server.origin}/authorize",
        "token_endpoint": f"{server.origin}/token",
        "device_authorization_endpoint": f"{server.origin}/device",
        "revocation_endpoint": f"{server.origin}/revoke",
        "userinfo_endpoint": f"{server.origin}/userinfo",
        "jwks_uri": f"{server.origin}/jwks",
    }
    server.reply(PATHS["inserted_metadata"], json_answer(members))
    server.reply(PATHS["appended_metadata"], json_answer(members))
    server.reply("/jwks", json_answer({"keys": [public(key("RSA"))]}))
    server.reply("/token", json_answer(TOKENS | {"access_token": "CANARY-AT-0000"}))
    server.reply("/userinfo", json_answer({"sub": claims["sub"]}))
    server.reply(
        "/device", json_answer({"device_code": "d", "user_code": "u", "expires_in": 9, "verification_uri": "https://x"})
    )
    server.reply("/revoke", answer(200))
    server.reply("/par", json_answer({"request_uri": "urn:x:1", "expires_in": 60}, 201))
    calls = Calls(server, transport)
    for name in PATHS:
        getattr(calls, name)()
    seen = {request.path: request for request in server.requests}
    assert set(seen) == set(PATHS.values())
    for request in server.requests:
        assert "CANARY-AT" not in request.target
        if request.path != "/revoke":  # RFC 7009 §2.1: there it is what the request is about
            assert b"CANARY-AT" not in request.body
        authorization_header = request.header("Authorization") or ""
        assert ("CANARY-AT" in authorization_header) == (request.path == "/userinfo")
        others = [value for name, value in request.headers if name.lower() != "authorization"]
        assert "CANARY" not in repr(others)
    assert seen["/userinfo"].header("Authorization") == "Bearer CANARY-AT-0000"


def test_NET_6_a_userinfo_address_with_a_query_keeps_it_and_gets_no_token(server, transport):
    server.reply("/userinfo", json_answer({"sub": "user-1"}))
    calls = Calls(server, transport)
    calls.metadata = replace(calls.metadata, userinfo_endpoint=f"{server.origin}/userinfo?tenant=a%2Fb")
    calls.userinfo()
    assert server.requests[0].target == "/userinfo?tenant=a%2Fb"


def test_NET_5_no_call_is_held_up_by_what_surrounds_the_process(server, transport, monkeypatch, tmp_path):
    """Neither `.netrc` nor proxies, with every call of the protocol, those through requests-oauthlib included."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login CANARY-LOGIN password CANARY-PASSWORD\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with ScriptedServer() as proxy:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.origin)
        monkeypatch.setenv("NO_PROXY", "")
        for path in set(PATHS.values()):
            server.reply(
                path, answer(401, "{}", {"Set-Cookie": "CANARY=1; Path=/", "WWW-Authenticate": 'Basic realm="x"'})
            )
        calls = Calls(server, transport)
        for name in PATHS:
            for _ in range(2):
                with pytest.raises(ProviderError):
                    getattr(calls, name)()
        assert proxy.connections == 0
    basic = "Basic Y2xpZW50LTE6Q0FOQVJZLUNT"
    for request in server.requests:
        assert request.header("Cookie") is None
        expected = {"GET": {None, "Bearer CANARY-AT-0000"}, "POST": {basic}}[request.method]
        assert request.header("Authorization") in expected
