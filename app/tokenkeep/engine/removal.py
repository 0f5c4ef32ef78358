"""Removing a provider: what its server has registered is deleted as far as it lets us, and here always (DCR-8)."""

from __future__ import annotations

from tokenkeep.domain.errors import TokenKeepError, UnknownProvider
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.registration import Registration
from tokenkeep.engine.context import Context
from tokenkeep.engine.directory import Directory


class Removal:
    """Used on the engine's loop only."""

    def __init__(self, context: Context, directory: Directory) -> None:
        self._context = context
        self._directory = directory

    def check(self, provider: str) -> None:
        """:raises UnknownProvider: there is no entry of that id, and nothing is kept of it."""
        if provider in self._context.configuration.providers:
            return
        try:
            self._directory.to_sign_out(provider)
        except UnknownProvider:
            raise
        except TokenKeepError:  # its entry is gone, and something is kept
            return

    async def registrations(self, provider: str) -> list[tuple[bool, str]]:
        """Delete what servers have registered for an entry. As `Registrations.remove`."""

        def entry(known: Registration) -> Provider:
            now = self._context.configuration.providers.get(provider)
            if isinstance(now, Provider):
                return now if now.issuer == known.issuer else now.model_copy(update={"issuer": known.issuer})
            local = known.issuer.startswith("http://")  # it was marked local when the client was registered
            return Provider.model_construct(id=provider, issuer=known.issuer, local=local)

        return await self._context.registrations.remove(provider, entry)
