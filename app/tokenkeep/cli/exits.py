"""The exit codes of the command line."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tokenkeep.client import TokenKeepError

DONE, FAILED, USAGE, NOT_RUNNING = 0, 1, 2, 3
INTERRUPTED = 130  # 128 and SIGINT, as shells have it

OF_CODE = {
    "not_running": NOT_RUNNING,
    "sign_in_required": 4,
    "access_denied": 5,
    "timed_out": 6,
    "unknown_provider": 7,
    "provider_unreachable": 8,
    "locked": 9,
}


def report(error: TokenKeepError) -> int:
    """Say what went wrong, for people and on stderr; the exit code that says it to programs."""
    say(str(error))
    return OF_CODE.get(error.code, FAILED)


def say(text: str) -> None:
    """A line that is not the answer."""
    print(text, file=sys.stderr, flush=True)
