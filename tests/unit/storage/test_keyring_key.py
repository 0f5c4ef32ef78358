"""Which keyring is good enough, what is done when it is locked or gone, and that it is never changed silently."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring.backend
import keyring.core
import pytest
from keyring import errors
from keyring.backends import fail, null
from keyring.backends.chainer import ChainerBackend

from tokenkeep.domain.errors import Locked, StorageFailed
from tokenkeep.domain.session import StorageState
from tokenkeep.storage.keyring_key import ALTERNATIVES, KeyringKey, account_for, active_backend
from tokenkeep.storage.opening import VaultStorage


class Sealing(keyring.backend.KeyringBackend):
    """A keyring that keeps what it is given."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[tuple[str, str], str] = {}
        self.fault: Exception | None = None
        self.forgets = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.fault:
            raise self.fault
        return self.items.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.fault:
            raise self.fault
        if not self.forgets:
            self.items[service, username] = password


class Second(Sealing):
    """Another one."""


class PlaintextKeyring(Sealing):
    """As keyrings.alt has it."""


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Sealing:
    return use(monkeypatch, Sealing())


def use(monkeypatch: pytest.MonkeyPatch, one: keyring.backend.KeyringBackend) -> object:
    monkeypatch.setattr(keyring.core, "_keyring_backend", one)
    monkeypatch.setattr(keyring.core, "init_backend", lambda: None)
    return one


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    """Our classes are no candidates for other tests."""
    yield
    keyring.backend.KeyringBackend._classes -= {Sealing, Second, PlaintextKeyring}  # type: ignore[attr-defined]


def test_a_new_key_is_one_item_and_the_same_one_is_found_again(backend: Sealing) -> None:
    made = KeyringKey("vault key 1").get(None)
    assert list(backend.items) == [("TokenKeep", "vault key 1")]
    assert made.facts.kind is StorageState.KEYRING
    assert made.facts.backend == f"{__name__}.Sealing"
    again = KeyringKey("other account").get(made.facts)  # the vault's own account counts: a moved vault finds its key
    assert again.sealer.unseal(made.sealer.seal(b"x", "p"), "p") == b"x"
    assert len(backend.items) == 1


def test_LEAK_4_the_item_is_small_enough_for_every_keyring(backend: Sealing) -> None:
    KeyringKey("a").get(None)
    assert max(map(len, backend.items.values())) < 100


def test_an_item_that_is_already_there_is_used_and_a_broken_one_replaced(backend: Sealing) -> None:
    first = KeyringKey("a").get(None)
    second = KeyringKey("a").get(None)
    assert second.sealer.unseal(first.sealer.seal(b"x", "p"), "p") == b"x"
    backend.items["TokenKeep", "a"] = "not a key"
    KeyringKey("a").get(None)
    assert backend.items["TokenKeep", "a"] != "not a key"


@pytest.mark.parametrize("left", [None, "not base64!", "c2hvcnQ="])
def test_LEAK_4_a_lost_key_is_not_made_anew_over_a_vault_that_needs_it(backend: Sealing, left: str | None) -> None:
    facts = KeyringKey("a").get(None).facts
    backend.items = {} if left is None else {("TokenKeep", "a"): left}
    before = dict(backend.items)
    with pytest.raises(Locked, match="no longer has the key"):
        KeyringKey("a").get(facts)
    assert backend.items == before


@pytest.mark.parametrize(
    ("fault", "raised", "words"),
    [
        (errors.KeyringLocked("Failed to unlock the collection!"), Locked, "The keyring is locked"),
        (errors.InitError("Failed to create the collection: Prompt dismissed.."), Locked, "The keyring is locked"),
        (errors.NoKeyringError("none"), StorageFailed, "no keyring"),
        (errors.PasswordSetError("CANARY"), StorageFailed, "does not work"),
        (RuntimeError("CANARY"), StorageFailed, "failed with RuntimeError"),
    ],
)
def test_LEAK_4_locked_missing_and_broken_keyrings_are_told_apart(
    backend: Sealing, fault: Exception, raised: type[Exception], words: str
) -> None:
    backend.fault = fault
    with pytest.raises(raised, match=words) as caught:
        KeyringKey("a").get(None)
    assert "CANARY" not in str(caught.value)


def test_a_keyring_that_does_not_keep_what_it_gets_is_refused(backend: Sealing) -> None:
    backend.forgets = True
    with pytest.raises(StorageFailed, match="did not keep"):
        KeyringKey("a").get(None)


@pytest.mark.parametrize("kind", [fail.Keyring, null.Keyring, PlaintextKeyring])
def test_LEAK_4_a_keyring_that_keeps_plain_text_or_nothing_is_none(
    monkeypatch: pytest.MonkeyPatch, kind: type[keyring.backend.KeyringBackend]
) -> None:
    use(monkeypatch, kind())
    with pytest.raises(StorageFailed, match="no keyring on this system") as caught:
        KeyringKey("a").get(None)
    assert caught.value.hint == ALTERNATIVES
    with pytest.raises(StorageFailed):
        active_backend()


def test_LEAK_4_all_of_keyrings_alt_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = type("EncryptedKeyring", (Sealing,), {"__module__": "keyrings.alt.file"})
    use(monkeypatch, other())
    with pytest.raises(StorageFailed, match="no keyring on this system"):
        KeyringKey("a").get(None)
    keyring.backend.KeyringBackend._classes.discard(other)  # type: ignore[attr-defined]


def chain(monkeypatch: pytest.MonkeyPatch, *backends: keyring.backend.KeyringBackend) -> None:
    class Chain(ChainerBackend):
        backends = ()  # type: ignore[assignment]

    Chain.backends = list(backends)
    use(monkeypatch, Chain())
    keyring.backend.KeyringBackend._classes.discard(Chain)  # type: ignore[attr-defined]


def test_of_a_chain_the_first_that_seals_is_used_and_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, first, second = PlaintextKeyring(), Sealing(), Second()
    chain(monkeypatch, plain, first, second)
    KeyringKey("a").get(None)
    assert (len(plain.items), len(first.items), len(second.items)) == (0, 1, 0)
    chain(monkeypatch, plain)
    with pytest.raises(StorageFailed, match="no keyring on this system"):
        KeyringKey("a").get(None)


def test_the_keyring_that_was_used_before_is_stayed_with(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Sealing(), Second()
    use(monkeypatch, first)
    facts = KeyringKey("a").get(None).facts
    chain(monkeypatch, second, first)  # another desktop's keyring is now preferred
    KeyringKey("a").get(facts)
    assert second.items == {}


def test_another_keyring_in_its_place_is_refused_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Sealing())
    facts = KeyringKey("a").get(None).facts
    second = Second()
    use(monkeypatch, second)
    with pytest.raises(Locked) as caught:
        KeyringKey("a").get(facts)
    assert "Sealing" in caught.value.detail
    assert "Second" in caught.value.hint
    assert second.items == {}


def test_a_keyring_that_was_started_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Sealing()
    monkeypatch.setattr(keyring.core, "_keyring_backend", fail.Keyring())
    monkeypatch.setattr(keyring.core, "init_backend", lambda: keyring.core.set_keyring(late))
    KeyringKey("a").get(None)
    assert len(late.items) == 1


def test_a_misspelt_backend_variable_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring.core, "_keyring_backend", None)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "no.such.module.Keyring")
    with pytest.raises(StorageFailed, match="ModuleNotFoundError"):
        KeyringKey("a").get(None)


def test_the_doctor_is_told_the_backend(backend: Sealing) -> None:
    assert active_backend() == f"{__name__}.Sealing"


def test_each_set_up_has_an_account_of_its_own_that_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert account_for(tmp_path / "vault.db") == account_for(tmp_path / "link/vault.db")
    assert account_for(tmp_path / "vault.db") != account_for(tmp_path / "demo/vault.db")
    assert account_for(tmp_path / "vault.db").startswith("vault key ")


def test_a_keyring_vault_opens_again_and_a_damaged_one_uses_the_same_item(backend: Sealing, tmp_path: Path) -> None:
    path = tmp_path / "data/vault.db"
    for content in (None, b"garbage"):
        if content:
            path.write_bytes(content)
        storage = VaultStorage(path)
        vault = storage.open(storage.key("keyring", None))
        assert vault.state is StorageState.KEYRING
        vault.close()
    assert len(backend.items) == 1


def test_the_library_is_not_loaded_before_it_is_needed() -> None:
    code = "import sys, tokenkeep.storage.opening; sys.exit('keyring' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
