"""Folders for one test: short names, because a unix socket's path must fit into 108 bytes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MakeHome = Callable[[], Path]


def new_home() -> Path:
    """Make a fresh folder, owner only."""
    return Path(tempfile.mkdtemp(prefix="tk-"))


@pytest.fixture
def make_home() -> Iterator[MakeHome]:
    """Make as many separate home folders as the test asks for; all are removed after it."""
    made: list[Path] = []

    def make() -> Path:
        made.append(new_home())
        return made[-1]

    yield make
    for path in made:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def home(make_home: MakeHome) -> Path:
    """One empty home folder."""
    return make_home()
