"""The tests marked `unprivileged` run a second time as a user other than root."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from support.unprivileged import CHECKOUT, is_entered_by_all, run_pytest

MECHANISM = "tests/integration/test_unprivileged.py"


@pytest.mark.unprivileged
def test_the_unprivileged_run_has_no_rights_left() -> None:
    if os.geteuid() == 0:
        pytest.skip("this run is root's; the other one counts")
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    assert int(status["CapEff"], 16) == 0
    assert not os.access("/etc/shadow", os.R_OK)


def test_everything_marked_unprivileged_passes_as_another_user(home: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("this run is not root's, so those tests have run unprivileged already")
    result = run_pytest(["-m", "unprivileged", "-rs", "tests"], home)
    closing = result.stdout.rstrip().splitlines()[-1]
    assert result.returncode == 0, result.stdout
    assert re.search(r"\b[1-9]\d* passed", closing), result.stdout
    assert "skipped" not in closing, result.stdout


def test_without_mount_rights_the_unprivileged_run_works_with_a_copied_interpreter(home: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    if not is_entered_by_all(CHECKOUT):
        pytest.skip("the checkout lies in a closed folder, which takes a mount namespace")
    result = run_pytest(["-m", "unprivileged", MECHANISM], home, mount=False)
    assert "1 passed" in result.stdout.splitlines()[-1], result.stdout
