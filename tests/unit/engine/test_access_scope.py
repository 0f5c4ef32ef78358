"""What a program may have, measured by the token it would get and not by the scope it names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from support.fake_clock import FakeClock, until
from support.fake_context import FakeBrowser, FakeWindow
from tokenkeep.domain.access import AccessRequest, Application, Decision, Holding
from tokenkeep.domain.configuration import AccessRuleEntry, AccessSettings, Configuration
from tokenkeep.domain.errors import AccessDenied
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.session import StorageState
from tokenkeep.domain.tokens import Account, Secret, StoredSession, TokenQuery, TokenSet
from tokenkeep.engine.engine import Engine
from tokenkeep.engine.outside import Outside
from tokenkeep.oauth.transport import Transport
from tokenkeep.storage.vault import MemoryVault

GITHUB = Provider(id="github", issuer="https://github.example", client_id="c", scopes=["read", "admin"])
GIT = Application(executable="/usr/bin/git", pid=7)
RULE = AccessRuleEntry(app="/usr/bin/git", provider="github", scope="read", decision=Decision.ALLOW)


class Quiet:
    """Power and network that never change."""

    def watch(self, _call: Callable[[], None]) -> None:
        pass

    def close(self) -> None:
        pass


class Kept:
    """A vault in memory with one session of an earlier run."""

    def __init__(self, clock: FakeClock, scope: tuple[str, ...] | None) -> None:
        self.clock, self.scope = clock, scope

    def key(self, _kind: str, _passphrase: Secret | None) -> object:
        return StorageState.MEMORY

    def open(self, _key: object) -> MemoryVault:
        vault = MemoryVault()
        if self.scope is not None:
            tokens = TokenSet(Secret("access-canary"), "Bearer", self.clock.wall(), 3600.0, self.scope)
            account = Account(GITHUB.issuer, "1", "ada")
            vault.write_session(
                "github", StoredSession(tokens, account, (GITHUB.issuer, "", "c"), self.clock.wall(), "browser")
            )
        return vault


Make = Callable[..., Engine]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    engines: list[Engine] = []

    def one(*rules: AccessRuleEntry, scope: tuple[str, ...] | None = ("read", "admin"), present: bool = True) -> Engine:
        clock = FakeClock()
        configuration = Configuration(
            access=AccessSettings(rule=list(rules)), storage={"key": "memory"}, providers={"github": GITHUB}
        )
        engine = Engine(
            Outside(
                clock=clock,
                transport=Transport(proxy="none", wall=clock.wall),
                storage=Kept(clock, scope),
                browser=FakeBrowser(),
                prompter=FakeWindow(present),
                power=Quiet(),
                network=Quiet(),
                read_configuration=lambda: configuration,
                configuration_signature=lambda: 1,
                remember_storage=lambda _: None,
                remove_entry=lambda _: None,
            )
        )
        engines.append(engine)
        return engine

    yield one
    for engine in engines:
        await engine.stop()


async def started(engine: Engine) -> Engine:
    await engine.start()
    await engine.opened()
    return engine


@pytest.mark.parametrize("scope", [(), ("read",)])
async def test_a_rule_for_a_scope_gives_no_token_that_carries_more(make: Make, scope: tuple[str, ...]) -> None:
    engine = await started(make(RULE, present=False))
    query = TokenQuery(scope=scope)
    assert engine.token_now("github", query, GIT) is None
    with pytest.raises(AccessDenied):
        await engine.token("github", query, GIT)


async def test_a_rule_for_a_scope_gives_a_token_that_carries_no_more(make: Make) -> None:
    engine = await started(make(RULE, scope=("read",), present=False))
    assert (await engine.token("github", TokenQuery(), GIT)).access_token == Secret("access-canary")


async def test_AGENT_8_a_person_is_asked_about_all_that_the_token_carries(make: Make) -> None:
    engine = await started(make())
    call = asyncio.create_task(engine.token("github", TokenQuery(scope=("read",)), GIT))
    await until(lambda: bool(engine.snapshot().access_requests), "the question")
    (request,) = engine.snapshot().access_requests
    assert request.scope == ("read", "admin")
    engine.answer_access(request.id, Decision.ALLOW, Holding.ALWAYS)
    assert "admin" in (await call).scope


async def test_AGENT_8_other_words_for_the_same_token_are_the_same_question(make: Make) -> None:
    engine = await started(make())
    queries = [TokenQuery(), TokenQuery(scope=("read",)), TokenQuery(scope=("admin",)), TokenQuery(scope=("more",))]
    queries += [TokenQuery(resource=("https://other.example",)), TokenQuery(audience="other")]
    calls = [asyncio.create_task(engine.token("github", query, GIT)) for query in queries]
    await until(lambda: bool(engine.snapshot().access_requests), "the question")
    (request,) = engine.snapshot().access_requests
    engine.answer_access(request.id, Decision.DENY, Holding.ONCE)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(one, AccessDenied) for one in outcomes)


async def test_AGENT_8_before_a_sign_in_the_question_is_about_what_will_be_asked_for(make: Make) -> None:
    engine = await started(make(scope=None))
    call = asyncio.create_task(engine.token("github", TokenQuery(), GIT))
    await until(lambda: bool(engine.snapshot().access_requests), "the question")
    request: AccessRequest = engine.snapshot().access_requests[0]
    assert request.scope == ("read", "admin")
    engine.answer_access(request.id, Decision.DENY, Holding.ONCE)
    with pytest.raises(AccessDenied):
        await call
