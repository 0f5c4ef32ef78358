"""Resource indicators (RFC 8707): for which resources somebody asks, and for which a token is issued."""

from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error


class InvalidTargetError(OAuth2Error):  # type: ignore[misc]
    """The resource is unknown, malformed, or not among those that were authorized (RFC 8707 §2)."""

    error = "invalid_target"


def _is_absolute(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc) and "#" not in text


def read_resources(values: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """The `resource` parameters of a request, without repetitions; raises InvalidTargetError."""
    asked = tuple(dict.fromkeys(values))
    if not all(_is_absolute(value) for value in asked):
        raise InvalidTargetError("resource must be an absolute URI without a fragment")
    if not all(value in known for value in asked):
        raise InvalidTargetError("resource names no protected resource of this server")
    return asked


def narrowed(asked: tuple[str, ...], authorized: tuple[str, ...]) -> tuple[str, ...]:
    """What a token request gets of the authorized resources (RFC 8707 §2.2); raises InvalidTargetError for more."""
    if not set(asked) <= set(authorized):
        raise InvalidTargetError("resource was not part of the authorization")
    return asked or authorized
