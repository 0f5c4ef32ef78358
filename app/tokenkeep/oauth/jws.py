"""Verifying a compact JWS with keys we chose ourselves (RFC 7515, RFC 8725 §3.1-3.2)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tokenkeep.oauth import strict_json
from tokenkeep.oauth.jwks import Jwk

# Algorithm → key type, curves, hash of at_hash. No `none` and nothing symmetric: the key would be our own secret.
ALGORITHMS: dict[str, tuple[str, frozenset[str], str]] = {
    "RS256": ("RSA", frozenset(), "sha256"),
    "RS384": ("RSA", frozenset(), "sha384"),
    "RS512": ("RSA", frozenset(), "sha512"),
    "PS256": ("RSA", frozenset(), "sha256"),
    "PS384": ("RSA", frozenset(), "sha384"),
    "PS512": ("RSA", frozenset(), "sha512"),
    "ES256": ("EC", frozenset({"P-256"}), "sha256"),
    "ES384": ("EC", frozenset({"P-384"}), "sha384"),
    "ES512": ("EC", frozenset({"P-521"}), "sha512"),
    "EdDSA": ("OKP", frozenset({"Ed25519"}), "sha512"),
    "Ed25519": ("OKP", frozenset({"Ed25519"}), "sha512"),
}
MATERIAL = ("kty", "n", "e", "crv", "x", "y")
RSA_MIN = 2048  # bits (RFC 7518 §3.3)
_SEGMENT = re.compile(r"[A-Za-z0-9_-]*")


class BadToken(ValueError):
    """A JWS that is not accepted; the text is for people and holds nothing of the token."""


class NoKey(BadToken):
    """No key of the set fits or verifies: a newer set may have it."""


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A JWS taken apart, not verified yet."""

    header: dict[str, Any]
    claims: dict[str, Any] = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def algorithm(self) -> str:
        """The algorithm it says it is signed with."""
        return str(self.header["alg"])


def parse(token: str, allowed: Iterable[str] | None) -> SignedToken:
    """Take a token apart and refuse what must not even be tried.

    :param allowed: the algorithms the server announces; None means RS256 alone (OpenID Connect Core §2).
    :raises BadToken: not a compact JWS with claims, encrypted, `crit`, or another algorithm.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise BadToken("it is encrypted" if len(parts) == 5 else "it is no signed token")
    header, claims = _json(parts[0]), _json(parts[1])
    algorithm = header.get("alg")
    announced = {"RS256"} if allowed is None else set(allowed)
    if not isinstance(algorithm, str) or algorithm not in announced & ALGORITHMS.keys():
        raise BadToken("it is signed in a way that this server does not announce or that is not safe")
    if "crit" in header:
        raise BadToken("it demands extensions that TokenKeep does not know")
    return SignedToken(header, claims, f"{parts[0]}.{parts[1]}".encode("ascii"), _decode(parts[2]))


def verify(token: SignedToken, keys: Iterable[Jwk]) -> None:
    """Check the signature. Keys that the token itself brings (`jwk`, `jku`, `x5u`) are never looked at.

    :raises NoKey: no key of the set made it.
    """
    kid = token.header.get("kid")
    for key in keys:
        if (kid is None or key.get("kid") == kid) and _fits(key, token.algorithm) and _verifies(token, key):
            return
    raise NoKey("it is not signed with a key of this server")


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token that was verified before; nothing is checked.

    :raises BadToken: it is no JWS.
    """
    return members_of(token)[1]


def members_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, for showing; nothing is checked.

    :raises BadToken: it is no JWS.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise BadToken("it is no signed token")
    return _json(parts[0]), _json(parts[1])


def half_hash(algorithm: str, value: str) -> str:
    """The left half of the hash, as `at_hash` has it (OpenID Connect Core §3.1.3.6)."""
    digest = hashlib.new(ALGORITHMS[algorithm][2], value.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")


def _decode(segment: str) -> bytes:
    if not _SEGMENT.fullmatch(segment) or len(segment) % 4 == 1:
        raise BadToken("it is no signed token")
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _json(segment: str) -> dict[str, Any]:
    try:
        members = strict_json.loads(_decode(segment))
    except BadToken:
        raise
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise BadToken("it is no signed token")
    return members


def _fits(key: Jwk, algorithm: str) -> bool:
    kind, curves, _ = ALGORITHMS[algorithm]
    operations = key.get("key_ops")
    return (
        key.get("kty") == kind
        and key.get("use") in (None, "sig")
        and key.get("alg") in (None, algorithm)
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        and (not curves or key.get("crv") in curves)
    )


def algorithms_of(key: Jwk) -> frozenset[str]:
    """The algorithms whose signatures TokenKeep could check with a key; none when the key cannot be used."""
    fitting = (name for name in ALGORITHMS if _fits(key, name))
    return frozenset(name for name in fitting if _with_key(key, name, lambda _model, _public: True))


def _verifies(token: SignedToken, key: Jwk) -> bool:
    return _with_key(
        key, token.algorithm, lambda model, public: model.verify(token.signed, token.signature, public) is True
    )


def _with_key(key: Jwk, algorithm: str, use: Callable[[Any, Any], bool]) -> bool:
    """What `use` says of the algorithm and the imported key; False when the key is no good."""
    # Imported at the first signature: a start without a sign-in has no use for it.
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key
    from joserfc.jws import JWSRegistry

    # Only the members that make up the key: others could make the library refuse a good one.
    material: Jwk = {name: key[name] for name in MATERIAL if name in key}
    try:
        if material["kty"] == "RSA" and 8 * len(_decode(material["n"]).lstrip(b"\0")) < RSA_MIN:
            return False
        public = import_key(material)
        # Straight at the algorithm: the library's front refuses headers over 512 bytes and warns at EdDSA.
        model = JWSRegistry.algorithms[algorithm]
        model.check_key(public)
        return use(model, public)
    except (
        JoseError,
        LookupError,
        ValueError,
        TypeError,
    ):  # a broken key in the set is no reason to fail on the next one
        return False
