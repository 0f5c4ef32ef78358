"""Checks of real servers: the demo provider, well and with every fault of its documents, and npm's oidc-provider."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from support.demo_provider import DemoProvider
from support.oidc_provider import OidcProviderPeer
from tokenkeep.demo.faults.table import BY_NAME
from tokenkeep.domain.check import CheckReport, Outcome
from tokenkeep.domain.errors import ProviderError, TokenKeepError
from tokenkeep.domain.provider import Provider
from tokenkeep.oauth import authorization, metadata, pushed
from tokenkeep.oauth.check import check_issuer, check_provider, check_resource
from tokenkeep.oauth.transport import Transport


@pytest.fixture
def transport() -> Iterator[Transport]:
    made = Transport(timeout=60.0, wall=time.time)
    yield made
    made.close()


def bad(report: CheckReport) -> dict[str, str]:
    """Rule → outcome, of those that somebody should look at."""
    return {rule.id: rule.outcome.value for rule in report.rules if rule.needs_somebody}


def test_the_demo_provider_and_its_resource_pass(demo_provider: DemoProvider, transport: Transport) -> None:
    assert bad(check_issuer(transport, demo_provider.issuer, wall=time.time())) == {}
    assert bad(check_resource(transport, demo_provider.whoami, wall=time.time())) == {}


FAULTS = {
    "wrong_issuer": {"metadata.issuer_equal": "fail"},
    "slash_issuer": {"metadata.issuer_equal": "fail"},
    "upper_issuer": {"metadata.issuer_equal": "fail"},
    "number_issuer": {"metadata.issuer_equal": "fail"},
    "no_issuer": {"metadata.issuer_equal": "fail"},
    "no_pkce": {"pkce.s256_listed": "warn"},
    "plain_only": {"pkce.s256_listed": "fail", "pkce.plain_refused": "warn"},
    "no_device": {},
    "no_revocation": {"revocation": "warn"},
    "no_iss_parameter": {"response_iss": "warn"},
    "text_iss_parameter": {"response_iss": "fail"},
    "no_token_endpoint": {"endpoints.present": "fail"},
    "relative_token_endpoint": {"endpoints.https": "fail"},
    "http_token_endpoint": {"endpoints.https": "fail"},
    "fragment_token_endpoint": {"endpoints.https": "fail"},
    "userinfo_token_endpoint": {"endpoints.https": "fail"},
    "list_token_endpoint": {"endpoints.https": "fail"},
    "other_token_endpoint": {},
    "trap_token_endpoint": {"endpoints.https": "fail"},
    "private_token_endpoint": {"endpoints.https": "fail"},
    "query_authorization_endpoint": {},
    "fragment_authorization_endpoint": {"endpoints.https": "fail"},
    "javascript_authorization_endpoint": {"endpoints.https": "fail"},
    "html": {"metadata.found": "fail"},
    "404": {"metadata.found": "fail"},
    "500": {"connection.reachable": "fail"},
    "redirect": {"metadata.found": "fail", "metadata.redirects": "fail"},
    "empty": {"metadata.found": "fail"},
    "huge": {"metadata.found": "fail"},
    "moved_token_endpoint": {"endpoints.host": "warn"},
    "no_par": {},
    "par_without_endpoint": {"par": "fail"},
    "no_dpop": {},
    "other_dpop_algs": {"dpop": "fail"},
    "no_end_session": {},
    "no_offline_access": {},
    "other_protected_resources": {},
    "unknown_members": {},
    "401": {"metadata.found": "fail"},
    "403": {"metadata.found": "fail"},
    "410": {"metadata.found": "fail"},
    "503": {"connection.reachable": "fail"},
    "html_type": {"metadata.content_type": "warn"},
    "array": {"metadata.found": "fail"},
    "partial": {"metadata.found": "fail"},
    "redirect_same_host": {"metadata.found": "fail", "metadata.redirects": "fail"},
    "redirect_other_host": {"metadata.found": "fail", "metadata.redirects": "fail"},
    "redirect_http": {"metadata.found": "fail", "metadata.redirects": "fail"},
}
# A promise in the wrong type counts as none being made (RESP-4), and so does what a sign-in makes no use of.
NOT_IN_THE_WAY = ("text_iss_parameter", "other_dpop_algs")


@pytest.mark.parametrize("fault", FAULTS)
def test_META_6_a_fault_of_the_metadata_is_found_and_keeps_a_sign_in_from_beginning(
    demo_provider: DemoProvider, transport: Transport, fault: str
) -> None:
    demo_provider.faults(metadata=fault)
    provider = Provider(id="demo", issuer=demo_provider.issuer, client_id="tokenkeep-demo", local=True)
    report = check_provider(transport, provider, wall=time.time())
    assert bad(report) == FAULTS[fault]
    assert report.reachable is (fault not in ("500", "503"))
    refused = False
    try:
        found = metadata.discover(transport, provider)
        pushed.is_pushed(found)
        authorization.begin(provider, found, "http://127.0.0.1:5/callback/x")
    except TokenKeepError:
        refused = True
    assert refused is (report.failed and fault not in NOT_IN_THE_WAY)


@pytest.mark.parametrize("fault", BY_NAME["metadata"].values)
def test_META_6_what_keeps_a_sign_in_from_beginning_fails_a_rule(
    demo_provider: DemoProvider, transport: Transport, fault: str
) -> None:
    demo_provider.faults(metadata=fault)
    provider = Provider(id="demo", issuer=demo_provider.issuer, client_id="tokenkeep-demo", local=True)
    report = check_provider(transport, provider, wall=time.time())
    try:
        metadata.discover(transport, provider)
    except TokenKeepError:
        assert report.failed


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("500", "jwks.reachable"),
        ("503", "jwks.reachable"),
        ("html", "jwks.reachable"),
        ("redirect", "jwks.reachable"),
        ("empty", "jwks.keys_usable"),
        ("enc_only", "jwks.keys_usable"),
        ("401", "jwks.reachable"),
        ("404", "jwks.reachable"),
        ("huge", "jwks.reachable"),
        ("array", "jwks.reachable"),
        ("text_keys", "jwks.reachable"),
    ],
)
def test_OIDC_7_a_fault_of_the_key_set_is_found(
    demo_provider: DemoProvider, transport: Transport, fault: str, rule: str
) -> None:
    demo_provider.faults(jwks=fault)
    report = check_issuer(transport, demo_provider.issuer, wall=time.time())
    assert bad(report)[rule] == "fail"


@pytest.mark.parametrize("fault", ["slash_issuer", "404", "no_token_endpoint", "redirect"])
def test_META_6_a_sign_in_that_fails_at_the_metadata_points_at_the_check(
    demo_provider: DemoProvider, transport: Transport, fault: str
) -> None:
    demo_provider.faults(metadata=fault)
    provider = Provider(id="example-ai", issuer=demo_provider.issuer, client_id="c", local=True)
    with pytest.raises(ProviderError) as failure:
        metadata.discover(transport, provider)
    assert failure.value.hint.endswith("`tokenkeep check example-ai` says more.")


def test_a_check_asks_for_no_token_and_shows_nobody_in(demo_provider: DemoProvider, transport: Transport) -> None:
    check_issuer(transport, demo_provider.issuer, wall=time.time())
    check_resource(transport, demo_provider.whoami, wall=time.time())
    entries = demo_provider.log()
    assert {entry["method"] for entry in entries} == {"GET"}
    assert not {entry["path"] for entry in entries} & {"/token", "/authorize", "/device_authorization", "/revoke"}


def test_an_independent_provider_passes(oidc_provider: OidcProviderPeer, transport: Transport) -> None:
    report = check_issuer(transport, oidc_provider.issuer, wall=time.time())
    assert not report.failed, bad(report)
    passed = {rule.id for rule in report.of(Outcome.PASS)}
    assert {"metadata.issuer_equal", "pkce.s256_listed", "response_iss", "jwks.alg", "grant.refresh"} <= passed
