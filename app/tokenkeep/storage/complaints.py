"""What is wrong with a value of the configuration, in words that name the key and never repeat what may be a secret."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tokenkeep.domain.access import Decision
from tokenkeep.domain.provider import Flow
from tokenkeep.storage.toml_lines import Path

# Keys that people look for because other programs have them, and why there are none here.
REFUSED_KEYS = {
    "response_type": "TokenKeep always asks for a code; remove the key",  # AUTHZ-1
    "response_mode": "the answer always comes in the query; remove the key",
    "grant_type": "it follows from `flow`; remove the key",
    "verify": "certificates are always checked; [http] has `ca_bundle` for certificates of your own",  # NET-1
    "verify_ssl": "certificates are always checked; [http] has `ca_bundle` for certificates of your own",
    "insecure": "certificates are always checked; [http] has `ca_bundle` for certificates of your own",
    "password": "TokenKeep never takes a person's password; people sign in in their browser",
    "access_token": "tokens do not stand in the configuration; they are kept sealed",
}
REFUSED_FLOWS = {
    "password": "it hands a person's password to a program; use authorization_code or device_code",
    "implicit": "it shows the token to whoever sees the address; use authorization_code",
    "hybrid": "it shows the answer to whoever sees the address; use authorization_code",
    "token": "it shows the token to whoever sees the address; use authorization_code",
}
EXPECTED = {
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a duration like 90s, 15m, 12h or 7d",
    "list_type": "a list in [ ]",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
# Words with which the checks of `domain.provider` begin, where these are not the key itself.
SPOKEN_OF = {"a scope": "scopes", "a redirect port": "redirect_port", "a redirect path": "redirect_path"}
MODEL_CHECK = "value_error"


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong.

    :param key: the path of the key; of the section when the key is missing.
    :param text: what is wrong, as the end of a sentence.
    """

    key: Path
    text: str

    @property
    def dotted(self) -> str:
        """The key as people write it."""
        return ".".join(str(part) for part in self.key)

    def line(self, lines: Mapping[Path, int]) -> int | None:
        """The line of the key, or of the nearest table around it."""
        for length in range(len(self.key), 0, -1):
            if self.key[:length] in lines:
                return lines[self.key[:length]]
        return None

    def sentence(self, file: str, line: int | None) -> str:
        """For people: file, line, and what is wrong."""
        where = f"{file} line {line}" if line else file
        return f"{where}: {self.text}" + ("" if self.text.endswith("?") else ".")


def near_match(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def complaints(error: ValidationError, model: type[BaseModel], value: object, at: Path) -> list[Complaint]:
    """All that is wrong with a value, each key once.

    :param value: what was checked.
    :param at: the path of the table that it stands in.
    """
    found: dict[Path, Complaint] = {}
    for detail in error.errors(include_url=False, include_input=False):
        complaint = _complaint(detail, model, value, at)
        found.setdefault(complaint.key, complaint)
    return list(found.values())


def _complaint(detail: ErrorDetails, model: type[BaseModel], value: object, at: Path) -> Complaint:
    within, last = _existing(detail["loc"], value)
    key = (*at, *within)
    name, section = (str(key[-1]), key[:-1]) if within else ("", key)
    kind = detail["type"]
    if kind == "extra_forbidden":
        return Complaint(key, f"[{_section_name(section)}] has no key `{name}`{_about_key(name, model, within)}")
    if kind == "missing":
        return Complaint(key, f"[{_section_name(key)}] needs the key `{detail['loc'][-1]}`")
    if kind == MODEL_CHECK:
        words = detail["msg"].removeprefix("Value error, ")
        if not within and isinstance(last, dict):  # a check of the whole table names its key in words
            return Complaint((*key, *_spoken_of(words, last)), words)
        return Complaint(key, f"`{_value_name(key)}`: {words}")
    if kind == "is_instance_of":
        return Complaint(key, _about_choice(name, last, detail))
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", detail["ctx"]["expected"])
        return Complaint(key, f"`{name}` must be {_one_of(choices)}{_near(last, choices)}")
    if name == "redirect_port":
        return Complaint(key, "`redirect_port` must be a whole number, or a list of them")
    if name == "client_secret" and kind in ("model_type", "model_attributes_type"):
        return Complaint(key, "`client_secret` does not stand here itself: write { vault = true } and type it once")
    if kind in EXPECTED:
        return Complaint(key, f"`{_value_name(key)}` must be {EXPECTED[kind]}")
    words = detail["msg"].removeprefix("Input should ")
    return Complaint(key, f"`{_value_name(key)}` should {words}")


def _existing(loc: tuple[int | str, ...], value: object) -> tuple[Path, object]:
    """The part of a location that is really there; pydantic adds the names of union members."""
    path: Path = ()
    for part in loc:
        there = part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value))
        if not there:
            break
        value = value[part]  # type: ignore[index]
        path = (*path, part)
    return path, value


def _about_key(name: str, model: type[BaseModel], within: Path) -> str:
    if name in REFUSED_KEYS:
        return f": {REFUSED_KEYS[name]}"
    inner = _model_at(model, within[:-1])
    known = [field for field in inner.model_fields if field != "id"] if inner else []
    return near_match(name, known)


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model of a nested table."""
    current: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int) or current is None:
            continue  # an element of a list, or of a table with free names: its model was found with the list
        field = current.model_fields.get(part)
        current = _model_in(field.annotation) if field is not None else current
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _about_choice(name: str, value: object, detail: ErrorDetails) -> str:
    if detail["ctx"]["class"] == Flow.__name__:
        if isinstance(value, str) and value.lower() in REFUSED_FLOWS:
            return f"the flow `{value}` is not offered: {REFUSED_FLOWS[value.lower()]}"
        choices = [flow.value for flow in Flow]
    else:
        choices = [decision.value for decision in Decision]
    return f"`{name}` must be {_one_of(choices)}{_near(value, choices)}"


def _spoken_of(words: str, table: dict[str, Any]) -> Path:
    """The key that a check of a whole table speaks of."""
    for beginning, key in SPOKEN_OF.items():
        if words.startswith(beginning):
            return (key,)
    return next(
        ((key,) for key in sorted(table, key=len, reverse=True) if re.search(rf"\b{re.escape(key)}\b", words)), ()
    )


def _near(value: object, choices: list[str]) -> str:
    return near_match(value, choices) if isinstance(value, str) else ""


def _one_of(choices: list[str]) -> str:
    quoted = [f'"{choice}"' for choice in choices]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else quoted[0]


def _section_name(path: Path) -> str:
    return ".".join(str(part) for part in path if isinstance(part, str))


def _value_name(path: Path) -> str:
    return next((str(part) for part in reversed(path) if isinstance(part, str)), "")
