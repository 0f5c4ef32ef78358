"""Secrets that tests know, and the search for them where none may be: files, texts, arguments and environments."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

_SHORTEST = 8  # shorter texts occur by chance


class Canaries:
    """A growing set of secrets. Messages name where one was found and its label, never the secret."""

    def __init__(self) -> None:
        self._forms: dict[str, list[bytes]] = {}

    def add(self, **secrets: str) -> None:
        """Remember secrets by their labels: `add(access_token=…, code=…)`."""
        for label, secret in secrets.items():
            assert len(secret) >= _SHORTEST, f"{label} is too short to be searched for"
            raw = secret.encode()
            encoded = [base64.b64encode(raw), base64.urlsafe_b64encode(raw)]
            forms = {raw, quote(secret, safe="").encode(), *(form.rstrip(b"=") for form in encoded)}
            self._forms[f"{label} {len(self._forms)}"] = sorted(forms)

    def found_in(self, content: bytes) -> list[str]:
        """The labels of the secrets in `content`, plain, percent-encoded or in base64."""
        return [label for label, forms in list(self._forms.items()) if any(form in content for form in forms)]

    def assert_absent_from_text(self, text: str, where: str) -> None:
        """Fail when a secret is in this text."""
        self._assert_absent(text.encode(), where)

    def assert_absent_from_files(self, *places: Path, besides: Iterable[Path] = ()) -> None:
        """Fail when a secret is in a file, or in any file below a folder, other than `besides`."""
        assert self._forms, "no secret was added"
        excepted = set(besides)
        searched = 0
        for path in (path for place in places for path in ([place] if place.is_file() else place.rglob("*"))):
            if path not in excepted and path.is_file() and not path.is_symlink():
                self._assert_absent(path.read_bytes(), str(path))
                searched += 1
        assert searched, f"nothing to search in {[str(place) for place in places]}"

    def _assert_absent(self, content: bytes, where: str) -> None:
        found = self.found_in(content)
        if found:
            pytest.fail(f"in {where}: {', '.join(found)}", pytrace=False)


class ProcessWatch:
    """Looks again and again at the arguments and environments of a process and all its descendants, in a thread.

    What lives shorter than a look may be missed; to be used beside a deterministic check of what is started.
    """

    def __init__(self, canaries: Canaries, pid: int) -> None:
        """:param pid: the uppermost process."""
        self._canaries = canaries
        self._pid = pid
        self._found: set[str] = set()
        self._end = threading.Event()
        self._looked = threading.Event()
        self._thread = threading.Thread(target=self._run, name="process-watch", daemon=True)

    def __enter__(self) -> ProcessWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(30)

    def look(self) -> None:
        """Wait until one whole look at the present processes was taken after this call."""
        self._looked.clear()
        self._looked.wait(30)
        self._looked.clear()
        self._looked.wait(30)

    def assert_nothing_found(self) -> None:
        """Fail when a secret was seen, naming the process and the place."""
        assert not self._found, f"seen: {', '.join(sorted(self._found))}"

    def _run(self) -> None:
        while not self._end.wait(0.01):
            for pid in descendants(self._pid):
                for kind in ("cmdline", "environ"):
                    content = _read(Path(f"/proc/{pid}/{kind}"))
                    name = _read(Path(f"/proc/{pid}/comm")).decode(errors="replace").strip()
                    self._found |= {f"{label} in the {kind} of {name}" for label in self._canaries.found_in(content)}
            self._looked.set()


def descendants(pid: int) -> list[int]:
    """The process and everything that it and its children have started, as far as it lives now."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _read(entry / "stat").decode(errors="replace")
            if stat:
                parents.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
    found = [pid]
    for known in found:
        found.extend(parents.get(known, []))
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # ended meanwhile, or not ours
        return b""


WatchProcess = Callable[[int], ProcessWatch]


@pytest.fixture
def canaries() -> Canaries:
    """An empty set of secrets."""
    return Canaries()


@pytest.fixture
def watch_process(canaries: Canaries) -> Iterator[WatchProcess]:
    """Watch a process by its id until the test ends, and then fail if a secret was seen."""
    watches: list[ProcessWatch] = []

    def watch(pid: int) -> ProcessWatch:
        watches.append(ProcessWatch(canaries, pid).__enter__())
        return watches[-1]

    yield watch
    for one in watches:
        one.__exit__()
    for one in watches:
        one.assert_nothing_found()
