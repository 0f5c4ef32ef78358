"""docs/configuration.md names every key of the configuration, its default, every preset, and its examples work."""

from __future__ import annotations

import re
import tomllib
from enum import Enum
from typing import Any

import pytest
from pydantic import BaseModel

from support.markdown import Document, document, documents, words
from tokenkeep.domain import configuration as sections
from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.provider import BrokenProvider, Provider, default_callback_path, duration
from tokenkeep.oauth.quirks import quirks_of
from tokenkeep.storage.catalogue import Catalogue
from tokenkeep.storage.settings import parse

DOC = document("docs/configuration.md")
LATER = "Keys without effect yet"
MODELS: dict[str, type[BaseModel]] = {
    "[app]": sections.AppSettings,
    "[storage]": sections.StorageSettings,
    "[refresh]": sections.RefreshSettings,
    "[access]": sections.AccessSettings,
    "[[access.rule]]": sections.AccessRuleEntry,
    "[http]": sections.HttpSettings,
    "[sockets]": sections.SocketSettings,
    "[gateway]": sections.GatewaySettings,
    "[gateway.clients.NAME]": sections.GatewayClient,
    "[providers.ID]": Provider,
}


def described(section: str) -> dict[str, str]:
    """Key and default of the section's own table."""
    if f"### `{section}`" not in DOC.text:
        return {}
    return {words(row[0])[0]: row[1] for row in DOC.table(f"`{section}`")}


def without_effect(section: str) -> list[str]:
    return [key for row in DOC.table(LATER) if words(row[0]) == [section] for key in words(row[1])]


@pytest.mark.parametrize("section", MODELS)
def test_every_key_stands_in_exactly_one_table(section: str) -> None:
    keys = [key for key in MODELS[section].model_fields if key != "id"]
    assert sorted([*described(section), *without_effect(section)]) == sorted(keys)


@pytest.mark.parametrize("section", MODELS)
def test_the_defaults_are_those_of_the_program(section: str) -> None:
    for key, written in described(section).items():
        field = MODELS[section].model_fields[key]
        if written == "needed":
            assert field.is_required()
        elif written == "none":
            assert field.default is None
        else:
            assert _value(written.strip("`"), field.default) == _plain(field.default), key


def _value(text: str, like: Any) -> Any:
    value = tomllib.loads(f"x = {text}")["x"]
    return duration(value) if isinstance(like, float) else value


def _plain(default: Any) -> Any:
    return default.value if isinstance(default, Enum) else default


def test_no_section_is_left_out() -> None:
    fields = [field for field in sections.Configuration.model_fields if field not in ("providers", "problems")]
    assert {f"[{field}]" for field in fields} <= set(MODELS)


def test_the_table_of_presets_is_that_of_the_catalogue() -> None:
    presets = Catalogue.load().presets
    lines = []
    for preset in presets.values():
        needed = any(not parameter.default for parameter in preset.parameters)
        example = preset.entry.get("issuer", "").format_map({p.name: p.name.upper() for p in preset.parameters})
        lines.append(
            [
                f"`{preset.id}`",
                preset.title,
                f"`{example}`" if needed else "no",
            ]
        )
    assert DOC.table("Presets") == lines


@pytest.mark.parametrize("doc", documents(), ids=lambda doc: doc.name)
def test_examples_work(doc: Document) -> None:
    for example in doc.blocks("toml"):
        found = parse(example, Catalogue.load())
        assert found.problems == ()
        assert not [one for one in found.providers.values() if isinstance(one, BrokenProvider)], example


def test_callback_paths_in_the_text_are_those_of_presets() -> None:
    entries = [preset.filled() for preset in Catalogue.load().presets.values() if preset.one_place]
    real = {default_callback_path(entry.get("issuer") or entry["token_endpoint"]) for entry in entries}
    written = {path for doc in documents() for path in re.findall(r"/callback/[a-z0-9]+", doc.text)}
    assert written <= real


def test_the_quirks_that_can_be_named_are_listed() -> None:
    entry = Provider(id="x", issuer="https://auth.example.com", client_id="c", quirks=["none-such"])
    with pytest.raises(Misconfigured) as unknown:
        quirks_of(entry)
    row = next(row for row in DOC.table("`[providers.ID]`") if words(row[0]) == ["quirks"])
    assert f"there are {', '.join(sorted(words(row[2])))}." in str(unknown.value)
