"""What a start means: a window, headless, or another process to wake."""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import tokenkeep
from tokenkeep.domain.errors import TokenKeepError

DONE, FAILED = 0, 1
STARTING_TRIES, STARTING_PAUSE = 25, 0.2  # seconds; a start takes less than one
QUIT_LIMIT = 3.0  # seconds the engine gets to end after the window is gone


def parser() -> argparse.ArgumentParser:
    """The options of `tokenkeep` without a command."""
    options = argparse.ArgumentParser(prog="tokenkeep", description="Owns your sign-ins and hands tokens to programs.")
    options.add_argument(
        "--headless", action="store_true", help="no window and no tray: the engine and its socket only"
    )
    options.add_argument("--no-tray", action="store_true", help="a window, but no tray icon")
    options.add_argument("--config", metavar="DIR", type=Path, help="keep everything under this folder")
    options.add_argument("--version", action="version", version=f"tokenkeep {tokenkeep.__version__}")
    return options


def run(argv: list[str]) -> int:
    """Run in the foreground until somebody quits; a second start raises the first one's window.

    :returns: the process's exit code.
    """
    options = parser().parse_args(argv)
    if options.config is not None:
        os.environ["TOKENKEEP_HOME"] = str(options.config.expanduser().resolve())
    headless = options.headless
    if not headless and not has_display():
        say("There is no display: running headless. `tokenkeep status` shows how things stand.")
        headless = True
    return start(headless=headless, tray=not options.no_tray)


def start(*, headless: bool, tray: bool) -> int:
    """Start the application in this process."""
    from tokenkeep.bootstrap import Application, run_loop
    from tokenkeep.storage.paths import Paths

    try:
        application = Application(Paths.find(), headless=headless)
        if not application.lock.acquire():
            return raise_the_running_one(headless=headless)
        if headless:
            run_loop(application.serve())
            return DONE
        return with_window(application, tray=tray)
    except TokenKeepError as error:
        say(f"{error.title}. {error.detail} {error.hint}".rstrip())
        return FAILED


def with_window(application: object, *, tray: bool) -> int:
    """The engine in its own thread, the window in this one."""
    from tokenkeep.bootstrap import Application, run_loop
    from tokenkeep.engine.thread import EngineThread

    assert isinstance(application, Application)
    thread = EngineThread(application.serve, run_loop)
    engine = thread.start()  # first: tokens are served while Qt is still being loaded
    try:
        try:
            from tokenkeep.ui import application as window
        except ImportError as missing:
            say(f"The window cannot be shown: {missing}. Install what is missing, or run `tokenkeep --headless`.")
            return FAILED
        return window.run(
            thread,
            tray=tray,
            clock=application.clock,
            settings=application.configuration.app,
            config_file=application.paths.config_file,
            state_file=application.paths.log_dir.parent / "window.json",
            notifier=application.notifier(),
            remember=application.configuration.access.remember,
        )
    finally:
        with suppress(RuntimeError):  # its loop is closed when the wish to end came through the socket
            thread.call(engine.quit)
        thread.join(QUIT_LIMIT)


def raise_the_running_one(*, headless: bool) -> int:
    """Another process owns this configuration: show its window instead of starting a second one."""
    from tokenkeep.client import TokenKeep, TokenKeepError

    if headless:
        say("TokenKeep is already running with this configuration.")
        return FAILED
    for last in (*[False] * STARTING_TRIES, True):  # the first one may be starting at this moment
        try:
            TokenKeep().show()
        except TokenKeepError as error:
            if last:
                say(f"TokenKeep is already running, but does not answer: {error.title}")
                return FAILED
            time.sleep(STARTING_PAUSE)
        else:
            break
    return DONE


def has_display() -> bool:
    """Whether a window could be shown."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY"))


def say(text: str) -> None:
    """A line for people; stdout is for answers."""
    print(text, file=sys.stderr, flush=True)
