"""All attempts to sign in: one pending for each provider, no flood of pages, ended ones remembered for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tokenkeep.domain.access import Application
from tokenkeep.domain.errors import Misconfigured, NotFound
from tokenkeep.domain.provider import Flow
from tokenkeep.domain.session import SignInSnapshot
from tokenkeep.engine.context import Context
from tokenkeep.engine.limits import Deed
from tokenkeep.engine.sessions import Session
from tokenkeep.engine.signin import SignIn
from tokenkeep.oauth.client_identity import no_client

BROWSER_PAUSE = 60.0  # seconds between two pages opened for one provider without a click in our window
KEPT = 600.0  # seconds an ended attempt can still be asked about
KEPT_MOST = 32  # ended attempts; every snapshot carries them, and a program may begin as many as it likes


class SignIns:
    """All attempts: a pending one is joined, ended ones can be asked about for a while.

    :param changed: called with every new snapshot of any of them.
    """

    def __init__(self, context: Context, changed: Callable[[SignInSnapshot], None]) -> None:
        self._context = context
        self._changed = changed
        self._all: dict[str, SignIn] = {}
        self._opened: dict[str, float] = {}  # provider id → boot clock

    @property
    def snapshots(self) -> tuple[SignInSnapshot, ...]:
        """Those that are pending, and those that ended a short while ago."""
        self._sweep()
        return tuple(sign_in.snapshot for sign_in in self._all.values())

    def pending(self, provider: str) -> SignIn | None:
        """The attempt of a provider that something can still come of."""
        return next(
            (one for one in self._all.values() if one.snapshot.provider == provider and one.snapshot.state.pending),
            None,
        )

    def get(self, sign_in: str) -> SignIn:
        """One by its id.

        :raises NotFound: unknown, or ended long ago.
        """
        try:
            return self._all[sign_in]
        except KeyError:
            raise NotFound("There is no such sign-in.") from None

    async def start(self, session: Session, method: str, *, open_browser: bool, application: Application) -> SignIn:
        """Begin an attempt, or join the pending one; one that is being cancelled is waited for and not joined.

        :raises TooManyRequests: the program has begun too many.
        :raises Misconfigured: it cannot work with this entry.
        """
        self._sweep()
        while (pending := self.pending(session.provider.id)) is not None:
            if not pending.cancelling:
                return pending
            await pending.cancel()
        self._check_possible(session)
        self._context.limits.spend(Deed.SIGN_IN, application)
        by_device = method == "device" or (method == "auto" and session.provider.flow is Flow.DEVICE_CODE)
        sign_in = SignIn(
            self._context,
            session,
            method="device" if by_device else "browser",
            fall_back=method == "auto",
            open_browser=open_browser and not by_device and self._may_open(session.provider.id, application),
            application=application,
            changed=self._changed,
        )
        self._all[sign_in.id] = sign_in
        return sign_in

    async def begin(
        self, session: Session, method: str, *, open_browser: bool, application: Application
    ) -> SignInSnapshot:
        """As `start`; returns when there is an address or a code to show.

        :raises TokenKeepError: it could not even begin.
        """
        known = set(self._all)
        one = await self.start(session, method, open_browser=open_browser, application=application)
        await one.presentable()
        if one.snapshot.error is not None:
            raise one.snapshot.error.bare()
        if application.own and open_browser and one.snapshot.method == "browser" and not one.opened:
            await one.reopen()  # a program's attempt was joined; a person's click always opens the page
        elif one.id in known and not application.own and one.address_is_for_once:
            self._context.limits.spend(Deed.SIGN_IN, application)
            await one.fresh_address()  # the one who began it may have opened the other
        return one.snapshot

    async def wait(self, sign_in: str, wait: float) -> SignInSnapshot:
        """One attempt, after its next change of state or after `wait` seconds."""
        one = self.get(sign_in)
        if one.snapshot.state.pending:
            await one.wait(one.snapshot.state, wait)
        return one.snapshot

    async def cancel(self, sign_in: str, application: Application) -> SignInSnapshot:
        """Cancel an attempt; nothing happens to one that ended already.

        :raises TooManyRequests: the program has cancelled too many.
        """
        one = self.get(sign_in)
        if one.snapshot.state.pending:
            self._context.limits.spend(Deed.SIGN_IN, application)
            await one.cancel()
        return one.snapshot

    def take_url(self, url: str, sign_in: str | None) -> SignInSnapshot:
        """Hand in a redirect; without a sign-in it is found by the redirect's own state.

        :raises NotFound: no attempt waits for it.
        """
        one = self._find_by_url(url) if sign_in is None else self.get(sign_in)
        if not one.take_url(url):
            raise NotFound(
                "That address does not belong to this sign-in.", hint="Paste the whole address you ended on."
            )
        return one.snapshot

    def _may_open(self, provider: str, application: Application) -> bool:
        """Whether a page may be opened: once a minute for a program, always for a click in our own window."""
        boot = self._context.clock.boot()
        if not application.own and boot - self._opened.get(provider, -BROWSER_PAUSE) < BROWSER_PAUSE:
            return False
        self._opened[provider] = boot
        return True

    def _check_possible(self, session: Session) -> None:
        provider = session.provider
        if not provider.flow.interactive:
            raise Misconfigured(
                f"The flow {provider.flow} of {provider.title} is not one that a person signs in with.",
                key=f"providers.{provider.id}.flow",
                provider=provider.id,
            )
        if not provider.client_id and provider.registration != "auto":
            raise no_client(provider)
        if provider.redirect_path and provider.flow is not Flow.DEVICE_CODE:
            for other in self._all.values():
                shared = other.session.provider.redirect_path == provider.redirect_path
                if shared and other.snapshot.state.pending and other.snapshot.method == "browser":
                    raise Misconfigured(
                        f"{other.session.provider.title} is being signed in on the same redirect path.",
                        hint="Finish or cancel that sign-in first.",
                        provider=provider.id,
                    )

    def _find_by_url(self, url: str) -> SignIn:
        """The pending attempt that a pasted or forwarded redirect belongs to.

        :raises NotFound: none waits for it.
        """
        for one in self._all.values():
            if one.snapshot.state.pending and one.accepts_url(url):
                return one
        raise NotFound("No sign-in waits for that address.", hint="Paste the whole address of the page you ended on.")

    async def cancel_all(self) -> None:
        """Cancel every pending attempt."""
        await asyncio.gather(*(one.cancel() for one in self._all.values() if one.snapshot.state.pending))

    def _sweep(self) -> None:
        boot = self._context.clock.boot()
        ended = [one for one in self._all.values() if one.ended_at is not None]  # oldest beginning first
        for place, one in enumerate(ended, 1):
            if len(ended) - place >= KEPT_MOST or boot - (one.ended_at or 0.0) > KEPT:
                del self._all[one.id]
