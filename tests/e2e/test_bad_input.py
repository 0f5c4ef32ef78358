"""What is wrong in files and places: said in words, with a code, and nothing is overwritten."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from support.app import AppProcess, StartApp
from support.configurations import ALLOW, IN_MEMORY, demo_configuration, demo_entry
from support.demo_provider import DemoProvider
from support.file_keyring import IN_KEYRING, file_keyring
from support.homes import MakeHome
from support.processes import wait_for
from support.sign_in import access_token, provider, sign_in, wait_for_state

HEADLESS = ["--headless"]


def notices(app: AppProcess) -> str:
    """What the application has to say of itself."""
    return "\n".join(app.ask("GET", "/v1/status").json["notices"])


def write(app: AppProcess, text: str) -> None:
    """Replace config.toml as an editor does."""
    part = app.home / "config.toml.part"
    part.write_text(text)
    part.rename(app.home / "config.toml")


def ends(home: Path, **options: object) -> tuple[int, str]:
    """Start an application that cannot run; its exit code and what it said."""
    app = AppProcess(home, args=HEADLESS, **options)  # type: ignore[arg-type]
    try:
        app.start(ready=False)
        return app.wait(60), app.stderr
    finally:
        app.stop()


# --- config.toml


def test_broken_toml_is_told_with_its_line_and_mended_by_an_edit(
    demo_provider: DemoProvider, start_app: StartApp
) -> None:
    good = demo_configuration(demo_provider)
    app = start_app(args=HEADLESS, config=good + "\n[app\n")
    line = good.count("\n") + 2
    assert f"line {line}" in notices(app)
    assert f"line {line}" in app.cli("status").stdout
    checked = app.cli("config", "check")
    assert checked.returncode == 1
    assert f"config.toml:{line}:" in checked.stderr
    write(app, good)
    wait_for(lambda: not notices(app), "the mended file")
    sign_in(app, demo_provider)


def test_unknown_keys_are_told_with_a_near_match_and_the_rest_runs(
    demo_provider: DemoProvider, start_app: StartApp
) -> None:
    config = '[app]\nlog_levle = "debug"\n' + demo_configuration(demo_provider)
    app = start_app(args=HEADLESS, config=config)
    told = notices(app)
    assert "line 2" in told
    assert "log_levle" in told
    assert "log_level" in told.replace("log_levle", "")
    sign_in(app, demo_provider)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('redirect_port = "many"', "redirect_port"),
        ('flow = "implicit"', "flow"),
        ('isuer = "https://auth.example.com"', "isuer"),
        ('issuer = "http://auth.example.com"', "issuer"),
        ('scopes = "openid"', "scopes"),
    ],
)
def test_a_provider_that_cannot_work_is_a_row_with_key_and_line(
    line: str, key: str, demo_provider: DemoProvider, start_app: StartApp
) -> None:
    name, _, _ = line.partition(" ")
    entry = {"issuer": '"https://auth.example.com"', "client_id": '"x"'}
    lines = [f"{known} = {value}" for known, value in entry.items() if known != name] + [line]
    good = demo_configuration(demo_provider)
    app = start_app(args=HEADLESS, config="\n".join([good, "[providers.broken]", *lines, ""]))
    number = good.count("\n") + 2 + len(lines)
    row = provider(app, "broken")
    assert row["state"] == "failed"
    problem = row["last_error"]
    assert problem["code"] == "misconfigured"
    assert key in problem["detail"]
    assert f"line {number}" in problem["detail"]
    shown = app.cli("show", "broken")
    assert key in shown.stdout
    assert f"line {number}" in shown.stdout
    asked = app.ask("GET", "/v1/providers/broken/token")
    assert (asked.status, asked.json["code"]) == (422, "misconfigured")
    sign_in(app, demo_provider)


def test_a_mended_entry_runs_and_a_broken_one_keeps_its_sign_in(
    demo_provider: DemoProvider, start_app: StartApp, make_home: MakeHome
) -> None:
    good = IN_KEYRING + ALLOW + demo_entry(demo_provider)
    app = start_app(args=HEADLESS, env=file_keyring(make_home()), config=good)
    token = sign_in(app, demo_provider)
    write(app, good + 'nonsense = "x"\n')
    wait_for_state(app, "failed")
    write(app, good)
    wait_for_state(app, "active")
    assert access_token(app) == token


@pytest.mark.unprivileged
def test_a_file_that_may_not_be_read_is_told(home: Path, start_app: StartApp) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads every file")
    path = home / "config.toml"
    path.write_text(IN_MEMORY)
    path.chmod(0)
    app = start_app(args=HEADLESS)
    assert "config.toml" in notices(app)


# --- the vault


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"this is no database " * 500, lambda content: content[: len(content) // 3]],
    ids=["garbage", "truncated"],
)
def test_a_corrupt_vault_is_kept_aside_and_told(
    damage: Callable[[bytes], bytes], demo_provider: DemoProvider, start_app: StartApp, make_home: MakeHome
) -> None:
    config = IN_KEYRING + ALLOW + demo_entry(demo_provider)
    app = start_app(args=HEADLESS, env=file_keyring(make_home()), config=config)
    sign_in(app, demo_provider)
    app.stop()
    vault = app.home / "vault.db"
    for side in ("-wal", "-shm"):
        vault.with_name(vault.name + side).unlink(missing_ok=True)
    damaged = damage(vault.read_bytes())
    vault.write_bytes(damaged)
    app.start()
    wait_for(lambda: notices(app), "the notice")
    assert provider(app)["state"] == "signed_out"
    assert "vault.db.damaged-1" in notices(app)
    assert (app.home / "vault.db.damaged-1").read_bytes() == damaged, "kept as it was"
    assert "sign in again" in app.cli("status").stdout
    token = sign_in(app, demo_provider)
    app.stop()
    app.start()
    wait_for_state(app, "active")
    assert access_token(app) == token
    assert not notices(app)


# --- the socket's place


def occupied_by_a_file(home: Path) -> str:
    (home / "run").mkdir(mode=0o700)
    (home / "run/api.sock").write_text("mine")
    return "Something else is at"


def occupied_by_a_link(home: Path) -> str:
    (home / "run").mkdir(mode=0o700)
    (home / "mine").write_text("mine")
    (home / "run/api.sock").symlink_to(home / "mine")
    return "Something else is at"


def occupied_by_a_folder(home: Path) -> str:
    (home / "run/api.sock").mkdir(parents=True)
    (home / "run").chmod(0o700)
    return "Something else is at"


def open_to_others(home: Path) -> str:
    (home / "run").mkdir()
    (home / "run").chmod(0o777)
    return "chmod 700"


def folder_is_a_link(home: Path) -> str:
    (home / "elsewhere").mkdir(mode=0o700)
    (home / "run").symlink_to(home / "elsewhere")
    return "is a link"


def folder_is_a_file(home: Path) -> str:
    (home / "run").write_text("mine")
    return "run"


@pytest.mark.unprivileged
@pytest.mark.parametrize(
    "prepare",
    [
        occupied_by_a_file,
        occupied_by_a_link,
        occupied_by_a_folder,
        open_to_others,
        folder_is_a_link,
        folder_is_a_file,
    ],
)
def test_AGENT_1_AGENT_3_something_in_the_sockets_way_is_told_and_left_alone(
    prepare: Callable[[Path], str], home: Path
) -> None:
    words = prepare(home)
    before = sorted((path, path.lstat().st_mode) for path in home.rglob("*"))
    code, said = ends(home, config=IN_MEMORY)
    assert code == 1
    assert words in said
    assert "Traceback" not in said
    assert [each for each in before if not each[0].exists() and not each[0].is_symlink()] == []
    for path, mode in before:
        assert path.lstat().st_mode == mode, path
    for path in (home / "run/api.sock", home / "mine", home / "run"):
        if path.is_file():
            assert path.read_text() == "mine"


@pytest.mark.unprivileged
def test_AGENT_1_a_path_that_is_too_long_is_told(home: Path) -> None:
    place = home / ("x" * 120) / "api.sock"
    code, said = ends(home, config=IN_MEMORY, env={"TOKENKEEP_SOCKET": str(place)})
    assert code == 1
    assert "107" in said
    assert "TOKENKEEP_SOCKET" in said
    assert "Traceback" not in said


@pytest.mark.unprivileged
def test_AGENT_3_a_socket_left_by_a_killed_process_is_replaced(start_app: StartApp) -> None:
    app = start_app(args=HEADLESS, config=IN_MEMORY)
    app.kill9()
    assert app.socket_path.is_socket()
    gone = app.cli("status")
    assert gone.returncode == 3
    assert "not running" in gone.stderr
    app.start()
    assert app.ask("GET", "/v1/status").json["pid"] == app.pid


def test_AGENT_3_a_second_process_says_that_there_is_one_and_leaves_it_alone(start_app: StartApp) -> None:
    app = start_app(args=HEADLESS, config=IN_MEMORY)
    code, said = ends(app.home)
    assert code == 1
    assert "already running" in said
    assert app.ask("GET", "/v1/status").json["pid"] == app.pid


# --- folders and ports


def test_a_home_that_cannot_be_made_is_told(home: Path) -> None:
    (home / "file").write_text("mine")
    code, said = ends(home, env={"TOKENKEEP_HOME": str(home / "file/below")})
    assert code == 1
    assert str(home / "file") in said
    assert "Traceback" not in said
    assert (home / "file").read_text() == "mine"


@pytest.mark.unprivileged
def test_a_home_that_may_not_be_written_is_told(home: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    closed = home / "closed"
    closed.mkdir(mode=0o500)
    code, said = ends(home, env={"TOKENKEEP_HOME": str(closed)})
    assert code == 1
    assert str(closed) in said
    assert "Traceback" not in said


def test_LOOP_a_redirect_port_that_is_taken_is_told(demo_provider: DemoProvider, start_app: StartApp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        app = start_app(args=HEADLESS, config=demo_configuration(demo_provider, redirect_port=port))
        told = app.cli("login", "demo", "--no-open")
        assert told.returncode == 1
        assert str(port) in told.stderr
        assert provider(app)["state"] == "signed_out"
    sign_in(app, demo_provider)


def test_SIGHUP_reads_the_file_again_and_ends_nothing(demo_provider: DemoProvider, start_app: StartApp) -> None:
    app = start_app(args=HEADLESS, config=demo_configuration(demo_provider))
    with app.background("events", "--json") as events:
        events.wait_for('"event": "snapshot"')
        os.kill(app.pid, signal.SIGHUP)
        events.wait_for('"event": "config"')
    assert app.ask("GET", "/v1/status").json["pid"] == app.pid
