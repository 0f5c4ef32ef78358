"""Rules of what a server may offer beyond a sign-in: registration, pushed requests, bound tokens, endings."""

from __future__ import annotations

from collections.abc import Iterator

from tokenkeep.domain.check import Finding
from tokenkeep.oauth.check.rule import Rule, kind, listed
from tokenkeep.oauth.check.seen import Server

REGISTRATION = Rule("registration", "registration_endpoint lets clients register themselves.", "RFC 7591 §3")
CIMD = Rule(
    "cimd",
    "client_id_metadata_document_supported: true lets a client be known by the address of its own document.",
    "OAuth Client ID Metadata Document §5",
)
PAR = Rule("par", "pushed_authorization_request_endpoint keeps the request out of the browser.", "RFC 9126 §5")
DPOP = Rule(
    "dpop",
    "dpop_signing_alg_values_supported lists asymmetric algorithms only, ES256 among them.",
    "RFC 9449 §5.1, §11.6",
)
REVOCATION = Rule("revocation", "revocation_endpoint ends tokens when a person signs out.", "RFC 7009 §2, RFC 8414 §2")
END_SESSION = Rule(
    "end_session",
    "end_session_endpoint ends the session in the browser too.",
    "OpenID Connect RP-Initiated Logout §2.1",
)
ASYMMETRIC = ("RS", "PS", "ES", "Ed")


def rules(server: Server) -> Iterator[Finding]:
    """The findings; what is not offered is no fault unless it is needed."""
    yield from _registration(server)
    yield _par(server)
    yield _dpop(server)
    yield _revocation(server)
    if server.openid:
        ends = bool(server.document.get("end_session_endpoint"))
        words = "The session in the browser can be ended."
        yield END_SESSION.passed(words) if ends else END_SESSION.skip("It is not offered.")


def _registration(server: Server) -> Iterator[Finding]:
    cimd = server.document.get("client_id_metadata_document_supported")
    endpoint = bool(server.document.get("registration_endpoint"))
    needed = server.configured and server.provider.registration == "auto" and not server.provider.client_id
    if endpoint:
        yield REGISTRATION.passed("Clients can register themselves.")
    elif needed and cimd is not True:
        yield REGISTRATION.fail(
            "It is not offered, and this provider has no client_id.",
            "Register TokenKeep by hand as a public client and tell the person its client_id.",
        )
    else:
        yield REGISTRATION.skip("Clients cannot register themselves; a client_id comes from the administrator.")
    if cimd is True:
        yield CIMD.passed("A client can be known by its own document.")
    elif cimd in (None, False):
        yield CIMD.skip("It is not offered.")
    else:
        yield CIMD.fail(f"The member is {kind(cimd)}, which counts as not offered.", "Write the boolean true or false.")


def _par(server: Server) -> Finding:
    offered = bool(server.document.get("pushed_authorization_request_endpoint"))
    required = server.document.get("require_pushed_authorization_requests") is True
    if required and not offered:
        return PAR.fail(
            "Pushed requests are required, but there is no endpoint for them.",
            "Name pushed_authorization_request_endpoint, or do not require it.",
        )
    if required:
        return PAR.passed("Pushed requests are required; TokenKeep pushes its own.")
    return PAR.passed("Pushed requests are offered.") if offered else PAR.skip("It is not offered.")


def _dpop(server: Server) -> Finding:
    algorithms = server.texts("dpop_signing_alg_values_supported")
    if algorithms is None:
        if server.configured and server.provider.dpop == "required":
            return DPOP.fail("It is not offered, and this provider is set to require it.", "Switch DPoP on.")
        return DPOP.skip("Tokens are not bound to a key.")
    said = f"Supported: {listed(algorithms)}."
    weak = [name for name in algorithms if not name.startswith(ASYMMETRIC)]
    if weak:
        return DPOP.fail(said, f"Take out {listed(weak)}: a proof must be signed with a private key.")
    if "ES256" not in algorithms:
        return DPOP.warn(said, "Add ES256, which every client can do.")
    return DPOP.passed(said)


def _revocation(server: Server) -> Finding:
    if server.document.get("revocation_endpoint"):
        return REVOCATION.passed("Tokens can be revoked.")
    return REVOCATION.warn(
        "It is not offered: after a sign-out the old tokens work until they end.", "Offer revocation_endpoint."
    )
