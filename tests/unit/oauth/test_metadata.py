"""Discovery."""

from __future__ import annotations

from typing import Any

import pytest

from support.oauth_values import make_provider
from support.scripted_server import Reply, ScriptedServer, answer, cut, json_answer
from tokenkeep.domain.errors import MalformedAnswer, Misconfigured, ProviderError, ProviderUnreachable
from tokenkeep.oauth.metadata import candidates, discover

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


def test_META_1_the_first_valid_document_is_used_and_no_other_path_is_asked(server, transport):
    server.reply(f"/t1{OPENID}", json_answer(document(server, "/t1")))
    provider = make_provider(server, issuer=f"{server.origin}/t1")
    metadata = discover(transport, provider)
    assert metadata.issuer == f"{server.origin}/t1"
    assert [request.path for request in server.requests] == [f"{AS}/t1", f"{OPENID}/t1", f"/t1{OPENID}"]
    server.reply(f"{AS}/t1", json_answer(document(server, "/t1")))
    discover(transport, provider)
    assert [request.path for request in server.requests[3:]] == [f"{AS}/t1"]


def test_META_2_final_slash_is_kept_for_comparison(server, transport):
    provider = make_provider(server, issuer=f"{server.origin}/t1/")
    server.reply(f"{AS}/t1", json_answer(document(server, "/t1/")), json_answer(document(server, "/t1")))
    assert discover(transport, provider).issuer == f"{server.origin}/t1/"
    with pytest.raises(ProviderError, match="another issuer"):
        discover(transport, provider)


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
    *(answer(status) for status in (404, 410, 401, 403)),
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


@pytest.mark.parametrize("reply", [answer(500), answer(503, "", {"Retry-After": "9"}), answer(429), cut()])
def test_META_4_server_trouble_does_not(server, transport, reply):
    server.reply(AS, reply)
    server.reply(OPENID, json_answer(document(server)))
    with pytest.raises(ProviderUnreachable):
        discover(transport, make_provider(server))
    assert [request.path for request in server.requests] == [AS]


@pytest.mark.parametrize("status", [201, 204, 206, 418])
def test_META_5_only_status_200_counts(server, transport, status):
    server.reply(AS, json_answer(document(server), status=status))
    with pytest.raises(ProviderError, match=str(status)):
        discover(transport, make_provider(server))


@pytest.mark.parametrize("status", [301, 302, 308])
def test_META_5_redirects_are_refused_and_shown(server, transport, status):
    with ScriptedServer() as other:
        server.reply(AS, answer(status, "", {"Location": f"{other.origin}/elsewhere"}))
        with pytest.raises(ProviderError, match=f"{other.origin}/elsewhere"):
            discover(transport, make_provider(server))
        assert other.connections == 0


def test_META_5_size_is_bounded(server, transport):
    server.reply(AS, json_answer(document(server, padding="x" * 5 * 1024 * 1024)))
    with pytest.raises(MalformedAnswer):
        discover(transport, make_provider(server))


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


def test_complete_provider_makes_no_request(server, transport):
    endpoints = {name: f"{server.origin}/{name}" for name in ("authorization_endpoint", "token_endpoint")}
    metadata = discover(transport, make_provider(server, **endpoints))
    assert (metadata.authorization_endpoint, metadata.token_endpoint) == tuple(endpoints.values())
    assert server.connections == 0


def test_configured_endpoints_are_laid_over_the_document(server, transport):
    server.reply(AS, json_answer(document(server, token_endpoint=...)))
    changes = {"token_endpoint": f"{server.origin}/my-token", "device_authorization_endpoint": f"{server.origin}/dev"}
    metadata = discover(transport, make_provider(server, **changes))
    assert metadata.token_endpoint == f"{server.origin}/my-token"
    assert metadata.device_authorization_endpoint == f"{server.origin}/dev"
    assert metadata.authorization_endpoint == f"{server.origin}/authorize"


def test_browser_url_moves_the_authorization_endpoint_alone(server, transport):
    server.reply(AS, json_answer(document(server, authorization_endpoint=f"{server.origin}/authorize?a=%2F")))
    metadata = discover(transport, make_provider(server, browser_url="https://login.example.com/prefix/"))
    assert metadata.authorization_endpoint == "https://login.example.com/prefix/authorize?a=%2F"
    assert metadata.token_endpoint == f"{server.origin}/token"
    with pytest.raises(Misconfigured, match="browser_url"):
        discover(transport, make_provider(server, browser_url="javascript:alert(1)//"))
