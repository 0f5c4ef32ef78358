"""A real Secret Service (gnome-keyring) with its real prompt, for tests of the keyring open, locked and missing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from jeepney import DBusAddress, Message, new_method_call
from jeepney.io.blocking import open_dbus_connection

from support.homes import MakeHome
from support.processes import clean_environment, end, program, wait_for
from support.screen import Screen
from support.session_bus import SessionBus

_PROMPTERS = ("/usr/libexec/gcr-prompter", "/usr/lib/gcr/gcr-prompter", "/usr/libexec/gcr4-prompter")
_SERVICE = DBusAddress("/org/freedesktop/secrets", "org.freedesktop.secrets", "org.freedesktop.Secret.Service")
_LOGIN = "/org/freedesktop/secrets/collection/login"


class SecretService:
    """gnome-keyring on its own bus with one login keyring, unlocked at start; use as a context manager.

    A locked keyring makes a reader wait until somebody answers the dialog that appears on `screen`.
    """

    def __init__(self, home: Path, bus: SessionBus, screen: Screen, *, password: str = "open sesame") -> None:
        """:param home: where the keyring's files lie; the same folder again gives the same keyring."""
        self.bus = bus
        self.screen = screen
        self.password = password
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> SecretService:
        environment = clean_environment(self._home, self.bus.env(), self.screen.env())
        control = self._home / "control"
        with (self._home / "keyring.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    program("gnome-keyring-daemon"),
                    "--foreground",
                    "--unlock",
                    "--components=secrets",
                    f"--control-directory={control}",
                ],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        assert self._process.stdin is not None
        self._process.stdin.write(self.password.encode())
        self._process.stdin.close()
        self._process.stdin = None
        wait_for(self._is_there, "the Secret Service")
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)

    def env(self) -> dict[str, str]:
        """The variables with which `keyring` uses this service and nothing else."""
        backend = {"PYTHON_KEYRING_BACKEND": "keyring.backends.SecretService.Keyring"}
        return self.bus.env() | self.screen.env() | backend

    def lock(self) -> None:
        """Lock the login keyring, as a screen lock or a person does."""
        self._call(new_method_call(_SERVICE, "Lock", "ao", ([_LOGIN],)))
        assert self.is_locked()

    def is_locked(self) -> bool:
        """Tell whether the login keyring is locked now."""
        address = DBusAddress(_LOGIN, "org.freedesktop.secrets", "org.freedesktop.DBus.Properties")
        call = new_method_call(address, "Get", "ss", ("org.freedesktop.Secret.Collection", "Locked"))
        return bool(self._call(call)[0][1])

    def wait_for_prompt(self) -> int:
        """Wait until the keyring asks for its password on the screen and return that window."""
        return self.screen.find_window(cls="gcr-prompter")

    def has_prompt(self) -> bool:
        """Tell whether the keyring is asking now."""
        return any(window.cls == "Gcr-prompter" and window.width > 50 for window in self.screen.windows())

    def answer_prompt(self, password: str | None = None) -> None:
        """Type the password (the right one, unless another is given) into the dialog and confirm it."""
        self.screen.focus(self.wait_for_prompt())
        self.screen.type(self.password if password is None else password)
        self.screen.key("Return")

    def dismiss_prompt(self) -> None:
        """Close the dialog without a password."""
        self.screen.focus(self.wait_for_prompt())
        self.screen.key("Escape")

    def _is_there(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._home / "keyring.log").read_text()
        bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
        with open_dbus_connection(self.bus.address) as connection:
            call = new_method_call(bus, "NameHasOwner", "s", ("org.freedesktop.secrets",))
            return bool(connection.send_and_get_reply(call).body[0])

    def _call(self, message: Message) -> tuple[Any, ...]:
        with open_dbus_connection(self.bus.address) as connection:
            reply = connection.send_and_get_reply(message, timeout=30)
        assert reply.header.message_type.name == "method_return", reply.body
        return tuple(reply.body)


@pytest.fixture
def secret_service(make_home: MakeHome, screen: Screen) -> Iterator[SecretService]:
    """An unlocked keyring on a bus and a screen of its own; `lock()` makes every read wait for the dialog."""
    prompter = next((path for path in _PROMPTERS if Path(path).exists()), None)
    if prompter is None:
        pytest.skip("gcr-prompter is not installed")
    with ExitStack() as stack:
        bus = SessionBus(make_home(), env=screen.env())
        for name in ("org.gnome.keyring.SystemPrompter", "org.gnome.keyring.PrivatePrompter"):
            bus.activates(name, prompter)
        stack.enter_context(bus)
        yield stack.enter_context(SecretService(make_home(), bus, screen))
