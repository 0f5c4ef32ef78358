"""The real application without a window, which looks into the keyring once more when it gets SIGUSR1."""

from __future__ import annotations

import asyncio
import signal

from tokenkeep.bootstrap import Application, run_loop
from tokenkeep.engine.engine import Engine
from tokenkeep.storage.paths import Paths


def main() -> None:
    """Run until it is ended."""
    application = Application(Paths.find(), headless=True)
    assert application.lock.acquire()
    looks: list[asyncio.Task[None]] = []

    def ready(engine: Engine) -> None:
        def look() -> None:
            looks.append(asyncio.create_task(engine.choose_storage("keyring", None)))

        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, look)

    run_loop(application.serve(ready))


if __name__ == "__main__":
    main()
