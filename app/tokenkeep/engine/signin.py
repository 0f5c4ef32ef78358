"""One attempt to sign in: by browser or by device code, ended by success, failure, cancel or deadline."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from tokenkeep.domain.access import Application
from tokenkeep.domain.errors import (
    AccessDenied,
    NotFound,
    ProviderError,
    ProviderUnreachable,
    SignInExpired,
    TokenKeepError,
)
from tokenkeep.domain.origin import Origin
from tokenkeep.domain.ports import Launch
from tokenkeep.domain.session import SignInSnapshot, SignInState
from tokenkeep.domain.tokens import Account, Secret, TokenSet
from tokenkeep.engine import redirect_place
from tokenkeep.engine.browser_requests import BrowserRequests
from tokenkeep.engine.client import ProviderClient
from tokenkeep.engine.context import Context
from tokenkeep.engine.loopback import LoopbackListener
from tokenkeep.engine.sessions import Session
from tokenkeep.oauth import authorization, device, symptoms
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.signing_key import SigningKey

log = logging.getLogger(__name__)

BROWSER_LIMIT = 300.0  # seconds a person has for the browser (a password manager and a second factor included)
UNKNOWN_ACCOUNT = "an account that the provider did not name"
NO_REFRESH_TOKEN = (
    "It gave no refresh token, so the sign-in would end with the first token. "
    'Add the scope offline_access if the provider knows it, or set `refresh_token = "optional"`.'
)


class SignIn:
    """One attempt. Used on the engine's loop only.

    :param changed: called with every new snapshot.
    """

    def __init__(
        self,
        context: Context,
        session: Session,
        *,
        method: str,
        fall_back: bool,
        open_browser: bool,
        application: Application,
        changed: Callable[[SignInSnapshot], None],
    ) -> None:
        self.id = uuid.uuid4().hex
        self.session = session
        self._context = context
        # A changed entry gives the session another provider and client; this attempt ends as it began (RESP-10).
        self._provider, self._client = session.provider, session.client
        self._metadata: ServerMetadata
        self._binding: tuple[str, str, str]
        self._origin: Origin
        self._key: SigningKey | None = None  # of this attempt; the session's own is replaced with the tokens only
        self._fall_back = fall_back
        self._open_browser = open_browser
        self._changed = changed
        self._moved = asyncio.Event()
        self._callback: asyncio.Future[tuple[authorization.Attempt, Secret]] | None = None
        self._requests: BrowserRequests | None = None
        self._choice: asyncio.Future[bool] | None = None
        self.ended_at: float | None = None  # boot clock
        self.opened = False  # a browser was asked to open the page
        self.cancelling = False
        account = session.account
        self.snapshot = SignInSnapshot(
            id=self.id,
            provider=session.provider.id,
            method=method,
            state=SignInState.WAITING_FOR_BROWSER if method == "browser" else SignInState.WAITING_FOR_CODE,
            started_at=context.clock.wall(),
            asked_by="" if application.own else application.name,
            account="" if account is None else account.label,
            device_available=session.client.device_available,
        )
        session.signing_in()
        self.task = asyncio.create_task(self._run())
        context.spawn(self.task)

    # --- the course of an attempt -----------------------------------------------------------------------------

    async def _run(self) -> None:
        cancelled = False
        try:
            tokens, account = await self._sign_in()
            await self._accept(tokens, account)
        except asyncio.CancelledError:
            cancelled = True
            self._end(SignInState.CANCELLED)
        except SignInExpired as error:
            if self.session.held is None and self.snapshot.method == "browser":
                self._context.spawn(asyncio.create_task(self._context.registrations.doubt(self._provider)))
            self._end(SignInState.EXPIRED, error)
        except TokenKeepError as error:
            log.warning("sign-in at %s failed: %s", self._provider.id, error.code)
            if isinstance(error, ProviderUnreachable) and error.hint == ProviderUnreachable.default_hint:
                error.hint = authorization.AGAIN  # an attempt is not tried again by itself
            self._end(SignInState.FAILED, error)
        except Exception:
            log.exception("sign-in at %s failed unexpectedly", self._provider.id)
            self._end(SignInState.FAILED, ProviderError("Something unexpected went wrong; the log has more."))
        else:
            self._end(SignInState.DONE)
        if cancelled:  # a new one: the first holds the frames of the attempt, and with them its verifier (PKCE-4)
            raise asyncio.CancelledError

    async def _sign_in(self) -> tuple[TokenSet, Account | None]:
        # Codes and tokens of this attempt belong to the server as it describes itself now (RESP-10, REF-9).
        self._metadata = await self._client.prepare(fresh=True)
        self._update(device_available=self._client.device_available)
        if self.snapshot.method == "device":
            self._be(await redirect_place.without_browser(self._client, self._take))
            return await self._by_device()
        client, listener, redirect_uri = await redirect_place.listen(self._client, self._take)
        try:
            self._be(client)
        except TokenKeepError:
            await listener.close()
            raise
        return await self._by_browser(listener, redirect_uri)

    def _be(self, client: ProviderClient) -> None:
        """Sign in as this client (MCP-4)."""
        self._client, self._provider = client, client.provider
        self._binding, self._origin = client.binding(), client.origin()
        self._key = client.new_key()

    async def _by_browser(self, listener: LoopbackListener, redirect_uri: str) -> tuple[TokenSet, Account | None]:
        client = self._client
        callback = self._callback = asyncio.get_running_loop().create_future()
        deadline: asyncio.Future[None] = asyncio.ensure_future(self._context.clock.sleep(BROWSER_LIMIT))
        begin = partial(client.begin, self._metadata, redirect_uri, self.snapshot.account, self._key)
        requests = self._requests = BrowserRequests(begin, redirect_uri, self._context.clock)
        renewing: asyncio.Task[None] | None = None
        try:
            self._update(
                authorization_url=await requests.make(),
                state=SignInState.WAITING_FOR_BROWSER,
                expires_at=self._context.clock.wall() + BROWSER_LIMIT,
            )
            renewing = asyncio.create_task(self._renew(requests))
            self._context.spawn(renewing)
            opened = not self._open_browser or await self._open()
            if not opened and self._fall_back and client.device_available and not callback.done():
                self._requests = None
                renewing.cancel()
                await listener.close()
                self._update(method="device", authorization_url=None, state=SignInState.WAITING_FOR_CODE)
                return await self._by_device()
            await asyncio.wait((callback, deadline), return_when=asyncio.FIRST_COMPLETED)
            if not callback.done():
                raise SignInExpired(
                    "Nobody finished the sign-in in the browser within 5 minutes.",
                    hint=f"{authorization.AGAIN} If the provider's page said that the redirect address is not known: "
                    + symptoms.register_step(self._provider, redirect_uri),
                )
            renewing.cancel()
            attempt, code = callback.result()
            self._update(state=SignInState.EXCHANGING)
            tokens = await client.exchange(attempt, code, self._key)
            return tokens, await client.account(tokens, attempt.nonce, self._metadata, self._key)
        finally:
            deadline.cancel()
            if renewing is not None:
                renewing.cancel()
            self._requests = self._callback = None  # the verifiers are gone with them (PKCE-4)
            await listener.close()

    async def _renew(self, requests: BrowserRequests) -> None:
        """Show a new address when the pushed request behind the present one has run out (PAR-3)."""
        while (seconds := requests.renew_in) is not None:
            await self._context.clock.sleep(seconds)
            try:
                await self._renewed(requests)
            except TokenKeepError as error:  # a browser may be on its way with the old one
                log.warning("the request at %s could not be pushed again: %s", self._provider.id, error.code)

    async def _renewed(self, requests: BrowserRequests) -> None:
        url = await requests.make()
        if self._requests is requests and self.snapshot.state is SignInState.WAITING_FOR_BROWSER:
            self._update(authorization_url=url)

    async def fresh_address(self) -> None:
        """Have an address that nobody has opened yet, where the present one is good for one use (PAR-3).

        :raises TokenKeepError: the request could not be pushed again.
        """
        if self.address_is_for_once and self._requests is not None:
            await self._renewed(self._requests)

    @property
    def address_is_for_once(self) -> bool:
        """Whether somebody else needs an address of their own."""
        waits = self.snapshot.state is SignInState.WAITING_FOR_BROWSER and self.snapshot.authorization_url is not None
        return waits and self._requests is not None and self._requests.once

    async def _open(self) -> bool:
        """Ask the browser; a failing one leaves an address to copy instead of an error (AUTHZ-6)."""
        url = self.snapshot.authorization_url
        if url is None:
            return False
        launch = await self._launch(url)
        return launch.asked

    async def _launch(self, url: str) -> Launch:
        provider = self._provider
        self.opened = True
        try:
            launch = await self._context.net.run(
                self._context.browser.open,
                url,
                command=provider.browser or self._context.configuration.app.browser,
                local=provider.local,
            )
        except TokenKeepError as error:
            launch = Launch(asked=False, problem=error.detail)
        except OSError as error:  # its text may hold the address, and with it the state
            launch = Launch(asked=False, problem=error.strerror or type(error).__name__)
        if not launch.asked:
            log.warning("no browser could be started: %s", launch.problem)
        self._update(opened_with=launch.browser if launch.asked else "", not_opened=not launch.asked)
        return launch

    async def reopen(self) -> None:
        """Ask the browser once more, on the person's click; errors as `fresh_address`."""
        await self.fresh_address()
        url = (
            self.snapshot.authorization_url or self.snapshot.verification_uri_complete or self.snapshot.verification_uri
        )
        if url is not None and self.snapshot.state.pending:
            await self._launch(url)

    async def _by_device(self) -> tuple[TokenSet, Account | None]:
        client, clock = self._client, self._context.clock
        codes = await client.device_codes()
        end = clock.boot() + codes.expires_in - max(0.0, clock.wall() - codes.sent_at)
        self._update(
            state=SignInState.WAITING_FOR_CODE,
            user_code=codes.user_code,
            verification_uri=codes.verification_uri,
            verification_uri_complete=codes.verification_uri_complete,
            expires_at=codes.sent_at + codes.expires_in,
        )
        interval = codes.interval
        pause = interval
        while True:
            left = end - clock.boot()
            if left <= 0:
                raise _code_ran_out()
            await clock.sleep(min(pause, left))
            if clock.boot() >= end:
                continue
            outcome = "pending"
            wished = 0.0
            try:
                tokens = await client.poll(codes, self._metadata, self._key)
            except device.AuthorizationPending:
                pass
            except device.SlowDown as error:
                outcome = "slow_down"
                wished = error.retry_after or 0.0
            except ProviderUnreachable as error:
                outcome = "unreachable"
                wished = error.retry_after or 0.0
            except device.CodeExpired:
                raise _code_ran_out() from None
            else:
                self._update(state=SignInState.EXCHANGING)
                return tokens, await client.account(tokens, None, self._metadata, self._key)
            interval = device.next_interval(interval, outcome, end - clock.boot())
            pause = max(interval, wished)

    async def _accept(self, tokens: TokenSet, account: Account | None) -> None:
        """The last checks, then commit; until then nobody gets anything of this answer."""
        session = self.session
        if tokens.refresh_token is None and self._provider.refresh_token == "required":
            await self._client.discard(tokens)
            raise ProviderError(NO_REFRESH_TOKEN, hint="Sign in again after that change.", provider=self._provider.id)
        before = session.account
        if before is not None and _differs(before, account):
            try:
                accepted = await self._ask_about(UNKNOWN_ACCOUNT if account is None else account.label)
            except asyncio.CancelledError:
                self._context.spawn(asyncio.create_task(self._client.discard(tokens)))
                raise
            if not accepted:
                await self._client.discard(tokens)
                raise AccessDenied(
                    "Another account came back than this provider was signed in with; it was not used.",
                    hint="Sign out first to change the account.",
                    provider=self._provider.id,
                )
        commit = asyncio.create_task(
            session.signed_in(tokens, account, self.snapshot.method, self._binding, self._origin, self._key)
        )
        try:
            await asyncio.shield(commit)
        except asyncio.CancelledError:
            await commit  # what was begun to be written is the truth: too late to cancel
        self._update(account="" if account is None else account.label, other_account=None)

    async def _ask_about(self, other: str) -> bool:
        """Whether the person wants the other account (AUTHZ-7); without a window the answer is no."""
        if not self._context.prompter.present:
            return False
        choice = self._choice = asyncio.get_running_loop().create_future()
        self._update(other_account=other, expires_at=self._context.clock.wall() + BROWSER_LIMIT)
        deadline: asyncio.Future[None] = asyncio.ensure_future(self._context.clock.sleep(BROWSER_LIMIT))
        try:
            await asyncio.wait((choice, deadline), return_when=asyncio.FIRST_COMPLETED)
            return choice.done() and choice.result()
        finally:
            deadline.cancel()
            self._choice = None

    # --- what comes in from outside ---------------------------------------------------------------------------

    def _take(self, query: str) -> bool:
        """A request on the redirect URI; False when it is not the answer that this attempt waits for."""
        requests, callback = self._requests, self._callback
        if requests is None or callback is None or callback.done():
            return False
        try:
            answered = requests.read(query)
        except authorization.UnrelatedResponse:
            log.warning("a request on the redirect URI did not belong to the sign-in that waits there")
            return False
        except TokenKeepError as error:
            callback.set_exception(error)
        else:
            callback.set_result(answered)
        return True

    def take_url(self, url: str) -> bool:
        """A pasted or forwarded redirect; False when it is not the answer that is waited for."""
        return self.accepts_url(url) and self._take(urlsplit(url).query)

    def accepts_url(self, url: str) -> bool:
        """Whether a pasted address goes to this attempt's redirect URI."""
        return self._requests is not None and self._requests.goes_to(url)

    def settle(self, *, accept: bool) -> None:
        """The person's answer to "another account came back"."""
        if self._choice is None or self._choice.done():
            raise NotFound("That question was answered already.")
        self._choice.set_result(accept)

    async def cancel(self) -> None:
        """End it; waits until the listener is closed."""
        if self.snapshot.state.pending:
            if not self.cancelling:  # a second time would interrupt the closing
                self.cancelling = True
                self.task.cancel()
            await asyncio.wait({self.task})
            if self.snapshot.state.pending:  # cancelled before it began to run
                self._end(SignInState.CANCELLED)

    async def presentable(self) -> None:
        """Return when there is an address or a code to show, or when it ended."""
        while self.snapshot.state.pending and not (self.snapshot.authorization_url or self.snapshot.user_code):
            self._moved.clear()
            await self._moved.wait()

    async def wait(self, seen: SignInState, wait: float) -> None:
        """Return when the state is no longer `seen`, or after `wait` seconds."""
        try:
            async with asyncio.timeout(wait):
                while self.snapshot.state is seen:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return

    # --- telling ----------------------------------------------------------------------------------------------

    def _update(self, **changes: object) -> None:
        self.snapshot = replace(self.snapshot, **changes)  # type: ignore[arg-type]  # checked by the dataclass's tests
        self._moved.set()
        self._changed(self.snapshot)

    def _end(self, state: SignInState, error: TokenKeepError | None = None) -> None:
        self.ended_at = self._context.clock.boot()
        self._key = None
        if state is not SignInState.DONE:
            self.session.sign_in_abandoned()
        self._update(state=state, error=None if error is None else error.bare(), authorization_url=None)


def _code_ran_out() -> SignInExpired:
    return SignInExpired("The code ran out before it was confirmed.", hint="Start again for a new code.")


def _differs(before: Account, after: Account | None) -> bool:
    """Whether it may be somebody else; nobody can tell when the provider does not name anybody (AUTHZ-7)."""
    return after is None or (before.issuer, before.subject) != (after.issuer, after.subject)
