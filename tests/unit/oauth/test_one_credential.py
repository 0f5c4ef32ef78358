"""Every endpoint that a client authenticates at gets exactly one credential, whichever method is set (CAUTH-1)."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.oauth_values import REDIRECT_URI, TOKENS, make_metadata, make_provider, make_tokens
from support.scripted_server import Recorded, ScriptedServer, json_answer
from support.tls import client_certificate, self_signed
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import authorization, device, introspection, pushed, refresh, revocation
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.client_certificate import ClientCertificate
from tokenkeep.oauth.server_metadata import ServerMetadata
from tokenkeep.oauth.signing_key import SigningKey
from tokenkeep.oauth.transport import Transport

KEY = SigningKey.make()
SECRET = Secret("p@ss:w+rd%")

Send = Callable[[Transport, Provider, ServerMetadata, ClientCredentials], object]


def code(transport: Transport, provider: Provider, server: ServerMetadata, credentials: ClientCredentials) -> object:
    attempt = authorization.begin(provider, server, REDIRECT_URI)
    return authorization.exchange(transport, attempt, Secret("CANARY-CODE"), credentials)


def push(transport: Transport, provider: Provider, server: ServerMetadata, credentials: ClientCredentials) -> object:
    return pushed.push(transport, authorization.begin(provider, server, REDIRECT_URI), credentials)


def poll(transport: Transport, provider: Provider, server: ServerMetadata, credentials: ClientCredentials) -> object:
    codes = device.DeviceAuthorization(Secret("CANARY-DC"), "UC", "https://x", None, 60, 5, None, 0, False)
    return device.poll(transport, provider, server, credentials, codes)


def renew(transport: Transport, provider: Provider, server: ServerMetadata, credentials: ClientCredentials) -> object:
    return refresh.refresh(transport, provider, server, make_tokens(), credentials)


def revoke(transport: Transport, provider: Provider, server: ServerMetadata, credentials: ClientCredentials) -> object:
    return revocation.revoke(transport, provider, server, Secret("CANARY-RT"), "refresh_token", credentials)


def ask(transport: Transport, provider: Provider, server: ServerMetadata, credentials: ClientCredentials) -> object:
    return introspection.introspect(transport, provider, server, Secret("CANARY-AT"), credentials)


ENDPOINTS: dict[str, tuple[str, Send]] = {
    "code": ("/token", code),
    "poll": ("/token", poll),
    "refresh": ("/token", renew),
    "device": ("/device", device.request_codes),
    "revocation": ("/revoke", revoke),
    "PAR": ("/par", push),
    "introspection": ("/introspect", ask),
}
METHODS = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth")
CODES = {
    "device_code": "CANARY-DC",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://auth.example.com/device",
    "expires_in": 60,
}


@dataclass
class Seen:
    """A server that asks for a certificate, and a client that has every kind of credential."""

    server: ScriptedServer
    transport: Transport
    certificates: list[dict[str, object] | None]

    def send(self, endpoint: str, credentials: ClientCredentials) -> Recorded:
        target, send = ENDPOINTS[endpoint]
        origin = self.server.origin
        more = {"pushed_authorization_request_endpoint": "par", "introspection_endpoint": "introspect"}
        metadata = make_metadata(origin, **{name: f"{origin}/{path}" for name, path in more.items()})
        send(self.transport, make_provider(issuer=origin), metadata, credentials)
        (request,) = self.server.requests
        assert request.path == target
        return request


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    self_signed(directory, "127.0.0.1")
    client_certificate(directory)
    return directory


@pytest.fixture
def seen(files: Path) -> Iterator[Seen]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "cert.pem", files / "key.pem")
    context.load_verify_locations(files / "client.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    with ScriptedServer(tls=context) as server:
        server.reply("/token", json_answer(TOKENS))
        server.reply("/revoke", json_answer({}))
        server.reply("/introspect", json_answer({"active": True}))
        server.reply("/device", json_answer(CODES))
        server.reply("/par", json_answer({"request_uri": "urn:x:1", "expires_in": 60}, 201))
        transport = Transport(timeout=30.0, ca_bundle=str(files / "cert.pem"), wall=time.time)
        yield Seen(server, transport.starting_at([server.origin]), server.certificates)
        transport.close()


def proofs(request: Recorded, certificate: dict[str, object] | None) -> set[str]:
    """Every credential in one request."""
    form = [name for name, _ in request.form]
    assert len(form) == len(set(form)), "a parameter came twice"
    found = {
        "client_secret_basic": (request.header("Authorization") or "").startswith("Basic "),
        "client_secret_post": "client_secret" in form,
        "private_key_jwt": bool({"client_assertion", "client_assertion_type"} & set(form)),
        "tls_client_auth": certificate is not None,
    }
    return {name for name, there in found.items() if there}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_CAUTH_1_each_endpoint_gets_exactly_one_credential(seen: Seen, files: Path, endpoint: str, method: str) -> None:
    by_certificate = method == "tls_client_auth"
    if by_certificate:
        certificate = ClientCertificate(str(files / "client.pem"), str(files / "client.key"), time.time)
        seen.transport = seen.transport.with_certificate(certificate)
    credentials = ClientCredentials("a:b", SECRET, method, key=KEY, certificate=by_certificate, wall=time.time)
    request = seen.send(endpoint, credentials)
    (shown,) = seen.certificates
    assert proofs(request, shown) == {method} - {"none"}
    named = dict(request.form).get("client_id")
    assert named == (None if method == "client_secret_basic" and endpoint != "PAR" else "a:b")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_CAUTH_3_no_two_requests_carry_the_same_assertion(seen: Seen, endpoint: str) -> None:
    credentials = ClientCredentials("c", None, "private_key_jwt", key=KEY, wall=time.time)
    first = dict(seen.send(endpoint, credentials).form)["client_assertion"]
    seen.server.requests.clear()
    second = dict(seen.send(endpoint, credentials).form)["client_assertion"]
    assert first != second


@pytest.mark.parametrize("method", ["client_secret_post", "private_key_jwt"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_LEAK_1_no_credential_is_logged(
    seen: Seen, caplog: pytest.LogCaptureFixture, endpoint: str, method: str
) -> None:
    caplog.set_level("DEBUG")
    credentials = ClientCredentials("c", SECRET, method, key=KEY, wall=time.time)
    form = dict(seen.send(endpoint, credentials).form)
    sent = form.get("client_secret") or form["client_assertion"]
    assert sent not in caplog.text
    assert sent.rpartition(".")[2] not in caplog.text
