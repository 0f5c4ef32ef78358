"""The window's size on each screen survives, and a damaged file costs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenkeep.ui import window_state
from tokenkeep.ui.window_state import WindowState


def test_each_screen_keeps_its_own_size(tmp_path: Path) -> None:
    file = tmp_path / "state" / "window.json"
    window_state.write(file, "left", WindowState(1000, 700, 330))
    window_state.write(file, "right", WindowState(1400, 900, 400))
    assert window_state.read(file, "left") == WindowState(1000, 700, 330)
    assert window_state.read(file, "right") == WindowState(1400, 900, 400)
    assert window_state.read(file, "third") is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"left": 3}',
        '{"left": {"width": -1, "height": 5, "list_width": 5}}',
        '{"left": {"width": true}}',
    ],
)
def test_a_damaged_file_means_the_default_size(tmp_path: Path, content: str) -> None:
    file = tmp_path / "window.json"
    file.write_text(content)
    assert window_state.read(file, "left") is None
    window_state.write(file, "left", WindowState(1000, 700, 330))
    assert window_state.read(file, "left") == WindowState(1000, 700, 330)


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    window_state.write(tmp_path / "file" / "window.json", "left", WindowState(1, 1, 1))
