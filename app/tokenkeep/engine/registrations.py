"""The clients that servers registered for us: once for each issuer and entry, renewed in time, used nowhere else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tokenkeep.domain import schedule
from tokenkeep.domain.errors import (
    MalformedAnswer,
    ProviderError,
    ProviderUnreachable,
    SignInRequired,
    TokenKeepError,
)
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.registration import Registration, redirect_wish
from tokenkeep.domain.tokens import Secret
from tokenkeep.engine.credentials import signing_key, transport_of
from tokenkeep.engine.secret_sources import initial_access_token
from tokenkeep.oauth import registration, registration_management
from tokenkeep.oauth.registration_management import Deletion, RegistrationGone

if TYPE_CHECKING:
    from tokenkeep.engine.context import Context
    from tokenkeep.oauth.metadata import ServerMetadata

log = logging.getLogger(__name__)

RETRY_MAX = 3600.0  # seconds between two tries to renew a secret ahead of its end
NEVER = float("inf")
ANEW = "Sign in again: TokenKeep then registers anew."

Key = tuple[str, str]  # issuer and provider id


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be registered.

    :param redirect_uris: where the browser comes back to; empty where none takes part.
    """

    provider: Provider
    metadata: ServerMetadata
    redirect_uris: tuple[str, ...] = ()


class Registrations:
    """Used on the engine's loop only.

    :ivar changed: called with the id of a provider whose registration changed.
    """

    id = "/registrations"  # to the scheduler; no provider is called so

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[Key, Registration] = {}
        self._locks: dict[Key, asyncio.Lock] = {}
        self._failures: dict[Key, int] = {}
        self._not_before: dict[Key, float] = {}  # boot clock, after a renewal that failed
        self._renewing: set[Key] = set()
        self._unsaved: set[Key] = set()
        self.changed: Callable[[str], None] = lambda _: None

    # --- what is known ----------------------------------------------------------------------------------------

    def of(self, provider: Provider) -> Registration | None:
        """The registration of an entry at its issuer."""
        return self._known.get((provider.issuer, provider.id))

    def client(self, entry: Provider) -> Registration | None:
        """The registration that an entry's client id is from; None for a client of another kind."""
        known = self.of(entry)
        return known if known is not None and known.client_id == entry.client_id else None

    @property
    def busy(self) -> bool:
        """Whether a secret is being renewed in the background."""
        return bool(self._renewing)

    async def restore(self, stored: list[Registration]) -> None:
        """Take over what earlier runs left, and write what this one got before the vault was open."""
        for one in stored:
            if not one.client_id:
                log.warning("a registration at %s was cut off; the server may have kept a client", one.provider)
                await self._write(self._context.vault.delete_registration(*one.key), one.key)
            elif one.key not in self._known:
                self._known[one.key] = one
                self.changed(one.provider)
        for key in self._known.keys() - {one.key for one in stored}:
            await self._commit(self._known[key])

    # --- for a sign-in ----------------------------------------------------------------------------------------

    async def ready(self, wish: Wish) -> Registration:
        """The registration to sign in with: the one there is, mended where it does not fit, or a new one (DCR-6).

        What was begun is finished and kept also when nobody waits any more.

        :raises ProviderError: the server refuses, or makes a client of us that cannot work.
        :raises ProviderUnreachable: transient.
        """
        task = asyncio.create_task(self._alone(wish.provider, lambda: self._ready(wish)))
        self._context.spawn(task)
        return await asyncio.shield(task)

    async def _ready(self, wish: Wish) -> Registration:
        provider = wish.provider
        wanted = await self._wanted(wish)
        known, wall = self.of(provider), self._context.clock.wall()
        if known is None:
            return await self._register(wish, wanted)
        if known.key in self._unsaved:
            await self._commit(known)
        same = _covers(known, wish, wanted)
        ending = known.renew_at is not None and wall >= known.renew_at
        listed = _listed(known, wish)
        if same and listed and not ending and not known.doubted:
            return known
        usable = same and not known.doubted and not known.expired(wall)
        if known.managed:
            try:
                return await self._mended(known, wish, wanted)
            except RegistrationGone:
                usable = False
            except (ProviderUnreachable, MalformedAnswer):
                if not usable:
                    raise
            except ProviderError as error:
                log.warning("the registration at %s could not be changed: %s", provider.id, error.error or error.code)
        # The port alone may be another one: a server that follows RFC 8252 §7.3 does not compare it.
        if usable and not ending:
            return known
        return await self._register(wish, wanted)

    async def _mended(self, known: Registration, wish: Wish, wanted: dict[str, Any]) -> Registration:
        provider, transport = wish.provider, transport_of(self._context, wish.provider)
        run = self._context.net.run
        if known.doubted:
            known = await self._adopt(
                replace(await run(registration_management.read, transport, provider, known), doubted=False), known
            )
        if _covers(known, wish, wanted) and _listed(known, wish):
            wanted = {}  # only the secret is to be renewed, if anything
            if known.renew_at is None or self._context.clock.wall() < known.renew_at:
                return known
        found = await run(registration_management.update, transport, provider, known, wanted)
        return await self._adopt(replace(found, asked=_asked(wish, wanted) if wanted else known.asked), known)

    async def _wanted(self, wish: Wish) -> dict[str, Any]:
        key = await signing_key(
            self._context, wish.provider, wish.metadata.token_endpoint_auth_signing_alg_values_supported
        )
        jwks = None if key is None else {"keys": [key.public_jwk]}
        return registration.request_metadata(wish.provider, wish.metadata, wish.redirect_uris, jwks)

    async def _register(self, wish: Wish, wanted: dict[str, Any]) -> Registration:
        provider = wish.provider
        token = await self._context.vault.read_secret(initial_access_token(provider))
        key, before = (provider.issuer, provider.id), self.of(provider)
        if before is None:  # a run that is killed between the server's answer and the commit leaves this
            begun = Registration(provider.issuer, provider.id, "", self._context.clock.wall())
            await self._context.vault.write_registration(begun)
        try:
            found = await self._context.net.run(
                registration.register,
                transport_of(self._context, provider),
                provider,
                wish.metadata,
                wanted,
                initial_access_token=token,
            )
        except BaseException:
            if before is None:
                await self._write(self._context.vault.delete_registration(*key), key)
            raise
        log.info("%s has registered TokenKeep", provider.id)
        return await self._adopt(replace(found, asked=_asked(wish, wanted)), before)

    # --- for requests -----------------------------------------------------------------------------------------

    async def secret(self, entry: Provider) -> Secret | None:
        """The secret to use now for a client that was registered; one that has run out is never used (DCR-4).

        :raises SignInRequired: it has, and cannot be renewed.
        :raises ProviderUnreachable: it has, and the server cannot be reached; nothing else was sent.
        """
        known = self.client(entry)
        if known is None:
            return None
        if known.expired(self._context.clock.wall()):
            known = await self._alone(entry, lambda: self._renewed(entry))
        return known.secret

    async def _renewed(self, entry: Provider) -> Registration:
        known, wall = self.client(entry), self._context.clock.wall()
        if known is not None and not known.expired(wall):
            return known
        reason = f"The client secret that {entry.title} gave TokenKeep has run out"
        if known is None or not known.managed:
            raise SignInRequired(f"{reason}, and there is no way to renew it.", hint=ANEW, provider=entry.id)
        try:
            found = await self._renew(entry, known)
        except (ProviderUnreachable, MalformedAnswer) as error:
            raise registration.unreachable_before(error) from None
        except ProviderError:
            raise SignInRequired(f"{reason}, and it does not renew it.", hint=ANEW, provider=entry.id) from None
        if found.expired(wall):
            raise SignInRequired(f"{reason}, and the new one has too.", hint=ANEW, provider=entry.id)
        return found

    async def _renew(self, entry: Provider, known: Registration) -> Registration:
        update = registration_management.update
        found = await self._context.net.run(update, transport_of(self._context, entry), entry, known, {})
        return await self._adopt(replace(found, asked=known.asked), known)

    async def refused(self, entry: Provider) -> bool:
        """The server does not accept the client. Whether it has told other credentials now, to be tried once.

        Where it has not, the next sign-in asks it for the registration, or registers anew (CAUTH-4).
        """
        known = self.client(entry)
        if known is None:
            return False
        return bool(await self._alone(entry, lambda: self._look(entry, known)))

    async def _look(self, entry: Provider, known: Registration) -> bool:
        now = self.client(entry)
        if now is None or now.secret != known.secret:
            return now is not None
        found = now
        if now.managed:
            try:
                read = registration_management.read
                found = await self._context.net.run(read, transport_of(self._context, entry), entry, now)
            except TokenKeepError as error:
                log.info("nobody can tell about the registration at %s: %s", entry.id, error.code)
        mended = found.secret != now.secret or found.method != now.method
        await self._adopt(replace(found, asked=now.asked, doubted=not mended), now)
        return mended

    async def doubt(self, entry: Provider) -> None:
        """Nobody came back from the server's page: it may not know the client, or not take its address."""
        known = self.client(entry)
        if known is not None:
            await self._adopt(replace(known, doubted=True), known)

    # --- ahead of time ----------------------------------------------------------------------------------------

    def due(self) -> float | None:
        """When the next secret is to be renewed, by the boot clock."""
        clock = self._context.clock
        times = [
            max(clock.boot() + known.renew_at - clock.wall(), self._not_before.get(key, 0.0))
            for key, known in self._known.items()
            if known.renew_at is not None and self._entry(known) is not None and key not in self._renewing
        ]
        return min((time for time in times if time < NEVER), default=None)

    def when_due(self) -> None:
        """Begin to renew what ends soon. Never asks a person for anything."""
        boot, wall = self._context.clock.boot(), self._context.clock.wall()
        for key, known in list(self._known.items()):
            entry = self._entry(known)
            ending = known.renew_at is not None and wall >= known.renew_at
            if entry is None or not ending or key in self._renewing or boot < self._not_before.get(key, 0.0):
                continue
            self._renewing.add(key)
            self._context.spawn(asyncio.create_task(self._ahead(entry, known)))

    def _entry(self, known: Registration) -> Provider | None:
        """The entry whose secret can be renewed ahead of time."""
        entry = self._context.configuration.providers.get(known.provider)
        if not known.managed or not isinstance(entry, Provider) or entry.registration != "auto" or entry.client_id:
            return None
        return entry if entry.issuer == known.issuer else None

    async def _ahead(self, entry: Provider, known: Registration) -> None:
        key = known.key
        try:
            async with self._lock(key):
                if self._known.get(key) is known:
                    await self._renew(entry, known)
            self._failures.pop(key, None)
            self._not_before.pop(key, None)
        except (ProviderUnreachable, MalformedAnswer) as error:
            self._failures[key] = self._failures.get(key, 0) + 1
            wait = schedule.backoff(self._failures[key], RETRY_MAX, self._context.jitter(), error.retry_after)
            self._not_before[key] = self._context.clock.boot() + wait
            log.warning("the client secret at %s could not be renewed yet: %s", entry.id, error.code)
        except TokenKeepError as error:
            self._not_before[key] = NEVER
            log.warning("%s does not renew the client secret: %s", entry.id, error.code)
        finally:
            self._renewing.discard(key)
            self.changed(entry.id)

    # --- the end ----------------------------------------------------------------------------------------------

    async def remove(self, provider: str, entries: Callable[[Registration], Provider]) -> list[tuple[bool, str]]:
        """Delete all registrations of a provider at their servers as far as those let us, and here always (DCR-8).

        :param entries: the entry that a registration was made for.
        :returns: for each whether nothing is left at the server, and what a person should know of it in a sentence.
        """
        told = []
        for key in [one for one in {**self._known, **self._locks} if one[1] == provider]:
            async with self._lock(key):  # a registration that is under way is finished first, and then deleted too
                known = self._known.get(key)
                if known is not None:
                    told.append(await self._delete(entries(known), known))
        return told

    async def _delete(self, entry: Provider, known: Registration) -> tuple[bool, str]:
        outcome: Deletion | None = None
        try:
            outcome = await self._context.net.run(
                registration_management.delete, transport_of(self._context, entry), entry, known
            )
            told = _DELETIONS[outcome]
        except ProviderUnreachable:
            told = "{name} cannot be reached, so its registration of TokenKeep was removed here only."
        except TokenKeepError as error:
            log.warning("%s refused to delete the registration: %s", entry.id, error.code)
            told = "{name} refused to delete its registration of TokenKeep; it was removed here only."
        self._known.pop(known.key, None)
        self._unsaved.discard(known.key)
        await self._context.vault.delete_registration(*known.key)
        self.changed(known.provider)
        return outcome in (Deletion.DELETED, Deletion.GONE), told.format(name=entry.title)

    # --- inner ------------------------------------------------------------------------------------------------

    async def _alone(self, provider: Provider, work: Callable[[], Any]) -> Any:
        """One thing at a time for each registration."""
        async with self._lock((provider.issuer, provider.id)):
            return await work()

    def _lock(self, key: Key) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())

    async def _adopt(self, found: Registration, before: Registration | None) -> Registration:
        """Use this one from now on; tokens and secrets that it replaces are not used again (DCR-7)."""
        self._known[found.key] = found
        if found != before:
            await self._commit(found)
            self.changed(found.provider)
        return found

    async def _commit(self, found: Registration) -> None:
        await self._write(self._context.vault.write_registration(found), found.key)

    async def _write(self, writing: Any, key: Key) -> None:
        try:
            await writing
            self._unsaved.discard(key)
        except TokenKeepError as error:
            self._unsaved.add(key)
            log.warning("a registration could not be saved; it is kept in memory: %s", error.code)


_DELETIONS = {
    Deletion.DELETED: "{name} has deleted its registration of TokenKeep.",
    Deletion.GONE: "{name} had no registration of TokenKeep any more.",
    Deletion.UNSUPPORTED: "{name} does not let TokenKeep delete its registration there; it was removed here only.",
}

_WITH_PORT = ("redirect_uris", "post_logout_redirect_uris")


def _asked(wish: Wish, wanted: dict[str, Any]) -> dict[str, Any]:
    """What makes another registration necessary when it changes; the port of one sign-in does not."""
    kept = {name: value for name, value in wanted.items() if name not in (*_WITH_PORT, "software_version")}
    redirect = redirect_wish(wish.provider) if wish.redirect_uris else []
    return kept | {"redirect": redirect, "addresses": [name for name in _WITH_PORT if name in wanted]}


def _covers(known: Registration, wish: Wish, wanted: dict[str, Any]) -> bool:
    """Whether what was asked for then is what is wanted now, or more."""
    now, then = _asked(wish, wanted), dict(known.asked)
    for name in ("grant_types", "response_types"):
        if not set(now.pop(name)) <= set(then.pop(name, ())):
            return False
    if not wish.redirect_uris:
        then |= {name: now[name] for name in ("redirect", "addresses")}
    return now == then


def _listed(known: Registration, wish: Wish) -> bool:
    """Whether the address that the browser is about to come back to is registered to the letter."""
    return set(wish.redirect_uris[:1]) <= set(known.redirect_uris)
