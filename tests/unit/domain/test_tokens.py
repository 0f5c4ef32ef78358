"""Secrets that cannot be printed by accident, and the validity of a held token on two clocks."""

import copy
import json
import pickle
from dataclasses import replace

import pytest

from tokenkeep.domain.tokens import Account, GrantedToken, HeldToken, Secret, StoredSession, TokenSet

CANARY = "CANARY-AT-4f1d"


@pytest.fixture
def tokens() -> TokenSet:
    return TokenSet(Secret(CANARY), "Bearer", obtained_at=1000.0, lifetime=100.0, refresh_token=Secret("CANARY-RT"))


def test_LEAK_5_a_secret_is_masked_by_every_kind_of_formatting() -> None:
    secret = Secret(CANARY)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", f"{secret:>20}", "{}".format(secret)]  # noqa: UP032
    assert all(CANARY not in text and "***" in text for text in shown)


def test_LEAK_5_a_secret_is_neither_pickled_nor_copied_nor_json_encoded() -> None:
    for encode in (pickle.dumps, json.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            encode(Secret(CANARY))


def test_LEAK_5_dataclasses_and_exceptions_that_hold_a_secret_do_not_show_it(tokens: TokenSet) -> None:
    session = StoredSession(tokens, Account("https://a.example", "s"), ("i", "t", "c"), 0.0)
    for text in (repr(tokens), repr(session), str(ValueError(tokens)), repr(HeldToken(tokens, 0.0))):
        assert "CANARY" not in text


def test_a_secret_compares_by_value_and_tells_whether_it_is_empty() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("")
    assert len({Secret("a"), Secret("a")}) == 1


def test_the_sha256_names_a_token() -> None:
    assert Secret("abc").sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_expiry_is_counted_from_when_the_request_was_sent(tokens: TokenSet) -> None:
    assert tokens.expires_at == 1100.0
    assert replace(tokens, lifetime=None).expires_at is None


@pytest.mark.parametrize(
    ("wall", "boot", "left"),
    [(1000, 50, 100), (1060, 110, 40), (1000 - 3600, 110, 40), (1000 + 3600, 50, -3500), (1060, 200, -50)],
    ids=["new", "aged", "wall clock back: boot decides", "wall clock ahead: wall decides", "suspended: boot decides"],
)
def test_REF_6_the_stricter_of_both_clocks_decides(tokens: TokenSet, wall: float, boot: float, left: float) -> None:
    assert HeldToken(tokens, obtained_boot=50.0).remaining(wall, boot) == left


def test_AGENT_6_the_answer_to_a_program_holds_what_the_contract_names_and_nothing_else() -> None:
    granted = GrantedToken(
        access_token=Secret(CANARY),
        token_type="Bearer",
        expires_at=1100.0,
        expires_in=40.0,
        min_valid_met=True,
        scope=("a", "b"),
        resource=("https://api.example",),
        provider="p",
        issuer="https://i.example",
        account="ada",
    )
    assert granted.as_answer() == {
        "access_token": CANARY,
        "token_type": "Bearer",
        "expires_at": 1100.0,
        "expires_in": 40.0,
        "min_valid_met": True,
        "scope": "a b",
        "resource": ["https://api.example"],
        "provider": "p",
        "issuer": "https://i.example",
        "account": "ada",
    }
