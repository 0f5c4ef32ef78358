"""Each rule of an authorization server: what fails it, what must be looked at, and the words for it."""

from __future__ import annotations

from typing import Any

import pytest

from support.checked_site import Site, found
from support.oauth_values import NOW, key, public
from support.scripted_server import ScriptedServer, answer, cut, json_answer
from tokenkeep.domain.check import Outcome
from tokenkeep.domain.errors import BadRequest, Misconfigured
from tokenkeep.domain.provider import Flow, Provider, SecretSource
from tokenkeep.oauth.check import check_issuer, check_provider
from tokenkeep.oauth.transport import Transport

METADATA = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"


def test_a_good_server_passes_everything(site: Site) -> None:
    report = site.check()
    assert [rule.id for rule in report.rules if rule.outcome is not Outcome.PASS] == ["tls"]
    assert not report.failed
    assert report.reachable
    assert report.summary == f"{len(report.rules) - 1} passed, 1 not offered or not needed"


def test_only_get_requests_without_credentials_are_sent(site: Site) -> None:
    site.check()
    assert {request.method for request in site.server.requests} == {"GET"}
    assert [request.target for request in site.server.requests] == [METADATA, "/jwks"]
    assert all(request.header("Authorization") is None for request in site.server.requests)


BROKEN: list[tuple[dict[str, Any], str, str, str]] = [
    ({"issuer": "https://somebody-else.invalid"}, "metadata.issuer_equal", "fail", "https://somebody-else.invalid"),
    ({"issuer": None}, "metadata.issuer_equal", "fail", "issuer is nothing"),
    ({"issuer": 7}, "metadata.issuer_equal", "fail", "the number 7"),
    ({"scopes_supported": "openid"}, "metadata.lists", "fail", "scopes_supported"),
    ({"token_endpoint": None}, "endpoints.present", "fail", "Missing: token_endpoint."),
    ({"authorization_endpoint": None}, "endpoints.present", "fail", "Missing: authorization_endpoint."),
    ({"token_endpoint": "/token"}, "endpoints.https", "fail", "token_endpoint"),
    ({"token_endpoint": "http://other.invalid/token"}, "endpoints.https", "fail", "must begin with https://"),
    ({"token_endpoint": ["x"]}, "endpoints.https", "fail", "token_endpoint is a list"),
    ({"revocation_endpoint": "https://a:word@other.invalid/r"}, "endpoints.https", "fail", "user name or password"),
    ({"token_endpoint": "https://other.invalid/token"}, "endpoints.host", "warn", "other.invalid (token_endpoint)"),
    ({"code_challenge_methods_supported": None}, "pkce.s256_listed", "warn", "Required: S256. Supported: none."),
    ({"code_challenge_methods_supported": ["plain"]}, "pkce.s256_listed", "fail", "Required: S256. Supported: plain."),
    ({"code_challenge_methods_supported": ["plain", "S256"]}, "pkce.plain_refused", "warn", "plain is offered"),
    ({"response_types_supported": ["token"]}, "response_types", "fail", "Required: code. Supported: token."),
    ({"response_types_supported": None}, "response_types", "warn", "Supported: none."),
    ({"authorization_response_iss_parameter_supported": None}, "response_iss", "warn", "does not promise"),
    ({"authorization_response_iss_parameter_supported": "true"}, "response_iss", "fail", "“true”"),
    ({"grant_types_supported": None}, "grant.refresh", "warn", "Required: refresh_token. Supported: none."),
    ({"grant_types_supported": ["authorization_code"]}, "grant.refresh", "warn", "Supported: authorization_code."),
    ({"grant_types_supported": ["refresh_token"]}, "grant.device", "warn", "does not list it"),
    ({"device_authorization_endpoint": None}, "grant.device", "skip", "not offered"),
    ({"token_endpoint_auth_methods_supported": None}, "auth_methods", "warn", "stands for client_secret_basic"),
    ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "auth_methods", "warn", "Required: none."),
    ({"registration_endpoint": None}, "registration", "skip", "cannot register"),
    ({"client_id_metadata_document_supported": "true"}, "cimd", "fail", "“true”"),
    ({"client_id_metadata_document_supported": None}, "cimd", "skip", "not offered"),
    ({"pushed_authorization_request_endpoint": None}, "par", "skip", "not offered"),
    (
        {"require_pushed_authorization_requests": True, "pushed_authorization_request_endpoint": None},
        "par",
        "fail",
        "no endpoint",
    ),
    ({"dpop_signing_alg_values_supported": ["ES256", "none"]}, "dpop", "fail", "Supported: ES256, none."),
    ({"dpop_signing_alg_values_supported": ["HS256"]}, "dpop", "fail", "HS256"),
    ({"dpop_signing_alg_values_supported": ["RS256"]}, "dpop", "warn", "RS256"),
    ({"dpop_signing_alg_values_supported": None}, "dpop", "skip", "not bound"),
    ({"revocation_endpoint": None}, "revocation", "warn", "work until they end"),
    ({"end_session_endpoint": None}, "end_session", "skip", "not offered"),
    ({"jwks_uri": None}, "jwks.reachable", "fail", "no jwks_uri"),
    ({"jwks_uri": "http://other.invalid/jwks"}, "jwks.reachable", "fail", "no address that can be used"),
    ({"id_token_signing_alg_values_supported": ["HS256"]}, "jwks.alg", "fail", "Supported: HS256."),
    ({"id_token_signing_alg_values_supported": ["ES256"]}, "jwks.alg", "fail", "No published key fits"),
    ({"id_token_signing_alg_values_supported": ["RS256", "none"]}, "jwks.alg", "warn", "Unsigned id_tokens"),
    ({"id_token_signing_alg_values_supported": None}, "jwks.alg", "warn", "is missing"),
    ({"scopes_supported": ["openid"]}, "scopes.offline_access", "skip", "not listed"),
]


@pytest.mark.parametrize(("change", "rule", "outcome", "words"), BROKEN, ids=lambda value: str(value)[:60])
def test_what_is_wrong_is_said(site: Site, change: dict[str, Any], rule: str, outcome: str, words: str) -> None:
    finding = site.finding(rule, **change)
    assert finding.outcome.value == outcome, finding
    assert words in finding.detail
    if finding.needs_somebody:
        assert finding.advice
        assert finding.asks


def test_META_3_nothing_of_a_document_of_another_issuer_is_looked_at(site: Site) -> None:
    report = site.check(issuer=site.server.origin + "/")
    assert {rule.id for rule in report.rules if rule.outcome is Outcome.FAIL} == {"metadata.issuer_equal"}
    assert not [rule for rule in report.rules if rule.id.startswith(("endpoints", "pkce", "jwks"))]
    assert not site.server.to("/jwks")
    assert "differ in the final slash" in next(rule for rule in report.rules if rule.needs_somebody).detail


def test_META_4_the_next_address_is_tried_and_named(site: Site) -> None:
    site.publish()
    site.server.reply(METADATA, answer(200, "<!doctype html>", {"Content-Type": "text/html"}))
    site.server.reply(OPENID, json_answer(site.document))
    report = check_issuer(site.transport, site.server.origin, wall=NOW)
    assert f"Published at {OPENID} (before that {METADATA}: no JSON object)." in found(report, "metadata.found").detail
    assert not report.failed


def test_META_5_a_redirect_is_named_with_its_target(site: Site) -> None:
    site.server.reply(METADATA, answer(302, "", {"Location": "https://other.invalid/metadata?secret=CANARY"}))
    report = check_issuer(site.transport, site.server.origin, wall=NOW)
    redirect = found(report, "metadata.redirects")
    assert redirect.outcome is Outcome.FAIL
    assert "https://other.invalid/metadata" in redirect.detail
    assert "CANARY" not in str(report.as_answer())
    assert found(report, "metadata.found").outcome is Outcome.FAIL
    assert not site.server.to(OPENID)


def test_no_document_anywhere_names_where_it_should_be(site: Site) -> None:
    finding = found(check_issuer(site.transport, site.server.origin, wall=NOW), "metadata.found")
    assert finding.outcome is Outcome.FAIL
    assert f"{METADATA}: status 404; {OPENID}: status 404" in finding.detail
    assert f"{METADATA} or {OPENID}" in finding.advice


@pytest.mark.parametrize("reply", [answer(503), cut()], ids=["503", "cut off"])
def test_a_server_in_trouble_is_unreachable_and_no_other_document_is_asked_for(site: Site, reply: Any) -> None:
    site.server.reply(METADATA, reply)
    report = check_issuer(site.transport, site.server.origin, wall=NOW)
    failed = [rule.id for rule in report.rules if rule.outcome is Outcome.FAIL]
    assert failed in (["connection.reachable"], ["metadata.found"])
    assert report.reachable is (failed != ["connection.reachable"])
    assert len(site.server.requests) == 1


def test_nobody_listens(transport: Transport) -> None:
    with ScriptedServer() as gone:
        origin = gone.origin
    report = check_issuer(transport, origin, wall=NOW)
    assert not report.reachable
    assert [rule.id for rule in report.rules if rule.outcome is Outcome.FAIL] == ["connection.reachable"]


def test_the_content_type_counts(site: Site) -> None:
    site.headers["Content-Type"] = "text/plain"
    finding = site.finding("metadata.content_type")
    assert finding.outcome is Outcome.WARN
    assert "“text/plain”" in finding.detail


@pytest.mark.parametrize(("value", "outcome"), [("max-age=3600", "pass"), ("max-age=31536000", "warn")])
def test_META_7_a_document_that_is_good_for_a_year_is_looked_at(site: Site, value: str, outcome: str) -> None:
    site.headers["Cache_Control"] = value
    assert site.finding("metadata.cache").outcome.value == outcome


@pytest.mark.parametrize(
    ("seconds", "outcome", "words"),
    [
        (0, "pass", "agree"),
        (120, "warn", "120 s behind"),
        (-120, "warn", "120 s ahead of"),
        (900, "fail", "900 s behind"),
    ],
)
def test_the_clock_is_compared(site: Site, wall: Any, seconds: int, outcome: str, words: str) -> None:
    wall.now = NOW + seconds
    finding = site.finding("clock")
    assert (finding.outcome.value, words in finding.detail) == (outcome, True)


def test_a_server_that_does_not_tell_the_time(site: Site) -> None:
    site.headers.clear()
    assert site.finding("clock").outcome is Outcome.SKIP


def _keys(*keys: dict[str, Any]) -> dict[str, Any]:
    return {"keys": list(keys)}


@pytest.mark.parametrize(
    ("keys", "outcome", "words"),
    [
        (_keys(), "fail", "No key can be used"),
        (_keys(public(key("RSA"), use="enc")), "fail", "No key can be used"),
        (_keys(public(key("RSA 1024"))), "fail", "No key can be used"),
        (_keys({"kty": "RSA", "n": "!", "e": "AQAB"}), "fail", "No key can be used"),
        (_keys(public(key("RSA")), public(key("P-256"))), "warn", "share a kid"),
        (_keys({**key("P-256").as_dict(private=True), "kid": "p"}), "fail", "PRIVATE"),
        (_keys({"kty": "oct", "k": "AAAA", "kid": "s"}), "fail", "PRIVATE or symmetric"),
    ],
    ids=["none", "encryption", "short", "broken", "same kid", "private", "symmetric"],
)
def test_OIDC_7_keys_that_cannot_be_used(site: Site, keys: dict[str, Any], outcome: str, words: str) -> None:
    site.keys = keys
    report = site.check()
    (finding,) = [rule for rule in report.rules if rule.id == "jwks.keys_usable"]
    assert (finding.outcome.value, words in finding.detail) == (outcome, True), finding
    shown = str(report.as_answer())
    assert not [each for one in keys["keys"] for name in ("d", "k") if (each := one.get(name)) and each in shown]


@pytest.mark.parametrize("document", [{}, [], {"keys": {}}], ids=str)
def test_OIDC_7_a_key_set_that_is_none(site: Site, document: Any) -> None:
    site.keys = document
    assert site.finding("jwks.reachable").outcome is Outcome.FAIL


def test_keys_are_no_matter_without_id_tokens(site: Site) -> None:
    finding = site.finding(
        "jwks.reachable", jwks_uri=None, scopes_supported=["api"], id_token_signing_alg_values_supported=None
    )
    assert finding.outcome is Outcome.SKIP


CONFIGURED: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({}, {"grant_types_supported": ["authorization_code"]}, "grant.refresh", "fail"),
    ({"refresh_token": "optional"}, {"grant_types_supported": ["authorization_code"]}, "grant.refresh", "warn"),
    ({"flow": Flow.DEVICE_CODE}, {"device_authorization_endpoint": None}, "grant.device", "fail"),
    ({"profile": "mcp"}, {"code_challenge_methods_supported": None}, "pkce.s256_listed", "fail"),
    ({"pkce": False}, {"code_challenge_methods_supported": ["plain"]}, "pkce.s256_listed", "warn"),
    ({"dpop": "required"}, {"dpop_signing_alg_values_supported": None}, "dpop", "fail"),
    (
        {"registration": "auto", "client_id": ""},
        {"registration_endpoint": None, "client_id_metadata_document_supported": None},
        "registration",
        "fail",
    ),
    (
        {"client_secret": SecretSource(env="X")},
        {"token_endpoint_auth_methods_supported": ["none"]},
        "auth_methods",
        "fail",
    ),
    ({"client_secret": SecretSource(env="X")}, {}, "auth_methods", "pass"),
    ({"client_auth": "private_key_jwt"}, {}, "auth_methods", "fail"),
    ({"scopes": ["openid", "rare"]}, {}, "scopes.configured", "warn"),
    ({"scopes": ["openid"]}, {}, "scopes.configured", "pass"),
]


@pytest.mark.parametrize(("provider", "change", "rule", "outcome"), CONFIGURED, ids=lambda value: str(value)[:50])
def test_PKCE_3_what_a_configured_provider_needs_counts(
    site: Site, provider: dict[str, Any], change: dict[str, Any], rule: str, outcome: str
) -> None:
    if "scopes" in provider:  # openid in the scopes: the other address comes first
        site.server.reply(OPENID, json_answer(site.document))
    assert site.of_provider(rule, provider, **change).outcome.value == outcome


def test_a_provider_without_a_person_needs_no_browser_and_its_own_grant(site: Site) -> None:
    entry = {"flow": Flow.CLIENT_CREDENTIALS, "client_secret": SecretSource(env="X")}
    without = {"authorization_endpoint": None, "code_challenge_methods_supported": None, "grant_types_supported": None}
    assert site.of_provider("endpoints.present", entry, **without).outcome is Outcome.PASS
    assert site.of_provider("grant.machine", entry).outcome is Outcome.WARN
    assert (
        site.of_provider("grant.machine", entry, grant_types_supported=["client_credentials"]).outcome is Outcome.PASS
    )
    provider = Provider(id="machine", client_id="c", issuer=site.server.origin, local=True, **entry)
    named = {rule.id for rule in check_provider(site.transport, provider, wall=NOW).rules}
    assert not named & {"pkce.s256_listed", "response_types", "response_iss", "grant.refresh", "grant.device"}


def test_a_provider_of_endpoints_alone_has_no_metadata_to_fail(site: Site) -> None:
    origin = site.server.origin
    provider = Provider(
        id="plain",
        client_id="c",
        token_endpoint=f"{origin}/token",
        authorization_endpoint=f"{origin}/authorize",
        local=True,
    )
    report = check_provider(site.transport, provider, wall=NOW)
    assert [rule.outcome.value for rule in report.rules if rule.id == "metadata.found"] == ["skip"]
    assert not report.failed
    assert report.reachable


def test_a_provider_without_an_address_has_nothing_to_check(transport: Transport) -> None:
    with pytest.raises(Misconfigured, match="nothing to check"):
        check_provider(transport, Provider(id="empty", client_id="c"), wall=NOW)


@pytest.mark.parametrize(
    "issuer",
    ["ftp://x", "http://sso.example.com", "https://a:b@sso.example.com", "https://x#y", "https://", "https://x?y"],
)
def test_NET_2_what_cannot_be_an_issuer_is_refused_and_nothing_is_sent(transport: Transport, issuer: str) -> None:
    with pytest.raises(BadRequest):
        check_issuer(transport, issuer, wall=NOW)


def test_LEAK_1_user_names_and_queries_of_addresses_are_not_shown(site: Site) -> None:
    report = site.check(
        token_endpoint="https://name:CANARY@other.invalid/t?CANARY", issuer="https://x:CANARY@y.invalid/?CANARY#CANARY"
    )
    assert "CANARY" not in str(report.as_answer())
