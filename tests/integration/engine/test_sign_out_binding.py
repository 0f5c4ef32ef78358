"""Where kept tokens go at a sign-out after somebody changed the entry: nowhere but where they came from."""

from __future__ import annotations

import pytest

from support.token_server import TokenServer


async def test_REF_9_a_sign_out_sends_no_token_to_another_server(engine_of, server: TokenServer) -> None:
    with TokenServer() as other:
        bench = await engine_of(server.discovered())
        await bench.signed_in(server)
        bench.write(other.discovered())
        await bench.engine.reload()
        outcome = await bench.engine.sign_out("p")
        assert outcome.revoked is True
        assert (other.requests, server.revoked) == ([], ["refresh-0-p", "access-0-p"]), "told where they came from"
        assert bench.vault.session("p") is None, "it holds here all the same"


async def test_REF_9_a_sign_out_sends_no_token_as_another_client(engine_of, server: TokenServer) -> None:
    bench = await engine_of(server.discovered())
    await bench.signed_in(server)
    bench.write(server.discovered(client_id="client-2"))
    await bench.engine.reload()
    assert (await bench.engine.sign_out("p")).revoked is True
    assert {dict(request.form)["client_id"] for request in server.to("/revoke")} == {"client-1"}


async def test_a_sign_out_after_a_harmless_change_still_revokes(engine_of, server: TokenServer) -> None:
    bench = await engine_of(server.discovered())
    await bench.signed_in(server)
    bench.write(server.discovered(name="Another name"))
    await bench.engine.reload()
    assert (await bench.engine.sign_out("p")).revoked is True
    assert server.revoked == ["refresh-0-p", "access-0-p"]


@pytest.mark.parametrize("changed", ["issuer", "client_id"])
async def test_REF_9_a_client_secret_that_was_replaced_is_not_sent_to_the_old_server(
    engine_of, server: TokenServer, changed: str, monkeypatch
) -> None:
    monkeypatch.setenv("SECRET_OF_P", "first-canary")
    source = {"env": "SECRET_OF_P"}
    with TokenServer() as other:
        bench = await engine_of(server.discovered(client_secret=source))
        await bench.signed_in(server)
        changes = {"issuer": other.origin} if changed == "issuer" else {"client_id": "client-2"}
        other.publish()
        monkeypatch.setenv("SECRET_OF_P", "second-canary")
        bench.write(server.discovered(client_secret=source, **changes))
        await bench.engine.reload()
        outcome = await bench.engine.sign_out("p")
        assert (outcome.revoked, server.revoked, other.revoked) == (False, [], [])
        assert "removed here only" in outcome.detail
