"""Identifiers of protected resources (RFC 8707 §2)."""

from __future__ import annotations

from urllib.parse import urlsplit


def check_resource(value: str) -> str:
    """Refuse what no server may be asked for: an identifier is an absolute URI without a fragment.

    :raises ValueError: with the reason in words.
    """
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - it is read for the error of a port that is none
    except ValueError as broken:
        raise ValueError("it is not a URI") from broken
    if any(not "!" <= char <= "~" or char in '"<>\\^`{|}' for char in value):
        raise ValueError("it contains characters that no URI has")
    if not parts.scheme or not (parts.netloc or parts.path):
        raise ValueError("it is not absolute: it begins with https:// or another scheme")
    if parts.scheme in ("http", "https") and not parts.hostname:
        raise ValueError("it has no host")
    if "#" in value:
        raise ValueError("it must not have a fragment")
    return value


def typed_resource(value: str) -> str:
    """What a person means who typed it: scheme and host in lower case, and no slash where there is no path.

    Everything else counts to the byte.

    :raises ValueError: as `check_resource`.
    """
    parts = urlsplit(check_resource(value))
    if not parts.netloc:
        return value
    login, at, host = parts.netloc.rpartition("@")
    path = "" if parts.path == "/" and not parts.query else parts.path
    return parts._replace(scheme=parts.scheme.lower(), netloc=login + at + host.lower(), path=path).geturl()


def as_known(asked: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """The identifiers that are asked for, each once and to the byte as it is known, in the order of the known ones.

    :param asked: as a program or a person wrote them; well-formed.
    :param known: as configured or discovered; what is not among them is left as it was written.
    """
    by_meaning = {typed_resource(one): one for one in reversed(known)}
    meant = dict.fromkeys(one if one in known else by_meaning.get(typed_resource(one), one) for one in asked)
    return (*(one for one in known if one in meant), *sorted(one for one in meant if one not in known))
