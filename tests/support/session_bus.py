"""A D-Bus session bus of our own, never the one of whoever runs the tests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from support.homes import MakeHome
from support.processes import clean_environment, end, program

_CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class SessionBus:
    """A running dbus-daemon; use as a context manager. Nothing is activated on it but what `activates` names."""

    def __init__(self, home: Path, *, env: Mapping[str, str] | None = None) -> None:
        """:param env: what services that the bus starts get besides, for example a screen's variables."""
        self.home = home
        self.address = f"unix:path={home / 'bus'}"
        self._extra = dict(env or {})
        self._services = home / "services"
        self._services.mkdir()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> SessionBus:
        configuration = self.home / "bus.conf"
        configuration.write_text(_CONFIGURATION.format(socket=self.home / "bus", services=self._services))
        with (self.home / "bus.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    program("dbus-daemon"),
                    f"--config-file={configuration}",
                    "--nofork",
                    "--nopidfile",
                    "--print-address",
                ],
                env=clean_environment(self.home, self.env(), self._extra),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()  # printed when it listens; empty when it ended
        if not line:
            end(self._process)
            pytest.fail(f"dbus-daemon did not start: {(self.home / 'bus.log').read_text()}")
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)

    def env(self) -> dict[str, str]:
        """The variable that makes a program use this bus."""
        return {"DBUS_SESSION_BUS_ADDRESS": self.address}

    def activates(self, name: str, executable: str) -> None:
        """Let the bus start a program when somebody calls this name. To be said before the bus starts."""
        (self._services / f"{name}.service").write_text(f"[D-BUS Service]\nName={name}\nExec={executable}\n")


@pytest.fixture
def session_bus(make_home: MakeHome) -> Iterator[SessionBus]:
    """An empty session bus for this test alone."""
    with SessionBus(make_home()) as bus:
        yield bus
