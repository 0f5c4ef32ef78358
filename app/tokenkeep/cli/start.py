"""`--start`: starts the application without a window when none is running, and waits until it answers."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from tokenkeep.cli.exits import DONE, FAILED, report, say
from tokenkeep.client import NotRunning, TokenKeep, TokenKeepError

LIMIT = 20.0  # seconds; a start takes less than one


def start() -> int:
    """Make sure that it runs.

    :returns: the exit code, 0 when it runs.
    """
    if is_running():
        return DONE
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "tokenkeep", "--headless"],  # -P: nothing is imported from where it starts
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            cwd=os.path.expanduser("~") if os.path.isdir(os.path.expanduser("~")) else "/",  # noqa: PTH111, PTH112
        )
        for _ in range(int(LIMIT / 0.05)):
            try:
                if is_running():
                    child.returncode = 0  # it outlives us on purpose
                    return DONE
            except TokenKeepError as error:
                return report(error)
            if child.poll() is not None:
                break
            time.sleep(0.05)
        errors.seek(0)
        said = errors.read(4096).decode(errors="replace").strip()
    say(f"TokenKeep could not be started. {said}".strip())
    return FAILED


def is_running() -> bool:
    """Whether it answers.

    :raises TokenKeepError: it does, but not to us.
    """
    with TokenKeep() as client:
        try:
            client.status()
        except NotRunning:
            return False
    return True
