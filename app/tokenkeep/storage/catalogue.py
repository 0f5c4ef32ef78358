"""Known providers (presets): what an entry of the configuration need not spell out."""

from __future__ import annotations

import difflib
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tokenkeep import assets
from tokenkeep.domain.errors import Misconfigured

# What a preset says about itself; every other key is one of the configuration's and a default for the entry.
_ABOUT = frozenset({"title", "registration_page", "notes", "parameters", "client", "checked", "sources", "unverified"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of a preset's addresses that differs from place to place, as the host of a GitLab.

    :param label: what to ask a person for.
    :param default: empty when there is none.
    """

    name: str
    label: str
    default: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """What a person registers at a provider.

    :param port: whether that of the loopback redirect address counts.
    :param pkce: whether the provider knows S256.
    :param device: whether it has the device flow.
    """

    secret: Literal["none", "optional", "needed"] = "optional"
    port: Literal["any", "exact"] = "any"
    pkce: bool = True
    device: Literal["yes", "no"] = "no"


@dataclass(frozen=True, slots=True)
class Preset:
    """One provider that TokenKeep knows.

    :param registration_page: where a person registers a client.
    :param notes: what is odd about it, in words.
    :param checked: ISO date of the day it was held against `sources`, addresses of public documentation.
    :param unverified: what those do not say.
    :param entry: defaults for keys of `[providers.ID]`; texts may contain `{parameter}` and `{issuer}`.
    """

    id: str
    title: str
    registration_page: str
    notes: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    client: Client
    checked: str
    sources: tuple[str, ...]
    unverified: tuple[str, ...]
    entry: Mapping[str, Any]

    @property
    def one_place(self) -> bool:
        """Whether all addresses are known without asking: there is one GitHub, and many Keycloaks."""
        known = {parameter.name for parameter in self.parameters if parameter.default}
        needed = set(_fields(self.entry.get("issuer", "")))
        return needed <= known and ("issuer" in self.entry or "token_endpoint" in self.entry)

    def filled(self, **values: str) -> dict[str, Any]:
        """The entry with its addresses filled in.

        :param values: of the parameters; those left out take their defaults.
        :raises Misconfigured: a parameter without a default was left out.
        """
        known = {parameter.name: parameter.default for parameter in self.parameters} | values
        template = self.entry.get("issuer", "")
        missing = [name for name in _fields(template) if not known.get(name)]
        if missing and "issuer" not in values:
            example = template.format_map({name: name.upper() for name in _fields(template)})
            raise Misconfigured(f'The preset {self.id} needs the address, as issuer = "{example}".', key="issuer")
        issuer = values.get("issuer") or template.format_map(known)
        texts = known | {"issuer": issuer.rstrip("/")}
        filled = {
            key: value.format_map(texts) if isinstance(value, str) else value for key, value in self.entry.items()
        }
        return filled | ({"issuer": issuer} if issuer else {})


class Catalogue:
    """All presets by id."""

    def __init__(self, presets: Mapping[str, Preset]) -> None:
        self.presets = presets

    @classmethod
    def load(cls) -> Catalogue:
        """Those of `resources/providers.toml`."""
        return cls.parse(assets.read_text("providers.toml"))

    @classmethod
    def parse(cls, text: str) -> Catalogue:
        """Those of a TOML text: one table for each preset."""
        return cls({id_: _preset(id_, table) for id_, table in tomllib.loads(text).items()})

    def apply(self, preset: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        """An entry of the configuration with what the preset adds; what the entry says wins.

        :raises Misconfigured: there is no such preset, or it needs an address that the entry does not give.
        """
        known = self.presets.get(preset)
        if known is None:
            near = difflib.get_close_matches(preset, self.presets, n=1)
            meant = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(sorted(self.presets))}"
            raise Misconfigured(f"there is no preset `{preset}`; {meant}", key="preset")
        issuer = entry.get("issuer")
        filled = known.filled(**({"issuer": issuer} if isinstance(issuer, str) and issuer else {}))
        return ({"name": known.title} if known.one_place else {}) | filled | dict(entry)


def _preset(id_: str, table: Mapping[str, Any]) -> Preset:
    return Preset(
        id=id_,
        title=table["title"],
        registration_page=table.get("registration_page", ""),
        notes=tuple(table.get("notes", ())),
        parameters=tuple(Parameter(name, **about) for name, about in table.get("parameters", {}).items()),
        client=Client(**table.get("client", {})),
        checked=table.get("checked", ""),
        sources=tuple(table.get("sources", ())),
        unverified=tuple(table.get("unverified", ())),
        entry={key: value for key, value in table.items() if key not in _ABOUT},
    )


def _fields(template: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(template) if name]
