"""oidc-agent as Debian ships it, at the demo provider."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from support.demo_provider import DemoProvider
from support.oidc_agent import OidcAgent

pytestmark = pytest.mark.peer

# Nothing is listening there: the port is only part of the registration, and the agent wants one below 49152.
REDIRECT = "http://localhost:43682"


def approve(demo: DemoProvider) -> Callable[[str], None]:
    """The person who reads the code off the terminal."""

    def seen(line: str) -> None:
        if code := re.search(r"code: ([A-Z]{4}-[A-Z]{4})", line):
            demo.approve_device(code[1], "grace")

    return seen


def test_DEMO_5_a_known_client_by_device_grant_and_refresh(demo_provider: DemoProvider, oidc_agent: OidcAgent) -> None:
    # This client sends its secret to Basic as it is (oidc-agent 4 and 5), as many do.
    demo_provider.faults(basic="raw")
    client = demo_provider.description["clients"]["confidential"]
    oidc_agent.generate(
        "demo",
        "--flow=device",
        f"--issuer={demo_provider.issuer}/",
        "--manual",
        f"--client-id={client['client_id']}",
        f"--client-secret={client['client_secret']}",
        f"--redirect-uri={REDIRECT}",
        "--scope=openid profile offline_access notes:read",
        seen=approve(demo_provider),
    )
    first = oidc_agent.token("demo")
    assert demo_provider.call(first).json()["username"] == "grace"
    forced = oidc_agent.token("demo", "--force-new")
    assert forced != first
    assert demo_provider.call(forced).status_code == 200
    assert demo_provider.count("/token.refresh_token.ok") == 1
    assert oidc_agent.token("demo") == forced
    assert demo_provider.count("/token.refresh_token.ok") == 1, "its cached token is still good"


def test_DEMO_5_it_registers_itself_and_signs_in_by_code(demo_provider: DemoProvider, oidc_agent: OidcAgent) -> None:
    def seen(line: str) -> None:
        if line.startswith(f"{demo_provider.issuer}/authorize"):
            oidc_agent.redeem(demo_provider.sign_in(line.strip()))

    oidc_agent.generate(
        "demo",
        "--flow=code",
        f"--issuer={demo_provider.issuer}/",
        f"--redirect-uri={REDIRECT}",
        "--scope=openid profile offline_access",
        seen=seen,
    )
    assert demo_provider.count("/register.ok") == 1
    assert demo_provider.call(oidc_agent.token("demo")).json()["username"] == "ada"
