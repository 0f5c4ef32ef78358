"""The harness itself: the screen, its tray, the keyring and its dialog are real and can be driven."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.homes import MakeHome
from support.processes import clean_environment, end
from support.screen import Screen
from support.secret_service import SecretService

_READ = "import keyring; print(keyring.get_password('TokenKeep', 'key'))"
_WRITE = "import keyring; keyring.set_password('TokenKeep', 'key', 'kept')"
_TRAY_ICON = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

application = QApplication(sys.argv)
picture = QPixmap(22, 22)
picture.fill(QColor("#ff00ff"))
icon = QSystemTrayIcon(QIcon(picture))
menu = QMenu()
menu.addAction("Sign in", lambda: (print("clicked", flush=True), application.quit()))
menu.aboutToShow.connect(lambda: QTimer.singleShot(0, lambda: print("menu", *menu.geometry().getRect(), flush=True)))
icon.setContextMenu(menu)
icon.show()
print("available", QSystemTrayIcon.isSystemTrayAvailable(), flush=True)
application.exec()
"""


def start(code: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def line_of(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def test_a_tray_icon_can_be_clicked_and_its_menu_used(screen: Screen, home: Path) -> None:
    process = start(_TRAY_ICON, clean_environment(home, screen.env()))
    try:
        assert line_of(process) == "available True"
        screen.click(*screen.tray_icon_position(), button=3)
        word, x, y, width, height = line_of(process).split()
        assert word == "menu"
        screen.click(int(x) + int(width) // 2, int(y) + int(height) // 2)
        assert line_of(process) == "clicked"
        assert process.wait(60) == 0
    finally:
        end(process)


def test_a_screen_without_a_tray_host_has_no_tray(screen_without_tray: Screen, home: Path) -> None:
    process = start(_TRAY_ICON, clean_environment(home, screen_without_tray.env()))
    try:
        assert line_of(process) == "available False"
    finally:
        end(process)


def test_a_locked_keyring_makes_a_reader_wait_until_the_dialog_is_answered(
    secret_service: SecretService, home: Path
) -> None:
    environment = clean_environment(home, secret_service.env())
    subprocess.run([sys.executable, "-c", _WRITE], env=environment, check=True, timeout=60)
    secret_service.lock()
    reader = start(_READ, environment)
    try:
        secret_service.wait_for_prompt()
        assert reader.poll() is None
        secret_service.answer_prompt()
        assert line_of(reader) == "kept"
        assert not secret_service.is_locked()
    finally:
        end(reader)


def test_a_dismissed_keyring_dialog_leaves_it_locked(secret_service: SecretService, home: Path) -> None:
    environment = clean_environment(home, secret_service.env())
    subprocess.run([sys.executable, "-c", _WRITE], env=environment, check=True, timeout=60)
    secret_service.lock()
    reader = start(_READ, environment)
    try:
        secret_service.dismiss_prompt()
        assert reader.wait(60) != 0
        assert secret_service.is_locked()
    finally:
        end(reader)


def test_two_screens_do_not_meet(make_home: MakeHome, screen: Screen) -> None:
    with Screen(make_home()) as other:
        assert other.display != screen.display
