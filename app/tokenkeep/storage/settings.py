"""`config.toml` read with suspicion: what is good is used, what is not is named with its key and line."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tokenkeep.domain.access import Decision
from tokenkeep.domain.configuration import AccessSettings, Configuration
from tokenkeep.domain.provider import AnyProvider
from tokenkeep.domain.session import ConfigurationProblem
from tokenkeep.storage.catalogue import Catalogue
from tokenkeep.storage.complaints import Complaint, complaints, near_match
from tokenkeep.storage.files import reason, signature
from tokenkeep.storage.provider_entries import read_providers
from tokenkeep.storage.toml_lines import Path as KeyPath
from tokenkeep.storage.toml_lines import key_lines

__all__ = ["parse", "read", "signature"]

SIZE_LIMIT = 1 << 20  # bytes; nobody writes that by hand, so it is some other file

Section = TypeVar("Section", bound=BaseModel)


def read(path: Path, catalogue: Catalogue) -> Configuration:
    """The configuration of a file; never raises. Without a file the defaults hold.

    What cannot be used is among `problems`, a provider that cannot work is a `BrokenProvider`, the rest runs.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return _unreadable(f"{path.name} is not a file.")
        if status.st_size > SIZE_LIMIT:
            return _unreadable(f"{path.name} is larger than 1 MiB.")
        content = path.read_bytes()
    except FileNotFoundError:
        return Configuration()
    except OSError as error:
        return _unreadable(f"{path.name} cannot be read: {reason(error)}.")
    try:
        text = content.decode("utf-8-sig")  # editors on Windows put a byte order mark first
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _unreadable(f"{path.name} line {line}: this is not UTF-8 text.", line)
    return parse(text.replace("\r\n", "\n"), catalogue, name=path.name)


def parse(text: str, catalogue: Catalogue, *, name: str = "config.toml") -> Configuration:
    """As `read`, from a text.

    :param name: what messages call it.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, line = _syntax_error(error, text)
        return _unreadable(f"{name} line {line}: {message}.", line)
    except RecursionError:
        return _unreadable(f"{name} is nested too deeply.")
    return _Reader(document, key_lines(text), name).configuration(catalogue)


class _Reader:
    def __init__(self, document: dict[str, Any], lines: Mapping[KeyPath, int], name: str) -> None:
        self._document = document
        self._lines = lines
        self._name = name
        self._problems: list[ConfigurationProblem] = []

    def configuration(self, catalogue: Catalogue) -> Configuration:
        """All sections, and the providers."""
        sections: dict[str, Any] = {}
        providers: dict[str, AnyProvider] = {}
        known = [field for field in Configuration.model_fields if field != "problems"]
        for key, value in self._document.items():
            if key == "providers":
                providers = self._providers(value, catalogue)
            elif key not in known:
                self._add(Complaint((key,), f"there is no section or key `{key}`{near_match(key, known)}"))
            else:
                model = type(getattr(Configuration(), key))
                sections[key] = self._section(model, key, value)
        return Configuration(**sections, providers=providers, problems=tuple(self._problems))

    def _section(self, model: type[Section], name: str, value: object) -> Section:
        """One section; a key that is wrong has its default, and access rules fail on the safe side."""
        if not isinstance(value, dict):
            self._add(Complaint((name,), f"`{name}` must be a section, written [{name}]"))
            return model()
        good = dict(value)
        bad: set[str] = set()
        while True:
            try:
                settings = model.model_validate(good)
                break
            except ValidationError as error:
                found = complaints(error, model, good, (name,))
                for complaint in found:
                    self._add(complaint)
                dropped = {str(complaint.key[1]) for complaint in found if len(complaint.key) > 1} or set(good)
                bad |= dropped
                good = {key: kept for key, kept in good.items() if key not in dropped}
        if isinstance(settings, AccessSettings) and "rule" in bad:
            self._add(
                Complaint((name, "rule"), "no access rule is used until this is mended, and nothing is allowed unasked")
            )
            if settings.default is Decision.ALLOW:  # a rule that says "deny" may be among those that were dropped
                return settings.model_copy(update={"default": Decision.ASK})
        return settings

    def _providers(self, value: object, catalogue: Catalogue) -> dict[str, AnyProvider]:
        if not isinstance(value, dict):
            self._add(Complaint(("providers",), "providers are written as sections: [providers.ID]"))
            return {}
        return read_providers(value, catalogue, self._lines, self._name)

    def _add(self, complaint: Complaint) -> None:
        line = complaint.line(self._lines)
        message = complaint.sentence(self._name, line)
        self._problems.append(ConfigurationProblem(message, complaint.dotted, line))


def _unreadable(message: str, line: int | None = None) -> Configuration:
    return Configuration(problems=(ConfigurationProblem(message, "", line),))


def _syntax_error(error: tomllib.TOMLDecodeError, text: str) -> tuple[str, int]:
    """The parser's words without its position, and the line."""
    message, _, position = str(error).rpartition(" (at ")
    if position.startswith("line "):
        return message[:1].lower() + message[1:], int(position.split()[1].rstrip(","))
    return (message or str(error)).lower(), text.count("\n") + 1  # "at end of document"
