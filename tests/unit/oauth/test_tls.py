"""Certificates are always checked."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.scripted_server import (
    ScriptedServer,
    json_answer,
)
from tokenkeep.domain.errors import Misconfigured, ProviderUnreachable
from tokenkeep.oauth.transport import Answer, Request, Transport


def certificate(directory: Path, name: str, *, expired: bool = False) -> ssl.SSLContext:
    """A server's context with a self-signed certificate for `name`; the certificate lies in `directory/cert.pem`."""
    secret = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TokenKeep test")])
    today = datetime.datetime.now(datetime.UTC)
    end = today - datetime.timedelta(days=1) if expired else today + datetime.timedelta(days=1)
    alternative = x509.DNSName(name) if name == "localhost" else x509.IPAddress(ipaddress.ip_address(name))
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=2))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(secret, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (directory / "cert.pem").write_bytes(pem)
    (directory / "key.pem").write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return context


def fetch(server: ScriptedServer, transport: Transport) -> Answer:
    """As for a provider whose address a person wrote."""
    origin = f"https://127.0.0.1:{server.port}"
    return transport.starting_at([origin]).send(Request("GET", f"{origin}/t"))


def test_NET_1_extra_certificates_add_trust(wall, tmp_path):
    with ScriptedServer(tls=certificate(tmp_path, "127.0.0.1")) as server:
        server.reply("/t", json_answer({"a": 1}))
        transport = Transport(ca_bundle=str(tmp_path / "cert.pem"), wall=wall).starting_at([server.origin])
        before = transport.tls_context().cert_store_stats()["x509_ca"]
        assert transport.send(Request("GET", f"{server.origin}/t")).json() == {"a": 1}
        assert before > 1, "the usual certificates are trusted too"


def test_NET_1_a_directory_of_certificates_works(wall, tmp_path):
    Transport(ca_bundle=str(tmp_path), wall=wall).tls_context()


@pytest.mark.parametrize("case", ["self-signed", "wrong name", "expired"])
def test_NET_1_bad_certificate_is_transient_but_named_and_nothing_is_sent(wall, tmp_path, monkeypatch, case):
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    monkeypatch.setenv("CURL_CA_BUNDLE", "")
    name = "127.0.0.2" if case == "wrong name" else "127.0.0.1"
    with ScriptedServer(tls=certificate(tmp_path, name, expired=case == "expired")) as server:
        bundle = "" if case == "self-signed" else str(tmp_path / "cert.pem")
        with pytest.raises(ProviderUnreachable, match="certificate") as caught:
            fetch(server, Transport(ca_bundle=bundle, wall=wall))
        assert not caught.value.maybe_sent
        assert server.requests == []


def test_NET_1_unreadable_bundle_is_a_configuration_fault(wall, tmp_path):
    bundle = tmp_path / "none.pem"
    transport = Transport(ca_bundle=str(bundle), wall=wall).starting_at(["https://127.0.0.1"])
    with pytest.raises(Misconfigured) as caught:
        transport.send(Request("GET", "https://127.0.0.1:1/"))
    assert caught.value.key == "http.ca_bundle"
    bundle.write_text("no certificate")
    with pytest.raises(Misconfigured):
        transport.send(Request("GET", "https://127.0.0.1:1/"))


def test_LEAK_1_session_keys_are_not_written_where_the_environment_says(wall, tmp_path, monkeypatch):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    with ScriptedServer(tls=certificate(tmp_path, "127.0.0.1")) as server:
        server.reply("/t", json_answer({}))
        fetch(server, Transport(ca_bundle=str(tmp_path / "cert.pem"), wall=wall))
    assert not (tmp_path / "keys").exists()


def test_deadline_ends_a_tls_handshake_that_never_comes(wall):
    with ScriptedServer() as silent:  # waits for a request head while the client waits for a handshake
        with pytest.raises(ProviderUnreachable, match="within") as caught:
            fetch(silent, Transport(timeout=0.3, wall=wall))
        assert not caught.value.maybe_sent
