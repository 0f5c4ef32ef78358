"""A private key of ours that signs JWTs: made here, or read as PEM (RFC 7468) or JWK (RFC 7517)."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import strict_json

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

DEFAULT_ALGORITHM = "ES256"
RSA_BITS = 3072  # of a key that is made here
RSA_MIN = 2048  # bits (RFC 7518 §3.3)

# What a key can sign with, the preferred way first. Nothing symmetric, nothing unsigned, no SHA-1.
RSA_ALGORITHMS = ("PS256", "RS256", "PS384", "RS384", "PS512", "RS512")
EC_ALGORITHMS = {"P-256": ("ES256",), "P-384": ("ES384",), "P-521": ("ES512",)}
ED25519_ALGORITHMS = ("EdDSA", "Ed25519")
# What a key can be made for, in the order of preference.
MAKEABLE = (DEFAULT_ALGORITHM, "ES384", "ES512", "EdDSA", "Ed25519", *RSA_ALGORITHMS)


class UnusableKey(ValueError):
    """The text is no private key that can sign; the message is for people and holds nothing of the key."""


class SigningKey:
    """One private key. It is not shown by formatting and cannot be pickled; only `sealed` gives it away."""

    __slots__ = ("_key", "algorithms", "kid")

    def __init__(self, key: ECKey | RSAKey | OKPKey, algorithms: tuple[str, ...], kid: str = "") -> None:
        """:param kid: names the key; its thumbprint (RFC 7638) when empty."""
        self._key = key
        self.algorithms = algorithms
        self.kid = kid or key.thumbprint()

    @classmethod
    def make(cls, algorithm: str = DEFAULT_ALGORITHM) -> Self:
        """A new key for an algorithm of `MAKEABLE`."""
        from joserfc.jwk import ECKey, OKPKey, RSAKey

        if algorithm in RSA_ALGORITHMS:
            return cls(RSAKey.generate_key(RSA_BITS), RSA_ALGORITHMS)
        if algorithm in ED25519_ALGORITHMS:
            return cls(OKPKey.generate_key("Ed25519"), ED25519_ALGORITHMS)
        curve = next(curve for curve, names in EC_ALGORITHMS.items() if algorithm in names)
        return cls(ECKey.generate_key(curve), EC_ALGORITHMS[curve])

    @classmethod
    def read(cls, text: Secret) -> Self:
        """A key as PEM (PKCS#8, SEC1, PKCS#1) or as a JWK.

        :raises UnusableKey: it is none, has a passphrase, is public only, too short, or of a kind that is not used.
        """
        from joserfc.errors import JoseError
        from joserfc.jwk import import_key

        written = text.reveal().strip()
        jwk = _jwk(written) if written.startswith("{") else None
        pem, kind = _from_pem(written) if jwk is None else (b"", None)
        key: Any = None
        with contextlib.suppress(JoseError, LookupError, ValueError, TypeError):
            key = import_key(pem, kind) if jwk is None else import_key(jwk)
        # Raised out of the handler: the libraries' own errors may hold parts of the key.
        if key is None:
            raise UnusableKey("it is no key that TokenKeep can read")
        if not key.is_private:
            raise UnusableKey("it is a public key, and the private one is needed")
        kid = "" if jwk is None else jwk.get("kid", "")
        return cls(key, _algorithms(key, jwk), kid if isinstance(kid, str) else "")

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public half for the provider (RFC 7517 §4)."""
        members: dict[str, Any] = self._key.as_dict(private=False)
        shown = {name: members[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in members}
        only = {"alg": self.algorithms[0]} if len(self.algorithms) == 1 else {}
        return {**shown, "kid": self.kid, "use": "sig", **only}

    @property
    def sealed(self) -> Secret:
        """The private key as PKCS#8, for the vault and nothing else."""
        return Secret(self._key.as_pem(private=True).decode("ascii"))

    def algorithm(self, listed: Iterable[str] | None, default: str = "") -> str | None:
        """The way to sign for a server.

        :param listed: what the server takes; None when it does not say.
        :param default: to prefer where the server does not say.
        :returns: None when the server takes none that this key can.
        """
        if listed is None:
            return default if default in self.algorithms else self._usual
        offered = set(listed)
        usual = (self._usual, *self.algorithms)
        return next((name for name in usual if name in offered), None)

    @property
    def _usual(self) -> str:
        """What servers take most often."""
        return "RS256" if self.algorithms == RSA_ALGORITHMS else self.algorithms[0]

    def sign(self, header: dict[str, Any], claims: dict[str, Any], algorithm: str) -> Secret:
        """A compact JWS (RFC 7515 §7.1).

        :param header: `typ` and the like; `alg` is added.
        """
        from joserfc.jws import JWSRegistry

        parts = [json.dumps(one, separators=(",", ":")).encode() for one in ({"alg": algorithm, **header}, claims)]
        signed = b".".join(map(_base64url, parts))
        # Straight at the algorithm: the library's front warns at EdDSA and refuses long headers.
        signature: bytes = JWSRegistry.algorithms[algorithm].sign(signed, self._key)
        return Secret(f"{signed.decode('ascii')}.{_base64url(signature).decode('ascii')}")

    def __repr__(self) -> str:
        return f"<SigningKey {self.kid}>"

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError("a private key is not pickled or copied out of the process")


def algorithm_to_make(listed: Iterable[str] | None) -> str | None:
    """What a new key is made for: ES256, or the best that a server lists; None when it lists none that can be."""
    if listed is None:
        return DEFAULT_ALGORITHM
    offered = set(listed)
    return next((name for name in MAKEABLE if name in offered), None)


def _base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _jwk(text: str) -> dict[str, Any]:
    try:
        members = strict_json.loads(text.encode())
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise UnusableKey("it is no JSON")
    if "keys" in members:
        raise UnusableKey("it is a set of keys, and a single one is needed")
    if members.get("kty") == "oct":
        raise UnusableKey("it is a shared secret, not a private key")
    if members.get("use", "sig") != "sig":
        raise UnusableKey("it is not meant for signing (`use`)")
    return members


def _loaded(text: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if "-----BEGIN" not in text:
        raise UnusableKey("it is neither PEM nor a JWK")
    if "PRIVATE KEY-----" not in text:
        raise UnusableKey("it holds no private key")
    try:
        return load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise UnusableKey("it is encrypted with a passphrase, and TokenKeep cannot ask for that") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKey("it is damaged, or of a kind that TokenKeep does not know") from None


def _from_pem(text: str) -> tuple[bytes, Any]:
    """PKCS#8, whatever form it had, and the type of the key as a JWK calls it."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    loaded = _loaded(text)
    kinds: tuple[tuple[Any, str], ...] = (
        (ec.EllipticCurvePrivateKey, "EC"),
        (rsa.RSAPrivateKey, "RSA"),
        (ed25519.Ed25519PrivateKey, "OKP"),
    )
    for kind, name in kinds:
        if isinstance(loaded, kind):
            return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), name
    raise UnusableKey("only RSA, EC and Ed25519 keys are used")


def _algorithms(key: Any, jwk: dict[str, Any] | None) -> tuple[str, ...]:
    """What it can sign with; a JWK may say which one it is for."""
    members = key.as_dict(private=False)
    if members["kty"] == "RSA":
        if key.private_key.key_size < RSA_MIN:
            raise UnusableKey(f"it has fewer than {RSA_MIN} bits")
        possible: tuple[str, ...] = RSA_ALGORITHMS
    elif members["kty"] == "EC":
        possible = EC_ALGORITHMS.get(members["crv"], ())
    else:
        possible = ED25519_ALGORITHMS if members.get("crv") == "Ed25519" else ()
    if not possible:
        raise UnusableKey("its curve is not used for signatures here; P-256, P-384, P-521 and Ed25519 are")
    meant = (jwk or {}).get("alg")
    if meant is None:
        return possible
    if meant not in possible:
        raise UnusableKey("its `alg` does not fit the key")
    return (meant,)
