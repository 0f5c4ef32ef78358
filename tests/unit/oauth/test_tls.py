"""Certificates are always checked."""

from __future__ import annotations

import ssl
import subprocess

import pytest

from support.oauth_values import make_metadata, make_provider, make_tokens
from support.scripted_server import ScriptedServer, json_answer
from support.tls import self_signed
from tokenkeep.domain.errors import Misconfigured, ProviderUnreachable
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.metadata import discover
from tokenkeep.oauth.refresh import refresh
from tokenkeep.oauth.transport import Answer, Request, Transport


def fetch(server: ScriptedServer, transport: Transport) -> Answer:
    """As for a provider whose address a person wrote."""
    origin = f"https://127.0.0.1:{server.port}"
    return transport.starting_at([origin]).send(Request("GET", f"{origin}/t"))


def subject_hash(certificate: bytes) -> str:
    """The name under which OpenSSL looks for it in a directory."""
    made = subprocess.run(
        ["openssl", "x509", "-noout", "-hash"], input=certificate, capture_output=True, check=True, timeout=60
    )
    return made.stdout.decode().strip()


def test_NET_1_extra_certificates_add_trust(wall, tmp_path):
    with ScriptedServer(tls=self_signed(tmp_path, "127.0.0.1")) as server:
        server.reply("/t", json_answer({"a": 1}))
        transport = Transport(ca_bundle=str(tmp_path / "cert.pem"), wall=wall).starting_at([server.origin])
        before = transport.tls_context().cert_store_stats()["x509_ca"]
        assert transport.send(Request("GET", f"{server.origin}/t")).json() == {"a": 1}
        assert before > 1, "the usual certificates are trusted too"


def test_NET_1_a_directory_of_certificates_works(wall, tmp_path):
    with ScriptedServer(tls=self_signed(tmp_path, "127.0.0.1")) as server:
        server.reply("/t", json_answer({}))
        certificate = (tmp_path / "cert.pem").read_bytes()
        (tmp_path / f"{subject_hash(certificate)}.0").write_bytes(certificate)
        assert fetch(server, Transport(ca_bundle=str(tmp_path), wall=wall)).status == 200


BAD = ["self-signed", "wrong name", "expired"]


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("call", ["metadata", "refresh"])
def test_NET_1_bad_certificate_is_transient_but_loud_and_nothing_is_sent(wall, tmp_path, caplog, case, call):
    name = "127.0.0.2" if case == "wrong name" else "127.0.0.1"
    with ScriptedServer(tls=self_signed(tmp_path, name, expired=case == "expired")) as server:
        bundle = "" if case == "self-signed" else str(tmp_path / "cert.pem")
        transport = Transport(ca_bundle=bundle, wall=wall).starting_at([server.origin])
        calls = {
            "metadata": lambda: discover(transport, make_provider(issuer=server.origin)),
            "refresh": lambda: refresh(
                transport, make_provider(), make_metadata(server.origin), make_tokens(), ClientCredentials("c")
            ),
        }
        with pytest.raises(ProviderUnreachable, match="no certificate that this machine trusts") as caught:
            calls[call]()
        assert not caught.value.maybe_sent
        assert "ca_bundle" in caught.value.hint
        assert [record.levelname for record in caplog.records if "trusted TLS" in record.message] == ["WARNING"]
        assert server.requests == []


TRICKS = {
    "PYTHONHTTPSVERIFY": "0",
    "REQUESTS_CA_BUNDLE": "CERT",
    "CURL_CA_BUNDLE": "CERT",
    "SSL_CERT_FILE": "CERT",
    "SSL_CERT_DIR": "DIRECTORY",
    "NODE_TLS_REJECT_UNAUTHORIZED": "0",
    "GIT_SSL_NO_VERIFY": "1",
}


@pytest.mark.parametrize("variable", TRICKS)
def test_NET_1_no_variable_of_the_environment_turns_it_off_or_adds_trust(wall, tmp_path, monkeypatch, variable):
    with ScriptedServer(tls=self_signed(tmp_path, "127.0.0.1")) as server:
        certificate = (tmp_path / "cert.pem").read_bytes()
        (tmp_path / f"{subject_hash(certificate)}.0").write_bytes(certificate)
        values = {"CERT": str(tmp_path / "cert.pem"), "DIRECTORY": str(tmp_path)}
        monkeypatch.setenv(variable, values.get(TRICKS[variable], TRICKS[variable]))
        with pytest.raises(ProviderUnreachable, match="certificate"):
            fetch(server, Transport(wall=wall))
        assert server.requests == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_NET_1_no_variable_of_the_environment_takes_trust_away(wall, tmp_path, monkeypatch, variable):
    usual = Transport(wall=wall).tls_context().cert_store_stats()["x509_ca"]
    (tmp_path / "empty.pem").write_text("")
    monkeypatch.setenv(variable, str(tmp_path / ("empty.pem" if variable != "SSL_CERT_DIR" else "")))
    assert Transport(wall=wall).tls_context().cert_store_stats()["x509_ca"] == usual > 100


def test_NET_1_a_bundle_adds_and_replaces_nothing(wall, tmp_path):
    usual = Transport(wall=wall).tls_context().cert_store_stats()["x509_ca"]
    self_signed(tmp_path, "127.0.0.1")
    with_bundle = Transport(ca_bundle=str(tmp_path / "cert.pem"), wall=wall).tls_context()
    assert with_bundle.cert_store_stats()["x509_ca"] == usual + 1
    assert with_bundle.verify_mode is ssl.CERT_REQUIRED
    assert with_bundle.check_hostname
    assert with_bundle.minimum_version >= ssl.TLSVersion.TLSv1_2


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
    with ScriptedServer(tls=self_signed(tmp_path, "127.0.0.1")) as server:
        server.reply("/t", json_answer({}))
        fetch(server, Transport(ca_bundle=str(tmp_path / "cert.pem"), wall=wall))
    assert not (tmp_path / "keys").exists()


def test_deadline_ends_a_tls_handshake_that_never_comes(wall):
    with ScriptedServer() as silent:  # waits for a request head while the client waits for a handshake
        with pytest.raises(ProviderUnreachable, match="within") as caught:
            fetch(silent, Transport(timeout=0.3, wall=wall))
        assert not caught.value.maybe_sent
