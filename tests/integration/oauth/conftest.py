"""A client of the demo provider."""

from __future__ import annotations

import time

import pytest

from support.demo_provider import DemoProvider
from support.protocol_client import SCOPES, Client
from tokenkeep.domain.provider import Provider
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.transport import Transport


@pytest.fixture
def client(demo_provider: DemoProvider) -> Client:
    provider = Provider(
        id="demo", issuer=demo_provider.issuer, client_id=demo_provider.client_id, scopes=SCOPES, local=True
    )
    credentials = ClientCredentials(demo_provider.client_id)
    return Client(demo_provider, Transport(timeout=60.0, wall=time.time), provider, credentials)
