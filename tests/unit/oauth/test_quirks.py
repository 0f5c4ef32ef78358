"""The oddities of single providers."""

from __future__ import annotations

import pytest

from support.oauth_values import make_metadata, make_provider, make_tokens
from support.scripted_server import json_answer
from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.tokens import Account
from tokenkeep.oauth import identity
from tokenkeep.oauth.quirks import Quirks, github, google, microsoft, quirks_of

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
        ("https://evil.example.com/common/v2.0", microsoft.TEMPLATE, False),
        ("https://login.microsoftonline.com/common/v2.0", "https://evil.example.com", False),
    ],
)
def test_META_3_microsofts_template_is_for_its_host_only(configured, documented, meant):
    assert microsoft.QUIRKS.issuer_matches is not None
    assert microsoft.QUIRKS.issuer_matches(configured, documented) is meant
