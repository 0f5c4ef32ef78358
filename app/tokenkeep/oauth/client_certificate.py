"""Our certificate in the TLS handshake (RFC 8705 §2), read anew so that a renewed one is used at once."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenkeep.domain.errors import Misconfigured

HINT = "Look at `tls_client_cert` and `tls_client_key` of this provider; the files are read again at each request."


class ClientCertificate:
    """A certificate with its chain, and its private key, both PEM; used from many threads at once.

    :param certificate: path.
    :param key: path; empty when the file of the certificate holds the key too.
    :param wall: the wall clock, seconds since the epoch.
    """

    def __init__(self, certificate: str, key: str, wall: Callable[[], float]) -> None:
        self._certificate = Path(certificate).expanduser()
        self._key = Path(key).expanduser() if key else self._certificate
        self._wall = wall
        self._lock = threading.Lock()
        self._made: tuple[bytes, bytes, ssl.SSLContext] | None = None

    def context(self, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """A context that shows the certificate, made anew only when a file has changed.

        :param make: a new context that trusts what it should.
        :raises Misconfigured: a file is missing or cannot be used, or the certificate has run out.
        """
        with self._lock:
            certificate, key = self._read(self._certificate), self._read(self._key)
            self._check(certificate, key)
            if self._made is None or self._made[:2] != (certificate, key):
                context = make()
                self._load(context)
                self._made = (certificate, key, context)
            return self._made[2]

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            what = "missing" if isinstance(error, FileNotFoundError) else "not readable"
            raise self._unusable(f"The client certificate cannot be used: {path} is {what}.", path) from None

    def _check(self, certificate: bytes, key: bytes) -> None:
        """What OpenSSL would say in words that nobody understands, or not at all."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509 import load_pem_x509_certificate

        try:
            ours = load_pem_x509_certificate(certificate)
        except (ValueError, UnsupportedAlgorithm):
            raise self._unusable(f"{self._certificate} holds no certificate in PEM form.", self._certificate) from None
        try:
            private = load_pem_private_key(key, password=None)
        except TypeError:
            raise self._unusable(
                f"The private key in {self._key} is encrypted, and TokenKeep cannot ask for its passphrase.", self._key
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            raise self._unusable(f"{self._key} holds no private key in PEM form.", self._key) from None
        if _spki(private.public_key()) != _spki(ours.public_key()):
            raise self._unusable("The private key does not belong to the client certificate.", self._key)
        wall = self._wall()
        if ours.not_valid_after_utc.timestamp() < wall:
            day = ours.not_valid_after_utc.date().isoformat()
            raise self._unusable(f"The client certificate ran out on {day}.", self._certificate)
        if ours.not_valid_before_utc.timestamp() > wall:
            day = ours.not_valid_before_utc.date().isoformat()
            raise self._unusable(f"The client certificate is valid from {day} on only.", self._certificate)

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            # The empty passphrase: without one OpenSSL would ask at the terminal.
            context.load_cert_chain(self._certificate, self._key, password=b"")
        except (OSError, ssl.SSLError):
            raise self._unusable("The client certificate and its key cannot be used.", self._certificate) from None

    def _unusable(self, detail: str, path: Path) -> Misconfigured:
        name = "tls_client_cert" if path == self._certificate else "tls_client_key"
        return Misconfigured(detail, hint=HINT, key=name)


def _spki(public: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der: bytes = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return der
