"""Sign-ins whose entries were removed from config.toml, or are broken: seen, kept for a while, signed out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.engine_bench import GIT, EngineBench, entry
from support.fake_clock import until
from support.fake_vault import FakeStorage
from support.token_server import TokenServer
from tokenkeep.domain.errors import Misconfigured, UnknownProvider
from tokenkeep.domain.provider import BrokenProvider
from tokenkeep.domain.session import ConfigurationProblem, OverallState, SessionState
from tokenkeep.engine.left_behind import KEPT

HOUR, DAY = 3600.0, 86_400.0
BOTH = ["refresh-0-p", "access-0-p"]


async def without_entry(engine_of, server: TokenServer, *left: object) -> EngineBench:
    """Signed in, and then the entry went out of the file."""
    bench: EngineBench = await engine_of(entry(server))
    await bench.signed_in(server)
    bench.write(*left)  # type: ignore[arg-type]
    await bench.engine.reload()
    return bench


def left_at(bench: EngineBench) -> float | None:
    """Since when the vault says that there is no entry."""
    stored = bench.vault.session()
    assert stored is not None
    return stored.left_at


async def test_a_sign_in_whose_entry_is_gone_is_seen_and_said(engine_of, server: TokenServer) -> None:
    bench = await without_entry(engine_of, server)
    shown = bench.shown()
    assert shown.state is SessionState.FAILED
    assert shown.last_error is not None
    assert shown.last_error.detail == "p is no longer in config.toml; it is still signed in as ada."
    assert "tokenkeep logout p" in shown.last_error.hint
    [told] = bench.engine.snapshot().notices
    assert "no longer in config.toml" in told
    assert bench.engine.provider("p").state is SessionState.FAILED
    assert bench.engine.snapshot().state is OverallState.OK, "nobody is hurried"
    with pytest.raises(Misconfigured, match="no longer in"):
        await bench.token()


async def test_the_person_is_notified_once_and_not_while_editing(engine_of, server: TokenServer) -> None:
    bench = await without_entry(engine_of, server)
    await bench.let(59)
    assert bench.of("notice") == []
    await bench.let(HOUR)
    await until(lambda: bench.of("notice"))
    [notice] = bench.of("notice")
    assert (notice.title, notice.provider) == ("p is no longer in config.toml", "p")


async def test_REV_1_it_can_be_signed_out_and_is_revoked_where_it_came_from(engine_of, server: TokenServer) -> None:
    bench = await without_entry(engine_of, server)
    assert (await bench.engine.sign_out("p", application=GIT)).revoked is True
    assert server.revoked == BOTH
    assert (bench.vault.session(), bench.engine.snapshot().session("p")) == (None, None)
    assert bench.engine.snapshot().notices == ()
    with pytest.raises(UnknownProvider):
        await bench.engine.sign_out("p")


async def test_after_a_restart_it_is_still_seen_and_can_be_signed_out(engine_of, server: TokenServer) -> None:
    vaults = FakeStorage()
    first = await engine_of(entry(server), vaults=vaults)
    await first.signed_in(server)
    await first.engine.stop()
    again = await engine_of(vaults=vaults, clock=first.clock)
    assert again.shown().name == "P"
    requests = len(server.requests)
    assert (await again.engine.sign_out("p")).revoked is True
    assert server.revoked == BOTH
    assert len(server.requests) == requests + 2, "by what was kept, nothing is discovered"
    assert again.engine.snapshot().sessions == ()


async def test_an_entry_that_comes_back_is_as_before(engine_of, server: TokenServer) -> None:
    bench = await without_entry(engine_of, server)
    await bench.let(HOUR / 2)
    await until(lambda: left_at(bench) is not None)
    bench.write(entry(server))
    await bench.engine.reload()
    assert (await bench.token()).access_token.reveal() == "access-0-p"
    await bench.let(120)
    await until(lambda: left_at(bench) is None)
    assert bench.engine.snapshot().notices == ()


async def test_REV_1_after_a_week_it_is_signed_out_by_itself(engine_of, server: TokenServer) -> None:
    bench = await without_entry(engine_of, server)
    await bench.let(120)
    await until(lambda: left_at(bench) is not None)
    await bench.clock.suspend(KEPT - HOUR)
    await bench.let(120)
    assert (server.revoked, server.token_requests) == ([], []), "kept, and not refreshed"
    await bench.clock.suspend(HOUR)
    await bench.let(120)
    await until(lambda: server.revoked == BOTH)
    await until(lambda: bench.vault.session() is None)


async def test_a_week_is_counted_over_restarts(engine_of, server: TokenServer) -> None:
    vaults = FakeStorage()
    first = await engine_of(entry(server), vaults=vaults)
    await first.signed_in(server)
    first.write()
    await first.engine.reload()
    await first.let(120)
    await until(lambda: left_at(first) is not None)
    await first.engine.stop()
    first.clock.skip(KEPT)
    again = await engine_of(vaults=vaults, clock=first.clock)
    await again.let(120)
    await until(lambda: server.revoked == BOTH)


async def test_a_file_that_cannot_be_read_signs_nobody_out(engine_of, server: TokenServer) -> None:
    bench = await without_entry(engine_of, server)
    bench.write(problems=(ConfigurationProblem("This is no TOML.", "", 3),))
    await bench.engine.reload()
    await bench.let(120)
    await bench.clock.suspend(2 * KEPT)
    await bench.let(120)
    assert server.revoked == []
    assert bench.vault.session() is not None


async def test_an_entry_that_is_broken_can_be_signed_out_and_is_never_by_itself(engine_of, server: TokenServer) -> None:
    bench = await without_entry(engine_of, server, BrokenProvider(id="p", reason="it has no client_id"))
    await bench.let(120)
    await bench.clock.suspend(2 * KEPT)
    await bench.let(120)
    assert server.revoked == []
    assert (await bench.engine.sign_out("p")).revoked is True
    assert server.revoked == BOTH
    assert bench.vault.session() is None
    assert bench.shown().state is SessionState.FAILED


async def test_a_sign_in_that_an_earlier_version_kept_can_be_signed_out_here(engine_of, server: TokenServer) -> None:
    vaults = FakeStorage()
    first = await engine_of(entry(server), vaults=vaults)
    await first.signed_in(server)
    stored = first.vault.session()
    assert stored is not None
    first.vault.write_session("p", replace(stored, origin=None))
    await first.engine.stop()
    again = await engine_of(vaults=vaults, clock=first.clock)
    outcome = await again.engine.sign_out("p")
    assert outcome.revoked is False
    assert "removed here only" in outcome.detail
    assert again.vault.session() is None
