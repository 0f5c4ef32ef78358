"""The fault switches of the protected resources: metadata, challenges, answers, resource indicators."""

from typing import Any

import pytest
import requests

from support.demo_provider import DemoProvider
from tokenkeep.demo.faults.table import BY_NAME

WELL_KNOWN = "/.well-known/oauth-protected-resource"


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, allow_redirects=False, timeout=60)


def challenge(provider: DemoProvider, path: str = "/notes") -> str | None:
    return get(provider.resource + path).headers.get("WWW-Authenticate")


def members(provider: DemoProvider, path: str = "/api") -> dict[str, Any]:
    found: dict[str, Any] = get(provider.issuer + WELL_KNOWN + path).json()
    return found


@pytest.mark.parametrize("fault", BY_NAME["prm"].values)
def test_DEMO_3_every_prm_fault_changes_the_document(demo_provider: DemoProvider, fault: str) -> None:
    honest = members(demo_provider)
    demo_provider.faults(prm=f"{fault}*1")
    answer = get(demo_provider.issuer + WELL_KNOWN + "/api")
    if answer.status_code == 200 and answer.headers["Content-Type"] == "application/json":
        assert answer.json() != honest
    else:
        assert fault.isdigit() or fault in ("html", "empty", "redirect", "redirect_other_host")
    assert members(demo_provider) == honest


@pytest.mark.parametrize(
    ("fault", "member", "value"),
    [
        ("evil", "authorization_servers", ["{trap}"]),
        ("slash", "resource", "{api}/"),
        ("other_case", "resource", "{origin}/API"),
        ("parent", "resource", "{origin}"),
        ("parent_prefix", "resource", "{origin}/ap"),
        ("no_servers", "authorization_servers", None),
        ("empty_servers", "authorization_servers", []),
        ("duplicate_servers", "authorization_servers", ["{origin}", "{origin}"]),
        ("no_scopes", "scopes_supported", None),
    ],
)
def test_PRM_3_PRM_6_what_the_prm_switch_writes(
    demo_provider: DemoProvider, fault: str, member: str, value: object
) -> None:
    demo_provider.faults(prm=fault)
    trap, origin = demo_provider.description["trap"], demo_provider.issuer

    def filled(text: str) -> str:
        return text.format(trap=trap, origin=origin, api=f"{origin}/api")

    wanted = [filled(item) for item in value] if isinstance(value, list) else value
    assert members(demo_provider).get(member) == (filled(wanted) if isinstance(wanted, str) else wanted)


def test_PRM_8_signed_metadata_can_contradict_the_plain(demo_provider: DemoProvider) -> None:
    from joserfc import jwt
    from joserfc.jwk import KeySet

    demo_provider.faults(prm="signed")
    found = members(demo_provider)
    keys = KeySet.import_key_set(get(f"{demo_provider.issuer}/jwks.json").json())
    claims = jwt.decode(found["signed_metadata"], keys, algorithms=["RS256"]).claims
    assert claims["authorization_servers"] != found["authorization_servers"] == [demo_provider.issuer]


def test_PRM_2_the_document_can_stand_at_one_form_alone(demo_provider: DemoProvider) -> None:
    def standing() -> list[int]:
        return [get(demo_provider.issuer + WELL_KNOWN + path).status_code for path in ("/api", "")]

    assert standing() == [200, 200]
    for form, expected in (("path", [200, 404]), ("root", [404, 200]), ("none", [404, 404])):
        demo_provider.faults(prm_form=form)
        assert standing() == expected


def test_PRM_7_the_authorization_server_can_move(demo_provider: DemoProvider) -> None:
    demo_provider.faults(prm_servers='["http://127.0.0.1:1", "http://127.0.0.1:2"]')
    assert members(demo_provider)["authorization_servers"] == ["http://127.0.0.1:1", "http://127.0.0.1:2"]


@pytest.mark.parametrize("fault", BY_NAME["challenge"].values)
def test_DEMO_3_every_challenge_fault_changes_the_header(demo_provider: DemoProvider, fault: str) -> None:
    honest = challenge(demo_provider)
    assert honest is not None
    demo_provider.faults(challenge=f"{fault}*1")
    changed = challenge(demo_provider)
    assert changed != honest
    assert (changed is None) == (fault == "none")
    assert challenge(demo_provider) == honest


@pytest.mark.parametrize(
    ("fault", "present", "absent"),
    [
        ("bare", "Bearer", "="),
        ("token68", "Negotiate YWJj==, Bearer realm=", "scope=evil"),
        ("quoted_comma", 'realm="a, scope=evil"', 'scope="notes:read"'),
        ("quoted_pairs", r"\"y\", resource_metadata=\"http", 'metadata="'),
        ("token_scope", "scope=openid,", 'scope="'),
        ("dup_scope", 'scope="openid", scope="profile"', "notes:read"),
        ("no_metadata", 'scope="notes:read"', "resource_metadata"),
        ("no_scope", "resource_metadata", "scope"),
        ("other_scope", 'scope="profile"', "notes:read"),
        ("trap_metadata", 'resource_metadata="{trap}', "{origin}"),
        ("link_local_metadata", 'resource_metadata="http://169.254.169.254/', "{origin}"),
        ("file_metadata", 'resource_metadata="file:', "{origin}"),
    ],
)
def test_WWW_1_WWW_2_what_the_challenge_switch_writes(
    demo_provider: DemoProvider, fault: str, present: str, absent: str
) -> None:
    demo_provider.faults(challenge=fault)
    header = challenge(demo_provider) or ""
    trap, origin = demo_provider.description["trap"], demo_provider.issuer
    assert present.replace("{trap}", trap).replace("{origin}", origin) in header
    assert absent.replace("{trap}", trap).replace("{origin}", origin) not in header


def test_WWW_1_two_challenges_can_come_in_two_lines(demo_provider: DemoProvider) -> None:
    demo_provider.faults(challenge="two_lines")
    lines = get(f"{demo_provider.resource}/notes").raw.headers.getlist("WWW-Authenticate")
    assert [line.split()[0] for line in lines] == ["Basic", "Bearer"]


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("400", 400, 'error="invalid_request"'),
        ("401", 401, 'error="invalid_token"'),
        ("401_without_error", 401, None),
        ("403", 403, 'error="insufficient_scope"'),
        ("403_without_error", 403, None),
    ],
)
def test_WWW_3_the_resource_switch_answers_whatever_the_token(
    demo_provider: DemoProvider, fault: str, status: int, error: str | None
) -> None:
    token = demo_provider.tokens()["access_token"]
    demo_provider.faults(resource=fault)
    answer = demo_provider.call(token, "/notes")
    header = answer.headers["WWW-Authenticate"]
    assert answer.status_code == status
    assert (error in header) if error else ("error=" not in header)


def test_RES_1_resource_parameters_can_be_refused_or_ignored(demo_provider: DemoProvider) -> None:
    demo_provider.faults(resource_indicator="ignored")
    asked = demo_provider.authorization_request(resource="https://unknown.test/", scope="openid models:use")
    token = asked.exchange(demo_provider.sign_in(asked.url), resource="https://other.test/").json()["access_token"]
    models = get(f"{demo_provider.issuer}/v1/models", Authorization=f"Bearer {token}")
    assert (demo_provider.call(token).status_code, models.status_code) == (200, 200)
    demo_provider.faults(resource_indicator="refused")
    asked = demo_provider.authorization_request()
    answer = asked.exchange(demo_provider.sign_in(asked.url), resource=demo_provider.resource)
    assert answer.json()["error"] == "invalid_target"
    assert demo_provider.log("/token")[-1]["resources"] == [demo_provider.resource]
