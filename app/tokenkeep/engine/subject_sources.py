"""The subject and actor tokens of a machine flow, read anew at each acquisition and kept nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.machine import ACCESS_TOKEN, JWT
from tokenkeep.domain.provider import Provider, SubjectToken
from tokenkeep.oauth import subject_tokens
from tokenkeep.oauth.machine import Presented

if TYPE_CHECKING:
    from tokenkeep.engine.context import Context


async def presented(context: Context, provider: Provider, key: str, *, background: bool) -> Presented | None:
    """What is shown to the provider; None when the entry names nothing.

    :param key: `subject_token` or `actor_token`.
    :raises TokenKeepError: there is none; of another entry's session, its error with both names.
    """
    source: SubjectToken | None = getattr(provider, key)
    if source is None:
        return None
    kind: str = getattr(provider, f"{key}_type")
    if source.source == "provider":
        return await _of_session(context, provider, source, kind)
    wanted = subject_tokens.Wanted(provider, key, source)
    if background:
        token = await context.net.run_background(provider.issuer, subject_tokens.read, wanted, context.transport)
    else:
        token = await context.net.run(subject_tokens.read, wanted, context.transport)
    return Presented(token, kind or JWT, subject_tokens.subject_of(token))


async def _of_session(context: Context, provider: Provider, source: SubjectToken, kind: str) -> Presented:
    try:
        tokens, account = await context.token_of(source.id, provider.title)
    except TokenKeepError as error:
        named = error.bare()
        named.detail = f"{provider.title} needs a token of {source.id} first. {error.detail}".rstrip()
        named.args = (named.detail,)
        named.provider = provider.id
        if error.code == "sign_in_required":
            named.hint = f"Sign in there: `tokenkeep login {source.id}`."
        raise named from None
    label = "" if account is None else account.label
    subject = subject_tokens.subject_of(tokens.access_token) or label
    return Presented(tokens.access_token, kind or tokens.issued_type or ACCESS_TOKEN, subject)
