"""How much of the process the socket may take."""

from __future__ import annotations

import resource

import pytest

from tokenkeep.api.server import most_connections
from tokenkeep.httpserver import Limits


@pytest.mark.parametrize(
    ("files", "most"),
    [(256, 128), (1024, 768), (1_048_576, Limits().connections), (resource.RLIM_INFINITY, Limits().connections)],
)
def test_AGENT_5_connections_leave_files_for_everything_else(
    monkeypatch: pytest.MonkeyPatch, files: int, most: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert most_connections() == most
