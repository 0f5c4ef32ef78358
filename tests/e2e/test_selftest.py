"""`tokenkeep selftest` as a person runs it: everything passes, nothing is left behind, what fails is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from support.processes import clean_environment
from tokenkeep.cli.selftest.flows import FLOWS, Flow, Wrong
from tokenkeep.cli.selftest.person import Page, Person, Stuck
from tokenkeep.cli.selftest.run import play, summary

GUARD = 120.0


def selftest(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    temporary = home / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = clean_environment(home, {"TOKENKEEP_HOME": str(home / "tk"), "TMPDIR": str(temporary), **variables})
    return subprocess.run(
        [sys.executable, "-m", "tokenkeep", "selftest", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=GUARD,
    )


def test_all_flows_pass_and_nothing_is_left_behind(home: Path) -> None:
    done = selftest(home)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    lines = done.stdout.splitlines()
    assert [line[:4] for line in lines[: len(FLOWS)]] == ["pass"] * len(FLOWS)
    assert lines[-1] == f"{len(FLOWS)} passed."
    assert max(map(len, lines)) <= 80
    assert not [path for path in home.rglob("*") if not path.is_dir()]
    assert not list((home / "tmp").iterdir())
    assert not (home / "tk").exists()
    assert str(done.stdout).count("eyJ") == 0


def test_a_missing_demo_extra_is_said_with_the_way_to_get_it(home: Path) -> None:
    blocked = home / "blocked"
    blocked.mkdir()
    (blocked / "flask.py").write_text("raise ModuleNotFoundError(\"No module named 'flask'\", name='flask')\n")
    path = os.pathsep.join([str(blocked), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = selftest(home, "--json", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'tokenkeep[demo]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_json_has_every_flow_with_its_standard(home: Path) -> None:
    done = selftest(home, "--json")
    assert done.returncode == 0
    flows = json.loads(done.stdout)["flows"]
    assert [flow["name"] for flow in flows] == [flow.name for flow in FLOWS]
    assert all(flow["outcome"] == "pass" and flow["standard"] for flow in flows)


def test_a_flow_that_fails_is_said_and_what_needs_it_is_not_tried() -> None:
    def fails(_: object) -> str:
        raise Wrong("The token is not taken.")

    def stuck(_: object) -> str:
        raise Stuck("The sign-in does not end.")

    flows = (
        Flow("one", "", fails),
        Flow("two", "", lambda _: "never", needs="one"),
        Flow("three", "", stuck),
        Flow("four", "", lambda _: "fine"),
    )
    results = list(play(None, flows))  # type: ignore[arg-type]  # these flows need no stage
    assert [result.outcome for result in results] == ["fail", "skip", "fail", "pass"]
    assert results[0].detail == "The token is not taken."
    assert summary(results) == "1 passed, 2 failed, 1 not tried."


def test_the_needs_of_the_table_come_before_those_that_need_them() -> None:
    names: list[str] = []
    for flow in FLOWS:
        assert not flow.needs or flow.needs in names
        names.append(flow.name)
    assert len(names) == len(set(names))


def test_the_tiny_browser_sends_its_password_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    person = Person("http://127.0.0.1:9", "ada", "CANARY-PASSWORD")
    sent: list[str] = []

    def send(request: urllib.request.Request) -> Page:
        sent.append(request.full_url)
        raise AssertionError

    monkeypatch.setattr(person, "_send", send)
    page = Page(200, "", "", '<form method="post" action="http://127.0.0.1:99/login"><input name="password"></form>')
    with pytest.raises(Stuck):
        person._next(page)
    assert sent == []
