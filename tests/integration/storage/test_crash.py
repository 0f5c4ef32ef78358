"""A vault whose process is killed at any moment, or whose disk is full: the old record or the new one is there."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.processes import clean_environment
from tokenkeep.domain.errors import StorageFailed
from tokenkeep.domain.session import StorageState
from tokenkeep.storage.opening import open_vault, stored_kind
from tokenkeep.storage.sealing import KeyFacts, MasterKey, Sealer
from unit.storage.vault_contract import a_session

KEY = MasterKey(KeyFacts(StorageState.KEYRING, backend="test", account="test"), Sealer(b"k" * 32))

# Writes token after token and says which one is safe; prints before it begins with the next.
WRITER = """
import pathlib, sys
from dataclasses import replace
from tokenkeep.domain.session import StorageState
from tokenkeep.domain.tokens import Secret, StoredSession, TokenSet
from tokenkeep.storage.opening import open_vault, stored_kind
from tokenkeep.storage.sealing import KeyFacts, MasterKey, Sealer
key = MasterKey(KeyFacts(StorageState.KEYRING, backend="test", account="test"), Sealer(b"k" * 32))
vault = open_vault(pathlib.Path(sys.argv[1]), key)
number = int(sys.argv[2])
while True:
    number += 1
    tokens = TokenSet(Secret(f"token-{number}-" + "x" * 3000), "Bearer", float(number), 20.0)
    print("begin", number, flush=True)
    write = vault.mark_session if number % 3 == 0 else vault.write_session
    write("github", StoredSession(tokens, None, ("i", "e", "c"), 0.0))
    print("safe", number, flush=True)
"""


def test_LEAK_4_a_killed_writer_leaves_the_last_safe_record_or_the_one_it_was_writing(home: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    path = home / "data/vault.db"
    last = 0
    for _ in range(20):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(last)],
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(home),
        )
        assert writer.stdout is not None
        lines = []
        for _ in range(draw.randrange(1, 40)):  # odd counts stop while a write is under way
            lines.append(writer.stdout.readline())
        writer.kill()
        lines += writer.stdout.readlines()
        writer.wait()
        writer.stdout.close()
        begun = max([last, *(int(line.split()[1]) for line in lines if line.startswith("begin"))])
        safe = max([last, *(int(line.split()[1]) for line in lines if line.startswith("safe"))])
        vault = open_vault(path, KEY)
        assert vault.notice == ""
        session = vault.read_sessions().get("github")
        vault.close()
        known = session.tokens.obtained_at if session is not None and session.tokens is not None else 0
        assert safe <= known <= begun, f"seed {seed}"
        last = int(known)
    assert last > 0


def test_a_process_killed_while_it_makes_the_vault_leaves_one_that_opens(home: Path) -> None:
    """The first write of the file is stopped at each of its system calls in turn."""
    code = """
import pathlib, sqlite3, sys, os, signal
from tokenkeep.storage import schema
from tokenkeep.storage.opening import open_vault, stored_kind
from tokenkeep.domain.session import StorageState
from tokenkeep.storage.sealing import KeyFacts, MasterKey, Sealer
left = int(sys.argv[2])
def count(statement):
    global left
    left -= 1
    if left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
connect = schema.connect
def traced(path):
    connection = connect(path)
    connection.set_trace_callback(count)
    return connection
schema.connect = traced
key = MasterKey(KeyFacts(StorageState.KEYRING, backend="test", account="test"), Sealer(b"k" * 32))
open_vault(pathlib.Path(sys.argv[1]), key)
"""
    for step in range(1, 30):
        path = home / f"data{step}/vault.db"
        done = subprocess.run(
            [sys.executable, "-c", code, str(path), str(step)], env=clean_environment(home), check=False, timeout=60
        )
        vault = open_vault(path, KEY)
        assert vault.notice == "", f"stopped at statement {step}"
        vault.write_session("github", a_session())
        vault.close()
        if done.returncode == 0:
            assert step > 10
            return
    pytest.fail("the vault was never made")


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file of this process may grow beyond what a vault has at its beginning."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("small_disk")
def test_REF_1_a_full_disk_is_a_storage_failure_and_the_old_record_stays(home: Path) -> None:
    path = home / "data/vault.db"
    vault = open_vault(path, KEY)
    vault.write_session("github", a_session("old-token"))
    for write in (vault.write_session, vault.mark_session):
        with pytest.raises(StorageFailed) as caught:
            write("github", a_session("y" * 400_000))
        assert "Make room" in caught.value.hint
        assert "y" * 20 not in f"{caught.value.detail}{caught.value.__cause__!r}"
    assert vault.read_sessions() == {"github": a_session("old-token")}
    vault.write_session("gitlab", a_session("small-token"))  # as soon as there is room, it goes on
    vault.close()
    again = open_vault(path, KEY)
    assert again.notice == ""
    assert again.read_sessions() == {"github": a_session("old-token"), "gitlab": a_session("small-token")}
    again.close()


def test_a_full_disk_at_the_first_start_is_told(home: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    try:
        with pytest.raises(StorageFailed):
            open_vault(home / "data/vault.db", KEY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    vault = open_vault(home / "data/vault.db", KEY)
    assert vault.notice == ""
    vault.close()


def test_where_shared_memory_does_not_work_the_older_journal_is_used(home: Path) -> None:
    """As on network file systems; here a link is in the way of the file for it, which SQLite does not follow."""
    path = home / "data/vault.db"
    path.parent.mkdir(mode=0o700)
    path.with_name("vault.db-shm").symlink_to("nowhere")
    vault = open_vault(path, KEY)
    connection = vault._connection
    assert connection is not None
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    vault.write_session("github", a_session())
    vault.close()
    again = open_vault(path, KEY)
    assert again.read_sessions() == {"github": a_session()}
    again.close()


def test_a_vault_that_was_moved_to_where_shared_memory_does_not_work_opens(home: Path) -> None:
    path = home / "data/vault.db"
    vault = open_vault(path, KEY)
    vault.write_session("github", a_session())
    vault.close()
    path.with_name("vault.db-shm").symlink_to("nowhere")
    assert stored_kind(path) is StorageState.KEYRING
    again = open_vault(path, KEY)
    assert again.read_sessions() == {"github": a_session()}
    again.write_session("github", a_session("new-token"))
    again.close()
