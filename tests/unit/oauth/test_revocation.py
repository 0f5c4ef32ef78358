"""Revocation."""

from __future__ import annotations

import pytest

from support.oauth_values import CLIENT_ID, make_metadata, make_provider
from support.scripted_server import ScriptedServer, answer, cut, json_answer
from tokenkeep.domain.errors import ClientRejected, ProviderError, ProviderUnreachable, TokenKeepError
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.answer import Redirected
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.revocation import Revocation, revoke
from tokenkeep.oauth.transport import Transport


def end(
    server: ScriptedServer,
    transport: Transport,
    credentials: ClientCredentials | None = None,
    endpoint: str = "/revoke",
) -> Revocation:
    metadata = make_metadata(server.origin, revocation_endpoint=server.origin + endpoint if endpoint else None)
    return revoke(
        transport,
        make_provider(server),
        metadata,
        Secret("CANARY-RT"),
        "refresh_token",
        credentials or ClientCredentials(CLIENT_ID),
    )


def test_REV_1_the_request(server, transport):
    server.reply("/revoke", answer())
    assert end(server, transport) is Revocation.REVOKED
    (request,) = server.requests
    assert request.form == [("token", "CANARY-RT"), ("token_type_hint", "refresh_token"), ("client_id", CLIENT_ID)]
    assert "CANARY" not in request.target


def test_REV_1_it_authenticates_as_at_the_token_endpoint(server, transport):
    server.reply("/revoke", answer())
    end(server, transport, ClientCredentials(CLIENT_ID, Secret("s")))
    (request,) = server.requests
    assert request.header("Authorization") is not None
    assert "client_id" not in dict(request.form)


@pytest.mark.parametrize("reply", [answer(), answer(200, "ok"), answer(200, "<html>"), json_answer({}), answer(204)])
def test_REV_1_a_200_is_success_whatever_it_holds(server, transport, reply):
    server.reply("/revoke", reply)
    assert end(server, transport) is Revocation.REVOKED


@pytest.mark.parametrize("status", [200, 400, 503])
def test_REV_3_unsupported_token_type(server, transport, status):
    server.reply("/revoke", json_answer({"error": "unsupported_token_type"}, status=status))
    assert end(server, transport) is Revocation.UNSUPPORTED


def test_REV_3_missing_endpoint(server, transport):
    assert end(server, transport, endpoint="") is Revocation.UNSUPPORTED
    assert server.connections == 0


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer(503, "", {"Retry-After": "120"}), ProviderUnreachable),
        (answer(500), ProviderUnreachable),
        (answer(429), ProviderUnreachable),
        (cut(), ProviderUnreachable),
        (json_answer({"error": "temporarily_unavailable"}, status=503), ProviderUnreachable),
        (json_answer({"error": "invalid_client"}, status=401), ClientRejected),
        (json_answer({"error": "invalid_request"}, status=400), ProviderError),
        (answer(404), ProviderError),
        (answer(403, "<html>"), ProviderError),
        (answer(307, "", {"Location": "https://evil.example.com"}), Redirected),
    ],
)
def test_REV_2_anything_else_is_not_confirmed(server, transport, reply, kind):
    server.reply("/revoke", reply)
    with pytest.raises(TokenKeepError) as caught:
        end(server, transport)
    assert type(caught.value) is kind


def test_REV_2_retry_after_is_told(server, transport):
    server.reply("/revoke", answer(503, "", {"Retry-After": "120"}))
    with pytest.raises(ProviderUnreachable) as caught:
        end(server, transport)
    assert caught.value.retry_after == 120
