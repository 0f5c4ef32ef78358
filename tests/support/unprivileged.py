"""Runs a part of the tests as a user who may do nothing special, because root passes what others cannot."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path

from support.processes import clean_environment

CHECKOUT = Path(__file__).parents[2]
NOBODY = 65534
_LIMIT = 240.0  # seconds; below the time-out of the one test that waits for all of this


def is_entered_by_all(folder: Path) -> bool:
    """Tell whether every user may pass through each folder down to this one, and read it."""
    return all(path.stat().st_mode & 0o001 for path in [folder, *folder.parents]) and bool(
        folder.stat().st_mode & 0o004
    )


def closed_ancestor(folder: Path) -> Path:
    """Return the uppermost folder on the way that not every user may pass."""
    return next(path for path in [*reversed(folder.parents), folder] if not path.stat().st_mode & 0o001)


def may_mount() -> bool:
    """Tell whether a mount namespace can be had; containers often forbid it even to root."""
    command = ["unshare", "--mount", "--propagation=private", "--", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0


def run_pytest(arguments: Sequence[str], home: Path, *, mount: bool | None = None) -> subprocess.CompletedProcess[str]:
    """As root: run pytest as `nobody`, without groups, capabilities or a way to gain any.

    Where the interpreter, its packages or the checkout lie in a closed folder (an interpreter below /root, say), the
    run gets a mount namespace of its own in which that folder is empty but for them; the machine is not changed.

    :param home: a fresh folder, given away to that user.
    :param mount: False: a closed interpreter is copied into `home` instead; None: where mounting is forbidden.
    """
    for path in (home, home / "tmp"):
        path.mkdir(exist_ok=True)
    environment = clean_environment(
        home,
        {
            "TMPDIR": str(home / "tmp"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(home / "tmp/hypothesis"),
        },
    )
    for name in [name for name in environment if name.startswith("COV")]:
        del environment[name]
    for path in [home, *home.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)

    identity = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    capabilities = ["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"]
    interpreter = Path(sys.executable)
    needed = {Path(sys.base_prefix).resolve(), Path(sys.prefix), CHECKOUT}
    hidden = {folder for folder in needed if not is_entered_by_all(folder)}
    if hidden and not (may_mount() if mount is None else mount):
        interpreter = _copy_interpreter(home / "python")
        environment["LD_LIBRARY_PATH"] = str(home / "python/lib")  # the copy still looks for libpython at its old place
        hidden.clear()
    pytest = [str(interpreter), "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:cov", *arguments]
    command = ["setpriv", *identity, *capabilities, "--", *pytest]
    if hidden:
        script = "\n".join([*_open(sorted(hidden), home), f"cd {_q(CHECKOUT)}", f"exec {shlex.join(command)}"])
        command = ["unshare", "--mount", "--propagation=private", "--", "sh", "-euc", script]
    return subprocess.run(
        command,
        env=environment,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_LIMIT,
    )


def _open(folders: list[Path], home: Path) -> Iterable[str]:
    """Lines of a shell script: hold each folder elsewhere, cover what is closed with empty space, put it back there."""
    closed = {folder: closed_ancestor(folder) for folder in folders}
    held = {folder: home / f"held-{number}" for number, folder in enumerate(folders)}
    for folder, place in held.items():
        yield f"mkdir {_q(place)} && mount --bind {_q(folder)} {_q(place)}"
    for ancestor in sorted(set(closed.values())):
        yield f"mount -t tmpfs -o mode=755 tmpfs {_q(ancestor)}"
    for folder, place in held.items():
        if folder in closed.values():  # its own mode shuts others out, so what is in it goes back piece by piece
            yield f"for entry in $(ls -A {_q(place)}); do"
            yield f"  source={_q(place)}/$entry; target={_q(folder)}/$entry"
            yield '  if [ -d "$source" ]; then mkdir -p "$target"; else touch "$target"; fi'
            yield '  mount --bind "$source" "$target"'
            yield "done"
        else:
            yield f"mkdir -p {_q(folder)} && mount --bind {_q(place)} {_q(folder)}"


def _copy_interpreter(target: Path) -> Path:
    """Copy the interpreter behind our virtual environment, and let the copy use the environment's packages."""
    base = Path(sys.base_prefix).resolve()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    left_out = shutil.ignore_patterns("site-packages", "test", "tests", "__pycache__", "config-*", "idlelib", "*.a")
    shutil.copytree(base / "lib" / version, target / "lib" / version, symlinks=True, ignore=left_out)
    for library in (base / "lib").glob("libpython*.so*"):
        shutil.copy2(library, target / "lib", follow_symlinks=False)
    (target / "bin").mkdir()
    shutil.copy2(base / "bin" / version, target / "bin")
    packages = target / "lib" / version / "site-packages"
    packages.mkdir()
    # addsitedir, because a bare path would not have the environment's own path files (the editable install) read.
    (packages / "environment.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return target / "bin" / version


def _q(path: Path) -> str:
    return shlex.quote(str(path))
