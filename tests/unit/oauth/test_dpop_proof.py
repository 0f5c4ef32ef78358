"""DPoP proofs as TokenKeep makes them, the examples of RFC 9449, and nonces (RFC 9449 §4, §8, §9)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from support.oauth_values import NOW, make_metadata, make_provider, make_tokens
from support.proofs import ACCESS_TOKEN, ATH, RESOURCE_PROOF, THUMBPRINT, TOKEN_PROOF, part, read
from tokenkeep.demo.oauth.dpop import read_proof
from tokenkeep.domain.errors import ProviderError
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import dpop
from tokenkeep.oauth.signing_key import SigningKey

URL = "https://server.example.com/token"
KEY = SigningKey.make()


def make(**changes: object) -> str:
    values: dict[str, Any] = {"method": "POST", "url": URL, "wall": NOW, **changes}
    return dpop.make_proof(KEY, values.pop("method"), values.pop("url"), **values).reveal()


# --- one proof --------------------------------------------------------------------------------------------------


def test_DPOP_1_a_proof_has_the_members_of_the_standard_and_the_public_key_alone() -> None:
    proof = read(make())
    assert proof.header == {"typ": "dpop+jwt", "alg": "ES256", "jwk": proof.header["jwk"]}
    assert set(proof.header["jwk"]) == {"kty", "crv", "x", "y"}
    assert proof.jkt == KEY.kid
    assert {name: value for name, value in proof.claims.items() if name != "jti"} == {
        "htm": "POST",
        "htu": URL,
        "iat": int(NOW),
    }


@pytest.mark.parametrize(("example", "token"), [(TOKEN_PROOF, None), (RESOURCE_PROOF, Secret(ACCESS_TOKEN))])
def test_DPOP_1_a_proof_has_the_form_of_the_examples_of_rfc_9449(example: str, token: Secret | None) -> None:
    ours = make(access_token=token)
    for number in (0, 1):
        assert part(ours, number).keys() == part(example, number).keys()
    assert part(ours, 0)["jwk"].keys() == part(example, 0)["jwk"].keys()
    assert (part(ours, 0)["typ"], part(ours, 0)["alg"]) == (part(example, 0)["typ"], part(example, 0)["alg"])


def test_DPOP_2_ath_and_thumbprint_are_those_of_rfc_9449() -> None:
    assert dpop.token_hash(Secret(ACCESS_TOKEN)) == ATH
    assert read(make(access_token=Secret(ACCESS_TOKEN))).claims["ath"] == ATH
    published = ECKey.import_key(part(TOKEN_PROOF, 0)["jwk"])
    assert SigningKey(published, ("ES256",)).kid == THUMBPRINT


def test_DPOP_1_another_program_accepts_a_proof() -> None:
    found = read_proof(make(access_token=Secret("abc")), method="POST", url=URL, now=NOW, access_token="abc")
    assert found.jkt == KEY.kid


def test_DPOP_1_every_proof_is_a_new_one() -> None:
    assert len({read(make()).claims["jti"] for _ in range(50)}) == 50
    assert all(len(read(make()).claims["jti"]) >= 16 for _ in range(3))  # 96 bits and more (§11.1)


@pytest.mark.parametrize(
    ("url", "htu"),
    [
        ("https://server.example.com/token?x=1#f", "https://server.example.com/token"),
        ("https://server.example.com/token#f?x=1", "https://server.example.com/token"),
        ("https://SERVER.Example.com:443/token", "https://server.example.com/token"),
        ("http://127.0.0.1:80/token", "http://127.0.0.1/token"),
        ("https://server.example.com:8443/a/", "https://server.example.com:8443/a/"),
        ("https://server.example.com", "https://server.example.com/"),
        ("https://server.example.com?q", "https://server.example.com/"),
        ("https://server.example.com/a/./b/../c/%2e%2E/d", "https://server.example.com/a/d"),
        ("https://server.example.com/a/..", "https://server.example.com/"),
        ("https://server.example.com/%7ejoe/%c3%a9%2f", "https://server.example.com/~joe/%C3%A9%2F"),
        ("https://server.example.com//a", "https://server.example.com//a"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443/"),
    ],
)
def test_DPOP_1_htu_is_the_url_in_its_normal_form_without_query_and_fragment(url: str, htu: str) -> None:
    assert dpop.target(url) == htu
    assert read(make(url=url)).claims["htu"] == htu


@given(st.text(alphabet="abAB%2eE7~./", max_size=30))
def test_DPOP_1_the_normal_form_of_a_normal_form_is_itself(path: str) -> None:
    once = dpop.target(f"https://h.example/{path}")
    assert dpop.target(once) == once or "%" in path  # %252e becomes %2e, as one step of decoding does
    assert "?" not in once
    assert "/../" not in once


# --- nonces -----------------------------------------------------------------------------------------------------


def test_DPOP_4_nonces_belong_to_a_server_and_its_role() -> None:
    nonces = dpop.Nonces()
    nonces.remember("https://one.example/token", "a", resource=False)
    assert nonces.get("https://ONE.example:443/par", resource=False) == "a"
    assert nonces.get("https://one.example/token", resource=True) == ""
    assert nonces.get("https://one.example:8443/token", resource=False) == ""
    assert nonces.get("https://two.example/token", resource=False) == ""


@pytest.mark.parametrize("value", ["", "a b", 'a"b', "a\\b", "é", "a, b", "a\tb", "x" * 1025])
def test_DPOP_4_what_is_no_nonce_is_not_remembered(value: str) -> None:
    nonces = dpop.Nonces()
    nonces.remember(URL, "good", resource=False)
    nonces.remember(URL, value, resource=False)
    assert nonces.get(URL, resource=False) == "good"


def test_DPOP_4_the_memory_is_bounded_and_the_oldest_go() -> None:
    nonces = dpop.Nonces()
    for number in range(dpop.SERVERS_MAX + 5):
        nonces.remember(f"https://s{number}.example/", "n", resource=True)
    assert nonces.get("https://s4.example/", resource=True) == ""
    assert nonces.get("https://s5.example/", resource=True) == "n"
    assert len(nonces._known) == dpop.SERVERS_MAX


def test_DPOP_4_many_threads_share_the_memory() -> None:
    nonces = dpop.Nonces()

    def work(own: int) -> None:
        for number in range(200):
            nonces.remember(f"https://s{number}.example/", f"n{own}", resource=False)
            assert nonces.get(f"https://s{number}.example/", resource=False) in ("", "n0", "n1", "n2", "n3")

    threads = [threading.Thread(target=work, args=(own,)) for own in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(nonces._known) == dpop.SERVERS_MAX


# --- whether, and what came -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "listed", "bound"),
    [
        ("off", ("ES256",), False),
        ("auto", None, False),
        ("auto", (), False),
        ("auto", ("RS256", "EdDSA"), False),
        ("auto", ("RS256", "ES256"), True),
        ("required", None, True),
        ("required", ("ES256",), True),
    ],
)
def test_DPOP_3_tokens_are_bound_as_entry_and_metadata_say(
    mode: str, listed: tuple[str, ...] | None, *, bound: bool
) -> None:
    metadata = make_metadata(dpop_signing_alg_values_supported=listed)
    assert (dpop.key_for(make_provider(dpop=mode), metadata) is not None) is bound


@pytest.mark.parametrize("listed", [("RS256", "PS256"), ()])
def test_DPOP_1_a_server_that_takes_no_es256_is_refused_in_words(listed: tuple[str, ...]) -> None:
    metadata = make_metadata(dpop_signing_alg_values_supported=listed)
    with pytest.raises(ProviderError, match="ES256") as refused:
        dpop.key_for(make_provider(dpop="required"), metadata)
    assert "auto" in refused.value.hint
    assert (", ".join(listed) or "none") in refused.value.detail


def test_DPOP_1_every_key_is_new() -> None:
    provider, metadata = make_provider(dpop="required"), make_metadata()
    first, second = dpop.key_for(provider, metadata), dpop.key_for(provider, metadata)
    assert first is not None
    assert second is not None
    assert first.kid != second.kid


@pytest.mark.parametrize(
    ("mode", "kind", "key", "fine"),
    [
        ("required", "DPoP", KEY, True),
        ("required", "Bearer", KEY, False),
        ("auto", "Bearer", KEY, True),
        ("auto", "DPoP", KEY, True),
        ("auto", "DPoP", None, False),
        ("off", "Bearer", None, True),
        ("off", "DPoP", None, False),
    ],
)
def test_DPOP_3_tokens_of_another_kind_are_refused(mode: str, kind: str, key: SigningKey | None, *, fine: bool) -> None:
    provider, tokens = make_provider(dpop=mode), make_tokens(token_type=kind)
    if fine:
        dpop.check_type(provider, tokens, key)
        return
    with pytest.raises(ProviderError) as refused:
        dpop.check_type(provider, tokens, key)
    assert refused.value.hint
    assert tokens.access_token.reveal() not in refused.value.detail
