"""docs/providers.md is what resources/providers.toml says, and an address of its table is the one that is used."""

from __future__ import annotations

import datetime
import importlib.util
from types import ModuleType

import pytest

from support.markdown import ROOT
from tokenkeep.domain.provider import Provider
from tokenkeep.oauth.quirks import quirks_of
from tokenkeep.storage.catalogue import Catalogue, Preset

PRESETS = Catalogue.load().presets
every_preset = pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.id)
# The end of the list in the configuration's reference: what everybody expects.
EXPECTED = (
    "github gitlab google entra okta auth0 keycloak codeberg forgejo hugging-face atlassian slack discord spotify "
    "zoom coder openid oauth2"
)


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("providers_page", ROOT / "packaging/providers_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_parts_are_up_to_date(page: ModuleType) -> None:
    text = page.DOCUMENT.read_text()
    assert page.document(text) == text, "run `make providers` and commit the page"


def test_every_expected_provider_is_there() -> None:
    assert set(PRESETS) == set(EXPECTED.split())


@every_preset
def test_a_preset_says_when_and_against_what_it_was_checked(preset: Preset) -> None:
    assert datetime.date.fromisoformat(preset.checked) >= datetime.date(2026, 11, 21)
    assert preset.sources
    assert all(source.startswith("https://") for source in preset.sources)
    assert preset.notes


@every_preset
def test_the_redirect_address_is_the_one_that_will_be_used(page: ModuleType, preset: Preset) -> None:
    values = {parameter.name: "place.example.com" for parameter in preset.parameters if not parameter.default}
    entry = preset.filled(**values)
    own = {"authorization_endpoint": "https://a.example/a", "token_endpoint": "https://a.example/t"}
    provider = Provider.model_validate({**({} if "issuer" in entry else own), **entry, "id": "x", "client_id": "c"})
    shown = page.redirect(preset).strip("`")
    assert shown.startswith(f"http://{provider.redirect_host}")
    if preset.client.port == "exact":
        assert f":{provider.redirect_ports[0]}/" in shown
        assert provider.redirect_ports != (0,)
    else:
        assert provider.redirect_ports == (0,)
    if "…" not in shown:
        assert shown.endswith(provider.callback_path)
    quirks_of(provider)  # what the preset names is known


@every_preset
def test_a_device_flow_that_is_promised_can_be_found(preset: Preset) -> None:
    """By its address in the entry, or in the metadata of the issuer."""
    entry = preset.entry
    if preset.client.device == "yes" and preset.id != "oauth2":
        assert entry.get("device_authorization_endpoint") or entry.get("issuer")
    if "device_authorization_endpoint" in entry:
        assert preset.client.device == "yes"
