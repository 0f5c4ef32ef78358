"""Rules of the metadata document as a whole (RFC 8414, OpenID Connect Discovery)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields

from tokenkeep.domain.check import Finding
from tokenkeep.oauth.answer import Answer
from tokenkeep.oauth.check.rule import Rule, address, kind, path
from tokenkeep.oauth.check.seen import Server
from tokenkeep.oauth.metadata import ServerMetadata, candidates
from tokenkeep.oauth.quirks import quirks_of

FOUND = Rule(
    "metadata.found",
    "The server publishes what it offers as a JSON object at a well-known address, with status 200.",
    "RFC 8414 §3, OpenID Connect Discovery §4",
)
REDIRECTS = Rule(
    "metadata.redirects", "The document is answered at its own address, without a redirect.", "RFC 8414 §3.2"
)
CONTENT_TYPE = Rule("metadata.content_type", "The document is sent as application/json.", "RFC 8414 §3.2")
CACHE = Rule(
    "metadata.cache", "The document may be kept for a while, but not for so long that a change goes unnoticed."
)
ISSUER_EQUAL = Rule(
    "metadata.issuer_equal",
    "The issuer in the document equals the one it was looked up by, to the letter, final slash included.",
    "RFC 8414 §3.3, OpenID Connect Discovery §4.3",
)
LISTS = Rule("metadata.lists", "Members whose names end in _supported are lists of strings.", "RFC 8414 §2")
DAY = 86_400  # seconds; TokenKeep keeps no document for longer
# Those that TokenKeep reads; the boolean among them is looked at by a rule of its own.
LIST_NAMES = tuple(
    one.name for one in fields(ServerMetadata) if one.name.endswith("_supported") and one.default is None
)


def rules(server: Server) -> Iterator[Finding]:
    """The findings; after one of `metadata.issuer_equal` that failed the document is not to be used (META-3)."""
    if not server.provider.issuer:
        yield FOUND.skip("No issuer is configured; the sign-in uses the endpoints of the configuration.")
        return
    if server.tried[-1].unreachable:
        return  # the rules of the connection have said so
    yield from _found(server)
    found = server.found
    if found is None or found.answer is None:
        return
    yield content_type(CONTENT_TYPE, found.answer)
    yield _cache(found.answer)
    yield _issuer(server)
    yield _lists(server)


def _found(server: Server) -> Iterator[Finding]:
    redirects = [one for one in server.tried if one.redirected]
    missed = "; ".join(f"{path(one.url)}: {one.words}" for one in server.tried if one.document is None)
    if redirects:
        yield FOUND.fail(f"The search ended at a redirect ({missed}).", "See metadata.redirects.")
        error = redirects[0].error
        yield REDIRECTS.fail(
            "" if error is None else error.detail,
            f"Answer {path(redirects[0].url)} itself with status 200; TokenKeep follows no redirect, since whoever "
            "controls the target could name other endpoints.",
        )
    elif server.found is None:
        issuer = address(server.provider.issuer)
        places = " or ".join(path(url) for url in candidates(server.provider))
        yield FOUND.fail(
            f"There is no usable document of {issuer} ({missed}).", f"Publish the metadata as JSON at {places}."
        )
    else:
        before = f" (before that {missed})" if missed else ""
        yield FOUND.passed(f"Published at {path(server.found.url)}{before}.")
        yield REDIRECTS.passed("No redirect on the way.")


def content_type(rule: Rule, answer: Answer) -> Finding:
    """Whether a document came as JSON says."""
    sent = answer.headers.get("Content-Type", "")
    if sent.partition(";")[0].strip().lower() == "application/json":
        return rule.passed("Sent as application/json.")
    return rule.warn(
        f"Sent as {kind(sent) if sent else 'nothing in particular'}.", "Send the header Content-Type: application/json."
    )


def _cache(answer: Answer) -> Finding:
    sent = answer.headers.get("Cache-Control", "")
    age = re.search(r"\bmax-age=([0-9]{1,12})\b", sent, re.IGNORECASE)
    if age and int(age[1]) > DAY:
        return CACHE.warn(
            f"The document says that it is good for {int(age[1]) // DAY} days.",
            "Lower max-age to a day at most, so that clients learn of new endpoints and keys.",
        )
    return CACHE.passed(f"Cache-Control is {kind(sent)}." if sent else "There is no Cache-Control; that is fine.")


def _issuer(server: Server) -> Finding:
    looked_up, told = server.provider.issuer, server.document.get("issuer")
    matches = quirks_of(server.provider).issuer_matches
    if told == looked_up:
        return ISSUER_EQUAL.passed(f"The document is of {address(told)}.")
    if isinstance(told, str) and matches is not None and matches(looked_up, told):
        return ISSUER_EQUAL.passed(f"The document is of {address(told)}, which this provider is known to write so.")
    advice = f"Set the server's issuer to {address(looked_up)}"
    if not isinstance(told, str):
        return ISSUER_EQUAL.fail(f"The document's issuer is {kind(told)}, not {address(looked_up)}.", f"{advice}.")
    difference = ""
    if told.rstrip("/") == looked_up.rstrip("/"):
        difference = " They differ in the final slash."
    elif told.lower() == looked_up.lower():
        difference = " They differ in upper and lower case."
    return ISSUER_EQUAL.fail(
        f"The document is of {address(told)}; it was looked up as {address(looked_up)}.{difference}",
        f"{advice}, or give every client the issuer as the document has it.",
    )


def _lists(server: Server) -> Finding:
    wrong = [name for name in LIST_NAMES if server.document.get(name) is not None and server.texts(name) is None]
    if wrong:
        return LISTS.fail(f"No list of strings: {', '.join(wrong)}.", "Write them as JSON lists of strings.")
    return LISTS.passed("All lists are lists of strings.")
