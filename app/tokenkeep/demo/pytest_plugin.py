"""Fixtures and a marker for tests of any OAuth client against the demo provider; loaded as `tokenkeep_demo`.

Nothing starts before a test asks for one of the fixtures.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tokenkeep.demo.testing import DemoProcess

MARKER = "tokenkeep_faults"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", f'{MARKER}(**switches): faults of the demo provider during the test, for example token="503*2"'
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A marker without the fixture would do nothing, and the test would prove nothing."""
    if item.get_closest_marker(MARKER) and "tokenkeep_demo" not in getattr(item, "fixturenames", ()):
        pytest.fail(f"@pytest.mark.{MARKER} needs the fixture tokenkeep_demo", pytrace=False)


@pytest.fixture(scope="session")
def tokenkeep_demo_options() -> dict[str, int | bool | str]:
    """Override it to start the provider with other options, for example `{"token_lifetime": 20}`."""
    return {}


@pytest.fixture(scope="session")
def tokenkeep_demo_server(tokenkeep_demo_options: dict[str, int | bool | str]) -> Iterator[DemoProcess]:
    """The running demo provider of this test session, for fixtures that live longer than one test."""
    from tokenkeep.demo.testing import DemoProcess

    with ExitStack() as stack:
        try:
            server = stack.enter_context(DemoProcess(faults=None, **tokenkeep_demo_options))
        except RuntimeError as problem:
            pytest.fail(f"{problem}; what it said stands above", pytrace=False)
        yield server


@pytest.fixture
def tokenkeep_demo(tokenkeep_demo_server: DemoProcess, request: pytest.FixtureRequest) -> Iterator[DemoProcess]:
    """The demo provider with an empty log and with the faults of the test's markers alone."""
    tokenkeep_demo_server.clear_faults()
    tokenkeep_demo_server.reset_log()
    # The closest marker is first here and has the last word.
    for marker in reversed(list(request.node.iter_markers(MARKER))):
        tokenkeep_demo_server.faults(**marker.kwargs)
    yield tokenkeep_demo_server
    tokenkeep_demo_server.clear_faults()
