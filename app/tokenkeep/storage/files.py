"""Files and folders that belong to one person: owner-only from birth, written whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tokenkeep.domain.errors import StorageFailed

OWNER_ONLY_FOLDER = 0o700
OWNER_ONLY_FILE = 0o600
OURS = frozenset({"tokenkeep", "log", "run"})  # folders that nobody but us makes, and whose mode we may tighten


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, whatever the umask, with its missing parents.

    An existing one is accepted when it is ours and nobody else may write in it.

    :raises StorageFailed: it cannot be made, or is not safe to use.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY_FOLDER)
        with suppress(FileExistsError):
            path.mkdir(mode=OWNER_ONLY_FOLDER)
            path.chmod(OWNER_ONLY_FOLDER)
        status = path.stat()
    except OSError as error:
        raise StorageFailed(f"The folder {path} cannot be made: {reason(error)}.") from error
    if not stat.S_ISDIR(status.st_mode):
        raise StorageFailed(f"{path} is in the way: it is not a folder.", hint="Move it away.")
    if sys.platform == "win32":
        return  # access control lists are inherited from the profile
    if status.st_uid != os.geteuid():
        raise StorageFailed(f"The folder {path} belongs to another user.", hint="Choose another with --config.")
    if path.name.lower() in OURS and status.st_mode & 0o077:
        path.chmod(OWNER_ONLY_FOLDER)
    elif status.st_mode & 0o022:
        raise StorageFailed(f"Other users can write in the folder {path}.", hint=f"Run `chmod go-w {path}`.")


def private_file(path: Path) -> None:
    """Make sure that a file exists and that only its owner can read it, from birth, whatever the umask.

    :raises StorageFailed: it cannot be made, or is somebody else's.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), OWNER_ONLY_FILE)
    except OSError as error:
        raise StorageFailed(f"The file {path} cannot be opened: {reason(error)}.") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise StorageFailed(f"{path} is in the way: it is not a file.", hint="Move it away.")
        if sys.platform != "win32":
            if status.st_uid != os.geteuid():
                raise StorageFailed(f"The file {path} belongs to another user.", hint="Move it away.")
            os.fchmod(descriptor, OWNER_ONLY_FILE)
    except OSError as error:
        raise StorageFailed(f"The file {path} cannot be made private: {reason(error)}.") from error
    finally:
        os.close(descriptor)


def signature(path: Path) -> tuple[int, int, int] | None:
    """Differs when the file was changed or replaced; None when there is none. One `stat`, no read."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def replace_file(path: Path, text: str, *, expected: tuple[int, int, int] | None) -> None:
    """Write a whole file so that after a crash or on a full disk either the old or the new text is there.

    A link is followed: the file that it names is replaced and the link stays, as people's dotfile managers want it.

    :param expected: the `signature` of what the new text was made from.
    :raises StorageFailed: it could not be written, or was changed by somebody else meanwhile. The old text is intact.
    """
    target = Path(os.path.realpath(path))
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # 0600 from birth
        temporary = Path(name)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if signature(path) != expected:
            raise StorageFailed(f"{path.name} was changed meanwhile by another program.", hint="Try again.")
        temporary.replace(target)
        temporary = None
        sync_folder(target.parent)
    except OSError as error:
        raise StorageFailed(f"{path} could not be written: {reason(error)}.") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut."""
    if sys.platform == "win32":
        return  # folders cannot be opened there; the file system's journal does it
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reason(error: OSError) -> str:
    """What the system says, without the path, as the rest of a sentence."""
    text = error.strerror or type(error).__name__
    return text[:1].lower() + text[1:]
