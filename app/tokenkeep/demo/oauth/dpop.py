"""DPoP proofs: what one must be like, and which key it shows possession of (RFC 9449 §4)."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

from authlib.oauth2 import OAuth2Error
from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey, import_key

ALGORITHMS = ("ES256", "ES384", "PS256")
# Seconds that a proof's `iat` may lie from this server's clock, in either direction.
WINDOW = 60
SMALLEST_RSA = 2048
LARGEST = 8 * 1024
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


class _Registry(jws.JWSRegistry):
    """Room for an RSA key in the header, which joserfc's limit of 512 bytes does not give."""

    max_header_length = 4096


REGISTRY = _Registry(algorithms=list(ALGORITHMS))


class InvalidDPoPProofError(OAuth2Error):  # type: ignore[misc]
    """The proof is missing where it is needed, or wrong (RFC 9449 §5, §7.1)."""

    error = "invalid_dpop_proof"


@dataclass(frozen=True)
class Proof:
    """A checked proof: the thumbprint of its key (RFC 7638), its claims."""

    jkt: str
    claims: dict[str, Any]


def token_hash(access_token: str) -> str:
    """The `ath` of proofs that go with that access token."""
    return urlsafe_b64encode(hashlib.sha256(access_token.encode("ascii")).digest()).rstrip(b"=").decode()


def _public_key(header: dict[str, Any]) -> ECKey | RSAKey:
    jwk = header.get("jwk")
    if not isinstance(jwk, dict) or jwk.get("kty") not in ("EC", "RSA"):
        raise InvalidDPoPProofError("The header jwk must be an EC or RSA key")
    if PRIVATE_MEMBERS & jwk.keys():
        raise InvalidDPoPProofError("The header jwk must not hold a private key")
    try:
        key = import_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError, SecurityWarning) as error:
        raise InvalidDPoPProofError("The header jwk is not a key") from error
    if isinstance(key, RSAKey) and key.public_key.key_size < SMALLEST_RSA:
        raise InvalidDPoPProofError(f"An RSA key needs {SMALLEST_RSA} bits")
    if not isinstance(key, ECKey | RSAKey):
        raise InvalidDPoPProofError("The header jwk must be an EC or RSA key")
    return key


def _verified(text: str) -> tuple[str, dict[str, Any]]:
    """Thumbprint and claims of a proof whose header and signature are good (RFC 9449 §4.3, points 2-7)."""
    if len(text) > LARGEST:
        raise InvalidDPoPProofError("The proof is too large")
    try:
        header = jws.extract_compact(text.encode("ascii"), registry=REGISTRY).headers()
    except (JoseError, ValueError) as error:
        raise InvalidDPoPProofError("The proof is not a single JWT") from error
    if header.get("typ") != "dpop+jwt":
        raise InvalidDPoPProofError("The header typ must be dpop+jwt")
    if header.get("alg") not in ALGORITHMS:
        raise InvalidDPoPProofError("The header alg is not one that this server takes")
    key = _public_key(header)
    try:
        claims = jwt.decode(text, key, registry=REGISTRY).claims
    except (JoseError, ValueError, TypeError, KeyError, json.JSONDecodeError) as error:
        raise InvalidDPoPProofError("The signature is not valid") from error
    return key.thumbprint(), dict(claims)


def read_proof(text: str, *, method: str, url: str, now: float, access_token: str | None = None) -> Proof:
    """Check all of a proof but `nonce` and reuse of `jti`; raises InvalidDPoPProofError.

    `url` is the address of the request without query and fragment, `now` in seconds since the epoch. With an access
    token the proof must carry its `ath` (RFC 9449 §4.3, points 8-12).
    """
    jkt, claims = _verified(text)
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise InvalidDPoPProofError("The claim jti is missing")
    if claims.get("htm") != method:
        raise InvalidDPoPProofError("The claim htm is not this request's method")
    if claims.get("htu") != url:
        raise InvalidDPoPProofError("The claim htu is not this address without query and fragment")
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        raise InvalidDPoPProofError("The claim iat is not a number")
    if abs(issued - now) > WINDOW:
        raise InvalidDPoPProofError(f"The claim iat is {int(issued - now)} s off this server's clock")
    if access_token is not None:
        found = claims.get("ath")
        if not isinstance(found, str) or not hmac.compare_digest(found.encode(), token_hash(access_token).encode()):
            raise InvalidDPoPProofError("The claim ath is not the hash of the access token")
    return Proof(jkt, claims)
