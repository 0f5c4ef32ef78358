"""What the flows run on: the demo provider as a child, the real application in this process and a throw-away home."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenkeep.bootstrap import Application, http_transport, run_loop
from tokenkeep.cli.selftest.person import Person
from tokenkeep.client import TokenKeep
from tokenkeep.demo_child import configuration, demo_provider
from tokenkeep.domain.provider import Provider
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.transport import Transport
from tokenkeep.storage.paths import Paths

TOKEN_LIFETIME = 3600  # seconds; nothing is refreshed but at our wish
# An entry whose client the demo provider registers.
REGISTERED = """
[providers.demo-registered]
name = "Demo provider, registered"
issuer = "{issuer}"
registration = "auto"
client_auth = "client_secret_basic"
scopes = ["openid", "offline_access"]
local = true
"""
DEVICE_INTERVAL = 1  # seconds between two polls; the demo provider's least


@dataclass(frozen=True, slots=True)
class Stage:
    """One run.

    :param demo: the settings that the demo provider printed.
    :param client: talks to the application through its socket.
    :param provider: the demo provider, for flows that go one request at a time.
    """

    demo: dict[str, Any]
    person: Person
    client: TokenKeep
    transport: Transport
    provider: Provider
    credentials: ClientCredentials

    @property
    def issuer(self) -> str:
        """The demo provider's."""
        return str(self.demo["issuer"])

    @property
    def resource(self) -> str:
        """A protected resource that says who asks."""
        return str(self.demo["whoami"])


def run(play: Callable[[Stage], None]) -> None:
    """Set everything up, call `play` in a thread beside the application, take everything down.

    :raises RuntimeError: the demo provider did not start; the message says why.
    :raises TokenKeepError: the application did not.
    """
    with contextlib.ExitStack() as stack:
        demo = stack.enter_context(demo_provider(0, TOKEN_LIFETIME, "--device-interval", str(DEVICE_INTERVAL)))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tokenkeep-selftest-")))
        (home / "config.toml").touch(mode=0o600)
        resources = [demo["resource"], f"{demo['origin']}/v1"]
        written = configuration(demo, resources, log_level="error") + REGISTERED.format(issuer=demo["issuer"])
        (home / "config.toml").write_text(written, encoding="utf-8")
        application = Application(Paths.find(home, environ={}), headless=True)
        application.lock.acquire()
        failures: list[BaseException] = []
        with _stage(demo, application) as made:
            run_loop(_serve(application, lambda: play(made), failures))
        for failure in failures:
            raise failure


async def _serve(application: Application, play: Callable[[], None], failures: list[BaseException]) -> None:
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []

    async def act(engine: Any) -> None:
        try:
            await loop.run_in_executor(None, play)
        except Exception as failure:  # noqa: BLE001 - raised again when everything is taken down
            failures.append(failure)
        finally:
            engine.quit()

    await application.serve(lambda engine: tasks.append(loop.create_task(act(engine))))


@contextlib.contextmanager
def _stage(demo: dict[str, Any], application: Application) -> Iterator[Stage]:
    user = demo["users"][0]
    transport = http_transport(application.configuration.http, application.clock)
    with TokenKeep(application.paths.socket) as client:
        yield Stage(
            demo=demo,
            person=Person(demo["issuer"], user["username"], user["password"]),
            client=client,
            transport=transport,
            provider=Provider(
                id="demo",
                name="The demo provider",
                issuer=demo["issuer"],
                client_id=demo["client_id"],
                scopes=["openid", "profile", "email", "offline_access", "notes:read"],
                local=True,
            ),
            credentials=ClientCredentials(demo["client_id"]),
        )
    transport.close()
