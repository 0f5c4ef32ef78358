"""Proofs on the way to a server, its nonces, and what is sent again (RFC 9449 §5, §7, §8, §9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.attempts import CODE
from support.oauth_values import CLIENT_ID, NOW, REDIRECT_URI, TOKENS, make_metadata, make_provider, make_tokens
from support.proofs import Proof, read
from support.scripted_server import Reply, ScriptedServer, answer, cut, json_answer
from tokenkeep.domain.errors import ProviderError, ProviderUnreachable, TokenKeepError
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import authorization, device, dpop, identity, pushed, refresh
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.signing_key import SigningKey
from tokenkeep.oauth.transport import Request, Transport

KEY = SigningKey.make()
BOUND = TOKENS | {"token_type": "DPoP"}
PUBLIC = ClientCredentials(CLIENT_ID)
Call = Callable[[ScriptedServer, Transport], Any]


@pytest.fixture
def proving(transport: Transport) -> Transport:
    return transport.with_proofs(KEY)


def challenge(nonce: str, status: int = 400) -> Reply:
    """An authorization server's wish for a nonce (§8)."""
    return json_answer({"error": "use_dpop_nonce"}, status, DPoP_Nonce=nonce)


def with_nonce(value: Any, nonce: str, status: int = 200) -> Reply:
    return json_answer(value, status, DPoP_Nonce=nonce)


def proofs(server: ScriptedServer) -> list[Proof]:
    """The proofs of all requests, each checked."""
    texts = [request.header("DPoP") for request in server.requests]
    assert None not in texts
    return [read(text) for text in texts if text is not None]


def nonces(server: ScriptedServer) -> list[str | None]:
    return [proof.claims.get("nonce") for proof in proofs(server)]


def metadata_of(server: ScriptedServer) -> Any:
    return make_metadata(server.origin, pushed_authorization_request_endpoint=f"{server.origin}/par")


def exchange(server: ScriptedServer, transport: Transport) -> Any:
    attempt = authorization.begin(make_provider(server), metadata_of(server), REDIRECT_URI, dpop_jkt=KEY.kid)
    return dpop.nonce_answered(authorization.exchange, transport, attempt, CODE, PUBLIC)


def renew(server: ScriptedServer, transport: Transport) -> Any:
    provider, tokens = make_provider(server), make_tokens(token_type="DPoP")
    return dpop.nonce_answered(refresh.refresh, transport, provider, metadata_of(server), tokens, PUBLIC)


def poll(server: ScriptedServer, transport: Transport) -> Any:
    codes = device.DeviceAuthorization(Secret("d"), "U", "https://x/", None, 60.0, 5.0, None, NOW, openable=True)
    return dpop.nonce_answered(device.poll, transport, make_provider(server), metadata_of(server), PUBLIC, codes)


CALLS: list[Call] = [exchange, renew, poll]


@pytest.mark.parametrize("call", CALLS)
def test_DPOP_1_each_token_request_carries_a_proof(server: ScriptedServer, proving: Transport, call: Call) -> None:
    server.reply("/token", json_answer(BOUND))
    assert call(server, proving).tokens.token_type == "DPoP"
    (proof,) = proofs(server)
    assert (proof.claims["htm"], proof.claims["htu"], proof.jkt) == ("POST", f"{server.origin}/token", KEY.kid)
    assert proof.claims["iat"] == int(NOW)
    assert {"ath", "nonce"}.isdisjoint(proof.claims)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [400, 401])
def test_DPOP_4_a_wish_for_a_nonce_is_answered_once(
    server: ScriptedServer, proving: Transport, call: Call, status: int
) -> None:
    server.reply("/token", challenge("n-1", status), json_answer(BOUND))
    assert call(server, proving).tokens.token_type == "DPoP"
    assert nonces(server) == [None, "n-1"]
    first, second = proofs(server)
    assert first.claims["jti"] != second.claims["jti"]
    assert server.requests[0].form == server.requests[1].form  # the server did not use the code (§8)


@pytest.mark.parametrize("call", CALLS)
def test_DPOP_4_an_endless_challenger_gets_two_requests(server: ScriptedServer, proving: Transport, call: Call) -> None:
    server.reply("/token", challenge("n-1"), challenge("n-2"), challenge("n-3"))
    with pytest.raises(ProviderError, match="nonce") as refused:
        call(server, proving)
    assert (refused.value.error, len(server.requests)) == ("use_dpop_nonce", 2)


@pytest.mark.parametrize("headers", [{}, {"DPoP-Nonce": "a b"}, {"DPoP-Nonce": 'q"'}, {"DPoP-Nonce": "one, two"}])
def test_DPOP_4_a_challenge_without_a_usable_nonce_is_an_error_at_once(
    server: ScriptedServer, proving: Transport, headers: dict[str, str]
) -> None:
    server.reply("/token", answer(400, '{"error": "use_dpop_nonce"}', headers))
    with pytest.raises(ProviderError):
        renew(server, proving)
    assert len(server.requests) == 1


def test_DPOP_4_a_nonce_that_was_just_refused_is_not_tried_again(server: ScriptedServer, proving: Transport) -> None:
    server.reply("/token", with_nonce(BOUND, "n-1"), challenge("n-1"))
    renew(server, proving)
    with pytest.raises(ProviderError):
        renew(server, proving)
    assert nonces(server) == [None, "n-1"]


def test_DPOP_4_a_nonce_is_taken_from_any_answer(server: ScriptedServer, proving: Transport) -> None:
    wrong = with_nonce({"error": "invalid_grant"}, "n-2", 400)
    server.reply("/token", with_nonce(BOUND, "n-1"), wrong, with_nonce({}, "n-3", 503), json_answer(BOUND))
    for outcome in (None, ProviderError, ProviderUnreachable, None):
        if outcome is None:
            renew(server, proving)
        else:
            with pytest.raises(outcome):
                renew(server, proving)
    assert nonces(server) == [None, "n-1", "n-2", "n-3"]


def test_DPOP_4_the_nonces_are_shared_by_all_keys_of_a_connection(server: ScriptedServer, transport: Transport) -> None:
    server.reply("/token", with_nonce(BOUND, "n-1"), json_answer(BOUND))
    renew(server, transport.with_proofs(KEY))
    renew(server, transport.with_proofs(SigningKey.make()))
    assert nonces(server) == [None, "n-1"]
    first, second = proofs(server)
    assert first.jkt != second.jkt


def test_DPOP_4_each_provider_has_nonces_of_its_own(server: ScriptedServer, transport: Transport) -> None:
    server.reply("/token", with_nonce(BOUND, "n-1"), json_answer(BOUND))
    for _ in range(2):
        renew(server, transport.starting_at([server.origin]).with_proofs(KEY))
    assert nonces(server) == [None, None]


@pytest.mark.parametrize("lost", [cut(), json_answer({}, 500), json_answer({"error": "use_dpop_nonce"}, 503)])
def test_TOK_9_a_code_is_not_sent_again_for_any_other_reason(
    server: ScriptedServer, proving: Transport, lost: Reply
) -> None:
    server.reply("/token", lost)
    with pytest.raises(TokenKeepError):
        exchange(server, proving)
    assert len(server.requests) == 1


def test_DPOP_4_without_a_proof_nothing_is_sent_again(server: ScriptedServer, transport: Transport) -> None:
    server.reply("/token", challenge("n-1"))
    with pytest.raises(ProviderError):
        renew(server, transport)
    (request,) = server.requests
    assert request.header("DPoP") is None


def test_DPOP_1_a_secret_is_proven_anew_with_each_request(server: ScriptedServer, proving: Transport) -> None:
    """A second client assertion: the first is used up where the server looks at it before the proof."""
    provider, metadata = make_provider(server, client_auth="private_key_jwt"), metadata_of(server)
    credentials = ClientCredentials(CLIENT_ID, None, "private_key_jwt", key=SigningKey.make(), wall=lambda: NOW)
    server.reply("/token", challenge("n-1"), json_answer(BOUND))
    tokens = make_tokens(token_type="DPoP")
    dpop.nonce_answered(refresh.refresh, proving, provider, metadata, tokens, credentials)
    first, second = (dict(request.form)["client_assertion"] for request in server.requests)
    assert first != second


# --- the authorization request -----------------------------------------------------------------------------------


def test_DPOP_1_the_authorization_request_names_the_key(server: ScriptedServer) -> None:
    provider, metadata = make_provider(server), metadata_of(server)
    attempt = authorization.begin(provider, metadata, REDIRECT_URI, dpop_jkt=KEY.kid)
    assert dict(attempt.parameters)["dpop_jkt"] == KEY.kid
    assert f"dpop_jkt={KEY.kid}" in attempt.url
    assert "dpop_jkt" not in authorization.begin(provider, metadata, REDIRECT_URI).url


def test_DPOP_1_DPOP_4_a_pushed_request_names_the_key_and_proves_it(server: ScriptedServer, proving: Transport) -> None:
    server.reply("/par", challenge("n-1"), json_answer({"request_uri": "urn:x:1", "expires_in": 60}, 201))
    attempt = authorization.begin(make_provider(server), metadata_of(server), REDIRECT_URI, dpop_jkt=KEY.kid)
    made = dpop.nonce_answered(pushed.push, proving, attempt, PUBLIC)
    assert "dpop_jkt" not in made.url
    assert [dict(request.form)["dpop_jkt"] for request in server.requests] == [KEY.kid] * 2
    assert nonces(server) == [None, "n-1"]
    assert {proof.claims["htu"] for proof in proofs(server)} == {f"{server.origin}/par"}


# --- resources ---------------------------------------------------------------------------------------------------


def ask_userinfo(server: ScriptedServer, transport: Transport, kind: str = "DPoP") -> Any:
    provider, tokens = make_provider(server), make_tokens(token_type=kind)
    return dpop.nonce_answered(identity.userinfo, transport, provider, metadata_of(server), tokens, "user-1")


def refusal(header: str, **headers: str) -> Reply:
    return json_answer({}, 401, WWW_Authenticate=header, **headers)


def test_DPOP_2_userinfo_gets_the_token_under_its_scheme_with_its_hash(
    server: ScriptedServer, proving: Transport
) -> None:
    server.reply("/userinfo", json_answer({"sub": "user-1"}))
    assert ask_userinfo(server, proving) == {"sub": "user-1"}
    (request,), (proof,) = server.requests, proofs(server)
    token = make_tokens().access_token
    assert request.header("Authorization") == f"DPoP {token.reveal()}"
    assert proof.claims["ath"] == dpop.token_hash(token)
    assert (proof.claims["htm"], proof.claims["htu"]) == ("GET", f"{server.origin}/userinfo")


def test_DPOP_2_a_bearer_token_goes_without_a_proof(server: ScriptedServer, proving: Transport) -> None:
    server.reply("/userinfo", json_answer({"sub": "user-1"}))
    ask_userinfo(server, proving, "Bearer")
    (request,) = server.requests
    assert (request.header("Authorization") or "").startswith("Bearer ")
    assert request.header("DPoP") is None


def test_DPOP_4_a_resource_may_want_a_nonce_and_never_sees_that_of_the_authorization_server(
    server: ScriptedServer, proving: Transport
) -> None:
    server.reply("/token", with_nonce(BOUND, "as-1"))
    wanted = refusal('DPoP error="use_dpop_nonce"', DPoP_Nonce="rs-1")
    server.reply("/userinfo", wanted, with_nonce({"sub": "user-1"}, "rs-2"))
    renew(server, proving)
    ask_userinfo(server, proving)
    ask_userinfo(server, proving)
    renew(server, proving)
    assert nonces(server) == [None, None, "rs-1", "rs-2", "as-1"]


def test_DPOP_2_a_resource_that_knows_bearer_alone_gets_the_token_so(
    server: ScriptedServer, proving: Transport
) -> None:
    server.reply("/userinfo", refusal('Bearer realm="x"'), json_answer({"sub": "user-1"}))
    assert ask_userinfo(server, proving) == {"sub": "user-1"}
    assert [(request.header("Authorization") or "").split()[0] for request in server.requests] == ["DPoP", "Bearer"]
    assert server.requests[1].header("DPoP") is None


def test_DPOP_2_a_resource_that_knows_proofs_never_gets_a_bound_token_as_bearer(
    server: ScriptedServer, proving: Transport
) -> None:
    server.reply("/userinfo", refusal('Bearer, DPoP error="invalid_token", algs="ES256"'))
    with pytest.raises(ProviderError):
        ask_userinfo(server, proving)
    assert [(request.header("Authorization") or "").split()[0] for request in server.requests] == ["DPoP"]


def test_DPOP_1_public_documents_are_fetched_without_a_proof(server: ScriptedServer, proving: Transport) -> None:
    server.reply("/jwks", json_answer({"keys": []}))
    proving.send(Request("GET", f"{server.origin}/jwks"), local=True)
    assert server.requests[0].header("DPoP") is None


def test_DPOP_1_a_proof_is_dated_by_the_servers_clock(server: ScriptedServer, proving: Transport) -> None:
    behind = json_answer(BOUND, Date="Tue, 14 Nov 2023 23:13:20 GMT")  # an hour after `NOW`
    server.reply("/token", behind)
    renew(server, proving)
    renew(server, proving)
    assert [proof.claims["iat"] - int(NOW) for proof in proofs(server)] == [0, 3600]
