"""The master key as the one item in the desktop's keyring, and which keyrings are good enough for it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tokenkeep.domain.errors import Locked, StorageFailed, TokenKeepError
from tokenkeep.domain.session import StorageState
from tokenkeep.storage.sealing import KEY_BYTES, KeyFacts, MasterKey, Sealer

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "TokenKeep"
ALTERNATIVES = "Choose a passphrase instead, or keep sign-ins in memory only. Plain text is no choice."
# `fail` and `null` keep nothing; those of keyrings.alt keep plain text, or ask for a password on a terminal.
REFUSED_MODULES = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")


class KeyringKey:
    """Keeps a random key in the keyring. Every call may block until a person answers the keyring's dialog."""

    def __init__(self, account: str, service: str = SERVICE) -> None:
        """:param account: the item's user name, used for a new key; an existing vault says its own."""
        self._service = service
        self._account = account

    def get(self, facts: KeyFacts | None) -> MasterKey:
        """As `KeySource.get`. A key that an existing vault needs is never made anew.

        :raises Locked: the keyring is locked, its dialog was dismissed, the back end is not the one that was used
            before, or the item is gone.
        :raises StorageFailed: there is no keyring that seals what it keeps.
        """
        backend = _choose(facts.backend if facts else "")
        used = facts or KeyFacts(StorageState.KEYRING, backend=name_of(backend), account=self._account)
        key = _decode(self._call(backend, "get_password", used.account))
        if key is None and facts is not None:
            raise Locked(
                "The keyring no longer has the key of the saved sign-ins.",
                hint="Bring the keyring item back, or choose a passphrase and sign in again; "
                "the sealed file is kept either way.",
            )
        if key is None:
            key = os.urandom(KEY_BYTES)
            encoded = base64.b64encode(key).decode()
            self._call(backend, "set_password", used.account, encoded)
            if self._call(backend, "get_password", used.account) != encoded:
                raise StorageFailed("The keyring did not keep what was given to it.", hint=ALTERNATIVES)
        return MasterKey(used, Sealer(key))

    def _call(self, backend: KeyringBackend, method: str, *arguments: str) -> str | None:
        """One call of the back end, whose own exceptions are translated here."""
        from keyring import errors

        try:
            answer: str | None = getattr(backend, method)(self._service, *arguments)
        except errors.KeyringLocked as error:
            raise _dismissed() from error
        except errors.NoKeyringError as error:
            raise _none() from error
        except Exception as error:  # back ends let through what their own libraries raise
            if "dismissed" in str(error).lower():  # secretstorage says so when the dialog was closed
                raise _dismissed() from error
            raise StorageFailed(
                f"The keyring does not work: {name_of(backend)} failed with {type(error).__name__}.", hint=ALTERNATIVES
            ) from error
        return answer


def account_for(vault: Path) -> str:
    """A stable name for the key of a vault, so that demo, portable and normal set-ups do not share one."""
    return "vault key " + hashlib.sha256(os.fsencode(os.path.realpath(vault))).hexdigest()[:12]


def active_backend() -> str:
    """The keyring's back end that would be used, for the doctor.

    :raises StorageFailed: there is none that seals what it keeps.
    """
    return name_of(_choose(""))


def name_of(backend: object) -> str:
    """The Python name by which a back end is remembered."""
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def _choose(remembered: str) -> KeyringBackend:
    """The back end that was used before, and only when there was none the best of those that are there.

    Staying with it matters: a second keyring that turns up would silently start with no key at all.
    """
    try:
        from keyring import backend as registry
        from keyring import core

        found = list(_usable(core.get_keyring()))
        if not found:  # it remembers for ever what was there at the first look; a keyring may have been started since
            with suppress(AttributeError, KeyError):  # the latter: it has not looked yet
                registry.get_all_keyring.reset()
            core.init_backend()
            found = list(_usable(core.get_keyring()))
    except Exception as error:  # a bad PYTHON_KEYRING_BACKEND or keyringrc.cfg raises whatever importing it raises
        raise StorageFailed(
            f"The keyring cannot be used: {type(error).__name__} on loading it.", hint=ALTERNATIVES
        ) from error
    if not found:
        raise _none()
    if not remembered:
        return found[0]
    for backend in found:
        if name_of(backend) == remembered:
            return backend
    raise Locked(
        f"The key of the saved sign-ins is in the keyring {remembered}, which is not there now.",
        hint=f"Start that keyring; {name_of(found[0])} is not used in its place without being asked.",
    )


def _usable(backend: KeyringBackend) -> Iterator[KeyringBackend]:
    """The back end itself, or what a chain consists of, without those that keep nothing or keep plain text."""
    from keyring.backends.chainer import ChainerBackend

    for one in backend.backends if isinstance(backend, ChainerBackend) else [backend]:
        name = name_of(one)
        if not name.startswith(REFUSED_MODULES) and "plaintext" not in name.lower():
            yield one


def _decode(text: str | None) -> bytes | None:
    """The key of an item; None for one that is missing or is not ours."""
    try:
        key = base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def _none() -> TokenKeepError:
    return StorageFailed("There is no keyring on this system that seals what it keeps.", hint=ALTERNATIVES)


def _dismissed() -> TokenKeepError:
    return Locked("The keyring is locked.", hint="Try again and unlock it; nothing was lost.")
