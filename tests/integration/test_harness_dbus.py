"""The harness itself: Qt's tray icon is seen and used over D-Bus, notifications are recorded and answered."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import open_dbus_connection

from support.desktop_services import DesktopServices
from support.processes import clean_environment, end
from support.screen import Screen

_TRAY_ICON = """
import sys
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

application = QApplication(sys.argv)
picture = QPixmap(22, 22)
picture.fill(QColor("#ff00ff"))
icon = QSystemTrayIcon(QIcon(picture))
icon.setToolTip("All is well")
menu = QMenu()
menu.addAction("Never").setEnabled(False)
built = []

def build():
    if not built:
        built.append(menu.addAction("Sign in_now", lambda: (print("clicked", flush=True), application.quit())))

menu.aboutToShow.connect(build)
icon.setContextMenu(menu)
icon.activated.connect(lambda reason: print(reason.name, flush=True))
icon.show()
print("available", QSystemTrayIcon.isSystemTrayAvailable(), flush=True)
application.exec()
"""


def test_a_tray_icon_is_read_and_clicked_over_dbus(
    screen_without_tray: Screen, desktop_services: DesktopServices, home: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _TRAY_ICON],
        env=clean_environment(home, screen_without_tray.env(), desktop_services.env()),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"available True\n"
        item = desktop_services.wait_for_item()
        assert "All is well" in item.tool_tip
        width, height, pixels = item.pixels()
        assert (width, height) == (22, 22)
        assert set(pixels) == {0xFFFF00FF}
        item.activate()
        assert process.stdout.readline() == b"Trigger\n"
        item.click("Sign in")
        assert process.stdout.readline() == b"clicked\n"
        assert process.wait(60) == 0
        assert not item.is_registered()
    finally:
        end(process)


def test_a_notification_is_recorded_and_its_action_comes_back(desktop_services: DesktopServices) -> None:
    server = DBusAddress(
        "/org/freedesktop/Notifications", "org.freedesktop.Notifications", "org.freedesktop.Notifications"
    )
    body = ("TokenKeep", 0, "", "Sign in again", "GitHub", ["default", "Open"], {"urgency": ("y", 1)}, -1)
    received: list[tuple[object, ...]] = []
    with open_dbus_connection(desktop_services.bus.address) as connection:
        rule = "type='signal',interface='org.freedesktop.Notifications'"
        bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
        connection.send_and_get_reply(new_method_call(bus, "AddMatch", "s", (rule,)))
        number = connection.send_and_get_reply(new_method_call(server, "Notify", "susssasa{sv}i", body)).body[0]

        notification = desktop_services.wait_for_notification(lambda one: "again" in one.summary)
        assert (notification.id, notification.hints) == (number, {"urgency": 1})
        reader = threading.Thread(target=lambda: received.extend(connection.receive(timeout=30).body for _ in "12"))
        reader.start()
        desktop_services.invoke_action(notification, "default")
        reader.join(60)
    assert received[0] == (number, "default")
