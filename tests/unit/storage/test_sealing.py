"""Sealed bytes, and keys that do not get out."""

from __future__ import annotations

import copy
import pickle

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from tokenkeep.domain.errors import StorageFailed
from tokenkeep.domain.session import StorageState
from tokenkeep.domain.tokens import Secret
from tokenkeep.storage.sealing import KeyFacts, MemoryKey, PassphraseKey, Sealer, Unsealable

SEALER = Sealer(b"k" * 32)


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_was_sealed_comes_back(plain: bytes, place: str) -> None:
    assert SEALER.unseal(SEALER.seal(plain, place), place) == plain


@given(st.binary(min_size=1, max_size=40), st.data())
def test_any_changed_bit_is_noticed(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(SEALER.seal(plain, "x"))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[at // 8] ^= 1 << at % 8
    with pytest.raises(Unsealable):
        SEALER.unseal(bytes(sealed), "x")


@pytest.mark.parametrize("sealed", [b"", b"x" * 11, b"x" * 12, b"x" * 27])
def test_too_short_bytes_are_not_ours(sealed: bytes) -> None:
    with pytest.raises(Unsealable):
        SEALER.unseal(sealed, "x")


def test_another_key_or_place_does_not_unseal() -> None:
    sealed = SEALER.seal(b"plain", "here")
    with pytest.raises(Unsealable):
        Sealer(b"o" * 32).unseal(sealed, "here")
    with pytest.raises(Unsealable):
        SEALER.unseal(sealed, "there")


def test_it_is_aes_256_gcm_with_a_nonce_of_its_own_each_time() -> None:
    first, second = SEALER.seal(b"plain", "x"), SEALER.seal(b"plain", "x")
    assert first[:12] != second[:12]
    assert AESGCM(b"k" * 32).decrypt(first[:12], first[12:], b"x") == b"plain"


def test_LEAK_5_a_key_is_not_printed_pickled_or_copied() -> None:
    key = MemoryKey().get()
    assert "Sealer" not in repr(key)
    for copying in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copying(key.sealer)


def test_memory_keys_are_all_different() -> None:
    sealed = MemoryKey().get().sealer.seal(b"x", "p")
    with pytest.raises(Unsealable):
        MemoryKey().get().sealer.unseal(sealed, "p")


def test_a_passphrase_gives_the_same_key_again_by_the_facts_in_the_file(quick_argon2: None) -> None:
    made = PassphraseKey(Secret("correct horse")).get(None)
    facts = KeyFacts.from_json(made.facts.as_json())
    assert facts == made.facts
    again = PassphraseKey(Secret("correct horse")).get(facts)
    assert again.sealer.unseal(made.sealer.seal(b"x", "p"), "p") == b"x"
    other_salt = PassphraseKey(Secret("correct horse")).get(None)
    with pytest.raises(Unsealable):
        other_salt.sealer.unseal(made.sealer.seal(b"x", "p"), "p")


def test_new_passphrase_vaults_use_the_parameters_of_rfc_9106() -> None:
    facts = PassphraseKey(Secret("correct horse")).get(None).facts
    assert (facts.memory, facts.passes, facts.lanes, len(facts.salt)) == (65_536, 3, 4, 16)


def test_a_salt_that_cannot_be_used_is_told() -> None:
    with pytest.raises(StorageFailed):
        PassphraseKey(Secret("x")).get(KeyFacts(StorageState.PASSPHRASE, salt=b"short", memory=64, passes=1, lanes=1))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "plain"},
        {"backend": 3},
        {"salt": "***"},
        {"memory": "64"},
        {"memory": 1 << 40},
        {"memory": 1},
        {"passes": 0},
        {"passes": 10**9},
        {"lanes": 0},
        {"lanes": 10**6},
    ],
)
def test_facts_that_we_would_not_write_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        KeyFacts.from_json(KeyFacts(StorageState.KEYRING).as_json() | change)
