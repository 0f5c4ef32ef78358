"""`config.toml` while the engine runs: read at the start, when it changed on disk, and when somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tokenkeep.domain.configuration import Configuration
from tokenkeep.engine.context import Context
from tokenkeep.engine.outside import Outside


class ConfigurationFile:
    """Used on the engine's loop only.

    :param use: takes over what was read.
    :param moved: called after a reload that chose another place for the master key while there is no open vault.
    """

    def __init__(
        self,
        context: Context,
        outside: Outside,
        use: Callable[[Configuration], None],
        moved: Callable[[str], None],
    ) -> None:
        self._context = context
        self._outside = outside
        self._use = use
        self._moved = moved
        self._signature: object = None
        self._reading = asyncio.Lock()

    async def read(self) -> None:
        """Read it and take it over."""
        async with self._reading:  # one after the other, so that the last one read is the one that holds
            self._signature = self._outside.configuration_signature()
            self._use(await self._context.net.run(self._outside.read_configuration))

    async def reload(self) -> None:
        """Read it again, and tell."""
        before = self._context.configuration.storage.key
        await self.read()
        wanted = self._context.configuration.storage.key
        if wanted != before and not self._context.vault.attached:
            self._moved(wanted)  # the file was broken, or another place was chosen in it
        self._context.bus.publish("config", self._context.configuration.problems)

    @property
    def changed(self) -> bool:
        """Whether it is another than was read last."""
        return self._outside.configuration_signature() != self._signature
