"""Every switch of the demo provider and every value of it is in a row, or the feature that it is for is not there."""

from __future__ import annotations

import re

import pytest

from integration.faults import (
    test_authorization_answers,
    test_clients,
    test_device,
    test_dpop,
    test_identity,
    test_introspection,
    test_logout,
    test_machine,
    test_metadata,
    test_network,
    test_pushed_and_resource,
    test_registration,
    test_sign_out_and_resource,
    test_token_answers,
    test_token_members,
)
from support.fault_rows import Row
from tokenkeep.demo.faults.table import BY_NAME

ROWS: list[Row] = [
    *test_authorization_answers.ROWS,
    *test_token_answers.ROWS,
    *test_token_members.ROWS,
    *test_token_members.WAITS,
    *test_device.ROWS,
    *test_dpop.ROWS,
    *test_metadata.ROWS,
    *test_identity.SIGN_INS,
    *test_identity.REFRESHES,
    *test_introspection.ROWS,
    *test_logout.ROWS,
    *test_machine.ROWS,
    *test_sign_out_and_resource.SIGN_OUTS,
    *test_sign_out_and_resource.RESOURCES,
    *test_clients.ROWS,
    *test_pushed_and_resource.PUSHED,
    test_pushed_and_resource.EXPIRED,
    *test_pushed_and_resource.RESOURCES,
    *test_registration.ROWS,
    *test_network.ROWS,
    test_network.REFUSED,
]

# Switches, or single values, for features that TokenKeep does not have, with the requirements that will need them.
NOT_YET = {
    "challenge": "WWW-1 WWW-2 WWW-3",
    "prm": "PRM-3",
    "prm_form": "PRM-2",
    "prm_servers": "PRM-6",
}

PATTERNS = {"NUMBER": r"[0-9.]+", "SIGNED": r"[+-]?[0-9.]+", "TEXT": r".+", "JSON": r".+"}


def covers(value: str, promised: str, *, per_path: bool) -> bool:
    """Whether a row's value is this value of the table, which may be or end in a kind of values."""
    name, colon, kind = value.rpartition(":")
    pattern = re.escape(name + colon) + PATTERNS.get(kind, re.escape(kind))
    return re.fullmatch(pattern + (r"(@/\S*)?" if per_path else ""), promised) is not None


@pytest.mark.parametrize("name", sorted(BY_NAME.keys() - NOT_YET.keys()))
def test_every_value_of_a_switch_is_in_a_row(name: str) -> None:
    fault = BY_NAME[name]
    promised = [value for switch, value in (row.covers for row in ROWS) if switch == name]
    missing = [
        value
        for value in fault.values
        if f"{name}={value}" not in NOT_YET and not any(covers(value, one, per_path=fault.per_path) for one in promised)
    ]
    assert not missing, f"no row says what TokenKeep does with {name}={', '.join(missing)}"


def test_no_row_is_about_a_switch_or_a_feature_that_does_not_exist() -> None:
    covered = {row.covers[0] for row in ROWS}
    with_value = {"=".join(row.covers) for row in ROWS}
    assert covered <= BY_NAME.keys()
    assert not (covered | with_value) & NOT_YET.keys(), "these have rows and are no longer missing"
    for missing in NOT_YET:
        name, _, value = missing.partition("=")
        assert not value or value in BY_NAME[name].values


def test_what_is_not_there_yet_names_its_requirements() -> None:
    for name, requirements in NOT_YET.items():
        assert set(requirements.split()) <= set(BY_NAME[name.partition("=")[0]].requirements)
