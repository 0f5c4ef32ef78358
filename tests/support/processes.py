"""Child processes of the tests: a clean environment for them, waiting with a bound, ending by process id."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

Found = TypeVar("Found")

# Guards against hanging on a loaded machine; no test depends on how long anything takes.
START_LIMIT = 60.0
END_LIMIT = 10.0

# What a child may inherit: where programs and libraries are, how children are measured, how Python is kept quiet.
_INHERITED = (
    "PATH",
    "LD_LIBRARY_PATH",
    "CI",
    "PYTHONDONTWRITEBYTECODE",
    "COVERAGE_PROCESS_START",
    "COVERAGE_PROCESS_CONFIG",
    "COV_CORE_SOURCE",
)


class NotInTime(AssertionError):
    """Something that had to come did not, within the guard."""


def wait_for(look: Callable[[], Found | None], what: str, *, limit: float = START_LIMIT, step: float = 0.05) -> Found:
    """Call `look` until it gives something true, and return that.

    :param what: names the awaited thing in the message.
    :param limit: seconds until `NotInTime` is raised.
    """
    pause = threading.Event()
    for _ in range(max(1, int(limit / step))):
        found = look()
        if found:
            return found
        pause.wait(step)
    raise NotInTime(f"{what} did not come within {limit:g} s")


def clean_environment(home: Path, *more: Mapping[str, str]) -> dict[str, str]:
    """Make the environment of a child that knows nothing of the real user: everything personal lies below `home`."""
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= home_variables(home)
    environment |= {"LANG": "C.UTF-8", "TZ": "UTC", "PYTHONUNBUFFERED": "1", "NO_PROXY": "*"}
    for mapping in more:
        environment |= mapping
    return environment


def unmeasured(environment: Mapping[str, str]) -> dict[str, str]:
    """The same environment without coverage's own start-up, for a child whose imports are the matter."""
    return {name: value for name, value in environment.items() if not name.startswith("COV")}


def home_variables(home: Path) -> dict[str, str]:
    """Make `home` with its XDG folders and return the variables that point there."""
    places = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_DATA_HOME": home / ".local/share",
        "XDG_STATE_HOME": home / ".local/state",
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_RUNTIME_DIR": home / "rt",
    }
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {name: str(place) for name, place in places.items()}


def program(*names: str) -> str:
    """Return the path of the first of these programs that is installed; without one, the test is skipped."""
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    pytest.skip(f"{' or '.join(names)} is not installed")


def end(process: subprocess.Popen[bytes] | None) -> None:
    """Ask one process to end, by its id; kill it when it does not within the guard."""
    if process is None:
        return
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
