"""The requests of a program for itself: what is sent, to whom, and what of the answer is kept."""

from __future__ import annotations

import base64
import json
import re
from email.utils import formatdate
from typing import Any

import pytest

from support.oauth_values import CLIENT_ID, NOW, TOKENS, make_metadata, make_provider
from support.scripted_server import ScriptedServer, json_answer
from tokenkeep.domain.errors import ClientRejected, MalformedAnswer, Misconfigured, ProviderError
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.machine import Presented, acquire
from tokenkeep.oauth.signing_key import SigningKey
from tokenkeep.oauth.token_answer import TokenAnswer

TYPE = "urn:ietf:params:oauth:token-type:"
ACCESS, JWT, ID = f"{TYPE}access_token", f"{TYPE}jwt", f"{TYPE}id_token"
SUBJECT = Presented(Secret("CANARY-SUBJECT-0001"), JWT, "ada")
ACTOR = Presented(Secret("CANARY-ACTOR-0001"), ACCESS)
CONFIDENTIAL = ClientCredentials(CLIENT_ID, Secret("CANARY-CS-0001"), "client_secret_post")
EXCHANGED = TOKENS | {"issued_token_type": ACCESS}
WITH_PROOF = {"client_id": CLIENT_ID, "client_secret": "CANARY-CS-0001"}


def get(
    server: ScriptedServer,
    transport,
    *presented: Presented | None,
    credentials: ClientCredentials = CONFIDENTIAL,
    metadata: dict[str, Any] | None = None,
    **entry: Any,
) -> TokenAnswer:
    found = make_metadata(server.origin, **(metadata or {}))
    return acquire(transport, make_provider(server, **entry), found, credentials, *presented)


def sent(server: ScriptedServer) -> list[tuple[str, str]]:
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/token")
    return request.form


# --- client credentials ------------------------------------------------------------------------------------------


def test_GRANT_1_client_credentials_asks_with_proof_scope_audience_and_resources(server, transport):
    server.reply("/token", json_answer(TOKENS))
    get(
        server,
        transport,
        flow="client_credentials",
        scopes=["read", "write"],
        audience="https://api.example",
        resource=["https://a.example", "https://b.example"],
    )
    assert sent(server) == [
        ("grant_type", "client_credentials"),
        ("scope", "read write"),
        ("audience", "https://api.example"),
        ("resource", "https://a.example"),
        ("resource", "https://b.example"),
        *WITH_PROOF.items(),
    ]


def test_GRANT_1_without_scopes_none_is_asked_for(server, transport):
    server.reply("/token", json_answer(TOKENS))
    get(server, transport, flow="client_credentials")
    assert "scope" not in dict(sent(server))


def test_GRANT_1_a_public_client_is_a_fault_of_the_setup_and_nothing_is_sent(server, transport):
    for method in ("auto", "none"):
        with pytest.raises(Misconfigured) as refused:
            get(server, transport, flow="client_credentials", credentials=ClientCredentials(CLIENT_ID, method=method))
        assert refused.value.key == "providers.example.client_auth"
    assert server.requests == []


@pytest.mark.parametrize("flow", ["client_credentials", "jwt_bearer", "token_exchange"])
def test_GRANT_1_of_the_answer_the_access_token_alone_is_kept(server, transport, flow):
    extra = {"refresh_token": "CANARY-RT-0009", "id_token": "CANARY-ID-0009", "issued_token_type": ACCESS}
    server.reply("/token", json_answer(TOKENS | extra))
    tokens = get(server, transport, SUBJECT, flow=flow).tokens
    assert (tokens.access_token.reveal(), tokens.refresh_token, tokens.id_token) == ("CANARY-AT-0001", None, None)


# --- assertions --------------------------------------------------------------------------------------------------


def test_GRANT_2_a_foreign_assertion_is_sent_as_it_is(server, transport):
    server.reply("/token", json_answer(TOKENS))
    public = ClientCredentials(CLIENT_ID)
    get(server, transport, SUBJECT, flow="jwt_bearer", scopes=["read"], audience="nobody", credentials=public)
    assert sent(server) == [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", "CANARY-SUBJECT-0001"),
        ("scope", "read"),
        ("client_id", CLIENT_ID),
    ]


def test_GRANT_2_an_assertion_can_speak_for_itself_without_a_client(server, transport):
    server.reply("/token", json_answer(TOKENS))
    get(server, transport, SUBJECT, flow="jwt_bearer", credentials=ClientCredentials(""))
    assert [name for name, _ in sent(server)] == ["grant_type", "assertion"]


def part(token: str, place: int) -> dict[str, Any]:
    text = token.split(".")[place]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return decoded


def test_GRANT_2_an_assertion_of_our_own_is_fresh_each_time_and_for_one_server(server, transport):
    server.reply("/token", json_answer(TOKENS))
    key = SigningKey.make()
    credentials = ClientCredentials(CLIENT_ID, method="none", key=key, wall=lambda: NOW)
    for _ in range(2):
        get(server, transport, flow="jwt_bearer", credentials=credentials)
    first, second = (dict(request.form)["assertion"] for request in server.requests)
    claims = part(first, 1)
    assert part(first, 0) == {"alg": "ES256", "typ": "JWT", "kid": key.kid}
    assert (claims["iss"], claims["sub"], claims["aud"]) == (CLIENT_ID, CLIENT_ID, server.origin)
    assert (claims["iat"], claims["exp"]) == (int(NOW), int(NOW) + 60)
    assert len(claims["jti"]) >= 20
    assert claims["jti"] != part(second, 1)["jti"]
    assert sorted(claims) == ["aud", "exp", "iat", "iss", "jti", "sub"]


def test_GRANT_2_the_audience_of_our_own_assertion_can_be_configured(server, transport):
    server.reply("/token", json_answer(TOKENS))
    credentials = ClientCredentials(CLIENT_ID, method="none", key=SigningKey.make(), wall=lambda: NOW)
    get(server, transport, flow="jwt_bearer", credentials=credentials, audience="https://sts.example/")
    form = dict(sent(server))
    assert part(form["assertion"], 1)["aud"] == "https://sts.example/"
    assert "audience" not in form


def test_GRANT_2_without_key_and_subject_token_nothing_is_sent(server, transport):
    with pytest.raises(Misconfigured) as refused:
        get(server, transport, flow="jwt_bearer")
    assert refused.value.key == "providers.example.private_key"
    assert server.requests == []


TOLD = {"error": "invalid_grant", "error_description": "assertion: the assertion has expired 310 s ago"}
EARLY = {"error": "invalid_grant", "error_description": "Token is not yet valid (nbf)"}


@pytest.mark.parametrize(
    ("body", "ahead", "words"),
    [
        (TOLD, 310, "5 minutes behind"),
        (EARLY, -3600, "60 minutes ahead of"),
        (TOLD, 61, "1 minute behind"),
        ({"error": "invalid_client", "error_description": "JWT expired"}, 400, "7 minutes behind"),
        ({"error": "invalid_request", "error_description": "iat is in the future"}, -90, "2 minutes ahead of"),
    ],
)
def test_GRANT_2_clock_trouble_is_named_when_the_servers_clock_shows_it(server, transport, body, ahead, words):
    server.reply("/token", json_answer(body, 400, Date=formatdate(NOW + ahead, usegmt=True)))
    with pytest.raises(ProviderError, match=f"clock of this machine is {words} the provider's") as refused:
        get(server, transport, SUBJECT, flow="jwt_bearer")
    assert "Set the clock" in refused.value.hint
    assert (refused.value.error, refused.value.description) == (body["error"], body["error_description"])


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (TOLD, {"Date": formatdate(NOW + 60, usegmt=True)}),
        (TOLD, {"Date": formatdate(NOW - 60, usegmt=True)}),
        (TOLD, {}),
        ({"error": "invalid_grant"}, {"Date": formatdate(NOW + 900, usegmt=True)}),
        (
            {"error": "invalid_grant", "error_description": "the issuer is not trusted here"},
            {"Date": formatdate(NOW + 900, usegmt=True)},
        ),
    ],
)
def test_GRANT_2_a_clock_is_not_blamed_for_anything_else(server, transport, body, headers):
    server.reply("/token", json_answer(body, 400, **headers))
    with pytest.raises(ProviderError, match="does not accept the assertion") as refused:
        get(server, transport, SUBJECT, flow="jwt_bearer")
    assert "clock" not in refused.value.detail + refused.value.hint
    assert "whom it trusts" in refused.value.hint


# --- token exchange ----------------------------------------------------------------------------------------------

GRANT = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
SHOWN = [("subject_token", "CANARY-SUBJECT-0001"), ("subject_token_type", JWT)]
ACTING = [("actor_token", "CANARY-ACTOR-0001"), ("actor_token_type", ACCESS)]
COMBINATIONS = {
    "subject alone": ([SUBJECT], {}, [GRANT, *SHOWN]),
    "with an actor": ([SUBJECT, ACTOR], {}, [GRANT, *SHOWN, *ACTING]),
    "for several": (
        [SUBJECT],
        {"audience": ["one", "two"], "resource": ["https://a.example", "https://b.example"], "scopes": ["read", "x"]},
        [
            GRANT,
            *SHOWN,
            ("scope", "read x"),
            ("audience", "one"),
            ("audience", "two"),
            ("resource", "https://a.example"),
            ("resource", "https://b.example"),
        ],
    ),
    "all of it": (
        [SUBJECT, ACTOR],
        {"audience": "one", "resource": ["https://a.example"], "requested_token_type": ACCESS},
        [
            GRANT,
            *SHOWN,
            *ACTING,
            ("requested_token_type", ACCESS),
            ("audience", "one"),
            ("resource", "https://a.example"),
        ],
    ),
}


@pytest.mark.parametrize(("presented", "entry", "form"), COMBINATIONS.values(), ids=COMBINATIONS)
def test_GRANT_3_the_bodies_of_token_exchanges(server, transport, presented, entry, form):
    server.reply("/token", json_answer(EXCHANGED))
    get(server, transport, *presented, flow="token_exchange", **entry)
    assert sent(server) == [*form, *WITH_PROOF.items()]


def test_GRANT_3_a_subject_token_follows_no_redirect(server, transport):
    with ScriptedServer() as other:
        server.reply("/token", json_answer({}, 307, Location=f"{other.origin}/token"))
        with pytest.raises(ProviderError, match=r"redirect|elsewhere|another address"):
            get(server, transport, SUBJECT, flow="token_exchange")
        assert other.requests == []


def test_GRANT_3_a_subject_token_is_not_sent_in_plain_text(server, transport):
    with pytest.raises(ProviderError, match="was not sent"):
        get(server, transport, SUBJECT, flow="token_exchange", issuer="https://auth.example.com", local=False)
    assert server.requests == []


@pytest.mark.parametrize("value", [None, "", 7], ids=["absent", "empty", "a number"])
def test_GRANT_4_an_answer_that_does_not_name_its_type_is_not_used(server, transport, value):
    body = {name: one for name, one in (TOKENS | {"issued_token_type": value}).items() if one is not None}
    server.reply("/token", json_answer(body))
    with pytest.raises(ProviderError, match="issued_token_type") as refused:
        get(server, transport, SUBJECT, flow="token_exchange")
    assert not isinstance(refused.value, MalformedAnswer), "asking again would not mend it"


def test_GRANT_4_another_type_than_requested_is_not_used(server, transport):
    server.reply("/token", json_answer(TOKENS | {"issued_token_type": ID}))
    with pytest.raises(ProviderError, match=f"of the type “{ID}”"):
        get(server, transport, SUBJECT, flow="token_exchange", requested_token_type=ACCESS)


def test_GRANT_4_another_type_than_requested_can_be_allowed(server, transport):
    server.reply("/token", json_answer(TOKENS | {"issued_token_type": ID}))
    found = get(
        server,
        transport,
        SUBJECT,
        flow="token_exchange",
        requested_token_type=ACCESS,
        quirks=["any_issued_type"],
    )
    assert (found.tokens.issued_type, found.tokens.token_type) == (ID, "Bearer")


@pytest.mark.parametrize("written", ["N_A", "n_a"])
def test_GRANT_4_what_is_no_access_token_is_marked_as_such(server, transport, written):
    server.reply("/token", json_answer(TOKENS | {"issued_token_type": JWT, "token_type": written}))
    assert get(server, transport, SUBJECT, flow="token_exchange").tokens.token_type == "N_A"


def test_GRANT_4_a_refresh_token_is_no_access_token_whatever_its_type_says(server, transport):
    server.reply("/token", json_answer(TOKENS | {"issued_token_type": f"{TYPE}refresh_token"}))
    assert get(server, transport, SUBJECT, flow="token_exchange").tokens.token_type == "N_A"


@pytest.mark.parametrize("flow", ["client_credentials", "jwt_bearer"])
def test_GRANT_4_elsewhere_such_a_type_is_unknown(server, transport, flow):
    server.reply("/token", json_answer(TOKENS | {"token_type": "N_A"}))
    with pytest.raises(ProviderError, match="unknown type"):
        get(server, transport, SUBJECT, flow=flow)


# --- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flow", "error", "words", "step"),
    [
        ("client_credentials", "invalid_client", "does not know this client", "service account"),
        ("client_credentials", "unauthorized_client", "does not allow this client", "service account"),
        ("client_credentials", "invalid_grant", "does not accept this client", "rights"),
        ("token_exchange", "invalid_request", "could not use the request", "subject token|token's type"),
        ("token_exchange", "invalid_target", "resource that was asked for", "audience"),
        ("jwt_bearer", "invalid_scope", "scopes", "scopes"),
    ],
)
def test_GRANT_3_a_refusal_names_no_sign_in(server, transport, flow, error, words, step):
    server.reply("/token", json_answer({"error": error}, 400))
    with pytest.raises(ProviderError, match=words) as refused:
        get(server, transport, SUBJECT, flow=flow)
    assert refused.value.error == error
    assert re.search(step, refused.value.hint), refused.value.hint
    assert "Sign in" not in refused.value.title + refused.value.hint
    assert isinstance(refused.value, ClientRejected) == (error in ("invalid_client", "unauthorized_client"))
