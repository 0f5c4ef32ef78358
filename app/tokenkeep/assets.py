"""The one way to the files of `resources/`, from a checkout, an editable install, a wheel or a frozen build."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path, PurePosixPath

_PACKAGE = Path(__file__).resolve().parent


def path(name: str) -> Path:
    """The file `name`, given relative to `resources/` with forward slashes: `icons/app.svg`.

    :raises ValueError: the name leads out of `resources/`.
    :raises FileNotFoundError: there is no such file.
    """
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or "\\" in name:
        raise ValueError(f"{name!r} does not name a file below resources/")
    found = _root() / parts
    if not found.is_file():
        raise FileNotFoundError(f"resources/{name} is missing from this installation")
    return found


def read_text(name: str) -> str:
    """The text of a UTF-8 file; raises as `path`."""
    return path(name).read_text(encoding="utf-8")


@cache
def _root() -> Path:
    """The folder `resources`: beside the code in a wheel, two folders above the package in a checkout."""
    frozen = getattr(sys, "_MEIPASS", None)  # where a frozen build was unpacked
    candidates = [_PACKAGE / "resources", _PACKAGE.parents[1] / "resources"]
    if frozen is not None:
        candidates = [Path(frozen) / "tokenkeep" / "resources", Path(frozen) / "resources"]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError("this installation has no resources folder")
