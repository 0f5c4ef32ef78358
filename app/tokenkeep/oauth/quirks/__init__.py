"""What single providers do otherwise than the standard says; one small file for each odd provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.provider import Provider


@dataclass(frozen=True, slots=True)
class Quirks:
    """Deviations; the defaults are the standard.

    :param basic_unencoded: id and secret go into the Basic header as they are (CAUTH-2).
    :param client_id_in_body: `client_id` is wanted in the body even beside Basic.
    :param assertion_to_token_endpoint: a client assertion names the token endpoint, not the issuer (CAUTH-3, X9).
    :param assertion_untyped: a client assertion has no `typ` of rfc7523bis.
    :param token_type_optional: a token answer without `token_type` holds a bearer token.
    :param logout_by_get: the end_session_endpoint takes no form by POST.
    :param verification_url: the device answer calls `verification_uri` so.
    :param comma_scopes: granted scopes are separated by commas.
    :param any_issued_type: a token exchange may give another type of token than asked for (GRANT-4).
    :param form_answers: token answers may be forms, as errors may be anywhere.
    :param token_members: members of a token answer → as the standard names them.
    :param errors: error codes of its own → those of the standard that mean the same.
    :param error_description: the member that holds the description of an error.
    :param unknown_token_revoked: revoking a token that has ended is answered with `invalid_token` (RFC 7009 §2.2: 200).
    :param issuer_matches: (configured, documented) → whether a document of another issuer is meant for it (META-3).
    :param token_issuer: (documented, id_token claims) → the `iss` that the id_token must have.
    :param profile_url: (token endpoint) → where the account is asked for in place of the userinfo endpoint.
    :param profile: that answer → claims.
    """

    basic_unencoded: bool = False
    client_id_in_body: bool = False
    assertion_to_token_endpoint: bool = False
    assertion_untyped: bool = False
    token_type_optional: bool = False
    verification_url: bool = False
    logout_by_get: bool = False
    comma_scopes: bool = False
    any_issued_type: bool = False
    form_answers: bool = False
    token_members: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    error_description: str = "error_description"
    unknown_token_revoked: bool = False
    issuer_matches: Callable[[str, str], bool] | None = None
    token_issuer: Callable[[str, dict[str, Any]], str] | None = None
    profile_url: Callable[[str], str] | None = None
    profile: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    def __or__(self, other: Quirks) -> Quirks:
        """Both; where both deviate, the other's way."""
        default = Quirks()
        changes = {one.name: getattr(other, one.name) for one in fields(other)}
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        errors = {"errors": {**self.errors, **other.errors}}
        return Quirks(
            **(own | {name: value for name, value in changes.items() if value != getattr(default, name)} | errors)
        )


# What a configuration may name for any provider.
_SWITCHES = {
    "basic_unencoded": Quirks(basic_unencoded=True),
    "client_id_in_body": Quirks(client_id_in_body=True),
    "assertion_to_token_endpoint": Quirks(assertion_to_token_endpoint=True),
    "assertion_untyped": Quirks(assertion_untyped=True),
    "token_type_optional": Quirks(token_type_optional=True),
    "verification_url": Quirks(verification_url=True),
    "logout_by_get": Quirks(logout_by_get=True),
    "comma_scopes": Quirks(comma_scopes=True),
    "form_answers": Quirks(form_answers=True),
    "any_issued_type": Quirks(any_issued_type=True),
}


def _known() -> dict[str, Quirks]:
    from tokenkeep.oauth.quirks import (
        atlassian,
        coder,
        discord,
        forgejo,
        github,
        google,
        microsoft,
        okta,
        slack,
        spotify,
        zoom,
    )

    files = (atlassian, coder, discord, forgejo, github, google, microsoft, okta, slack, spotify, zoom)
    return _SWITCHES | {file.__name__.rpartition(".")[2]: file.QUIRKS for file in files}


# Chosen by the host of issuer or token endpoint without being named; presets name those that have no host of their own.
_HOSTS = {
    "accounts.google.com": "google",
    "accounts.spotify.com": "spotify",
    "auth.atlassian.com": "atlassian",
    "codeberg.org": "forgejo",
    "discord.com": "discord",
    "gitea.com": "forgejo",
    "github.com": "github",
    "login.microsoftonline.com": "microsoft",
    "slack.com": "slack",
    "zoom.us": "zoom",
}


def quirks_of(provider: Provider) -> Quirks:
    """The deviations of a provider: those its host is known for and those its configuration names.

    :raises Misconfigured: it names an unknown one.
    """
    known = _known()
    quirks = Quirks()
    host = urlsplit(provider.issuer or provider.token_endpoint).hostname or ""
    for name in [*filter(None, [_HOSTS.get(host)]), *provider.quirks]:
        if name not in known:
            raise Misconfigured(
                f"There is no quirk “{name}”; there are {', '.join(sorted(known))}.",
                key=f"providers.{provider.id}.quirks",
                provider=provider.id,
            )
        quirks |= known[name]
    return quirks
