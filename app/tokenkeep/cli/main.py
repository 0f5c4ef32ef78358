"""The console entry: picks the command with as little imported as it needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from itertools import pairwise

from tokenkeep.cli.exits import FAILED, INTERRUPTED, USAGE, say

# Every program of this machine can read a command line (LEAK-2), and shells keep it in their history.
SECRET_OPTIONS = (
    "--initial-access-token", "--client-secret", "--secret", "--passphrase", "--password", "--access-token",
    "--refresh-token", "--token",
)  # fmt: skip


Start = Callable[[list[str]], int]


def main(argv: list[str] | None = None, *, run: Start, demo: Start) -> int:
    """Run one command.

    :param run: starts the application; handed in because the window lies above this room.
    :param demo: starts it with the demo provider.
    :returns: the exit code.
    """
    arguments = sys.argv[1:] if argv is None else argv
    refused = secret_in(arguments)
    if refused:
        say(
            f"{refused} is not taken from the command line, where every program can read it. "
            "Give it in a file, or type it when asked."
        )
        return USAGE
    try:
        code = dispatch(arguments, run, demo)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our answer has seen enough; the interpreter must not complain about it when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except SystemExit as leaving:  # argparse: 0 after help, 2 for wrong usage
        return leaving.code if isinstance(leaving.code, int) else FAILED
    return code


def dispatch(arguments: list[str], run: Start, demo: Start) -> int:
    """Hand over to the command; `token` takes the short way past argparse."""
    command = arguments[0] if arguments else "run"
    if command == "token":
        from tokenkeep.cli.token import run as token

        code = token(arguments[1:])
        if code is not None:
            return code
    if command == "demo":
        return demo(arguments[1:])
    from tokenkeep.cli.parser import parse

    options = parse(arguments)
    if options.run is None:
        words = [f"--{name.replace('_', '-')}" for name in ("headless", "no_tray") if getattr(options, name)]
        return run([*words, *(["--config", options.config] if options.config else [])])
    return int(options.run(options))


def secret_in(arguments: list[str]) -> str | None:
    """The option that gives a secret away, if there is one before `--`; the value `-` means standard input."""
    for argument, following in pairwise([*arguments, "-"]):
        if argument == "--":
            return None
        name, equals, value = argument.partition("=")
        if name in SECRET_OPTIONS and (value if equals else following) != "-":
            return name
    return None
