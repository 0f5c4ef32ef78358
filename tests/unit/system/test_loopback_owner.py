"""Whose end of a loopback connection the other one is, with real sockets."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from tokenkeep.system import loopback_owner

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's table is Linux's")


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["ipv4", "ipv6"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection: the accepted one, and the one that was opened."""
    family, host = request.param
    with socket.socket(family) as listener, socket.socket(family) as client:
        try:
            listener.bind((host, 0))
        except OSError:
            pytest.skip("this machine has no such loopback address")
        listener.listen()
        client.connect(listener.getsockname()[:2])
        accepted, _ = listener.accept()
        with accepted:
            yield accepted, client


def test_OUT_1_the_owner_of_the_other_end_is_known(ends: tuple[socket.socket, socket.socket]) -> None:
    accepted, _ = ends
    found = loopback_owner.owner(accepted.family, accepted.getpeername()[:2], accepted.getsockname()[:2])
    assert found == os.getuid()


def test_OUT_1_the_owner_of_an_end_that_only_listens_is_known(ends: tuple[socket.socket, socket.socket]) -> None:
    """A half-closed connection still takes an answer."""
    accepted, client = ends
    client.shutdown(socket.SHUT_WR)
    assert accepted.recv(1) == b""
    found = loopback_owner.owner(accepted.family, accepted.getpeername()[:2], accepted.getsockname()[:2])
    assert found == os.getuid()


def test_nobody_can_tell_of_a_connection_that_is_not_there(ends: tuple[socket.socket, socket.socket]) -> None:
    accepted, _ = ends
    host = accepted.getsockname()[0]
    assert loopback_owner.owner(accepted.family, (host, 1), accepted.getsockname()[:2]) is None


def test_nobody_can_tell_without_the_table(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted, _ = ends
    monkeypatch.setattr(loopback_owner, "_TABLES", {})
    assert loopback_owner.owner(accepted.family, accepted.getpeername()[:2], accepted.getsockname()[:2]) is None
