"""Colours can be read: ratios as WCAG 2.2 computes them, in both themes, with any accent of the system."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenkeep import assets
from tokenkeep.ui import theme
from tokenkeep.ui.theme import Theme, contrast

THEMES = [pytest.param(theme.LIGHT, id="light"), pytest.param(theme.DARK, id="dark")]
READ = ("text", "text2", "quiet", "accent", "working", "ok", "needs", "failed")
ACCENTS = ("#3584E4", "#2190A4", "#3A944A", "#C88800", "#ED5B00", "#E62D42", "#D56199", "#9141AC", "#6F8396", "#FFFF00")


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == 1


@pytest.mark.parametrize("shown", THEMES)
@pytest.mark.parametrize("behind", ["window", "base", "sel"])
@pytest.mark.parametrize("read", READ)
def test_text_and_marks_can_be_read_everywhere(shown: Theme, behind: str, read: str) -> None:
    assert contrast(getattr(shown, read), getattr(shown, behind)) >= 4.5


@pytest.mark.parametrize("shown", THEMES)
@pytest.mark.parametrize(
    ("read", "behind"),
    [
        ("text", "needs_bg"),
        ("needs", "needs_bg"),
        ("text", "failed_bg"),
        ("failed", "failed_bg"),
        ("text2", "needs_bg"),
        ("text2", "failed_bg"),
        ("text", "button"),
        ("text", "hover"),
        ("on_accent", "accent"),
        ("quiet", "track"),
    ],
)
def test_text_can_be_read_on_bands_buttons_and_tracks(shown: Theme, read: str, behind: str) -> None:
    assert contrast(getattr(shown, read), getattr(shown, behind)) >= 4.5


@pytest.mark.parametrize("shown", THEMES)
@pytest.mark.parametrize("behind", ["window", "base"])
def test_outlines_of_controls_can_be_seen(shown: Theme, behind: str) -> None:
    assert contrast(shown.control, getattr(shown, behind)) >= 3


@pytest.mark.parametrize("shown", THEMES)
def test_letters_can_be_read_on_every_tile(shown: Theme) -> None:
    assert len(shown.tiles) == 8
    for fill, letters in shown.tiles:
        assert contrast(letters, fill) >= 4.5


@pytest.mark.parametrize("shown", THEMES)
@pytest.mark.parametrize("accent", ACCENTS)
def test_any_accent_of_the_system_stays_readable(shown: Theme, accent: str) -> None:
    with_it = theme.with_accent(shown, accent)
    for behind in (with_it.base, with_it.window, with_it.sel):
        assert contrast(with_it.accent, behind) >= 4.5
    assert contrast(with_it.on_accent, with_it.accent) >= 4.5
    for read in READ:
        assert contrast(getattr(with_it, read), with_it.sel) >= 4.5


def test_qts_own_default_accent_is_nobodys_choice() -> None:
    assert theme.with_accent(theme.LIGHT, "#308cc6") is theme.LIGHT


def test_high_contrast_takes_the_systems_palette_and_marks_in_text() -> None:
    strong = theme.high_contrast(
        window="#000000", base="#000000", text="#FFFF00", button="#000000", accent="#00FF00", on_accent="#000000"
    )
    assert strong.dark
    assert {strong.ok, strong.working, strong.needs, strong.failed, strong.quiet, strong.control} == {"#FFFF00"}
    assert strong.needs_bg == strong.failed_bg == "#000000"


@pytest.mark.parametrize(("name", "shown"), [("light", theme.LIGHT), ("dark", theme.DARK)])
def test_the_pictures_of_the_sheet_have_the_colours_of_the_theme(name: str, shown: Theme) -> None:
    assert shown.on_accent in _text(assets.path(f"icons/check-{name}.svg"))
    assert shown.text2 in _text(assets.path(f"icons/down-{name}.svg"))


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
