"""The signature of an id_token and the keys it is checked with."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from support.id_tokens import ALL, NONCE, check, refused, signed, unsigned
from support.oauth_values import (
    NOW,
    b64,
    key,
    make_claims,
    make_tokens,
    public,
    sign,
)
from support.scripted_server import Reply, ScriptedServer, answer, json_answer
from tokenkeep.domain.errors import ProviderError, ProviderUnreachable
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.jws import half_hash


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
    """A genuine ECDSA signature with SHA-256 whose one fault is the curve of its key (RFC 7518 §3.4)."""
    p384 = key("P-384")
    for members in (public(p384), public(p384, alg="ES256"), public(p384, crv="P-256")):
        keys["keys"] = [members]
        token = unsigned("ES256")
        r, s = decode_dss_signature(p384.private_key.sign(token[:-1].encode(), ECDSA(SHA256())))
        raw = r.to_bytes(48, "big") + s.to_bytes(48, "big")
        refused(server, transport, token + b64(raw), wall=NOW + 61 * len(server.to("/jwks")), **ALL)


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


def test_OIDC_2_provider_configured_by_endpoints_takes_keys_from_its_issuer(server, transport, keys, wall):
    document = {
        "issuer": server.origin,
        "token_endpoint": f"{server.origin}/token",
        "jwks_uri": f"{server.origin}/jwks",
    }
    path = "/.well-known/openid-configuration"
    server.reply(path, json_answer({**document, "jwks_uri": ""}), json_answer(document))
    rest = {"issuer": server.origin, "metadata_issuer": server.origin, "metadata_jwks_uri": None}
    assert "jwks_uri" in refused(server, transport, signed(iss=server.origin), **rest)
    wall.now += 86_400
    assert check(server, transport, signed(iss=server.origin), **rest)
