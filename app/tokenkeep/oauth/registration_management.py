"""Looking after a registration: reading, changing and deleting it (RFC 7592)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tokenkeep.domain.errors import ProviderError
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.registration import Registration
from tokenkeep.oauth.answer import Answer, Request
from tokenkeep.oauth.registration import bearer, check_usable, read_answer, refusal
from tokenkeep.oauth.transport import Transport


class RegistrationGone(ProviderError):
    """401 or 404: the server has no such registration any more, or our token for it has ended (§2.1)."""

    title = "The provider has no such registration any more"
    default_hint = "Sign in again: TokenKeep then registers anew."


class Deletion(StrEnum):
    """What came of deleting a registration."""

    DELETED = "deleted"
    GONE = "gone"  # the server had none any more
    UNSUPPORTED = "unsupported"


def read(transport: Transport, provider: Provider, known: Registration) -> Registration:
    """The registration as the server has it now (§2.1); what the answer brings replaces what was there.

    :raises RegistrationGone: there is none any more.
    :raises ProviderUnreachable, MalformedAnswer: it cannot be told now.
    :raises ProviderError: refused.
    """
    answer = transport.send(
        Request("GET", known.management_uri, headers=bearer(known.access_token)), local=provider.local
    )
    return _told(provider, answer, known.metadata, known)


def update(transport: Transport, provider: Provider, known: Registration, wanted: Mapping[str, Any]) -> Registration:
    """Replace what is registered (§2.2). All fields are sent, those that stay as the server named them.

    :param wanted: the fields that change.
    :raises RegistrationGone, ProviderUnreachable, ProviderError: as `read`.
    """
    body = {**known.metadata, **wanted, "client_id": known.client_id}
    if known.secret is not None:
        body["client_secret"] = known.secret.reveal()
    answer = transport.send(
        Request("PUT", known.management_uri, headers=bearer(known.access_token), json=body), local=provider.local
    )
    found = _told(provider, answer, {**known.metadata, **wanted}, known)
    check_usable(provider, found, {**known.metadata, **wanted})
    return found


def delete(transport: Transport, provider: Provider, known: Registration) -> Deletion:
    """End the registration at the server (§2.3).

    :raises ProviderUnreachable: not confirmed.
    :raises ProviderError: refused.
    """
    if not known.managed:
        return Deletion.UNSUPPORTED
    answer = transport.send(
        Request("DELETE", known.management_uri, headers=bearer(known.access_token)), local=provider.local
    )
    if answer.status in (200, 204):
        return Deletion.DELETED
    if answer.status in (401, 404, 410):
        return Deletion.GONE
    if answer.status in (405, 501):
        return Deletion.UNSUPPORTED
    raise refusal(provider, answer, {})


def _told(provider: Provider, answer: Answer, asked: Mapping[str, Any], known: Registration) -> Registration:
    if answer.status in (401, 404, 410):
        raise RegistrationGone(f"{provider.title} has no registration of TokenKeep any more.", provider=provider.id)
    if answer.status != 200:
        raise refusal(provider, answer, asked)
    return read_answer(provider, answer, asked, known.management_uri, known)
