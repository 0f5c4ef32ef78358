"""The measuring programs: compiled load generators and floors, or their Python stand-ins without a compiler."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LIMIT = 120  # seconds; a guard against hanging


@dataclass(frozen=True)
class Times:
    """Of many requests; microseconds, and requests a second over all."""

    p50: float
    p99: float
    max: float
    per_second: float


class Programs:
    """Compiles what is needed into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._compiler = shutil.which("gcc") or shutil.which("cc")

    @property
    def compiled(self) -> bool:
        """Whether there is a C compiler."""
        return self._compiler is not None

    def build(self, name: str, *libraries: str) -> Path:
        """The program of `name.c`."""
        assert self._compiler is not None
        program = self._folder / name
        if not program.exists():
            source = str(HERE / f"{name}.c")
            subprocess.run([self._compiler, "-O2", "-o", str(program), source, *libraries], check=True, timeout=LIMIT)
        return program

    def load(self, sock: Path, request: bytes, mode: str, count: int, clients: int = 1, end: str = "http") -> Times:
        """Send that many requests. See load.c."""
        request_file = self._folder / "request"
        request_file.write_bytes(request)
        program = [str(self.build("load"))] if self.compiled else [sys.executable, str(HERE / "load.py")]
        arguments = [str(sock), str(request_file), mode, str(count), str(clients), end]
        return times_of([*program, *arguments])

    @contextmanager
    def floor(self, kind: str, answer: bytes) -> Iterator[Path]:
        """A floor's socket while it serves. :param kind: `c`, `selectors` or `httptools`."""
        path, answer_file = self._folder / f"{kind}.sock", self._folder / "answer"
        answer_file.write_bytes(answer)
        program = [str(self.build("echo"))] if kind == "c" else [sys.executable, str(HERE / "echo_server.py"), kind]
        with child([*program, str(path), str(answer_file)]):
            yield path


def times_of(command: Sequence[str], env: dict[str, str] | None = None) -> Times:
    """Run a program that prints `Times` as JSON."""
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=LIMIT)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr}")
    return Times(**json.loads(done.stdout))


@contextmanager
def child(command: Sequence[str], env: dict[str, str] | None = None) -> Iterator[str]:
    """A program that prints a line when it is ready and ends with its standard input."""
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline()
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def whole_processes(commands: Sequence[Sequence[str]], env: dict[str, str], count: int, warm: int = 3) -> list[float]:
    """Median milliseconds of that many runs of each program in turn, begun by `posix_spawn`."""
    taken: list[list[float]] = [[] for _ in commands]
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    for i in range(count + warm):
        for times, command in zip(taken, commands, strict=True):
            program = shutil.which(command[0]) or command[0]
            began = time.perf_counter()
            pid = os.posix_spawn(program, command, env, file_actions=silent)
            _, status = os.waitpid(pid, 0)
            if i >= warm:
                times.append((time.perf_counter() - began) * 1e3)
            if status:
                raise RuntimeError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return [statistics.median(times) for times in taken]
