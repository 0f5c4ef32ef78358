"""One process owns the vault, and a dead one never does."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tokenkeep.domain.errors import StorageFailed
from tokenkeep.storage.lock import ProcessLock

HOLDER = """
import pathlib, sys
from tokenkeep.storage.lock import ProcessLock
lock = ProcessLock(pathlib.Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


def test_a_second_process_does_not_get_it_until_the_first_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "vault.lock"
    process = hold(path)
    lock = ProcessLock(path)
    try:
        assert not lock.acquire()
        assert not lock.held
        assert lock.owner() == process.pid
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert lock.acquire()
    assert lock.held
    assert lock.owner() == os.getpid()
    lock.release()


def test_a_child_does_not_inherit_it(tmp_path: Path) -> None:
    lock = ProcessLock(tmp_path / "vault.lock")
    assert lock.acquire()
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    lock.release()
    other = ProcessLock(tmp_path / "vault.lock")
    try:
        assert other.acquire()
    finally:
        other.release()
        child.communicate()


def test_it_can_be_taken_again_after_its_release_and_taking_it_twice_is_once(tmp_path: Path) -> None:
    first, second = ProcessLock(tmp_path / "vault.lock"), ProcessLock(tmp_path / "vault.lock")
    assert first.acquire()
    assert first.acquire()
    assert not second.acquire()
    first.release()
    first.release()
    assert second.acquire()
    second.release()
    assert stat.S_IMODE((tmp_path / "vault.lock").stat().st_mode) == 0o600


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        ProcessLock(tmp_path / "missing/vault.lock").acquire()
    assert ProcessLock(tmp_path / "missing/vault.lock").owner() is None
