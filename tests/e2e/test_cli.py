"""Every command against the running application: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys

import pytest
import requests

from support.app import AppProcess, StartApp
from support.configurations import ALLOW, IN_MEMORY, demo_entry
from support.demo_provider import DemoProvider
from support.processes import end, program
from support.sign_in import provider, sign_in, works

COMMANDS = ("run", "demo", "status", "list", "show", "edit", "login", "logout", "token", "events", "doctor", "config")
COMMANDS += ("completion", "quit", "unlock", "check", "pkce", "selftest")
READ_JSON = (
    ["status"],
    ["list"],
    ["show", "demo"],
    ["token", "demo"],
    ["doctor"],
    ["config", "check"],
    ["config", "path"],
)


@pytest.fixture
def app(demo_provider: DemoProvider, start_app: StartApp) -> AppProcess:
    """The application, not signed in."""
    entries = demo_entry(demo_provider) + demo_entry(demo_provider, "by-code", flow="device_code")
    return start_app(args=["--headless"], config=IN_MEMORY + ALLOW + entries)


def test_status_list_and_show_follow_the_sign_in(app: AppProcess, demo_provider: DemoProvider) -> None:
    assert "2 signed out" in app.cli("status").stdout
    assert "signed out" in app.cli("show", "demo").stdout
    token = sign_in(app, demo_provider)
    status = app.cli("status")
    assert (status.returncode, status.stderr) == (0, "")
    assert status.stdout.startswith("TokenKeep ")
    assert "1 signed out, 1 active" in status.stdout
    assert "in memory only" in status.stdout
    table = app.cli("list").stdout.splitlines()
    assert table[0].split() == ["ID", "NAME", "STATE", "ACCOUNT", "TOKEN", "UNTIL"]
    assert re.match(r"demo +Demo provider +active +ada +\d\d:\d\d \(in ", table[1])
    assert re.match(r"by-code +Demo provider +signed out +- +-", table[2])
    shown = app.cli("show", "demo").stdout
    for words in ("active", "ada", demo_provider.issuer, "authorization code", "offline_access", "next refresh"):
        assert words in shown
    for text in (status.stdout, *table, shown):
        assert token not in text


def test_every_answer_is_there_as_json_too(app: AppProcess, demo_provider: DemoProvider) -> None:
    sign_in(app, demo_provider)
    found = {}
    for arguments in READ_JSON:
        answer = app.cli(*arguments, "--json")
        assert (answer.returncode, answer.stderr) == (0, ""), arguments
        found[" ".join(arguments)] = json.loads(answer.stdout)
    assert found["status"]["counts"]["active"] == 1
    assert [each["id"] for each in found["list"]["providers"]] == ["demo", "by-code"]
    assert found["show demo"]["account"] == "ada"
    assert works(demo_provider, found["token demo"]["access_token"])
    assert {each["name"] for each in found["doctor"]["checks"]} >= {"running", "socket", "keyring", "tray", "browser"}
    out = json.loads(app.cli("logout", "demo", "--json").stdout)
    assert out["revoked"] is True


def test_token_prints_the_token_and_nothing_else(app: AppProcess, demo_provider: DemoProvider) -> None:
    token = sign_in(app, demo_provider)
    plain = app.cli("token", "demo")
    assert (plain.returncode, plain.stdout, plain.stderr) == (0, f"{token}\n", "")
    met = json.loads(app.cli("token", "demo", "--min-valid", "10", "--json").stdout)
    assert met["min_valid_met"] is True
    wanting = json.loads(app.cli("token", "demo", "--min-valid=100000", "--json").stdout)
    assert wanting["min_valid_met"] is False
    covered = app.cli("token", "demo", "--scope", "openid notes:read")
    assert covered.returncode == 0
    for arguments in (["--scope", "calendar:read"], ["--resource", "https://else.example"], ["--audience", "else"]):
        refused = app.cli("token", "demo", *arguments)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr


def test_exit_codes_say_what_is_the_matter(app: AppProcess, demo_provider: DemoProvider) -> None:
    signed_out = app.cli("token", "demo")
    assert (signed_out.returncode, signed_out.stdout) == (4, "")
    assert "tokenkeep login" in signed_out.stderr
    unknown = app.cli("token", "dmo")
    assert (unknown.returncode, unknown.stdout) == (7, "")
    assert "Did you mean demo?" in unknown.stderr
    for command in ("show", "login", "logout"):
        assert app.cli(command, "dmo").returncode == 7, command
    assert app.cli("token").returncode == 2
    assert app.cli("nonsense").returncode == 2
    demo_provider.faults(metadata="500")
    unreachable = app.cli("login", "demo", "--no-open")
    assert unreachable.returncode == 8, unreachable.stderr
    assert app.stop() == 0
    for arguments in (["token", "demo"], ["status"], ["list"], ["events"], ["quit"], ["login", "demo"]):
        gone = app.cli(*arguments)
        assert (gone.returncode, gone.stdout) == (3, ""), arguments
        assert "Start it with" in gone.stderr


def test_headless_ask_means_no(demo_provider: DemoProvider, start_app: StartApp) -> None:
    app = start_app(args=["--headless"], config=IN_MEMORY + demo_entry(demo_provider))
    for arguments in (["token", "demo"], ["logout", "demo"], ["quit"]):
        assert app.cli(*arguments).returncode == 5, arguments
    assert app.cli("status").returncode == 0


def test_login_in_the_browser(app: AppProcess, demo_provider: DemoProvider) -> None:
    with app.background("login", "demo", "--no-open") as login:
        said = login.wait_for("request_uri=")
        address = next(line for line in said.splitlines() if line.startswith("http"))
        requests.get(demo_provider.sign_in(address), timeout=60)
        login.wait_for("Signed in to Demo provider as ada.")
        assert login.process.wait(60) == 0
    assert provider(app)["state"] == "active"


def test_a_login_that_is_denied_fails_and_ctrl_c_cancels(app: AppProcess, demo_provider: DemoProvider) -> None:
    with app.background("login", "demo", "--no-open") as login:
        said = login.wait_for("request_uri=")
        address = next(line for line in said.splitlines() if line.startswith("http"))
        requests.get(demo_provider.sign_in(address, allow=False), timeout=60)
        assert login.process.wait(60) == 5
    with app.background("login", "demo", "--no-open") as login:
        login.wait_for("request_uri=")
        login.process.send_signal(2)
        assert login.process.wait(60) == 130
        assert "cancelled" in login.said
    assert provider(app)["state"] == "signed_out"


def test_login_by_code_draws_a_qr_in_a_terminal(app: AppProcess, demo_provider: DemoProvider) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tokenkeep", "login", "by-code"]
    login = subprocess.Popen(
        command, env=app.env | {"TERM": "xterm-256color"}, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = b""
    approved = False
    try:
        while select.select([ours], [], [], 60)[0]:
            try:
                said += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            plain = re.sub(rb"\x1b\[[0-9;]*m", b"", said).decode(errors="replace")
            code = re.search(r"enter the code +([A-Z]{4}-[A-Z]{4})", plain)
            if code and not approved and "left" in plain:
                demo_provider.approve_device(code[1])
                approved = True
        assert login.wait(60) == 0
    finally:
        end(login)
        os.close(ours)
    assert "Signed in to Demo provider as ada." in plain
    assert f"{demo_provider.issuer}/device" in plain
    drawn = [line for line in plain.splitlines() if line.count("▀") > 20]
    assert len(drawn) > 10, "the QR code"


def test_events_follow_a_refresh(app: AppProcess, demo_provider: DemoProvider) -> None:
    sign_in(app, demo_provider)
    with app.background("events") as events, app.background("events", "--json") as lines:
        events.wait_for("snapshot")
        lines.wait_for('"event": "snapshot"')
        assert app.ask("POST", "/v1/providers/demo/refresh").status == 200
        said = events.wait_for("demo active ada")
        assert "demo refreshing" in said
        lines.wait_for('"state": "active"')
        states = [json.loads(line) for line in lines.said.splitlines()]
        assert next(each["data"]["state"] for each in states if each["event"] == "session") == "refreshing"
        assert len({each["id"] for each in states}) == len(states)
        assert not [word for word in ("demo-at", "demo-rt") if word in events.said + lines.said]
        app.stop()
        assert events.process.wait(60) == 0, "following ends with the application"


def test_logout_with_and_without_revoking(app: AppProcess, demo_provider: DemoProvider) -> None:
    token = sign_in(app, demo_provider)
    kept = app.cli("logout", "demo", "--no-revoke")
    assert kept.returncode == 0
    assert "not revoked" in kept.stdout
    assert works(demo_provider, token)
    token = sign_in(app, demo_provider)
    assert "has revoked" in app.cli("logout", "demo").stdout
    assert not works(demo_provider, token)


def test_quit_ends_it(app: AppProcess) -> None:
    gone = app.cli("quit")
    assert (gone.returncode, gone.stdout, gone.stderr) == (0, "", "")
    assert app.wait() == 0
    assert app.cli("status").returncode == 3


def test_doctor_names_what_it_finds(app: AppProcess) -> None:
    found = app.cli("doctor")
    assert found.returncode == 0, found.stdout
    for name in ("running", "socket", "config", "keyring", "display", "tray", "browser"):
        assert re.search(rf"(?m)^{name} +(ok|warning)", found.stdout), name
    app.stop()
    assert re.search(r"(?m)^running +warning +no", app.cli("doctor").stdout)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str, app: AppProcess) -> None:
    script = app.cli("completion", shell)
    assert script.returncode == 0
    assert all(command in script.stdout for command in COMMANDS)
    if shell == "bash":
        line = 'COMP_WORDS=(tokenkeep show ""); COMP_CWORD=2; _tokenkeep; echo "${COMPREPLY[@]}"'
        tokenkeep = f'tokenkeep() {{ "{sys.executable}" -m tokenkeep "$@"; }}'
        completed = subprocess.run(
            [program("bash"), "-c", f"{tokenkeep}\n{script.stdout}\n{line}"],
            env=app.env,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert {"demo", "by-code"} <= set(completed.stdout.split())


def test_help_names_every_command_and_the_exit_codes(app: AppProcess) -> None:
    text = app.cli("--help").stdout
    for command in COMMANDS:
        assert re.search(rf"(?m)^ +{command}\b", text), command
        told = app.cli(command, "--help")
        assert told.returncode == 0, command
        assert f"tokenkeep {command}" in told.stdout
    assert "7 unknown provider" in text
    assert re.fullmatch(r"tokenkeep \d+\.\d+\.\d+\S*\n", app.cli("--version").stdout)


def test_token_imports_the_standard_library_and_the_client_alone(app: AppProcess, demo_provider: DemoProvider) -> None:
    sign_in(app, demo_provider)
    command = [sys.executable, "-X", "importtime", "-m", "tokenkeep", "token", "demo"]
    environment = {name: value for name, value in app.env.items() if not name.startswith("COV")}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    imported = {
        line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if line.startswith("import time:")
    }
    bare = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", ""], env=environment, capture_output=True, text=True, check=True
    )
    imported -= {line.rpartition("|")[2].strip() for line in bare.stderr.splitlines()}  # what every start of Python has
    ours = {name for name in imported if name.startswith("tokenkeep.")}
    assert ours
    assert not [name for name in ours if not name.startswith(("tokenkeep.cli", "tokenkeep.client"))], ours
    foreign = (
        {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names) - {"tokenkeep", "imported package"}
    )
    assert not foreign
    assert "argparse" not in imported
