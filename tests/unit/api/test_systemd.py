"""What systemd and its services say to each other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tokenkeep.api import systemd

TAKES = """
import os
from tokenkeep.api import systemd
os.environ["LISTEN_PID"] = str(os.getpid())
sockets = systemd.passed_sockets()
print(len(sockets), [os.path.basename(sock.getsockname()) for sock in sockets], os.get_inheritable(3),
      "LISTEN_FDS" in os.environ, len(systemd.passed_sockets()))
"""


def test_passed_sockets_are_taken_once_and_kept_from_children(home: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home / "passed.sock"))
        listener.listen()
        code = f"import os; os.dup2({listener.fileno()}, 3)\n{TAKES}"
        answer = subprocess.run(
            [sys.executable, "-c", code],
            pass_fds=[listener.fileno()],
            env=os.environ | {"LISTEN_FDS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
    assert answer.stdout.strip() == "1 ['passed.sock'] False False 0"


def test_sockets_passed_to_another_process_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    assert systemd.passed_sockets() == []
    assert "LISTEN_FDS" not in os.environ


@pytest.mark.parametrize("abstract", [False, True])
def test_readiness_is_told_at_the_named_socket(home: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    path = str(home / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{path}" if abstract else path)
        manager.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{path}" if abstract else path)
        assert systemd.notify("READY=1")
        assert manager.recv(100) == b"READY=1"


def test_without_a_manager_nothing_is_told(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    assert not systemd.notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(home / "missing"))
    assert not systemd.notify("READY=1")
