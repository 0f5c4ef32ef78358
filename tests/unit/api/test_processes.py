"""Who a process is, by /proc."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.processes import wait_for
from tokenkeep.api import processes

WAITS = "import sys; print('here', flush=True); sys.stdin.read()"


@contextmanager
def waiting(*command: str | Path, cwd: Path | None = None) -> Iterator[int]:
    """A child that has said something and now waits; its process id."""
    child = subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=cwd)
    try:
        assert child.stdout is not None
        assert child.stdout.readline()
        yield child.pid
    finally:
        child.communicate()


@pytest.fixture
def script(home: Path) -> Path:
    path = home / "tool.py"
    path.write_text(WAITS)
    return path


def test_a_program_of_its_own_is_its_executable(home: Path) -> None:
    cat = shutil.which("cat")
    assert cat
    child = subprocess.Popen([cat], stdin=subprocess.PIPE)
    try:
        wait_for(lambda: processes.executable_of(child.pid).endswith("/cat"), "the program")
        application = processes.identify(child.pid).application
    finally:
        child.communicate()
    assert application.executable == os.path.realpath(cat)
    assert application.key == ("app", os.path.realpath(cat))
    assert application.parent == os.path.realpath(sys.executable)


def test_an_interpreter_is_the_script_that_it_runs(script: Path) -> None:
    for command in ((script,), ("-I", "-X", "utf8", "-W", "error", script)):
        with waiting(sys.executable, *command) as pid:
            application = processes.identify(pid).application
        assert application.key == ("script", str(script))
        assert application.name == "tool.py"


def test_a_relative_script_is_found_from_the_processs_own_folder(script: Path) -> None:
    with waiting(sys.executable, script.name, cwd=script.parent) as pid:
        assert processes.identify(pid).application.script == str(script)


def test_code_on_the_command_line_is_nobody_but_the_login_session(script: Path) -> None:
    with waiting(sys.executable, "-c", WAITS, script) as pid:
        application = processes.identify(pid).application
    assert application.script == ""
    assert not application.identified
    assert application.key[0] == "session"
    assert f"session {os.getsid(0)} " in application.key[1]


def test_our_own_command_line_is_whoever_started_it(home: Path) -> None:
    (home / "tokenkeep").mkdir()
    (home / "tokenkeep/__init__.py").write_text("")
    (home / "tokenkeep/__main__.py").write_text(WAITS)
    starter = home / "deploy.py"
    starter.write_text(
        "import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-m', 'tokenkeep'], stdin=0, stdout=-1)\n"
        "child.stdout.readline()\nprint(child.pid, flush=True)\nchild.wait()\n"
    )
    process = subprocess.Popen([sys.executable, starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=home)
    try:
        assert process.stdout is not None
        application = processes.identify(int(process.stdout.readline())).application
    finally:
        process.communicate()
    assert application.key == ("script", str(starter))
    assert application.pid == process.pid


def test_another_programs_module_of_that_name_is_not_ours() -> None:
    assert not processes.is_own_command("/usr/bin/other", ["python", "-m", "tokenkeep"])
    own = processes.executable_of(os.getpid())
    assert processes.is_own_command(own, ["python", "-m", "tokenkeep", "token", "x"])
    assert processes.is_own_command(own, ["python", f"{sys.prefix}/bin/tokenkeep", "token", "x"])
    assert not processes.is_own_command(own, ["python", "/tmp/tokenkeep", "token", "x"])
    assert not processes.is_own_command(own, ["python", "-m", "http.server", f"{sys.prefix}/bin/tokenkeep"])


def test_a_process_that_is_gone_is_nobody() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    application = processes.identify(child.pid).application
    assert (application.executable, application.script, application.identified) == ("", "", False)


def test_a_program_replaced_by_an_upgrade_stays_who_it_was(home: Path) -> None:
    program = home / "agent"
    shutil.copy(shutil.which("cat") or "/bin/cat", program)
    child = subprocess.Popen([program], stdin=subprocess.PIPE)
    try:
        wait_for(lambda: processes.executable_of(child.pid) == str(program), "the program")
        program.unlink()
        program.write_text("the new version")
        assert processes.identify(child.pid).application.executable == str(program)
    finally:
        child.communicate()


def test_a_file_put_at_another_programs_path_in_a_tree_of_its_own_is_nobody(home: Path) -> None:
    """Such a tree needs no rights; taking the file away again must not make its path true."""
    pretended, evil = shutil.which("env") or "/usr/bin/env", home / "evil"
    shutil.copy(shutil.which("cat") or "/bin/cat", evil)
    script = f"mount --bind {evil} {pretended} && exec {pretended}"
    child = subprocess.Popen(["unshare", "-Urm", "sh", "-c", script], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_for(lambda: child.poll() is not None or processes.executable_of(child.pid) == pretended, "the program")
        if child.poll() is not None:
            pytest.skip("this system does not let users make mount namespaces")
        assert processes.identify(child.pid).application.executable == ""
        evil.unlink()
        assert processes.executable_of(child.pid) == pretended
        assert processes.identify(child.pid).application.executable == ""
    finally:
        child.communicate()


def test_our_own_command_line_left_to_init_is_not_init(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the first process may be a program that was allowed; anybody can be given to it as a child."""
    own = processes.executable_of(os.getpid())
    lines = {77: (own, (own, "-m", "tokenkeep", "token", "x")), 1: (own, (own, "/app/main.py"))}
    monkeypatch.setattr(processes, "executable_of", lambda pid: lines.get(pid, (own, ()))[0])
    monkeypatch.setattr(processes, "command_line", lambda pid: lines.get(pid, (own, ()))[1])
    monkeypatch.setattr(processes, "_real_file", lambda name, _pid: name)
    monkeypatch.setattr(processes, "stat_of", lambda pid: processes.Stat(1 if pid == 77 else 0, pid, 0, 5))
    assert processes.identify(1).application.key == ("script", "/app/main.py")
    application = processes.identify(77).application
    assert (application.pid, application.identified) == (77, False)


def test_a_name_with_parentheses_and_spaces_does_not_confuse_the_fields(home: Path) -> None:
    program = home / "a) R 1 (b"
    shutil.copy(shutil.which("cat") or "/bin/cat", program)
    child = subprocess.Popen([program], stdin=subprocess.PIPE)
    try:
        found = processes.stat_of(child.pid)
    finally:
        child.communicate()
    assert found is not None
    assert found.parent == os.getpid()


@pytest.mark.parametrize(
    ("executable", "interpreter"),
    [
        ("/usr/bin/python3.11", "python"),
        ("/usr/bin/node", "node"),
        ("/bin/bash", "bash"),
        ("/usr/bin/git", ""),
        ("", ""),
    ],
)
def test_interpreters_are_known_with_any_version(executable: str, interpreter: str) -> None:
    assert processes.interpreter_of(executable) == interpreter


@pytest.mark.parametrize(
    ("interpreter", "before"),
    [("node", ["--require", "x.js"]), ("java", ["-cp", "lib", "-jar"]), ("bash", ["-o", "pipefail"]), ("perl", ["-w"])],
)
def test_options_before_a_script_are_skipped_with_their_values(
    script: Path, interpreter: str, before: list[str]
) -> None:
    assert processes.script_of(interpreter, [interpreter, *before, str(script)], os.getpid()) == str(script)


@pytest.mark.parametrize(
    ("interpreter", "before"),
    [
        ("python", ["-cimport evil"]),
        ("python", ["-Imevil"]),
        ("python", ["-Ic", "/etc/hosts"]),
        ("perl", ["-eevil"]),
        ("ruby", ["-weevil"]),
        ("node", ["--eval=evil"]),
        ("node", ["-pe", "/etc/hosts"]),
        ("bash", ["-ec", "/etc/hosts"]),
        ("php", ["-revil"]),
    ],
)
def test_code_glued_to_an_option_is_no_script(script: Path, interpreter: str, before: list[str]) -> None:
    assert processes.script_of(interpreter, [interpreter, *before, str(script)], os.getpid()) == ""


@pytest.mark.parametrize(
    ("interpreter", "before"),
    [
        ("python", ["-Wdefault", "-Xdev", "-u"]),
        ("python", ["-IX", "utf8"]),
        ("bash", ["-euo", "pipefail"]),
        ("java", ["-Xmx512m", "-Dmode=main", "-jar"]),
        ("php", ["-dmemory_limit=1"]),
    ],
)
def test_letters_of_a_value_are_no_options(script: Path, interpreter: str, before: list[str]) -> None:
    assert processes.script_of(interpreter, [interpreter, *before, str(script)], os.getpid()) == str(script)


def test_AGENT_8_a_descriptor_of_the_other_process_is_not_taken_for_one_of_ours(script: Path, home: Path) -> None:
    (home / "folder").symlink_to("/proc/self/fd")
    with script.open() as ours:
        number = ours.fileno()
        (home / "link").symlink_to(f"/dev/fd/{number}")
        names = [f"/dev/fd/{number}", f"/proc/self/fd/{number}", f"{home}/../../../dev/fd/{number}", f"{home}/link"]
        for name in [*names, f"{home}/folder/{number}"]:
            assert processes.script_of("bash", ["bash", name], os.getpid()) == "", name


def test_AGENT_8_a_script_is_known_by_the_file_behind_its_links(script: Path, home: Path) -> None:
    (home / "other").symlink_to(home)
    (home / "first").symlink_to("second")
    (home / "second").symlink_to(f"other/../{home.name}/{script.name}")
    (home / "round").symlink_to("round")
    for name, known in ((f"{home}/first", str(script)), (f"{home}/round", ""), (f"{home}/absent", "")):
        assert processes.script_of("bash", ["bash", name], os.getpid()) == known
