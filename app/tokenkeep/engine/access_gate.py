"""May this program have that? Rules, grants, and a person's answer; silence is no."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from tokenkeep.domain.access import (
    AccessRequest,
    AccessRule,
    Application,
    Carried,
    Decision,
    Grant,
    Holding,
    allowed_part,
    decide,
)
from tokenkeep.domain.configuration import Configuration
from tokenkeep.domain.errors import AccessDenied, NotFound, TimedOut, TokenKeepError
from tokenkeep.domain.provider import Provider
from tokenkeep.engine.context import Context

log = logging.getLogger(__name__)

PROMPT_LIFE = 60.0  # seconds until a prompt that nobody answers counts as no
IGNORED_LIMIT = 2  # prompts in a row that a program may leave unanswered
COOL_DOWN = 600.0  # seconds without a further prompt after that


@dataclass
class _Pending:
    request: AccessRequest
    answer: asyncio.Future[tuple[Decision, str]]
    timer: asyncio.Task[None] | None = None


@dataclass
class _Ignored:
    count: int = 0
    until: float = field(default=0.0)  # boot clock


class AccessGate:
    """Used on the engine's loop only.

    :param changed: called with every new question, and with the id of one that waits no longer.
    """

    def __init__(self, context: Context, changed: Callable[[AccessRequest | str], None]) -> None:
        self._context = context
        self._changed = changed
        self._grants: dict[str, Grant] = {}
        self._pending: dict[str, _Pending] = {}
        self._ignored: dict[tuple[str, str], _Ignored] = {}
        self._rules_of: Configuration | None = None
        self._rule_values: list[AccessRule] = []

    @property
    def grants(self) -> tuple[Grant, ...]:
        """All grants that hold, those of this run included."""
        wall = self._context.clock.wall()
        return tuple(grant for grant in self._grants.values() if grant.until is None or wall < grant.until)

    @property
    def requests(self) -> tuple[AccessRequest, ...]:
        """What waits for a person, oldest first."""
        return tuple(pending.request for pending in self._pending.values())

    async def load(self) -> None:
        """Read the grants that outlive a run."""
        for grant in await self._context.vault.read_grants():
            self._grants[grant.id] = grant

    def decision(
        self, application: Application, provider: str, carried: Carried | None = None, purpose: str = "token"
    ) -> Decision:
        """What holds without asking anybody; no I/O."""
        access = self._context.configuration.access
        default = access.manage if purpose == "manage" else access.default
        if purpose == "id_token" and default is Decision.ALLOW:
            default = Decision.ASK  # what holds for tokens says nothing about who somebody is
        found = decide(
            self._rules(),
            self._grants.values(),
            default,
            application,
            provider,
            carried=carried,
            wall=self._context.clock.wall(),
            purpose=purpose,
        )
        if found is Decision.ASK and not self._context.prompter.present:
            return Decision.DENY
        return found

    def allowed_part(self, application: Application, provider: str, carried: Carried) -> Carried | None:
        """What the program may have of a token that `decision` does not allow as a whole; no I/O."""
        wall = self._context.clock.wall()
        return allowed_part(self._rules(), self._grants.values(), application, provider, carried=carried, wall=wall)

    async def admit(
        self,
        application: Application,
        provider: Provider | None,
        *,
        account: str = "",
        carried: Carried | None = None,
        wait: float,
        purpose: str = "token",
    ) -> None:
        """Return when the program may; ask a person if that is what holds.

        :param provider: None for the right to manage.
        :param purpose: `token`, `id_token` or `manage`.
        :param wait: seconds the caller waits; the question lives on for its 60 s.
        :raises AccessDenied: the person or a rule said no, or nobody answered.
        :raises TimedOut: the caller's wait ended first.
        """
        provider_id = "*" if provider is None else provider.id
        carried = carried or Carried()
        found = self.decision(application, provider_id, carried, purpose)
        if found is Decision.ALLOW:
            return
        if found is Decision.DENY:
            present = self._context.prompter.present
            reason = (
                "A rule or an earlier answer says no." if present else "No rule allows it, and nobody can be asked."
            )
            raise self._denied(application, provider_id, reason, purpose)
        pending = self._ask(application, provider, account, carried, purpose)
        try:
            async with asyncio.timeout(wait):
                answer, detail = await asyncio.shield(pending.answer)
        except TimeoutError:
            raise TimedOut(
                "The question in the window is still open.", provider=None if provider is None else provider.id
            ) from None
        if answer is not Decision.ALLOW:
            raise self._denied(application, provider_id, detail, purpose)

    def _ask(
        self,
        application: Application,
        provider: Provider | None,
        account: str,
        carried: Carried,
        purpose: str,
    ) -> _Pending:
        """The open question of the same program, provider and scopes, or a new one."""
        provider_id = "*" if provider is None else provider.id
        for pending in self._pending.values():
            request = pending.request
            same = (request.application.key, request.provider, request.scope, request.resource, request.purpose)
            if same == (application.key, provider_id, carried.scope, carried.resource, purpose):
                return pending
        ignored = self._ignored.get(application.key)
        if ignored is not None and self._context.clock.boot() < ignored.until:
            raise self._denied(
                application, provider_id, "Its last questions were left unanswered; it may ask again later.", purpose
            )
        request = AccessRequest(
            id=uuid.uuid4().hex,
            application=application,
            provider=provider_id,
            provider_name="" if provider is None else provider.title,
            account=account,
            scope=carried.scope,
            resource=carried.resource,
            purpose=purpose,
            expires_at=self._context.clock.wall() + PROMPT_LIFE,
        )
        pending = _Pending(request, asyncio.get_running_loop().create_future())
        pending.timer = asyncio.create_task(self._expire(request.id))
        self._context.spawn(pending.timer)
        self._pending[request.id] = pending
        self._changed(request)
        return pending

    async def _expire(self, request_id: str) -> None:
        await self._context.clock.sleep(PROMPT_LIFE)
        pending = self._pending.get(request_id)
        if pending is None:
            return
        ignored = self._ignored.setdefault(pending.request.application.key, _Ignored())
        ignored.count += 1
        if ignored.count >= IGNORED_LIMIT:
            ignored.until = self._context.clock.boot() + COOL_DOWN
            ignored.count = 0
        self._settle(pending, Decision.DENY, "Nobody answered within 60 seconds.")

    def answer(self, request_id: str, decision: Decision, holding: Holding) -> Grant | None:
        """A person's answer. A yes or no that is to hold becomes a grant; the grant is returned to be saved.

        :raises NotFound: nothing waits under that id any more.
        """
        pending = self._pending.get(request_id)
        if pending is None:
            raise NotFound("That question was answered already.")
        request = pending.request
        if pending.timer is not None:
            pending.timer.cancel()
        self._ignored.pop(request.application.key, None)
        grant = self._grant(request, decision, holding)
        self._settle(pending, decision, "The person said no.")
        return grant

    def _grant(self, request: AccessRequest, decision: Decision, holding: Holding) -> Grant | None:
        if holding is Holding.ONCE:
            return None
        if holding is Holding.ALWAYS and not request.application.identified:
            holding = Holding.UNTIL_QUIT  # a shell or interpreter is nobody: no answer for ever by executable alone
        wall = self._context.clock.wall()
        until = wall + self._context.configuration.access.remember if holding is Holding.FOR_A_WHILE else None
        grant = Grant(
            id=uuid.uuid4().hex,
            key=request.application.key,
            name=request.application.name,
            provider=request.provider,
            decision=decision,
            holding=holding,
            created_at=wall,
            until=until,
            scope=request.scope,
            resource=request.resource,
            purpose=request.purpose,
        )
        self._grants[grant.id] = grant
        return grant

    async def save(self, grant: Grant) -> None:
        """Write a grant that outlives this run."""
        if grant.holding in (Holding.ALWAYS, Holding.FOR_A_WHILE):
            try:
                await self._context.vault.write_grant(grant)
            except TokenKeepError as error:
                log.warning("an answer could not be saved and holds until TokenKeep quits: %s", error.code)

    def _settle(self, pending: _Pending, decision: Decision, detail: str) -> None:
        self._pending.pop(pending.request.id, None)
        if not pending.answer.done():
            pending.answer.set_result((decision, detail))
        self._changed(pending.request.id)

    def _rules(self) -> list[AccessRule]:
        configuration = self._context.configuration
        if self._rules_of is not configuration:
            self._rules_of = configuration
            self._rule_values = [entry.as_rule() for entry in configuration.access.rule]
        return self._rule_values

    @staticmethod
    def _denied(application: Application, provider: str, detail: str, purpose: str) -> AccessDenied:
        what = {"manage": "change TokenKeep", "id_token": "know who you are"}.get(purpose, "have this token")
        return AccessDenied(
            f"{application.name} may not {what}. {detail}",
            hint="Allow it in the window, or by an [[access.rule]] in config.toml.",
            provider=None if provider == "*" else provider,
        )
