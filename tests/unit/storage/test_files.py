"""Private folders, and files that are replaced as a whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tokenkeep.domain.errors import StorageFailed
from tokenkeep.storage import files
from tokenkeep.storage.files import private_file, private_folder, replace_file, signature


@pytest.mark.unprivileged
@pytest.mark.parametrize("umask", [0, 0o777])
def test_a_new_folder_is_owner_only_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        private_folder(tmp_path / "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o700


def test_a_folder_of_ours_is_closed_and_a_persons_folder_is_left_as_it_is(tmp_path: Path) -> None:
    for name, mode in (("tokenkeep", 0o700), ("portable", 0o755)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
        private_folder(tmp_path / name)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_a_folder_where_others_write_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x").chmod(mode)
    with pytest.raises(StorageFailed, match="Other users can write"):
        private_folder(tmp_path / "x")
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == mode


def test_a_folder_or_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").touch()
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(StorageFailed, match="belongs to another user"):
        private_folder(tmp_path)
    with pytest.raises(StorageFailed, match="belongs to another user"):
        private_file(tmp_path / "f")


def test_something_else_in_the_way_is_named_and_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageFailed, match=r"not a folder|cannot be made"):
        private_folder(tmp_path / "file")
    with pytest.raises(StorageFailed, match="cannot be made"):
        private_folder(tmp_path / "file/below")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(StorageFailed, match="not a file"):
        private_file(tmp_path / "fifo")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_replaced_file_is_owner_only_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("old")
    path.chmod(0o644)
    replace_file(path, "new ü\n", expected=signature(path))
    assert path.read_text() == "new ü\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]


def test_a_link_stays_a_link_and_what_it_names_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles/config.toml").write_text("old")
    link = tmp_path / "config.toml"
    link.symlink_to("dotfiles/config.toml")
    replace_file(link, "new", expected=signature(link))
    assert link.is_symlink()
    assert (tmp_path / "dotfiles/config.toml").read_text() == "new"


def test_what_was_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("old")
    seen = signature(path)
    path.write_text("theirs!")
    with pytest.raises(StorageFailed, match="changed meanwhile"):
        replace_file(path, "ours", expected=seen)
    with pytest.raises(StorageFailed, match="changed meanwhile"):
        replace_file(path, "ours", expected=None)
    assert path.read_text() == "theirs!"
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_at_any_step_leaves_the_old_text_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), fail)
    with pytest.raises(StorageFailed, match="no space left"):
        replace_file(path, "new", expected=signature(path))
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]


def test_the_text_reaches_the_disk_before_the_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    sync, replace, folder = os.fsync, Path.replace, files.sync_folder
    monkeypatch.setattr(os, "fsync", lambda fd: steps.append("fsync") or sync(fd))  # type: ignore[func-returns-value]
    monkeypatch.setattr(Path, "replace", lambda one, to: steps.append("replace") or replace(one, to))  # type: ignore[func-returns-value]
    monkeypatch.setattr(files, "sync_folder", lambda at: steps.append("folder") or folder(at))  # type: ignore[func-returns-value]
    replace_file(tmp_path / "x", "text", expected=None)
    assert steps[:3] == ["fsync", "replace", "folder"]


def test_a_signature_differs_after_each_kind_of_change(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert signature(path) is None
    path.write_text("a")
    seen = [signature(path)]
    path.write_text("bb")
    seen.append(signature(path))
    (tmp_path / "y").write_text("cc")
    (tmp_path / "y").replace(path)
    seen.append(signature(path))
    os.utime(path, (1, 1))
    seen.append(signature(path))
    assert len(set(seen)) == 4
