"""Who signed in: id_tokens in token answers and the userinfo endpoint (OpenID Connect Core §2, §5.3)."""

import hashlib
from base64 import urlsafe_b64encode
from typing import Any

from flask import Blueprint, Response, jsonify, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.id_tokens import change_claims, encode, signed_userinfo
from tokenkeep.demo.oauth.store import Family
from tokenkeep.demo.resources.challenge import refuse
from tokenkeep.demo.resources.protection import Protection
from tokenkeep.demo.web.log import note

# How a person is known here: by a password that stands on the page (OpenID Connect Core §2).
ACR = "urn:tokenkeep:demo:password"


def _claims_of(family: Family, scope: str) -> dict[str, Any]:
    granted, user = scope.split(), family.user
    claims: dict[str, Any] = {"sub": family.subject}
    if user and "profile" in granted:
        claims |= {"name": user.name, "preferred_username": user.username}
    if user and "email" in granted:
        claims |= {"email": user.email, "email_verified": True}
    return claims


class IdTokenExtension:
    """Adds an id_token to every token answer whose grant has the scope `openid`."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo

    def __call__(self, grant: Any) -> None:
        grant.register_hook("after_create_token_response", self._add)

    def _add(self, grant: Any, result: tuple[int, dict[str, Any], Any]) -> None:
        asked = grant.request
        source = asked.authorization_code or asked.credential or asked.refresh_token
        token = result[1]
        if "openid" not in source.family.scope.split():
            return
        fault = self._demo.faults.take("id_token")
        if fault != "absent":
            refreshed = asked.refresh_token is not None
            token["id_token"] = self._id_token(source.family, token["access_token"], fault, refreshed=refreshed)

    def _id_token(self, family: Family, access_token: str, fault: str | None, *, refreshed: bool) -> str:
        now = int(self._demo.now())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            "iss": self._demo.issuer,
            "aud": family.client_id,
            "iat": now,
            "exp": now + self._demo.options.token_lifetime,
            "auth_time": family.auth_time,
            "acr": ACR,
            "at_hash": urlsafe_b64encode(half).rstrip(b"=").decode(),
            **_claims_of(family, family.scope),
        }
        # OpenID Connect Core §12.2: a refreshed id_token should not carry the nonce.
        if family.nonce and not refreshed:
            claims["nonce"] = family.nonce
        if (turn := self._demo.faults.value("jwks")) in ("rotate", "overlap"):
            self._demo.keys.rotate(overlap=turn == "overlap")
        return encode(self._demo.keys, change_claims(claims, fault), fault)


def create_blueprint(demo: Demo) -> Blueprint:
    """The userinfo endpoint."""
    blueprint = Blueprint("identity", __name__)
    protection = Protection(demo)

    @blueprint.route("/userinfo", methods=["GET", "POST"])
    def userinfo() -> Response:
        # The authorization server's own endpoint: no resource indicator shuts it (OpenID Connect Core §5.3.1).
        token = protection.token(request, scope="openid", any_audience=True)
        if isinstance(token, Response):
            return token
        claims: dict[str, Any] = _claims_of(token.family, token.scope)
        fault = demo.faults.take("userinfo")
        if fault:
            note(fault=f"userinfo={fault}")
        match fault:
            case "other_sub":
                claims["sub"] = "demo-somebody-else"
            case "no_sub":
                del claims["sub"]
            case "signed" | "signed_bad_signature" | "signed_alg_none" | "signed_wrong_iss" | "signed_wrong_aud":
                claims |= {"iss": demo.issuer, "aud": token.family.client_id}
                return signed_userinfo(demo.keys, claims, fault.removeprefix("signed_"))
            case "401":
                return refuse(demo, request, error="invalid_token")
            case "500" | "503":
                return Response("The demo provider was told to fail.\n", int(fault), mimetype="text/plain")
            case "html":
                return Response("<!doctype html><title>Welcome</title>", mimetype="text/html")
            case "array":
                return jsonify([claims])
        return jsonify(claims)

    return blueprint
