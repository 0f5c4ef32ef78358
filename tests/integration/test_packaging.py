"""The wheel: built from the checkout, installed elsewhere, it starts and finds its resources."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from support.processes import clean_environment
from support.unprivileged import CHECKOUT

VERSION = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]


def run(command: list[str | Path], home: Path, cwd: Path) -> str:
    result = subprocess.run(
        [str(part) for part in command],
        env=clean_environment(home),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without isolation: the backend is a development dependency."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    run([*command, "--wheel-dir", folder, CHECKOUT], folder, folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel. Third-party packages come from ours, TokenKeep's own source does not."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run([sys.executable, "-m", "venv", folder / "venv"], folder, folder)
    python = folder / "venv/bin/python"
    run([python, "-m", "pip", "install", "--no-index", "--no-deps", wheel], folder, folder)
    # Path files are read in the order of their names, and ours (.pth of the editable install) is not read from there.
    site = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder, folder).strip())
    (site / "third-party.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_wheel_carries_the_package_and_every_resource(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    resources = [path for path in (CHECKOUT / "resources").rglob("*") if path.is_file()]
    assert resources
    assert {f"tokenkeep/resources/{path.relative_to(CHECKOUT / 'resources')}" for path in resources} <= names
    assert {"tokenkeep/py.typed", "tokenkeep/__main__.py"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests/", "app/"))]


def test_the_wheel_starts_elsewhere(elsewhere: Path) -> None:
    version = run([elsewhere / "venv/bin/python", "-m", "tokenkeep", "--version"], elsewhere, elsewhere)
    assert VERSION in version
    assert VERSION in run([elsewhere / "venv/bin/tokenkeep", "--version"], elsewhere, elsewhere)


def test_the_wheel_elsewhere_is_not_the_checkout_and_finds_its_resources(elsewhere: Path) -> None:
    code = "import tokenkeep; print(tokenkeep.__file__)"
    place = Path(run([elsewhere / "venv/bin/python", "-c", code], elsewhere, elsewhere).strip())
    assert place.is_relative_to(elsewhere / "venv")
    assert (place.parent / "resources").is_dir()
