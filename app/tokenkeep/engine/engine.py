"""The façade: commands go in, immutable snapshots and events come out; every surface is a client of this."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tokenkeep.domain.access import OWN_WINDOW, AccessRequest, Application, Decision, Grant, Holding
from tokenkeep.domain.check import CheckReport
from tokenkeep.domain.configuration import Configuration
from tokenkeep.domain.errors import (
    Locked,
    NotFound,
    SignInRequired,
    StorageFailed,
    TimedOut,
    TokenKeepError,
)
from tokenkeep.domain.ports import Browser, Clock, FileWatch, Network, PowerEvents, Prompter, Vault
from tokenkeep.domain.session import (
    EngineSnapshot,
    SessionSnapshot,
    SignInSnapshot,
    SignInState,
    StorageState,
)
from tokenkeep.domain.tokens import GrantedToken, Secret, TokenQuery
from tokenkeep.engine import sign_outs
from tokenkeep.engine.access_gate import AccessGate
from tokenkeep.engine.activity import Activity
from tokenkeep.engine.checking import Checks
from tokenkeep.engine.context import Context, Storage
from tokenkeep.engine.directory import Directory
from tokenkeep.engine.events import EventBus, Subscription
from tokenkeep.engine.notices import Notices
from tokenkeep.engine.opening import KEYRING_WAITS, VaultOpening
from tokenkeep.engine.refresher import Refresher
from tokenkeep.engine.reporter import Reporter
from tokenkeep.engine.sessions import Session
from tokenkeep.engine.sign_ins import SignIns
from tokenkeep.engine.sign_outs import SignOut
from tokenkeep.engine.vault_access import VaultAccess
from tokenkeep.engine.workers import NetPool, WorkerPool
from tokenkeep.oauth.transport import Transport

log = logging.getLogger(__name__)

# Seconds when quitting, under three in all: refreshes in flight get the first (a rotated token whose answer is cut off
# is lost), attempts to sign in the second, pending writes the third. A frozen provider or keyring is not waited for.
REFRESH_LIMIT, CANCEL_LIMIT, WRITE_LIMIT = 0.6, 0.3, 1.0


@dataclass(frozen=True, slots=True)
class Outside:
    """The outside world as `bootstrap.py` hands it in.

    :param read_configuration: reads `config.toml`; blocking.
    :param configuration_signature: cheap to get, differs when the file changed on disk.
    :param remember_storage: writes where the master key is to be kept into `config.toml`; blocking.
    """

    clock: Clock
    transport: Transport
    storage: Storage
    browser: Browser
    prompter: Prompter
    power: PowerEvents
    network: Network
    read_configuration: Callable[[], Configuration]
    configuration_signature: Callable[[], object]
    remember_storage: Callable[[str], None]
    configuration_watch: FileWatch | None = None


class Engine:
    """One for each process. All methods are for the engine's loop, `snapshot` for any thread."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._boot_id = uuid.uuid4().hex
        self._bus = EventBus(self._boot_id, self.snapshot)
        self._context = Context(
            clock=outside.clock,
            net=NetPool(),
            keyring=WorkerPool("keyring", 1),
            transport=outside.transport,
            vault=VaultAccess(),
            browser=outside.browser,
            prompter=outside.prompter,
            configuration=Configuration(),
            bus=self._bus,
        )
        self._directory = Directory(self._context, self._session_changed)
        self._notices = Notices(self._context)
        self._gate = AccessGate(self._context, self._access_changed)
        self._sign_ins = SignIns(self._context, self._sign_in_changed)
        self._activity = Activity(self._context)
        self._checks = Checks(self._context)
        self._refresher = Refresher(outside.clock, self._context.jitter, self._each_slice)
        self._opening = VaultOpening(self._context, outside.storage, self._attach, self._opening_changed)
        self._context.revocations.changed = self._revocation_changed
        self._context.revocations.gave_up = self._notices.revocation_given_up
        self._signature: object = None
        self._reloading = asyncio.Lock()
        self._restoring = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reporter = Reporter(
            self._context,
            self._directory,
            self._boot_id,
            self._rest_of_snapshot,
            self._told,
            lambda snapshot: self._notices.storage_changed(snapshot.storage),
        )

    # --- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Read the configuration, begin to open the vault and to keep tokens fresh.

        A locked or missing keyring is no reason not to start: the engine is then locked and says what can be done.
        """
        self._loop = asyncio.get_running_loop()
        self._reporter.start()
        await self._read_configuration()
        self._spawn(self._opening.open(self._context.configuration.storage.key, None))
        self._spawn(self._refresher.run())
        self._outside.power.watch(partial(self._from_outside, self._refresher.woke))
        self._outside.network.watch(partial(self._from_outside, self._network_changed))
        if self._outside.configuration_watch is not None:
            self._outside.configuration_watch.watch(partial(self._from_outside, self._look_at_configuration))

    async def stop(self) -> None:
        """End everything in under 3 s whatever hangs: calls at providers are cut, pending writes get their time."""
        self._outside.power.close()
        self._outside.network.close()
        if self._outside.configuration_watch is not None:
            self._outside.configuration_watch.close()
        self._bus.close()
        refreshes = [session.refreshing for session in self._directory.all() if session.refreshing is not None]
        if refreshes:
            await asyncio.wait(refreshes, timeout=REFRESH_LIMIT)
        self._context.transport.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_LIMIT):
                await self._sign_ins.cancel_all()
        for task in list(self._context.tasks):
            task.cancel()
        try:
            async with asyncio.timeout(WRITE_LIMIT):
                await asyncio.gather(*(session.save() for session in self._directory.all() if session.unsaved))
                await self._activity.flush()
                await self._context.vault.close()
        except TimeoutError:
            log.warning("the vault did not finish in time")
        self._context.net.close()
        self._context.keyring.close()

    async def opened(self) -> None:
        """Return when the vault is open, or when it is known why it cannot be opened now."""
        await self._opening.wait()

    async def reload(self) -> None:
        """Read the configuration again."""
        before = self._context.configuration.storage.key
        await self._read_configuration()
        wanted = self._context.configuration.storage.key
        if wanted != before and not self._context.vault.attached:
            self._spawn(self._opening.open(wanted, None))  # the file was broken, or another place was chosen in it
        self._bus.publish("config", self._context.configuration.problems)

    def show(self) -> None:
        """Ask for the window to be raised."""
        self._bus.publish("show", None)

    def quit(self) -> None:
        """Ask the process to end."""
        self._bus.publish("quit", None)

    # --- what is shown ----------------------------------------------------------------------------------------

    def snapshot(self) -> EngineSnapshot:
        """Everything there is to show. On other threads than the engine's it may be a few milliseconds old."""
        return self._reporter.snapshot()

    def subscribe(self, after: str | None = None) -> Subscription:
        """Follow the events, beginning with a snapshot.

        :param after: `boot_id:number` of the last event that was read before.
        """
        return self._bus.subscribe(after)

    def provider(self, provider: str) -> SessionSnapshot:
        """One provider; raises as `Directory.get` for an unknown one."""
        return self._directory.snapshot(provider)

    async def check(self, *, provider: str = "", issuer: str = "", url: str = "") -> CheckReport:
        """Look at a server rule by rule; exactly one of the three is given. Errors as `Checks.run`.

        :raises UnknownProvider: there is no such provider.
        """
        configured = self._directory.get(provider).provider if provider else None
        return await self._checks.run(configured, issuer, url)

    @property
    def boot_id(self) -> str:
        """Names this run; the numbers of events belong to it."""
        return self._boot_id

    def _rest_of_snapshot(
        self,
    ) -> tuple[tuple[SignInSnapshot, ...], tuple[AccessRequest, ...], bool, StorageState, str]:
        opening = self._opening
        return self._sign_ins.snapshots, self._gate.requests, opening.locked, opening.state, opening.notice

    def _session_changed(self, session: Session) -> None:
        if self._directory.find(session.provider.id) is not session:
            return  # its entry is gone or broken for now; nobody sees it and nothing of it is due
        self._refresher.plan(session)
        self._reporter.session_changed(session)

    def _revocation_changed(self, provider: str) -> None:
        self._refresher.plan(self._context.revocations)
        session = self._directory.find(provider)
        if session is not None:
            self._reporter.session_changed(session)
        self._something_changed()

    def _sign_in_changed(self, sign_in: SignInSnapshot) -> None:
        self._bus.publish("sign_in", sign_in)
        self._something_changed()

    def _access_changed(self, request: AccessRequest | str) -> None:
        self._bus.publish("access_request", request)
        self._something_changed()
        if isinstance(request, AccessRequest):
            self._notices.access_asked(request)

    def _opening_changed(self) -> None:
        self._reporter.look_again()

    def _something_changed(self) -> None:
        self._reporter.changed()

    def _told(self, session: SessionSnapshot) -> None:
        self._notices.session_changed(session, news=not self._restoring)

    # --- tokens -----------------------------------------------------------------------------------------------

    def token_now(self, provider: str, query: TokenQuery, application: Application) -> GrantedToken | None:
        """The token when no I/O, no person and no waiting is needed; None when `token` has to be awaited.

        Raises as `token` for what is certain already.
        """
        session = self._directory.get(provider)
        if not self._context.vault.attached:
            return None
        if self._gate.decision(application, provider, _carried(session)) is not Decision.ALLOW:
            return None
        granted = session.token_now(query)
        if granted is not None:
            self._activity.record("token", provider, "ok", application)
        return granted

    async def token(self, provider: str, query: TokenQuery, application: Application) -> GrantedToken:
        """A token for a program: may it, is there a valid one, else join the refresh, else a sign-in if it asked so.

        :raises TokenKeepError: with the codes of the socket API.
        """
        session = self._directory.get(provider)
        try:
            async with asyncio.timeout(query.wait):
                with self._reporter.somebody_waits():
                    await self._opening.check()
                    await self._admit(session, query, application)
                    granted = await self._token_or_sign_in(session, query, application)
        except TimeoutError:
            error: TokenKeepError = TimedOut(f"No token for {session.provider.title} yet.", provider=provider)
            if not self._opening.settled:
                error = Locked(KEYRING_WAITS)
            self._activity.record("token", provider, error.code, application)
            raise error from None
        except TokenKeepError as error:
            self._activity.record("token", provider, error.code, application)
            raise
        self._activity.record("token", provider, "ok", application)
        return granted

    async def _token_or_sign_in(self, session: Session, query: TokenQuery, application: Application) -> GrantedToken:
        try:
            return await session.token(query, application.name)
        except SignInRequired as error:
            if not query.interactive:
                pending = self._sign_ins.pending(session.provider.id)
                error.sign_in = None if pending is None else pending.id
                raise
        sign_in = await self._sign_ins.start(session, "auto", open_browser=True, application=application)
        while sign_in.snapshot.state.pending:
            await sign_in.wait(sign_in.snapshot.state, query.wait)
        if sign_in.snapshot.error is not None:
            raise sign_in.snapshot.error.bare()
        return await session.token(query, application.name)

    async def token_rejected(
        self, provider: str, sha256: str, application: Application, *, wait: float = 30.0
    ) -> GrantedToken:
        """A resource refused a token: if it is still ours, one refresh; then the token that holds now.

        :param sha256: lower-case hexadecimal SHA-256 of the refused access token.
        """
        session = self._directory.get(provider)
        try:
            async with asyncio.timeout(wait):
                await self._opening.check()
                await self._admit(session, TokenQuery(wait=wait), application)
                with self._reporter.somebody_waits():
                    if session.rejected(sha256):
                        await asyncio.shield(session.refresh_soon())
        except TimeoutError:
            raise TimedOut(f"No new token for {session.provider.title} yet.", provider=provider) from None
        except TokenKeepError as error:
            self._activity.record("token", provider, error.code, application)
            raise
        return await self.token(provider, TokenQuery(wait=wait), application)

    async def copy_token(self, provider: str) -> Secret:
        """The access token for the clipboard, at a click in our own window."""
        return (await self.token(provider, TokenQuery(), OWN_WINDOW)).access_token

    async def refresh(self, provider: str, application: Application = OWN_WINDOW) -> SessionSnapshot:
        """Refresh now, unless that was done a moment ago.

        :raises TokenKeepError: what kept the refresh from succeeding.
        """
        await self._opening.check()
        session = self._directory.get(provider)
        if not session.refreshable:
            raise SignInRequired(f"There is nothing to refresh at {session.provider.title}.", provider=provider)
        if session.may_be_refreshed():
            with self._reporter.somebody_waits():
                try:
                    await asyncio.shield(session.refresh_soon())
                except TokenKeepError as error:
                    self._activity.record("refresh", provider, error.code, application)
                    raise
            self._activity.record("refresh", provider, "ok", application)
        return session.snapshot()

    async def _admit(self, session: Session, query: TokenQuery, application: Application) -> None:
        await self._gate.admit(
            application,
            session.provider,
            account="" if session.account is None else session.account.label,
            scope=_carried(session),
            resource=tuple(session.provider.resource) if session.held is None else session.held.tokens.resource,
            wait=query.wait,
        )

    # --- signing in and out -----------------------------------------------------------------------------------

    async def sign_in(
        self,
        provider: str,
        *,
        method: str = "auto",
        open_browser: bool = True,
        application: Application = OWN_WINDOW,
    ) -> SignInSnapshot:
        """Start a sign-in or join the pending one; returns when there is an address or a code to show.

        :param method: `auto`, `browser` or `device`.
        :raises TokenKeepError: it could not even begin.
        """
        await self._opening.check()
        session = self._directory.get(provider)
        sign_in = await self._sign_ins.start(session, method, open_browser=open_browser, application=application)
        await sign_in.presentable()
        if sign_in.snapshot.error is not None:
            raise sign_in.snapshot.error.bare()
        if application.own and open_browser and sign_in.snapshot.method == "browser" and not sign_in.opened:
            await sign_in.reopen()  # a program's attempt was joined; a person's click always opens the page
        return sign_in.snapshot

    def sign_in_snapshot(self, sign_in: str) -> SignInSnapshot:
        """One attempt; NotFound when it is unknown."""
        return self._sign_ins.get(sign_in).snapshot

    async def wait_sign_in(self, sign_in: str, wait: float) -> SignInSnapshot:
        """One attempt, after its next change of state or after `wait` seconds."""
        one = self._sign_ins.get(sign_in)
        if one.snapshot.state.pending:
            await one.wait(one.snapshot.state, wait)
        return one.snapshot

    async def cancel_sign_in(self, sign_in: str) -> SignInSnapshot:
        """Cancel; nothing happens to an attempt that ended already."""
        one = self._sign_ins.get(sign_in)
        await one.cancel()
        return one.snapshot

    async def sign_in_callback(self, url: str, sign_in: str | None = None) -> SignInSnapshot:
        """A redirect that a person pasted or a second instance forwards.

        :raises NotFound: no attempt waits for it.
        """
        one = self._sign_ins.find_by_url(url) if sign_in is None else self._sign_ins.get(sign_in)
        if not one.take_url(url):
            raise NotFound(
                "That address does not belong to this sign-in.", hint="Paste the whole address you ended on."
            )
        return one.snapshot

    async def reopen_browser(self, sign_in: str) -> SignInSnapshot:
        """Ask the browser to open the page once more."""
        one = self._sign_ins.get(sign_in)
        await one.reopen()
        return one.snapshot

    async def use_device(self, sign_in: str) -> SignInSnapshot:
        """Go on with a code in place of the browser; gives the new attempt."""
        return await self._switch(sign_in, "device")

    async def use_browser(self, sign_in: str) -> SignInSnapshot:
        """Go on in the browser in place of a code; gives the new attempt."""
        return await self._switch(sign_in, "browser")

    async def _switch(self, sign_in: str, method: str) -> SignInSnapshot:
        one = self._sign_ins.get(sign_in)
        await one.cancel()
        if one.snapshot.state is SignInState.DONE:
            return one.snapshot  # it succeeded at the moment of the click
        return await self.sign_in(one.snapshot.provider, method=method)

    async def settle_account(self, sign_in: str, *, accept: bool) -> SignInSnapshot:
        """The person's answer when another account came back than before (AUTHZ-7)."""
        one = self._sign_ins.get(sign_in)
        one.settle(accept=accept)
        await one.wait(one.snapshot.state, 30.0)
        return one.snapshot

    async def sign_out(self, provider: str, *, revoke: bool = True, application: Application = OWN_WINDOW) -> SignOut:
        """Sign out here at once, then revoke at the provider as far as it lets us."""
        await self._opening.check()
        session = self._directory.get(provider)
        pending = self._sign_ins.pending(provider)
        if pending is not None:
            await pending.cancel()
        outcome = await sign_outs.sign_out(session, self._context.revocations, revoke=revoke)
        self._activity.record("sign_out", provider, "ok", application)
        return outcome

    # --- rights, storage --------------------------------------------------------------------------------------

    async def require_manage(self, application: Application, *, wait: float = 60.0) -> None:
        """Return when the program may change something.

        :raises AccessDenied: no; TimedOut: the question is still open.
        """
        await self._gate.admit(application, None, wait=wait, purpose="manage")

    def answer_access(self, request: str, decision: Decision, holding: Holding) -> None:
        """A person's answer in the window."""
        grant = self._gate.answer(request, decision, holding)
        if grant is not None:
            self._spawn(self._gate.save(grant))

    def grants(self) -> tuple[Grant, ...]:
        """Who may get what, as answered by a person."""
        return self._gate.grants

    async def activity(self, limit: int) -> list[dict[str, Any]]:
        """What happened, newest first."""
        return await self._activity.read(limit)

    async def choose_storage(self, kind: str, passphrase: Secret | None = None) -> None:
        """Open the vault with another key, or try again with the same kind; sign-ins of this run are taken along.

        :param kind: `keyring`, `passphrase` or `memory`.
        :raises TokenKeepError: it could not be opened; what was open before stays open.
        """
        problem = await self._opening.open(kind, passphrase)
        if problem is not None:
            raise problem
        if kind != self._context.configuration.storage.key:
            try:
                await self._context.net.run(self._outside.remember_storage, kind)
            except TokenKeepError as error:
                raise StorageFailed("It holds until TokenKeep quits; config.toml could not be written.") from error

    async def unlock(self, passphrase: Secret) -> None:
        """Open the vault that is sealed with a passphrase; with an open one nothing happens.

        :raises Locked: the passphrase is wrong, or the key is one that only a person at our own window releases.
        """
        await self._opening.wait()
        if self._context.vault.attached:
            return
        if self._context.configuration.storage.key != "passphrase":
            raise Locked(
                "The saved sign-ins are sealed with a key in the keyring, not with a passphrase.",
                hint="Unlock the keyring and try again in TokenKeep's window.",
            )
        await self.choose_storage("passphrase", passphrase)

    async def _attach(self, opener: Callable[[], Vault]) -> None:
        """Take over what the vault has, and give it what this run has got since."""
        vault = self._context.vault
        await vault.attach(opener)
        stored = await vault.read_sessions()
        await self._context.revocations.restore(await vault.read_revocations())
        await self._gate.load()
        self._reporter.tell()  # what happened until now is news, what is restored is none
        self._restoring = True
        try:
            self._directory.restore(stored)
            self._reporter.tell()
        finally:
            self._restoring = False
        for session in self._directory.all():
            if session.stored is not None and session.stored is not stored.get(session.provider.id):
                await session.save()

    # --- inner ------------------------------------------------------------------------------------------------

    def _use(self, configuration: Configuration) -> None:
        self._context.configuration = configuration
        for session in self._directory.use(configuration):
            provider = session.provider.id
            self._refresher.forget(session)
            self._notices.forget(provider)
            self._reporter.forget(provider)
            pending = self._sign_ins.pending(provider)
            if pending is not None:
                self._spawn(pending.cancel())
        self._reporter.look_again()

    async def _read_configuration(self) -> None:
        async with self._reloading:  # one after the other, so that the last one read is the one that holds
            self._signature = self._outside.configuration_signature()
            self._use(await self._context.net.run(self._outside.read_configuration))

    def _each_slice(self) -> None:
        for session in self._directory:
            self._refresher.plan(session)  # the wall clock may have been set
        self._reporter.look_again()
        self._look_at_configuration()

    def _look_at_configuration(self) -> None:
        if self._outside.configuration_signature() != self._signature:
            self._spawn(self.reload())

    def _network_changed(self) -> None:
        for session in self._directory:
            session.wake(self._context.clock.boot() + self._context.jitter())

    def _from_outside(self, call: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    def _spawn(self, coroutine: Any) -> None:
        self._context.spawn(asyncio.create_task(coroutine))


def _carried(session: Session) -> tuple[str, ...]:
    """The scope of the token that a program would get: naming less does not make it less, so that is what counts."""
    return tuple(session.provider.scopes) if session.held is None else session.scope
