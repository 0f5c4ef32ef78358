"""Where kept tokens go at a sign-out after somebody changed the entry: nowhere but where they came from."""

from __future__ import annotations

from support.token_server import TokenServer


async def test_REF_9_a_sign_out_sends_no_token_to_another_server(engine_of, server: TokenServer) -> None:
    with TokenServer() as other:
        bench = await engine_of(server.discovered())
        await bench.signed_in(server)
        bench.write(other.discovered())
        await bench.engine.reload()
        outcome = await bench.engine.sign_out("p")
        assert outcome.revoked is False
        assert other.revoked == []
        assert bench.vault.session("p") is None, "it holds here all the same"


async def test_REF_9_a_sign_out_sends_no_token_as_another_client(engine_of, server: TokenServer) -> None:
    bench = await engine_of(server.discovered())
    await bench.signed_in(server)
    bench.write(server.discovered(client_id="client-2"))
    await bench.engine.reload()
    assert (await bench.engine.sign_out("p")).revoked is False
    assert server.revoked == []


async def test_a_sign_out_after_a_harmless_change_still_revokes(engine_of, server: TokenServer) -> None:
    bench = await engine_of(server.discovered())
    await bench.signed_in(server)
    bench.write(server.discovered(name="Another name"))
    await bench.engine.reload()
    assert (await bench.engine.sign_out("p")).revoked is True
    assert server.revoked == ["refresh-0-p", "access-0-p"]
