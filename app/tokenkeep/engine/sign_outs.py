"""Signing out: here at once, then at the provider as far as it lets us, and plain words for what came of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.provider import Flow
from tokenkeep.domain.revocation import OwedRevocation
from tokenkeep.domain.tokens import TokenSet
from tokenkeep.engine.revocations import Outcome, Revocations
from tokenkeep.engine.sessions import Session

log = logging.getLogger(__name__)

NOT_REVOKED: Literal[False] = False


@dataclass(frozen=True, slots=True)
class SignOut:
    """What came of a sign-out: it always holds here; `revoked` says whether it holds at the provider too.

    :param end_session: whether the browser was asked to log out there too; empty where that was not wanted.
    """

    revoked: bool | Literal["unsupported"]
    detail: str
    end_session: Literal["", "opened", "unsupported", "failed"] = ""


async def sign_out(session: Session, revocations: Revocations, *, revoke: bool) -> SignOut:
    """Sign a session out and tell its provider.

    :param revoke: False leaves the tokens to end by themselves.
    """
    name = session.provider.title
    known = await _is_known_where(session) if revoke else False
    tokens, owed = await session.sign_out(revoke=revoke)
    if session.provider.flow is Flow.STATIC and tokens is not None:
        return SignOut(
            revoked="unsupported", detail=f"The token was removed here. Revoke it at {name} if it is of no use now."
        )
    if tokens is None:
        return SignOut(revoked=False, detail="There were no tokens to revoke.")
    if not revoke:
        return SignOut(revoked=False, detail="The tokens were not revoked, as asked.")
    if owed is None and not known:
        return _removed_here(NOT_REVOKED, name, tokens, "could not be asked where it revokes tokens")
    if owed is None:
        return _removed_here("unsupported", name, tokens, "has no way to revoke tokens")
    return await _told(name, tokens, owed, revocations)


async def _told(name: str, tokens: TokenSet, owed: OwedRevocation, revocations: Revocations) -> SignOut:
    match await revocations.tell(owed):
        case Outcome.REVOKED:
            return SignOut(revoked=True, detail=f"{name} has revoked the tokens.")
        case Outcome.UNSUPPORTED:
            return _removed_here("unsupported", name, tokens, "cannot revoke tokens of this kind")
        case Outcome.REFUSED:
            return _removed_here(NOT_REVOKED, name, tokens, "refused to revoke them")
        case Outcome.UNCONFIRMED:
            return SignOut(
                revoked=False,
                detail=f"The sign-out is not confirmed by {name}: the old tokens may work there until they end. "
                "TokenKeep asks it again by itself.",
            )


def _removed_here(revoked: Literal[False, "unsupported"], name: str, tokens: TokenSet, reason: str) -> SignOut:
    """REV-3: never a word that sounds as if the provider had ended anything."""
    which = "tokens were" if tokens.refresh_token is not None else "token was"
    return SignOut(
        revoked=revoked, detail=f"The {which} removed here only: {name} {reason}. They may work until they end."
    )


async def _is_known_where(session: Session) -> bool:
    """Whether it is known where the tokens can be revoked; the server is asked when nothing kept says so."""
    stored = session.stored
    if stored is None or stored.origin is not None or session.client.is_bound(stored.binding):
        return True
    try:
        await session.client.prepare()
    except TokenKeepError as error:
        log.warning("nobody can tell where tokens of %s are revoked: %s", session.provider.id, error.code)
    return session.client.is_bound(stored.binding)
