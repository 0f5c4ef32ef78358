"""`tokenkeep demo server`: the demo provider alone, at a terminal."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from support.demo_provider import DemoProvider

COMMAND = [sys.executable, "-m", "tokenkeep", "demo", "server"]


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def start(started: list[subprocess.Popen[str]], *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    started.append(process)
    return process


def line_with(process: subprocess.Popen[str], part: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if part in line:
            return line
    raise AssertionError(f"it ended without a word of '{part}': {process.communicate()}")


def test_it_says_in_words_where_it_is_and_Ctrl_C_ends_it(started: list[subprocess.Popen[str]]) -> None:
    process = start(started)
    words = line_with(process, "http://127.0.0.1:").split()
    issuer = next(word for word in words if word.startswith("http://"))
    rest = line_with(process, "ada") + line_with(process, "Ctrl-C")
    assert "password demo" in rest
    assert requests.get(issuer, timeout=60).status_code == 200
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


def test_the_address_to_open_has_no_path_where_the_issuer_has_one(started: list[subprocess.Popen[str]]) -> None:
    process = start(started, "--issuer-path", "/tenant/")
    words = line_with(process, "open this address").split()
    address = next(word for word in words if word.startswith("http://"))
    assert f"{address}/tenant/" in line_with(process, "Issuer:")
    faults = line_with(process, "/faults").split()[-1]
    assert [requests.get(url, timeout=60).status_code for url in (address, faults)] == [200, 200]


def test_the_options_of_the_provider_hold_here_too(started: list[subprocess.Popen[str]]) -> None:
    process = start(started, "--json", "--token-lifetime", "7", "--fault", "token=503*2")
    description = json.loads(line_with(process, "issuer"))
    assert description["pid"] == process.pid
    active = requests.get(f"{description['control']}/faults", timeout=60).json()["active"]
    assert active == {"token": "503*2"}


def test_a_shell_gets_all_settings_in_one_line_and_the_server_goes_on() -> None:
    script = f"""
        eval "$({" ".join(COMMAND)} --print-env &)"
        env | grep ^TOKENKEEP_DEMO_
        curl --silent --fail --output /dev/null \\
            "$TOKENKEEP_DEMO_ISSUER/.well-known/openid-configuration" && echo answered
        kill "$TOKENKEEP_DEMO_PID"
        while curl --silent --output /dev/null "$TOKENKEEP_DEMO_ISSUER"; do :; done
        echo gone
    """
    result = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=120, check=True)
    lines = result.stdout.splitlines()
    assert [lines.pop(), lines.pop()] == ["gone", "answered"]
    settings = dict(line.removeprefix("TOKENKEEP_DEMO_").split("=", 1) for line in lines)
    assert settings["CLIENT_ID"] == "tokenkeep-demo"
    # Characters that a shell would eat are in these secrets.
    assert settings["CONFIDENTIAL_CLIENT_SECRET"].endswith("+%&")
    assert settings["SERVICE_CLIENT_SECRET"] != settings["CONFIDENTIAL_CLIENT_SECRET"]


def test_DEMO_1_secrets_and_keys_are_new_in_each_run(started: list[subprocess.Popen[str]]) -> None:
    seen = []
    for _ in range(2):
        description = json.loads(line_with(start(started, "--json"), "issuer"))
        secrets = [client.get("client_secret") for client in description["clients"].values()]
        keys = requests.get(f"{description['issuer']}/jwks.json", timeout=60).json()["keys"]
        seen.append({*filter(None, secrets), *(key.get("n", key.get("x")) for key in keys)})
    assert len(seen[0]) > 2
    assert not seen[0] & seen[1]


def test_a_taken_port_names_the_way_out(demo_provider: DemoProvider) -> None:
    port = demo_provider.issuer.rpartition(":")[2]
    result = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 1
    assert result.stderr == (
        f"tokenkeep demo: port {port} is taken. Name another with --port, or none to get a free one.\n"
    )


def test_help_and_wrong_usage() -> None:
    helped = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, timeout=120, check=False)
    assert helped.returncode == 0
    assert "--print-env" in helped.stdout
    wrong = subprocess.run(
        [*COMMAND, "--json", "--print-env"], capture_output=True, text=True, timeout=120, check=False
    )
    assert wrong.returncode == 2
