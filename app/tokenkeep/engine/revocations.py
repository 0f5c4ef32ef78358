"""What providers still have to be told after a sign-out: tried again, in the end given up and said to be (REV-2)."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from tokenkeep.domain import schedule
from tokenkeep.domain.errors import (
    Locked,
    MalformedAnswer,
    Misconfigured,
    ProviderUnreachable,
    StorageFailed,
    TokenKeepError,
)
from tokenkeep.domain.origin import Origin
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.revocation import OwedRevocation, in_order
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.engine import client_choice
from tokenkeep.engine.credentials import credentials_of, key_source, transport_of
from tokenkeep.oauth import revocation
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.revocation import Revocation

if TYPE_CHECKING:
    from tokenkeep.engine.context import Context

log = logging.getLogger(__name__)

REVOKE_LIMIT = 10.0  # seconds a sign-out waits for the provider's confirmation
RETRY_MAX = 3600.0  # seconds between two tries
WAIT_MAX = 86_400.0  # seconds; a clock that was set wrong must not silence a revocation for longer


class Outcome(StrEnum):
    """What came of telling the provider."""

    REVOKED = "revoked"
    UNSUPPORTED = "unsupported"  # there is no way to revoke: removed here only
    REFUSED = "refused"  # it said no, and will say it again: removed here only
    UNCONFIRMED = "unconfirmed"  # nobody knows; it is tried again


@dataclass(slots=True)
class _Pending:
    """One revocation that is not confirmed.

    :param at: boot clock of the next try, None while one is under way.
    :param give_up_at: boot clock.
    """

    owed: OwedRevocation
    at: float | None
    give_up_at: float


class Revocations:
    """Used on the engine's loop only."""

    id = "/revocations"  # to the scheduler; no provider is called so

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pending: dict[str, _Pending] = {}
        self._given_up: dict[str, OwedRevocation] = {}  # by provider id; of this run
        self.changed: Callable[[str], None] = lambda _: None  # called with the id of the provider concerned
        self.gave_up: Callable[[OwedRevocation], None] = lambda _: None

    # --- what is shown ----------------------------------------------------------------------------------------

    def notices(self) -> tuple[str, ...]:
        """What a person should know of all providers' unconfirmed sign-outs."""
        concerned = dict.fromkeys([*(one.owed.provider for one in self._pending.values()), *self._given_up])
        return tuple(filter(None, map(self.notice, concerned)))

    def notice(self, provider: str) -> str:
        """The same of one provider; empty when there is nothing to know."""
        for pending in self._pending.values():
            if pending.owed.provider == provider and pending.owed.tries:
                return unconfirmed(pending.owed)
        return never_confirmed(self._given_up[provider]) if provider in self._given_up else ""

    def owes(self, provider: str) -> bool:
        """Whether that provider still has to be told something."""
        return any(one.owed.provider == provider for one in self._pending.values())

    # --- beginning --------------------------------------------------------------------------------------------

    def owe(self, origin: Origin, tokens: TokenSet, narrowed: Iterable[TokenSet] = ()) -> OwedRevocation:
        """Note that the provider has to be told. It is still to be written to the vault, then to be tried.

        :param narrowed: access tokens beside the main one; what they hold else is the main one's.
        """
        wall, boot = self._context.clock.wall(), self._context.clock.boot()
        beside = tuple((one.access_token, "access_token") for one in narrowed)
        owed = OwedRevocation(uuid.uuid4().hex, origin, in_order(tokens) + beside, since=wall, next_try_at=wall)
        self._pending[owed.id] = _Pending(owed, None, boot + owed.give_up_at - wall)
        return owed

    async def discard(self, origin: Origin, tokens: TokenSet) -> None:
        """Revoke tokens that nobody is to use (REV-4)."""
        if origin.revocation_endpoint is None:
            return
        owed = self.owe(origin, tokens)
        await self._save(owed)
        await self.tell(owed)

    async def tell(self, owed: OwedRevocation) -> Outcome:
        """Try now; what is not confirmed is tried again later."""
        pending = self._pending[owed.id]
        pending.at = None
        outcome = await self._try(pending)
        if outcome is not Outcome.UNCONFIRMED:
            await self._drop(pending.owed)
        self._told(pending.owed)
        return outcome

    async def restore(self, stored: list[OwedRevocation]) -> None:
        """Take over what earlier runs left, and write what this one owes into the vault that was opened."""
        wall, boot = self._context.clock.wall(), self._context.clock.boot()
        known = {owed.id for owed in stored}
        for owed in stored:
            if owed.id in self._pending:
                continue
            wait = min(max(owed.next_try_at - wall, self._context.jitter()), WAIT_MAX)
            left = min(max(owed.give_up_at - wall, 0.0), owed.give_up_at - owed.since)
            self._pending[owed.id] = _Pending(owed, boot + min(wait, left), boot + left)
            self._told(owed)
        for pending in list(self._pending.values()):
            if pending.owed.id not in known:
                await self._save(pending.owed)

    @property
    def busy(self) -> bool:
        """Whether a provider is being asked."""
        return any(one.at is None for one in self._pending.values())

    # --- trying again -----------------------------------------------------------------------------------------

    def due(self) -> float | None:
        """When the next try is due, by the boot clock."""
        return min((one.at for one in self._pending.values() if one.at is not None), default=None)

    def when_due(self) -> None:
        """Begin what is due. Never asks a person for anything."""
        boot = self._context.clock.boot()
        for pending in list(self._pending.values()):
            if pending.at is None or pending.at > boot:
                continue
            pending.at = None
            work = self._give_up(pending) if boot >= pending.give_up_at else self.tell(pending.owed)
            self._context.spawn(asyncio.ensure_future(work))

    async def _try(self, pending: _Pending) -> Outcome:
        results = []
        try:
            async with asyncio.timeout(REVOKE_LIMIT):
                while pending.owed.tokens:
                    token, hint = pending.owed.tokens[0]
                    results.append(await self._send(pending.owed.origin, token, hint))
                    pending.owed = replace(pending.owed, tokens=pending.owed.tokens[1:])
        except (ProviderUnreachable, MalformedAnswer, TimeoutError, Locked, StorageFailed) as error:
            await self._postpone(pending, error.retry_after if isinstance(error, TokenKeepError) else None)
            return Outcome.UNCONFIRMED
        except TokenKeepError as error:
            log.warning("%s refused to revoke tokens: %s", pending.owed.provider, error.code)
            return Outcome.REFUSED
        # The refresh token comes first and decides: an access token that cannot be revoked ends by itself.
        return Outcome.UNSUPPORTED if results[:1] == [Revocation.UNSUPPORTED] else Outcome.REVOKED

    async def _send(self, origin: Origin, token: Secret, hint: str) -> Revocation:
        entry = origin.entry
        server = ServerMetadata(
            origin.issuer or entry.issuer,
            origin.token_endpoint or entry.token_endpoint,
            revocation_endpoint=origin.revocation_endpoint,
            token_endpoint_auth_methods_supported=origin.auth_methods,
            token_endpoint_auth_signing_alg_values_supported=origin.signing_algorithms,
        )
        self._check_client(entry)
        transport = transport_of(self._context, entry)
        credentials = await credentials_of(self._context, entry, server, transport)
        return await self._context.net.run(revocation.revoke, transport, entry, server, token, hint, credentials)

    def _check_client(self, entry: Provider) -> None:
        """Refuse a secret or key whose place belongs to another client by now (REF-9).

        :raises Misconfigured: it does.
        """
        proven = entry.client_secret is not None or key_source(entry) is not None or entry.shows_certificate
        now = self._context.configuration.providers.get(entry.id)
        if isinstance(now, Provider):
            now = client_choice.entry_of(self._context, now, entry.client_id)
        if proven and isinstance(now, Provider) and _client(now) != _client(entry):
            raise Misconfigured("The client secret belongs to another client by now.", provider=entry.id)

    async def _postpone(self, pending: _Pending, retry_after: float | None) -> None:
        tries = pending.owed.tries + 1
        wait = schedule.backoff(tries, RETRY_MAX, self._context.jitter(), retry_after)
        boot, wall = self._context.clock.boot(), self._context.clock.wall()
        pending.owed = replace(pending.owed, tries=tries, next_try_at=wall + wait)
        log.warning("%s did not confirm a revocation; it is tried again", pending.owed.provider)
        await self._save(pending.owed)
        pending.at = min(boot + wait, pending.give_up_at)

    async def _give_up(self, pending: _Pending) -> None:
        owed = pending.owed
        self._given_up[owed.provider] = owed
        await self._drop(owed)
        self._told(owed)
        self.gave_up(owed)

    async def _save(self, owed: OwedRevocation) -> None:
        try:
            await self._context.vault.write_revocation(owed)
        except TokenKeepError as error:  # written along with the next try
            log.warning("an unconfirmed revocation could not be saved: %s", error.code)

    async def _drop(self, owed: OwedRevocation) -> None:
        try:
            await self._context.vault.delete_revocation(owed.id)
        except TokenKeepError as error:  # the next run asks once more, which does no harm (RFC 7009 §2.2)
            log.warning("a revocation that is done could not be removed: %s", error.code)
        self._pending.pop(owed.id, None)

    def _told(self, owed: OwedRevocation) -> None:
        self.changed(owed.provider)


def _client(entry: Provider) -> tuple[str, str, str]:
    return entry.issuer, entry.token_endpoint, entry.client_id


def unconfirmed(owed: OwedRevocation) -> str:
    """What a person should know of a sign-out that the provider has not confirmed."""
    return (
        f"The sign-out is not confirmed by {owed.name}: the old tokens may still work there. "
        "TokenKeep asks again by itself, for seven days at most."
    )


def never_confirmed(owed: OwedRevocation) -> str:
    """What a person should know of one that it never will."""
    place = f" at {owed.origin.entry.issuer}" if owed.origin.entry.issuer else ""
    return (
        f"{owed.name} has not confirmed the sign-out for seven days, and TokenKeep asks no more. What was signed in "
        f"may work there until it ends by itself: remove TokenKeep from the applications of your account{place}."
    )
