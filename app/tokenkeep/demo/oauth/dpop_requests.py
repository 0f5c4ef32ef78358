"""Proofs that come with requests: fresh nonces, no proof twice, and what is bound to their keys (RFC 9449)."""

import re
import secrets
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from flask import Request, Response, after_this_request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.assertions import AssertionRefused
from tokenkeep.demo.oauth.dpop import InvalidDPoPProofError, Proof, read_proof
from tokenkeep.demo.oauth.store import fingerprint
from tokenkeep.demo.web.log import note

# A SHA-256 thumbprint in base64url (RFC 9449 §10).
THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


class UseDPoPNonceError(OAuth2Error):  # type: ignore[misc]
    """The proof must be sent again with the nonce of the header DPoP-Nonce (RFC 9449 §8)."""

    error = "use_dpop_nonce"
    description = "The proof needs the nonce of the header DPoP-Nonce"

    def __init__(self, nonces: list[str]) -> None:
        super().__init__()
        self._nonces = nonces

    def get_headers(self) -> list[tuple[str, str]]:
        return [*super().get_headers(), *(("DPoP-Nonce", nonce) for nonce in self._nonces)]


class Nonces:
    """The nonces of one server, as its switch (`as_nonce` or `rs_nonce`) wants them."""

    def __init__(self, demo: Demo, switch: str) -> None:
        self._demo = demo
        self._switch = switch
        self._issued: set[str] = set()
        self._current = self._new()

    def check(self, claim: object) -> None:
        """Raise UseDPoPNonceError unless the claim of a proof will do."""
        mode = self._demo.faults.take(self._switch)
        if mode is not None:
            note(fault=f"{self._switch}={mode}")
        known = claim == self._current if mode in ("required", "renew") else claim is None or claim in self._issued
        if mode not in ("endless", "no_header", "two_headers") and known:
            self._offer(mode)
            return
        if mode == "endless":
            self._current = self._new()
        headers = {"no_header": [], "two_headers": [self._current, self._new()]}
        raise UseDPoPNonceError(headers.get(mode or "", [self._current]))

    def _offer(self, mode: str | None) -> None:
        """Send a nonce for the next request with a good answer, where the mode says so (RFC 9449 §8.2)."""
        if mode == "renew":
            self._current = self._new()
        if mode in ("renew", "offered"):
            nonce = self._current

            @after_this_request
            def add(answer: Response) -> Response:
                if answer.status_code < 400:
                    answer.headers["DPoP-Nonce"] = nonce
                return answer

    def _new(self) -> str:
        nonce = secrets.token_urlsafe(18)
        self._issued.add(nonce)
        return nonce


class ProofChecker:
    """Checks the proofs of the requests to one server: the authorization server or the resources."""

    def __init__(self, demo: Demo, nonce_switch: str) -> None:
        self._demo = demo
        self._nonces = Nonces(demo, nonce_switch)

    def check(self, request: Request, access_token: str | None = None) -> Proof | None:
        """The checked proof of a request, or None when it has none; raises OAuth2Error."""
        text = request.headers.get("DPoP")
        if text is None:
            return None
        demo, url = self._demo, self._demo.origin + request.path
        proof = read_proof(text, method=request.method, url=url, now=demo.now(), access_token=access_token)
        nonce = proof.claims.get("nonce")
        note(dpop_jkt=proof.jkt, dpop_jti=fingerprint(proof.claims["jti"]))
        if isinstance(nonce, str):
            note(dpop_nonce=fingerprint(nonce))
        with demo.store.lock:
            try:
                demo.store.use_once(f"dpop {proof.jkt}", proof.claims)
            except AssertionRefused as error:
                raise InvalidDPoPProofError("The proof was used before: its jti is known") from error
            self._nonces.check(nonce)
        return proof


def read_thumbprint(parameters: Any) -> str | None:
    """The `dpop_jkt` of an authorization request (RFC 9449 §10); raises InvalidRequestError."""
    value = parameters.get("dpop_jkt")
    if value is not None and not THUMBPRINT.fullmatch(value):
        raise InvalidRequestError("dpop_jkt must be a SHA-256 thumbprint in base64url")
    return None if value is None else str(value)


def check_binding(bound_to: str | None, proof: Proof | None) -> None:
    """Raise InvalidGrantError unless a code or refresh token that is bound to a key comes with its proof."""
    if bound_to is not None and (proof is None or proof.jkt != bound_to):
        raise InvalidGrantError("This grant is bound to another DPoP key, or the proof is missing")
