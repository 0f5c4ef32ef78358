"""HTTPS for the demo provider: an authority of one run, a server certificate, a client certificate (RFC 8705)."""

import datetime
import ipaddress
import os
import shutil
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from flask import request

# A demo server runs for minutes; nothing of it is good for longer than a few days.
LIFE = datetime.timedelta(days=7)
SKEW = datetime.timedelta(hours=1)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Authority:
    """A certification authority whose key exists in this process alone."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = self._name("TokenKeep demo authority")
        self.certificate = (
            self._builder(name, name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
                    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
                ),
                critical=True,
            )
            .sign(self._key, hashes.SHA256())
        )  # fmt: skip

    def issue(self, name: str, usage: x509.ObjectIdentifier, *addresses: x509.GeneralName) -> bytes:
        """A new key and its certificate in one PEM text; the addresses become alternative names."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            self._builder(self._name(name), self.certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(list(addresses)), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(issuer_key, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _key_pem(key) + certificate.public_bytes(serialization.Encoding.PEM)

    @staticmethod
    def _name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    @staticmethod
    def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SKEW)
            .not_valid_after(now + LIFE)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )


class Certificates:
    """The files that a TLS server and its clients load; in a folder for the owner alone, removed by close()."""

    def __init__(self, client_name: str) -> None:
        authority = Authority()
        # mkdtemp makes the folder 0700.
        self._folder = Path(tempfile.mkdtemp(prefix="tokenkeep-demo-"))
        loopback = [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::1")]
        server, client = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
        self.authority = self._write("authority.pem", authority.certificate.public_bytes(serialization.Encoding.PEM))
        self._server = self._write(
            "server.pem", authority.issue("TokenKeep demo", server, x509.DNSName("localhost"), *loopback)
        )
        self.client = self._write("client.pem", authority.issue("Demo client", client, x509.DNSName(client_name)))
        self.stranger = self._write(
            "stranger.pem", authority.issue("Another client", client, x509.DNSName("stranger.demo.invalid"))
        )

    def server_context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer; a client certificate is asked for and, when one comes, checked."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._server)
        context.load_verify_locations(self.authority)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def client_context(self) -> ssl.SSLContext:
        """For requests of this server to itself."""
        return ssl.create_default_context(cafile=str(self.authority))

    def description(self) -> dict[str, str]:
        """Paths of the authority and of client certificates, each in one file with its key."""
        return {
            "authority": str(self.authority),
            "client_certificate": str(self.client),
            "stranger_certificate": str(self.stranger),
        }

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        return path


def client_certificate() -> x509.Certificate | None:
    """The checked certificate of the connection that the current request came on."""
    encoded: str | None = request.environ.get("SSL_CLIENT_CERT")
    return x509.load_pem_x509_certificate(encoded.encode()) if encoded else None


def dns_names_of_client() -> list[str]:
    """The DNS names in the client's certificate; none without a certificate."""
    certificate = client_certificate()
    if certificate is None:
        return []
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return names.value.get_values_for_type(x509.DNSName)
