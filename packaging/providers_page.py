"""Write the generated parts of docs/providers.md: what to register where, and each preset with its sources.

Usage: providers_page.py [--check]; with --check nothing is written and a difference is exit code 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tokenkeep.domain.provider import default_callback_path
from tokenkeep.storage.catalogue import Catalogue, Preset

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs/providers.md"
SECRETS = {"none": "no", "optional": "if you want", "needed": "yes"}


def redirect(preset: Preset) -> str:
    """The address to register; the path of a preset for many places is told by TokenKeep once the issuer is known."""
    host = preset.entry.get("redirect_host", "127.0.0.1")
    port = f":{preset.entry['redirect_port']}" if preset.client.port == "exact" else ""
    needed = any(not parameter.default for parameter in preset.parameters)
    base = preset.entry.get("issuer") or preset.entry.get("token_endpoint", "")
    if needed or not base:
        return f"`http://{host}{port}/callback/…`"
    known = {parameter.name: parameter.default for parameter in preset.parameters}
    return f"`http://{host}{port}{default_callback_path(base.format_map(known))}`"


def table() -> str:
    """One row for each preset."""
    head = "| preset | register at | redirect address | port | secret | device flow |\n|---|---|---|---|---|---|\n"
    rows = []
    for preset in Catalogue.load().presets.values():
        client = preset.client
        cells = [
            f"[`{preset.id}`](#{preset.id})",
            f"[{preset.title}]({preset.registration_page})",
            redirect(preset),
            client.port,
            SECRETS[client.secret],
            client.device,
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return head + "\n".join(rows)


def presets() -> str:
    """What to know of each."""
    parts = []
    for preset in Catalogue.load().presets.values():
        lines = [f"- {note}" for note in preset.notes]
        issuer = preset.entry.get("issuer", "")
        if any(not parameter.default for parameter in preset.parameters):
            example = issuer.format_map({one.name: one.name.upper() for one in preset.parameters})
            lines.append(f"- The entry needs the issuer: `{example}`.")
        lines += [
            f"- Not confirmed: {one[0].lower() if one[1].islower() else one[0]}{one[1:]}" for one in preset.unverified
        ]
        links = ", ".join(f"[{number}]({source})" for number, source in enumerate(preset.sources, 1))
        lines.append(f"- Checked on {preset.checked} against {links}.")
        parts.append(f"### {preset.id}\n\n{preset.title}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def document(text: str) -> str:
    """The page with its generated parts made anew; they stand between comments."""
    for name, part in (("table", table()), ("presets", presets())):
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
