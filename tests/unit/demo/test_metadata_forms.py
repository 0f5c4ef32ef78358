"""Where the demo provider's metadata stands: issuers with and without a path, each well-known form, rotating keys."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from support.demo_provider import DemoProvider

OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"


def statuses(provider: DemoProvider, *paths: str) -> list[int]:
    origin = provider.origin
    return [requests.get(origin + path, timeout=60, allow_redirects=False).status_code for path in paths]


def document(provider: DemoProvider, path: str) -> dict[str, Any]:
    members: dict[str, Any] = requests.get(provider.origin + path, timeout=60).json()
    return members


@pytest.mark.parametrize("path", ["/t1", "/t1/", "/a/b"])
def test_META_1_META_2_an_issuer_with_a_path_has_three_forms(
    start_demo: Callable[..., DemoProvider], path: str
) -> None:
    provider = start_demo(issuer_path=path)
    plain = path.removesuffix("/")
    forms = (OAUTH + plain, OPENID + plain, plain + OPENID)
    assert statuses(provider, *forms) == [200, 200, 200]
    # Neither the root, nor the form that no standard has, nor a second slash.
    assert statuses(provider, OAUTH, OPENID, plain + OAUTH, OAUTH + plain + "/", OAUTH + "/other") == [404] * 5
    documents = [document(provider, form) for form in forms]
    assert documents[0] == documents[1] == documents[2]
    assert documents[0]["issuer"] == provider.issuer == provider.origin + path
    # The endpoints that it names are there, and the issuer is the same everywhere.
    asked = provider.authorization_request()
    assert asked.url.startswith(documents[0]["authorization_endpoint"] + "?")
    callback = provider.sign_in(asked.url)
    assert parse_qs(urlsplit(callback).query)["iss"] == [provider.issuer]
    tokens = asked.exchange(callback).json()
    keys = KeySet.import_key_set(requests.get(documents[0]["jwks_uri"], timeout=60).json())
    assert jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims["iss"] == provider.issuer
    resource = document(provider, "/.well-known/oauth-protected-resource/api")
    assert resource["authorization_servers"] == [provider.issuer]


def test_META_1_each_form_can_be_the_only_one(start_demo: Callable[..., DemoProvider]) -> None:
    provider = start_demo(issuer_path="/t1")
    forms = {
        "inserted_oauth": [OAUTH + "/t1"],
        "inserted_openid": [OPENID + "/t1"],
        "appended_openid": ["/t1" + OPENID],
        "root": [OAUTH, OPENID],
    }
    addresses = [address for group in forms.values() for address in group]
    for form, standing in {**forms, "none": []}.items():
        provider.faults(well_known=form)
        assert statuses(provider, *addresses) == [200 if address in standing else 404 for address in addresses], form


@pytest.mark.parametrize(("form", "expected"), [("inserted_oauth", [200, 404]), ("appended_openid", [404, 200])])
def test_META_1_without_a_path_there_are_two_addresses(
    demo_provider: DemoProvider, form: str, expected: list[int]
) -> None:
    assert statuses(demo_provider, OAUTH, OPENID) == [200, 200]
    demo_provider.faults(well_known=form)
    assert statuses(demo_provider, OAUTH, OPENID) == expected


@pytest.mark.parametrize("status", ["401", "403", "410", "500", "503"])
def test_META_4_what_is_absent_can_answer_otherwise(demo_provider: DemoProvider, status: str) -> None:
    demo_provider.faults(well_known="none", well_known_absent=status)
    assert statuses(demo_provider, OAUTH) == [int(status)]
    demo_provider.faults(well_known_absent="html")
    page = requests.get(demo_provider.issuer + OAUTH, timeout=60)
    assert (page.status_code, page.headers["Content-Type"].partition(";")[0]) == (200, "text/html")


@pytest.mark.parametrize("overlap", [True, False])
def test_OIDC_7_keys_can_be_rotated(demo_provider: DemoProvider, overlap: bool) -> None:
    url = f"{demo_provider.issuer}/jwks.json"
    before = {key["kid"] for key in requests.get(url, timeout=60).json()["keys"]}
    newest = requests.post(f"{demo_provider.issuer}/keys/rotate", json={"overlap": overlap}, timeout=60).json()["keys"]
    after = {key["kid"] for key in requests.get(url, timeout=60).json()["keys"]}
    assert newest[0]["kid"] not in before
    assert (before <= after) == overlap
    asked = demo_provider.authorization_request()
    id_token = asked.exchange(demo_provider.sign_in(asked.url)).json()["id_token"]
    keys = KeySet.import_key_set(requests.get(url, timeout=60).json())
    assert jwt.decode(id_token, keys, algorithms=["RS256"]).header["kid"] == newest[0]["kid"]


def test_OIDC_7_another_site_cannot_rotate_the_keys(demo_provider: DemoProvider) -> None:
    url = f"{demo_provider.issuer}/keys/rotate"
    assert requests.post(url, data={"overlap": "true"}, timeout=60).status_code == 400
    assert requests.post(url, data="{}", headers={"Content-Type": "text/plain"}, timeout=60).status_code == 400
    assert requests.post(url, json={"overlap": "yes"}, timeout=60).status_code == 400


def test_OIDC_7_the_overlap_switch_keeps_the_old_key_published(demo_provider: DemoProvider) -> None:
    url = f"{demo_provider.issuer}/jwks.json"
    before = {key["kid"] for key in requests.get(url, timeout=60).json()["keys"]}
    demo_provider.faults(jwks="overlap")
    demo_provider.tokens()
    after = {key["kid"] for key in requests.get(url, timeout=60).json()["keys"]}
    assert before < after
    requests.post(f"{demo_provider.issuer}/keys/rotate", json={"overlap": False}, timeout=60)
