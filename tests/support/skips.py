"""In CI nothing that belongs to the promise may be skipped: such a skip becomes a failure."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip of a `screen` or `peer` test into a failure when CI=true."""
    report = yield
    promised = any(item.get_closest_marker(name) for name in ("screen", "peer"))
    if report.skipped and promised and os.environ.get("CI", "").lower() in {"1", "true"}:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {reason}"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses a screen or an independent program by its fixtures, so that nobody can forget to."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & {"screen", "screen_without_tray", "open_browser"}:
            item.add_marker(pytest.mark.screen)
        if fixtures & {"oidc_provider", "start_oidc_provider", "secret_service"}:
            item.add_marker(pytest.mark.peer)
