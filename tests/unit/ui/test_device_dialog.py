"""The dialog of a code: the code byte for byte, address, QR code, time, a new code."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from support.fake_ui_engine import FakeClock, device_sign_in
from tokenkeep.domain.errors import ProviderError
from tokenkeep.domain.session import SignInSnapshot, SignInState
from tokenkeep.ui import style
from tokenkeep.ui.device_dialog import BESIDE, DeviceDialog
from tokenkeep.ui.widgets.qr import LEAST, QUIET_ZONE, QrCode, modules

pytestmark = pytest.mark.usefixtures("qapp")


def dialog(
    sign_in: SignInSnapshot | None = None, *, clock: FakeClock | None = None, browser: bool = True
) -> DeviceDialog:
    made = DeviceDialog(sign_in or device_sign_in(), "Example", clock or FakeClock(), browser_possible=browser)
    made.open_up(activate=False)
    QApplication.processEvents()
    return made


def visible_buttons(shown: DeviceDialog) -> dict[str, QPushButton]:
    found = [button for button in shown.page.findChildren(QPushButton) if button.isVisible()]
    return {button.text() or button.accessibleName(): button for button in found}


@pytest.mark.parametrize("code", ["WDJB-MJHT", "wdjb-mjht", "ab cd  ef", "0O1lI", "<b>1</b>", "a&b"])
def test_DEV_7_the_code_is_shown_and_copied_exactly_as_it_was_sent(code: str) -> None:
    shown = dialog(device_sign_in(user_code=code))
    assert shown.code.code.text() == code
    assert shown.code.code.textFormat() is Qt.TextFormat.PlainText
    visible_buttons(shown)["Copy code"].click()
    assert QGuiApplication.clipboard().text() == code


def test_DEV_7_code_and_address_are_there_beside_the_picture_too() -> None:
    shown = dialog()
    assert shown.code.code.isVisible()
    assert shown.code.address.isVisible()
    assert shown.code.qr.isVisible()
    assert shown.code.address.toPlainText() == device_sign_in().verification_uri


def test_the_picture_is_of_the_complete_address_and_says_so() -> None:
    shown = dialog()
    assert shown.code.qr.text == device_sign_in().verification_uri_complete
    assert shown.code.caption.text() == "Scanned, the code is filled in already. Compare it."


def test_without_a_complete_address_the_picture_is_of_the_plain_one() -> None:
    shown = dialog(device_sign_in(verification_uri_complete=None))
    assert shown.code.qr.text == device_sign_in().verification_uri
    assert shown.code.caption.text() == "Scanned, the address opens. Type the code there."


def test_it_warns_against_codes_that_somebody_else_sent() -> None:
    texts = [label.text() for label in dialog().findChildren(QLabel) if label.isVisible()]
    assert "Go on only if you started this sign-in yourself." in texts


def test_the_time_the_code_is_good_for() -> None:
    clock = FakeClock()
    shown = dialog(clock=clock)
    assert shown.countdown.left.text() == "code good for 7 min 41 s"
    clock.now += 1
    shown.ticker.timeout.emit()
    assert shown.countdown.left.text() == "code good for 7 min 40 s"


def test_a_code_that_ran_out_is_struck_and_a_new_one_is_a_click_away() -> None:
    shown = dialog()
    asked: list[tuple[str, str]] = []
    shown.again.connect(lambda provider, method: asked.append((provider, method)))
    shown.show_sign_in(device_sign_in(state=SignInState.EXPIRED))
    QApplication.processEvents()
    assert shown.code.code.font().strikeOut()
    assert not shown.code.qr.isVisible()
    assert "Copy code" not in visible_buttons(shown)
    assert visible_buttons(shown)["New code"].property("kind") == "primary"
    visible_buttons(shown)["New code"].click()
    assert asked == [("example", "device")]


def test_open_here_and_the_browser_instead() -> None:
    shown = dialog()
    seen: list[str] = []
    shown.reopen_wanted.connect(lambda id_: seen.append(f"open {id_}"))
    shown.browser_wanted.connect(lambda id_: seen.append(f"browser {id_}"))
    visible_buttons(shown)["Open here"].click()
    visible_buttons(shown)["Use the browser here instead"].click()
    assert seen == ["open s0", "browser s0"]
    assert "Use the browser here instead" not in visible_buttons(dialog(browser=False))


def test_DEV_7_escape_cancels_at_once() -> None:
    shown = dialog()
    seen: list[str] = []
    shown.cancel_wanted.connect(seen.append)
    QTest.keyClick(shown, Qt.Key.Key_Escape)
    assert seen == ["s0"]
    assert not shown.isVisible()


def test_a_refusal_replaces_the_code() -> None:
    shown = dialog()
    shown.show_sign_in(device_sign_in(state=SignInState.FAILED, error=ProviderError("No.", error="access_denied")))
    QApplication.processEvents()
    assert shown.outcome is not None
    assert shown.outcome.heading == "The sign-in was declined"
    assert not shown.code.isVisible()


def test_before_the_code_comes_there_is_none_to_show() -> None:
    shown = dialog(device_sign_in(user_code=None, verification_uri=None, verification_uri_complete=None))
    assert not shown.code.isVisible()
    assert "TokenKeep is asking Example for a code." in shown.heading.text.text()


def test_in_a_narrow_window_the_picture_goes_below() -> None:
    shown = dialog()
    assert shown.code.qr.x() > shown.code.address.x() + shown.code.address.width()
    shown.resize(style.em(BESIDE) - 20, shown.height() + 300)
    QApplication.processEvents()
    assert shown.code.qr.y() > shown.code.address.y() + shown.code.address.height()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_qr_code_is_black_on_white_with_its_margin_in_every_theme(scheme: str, qapp: QApplication) -> None:
    style.apply(qapp, scheme, contrast=False)  # type: ignore[arg-type]
    code = QrCode()
    text = device_sign_in().verification_uri_complete or ""
    code.show_text(text)
    code.resize(code.sizeHint())
    assert code.width() >= LEAST
    picture = code.grab().toImage()
    drawn = modules(text)
    count = len(drawn) + 2 * QUIET_ZONE
    module = picture.width() // count
    assert picture.width() == module * count  # whole pixels, or phones read it badly

    def at(column: int, line: int) -> QColor:
        return picture.pixelColor(column * module + module // 2, line * module + module // 2)

    for line in range(count):
        for column in range(count):
            inside = QUIET_ZONE <= line < count - QUIET_ZONE and QUIET_ZONE <= column < count - QUIET_ZONE
            dark = inside and drawn[line - QUIET_ZONE][column - QUIET_ZONE]
            assert at(column, line) == QColor("black" if dark else "white"), (column, line)
