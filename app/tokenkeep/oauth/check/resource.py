"""Rules of a protected resource: its challenge and its metadata (RFC 6750, RFC 9728)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tokenkeep.domain.check import Finding
from tokenkeep.domain.provider import check_url
from tokenkeep.oauth.check.metadata import content_type
from tokenkeep.oauth.check.rule import Rule, address, kind, listed, path
from tokenkeep.oauth.check.seen import Fetched, fetch
from tokenkeep.oauth.transport import Transport

WELL_KNOWN = "/.well-known/oauth-protected-resource"
CHALLENGE = Rule(
    "resource.challenge",
    "A request without a token is answered with 401 and a WWW-Authenticate header that names resource_metadata.",
    "RFC 9110 §11.6.1, RFC 9728 §5.1",
)
FOUND = Rule("resource.metadata_found", "The resource publishes its metadata as a JSON object.", "RFC 9728 §3")
CONTENT_TYPE = Rule("resource.content_type", "The document is sent as application/json.", "RFC 9728 §3.2")
EQUAL = Rule(
    "resource.equal",
    "The resource in the document equals the address that is asked for, to the letter.",
    "RFC 9728 §3.3",
)
SERVERS = Rule(
    "resource.authorization_servers", "authorization_servers lists https issuers without query.", "RFC 9728 §2"
)
METHODS = Rule("resource.bearer_methods", "The token may be sent in the Authorization header.", "RFC 9728 §2")
_PARAMETER = re.compile(r'\bresource_metadata\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', re.IGNORECASE)
_BEARER = re.compile(r"(?:^|,)\s*(?:bearer|dpop)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Resource:
    """A protected resource under check.

    :param asked: the plain request for it.
    :param tried: the requests for its metadata; the last one brought the document where there is one.
    """

    url: str
    local: bool
    asked: Fetched
    tried: tuple[Fetched, ...]
    named: bool
    document: dict[str, Any] | None

    @property
    def protected(self) -> bool:
        """Whether there is any sign that this is a protected resource."""
        return self.document is not None or (self.asked.answer is not None and self.asked.answer.status == 401)

    @property
    def issuer(self) -> str:
        """The first authorization server that can be used; empty when there is none."""
        return next(iter(_servers(self)), "")


def look(transport: Transport, url: str, *, local: bool) -> Resource:
    """Ask for the resource without a token, then for its metadata where the challenge or the standard puts it."""
    asked = fetch(transport, url, local=local)
    named = _named(asked, local=local)
    tried: list[Fetched] = []
    for place in [named] if named else places(url):
        tried.append(fetch(transport, place, local=local))
        if tried[-1].document is not None or tried[-1].unreachable:
            break
    return Resource(url, local, asked, tuple(tried), bool(named), tried[-1].document)


def places(url: str) -> tuple[str, ...]:
    """Where the metadata lies: between host and path, then for the whole host (§3.1)."""
    parts = urlsplit(url)
    behind = "" if parts.path == "/" else parts.path
    own = urlunsplit((parts.scheme, parts.netloc, WELL_KNOWN + behind, parts.query, ""))
    return tuple(dict.fromkeys((own, f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}")))


def _named(asked: Fetched, *, local: bool) -> str:
    if asked.answer is None:
        return ""
    found = _PARAMETER.search(asked.answer.headers.get("WWW-Authenticate", ""))
    if found is None:
        return ""
    url = re.sub(r"\\(.)", r"\1", found[1]) if found[1] is not None else found[2]
    try:
        return check_url(url, local=local)
    except ValueError:
        return ""


def rules(resource: Resource) -> Iterator[Finding]:
    """The findings of challenge and document."""
    yield from _challenge(resource)
    document = resource.document
    if document is None:
        missed = "; ".join(f"{path(one.url)}: {one.words}" for one in resource.tried)
        yield FOUND.fail(f"There is no usable document ({missed}).", f"Publish it at {path(places(resource.url)[0])}.")
        return
    answer = resource.tried[-1].answer
    assert answer is not None
    yield FOUND.passed(f"Published at {path(resource.tried[-1].url)}.")
    yield content_type(CONTENT_TYPE, answer)
    yield _equal(resource, document.get("resource"))
    yield _authorization_servers(resource, document.get("authorization_servers"))
    methods = document.get("bearer_methods_supported")
    if methods is None or (isinstance(methods, list) and "header" in methods):
        yield METHODS.passed("The header is allowed.")
    else:
        told = listed(methods) if isinstance(methods, list) else kind(methods)
        yield METHODS.fail(f"Required: header. Supported: {told}.", "Take tokens in the Authorization header.")


def _challenge(resource: Resource) -> Iterator[Finding]:
    answer = resource.asked.answer
    if answer is None:
        yield CHALLENGE.skip(f"There was no answer to look at: {resource.asked.words}.")
        return
    if answer.status != 401:
        yield CHALLENGE.skip(f"A request without a token was answered with status {answer.status}.")
        return
    header = answer.headers.get("WWW-Authenticate", "")
    advice = f'Add WWW-Authenticate: Bearer resource_metadata="{address(places(resource.url)[0])}".'
    if not header:
        yield CHALLENGE.fail("The 401 has no WWW-Authenticate header.", advice)
    elif not _BEARER.search(header):
        yield CHALLENGE.fail("The 401 asks for something else than a bearer token.", advice)
    elif not resource.named:
        yield CHALLENGE.warn("The 401 does not say where the metadata is.", advice)
    else:
        yield CHALLENGE.passed("The 401 says where the metadata is.")


def _equal(resource: Resource, told: object) -> Finding:
    advice = f"Set resource to {address(resource.url)} in this document."
    parts = urlsplit(resource.url)
    if told == resource.url or (parts.path in ("", "/") and told in (resource.url + "/", resource.url.rstrip("/"))):
        return EQUAL.passed(f"The document is of {address(told)}.")
    said = f"The document is of {address(told)}; it was looked up for {address(resource.url)}."
    whole = f"{parts.scheme}://{parts.netloc}"
    if path(resource.tried[-1].url) == WELL_KNOWN and told in (whole, whole + "/"):
        return EQUAL.passed(f"The document is of the whole host, {address(told)}.")
    return EQUAL.fail(said, advice)


def _servers(resource: Resource) -> list[str]:
    listed_ = (resource.document or {}).get("authorization_servers")
    found = []
    for issuer in listed_ if isinstance(listed_, list) else ():
        try:
            if isinstance(issuer, str) and "?" not in issuer:
                found.append(check_url(issuer, local=resource.local))
        except ValueError:
            continue
    return found


def _authorization_servers(resource: Resource, told: object) -> Finding:
    good = _servers(resource)
    advice = "List the issuer of each authorization server whose tokens the resource takes."
    if not good:
        said = listed(map(address, told)) if isinstance(told, list) else kind(told)
        return SERVERS.fail(f"No server that can be used: {said}.", advice)
    if isinstance(told, list) and len(good) < len(told):
        return SERVERS.warn(f"Only {len(good)} of {len(told)} can be used.", advice)
    more = f" The first one is checked; {listed(map(address, good[1:]))} can be checked alone." if good[1:] else ""
    return SERVERS.passed(f"{address(good[0])}.{more}")
