"""Autostart: the system's own record says whether it is on."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
from pathlib import Path

import pytest

from tokenkeep.domain.errors import StorageFailed
from tokenkeep.system.autostart import DesktopAutostart

COMMAND = ["/opt/my apps/tokenkeep", "--config", 'a"b$c`d\\e', "50%", ""]


def test_it_is_off_until_it_is_set_and_off_again_after(tmp_path: Path) -> None:
    autostart = DesktopAutostart(["tokenkeep"], tmp_path / "autostart")
    assert not autostart.enabled()
    autostart.set(enabled=True)
    assert autostart.enabled()
    assert DesktopAutostart(["other"], tmp_path / "autostart").enabled()
    autostart.set(enabled=False)
    autostart.set(enabled=False)
    assert not autostart.enabled()
    assert list((tmp_path / "autostart").iterdir()) == []


def test_the_entry_lies_where_the_desktop_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    DesktopAutostart(["tokenkeep"]).set(enabled=True)
    assert "\nExec=tokenkeep\n" in (tmp_path / "autostart/tokenkeep.desktop").read_text()


def test_the_command_is_quoted_as_the_specification_says(tmp_path: Path) -> None:
    DesktopAutostart(COMMAND, tmp_path).set(enabled=True)
    (line,) = [one for one in (tmp_path / "tokenkeep.desktop").read_text().splitlines() if one.startswith("Exec=")]
    assert line == 'Exec="/opt/my apps/tokenkeep" --config "a\\\\"b\\\\$c\\\\`d\\\\\\\\e" 50%% ""'


def test_the_specifications_own_checker_accepts_the_entry(tmp_path: Path) -> None:
    if shutil.which("desktop-file-validate") is None:
        pytest.skip("desktop-file-validate is not installed")
    DesktopAutostart(COMMAND, tmp_path).set(enabled=True)
    subprocess.run(["desktop-file-validate", tmp_path / "tokenkeep.desktop"], check=True)


@pytest.mark.parametrize(
    "content",
    [
        "[Desktop Entry]\nExec=tokenkeep\nHidden=true\n",
        "[Desktop Entry]\nExec=tokenkeep\nX-GNOME-Autostart-enabled=false\n",
        "[Desktop Entry]\nName=x\n[Other]\nExec=tokenkeep\n",
        "[Desktop Entry]\n# Exec=tokenkeep\n",
        "",
    ],
)
def test_an_entry_that_the_desktop_switched_off_counts_as_off(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenkeep.desktop").write_text(content)
    assert not DesktopAutostart(["tokenkeep"], tmp_path).enabled()


def test_a_record_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFailed, match="autostart entry"):
        DesktopAutostart(["tokenkeep"], tmp_path / "file").set(enabled=True)


def test_on_macos_it_is_a_launch_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    autostart = DesktopAutostart(COMMAND, tmp_path)
    assert not autostart.enabled()
    autostart.set(enabled=True)
    (agent,) = tmp_path.glob("*.plist")
    assert plistlib.loads(agent.read_bytes())["ProgramArguments"] == COMMAND
    assert autostart.enabled()
