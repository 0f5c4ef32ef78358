"""What a token that is bound to a key needs beside itself: the session's key, and proofs for programs (RFC 9449)."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urlsplit

from tokenkeep.domain.errors import BadRequest, DpopRequired, ResourceNotAllowed, SignInRequired
from tokenkeep.domain.provider import Provider, check_url
from tokenkeep.domain.tokens import GrantedHeaders, GrantedToken, Secret, StoredSession
from tokenkeep.oauth import dpop
from tokenkeep.oauth.signing_key import SigningKey, UnusableKey

if TYPE_CHECKING:
    from tokenkeep.engine.standing import Standing

log = logging.getLogger(__name__)

SERVERS_MAX = 100  # that are remembered as knowing bearer tokens only
KEY_LOST = "The key that the tokens are bound to is gone from the vault."


def is_lost(stored: StoredSession) -> bool:
    """Whether tokens are bound to a key that is not there any more."""
    if stored.tokens is None:
        return False
    return stored.dpop_key is None and (bool(stored.dpop_jkt) or dpop.is_bound(stored.tokens))


def key_of(provider: Provider, stored: StoredSession) -> SigningKey | None:
    """The key of a session's tokens; None when they are bearer tokens.

    :raises SignInRequired: it is lost, or is another one than theirs.
    """
    if stored.dpop_key is None and not is_lost(stored):
        return None
    try:
        key = None if stored.dpop_key is None else SigningKey.read(stored.dpop_key)
    except UnusableKey:
        key = None
    if key is None or key.kid != stored.dpop_jkt:
        raise SignInRequired(KEY_LOST, provider=provider.id)
    return key


def is_too_weak(provider: Provider, stored: StoredSession) -> bool:
    """Whether the entry wants bound tokens by now and these are bearer tokens (DPOP-3)."""
    return provider.dpop == "required" and stored.tokens is not None and not dpop.is_bound(stored.tokens)


class Proofs:
    """Headers and proofs for one session's token. Used on the engine's loop only; no call gives the key away.

    :ivar bearer_only: origins of resources that asked for bearer tokens alone (RFC 9449 §7.2), of this run.
    """

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self.bearer_only: dict[str, None] = {}

    def headers(self, granted: GrantedToken, method: str, url: str, nonce: str = "") -> GrantedHeaders:
        """What a program sends along with one request.

        :param granted: the token that is to be shown.
        :param url: of the request; may be empty for a bearer token.
        :param nonce: what the resource gave; empty for the one that is remembered.
        :raises DpopRequired: the token is bound to a key, and there is no URL to make a proof for.
        :raises BadRequest: the URL is none that a token is sent to.
        :raises ResourceNotAllowed: the token is not for that place.
        """
        bound = granted.token_type.lower() == "dpop"
        if bound and not url:
            raise DpopRequired(
                f"The token of {granted.provider} is bound to a key: each request needs a proof of its own.",
                hint="Name the URL of the request.",
                provider=granted.provider,
            )
        if url:
            url = self._checked(url, granted, local=not bound)
        if not bound or dpop.origin(url) in self.bearer_only:
            return GrantedHeaders(granted, "Bearer")
        return GrantedHeaders(granted, dpop.SCHEME, self._proof(granted, method, url, nonce))

    def proof(self, granted: GrantedToken, method: str, url: str, *, nonce: str, ath: str | None) -> Secret:
        """A proof for one request with that token, and with no other.

        :param nonce: what the resource gave; empty for the one that is remembered.
        :param ath: the hash of the token that the program will show; None stands for that of `granted`.
        :raises BadRequest: the token is not bound to a key, or it is another one.
        """
        provider = self._standing.provider
        if granted.token_type.lower() != "dpop":
            raise BadRequest(
                f"The token of {provider.title} is not bound to a key, so there is nothing to prove.",
                hint="Send it as a bearer token.",
                provider=provider.id,
            )
        if ath is not None and not hmac.compare_digest(ath.encode(), dpop.token_hash(granted.access_token).encode()):
            raise BadRequest(
                f"ath is not the hash of the token that {provider.title} has now.",
                hint="Ask for request headers: they hold the token and its proof.",
                provider=provider.id,
            )
        return self._proof(granted, method, self._checked(url, granted, local=False), nonce)

    def heed(self, www_authenticate: str, url: str, nonce: str) -> str:
        """Learn from a resource's refusal of a bound token what was wrong beside the token.

        :param nonce: of the answer's `DPoP-Nonce`.
        :returns: `nonce`, `bearer_only`, or `bound` for a resource that came to know DPoP; empty when the token itself
            was refused.
        """
        stored = self._standing.stored
        if stored is None or stored.tokens is None or not dpop.is_bound(stored.tokens):
            return ""
        url = _without_fragment(url)
        if url and nonce:
            self._nonces().remember(url, nonce, resource=True)
        if dpop.asks_for_nonce(www_authenticate):
            return "nonce"
        server = dpop.origin(url) if url else ""
        if server in self.bearer_only and dpop.asks_for_proofs(www_authenticate):
            del self.bearer_only[server]
            return "bound"
        if server and server not in self.bearer_only and dpop.asks_for_bearer_only(www_authenticate):
            self.bearer_only[server] = None
            while len(self.bearer_only) > SERVERS_MAX:
                del self.bearer_only[next(iter(self.bearer_only))]
            log.info("%s takes tokens of %s as bearer tokens only", server, self._standing.provider.id)
            return "bearer_only"
        return ""

    def _proof(self, granted: GrantedToken, method: str, url: str, nonce: str) -> Secret:
        standing = self._standing
        key = None if standing.stored is None else key_of(standing.provider, standing.stored)
        if key is None:
            raise SignInRequired(KEY_LOST, provider=standing.provider.id)
        nonces = self._nonces()
        if nonce:
            nonces.remember(url, nonce, resource=True)
        return dpop.make_proof(
            key,
            method,
            url,
            wall=standing.client.proving(None).wall_at(url),
            access_token=granted.access_token,
            nonce=nonces.get(url, resource=True),
        )

    def _reserved(self) -> Iterator[str]:
        """Where tokens are obtained: a proof for these would let a program act as TokenKeep."""
        yield from self._standing.client.endpoints
        origin = None if self._standing.stored is None else self._standing.stored.origin
        if origin is not None:
            yield from filter(None, (origin.token_endpoint, origin.revocation_endpoint))

    def _nonces(self) -> dpop.Nonces:
        return dpop.nonces_of(self._standing.client.proving(None))

    def _checked(self, url: str, granted: GrantedToken, *, local: bool) -> str:
        """A URL that this token may be shown to.

        :param local: plain http on loopback is allowed also for a provider that is not marked local.
        """
        provider = self._standing.provider
        url = _without_fragment(url)
        try:
            check_url(url, local=local or provider.local)
        except ValueError as refused:
            raise BadRequest(f"No token is shown there: {refused}.", provider=provider.id) from None
        meant = [one for one in (*granted.resource, *provider.audiences) if urlsplit(one).netloc]
        if meant and dpop.origin(url) not in map(dpop.origin, meant):
            raise ResourceNotAllowed(
                f"The token of {provider.title} is not for {urlsplit(url).hostname}.",
                hint="It is for: " + ", ".join(dict.fromkeys(map(dpop.origin, meant))) + ".",
                provider=provider.id,
            )
        if dpop.target(url) in map(dpop.target, self._reserved()):
            raise ResourceNotAllowed(
                f"That address of {provider.title} is for TokenKeep alone: tokens are obtained there, not used.",
                provider=provider.id,
            )
        return url


def _without_fragment(url: str) -> str:
    """Empty for what is no URL."""
    try:
        return urldefrag(url).url if dpop.origin(url) else ""
    except ValueError:
        return ""
