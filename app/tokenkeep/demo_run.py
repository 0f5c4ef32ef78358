"""`tokenkeep demo`: the demo provider as a child process, a throw-away configuration, the real application on both.

`tokenkeep demo server` is the demo provider alone: this process becomes it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from tokenkeep.demo_child import DEMO_PROVIDER, configuration, demo_provider
from tokenkeep.launch import FAILED, has_display, say, start

TOKEN_LIFETIME = 120  # seconds; short enough to watch a refresh, long enough to read what is on the screen


def parser() -> argparse.ArgumentParser:
    """The options of `tokenkeep demo`."""
    options = argparse.ArgumentParser(
        prog="tokenkeep demo",
        description="Run with a demo identity provider and a throw-away configuration.",
        epilog="`tokenkeep demo server` runs the demo provider alone; see `tokenkeep demo server --help`.",
    )
    options.add_argument("--headless", action="store_true", help="no window and no tray")
    options.add_argument("--no-tray", action="store_true", help="a window, but no tray icon")
    options.add_argument(
        "--token-lifetime", type=int, default=TOKEN_LIFETIME, metavar="S", help="seconds a token lives"
    )
    options.add_argument("--port", type=int, default=0, help="port of the demo provider; 0 takes a free one")
    return options


def run_demo(argv: list[str]) -> int:
    """Run until somebody quits; everything is gone afterwards.

    :returns: the process's exit code.
    """
    if argv[:1] == ["server"]:
        run_server(argv[1:])
    options = parser().parse_args(argv)
    headless = options.headless or not has_display()
    given = os.environ.get("TOKENKEEP_HOME")
    with contextlib.ExitStack() as stack:
        try:
            provider = stack.enter_context(demo_provider(options.port, options.token_lifetime))
        except RuntimeError as problem:
            say(str(problem))
            return FAILED
        home = Path(given or stack.enter_context(tempfile.TemporaryDirectory(prefix="tokenkeep-demo-")))
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (home / "config.toml").exists():
            say(f"There is a configuration in {home} already; the demo does not touch it. Unset TOKENKEEP_HOME.")
            return FAILED
        (home / "config.toml").touch(mode=0o600)
        (home / "config.toml").write_text(configuration(provider), encoding="utf-8")
        # It lets every program in: in a folder that somebody named it must not wait for the next start.
        stack.callback((home / "config.toml").unlink, missing_ok=True)
        os.environ["TOKENKEEP_HOME"] = str(home)
        say(introduction(provider, home, headless=headless, asked=options.headless))
        return start(headless=headless, tray=not options.no_tray)


def run_server(argv: list[str]) -> NoReturn:
    """Become the demo provider, in the foreground."""
    os.execv(sys.executable, [*DEMO_PROVIDER, "--foreground", *argv])  # noqa: S606 - no shell is wanted


def introduction(provider: dict[str, Any], home: Path, *, headless: bool, asked: bool) -> str:
    """What a newcomer does next."""
    user = provider["users"][0]
    if headless:
        first = "Sign in:              tokenkeep login demo     (or: tokenkeep login demo --device)"
        mode = "Running headless." if asked else "There is no display: running headless."
    else:
        first = "Sign in:              click the tower in the tray, then “Demo provider” — or: tokenkeep login demo"
        mode = "The window is on its way."
    folder = Path(sys.executable).parent
    ours = shutil.which("tokenkeep") == str(folder / "tokenkeep")
    path = "" if ours else f"  export PATH={shlex.quote(str(folder))}:$PATH\n"
    return f"""\
The demo provider is at {provider["issuer"]}. {mode}
Its user is {user["username"]} with the password {user["password"]}. Nothing here outlives this process.

In another terminal, first:
  export TOKENKEEP_HOME={shlex.quote(str(home))}
{path}
  {first}
  Get a token:          tokenkeep token demo
  Use it:               printf 'Authorization: Bearer %s' "$(tokenkeep token demo)" | curl -H @- {provider["whoami"]}
  Ask the socket:       curl --unix-socket $TOKENKEEP_HOME/run/api.sock http://tokenkeep/v1/providers/demo/token
  See how things stand: tokenkeep status; tokenkeep list; tokenkeep events

Ctrl-C ends it.
"""
