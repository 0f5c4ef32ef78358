"""Reads Markdown as far as the tests of the documentation need it: headings, links, tables, code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """One Markdown file."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """The text without code blocks."""
        return FENCE.sub("", self.text)

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def links(self) -> list[str]:
        return LINK.findall(SPAN.sub("", self.prose)) + LINK.findall(self.prose)

    @property
    def spans(self) -> list[str]:
        """What stands between single backticks."""
        return SPAN.findall(self.prose)

    def blocks(self, language: str | None = None) -> list[str]:
        """The code blocks of a language, or all."""
        return [dedent(body) for found, body in FENCE.findall(self.text) if language in (None, found)]

    @cached_property
    def anchors(self) -> set[str]:
        """What a link can point to inside this file, made from the headings as code hosts do."""
        found: dict[str, int] = {}
        anchors = set()
        for _, heading in HEADING.findall(self.prose):
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
            anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            number = found.get(anchor, 0)
            found[anchor] = number + 1
            anchors.add(f"{anchor}-{number}" if number else anchor)
        return anchors

    def section(self, heading: str) -> str:
        """The text under a heading, up to the next one of the same or a higher level."""
        for match in HEADING.finditer(self.prose):
            if match[2].strip() == heading:
                rest = self.prose[match.end() :]
                end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
                return rest[: end.start()] if end else rest
        raise AssertionError(f"{self.name} has no heading “{heading}”")

    def table(self, heading: str) -> list[list[str]]:
        """The rows of the first table under a heading, without its head."""
        lines = self.section(heading).split("\n")
        start = next((number for number, line in enumerate(lines) if line.startswith("|")), len(lines))
        rows = []
        for line in lines[start + 2 :]:
            if not line.startswith("|"):
                break
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))])
        return rows


def documents() -> list[Document]:
    """Every Markdown file of the project."""
    folders = [ROOT, ROOT / "docs", ROOT / "tests", ROOT / "packaging"]
    return [Document(path) for folder in folders for path in sorted(folder.glob("*.md"))]


def document(name: str) -> Document:
    """One of `documents` by its path."""
    return Document(ROOT / name)


def words(cell: str) -> list[str]:
    """What stands between backticks in a table's cell."""
    return SPAN.findall(cell)
