"""Our client ID metadata document: the client is known by the address of a document that describes it
(draft-ietf-oauth-client-id-metadata-document)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from tokenkeep.domain.provider import LOOPBACK_HOSTS
from tokenkeep.domain.registration import check_document_address
from tokenkeep.oauth.device import GRANT_TYPE as DEVICE_GRANT
from tokenkeep.oauth.registration import CLIENT_NAME, SOFTWARE_ID

SIZE_MAX = 5 * 1024  # bytes (draft §6.6)
REDIRECT_PATH = "/callback"  # one for all servers: the document is the same for all
HOSTS = ("127.0.0.1", "[::1]", "localhost")
SECRETS = frozenset({"client_secret", "client_secret_expires_at"})
SECRET_METHODS = ("client_secret_basic", "client_secret_post", "client_secret_jwt")


def document(url: str, ports: Iterable[int] = ()) -> dict[str, Any]:
    """The document to publish at that address (CIMD-1).

    :param ports: for servers that compare ports, beside the addresses without one (CIMD-3).
    """
    fixed = [port for port in dict.fromkeys(ports) if port]
    return {
        "client_id": url,
        "client_name": CLIENT_NAME,
        "application_type": "native",
        "redirect_uris": [
            *(f"http://{host}{REDIRECT_PATH}" for host in HOSTS),
            *(f"http://{host}:{port}{REDIRECT_PATH}" for port in fixed for host in HOSTS),
        ],
        "grant_types": ["authorization_code", DEVICE_GRANT, "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "software_id": SOFTWARE_ID,
    }


def faults(published: object, url: str) -> list[str]:
    """What is wrong with a document for that address, in words; empty when it is good (CIMD-1)."""
    if not isinstance(published, dict):
        return ["it is no JSON object"]
    found = []
    try:
        check_document_address(url, local=True)
    except ValueError as reason:
        found.append(str(reason))
    if published.get("client_id") != url:
        found.append("its client_id is not the address it lies at")
    if not isinstance(published.get("client_name"), str) or not published["client_name"]:
        found.append("it has no client_name")
    uris = published.get("redirect_uris")
    if not isinstance(uris, list) or not uris or not all(isinstance(uri, str) for uri in uris):
        found.append("it has no redirect_uris")
    else:
        found += _redirect_faults(uris)
    if SECRETS & published.keys():
        found.append("it holds a client secret, and everybody can read it")
    if published.get("token_endpoint_auth_method") in (None, *SECRET_METHODS):
        found.append("its token_endpoint_auth_method is missing or needs a shared secret")
    if len(json.dumps(published).encode()) > SIZE_MAX:
        found.append("it is larger than 5 kB")
    return found


def _redirect_faults(uris: list[str]) -> list[str]:
    try:
        parts = [urlsplit(uri) for uri in uris]
        without_port = {one.hostname for one in parts if not one.port}
    except ValueError:
        return ["it has redirect_uris that are no addresses"]
    found = []
    if any(one.scheme != "http" or one.hostname not in LOOPBACK_HOSTS for one in parts):
        found.append("its redirect_uris are not all on loopback")
    if without_port < LOOPBACK_HOSTS:
        found.append("its redirect_uris lack 127.0.0.1, [::1] or localhost")
    if len({one.path for one in parts}) > 1:
        found.append("its redirect_uris differ in more than host and port")
    return found
