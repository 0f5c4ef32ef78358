"""docs/demo-provider.md is what the demo provider says of itself, and its recipes work."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from support.demo_provider import DemoProvider
from support.markdown import ROOT, document
from tokenkeep.demo.announcement import PREFIX, settings
from tokenkeep.demo.web.recipes import RECIPES


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo_provider_page", ROOT / "packaging/demo_provider.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_parts_are_up_to_date(page: ModuleType) -> None:
    text = page.DOCUMENT.read_text()
    assert page.document(text) == text, "run `make demo-provider` and commit the page"


class Terminal:
    """Runs scripts one after another in one environment, as a person pastes them into one terminal."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir(exist_ok=True)
        self._state = folder / "state"
        self._state.touch()
        self._environment = os.environ | environment

    def run(self, script: str, **instead: str) -> str:
        """The output; `instead` fills in what the script leaves to the person."""
        for name, value in instead.items():
            script, found = re.subn(rf"^{name}='the .*'$", f"{name}={shlex.quote(value)}", script, flags=re.MULTILINE)
            assert found == 1, name
        assert "='the " not in script
        result = subprocess.run(
            ["sh", "-ec", f". {self._state}\nset -a\n{script}\nexport -p > {self._state}"],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout


def test_the_recipes_of_the_page_work_as_they_stand(demo_provider: DemoProvider, tmp_path: Path) -> None:
    environment = {f"{PREFIX}{name}": value for name, value in settings(demo_provider.description).items()}
    terminal = Terminal(tmp_path, environment)
    section = document("docs/demo-provider.md").text.partition("<!-- recipes -->")[2].partition("<!-- end of")[0]
    assert len({recipe.title for recipe in RECIPES}) == len(RECIPES)
    scripts = dict(re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", section, re.MULTILINE | re.DOTALL))
    steps = {recipe.name: re.findall(r"```sh\n(.*?)```", scripts[recipe.title], re.DOTALL) for recipe in RECIPES}

    address = terminal.run(steps["code"][0]).strip()
    tokens = json.loads(terminal.run(steps["code"][1], ADDRESS=demo_provider.sign_in(address)))
    assert tokens["id_token"]

    codes = json.loads(terminal.run(steps["device"][0]))
    demo_provider.approve_device(codes["user_code"])
    by_code = json.loads(terminal.run(steps["device"][1], DEVICE_CODE=codes["device_code"]))

    renewed = json.loads(terminal.run(steps["refresh"][0], REFRESH_TOKEN=by_code["refresh_token"]))
    used = terminal.run(steps["use"][0], ACCESS_TOKEN=renewed["access_token"])
    assert used.startswith("HTTP/1.1 200")
    revoked = terminal.run(steps["revoke"][0], REFRESH_TOKEN=renewed["refresh_token"])
    assert revoked.startswith("HTTP/1.1 200")
    used = terminal.run(steps["use"][0], ACCESS_TOKEN=renewed["access_token"])
    assert used.startswith("HTTP/1.1 401")

    registered = json.loads(terminal.run(steps["register"][0]))
    assert registered["registration_client_uri"]
    assert registered["redirect_uris"] == ["http://127.0.0.1/callback/ME"]
    environment[f"{PREFIX}CLIENT_ID"] = registered["client_id"]
    other = Terminal(tmp_path / "other", environment)
    address = other.run(steps["code"][0]).strip()
    assert json.loads(other.run(steps["code"][1], ADDRESS=demo_provider.sign_in(address)))["refresh_token"]

    for name in ("client_credentials", "jwt_bearer", "token_exchange"):
        token = json.loads(terminal.run(steps[name][0]))["access_token"]
        assert demo_provider.call(token, "/notes").status_code == 200, name
    assert json.loads(terminal.run(steps["introspection"][0]))["active"] is True
    assert set(steps) == {
        "code", "device", "refresh", "use", "revoke", "register",
        "client_credentials", "jwt_bearer", "token_exchange",
        "introspection",
    }  # fmt: skip
