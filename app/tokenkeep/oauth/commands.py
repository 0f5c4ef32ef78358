"""Running a command that a person configured, for what it prints: no shell, a time limit, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys


class CommandFailed(Exception):
    """The text says why, as the end of a sentence; nothing that the command printed is in it."""


def output_of(command: list[str], limit: float, size: int) -> str:
    """What the command prints. Blocking.

    :param limit: seconds after which it and all it started are ended.
    :param size: bytes that it may print.
    :raises CommandFailed: it could not be started, failed, took too long, or printed too much or no text.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it may hold secrets
            start_new_session=True,
        )
    except OSError as error:
        raise CommandFailed(error.strerror or "it cannot be started") from None
    with process:
        try:
            printed, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            _end(process)
            raise CommandFailed(f"it took longer than {limit:g} seconds") from None
    if process.returncode != 0:
        raise CommandFailed(f"it ended with status {process.returncode}")
    if len(printed) > size:
        raise CommandFailed("it printed too much")
    try:
        return printed.decode("utf-8")
    except UnicodeDecodeError:
        raise CommandFailed("it printed no text") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and its children: one of them may hold the pipe open when the command itself is gone."""
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
