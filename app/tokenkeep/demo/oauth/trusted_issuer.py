"""A second issuer whose word counts here: its metadata, its key set, and a way to have things signed."""

import json
import secrets
from typing import Any

from flask import Blueprint, Response, jsonify, request
from joserfc import jws
from joserfc.jwk import ECKey, KeySet

from tokenkeep.demo.context import Demo

PATH = "/trusted-issuer"
ALGORITHM = "ES256"
# Seconds that an assertion lives unless the test says otherwise.
LIFE = 300


def _new_key() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": "trusted-1", "use": "sig", "alg": ALGORITHM})


class TrustedIssuer:
    """Signs what tests ask for. Everybody on this computer may ask, as everything in a demo."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._key = _new_key()
        # Says it is the same key and is not.
        self._stranger = _new_key()
        self.issuer = demo.origin + PATH
        self.keys = KeySet([self._key])

    def sign(self, changes: dict[str, Any], header: dict[str, Any], *, stranger: bool) -> str:
        """An assertion about the person Ada for this server, with the changes applied; None removes a claim."""
        now = int(self._demo.now())
        claims = {
            "iss": self.issuer,
            "sub": "demo-ada",
            "aud": self._demo.issuer,
            "iat": now,
            "exp": now + LIFE,
            "jti": secrets.token_urlsafe(16),
        } | changes
        key = self._stranger if stranger else self._key
        head = {"alg": ALGORITHM, "typ": "JWT", "kid": key.kid} | header
        payload = {name: value for name, value in claims.items() if value is not None}
        # Not jwt.encode, which adds a typ that nobody asked for.
        return jws.serialize_compact(
            {name: value for name, value in head.items() if value is not None}, json.dumps(payload), key
        )

    def published(self) -> dict[str, Any]:
        return {"keys": [self._key.as_dict(private=False)]}


def create_blueprint(issuer: TrustedIssuer) -> Blueprint:
    """The routes under `/trusted-issuer`."""
    blueprint = Blueprint("trusted_issuer", __name__, url_prefix=PATH)

    @blueprint.get("/.well-known/openid-configuration")
    def metadata() -> Response:
        return jsonify(
            issuer=issuer.issuer,
            jwks_uri=f"{issuer.issuer}/jwks.json",
            response_types_supported=["id_token"],
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=[ALGORITHM],
        )

    @blueprint.get("/jwks.json")
    def key_set() -> Response:
        return jsonify(issuer.published())

    @blueprint.post("/assertion")
    def assertion() -> Response | tuple[Response, int]:
        # A JSON content type cannot be sent cross-site without a preflight, and this server answers none.
        asked = request.get_json(silent=True) if request.is_json else None
        if not isinstance(asked, dict):
            return jsonify(error="Send a JSON object: claims, header (objects of changes), stranger (a boolean)."), 400
        claims, header, stranger = asked.get("claims", {}), asked.get("header", {}), asked.get("stranger", False)
        if not isinstance(claims, dict) or not isinstance(header, dict) or not isinstance(stranger, bool):
            return jsonify(error="claims and header are objects, stranger is a boolean."), 400
        try:
            signed = issuer.sign(claims, header, stranger=stranger)
        except Exception as error:  # noqa: BLE001 - the library refuses impossible headers in many ways
            return jsonify(error=f"This cannot be signed: {error}"), 400
        return jsonify(assertion=signed)

    return blueprint
