"""Whom the kernel names, and what becomes of not knowing."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import wait_for
from tokenkeep.api import peers, processes
from tokenkeep.api.named_pipe import (
    FILE_FLAG_FIRST_PIPE_INSTANCE,
    PIPE_ACCESS_DUPLEX,
    descriptor,
    open_mode,
)


class Socket:
    """Answers getsockopt as told."""

    def __init__(self, answers: dict[tuple[int, int], bytes | int | OSError]) -> None:
        self._answers = answers

    def getsockopt(self, level: int, option: int, _size: int = 0) -> bytes | int:
        answer = self._answers.get((level, option), OSError())
        if isinstance(answer, OSError):
            raise answer
        return answer


class Transport:
    def __init__(self, sock: object, pipe: object = None) -> None:
        self._extra = {"socket": sock, "pipe": pipe}

    def get_extra_info(self, name: str) -> object:
        return self._extra[name]


def xucred(uid: int, version: int = 0, groups: int = 1) -> bytes:
    return struct.pack("=IIh2x16I", version, uid, groups, *([0] * 16))


def admitted(sock: object) -> bool:
    return peers.Peers().admit(Transport(sock)) is not None  # type: ignore[arg-type]


def linux(uid: int) -> Socket:
    return Socket({(socket.SOL_SOCKET, socket.SO_PEERCRED): struct.pack("3i", os.getpid(), uid, 0)})


def test_AGENT_2_our_own_user_is_let_in() -> None:
    assert admitted(linux(os.geteuid()))


@pytest.mark.parametrize("other", [0, 1, 65534, 12345])
def test_AGENT_2_any_other_user_is_not(other: int) -> None:
    if other != os.geteuid():
        assert not admitted(linux(other))


def test_AGENT_2_not_knowing_means_no() -> None:
    unknown = Socket({(socket.SOL_SOCKET, socket.SO_PEERCRED): OSError(92, "Protocol not available")})
    assert not admitted(unknown)
    assert not admitted(None)
    assert not admitted(linux(-1))


def test_AGENT_2_on_macos_the_user_comes_from_its_own_structure() -> None:
    answers = {(0, 1): xucred(501), (0, 2): 4711}
    assert peers.credentials(Socket(answers), "darwin") == (501, 4711)  # type: ignore[arg-type]


@pytest.mark.parametrize("raw", [b"", xucred(501)[:20], xucred(501, version=1), xucred(501, groups=0)])
def test_AGENT_2_on_macos_an_unfilled_or_foreign_structure_is_nobody(raw: bytes) -> None:
    with pytest.raises(peers.Unknown):
        peers.xucred_uid(raw)


def test_AGENT_2_on_a_system_that_is_not_known_nobody_is_let_in() -> None:
    with pytest.raises(peers.Unknown):
        peers.credentials(linux(os.geteuid()), "plan9")  # type: ignore[arg-type]


def test_the_pipe_of_windows_lets_in_its_owner_alone() -> None:
    assert descriptor("S-1-5-21-1-2-3-1001") == ("O:S-1-5-21-1-2-3-1001D:P(D;;GA;;;NU)(A;;GA;;;S-1-5-21-1-2-3-1001)")
    assert open_mode(first=True) & FILE_FLAG_FIRST_PIPE_INSTANCE
    assert not open_mode(first=False) & FILE_FLAG_FIRST_PIPE_INSTANCE
    assert open_mode(first=False) & PIPE_ACCESS_DUPLEX == PIPE_ACCESS_DUPLEX


@pytest.mark.parametrize("sid", ["", "S-1-", "S-1-5)(A;;GA;;;WD", "WD"])
def test_the_pipes_descriptor_takes_nothing_but_an_identifier(sid: str) -> None:
    with pytest.raises(ValueError):
        descriptor(sid)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_AGENT_8_who_becomes_another_program_after_connecting_stays_who_it_was(home: Path) -> None:
    path, script = home / "s", home / "evil.py"
    script.write_text(
        "import os, socket, sys\n"
        f"s = socket.socket(socket.AF_UNIX)\ns.connect({str(path)!r})\nos.set_inheritable(s.fileno(), True)\n"
        "sys.stdin.buffer.raw.read(1)\nos.execvp('cat', ['cat'])\n"
    )
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        child = subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE)
        try:
            assert child.stdin is not None
            connection, _ = listener.accept()
            with connection:
                peer = peers.Peers().admit(Transport(connection))  # type: ignore[arg-type]
                child.stdin.write(b"x")
                child.stdin.flush()
                wait_for(lambda: processes.executable_of(child.pid).endswith("/cat"), "the other program")
                assert peer is not None
                assert peer.application.key == ("script", str(script))
        finally:
            child.communicate()
