"""The entry of the process: the command line, and behind it, lazily, the application and its demo."""

from __future__ import annotations

import sys

from tokenkeep.cli.main import main as command_line


def main(argv: list[str] | None = None) -> int:
    """Run one command, or the application when there is none.

    :returns: the process's exit code.
    """
    return command_line(argv, run=_run, demo=_demo)


def _run(argv: list[str]) -> int:
    from tokenkeep.launch import run

    return run(argv)


def _demo(argv: list[str]) -> int:
    from tokenkeep.demo_run import run_demo

    return run_demo(argv)


if __name__ == "__main__":
    sys.exit(main())
