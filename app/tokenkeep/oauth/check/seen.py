"""What was seen at a server: each request's outcome as a value, and the metadata document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tokenkeep.domain.errors import MalformedAnswer, ProviderUnreachable, TokenKeepError
from tokenkeep.domain.provider import Provider
from tokenkeep.oauth.answer import Answer, Redirected, Request
from tokenkeep.oauth.metadata import ABSENT, candidates
from tokenkeep.oauth.reach import Reach
from tokenkeep.oauth.transport import Transport


@dataclass(frozen=True, slots=True)
class Fetched:
    """One GET.

    :param error: why there is no answer.
    """

    url: str
    answer: Answer | None = None
    error: TokenKeepError | None = None

    @property
    def document(self) -> dict[str, Any] | None:
        """The JSON object of a 200, None for anything else."""
        if self.answer is None or self.answer.status != 200:
            return None
        try:
            document = self.answer.json()
        except MalformedAnswer:
            return None
        return document if isinstance(document, dict) else None

    @property
    def unreachable(self) -> bool:
        """Whether it may work later: no connection, no complete answer, or a status that says so."""
        if self.answer is not None:
            return self.answer.transient
        return isinstance(self.error, ProviderUnreachable)

    @property
    def redirected(self) -> bool:
        """Whether the answer was a redirect."""
        return isinstance(self.error, Redirected)

    @property
    def words(self) -> str:
        """What came, in a few words."""
        if self.error is not None:
            return "a redirect" if self.redirected else self.error.detail.rstrip(".")
        assert self.answer is not None
        if self.answer.status != 200:
            return f"status {self.answer.status}"
        return "no JSON object" if self.document is None else "found"


def fetch(transport: Transport, url: str, *, local: bool) -> Fetched:
    """Ask for a public document; whatever happens is in the value.

    :param local: plain http on loopback is allowed.
    """
    try:
        return Fetched(url, answer=transport.send(Request("GET", url), local=local))
    except TokenKeepError as error:
        return Fetched(url, error=error.bare())


@dataclass(frozen=True, slots=True)
class Server:
    """An authorization server under check.

    :param provider: as configured; for a bare issuer one made for the check.
    :param configured: whether a person set the provider up, so that its own settings count.
    :param reach: what may be reached for it.
    :param tried: the requests for its metadata in order; the last one is the one that ended the search.
    """

    provider: Provider
    configured: bool
    reach: Reach
    tried: tuple[Fetched, ...] = ()
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def found(self) -> Fetched | None:
        """The request that brought the document."""
        return self.tried[-1] if self.tried and self.tried[-1].document is not None else None

    @property
    def authorization_code(self) -> bool:
        """Whether browser sign-ins are offered, as far as the metadata says."""
        return "authorization_endpoint" in self.document

    @property
    def for_people(self) -> bool:
        """Whether a person signs in; a configured entry of a machine does without a browser."""
        return not self.configured or self.provider.flow.interactive

    @property
    def openid(self) -> bool:
        """Whether it is an OpenID provider, or is asked as one."""
        scopes = self.document.get("scopes_supported")
        return (
            "openid" in self.provider.scopes
            or (isinstance(scopes, list) and "openid" in scopes)
            or "id_token_signing_alg_values_supported" in self.document
        )

    def texts(self, name: str) -> list[str] | None:
        """A list of strings of the document; None when it is absent or something else."""
        value = self.document.get(name)
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return value
        return None


def look(transport: Transport, provider: Provider, *, configured: bool) -> Server:
    """Look for the metadata where a sign-in would, and stop where a sign-in would stop (META-1, META-4, META-5)."""
    tried: list[Fetched] = []
    for url in candidates(provider) if provider.issuer else ():
        one = fetch(transport, url, local=provider.local)
        tried.append(one)
        if one.document is not None:
            return Server(provider, configured, transport.reach, tuple(tried), one.document)
        passed_over = one.answer is not None and (one.answer.status in ABSENT or one.answer.status == 200)
        if not passed_over:
            break
    return Server(provider, configured, transport.reach, tuple(tried))
