"""A process with the real tray and windows over the fake engine; says on its output what the engine was asked."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from support.fake_ui_engine import EngineForWindows, FakeClock, session, snapshot
from tokenkeep.domain.configuration import AppSettings
from tokenkeep.domain.session import SessionState
from tokenkeep.ui import application


def main() -> int:
    """Run until it is ended; `show` on the input publishes a second start."""
    running = EngineForWindows()
    engine = running.engine
    record = engine._record

    def say(*call: object) -> None:
        print(*call, flush=True)
        record(*call)

    engine._record = say  # type: ignore[method-assign]
    running.show(
        snapshot(session("well"), session("work", state=SessionState.NEEDS_SIGN_IN), session("a&b", name="A & B"))
    )

    def listen() -> None:
        for line in sys.stdin:
            running.publish(line.strip())

    threading.Thread(target=listen, daemon=True).start()
    result = application.run(
        running.thread,
        tray=True,
        clock=FakeClock(),
        settings=AppSettings(),
        config_file=Path.home() / "config.toml",
    )
    running.stop()
    print("ended", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
