"""Proof key for code exchange."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.oauth_values import make_metadata, make_provider
from tokenkeep.domain.errors import ProviderError
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import pkce


def test_PKCE_1_vector_of_rfc_7636_appendix_b():
    verifier = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert pkce.challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_PKCE_1_verifiers_are_unreserved_long_and_never_the_same():
    seen = set()
    for _ in range(1000):
        random.seed(1)
        verifier = pkce.new_verifier().reveal()
        assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier)
        seen.add(verifier)
    assert len(seen) == 1000


@given(st.text(alphabet=st.characters(codec="ascii"), min_size=1))
def test_PKCE_1_challenges_have_no_padding(verifier):
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", pkce.challenge(Secret(verifier)))


@pytest.mark.parametrize("methods", [("plain",), (), ("s256",)])
def test_PKCE_2_no_way_back_to_plain(methods):
    with pytest.raises(ProviderError, match="S256"):
        pkce.verifier_for(make_provider(), make_metadata(code_challenge_methods_supported=methods))


def test_PKCE_3_missing_list_stops_the_mcp_profile_alone():
    metadata = make_metadata(code_challenge_methods_supported=None)
    assert pkce.verifier_for(make_provider(), metadata) is not None
    with pytest.raises(ProviderError, match="code_challenge_methods_supported"):
        pkce.verifier_for(make_provider(profile="mcp"), metadata)


def test_PKCE_1_none_when_the_provider_says_so():
    metadata = make_metadata(code_challenge_methods_supported=("plain",))
    assert pkce.verifier_for(make_provider(pkce=False), metadata) is None
