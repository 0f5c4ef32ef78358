"""The oddities of single providers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.oauth_values import CLIENT_ID, make_metadata, make_provider, make_tokens
from support.scripted_server import ScriptedServer, answer, json_answer
from tokenkeep.domain.errors import (
    ClientRejected,
    GrantEnded,
    MalformedAnswer,
    Misconfigured,
    ProviderError,
    ProviderUnreachable,
)
from tokenkeep.domain.tokens import Account, Secret
from tokenkeep.oauth import device, identity, metadata, refresh
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.quirks import (
    Quirks,
    coder,
    discord,
    forgejo,
    github,
    google,
    microsoft,
    okta,
    quirks_of,
    slack,
    spotify,
    zoom,
)
from tokenkeep.oauth.revocation import Revocation, revoke
from tokenkeep.oauth.transport import Transport

TENANT, OTHER = "9188040d-6c67-4c5b-b112-36a304b66dad", "72f988bf-86f1-41af-91ab-2d7cd011db47"
GITHUB = {"issuer": "", "token_endpoint": "https://github.com/login/oauth/access_token"}


def test_quirks_are_chosen_by_host():
    assert quirks_of(make_provider()) == Quirks()
    assert quirks_of(make_provider(**GITHUB)) == github.QUIRKS
    assert quirks_of(make_provider(issuer="https://accounts.google.com")) == google.QUIRKS
    assert quirks_of(make_provider(issuer="https://github.com.evil.example/")) == Quirks()


def test_quirks_are_added_by_name():
    quirks = quirks_of(make_provider(quirks=["basic_unencoded", "token_type_optional"], **GITHUB))
    assert (quirks.basic_unencoded, quirks.token_type_optional, quirks.comma_scopes) == (True, True, True)
    assert quirks.client_id_in_body is False


def test_unknown_quirk_is_a_configuration_fault_that_lists_the_known():
    with pytest.raises(Misconfigured, match="github") as caught:
        quirks_of(make_provider(quirks=["giithub"]))
    assert caught.value.key == "providers.example.quirks"


def test_github_account_is_its_number(server, transport):
    server.reply("/api/v3/user", json_answer({"id": 583231, "login": "octocat", "name": None, "email": None}))
    provider = make_provider(server, quirks=["github"])
    profile = identity.userinfo(transport, provider, make_metadata(server.origin), make_tokens(), None)
    assert identity.account("https://github.com", None, profile) == Account("https://github.com", "583231", "octocat")


@pytest.mark.parametrize("number", [None, True, "7"])
def test_github_answer_without_a_number_names_nobody(number):
    assert github.QUIRKS.profile is not None
    assert "sub" not in github.QUIRKS.profile({"id": number, "login": "x"})


def test_github_asks_its_own_api():
    assert github.QUIRKS.profile_url is not None
    assert github.QUIRKS.profile_url("https://github.com/login/oauth/access_token") == "https://api.github.com/user"


@pytest.mark.parametrize(
    ("configured", "documented", "meant"),
    [
        ("https://login.microsoftonline.com/common/v2.0", microsoft.TEMPLATE, True),
        ("https://login.microsoftonline.com/organizations/v2.0", microsoft.TEMPLATE, True),
        ("https://login.microsoftonline.com/tenant/v2.0", microsoft.TEMPLATE, False),
        ("https://login.microsoftonline.com/consumers/v2.0", f"https://login.microsoftonline.com/{TENANT}/v2.0", True),
        (
            "https://login.microsoftonline.com/contoso.com/v2.0",
            f"https://login.microsoftonline.com/{TENANT}/v2.0",
            True,
        ),
        ("https://login.microsoftonline.com/common/v2.0", f"https://login.microsoftonline.com/{TENANT}/v2.0", False),
        (f"https://login.microsoftonline.com/{TENANT}/v2.0", f"https://login.microsoftonline.com/{OTHER}/v2.0", False),
        ("https://evil.example.com/contoso.com/v2.0", f"https://login.microsoftonline.com/{TENANT}/v2.0", False),
        ("https://evil.example.com/common/v2.0", microsoft.TEMPLATE, False),
        ("https://login.microsoftonline.com/common/v2.0", "https://evil.example.com", False),
        ("https://login.microsoftonline.com/contoso.com/v2.0", "https://evil.example.com", False),
        ("https://login.microsoftonline.com/consumers/v2.0", f"https://evil.example.com/{TENANT}/v2.0", False),
    ],
)
def test_META_3_microsofts_template_is_for_its_host_only(configured, documented, meant):
    assert microsoft.QUIRKS.issuer_matches is not None
    assert microsoft.QUIRKS.issuer_matches(configured, documented) is meant


def refreshed(server: ScriptedServer, transport: Transport, *quirks: str) -> Any:
    provider = make_provider(server, quirks=list(quirks))
    tokens = make_tokens(scope=("chat:write",))
    return refresh.refresh(
        transport, provider, make_metadata(server.origin), tokens, ClientCredentials(CLIENT_ID)
    ).tokens


# As in Slack's reference of oauth.v2.access; the tokens are made up.
SLACK_PERSON = {
    "ok": True,
    "app_id": "A0KRD7HC3",
    "authed_user": {
        "id": "U1234",
        "scope": "chat:write,users:read",
        "access_token": "xoxe.xoxp-CANARY",
        "token_type": "user",
        "refresh_token": "xoxe-1-CANARY",
        "expires_in": 43200,
    },
    "team": {"id": "T9TK3CUKW", "name": "Slack Softball Team"},
    "enterprise": None,
}
SLACK_BOT = {
    "ok": True,
    "access_token": "xoxb-CANARY",
    "token_type": "bot",
    "scope": "commands,incoming-webhook",
    "bot_user_id": "U0KRQLJ9H",
    "authed_user": {"id": "U1234", "scope": "chat:write", "access_token": "xoxp-CANARY", "token_type": "user"},
}


def test_slack_tokens_of_a_person_are_inside_authed_user(server, transport):
    server.reply("/token", json_answer(SLACK_PERSON))
    tokens = refreshed(server, transport, "slack")
    assert tokens.access_token.reveal() == "xoxe.xoxp-CANARY"
    assert tokens.refresh_token.reveal() == "xoxe-1-CANARY"
    assert (tokens.token_type, tokens.lifetime) == ("Bearer", 43200.0)
    assert tokens.scope == ("chat:write", "users:read")


def test_slack_tokens_are_not_searched_for_inside_where_no_quirk_says_so(server, transport):
    server.reply("/token", json_answer(SLACK_PERSON))
    with pytest.raises(MalformedAnswer) as refused:
        refreshed(server, transport)
    assert "CANARY" not in str(refused.value) + repr(refused.value)


def test_slack_token_of_the_bot_wins_and_nothing_is_mixed_in(server, transport):
    server.reply("/token", json_answer(SLACK_BOT))
    tokens = refreshed(server, transport, "slack")
    assert (tokens.access_token.reveal(), tokens.scope) == ("xoxb-CANARY", ("commands", "incoming-webhook"))


def test_slack_members_beside_authed_user_are_not_the_persons():
    assert slack.QUIRKS.token_members is not None
    answer = SLACK_PERSON | {"refresh_token": "of-the-bot", "expires_in": 1, "scope": "bot"}
    answer["authed_user"] = {"access_token": "a", "token_type": "user"}
    members = slack.QUIRKS.token_members(answer)
    assert members["access_token"] == "a"
    assert not {"refresh_token", "expires_in", "scope"} & set(members)


@pytest.mark.parametrize("inside", [None, "text", [], {}, {"access_token": 7}, {"access_token": "a b\n"}])
def test_slack_answer_without_a_usable_token_is_malformed(server, transport, inside):
    server.reply("/token", json_answer({"ok": True, "authed_user": inside}))
    with pytest.raises(MalformedAnswer):
        refreshed(server, transport, "slack")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_refresh_token", GrantEnded),
        ("token_revoked", GrantEnded),
        ("bad_client_secret", ClientRejected),
        ("invalid_client_id", ClientRejected),
        ("internal_error", ProviderUnreachable),
        ("ratelimited", ProviderUnreachable),
        ("no_scopes", ProviderError),
    ],
)
def test_slack_errors_come_with_status_200(server, transport, code, kind):
    server.reply("/token", json_answer({"ok": False, "error": code}))
    with pytest.raises(kind) as raised:
        refreshed(server, transport, "slack")
    assert type(raised.value) is kind


# As GitHub's guide shows an answer when nothing is said of JSON.
FORM = "access_token=gho_CANARY&scope=repo%2Cgist&token_type=bearer"
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


def test_answers_may_be_forms_where_a_quirk_says_so(server, transport):
    server.reply("/token", answer(200, FORM, FORM_TYPE))
    tokens = refreshed(server, transport, "github")
    assert (tokens.access_token.reveal(), tokens.scope, tokens.token_type) == ("gho_CANARY", ("repo", "gist"), "Bearer")
    with pytest.raises(MalformedAnswer):
        refreshed(server, transport)


def test_github_calls_the_end_of_a_device_code_otherwise(server, transport):
    page = f"{server.origin}/login/device"
    given = {"device_code": "d" * 40, "user_code": "WDJB-MJHT", "verification_uri": page, "expires_in": 900}
    server.reply("/device", json_answer(given))
    server.reply("/token", json_answer({"error": "token_expired", "error_description": "x"}))
    provider = make_provider(server, quirks=["github"], flow="device_code")
    known = make_metadata(server.origin)
    client = ClientCredentials(CLIENT_ID)
    codes = device.request_codes(transport, provider, known, client)
    with pytest.raises(device.CodeExpired):
        device.poll(transport, provider, known, client, codes)


@pytest.mark.parametrize("code", ["bad_verification_code", "bad_refresh_token"])
def test_github_errors_keep_their_own_name(server, transport, code):
    server.reply("/token", json_answer({"error": code}))
    with pytest.raises(GrantEnded) as ended:
        refreshed(server, transport, "github")
    assert ended.value.error == code


def test_google_says_of_an_ended_token_that_it_is_invalid(server, transport):
    body = {"error": "invalid_token", "error_description": "Token expired or revoked"}
    server.reply("/revoke", json_answer(body, status=400))
    arguments = (make_metadata(server.origin), Secret("CANARY-RT"), "refresh_token", ClientCredentials(CLIENT_ID))
    google_ = make_provider(server, quirks=["google"])
    assert revoke(transport, google_, *arguments) is Revocation.REVOKED
    with pytest.raises(ProviderError):
        revoke(transport, make_provider(server), *arguments)


def test_zoom_says_reason(server, transport):
    server.reply("/token", json_answer({"reason": "Invalid Token!", "error": "invalid_grant"}, status=400))
    with pytest.raises(GrantEnded) as ended:
        refreshed(server, transport, "zoom")
    assert ended.value.description == "Invalid Token!"


def test_microsoft_wants_the_person_at_the_token_endpoint(server, transport):
    server.reply("/token", json_answer({"error": "interaction_required", "suberror": "basic_action"}, status=400))
    with pytest.raises(GrantEnded):
        refreshed(server, transport, "microsoft")


@pytest.mark.parametrize(("configured", "documented"), [("", "/"), ("/", ""), ("", "")])
def test_META_3_forgejos_issuer_has_a_slash_or_not(server, transport, configured, documented):
    document = {"issuer": server.origin + documented, "token_endpoint": f"{server.origin}/login/oauth/access_token"}
    server.reply("/.well-known/oauth-authorization-server", json_answer(document))
    provider = make_provider(server, issuer=server.origin + configured, quirks=["forgejo"])
    assert metadata.discover(transport, provider).issuer == server.origin + documented


@pytest.mark.parametrize(
    "documented", ["https://git.example.org.evil", "https://git.example.org/x", "http://git.example.org"]
)
def test_META_3_forgejos_issuer_differs_in_nothing_else(documented):
    assert forgejo.QUIRKS.issuer_matches is not None
    assert not forgejo.QUIRKS.issuer_matches("https://git.example.org", documented)


def test_CAUTH_3_okta_is_the_audience_by_its_token_endpoint():
    assert okta.QUIRKS.assertion_to_token_endpoint


# Answers as in each provider's reference, shortened.
@pytest.mark.parametrize(
    ("quirks", "answered", "subject", "label"),
    [
        (discord.QUIRKS, {"id": "8035111022", "username": "nelly", "global_name": None}, "8035111022", "nelly"),
        (spotify.QUIRKS, {"id": "smedjan", "display_name": "JM Wizzler", "type": "user"}, "smedjan", "JM Wizzler"),
        (zoom.QUIRKS, {"id": "zJKyaiA", "display_name": "Jill", "email": "j@example.com"}, "zJKyaiA", "j@example.com"),
        (coder.QUIRKS, {"id": "497f6eca-6276", "username": "ada"}, "497f6eca-6276", "ada"),
        (slack.QUIRKS, {"ok": True, "user": "grace", "team_id": "T1234", "user_id": "W5678"}, "T1234:W5678", "grace"),
    ],
)
def test_an_account_is_told_by_the_providers_own_api(quirks, answered, subject, label):
    assert quirks.profile is not None
    assert identity.account("https://issuer.example", None, quirks.profile(answered)) == Account(
        "https://issuer.example", subject, label
    )


@pytest.mark.parametrize("quirks", [discord.QUIRKS, spotify.QUIRKS, zoom.QUIRKS, coder.QUIRKS, slack.QUIRKS])
@pytest.mark.parametrize(
    "answered", [{}, {"ok": False, "error": "invalid_auth"}, {"id": None}, {"id": True}, {"id": ""}]
)
def test_an_answer_about_nobody_names_nobody(quirks, answered):
    assert quirks.profile is not None
    assert identity.account("https://issuer.example", None, quirks.profile(answered)) is None


def test_an_account_is_asked_for_at_the_deployment_that_gave_the_token():
    assert coder.QUIRKS.profile_url is not None
    assert (
        coder.QUIRKS.profile_url("https://dev.example.com/oauth2/tokens") == "https://dev.example.com/api/v2/users/me"
    )


def test_every_quirk_names_the_public_page_that_explains_it():
    import tokenkeep.oauth.quirks as package
    from tokenkeep.oauth.quirks import atlassian

    for file in (atlassian, coder, discord, forgejo, github, google, microsoft, okta, slack, spotify, zoom):
        assert "<https://" in (file.__doc__ or ""), file.__name__
    assert package._HOSTS.keys() >= {"slack.com", "discord.com"}


def test_errors_of_several_quirks_are_added_up():
    both = slack.QUIRKS | github.QUIRKS
    assert both.errors == {**slack.QUIRKS.errors, **github.QUIRKS.errors}
    assert json.dumps(sorted(Quirks().errors)) == "[]"
