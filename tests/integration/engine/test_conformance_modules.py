"""The modules of the OpenID Foundation's client conformance plans that a native public client meets, by the engine.

Each is named after its module, without the prefix `oidcc-client-test` or `fapi2-security-profile-final-client-test`:
https://gitlab.com/openid/conformance-suite
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

from support.browser_callback import begin, finish, redirect, visit
from support.engine_bench import GIT, EngineBench
from support.oauth_values import b64, key, public, sign
from support.openid_server import DISCOVERY, JWKS, USERINFO, OpenIdServer, nothing_kept, sign_in
from support.scripted_server import json_answer
from tokenkeep.domain.errors import ProviderError, SignInRequired
from tokenkeep.domain.session import SessionState, SignInState


def unsigned(algorithm: str, secret: bytes = b"") -> Callable[[dict[str, Any]], str]:
    def encode(claims: dict[str, Any]) -> str:
        token = f"{b64(json.dumps({'alg': algorithm, 'kid': 'k1'}).encode())}.{b64(json.dumps(claims).encode())}"
        mac = hmac.new(secret, token.encode(), hashlib.sha256).digest() if secret else b""
        return f"{token}.{b64(mac)}"

    return encode


def broken(claims: dict[str, Any], algorithm: str = "RS256", kind: str = "RSA") -> str:
    """Signed by a key of that type that is not the published one."""
    other = f"{kind} other"
    return sign(claims, key(other), algorithm)


REJECTED: dict[str, dict[str, Any]] = {
    "OIDC-6 nonce-invalid": {"claims": {"nonce": "somebody-elses"}},
    "OIDC-6 invalid-missing-nonce": {"claims": {"nonce": None}},
    "OIDC-4 invalid-iss": {"claims": {"iss": "https://evil.example"}},
    "OIDC-4 invalid-aud": {"claims": {"aud": "another-client"}},
    "OIDC-4 missing-aud": {"claims": {"aud": None}},
    "OIDC-4 invalid-secondary-aud": {"claims": {"aud": ["client-1", "another-client"]}},
    "OIDC-5 missing-iat": {"claims": {"iat": None}},
    "OIDC-5 invalid-expired-exp": {"claims": {"exp": 1_700_000_000}},
    "OIDC-5 invalid-missing-exp": {"claims": {"exp": None}},
    "OIDC-8 missing-sub": {"claims": {"sub": None}},
    "OIDC-2 invalid-sig-rs256": {"encode": broken},
    "OIDC-2 invalid-sig-es256": {"encode": lambda claims: broken(claims, "ES256", "P-256")},
    "OIDC-3 invalid-sig-hs256": {"encode": unsigned("HS256", key("RSA").as_pem(private=False))},
    "OIDC-3 idtoken-sig-none": {"encode": unsigned("none")},
    "OIDC-3 invalid-null-alg": {"encode": lambda claims: sign(claims, key("RSA"), header={"alg": None})},
    "OIDC-3 invalid-alternate-alg": {"signed_by": (key("RSA"), "PS256")},
    "OIDC-1 no id_token": {"encode": lambda _: None},
    "OIDC-2 wrong at_hash": {"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
}


@pytest.mark.parametrize("changes", REJECTED.values(), ids=REJECTED.keys())
async def test_OIDC_1_OIDC_2_OIDC_3_OIDC_4_OIDC_5_OIDC_6_OIDC_8_nothing_of_a_bad_answer_is_used(
    openid: EngineBench, op: OpenIdServer, changes: dict[str, Any]
) -> None:
    op.keys = [public(key("RSA"), use="sig"), public(key("P-256"), use="sig")]
    for name, value in changes.items():
        setattr(op, name, value)
    ended = await sign_in(openid, op)
    assert (ended.state, ended.error.code) == (SignInState.FAILED, "provider_error")
    assert len(op.token_requests) == 1
    assert nothing_kept(openid)
    assert op.to(USERINFO) == [], "the access token was not used either"
    assert openid.shown().state is SessionState.SIGNED_OUT
    with pytest.raises(SignInRequired):
        await openid.token()


ACCEPTED: dict[str, dict[str, Any]] = {
    "OIDC-1 happy path": {},
    "OIDC-2 idtoken-sig-rs256": {"keys": [public(key("RSA other"), kid="old"), public(key("RSA"))]},
    "OIDC-3 es256": {"signed_by": (key("P-256"), "ES256"), "keys": [public(key("P-256"))]},
    "OIDC-7 kid-absent-single-jwks": {"header": {"kid": None}},
    "OIDC-7 kid-absent-multiple-jwks": {
        "header": {"kid": None},
        "keys": [public(key("P-256"), kid="e"), public(key("RSA other"), kid="o"), public(key("RSA"))],
    },
    "OIDC-4 valid-aud-as-array": {"claims": {"aud": ["client-1"]}},
    "OIDC-4 secondary aud with azp": {"claims": {"aud": ["client-1", "another-client"], "azp": "client-1"}},
}


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_OIDC_1_OIDC_2_OIDC_4_OIDC_7_a_good_answer_signs_in(
    openid: EngineBench, op: OpenIdServer, changes: dict[str, Any]
) -> None:
    for name, value in changes.items():
        setattr(op, name, value)
    ended = await sign_in(openid, op)
    assert (ended.state, ended.account) == (SignInState.DONE, "ada")
    stored = openid.vault.session()
    assert stored is not None
    assert stored.account is not None
    assert (stored.account.issuer, stored.account.subject) == (op.origin, "subject-1")
    assert len(op.to(USERINFO)) == 1


@pytest.mark.parametrize("sent_type", ["bearer", "BEARER", "Bearer"])
async def test_TOK_4_token_type_case_insensitivity(openid: EngineBench, op: OpenIdServer, sent_type: str) -> None:
    started = await begin(openid)
    op.expect(started)
    op.instead = [op.answer(token_type=sent_type)]
    assert (await finish(openid, started)).state is SignInState.DONE
    assert (await openid.token()).token_type == "Bearer"


async def test_TOK_6_token_endpoint_response_without_expires_in(openid: EngineBench, op: OpenIdServer) -> None:
    op.lifetime = None
    assert (await sign_in(openid, op)).state is SignInState.DONE
    assert (await openid.token()).expires_in is None


# --- the authorization response ------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["wrong", None, ""])
async def test_RESP_1_authorization_response_with_invalid_or_missing_state_fails(
    openid: EngineBench, op: OpenIdServer, state: str | None
) -> None:
    started = await begin(openid)
    assert (await visit(redirect(started, state=state))).status_code == 400
    assert op.token_requests == []
    await openid.engine.cancel_sign_in(started.id)


@pytest.mark.parametrize("iss", ["https://evil.example", None], ids=["invalid", "remove"])
async def test_RESP_3_RESP_4_authorization_response_iss(openid: EngineBench, op: OpenIdServer, iss: str | None) -> None:
    op.publish(authorization_response_iss_parameter_supported=True)
    started = await begin(openid)
    assert (await finish(openid, started, iss=iss)).state is SignInState.FAILED
    assert op.token_requests == []
    op.expect(started := await begin(openid))
    assert (await finish(openid, started, iss=op.origin)).state is SignInState.DONE


# --- discovery and keys --------------------------------------------------------------------------------------------


async def test_META_1_OIDC_7_discovery_openid_config_and_jwks_uri_keys(openid: EngineBench, op: OpenIdServer) -> None:
    assert (await sign_in(openid, op)).state is SignInState.DONE
    paths = [request.path for request in op.requests]
    assert paths == [DISCOVERY, "/token", JWKS, USERINFO], "and nothing was probed"


@pytest.mark.parametrize("issuer", ["https://other.example", "slash", None, 7])
async def test_META_3_discovery_issuer_mismatch(openid: EngineBench, op: OpenIdServer, issuer: object) -> None:
    op.publish(issuer=f"{op.origin}/" if issuer == "slash" else issuer)
    with pytest.raises(ProviderError, match="another issuer"):
        await begin(openid)
    assert openid.browser.opened == []
    assert [request.path for request in op.requests] == [DISCOVERY]


async def test_OIDC_7_signing_key_rotation(openid: EngineBench, op: OpenIdServer) -> None:
    assert (await sign_in(openid, op)).state is SignInState.DONE
    op.signed_by, op.keys = (key("RSA other"), "RS256"), [public(key("RSA other"), kid="k2")]
    op.header = {"kid": "k2"}
    await openid.engine.refresh("p", GIT)
    assert openid.shown().state is SessionState.ACTIVE
    assert len(op.to(JWKS)) == 2


async def test_OIDC_7_signing_key_rotation_just_before_signing(openid: EngineBench, op: OpenIdServer) -> None:
    started = await begin(openid)
    op.expect(started)
    assert (await sign_in(openid, op)).state is SignInState.DONE, "the old key is known"
    started = await begin(openid)
    op.expect(started)

    def rotate(claims: dict[str, Any]) -> str:
        op.keys = [public(key("RSA other"), kid="k2")]
        return sign(claims, key("RSA other"), header={"kid": "k2"})

    op.encode = rotate
    assert (await finish(openid, started)).state is SignInState.DONE
    assert len(op.to(JWKS)) == 2


# --- userinfo ------------------------------------------------------------------------------------------------------


async def test_OIDC_9_userinfo_invalid_sub(openid: EngineBench, op: OpenIdServer) -> None:
    op.reply(USERINFO, json_answer({"sub": "subject-2", "preferred_username": "mallory"}))
    ended = await sign_in(openid, op)
    assert (ended.state, ended.account) == (SignInState.DONE, "subject-1"), "the sign-in stands, the answer is dropped"


async def test_OIDC_9_scope_userinfo_claims(openid: EngineBench, op: OpenIdServer) -> None:
    op.profile = {"email": "ada@example.com", "name": "Ada"}
    ended = await sign_in(openid, op)
    assert ended.account == "ada@example.com"


async def test_OIDC_9_NET_6_userinfo_bearer_header(openid: EngineBench, op: OpenIdServer) -> None:
    await sign_in(openid, op)
    (request,) = op.to(USERINFO)
    assert (request.method, request.target, request.body) == ("GET", USERINFO, b"")
    assert request.header("Authorization") == "Bearer access-1-canary"


async def test_OIDC_9_userinfo_signed(openid: EngineBench, op: OpenIdServer) -> None:
    claims = {"sub": "subject-1", "iss": op.origin, "aud": "client-1", "preferred_username": "signed"}
    op.reply(USERINFO, op.signed_userinfo(claims))
    assert (await sign_in(openid, op)).account == "signed"


@pytest.mark.parametrize(
    "changes", [{"sub": "subject-2"}, {"aud": "another"}, {"iss": "https://evil.example"}, {"by": key("RSA other")}]
)
async def test_OIDC_9_a_bad_signed_userinfo_leaves_the_account_without_a_profile(
    openid: EngineBench, op: OpenIdServer, changes: dict[str, Any]
) -> None:
    claims = {"sub": "subject-1", "iss": op.origin, "aud": "client-1", "preferred_username": "signed"}
    by = changes.get("by")
    op.reply(USERINFO, op.signed_userinfo(claims | {k: v for k, v in changes.items() if k != "by"}, by))
    ended = await sign_in(openid, op)
    assert (ended.state, ended.account) == (SignInState.DONE, "subject-1")


# --- refresh -------------------------------------------------------------------------------------------------------


async def test_OIDC_10_REF_1_refresh_token(openid: EngineBench, op: OpenIdServer) -> None:
    await sign_in(openid, op)
    await openid.engine.refresh("p", GIT)
    assert (await openid.token()).access_token.reveal() == "access-2-canary"
    assert op.sent("grant_type") == ["authorization_code", "refresh_token"]


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"sub": "subject-2"},
        {"aud": "another-client"},
        {"aud": ["client-1", "another-client"], "azp": "client-1"},
        {"azp": "client-1"},
        {"auth_time": 1},
        {"nonce": "somebody-elses"},
        {"iat": 1_799_999_990},
        {"iat": None},
    ],
    ids=["iss", "sub", "aud", "more aud", "azp", "auth_time", "nonce", "older iat", "no iat"],
)
async def test_OIDC_10_a_deviating_refreshed_id_token(
    openid: EngineBench, op: OpenIdServer, claims: dict[str, Any]
) -> None:
    await sign_in(openid, op)
    op.claims = claims
    with pytest.raises(SignInRequired):
        await openid.engine.refresh("p", GIT)
    assert openid.shown().state is SessionState.NEEDS_SIGN_IN
    assert openid.session().held is None, "its access token is not given to anybody"
    kept = openid.vault.session()
    assert kept is not None
    assert kept.tokens is not None
    assert kept.tokens.refresh_token is not None
    assert kept.tokens.refresh_token.reveal() == "refresh-2-canary", "not lost"
    await openid.let(86_400)
    assert len(op.token_requests) == 2, "and not used"
    op.claims = {}
    assert (await sign_in(openid, op)).state is SignInState.DONE
