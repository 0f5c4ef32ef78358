"""`python -m tokenkeep.demo` as a process: its one line, its end, its failures, its log."""

import json
import signal
import socket
import subprocess
import sys

import pytest
import requests

from support.demo_provider import DemoProvider

COMMAND = [sys.executable, "-m", "tokenkeep.demo"]


def run(*arguments: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code] if code else [*COMMAND, *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)


def test_one_line_says_all_and_the_end_of_input_ends_it() -> None:
    with DemoProvider() as provider:
        assert set(provider.description) == {
            "issuer", "origin", "control", "trap", "resource", "whoami", "client_id", "clients", "trusted_issuer",
            "client_id_metadata_document", "tls", "initial_access_token", "users", "scopes", "pid",
        }  # fmt: skip
        assert provider.description["pid"] == provider.process.pid
        assert provider.issuer.startswith("http://127.0.0.1:")
        assert provider.process.stdin is not None
        assert provider.process.stdout is not None
        provider.process.stdin.close()
        assert provider.process.wait(60) == 0
        assert provider.process.stdout.read() == ""


@pytest.mark.parametrize("frozen", [False, True])
def test_SIGTERM_ends_it_even_with_a_frozen_request(frozen: bool) -> None:
    with DemoProvider(faults={"token_freeze": "on"}) as provider:
        waiting = None
        if frozen:
            waiting = socket.create_connection(("127.0.0.1", int(provider.issuer.rpartition(":")[2])))
            host = provider.issuer.removeprefix("http://")
            body = "grant_type=refresh_token"
            head = f"POST /token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            waiting.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            provider.wait_for("/token")
        provider.process.send_signal(signal.SIGTERM)
        assert provider.process.wait(60) == 0
        if waiting:
            waiting.close()


def test_without_stdin_it_lives_until_SIGTERM() -> None:
    process = subprocess.Popen([*COMMAND, "--no-stdin"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        issuer = json.loads(process.stdout.readline())["issuer"]
        assert requests.get(issuer, timeout=60).status_code == 200
        process.terminate()
        assert process.wait(60) == 0


def test_a_taken_port_is_one_line_and_exit_code_1(demo_provider: DemoProvider) -> None:
    port = demo_provider.issuer.rpartition(":")[2]
    result = run("--port", port)
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert port in result.stderr


@pytest.mark.parametrize("module", ["flask", "authlib"])
def test_a_missing_package_is_one_line_that_says_what_to_install(module: str) -> None:
    code = f"import sys; sys.modules['{module}'] = None; from tokenkeep.demo.__main__ import main; sys.exit(main([]))"
    result = run(code=code)
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert "tokenkeep[demo]" in result.stderr


def test_a_bad_fault_or_port_is_exit_code_1_and_a_bad_option_2() -> None:
    assert run("--fault", "iss=made-up").returncode == 1
    assert run("--port", "99999").returncode == 1
    assert run("--fault", "iss").returncode == 2


@pytest.mark.parametrize("name", ["issuer", "control", "trap"])
def test_DEMO_1_only_loopback_listens(demo_provider: DemoProvider, name: str) -> None:
    port = int(demo_provider.description[name].rpartition(":")[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # No packet is sent: this asks which address the machine has towards others.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has loopback addresses only")
        address = probe.getsockname()[0]
    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect((address, port))


def test_the_log_names_secrets_by_fingerprint_only(demo_provider: DemoProvider) -> None:
    request = demo_provider.authorization_request()
    callback = demo_provider.sign_in(request.url)
    first = request.exchange(callback).json()
    second = demo_provider.refresh(first["refresh_token"]).json()
    demo_provider.call(second["access_token"])
    text = json.dumps(demo_provider.log())
    secrets = [first["access_token"], first["refresh_token"], second["access_token"], second["refresh_token"]]
    for secret in [*secrets, request.verifier, request.parameters["state"], callback.split("code=")[1].split("&")[0]]:
        assert secret not in text
    exchange, refresh = demo_provider.log("/token")
    assert (exchange["grant_type"], refresh["grant_type"]) == ("authorization_code", "refresh_token")
    assert exchange["issued_refresh_token"] == refresh["refresh_token"]
    assert "code_verifier" in exchange["fields"]
    assert demo_provider.log("/api/whoami")[0]["access_token"] == refresh["issued_access_token"]
    assert demo_provider.count("/token") == 2
    assert demo_provider.count("/token.refresh_token.ok") == 1


def test_nothing_is_written_to_the_terminal() -> None:
    process = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    issuer = json.loads(process.stdout.readline())["issuer"]
    for path in ("/authorize?code=CANARY", "/nothing", "/token?refresh_token=CANARY"):
        requests.get(issuer + path, timeout=60)
    assert process.communicate(timeout=60) == ("", "")
