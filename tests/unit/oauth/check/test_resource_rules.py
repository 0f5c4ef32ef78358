"""Each rule of a protected resource, and what an address is taken for."""

from __future__ import annotations

from typing import Any

import pytest

from support.checked_site import Site, found
from support.oauth_values import NOW
from support.scripted_server import Reply, answer, json_answer
from tokenkeep.domain.check import CheckReport, Outcome
from tokenkeep.oauth.check import check_resource

PRM = "/.well-known/oauth-protected-resource"


class Protected:
    """A resource at `/api` with its metadata."""

    def __init__(self, site: Site) -> None:
        self.site, self.url = site, f"{site.server.origin}/api"
        self.document: dict[str, Any] = {"resource": self.url, "authorization_servers": [site.server.origin]}
        named = f'Bearer realm="x", resource_metadata="{site.server.origin}{PRM}/api"'
        self.challenge: Reply = answer(401, "", {"WWW-Authenticate": named})

    def check(self, **changes: Any) -> CheckReport:
        self.site.publish()
        self.site.server.reply("/api", self.challenge)
        self.site.server.reply(f"{PRM}/api", json_answer(self.document | changes))
        return check_resource(self.site.transport, self.url, wall=NOW)


@pytest.fixture
def resource(site: Site) -> Protected:
    return Protected(site)


def test_a_good_resource_and_its_server_pass(resource: Protected) -> None:
    report = resource.check()
    assert not [rule for rule in report.rules if rule.needs_somebody]
    ids = [rule.id for rule in report.rules]
    assert {"resource.equal", "resource.challenge", "metadata.issuer_equal", "pkce.s256_listed"} <= set(ids)
    assert len(ids) == len(set(ids))
    assert report.issuer == resource.site.server.origin


@pytest.mark.parametrize(
    ("changes", "rule", "outcome", "words"),
    [
        ({"resource": "https://other.invalid/api"}, "resource.equal", "fail", "https://other.invalid/api"),
        ({"resource": None}, "resource.equal", "fail", "nothing"),
        ({"authorization_servers": []}, "resource.authorization_servers", "fail", "none"),
        ({"authorization_servers": ["team.example"]}, "resource.authorization_servers", "fail", "team.example"),
        ({"bearer_methods_supported": ["query"]}, "resource.bearer_methods", "fail", "Required: header."),
    ],
)
def test_PRM_3_what_is_wrong_is_said(
    resource: Protected, changes: dict[str, Any], rule: str, outcome: str, words: str
) -> None:
    finding = found(resource.check(**changes), rule)
    assert finding.outcome.value == outcome
    assert words in finding.detail


@pytest.mark.parametrize("told", ["{url}/", "{url}/deeper", "{origin}", "{origin}/"])
def test_PRM_3_a_document_of_a_neighbouring_address_is_of_another_resource(resource: Protected, told: str) -> None:
    origin = resource.site.server.origin
    finding = found(resource.check(resource=told.format(url=resource.url, origin=origin)), "resource.equal")
    assert finding.outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("challenge", "outcome"),
    [
        (answer(401), "fail"),
        (answer(401, "", {"WWW-Authenticate": "Basic realm=x"}), "fail"),
        (answer(401, "", {"WWW-Authenticate": "Bearer"}), "warn"),
        (answer(200, "{}"), "skip"),
    ],
    ids=["none", "Basic", "no metadata", "open"],
)
def test_WWW_1_the_challenge_is_looked_at(resource: Protected, challenge: Reply, outcome: str) -> None:
    resource.challenge = challenge
    assert found(resource.check(), "resource.challenge").outcome.value == outcome


def test_PRM_4_a_document_of_the_whole_host_counts_at_its_own_address(resource: Protected) -> None:
    site = resource.site
    site.publish()
    site.server.reply("/api", answer(401, "", {"WWW-Authenticate": "Bearer"}))
    site.server.reply(PRM, json_answer({"resource": site.server.origin, "authorization_servers": [site.server.origin]}))
    report = check_resource(site.transport, resource.url, wall=NOW)
    assert found(report, "resource.equal").outcome is Outcome.PASS
    assert found(report, "resource.metadata_found").detail == f"Published at {PRM}."


def test_a_401_without_a_document_is_a_resource_that_fails(resource: Protected) -> None:
    resource.site.server.reply("/api", answer(401, "", {"WWW-Authenticate": "Bearer"}))
    report = check_resource(resource.site.transport, resource.url, wall=NOW)
    assert found(report, "resource.metadata_found").outcome is Outcome.FAIL
    assert f"{PRM}/api" in found(report, "resource.metadata_found").advice


def test_an_address_that_is_no_resource_is_checked_as_an_issuer(site: Site) -> None:
    site.publish()
    report = check_resource(site.transport, site.server.origin, wall=NOW)
    assert not report.failed
    assert not [rule for rule in report.rules if rule.id.startswith("resource.")]


def test_NET_3_a_server_in_a_private_network_that_nobody_named_is_not_asked(resource: Protected) -> None:
    report = resource.check(authorization_servers=["https://10.0.0.1"])
    assert "private network" in found(report, "metadata.found").detail
