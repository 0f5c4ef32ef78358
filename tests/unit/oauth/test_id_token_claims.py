"""The claims of an id_token, at the sign-in and at a refresh."""

from __future__ import annotations

import pytest

from support.id_tokens import NONCE, Claims, check, refused, signed
from support.oauth_values import (
    CLIENT_ID,
    ISSUER,
    NOW,
    make_claims,
    make_metadata,
    make_provider,
    make_tokens,
)
from support.scripted_server import ScriptedServer, answer
from tokenkeep.domain.errors import ProviderError, ProviderUnreachable
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.oauth import identity
from tokenkeep.oauth.jws import half_hash
from tokenkeep.oauth.transport import Request, Transport

BAD_CLAIMS: list[tuple[str, Claims]] = [
    ("OIDC-4", {"iss": "https://evil.example.com"}),
    ("OIDC-4", {"iss": ISSUER + "/"}),
    ("OIDC-4", {"iss": None}),
    ("OIDC-4", {"aud": "somebody"}),
    ("OIDC-4", {"aud": None}),
    ("OIDC-4", {"aud": 7}),
    ("OIDC-4", {"aud": []}),
    ("OIDC-4", {"aud": {CLIENT_ID: 1}}),
    ("OIDC-4", {"aud": [CLIENT_ID, "x"]}),
    ("OIDC-4", {"aud": [CLIENT_ID, 7]}),
    ("OIDC-4", {"aud": [CLIENT_ID, "x"], "azp": "x"}),
    ("OIDC-4", {"azp": "x"}),
    ("OIDC-4", {"azp": 7}),
    ("OIDC-5", {"exp": NOW - 61}),
    ("OIDC-5", {"exp": None}),
    ("OIDC-5", {"exp": str(int(NOW + 300))}),
    ("OIDC-5", {"exp": True}),
    ("OIDC-5", {"iat": None}),
    ("OIDC-5", {"iat": NOW + 61}),
    ("OIDC-5", {"iat": NOW - 7 * 86_400}),
    ("OIDC-5", {"iat": 10**400}),
    ("OIDC-5", {"iat": -(10**400)}),
    ("OIDC-5", {"iat": "x"}),
    ("OIDC-5", {"nbf": NOW + 61}),
    ("OIDC-5", {"nbf": "x"}),
    ("OIDC-8", {"sub": None}),
    ("OIDC-8", {"sub": ""}),
    ("OIDC-8", {"sub": "x" * 256}),
    ("OIDC-8", {"sub": "é"}),
    ("OIDC-8", {"sub": 7}),
    ("OIDC-2", {"at_hash": "AAAA"}),
    ("OIDC-2", {"at_hash": 7}),
    ("OIDC-6", {"nonce": "other"}),
    ("OIDC-6", {"nonce": None}),
    ("OIDC-6", {"nonce": 7}),
    ("OIDC-6", {"nonce": "\ud800"}),
]


@pytest.mark.parametrize(
    "changes", [one[1] for one in BAD_CLAIMS], ids=[f"{one[0]} {one[1]!r:.40}" for one in BAD_CLAIMS]
)
def test_OIDC_2_OIDC_4_OIDC_5_OIDC_6_OIDC_8_bad_claims(server, transport, keys, changes):
    token = signed(**{"nonce": "nonce-1", "at_hash": half_hash("RS256", "CANARY-AT-0000"), **changes})
    assert "not accepted" in refused(server, transport, token, nonce=NONCE)


GOOD_CLAIMS: list[Claims] = [
    {"aud": [CLIENT_ID]},
    {"aud": [CLIENT_ID, "x"], "azp": CLIENT_ID},
    {"azp": CLIENT_ID},
    {"exp": NOW - 59},
    {"iat": NOW + 59},
    {"nbf": NOW + 59},
    {"iat": NOW - 3600.5},
    {"exp": 10**400},
    {"sub": "x" * 255},
    {"at_hash": half_hash("RS256", "CANARY-AT-0000")},
]


@pytest.mark.parametrize("changes", GOOD_CLAIMS)
def test_OIDC_4_OIDC_5_good_claims(server, transport, keys, changes):
    assert check(server, transport, signed(**changes))


def test_OIDC_6_nonce_is_not_asked_for_in_the_device_grant(server, transport, keys):
    assert check(server, transport, signed(), nonce=None)


@pytest.mark.parametrize(("hour", "words"), [("22:18:20", "300 seconds behind"), ("22:08:20", "300 seconds ahead of")])
def test_OIDC_5_a_wrong_clock_is_named(server, transport, keys, hour, words):
    server.reply("/token", answer(200, "{}", {"Date": f"Tue, 14 Nov 2023 {hour} GMT"}))
    transport.send(Request("POST", f"{server.origin}/token"), local=True)
    theirs = NOW + (300 if "behind" in words else -300)
    detail = refused(server, transport, signed(iat=theirs, exp=theirs + 60))
    assert words in detail


def test_OIDC_5_a_good_clock_is_not_blamed(server, transport, keys):
    server.reply("/token", answer(200, "{}", {"Date": "Tue, 14 Nov 2023 22:13:25 GMT"}))
    transport.send(Request("POST", f"{server.origin}/token"), local=True)
    assert "clock" not in refused(server, transport, signed(exp=NOW - 100))


def test_OIDC_11_max_age(server, transport, keys):
    params = {"authorization_params": {"max_age": "100"}}
    assert check(server, transport, signed(auth_time=NOW - 150, nonce="nonce-1"), nonce=NONCE, **params)
    old, missing = signed(auth_time=NOW - 161, nonce="nonce-1"), signed(nonce="nonce-1")
    assert "older" in refused(server, transport, old, nonce=NONCE, **params)
    assert "auth_time" in refused(server, transport, missing, nonce=NONCE, **params)
    future = signed(auth_time=NOW + 61, nonce="nonce-1")
    assert "future" in refused(server, transport, future, nonce=NONCE, **params)
    text = signed(auth_time=str(NOW), nonce="nonce-1")
    assert "auth_time" in refused(server, transport, text, nonce=NONCE, **params)
    assert check(server, transport, signed(), **params), "not asked for without an authorization request"


ACR = {"authorization_params": {"acr_values": "gold silver"}}
ACR_CLAIM = {"authorization_params": {"claims": '{"id_token":{"acr":{"essential":true,"values":["gold","silver"]}}}'}}
ACR_VALUE = {"authorization_params": {"claims": '{"id_token":{"acr":{"value":"gold"}}}'}}


@pytest.mark.parametrize("params", [ACR, ACR_CLAIM, ACR_VALUE])
def test_OIDC_11_acr(server, transport, keys, params):
    assert check(server, transport, signed(acr="gold", nonce="nonce-1"), nonce=NONCE, **params)
    for acr in (None, "bronze", "GOLD", "gold silver", "", ["gold"], 1):
        assert "acr" in refused(server, transport, signed(acr=acr, nonce="nonce-1"), nonce=NONCE, **params)
    assert check(server, transport, signed(), **params), "not asked for without an authorization request"


def test_OIDC_11_auth_time_can_be_demanded_by_itself(server, transport, keys):
    params = {"authorization_params": {"claims": '{"id_token":{"auth_time":{"essential":true}}}'}}
    assert "auth_time" in refused(server, transport, signed(nonce="nonce-1"), nonce=NONCE, **params)
    assert check(server, transport, signed(auth_time=NOW - 10**6, nonce="nonce-1"), nonce=NONCE, **params)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"max_age": "soon"},
        {"max_age": "-1"},
        {"max_age": "٣"},
        {"acr_values": " "},
        {"claims": "{"},
        {"claims": "[]"},
        {"claims": '{"id_token":[]}'},
        {"claims": '{"id_token":{"acr":null,"auth_time":null}}'},
        {"claims": '{"userinfo":{"acr":{"value":"gold"}}}'},
    ],
)
def test_OIDC_11_what_means_nothing_demands_nothing(server, transport, keys, params):
    assert check(server, transport, signed(nonce="nonce-1"), nonce=NONCE, authorization_params=params)


def test_META_3_template_issuer_is_filled_in_from_the_tenant(server, transport, keys):
    template = "https://login.microsoftonline.com/{tenantid}/v2.0"
    tenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
    rest = {"issuer": "https://login.microsoftonline.com/common/v2.0", "metadata_issuer": template}
    good = signed(iss=template.replace("{tenantid}", tenant), tid=tenant)
    assert check(server, transport, good, **rest)
    for claims in (
        {"iss": template.replace("{tenantid}", tenant), "tid": "9188040d-6c67-4c5b-b112-000000000000"},
        {"iss": template.replace("{tenantid}", tenant)},
        {"iss": "https://login.microsoftonline.com/../evil/v2.0", "tid": "../evil"},
    ):
        refused(server, transport, signed(**claims), **rest)


BEFORE: Claims = {"auth_time": NOW - 50, "nonce": "nonce-1", "azp": CLIENT_ID, "iat": NOW - 10}


def refreshed(
    server: ScriptedServer, transport: Transport, before: Claims | None, after: Claims | None
) -> Claims | None:
    def tokens(claims: Claims | None) -> TokenSet:
        return make_tokens(id_token=None if claims is None else Secret(signed(**claims)))

    provider = make_provider(server, issuer=ISSUER, scopes=["openid"])
    metadata = make_metadata(server.origin, issuer=ISSUER)
    return identity.verify_refreshed(transport, provider, metadata, tokens(before), tokens(after), NOW)


@pytest.mark.parametrize(
    "after",
    [
        BEFORE | {"iat": NOW},
        BEFORE | {"iat": NOW, "nonce": None},
        BEFORE | {"iat": NOW, "auth_time": None},
        BEFORE | {"iat": NOW, "aud": [CLIENT_ID]},
    ],
)
def test_OIDC_10_same_sign_in(server, transport, keys, after):
    assert refreshed(server, transport, BEFORE, after) == make_claims(**after)


@pytest.mark.parametrize(
    "change",
    [
        {"sub": "user-2"},
        {"aud": [CLIENT_ID, "x"]},
        {"azp": None},
        {"auth_time": NOW},
        {"nonce": "other"},
        {"iat": NOW - 20},
        {"iss": "https://evil.example.com"},
    ],
)
def test_OIDC_10_each_deviation_is_refused(server, transport, keys, change):
    with pytest.raises(ProviderError, match="not accepted"):
        refreshed(server, transport, BEFORE, BEFORE | {"iat": NOW} | change)


@pytest.mark.parametrize("reply", [answer(404), answer(302, "", {"Location": "https://x"}), answer(503), answer(200)])
def test_OIDC_10_without_keys_a_refresh_is_no_deviation_but_another_subject_is(server, transport, reply):
    server.reply("/jwks", reply)
    with pytest.raises(ProviderUnreachable):
        refreshed(server, transport, BEFORE, BEFORE | {"iat": NOW})
    with pytest.raises(identity.IdTokenRejected):
        refreshed(server, transport, BEFORE, BEFORE | {"iat": NOW, "sub": "user-2"})


def test_OIDC_7_OIDC_10_a_refetch_that_failed_leaves_open_whether_the_key_is_known(server, transport, keys):
    refreshed(server, transport, BEFORE, BEFORE | {"iat": NOW})
    server.reply("/jwks", answer(503))
    tokens = make_tokens(id_token=Secret(signed({"kid": "new"}, **BEFORE | {"iat": NOW})))
    before = make_tokens(id_token=Secret(signed(**BEFORE)))
    arguments = (make_provider(server, issuer=ISSUER, scopes=["openid"]), make_metadata(server.origin, issuer=ISSUER))
    for _ in range(2):
        with pytest.raises(ProviderUnreachable):
            identity.verify_refreshed(transport, *arguments, before, tokens, NOW)
    assert len(server.to("/jwks")) == 2, "asked for once in that minute"
    server.reply("/jwks", answer(200, '{"keys":[]}'))
    for _ in range(2):
        with pytest.raises(identity.IdTokenRejected):
            identity.verify_refreshed(transport, *arguments, before, tokens, NOW + 61)


def test_OIDC_10_other_issuer_than_before_is_refused(server, transport, keys):
    with pytest.raises(ProviderError, match="somebody else"):
        check(server, transport, signed(), previous_claims=make_claims(iss="https://old.example.com"))


def test_OIDC_10_no_id_token_or_the_kept_one_needs_no_check(server, transport):
    assert refreshed(server, transport, BEFORE, None) is None
    assert refreshed(server, transport, None, None) is None
    kept = make_tokens(id_token=Secret("kept"))
    assert identity.verify_refreshed(transport, make_provider(), make_metadata(), kept, kept, NOW) is None
    assert server.connections == 0


def test_OIDC_10_first_id_token_comes_with_a_refresh(server, transport, keys):
    assert refreshed(server, transport, None, {})


def test_OIDC_10_unreadable_kept_id_token_is_refused(server, transport, keys):
    before, after = make_tokens(id_token=Secret("x")), make_tokens(id_token=Secret(signed()))
    with pytest.raises(ProviderError, match="cannot be read"):
        identity.verify_refreshed(transport, make_provider(scopes=["openid"]), make_metadata(), before, after, NOW)
