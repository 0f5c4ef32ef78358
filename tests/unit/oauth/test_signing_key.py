"""A private key of ours: the forms it may have, what is refused and why, and that it never shows."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc.jwk import import_key

from support.oauth_values import key
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import jws
from tokenkeep.oauth.signing_key import MAKEABLE, SigningKey, UnusableKey, algorithm_to_make


def pem(private: Any, form: PrivateFormat = PrivateFormat.PKCS8, password: bytes | None = None) -> str:
    sealing = BestAvailableEncryption(password) if password else NoEncryption()
    return private.private_bytes(Encoding.PEM, form, sealing).decode()


def jwk(name: str, **members: Any) -> str:
    return json.dumps({**key(name).as_dict(private=True), **members})


EC, RSA, ED = key("P-256").private_key, key("RSA").private_key, key("Ed25519").private_key

FORMS = {
    "EC PKCS#8": (pem(EC), "ES256"),
    "EC SEC1": (pem(EC, PrivateFormat.TraditionalOpenSSL), "ES256"),
    "RSA PKCS#8": (pem(RSA), "RS256"),
    "RSA PKCS#1": (pem(RSA, PrivateFormat.TraditionalOpenSSL), "RS256"),
    "Ed25519 PKCS#8": (pem(ED), "EdDSA"),
    "EC JWK": (jwk("P-256"), "ES256"),
    "P-384 JWK": (jwk("P-384"), "ES384"),
    "P-521 JWK": (jwk("P-521"), "ES512"),
    "RSA JWK": (jwk("RSA"), "RS256"),
    "Ed25519 JWK": (jwk("Ed25519"), "EdDSA"),
    "RSA JWK for PS256": (jwk("RSA", alg="PS256"), "PS256"),
    "words before the PEM": ("Bag Attributes\n" + pem(EC), "ES256"),
}


@pytest.mark.parametrize(("text", "algorithm"), FORMS.values(), ids=FORMS)
def test_CAUTH_3_each_form_of_a_key_signs_what_others_verify(text: str, algorithm: str) -> None:
    ours = SigningKey.read(Secret(f"\n{text}\n"))
    assert ours.algorithm(None) == algorithm
    token = ours.sign({"typ": "x"}, {"sub": "c"}, algorithm).reveal()
    parsed = jws.parse(token, [algorithm])
    jws.verify(parsed, [ours.public_jwk])
    assert parsed.claims == {"sub": "c"}


@pytest.mark.parametrize("algorithm", MAKEABLE)
def test_CAUTH_3_a_key_that_is_made_survives_the_vault(algorithm: str) -> None:
    made = SigningKey.make(algorithm)
    again = SigningKey.read(made.sealed)
    assert (again.kid, again.algorithms) == (made.kid, made.algorithms)
    assert again.algorithm([algorithm]) == algorithm
    jws.verify(jws.parse(made.sign({}, {}, algorithm).reveal(), [algorithm]), [again.public_jwk])


def test_two_keys_are_never_the_same() -> None:
    assert SigningKey.make().kid != SigningKey.make().kid


def short_rsa() -> str:
    return pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))


BAD = {
    "nothing": ("", "neither PEM nor a JWK"),
    "words": ("canary-key", "neither PEM nor a JWK"),
    "encrypted PKCS#8": (pem(EC, password=b"x"), "encrypted with a passphrase"),
    "encrypted SEC1": (pem(EC, PrivateFormat.TraditionalOpenSSL, b"x"), "encrypted with a passphrase"),
    "public PEM": (
        EC.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "holds no private key",
    ),
    "damaged PEM": (pem(EC).replace("M", "!", 1), "damaged"),
    "short RSA": (short_rsa(), "fewer than 2048 bits"),
    "DSA": (pem(dsa.generate_private_key(2048)), "only RSA, EC and Ed25519"),
    "secp256k1": (pem(ec.generate_private_key(ec.SECP256K1())), "curve"),
    "X25519 JWK": (jwk("X25519"), "curve"),
    "public JWK": (json.dumps(key("P-256").as_dict(private=False)), "public key"),
    "a shared secret": (json.dumps({"kty": "oct", "k": "Y2FuYXJ5LWtleQ"}), "shared secret"),
    "a set": (json.dumps({"keys": [key("P-256").as_dict(private=True)]}), "set of keys"),
    "for encryption": (jwk("P-256", use="enc"), "not meant for signing"),
    "with another alg": (jwk("P-256", alg="RS256"), "does not fit"),
    "alg none": (jwk("P-256", alg="none"), "does not fit"),
    "broken JSON": ('{"kty": "EC"', "no JSON"),
    "a JWK without d": (json.dumps({"kty": "EC", "crv": "P-256"}), "no key that TokenKeep can read"),
    "an odd kty": (json.dumps({"kty": "canary-key"}), "no key that TokenKeep can read"),
}


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD)
def test_CAUTH_3_what_is_no_usable_private_key_is_refused_in_words(text: str, reason: str) -> None:
    warnings.simplefilter("ignore")  # the library has its own opinion of short keys
    with pytest.raises(UnusableKey, match=reason) as refused:
        SigningKey.read(Secret(text))
    shown = repr(refused.value) + repr(refused.value.__cause__)
    assert "canary" not in shown
    assert not text or text[-40:].strip() not in shown


def test_LEAK_5_a_key_does_not_show_itself() -> None:
    made = SigningKey.make()
    secret = import_key(made.sealed.reveal().encode(), "EC").as_dict(private=True)["d"]
    for shown in (repr(made), str(made), f"{made}", json.dumps(made.public_jwk)):
        assert secret not in shown
    assert "d" not in made.public_jwk
    with pytest.raises(TypeError):
        pickle.dumps(made)
    with pytest.raises(TypeError):
        copy.deepcopy(made)


@pytest.mark.parametrize("name", ["P-256", "RSA", "Ed25519"])
def test_the_public_half_is_public(name: str) -> None:
    shown = SigningKey.read(Secret(jwk(name))).public_jwk
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & shown.keys()
    assert shown["use"] == "sig"
    assert shown["kty"] == key(name).key_type


def test_the_kid_is_the_thumbprint_of_rfc_7638_or_the_one_in_the_file() -> None:
    assert SigningKey.read(Secret(jwk("P-256"))).kid == key("P-256").thumbprint()
    assert SigningKey.read(Secret(jwk("P-256", kid="mine"))).kid == "mine"


@pytest.mark.parametrize(
    ("name", "listed", "expected"),
    [
        ("P-256", None, "ES256"),
        ("P-256", ["RS256", "ES256"], "ES256"),
        ("P-256", ["RS256"], None),
        ("P-256", [], None),
        ("RSA", None, "RS256"),
        ("RSA", ["PS256", "RS256"], "RS256"),
        ("RSA", ["PS384"], "PS384"),
        ("RSA", ["HS256", "none"], None),
        ("Ed25519", ["Ed25519"], "Ed25519"),
        ("Ed25519", ["EdDSA", "Ed25519"], "EdDSA"),
    ],
)
def test_CAUTH_3_the_algorithm_is_one_that_the_server_lists(
    name: str, listed: list[str] | None, expected: str | None
) -> None:
    assert SigningKey.read(Secret(jwk(name))).algorithm(listed) == expected


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (None, "ES256"),
        (["RS256", "ES256", "EdDSA"], "ES256"),
        (["RS256"], "RS256"),
        (["EdDSA"], "EdDSA"),
        (["RS256", "PS256"], "PS256"),
        (["HS256"], None),
        (["none"], None),
        ([], None),
    ],
)
def test_CAUTH_3_a_new_key_is_for_es256_unless_the_server_takes_only_others(
    listed: list[str] | None, expected: str | None
) -> None:
    assert algorithm_to_make(listed) == expected


def test_ed25519_keys_of_other_libraries_are_read() -> None:
    assert SigningKey.read(Secret(pem(ed25519.Ed25519PrivateKey.generate()))).algorithms == ("EdDSA", "Ed25519")
