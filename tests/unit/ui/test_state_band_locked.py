"""While the vault is locked nobody can tell who is signed in, and nothing is offered that must fail."""

from __future__ import annotations

from support import snapshots
from tokenkeep.domain.session import SessionState
from tokenkeep.ui.state_band import StateBand
from tokenkeep.ui.tray_menu import entries

SEALED = snapshots.session(SessionState.SIGNED_OUT, sealed=True)


def test_list_page_and_menu_say_locked_and_offer_no_sign_in(qapp) -> None:
    band = StateBand()
    band.show_session(SEALED, None, snapshots.NOW)
    assert band.title.text() == "Locked"
    assert band.sign_in_button.isHidden()
    assert band.code_button.isHidden()
    line = entries(snapshots.engine(SEALED, locked=True), snapshots.NOW)[2]
    assert line.text.endswith(": locked")
    assert line.deed == "details"


def test_an_open_vault_offers_it_again(qapp) -> None:
    band = StateBand()
    band.show_session(SEALED, None, snapshots.NOW)
    band.show_session(snapshots.session(SessionState.SIGNED_OUT), None, snapshots.NOW)
    assert not band.sign_in_button.isHidden()
