"""Opening the vault: the key may wait for a person, other keys go before it, and everybody can see how it stands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from tokenkeep.domain.errors import Locked, StorageFailed, TokenKeepError
from tokenkeep.domain.ports import Vault
from tokenkeep.domain.session import StorageState
from tokenkeep.domain.tokens import Secret
from tokenkeep.engine.context import Context, Storage

log = logging.getLogger(__name__)

SLOW = 1.0  # seconds after which a keyring's dialog is probably waiting for the person
KEYRING_WAITS = "The keyring has not answered yet; it may be asking to be unlocked."


class VaultOpening:
    """Used on the engine's loop only.

    :param attach: takes over an opener of the vault once its key is at hand.
    :param changed: called when what is to be told of it changed.
    """

    def __init__(
        self,
        context: Context,
        storage: Storage,
        attach: Callable[[Callable[[], Vault]], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        self._context = context
        self._storage = storage
        self._attach = attach
        self._changed = changed
        self._settled = asyncio.Event()  # the vault is open, or it is known why it is not
        self._problem: TokenKeepError | None = None
        self._try = 0  # counts the tries; only the last one's answer is used
        self._slow_try = 0  # the try that takes long
        self._attaching = asyncio.Lock()

    @property
    def settled(self) -> bool:
        """Whether the vault is open, or it is known why it is not."""
        return self._settled.is_set()

    @property
    def locked(self) -> bool:
        """Whether tokens are out of reach for now; not yet while nobody can tell."""
        return not self._context.vault.attached and (self.settled or self._slow_try > 0)

    @property
    def state(self) -> StorageState:
        """Where the key is kept; while there is no open vault, where it is to be kept."""
        if self._context.vault.attached:
            return self._context.vault.state
        return StorageState(self._context.configuration.storage.key)

    @property
    def notice(self) -> str:
        """What a person should know of it, else empty."""
        if self._problem is not None:
            return f"{self._problem.detail} {self._problem.hint}".strip()
        if self._slow_try and not self.settled:
            return KEYRING_WAITS
        return self._context.vault.notice

    async def wait(self) -> None:
        """Return when the vault is open, or when it is known why it cannot be opened now."""
        await self._settled.wait()

    async def check(self) -> None:
        """Return when the vault is open.

        :raises Locked: it cannot be opened now, and why.
        """
        await self._settled.wait()
        if not self._context.vault.attached:
            problem = self._problem
            raise Locked("" if problem is None else problem.detail, hint="" if problem is None else problem.hint)

    async def open(self, kind: str, passphrase: Secret | None) -> TokenKeepError | None:
        """Open the vault, or say why not; a later call goes before one that still waits for a person.

        :param kind: `keyring`, `passphrase` or `memory`.
        """
        self._try += 1
        this = self._try
        # Only the keyring can wait for a person, and may do so for ever: the other keys do not queue behind it.
        run = self._context.keyring.run if kind == StorageState.KEYRING else self._context.net.run
        problem: TokenKeepError | None = None
        slow = asyncio.get_running_loop().call_later(SLOW, self._is_slow, this)
        try:
            key = await run(self._storage.key, kind, passphrase)
            async with self._attaching:
                if this == self._try:
                    await self._attach(partial(self._storage.open, key))
        except TokenKeepError as error:
            problem = error
        except Exception:
            log.exception("the vault could not be opened")
            problem = StorageFailed("The vault could not be opened; the log has more.")
        finally:
            slow.cancel()
        if this != self._try:
            return problem
        if problem is not None:
            log.warning("the vault is not open: %s", problem.detail)
        self._problem = None if self._context.vault.attached else problem
        self._settled.set()
        self._changed()
        return problem

    def _is_slow(self, this: int) -> None:
        if this == self._try:
            self._slow_try = this
            self._changed()
