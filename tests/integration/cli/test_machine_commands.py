"""Machines and pasted tokens through the running application and the command line, over its death and restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.app import StartApp
from support.canaries import Canaries
from support.configurations import ALLOW, IN_MEMORY, entry
from support.demo_clients import DemoClient, trusted_assertion
from support.demo_provider import DemoProvider
from support.file_keyring import IN_KEYRING, file_keyring


def configuration(demo: DemoProvider, jwt_file: Path) -> str:
    """A service, a pod, a chain and a server that knows nothing but pasted tokens."""
    common: dict[str, Any] = {"issuer": demo.issuer, "scopes": ["notes:read"], "local": True}
    workload = {"client_id": DemoClient(demo, "workload").client_id, **common}
    return "\n".join(
        [
            ALLOW,
            entry("service", flow="client_credentials", client_id=DemoClient(demo, "service").client_id, **common),
            'client_secret = { env = "A_SECRET" }',
            entry("pod", flow="jwt_bearer", **workload),
            f'subject_token = {{ source = "kubernetes", path = {json.dumps(str(jwt_file))} }}',
            entry("chain", flow="token_exchange", **workload),
            'subject_token = { source = "provider", id = "service" }',
            entry("old", name="Old server", flow="static"),
        ]
    )


@pytest.fixture
def jwt_file(make_home: Any, demo_provider: DemoProvider) -> Path:
    file: Path = make_home() / "token"
    file.write_text(trusted_assertion(demo_provider))
    return file


def test_machines_from_config_toml_to_the_shell(
    start_app: StartApp, demo_provider: DemoProvider, home: Path, make_home: Any, jwt_file: Path, canaries: Canaries
) -> None:
    secret = DemoClient(demo_provider, "service").known["client_secret"]
    canaries.add(client_secret=secret, subject_token=jwt_file.read_text(), pasted="canary-pasted-token-0001")
    app = start_app(
        args=["--headless"],
        config=IN_KEYRING + configuration(demo_provider, jwt_file),
        env={"A_SECRET": secret, **file_keyring(make_home())},
    )
    served = {name: app.cli("token", name).stdout.strip() for name in ("service", "pod", "chain")}
    assert len(set(served.values())) == 3
    for token in served.values():
        assert demo_provider.call(token).status_code == 200
    shown = json.loads(app.cli("show", "pod", "--json").stdout)
    assert (shown["state"], shown["account"], shown["flow"]) == ("active", "demo-ada", "jwt_bearer")

    pasted = app.cli("edit", "old", "--token", "-", "--expires-at", "2100-01-01", stdin="canary-pasted-token-0001\n")
    assert (pasted.returncode, pasted.stdout) == (0, "The token of Old server is kept sealed.\n")
    assert app.cli("token", "old").stdout == "canary-pasted-token-0001\n"

    jwt_file.write_text(trusted_assertion(demo_provider))
    canaries.add(next_subject_token=jwt_file.read_text())
    done = app.cli("login", "pod")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Signed in to pod as demo-ada.\n", "")
    served["pod"] = app.cli("token", "pod").stdout.strip()

    app.kill9()
    app.start()
    asked = demo_provider.count("/token")
    again = {name: app.cli("token", name).stdout.strip() for name in ("service", "pod", "chain")}
    assert (again, demo_provider.count("/token")) == (served, asked), "they outlive the process, sealed"

    assert app.cli("logout", "service").stdout == "Signed out of service. service has revoked the tokens.\n"
    assert demo_provider.call(served["service"]).status_code == 401
    refused = app.cli("token", "service")
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "`tokenkeep login service` lets programs have tokens again." in refused.stderr
    assert app.cli("login", "service").returncode == 0
    assert app.cli("logout", "old").returncode == 0
    assert app.cli("token", "old").returncode == 4
    app.stop()
    canaries.add(**{f"access_{name}": token for name, token in again.items()})
    canaries.assert_absent_from_files(home, besides=[])


def test_what_is_wrong_with_an_entry_is_said_with_line_and_key(
    start_app: StartApp, demo_provider: DemoProvider, home: Path
) -> None:
    broken = {
        "public": entry("public", issuer=demo_provider.issuer, flow="client_credentials", client_id="x", local=True),
        "sourceless": entry("sourceless", issuer=demo_provider.issuer, flow="token_exchange", local=True),
        "itself": entry("itself", issuer=demo_provider.issuer, flow="token_exchange", local=True)
        + 'subject_token = { source = "provider", id = "itself" }\n',
    }
    app = start_app(args=["--headless"], config=IN_MEMORY + ALLOW + "".join(broken.values()))
    said = {name: app.cli("token", name).stderr for name in broken}
    assert "needs a client that can prove who it is" in said["public"]
    assert "needs `subject_token`" in said["sourceless"]
    assert "comes from `itself`" in said["itself"]
    assert all("config.toml line " in text for text in said.values())


def test_a_secret_on_the_command_line_is_refused(start_app: StartApp, demo_provider: DemoProvider, home: Path) -> None:
    app = start_app(args=["--headless"], config=IN_MEMORY + ALLOW + entry("old", flow="static"))
    refused = app.cli("edit", "old", "--token", "canary-pasted-token-0002")
    assert refused.returncode == 2
    assert "canary" not in refused.stdout + refused.stderr
    assert app.cli("edit", "old", "--token", "-", "--expires-at", "soon", stdin="x").returncode == 2
    assert app.cli("edit", "old", "--token", "-", "--expires-at", "2001-01-01", stdin="x").returncode == 1
    assert app.cli("edit", "old", "--token", "-", stdin="\n").returncode == 1
    assert app.cli("token", "old").returncode == 4
