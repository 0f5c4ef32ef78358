"""What `/proc` says about a process: executable, script, starter, terminal (proc(5)). Advisory, as `Application` is."""

from __future__ import annotations

import os
import select
import signal
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tokenkeep.domain.access import Application

DEPTH = 4  # how many of our own command lines may stand between a program and the socket
LINKS_MOST = 40  # links in one path, as the kernel has it
OF_EACH_PROCESS = (Path("/proc"), Path("/dev"))
DELETED = " (deleted)"  # what the kernel appends after an upgrade replaced the file of a running program

# The interpreters whose script is who they are. Options that take a value, and options after which there is no script.
SHELL = (frozenset({"-o", "+o", "-O", "--rcfile", "--init-file"}), frozenset({"-c", "-s"}))
NODE = (frozenset({"-r", "--require", "--import", "--loader", "--env-file", "-C"}), frozenset({"-e", "-p", "--eval"}))
INTERPRETERS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    **dict.fromkeys(("sh", "bash", "dash", "zsh", "ksh", "fish", "nu"), SHELL),
    "python": (frozenset({"-W", "-X", "--check-hash-based-pycs"}), frozenset({"-c", "-m"})),
    "perl": (frozenset({"-I"}), frozenset({"-e", "-E"})),
    "ruby": (frozenset({"-I", "-r", "-C"}), frozenset({"-e"})),
    "php": (frozenset({"-c", "-d", "-z"}), frozenset({"-r", "-S"})),
    "lua": (frozenset({"-l"}), frozenset({"-e"})),
    "node": NODE,
    "bun": NODE,
    "java": (frozenset({"-cp", "-classpath", "--class-path", "-p", "--module-path"}), frozenset({"-m", "--module"})),
    "dotnet": (frozenset(), frozenset()),
    "Rscript": (frozenset(), frozenset({"-e"})),
}
WHOLE_WORDS = frozenset({"java", "dotnet"})  # their options of one dash are words, not letters that may stand together


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a process is.

    :param executable: of the process itself, which differs from the application's for our own command line.
    :param words: an interpreter's command line; what it runs may change while process and executable stay.
    """

    executable: str
    words: tuple[str, ...]
    application: Application


@dataclass(frozen=True, slots=True)
class Stat:
    """The fields of `/proc/PID/stat` that matter here; `start` in clock ticks since the boot."""

    parent: int
    session: int
    terminal: int
    start: int


def identify(pid: int, depth: int = DEPTH) -> Identity:
    """The program behind a process; for our own command line, the program that started it."""
    executable = executable_of(pid)
    interpreter = interpreter_of(executable)
    found = stat_of(pid)
    script, words = "", command_line(pid) if interpreter else ()
    if interpreter:
        if depth and found is not None and is_own_command(executable, words):
            if found.parent <= 1:  # its starter has left it to init, which asked for nothing
                nobody = Application(pid=pid, login_session=login_session(found))
                return Identity(executable, words, nobody)
            starter = identify(found.parent, depth - 1)
            return replace(starter, executable=executable, words=words)
        script = script_of(interpreter, words, pid)
    application = Application(executable=executable if is_there(pid, executable) else "", script=script, pid=pid)
    if found is not None:
        parent = executable_of(found.parent) if found.parent > 1 else ""
        application = replace(application, parent=parent, login_session=login_session(found))
    return Identity(executable, words, application)


def executable_of(pid: int) -> str:
    """Absolute path of a process's executable, empty when it cannot be told."""
    if sys.platform == "darwin":
        return _executable_darwin(pid)
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(DELETED)  # noqa: PTH115 - on the way of every new connection
    except OSError:
        return ""


def is_there(pid: int, executable: str) -> bool:
    """Whether that path leads to that executable here: in a container's file tree it may name another file."""
    try:
        running, here = os.stat(f"/proc/{pid}/exe"), os.stat(executable)  # noqa: PTH116 - on the way of every new peer
    except OSError:
        return bool(executable) and _sees_our_files(pid)  # replaced by an upgrade, or not to be looked at
    if running.st_nlink == 0:  # replaced by an upgrade; elsewhere anything can be put at a path and taken away again
        return _sees_our_files(pid)
    return (running.st_dev, running.st_ino) == (here.st_dev, here.st_ino)


def _sees_our_files(pid: int) -> bool:
    """Whether a process has the same file tree as we have (mount_namespaces(7)), so that its paths mean the same."""
    if sys.platform != "linux":
        return True
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")  # noqa: PTH115
    except OSError:
        return False


def interpreter_of(executable: str) -> str:
    """The interpreter's name without its version, empty for a program of its own."""
    name = executable.rpartition("/")[2]
    for candidate in (name, name.rstrip("0123456789.")):
        if candidate in INTERPRETERS:
            return candidate
    return ""


def command_line(pid: int) -> tuple[str, ...]:
    """The arguments of a process, which it may have changed."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(os.fsdecode(raw).rstrip("\0").split("\0"))


def script_of(interpreter: str, words: Sequence[str], pid: int) -> str:
    """Absolute path of the script that an interpreter runs, empty when it is none or cannot be told."""
    with_value, without_script = INTERPRETERS[interpreter]
    rest = iter(words[1:])
    for word in rest:
        if word in without_script:
            return ""
        if word in with_value:
            next(rest, None)
        elif not word.startswith(("-", "+")) or word == "-":
            return _real_file(word, pid)
        elif word.startswith("--"):
            if word.partition("=")[0] in without_script:
                return ""
        elif interpreter not in WHOLE_WORDS:
            for place, letter in enumerate(word[1:], 2):
                if f"-{letter}" in without_script:  # `-cCODE`, `-ec CODE`: what follows is no script
                    return ""
                if f"-{letter}" in with_value:
                    if place == len(word):
                        next(rest, None)
                    break  # the rest of the word is its value
    return ""


def _real_file(name: str, pid: int) -> str:
    try:
        path = _followed(Path(name) if name.startswith("/") else Path(f"/proc/{pid}/cwd").readlink() / name)
    except OSError:
        return ""
    return str(path) if path is not None and path.is_file() else ""


def _followed(path: Path) -> Path | None:
    """An absolute path without links, None where it leads through `/proc` or `/dev`.

    What is behind `/dev/fd/3` or `/proc/self` is another file in this process than in the one that was asked about.

    :raises OSError: a part of it cannot be looked at.
    """
    rest, found, links = list(path.parts[1:]), Path("/"), 0
    while rest:
        part = rest.pop(0)
        here = found.parent if part == ".." else found / part
        if here in OF_EACH_PROCESS:
            return None
        if part != ".." and stat.S_ISLNK(here.lstat().st_mode):
            links += 1
            if links > LINKS_MOST:
                return None
            target = here.readlink()
            found = Path("/") if target.is_absolute() else found
            rest = [*target.parts[target.is_absolute() :], *rest]
        else:
            found = here
    return found


def is_own_command(executable: str, words: Sequence[str]) -> bool:
    """Whether a process is our own command line: this interpreter, running `tokenkeep`."""
    if executable != executable_of(os.getpid()):
        return False
    if "-m" in words[1:4]:
        place = words.index("-m") + 1
        return tuple(words[place : place + 1]) == ("tokenkeep",)
    scripts = {str(Path(sys.prefix, "bin", name)) for name in ("tokenkeep", "tokenkeep-tray")}
    return any(word in scripts for word in words[1:3])


def stat_of(pid: int) -> Stat | None:
    """Parent, session, terminal and start of a process; None when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text[text.rfind(")") + 2 :].split()  # the name before may contain anything
    return Stat(parent=int(fields[1]), session=int(fields[3]), terminal=int(fields[4]), start=int(fields[19]))


def start_time(pid: int) -> int:
    """When a process started, in clock ticks since the boot: with its number it names the process."""
    found = stat_of(pid)
    return -1 if found is None else found.start


def login_session(found: Stat) -> str:
    """Names the terminal's or daemon's session for programs without an identity; the start makes it unique."""
    leader = stat_of(found.session)
    place = f"terminal {found.terminal}" if found.terminal else "no terminal"
    return f"{place}, session {found.session} since {leader.start if leader else 0}"


def has_pidfs() -> bool:
    """Whether a pidfd's inode names its process for good (Linux 6.9); before, all pidfds share one inode."""
    if not hasattr(os, "pidfd_open"):
        return False
    try:
        pidfd = os.pidfd_open(os.getpid())
    except OSError:
        return False
    with select.epoll() as other:
        try:
            one, two = os.fstat(pidfd), os.fstat(other.fileno())
            return (one.st_dev, one.st_ino) != (two.st_dev, two.st_ino)
        finally:
            os.close(pidfd)


def lives(pidfd: int) -> bool:
    """Whether the process of a pidfd still exists, so that what was read under its number was about it."""
    with suppress(ProcessLookupError, PermissionError):
        signal.pidfd_send_signal(pidfd, 0)
        return True
    return False


def _executable_darwin(pid: int) -> str:
    import ctypes

    buffer = ctypes.create_string_buffer(4096)
    length = ctypes.CDLL("/usr/lib/libproc.dylib").proc_pidpath(pid, buffer, len(buffer))
    return os.fsdecode(buffer.raw[:length]) if length > 0 else ""
