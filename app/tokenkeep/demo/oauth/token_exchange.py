"""Token exchange (RFC 8693): one token for another, with a narrower purpose or an actor added."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, TokenEndpointMixin, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import BaseGrant
from flask import g
from joserfc import jwt
from joserfc.jwk import KeySet

from tokenkeep.demo.oauth import assertions
from tokenkeep.demo.oauth.client_authentication import METHODS
from tokenkeep.demo.oauth.clients import TOKEN_EXCHANGE_GRANT, User
from tokenkeep.demo.oauth.dpop_requests import check_binding
from tokenkeep.demo.oauth.machine_grants import MachineGrant
from tokenkeep.demo.oauth.resource_indicators import InvalidTargetError
from tokenkeep.demo.oauth.store import Family
from tokenkeep.demo.resources.catalogue import identifiers
from tokenkeep.demo.web.log import note

# RFC 8693 §3.
TYPE = "urn:ietf:params:oauth:token-type:"
ACCESS_TOKEN, ID_TOKEN, JWT = f"{TYPE}access_token", f"{TYPE}id_token", f"{TYPE}jwt"
# What is issued as anything but an access token opens no protected resource: its token_type is N_A (§2.2.1).
ISSUED_TYPES = (ACCESS_TOKEN, JWT, ID_TOKEN)


@dataclass(frozen=True)
class Party:
    """Whom a presented token is about."""

    subject: str
    user: User | None
    # The scope of an access token, which the new one cannot exceed; None where the token has none.
    scope: str | None = None


class TokenExchangeGrant(MachineGrant, BaseGrant, TokenEndpointMixin):  # type: ignore[misc]
    """RFC 8693 §2; whatever is wrong with a presented token is `invalid_request` (§2.2.2)."""

    GRANT_TYPE = TOKEN_EXCHANGE_GRANT
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def validate_token_request(self) -> None:
        client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("This client may not exchange tokens")
        form: Mapping[str, str] = self.request.form
        note(token_types={name: value for name, value in form.items() if name.endswith("_token_type")})
        self._issued_type = form.get("requested_token_type", ACCESS_TOKEN)
        if self._issued_type not in ISSUED_TYPES:
            raise InvalidRequestError("requested_token_type is not supported")
        subject = self._party("subject_token")
        if subject is None:
            raise InvalidRequestError("subject_token is missing")
        actor = self._party("actor_token")
        self._targets = self._audience()
        foreign = None if subject.user or subject.subject == client.client_id else subject.subject
        self.authorize(
            client, subject.user, subject.scope, foreign_subject=foreign, actor=actor.subject if actor else None
        )

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        if self._issued_type == ACCESS_TOKEN:
            status, token, headers = super().create_token_response()
        else:
            family = self.request.credential.family
            status, headers = 200, self.TOKEN_RESPONSE_HEADER
            token = {
                "access_token": self._signed(family),
                "token_type": "N_A",
                "expires_in": self.demo.options.token_lifetime,
                "scope": family.scope,
            }
        token["issued_token_type"] = self._issued_type
        return status, token, headers

    def _party(self, name: str) -> Party | None:
        """The checked token of that parameter; a type without a token, or the reverse, is an error (§2.1)."""
        form: Mapping[str, str] = self.request.form
        token, kind = form.get(name), form.get(f"{name}_type")
        if (token is None) != (kind is None):
            raise InvalidRequestError(f"{name} and {name}_type belong together")
        if token is None:
            return None
        try:
            match kind:
                case x if x == ACCESS_TOKEN:
                    return self._own_access_token(token)
                case x if x == ID_TOKEN:
                    return self._signed_by(token, self.demo.issuer, KeySet([self.demo.keys.current]), None)
                case x if x == JWT:
                    trusted = self.server.trusted_issuer
                    audiences = (self.demo.issuer, f"{self.demo.origin}/token")
                    return self._signed_by(token, trusted.issuer, trusted.keys, audiences)
        except assertions.AssertionRefused as error:
            raise InvalidRequestError(f"{name}: {error}") from error
        raise InvalidRequestError(f"{name}_type is not supported")

    def _own_access_token(self, value: str) -> Party:
        token = self.demo.store.access_token(value)
        if token is None:
            raise assertions.AssertionRefused("the token is unknown, expired or revoked")
        if not self.request.client.confidential:
            # Who has no credentials of his own must at least hold the key that the token is bound to.
            check_binding(token.jkt, g.dpop_proof)
        return Party(token.family.subject, token.family.user, token.scope)

    def _signed_by(self, token: str, issuer: str, keys: KeySet, audiences: tuple[str, ...] | None) -> Party:
        """A JWT of that issuer; may be presented again while it lives, unlike an assertion."""
        _, claims = assertions.verify(token, keys)
        if claims.get("iss") != issuer:
            raise assertions.AssertionRefused("the claim iss names another issuer")
        if audiences is not None:
            # Foreign issuers, Kubernetes among them, write lists here.
            named = claims.get("aud")
            if not set(named if isinstance(named, list) else [named]) & set(audiences):
                raise assertions.AssertionRefused("the claim aud does not name this server")
        assertions.check_times(claims, self.demo.now(), longest=None)
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise assertions.AssertionRefused("the claim sub is missing")
        return Party(subject, self.demo.store.user_by_subject(subject))

    def _audience(self) -> list[str]:
        """The targets by logical name and by address together (§2.1); raises InvalidTargetError."""
        named = self.request.payload.datalist.get("audience", [])
        known = identifiers(self.demo.origin) | set(self.demo.store.clients)
        if not set(named) <= known:
            raise InvalidTargetError("audience names nobody that this server knows")
        resources = self.server.requested_resources(self.request)
        note(audiences=named, resources=list(resources))
        return list(dict.fromkeys([*named, *resources]))

    def _signed(self, family: Family) -> str:
        """A JWT about the subject for the asked targets, in place of an access token."""
        now, key = int(time.time()), self.demo.keys.current
        targets = self._targets or [family.client_id]
        claims: dict[str, Any] = {
            "iss": self.demo.issuer,
            "sub": family.subject,
            "aud": targets[0] if len(targets) == 1 else targets,
            "iat": now,
            "exp": now + self.demo.options.token_lifetime,
            "jti": secrets.token_urlsafe(16),
            "client_id": family.client_id,
        }
        if family.actor:
            claims["act"] = {"sub": family.actor}
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": key.kid}, claims, key)
