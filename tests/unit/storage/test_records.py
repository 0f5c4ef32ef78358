"""What is inside a sealed record: all of it comes back, nothing else is taken for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenkeep.domain.tokens import Account, Secret, StoredSession, TokenSet
from tokenkeep.storage import records, registration_records
from unit.storage.vault_contract import a_grant, a_registration, a_session

texts = st.text(max_size=10)
times = st.floats(allow_nan=False, allow_infinity=False)
secrets = texts.map(Secret)
many = st.lists(texts, max_size=3).map(tuple)
token_sets = st.builds(
    TokenSet,
    access_token=secrets,
    token_type=texts,
    obtained_at=times,
    lifetime=st.none() | times,
    scope=many,
    refresh_token=st.none() | secrets,
    id_token=st.none() | secrets,
    resource=many,
)
sessions = st.builds(
    StoredSession,
    tokens=st.none() | token_sets,
    account=st.none() | st.builds(Account, texts, texts, texts),
    binding=st.tuples(texts, texts, texts),
    signed_in_at=times,
    method=texts,
    answer_lost=st.booleans(),
    ended=st.none() | texts,
)


@given(sessions)
def test_any_session_comes_back_as_it_was(session: StoredSession) -> None:
    assert records.decode_session(records.encode_session(session)) == session


def members(plain: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(plain)
    return found


WRONG: tuple[tuple[str, object], ...] = (
    *(("tokens", wrong) for wrong in (3, [], {}, "x", [1])),
    *(("account", wrong) for wrong in (3, "x", [1], {"issuer": "i"})),
    *(("binding", wrong) for wrong in (3, [], {}, "x", None, ["a", "b"], ["a", "b", 3])),
    *(("signed_in_at", wrong) for wrong in ([], {}, "x", None)),
    *(("method", wrong) for wrong in (3, [], None)),
)


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_a_session_with_a_wrong_member_is_unreadable(name: str, wrong: object) -> None:
    with pytest.raises(records.Unreadable):
        records.decode_session(records.encode(members(records.encode_session(a_session())) | {name: wrong}))


@pytest.mark.parametrize("name", ["access_token", "token_type", "scope", "refresh_token", "resource", "lifetime"])
def test_tokens_with_a_wrong_member_are_unreadable(name: str) -> None:
    document = members(records.encode_session(a_session()))
    document["tokens"][name] = {"a": 1}
    with pytest.raises(records.Unreadable):
        records.decode_session(records.encode(document))


@pytest.mark.parametrize("name", ["key", "name", "provider", "decision", "holding", "created_at", "scope", "purpose"])
def test_a_grant_with_a_wrong_or_missing_member_is_unreadable(name: str) -> None:
    document = members(records.encode_grant(a_grant()))
    assert records.decode_grant("g1", records.encode(document)) == a_grant()
    with pytest.raises(records.Unreadable):
        records.decode_grant("g1", records.encode(document | {name: {"a": 1}}))
    del document[name]
    with pytest.raises(records.Unreadable):
        records.decode_grant("g1", records.encode(document))


@pytest.mark.parametrize("plain", [b"", b"[]", b"3", b"\xff", b"{"])
def test_what_is_no_object_is_unreadable(plain: bytes) -> None:
    with pytest.raises(records.Unreadable):
        records.decode(plain)


@pytest.mark.parametrize("member", sorted(json.loads(registration_records.encode(a_registration()))))
@pytest.mark.parametrize("value", [7, [], "x"], ids=str)
def test_DCR_2_a_registration_with_an_odd_member_is_not_taken_for_one(member: str, value: object) -> None:
    members = json.loads(registration_records.encode(a_registration()))
    id_ = registration_records.record_id("https://auth.example", "github")
    assert registration_records.decode(id_, json.dumps(members).encode()) == a_registration()
    missing = {name: one for name, one in members.items() if name != member}
    with pytest.raises(records.Unreadable):
        registration_records.decode(id_, json.dumps(missing).encode())
    if type(members[member]) is not type(value) and not (isinstance(members[member], float) and value == 7):
        odd = json.dumps(members | {member: value}).encode()
        if member == "doubted":
            assert registration_records.decode(id_, odd).doubted is False
        else:
            with pytest.raises(records.Unreadable):
                registration_records.decode(id_, odd)
