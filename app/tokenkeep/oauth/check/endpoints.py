"""Rules of the endpoints that the metadata names."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from tokenkeep.domain.check import Finding
from tokenkeep.domain.provider import check_url
from tokenkeep.oauth.check.rule import Rule, address, host, kind
from tokenkeep.oauth.check.seen import Server

PRESENT = Rule(
    "endpoints.present",
    "Required: issuer, token_endpoint, and authorization_endpoint unless only other grants are offered.",
    "RFC 8414 §2",
)
HTTPS = Rule(
    "endpoints.https",
    "Every endpoint is an absolute https address without user name and without fragment.",
    "RFC 8414 §2, RFC 6749 §3.1, §3.2",
)
HOST = Rule("endpoints.host", "The endpoints belong to whoever runs the issuer.", "RFC 9700 §4.4")


def rules(server: Server) -> Iterator[Finding]:
    """The findings of the document's endpoints, or of the configured ones where there is no document."""
    found = endpoints(server)
    yield _present(server, found)
    broken = [f"{name} {reason}" for name, value in found.items() if (reason := problem(server, value))]
    if broken:
        yield HTTPS.fail(f"Cannot be used: {'; '.join(broken)}.", "Correct these addresses in the server's settings.")
    else:
        yield HTTPS.passed(f"All {len(found)} endpoints are addresses that can be used.")
    yield _host(server, found)


def endpoints(server: Server) -> dict[str, object]:
    """Every endpoint, those of the configuration over those of the document."""
    found = {
        name: value for name, value in server.document.items() if name.endswith(("_endpoint", "jwks_uri")) and value
    }
    names = ("authorization_endpoint", "token_endpoint", "device_authorization_endpoint")
    return found | {name: value for name in names if (value := getattr(server.provider, name))}


def problem(server: Server, value: object) -> str:
    """Why an endpoint cannot be used, empty when it can."""
    if not isinstance(value, str):
        return f"is {kind(value)}"
    try:
        check_url(value, local=server.provider.local)
    except ValueError as reason:
        return f"({reason})"
    refusal = server.reach.refusal(value, local=server.provider.local)
    return f"({refusal}, which nobody named)" if refusal else ""


def _present(server: Server, found: dict[str, object]) -> Finding:
    grants = server.texts("grant_types_supported")
    needed = ["token_endpoint"]
    if server.for_people and (grants is None or "authorization_code" in grants):
        needed.append("authorization_endpoint")
    missing = [name for name in needed if name not in found]
    if missing:
        return PRESENT.fail(f"Missing: {', '.join(missing)}.", "Add the missing members to the metadata.")
    return PRESENT.passed(f"{' and '.join(sorted(needed))} {'are' if len(needed) > 1 else 'is'} there.")


def _host(server: Server, found: dict[str, object]) -> Finding:
    own = urlsplit(server.provider.issuer or server.provider.token_endpoint).hostname
    foreign = {
        host(value): name
        for name, value in found.items()
        if isinstance(value, str) and not problem(server, value) and urlsplit(value).hostname != own
    }
    if not foreign:
        return HOST.passed("All endpoints are on the issuer's own host.")
    places = ", ".join(f"{place} ({name})" for place, name in foreign.items())
    return HOST.warn(f"Not on {address(own)}: {places}.", "Make sure that these hosts are run by the same people.")
