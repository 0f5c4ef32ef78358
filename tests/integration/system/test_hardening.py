"""No core dumps, no look into a headless process, owner-only files: asked from the kernel."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import ctypes, os, pathlib, resource, sys
os.umask(0o027)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
from tokenkeep.system.hardening import harden
before = harden(headless=sys.argv[1] == "headless")
pathlib.Path("made").touch()
print(
    resource.getrlimit(resource.RLIMIT_CORE) == (0, 0),
    ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
    oct(os.stat("made").st_mode & 0o777),
    oct(before),
    resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 256,
)
"""


@pytest.mark.unprivileged
@pytest.mark.parametrize(("mode", "dumpable"), [("headless", "0"), ("tray", "1")])
def test_LEAK_5_core_dumps_are_off_and_headless_nobody_looks_in(tmp_path: object, mode: str, dumpable: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, mode], cwd=str(tmp_path), capture_output=True, text=True, check=True, timeout=60
    )
    core, is_dumpable, made, before, room = done.stdout.split()
    assert (core, is_dumpable, made) == ("True", dumpable, "0o600")
    assert before == "0o27", "told, so that the person's own programs get it back"
    assert room == "True", "room for many connections"
