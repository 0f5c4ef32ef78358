"""May this program have that: rules, a person's answer, silence, and programs that keep asking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from support.fake_clock import FakeClock, turn
from support.fake_context import RecordingBus, close_context, make_context
from tokenkeep.domain.access import AccessRequest, Application, Carried, Decision, Holding
from tokenkeep.domain.configuration import AccessRuleEntry, AccessSettings, Configuration
from tokenkeep.domain.errors import AccessDenied, NotFound, TimedOut
from tokenkeep.domain.provider import Provider
from tokenkeep.engine.access_gate import COOL_DOWN, PROMPT_LIFE, AccessGate
from tokenkeep.engine.context import Context

GITHUB = Provider(id="github", name="GitHub", issuer="https://github.example", client_id="c")
GIT = Application(executable="/usr/bin/git", pid=7)
SHELL = Application(executable="/bin/bash", pid=8, login_session="tty:pts/1")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def parts(clock: FakeClock) -> AsyncIterator[tuple[AccessGate, RecordingBus, Context]]:
    context, bus = await make_context(clock)
    yield AccessGate(context, partial(bus.publish, "access_request")), bus, context
    await close_context(context)


def ask(gate: AccessGate, application: Application = GIT, **rest) -> asyncio.Task[None]:
    return asyncio.create_task(gate.admit(application, GITHUB, **({"wait": 1000.0} | rest)))


async def question(bus: RecordingBus, number: int = 0) -> AccessRequest:
    await turn()
    return [data for data in bus.of("access_request") if isinstance(data, AccessRequest)][number]


async def test_AGENT_8_the_first_use_by_a_program_needs_a_yes(parts) -> None:
    gate, bus, _ = parts
    call = ask(gate, account="ada", carried=Carried(("repo",)))
    request = await question(bus)
    assert not call.done()
    assert (request.application, request.provider, request.account, request.scope) == (GIT, "github", "ada", ("repo",))
    gate.answer(request.id, Decision.ALLOW, Holding.ONCE)
    await call
    again = ask(gate, carried=Carried(("repo",)))
    assert (await question(bus, 1)).id != request.id, "once is once"
    again.cancel()


async def test_AGENT_8_a_no_is_a_refusal_and_says_who_said_it(parts) -> None:
    gate, bus, _ = parts
    call = ask(gate)
    gate.answer((await question(bus)).id, Decision.DENY, Holding.ONCE)
    with pytest.raises(AccessDenied, match="The person said no"):
        await call


async def test_AGENT_8_silence_is_no_after_sixty_seconds_and_makes_no_rule(parts, clock: FakeClock) -> None:
    gate, bus, _ = parts
    call = ask(gate)
    await question(bus)
    await clock.advance(PROMPT_LIFE - 1)
    assert not call.done()
    await clock.advance(1)
    with pytest.raises(AccessDenied, match="Nobody answered"):
        await call
    assert gate.grants == ()
    assert gate.requests == ()


async def test_AGENT_8_two_calls_of_one_program_are_one_question(parts) -> None:
    gate, bus, _ = parts
    calls = [ask(gate, carried=Carried(("repo",))), ask(gate, carried=Carried(("repo",)))]
    request = await question(bus)
    assert len(gate.requests) == 1
    gate.answer(request.id, Decision.ALLOW, Holding.ONCE)
    await asyncio.gather(*calls)


async def test_AGENT_8_another_scope_or_program_is_another_question(parts) -> None:
    gate, bus, _ = parts
    calls = [ask(gate, carried=Carried(("repo",))), ask(gate, carried=Carried(("repo", "admin"))), ask(gate, SHELL)]
    await question(bus, 2)
    assert len(gate.requests) == 3
    for call in calls:
        call.cancel()


async def test_AGENT_8_a_caller_may_leave_earlier_and_a_later_yes_still_becomes_a_grant(parts) -> None:
    gate, bus, _ = parts
    with pytest.raises(TimedOut):
        await ask(gate, wait=0.01)
    request = await question(bus)
    grant = gate.answer(request.id, Decision.ALLOW, Holding.ALWAYS)
    assert grant is not None
    assert gate.decision(GIT, "github") is Decision.ALLOW


async def test_for_a_while_ends_with_its_time(parts, clock: FakeClock) -> None:
    gate, bus, context = parts
    call = ask(gate)
    gate.answer((await question(bus)).id, Decision.ALLOW, Holding.FOR_A_WHILE)
    await call
    await clock.advance(context.configuration.access.remember - 1)
    assert gate.decision(GIT, "github") is Decision.ALLOW
    await clock.advance(1)
    assert gate.decision(GIT, "github") is Decision.ASK
    assert gate.grants == ()


async def test_AGENT_8_a_shell_never_gets_an_answer_for_ever(parts) -> None:
    gate, bus, _ = parts
    call = ask(gate, SHELL)
    grant = gate.answer((await question(bus)).id, Decision.ALLOW, Holding.ALWAYS)
    await call
    assert grant is not None
    assert grant.holding is Holding.UNTIL_QUIT


async def test_grants_that_are_to_last_are_found_again_in_the_vault(parts) -> None:
    gate, bus, context = parts
    for application, holding in ((GIT, Holding.ALWAYS), (SHELL, Holding.UNTIL_QUIT)):
        call = ask(gate, application)
        grant = gate.answer(gate.requests[0].id if gate.requests else (await _next(gate)), Decision.ALLOW, holding)
        await call
        assert grant is not None
        await gate.save(grant)
    later = AccessGate(context, partial(bus.publish, "access_request"))
    await later.load()
    assert later.decision(GIT, "github") is Decision.ALLOW
    assert later.decision(SHELL, "github") is Decision.ASK
    assert bus.of("access_request")


async def _next(gate: AccessGate) -> str:
    await turn()
    return gate.requests[0].id


async def test_a_program_whose_questions_are_ignored_twice_has_to_wait(parts, clock: FakeClock) -> None:
    gate, bus, _ = parts
    for _ in range(2):
        call = ask(gate)
        await turn()
        await clock.advance(PROMPT_LIFE)
        with pytest.raises(AccessDenied):
            await call
    with pytest.raises(AccessDenied, match="left unanswered"):
        await ask(gate)
    assert gate.requests == ()
    await clock.advance(COOL_DOWN)
    call = ask(gate)
    gate.answer((await question(bus, 2)).id, Decision.ALLOW, Holding.ONCE)
    await call


async def test_headless_ask_means_deny(clock: FakeClock) -> None:
    context, bus = await make_context(clock, present=False)
    gate = AccessGate(context, partial(bus.publish, "access_request"))
    with pytest.raises(AccessDenied, match="nobody can be asked"):
        await gate.admit(GIT, GITHUB, wait=1.0)
    assert bus.of("access_request") == []
    await close_context(context)


async def test_rules_of_the_configuration_decide_without_a_question(clock: FakeClock) -> None:
    rule = AccessRuleEntry(app="/usr/bin/git", provider="github", decision=Decision.ALLOW)
    settings = AccessSettings(default=Decision.DENY, rule=[rule])
    context, bus = await make_context(clock, Configuration(access=settings))
    gate = AccessGate(context, partial(bus.publish, "access_request"))
    await gate.admit(GIT, GITHUB, wait=1.0)
    with pytest.raises(AccessDenied, match="A rule or an earlier answer"):
        await gate.admit(SHELL, GITHUB, wait=1.0)
    assert bus.of("access_request") == []
    context.configuration = Configuration(access=AccessSettings(default=Decision.DENY))
    with pytest.raises(AccessDenied):
        await gate.admit(GIT, GITHUB, wait=1.0)
    await close_context(context)


async def test_the_right_to_manage_is_a_question_of_its_own(parts) -> None:
    gate, bus, _ = parts
    token = ask(gate)
    gate.answer((await question(bus)).id, Decision.ALLOW, Holding.ALWAYS)
    await token
    manage = asyncio.create_task(gate.admit(GIT, None, wait=1000.0, purpose="manage"))
    request = await question(bus, 1)
    assert (request.purpose, request.provider) == ("manage", "*")
    gate.answer(request.id, Decision.DENY, Holding.ONCE)
    with pytest.raises(AccessDenied, match="may not change TokenKeep"):
        await manage


async def test_an_answer_to_nothing_is_an_error(parts) -> None:
    gate, _, _ = parts
    with pytest.raises(NotFound):
        gate.answer("gone", Decision.ALLOW, Holding.ONCE)
