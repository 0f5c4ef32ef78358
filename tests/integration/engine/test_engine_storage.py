"""The engine and its vault: a keyring that is locked, missing or waits for a person, and choosing another key."""

from __future__ import annotations

import asyncio

import pytest

from support.engine_bench import GIT, entry
from support.fake_clock import turn, until
from support.fake_vault import FakeStorage
from support.scripted_server import answer
from support.token_server import TokenServer
from tokenkeep.domain.errors import Locked, StorageFailed
from tokenkeep.domain.provider import BrokenProvider
from tokenkeep.domain.session import OverallState, SessionState, StorageState
from tokenkeep.domain.tokens import Secret, TokenQuery

KEYRING = {"storage": {"key": "keyring"}}


@pytest.fixture
def storage() -> FakeStorage:
    return FakeStorage()


@pytest.mark.parametrize(
    "problem",
    [
        Locked("The keyring is locked.", hint="Unlock it."),
        StorageFailed("There is no keyring here."),
    ],
)
async def test_a_keyring_that_gives_nothing_is_no_reason_not_to_start(engine_of, server, storage, problem) -> None:
    storage.problems["keyring"] = problem
    bench = await engine_of(entry(server), vaults=storage, **KEYRING)
    shown = bench.engine.snapshot()
    assert (shown.locked, shown.state, shown.storage) == (True, OverallState.LOCKED, StorageState.KEYRING)
    assert problem.detail in shown.storage_notice
    assert bench.engine.token_now("p", TokenQuery(), GIT) is None
    for call in (
        bench.token(),
        bench.engine.sign_in("p"),
        bench.engine.refresh("p"),
        bench.engine.sign_out("p"),
        bench.engine.token_rejected("p", "0" * 64, GIT),
        bench.engine.activity(10),
    ):
        with pytest.raises(Locked) as refused:
            await call
        assert refused.value.code == "locked"
    assert bench.shown().state is SessionState.SIGNED_OUT


async def test_unlocking_later_brings_every_sign_in_back(engine_of, server: TokenServer, storage) -> None:
    first = await engine_of(entry(server), vaults=storage, **KEYRING)
    await first.signed_in(server)
    await first.engine.stop()
    storage.problems["keyring"] = Locked("The keyring is locked.")
    second = await engine_of(entry(server), vaults=storage, **KEYRING)
    with pytest.raises(Locked):
        await second.engine.choose_storage("keyring")
    del storage.problems["keyring"]
    await second.engine.choose_storage("keyring")
    assert (await second.token()).access_token.reveal() == "access-0-p"
    shown = second.engine.snapshot()
    assert (shown.locked, shown.storage_notice) == (False, "")
    assert second.remembered == [], "that is what the file says already"


async def test_who_asks_while_the_keyring_asks_a_person_waits_and_then_hears_locked(
    engine_of, server: TokenServer, storage
) -> None:
    storage.keyring_answers.clear()
    bench = await engine_of(entry(server), vaults=storage, opened=False, **KEYRING)
    with pytest.raises(Locked, match="asking to be unlocked"):
        await bench.token(wait=0.05)
    waiting = asyncio.create_task(bench.engine.sign_in("p", open_browser=False))
    await turn()
    storage.keyring_answers.set()
    assert (await waiting).authorization_url


@pytest.mark.parametrize("kind", ["memory", "passphrase"])
async def test_another_key_can_be_chosen_while_the_keyrings_dialog_is_open(
    engine_of, server: TokenServer, storage, kind: str
) -> None:
    storage.keyring_answers.clear()
    bench = await engine_of(entry(server), vaults=storage, opened=False, **KEYRING)
    await until(lambda: storage.asked)
    await asyncio.wait_for(bench.engine.choose_storage(kind, Secret("a passphrase")), 20)
    assert storage.asked[-1] == (kind, "a passphrase")
    assert bench.remembered == [kind]
    await bench.signed_in(server)
    storage.keyring_answers.set()
    await until(lambda: not [task for task in bench.engine._context.tasks if "Opening.open" in repr(task)])
    assert bench.engine.snapshot().storage == kind, "a late answer of the keyring changes nothing"
    assert (await bench.token()).access_token.reveal() == "access-0-p"
    assert storage.vaults[StorageState.KEYRING].writes == []


async def test_sign_ins_of_this_run_are_taken_along(engine_of, server: TokenServer, storage) -> None:
    bench = await engine_of(entry(server), entry(server, "q"), vaults=storage)
    await bench.signed_in(server)
    await bench.engine.choose_storage("keyring")
    assert bench.remembered == ["keyring"]
    assert bench.engine.snapshot().storage is StorageState.KEYRING
    kept = storage.vaults[StorageState.KEYRING]
    assert kept.session("p") is not None
    assert kept.session("q") is None
    assert storage.vaults[StorageState.MEMORY].closed
    assert (await bench.token()).access_token.reveal() == "access-0-p"
    await bench.engine.refresh("p")
    assert kept.session("p").tokens.refresh_token == Secret("refresh-1-canary")


async def test_a_sign_in_whose_entry_is_broken_now_is_taken_along_too(engine_of, server: TokenServer, storage) -> None:
    bench = await engine_of(entry(server), vaults=storage)
    await bench.signed_in(server)
    bench.write(BrokenProvider(id="p", reason="line 3"))
    await bench.engine.reload()
    await bench.engine.choose_storage("keyring")
    assert storage.vaults[StorageState.KEYRING].session("p") is not None


async def test_a_newer_sign_in_of_this_run_replaces_the_vaults_older_one(
    engine_of, server: TokenServer, storage
) -> None:
    first = await engine_of(entry(server), vaults=storage, **KEYRING)
    await first.signed_in(server)
    await first.engine.stop()
    second = await engine_of(entry(server), vaults=storage)  # in memory
    await second.signed_in(server, refresh_token=Secret("newer-refresh-canary"))
    await second.engine.choose_storage("keyring")
    kept = storage.vaults[StorageState.KEYRING].session("p")
    assert kept.tokens.refresh_token == Secret("newer-refresh-canary")


async def test_a_wrong_passphrase_leaves_what_was_open_as_it_was(engine_of, server: TokenServer, storage) -> None:
    bench = await engine_of(entry(server), vaults=storage)
    await bench.signed_in(server)
    storage.problems["passphrase"] = Locked("The passphrase is not right.")
    with pytest.raises(Locked, match="not right"):
        await bench.engine.choose_storage("passphrase", Secret("wrong"))
    shown = bench.engine.snapshot()
    assert (shown.locked, shown.storage, shown.storage_notice) == (False, StorageState.MEMORY, "")
    assert (await bench.token()).access_token.reveal() == "access-0-p"
    assert bench.remembered == []


async def test_a_choice_that_config_toml_does_not_take_holds_for_this_run(
    engine_of, server: TokenServer, storage
) -> None:
    bench = await engine_of(entry(server), vaults=storage)

    def fail(_: str) -> None:
        raise StorageFailed("read-only")

    object.__setattr__(bench.engine._outside, "remember_storage", fail)
    with pytest.raises(StorageFailed, match="until TokenKeep quits"):
        await bench.engine.choose_storage("keyring")
    assert bench.engine.snapshot().storage is StorageState.KEYRING


async def test_a_bug_at_the_opening_is_an_answer_and_not_an_endless_wait(
    engine_of, server: TokenServer, storage, log_errors
) -> None:
    storage.problems["keyring"] = ZeroDivisionError()
    bench = await engine_of(entry(server), vaults=storage, **KEYRING)
    with pytest.raises(Locked):
        await bench.token()
    assert len(log_errors) == 1


async def test_a_commit_goes_through_while_the_keyring_asks_a_person(engine_of, server: TokenServer, storage) -> None:
    bench = await engine_of(entry(server), vaults=storage)
    await bench.signed_in(server)
    storage.keyring_answers.clear()
    choosing = asyncio.create_task(bench.engine.choose_storage("keyring"))
    await until(lambda: ("keyring", None) in storage.asked)
    await asyncio.wait_for(bench.engine.refresh("p"), 20)
    assert storage.vaults[StorageState.MEMORY].session("p").tokens.refresh_token == Secret("refresh-1-canary")
    storage.keyring_answers.set()
    await choosing
    assert storage.vaults[StorageState.KEYRING].session("p").tokens.refresh_token == Secret("refresh-1-canary")


async def test_REF_1_a_full_disk_is_shown_and_over_when_it_is_over(engine_of, server: TokenServer, storage) -> None:
    bench = await engine_of(entry(server), vaults=storage)
    await bench.signed_in(server)
    bench.vault.failing = True
    await bench.engine.refresh("p")
    await turn()
    assert bench.of("status")[-1].storage is StorageState.DEGRADED
    assert [notice.title for notice in bench.of("notice")] == ["A sign-in could not be saved"], "told, and once"
    assert (await bench.token()).access_token.reveal() == "access-1-canary"
    storage.vaults[StorageState.MEMORY].failing = False
    await bench.clock.advance(60)
    await until(lambda: bench.engine.snapshot().storage is StorageState.MEMORY)
    await turn()
    assert bench.of("status")[-1].storage is StorageState.MEMORY


async def test_what_was_noted_while_locked_is_written_when_it_is_open(engine_of, server: TokenServer, storage) -> None:
    storage.problems["keyring"] = Locked("locked")
    bench = await engine_of(entry(server), vaults=storage, **KEYRING)
    with pytest.raises(Locked):
        await bench.token()
    await bench.let(10)
    await bench.engine.choose_storage("memory")
    assert [one["outcome"] for one in await bench.engine.activity(10)] == ["locked"]


async def test_an_offline_provider_at_the_start_keeps_its_sign_in(engine_of, server: TokenServer, storage) -> None:
    first = await engine_of(entry(server), vaults=storage)
    await first.signed_in(server)
    await first.engine.stop()
    server.reply("/.well-known/oauth-authorization-server", answer(503))
    second = await engine_of(entry(server), vaults=storage)
    server.reply("/.well-known/oauth-authorization-server", answer(503))
    await second.let(3000)
    assert second.shown().state is SessionState.OFFLINE
    assert (await second.token(min_valid=0)).access_token.reveal() == "access-0-p"
    assert not storage.vaults[StorageState.MEMORY].session("p").answer_lost, "nothing was sent"
