"""The façade: commands go in, immutable snapshots and events come out; every surface is a client of this."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from tokenkeep.domain.access import OWN_WINDOW, AccessRequest, Application, Decision, Grant, Holding
from tokenkeep.domain.check import CheckReport
from tokenkeep.domain.configuration import Configuration
from tokenkeep.domain.errors import (
    Locked,
    Misconfigured,
    StorageFailed,
    TokenKeepError,
)
from tokenkeep.domain.identity import GrantedIdToken, SeenTokens
from tokenkeep.domain.ports import Vault
from tokenkeep.domain.session import (
    EngineSnapshot,
    SessionSnapshot,
    SignInSnapshot,
    SignInState,
    StorageState,
)
from tokenkeep.domain.tokens import GrantedHeaders, GrantedToken, Refusal, Secret, TokenQuery
from tokenkeep.engine import sign_outs
from tokenkeep.engine.access_gate import AccessGate
from tokenkeep.engine.activity import Activity
from tokenkeep.engine.browser_logouts import BrowserLogouts, Leaving
from tokenkeep.engine.checking import Checks
from tokenkeep.engine.client_secrets import ClientSecrets
from tokenkeep.engine.configuration_file import ConfigurationFile
from tokenkeep.engine.context import Context
from tokenkeep.engine.directory import Directory
from tokenkeep.engine.events import EventBus, Subscription
from tokenkeep.engine.identity_requests import IdentityRequests
from tokenkeep.engine.left_behind import LeftBehind
from tokenkeep.engine.machine_sign_ins import MachineSignIns
from tokenkeep.engine.notices import Notices
from tokenkeep.engine.opening import VaultOpening
from tokenkeep.engine.outside import Outside
from tokenkeep.engine.places import provider_at
from tokenkeep.engine.refresher import Refresher
from tokenkeep.engine.removal import Removal
from tokenkeep.engine.reporter import Reporter
from tokenkeep.engine.secret_sources import initial_access_token
from tokenkeep.engine.sessions import Session
from tokenkeep.engine.sign_ins import SignIns
from tokenkeep.engine.sign_outs import SignOut
from tokenkeep.engine.token_requests import TokenRequests
from tokenkeep.engine.vault_access import VaultAccess
from tokenkeep.engine.workers import NetPool, WorkerPool

log = logging.getLogger(__name__)

# Seconds when quitting, under three in all: refreshes in flight get the first (a rotated token whose answer is cut off
# is lost), attempts to sign in the second, pending writes the third. A frozen provider or keyring is not waited for.
REFRESH_LIMIT, CANCEL_LIMIT, WRITE_LIMIT = 0.6, 0.3, 1.0


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
        self._secrets = ClientSecrets(self._context, self._directory)
        self._notices = Notices(self._context)
        self._gate = AccessGate(self._context, self._access_changed)
        self._sign_ins = SignIns(self._context, self._sign_in_changed)
        self._machines = MachineSignIns(self._context, self._directory, self.require_manage)
        self._activity = Activity(self._context)
        self._removal = Removal(self._context, self._directory)
        self._logouts = BrowserLogouts(self._context, self._activity)
        self._checks = Checks(self._context)
        self._refresher = Refresher(outside.clock, self._context.jitter, self._each_slice)
        self._opening = VaultOpening(self._context, outside.storage, self._attach, self._opening_changed)
        self._context.registrations.changed = self._registration_changed
        self._context.revocations.changed = self._revocation_changed
        self._context.revocations.gave_up = self._notices.revocation_given_up
        self._file = ConfigurationFile(self._context, outside, self._use, self._open_elsewhere)
        self._left_behind = LeftBehind(
            self._context, self._directory, self._notices.left_behind, self._sign_out_left_behind
        )
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
        self._tokens = TokenRequests(
            self._context,
            self._directory,
            self._gate,
            self._opening,
            self._sign_ins,
            self._activity,
            self._reporter,
        )

        self._identities = IdentityRequests(
            self._context, self._directory, self._gate, self._opening, self._activity, self._tokens
        )

    # --- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Read the configuration, begin to open the vault and to keep tokens fresh.

        A locked or missing keyring is no reason not to start: the engine is then locked and says what can be done.
        """
        self._loop = asyncio.get_running_loop()
        self._reporter.start()
        await self._file.read()
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
        await self._file.reload()

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

    def _registration_changed(self, provider: str) -> None:
        self._refresher.plan(self._context.registrations)
        session = self._directory.find(provider)
        if session is not None:
            self._reporter.session_changed(session)

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
        self._machines.told(session)

    # --- tokens -----------------------------------------------------------------------------------------------

    def token_now(self, provider: str, query: TokenQuery, application: Application) -> GrantedToken | None:
        """The token when no I/O, no person and no waiting is needed; None when `token` has to be awaited.

        Raises as `token` for what is certain already.
        """
        return self._tokens.now(provider, query, application)

    async def token(self, provider: str, query: TokenQuery, application: Application) -> GrantedToken:
        """A token for a program: may it, is there a valid one, else join the refresh, else a sign-in if it asked so.

        :raises TokenKeepError: with the codes of the socket API.
        """
        return await self._tokens.token(provider, query, application)

    async def token_rejected(
        self,
        provider: str,
        sha256: str,
        application: Application,
        *,
        wait: float = 30.0,
        www_authenticate: str = "",
        url: str = "",
        dpop_nonce: str = "",
    ) -> GrantedToken:
        """A resource refused a token: if it is still ours, one refresh; then the token that holds now.

        What the refusal says of proofs is learned; where that was all that was wrong, nothing is refreshed. Parameters
        as of `Refusal`.

        :raises DpopRequired: that is done, and the token that holds now is to be had as headers only.
        """
        refusal = Refusal(sha256, www_authenticate, url, dpop_nonce)
        return await self._tokens.rejected(provider, refusal, application, wait)

    async def headers(
        self,
        provider: str | None,
        method: str,
        url: str,
        query: TokenQuery,
        application: Application,
        *,
        nonce: str = "",
    ) -> GrantedHeaders:
        """The headers of one request: the token, and a proof for that request where it is bound to a key (RFC 9449).

        :param provider: None finds it by the URL, as `places.provider_at`.
        :param nonce: the last one that the resource gave (RFC 9449 §8.2); empty for the one that is remembered.
        :raises TokenKeepError: as `token` and `Proofs.headers`.
        """
        found = provider_at(url, self._directory).id if provider is None else provider
        return await self._tokens.headers(found, method, url, query, application, nonce)

    async def proof(
        self, provider: str, method: str, url: str, application: Application, *, nonce: str = "", ath: str | None = None
    ) -> Secret:
        """A proof for one request with the token that the provider has now. Errors as `headers` and `Proofs.proof`."""
        return await self._tokens.proof(provider, method, url, application, nonce=nonce, ath=ath)

    async def id_token(self, provider: str, application: Application, *, wait: float = 30.0) -> GrantedIdToken:
        """The verified id_token; a permission of its own, which no answer about tokens gives.

        :raises TokenKeepError: with the codes of the socket API.
        """
        return await self._identities.id_token(provider, application, wait)

    async def seen_tokens(
        self, provider: str, application: Application, *, introspect: bool = False, wait: float = 30.0
    ) -> SeenTokens:
        """The tokens of a sign-in, taken apart for people; it takes the permission of `id_token`.

        :param introspect: also ask the provider what it knows of the access token (RFC 7662).
        """
        return await self._identities.seen(provider, application, wait, introspect=introspect)

    async def copy_token(self, provider: str) -> Secret:
        """The access token for the clipboard, at a click in our own window."""
        return (await self.token(provider, TokenQuery(), OWN_WINDOW)).access_token

    async def refresh(self, provider: str, application: Application = OWN_WINDOW) -> SessionSnapshot:
        """Refresh now, unless that was done a moment ago.

        :raises TokenKeepError: what kept the refresh from succeeding.
        """
        return await self._tokens.refresh(provider, application)

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
        if not session.provider.flow.interactive:
            return await self._machines.begin(session, application)
        await self._logouts.end(provider)  # a browser that has not come back from the last log-out keeps no port
        return await self._sign_ins.begin(session, method, open_browser=open_browser, application=application)

    def sign_in_snapshot(self, sign_in: str) -> SignInSnapshot:
        """One attempt; NotFound when it is unknown."""
        return self._machines.find(sign_in) or self._sign_ins.get(sign_in).snapshot

    async def wait_sign_in(self, sign_in: str, wait: float) -> SignInSnapshot:
        """One attempt, after its next change of state or after `wait` seconds."""
        return self._machines.find(sign_in) or await self._sign_ins.wait(sign_in, wait)

    async def cancel_sign_in(self, sign_in: str, application: Application = OWN_WINDOW) -> SignInSnapshot:
        """Cancel; nothing happens to an attempt that ended already.

        :raises TooManyRequests: the program has cancelled too many.
        """
        return self._machines.find(sign_in) or await self._sign_ins.cancel(sign_in, application)

    async def sign_in_callback(self, url: str, sign_in: str | None = None) -> SignInSnapshot:
        """A redirect that a person pasted or a second instance forwards.

        :raises NotFound: no attempt waits for it.
        """
        return self._sign_ins.take_url(url, sign_in)

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

    async def paste_token(
        self, provider: str, token: Secret, expires_at: float | None = None, application: Application = OWN_WINDOW
    ) -> SessionSnapshot:
        """Keep a token that a person got at the provider (`flow = "static"`); errors as `MachineSignIns.paste`.

        :param expires_at: wall clock in seconds since the epoch; None when it is not known.
        """
        await self._opening.check()
        await self._machines.paste(provider, token, expires_at)
        self._activity.record("paste", provider, "ok", application)
        return self.provider(provider)

    async def settle_account(self, sign_in: str, *, accept: bool) -> SignInSnapshot:
        """The person's answer when another account came back than before (AUTHZ-7)."""
        one = self._sign_ins.get(sign_in)
        one.settle(accept=accept)
        await one.wait(one.snapshot.state, 30.0)
        return one.snapshot

    async def sign_out(
        self,
        provider: str,
        *,
        revoke: bool = True,
        end_session: bool = False,
        application: Application = OWN_WINDOW,
    ) -> SignOut:
        """Sign out here at once, then revoke at the provider as far as it lets us.

        :param end_session: then also ask the browser to log out at the provider (RP-Initiated Logout); whether it does
            is waited for by nobody.
        """
        await self._opening.check()
        session = self._directory.to_sign_out(provider)
        pending = self._sign_ins.pending(provider)
        if pending is not None:
            await pending.cancel()
        leaving = Leaving.of(session)
        outcome = await sign_outs.sign_out(session, self._context.revocations, revoke=revoke)
        self._activity.record("sign_out", provider, "ok", application)
        await self._secrets.removed(provider)
        if end_session:
            logout, words = await self._logouts.begin(leaving, application)
            outcome = replace(outcome, detail=f"{outcome.detail} {words}", end_session=logout)
        if self._directory.find(provider) is None:  # its entry is broken or gone: no session tells of the change
            self._reporter.look_again()
            self._bus.publish("config", self._context.configuration.problems)
        return outcome

    async def remove_provider(self, provider: str, application: Application = OWN_WINDOW) -> str:
        """Sign out, delete the registration at the server as far as it lets us, take the entry out of `config.toml`.

        :returns: sentences for people: what came of it at the server.
        :raises UnknownProvider: there is no such entry, and nothing is kept of it.
        :raises StorageFailed: `config.toml` could not be written; the rest is done.
        """
        await self._opening.check()
        self._removal.check(provider)
        told = []
        with contextlib.suppress(Misconfigured):  # an entry that cannot work, with nothing kept of it
            told.append((await self.sign_out(provider, application=application)).detail)
        name = self._directory.snapshot(provider).name
        registrations = await self._removal.registrations(provider)
        left = [sentence for done, sentence in registrations if not done]
        await self._context.vault.delete_secrets(provider)
        await self._context.net.run(self._outside.remove_entry, provider)
        self._activity.record("remove", provider, "registration_left" if left else "ok", application)
        if left:
            self._notices.registration_left(provider, name, " ".join(left))
        await self.reload()
        return " ".join([*told, *(sentence for _, sentence in registrations)])

    # --- our own secrets and keys -----------------------------------------------------------------------------

    async def set_client_secret(
        self, provider: str, secret: Secret, application: Application = OWN_WINDOW
    ) -> SessionSnapshot:
        """A person typed a client secret in: it is sealed, and what waited for it goes on (CAUTH-4).

        :raises Misconfigured: the entry does not say that its secret is kept here.
        """
        await self._opening.check()
        await self._secrets.type_in(provider, secret)
        self._activity.record("client_secret", provider, "ok", application)
        return self.provider(provider)

    async def set_initial_access_token(
        self, provider: str, token: Secret, application: Application = OWN_WINDOW
    ) -> SessionSnapshot:
        """A person gave what a server wants to see before it registers anybody (RFC 7591 §3): it is sealed."""
        await self._opening.check()
        entry = self._directory.get(provider).provider
        await self._context.vault.write_secret(initial_access_token(entry), token)
        self._activity.record("initial_access_token", provider, "ok", application)
        return self.provider(provider)

    async def public_keys(self, provider: str) -> tuple[dict[str, Any], ...]:
        """The public halves of a client's keys, to be registered at the provider; errors as for a token."""
        self._directory.get(provider)
        await self._opening.check()
        return await self._secrets.public_keys(provider)

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
        carried = await self._secrets.carried()
        await vault.attach(opener)
        await self._secrets.carry(carried)
        stored = await vault.read_sessions()
        await self._context.registrations.restore(await vault.read_registrations())
        await self._context.revocations.restore(await vault.read_revocations())
        await self._gate.load()
        self._reporter.tell()  # what happened until now is news, what is restored is none
        self._restoring = True
        try:
            self._directory.restore(stored)
            await self._secrets.look()
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
        self._refresher.plan(self._context.registrations)
        self._spawn(self._secrets.look())

    def _open_elsewhere(self, kind: str) -> None:
        self._spawn(self._opening.open(kind, None))

    def _sign_out_left_behind(self, session: Session) -> None:
        async def leave() -> None:
            await self.sign_out(session.id)
            await self._removal.registrations(session.id)

        self._spawn(leave())

    def _each_slice(self) -> None:
        for session in self._directory:
            self._refresher.plan(session)  # the wall clock may have been set
        self._refresher.plan(self._context.registrations)
        self._reporter.look_again()
        self._look_at_configuration()
        self._spawn(self._left_behind.look())
        self._spawn(self._secrets.tidy())

    def _look_at_configuration(self) -> None:
        if self._file.changed:
            self._spawn(self.reload())

    def _network_changed(self) -> None:
        for session in self._directory:
            session.wake(self._context.clock.boot() + self._context.jitter())

    def _from_outside(self, call: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    def _spawn(self, coroutine: Any) -> None:
        self._context.spawn(asyncio.create_task(coroutine))
