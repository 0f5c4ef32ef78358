"""Authlib's authorization server, set up for the demo: opaque tokens, our store, id_tokens."""

import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer as AuthlibServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from flask import Flask, g
from flask import request as flask_request
from werkzeug.datastructures import MultiDict

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.authorization_request import Parameters
from tokenkeep.demo.oauth.client_authentication import ClientAuthenticator
from tokenkeep.demo.oauth.clients import SCOPES, Client
from tokenkeep.demo.oauth.device import DeviceAuthorizationEndpoint, DeviceCodeGrant
from tokenkeep.demo.oauth.dpop import InvalidDPoPProofError, Proof
from tokenkeep.demo.oauth.dpop_requests import ProofChecker, check_binding
from tokenkeep.demo.oauth.grants import AuthorizationCodeGrant, RefreshTokenGrant
from tokenkeep.demo.oauth.identity import IdTokenExtension
from tokenkeep.demo.oauth.introspection import IntrospectionEndpoint
from tokenkeep.demo.oauth.machine_grants import ClientCredentialsGrant, JwtBearerGrant
from tokenkeep.demo.oauth.metadata_documents import MetadataDocuments
from tokenkeep.demo.oauth.pushed import PushedAuthorizationEndpoint, PushedRequests
from tokenkeep.demo.oauth.resource_indicators import narrowed, read_resources
from tokenkeep.demo.oauth.revocation import RevocationEndpoint
from tokenkeep.demo.oauth.store import Family, Token, fingerprint
from tokenkeep.demo.oauth.token_exchange import TokenExchangeGrant
from tokenkeep.demo.oauth.trusted_issuer import TrustedIssuer
from tokenkeep.demo.resources.catalogue import default_audience, identifiers
from tokenkeep.demo.web.log import note

# Where the metadata document of a client is fetched anew.
BEGINNINGS = ("/authorize", "/login", "/par", "/device_authorization")


class AuthorizationServer(AuthlibServer):  # type: ignore[misc]
    """Knows the demo it belongs to, so that grants and endpoints can reach the store."""

    def __init__(self, app: Flask, demo: Demo) -> None:
        self.demo = demo
        super().__init__(app, self._find_client, self._save)
        self._documents = MetadataDocuments(
            demo.origin, demo.certificates.client_context() if demo.certificates else None
        )
        self._client_auth = ClientAuthenticator(demo, self.query_client)
        self.scopes_supported = SCOPES
        self.proofs = ProofChecker(demo, "as_nonce")
        self.pushed = PushedRequests(demo)
        self.register_token_generator(
            "default",
            BearerTokenGenerator(self._new_access_token, self._new_refresh_token, demo.options.token_lifetime),
        )
        id_token = IdTokenExtension(demo)
        for grant in (AuthorizationCodeGrant, RefreshTokenGrant, DeviceCodeGrant):
            self.register_grant(grant, [id_token])
        self.trusted_issuer = TrustedIssuer(demo)
        for machine_grant in (ClientCredentialsGrant, JwtBearerGrant, TokenExchangeGrant):
            self.register_grant(machine_grant)
        self.register_endpoint(DeviceAuthorizationEndpoint)
        self.register_endpoint(RevocationEndpoint)
        self.register_endpoint(IntrospectionEndpoint)
        self.register_endpoint(PushedAuthorizationEndpoint)

    def _find_client(self, client_id: str) -> Client | None:
        """The client of that id, which may be a URL; raises InvalidClientError for a URL that gives none."""
        store = self.demo.store
        if client_id.startswith(("https://", "http://")):
            # Fetched where a person or a device begins; what follows uses what was found then.
            if flask_request.path in BEGINNINGS and g.get("fetched_client") != client_id:
                store.clients[client_id] = self._documents.fetch(client_id)
                g.fetched_client = client_id
            elif client_id not in store.clients:
                store.clients[client_id] = self._documents.fetch(client_id)
        client = store.clients.get(client_id)
        if client is not None and self.demo.faults.value("redirect_ports") == "exact":
            return replace(client, redirects=client.redirects.with_exact_ports())
        return client

    def _new_access_token(self, **_details: Any) -> str:
        match self.demo.faults.take("access_token"):
            case "jwt_like":
                # Claims that contradict expires_in: clients must not look inside (TOK-8).
                parts = (b'{"alg":"none"}', b'{"exp":1}', secrets.token_bytes(16))
                return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
            case "broken_base64":
                return "eyJ*." + secrets.token_urlsafe(32) + ".==="
        return "demo-at-" + secrets.token_urlsafe(32)

    def _new_refresh_token(self, **_details: Any) -> str:
        return "demo-rt-" + secrets.token_urlsafe(32)

    def requested_resources(self, request: Any) -> tuple[str, ...]:
        """The `resource` parameters of a request; raises InvalidTargetError."""
        asked = request.payload.datalist.get("resource", ())
        fault = self.demo.faults.value("resource_indicator")
        if fault is not None and asked:
            note(resources=list(asked), fault=f"resource_indicator={fault}")
            asked = () if fault == "ignored" else ("refused",)
        resources = read_resources(asked, identifiers(self.demo.origin))
        if resources:
            note(resources=list(resources))
        return resources

    def create_oauth2_request(self, request: Any) -> Any:
        """Authlib's request; given parameters stand in place of those of query and form."""
        made = super().create_oauth2_request(None)
        if isinstance(request, MultiDict):
            made.payload = Parameters(request)
        return made

    def create_token_response(self, request: Any = None) -> Any:
        """Authlib's, behind the check of a DPoP proof (RFC 9449 §5)."""
        g.dpop_proof = None
        try:
            g.dpop_proof = self._checked_proof()
        except OAuth2Error as error:
            return self.handle_error_response(request, error)
        return super().create_token_response(request)

    def _checked_proof(self) -> Proof | None:
        proof = self.proofs.check(flask_request)
        fault = self.demo.faults.take("dpop")
        if (fault == "required" and proof is None) or fault == "refused":
            raise InvalidDPoPProofError("A DPoP proof is needed" if proof is None else "The proof is not accepted")
        # What a server does that knows nothing of DPoP.
        return None if fault == "ignored" else proof

    def _save(self, token: dict[str, Any], request: Any) -> None:
        """Keep what was issued under the sign-in that it belongs to."""
        source = request.authorization_code or request.credential or request.refresh_token
        family: Family = source.family
        options, store, now = self.demo.options, self.demo.store, time.time()
        scope = token.get("scope", "")
        audience = narrowed(self.requested_resources(request), family.resources)
        proof: Proof | None = g.dpop_proof
        # Machine grants have no earlier step that could bind a key.
        mode = self.demo.faults.value("dpop")
        if mode != "ignored":
            check_binding(getattr(source, "jkt", None), proof)
        if request.refresh_token and self.demo.faults.value("old_access_token"):
            store.revoke_access_tokens(family)
        access = Token(token["access_token"], "access_token", family, scope, now + options.token_lifetime)
        access.audience = audience or default_audience(self.demo.origin)
        if proof is not None:
            access.jkt = None if mode == "bearer_type" else proof.jkt
            token["token_type"] = "Bearer" if mode == "bearer_type" else "DPoP"
        store.tokens[access.value] = access
        note(issued_access_token=fingerprint(access.value), user=family.user.username if family.user else None)
        if refresh := token.get("refresh_token"):
            # A refresh token keeps the full grant, a narrower refresh narrows the access token alone (RFC 6749 §6).
            item = Token(refresh, "refresh_token", family, family.scope, now + options.refresh_lifetime)
            # Those of confidential clients are bound by the client's own credentials (RFC 9449 §5).
            item.jkt = proof.jkt if proof and not request.client.confidential else None
            store.tokens[item.value] = item
            note(issued_refresh_token=fingerprint(item.value))
