"""The three kinds of check: a configured provider, an issuer, the address of a protected resource."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from tokenkeep.domain.check import CheckReport, Finding, Outcome
from tokenkeep.domain.errors import BadRequest, Misconfigured
from tokenkeep.domain.provider import Provider, check_url, is_loopback
from tokenkeep.oauth.check import connection, endpoints, keys, metadata, offers, resource, sign_in
from tokenkeep.oauth.check.rule import address
from tokenkeep.oauth.check.seen import Fetched, Server, fetch, look
from tokenkeep.oauth.transport import Transport

HINT = "Give the address as it stands in the server's documentation, such as https://sso.example.com/realms/staff."


def check_provider(transport: Transport, provider: Provider, *, wall: float) -> CheckReport:
    """Check a configured provider; its flow, scopes and client count.

    :param wall: now, seconds since the epoch.
    :raises Misconfigured: it has no address.
    """
    if not provider.issuer and not provider.token_endpoint:
        raise Misconfigured(
            f"{provider.title} has neither an issuer nor a token endpoint, so there is nothing to check.",
            key=f"providers.{provider.id}.issuer",
            provider=provider.id,
        )
    transport = transport.starting_at(provider.written)
    server = look(transport, provider, configured=True)
    tried = server.tried or (fetch(transport, provider.token_endpoint, local=provider.local),)
    subject = provider.issuer or provider.token_endpoint
    return _report(subject, provider.title, provider.issuer, wall, tried, _server(server, transport))


def check_issuer(transport: Transport, issuer: str, *, wall: float) -> CheckReport:
    """Check an authorization server by its issuer.

    :raises BadRequest: that cannot be an issuer.
    """
    local = _checked(issuer)
    if "?" in issuer:
        raise BadRequest("An issuer has no query.", hint=HINT)
    transport = transport.starting_at((issuer,))
    server = look(transport, _unconfigured(issuer, local=local), configured=False)
    return _report(issuer, "", issuer, wall, server.tried, _server(server, transport))


def check_resource(transport: Transport, url: str, *, wall: float) -> CheckReport:
    """Check an address: a protected resource with its authorization server, or an issuer where it is none.

    :raises BadRequest: that cannot be asked for.
    """
    local = _checked(url)
    transport = transport.starting_at((url,))
    found = resource.look(transport, url, local=local)
    if not found.protected and not found.tried[-1].unreachable and "?" not in url:
        server = look(transport, _unconfigured(url, local=local), configured=False)
        if server.found is not None:
            return _report(url, "", url, wall, server.tried, _server(server, transport))
    begun = (found.asked, *found.tried)
    return _report(url, "", found.issuer, wall, begun, _resource(found, transport))


def _resource(found: resource.Resource, transport: Transport) -> Iterator[Finding]:
    if found.tried[-1].unreachable:
        return
    yield from resource.rules(found)
    if found.issuer:
        server = look(transport, _unconfigured(found.issuer, local=found.local), configured=False)
        if server.tried[-1].unreachable or urlsplit(found.issuer).netloc != urlsplit(found.url).netloc:
            yield from connection.rules(server.tried)
        yield from _server(server, transport)


def _server(server: Server, transport: Transport) -> Iterator[Finding]:
    refused = False
    for finding in metadata.rules(server):
        refused = refused or (finding.id == metadata.ISSUER_EQUAL.id and finding.outcome is Outcome.FAIL)
        yield finding
    if refused or (server.provider.issuer and server.found is None):
        return  # nothing of such a document is believed (META-3)
    yield from endpoints.rules(server)
    if server.found is None:
        return
    yield from sign_in.rules(server)
    yield from keys.rules(server, transport)
    yield from offers.rules(server)


def _report(
    subject: str, name: str, issuer: str, wall: float, tried: tuple[Fetched, ...], rules: Iterator[Finding]
) -> CheckReport:
    findings = _once([*connection.rules(tried), *rules])
    return CheckReport(
        subject=address(subject),
        name=name,
        issuer=address(issuer) if issuer else "",
        checked_at=wall,
        reachable=not any(rule.id == connection.REACHABLE.id and rule.outcome is Outcome.FAIL for rule in findings),
        rules=findings,
    )


def _once(findings: list[Finding]) -> tuple[Finding, ...]:
    """Each rule once; where a resource and its server both have one, the worse of the two."""
    weight = {Outcome.SKIP: 0, Outcome.PASS: 1, Outcome.WARN: 2, Outcome.FAIL: 3}
    kept: dict[str, Finding] = {}
    for finding in findings:
        before = kept.get(finding.id)
        if before is None or weight[finding.outcome] > weight[before.outcome]:
            kept[finding.id] = finding
    return tuple(kept.values())


def _unconfigured(issuer: str, *, local: bool) -> Provider:
    return Provider(id="check", name=address(issuer), issuer=issuer, local=local)


def _checked(url: str) -> bool:
    """Whether it is plain http on this machine, which is allowed for what a person names.

    :raises BadRequest: it is no address that may be asked for.
    """
    try:
        local = urlsplit(url).scheme == "http" and is_loopback(urlsplit(url).hostname)
        check_url(url, local=local)
    except ValueError as reason:
        text = str(reason)
        raise BadRequest(f"{text[:1].upper()}{text[1:]}.", hint=HINT) from None
    return local
