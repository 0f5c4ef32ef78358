"""Each requirement with a negative case has a switch that makes it happen, or a reason why it needs none."""

import csv
from pathlib import Path

from support.markdown import ROOT
from tokenkeep.demo.faults.table import FAULTS


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


REQUIREMENTS = [row["id"] for row in read(ROOT / "tests/requirements.tsv")]
REASONS = {row["id"]: row["reason"] for row in read(Path(__file__).with_name("rows_without_switch.tsv"))}
SWITCHES = {id_: [fault.name for fault in FAULTS if id_ in fault.requirements] for id_ in REQUIREMENTS}


def test_DEMO_3_every_requirement_has_a_switch_or_a_reason_why_not() -> None:
    assert [id_ for id_ in REQUIREMENTS if not SWITCHES[id_] and id_ not in REASONS] == []


def test_DEMO_3_no_requirement_has_a_switch_and_a_reason_why_not() -> None:
    assert [id_ for id_ in REASONS if SWITCHES.get(id_)] == []


def test_DEMO_3_reasons_and_switches_name_requirements_that_exist() -> None:
    assert [id_ for id_ in REASONS if id_ not in REQUIREMENTS] == []
    named = {id_ for fault in FAULTS for id_ in fault.requirements}
    assert named <= set(REQUIREMENTS)
    assert all(len(reason) > 20 for reason in REASONS.values())
