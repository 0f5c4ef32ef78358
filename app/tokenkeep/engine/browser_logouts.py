"""Logging out at the provider too, in the browser, after everything here is done; its end is waited for by nobody."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Literal

from tokenkeep.domain.access import Application
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.ports import Launch
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret
from tokenkeep.engine.activity import Activity
from tokenkeep.engine.context import Context
from tokenkeep.engine.logout_listener import LogoutListener
from tokenkeep.engine.sessions import Session
from tokenkeep.oauth import logout

log = logging.getLogger(__name__)

LOGOUT_LIMIT = 180.0  # seconds for the browser: the provider may ask whether to log out, or where

Logout = Literal["opened", "unsupported", "failed"]


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a log-out needs of a session that is about to be forgotten.

    :param binding: what server and client the id_token is of (REF-9); None where nobody was signed in.
    """

    session: Session
    provider: Provider
    binding: tuple[str, str, str] | None
    id_token: Secret | None
    login: str

    @classmethod
    def of(cls, session: Session) -> Leaving:
        """Of a session as it is now; nothing is asked for."""
        stored = session.stored
        tokens = None if stored is None else stored.tokens
        account = "" if session.account is None else session.account.label
        return cls(
            session,
            session.provider,
            None if stored is None else stored.binding,
            None if tokens is None else tokens.id_token,
            account,
        )


class BrowserLogouts:
    """Used on the engine's loop only."""

    def __init__(self, context: Context, activity: Activity) -> None:
        self._context = context
        self._activity = activity
        self._waiting: dict[str, asyncio.Task[None]] = {}

    async def begin(self, leaving: Leaving, application: Application) -> tuple[Logout, str]:
        """Ask the browser to log out there; returns when it was asked, not when it has.

        :returns: what came of it, and a sentence for people.
        """
        provider = leaving.provider
        await self.end(provider.id)
        try:
            endpoint, client_id = await self._where(leaving)
            if endpoint is None:
                return "unsupported", f"{provider.title} has no way to log out in the browser."
            return await self._open(leaving, endpoint, client_id, application)
        except TokenKeepError as error:
            log.warning("no log-out at %s: %s", provider.id, error.code)
            return "failed", f"The browser was not asked to log out at {provider.title}: {error.detail}"

    async def end(self, provider: str) -> None:
        """Wait no longer for a browser; its port is free afterwards."""
        task = self._waiting.pop(provider, None)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _where(self, leaving: Leaving) -> tuple[str | None, str]:
        """The end_session_endpoint and our client there.

        :raises TokenKeepError: the server cannot be asked, or is another one than the id_token is of (REF-9).
        """
        client = leaving.session.client
        metadata = await client.prepare()
        if leaving.binding is not None:
            client.check_binding(leaving.binding)
            return metadata.end_session_endpoint, leaving.binding[2]
        return metadata.end_session_endpoint, leaving.provider.client_id

    async def _open(
        self, leaving: Leaving, endpoint: str, client_id: str, application: Application
    ) -> tuple[Logout, str]:
        provider, name = leaving.provider, leaving.provider.title
        logout.check_endpoint(provider, endpoint)
        over = asyncio.get_running_loop().create_future()
        asked: list[logout.LogoutRequest] = []

        def settle(outcome: str) -> None:
            if not over.done():
                over.set_result(outcome)

        def sent() -> None:
            if asked[0].state is None:
                settle("sent")

        def returned(query: str) -> bool:
            confirmed = logout.is_return(asked[0], query)
            settle("ok" if confirmed else "unconfirmed")
            return confirmed

        listener = LogoutListener(provider, sent, returned)
        await listener.start()
        back = listener.post_logout_redirect_uri if provider.post_logout_redirect else ""
        asked.append(
            logout.request(
                provider,
                endpoint,
                client_id,
                id_token=leaving.id_token,
                login=leaving.login,
                post_logout_redirect_uri=back,
            )
        )
        waiting = asyncio.create_task(self._wait(provider.id, listener, over, application))
        self._waiting[provider.id] = waiting
        self._context.spawn(waiting)
        launch = await self._launch(provider, listener.offer(asked[0]))
        if launch.asked:
            return "opened", f"The browser was asked to log out at {name} too."
        log.warning("no browser could be started: %s", launch.problem)
        await self.end(provider.id)
        address = logout.link(provider, endpoint, client_id, leaving.login)
        return "failed", f"No browser could be opened. To log out at {name} too, open {address}"

    async def _launch(self, provider: Provider, url: str) -> Launch:
        command = provider.browser or self._context.configuration.app.browser
        try:
            # The page is our own, on loopback; where it leads to was checked for this provider.
            return await self._context.net.run(self._context.browser.open, url, command=command, local=True)
        except OSError as error:  # its text may hold the address
            return Launch(asked=False, problem=error.strerror or type(error).__name__)

    async def _wait(
        self, provider: str, listener: LogoutListener, over: asyncio.Future[str], application: Application
    ) -> None:
        """Until the browser is back, or for as long as that may take; then the port is free (OUT-2)."""
        deadline: asyncio.Future[None] = asyncio.ensure_future(self._context.clock.sleep(LOGOUT_LIMIT))
        try:
            await asyncio.wait((over, deadline), return_when=asyncio.FIRST_COMPLETED)
            self._activity.record("log_out", provider, over.result() if over.done() else "unconfirmed", application)
        finally:
            deadline.cancel()
            await listener.stop(0.2)
            if self._waiting.get(provider) is asyncio.current_task():
                del self._waiting[provider]
