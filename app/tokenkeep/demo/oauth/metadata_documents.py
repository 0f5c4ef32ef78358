"""Clients whose client_id is the URL of their metadata (draft-ietf-oauth-client-id-metadata-document §3-4)."""

import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidClientError

from tokenkeep.demo.oauth.client_metadata import read_metadata, to_client
from tokenkeep.demo.oauth.clients import SECRET_METHODS, Client
from tokenkeep.demo.oauth.redirect_uris import LOOPBACK_HOSTS
from tokenkeep.demo.web.log import note

# Below this path the demo serves documents, and from nowhere else does it fetch any.
PATH = "/client-metadata/"
# Draft §6.6: 5 kB.
LARGEST = 5 * 1024
# Seconds.
TIMEOUT = 5.0


class DocumentRefused(ValueError):
    """The text says why, in characters that an error_description may have."""


def check_client_id(client_id: str) -> None:
    """Raise DocumentRefused unless the URL has the form of draft §3; `http` is checked by the caller's list."""
    parts = urlsplit(client_id)
    if parts.scheme not in ("https", "http") or not parts.netloc:
        raise DocumentRefused("the client_id is not an https URL")
    if not parts.path.strip("/"):
        raise DocumentRefused("the client_id has no path")
    if any(segment in (".", "..") for segment in parts.path.split("/")) or "%2e" in parts.path.lower():
        raise DocumentRefused("the client_id has dot segments")
    if "@" in parts.netloc or "?" in client_id or "#" in client_id:
        raise DocumentRefused("the client_id has user information, a query or a fragment")


def read_document(client_id: str, body: bytes) -> dict[str, Any]:
    """The checked metadata of a document; raises DocumentRefused (draft §4.1)."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise DocumentRefused("the document is not JSON") from error
    if not isinstance(document, dict):
        raise DocumentRefused("the document is not a JSON object")
    if document.get("client_id") != client_id:
        raise DocumentRefused("the client_id in the document is not its URL")
    if {"client_secret", "client_secret_expires_at"} & set(document):
        raise DocumentRefused("the document has a client_secret")
    if document.get("token_endpoint_auth_method") in (None, *SECRET_METHODS, "client_secret_jwt"):
        raise DocumentRefused("token_endpoint_auth_method must be there and not use a shared secret")
    for name in ("client_name", "redirect_uris"):
        if not document.get(name):
            raise DocumentRefused(f"{name} is missing")
    try:
        # Whoever can only publish a document is taken for a native application unless it says otherwise.
        return read_metadata({"application_type": "native"} | document)
    except OAuth2Error as error:
        raise DocumentRefused(str(error.description)) from error


class MetadataDocuments:
    """Fetches documents of this very server; any other address is refused before a connection is made (draft §6.5)."""

    def __init__(self, origin: str, tls: ssl.SSLContext | None) -> None:
        self._origin = origin
        self._tls = tls

    def fetch(self, client_id: str) -> Client:
        """The client behind that URL; raises InvalidClientError with the reason."""
        try:
            check_client_id(client_id)
            if not client_id.startswith(self._origin + PATH):
                raise DocumentRefused("only documents that this demo serves are fetched")
            metadata = read_document(client_id, self._get(client_id.removeprefix(self._origin)))
        except (DocumentRefused, ValueError) as error:
            note(reason=f"client metadata document: {error}")
            raise InvalidClientError(f"client metadata document: {error}", status_code=401) from error
        note(client_metadata_document="fetched")
        return to_client(client_id, metadata, any_port_hosts=LOOPBACK_HOSTS)

    def _get(self, path: str) -> bytes:
        host = urlsplit(self._origin).netloc
        connection: http.client.HTTPConnection
        if self._tls is None:
            connection = http.client.HTTPConnection(host, timeout=TIMEOUT)
        else:
            connection = http.client.HTTPSConnection(host, timeout=TIMEOUT, context=self._tls)
        try:
            connection.request("GET", path, headers={"Accept": "application/json"})
            answer = connection.getresponse()
            # A redirect would make the client_id mean another address (draft §5).
            if answer.status != http.HTTPStatus.OK:
                raise DocumentRefused(f"it was answered with the status {answer.status}")
            kind = answer.headers.get_content_type()
            if kind != "application/json" and not kind.endswith("+json"):
                raise DocumentRefused("it is not served as JSON")
            body = answer.read(LARGEST + 1)
        except (OSError, http.client.HTTPException) as error:
            raise DocumentRefused("it cannot be fetched") from error
        finally:
            connection.close()
        if len(body) > LARGEST:
            raise DocumentRefused(f"it is larger than {LARGEST} bytes")
        return body
