"""Certificates for servers on loopback."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def self_signed(directory: Path, *names: str, expired: bool = False) -> ssl.SSLContext:
    """A server's context with a certificate for names and addresses; it lies in `directory/cert.pem`."""
    _write(directory, "cert.pem", "key.pem", names, days=(-2, -1 if expired else 1))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return context


def client_certificate(directory: Path, name: str = "client", *, days: tuple[int, int] = (-2, 1)) -> None:
    """A client's certificate and key, `client.pem` and `client.key`.

    :param days: from when until when it is good, from today.
    """
    _write(directory, f"{name}.pem", f"{name}.key", (f"{name}.example",), days=days)


def _write(directory: Path, certificate: str, key: str, names: tuple[str, ...], *, days: tuple[int, int]) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"TokenKeep test {names[0]}")])
    begin, end = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=one) for one in days)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(secret, hashes.SHA256())
    )
    (directory / certificate).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (directory / key).write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
