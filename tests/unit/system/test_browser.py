"""The person's browser gets one address as one argument, and nothing of ours."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.processes import wait_for
from tokenkeep.domain.ports import Launch
from tokenkeep.system.browser import SystemBrowser
from tokenkeep.system.browser_name import default_browser, known_name, name_of_command
from tokenkeep.system.child_environment import for_child

URL = "https://auth.example.com/authorize?a=1&b=%20c;$(x)'&state=s"

RECORDER = """#!{python}
import json, os, sys
def target(number):
    try:
        return os.readlink(f"/proc/self/fd/{{number}}")
    except OSError:
        return ""
record = {{
    "argv": sys.argv[1:],
    "env": dict(os.environ),
    "fds": {{number: target(number) for number in range(64) if target(number)}},
    "session": os.getsid(0) == os.getpid(),
    "umask": os.umask(0),
}}
with open({out!r} + ".new", "w") as file:
    json.dump(record, file)
os.rename({out!r} + ".new", {out!r})
sys.exit({code})
"""

MakeBrowser = Callable[..., str]


@pytest.fixture
def make_browser(tmp_path: Path) -> MakeBrowser:
    """A program that writes down how it was started; returns its path."""

    def make(name: str = "firefox", code: int = 0, *, then: str = "") -> str:
        program = tmp_path / name
        text = RECORDER.format(python=sys.executable, out=str(tmp_path / f"{name}.json"), code=code)
        program.write_text(text if not then else text.rpartition("sys.exit")[0] + then)
        program.chmod(0o755)
        return str(program)

    return make


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine must not make a command that fails look like one that runs on."""
    monkeypatch.setattr("tokenkeep.system.browser.QUICK_FAILURE", 60.0)


def record(tmp_path: Path, name: str = "firefox") -> dict[str, object]:
    path = tmp_path / f"{name}.json"
    wait_for(path.exists, "the browser")
    found: dict[str, object] = json.loads(path.read_text())
    return found


def browser(**environ: str) -> SystemBrowser:
    return SystemBrowser({"PATH": os.environ["PATH"]} | environ, wsl=False)


def test_AUTHZ_5_the_address_is_one_argument_without_a_shell(tmp_path: Path, make_browser: MakeBrowser) -> None:
    launch = browser().open(URL, command=make_browser())
    assert launch == Launch(asked=True, browser="Firefox")
    assert record(tmp_path)["argv"] == [URL]


def test_the_address_takes_the_place_of_the_mark(tmp_path: Path, make_browser: MakeBrowser) -> None:
    browser().open(URL, command=f"{make_browser()} -P 'work and play' --url=%s --new-window")
    assert record(tmp_path)["argv"] == ["-P", "work and play", f"--url={URL}", "--new-window"]


def test_the_given_command_goes_before_the_variable(tmp_path: Path, make_browser: MakeBrowser) -> None:
    one, other = make_browser("one"), make_browser("other")
    browser(BROWSER=other).open(URL, command=one)
    assert record(tmp_path, "one")["argv"] == [URL]
    assert not (tmp_path / "other.json").exists()


def test_the_variable_is_a_list_of_which_the_first_that_works_is_used(
    tmp_path: Path, make_browser: MakeBrowser
) -> None:
    launch = browser(BROWSER=f"no-such-browser:false:{make_browser('chromium')} %s:{make_browser('third')}").open(URL)
    assert launch == Launch(asked=True, browser="Chromium")
    assert record(tmp_path, "chromium")["argv"] == [URL]
    assert not (tmp_path / "third.json").exists()


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("no-such-browser", "no-such-browser is not installed"),
        ("false", "false ended with code 1"),
        ("'unbalanced", "cannot be read"),
        (" ", "cannot be read"),
    ],
)
def test_AUTHZ_6_a_browser_that_does_not_start_is_told_and_not_replaced(
    tmp_path: Path, make_browser: MakeBrowser, command: str, problem: str
) -> None:
    launch = browser(BROWSER=make_browser()).open(URL, command=command)
    assert not launch.asked
    assert problem in launch.problem
    assert not (tmp_path / "firefox.json").exists()
    assert not browser(BROWSER=command).open(URL).asked


def test_a_program_that_is_none_is_told(tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_bytes(b"\x7fELF not really")
    program.chmod(0o755)
    assert "could not be started" in browser().open(URL, command=str(program)).problem


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ms-msdt:/id",
        "-https://x.example",
        "--new-window",
        'https://x.example/";calc',
        "https://x.example/a b",
        "https://x.example/\n",
        "http://x.example/",
        "http://127.0.0.1/",
        "https://user:pw@x.example/",
        "",
    ],
)
def test_AUTHZ_5_any_other_address_starts_nothing(tmp_path: Path, make_browser: MakeBrowser, url: str) -> None:
    launch = browser(BROWSER=make_browser()).open(url, command=make_browser("given"))
    assert not launch.asked
    assert launch.problem.startswith("The address was not opened: ")
    assert not list(tmp_path.glob("*.json"))


def test_AUTHZ_5_plain_http_on_loopback_is_for_local_providers(tmp_path: Path, make_browser: MakeBrowser) -> None:
    assert browser().open("http://127.0.0.1:1234/a?b", command=make_browser(), local=True).asked
    assert not browser().open("http://127.0.0.2:1234/a?b", command=make_browser(), local=True).asked
    assert record(tmp_path)["argv"] == ["http://127.0.0.1:1234/a?b"]


def test_LEAK_2_AGENT_1_the_browser_inherits_nothing_of_ours(tmp_path: Path, make_browser: MakeBrowser) -> None:
    ours = {"TOKENKEEP_HOME": "/x", "TOKENKEEP_SOCKET": "/y", "NOTIFY_SOCKET": "/z", "LISTEN_FDS": "1", "KEEP": "me"}
    with (tmp_path / "open file").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        browser(**ours).open(URL, command=make_browser())
    found = record(tmp_path)
    assert isinstance(found["env"], dict)
    assert not set(found["env"]) & (set(ours) - {"KEEP"})
    assert found["env"]["KEEP"] == "me"
    assert found["session"] is True
    assert isinstance(found["fds"], dict)
    assert {found["fds"][number] for number in ("0", "1", "2")} == {"/dev/null"}
    assert str(tmp_path / "open file") not in found["fds"].values()


def test_a_browser_that_runs_on_is_not_waited_for_and_leaves_no_zombie(
    tmp_path: Path, make_browser: MakeBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "until")
    pid_file, until = str(tmp_path / "pid"), str(tmp_path / "until")
    run_on = f"print(os.getpid(), file=open({pid_file!r}, 'w'), flush=True)\nopen({until!r}).read()\n"
    command = make_browser("firefox", then=run_on)
    monkeypatch.setattr("tokenkeep.system.browser.QUICK_FAILURE", 0.01)
    assert browser().open(URL, command=command).asked
    pid = wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "the browser")
    with (tmp_path / "until").open("w"):
        pass
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the browser's end")


def desktop(tmp_path: Path, make_browser: MakeBrowser, *names: str, **codes: int) -> str:
    for name in names:
        make_browser(name, codes.get(name.replace("-", "_"), 0))
    return str(tmp_path)


def test_the_desktops_default_is_asked_and_named(tmp_path: Path, make_browser: MakeBrowser) -> None:
    path = desktop(tmp_path, make_browser, "xdg-open")
    settings = tmp_path / "xdg-settings"
    settings.write_text("#!/bin/sh\necho org.mozilla.firefox.desktop\n")
    settings.chmod(0o755)
    launch = SystemBrowser({"PATH": path, "DISPLAY": ":0"}, wsl=False).open(URL)
    assert launch == Launch(asked=True, browser="Firefox")
    assert record(tmp_path, "xdg-open")["argv"] == [URL]


def test_the_next_launcher_is_tried_when_one_fails(tmp_path: Path, make_browser: MakeBrowser) -> None:
    path = desktop(tmp_path, make_browser, "xdg-open", "gio", xdg_open=3)
    assert SystemBrowser({"PATH": path, "WAYLAND_DISPLAY": "wayland-0"}, wsl=False).open(URL).asked
    assert record(tmp_path, "gio")["argv"] == ["open", URL]
    failing = desktop(tmp_path, make_browser, "gio", gio=2)
    assert "ended with code" in SystemBrowser({"PATH": failing, "DISPLAY": ":0"}, wsl=False).open(URL).problem


def test_without_a_screen_or_a_browser_it_says_so(tmp_path: Path, make_browser: MakeBrowser) -> None:
    path = desktop(tmp_path, make_browser, "xdg-open")
    assert SystemBrowser({"PATH": path}, wsl=False).open(URL).problem == "There is no screen to open a browser on."
    (tmp_path / "empty").mkdir()
    lonely = SystemBrowser({"PATH": str(tmp_path / "empty"), "DISPLAY": ":0"}, wsl=False)
    assert lonely.open(URL).problem == "No browser was found."


def test_inside_windows_the_windows_browser_is_asked_first(tmp_path: Path, make_browser: MakeBrowser) -> None:
    path = desktop(tmp_path, make_browser, "wslview", "xdg-open", "powershell.exe")
    assert SystemBrowser({"PATH": path}, wsl=True).open(URL.replace("'", "")).asked
    assert record(tmp_path, "wslview")["argv"] == [URL.replace("'", "")]
    (tmp_path / "wslview").unlink()
    assert SystemBrowser({"PATH": path}, wsl=True).open("https://a.example/?x=1&y=2").asked
    assert record(tmp_path, "powershell.exe")["argv"][-1] == "'https://a.example/?x=1&y=2'"  # type: ignore[index]


def test_AUTHZ_5_an_address_cannot_end_its_quotes_in_the_windows_shell(
    tmp_path: Path, make_browser: MakeBrowser
) -> None:
    path = desktop(tmp_path, make_browser, "powershell.exe")
    assert SystemBrowser({"PATH": path}, wsl=True).open("https://a.example/';calc;'").asked
    assert record(tmp_path, "powershell.exe")["argv"][-1] == "'https://a.example/%27;calc;%27'"  # type: ignore[index]
    (tmp_path / "powershell.exe.json").unlink(missing_ok=True)
    for quote in "\u2018\u2019\u201a\u201b":  # which that shell takes for the same
        assert not SystemBrowser({"PATH": path}, wsl=True).open(f"https://a.example/{quote};calc;{quote}").asked


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["firefox", "-P", "x"], "Firefox"),
        (["/usr/lib/firefox-esr/firefox-esr"], "Firefox"),
        (["google-chrome-stable"], "Google Chrome"),
        (["chromium-browser", "%s"], "Chromium"),
        (["flatpak", "run", "org.mozilla.firefox"], "Firefox"),
        (["env", "A=b", "brave-browser"], "Brave"),
        (["my-script", "firefox"], ""),
        (["open"], ""),
        ([], ""),
    ],
)
def test_a_command_has_the_name_that_people_know(command: list[str], name: str) -> None:
    assert name_of_command(command) == name


def test_a_desktop_that_does_not_name_its_browser_has_none(tmp_path: Path) -> None:
    assert default_browser({"PATH": str(tmp_path)}) == ""
    settings = tmp_path / "xdg-settings"
    settings.write_bytes(b"\x7fELF not really")
    settings.chmod(0o755)
    assert default_browser({"PATH": str(tmp_path)}) == ""
    assert known_name("my-own.desktop") == ""


def test_what_a_bundle_changed_is_put_back_for_others() -> None:
    bundle = {
        "LD_LIBRARY_PATH": "/bundle/lib",
        "LD_LIBRARY_PATH_ORIG": "/usr/local/lib",
        "QT_PLUGIN_PATH": "/bundle/plugins",
        "XDG_DATA_DIRS": "/bundle/share:/usr/share",
        "HOME": "/home/ada",
    }
    assert for_child(bundle, bundled=True) == {
        "LD_LIBRARY_PATH": "/usr/local/lib",
        "XDG_DATA_DIRS": "/bundle/share:/usr/share",
        "HOME": "/home/ada",
    }
    assert for_child(bundle) == bundle
    assert "QT_PLUGIN_PATH" not in for_child(bundle | {"APPIMAGE": "/x.AppImage"})


def test_the_browser_gets_the_persons_umask_and_not_ours(make_browser: MakeBrowser, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        SystemBrowser({"BROWSER": make_browser(), "PATH": os.environ["PATH"]}, umask=0o022).open(URL)
    finally:
        os.umask(before)
    path = tmp_path / "firefox.json"
    wait_for(path.exists, "the browser's record")
    assert json.loads(path.read_text())["umask"] == 0o022
