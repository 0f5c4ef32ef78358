"""Discovery."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.oauth_values import make_provider
from support.scripted_server import Reply, ScriptedServer, answer, cut, drip, json_answer, run_out_of_time
from tokenkeep.domain.errors import MalformedAnswer, Misconfigured, ProviderError, ProviderUnreachable
from tokenkeep.oauth.metadata import candidates, discover
from tokenkeep.oauth.transport import Transport

AS = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"


def document(server: ScriptedServer, path: str = "", **changes: Any) -> dict[str, Any]:
    """Good metadata of the issuer `origin + path`; a `...` leaves a member out."""
    members = {
        "issuer": server.origin + path,
        "authorization_endpoint": f"{server.origin}/authorize",
        "token_endpoint": f"{server.origin}/token",
        "jwks_uri": f"{server.origin}/jwks",
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "unknown_member": {"a": 1},
    }
    return {name: value for name, value in (members | changes).items() if value is not ...}


ORDERS = [
    ("https://h", [], "", [AS, OPENID]),
    ("https://h/", [], "", [AS, OPENID]),
    ("https://h", ["openid"], "", [OPENID, AS]),
    ("https://h/t1", [], "", [f"{AS}/t1", f"{OPENID}/t1", f"/t1{OPENID}"]),
    ("https://h/t1/", [], "", [f"{AS}/t1", f"{OPENID}/t1", f"/t1{OPENID}"]),
    ("https://h/t1", ["openid"], "", [f"/t1{OPENID}", f"{AS}/t1", f"{OPENID}/t1"]),
    ("https://h/t1", ["openid"], "mcp", [f"{AS}/t1", f"{OPENID}/t1", f"/t1{OPENID}"]),
]


@pytest.mark.parametrize(("issuer", "scopes", "profile", "paths"), ORDERS)
def test_META_1_META_2_order_of_candidates(issuer, scopes, profile, paths):
    provider = make_provider(issuer=issuer, scopes=scopes, profile=profile)
    assert candidates(provider) == tuple("https://h" + path for path in paths)


@pytest.mark.parametrize(("issuer", "scopes", "profile", "paths"), ORDERS)
def test_META_1_META_2_the_servers_log_shows_that_order_and_no_other_path(
    server, transport, issuer, scopes, profile, paths
):
    issuer = issuer.replace("https://h", server.origin)
    provider = make_provider(server, issuer=issuer, scopes=scopes, profile=profile)
    for number, path in enumerate(paths, 1):
        with pytest.raises(ProviderError, match="publishes no metadata"):
            discover(transport, provider)
        assert [request.target for request in server.requests] == paths, "every candidate once, then it is over"
        server.requests.clear()
        server.reply(path, json_answer(document(server, issuer=issuer)))
        assert discover(transport.starting_at([issuer]), provider).issuer == issuer
        assert [request.target for request in server.requests] == paths[:number], "it stops at the first valid one"
        server.requests.clear()
        server.reply(path, answer(404))


@pytest.mark.parametrize("scopes", [[], ["openid"]])
def test_META_2_final_slash_is_kept_for_comparison(server, transport, scopes):
    provider = make_provider(server, issuer=f"{server.origin}/t1/", scopes=scopes)
    path = f"/t1{OPENID}" if scopes else f"{AS}/t1"
    server.reply(path, json_answer(document(server, "/t1/")), json_answer(document(server, "/t1")))
    assert discover(transport, provider).issuer == f"{server.origin}/t1/"
    with pytest.raises(ProviderError, match="another issuer"):
        discover(transport, provider, fresh=True)
    without = make_provider(server, issuer=f"{server.origin}/t1", scopes=scopes)
    server.reply(path, json_answer(document(server, "/t1/")))
    with pytest.raises(ProviderError, match="another issuer"):
        discover(transport, without)
    assert {request.path for request in server.requests} == {path}


def test_META_2_one_final_slash_is_dropped_and_not_two():
    provider = make_provider(issuer="https://h/t1//")
    assert candidates(provider)[0] == f"https://h{AS}/t1/"


@pytest.mark.parametrize(
    "issuer", ["https://other.example", "HTTP://127.0.0.1", "slash", "upper", None, 7, "", ["x"], ...]
)
def test_META_3_document_of_another_issuer_ends_discovery(server, transport, issuer):
    named = {"slash": server.origin + "/", "upper": server.origin.upper()}
    wrong = named.get(issuer, issuer) if isinstance(issuer, str) else issuer
    server.reply(AS, json_answer(document(server, issuer=wrong)))
    server.reply(OPENID, json_answer(document(server)))
    with pytest.raises(ProviderError, match="another issuer"):
        discover(transport, make_provider(server))
    assert [request.path for request in server.requests] == [AS]


def test_META_3_template_only_through_the_named_rule_and_its_host(server, transport):
    template = "https://login.microsoftonline.com/{tenantid}/v2.0"
    server.reply(AS, json_answer(document(server, issuer=template)))
    with pytest.raises(ProviderError, match="another issuer"):
        discover(transport, make_provider(server, quirks=["microsoft"]))


ABSENT: list[Reply] = [
    *(answer(status) for status in (404, 410, 401, 403, 400, 405, 406)),
    answer(200, "<!doctype html><title>Welcome</title>", {"Content-Type": "text/html"}),
    answer(200, ""),
    json_answer([1]),
    json_answer("x"),
]


@pytest.mark.parametrize("reply", ABSENT)
def test_META_4_absent_documents_lead_to_the_next(server, transport, reply):
    server.reply(AS, reply)
    server.reply(OPENID, json_answer(document(server)))
    assert discover(transport, make_provider(server)).token_endpoint == f"{server.origin}/token"


@pytest.mark.parametrize(
    "reply", [answer(500), answer(502), answer(503, "", {"Retry-After": "9"}), answer(504), answer(429), cut()]
)
@pytest.mark.parametrize("scopes", [[], ["openid"]])
def test_META_4_server_trouble_does_not(server, transport, reply, scopes):
    first, second = (OPENID, AS) if scopes else (AS, OPENID)
    server.reply(first, reply)
    server.reply(second, json_answer(document(server)))
    with pytest.raises(ProviderUnreachable):
        discover(transport, make_provider(server, scopes=scopes))
    assert [request.path for request in server.requests] == [first]


def test_META_4_a_server_that_does_not_answer_in_time_is_no_reason_to_ask_for_another_document(server, transport):
    server.reply(AS, run_out_of_time(transport))
    server.reply(OPENID, json_answer(document(server)))
    with pytest.raises(ProviderUnreachable, match="within"):
        discover(transport, make_provider(server))
    assert [request.path for request in server.requests] == [AS]


def test_META_4_a_name_that_is_not_found_is_transient_and_asked_for_once(wall):
    asked: list[str] = []

    def resolver(host: str, port: int) -> list[Any]:
        asked.append(host)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    with pytest.raises(ProviderUnreachable, match=r"auth\.example\.com is not found"):
        discover(Transport(proxy="none", wall=wall, resolver=resolver), make_provider())
    assert asked == ["auth.example.com"]


@pytest.mark.parametrize("status", [201, 202, 204, 206, 418])
def test_META_5_only_status_200_counts(server, transport, status):
    server.reply(AS, json_answer(document(server), status=status))
    server.reply(OPENID, json_answer(document(server)))
    with pytest.raises(ProviderError, match=str(status)):
        discover(transport, make_provider(server))
    assert [request.path for request in server.requests] == [AS]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["other host", "http", "same host", "relative", "nothing"])
def test_META_5_redirects_are_refused_and_shown(server, transport, status, target):
    with ScriptedServer() as other:
        location, shown = {
            "other host": (f"{other.origin}/elsewhere?a=CANARY#b", f"{other.origin}/elsewhere,"),
            "http": ("http://auth.example.com/elsewhere", "http://auth.example.com/elsewhere,"),
            "same host": (f"{server.origin}{OPENID}", f"{server.origin}{OPENID},"),
            "relative": (OPENID, OPENID),
            "nothing": ("", "nowhere"),
        }[target]
        server.reply(AS, answer(status, "", {"Location": location}))
        server.reply(OPENID, json_answer(document(server)))
        with pytest.raises(ProviderError, match="redirects") as caught:
            discover(transport, make_provider(server))
        assert shown in caught.value.detail
        assert "CANARY" not in caught.value.detail
        assert other.connections == 0
    assert [request.path for request in server.requests] == [AS]


@pytest.mark.parametrize("packed", [False, True])
def test_META_5_size_is_bounded(server, transport, packed):
    body = json.dumps(document(server, padding="x" * 5 * 1024 * 1024)).encode()
    headers = {"Content-Encoding": "gzip"} if packed else {}
    server.reply(AS, answer(200, gzip.compress(body) if packed else body, headers))
    server.reply(OPENID, json_answer(document(server)))
    with pytest.raises(MalformedAnswer, match="too large"):
        discover(transport, make_provider(server))
    assert [request.path for request in server.requests] == [AS]


def test_META_5_a_slow_body_is_refused(server, wall):
    server.reply(AS, drip(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"))
    server.reply(OPENID, json_answer(document(server)))
    with pytest.raises(ProviderUnreachable, match="within"):
        discover(Transport(timeout=0.3, wall=wall), make_provider(server))
    assert [request.path for request in server.requests] == [AS]


BAD_ENDPOINTS = [
    "/token",
    "token",
    "http://auth.example.com/token",
    "https://auth.example.com/token#part",
    "https://name:word@auth.example.com/token",
    "javascript:alert(1)",
    "https://",
    ["https://auth.example.com/token"],
    7,
    True,
]


@pytest.mark.parametrize("value", BAD_ENDPOINTS)
@pytest.mark.parametrize("member", ["token_endpoint", "authorization_endpoint", "jwks_uri", "end_session_endpoint"])
def test_META_6_endpoints_are_checked_and_named(server, transport, member, value):
    server.reply(AS, json_answer(document(server, **{member: value})))
    with pytest.raises(ProviderError, match=member):
        discover(transport, make_provider(server))


@pytest.mark.parametrize("value", [..., None, ""])
def test_META_6_token_endpoint_is_required(server, transport, value):
    server.reply(AS, json_answer(document(server, token_endpoint=value)))
    with pytest.raises(ProviderError, match="token_endpoint is missing"):
        discover(transport, make_provider(server))


@pytest.mark.parametrize("value", ["S256", ["S256", 7], {"S256": True}])
def test_META_6_lists_are_lists_of_strings(server, transport, value):
    server.reply(AS, json_answer(document(server, code_challenge_methods_supported=value)))
    with pytest.raises(ProviderError, match="code_challenge_methods_supported"):
        discover(transport, make_provider(server))


def test_META_6_absent_members_can_be_told_from_empty_ones(server, transport):
    changes: dict[str, Any] = {"jwks_uri": ..., "scopes_supported": [], "code_challenge_methods_supported": ...}
    server.reply(AS, json_answer(document(server, **changes)))
    metadata = discover(transport, make_provider(server))
    assert metadata.jwks_uri is None
    assert metadata.scopes_supported == ()
    assert metadata.code_challenge_methods_supported is None
    assert metadata.token_endpoint_auth_methods_supported is None


@pytest.mark.parametrize(("value", "known"), [(True, True), (False, False), ("true", False), (1, False), (..., False)])
def test_RESP_4_only_the_boolean_promises_iss(server, transport, value, known):
    server.reply(AS, json_answer(document(server, authorization_response_iss_parameter_supported=value)))
    metadata = discover(transport, make_provider(server))
    assert metadata.authorization_response_iss_parameter_supported is known


def test_no_document_at_all_is_said(server, transport):
    with pytest.raises(ProviderError, match="publishes no metadata"):
        discover(transport, make_provider(server))


def test_no_issuer_and_no_endpoints_is_a_configuration_fault(transport):
    with pytest.raises(Misconfigured) as caught:
        discover(transport, make_provider(issuer=""))
    assert caught.value.key == "providers.example.issuer"


FLOWS = {
    "authorization_code": ["authorization_endpoint", "token_endpoint"],
    "device_code": ["device_authorization_endpoint", "token_endpoint"],
}


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("fresh", [False, True])
def test_complete_provider_makes_no_request(server, transport, flow, fresh):
    endpoints = {name: f"{server.origin}/{name}" for name in FLOWS[flow]}
    metadata = discover(transport, make_provider(server, flow=flow, scopes=["openid"], **endpoints), fresh=fresh)
    assert [getattr(metadata, name) for name in FLOWS[flow]] == list(endpoints.values())
    assert server.connections == 0


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("number", [0, 1])
def test_one_endpoint_that_the_flow_needs_is_missing_and_the_document_is_asked_for(server, transport, flow, number):
    server.reply(AS, json_answer(document(server, device_authorization_endpoint=f"{server.origin}/device")))
    given = FLOWS[flow][number]
    metadata = discover(transport, make_provider(server, flow=flow, **{given: f"{server.origin}/mine"}))
    assert getattr(metadata, given) == f"{server.origin}/mine"
    assert getattr(metadata, FLOWS[flow][1 - number])
    assert [request.path for request in server.requests] == [AS]


def test_configured_endpoints_are_laid_over_the_document(server, transport):
    server.reply(AS, json_answer(document(server, token_endpoint=...)))
    changes = {"token_endpoint": f"{server.origin}/my-token", "device_authorization_endpoint": f"{server.origin}/dev"}
    metadata = discover(transport, make_provider(server, **changes))
    assert metadata.token_endpoint == f"{server.origin}/my-token"
    assert metadata.device_authorization_endpoint == f"{server.origin}/dev"
    assert metadata.authorization_endpoint == f"{server.origin}/authorize"


BROWSER_URLS = [
    ("", "https://login.example.com/prefix/", "/authorize?a=%2F", "https://login.example.com/prefix/authorize?a=%2F"),
    ("", "https://login.example.com", "/oauth2/authorize", "https://login.example.com/oauth2/authorize"),
    ("/base", "https://web.example.com", "/base/authorize?x=1", "https://web.example.com/authorize?x=1"),
    ("/base/", "https://web.example.com/b", "/base/authorize", "https://web.example.com/b/authorize"),
    ("/base", "https://web.example.com", "/basement/authorize", None),
    ("/base", "https://web.example.com", "/authorize", None),
    ("", "https://web.example.com", "https://elsewhere.example.com/authorize", None),
]


@pytest.mark.parametrize(("path", "browser_url", "endpoint", "moved"), BROWSER_URLS)
def test_browser_url_moves_the_authorization_endpoint_below_the_issuer_alone(
    server, transport, path, browser_url, endpoint, moved
):
    issuer = server.origin + path
    endpoint = endpoint if endpoint.startswith("https://") else server.origin + endpoint
    provider = make_provider(server, issuer=issuer, browser_url=browser_url)
    found = document(server, issuer=issuer, authorization_endpoint=endpoint)
    server.reply(urlsplit(candidates(provider)[0]).path, json_answer(found))
    metadata = discover(transport, provider)
    assert metadata.authorization_endpoint == (moved or endpoint)
    assert metadata.token_endpoint == f"{server.origin}/token"


def test_browser_url_moves_a_configured_endpoint_too():
    endpoints = {"authorization_endpoint": "https://inside.example/a/b", "token_endpoint": "https://inside.example/t"}
    provider = make_provider(issuer="", browser_url="https://outside.example", **endpoints)
    with_issuer = provider.model_copy(update={"issuer": "https://inside.example/a"})
    transport = Transport(proxy="none", wall=lambda: 0.0)
    assert discover(transport, provider).authorization_endpoint == "https://outside.example/a/b"
    assert discover(transport, with_issuer).authorization_endpoint == "https://outside.example/b"
    assert discover(transport, with_issuer).token_endpoint == "https://inside.example/t"
