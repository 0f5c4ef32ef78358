"""What a server's own words about a refused sign-in mean for whoever configured the client, as a next step."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tokenkeep.domain.provider import Provider

# Each server has a sentence of its own; Keycloak's is "Missing parameter: code_challenge_method".
_PKCE = re.compile(r"code_challenge|code challenge|\bpkce\b", re.IGNORECASE)
_REDIRECT = re.compile(r"redirect[_ -]?ur[il]", re.IGNORECASE)
_REDIRECT_CODES = frozenset({"redirect_uri_mismatch", "invalid_redirect_uri"})  # GitHub's, and that of RFC 7591

PKCE_STEP = "This client has to use PKCE: remove `pkce = false` from this provider."
PKCE_REFUSED_STEP = (
    "The client at the provider is set up for another PKCE method, or for none: choose S256 there. "
    "If the provider knows no PKCE at all, set `pkce = false`."
)


def step_for(provider: Provider, code: str, words: str, redirect_uri: str) -> str:
    """What to do about an error of the authorization endpoint; empty where its words name no known symptom.

    :param words: the server's description, cleaned.
    """
    if code in _REDIRECT_CODES or _REDIRECT.search(words):
        return register_step(provider, redirect_uri)
    if _PKCE.search(words):
        return PKCE_REFUSED_STEP if provider.pkce else PKCE_STEP
    return ""


def register_step(provider: Provider, redirect_uri: str) -> str:
    """Which redirect address the client at the provider needs, in the words of its kind of provider."""
    any_port = provider.redirect_ports == (0,)
    address = re.sub(r":[0-9]+(?=/)", "", redirect_uri, count=1) if any_port else redirect_uri
    return f"Register {address} as a redirect address of this client{_where(provider, any_port=any_port)}."


def _where(provider: Provider, *, any_port: bool) -> str:
    host, path = urlsplit(provider.issuer).hostname or "", urlsplit(provider.issuer).path
    if provider.preset == "keycloak" or path.startswith(("/realms/", "/auth/realms/")):
        return " (Keycloak: “Valid redirect URIs”, where http://127.0.0.1/* stands for every port)"
    if provider.preset == "auth0" or host.endswith(".auth0.com"):
        return " (Auth0: “Allowed Callback URLs”; it compares the port, so choose one with `redirect_port`)"
    if provider.preset == "okta" or host.endswith((".okta.com", ".oktapreview.com")):
        return " (Okta: “Sign-in redirect URIs”; it compares the port, so choose one with `redirect_port`)"
    if any_port:
        return "; where the provider compares the port too, choose one with `redirect_port`"
    return ""
