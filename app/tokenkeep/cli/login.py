"""`tokenkeep login`: starts a sign-in, shows what to do on stderr, waits for the end."""

from __future__ import annotations

import argparse
import sys

from tokenkeep.cli import output
from tokenkeep.cli.exits import DONE, say
from tokenkeep.client import TokenKeep, TokenKeepError
from tokenkeep.client.errors import from_problem

PENDING = ("waiting_for_browser", "waiting_for_code", "exchanging")
ERASE = "\r\x1b[K"


def login(client: TokenKeep, options: argparse.Namespace) -> int:
    """Sign in.

    :raises TokenKeepError: it came to nothing.
    """
    method = "device" if options.device else "browser" if options.browser or options.no_open else "auto"
    attempt = client.sign_in(options.provider, method=method, open_browser=not options.no_open)
    if attempt["state"] in PENDING:  # else no person takes part: the token is there already
        explain(attempt, opened=not options.no_open)
    try:
        attempt = wait(client, attempt)
    except KeyboardInterrupt:
        client.cancel_sign_in(attempt["id"])
        say("The sign-in is cancelled.")
        raise
    _raise_for(attempt)
    provider = client.provider(options.provider)
    if options.json:
        output.print_json(provider)
    else:
        who = f" as {provider['account']}" if provider["account"] else ""
        print(output.plain(f"Signed in to {provider['name'] or provider['id']}{who}."))
    return DONE


def explain(attempt: dict[str, str], *, opened: bool) -> None:
    """Say what the person has to do."""
    if attempt["user_code"]:
        say(f"On any device, open   {output.plain(attempt['verification_uri'])}")
        say(f"and enter the code    {output.paint(output.plain(attempt['user_code']), output.BOLD, sys.stderr)}")
        if sys.stderr.isatty():
            from tokenkeep.cli.qr import draw

            say(draw(attempt["verification_uri_complete"] or attempt["verification_uri"]))
    elif opened:
        say(f"Sign in in the browser window that opens. If none does, open:\n{attempt['authorization_url']}")
    else:
        say(f"Open in a browser on this machine:\n{attempt['authorization_url']}")


def wait(client: TokenKeep, attempt: dict[str, str]) -> dict[str, str]:
    """Wait for the end; in a terminal a line counts down meanwhile."""
    live = sys.stderr.isatty()
    while attempt["state"] in PENDING:
        if live:
            print(f"{ERASE}{_progress(attempt)}", end="", file=sys.stderr, flush=True)
        attempt = client.sign_in_state(attempt["id"], wait=1.0 if live else 60.0)
    if live:
        print(ERASE, end="", file=sys.stderr, flush=True)
    return attempt


def _progress(attempt: dict[str, str]) -> str:
    words = {
        "waiting_for_browser": "Waiting for the browser",
        "waiting_for_code": "Waiting for the code to be entered",
        "exchanging": "Fetching the tokens",
    }[attempt["state"]]
    if not attempt["expires_at"]:
        return f"{words} … Ctrl-C cancels."
    left = max(0, int(float(attempt["expires_at"]) - output.now()))
    return f"{words}, {left // 60}:{left % 60:02} left … Ctrl-C cancels."


def _raise_for(attempt: dict[str, str]) -> None:
    problem = attempt["error"]
    if isinstance(problem, dict):
        raise from_problem(int(problem["status"]), problem)
    if attempt["state"] == "expired":
        raise TokenKeepError("timed_out", "Nobody signed in in time", hint="Run it again.")
    if attempt["state"] != "done":
        raise TokenKeepError("failed", "The sign-in was cancelled")
