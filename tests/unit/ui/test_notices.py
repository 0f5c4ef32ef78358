"""Bands above the list: a key that is not at hand, tokens that could not be saved, a configuration with faults."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from support import snapshots
from tokenkeep.domain.session import ConfigurationProblem, StorageState
from tokenkeep.domain.tokens import Secret
from tokenkeep.ui.main_window import MainWindow

Show = Callable[..., MainWindow]
LOCKED = snapshots.engine(snapshots.signed_out(), locked=True, storage_notice="The keyring is locked.")


def test_nothing_is_said_when_all_is_well(show: Show) -> None:
    assert not show(snapshots.six_states()).providers.notices.isVisible()


def test_a_keyring_that_is_not_at_hand_offers_three_ways_on(show: Show) -> None:
    window = show(LOCKED)
    band = window.providers.notices.storage
    asked: list[tuple[str, object]] = []
    window.storage_chosen.connect(lambda *values: asked.append(values))
    assert band.isVisible()
    assert band.sentence.text() == "The keyring is locked."
    band.memory_button.click()
    band.again_button.click()
    assert asked == [("memory", None), ("keyring", None)]


def test_a_passphrase_is_typed_in_place_and_leaves_as_a_secret(show: Show) -> None:
    window = show(LOCKED)
    band = window.providers.notices.storage
    asked: list[tuple[str, object]] = []
    window.storage_chosen.connect(lambda *values: asked.append(values))
    band.passphrase_button.click()
    assert window.focusWidget() is band.passphrase
    assert not band.use_button.isEnabled()
    QTest.keyClicks(band.passphrase, "correct horse")
    QTest.keyClick(band.passphrase, Qt.Key.Key_Return)
    ((kind, secret),) = asked
    assert kind == "passphrase"
    assert isinstance(secret, Secret)
    assert secret.reveal() == "correct horse"
    assert band.passphrase.text() == ""


def test_what_is_being_typed_survives_an_update_and_escape_takes_it_back(show: Show) -> None:
    window = show(LOCKED)
    band = window.providers.notices.storage
    band.passphrase_button.click()
    QTest.keyClicks(band.passphrase, "half")
    window.apply(LOCKED)
    assert band.passphrase.text() == "half"
    assert band.passphrase.isVisible()
    QTest.keyClick(band.passphrase, Qt.Key.Key_Escape)
    assert not band.passphrase.isVisible()
    assert window.isVisible()
    assert window.focusWidget() is band.passphrase_button


def test_the_band_stands_above_the_first_steps_too(show: Show) -> None:
    window = show(snapshots.engine(locked=True, storage_notice="No keyring is running."))
    assert window.providers.empty.notices.storage.isVisible()


def test_a_damaged_vault_is_told_until_understood(show: Show) -> None:
    damaged = snapshots.engine(snapshots.signed_out(), storage_notice="The vault was damaged and set aside.")
    window = show(damaged)
    band = window.providers.notices.storage
    assert band.isVisible()
    band.dismiss_button.click()
    window.apply(damaged)
    assert not band.isVisible()


def test_tokens_that_could_not_be_saved_are_told(show: Show) -> None:
    window = show(snapshots.engine(snapshots.active(), storage=StorageState.DEGRADED))
    assert window.providers.notices.storage.title.text() == "The newest tokens could not be saved"


def test_a_fault_of_the_configuration_names_line_and_key(show: Show) -> None:
    faults = (
        ConfigurationProblem("unknown key", key="app.themes", line=4),
        ConfigurationProblem("no client ID", key="providers.codeberg.client_id", line=31),
    )
    window = show(snapshots.engine(snapshots.failed(), problems=faults))
    band = window.providers.notices.problems
    assert band.isVisible()
    assert band.sentence.text() == "Line 4, app.themes: unknown key."  # the other one stands in its provider's row
    asked: list[str] = []
    window.open_folder_requested.connect(lambda: asked.append("folder"))
    band.folder_button.click()
    assert asked == ["folder"]
