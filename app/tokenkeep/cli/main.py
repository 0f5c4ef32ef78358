"""The console entry: picks the command with as little imported as it needs."""

from __future__ import annotations

import os
import sys

from tokenkeep.cli.exits import FAILED, INTERRUPTED, USAGE, say

# Every program of this machine can read a command line (LEAK-2), and shells keep it in their history.
SECRET_OPTIONS = ("--client-secret", "--secret", "--passphrase", "--password", "--access-token", "--refresh-token")


def main(argv: list[str] | None = None) -> int:
    """Run one command.

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
        code = dispatch(arguments)
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


def dispatch(arguments: list[str]) -> int:
    """Hand over to the command; `token` takes the short way past argparse."""
    command = arguments[0] if arguments else "run"
    if command == "token":
        from tokenkeep.cli.token import run as token

        code = token(arguments[1:])
        if code is not None:
            return code
    if command == "demo":
        from tokenkeep.__main__ import demo

        return demo(arguments[1:])
    from tokenkeep.cli.parser import parse

    options = parse(arguments)
    code = options.run(options)
    return int(code)


def secret_in(arguments: list[str]) -> str | None:
    """The option that gives a secret away, if there is one before `--`."""
    for argument in arguments:
        if argument == "--":
            return None
        name = argument.partition("=")[0]
        if name in SECRET_OPTIONS:
            return name
    return None
