"""Metadata and key sets that are kept: how long, how they are asked for again, what serves while the server is down."""

from __future__ import annotations

from typing import Any

import pytest

from support.oauth_values import NOW, key, make_provider, public
from support.scripted_server import Connection, Reply, ScriptedServer, answer, cut, json_answer
from tokenkeep.domain.errors import MalformedAnswer, ProviderError, ProviderUnreachable
from tokenkeep.oauth.jwks import KeySets
from tokenkeep.oauth.metadata import ServerMetadata, discover, fetch
from tokenkeep.oauth.transport import Transport

AS = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
MINUTE, DAY = 60.0, 86_400.0


def document(server: ScriptedServer, **changes: Any) -> dict[str, Any]:
    return {"issuer": server.origin, "token_endpoint": f"{server.origin}/token", **changes}


class Source:
    """One of the two things that are kept, asked for at a moment of the wall clock."""

    def __init__(self, kind: str, server: ScriptedServer, transport: Transport, wall: Any) -> None:
        self.kind, self.server, self.transport, self.wall = kind, server, transport, wall
        self.path = AS if kind == "metadata" else "/jwks"
        self.default = DAY if kind == "metadata" else 3600.0
        self.keys = KeySets(transport)

    def value(self, number: int = 1) -> dict[str, Any]:
        """A version of it."""
        if self.kind == "metadata":
            return document(self.server, token_endpoint=f"{self.server.origin}/token{number}")
        return {"keys": [public(key("P-256"), kid=f"k{number}")]}

    def at(self, seconds: float) -> str:
        """The version that is used then."""
        self.wall.now = NOW + seconds
        if self.kind == "metadata":
            return discover(self.transport, make_provider(self.server)).token_endpoint[-1]
        return str(self.keys.get(f"{self.server.origin}/jwks", local=True, wall=self.wall.now)[0]["kid"][-1])

    @property
    def asked(self) -> int:
        return len(self.server.to(self.path))


@pytest.fixture(params=["metadata", "jwks"])
def source(request, server, transport, wall) -> Source:
    return Source(request.param, server, transport, wall)


AGES = [
    ("max-age=0", 5 * MINUTE),
    ("max-age=10", 5 * MINUTE),
    ("no-store", 5 * MINUTE),
    ("max-age=900, no-cache", 5 * MINUTE),
    ("public, max-age=400", 400.0),
    ('Max-Age="900"', 900.0),
    ("s-maxage=1, x-max-age=1, max-age=900", 900.0),
    ("max-age=31536000", DAY),
    ("max-age=99999999999999999999", DAY),
    ("max-age=-5", None),
    ("max-age=soon", None),
    ("max-age", None),
    ("", None),
]


@pytest.mark.parametrize(("header", "age"), AGES)
def test_META_7_age_is_held_between_five_minutes_and_a_day(source, header, age):
    source.server.reply(source.path, json_answer(source.value(), cache_control=header))
    age = source.default if age is None else age
    assert [source.at(0), source.at(age - 1)] == ["1", "1"]
    assert source.asked == 1
    source.at(age + 1)
    assert source.asked == 2
    source.at(2 * age)
    assert source.asked == 2, "from the second answer on the time runs anew"
    source.at(2 * age + 2)
    assert source.asked == 3


def test_META_7_a_clock_that_was_set_back_makes_nothing_last_longer(source):
    source.server.reply(source.path, json_answer(source.value(), cache_control="max-age=600"))
    source.at(0)
    source.at(-601)
    assert source.asked == 2


def versions(source: Source, etag: str = '"v1"', **headers: str) -> Reply:
    """A server that knows one version and answers 304 to whoever has it."""

    def reply(connection: Connection) -> None:
        asked = source.server.requests[-1].header("If-None-Match")
        full = json_answer(source.value(), etag=etag, **headers)
        (answer(304, "", {"ETag": etag, **headers}) if asked == etag else full)(connection)

    return reply


@pytest.mark.parametrize("etag", ['"v1"', 'W/"v1"', '""'])
def test_META_7_etag_and_304_keep_what_is_there(source, etag):
    source.server.reply(source.path, versions(source, etag))
    for moment in (0, DAY + 1, 2 * DAY + 2):
        assert source.at(moment) == "1"
    assert source.at(2 * DAY + 3) == "1"
    headers = [request.header("If-None-Match") for request in source.server.to(source.path)]
    assert headers == [None, etag, etag]


def test_META_7_a_new_version_takes_the_place_of_the_old_one(source):
    source.server.reply(
        source.path,
        json_answer(source.value(1), etag='"a"'),
        json_answer(source.value(2), etag='"b"'),
        answer(304),
        json_answer(source.value(3)),
        json_answer(source.value(4)),
    )
    moments = [number * (DAY + 1) for number in range(5)]
    assert [source.at(moment) for moment in moments] == ["1", "2", "2", "3", "4"]
    headers = [request.header("If-None-Match") for request in source.server.to(source.path)]
    assert headers == [None, '"a"', '"b"', '"b"', None]


@pytest.mark.parametrize("etag", ["v1", '"a b"', '"é"', '"' + "x" * 300 + '"', '"a", "b"', "*"])
def test_META_7_what_is_no_etag_is_not_sent_back(source, etag):
    source.server.reply(source.path, json_answer(source.value(), etag=etag))
    source.at(0)
    source.at(DAY + 1)
    assert [request.header("If-None-Match") for request in source.server.to(source.path)] == [None, None]


DOWN = [answer(500), answer(503, "", {"Retry-After": "9"}), answer(429), cut(), answer(200, b"x" * 2_000_000)]


@pytest.mark.parametrize("reply", DOWN)
def test_META_7_the_copy_serves_while_the_server_is_down(source, reply):
    source.server.reply(source.path, json_answer(source.value()), reply)
    source.at(0)
    for number in range(1, 30):
        assert source.at(number * DAY) == "1"
    source.server.reply(source.path, json_answer(source.value(2)))
    assert source.at(30 * DAY) == "2"


def test_META_7_a_server_that_is_down_is_asked_again_after_five_minutes(source):
    source.server.reply(source.path, json_answer(source.value()), answer(503))
    for moment in (0, DAY + 1, DAY + 2, DAY + 299, DAY + 302):
        assert source.at(moment) == "1"
    assert source.asked == 3


def test_META_7_a_server_that_is_gone_altogether(wall, transport):
    with ScriptedServer() as server:
        source = Source("metadata", server, transport, wall)
        server.reply(AS, json_answer(source.value()))
        source.at(0)
    assert source.at(DAY + 1) == "1"
    with pytest.raises(ProviderUnreachable):
        discover(transport.starting_at([]), make_provider(server))


def test_META_7_a_304_without_a_copy_is_none(source):
    source.server.reply(source.path, answer(304))
    with pytest.raises(ProviderError):
        source.at(0)


def test_META_7_fresh_asks_whether_it_still_holds_however_young_it_is(server, transport, wall):
    source = Source("metadata", server, transport, wall)
    server.reply(AS, versions(source))
    source.at(0)
    assert discover(transport, make_provider(server), fresh=True).token_endpoint.endswith("1")
    assert [request.header("If-None-Match") for request in server.requests] == [None, '"v1"']


def test_META_7_the_order_holds_when_asking_again_and_only_the_known_address_gets_the_condition(server, transport):
    provider = make_provider(server)
    server.reply(OPENID, json_answer(document(server), etag='"openid"'))
    fetch(transport, provider)
    server.reply(OPENID, answer(304))
    fetch(transport, provider, fresh=True)
    log = [(request.path, request.header("If-None-Match")) for request in server.requests]
    assert log == [(AS, None), (OPENID, None), (AS, None), (OPENID, '"openid"')]
    server.reply(AS, json_answer(document(server, token_endpoint=f"{server.origin}/first")))
    assert fetch(transport, provider, fresh=True).token_endpoint == f"{server.origin}/first"


WRONG = [{"issuer": "https://other.example"}, {"issuer": None}, {"token_endpoint": "http://other.example/t"}]


@pytest.mark.parametrize("changes", WRONG)
def test_META_3_nothing_of_a_wrong_document_is_kept_and_the_copy_does_not_hide_it(server, transport, wall, changes):
    provider = make_provider(server)
    server.reply(AS, json_answer(document(server), etag='"good"', cache_control="max-age=600"))
    kept = discover(transport, provider)
    wrong = {name: value for name, value in (document(server) | changes).items() if value is not None}
    server.reply(AS, json_answer(wrong, etag='"wrong"', cache_control="max-age=86400"))
    for seconds in (601, 602, 700):
        wall.now = NOW + seconds
        with pytest.raises(ProviderError):
            discover(transport, provider)
    assert [request.header("If-None-Match") for request in server.requests] == [None, *['"good"'] * 3]
    server.reply(AS, answer(304))
    assert discover(transport, provider) == kept


def test_META_7_the_first_document_has_to_come(server, transport):
    server.reply(AS, answer(503), answer(200, b"x" * 2_000_000), json_answer(document(server)))
    for kind in (ProviderUnreachable, MalformedAnswer):
        with pytest.raises(kind):
            discover(transport, make_provider(server))
    assert isinstance(discover(transport, make_provider(server)), ServerMetadata)


def test_META_7_providers_do_not_share_what_they_keep(server, transport):
    server.reply(AS, json_answer(document(server)))
    for _ in range(2):
        discover(transport.starting_at([server.origin]), make_provider(server))
    assert len(server.to(AS)) == 2


def test_META_7_keys_of_a_provider_that_is_complete_come_from_a_document_that_is_kept_too(server, transport):
    """The document is asked for once, not at every id_token; a new sign-in asks again."""
    server.reply(AS, json_answer(document(server, jwks_uri=f"{server.origin}/jwks")))
    endpoints = {"authorization_endpoint": f"{server.origin}/a", "token_endpoint": f"{server.origin}/t"}
    provider = make_provider(server, **endpoints)
    for _ in range(3):
        assert fetch(transport, provider).jwks_uri == f"{server.origin}/jwks"
    assert len(server.to(AS)) == 1
    discover(transport, provider, fresh=True)
    fetch(transport, provider)
    assert len(server.to(AS)) == 2
