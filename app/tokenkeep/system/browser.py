"""Hands one address to the person's own browser: as one argument, without a shell, without anything of ours."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tokenkeep.domain.ports import Launch
from tokenkeep.domain.provider import check_url
from tokenkeep.system.browser_name import default_browser, name_of_command
from tokenkeep.system.child_environment import for_child

QUICK_FAILURE = 1.0  # seconds a command gets to fail; one that runs on is the browser itself, or waits for it
LAUNCHERS = (["xdg-open"], ["gio", "open"], ["sensible-browser"], ["x-www-browser"])
WSL_LAUNCHERS = (["wslview"], ["powershell.exe", "-NoProfile", "-Command", "Start-Process"])


class SystemBrowser:
    """Implements `domain.ports.Browser`. Nobody can know whether a page was shown, so the address stays copyable."""

    def __init__(self, environ: Mapping[str, str] = os.environ, *, wsl: bool | None = None, umask: int = -1) -> None:
        """:param wsl: whether this is Linux inside Windows; found out when None.

        :param umask: the person's own, which the browser gets: what it downloads is not ours to hide. -1 leaves ours.
        """
        self._environ = environ
        self._umask = umask
        self._wsl = _is_wsl() if wsl is None else wsl

    def open(self, url: str, *, command: str = "", local: bool = False) -> Launch:
        """Ask the first browser that is set: `command`, `BROWSER`, the desktop's default. Blocks for 1 s at most.

        A `command` that fails is not replaced by another browser: that one may be signed in as somebody else.
        """
        try:
            check_url(url, local=local)  # which leaves nothing that begins with "-" or needs quoting (AUTHZ-5)
        except ValueError as refused:
            return Launch(asked=False, problem=f"The address was not opened: {refused}.")
        if command:
            return self._run(command, url)
        if self._environ.get("BROWSER"):
            launch = Launch(asked=False)
            for one in filter(None, self._environ["BROWSER"].split(os.pathsep)):
                launch = self._run(one, url)
                if launch.asked:
                    break
            return launch
        return self._open_default(url)

    def _run(self, command: str, url: str) -> Launch:
        try:
            words = shlex.split(command)
        except ValueError:
            words = []
        if not words:
            return Launch(asked=False, problem="The browser command cannot be read; look at its quotes.")
        arguments = [word.replace("%s", url) for word in words]
        if arguments == words:
            arguments.append(url)
        name = name_of_command(words)
        problem = self._start(arguments)
        return Launch(asked=not problem, browser=name, problem=problem)

    def _open_default(self, url: str) -> Launch:
        if sys.platform == "win32":
            os.startfile(url)  # noqa: S606 - checked above, and the shell there takes no arguments
            return Launch(asked=True)
        if sys.platform == "darwin":
            problem = self._start(["open", url])
            return Launch(asked=not problem, problem=problem)
        if not (self._wsl or self._environ.get("DISPLAY") or self._environ.get("WAYLAND_DISPLAY")):
            # xdg-open would start a text browser, which waits on a terminal that is not there
            return Launch(asked=False, problem="There is no screen to open a browser on.")
        problem = "No browser was found."
        for launcher in (*WSL_LAUNCHERS, *LAUNCHERS) if self._wsl else LAUNCHERS:
            if shutil.which(launcher[0], path=self._environ.get("PATH")) is None:
                continue
            # There `&` is an operator, and a quote within quotes would end them: the rest would be a command.
            target = "'" + url.replace("'", "%27") + "'" if launcher[0] == "powershell.exe" else url
            problem = self._start([*launcher, target])
            if not problem:
                return Launch(asked=True, browser=default_browser(for_child(self._environ)))
        return Launch(asked=False, problem=problem)

    def _start(self, arguments: Sequence[str]) -> str:
        """Start a command in a session of its own; why it failed at once, else empty."""
        program = shutil.which(arguments[0], path=self._environ.get("PATH"))
        if program is None:
            return f"The browser command {Path(arguments[0]).name} is not installed."
        try:
            process = subprocess.Popen(
                [program, *arguments[1:]],
                env=for_child(self._environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                umask=self._umask,
                start_new_session=True,  # closing our terminal does not close the browser
                close_fds=True,
            )
        except OSError as error:
            return f"The browser command {Path(program).name} could not be started: {error.strerror}."
        ended = threading.Event()

        def reap() -> None:
            process.wait()
            ended.set()

        # the browser may run for days; somebody has to take note of its end, or it stays as a zombie
        threading.Thread(target=reap, name="browser", daemon=True).start()
        if ended.wait(QUICK_FAILURE) and process.returncode != 0:
            return f"The browser command {Path(program).name} ended with code {process.returncode}."
        return ""


def _is_wsl() -> bool:
    """Whether this is Linux inside Windows (WSL), where xdg-open reports success and opens nothing."""
    try:
        return "microsoft" in Path("/proc/sys/kernel/osrelease").read_text(encoding="utf-8").lower()
    except (OSError, UnicodeDecodeError):
        return False
