"""JSON as the standard writes it: UTF-8 without a byte order mark, no repeated members, no `NaN` (TOK-3)."""

from __future__ import annotations

import json
from typing import Any, NoReturn


class _Refused(ValueError):
    """The text is JSON for lenient readers only."""


def _no_constant(_name: str) -> NoReturn:
    raise _Refused


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused
    return members


def loads(body: bytes) -> Any:
    """The value of a JSON text.

    :raises ValueError: it is not strict JSON. The message is empty: the text may hold tokens.
    """
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        pass
    # Raised out of the handler: the decoders' own errors carry the whole text, which must not hang on ours as context.
    raise ValueError
