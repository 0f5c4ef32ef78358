"""`tokenkeep demo`: the demo provider as a child process, a throw-away configuration, the real application on both.

`tokenkeep demo server` is the demo provider alone: this process becomes it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import tomlkit

from tokenkeep.launch import FAILED, has_display, say, start

TOKEN_LIFETIME = 120  # seconds; short enough to watch a refresh, long enough to read what is on the screen
# -P: nothing is imported from the folder that somebody happens to be in.
DEMO_PROVIDER = (sys.executable, "-P", "-m", "tokenkeep.demo")
STOP_LIMIT = 5.0  # seconds the child gets to end


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


@contextlib.contextmanager
def demo_provider(port: int, token_lifetime: int) -> Iterator[dict[str, Any]]:
    """The demo provider as a child process that ends with this one; gives the settings it printed.

    :raises RuntimeError: it did not start; the message says why.
    """
    command = [*DEMO_PROVIDER, "--port", str(port)]
    command += ["--token-lifetime", str(token_lifetime)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    try:
        line = child.stdout.readline()
        if not line:
            raise RuntimeError(child.stderr.read().strip() or "the demo provider did not start")
        yield json.loads(line)
    finally:
        child.stdin.close()  # it lives until then
        try:
            child.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()
        child.stderr.close()


def configuration(provider: dict[str, Any]) -> str:
    """A configuration for the demo provider: in memory only, and open to every program of this user."""
    entry = {
        "issuer": provider["issuer"],
        "client_id": provider["client_id"],
        "scopes": provider["scopes"],
        "base_url": provider["resource"],
        "local": True,
    }
    return tomlkit.dumps(
        {
            "app": {"start_hidden": False},
            "storage": {"key": "memory"},
            "access": {"default": "allow", "manage": "allow"},
            "providers": {
                "demo": {"name": "Demo provider", **entry},
                "demo-code": {"name": "Demo, by code", "flow": "device_code", **entry},
            },
        }
    )


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
