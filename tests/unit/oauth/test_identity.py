"""The id_token, userinfo, and the account they make."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.oauth_values import (
    CLIENT_ID,
    ISSUER,
    NOW,
    b64,
    key,
    make_claims,
    make_metadata,
    make_provider,
    make_tokens,
    public,
    sign,
)
from support.scripted_server import Connection, Reply, ScriptedServer, answer, json_answer
from tokenkeep.domain.errors import MalformedAnswer, ProviderError, ProviderUnreachable
from tokenkeep.domain.tokens import Account, Secret, TokenSet
from tokenkeep.oauth import identity
from tokenkeep.oauth.jws import half_hash
from tokenkeep.oauth.transport import Request, Transport

NONCE = Secret("nonce-1")
Claims = dict[str, Any]


@pytest.fixture
def keys(server: ScriptedServer) -> dict[str, Any]:
    """The key set that the server publishes; change it before the first use."""
    published = {"keys": [public(key("RSA"))]}

    def publish(connection: Connection) -> None:
        json_answer(published)(connection)

    server.reply("/jwks", publish)
    return published


def check(server: ScriptedServer, transport: Transport, token: str | None, **rest: Any) -> Claims | None:
    """Verify that id_token; arguments that are none of `verify_id_token` change provider or metadata."""
    metadata = {name.removeprefix("metadata_"): rest.pop(name) for name in list(rest) if "metadata_" in name}
    arguments = {"nonce": None, "wall": NOW} | {
        name: rest.pop(name) for name in list(rest) if name in ("nonce", "wall", "previous_claims", "max_age")
    }
    tokens = rest.pop("tokens", None) or make_tokens(id_token=None if token is None else Secret(token))
    values = {"issuer": ISSUER, "jwks_uri": f"{server.origin}/jwks"} | metadata
    return identity.verify_id_token(
        transport,
        make_provider(server, **({"issuer": ISSUER, "scopes": ["openid"]} | rest)),
        make_metadata(server.origin, **values),
        tokens,
        **arguments,
    )


def refused(server: ScriptedServer, transport: Transport, token: str | None, **rest: Any) -> str:
    with pytest.raises(ProviderError) as caught:
        check(server, transport, token, **rest)
    assert not isinstance(caught.value, MalformedAnswer), "a refresh would take that for transient"
    return caught.value.detail


def signed(header: dict[str, Any] | None = None, **claims: Any) -> str:
    return sign(make_claims(**claims), key("RSA"), header=header)


# --- what must come back --------------------------------------------------------------------------------------------


def test_OIDC_1_good_token(server, transport, keys):
    claims = check(server, transport, signed(nonce="nonce-1", name="Ada"), nonce=NONCE)
    assert claims == make_claims(nonce="nonce-1", name="Ada")


def test_OIDC_1_openid_needs_an_id_token(server, transport, keys):
    assert "no id_token" in refused(server, transport, None)


def test_OIDC_1_openid_granted_without_being_asked_for_counts_too(server, transport, keys):
    tokens = make_tokens(scope=("openid",))
    assert "no id_token" in refused(server, transport, None, scopes=[], tokens=tokens)


@pytest.mark.parametrize("token", ["garbage", "a.b.c", None])
def test_OIDC_1_without_openid_a_token_is_not_looked_at(server, transport, token):
    tokens = make_tokens(scope=("x",), id_token=Secret(token) if token else None)
    assert check(server, transport, None, scopes=["x"], tokens=tokens) is None
    assert server.connections == 0


# --- signature ------------------------------------------------------------------------------------------------------


def test_OIDC_2_a_flipped_bit_is_refused(server, transport, keys):
    head, body, signature = signed().split(".")
    other = "A" if signature[9] != "A" else "B"
    assert "not signed" in refused(server, transport, f"{head}.{body}.{signature[:9]}{other}{signature[10:]}")
    changed = b64(json.dumps(make_claims(sub="user-2")).encode())
    assert "not signed" in refused(server, transport, f"{head}.{changed}.{signature}")


def test_OIDC_2_key_of_somebody_else_is_refused(server, transport, keys):
    assert "not signed" in refused(server, transport, sign(make_claims(), key("RSA other")))


ALGORITHMS = [
    *((name, "RSA") for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
    ("ES256", "P-256"),
    ("ES384", "P-384"),
    ("ES512", "P-521"),
    ("EdDSA", "Ed25519"),
    ("Ed25519", "Ed25519"),
]


@pytest.mark.parametrize(("algorithm", "kind"), ALGORITHMS)
def test_OIDC_3_announced_asymmetric_algorithms_work(server, transport, keys, algorithm, kind):
    keys["keys"] = [public(key("RSA other"), kid="k0"), public(key(kind))]
    at_hash = half_hash(algorithm, "CANARY-AT-0000")
    token = sign(make_claims(at_hash=at_hash), key(kind), algorithm)
    assert check(server, transport, token, metadata_id_token_signing_alg_values_supported=(algorithm,))


@pytest.mark.parametrize(("algorithm", "kind"), [one for one in ALGORITHMS if one[0] != "RS256"])
def test_OIDC_3_default_is_rs256_alone(server, transport, keys, algorithm, kind):
    keys["keys"] = [public(key(kind))]
    assert "not announce" in refused(server, transport, sign(make_claims(), key(kind), algorithm))


ALL = {"metadata_id_token_signing_alg_values_supported": ("RS256", "ES256", "HS256", "none", "nOnE", "ES256K")}


def unsigned(algorithm: object, **header: Any) -> str:
    head = b64(json.dumps({"alg": algorithm, "kid": "k1", **header}).encode())
    return f"{head}.{b64(json.dumps(make_claims()).encode())}."


@pytest.mark.parametrize("algorithm", ["none", "nOnE", "NONE", "", None, 7, ["RS256"], "ES256K"])
def test_OIDC_3_none_and_unknown_algorithms(server, transport, keys, algorithm):
    refused(server, transport, unsigned(algorithm), **ALL)


def test_OIDC_3_hs256_over_the_public_key(server, transport, keys):
    import hashlib
    import hmac

    secret = key("RSA").as_pem(private=False)
    token = unsigned("HS256")[:-1]
    mac = hmac.new(secret, token.encode(), hashlib.sha256).digest()
    refused(server, transport, f"{token}.{b64(mac)}", **ALL)


def test_OIDC_3_es256_with_another_curve(server, transport, keys):
    keys["keys"] = [public(key("P-384"))]
    token = unsigned("ES256")
    refused(server, transport, token + b64(b"\x01" * 96), **ALL)


def test_OIDC_3_short_rsa_keys(server, transport, keys):
    keys["keys"] = [public(key("RSA 1024"))]
    assert "not signed" in refused(server, transport, sign(make_claims(), key("RSA 1024")))


def test_OIDC_3_crit_is_refused(server, transport, keys):
    assert "extensions" in refused(server, transport, signed({"crit": ["b64"], "b64": True}))


def test_OIDC_3_encrypted_token_is_refused(server, transport, keys):
    assert "encrypted" in refused(server, transport, "a.b.c.d.e")


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_OIDC_3_keys_in_the_header_are_never_used(server, transport, keys, name):
    foreign = public(key("RSA other"))
    with ScriptedServer() as evil:
        evil.reply("/jwks", json_answer({"keys": [foreign]}))
        value = {"jwk": foreign, "x5c": ["AAAA"]}.get(name, f"{evil.origin}/jwks")
        token = sign(make_claims(), key("RSA other"), header={name: value})
        assert "not signed" in refused(server, transport, token)
        assert evil.connections == 0


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        "..",
        "a.b",
        "a.b.c",
        "é.é.é",
        "=.=.=",
        "AAAAA.AAAAA.AAAAA",
        b64(b"[]") + ".e30.",
        b64(b'{"alg":"RS256","alg":"RS256"}') + ".e30.",
    ],
)
def test_OIDC_3_garbage_is_refused(server, transport, keys, token):
    assert "not accepted" in refused(server, transport, token)


# --- keys -----------------------------------------------------------------------------------------------------------


def test_OIDC_7_keys_are_kept(server, transport, keys, wall):
    for seconds in (0, 100, 3599):
        check(server, transport, signed(iat=NOW, exp=NOW + 9999), wall=NOW + seconds)
    assert len(server.to("/jwks")) == 1
    check(server, transport, signed(exp=NOW + 9999), wall=NOW + 3601)
    assert len(server.to("/jwks")) == 2


@pytest.mark.parametrize(
    ("header", "fresh", "old"),
    [("max-age=0", 299, 301), ("public, max-age=400", 399, 401), ("max-age=9999999", 86_399, 86_401)],
)
def test_META_7_age_is_held_within_bounds(server, transport, header, fresh, old):
    server.reply("/jwks", json_answer({"keys": [public(key("RSA"))]}, cache_control=header))
    for seconds, count in ((0, 1), (fresh, 1), (old, 2)):
        check(server, transport, signed(iat=NOW + seconds, exp=NOW + 999_999), wall=NOW + seconds)
        assert len(server.to("/jwks")) == count


def test_META_7_old_keys_serve_while_the_server_is_down(server, transport):
    server.reply("/jwks", json_answer({"keys": [public(key("RSA"))]}), answer(503))
    check(server, transport, signed())
    assert check(server, transport, signed(iat=NOW + 4000, exp=NOW + 5000), wall=NOW + 4000)
    assert len(server.to("/jwks")) == 2


@pytest.mark.parametrize("kid", ["k2", None])
def test_OIDC_7_rotation_is_followed_by_one_refetch(server, transport, keys, kid):
    check(server, transport, signed())
    keys["keys"] = [public(key("RSA other"), kid="k2")]
    assert check(server, transport, sign(make_claims(), key("RSA other"), header={"kid": kid}))
    assert len(server.to("/jwks")) == 2


def test_OIDC_7_a_hundred_unknown_kids_cause_one_refetch_a_minute(server, transport, keys):
    for number in range(100):
        refused(server, transport, signed({"kid": f"random-{number}"}))
    assert len(server.to("/jwks")) == 2
    refused(server, transport, signed({"kid": "later"}), wall=NOW + 61)
    assert len(server.to("/jwks")) == 3


def test_OIDC_7_without_kid_all_fitting_keys_are_tried(server, transport, keys):
    keys["keys"] = [public(key("P-256"), kid="e"), public(key("RSA other"), kid="o"), public(key("RSA"))]
    assert check(server, transport, signed({"kid": None}))


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"kty": "oct"},
        {"kid": "other"},
        {"n": "!!!"},
        {"n": 7},
        {"e": ""},
        {"n": ...},
    ],
)
def test_OIDC_7_keys_that_do_not_fit_are_skipped(server, transport, keys, change):
    members = public(key("RSA"), **change)
    keys["keys"] = [{name: value for name, value in members.items() if value is not ...}]
    assert "not signed" in refused(server, transport, signed())
    keys["keys"].append(public(key("RSA"), use="sig", alg="RS256", key_ops=["verify"], x5t="x"))
    assert check(server, transport, signed(), wall=NOW + 61)


def test_OIDC_7_trouble_with_the_keys_is_transient(server, transport):
    server.reply("/jwks", answer(503, "", {"Retry-After": "5"}), json_answer({"keys": [public(key("RSA"))]}))
    with pytest.raises(ProviderUnreachable) as caught:
        check(server, transport, signed())
    assert caught.value.retry_after == 5
    assert check(server, transport, signed())


@pytest.mark.parametrize(
    "reply",
    [
        answer(404),
        answer(302, "", {"Location": "https://evil.example.com/jwks"}),
        answer(200, "<html>"),
        json_answer([]),
        json_answer({"keys": 7}),
    ],
)
def test_OIDC_7_key_set_that_is_none(server, transport, reply: Reply):
    server.reply("/jwks", reply)
    with pytest.raises(ProviderError):
        check(server, transport, signed())


def test_OIDC_7_other_members_of_a_key_set_are_skipped(server, transport, keys):
    keys["keys"] = ["x", None, public(key("RSA"))]
    assert check(server, transport, signed())


def test_OIDC_2_provider_configured_by_endpoints_takes_keys_from_its_issuer(server, transport, keys):
    document = {
        "issuer": server.origin,
        "token_endpoint": f"{server.origin}/token",
        "jwks_uri": f"{server.origin}/jwks",
    }
    path = "/.well-known/openid-configuration"
    server.reply(path, json_answer({**document, "jwks_uri": ""}), json_answer(document))
    rest = {"issuer": server.origin, "metadata_issuer": server.origin, "metadata_jwks_uri": None}
    assert "jwks_uri" in refused(server, transport, signed(iss=server.origin), **rest)
    assert check(server, transport, signed(iss=server.origin), **rest)


# --- claims ---------------------------------------------------------------------------------------------------------

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
    assert check(server, transport, missing, nonce=NONCE, authorization_params={"max_age": "soon"})
    assert "older" in refused(server, transport, signed(auth_time=NOW - 161), max_age=100.0)


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


# --- refresh --------------------------------------------------------------------------------------------------------

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


# --- userinfo -------------------------------------------------------------------------------------------------------


def ask(server: ScriptedServer, transport: Transport, subject: str | None = "user-1", **changes: Any) -> Claims:
    metadata = make_metadata(server.origin, **{"issuer": ISSUER, **changes.pop("metadata", {})})
    return identity.userinfo(transport, make_provider(server, **changes), metadata, make_tokens(), subject)


def test_OIDC_9_NET_6_token_travels_in_the_header_only(server, transport):
    server.reply("/userinfo", json_answer({"sub": "user-1", "email": "ada@example.com"}))
    assert ask(server, transport) == {"sub": "user-1", "email": "ada@example.com"}
    (request,) = server.requests
    assert request.header("Authorization") == "Bearer CANARY-AT-0000"
    assert "CANARY" not in request.target + request.body.decode()


def test_OIDC_9_no_endpoint_no_request(server, transport):
    assert ask(server, transport, metadata={"userinfo_endpoint": None}) == {}
    assert server.connections == 0


@pytest.mark.parametrize("claims", [{"sub": "user-2"}, {}, {"sub": None}, {"email": "ada@example.com"}])
def test_OIDC_9_answer_about_somebody_else_is_dropped(server, transport, claims):
    server.reply("/userinfo", json_answer(claims))
    with pytest.raises(ProviderError, match="somebody else"):
        ask(server, transport)


def test_OIDC_9_without_an_id_token_any_subject_is_taken(server, transport):
    server.reply("/userinfo", json_answer({"sub": "user-2"}))
    assert ask(server, transport, subject=None) == {"sub": "user-2"}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer(401), ProviderError),
        (answer(403), ProviderError),
        (answer(500), ProviderUnreachable),
        (answer(200, "<html>"), MalformedAnswer),
        (json_answer([]), MalformedAnswer),
        (answer(307, "", {"Location": "https://evil.example.com"}), ProviderError),
    ],
)
def test_OIDC_9_failures_are_ours_to_swallow(server, transport, reply, kind):
    server.reply("/userinfo", reply)
    with pytest.raises(kind):
        ask(server, transport)


def jwt(token: str) -> Reply:
    return answer(200, token, {"Content-Type": "application/jwt; charset=utf-8"})


def test_OIDC_9_signed_answers_are_verified(server, transport, keys):
    server.reply(
        "/userinfo",
        jwt(sign({"sub": "user-1", "iss": ISSUER, "aud": [CLIENT_ID]}, key("RSA"))),
        jwt(sign({"sub": "user-1"}, key("RSA"))),
    )
    assert ask(server, transport)["sub"] == "user-1"
    assert ask(server, transport)["sub"] == "user-1"


@pytest.mark.parametrize(
    "token",
    [
        lambda: sign({"sub": "user-1"}, key("RSA other")),
        lambda: unsigned("none"),
        lambda: sign({"sub": "user-1", "aud": "x"}, key("RSA")),
        lambda: sign({"sub": "user-1", "iss": "https://evil.example.com"}, key("RSA")),
        lambda: sign({"sub": "user-2"}, key("RSA")),
        lambda: "é",
        lambda: '{"sub":"user-1"}',
    ],
)
def test_OIDC_9_badly_signed_answers_are_dropped(server, transport, keys, token):
    server.reply("/userinfo", jwt(token()))
    with pytest.raises(ProviderError):
        ask(server, transport)


# --- account --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "profile", "account"),
    [
        ({"iss": ISSUER, "sub": "1"}, {}, Account(ISSUER, "1", "1")),
        ({"iss": ISSUER, "sub": "1", "name": "Ada L"}, {"sub": "1", "email": "a@b"}, Account(ISSUER, "1", "a@b")),
        ({"iss": ISSUER, "sub": "1", "preferred_username": "ada"}, {"email": "a@b"}, Account(ISSUER, "1", "ada")),
        (None, {"sub": "2", "name": "\x1b Ada \u202e"}, Account("https://x", "2", "Ada")),
        (None, {"sub": "2", "preferred_username": 7, "email": ""}, Account("https://x", "2", "2")),
        (None, {}, None),
        (None, {"sub": 7}, None),
        (None, {"sub": ""}, None),
    ],
)
def test_OIDC_8_account_is_keyed_by_issuer_and_subject(claims, profile, account):
    assert identity.account("https://x", claims, profile) == account


def test_OIDC_8_same_mail_two_subjects_are_two_accounts():
    one, other = (identity.account(ISSUER, None, {"sub": sub, "email": "a@b"}) for sub in "12")
    assert one != other
