"""Proofs that whoever uses a token also has the key that it is bound to (DPoP, RFC 9449)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from urllib.parse import urlsplit

from tokenkeep.domain.errors import ProviderError
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.oauth import challenges
from tokenkeep.oauth.answer import Answer
from tokenkeep.oauth.server_metadata import ServerMetadata
from tokenkeep.oauth.signing_key import SigningKey
from tokenkeep.oauth.texts import CODE_LIMIT, clean_text, error_step, error_text
from tokenkeep.oauth.token_answer import error_of

if TYPE_CHECKING:
    import requests

    from tokenkeep.oauth.transport import Transport

P = ParamSpec("P")
T = TypeVar("T")

ALGORITHM = "ES256"
SCHEME = "DPoP"
USE_NONCE = "use_dpop_nonce"
SERVERS_MAX = 100  # whose nonces are remembered
NONCE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,1024}")  # §8.1; no server needs more
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9\-._~]")
_DEFAULT_PORTS = {"https": 443, "http": 80}


class NonceWanted(ProviderError):
    """The server did not process the request: its proof is to carry the nonce that came with the answer (§8)."""


# --- one proof --------------------------------------------------------------------------------------------------


def make_proof(
    key: SigningKey, method: str, url: str, *, wall: float, access_token: Secret | None = None, nonce: str = ""
) -> Secret:
    """A new proof for one request (§4.2).

    :param url: of the request; query and fragment may be there.
    :param wall: wall clock, seconds since the epoch.
    :param access_token: what the request shows to a protected resource; None at the authorization server.
    """
    members = key.public_jwk
    header = {"typ": "dpop+jwt", "jwk": {name: members[name] for name in ("kty", "crv", "x", "y")}}
    claims: dict[str, object] = {
        "jti": secrets.token_urlsafe(24),
        "htm": method,
        "htu": target(url),
        "iat": int(wall),
    }
    if access_token is not None:
        claims["ath"] = token_hash(access_token)
    if nonce:
        claims["nonce"] = nonce
    return key.sign(header, claims, ALGORITHM)


def token_hash(access_token: Secret) -> str:
    """The `ath` of proofs that go with an access token (§4.2)."""
    digest = hashlib.sha256(access_token.reveal().encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def target(url: str) -> str:
    """The `htu` of a URL: without query and fragment, in the normal form of RFC 3986 §6.2.2 and §6.2.3 (§4.3)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{_without_dots(_ESCAPE.sub(_shortest, parts.path))}"


def origin(url: str) -> str:
    """Scheme, host and port in the same form."""
    scheme, _, host = target(url).split("/", 3)[:3]
    return f"{scheme}//{host}"


def _shortest(escape: re.Match[str]) -> str:
    char = chr(int(escape[1], 16))
    return char if _UNRESERVED.fullmatch(char) else escape[0].upper()


def _without_dots(path: str) -> str:
    """RFC 3986 §5.2.4; an empty path is the root's."""
    *parents, last = path.split("/")[1:] or [""]
    kept: list[str] = []
    for segment in (*parents, last):
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if last in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


# --- nonces, and the requests of one key ------------------------------------------------------------------------


class Nonces:
    """The last nonce of each server, used from many threads at once. Authorization servers and protected resources are
    different servers, also where they share an origin (§9)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, bool], str] = {}

    def get(self, url: str, *, resource: bool) -> str:
        """The nonce for a request to that URL; empty when the server gave none."""
        with self._lock:
            return self._known.get((origin(url), resource), "")

    def remember(self, url: str, nonce: str, *, resource: bool) -> None:
        """Use it for that server from now on; what is no nonce is not remembered."""
        if not NONCE.fullmatch(nonce):
            return
        with self._lock:
            self._known.pop((origin(url), resource), None)
            self._known[origin(url), resource] = nonce
            while len(self._known) > SERVERS_MAX:
                del self._known[next(iter(self._known))]


def _new_memory(_transport: Transport) -> Nonces:
    return Nonces()


def nonces_of(transport: Transport) -> Nonces:
    """Those of one provider's connection; every key of it shares them."""
    return transport.keep(_new_memory)


class Proofs:
    """Adds the proofs of one key to requests, and learns nonces from their answers.

    :param wall: the wall clock of a URL's server: proofs that seem old or made for later are refused (§11.1).
    """

    def __init__(self, key: SigningKey, nonces: Nonces, wall: Callable[[str], float]) -> None:
        self._key = key
        self._nonces = nonces
        self._wall = wall

    def add(self, request: requests.PreparedRequest) -> None:
        """Put a new proof into a request that is about to leave.

        A form that is posted gets one, and so does a request with a token under the scheme DPoP; what fetches public
        documents needs none.
        """
        token = _token(request.headers)
        if request.method != "POST" and token is None:
            return
        url = request.url or ""
        nonce = self._nonces.get(url, resource=token is not None)
        proof = make_proof(self._key, request.method or "", url, wall=self._wall(url), access_token=token, nonce=nonce)
        request.headers["DPoP"] = proof.reveal()

    def read(self, request: requests.PreparedRequest, answer: Answer) -> None:
        """Learn the nonce of an answer, good or bad (§8.2).

        :raises NonceWanted: the request had none, or an older one, and is to be sent once more.
        """
        token = _token(request.headers)
        url, resource = request.url or "", token is not None
        before = self._nonces.get(url, resource=resource)
        self._nonces.remember(url, answer.headers.get("DPoP-Nonce", ""), resource=resource)
        if "DPoP" not in request.headers or not wants_nonce(answer):
            return
        if self._nonces.get(url, resource=resource) != before:
            told = error_of(answer)
            words = None if told is None else told.description
            raise NonceWanted(error_text(USE_NONCE), error=USE_NONCE, description=words, hint=error_step(USE_NONCE))


def _token(headers: Mapping[str, str | bytes]) -> Secret | None:
    """The token of a request under the scheme DPoP."""
    value = headers.get("Authorization", "")
    scheme, _, token = str(value).partition(" ")
    return Secret(token) if scheme == SCHEME else None


def nonce_answered(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a call gives; it is made once more when the server asks for another nonce.

    All of it is made anew: proof, and client assertion too. A code may go out again, for the first request was not
    processed (§8; TOK-9 holds for all others).

    :raises NonceWanted: the server asks a second time.
    """
    try:
        return call(*args, **kwargs)
    except NonceWanted:
        pass
    return call(*args, **kwargs)


# --- what servers say -------------------------------------------------------------------------------------------


def wants_nonce(answer: Answer) -> bool:
    """Whether an answer is the challenge of an authorization server (§8) or a protected resource (§9)."""
    if answer.status not in (400, 401):
        return False
    error = error_of(answer)
    if error is not None and error.code == USE_NONCE:
        return True
    return asks_for_nonce(answer.headers.get("WWW-Authenticate", ""))


def asks_for_nonce(www_authenticate: str) -> bool:
    """Whether a protected resource refuses the proof for want of its nonce (§9)."""
    return any(
        one.is_(SCHEME) and one.parameters.get("error") == USE_NONCE for one in challenges.parse(www_authenticate)
    )


def asks_for_proofs(www_authenticate: str) -> bool:
    """Whether a protected resource knows DPoP."""
    return any(one.is_(SCHEME) for one in challenges.parse(www_authenticate))


def asks_for_bearer_only(www_authenticate: str) -> bool:
    """Whether a protected resource does not know DPoP: bound tokens may be used there as bearer tokens (§7.2)."""
    asked = challenges.parse(www_authenticate)
    return any(one.is_("Bearer") for one in asked) and not asks_for_proofs(www_authenticate)


def key_for(provider: Provider, metadata: ServerMetadata) -> SigningKey | None:
    """A new key to bind the tokens of a sign-in to; None when they are to be bearer tokens.

    :raises ProviderError: binding is required, and the server signs in no way that TokenKeep does.
    """
    listed = metadata.dpop_signing_alg_values_supported
    if provider.dpop == "off" or (provider.dpop == "auto" and ALGORITHM not in (listed or ())):
        return None
    if listed is not None and ALGORITHM not in listed:
        told = clean_text(", ".join(listed), CODE_LIMIT) or "none"
        raise ProviderError(
            f"{provider.title} takes no proofs signed with {ALGORITHM}, only: {told}.",
            hint='Set `dpop = "off"` or `dpop = "auto"` to sign in with bearer tokens.',
            provider=provider.id,
        )
    return SigningKey.make(ALGORITHM)


def check_type(provider: Provider, tokens: TokenSet, key: SigningKey | None) -> None:
    """Refuse tokens that are not bound as they should be (§5).

    :param key: what the request showed possession of.
    :raises ProviderError: bearer tokens where binding is required, or tokens bound to a key that is not ours.
    """
    bound = is_bound(tokens)
    if bound and key is None:
        raise ProviderError(
            f"{provider.title} gave a token that is bound to a key, although TokenKeep showed none.",
            hint='If this provider binds tokens, set `dpop = "required"`.',
            provider=provider.id,
        )
    if not bound and provider.dpop == "required":
        raise ProviderError(
            f"{provider.title} gave a bearer token, but only tokens bound to a key are wanted; it was not used.",
            hint='Set `dpop = "auto"` to accept bearer tokens from this provider.',
            provider=provider.id,
        )


def is_bound(tokens: TokenSet) -> bool:
    """Whether an access token is worth something only together with its key."""
    return tokens.token_type.lower() == "dpop"
