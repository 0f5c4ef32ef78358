"""On which line of a TOML text each key stands, which no parser tells (TOML 1.0.0)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Path = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t]*")
_BLANK_AND_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_REST_OF_LINE = re.compile(r"[^\n]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\r\n]*")
# A multi-line string may end in up to two quotes of its own before the closing three.
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


def key_lines(text: str) -> dict[Path, int]:
    """The line, counted from 1, of every table and key by its path; array elements are numbered from 0.

    :param text: valid TOML. Of an invalid one the lines before the fault are right.
    """
    scanner = _Scanner(text)
    scanner.run()
    return scanner.lines


@dataclass
class _Scanner:
    text: str
    at: int = 0
    lines: dict[Path, int] = field(default_factory=dict)
    _counts: dict[Path, int] = field(default_factory=dict)  # how many elements an array of tables has so far
    _line: int = 1
    _line_at: int = 0

    def run(self) -> None:
        table: Path = ()
        while True:
            self._skip(_BLANK_AND_LINES)
            if self.at >= len(self.text):
                return
            before = self.at
            if self.text.startswith("[", self.at):
                table = self._header()
                self._skip(_REST_OF_LINE)
            else:
                self._pair(table)
                self._skip(_REST_OF_LINE)
            if self.at == before:
                return  # not TOML; its parser says so better

    def _header(self) -> Path:
        line = self._line_here()
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        keys = self._keys()
        for length in range(1, len(keys)):  # tables on the way that have no header of their own
            self.lines.setdefault(self._within(keys[:length]), line)
        parent = self._within(keys[:-1])
        path = (*parent, *keys[-1:])
        if is_array:
            number = self._counts.get(path, 0)
            self._counts[path] = number + 1
            self.lines.setdefault(path, line)
            path = (*path, number)
        else:
            path = self._within(keys)
        self.lines.setdefault(path, line)
        return path

    def _within(self, keys: list[str]) -> Path:
        """The path of a table, going into the last element of each array of tables on the way."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        return path

    def _pair(self, table: Path) -> None:
        line = self._line_here()
        path = table
        for key in self._keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._skip(_BLANK)
        if self.text.startswith("=", self.at):
            self.at += 1
            self._value(path)

    def _keys(self) -> list[str]:
        """A bare, quoted or dotted key."""
        keys = []
        while True:
            self._skip(_BLANK)
            if match := _BARE_KEY.match(self.text, self.at):
                keys.append(match[0])
                self.at = match.end()
            elif (quoted := self._string()) is not None:
                keys.append(_unquoted(quoted))
            else:
                return keys
            self._skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return keys
            self.at += 1

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        if self.text.startswith("[", self.at):
            self._array(path)
        elif self.text.startswith("{", self.at):
            self._inline_table(path)
        elif self._string() is None:
            self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        self.at += 1
        number = 0
        while True:
            self._skip(_BLANK_AND_LINES)
            if self.at >= len(self.text) or self.text.startswith("]", self.at):
                self.at += 1
                return
            before = self.at
            self.lines.setdefault((*path, number), self._line_here())
            self._value((*path, number))
            number += 1
            self._comma(before)

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while True:
            self._skip(_BLANK_AND_LINES)
            if self.at >= len(self.text) or self.text.startswith("}", self.at):
                self.at += 1
                return
            before = self.at
            self._pair(path)
            self._comma(before)

    def _comma(self, before: int) -> None:
        self._skip(_BLANK_AND_LINES)
        if self.text.startswith(",", self.at) or self.at == before:  # the latter: not TOML, but no endless loop
            self.at += 1

    def _string(self) -> str | None:
        for pattern in _STRINGS:
            if match := pattern.match(self.text, self.at):
                self.at = match.end()
                return match[0]
        return None

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if match := pattern.match(self.text, self.at):
            self.at = match.end()

    def _line_here(self) -> int:
        self._line += self.text.count("\n", self._line_at, self.at)
        self._line_at = self.at
        return self._line


def _unquoted(quoted: str) -> str:
    """The key that a quoted one means; escapes are rare enough in keys to leave them to the parser."""
    if quoted.startswith('"') and "\\" in quoted:
        import tomllib

        return next(iter(tomllib.loads(f"{quoted} = 0")))
    return quoted[1:-1]
