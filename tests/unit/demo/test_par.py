"""Pushed authorization requests at the demo provider (RFC 9126)."""

import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey

from support.demo_provider import AuthorizationRequest, Browser, DemoProvider
from tokenkeep.demo.faults.par_answers import CHANGES
from tokenkeep.demo.faults.table import BY_NAME


def push(provider: DemoProvider, parameters: dict[str, str], **more: Any) -> requests.Response:
    return requests.post(f"{provider.issuer}/par", data=parameters, timeout=60, allow_redirects=False, **more)


def pushed(provider: DemoProvider, **changes: str) -> tuple[AuthorizationRequest, str]:
    """A request, and the browser address after it was pushed."""
    asked = provider.authorization_request(**changes)
    answer = push(provider, asked.parameters)
    assert answer.status_code == 201, answer.text
    return asked, address(provider, answer.json()["request_uri"])


def address(provider: DemoProvider, request_uri: str, **more: str) -> str:
    query = {"client_id": provider.client_id, "request_uri": request_uri} | more
    return f"{provider.issuer}/authorize?{urlencode(query)}"


def test_PAR_1_a_pushed_request_signs_in(demo_provider: DemoProvider) -> None:
    asked = demo_provider.authorization_request(login_hint="grace")
    answer = push(demo_provider, asked.parameters)
    assert (answer.status_code, answer.json()["expires_in"]) == (201, 90)
    assert answer.headers["Cache-Control"] == "no-store"
    uri = answer.json()["request_uri"]
    assert uri.startswith("urn:ietf:params:oauth:request_uri:")
    callback = demo_provider.sign_in(address(demo_provider, uri), "grace")
    assert parse_qs(urlsplit(callback).query)["state"] == [asked.parameters["state"]]
    assert asked.exchange(callback).status_code == 200


def test_PAR_2_nothing_but_client_id_and_request_uri_counts(demo_provider: DemoProvider) -> None:
    asked, url = pushed(demo_provider)
    evil = {"state": "other", "scope": "openid", "redirect_uri": "https://evil.test/", "code_challenge": "a" * 43}
    callback = demo_provider.sign_in(f"{url}&{urlencode(evil)}")
    assert parse_qs(urlsplit(callback).query)["state"] == [asked.parameters["state"]]
    assert asked.exchange(callback).json()["scope"] == asked.parameters["scope"]
    names = demo_provider.log("/authorize")[0]["query"]
    assert names == sorted([*evil, "client_id", "request_uri"])


@pytest.mark.parametrize("allow", [True, False])
def test_PAR_3_a_request_uri_is_good_once(demo_provider: DemoProvider, allow: bool) -> None:
    _, url = pushed(demo_provider)
    browser = Browser(demo_provider)
    assert "Location" not in browser.get(url).headers
    # Looking at it again in the same browser is the same use.
    browser.sign_in(url, allow=allow)
    again = browser.get(url)
    assert again.status_code == 400
    assert "Location" not in again.headers


def test_PAR_3_another_browser_cannot_open_it_a_second_time(demo_provider: DemoProvider) -> None:
    _, url = pushed(demo_provider)
    assert Browser(demo_provider).get(url).status_code == 200
    assert Browser(demo_provider).get(url).status_code == 400


def test_PAR_3_it_expires(start_demo: Callable[..., DemoProvider]) -> None:
    provider = start_demo(par_lifetime=0)
    _, url = pushed(provider)
    page = Browser(provider).get(url)
    assert page.status_code == 400
    assert "expired" in page.text


@pytest.mark.parametrize("uri", ["urn:ietf:params:oauth:request_uri:made-up", "https://evil.test/request", ""])
def test_PAR_3_an_unknown_request_uri_ends_on_a_page(demo_provider: DemoProvider, uri: str) -> None:
    page = Browser(demo_provider).get(address(demo_provider, uri))
    assert page.status_code == 400
    assert "Location" not in page.headers


def test_PAR_3_a_request_uri_belongs_to_its_client(demo_provider: DemoProvider) -> None:
    _, url = pushed(demo_provider)
    other = demo_provider.description["clients"]["confidential"]["client_id"]
    for changed in (url.replace(demo_provider.client_id, other), url + "&client_id=x", url.partition("&")[2]):
        wrong = changed if "?" in changed else f"{demo_provider.issuer}/authorize?{changed}"
        assert Browser(demo_provider).get(wrong).status_code == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"request_uri": "urn:x"}, "invalid_request"),
        ({"redirect_uri": "https://evil.test/"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"resource": "https://evil.test/"}, "invalid_target"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"state": ""}, "invalid_request"),
    ],
)
def test_PAR_1_a_bad_request_is_refused_at_once_and_never_by_redirect(
    demo_provider: DemoProvider, changes: dict[str, str], error: str
) -> None:
    answer = push(demo_provider, demo_provider.authorization_request().parameters | changes)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] == error
    assert "Location" not in answer.headers


def test_PAR_1_the_client_authenticates_as_at_the_token_endpoint(demo_provider: DemoProvider) -> None:
    client = demo_provider.description["clients"]["confidential"]
    asked = demo_provider.authorization_request(client_id=client["client_id"])
    assert push(demo_provider, asked.parameters).json()["error"] == "invalid_client"
    secret = {"client_secret": client["client_secret"]}
    answer = push(demo_provider, asked.parameters | secret)
    assert answer.status_code == 201
    query = {"client_id": client["client_id"], "request_uri": answer.json()["request_uri"]}
    callback = demo_provider.sign_in(f"{demo_provider.issuer}/authorize?{urlencode(query)}")
    assert asked.exchange(callback, client_id=client["client_id"], **secret).status_code == 200


def test_PAR_1_a_proof_binds_the_code(demo_provider: DemoProvider) -> None:
    key, url = ECKey.generate_key("P-256"), f"{demo_provider.issuer}/par"
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}

    def proof() -> dict[str, str]:
        claims = {"jti": secrets.token_hex(8), "htm": "POST", "htu": url, "iat": int(time.time())}
        return {"DPoP": jwt.encode(header, claims, key)}

    asked = demo_provider.authorization_request()
    other = push(demo_provider, asked.parameters | {"dpop_jkt": "A" * 43}, headers=proof())
    assert other.json()["error"] == "invalid_request"
    answer = push(demo_provider, asked.parameters, headers=proof())
    callback = demo_provider.sign_in(address(demo_provider, answer.json()["request_uri"]))
    assert asked.exchange(callback).json()["error"] == "invalid_grant"


def test_PAR_1_pushing_can_be_required(start_demo: Callable[..., DemoProvider]) -> None:
    provider = start_demo(require_par=True)
    document = requests.get(f"{provider.issuer}/.well-known/oauth-authorization-server", timeout=60).json()
    assert document["require_pushed_authorization_requests"] is True
    assert document["pushed_authorization_request_endpoint"] == f"{provider.issuer}/par"
    plain = Browser(provider).get(provider.authorization_request().url)
    assert parse_qs(urlsplit(plain.headers["Location"]).query)["error"] == ["invalid_request"]
    asked, url = pushed(provider)
    assert asked.exchange(provider.sign_in(url)).status_code == 200


@pytest.mark.parametrize("fault", BY_NAME["par"].values)
def test_DEMO_3_every_par_fault_changes_the_answer(demo_provider: DemoProvider, fault: str) -> None:
    parameters = demo_provider.authorization_request().parameters
    demo_provider.faults(par=f"{fault}*1")
    answer = push(demo_provider, parameters)
    if fault == "expired":
        assert Browser(demo_provider).get(address(demo_provider, answer.json()["request_uri"])).status_code == 400
    elif fault in CHANGES:
        members = answer.json()
        right = isinstance(members.get("request_uri"), str) and isinstance(members.get("expires_in"), int)
        assert (answer.status_code, right) == ((200, True) if fault == "200" else (201, False))
    elif fault == "html":
        assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (201, "text/html")
    else:
        assert answer.status_code in (307, 400, 401) if not fault.isdigit() else answer.status_code == int(fault)
    assert push(demo_provider, parameters).status_code == 201
