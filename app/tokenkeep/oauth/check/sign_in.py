"""Rules of what a sign-in needs: PKCE, response, grants, client authentication, scopes."""

from __future__ import annotations

from collections.abc import Iterator

from tokenkeep.domain.check import Finding
from tokenkeep.domain.provider import Flow
from tokenkeep.oauth.check.rule import Rule, kind, listed
from tokenkeep.oauth.check.seen import Server
from tokenkeep.oauth.pkce import METHOD

S256 = Rule("pkce.s256_listed", "code_challenge_methods_supported lists S256.", "RFC 8414 §2, RFC 9700 §2.1.1")
PLAIN = Rule("pkce.plain_refused", "Only S256 is offered: plain shows the verifier.", "RFC 9700 §2.1.1, RFC 7636 §7.2")
RESPONSE_TYPE = Rule("response_types", "response_types_supported lists code.", "RFC 8414 §2")
RESPONSE_ISS = Rule(
    "response_iss",
    "The answer to the browser says which server it comes from, and the metadata promises that with "
    "authorization_response_iss_parameter_supported: true.",
    "RFC 9207 §2, §3; RFC 9700 §4.4",
)
REFRESH = Rule(
    "grant.refresh", "grant_types_supported lists refresh_token: a sign-in lasts longer than a token.", "RFC 8414 §2"
)
DEVICE = Rule(
    "grant.device",
    "device_authorization_endpoint is there and grant_types_supported lists the device grant.",
    "RFC 8628 §4",
)
AUTH_METHODS = Rule(
    "auth_methods",
    "token_endpoint_auth_methods_supported lists the way in which the client authenticates.",
    "RFC 8414 §2",
)
OFFLINE = Rule(
    "scopes.offline_access",
    "The scope offline_access is offered: it asks for a refresh token.",
    "OpenID Connect Core §11",
)
SCOPES = Rule("scopes.configured", "The scopes that are asked for are listed in scopes_supported.", "RFC 8414 §2")
MACHINE = Rule(
    "grant.machine", "The grant of an entry without a person is listed in grant_types_supported.", "RFC 8414 §2"
)
MACHINE_GRANTS = {
    Flow.CLIENT_CREDENTIALS: "client_credentials",
    Flow.JWT_BEARER: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    Flow.TOKEN_EXCHANGE: "urn:ietf:params:oauth:grant-type:token-exchange",
}
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def rules(server: Server) -> Iterator[Finding]:
    """The findings, in the order in which a sign-in meets them."""
    by_browser = server.authorization_code or server.provider.flow is Flow.AUTHORIZATION_CODE
    if by_browser and server.for_people:
        yield from _pkce(server)
        yield _response_type(server)
        yield _response_iss(server)
    if server.for_people:
        yield _refresh(server)
        yield _device(server)
    elif server.provider.flow in MACHINE_GRANTS:
        yield _machine(server, MACHINE_GRANTS[server.provider.flow])
    yield _auth_methods(server)
    yield from _scopes(server)


def _pkce(server: Server) -> Iterator[Finding]:
    methods = server.texts("code_challenge_methods_supported")
    said = f"Required: {METHOD}. Supported: {listed(methods)}."
    advice = f"Switch PKCE with {METHOD} on for this client and list it in code_challenge_methods_supported."
    if methods is None:
        if server.provider.profile == "mcp":
            yield S256.fail(said, advice)
        else:
            yield S256.warn(f"{said} TokenKeep sends it all the same.", advice)
        yield PLAIN.skip("No method is listed.")
        return
    if METHOD in methods:
        yield S256.passed(said)
    elif server.configured and not server.provider.pkce:
        yield S256.warn(f"{said} TokenKeep is set to do without.", advice)
    else:
        yield S256.fail(said, advice)
    if "plain" in methods:
        yield PLAIN.warn("plain is offered.", "Take plain out; every client of today can do S256.")
    else:
        yield PLAIN.passed("plain is not offered.")


def _response_type(server: Server) -> Finding:
    types = server.texts("response_types_supported")
    said = f"Required: code. Supported: {listed(types)}."
    if types is None:
        return RESPONSE_TYPE.warn(said, "Add response_types_supported; it is a required member.")
    if "code" not in types:
        return RESPONSE_TYPE.fail(said, "Allow the authorization code grant and list code.")
    return RESPONSE_TYPE.passed(said)


def _response_iss(server: Server) -> Finding:
    promised = server.document.get("authorization_response_iss_parameter_supported")
    advice = (
        "Send iss in authorization responses and set authorization_response_iss_parameter_supported to true; it "
        "keeps one server's answer from being used at another (mix-up)."
    )
    if promised is True:
        return RESPONSE_ISS.passed("The server promises to say so, and TokenKeep insists on it.")
    if promised in (None, False):
        return RESPONSE_ISS.warn("The server does not promise it.", advice)
    return RESPONSE_ISS.fail(f"The member is {kind(promised)}, which is no promise: only the boolean true is.", advice)


def _refresh(server: Server) -> Finding:
    grants = server.texts("grant_types_supported")
    said = f"Required: refresh_token. Supported: {listed(grants)}."
    advice = "Allow refresh tokens for this client and list refresh_token in grant_types_supported."
    if grants is None:
        return REFRESH.warn(f"{said} Without the list it counts as not offered.", advice)
    if "refresh_token" in grants:
        return REFRESH.passed("refresh_token is offered.")
    if server.configured and server.provider.flow.interactive and server.provider.refresh_token == "required":
        return REFRESH.fail(f"{said} This provider is set to require one.", advice)
    return REFRESH.warn(said, advice)


def _device(server: Server) -> Finding:
    grants = server.texts("grant_types_supported")
    endpoint = bool(
        server.document.get("device_authorization_endpoint") or server.provider.device_authorization_endpoint
    )
    needed = server.configured and server.provider.flow is Flow.DEVICE_CODE
    advice = "Allow the device grant for this client and name device_authorization_endpoint."
    if endpoint and (grants is None or DEVICE_GRANT in grants):
        return DEVICE.passed("Sign-in with a code on any device is offered.")
    if endpoint:
        return DEVICE.warn(
            "There is an endpoint for it, but grant_types_supported does not list it.",
            f"Add {DEVICE_GRANT} to the list.",
        )
    if needed:
        return DEVICE.fail("It is not offered, and this provider is set to use it.", advice)
    return DEVICE.skip("Sign-in with a code on any device is not offered.")


def _machine(server: Server, grant: str) -> Finding:
    grants = server.texts("grant_types_supported")
    if grants is not None and grant in grants:
        return MACHINE.passed(f"{grant} is offered.")
    said = f"Required: {grant}. Supported: {listed(grants)}. Some servers take it without saying so."
    return MACHINE.warn(said, f"Allow {grant} for this client and list it in grant_types_supported.")


def _auth_methods(server: Server) -> Finding:
    provider = server.provider
    methods = server.texts("token_endpoint_auth_methods_supported")
    supported = ["client_secret_basic"] if methods is None else methods
    if provider.client_auth != "auto":
        wanted = [provider.client_auth]
    elif provider.client_secret is not None:
        wanted = ["client_secret_basic", "client_secret_post"]
    else:
        wanted = ["none"]
    absent = ", which stands for client_secret_basic" if methods is None else ""
    said = f"Required: {' or '.join(wanted)}. Supported: {listed(methods)}{absent}."
    if set(wanted) & set(supported):
        return AUTH_METHODS.passed(said)
    advice = "Register TokenKeep as a public (native, desktop) client, and list none as a method for it."
    if wanted == ["none"]:
        return AUTH_METHODS.warn(f"{said} Many servers take public clients without saying so.", advice)
    return AUTH_METHODS.fail(said, "Allow one of the required methods for this client, or change `client_auth`.")


def _scopes(server: Server) -> Iterator[Finding]:
    offered = server.texts("scopes_supported")
    if server.openid:
        if offered is None:
            yield OFFLINE.skip("There is no scopes_supported to look at.")
        elif "offline_access" in offered:
            yield OFFLINE.passed("offline_access is offered.")
        else:
            yield OFFLINE.skip("offline_access is not listed; the server may give refresh tokens without it.")
    if server.configured and server.provider.scopes and offered is not None:
        missing = [scope for scope in server.provider.scopes if scope not in offered]
        if missing:
            yield SCOPES.warn(
                f"Not listed: {listed(missing)}.",
                "Give this client these scopes, or take them out of its configuration.",
            )
        else:
            yield SCOPES.passed("All configured scopes are listed.")
