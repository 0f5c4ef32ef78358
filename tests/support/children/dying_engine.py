"""The real application without a window, which kills itself with SIGKILL at a given instant of its next refresh.

    dying_engine.py INSTANT MICROSECONDS

INSTANT is one of those below; MICROSECONDS is how much later the signal comes, from a thread of its own (0: at once, in
the thread itself). Commands come as lines on standard input, answers go as JSON lines to standard output.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from tokenkeep.bootstrap import Application
from tokenkeep.demo.oauth.store import fingerprint
from tokenkeep.domain.access import OWN_WINDOW
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.ports import Vault
from tokenkeep.domain.tokens import Secret, StoredSession, TokenQuery
from tokenkeep.engine.engine import Engine
from tokenkeep.storage.paths import Paths

# In the order of time. `answered` to `committing` lie between the token answer and the end of the commit.
INSTANTS = ("marked", "sent", "answered", "begun", "written", "committing", "committed", "held")
PASSPHRASE = Secret("a passphrase for this test only")


class Death:
    """The instant and the delay; `at` is called at each instant with its name."""

    def __init__(self, instant: str, microseconds: int) -> None:
        self.instant = instant
        self.delay = microseconds / 1e6
        self.armed = False

    def at(self, instant: str) -> None:
        if not self.armed or instant != self.instant:
            return
        if self.delay == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Timer(self.delay, os.kill, (os.getpid(), signal.SIGKILL)).start()


class WatchedVault:
    """The real vault; tells Death of every step, those of SQLite's own statements among them."""

    def __init__(self, vault: Vault, death: Death) -> None:
        self._vault = vault
        self._death = death
        vault._connection.set_trace_callback(self._statement)  # type: ignore[attr-defined]
        self._committing_tokens = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)

    def mark_session(self, provider: str, session: StoredSession) -> None:
        self._vault.mark_session(provider, session)
        self._death.at("marked")

    def write_session(self, provider: str, session: StoredSession) -> None:
        self._death.at("answered")
        self._committing_tokens = True
        self._vault.write_session(provider, session)
        self._committing_tokens = False
        self._death.at("committed")

    def _statement(self, sql: str) -> None:
        if not self._committing_tokens:
            return
        word = sql.split(maxsplit=1)[0].upper()
        step = {"BEGIN": "begun", "REPLACE": "written", "COMMIT": "committing"}.get(word)
        if step:
            self._death.at(step)


class WatchedStorage:
    """Opens the real vault and puts the watch around it."""

    def __init__(self, storage: Any, death: Death) -> None:
        self._storage = storage
        self._death = death

    def key(self, kind: str, _passphrase: Secret | None) -> object:
        return self._storage.key(kind, PASSPHRASE)

    def open(self, key: object) -> Any:
        return WatchedVault(self._storage.open(key), self._death)


def describe(engine: Engine) -> dict[str, Any]:
    """What the session holds, by fingerprints."""
    session = engine._directory.get("demo")
    tokens = None if session.held is None else session.held.tokens
    return {
        "state": str(session.state),
        "refresh_token": tokens and tokens.refresh_token and fingerprint(tokens.refresh_token.reveal()),
        "access_token": tokens and tokens.access_token.reveal(),
        "answer_lost": session.stored is not None and session.stored.answer_lost,
        "reason": None if session.last_error is None else session.last_error.detail,
    }


async def command(engine: Engine, line: str, death: Death) -> dict[str, Any]:
    word, _, rest = line.partition(" ")
    if word == "sign-in":
        sign_in = await engine.sign_in("demo", method="browser", open_browser=False)
        return {"url": sign_in.authorization_url, "id": sign_in.id}
    if word == "signed-in":
        while (await engine.wait_sign_in(rest, 30.0)).state.pending:
            pass
    elif word == "token":
        await engine.token("demo", TokenQuery(), OWN_WINDOW)
    elif word == "refresh":
        await engine.refresh("demo")
    elif word == "die":
        death.armed = True
        task = engine._directory.get("demo").refresh_soon()
        await asyncio.sleep(0)
        death.at("sent")
        await task
        death.at("held")
        await asyncio.sleep(30)
    return describe(engine)


async def main() -> None:
    death = Death(sys.argv[1], int(sys.argv[2]))
    application = Application(Paths.find(), headless=True)
    assert application.lock.acquire()
    outside = application.outside()
    engine = Engine(replace_storage(outside, death))
    await engine.start()
    await engine.opened()
    say(describe(engine))
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            say(await command(engine, line.strip(), death))
        except TokenKeepError as error:
            say({"error": error.code} | describe(engine))
    await engine.stop()


def replace_storage(outside: Any, death: Death) -> Any:
    from dataclasses import replace

    return replace(outside, storage=WatchedStorage(outside.storage, death))


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    run: Callable[[Any], None] = asyncio.run
    run(main())
