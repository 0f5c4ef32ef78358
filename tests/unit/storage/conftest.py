"""Fixtures of the storage tests."""

from __future__ import annotations

import pytest

from tokenkeep.storage import sealing


@pytest.fixture
def quick_argon2(monkeypatch: pytest.MonkeyPatch) -> None:
    """New passphrase vaults ask for little work; what they ask for stands in the file, so reading follows."""

    monkeypatch.setattr(sealing, "ARGON2_MEMORY_KIB", 64)
    monkeypatch.setattr(sealing, "ARGON2_PASSES", 1)
    monkeypatch.setattr(sealing, "ARGON2_LANES", 1)
