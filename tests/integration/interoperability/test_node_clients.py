"""Clients that are not ours at the demo provider: what these libraries check, the demo keeps."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from support.demo_provider import Browser, DemoProvider
from support.homes import MakeHome
from support.peer_client import PeerClient, PeerFailedError

pytestmark = pytest.mark.peer
ONE = "oauth4webapi"
NAMES = (ONE, "openid-client")


@pytest.fixture(params=NAMES)
def client(request: pytest.FixtureRequest, demo_provider: DemoProvider, make_home: MakeHome) -> PeerClient:
    return PeerClient(request.param, make_home(), demo_provider.sign_in, demo_provider.approve_device)


def settings(demo: DemoProvider) -> dict[str, Any]:
    return {"issuer": demo.issuer, "client_id": demo.client_id, "api": demo.whoami}


def test_DEMO_2_sign_in_userinfo_rotation_and_revocation(client: PeerClient, demo_provider: DemoProvider) -> None:
    said = client.run("code", **settings(demo_provider))
    assert said == {
        "sub": "demo-ada", "name": "Ada Lovelace", "token_type": "bearer", "rotated": True, "used": 200, "revoked": 401
    }  # fmt: skip


@pytest.mark.parametrize("algorithm", ["oauth2", "oidc"])
def test_DEMO_5_both_forms_of_metadata(client: PeerClient, demo_provider: DemoProvider, algorithm: str) -> None:
    said = client.run("code", **settings(demo_provider), algorithm=algorithm)
    assert said["used"] == 200


def test_DEMO_5_device_grant(client: PeerClient, demo_provider: DemoProvider) -> None:
    said = client.run("device", **settings(demo_provider))
    assert said == {"sub": "demo-ada", "used": 200}


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"iss": "wrong"}, "iss"),
        ({"iss": "missing"}, "iss"),
        ({"state": "wrong"}, "state"),
        ({"dup": "state"}, "state"),
        ({"id_token": "wrong_nonce"}, "nonce"),
        ({"id_token": "wrong_aud"}, "aud"),
        ({"id_token": "bad_signature"}, "signature"),
        ({"id_token": "expired"}, "exp"),
        ({"userinfo": "other_sub"}, "sub"),
        ({"metadata": "wrong_issuer"}, "issuer"),
        ({"exchange": "array"}, "body"),
        ({"exchange": "missing_access_token"}, "access_token"),
    ],
    ids=lambda value: "=".join(*value.items()) if isinstance(value, dict) else "",
)
def test_DEMO_3_faults_are_faults_to_others_too(
    client: PeerClient, demo_provider: DemoProvider, faults: dict[str, str], code: str
) -> None:
    """A switch that only our own client minded would prove nothing."""
    demo_provider.faults(**faults)
    with pytest.raises(PeerFailedError, match=rf"(?i){code}"):
        client.run("code", **settings(demo_provider))


def test_DEMO_3_denied_consent_reaches_others(client: PeerClient, demo_provider: DemoProvider) -> None:
    client.open_address = partial(demo_provider.sign_in, allow=False)
    with pytest.raises(PeerFailedError, match="access_denied"):
        client.run("code", **settings(demo_provider))


@pytest.mark.parametrize("auth", ["basic", "post"])
def test_DEMO_5_a_confidential_client_by_both_ways_of_its_secret(
    client: PeerClient, demo_provider: DemoProvider, auth: str
) -> None:
    known = demo_provider.description["clients"]["confidential"]
    confidential = {"client_id": known["client_id"], "secret": known["client_secret"], "auth": auth}
    said = client.run("code", **settings(demo_provider) | confidential)
    assert said["used"] == 200


def test_DEMO_5_client_credentials_and_introspection(client: PeerClient, demo_provider: DemoProvider) -> None:
    known = demo_provider.description["clients"]["service"]
    said = client.run(
        "client_credentials",
        **settings(demo_provider) | {"client_id": known["client_id"], "secret": known["client_secret"]},
        scope="notes:read",
        introspect=True,
    )
    assert said == {"token_type": "bearer", "refresh_token": False, "active": True, "used": 200}


def test_DEMO_5_registration_and_a_sign_in_with_what_it_gave(client: PeerClient, demo_provider: DemoProvider) -> None:
    said = client.run("register", **settings(demo_provider))
    assert (said["used"], said["revoked"]) == (200, 401)
    assert demo_provider.count("/register.ok") == 1


def test_DEMO_5_a_client_with_a_key(demo_provider: DemoProvider, make_home: MakeHome) -> None:
    client = PeerClient(ONE, make_home(), demo_provider.sign_in, demo_provider.approve_device)
    known = demo_provider.description["clients"]["private_key_jwt"]
    with_key = {"client_id": known["client_id"], "auth": "private_key_jwt", "key": known["private_jwk"]}
    assert client.run("code", **settings(demo_provider) | with_key)["used"] == 200
    said = client.run("client_credentials", **settings(demo_provider) | with_key, scope="notes:read", introspect=True)
    assert (said["active"], said["used"]) == (True, 200)


def test_DEMO_5_from_a_resource_to_a_token_that_only_it_takes(demo_provider: DemoProvider, make_home: MakeHome) -> None:
    client = PeerClient(ONE, make_home(), demo_provider.sign_in, demo_provider.approve_device)
    said = client.run(
        "resource",
        client_id=demo_provider.client_id,
        scope="openid notes:read",
        resource_url=demo_provider.resource,
        api=demo_provider.whoami,
        elsewhere=f"{demo_provider.issuer}/v1/models",
    )
    assert said == {"used": 200, "elsewhere": 401}


@pytest.mark.parametrize("ways", [{"par": True}, {"dpop": True}, {"par": True, "dpop": True}], ids="+".join)
def test_DEMO_5_pushed_requests_and_tokens_bound_to_a_key(
    client: PeerClient, demo_provider: DemoProvider, ways: dict[str, bool]
) -> None:
    said = client.run("code", **settings(demo_provider), **ways)
    assert (said["used"], said["revoked"]) == (200, 401)
    assert said["token_type"] == ("dpop" if "dpop" in ways else "bearer")
    assert demo_provider.count("/par.ok") == ("par" in ways)


def test_DPOP_4_nonces_that_each_server_asks_for(client: PeerClient, demo_provider: DemoProvider) -> None:
    demo_provider.faults(as_nonce="required", rs_nonce="required")
    assert client.run("code", **settings(demo_provider), dpop=True)["used"] == 200


def test_OUT_1_the_address_that_ends_the_session(demo_provider: DemoProvider, make_home: MakeHome) -> None:
    client = PeerClient("openid-client", make_home(), demo_provider.sign_in, demo_provider.approve_device)
    back = "http://127.0.0.1:53684/signed-out"
    address = client.run("logout", **settings(demo_provider), post_logout_redirect_uri=back, state="S")
    browser = Browser(demo_provider)
    browser.sign_in(demo_provider.authorization_request().url)
    returned = browser.submit(browser.get(str(address)), decision="log_out")
    assert returned.headers["Location"] == f"{back}?state=S"
    assert 'id="password"' in browser.get(demo_provider.authorization_request().url).text, "logged out"
