"""Where a client secret comes from, and where it never appears."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from support.engine_bench import entry
from support.token_server import TokenServer
from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.provider import SecretSource
from tokenkeep.domain.session import SessionState
from tokenkeep.domain.tokens import Secret
from tokenkeep.engine.secret_sources import vault_name

CANARY = "client-secret-canary"


def basic(server: TokenServer) -> str:
    """The secret of the last token request's Authorization header."""
    header = server.token_requests[-1].header("Authorization")
    assert header is not None
    return base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")[2]


async def refreshed(engine_of, server: TokenServer, source: SecretSource | None):
    bench = await engine_of(entry(server, client_secret=source))
    bench.vault.secrets[vault_name(entry(server))] = Secret(CANARY)
    await bench.signed_in(server)
    return bench


@pytest.mark.parametrize("kind", ["env", "file", "command", "vault"])
async def test_each_source_gives_the_secret(engine_of, server, tmp_path: Path, monkeypatch, kind: str) -> None:
    monkeypatch.setenv("A_SECRET", CANARY)
    (tmp_path / "secret").write_text(f"{CANARY}\n")
    source = {
        "env": SecretSource(env="A_SECRET"),
        "file": SecretSource(file=str(tmp_path / "secret")),
        "command": SecretSource(command=["cat", str(tmp_path / "secret")]),
        "vault": SecretSource(vault=True),
    }[kind]
    bench = await refreshed(engine_of, server, source)
    await bench.engine.refresh("p")
    assert basic(server) == CANARY


async def test_it_is_read_anew_at_each_use(engine_of, server: TokenServer, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("old-secret")
    bench = await refreshed(engine_of, server, SecretSource(file=str(file)))
    await bench.engine.refresh("p")
    assert basic(server) == "old-secret"
    file.write_text("new-secret")
    await bench.let(10)
    await bench.engine.refresh("p")
    assert basic(server) == "new-secret"


MISSING = {
    "env": SecretSource(env="NOT_SET_ANYWHERE"),
    "file": SecretSource(file="/nowhere/at/all"),
    "command that fails": SecretSource(command=["false"]),
    "command that is not there": SecretSource(command=["no-such-command-anywhere"]),
    "command that says nothing": SecretSource(command=["true"]),
    "a file that is no text": SecretSource(file="/bin/true"),
}


@pytest.mark.parametrize("source", MISSING.values(), ids=MISSING)
async def test_CAUTH_4_a_missing_secret_is_a_fault_of_the_setup_and_keeps_the_sign_in(
    engine_of, server: TokenServer, source: SecretSource
) -> None:
    bench = await refreshed(engine_of, server, source)
    with pytest.raises(Misconfigured, match="client secret") as refused:
        await bench.engine.refresh("p")
    assert refused.value.key == "providers.p.client_secret"
    assert bench.shown().state is SessionState.FAILED
    assert bench.vault.session().tokens.refresh_token == Secret("refresh-0-p")
    assert not bench.vault.session().answer_lost, "nothing was sent"
    assert server.token_requests == []


async def test_a_secret_that_the_vault_does_not_have_is_missing(engine_of, server: TokenServer) -> None:
    bench = await refreshed(engine_of, server, SecretSource(vault=True))
    bench.vault.secrets.clear()
    with pytest.raises(Misconfigured):
        await bench.engine.refresh("p")


async def test_without_a_secret_the_client_is_public(engine_of, server: TokenServer) -> None:
    bench = await refreshed(engine_of, server, None)
    await bench.engine.refresh("p")
    assert server.token_requests[-1].header("Authorization") is None
    assert server.sent("client_id") == ["client-1"]


async def test_LEAK_2_a_secret_is_in_no_argument_and_in_no_childs_environment(
    engine_of, server: TokenServer, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "secret").write_text(CANARY)
    started: list[tuple[tuple, dict]] = []
    run = subprocess.run

    def watched(*arguments, **options):
        started.append((arguments, options))
        return run(*arguments, **options)

    monkeypatch.setattr(subprocess, "run", watched)
    bench = await refreshed(engine_of, server, SecretSource(command=["cat", str(tmp_path / "secret")]))
    await bench.engine.refresh("p")
    [(arguments, options)] = started
    assert CANARY not in str(arguments) + str(options)
    assert options.get("stdin") == subprocess.DEVNULL
    assert not options.get("shell")
