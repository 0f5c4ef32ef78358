"""What was measured: rows with their reference, target and verdict, and the table of them."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

UNITS = {"µs": 1, "ms": 2, "s": 2, "k/s": 1, "MB": 1, "": 0, "×": 2}


@dataclass(frozen=True)
class Row:
    """One line of the table.

    :param reference: the figure of the same run that it is compared with, and what that is.
    :param target: words; `reached` says whether it holds, None when the line is only there to compare with.
    """

    what: str
    measured: float
    unit: str
    reference: float | None = None
    against: str = ""
    target: str = ""
    reached: bool | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the reference it is."""
        return None if not self.reference else self.measured / self.reference

    def cells(self) -> list[str]:
        """The line's texts."""
        reference = "" if self.reference is None else f"{_text(self.reference, self.unit)}  {self.against}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        verdict = {None: "", True: "reached", False: "missed"}[self.reached]
        return [self.what, _text(self.measured, self.unit), reference, ratio, self.target, verdict]


@dataclass
class Report:
    """All rows of a run, in order."""

    began: float = field(default_factory=time.time)
    sections: list[tuple[str, list[Row]]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def section(self, title: str) -> None:
        self.sections.append((title, []))

    def add(
        self,
        what: str,
        measured: float,
        unit: str,
        *,
        reference: float | None = None,
        against: str = "",
        most: float | None = None,
        least: float | None = None,
        ratio: float | None = None,
        target: str = "",
    ) -> None:
        """Add a row.

        :param most: the target: not above; `least`: not below.
        :param ratio: the target: not above that many times the reference; for `least`, not below.
        """
        wanted, reached = [], []
        if most is not None:
            wanted.append(f"≤ {most:g} {unit}".strip())
            reached.append(measured <= most)
        if least is not None:
            wanted.append(f"≥ {least:g} {unit}".strip())
            reached.append(measured >= least)
        if ratio is not None and reference:
            better_is_more = least is not None
            wanted.append(f"{'≥' if better_is_more else '≤'} {ratio:g} ×")
            reached.append(measured >= ratio * reference if better_is_more else measured <= ratio * reference)
        verdict = all(reached) if reached else None
        row = Row(what, measured, unit, reference, against, target or ", ".join(wanted), verdict)
        self.sections[-1][1].append(row)
        print("  " + "  ".join(cell for cell in row.cells() if cell), flush=True)

    def remark(self, text: str) -> None:
        """What a reader of the table has to know."""
        self.remarks.append(text)

    def table(self) -> str:
        """All sections as aligned text."""
        heads = ["what", "measured", "in the same run", "ratio", "target", ""]
        rows = [row.cells() for _, part in self.sections for row in part]
        widths = [max(len(cells[i]) for cells in [heads, *rows]) for i in range(len(heads))]
        lines = [self.machine(), "", _line(heads, widths), _line(["-" * width for width in widths], widths)]
        for title, part in self.sections:
            lines += [title, *(_line(row.cells(), widths) for row in part), ""]
        verdicts = [row.reached for _, part in self.sections for row in part if row.reached is not None]
        lines.append(f"{sum(verdicts)} of {len(verdicts)} targets reached in {time.time() - self.began:.0f} s")
        return "\n".join([*lines, *self.remarks])

    def machine(self) -> str:
        """What it ran on."""
        day = time.strftime("%Y-%m-%d", time.gmtime(self.began))
        load = os.getloadavg()[0]
        cores = f"{os.cpu_count()} cores, load {load:.1f} at the end"
        return f"{day}, {platform.system()} {platform.release()}, Python {platform.python_version()}, {cores}"

    def write(self, path: Path) -> None:
        """As JSON."""
        parts = {title: [asdict(row) | {"ratio": row.ratio} for row in part] for title, part in self.sections}
        path.write_text(json.dumps({"machine": self.machine(), "rows": parts, "remarks": self.remarks}, indent=1))


def _text(value: float, unit: str) -> str:
    return f"{value:.{UNITS[unit]}f} {unit}".strip()


def _line(cells: list[str], widths: list[int]) -> str:
    numbers = (1, 3)
    padded = [
        cell.rjust(width) if i in numbers else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()
