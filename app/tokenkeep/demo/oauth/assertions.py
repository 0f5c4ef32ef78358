"""JWTs that clients and foreign issuers present: signature and claims, with one clear reason for each refusal."""

import json
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet

# Asymmetric alone (rfc7523bis §3): with a shared secret anybody who checks could also sign.
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA")
# Seconds that two clocks may differ.
LEEWAY = 10
# Seconds from issue to expiry that an assertion may live.
LONGEST_LIFE = 600
LARGEST = 16 * 1024


class AssertionRefused(ValueError):
    """The text says what is wrong, in characters that an error_description may have (RFC 6749 §5.2)."""


def import_keys(jwks: Any) -> KeySet:
    """The public signature keys of a JWK Set; raises ValueError for anything else."""
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        raise ValueError("jwks must be a JWK Set with keys")
    if any(key.get("kty") not in ("RSA", "EC", "OKP") or "d" in key for key in keys):
        raise ValueError("jwks must hold public keys alone")
    try:
        return KeySet.import_key_set({"keys": keys})
    except (JoseError, ValueError, TypeError, KeyError, SecurityWarning) as error:
        raise ValueError("jwks has a key that cannot be used") from error


def unverified_claim(token: str, name: str) -> str | None:
    """A text claim read before the signature was checked, to find the key by it."""
    try:
        claims = json.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError):
        return None
    value = claims.get(name) if isinstance(claims, dict) else None
    return value if isinstance(value, str) else None


def verify(token: str, keys: KeySet) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a signed JWT; raises AssertionRefused."""
    if len(token) > LARGEST:
        raise AssertionRefused("the assertion is too large")
    try:
        decoded = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise AssertionRefused("the assertion is malformed or its signature is not valid") from error
    return dict(decoded.header), dict(decoded.claims)


def _time(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AssertionRefused(f"the claim {name} is not a number")
    return float(value)


def check_times(claims: dict[str, Any], now: float, *, longest: float | None = LONGEST_LIFE) -> None:
    """`exp` is needed and near, `nbf` and `iat` are not ahead; texts tell clock trouble from all else."""
    expires, starts, issued = _time(claims, "exp"), _time(claims, "nbf"), _time(claims, "iat")
    if expires is None:
        raise AssertionRefused("the claim exp is missing")
    if now >= expires + LEEWAY:
        raise AssertionRefused(f"the assertion has expired {int(now - expires)} s ago by this server's clock")
    ahead = max(starts or 0, issued or 0) - now
    if ahead > LEEWAY:
        raise AssertionRefused(f"the assertion is not yet valid: it starts in {int(ahead)} s by this server's clock")
    if longest is not None and expires - (now if issued is None else issued) > longest:
        raise AssertionRefused(f"the assertion lives longer than {longest} s")


def audiences(issuer: str, endpoint: str, switch: str | None) -> tuple[str, ...]:
    """What an assertion may name: the issuer, or what the switch `assertion_audience` says."""
    return {None: (issuer,), "token_endpoint": (endpoint,), "any": (issuer, endpoint)}[switch]


def check_audience(claims: dict[str, Any], accepted: tuple[str, ...]) -> None:
    """One text and nothing else: a list could name somebody who then replays it here (rfc7523bis §3)."""
    audience = claims.get("aud")
    if audience is None:
        raise AssertionRefused("the claim aud is missing")
    if not isinstance(audience, str):
        raise AssertionRefused("the claim aud must be a single text")
    if audience not in accepted:
        raise AssertionRefused("the claim aud does not name this server")
