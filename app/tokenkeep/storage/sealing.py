"""Sealed records: AES-256-GCM under one master key that comes from the keyring, a passphrase or nowhere but memory."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tokenkeep.domain.errors import Locked, StorageFailed
from tokenkeep.domain.session import StorageState
from tokenkeep.domain.tokens import Secret

KEY_BYTES = 32
NONCE_BYTES = 12  # 96 random bits: safe for 2^32 records under one key (NIST SP 800-38D §8.3)
SALT_BYTES = 16
CHECK = b"tokenkeep"

# The second recommended option of RFC 9106 §4: 64 MiB, three passes, four lanes. About 0.2 s on a laptop, once.
ARGON2_MEMORY_KIB = 65_536
ARGON2_PASSES = 3
ARGON2_LANES = 4
# What a vault file may ask for at most: one that was tampered with must not eat the machine's memory.
ARGON2_MEMORY_MOST = 1_048_576
ARGON2_PASSES_MOST = 64
ARGON2_LANES_MOST = 64


class Unsealable(Exception):
    """A record was not sealed under this key for this place, or was changed since."""


class Sealer:
    """Seals and unseals under one key, which nothing gets out of it."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        """:param key: 32 bytes."""
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, place: str) -> bytes:
        """A fresh nonce and the sealed bytes.

        :param place: where the record belongs; unsealing it at another place fails, so records cannot be swapped.
        """
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, place.encode())

    def unseal(self, sealed: bytes, place: str) -> bytes:
        """What was sealed.

        :raises Unsealable: with another key, at another place, or changed.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError, TypeError) as error:
            raise Unsealable from error

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Sealer is not pickled or copied out of the process")


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What a vault says about its key, in the clear; nothing of it is secret.

    :param kind: where the key is kept.
    :param backend: the keyring's back end that has it, as a Python name.
    :param account: the keyring item's user name.
    :param salt: of argon2id, with `memory` in KiB, `passes` and `lanes`.
    """

    kind: StorageState
    backend: str = ""
    account: str = ""
    salt: bytes = b""
    memory: int = ARGON2_MEMORY_KIB
    passes: int = ARGON2_PASSES
    lanes: int = ARGON2_LANES

    def as_json(self) -> dict[str, object]:
        """The members that the vault's file keeps."""
        return {
            "kind": self.kind.value,
            "backend": self.backend,
            "account": self.account,
            "salt": base64.b64encode(self.salt).decode(),
            "memory": self.memory,
            "passes": self.passes,
            "lanes": self.lanes,
        }

    @classmethod
    def from_json(cls, members: dict[str, object]) -> KeyFacts:
        """:raises ValueError: the members are not what `as_json` wrote, or ask for absurd amounts."""
        texts = [members.get(name) for name in ("backend", "account", "salt")]
        numbers = [members.get(name) for name in ("memory", "passes", "lanes")]
        backend, account, salt = texts
        memory, passes, lanes = numbers
        if not (isinstance(backend, str) and isinstance(account, str) and isinstance(salt, str)):
            raise ValueError("the vault does not say how its key is found")
        if not (isinstance(memory, int) and isinstance(passes, int) and isinstance(lanes, int)):
            raise ValueError("the vault does not say how its key is derived")
        if not (
            0 < passes <= ARGON2_PASSES_MOST
            and 0 < lanes <= ARGON2_LANES_MOST
            and 8 * lanes <= memory <= ARGON2_MEMORY_MOST
        ):
            raise ValueError("the vault asks for an absurd key derivation")
        raw = base64.b64decode(salt, validate=True)
        return cls(StorageState(str(members.get("kind"))), backend, account, raw, memory, passes, lanes)


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key at hand, and what a new vault writes down about it."""

    facts: KeyFacts
    sealer: Sealer = field(repr=False)


class KeySource(Protocol):
    """One way to come by the master key."""

    def get(self, facts: KeyFacts | None) -> MasterKey:
        """The key. Blocking, perhaps until a person answers a dialog.

        :param facts: what an existing vault of this kind says; None when there is none and a new key is made.
        :raises Locked: the key is there but was not released, or the passphrase is wrong.
        :raises StorageFailed: there is no way to keep a key here.
        """
        ...


class PassphraseKey:
    """Derives the key from a passphrase with argon2id (RFC 9106)."""

    def __init__(self, passphrase: Secret | None) -> None:
        """:param passphrase: None when nobody typed one yet."""
        self._passphrase = passphrase

    def get(self, facts: KeyFacts | None) -> MasterKey:
        """As `KeySource.get`. Whether it is the right one only the vault can tell."""
        if not self._passphrase:
            raise Locked(
                "The passphrase is needed." if facts else "No passphrase has been chosen yet.",
                hint="Type it in the window." if facts else "Choose one in the window.",
            )
        used = facts or KeyFacts(
            StorageState.PASSPHRASE,
            salt=os.urandom(SALT_BYTES),
            memory=ARGON2_MEMORY_KIB,
            passes=ARGON2_PASSES,
            lanes=ARGON2_LANES,
        )
        try:
            derivation = Argon2id(
                salt=used.salt, length=KEY_BYTES, iterations=used.passes, lanes=used.lanes, memory_cost=used.memory
            )
            return MasterKey(used, Sealer(derivation.derive(self._passphrase.reveal().encode())))
        except (ValueError, MemoryError) as error:  # a salt of a wrong length, or no memory for it
            raise StorageFailed("The key cannot be derived from the passphrase on this machine.") from error


class MemoryKey:
    """A key that nobody keeps: what it seals is gone when the process ends."""

    def get(self, facts: KeyFacts | None = None) -> MasterKey:  # noqa: ARG002 - the protocol's parameter
        """As `KeySource.get`; always a new one."""
        return MasterKey(KeyFacts(StorageState.MEMORY), Sealer(os.urandom(KEY_BYTES)))
