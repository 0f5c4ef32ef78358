"""The device grant by curl and a shell alone: what a person can do without any library."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from support.demo_provider import DemoProvider
from support.homes import MakeHome
from support.processes import clean_environment, end, program

SCRIPT = Path(__file__).parents[2] / "peers/clients/device.sh"


def test_DEMO_5_device_grant_with_curl_alone(start_demo: Callable[..., DemoProvider], make_home: MakeHome) -> None:
    program("curl")
    # Between two polls the person decides, so the test does not have to wait for the interval.
    demo = start_demo(device_interval=0)
    command = [str(SCRIPT), demo.issuer, demo.client_id, "openid profile notes:read", demo.whoami]
    process = subprocess.Popen(
        command, env=clean_environment(make_home()), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        user_code = process.stdout.readline().decode().strip()
        process.stdin.write(b"poll\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"authorization_pending\n"
        demo.approve_device(user_code, "grace")
        answer, _ = process.communicate(b"poll\n", timeout=60)
    finally:
        end(process)
    assert process.returncode == 0
    assert json.loads(answer)["username"] == "grace"
