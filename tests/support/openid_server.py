"""An OpenID provider of a few lines: discovery, keys, id_tokens that belong to the request, userinfo."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from typing import Any, Self

from support.browser_callback import begin, redirect, sent, visit
from support.engine_bench import EngineBench
from support.fake_clock import FakeClock
from support.oauth_values import key, public, sign
from support.scripted_server import Connection, Reply, answer, json_answer
from support.token_server import TokenServer
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.session import SignInSnapshot

CLIENT_ID = "client-1"
USERINFO, JWKS = "/userinfo", "/jwks"
DISCOVERY = "/.well-known/openid-configuration"


class OpenIdServer(TokenServer):
    """Answers as a good provider does; each attribute changes one thing from the next answer on.

    :ivar wall: its clock.
    :ivar claims: changes of the id_token's claims; a None leaves one out.
    :ivar header: changes of its header.
    :ivar signed_by: key and algorithm.
    :ivar keys: the published key set.
    :ivar encode: makes the token of the claims, in place of `sign`.
    :ivar profile: the members of the userinfo answer beside `sub`.
    """

    def __enter__(self) -> Self:
        super().__enter__()
        self.wall: Callable[[], float] = FakeClock().wall
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.signed_by: tuple[Any, str] = (key("RSA"), "RS256")
        self.keys: list[dict[str, Any]] = [public(key("RSA"), use="sig")]
        self.encode: Callable[[dict[str, Any]], str | None] = self._sign
        self.profile: dict[str, Any] = {"preferred_username": "ada"}
        self._nonces: dict[str, str] = {}
        self.publish()
        self.reply(JWKS, self._publish_keys)
        self.reply(USERINFO, self._describe)
        return self

    def publish(self, **changes: Any) -> None:
        """Publish the metadata at the address of OpenID Connect Discovery."""
        document = {
            "issuer": self.origin,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "revocation_endpoint": f"{self.origin}/revoke",
            "userinfo_endpoint": self.origin + USERINFO,
            "jwks_uri": self.origin + JWKS,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "code_challenge_methods_supported": ["S256"],
        }
        members = {name: value for name, value in (document | changes).items() if value is not None}
        self.reply(DISCOVERY, json_answer(members))

    def entry(self, id_: str = "p", **changes: Any) -> Provider:
        """An entry that asks for an id_token."""
        return self.discovered(**({"id": id_, "scopes": ["openid", "profile", "email"]} | changes))

    def expect(self, started: SignInSnapshot, code: str = "code-canary") -> None:
        """This code will be redeemed for that authorization request."""
        self._nonces[code] = sent(started)["nonce"]

    def tokens(self, **changes: Any) -> dict[str, Any]:
        """The next answer, with an id_token."""
        form = dict(self.token_requests[-1].form)
        now = self.wall()
        claims = {"iss": self.origin, "aud": CLIENT_ID, "sub": "subject-1", "iat": now, "exp": now + 300}
        claims |= {"auth_time": now - 10 if "code" in form else None, "nonce": self._nonces.get(form.get("code", ""))}
        claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
        return super().tokens(**({"id_token": self.encode(claims)} | changes))

    def signed_userinfo(self, claims: dict[str, Any], by: Any = None) -> Reply:
        """An `application/jwt` answer (OpenID Connect Core §5.3.2)."""
        return answer(200, sign(claims, by or self.signed_by[0]), {"Content-Type": "application/jwt"})

    def _publish_keys(self, connection: Connection) -> None:
        json_answer({"keys": self.keys})(connection)

    def _describe(self, connection: Connection) -> None:
        json_answer({"sub": self.claims.get("sub", "subject-1"), **self.profile})(connection)

    def _sign(self, claims: dict[str, Any]) -> str:
        return sign(claims, *self.signed_by, header=self.header)

    def _give(self, connection: Connection) -> None:
        if self.instead or self.failing is not None:
            super()._give(connection)
        else:
            json_answer(self.tokens(), Date=formatdate(self.wall(), usegmt=True))(connection)


async def sign_in(bench: EngineBench, server: OpenIdServer, provider: str = "p") -> SignInSnapshot:
    """A sign-in from the click to its end, whatever that is."""
    started = await begin(bench, provider)
    server.expect(started)
    await visit(redirect(started))
    return await bench.ended(started)


def nothing_kept(bench: EngineBench, provider: str = "p") -> bool:
    """Whether nothing of an answer is in memory or in the vault."""
    return bench.session(provider).held is None and bench.vault.session(provider) is None
