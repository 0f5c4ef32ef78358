"""Changes of one file are told, whichever way an editor makes them, and those of its neighbours are not."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokenkeep.system.file_watch import FileWatch

LIMIT = 30.0  # seconds; against hanging only

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux's")


class Changes:
    def __init__(self) -> None:
        self.told = threading.Semaphore(0)

    def __call__(self) -> None:
        self.told.release()

    def wait(self) -> bool:
        return self.told.acquire(timeout=LIMIT)


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
def path(tmp_path: Path, changes: Changes) -> Iterator[Path]:
    path = tmp_path / "config.toml"
    path.write_text("a")
    watch = FileWatch(path)
    watch.watch(changes)
    yield path
    watch.close()
    watch.close()


def test_writing_in_place_is_told(path: Path, changes: Changes) -> None:
    path.write_text("b")
    assert changes.wait()


def test_a_new_file_renamed_over_the_old_one_is_told(path: Path, changes: Changes) -> None:
    new = path.with_suffix(".new")
    new.write_text("b")
    new.rename(path)
    assert changes.wait()


def test_removing_and_making_it_again_are_told(path: Path, changes: Changes) -> None:
    path.unlink()
    assert changes.wait()
    path.write_text("b")
    assert changes.wait()


def test_a_neighbour_is_not_told(path: Path, changes: Changes) -> None:
    (path.parent / "other.toml").write_text("x")
    path.write_text("b")
    assert changes.wait()
    assert not changes.told.acquire(blocking=False), "one change, told once"


def test_a_link_is_followed_to_the_real_file(tmp_path: Path, changes: Changes) -> None:
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles/real.toml"
    real.write_text("a")
    link = tmp_path / "config.toml"
    link.symlink_to(real)
    watch = FileWatch(link)
    watch.watch(changes)
    real.write_text("b")
    assert changes.wait()
    watch.close()


def test_without_its_folder_nothing_is_watched_and_nothing_fails(tmp_path: Path, changes: Changes) -> None:
    watch = FileWatch(tmp_path / "no/config.toml")
    watch.watch(changes)
    watch.close()
