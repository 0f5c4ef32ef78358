"""An error in TokenKeep's own log that no test asked for fails the test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def log_errors() -> list[logging.LogRecord]:
    """The errors that were logged so far. A test that asks for this list answers for its content itself."""
    return []


@pytest.fixture(autouse=True)
def no_unexpected_log_errors(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect what `tokenkeep` logs at ERROR and above; complain unless the test uses `log_errors`."""
    collector = _Collector()
    expected = "log_errors" in request.fixturenames
    if expected:
        collector.records = request.getfixturevalue("log_errors")
    logger = logging.getLogger("tokenkeep")
    logger.addHandler(collector)
    yield
    logger.removeHandler(collector)
    if collector.records and not expected:
        lines = [f"{record.name}: {record.getMessage()}" for record in collector.records]
        pytest.fail("unexpected errors in the log:\n" + "\n".join(lines), pytrace=False)
