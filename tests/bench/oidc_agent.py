"""The reference: oidc-agent of this system with one account, whose token comes from the scripted provider."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machinery import LIMIT
from stage import Provider, Stage

from support.processes import clean_environment, end, wait_for

ACCOUNT = "bench"


class OidcAgent:
    """A running oidc-agent.

    :ivar env: for its clients.
    :ivar version: as it says.
    """

    def __init__(self, path: Path, env: dict[str, str], version: str) -> None:
        self.path = path
        self.env = env | {"OIDC_SOCK": str(path)}
        self.version = version

    @property
    def request(self) -> bytes:
        """A token request in plain form, for the load generator; answered and closed."""
        return json.dumps({"request": "access_token", "account": ACCOUNT, "min_valid_period": 60}).encode()

    def ask(self, request: dict[str, object]) -> dict[str, object]:
        """One request and its answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(LIMIT)
            connection.connect(str(self.path))
            connection.sendall(json.dumps(request).encode())
            pieces = []
            while piece := connection.recv(65536):
                pieces.append(piece)
        answer: dict[str, object] = json.loads(b"".join(pieces))
        return answer


@contextmanager
def running(stage: Stage, provider: Provider) -> Iterator[OidcAgent | None]:
    """An agent with the account loaded and its token cached; None where it is not installed or takes no account."""
    program = shutil.which("oidc-agent")
    if program is None:
        yield None
        return
    home = stage.home()
    path = home / "agent.sock"
    (home / ".oidc-agent").mkdir(mode=0o700)
    env = clean_environment(home)
    log = (home / "agent.log").open("wb")
    command = [program, "--console", "--no-webserver", "--socket-path", str(path)]
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(path.exists, "the socket of oidc-agent")
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        number = re.search(r"[0-9.]+[0-9]", version)
        agent = OidcAgent(path, env, number[0] if number else "")
        origin = f"http://127.0.0.1:{provider.ports[0]}"
        account = {
            "name": ACCOUNT,
            "issuer_url": f"{origin}/",
            "client_name": ACCOUNT,
            "client_id": ACCOUNT,
            "client_secret": "",
            "refresh_token": "r",
            "scope": "openid offline_access",
            "redirect_uris": [],
        }
        added = agent.ask({"request": "add", "config": account})
        if added.get("status") != "success":
            print(f"  oidc-agent took no account: {added}")
            yield None
            return
        agent.ask(json.loads(agent.request))
        yield agent
    finally:
        end(process)
        log.close()
