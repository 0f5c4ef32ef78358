"""The wheel: built from the checkout and installed elsewhere without extras, it starts and finds its resources."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.processes import clean_environment
from support.unprivileged import CHECKOUT

VERSION = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]


def run(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        env=clean_environment(folder),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def output_of(command: list[str | Path], folder: Path) -> str:
    result = run(command, folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.strip()


def required_without_extras() -> set[str]:
    """The names of all distributions that the wheel asks for, and those that these ask for."""
    wanted, found = [Requirement(text) for text in distribution("tokenkeep").requires or ()], set[str]()
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        if name in found:
            continue
        found.add(name)
        for text in distribution(name).requires or ():
            further = Requirement(text)
            if further.marker is None or any(
                further.marker.evaluate({"extra": extra}) for extra in (*requirement.extras, "")
            ):
                wanted.append(further)
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without isolation: the backend is a development dependency."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    output_of([*command, "--wheel-dir", folder, CHECKOUT], folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a fresh environment `venv`: the wheel, and by links nothing but what it requires."""
    folder = tmp_path_factory.mktemp("elsewhere")
    output_of([sys.executable, "-m", "venv", folder / "venv"], folder)
    python = folder / "venv/bin/python"
    output_of([python, "-m", "pip", "install", "--no-index", "--no-deps", wheel], folder)
    site = Path(output_of([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder))
    for name in required_without_extras():
        installed = distribution(name)
        for top in {file.parts[0] for file in installed.files or () if file.parts[0] not in {"..", "__pycache__"}}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(installed.locate_file(top))))
    return folder


def test_the_wheel_carries_the_package_and_every_resource(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    resources = [path for path in (CHECKOUT / "resources").rglob("*") if path.is_file()]
    assert resources
    assert {f"tokenkeep/resources/{path.relative_to(CHECKOUT / 'resources')}" for path in resources} <= names
    assert {"tokenkeep/py.typed", "tokenkeep/__main__.py"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests/", "app/"))]


def test_the_wheel_starts_elsewhere(elsewhere: Path) -> None:
    for command in (["python", "-m", "tokenkeep", "--version"], ["tokenkeep", "--version"]):
        assert VERSION in output_of([elsewhere / "venv/bin" / command[0], *command[1:]], elsewhere)


def test_the_wheel_elsewhere_is_not_the_checkout_and_finds_its_resources(elsewhere: Path) -> None:
    code = "import tokenkeep; print(tokenkeep.__file__)"
    place = Path(output_of([elsewhere / "venv/bin/python", "-c", code], elsewhere))
    assert place.is_relative_to(elsewhere / "venv")
    assert (place.parent / "resources").is_dir()


def test_the_demo_without_its_extra_says_what_to_install(elsewhere: Path) -> None:
    python = elsewhere / "venv/bin/python"
    assert run([python, "-c", "import flask"], elsewhere).returncode != 0
    result = run([python, "-m", "tokenkeep", "demo"], elsewhere)
    assert result.returncode == 1
    assert "tokenkeep[demo]" in result.stderr
    assert "Traceback" not in result.stderr
