"""Files of resources/ are found wherever TokenKeep is installed, and nothing outside is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tokenkeep import assets


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package at another place, with nothing found yet."""
    assets._root.cache_clear()
    package = tmp_path / "site/tokenkeep"
    package.mkdir(parents=True)
    monkeypatch.setattr(assets, "_PACKAGE", package)
    yield package
    assets._root.cache_clear()


def test_a_file_is_found_from_the_checkout() -> None:
    assert assets.path("icons/app.svg").read_text().startswith("<svg")
    assert "[github]" in assets.read_text("providers.toml")


def test_a_wheel_has_its_resources_beside_the_code(installed: Path) -> None:
    (installed / "resources").mkdir()
    (installed / "resources/x.txt").write_text("wheel")
    assert assets.read_text("x.txt") == "wheel"


def test_a_frozen_build_has_them_where_it_was_unpacked(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "unpacked/resources").mkdir(parents=True)
    (tmp_path / "unpacked/resources/x.txt").write_text("frozen")
    monkeypatch.setattr("sys._MEIPASS", str(tmp_path / "unpacked"), raising=False)
    assert assets.read_text("x.txt") == "frozen"


def test_an_installation_without_resources_says_so(installed: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no resources folder"):
        assets.path("icons/app.svg")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"resources/icons/none\.svg"):
        assets.path("icons/none.svg")


@pytest.mark.parametrize("name", ["../pyproject.toml", "icons/../../pyproject.toml", "/etc/hostname", "icons\\..\\x"])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    with pytest.raises(ValueError, match="does not name a file below resources"):
        assets.path(name)
