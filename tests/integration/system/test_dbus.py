"""Notifications, wake-ups and network changes over a real bus."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from jeepney import DBusAddress, message_bus, new_signal
from jeepney.io.blocking import open_dbus_connection

from support.desktop_services import DesktopServices
from support.processes import wait_for
from support.session_bus import SessionBus
from tokenkeep.domain.ports import Notice
from tokenkeep.system.dbus import SignalWatch
from tokenkeep.system.network import DesktopNetwork
from tokenkeep.system.notifications import DesktopNotifier
from tokenkeep.system.power import LogindPower

GUARD = 60.0


@pytest.fixture
def use_bus(session_bus: SessionBus, monkeypatch: pytest.MonkeyPatch) -> SessionBus:
    """Both buses are the test's own one."""
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", session_bus.address)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", session_bus.address)
    return session_bus


@pytest.fixture
def no_bus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No bus is there."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")


class Speaker:
    """A service that owns names on the bus and sends signals."""

    def __init__(self, bus: SessionBus, *names: str) -> None:
        self._connection = open_dbus_connection(bus.address)
        for name in names:
            assert self._connection.send_and_get_reply(message_bus.RequestName(name)).body == (1,)

    def say(self, interface: str, member: str, signature: str = "", body: tuple[object, ...] = ()) -> None:
        self._connection.send(new_signal(DBusAddress("/x", interface=interface), member, signature or None, body))

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def speaker(use_bus: SessionBus) -> Iterator[Speaker]:
    one = Speaker(use_bus, "org.freedesktop.login1", "org.freedesktop.NetworkManager", "org.freedesktop.portal.Desktop")
    yield one
    one.close()


def wait_listening(watch: SignalWatch | None) -> None:
    assert watch is not None
    assert watch.ready.wait(GUARD)
    assert watch.listening


def test_waking_up_is_told_and_falling_asleep_is_not(speaker: Speaker) -> None:
    power, woke = LogindPower(), threading.Semaphore(0)
    power.watch(woke.release)
    wait_listening(power._watch)
    speaker.say("org.freedesktop.login1.Manager", "PrepareForSleep", "b", (True,))
    speaker.say("org.freedesktop.login1.Manager", "PrepareForSleep", "b", (False,))
    assert woke.acquire(timeout=GUARD)
    assert not woke.acquire(blocking=False)
    speaker.say("org.freedesktop.login1.Manager", "PrepareForSleep", "b", (False,))
    assert woke.acquire(timeout=GUARD)
    power.close()
    power.close()


def test_another_programs_word_is_not_taken_for_the_login_managers(use_bus: SessionBus, speaker: Speaker) -> None:
    power, woke = LogindPower(), threading.Semaphore(0)
    power.watch(woke.release)
    wait_listening(power._watch)
    impostor = Speaker(use_bus)
    impostor.say("org.freedesktop.login1.Manager", "PrepareForSleep", "b", (False,))
    impostor._connection.send_and_get_reply(message_bus.GetId())  # the bus has passed on what came before
    impostor.close()
    speaker.say("org.freedesktop.login1.Manager", "PrepareForSleep", "b", (False,))
    assert woke.acquire(timeout=GUARD)
    assert not woke.acquire(blocking=False)
    power.close()


def test_the_network_coming_back_is_told_and_its_loss_is_not(speaker: Speaker) -> None:
    network, changed = DesktopNetwork(), threading.Semaphore(0)
    network.watch(changed.release)
    for watch in network._watches:
        wait_listening(watch)
    speaker.say("org.freedesktop.NetworkManager", "StateChanged", "u", (20,))
    speaker.say("org.freedesktop.NetworkManager", "StateChanged", "u", (70,))
    assert changed.acquire(timeout=GUARD)
    speaker.say("org.freedesktop.portal.NetworkMonitor", "changed")
    assert changed.acquire(timeout=GUARD)
    assert not changed.acquire(blocking=False)
    network.close()


@pytest.mark.usefixtures("no_bus")
def test_without_a_bus_everything_is_quiet() -> None:
    power, network, notifier = LogindPower(), DesktopNetwork(), DesktopNotifier()
    power.watch(pytest.fail)
    network.watch(pytest.fail)
    assert power._watch is not None
    for watch in (power._watch, *network._watches):
        assert watch.ready.wait(GUARD)
        assert not watch.listening
    assert not notifier.available
    notifier.notify(Notice("info", "t", "b"))
    power.close()
    network.close()


def test_a_watch_ends_at_once_when_closed_and_when_the_bus_goes(use_bus: SessionBus) -> None:
    watches = [SignalWatch("SESSION", "org.x", "org.x", "Y", pytest.fail) for _ in range(2)]
    for watch in watches:
        wait_listening(watch)
    watches[0].close()
    watches[0]._thread.join(GUARD)
    assert not watches[0]._thread.is_alive()
    use_bus.__exit__()
    watches[1]._thread.join(GUARD)
    assert not watches[1]._thread.is_alive()
    watches[1].close()


def test_a_notification_has_its_words_and_its_actions_come_back(
    use_bus: SessionBus, desktop_services: DesktopServices
) -> None:
    notifier = DesktopNotifier("/usr/share/icon.svg")
    assert notifier.available
    chosen: list[str] = []
    done = threading.Event()

    def on_action(name: str) -> None:
        chosen.append(name)
        done.set()

    notice = Notice(
        "needs_you", "Sign in to GitHub again", "It ended.", "github", (("sign_in", "Sign in"), ("later", "Later"))
    )
    notifier.notify(notice, on_action)
    shown = desktop_services.wait_for_notification()
    assert (shown.app_name, shown.summary, shown.body) == ("TokenKeep", "Sign in to GitHub again", "It ended.")
    assert shown.icon == "/usr/share/icon.svg"
    assert shown.actions == {"default": "Open", "sign_in": "Sign in", "later": "Later"}
    wait_for(lambda: notifier._actions, "the server's answer")
    desktop_services.invoke_action(shown, "sign_in")
    assert done.wait(GUARD)
    assert chosen == ["sign_in"]


def test_LEAK_3_a_servers_words_are_shown_as_plain_text(use_bus: SessionBus, desktop_services: DesktopServices) -> None:
    notifier = DesktopNotifier()
    notifier.notify(Notice("info", "<b>T</b>\0", 'Said <img src="http://probe/"> & more\ud800'))
    shown = desktop_services.wait_for_notification()
    assert shown.summary == "<b>T</b>"  # titles are plain text by the specification
    assert shown.body == 'Said &lt;img src="http://probe/"&gt; &amp; more?'


def test_notices_about_the_same_replace_each_other_and_others_stand_beside(
    use_bus: SessionBus, desktop_services: DesktopServices
) -> None:
    notifier = DesktopNotifier()
    for kind, title, provider in (
        ("needs_you", "1", "github"),
        ("needs_you", "2", "github"),
        ("needs_you", "3", "gitlab"),
        ("access", "4", "github"),
        ("needs_you", "5", "github"),
    ):
        notifier.notify(Notice(kind, title, "", provider))
    desktop_services.wait_for_notification(lambda one: one.summary == "5")
    numbers = {one.summary: one.id for one in desktop_services.notifications}
    assert numbers["1"] == numbers["2"] == numbers["5"]
    assert len({numbers["1"], numbers["3"], numbers["4"]}) == 3
    assert [one.replaces for one in desktop_services.notifications] == [0, numbers["1"], 0, 0, numbers["1"]]


def test_a_dismissed_notification_is_not_replaced_and_calls_nobody(
    use_bus: SessionBus, desktop_services: DesktopServices
) -> None:
    notifier = DesktopNotifier()
    notifier.notify(Notice("info", "first", "", "github"), pytest.fail)
    first = desktop_services.wait_for_notification()
    wait_for(lambda: notifier._actions, "the server's answer")
    desktop_services.dismiss(first)
    wait_for(lambda: not notifier._actions, "the news of its end")
    desktop_services.invoke_action(first, "default")
    notifier.notify(Notice("info", "second", "", "github"))
    assert desktop_services.wait_for_notification(lambda one: one.summary == "second").replaces == 0


def test_a_desktop_without_a_notification_server_costs_nothing_and_a_later_one_is_used(use_bus: SessionBus) -> None:
    notifier = DesktopNotifier()
    notifier.notify(Notice("info", "nobody sees this", ""))
    wait_for(notifier._waiting.empty, "the notice being sent")
    with DesktopServices(use_bus, tray=False) as services:
        notifier.notify(Notice("info", "seen", ""))
        assert services.wait_for_notification().summary == "seen"


def test_a_bus_that_went_away_is_survived(use_bus: SessionBus) -> None:
    notifier = DesktopNotifier()
    notifier.notify(Notice("info", "first", ""))
    wait_for(notifier._waiting.empty, "the notice being sent")
    thread = notifier._thread
    assert thread is not None
    use_bus.__exit__()
    thread.join(GUARD)
    assert not thread.is_alive()
    for number in range(200):
        notifier.notify(Notice("info", f"n{number}", ""))
