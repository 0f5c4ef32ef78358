"""Presets: what they fill in, and that each of them makes a provider that works."""

from __future__ import annotations

import pytest

from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.provider import Provider, check_url
from tokenkeep.storage.catalogue import Catalogue, Preset
from tokenkeep.storage.settings import parse

CATALOGUE = Catalogue.load()


@pytest.mark.parametrize("preset", CATALOGUE.presets.values(), ids=lambda preset: preset.id)
def test_every_preset_makes_a_working_provider(preset: Preset) -> None:
    values = {parameter.name: f"{parameter.name}.example.com" for parameter in preset.parameters}
    entry = preset.filled(**values)
    extra = (
        {"authorization_endpoint": "https://a.example/a", "token_endpoint": "https://a.example/t"}
        if not entry.get("issuer") and not entry.get("token_endpoint")
        else {}
    )
    provider = Provider.model_validate({**entry, **extra, "id": "x", "client_id": "c"})
    assert provider.issuer or provider.complete
    assert "{" not in repr([getattr(provider, key) for key in entry if isinstance(getattr(provider, key), str)])
    check_url(preset.registration_page.partition("#")[0], local=False)
    assert preset.title


@pytest.mark.parametrize("name", ["github", "gitlab", "google", "openid", "oauth2"])
def test_the_presets_that_everybody_needs_are_there(name: str) -> None:
    assert name in CATALOGUE.presets


def test_what_the_entry_says_wins() -> None:
    applied = CATALOGUE.apply("github", {"preset": "github", "name": "Work", "scopes": ["repo"], "client_id": "c"})
    assert applied["name"] == "Work"
    assert applied["scopes"] == ["repo"]
    assert applied["token_endpoint"] == "https://github.com/login/oauth/access_token"
    assert applied["refresh_token"] == "optional"


def test_a_preset_for_many_places_takes_the_issuer_of_the_entry() -> None:
    assert CATALOGUE.apply("gitlab", {})["issuer"] == "https://gitlab.com"
    applied = CATALOGUE.apply("gitlab", {"issuer": "https://git.example.org"})
    assert applied["issuer"] == "https://git.example.org"
    text = '[providers.work]\npreset = "keycloak"\nissuer = "https://sso.example/realms/staff"\nclient_id = "c"'
    provider = parse(text, CATALOGUE).providers["work"]
    assert isinstance(provider, Provider)
    assert provider.issuer == "https://sso.example/realms/staff"
    assert provider.title == "work"  # there are many Keycloaks, one of them is not called "Keycloak"


def test_parameters_fill_the_addresses() -> None:
    presets = CATALOGUE.presets
    assert presets["keycloak"].filled(host="sso.example", realm="staff")["issuer"] == "https://sso.example/realms/staff"
    assert presets["auth0"].filled(domain="t.eu.auth0.com")["issuer"] == "https://t.eu.auth0.com/"
    with pytest.raises(Misconfigured, match="https://HOST/realms/REALM"):
        presets["keycloak"].filled(host="sso.example")


def test_endpoints_may_be_below_the_issuer() -> None:
    catalogue = Catalogue.parse(
        '[x]\ntitle = "X"\nparameters = { host = { label = "Host" } }\nissuer = "https://{host}/"\n'
        'token_endpoint = "{issuer}/token"\n'
    )
    assert catalogue.apply("x", {"issuer": "https://a.example/"})["token_endpoint"] == "https://a.example/token"


def test_an_unknown_preset_names_a_near_one_or_all() -> None:
    with pytest.raises(Misconfigured, match="did you mean `gitlab`"):
        CATALOGUE.apply("gitlob", {})
    with pytest.raises(Misconfigured, match="there are atlassian, auth0"):
        CATALOGUE.apply("%%%", {})
