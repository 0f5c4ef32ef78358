"""Where the measured application runs: keyring, screen, scripted provider, homes with sessions in their vaults."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from machinery import HERE, LIMIT, child

from support.app import AppProcess, ask_socket
from support.configurations import ALLOW, entry
from support.homes import new_home
from support.processes import clean_environment
from support.screen import Screen
from support.secret_service import SecretService
from support.session_bus import SessionBus

DAY = 86_400.0


@dataclass(frozen=True)
class Kept:
    """A signed-in session that the vault has: how old its token is and how long it lives, in seconds."""

    id: str
    age: float = 60.0
    lifetime: float = DAY


def many(count: int, **options: float) -> list[Kept]:
    """Sessions named p0, p1, …"""
    return [Kept(f"p{i}", **options) for i in range(count)]


class Provider:
    """The scripted provider of provider.py."""

    def __init__(self, ports: list[int]) -> None:
        self.ports = ports

    def stats(self) -> dict[str, Any]:
        """What it did since it began."""
        import requests

        found: dict[str, Any] = requests.get(f"http://127.0.0.1:{self.ports[0]}/stats", timeout=60).json()
        return found


@contextmanager
def scripted_provider(hosts: int = 1, milliseconds: float = 50.0) -> Iterator[Provider]:
    """A provider on that many loopback ports that takes that long for each token request."""
    with child([sys.executable, str(HERE / "provider.py"), str(hosts), str(milliseconds)]) as line:
        yield Provider(json.loads(line))


@dataclass
class Stage:
    """Keyring, bus and screen, for all applications of the run."""

    stack: ExitStack
    homes: list[Path] = field(default_factory=list)
    screen: Screen | None = None
    env: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, stack: ExitStack) -> Stage:
        """Start what is installed of it.

        :raises RuntimeError: there is no keyring to start with.
        """
        stage = cls(stack)
        if not all(map(shutil.which, ("gnome-keyring-daemon", "dbus-daemon", "Xvfb", "openbox"))):
            raise RuntimeError(
                "the measurement needs gnome-keyring-daemon, dbus-daemon, Xvfb, openbox, and a tray host"
            )
        stage.screen = stack.enter_context(Screen(stage.home()))
        bus = stack.enter_context(SessionBus(stage.home()))
        keyring = stack.enter_context(SecretService(stage.home(), bus, stage.screen)).env()
        stage.env = {name: value for name, value in keyring.items() if name not in stage.screen.env()}
        # Compiled modules as an installation has them, also where the checkout keeps none.
        stage.env |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(stage.home())}
        return stage

    def home(self) -> Path:
        """A fresh folder, removed at the end."""
        home = new_home()
        self.stack.callback(shutil.rmtree, home, ignore_errors=True)
        return home

    def prepare(self, sessions: list[Kept], provider: Provider, *, tray: bool = False, more: str = "") -> AppProcess:
        """An application that has not been started, with these providers, each signed in; on hosts in turn."""
        home = self.home()
        origins = [f"http://127.0.0.1:{port}" for port in provider.ports]
        placed = [(kept, origins[i % len(origins)]) for i, kept in enumerate(sessions)]
        entries = [
            entry(
                kept.id,
                issuer=f"{origin}/{kept.id}",
                client_id="bench",
                scopes=["read", "write"],
                local=True,
                authorization_endpoint=f"{origin}/authorize",
                token_endpoint=f"{origin}/token",
            )
            for kept, origin in placed
        ]
        screen = self.screen.env() if tray and self.screen is not None else {}
        env = self.env | screen
        app = AppProcess(home, env=env, args=[] if tray else ["--headless"], config=ALLOW + "".join(entries) + more)
        kept_sessions = [
            {"issuer": f"{origin}/{kept.id}", "endpoint": origin} | asdict(kept) for kept, origin in placed
        ]
        subprocess.run(
            [sys.executable, str(HERE / "fill_vault.py")],
            env=clean_environment(home, {"TOKENKEEP_HOME": str(home)}, env),
            input=json.dumps({"path": str(home / "vault.db"), "sessions": kept_sessions}),
            text=True,
            check=True,
            timeout=LIMIT,
        )
        return app

    @contextmanager
    def running(self, sessions: list[Kept], provider: Provider, *, tray: bool = False) -> Iterator[AppProcess]:
        """The same, running, its vault open."""
        with self.prepare(sessions, provider, tray=tray) as app:
            wait_for_token(app.socket_path)
            yield app


def wait_for_token(sock: Path, provider: str = "p0") -> None:
    """Ask at once and again until the token is there; the server itself waits for the keyring."""
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        try:
            answer = ask_socket(sock, "GET", f"/v1/providers/{provider}/token")
        except (FileNotFoundError, ConnectionError):
            time.sleep(0.001)
            continue
        if answer.status == 200:
            return
        raise RuntimeError(answer.body.decode())
    raise RuntimeError(f"{sock} gave no token")


def pss(pid: int) -> float:
    """Proportional set size in MB (10^6 bytes): its own memory and its part of what it shares."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("the kernel does not tell the proportional set size")


def wakeups(pid: int) -> int:
    """How often the threads of a process gave up the processor by themselves since they began."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                total += int(line.split()[1])
    return total
