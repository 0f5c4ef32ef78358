"""Changes to `config.toml` that leave comments, order and everything else as the person wrote it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from tokenkeep.domain.errors import Misconfigured, StorageFailed
from tokenkeep.storage.files import private_folder, reason, replace_file, signature

Key = str | Sequence[str]
Signature = tuple[int, int, int] | None


def set_value(path: Path, key: Key, value: Any, *, expected: Signature = None) -> None:
    """Write one value, making the file and the sections on the way when they are missing.

    :param key: dotted, as `app.theme`, or its parts when one of them has a dot itself.
    :param value: what TOML knows; a mapping becomes a section.
    :param expected: the file's `signature` when the caller read it; another one is refused.
    :raises Misconfigured: the file is not TOML now, or the key leads through something that is no section.
    :raises StorageFailed: it could not be written; the file is as it was.
    """
    import tomlkit

    parts = _parts(key)

    def change(document: MutableMapping[str, Any]) -> None:
        table: Any = document
        for part in parts[:-1]:
            if part not in table:
                table[part] = tomlkit.table(is_super_table=True)
            table = table[part]
            if not isinstance(table, MutableMapping):
                raise Misconfigured(f"`{part}` in {path.name} is not a section.", key=".".join(parts))
        table[parts[-1]] = value

    _change(path, change, expected)


def remove(path: Path, key: Key, *, expected: Signature = None) -> None:
    """Remove one key or section; nothing happens when it is not there. Raises as `set_value`."""
    parts = _parts(key)

    def change(document: MutableMapping[str, Any]) -> None:
        table: Any = document
        for part in parts[:-1]:
            table = table.get(part) if isinstance(table, MutableMapping) else None
        if isinstance(table, MutableMapping):
            table.pop(parts[-1], None)

    _change(path, change, expected)


def _parts(key: Key) -> list[str]:
    return key.split(".") if isinstance(key, str) else list(key)


def _change(path: Path, change: Callable[[MutableMapping[str, Any]], None], expected: Signature) -> None:
    import tomlkit  # not at the start: most runs change nothing
    from tomlkit.exceptions import TOMLKitError

    before = signature(path)
    if expected is not None and before != expected:
        raise StorageFailed(f"{path.name} was changed meanwhile by another program.", hint="Try again.")
    try:
        text = path.read_bytes().decode("utf-8-sig") if before is not None else ""
        document = tomlkit.parse(text)
    except OSError as error:
        raise StorageFailed(f"{path} cannot be read: {reason(error)}.") from error
    except (UnicodeDecodeError, TOMLKitError) as error:
        raise Misconfigured(
            f"{path.name} cannot be read as TOML, so it was not changed.", hint="Mend it first."
        ) from error
    change(document)
    written = tomlkit.dumps(document)
    if written == text:
        return
    _check(path, written, document)
    if not path.parent.exists():
        private_folder(path.parent)
    replace_file(path, written, expected=before)


def _check(path: Path, text: str, document: MutableMapping[str, Any]) -> None:
    """Nothing is written that reads back as something else: sections out of order are easily got wrong."""
    try:
        same = _pruned(tomllib.loads(text)) == _pruned(document.unwrap())  # type: ignore[attr-defined]
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        raise StorageFailed(
            f"The change cannot be made in {path.name} as it is written.", hint="Edit the file by hand."
        )


def _pruned(value: Any) -> Any:
    """Without empty sections: those that only led to others are not written once the others are gone."""
    if not isinstance(value, dict):
        return value
    inner = {key: _pruned(one) for key, one in value.items()}
    return {key: one for key, one in inner.items() if one != {}}
