"""PKCE with S256 alone (RFC 7636), the same rules for authorization codes and device codes."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError

# An S256 challenge is always 43 characters of base64url (RFC 7636 §4.2).
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def read_challenge(data: Any, *, required: bool) -> str | None:
    """The code challenge of a request's parameters; raises InvalidRequestError for anything but S256."""
    challenge, method = data.get("code_challenge"), data.get("code_challenge_method")
    if not challenge and not method:
        if required:
            raise InvalidRequestError("code_challenge is required")
        return None
    # Without a method RFC 7636 §4.3 means plain, which is refused like any other.
    if method != "S256":
        raise InvalidRequestError("Invalid code_challenge_method: only S256 is supported")
    if not challenge or not CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError("code_challenge must be 43 base64url characters")
    return str(challenge)


def check_verifier(challenge: str | None, verifier: str | None) -> None:
    """Raise InvalidGrantError or InvalidRequestError unless both are there and match, or both are absent."""
    if not challenge:
        # A verifier without a challenge is the sign of a stripped challenge (RFC 9700 §2.1.1).
        if verifier:
            raise InvalidRequestError("code_verifier was sent but the request had no code_challenge")
        return
    # One text for all: it must not help anybody who guesses.
    wrong = InvalidGrantError("The PKCE code verifier is invalid")
    if not verifier or not VERIFIER.fullmatch(verifier):
        raise wrong
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    if not hmac.compare_digest(urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge):
        raise wrong
