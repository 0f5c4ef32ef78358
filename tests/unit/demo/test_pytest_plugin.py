"""The pytest plug-in, in projects that are not this one: child runs of pytest."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

from support.markdown import ROOT

EXAMPLE = """
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest


def status(demo):
    form = urlencode({"grant_type": "x", "client_id": demo.client_id}).encode()
    try:
        with urlopen(f"{demo.issuer}/token", form) as answer:
            return answer.status
    except HTTPError as error:
        with error:
            return error.code


@pytest.mark.tokenkeep_faults(token="503*2")
def test_a_marker_sets_faults_that_are_counted(tokenkeep_demo):
    assert [status(tokenkeep_demo) for _ in range(3)] == [503, 503, 400]
    assert tokenkeep_demo.count("/token") == 3


def test_the_next_test_finds_neither_faults_nor_log(tokenkeep_demo):
    assert tokenkeep_demo.log() == []
    assert status(tokenkeep_demo) == 400
    tokenkeep_demo.faults(token="500")
    assert status(tokenkeep_demo) == 500
    assert [entry["status"] for entry in tokenkeep_demo.log("/token")] == [400, 500]


@pytest.mark.tokenkeep_faults(token="503", iss="wrong")
class TestMarkers:
    @pytest.mark.tokenkeep_faults(token="502")
    def test_the_closest_marker_wins(self, tokenkeep_demo):
        assert status(tokenkeep_demo) == 502

    def test_those_of_the_class_hold(self, tokenkeep_demo):
        assert status(tokenkeep_demo) == 503


def test_unknown_faults_are_errors(tokenkeep_demo):
    with pytest.raises(ValueError, match="made_up"):
        tokenkeep_demo.faults(made_up="on")


def test_one_process_for_all(tokenkeep_demo, tokenkeep_demo_server):
    assert tokenkeep_demo is tokenkeep_demo_server
    print("PID", tokenkeep_demo.description["pid"])
"""


def run(folder: Path, test: str, *, conftest: str = "", arguments: tuple[str, ...] = ()) -> tuple[int, str]:
    (folder / "test_it.py").write_text(test)
    (folder / "conftest.py").write_text(conftest)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n")
    # By name in place of the entry point, so that the test does not depend on how TokenKeep was installed.
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tokenkeep.demo.pytest_plugin",
        "-p",
        "no:cacheprovider",
        *arguments,
    ]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return result.returncode, result.stdout + result.stderr


def test_DEMO_3_faults_log_and_markers_work_in_another_project(tmp_path: Path) -> None:
    code, output = run(tmp_path, EXAMPLE, arguments=("-s",))
    assert code == 0, output
    assert "6 passed" in output
    pid = int(output.partition("PID ")[2].split()[0])
    assert not Path(f"/proc/{pid}").exists()


def test_a_project_chooses_options_and_signs_in_with_a_client_of_its_own(tmp_path: Path) -> None:
    conftest = """
import pytest

@pytest.fixture(scope="session")
def tokenkeep_demo_options():
    return {"token_lifetime": 7}
"""
    code, output = run(tmp_path, plug_in_example(), conftest=conftest)
    assert code == 0, output


def test_nothing_starts_and_no_test_changes_unless_a_fixture_is_asked_for(tmp_path: Path) -> None:
    test = """
import sys

def test_it(request):
    assert "tokenkeep.demo.testing" not in sys.modules
    assert "flask" not in sys.modules
    assert [name for name in request.fixturenames if "tokenkeep" in name] == []
"""
    code, output = run(tmp_path, test)
    assert code == 0, output


def test_a_marker_without_the_fixture_is_an_error(tmp_path: Path) -> None:
    test = """
import pytest

@pytest.mark.tokenkeep_faults(token="503")
def test_it():
    pass
"""
    code, output = run(tmp_path, test)
    assert code == 1
    assert "needs the fixture tokenkeep_demo" in output


def test_a_provider_that_cannot_start_says_why(tmp_path: Path) -> None:
    conftest = """
import pytest

@pytest.fixture(scope="session")
def tokenkeep_demo_options():
    return {"port": 99999}
"""
    code, output = run(tmp_path, "def test_it(tokenkeep_demo): pass", conftest=conftest, arguments=("-s",))
    assert code == 1
    assert "there is no port 99999" in output
    assert "ended with code 1" in output


def test_the_package_announces_the_plug_in() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        announced = tomllib.load(file)["project"]["entry-points"]["pytest11"]
    assert announced == {"tokenkeep_demo": "tokenkeep.demo.pytest_plugin"}
    assert import_module(announced["tokenkeep_demo"]).MARKER == "tokenkeep_faults"


def plug_in_example() -> str:
    """The example of docs/demo-provider.md."""
    text = (ROOT / "docs/demo-provider.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.S)
    return str(example)
