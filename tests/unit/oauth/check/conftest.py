"""A server whose documents a test changes."""

from __future__ import annotations

import pytest

from support.checked_site import Site
from support.scripted_server import ScriptedServer
from tokenkeep.oauth.transport import Transport


@pytest.fixture
def site(server: ScriptedServer, transport: Transport) -> Site:
    return Site(server, transport)
