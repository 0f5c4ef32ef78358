"""How large the window was on each screen, kept in a small file between runs."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeGuard

_SENSELESS = 100_000  # no screen is as large as this

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WindowState:
    """Device-independent pixels.

    :param list_width: of the provider list.
    """

    width: int
    height: int
    list_width: int


def read(file: Path, screen: str) -> WindowState | None:
    """What was kept for a screen; None when there is nothing or nothing that makes sense."""
    kept = _read_all(file).get(screen)
    if not isinstance(kept, dict):
        return None
    width, height, list_width = (kept.get(name) for name in ("width", "height", "list_width"))
    if not (_is_size(width) and _is_size(height) and _is_size(list_width)):
        return None
    return WindowState(width, height, list_width)


def _is_size(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 < value < _SENSELESS


def write(file: Path, screen: str, state: WindowState) -> None:
    """Keep it for a screen. A disk that refuses is not worth a message: the window then opens at its default size."""
    kept = _read_all(file)
    kept[screen] = asdict(state)
    part = file.with_name(f"{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        part.replace(file)
    except OSError as problem:
        log.debug("the size of the window was not kept: %s", problem)


def _read_all(file: Path) -> dict[str, object]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
