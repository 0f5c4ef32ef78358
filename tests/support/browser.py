"""A real Chromium that the application opens itself: the test only makes the command and attaches to it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest
from selenium.common.exceptions import (
    ElementNotInteractableException,
    StaleElementReferenceException,
)
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from support.homes import MakeHome
from support.processes import END_LIMIT, NotInTime, program, wait_for

_FLAGS = (
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    "--password-store=basic",
    "--disable-features=OptimizationHints,MediaRouter,Translate",
    "--window-size=1100,800",
    "--window-position=120,60",
)

Found = TypeVar("Found")

# The script that stands in BROWSER: notes what it was asked, then becomes Chromium (the same process id).
_SCRIPT = """\
#!{python}
import json, os, sys, tempfile
folder = tempfile.mkdtemp(prefix="launch-", dir={records!r})
with open(os.path.join(folder, "launch.part"), "w") as record:
    json.dump({{"pid": os.getpid(), "arguments": sys.argv[1:]}}, record)
os.rename(os.path.join(folder, "launch.part"), os.path.join(folder, "launch.json"))
log = os.open(os.path.join(folder, "chromium.log"), os.O_WRONLY | os.O_CREAT, 0o600)
os.dup2(log, 1)
os.dup2(log, 2)
command = {command!r} + ["--user-data-dir=" + os.path.join(folder, "profile")] + sys.argv[1:]
os.execvpe(command[0], command, {{**os.environ, **{env!r}}})
"""


class Launch:
    """One browser that was opened: what with, and the way into it."""

    def __init__(self, folder: Path) -> None:
        """:param folder: where the script noted this launch."""
        self.folder = folder
        record = json.loads((folder / "launch.json").read_text())
        self.pid: int = record["pid"]
        self.arguments: list[str] = record["arguments"]
        self._driver: Chrome | None = None

    @property
    def url(self) -> str:
        """The address that it was opened with."""
        return self.arguments[-1]

    def attach(self) -> Chrome:
        """Return a driver of the running browser; chromedriver is the installed one, none is fetched."""
        if self._driver is None:
            options = ChromeOptions()
            options.binary_location = program("chromium", "chromium-browser")
            options.add_experimental_option("debuggerAddress", f"127.0.0.1:{self._debugging_port()}")
            self._driver = Chrome(options=options, service=Service(executable_path=program("chromedriver")))
        return self._driver

    def find(self, element_id: str) -> WebElement:
        """Wait until an element with this id is shown, in whichever page follows, and return it."""
        return self._wait(lambda driver: _shown(driver, element_id), f"the element #{element_id}")

    def click(self, element_id: str) -> None:
        """Click an element when it is there."""

        def look(driver: Chrome) -> bool:
            element = _shown(driver, element_id)
            if element is not None:
                element.click()
            return element is not None

        self._wait(look, f"the element #{element_id} to click")

    def type(self, element_id: str, text: str) -> None:
        """Replace the text of an input when it is there."""
        element = self.find(element_id)
        element.clear()
        element.send_keys(text)

    def wait_for_url(self, part: str) -> str:
        """Wait until the address contains `part` and return the address."""
        return self._wait(
            lambda driver: driver.current_url if part in driver.current_url else None, f"a page at {part}"
        )

    def is_running(self) -> bool:
        """Tell whether the browser's first process lives."""
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        return state != "Z"

    def close(self) -> None:
        """End chromedriver, then the browser, by its id: first asked, then killed."""
        if self._driver is not None:
            self._driver.service.stop()
            self._driver = None
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if not self.is_running():
                break
            os.kill(self.pid, sign)
            try:
                wait_for(lambda: not self.is_running(), "the end of Chromium", limit=END_LIMIT)
            except NotInTime:
                if sign == signal.SIGKILL:
                    raise

    def _debugging_port(self) -> str:
        path = self.folder / "profile/DevToolsActivePort"

        def look() -> str | None:
            assert self.is_running(), f"Chromium ended: {(self.folder / 'chromium.log').read_text(errors='replace')}"
            lines = path.read_text().splitlines() if path.exists() else []
            return lines[0] if len(lines) > 1 else None

        return wait_for(look, "Chromium's debugging port")

    def _wait(self, look: Callable[[Chrome], Found | None], what: str) -> Found:
        driver = self.attach()

        def look_again() -> Found | None:
            try:
                return look(driver)
            except (StaleElementReferenceException, ElementNotInteractableException):  # the page is just changing
                return None

        try:
            return wait_for(look_again, what)
        except NotInTime as error:
            raise NotInTime(f"{error}; the page is {driver.title!r} at {driver.current_url.split('?')[0]}") from None


def _shown(driver: Chrome, element_id: str) -> WebElement | None:
    elements = driver.find_elements(By.ID, element_id)
    return elements[0] if elements and elements[0].is_displayed() else None


class BrowserCommand:
    """A command for BROWSER that opens a fresh Chromium for each address and keeps a list of what it was asked."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        """:param env: a screen's variables; without DISPLAY among them Chromium runs without a window."""
        self._records = folder / "launches"
        self._records.mkdir()
        self._seen: list[Launch] = []
        self.path = folder / "open-browser"
        flags = list(_FLAGS)
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium refuses to run as root with it
        if "DISPLAY" not in (env or {}):
            flags.append("--headless=new")
        environment = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_CACHE_HOME": str(folder)} | dict(
            env or {}
        )
        command = [program("chromium", "chromium-browser"), *flags]
        self.path.write_text(
            _SCRIPT.format(python=sys.executable, records=str(self._records), command=command, env=environment)
        )
        self.path.chmod(0o755)

    def env(self) -> dict[str, str]:
        """The variable that makes a program use this command."""
        return {"BROWSER": shlex.quote(str(self.path))}

    def launches(self) -> list[Launch]:
        """What was opened so far, in order."""
        known = {launch.folder for launch in self._seen}
        records = sorted(self._records.glob("*/launch.json"), key=lambda path: path.stat().st_mtime_ns)
        self._seen += [Launch(path.parent) for path in records if path.parent not in known]
        return list(self._seen)

    def wait_for_launch(self, number: int = 1) -> Launch:
        """Wait until something has opened its `number`th browser."""
        return wait_for(lambda: self.launches()[number - 1 :], "the opening of a browser")[0]

    def close(self) -> None:
        """End every browser that was opened."""
        for launch in self.launches():
            launch.close()


@pytest.fixture
def open_browser(request: pytest.FixtureRequest, make_home: MakeHome) -> Iterator[BrowserCommand]:
    """The command for BROWSER; shown on the test's `screen` when the test has one."""
    screen = request.getfixturevalue("screen") if "screen" in request.fixturenames else None
    if not shutil.which("chromedriver"):
        pytest.skip("chromedriver is not installed")
    command = BrowserCommand(make_home(), screen.env() if screen else None)
    yield command
    command.close()
