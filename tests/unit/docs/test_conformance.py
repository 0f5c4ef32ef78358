"""docs/conformance.md is what the list of requirements and the tests' names say, and no finished group has a gap."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]

# Groups whose every rule has a test; a rule that loses its last test fails here.
FINISHED = (
    *("AUTHZ", "PKCE", "RESP", "LOOP", "TOK", "CAUTH", "REF", "DEV", "GRANT", "RES", "META", "DCR", "CIMD", "REV"),
    *("INTRO", "OUT", "OIDC", "DPOP", "PAR", "NET", "AGENT", "LEAK", "DEMO"),
)


@pytest.fixture(scope="module")
def conformance() -> ModuleType:
    spec = importlib.util.spec_from_file_location("conformance", ROOT / "packaging/conformance.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["conformance"] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(conformance: ModuleType) -> None:
    assert conformance.DOCUMENT.read_text() == conformance.document(), "run `make conformance` and commit the page"


def test_no_rule_of_a_finished_group_is_without_a_test(conformance: ModuleType) -> None:
    found = conformance.tests()
    assert [row.id for row in conformance.requirements() if row.group in FINISHED and row.id not in found] == []


def test_tests_name_no_rule_that_does_not_exist(conformance: ModuleType) -> None:
    known = {row.id for row in conformance.requirements()}
    unknown = {id_: files for id_, files in conformance.tests().items() if id_ not in known}
    assert unknown == {}


def test_the_list_is_well_formed(conformance: ModuleType) -> None:
    rows = conformance.requirements()
    assert len({row.id for row in rows}) == len(rows)
    assert {row.group for row in rows} == set(conformance.GROUPS)
    assert {row.level for row in rows} <= {"MUST", "MUST*", "SHOULD", "SHOULD*", "OUR"}
    assert all(row.text and row.source for row in rows)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("test_RESP_3_iss_of_another_server", ["RESP-3"]),
        ("test_RESP_7_and_8_other_parameters", ["RESP-7", "RESP-8"]),
        ("test_LOOP_4_and_LOOP_5_two_rules", ["LOOP-4", "LOOP-5"]),
        ("test_SHA_256_is_no_rule", []),
        ("test_nothing_of_that_kind", []),
    ],
)
def test_ids_are_read_from_names(conformance: ModuleType, name: str, ids: list[str]) -> None:
    assert list(conformance.ids_in(name)) == ids
