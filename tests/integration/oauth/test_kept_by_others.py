"""Discovery at independent servers: what they publish is kept, asked for again by ETag, and held to its address."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from support.demo_provider import DemoProvider
from support.oidc_provider import OidcProviderPeer
from support.scripted_server import Connection, ScriptedServer, answer, raw
from tokenkeep.domain.errors import MalformedAnswer, ProviderError, ProviderUnreachable
from tokenkeep.domain.provider import Provider
from tokenkeep.oauth.jwks import KeySets
from tokenkeep.oauth.metadata import discover
from tokenkeep.oauth.transport import Transport

INSERTED = "/.well-known/oauth-authorization-server"
APPENDED = "/.well-known/openid-configuration"
NOW = 1_700_000_000.0


class Wall:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


def entry(issuer: str, **changes: Any) -> Provider:
    return Provider(**({"id": "p", "issuer": issuer, "client_id": "c", "scopes": ["openid"], "local": True} | changes))


@pytest.mark.parametrize(("header", "age"), [("max-age=0", 300), ("max-age=900", 900), ("max-age=99999999", 86_400)])
def test_META_7_a_304_of_the_demo_provider_keeps_the_document(
    demo_provider: DemoProvider, wall: Wall, header: str, age: int
) -> None:
    demo_provider.faults(cache_control=header)
    transport = Transport(wall=wall)
    first = discover(transport, entry(demo_provider.issuer))
    for moment, asked in ((age - 1, 1), (age + 1, 2), (2 * age, 2), (2 * age + 2, 3)):
        wall.now = NOW + moment
        assert discover(transport, entry(demo_provider.issuer)) == first
        assert demo_provider.count(APPENDED) == asked
    keys = KeySets(transport)
    assert first.jwks_uri is not None
    for moment, asked in ((0, 1), (age - 1, 1), (age + 1, 2)):
        assert keys.get(first.jwks_uri, local=True, wall=NOW + moment)
        assert demo_provider.count(urlsplit(first.jwks_uri).path) == asked


NETWORK = [
    ("network", "cut", ProviderUnreachable),
    ("network", "reset", ProviderUnreachable),
    ("network", "cut:150", (ProviderUnreachable, MalformedAnswer)),
    ("gzip", "bomb", MalformedAnswer),
    ("gzip", "broken", MalformedAnswer),
    ("redirect", "302", ProviderError),
    ("redirect", "308:same", ProviderError),
]


@pytest.mark.parametrize(("switch", "value", "kind"), NETWORK)
def test_META_4_META_5_NET_5_trouble_ends_discovery(
    demo_provider: DemoProvider, wall: Wall, switch: str, value: str, kind: Any
) -> None:
    demo_provider.faults(**{switch: value})
    with pytest.raises(kind):
        discover(Transport(wall=wall), entry(demo_provider.issuer))
    assert demo_provider.count(INSERTED) == 0
    assert demo_provider.count("trap.connection") == 0


def test_META_5_a_slow_body_of_the_demo_provider_is_cut(demo_provider: DemoProvider, wall: Wall) -> None:
    demo_provider.faults(network="slow_body:5")
    try:
        with pytest.raises(ProviderUnreachable, match="within"):
            discover(Transport(timeout=0.5, wall=wall), entry(demo_provider.issuer))
    finally:
        demo_provider.clear_faults()
    assert demo_provider.count(INSERTED) == 0


@pytest.mark.peer
def test_META_1_META_7_the_document_of_an_independent_server(oidc_provider: OidcProviderPeer, wall: Wall) -> None:
    transport = Transport(wall=wall)
    found = discover(transport, entry(oidc_provider.issuer))
    assert found.issuer == oidc_provider.issuer
    assert found.jwks_uri is not None
    assert KeySets(transport).get(found.jwks_uri, local=True, wall=NOW)
    assert discover(transport, entry(oidc_provider.issuer), fresh=True) == found
    assert discover(transport, entry(oidc_provider.issuer, scopes=[])) == found


@pytest.mark.peer
def test_META_3_an_independent_server_under_another_name_is_not_used(
    oidc_provider: OidcProviderPeer, wall: Wall
) -> None:
    """The same server, reached by an address that is not its issuer to the letter."""
    names = [oidc_provider.issuer + "/", oidc_provider.issuer.replace("127.0.0.1", "localhost")]
    for name in (one for one in names if one != oidc_provider.issuer):
        with pytest.raises(ProviderError, match="another issuer"):
            discover(Transport(wall=wall), entry(name))


def test_META_7_a_server_that_comes_and_goes(demo_provider: DemoProvider, wall: Wall) -> None:
    """Between the demo provider and us: first it lets everything through, then nothing, then it is back."""
    target = urlsplit(demo_provider.issuer)
    transport = Transport(wall=wall)
    with ScriptedServer() as front:
        document = discover(transport, entry(demo_provider.issuer))
        body = f'{{"issuer": "{front.origin}", "token_endpoint": "{document.token_endpoint}"}}'
        front.reply(APPENDED, answer(200, body))
        kept = discover(transport, entry(front.origin))
        assert urlsplit(kept.token_endpoint).netloc == target.netloc

        def gone(connection: Connection) -> None:
            raw(b"")(connection)

        front.reply(APPENDED, gone)
        for days in (1, 2, 30):
            wall.now = NOW + days * 86_401
            assert discover(transport, entry(front.origin)) == kept
        front.reply(APPENDED, answer(200, body.replace("/token", "/other")))
        wall.now += 301
        assert discover(transport, entry(front.origin)).token_endpoint.endswith("/other")
