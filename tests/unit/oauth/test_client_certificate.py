"""Our certificate in the handshake (RFC 8705): shown when asked for, read anew, and faults of its files in words."""

from __future__ import annotations

import os
import ssl
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from support.oauth_values import make_metadata, make_provider
from support.scripted_server import ScriptedServer, json_answer
from support.tls import client_certificate, self_signed
from tokenkeep.domain.errors import ClientRejected, Misconfigured, ProviderError, ProviderUnreachable
from tokenkeep.oauth.client_auth import ClientCredentials, authenticate
from tokenkeep.oauth.client_certificate import ClientCertificate
from tokenkeep.oauth.metadata import discover
from tokenkeep.oauth.quirks import Quirks
from tokenkeep.oauth.transport import Request, Transport


@pytest.fixture
def files(tmp_path: Path) -> Path:
    client_certificate(tmp_path)
    return tmp_path


@pytest.fixture
def server(files: Path) -> Iterator[ScriptedServer]:
    """Demands a certificate of `client.pem` as it is now, or of `renewed.pem`."""
    client_certificate(files, "renewed")
    context = self_signed(files, "127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    for name in ("client.pem", "renewed.pem"):
        context.load_verify_locations(files / name)
    with ScriptedServer(tls=context) as running:
        running.reply("/t", json_answer({}))
        yield running


def transport_of(server: ScriptedServer, files: Path, key: str = "client.key") -> Transport:
    plain = Transport(timeout=30.0, ca_bundle=str(files / "cert.pem"), wall=time.time).starting_at([server.origin])
    keys = str(files / key) if key else ""
    return plain.with_certificate(ClientCertificate(str(files / "client.pem"), keys, time.time))


def names(server: ScriptedServer) -> list[str]:
    return [dict(one["subjectAltName"])["DNS"] for one in server.certificates]


def test_CAUTH_1_a_server_that_asks_gets_the_certificate(server: ScriptedServer, files: Path) -> None:
    request = Request("GET", f"{server.origin}/t")
    assert transport_of(server, files).send(request).status == 200
    assert names(server) == ["client.example"]


def test_CAUTH_4_a_certificate_that_the_server_does_not_know_is_a_broken_registration(
    server: ScriptedServer, files: Path
) -> None:
    assert server.tls is not None
    server.tls.maximum_version = ssl.TLSVersion.TLSv1_2  # later ones refuse after the handshake, if it is still heard
    transport = transport_of(server, files)
    client_certificate(files)  # another one of the same name
    with pytest.raises(ClientRejected, match=r"127\.0\.0\.1 wants a client certificate"):
        transport.send(Request("GET", f"{server.origin}/t"))
    assert server.requests == []


def test_a_server_that_ends_it_for_want_of_a_certificate_is_not_said_to_be_untrusted(
    server: ScriptedServer, files: Path
) -> None:
    plain = Transport(timeout=30.0, ca_bundle=str(files / "cert.pem"), wall=time.time).starting_at([server.origin])
    with pytest.raises((ClientRejected, ProviderUnreachable)) as ended:
        plain.send(Request("GET", f"{server.origin}/t"))
    assert "trusts" not in ended.value.detail


def test_the_key_may_lie_in_the_file_of_the_certificate(server: ScriptedServer, files: Path) -> None:
    with (files / "client.pem").open("ab") as file:
        file.write((files / "client.key").read_bytes())
    assert transport_of(server, files, key="").send(Request("GET", f"{server.origin}/t")).status == 200


def test_a_renewed_certificate_is_used_at_once(server: ScriptedServer, files: Path) -> None:
    transport, request = transport_of(server, files), Request("GET", f"{server.origin}/t")
    transport.send(request)
    for kind in ("pem", "key"):
        (files / f"renewed.{kind}").replace(files / f"client.{kind}")
    transport.send(request)
    assert names(server) == ["client.example", "renewed.example"]


def test_the_context_is_kept_while_the_files_are_the_same(server: ScriptedServer, files: Path) -> None:
    transport = transport_of(server, files)
    assert transport.tls_context() is transport.tls_context()


def test_NET_1_with_a_certificate_of_ours_the_servers_is_checked_as_ever(server: ScriptedServer, files: Path) -> None:
    context = transport_of(server, files).tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def encrypt(path: Path) -> None:
    private = load_pem_private_key(path.read_bytes(), None)
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"canary")))


FAULTS: dict[str, tuple[Any, str, str]] = {
    "no certificate": (lambda files: (files / "client.pem").unlink(), "client.pem is missing", "tls_client_cert"),
    "no key": (lambda files: (files / "client.key").unlink(), "client.key is missing", "tls_client_key"),
    "a folder": (
        lambda files: ((files / "client.key").unlink(), (files / "client.key").mkdir()),
        "client.key is not readable",
        "tls_client_key",
    ),
    "no PEM": (
        lambda files: (files / "client.pem").write_text("canary"),
        "holds no certificate in PEM form",
        "tls_client_cert",
    ),
    "no key in it": (
        lambda files: (files / "client.key").write_text("canary"),
        "holds no private key in PEM form",
        "tls_client_key",
    ),
    "encrypted": (lambda files: encrypt(files / "client.key"), "is encrypted", "tls_client_key"),
    "of another certificate": (
        lambda files: (files / "client.key").write_bytes((files / "key.pem").read_bytes()),
        "does not belong to the client certificate",
        "tls_client_key",
    ),
    "expired": (lambda files: client_certificate(files, days=(-9, -1)), "ran out on ", "tls_client_cert"),
    "not yet": (lambda files: client_certificate(files, days=(3, 9)), "is valid from ", "tls_client_cert"),
}


@pytest.mark.parametrize(("spoil", "words", "name"), FAULTS.values(), ids=FAULTS)
def test_CAUTH_1_a_file_that_cannot_be_used_is_named_and_nothing_is_sent(
    server: ScriptedServer, files: Path, spoil: Any, words: str, name: str
) -> None:
    transport = transport_of(server, files)
    spoil(files)
    with pytest.raises(Misconfigured, match=words) as refused:
        transport.send(Request("GET", f"{server.origin}/t"))
    assert refused.value.key == name
    assert "canary" not in repr(refused.value)
    assert "tls_client_cert" in refused.value.hint
    assert server.requests == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.unprivileged
def test_a_file_that_may_not_be_read_is_named(server: ScriptedServer, files: Path) -> None:
    (files / "client.key").chmod(stat.S_IWUSR)
    with pytest.raises(Misconfigured, match=r"client\.key is not readable"):
        transport_of(server, files).send(Request("GET", f"{server.origin}/t"))


ALIASES = {
    "token_endpoint": "https://mtls.example.com/token",
    "revocation_endpoint": "https://mtls.example.com/revoke",
    "userinfo_endpoint": "https://mtls.example.com/userinfo",
    "some_future_endpoint": "https://mtls.example.com/future",
}
CERTIFICATE = {"tls_client_cert": "/cert.pem"}


def discovered(scripted: ScriptedServer, wall: Any, aliases: object, **entry: Any) -> Any:
    document = {"issuer": scripted.origin, **dict.fromkeys(("token_endpoint",), f"{scripted.origin}/token")}
    document |= {"device_authorization_endpoint": f"{scripted.origin}/device", "mtls_endpoint_aliases": aliases}
    scripted.reply("/.well-known/oauth-authorization-server", json_answer(document))
    provider = make_provider(scripted, **entry)
    return discover(Transport(timeout=30.0, wall=wall).starting_at(provider.written), provider)


def test_CAUTH_1_a_client_with_a_certificate_uses_the_servers_aliases(wall: Any) -> None:
    with ScriptedServer() as scripted:
        found = discovered(scripted, wall, ALIASES, **CERTIFICATE)
        assert found.token_endpoint == "https://mtls.example.com/token"
        assert found.revocation_endpoint == "https://mtls.example.com/revoke"
        assert found.userinfo_endpoint == "https://mtls.example.com/userinfo"
        assert found.device_authorization_endpoint == f"{scripted.origin}/device", "it has no alias"


@pytest.mark.parametrize("entry", [{}, {**CERTIFICATE, "client_auth": "none"}])
def test_CAUTH_1_other_clients_do_not(wall: Any, entry: dict[str, Any]) -> None:
    with ScriptedServer() as scripted:
        assert discovered(scripted, wall, ALIASES, **entry).token_endpoint == f"{scripted.origin}/token"


def test_what_a_person_wrote_goes_before_an_alias(wall: Any) -> None:
    with ScriptedServer() as scripted:
        written = f"{scripted.origin}/mine"
        assert discovered(scripted, wall, ALIASES, **CERTIFICATE, token_endpoint=written).token_endpoint == written


@pytest.mark.parametrize(
    "aliases",
    [
        "https://x",
        ["https://x"],
        {"token_endpoint": "http://mtls.example.com/token"},
        {"token_endpoint": 7},
        {"token_endpoint": "https://192.168.0.1/token"},
        {"token_endpoint": "https://user@mtls.example.com/"},
    ],
)
def test_META_6_an_alias_that_cannot_be_used_is_refused(wall: Any, aliases: object) -> None:
    with ScriptedServer() as scripted, pytest.raises(ProviderError):
        discovered(scripted, wall, aliases, **CERTIFICATE)


@pytest.mark.parametrize("offered", [None, ("tls_client_auth",), ("self_signed_tls_client_auth", "none")])
@pytest.mark.parametrize("method", ["auto", "tls_client_auth", "self_signed_tls_client_auth"])
def test_CAUTH_1_the_name_goes_in_the_body_and_nothing_else(method: str, offered: tuple[str, ...] | None) -> None:
    metadata = make_metadata(token_endpoint_auth_methods_supported=offered)
    credentials = ClientCredentials("c", None, method, certificate=True)
    assert authenticate((), {}, credentials, metadata, Quirks()) == ((("client_id", "c"),), {})


def test_CAUTH_1_a_certificate_that_is_not_taken_or_not_there_is_a_configuration_fault() -> None:
    credentials = ClientCredentials("c", None, "auto", certificate=True)
    metadata = make_metadata(token_endpoint_auth_methods_supported=("client_secret_basic",))
    with pytest.raises(Misconfigured, match="does not take a client certificate"):
        authenticate((), {}, credentials, metadata, Quirks())
    with pytest.raises(Misconfigured, match="needs a client certificate"):
        authenticate((), {}, ClientCredentials("c", None, "tls_client_auth"), metadata, Quirks())
    plain = replace(metadata, token_endpoint="http://127.0.0.1/token")
    with pytest.raises(Misconfigured, match="only shown over https"):
        authenticate((), {}, replace(credentials, method="tls_client_auth"), plain, Quirks())


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"client_auth": "tls_client_auth"}, "needs tls_client_cert"),
        ({"tls_client_key": "/key.pem"}, "needs tls_client_cert"),
    ],
)
def test_an_entry_without_its_certificate_is_refused(entry: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_provider(**entry)
