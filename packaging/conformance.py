"""Write docs/conformance.md: each requirement, its level, and the tests whose names carry its id.

Usage: conformance.py [--check]; with --check nothing is written and a difference is exit code 1.
"""

from __future__ import annotations

import ast
import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "tests/requirements.tsv"
DOCUMENT = ROOT / "docs/conformance.md"

GROUPS = {
    "AUTHZ": "the authorization request and the browser",
    "PKCE": "proof key for code exchange",
    "RESP": "the authorization response, forgery and mix-up",
    "LOOP": "the loopback listener",
    "TOK": "the token endpoint",
    "CAUTH": "client authentication",
    "REF": "refresh",
    "DEV": "the device grant",
    "GRANT": "machine grants",
    "RES": "resource indicators",
    "META": "authorization server metadata",
    "PRM": "protected resource metadata",
    "WWW": "challenges",
    "MCP": "scopes, step-up and the choice of a registration",
    "DCR": "dynamic registration and its management",
    "CIMD": "client ID metadata documents",
    "REV": "revocation",
    "INTRO": "introspection",
    "OUT": "logout at the provider",
    "OIDC": "id_token, keys, userinfo",
    "DPOP": "tokens bound to a key",
    "PAR": "pushed authorization requests",
    "NET": "transport",
    "AGENT": "the local socket",
    "PROXY": "the gateway",
    "LEAK": "secrets at rest and in passing",
    "DEMO": "the demo provider",
}

HEAD = """\
# Conformance

Which rule TokenKeep keeps, where it comes from, and which tests would fail without it. The rules are written in
our own words in [tests/requirements.tsv](../tests/requirements.tsv); a test carries the id of its rule in its
name, as in `test_RESP_3_iss_trailing_slash_is_a_mismatch`. This page is made from both by `make conformance`.

**Level**: what the text named under "from" asks of a client (of a server in the group DEMO). A star means: asked
only in the profile that the text describes. OUR means that no text asks for it; we do, mostly because programs of
this kind were seen to break there.

"""

NOT_YET = "*not yet*"
_ID = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2,6})_(\d+)((?:_and_\d+)*)(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Requirement:
    """One row of the list."""

    id: str
    level: str
    source: str
    text: str

    @property
    def group(self) -> str:
        return self.id.split("-")[0]


def requirements() -> list[Requirement]:
    """All requirements in their order."""
    with REQUIREMENTS.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return [Requirement(*row) for row in rows]


def ids_in(test_name: str) -> Iterator[str]:
    """The ids in a test's name: `test_RESP_7_and_8_x` carries two."""
    for group, number, more in _ID.findall(test_name.removeprefix("test_")):
        if group in GROUPS:
            yield f"{group}-{number}"
            yield from (f"{group}-{other}" for other in re.findall(r"\d+", more))


def tests() -> dict[str, set[Path]]:
    """For each id the files with tests that carry it."""
    found: dict[str, set[Path]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for id_ in ids_in(node.name):
                    found.setdefault(id_, set()).add(path.relative_to(ROOT))
    return found


def document() -> str:
    """The whole page."""
    found = tests()
    parts = [HEAD]
    rows = requirements()
    for group, title in GROUPS.items():
        parts.append(f"## {group}: {title}\n\n| id | rule | from | level | tests |\n|---|---|---|---|---|\n")
        for row in rows:
            if row.group == group:
                files = ", ".join(
                    f"[{path.stem.removeprefix('test_')}](../{path})" for path in sorted(found.get(row.id, ()))
                )
                parts.append(f"| {row.id} | {row.text} | {row.source} | {row.level} | {files or NOT_YET} |\n")
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def main() -> int:
    """Write or check; the exit code."""
    new = document()
    if "--check" in sys.argv[1:]:
        return 0 if DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == new else 1
    DOCUMENT.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
