"""One acquisition of a machine's token: what takes the place of a refresh where no person signed in."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from tokenkeep.domain.errors import MalformedAnswer, ProviderError, ProviderUnreachable, SignInRequired, TokenKeepError
from tokenkeep.domain.machine import asked_for
from tokenkeep.domain.session import SessionEvent
from tokenkeep.domain.tokens import StoredSession, TokenSet, Wish
from tokenkeep.engine.proofs import key_of
from tokenkeep.engine.standing import MACHINE, Standing

if TYPE_CHECKING:
    from tokenkeep.engine.client import ProviderClient
    from tokenkeep.oauth.signing_key import SigningKey

log = logging.getLogger(__name__)


async def acquire(standing: Standing, *, background: bool) -> None:
    """Ask for a token, commit it, then let everybody have it (REF-1). The state is settled before errors are raised.

    :raises TokenKeepError: there is none; one that was there before is served on while it lives.
    """
    generation, client = standing.generation, standing.client
    standing.pace.begin()
    try:
        await client.prepare(background=background)
        standing.check_current(generation)
        client = await client.identified_alone()
        standing.check_current(generation)
        key = _key(standing, client)
        tokens, account = await client.acquire(background=background, key=key)
    except TokenKeepError as error:
        if generation == standing.generation:
            failed(standing, error)
        raise
    before = standing.stored
    if generation == standing.generation:
        since = before.signed_in_at if before is not None and before.tokens else standing.context.clock.wall()
        await standing.record.commit(
            StoredSession(
                tokens=tokens,
                account=account,
                binding=client.binding(),
                signed_in_at=since,
                method=MACHINE,
                origin=client.origin(),
                asked=asked_for(standing.provider),
                dpop_key=None if key is None else key.sealed,
                dpop_jkt="" if key is None else key.kid,
            )
        )
    if generation != standing.generation:  # signed out, or set up otherwise, meanwhile
        await client.discard(tokens)
        standing.check_current(generation)
    standing.hold(tokens)
    if tokens.lifetime is not None and not standing.usable():
        raise ran_out(standing)
    standing.pace.reset()
    standing.apply(SessionEvent.REFRESHED)


def _key(standing: Standing, client: ProviderClient) -> SigningKey | None:
    """What a new token is to be bound to: the key that there is, so that proofs for tokens beside it stay good."""
    wanted, stored = client.new_key(), standing.stored
    if wanted is None or stored is None or stored.binding != client.binding():
        return wanted
    with contextlib.suppress(SignInRequired):  # it is lost
        return key_of(standing.provider, stored) or wanted
    return wanted


async def acquire_narrowed(standing: Standing, wish: Wish) -> TokenSet:
    """One more acquisition, for another scope or resource than the entry's; errors as `ProviderClient.acquire`."""
    generation, client = standing.generation, standing.client
    await client.prepare()
    standing.check_current(generation)
    client = await client.identified_alone()
    standing.check_current(generation)
    stored = standing.stored
    key = None if stored is None else key_of(standing.provider, stored)
    tokens, _ = await client.acquire(background=False, wish=wish, key=key)
    if generation != standing.generation:
        await client.discard(tokens)
        standing.check_current(generation)
    return tokens


def failed(standing: Standing, error: TokenKeepError) -> None:
    """No refusal ends a machine's session: the next time it shows another token of its own, or better credentials."""
    standing.last_error = error.bare()
    if isinstance(error, ProviderUnreachable | MalformedAnswer):
        standing.pace.fail(error.retry_after)
        standing.apply(SessionEvent.UNREACHABLE)
    else:
        standing.pace.give_up()
        standing.apply(SessionEvent.REJECTED)
    log.warning("no token for %s: %s", standing.provider.id, error.code)


def ran_out(standing: Standing) -> ProviderError:
    """The new token is of no use (`expires_in: 0`): asking at once for the next would go on for ever (TOK-6)."""
    error = ProviderError(
        f"{standing.provider.title} gave a token that had already run out.",
        hint="TokenKeep asks again by itself, less and less often.",
        provider=standing.provider.id,
    )
    standing.last_error = error.bare()
    standing.pace.fail_for_all()
    standing.apply(SessionEvent.REJECTED)
    log.warning("%s gave a token that had already run out", standing.provider.id)
    return error
