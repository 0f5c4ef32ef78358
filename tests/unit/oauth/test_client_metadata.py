"""Which client we are to a server, and the document that describes us (client ID metadata documents)."""

from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.registration import check_document_address
from tokenkeep.oauth import client_metadata
from tokenkeep.oauth.client_identity import ClientSource, as_document, choose
from tokenkeep.oauth.metadata import ServerMetadata

URL = "https://apps.example/tokenkeep.json"


def entry(**changes: Any) -> Provider:
    return Provider(**({"id": "p", "name": "P", "issuer": "https://auth.example"} | changes))


def server(*, documents: bool, registers: bool) -> ServerMetadata:
    return ServerMetadata(
        "https://auth.example",
        "https://auth.example/token",
        registration_endpoint="https://auth.example/register" if registers else None,
        client_id_metadata_document_supported=documents,
    )


@pytest.mark.parametrize(("given", "documents", "registers"), list(itertools.product([True, False], repeat=3)))
def test_MCP_4_the_first_that_there_is(given: bool, documents: bool, registers: bool) -> None:
    provider = entry(client_id="by-hand" if given else "", registration="auto")
    found = server(documents=documents, registers=registers)
    if not (given or documents or registers):
        with pytest.raises(Misconfigured, match="does not let clients register themselves"):
            choose(provider, found, URL)
        return
    expected = (
        ClientSource.GIVEN if given else ClientSource.METADATA_DOCUMENT if documents else ClientSource.REGISTRATION
    )
    assert choose(provider, found, URL) is expected


def test_MCP_4_without_an_address_there_is_no_document() -> None:
    provider = entry(registration="auto")
    assert choose(provider, server(documents=True, registers=True), "") is ClientSource.REGISTRATION


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({"client_auth": "private_key_jwt"}, URL),
        ({}, "http://127.0.0.1:8000/client.json"),
        ({}, "https://apps.example/"),
    ],
    ids=str,
)
def test_CIMD_1_a_document_that_does_not_fit_is_not_used(changes: dict[str, Any], url: str) -> None:
    provider = entry(registration="auto", **changes)
    assert choose(provider, server(documents=True, registers=True), url) is ClientSource.REGISTRATION


def test_MCP_4_nothing_is_registered_unasked() -> None:
    with pytest.raises(Misconfigured, match="has no client ID"):
        choose(entry(), server(documents=True, registers=True), URL)


@pytest.mark.parametrize("url", [URL, "https://h.example/a/b", "https://h.example:8443/x.json"])
def test_CIMD_1_good_addresses(url: str) -> None:
    assert check_document_address(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://apps.example/x.json",
        "https://apps.example",
        "https://apps.example/",
        "https://apps.example/a/../x.json",
        "https://apps.example/./x.json",
        "https://apps.example/%2e%2E/x.json",
        "https://apps.example/x.json#top",
        "https://apps.example/x.json#",
        "https://ada@apps.example/x.json",
        "https://ada:pw@apps.example/x.json",
        "https://apps.example/x.json?v=1",
        "https://apps.example/x.json?",
        "http://127.0.0.1/x.json",
        "https:///x.json",
        "x.json",
        "",
    ],
)
def test_CIMD_1_addresses_that_are_no_client_id(url: str) -> None:
    with pytest.raises(ValueError, match="the address"):
        check_document_address(url)


def test_CIMD_1_loopback_is_for_local_providers() -> None:
    assert check_document_address("http://127.0.0.1:8000/x.json", local=True)
    provider = entry(registration="auto", issuer="http://127.0.0.1:9", local=True)
    found = server(documents=True, registers=True)
    assert choose(provider, found, "http://127.0.0.1:8000/x.json") is ClientSource.METADATA_DOCUMENT


@pytest.mark.parametrize("ports", [(), (53682,), (0, 53682, 53683, 53682)], ids=str)
def test_CIMD_1_CIMD_3_our_document_passes_its_own_rules(ports: tuple[int, ...]) -> None:
    document = client_metadata.document(URL, ports)
    assert client_metadata.faults(document, URL) == []
    assert len(json.dumps(document, indent=2).encode()) < 5 * 1024
    assert document["client_id"] == URL
    assert document["client_name"] == "TokenKeep"
    assert not {"client_secret", "client_secret_expires_at"} & document.keys()
    places = [urlsplit(uri) for uri in document["redirect_uris"]]
    assert {one.path for one in places} == {"/callback"} == {as_document(entry(), URL).callback_path}
    hosts = {"127.0.0.1", "::1", "localhost"}
    for port in {None, *(port for port in ports if port)}:
        assert {one.hostname for one in places if one.port == port} == hosts


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"client_id": URL + "x"}, "client_id"),
        ({"client_name": ""}, "client_name"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"redirect_uris": ["http://127.0.0.1/callback"]}, "lack"),
        ({"redirect_uris": ["https://apps.example/callback"]}, "loopback"),
        ({"redirect_uris": [f"http://{host}/{host}" for host in client_metadata.HOSTS]}, "differ"),
        ({"client_secret": "shared"}, "secret"),
        ({"client_secret_expires_at": 0}, "secret"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "shared secret"),
        ({"token_endpoint_auth_method": None}, "missing"),
        ({"padding": "x" * 5000}, "5 kB"),
    ],
    ids=str,
)
def test_CIMD_1_what_is_wrong_with_a_document_is_named(changes: dict[str, Any], fault: str) -> None:
    (found,) = client_metadata.faults(client_metadata.document(URL) | changes, URL)
    assert fault in found


def test_CIMD_1_no_object_is_no_document() -> None:
    assert client_metadata.faults([], URL) == ["it is no JSON object"]
