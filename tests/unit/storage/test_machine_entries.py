"""Entries of `config.toml` for flows without a person: what is missing or of no use is named with its key and line."""

from __future__ import annotations

import pytest

from tokenkeep.domain.machine import asked_for, chain_faults
from tokenkeep.domain.provider import BrokenProvider, Flow, Provider, SubjectToken
from tokenkeep.storage.catalogue import Catalogue
from tokenkeep.storage.settings import parse

CATALOGUE = Catalogue.load()
ISSUER = 'issuer = "https://auth.example.com"'
SECRET = 'client_id = "x"\nclient_secret = { vault = true }'
SUBJECT = 'subject_token = { source = "env", name = "X" }'
EXCHANGE = f'flow = "token_exchange"\n{SECRET}'
URN = "urn:ietf:params:oauth:token-type:jwt"


def read(*lines: str) -> Provider | BrokenProvider:
    return parse("\n".join(["[providers.p]", ISSUER, *lines]), CATALOGUE).providers["p"]


GOOD = {
    "a secret": ('flow = "client_credentials"', SECRET),
    "a key": ('flow = "client_credentials"', 'client_id = "x"', 'client_auth = "private_key_jwt"'),
    "a key in a file": ('flow = "client_credentials"', 'client_id = "x"', 'private_key = { file = "/k" }'),
    "a certificate": ('flow = "client_credentials"', 'client_id = "x"', 'tls_client_cert = "/c.pem"'),
    "an assertion of somebody else, no client": ('flow = "jwt_bearer"', SUBJECT),
    "an assertion of our own": ('flow = "jwt_bearer"', 'client_id = "x"', "private_key = { vault = true }"),
    "an exchange": (EXCHANGE, SUBJECT),
    "all of an exchange": (
        EXCHANGE,
        SUBJECT,
        f'subject_token_type = "{URN}"',
        'actor_token = { source = "kubernetes" }',
        f'actor_token_type = "{URN}"',
        f'requested_token_type = "{URN}"',
        'audience = ["a", "b"]',
    ),
    "keys of another flow": ('client_id = "x"', SUBJECT, 'actor_token = { source = "env", name = "Y" }'),
    "a chain that its flow does not use": ('client_id = "x"', 'subject_token = { source = "provider", id = "p" }'),
    "github": (EXCHANGE, 'subject_token = { source = "github_actions", audience = "a" }'),
    "a command": (EXCHANGE, 'subject_token = { source = "command", command = ["get", "it"] }'),
}


@pytest.mark.parametrize("lines", GOOD.values(), ids=GOOD)
def test_GRANT_3_what_can_work_is_taken(lines: tuple[str, ...]) -> None:
    found = read(*lines)
    assert isinstance(found, Provider), found.reason


def test_a_static_entry_needs_nothing() -> None:
    assert isinstance(parse('[providers.p]\nflow = "static"', CATALOGUE).providers["p"], Provider)


PROVE = "needs a client that can prove who it is"
BAD = {
    "GRANT-1: a public client": (('flow = "client_credentials"', 'client_id = "x"'), "flow", PROVE),
    "GRANT-1: a client told to be public": (
        ('flow = "client_credentials"', SECRET, 'client_auth = "none"'),
        "client_auth",
        PROVE,
    ),
    "no assertion": (('flow = "jwt_bearer"', 'client_id = "x"'), "", "needs `subject_token`, or `private_key`"),
    "no subject": ((EXCHANGE,), "", "needs `subject_token`"),
    "GRANT-3: an actor type without actor": (
        (EXCHANGE, SUBJECT, f'actor_token_type = "{URN}"'),
        "actor_token_type",
        "without `actor_token`",
    ),
    "a type that is none": (
        (EXCHANGE, SUBJECT, 'requested_token_type = "access_token"'),
        "requested_token_type",
        "is an address such as urn:ietf:params:oauth:token-type:access_token",
    ),
    "several audiences elsewhere": (
        ('flow = "client_credentials"', SECRET, 'audience = ["a", "b"]'),
        "audience",
        "only the flow token_exchange takes several audiences",
    ),
    "an unknown source": (
        (EXCHANGE, 'subject_token = { source = "kubernets" }'),
        "subject_token.source",
        "did you mean `kubernetes`?",
    ),
    "no source": ((EXCHANGE, 'subject_token = { path = "/x" }'), "subject_token", "needs the key `source`"),
    "github without audience": (
        (EXCHANGE, 'subject_token = { source = "github_actions" }'),
        "subject_token",
        'source = "github_actions"` needs `audience`',
    ),
    "a file without path": ((EXCHANGE, 'subject_token = { source = "file" }'), "subject_token", "needs `path`"),
    "a variable without name": ((EXCHANGE, 'subject_token = { source = "env" }'), "subject_token", "needs `name`"),
    "no command": ((EXCHANGE, 'subject_token = { source = "command" }'), "subject_token", "needs `command`"),
    "a command in one text": (
        (EXCHANGE, 'subject_token = { source = "command", command = "get it" }'),
        "subject_token.command",
        "must be a list",
    ),
    "no provider": ((EXCHANGE, 'subject_token = { source = "provider" }'), "subject_token", "needs `id`"),
    "another source's key": (
        (EXCHANGE, 'subject_token = { source = "env", name = "X", path = "/x" }'),
        "subject_token",
        "has no `path`",
    ),
    "a provider that there is none of": (
        (EXCHANGE, 'subject_token = { source = "provider", id = "nobody" }'),
        "subject_token",
        "names the provider `nobody`, and there is none",
    ),
    "itself": (
        (EXCHANGE, 'subject_token = { source = "provider", id = "p" }'),
        "subject_token",
        "comes from `p`, and that one's from here again",
    ),
}


@pytest.mark.parametrize(("lines", "key", "words"), BAD.values(), ids=BAD)
def test_GRANT_1_GRANT_3_what_cannot_work_is_named(lines: tuple[str, ...], key: str, words: str) -> None:
    found = read(*lines)
    assert isinstance(found, BrokenProvider)
    assert found.key == "providers.p" + (f".{key}" if key else "")
    assert words in found.reason
    assert found.line is not None


def exchange(id_: str, *sources: str) -> Provider:
    tokens = [SubjectToken(source="provider", id=one) for one in sources]
    return Provider(
        id=id_, flow=Flow.TOKEN_EXCHANGE, subject_token=tokens[0], actor_token=tokens[1] if tokens[1:] else None
    )


def test_GRANT_3_a_chain_that_comes_back_is_refused_wherever_it_is_entered() -> None:
    end = Provider(id="end")
    assert chain_faults([end, exchange("a", "b"), exchange("b", "end")]) == {}
    assert set(chain_faults([exchange("a", "b"), exchange("b", "c"), exchange("c", "a"), exchange("d", "a")])) == {
        "a",
        "b",
        "c",
    }
    by_actor = chain_faults([end, exchange("a", "end", "b"), exchange("b", "a")])
    assert {id_: fault.key for id_, fault in by_actor.items()} == {"a": "actor_token", "b": "subject_token"}


def test_GRANT_3_an_entry_that_is_broken_for_another_reason_still_counts_as_one() -> None:
    assert chain_faults([exchange("a", "b"), BrokenProvider(id="b", reason="")]) == {}


def test_what_a_machine_asks_for_is_named_by_all_that_a_token_depends_on() -> None:
    entry = exchange("a", "b")
    same = entry.model_copy(update={"name": "A", "base_url": "https://api.example"})
    assert asked_for(entry) == asked_for(same)
    changes = {
        "scopes": ["x"],
        "audience": "y",
        "resource": ["https://r.example"],
        "flow": Flow.JWT_BEARER,
        "issuer": "https://other.example",
        "client_id": "z",
        "requested_token_type": URN,
        "subject_token": SubjectToken(source="provider", id="c"),
    }
    changed = [asked_for(entry.model_copy(update={name: value})) for name, value in changes.items()]
    assert len({asked_for(entry), *changed}) == len(changes) + 1
    assert asked_for(Provider(id="p")) == ""
