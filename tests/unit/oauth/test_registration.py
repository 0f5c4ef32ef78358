"""What is said of TokenKeep to a server that registers clients, and which answers are refused (RFC 7591, RFC 7592)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.scripted_server import ScriptedServer, json_answer
from tokenkeep.domain.errors import MalformedAnswer, Misconfigured, ProviderError
from tokenkeep.domain.provider import Flow, Provider
from tokenkeep.domain.registration import Registration
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import registration, registration_management
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.transport import Transport

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
URI = "http://127.0.0.1:5555/callback/x"


def entry(**changes: Any) -> Provider:
    return Provider(**({"id": "p", "name": "P", "issuer": "https://auth.example", "registration": "auto"} | changes))


def server_with(**members: Any) -> ServerMetadata:
    values = {"issuer": "https://auth.example", "token_endpoint": "https://auth.example/token"}
    return ServerMetadata(**(values | {"authorization_endpoint": "https://auth.example/authorize"} | members))


@pytest.mark.parametrize(
    ("configured", "offered", "method"),
    [
        ("auto", None, "none"),
        ("auto", ("none", "client_secret_basic"), "none"),
        ("auto", ("client_secret_post", "client_secret_basic"), "client_secret_basic"),
        ("auto", ("client_secret_post",), "client_secret_post"),
        ("auto", ("private_key_jwt", "client_secret_post"), "client_secret_post"),
        ("client_secret_post", ("none",), "client_secret_post"),
        ("private_key_jwt", None, "private_key_jwt"),
    ],
)
def test_DCR_1_the_method_is_always_said(configured: str, offered: tuple[str, ...] | None, method: str) -> None:
    server = server_with(token_endpoint_auth_methods_supported=offered)
    keys = {"keys": [{"kty": "EC"}]}
    said = registration.request_metadata(entry(client_auth=configured), server, (URI,), keys)
    assert said["token_endpoint_auth_method"] == method
    assert said.get("jwks") == (keys if method == "private_key_jwt" else None)


@pytest.mark.parametrize(
    ("uris", "offered", "device", "grants"),
    [
        ((URI,), None, True, ["authorization_code", DEVICE, "refresh_token"]),
        ((URI,), None, False, ["authorization_code", "refresh_token"]),
        ((URI,), ("authorization_code",), False, ["authorization_code"]),
        ((), None, True, [DEVICE, "refresh_token"]),
    ],
)
def test_DCR_1_the_grants_are_those_that_will_be_used(uris: Any, offered: Any, device: bool, grants: list[str]) -> None:
    server = server_with(
        grant_types_supported=offered, device_authorization_endpoint="https://auth.example/device" if device else None
    )
    said = registration.request_metadata(entry(), server, uris)
    assert said["grant_types"] == grants
    assert said["response_types"] == (["code"] if uris else [])
    assert said.get("redirect_uris") == (list(uris) if uris else None)
    assert said["application_type"] == "native"


def test_OUT_1_where_the_browser_comes_back_from_a_log_out_is_registered_where_it_is_wanted() -> None:
    wanted = registration.request_metadata(entry(post_logout_redirect=True), server_with(), (URI,))
    origin = URI.partition("/callback")[0]
    assert wanted["post_logout_redirect_uris"] == [origin + entry().post_logout_path]
    assert "post_logout_redirect_uris" not in registration.request_metadata(entry(), server_with(), (URI,))


def test_DCR_1_a_machine_registers_its_own_grant_and_a_secret() -> None:
    said = registration.request_metadata(entry(flow=Flow.CLIENT_CREDENTIALS), server_with(), ())
    assert (said["grant_types"], said["token_endpoint_auth_method"]) == (["client_credentials"], "client_secret_basic")


def test_DCR_1_a_certificate_cannot_be_registered() -> None:
    with pytest.raises(Misconfigured, match="registered by hand"):
        registration.request_metadata(entry(client_auth="tls_client_auth", tls_client_cert="/x"), server_with(), (URI,))


@pytest.fixture
def provider(server: ScriptedServer) -> Provider:
    return entry(issuer=server.origin, local=True)


@pytest.fixture
def metadata(server: ScriptedServer) -> ServerMetadata:
    return server_with(issuer=server.origin, registration_endpoint=server.origin + "/register")


def registered(transport: Transport, provider: Provider, metadata: ServerMetadata, **given: Any) -> Registration:
    wanted = registration.request_metadata(provider, metadata, (URI,), {"keys": []})
    return registration.register(transport, provider, metadata, wanted, **given)


def answered(server: ScriptedServer, status: int = 201, **members: Any) -> None:
    body = {
        "client_id": "c1",
        "redirect_uris": [URI],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
    }
    server.reply("/register", json_answer({k: v for k, v in (body | members).items() if v is not ...}, status))


@pytest.mark.parametrize(
    "members",
    [
        {"client_id": None},
        {"client_id": "line\nbreak"},
        {"client_id": "x" * 3000},
        {"redirect_uris": URI},
        {"redirect_uris": [7]},
        {"grant_types": "authorization_code"},
        {"token_endpoint_auth_method": 7},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "client_secret_basic", "client_secret": 7},
        {"token_endpoint_auth_method": "client_secret_post", "client_secret": "s", "client_secret_expires_at": -1},
        {"token_endpoint_auth_method": "client_secret_post", "client_secret": "s", "client_secret_expires_at": True},
    ],
    ids=str,
)
def test_DCR_2_malformed_members_are_refused(server, transport, provider, metadata, members: dict[str, Any]) -> None:
    answered(server, **members)
    with pytest.raises(MalformedAnswer):
        registered(transport, provider, metadata)


def test_DCR_2_another_success_than_200_and_201_is_none(server, transport, provider, metadata) -> None:
    answered(server, 202)
    with pytest.raises(MalformedAnswer, match="status 202"):
        registered(transport, provider, metadata)


def test_DCR_3_a_secret_without_a_method_means_basic(server, transport, provider, metadata) -> None:
    answered(server, client_secret="s-canary", client_secret_expires_at=0)
    found = registered(transport, provider, metadata)
    assert (found.method, found.secret, found.expires_at) == ("client_secret_basic", Secret("s-canary"), None)
    assert "s-canary" not in repr(found)


@pytest.mark.parametrize("method", ["client_secret_jwt", "tls_client_auth", "private_key_jwt\n"])
def test_DCR_3_a_method_that_we_do_not_have_stops_it(server, transport, provider, metadata, method: str) -> None:
    answered(server, token_endpoint_auth_method=method)
    with pytest.raises(registration.RegistrationRefused, match="in place of none"):
        registered(transport, provider, metadata)


def test_DCR_3_what_the_answer_leaves_out_is_what_was_asked(server, transport, provider, metadata) -> None:
    answered(server, redirect_uris=..., grant_types=..., response_types=...)
    found = registered(transport, provider, metadata)
    assert (found.redirect_uris, found.grant_types) == ((URI,), ("authorization_code", "refresh_token"))


def test_DCR_3_scopes_that_were_not_registered_are_not_asked_for(server, transport, provider, metadata) -> None:
    asking = provider.model_copy(update={"scopes": ["openid", "profile", "admin"]})
    answered(server, scope="profile openid")
    assert registered(transport, asking, metadata).entry(asking).scopes == ["openid", "profile"]


def test_DCR_5_an_initial_access_token_is_shown_as_a_bearer(server, transport, provider, metadata) -> None:
    answered(server)
    registered(transport, provider, metadata, initial_access_token=Secret("initial-canary"))
    registered(transport, provider, metadata)
    first, second = server.requests
    assert (first.header("Authorization"), second.header("Authorization")) == ("Bearer initial-canary", None)
    assert first.header("Content-Type") == "application/json"
    assert json.loads(first.body)["redirect_uris"] == [URI]


@pytest.mark.parametrize(
    ("uri", "managed"),
    [
        ("{origin}/register/c1", True),
        ("{origin}/elsewhere?client_id=c1", True),
        ("http://127.0.0.1:1/register/c1", False),
        ("https://elsewhere.example/register/c1", False),
        ("/register/c1", False),
        ("{origin}/register/c1#x", False),
        (7, False),
        (None, False),
    ],
)
def test_DCR_7_the_management_is_at_the_same_server(server, transport, provider, metadata, uri: Any, managed) -> None:
    address = uri.format(origin=server.origin) if isinstance(uri, str) else uri
    answered(server, registration_client_uri=address, registration_access_token="manage-canary")
    found = registered(transport, provider, metadata)
    assert found.managed is managed
    assert "manage-canary" not in repr(found)


def known(server: ScriptedServer, **changes: Any) -> Registration:
    values: dict[str, Any] = {
        "issuer": server.origin,
        "provider": "p",
        "client_id": "c1",
        "registered_at": 1.0,
        "metadata": {"redirect_uris": [URI], "grant_types": ["authorization_code"], "response_types": ["code"]},
        "access_token": Secret("manage-1"),
        "management_uri": server.origin + "/register",
    }
    return Registration(**(values | changes))


def test_DCR_7_an_answer_about_another_client_is_not_believed(server, transport, provider) -> None:
    answered(server, 200, client_id="c2")
    with pytest.raises(MalformedAnswer, match="another client"):
        registration_management.read(transport, provider, known(server))


def test_DCR_7_a_new_address_at_another_server_ends_the_management(server, transport, provider) -> None:
    answered(server, 200, registration_client_uri="https://elsewhere.example/x", registration_access_token="manage-2")
    assert not registration_management.read(transport, provider, known(server)).managed


def test_DCR_7_what_an_answer_does_not_repeat_stays(server, transport, provider) -> None:
    secret = {"token_endpoint_auth_method": "client_secret_basic"}
    before = known(server, secret=Secret("s"), secret_at=5.0, metadata={**known(server).metadata, **secret})
    answered(server, 200, client_secret_expires_at=0, **secret)
    after = registration_management.read(transport, provider, before)
    assert (after.secret, after.secret_at, after.access_token) == (Secret("s"), 5.0, Secret("manage-1"))


@pytest.mark.parametrize(
    ("status", "outcome"), [(204, "deleted"), (200, "deleted"), (401, "gone"), (404, "gone"), (405, "unsupported")]
)
def test_DCR_8_deleting_is_told_by_the_status(server, transport, provider, status: int, outcome: str) -> None:
    answered(server, status)
    assert registration_management.delete(transport, provider, known(server)) == outcome
    assert server.requests[0].header("Authorization") == "Bearer manage-1"


def test_DCR_8_what_cannot_be_managed_is_not_asked_for(server, transport, provider) -> None:
    outcome = registration_management.delete(transport, provider, known(server, management_uri=""))
    assert (outcome, server.requests) == ("unsupported", [])


def test_DCR_8_a_refusal_is_an_error(server, transport, provider) -> None:
    answered(server, 403)
    with pytest.raises(ProviderError):
        registration_management.delete(transport, provider, known(server))
