"""The demo provider over https: its certificates, and clients that authenticate by theirs (RFC 8705, CAUTH-1)."""

import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from support.demo_provider import DemoProvider


@pytest.fixture(scope="module")
def tls_provider() -> Iterator[DemoProvider]:
    with DemoProvider(tls=True) as provider:
        yield provider


def post(provider: DemoProvider, path: str, form: dict[str, str], certificate: str | None = None) -> requests.Response:
    files = provider.description["tls"]
    cert = files[certificate] if certificate else None
    return requests.post(provider.issuer + path, data=form, verify=files["authority"], cert=cert, timeout=60)


def ask(provider: DemoProvider, certificate: str | None) -> requests.Response:
    client_id = provider.description["clients"]["tls"]["client_id"]
    return post(provider, "/token", {"grant_type": "client_credentials", "client_id": client_id}, certificate)


def test_CAUTH_1_a_client_is_known_by_its_certificate(tls_provider: DemoProvider) -> None:
    tokens = ask(tls_provider, "client_certificate").json()
    client_id = tls_provider.description["clients"]["tls"]["client_id"]
    form = {"client_id": client_id, "token": tokens["access_token"]}
    described = post(tls_provider, "/introspect", form, "client_certificate").json()
    assert (described["active"], described["client_id"]) == (True, client_id)
    assert post(tls_provider, "/introspect", form).status_code == 401


@pytest.mark.parametrize("certificate", [None, "stranger_certificate"])
def test_CAUTH_1_no_certificate_or_another_is_an_invalid_client(
    tls_provider: DemoProvider, certificate: str | None
) -> None:
    answer = ask(tls_provider, certificate)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_CAUTH_1_a_certificate_does_not_stand_in_for_a_secret(tls_provider: DemoProvider) -> None:
    client_id = tls_provider.description["clients"]["service"]["client_id"]
    form = {"grant_type": "client_credentials", "client_id": client_id}
    assert post(tls_provider, "/token", form, "client_certificate").status_code == 401


def test_NET_2_the_certificate_is_of_an_authority_that_nobody_knows_yet(tls_provider: DemoProvider) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(tls_provider.issuer, timeout=60)


def test_CAUTH_1_the_metadata_name_the_method_and_https_alone(tls_provider: DemoProvider) -> None:
    url = f"{tls_provider.issuer}/.well-known/oauth-authorization-server"
    members: dict[str, Any] = requests.get(url, verify=tls_provider.description["tls"]["authority"], timeout=60).json()
    assert "tls_client_auth" in members["token_endpoint_auth_methods_supported"]
    assert members["issuer"].startswith("https://127.0.0.1:")
    assert all(value.startswith("https://") for name, value in members.items() if name.endswith("_endpoint"))


def test_CIMD_1_documents_are_fetched_over_https_too(tls_provider: DemoProvider) -> None:
    client_id = tls_provider.description["client_id_metadata_document"]
    answer = post(tls_provider, "/device_authorization", {"client_id": client_id})
    assert answer.status_code == 200


def test_a_client_that_never_speaks_keeps_nobody_out(tls_provider: DemoProvider) -> None:
    port = int(tls_provider.issuer.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert ask(tls_provider, "client_certificate").status_code == 200


def test_DEMO_1_the_files_are_the_owners_alone_and_go_at_the_end() -> None:
    with DemoProvider(tls=True) as provider:
        files = [Path(name) for name in provider.description["tls"].values()]
        folder = files[0].parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert not folder.exists()
