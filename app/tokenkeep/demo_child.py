"""The demo provider as a child process, and a configuration for it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import tomlkit

# -P: nothing is imported from the folder that somebody happens to be in.
DEMO_PROVIDER = (sys.executable, "-P", "-m", "tokenkeep.demo")
SERVICE_SECRET = "TOKENKEEP_DEMO_SERVICE_CLIENT_SECRET"  # as `tokenkeep demo server --print-env` names it
STOP_LIMIT = 5.0  # seconds the child gets to end


@contextlib.contextmanager
def demo_provider(port: int, token_lifetime: int, *options: str) -> Iterator[dict[str, Any]]:
    """The demo provider as a child process that ends with this one; gives the settings it printed.

    :param port: 0 takes a free one.
    :param token_lifetime: seconds an access token lives.
    :param options: further options of its command line.
    :raises RuntimeError: it did not start; the message says why.
    """
    command = [*DEMO_PROVIDER, "--port", str(port)]
    command += ["--token-lifetime", str(token_lifetime), *options]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    try:
        line = child.stdout.readline()
        if not line:
            raise RuntimeError(child.stderr.read().strip() or "the demo provider did not start")
        yield json.loads(line)
    finally:
        child.stdin.close()  # it lives until then
        try:
            child.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()
        child.stderr.close()


def configuration(provider: dict[str, Any], resource: Sequence[str] = (), **app: str) -> str:
    """A configuration for the demo provider: in memory only, and open to every program of this user.

    :param resource: what sign-ins are for (RFC 8707); all of the demo provider's resources when left out.
    :param app: further settings of `[app]`.
    """
    entry = {
        "issuer": provider["issuer"],
        "client_id": provider["client_id"],
        "scopes": provider["scopes"],
        "base_url": provider["resource"],
        **({"resource": list(resource)} if resource else {}),
        "local": True,
    }
    return tomlkit.dumps(
        {
            "app": {"start_hidden": False, **app},
            "storage": {"key": "memory"},
            "access": {"default": "allow", "manage": "allow"},
            "providers": {
                "demo": {"name": "Demo provider", **entry},
                "demo-code": {"name": "Demo, by code", "flow": "device_code", **entry},
                "demo-bound": {"name": "Demo, bound to a key", "dpop": "required", **entry},
                **_machines(provider),
            },
        }
    )


def _machines(provider: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Entries without a person. The service's secret is put into our environment; it is as old as this process."""
    service, workload = provider["clients"]["service"], provider["clients"]["workload"]
    os.environ[SERVICE_SECRET] = service["client_secret"]
    entry = {"issuer": provider["issuer"], "scopes": ["notes:read"], "base_url": provider["resource"], "local": True}
    as_service = {"client_id": service["client_id"], "client_secret": {"env": SERVICE_SECRET}, **entry}
    identity = [sys.executable, "-P", "-m", "tokenkeep.demo.identity_token", provider["origin"]]
    return {
        "demo-service": {"name": "Demo, a service", "flow": "client_credentials", **as_service},
        "demo-job": {
            "name": "Demo, a build job",
            "flow": "jwt_bearer",
            "client_id": workload["client_id"],
            "subject_token": {"source": "command", "command": identity},
            **entry,
        },
        "demo-exchange": {
            "name": "Demo, an exchange",
            "flow": "token_exchange",
            "client_id": workload["client_id"],
            "subject_token": {"source": "provider", "id": "demo-service"},
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            **entry,
        },
    }
