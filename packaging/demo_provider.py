"""Write the generated parts of docs/demo-provider.md: options, the recipes for curl, the tables of fault switches.

Usage: demo_provider.py [--check]; with --check nothing is written and a difference is exit code 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tokenkeep.demo.__main__ import command_line
from tokenkeep.demo.faults.switch import KINDS, Fault
from tokenkeep.demo.faults.table import AREAS, FAULTS
from tokenkeep.demo.web.recipes import RECIPES

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs/demo-provider.md"


def options() -> str:
    """A table of the command's options, from its own help."""
    rows = [
        f"| `{action.option_strings[-1]}` | {(action.help or '') % {'default': action.default}} |"
        for action in command_line()._actions
        if action.help != argparse.SUPPRESS and action.dest != "help"
    ]
    return "| option | meaning |\n|---|---|\n" + "\n".join(rows)


def recipes() -> str:
    """Each flow with its steps."""
    parts = []
    for recipe in RECIPES:
        parts.append(f"### {recipe.title}\n\n{recipe.about}")
        for script, then in recipe.steps:
            parts.append(f"```sh\n{script}\n```")
            if then:
                parts.append(then)
    return "\n\n".join(parts)


def faults() -> str:
    """A table of switches for each area."""
    parts = []
    for area in AREAS:
        head = f"### {area.title}\n\n| switch | values | effect | for |\n|---|---|---|---|\n"
        parts.append(head + "\n".join(_row(fault) for fault in area.faults))
    return "\n\n".join(parts)


def _row(fault: Fault) -> str:
    # Long lists that several switches share stand with the first of them.
    first = next(other for other in FAULTS if other.values == fault.values)
    shared = first is not fault and len(fault.values) > 5
    values = f"those of `{first.name}`" if shared else " ".join(_value(value) for value in fault.values)
    return f"| `{fault.name}` | {values} | {fault.effect} | {' '.join(fault.requirements)} |"


def _value(value: str) -> str:
    """Free values in italics, named ones as code."""
    name, colon, kind = value.rpartition(":")
    if kind not in KINDS:
        return f"`{value}`"
    return f"`{name}{colon}`_{kind.lower()}_" if colon else f"_{kind.lower()}_"


def document(text: str) -> str:
    """The page with its generated parts made anew; they stand between comments."""
    for name, part in (("options", options()), ("recipes", recipes()), ("faults", faults())):
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _old, _, after = rest.partition(end)
        text = f"{before}{begin}\n{part}\n{end}{after}"
    return text


def main(arguments: list[str]) -> int:
    """Write, or compare; returns the exit code."""
    before = DOCUMENT.read_text()
    after = document(before)
    if "--check" in arguments:
        return int(before != after)
    DOCUMENT.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
