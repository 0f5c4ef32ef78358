"""Our own child processes import nothing from the folder in which somebody happens to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.processes import wait_for
from tokenkeep.cli.exits import DONE
from tokenkeep.cli.start import start
from tokenkeep.client import NotRunning, TokenKeep, TokenKeepError
from tokenkeep.demo_run import demo_provider

FOREIGN = "raise SystemExit('this is somebody else\\'s file')\n"


def test_the_demo_provider_does_not_import_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("flask", "authlib", "random"):
        (tmp_path / f"{name}.py").write_text(FOREIGN)
    monkeypatch.chdir(tmp_path)
    with demo_provider(0, 60) as settings:
        assert settings["issuer"].startswith("http://127.0.0.1:")


def test_a_start_does_not_import_from_the_home_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pydantic", "uvloop", "random"):
        (home / f"{name}.py").write_text(FOREIGN)
    kept = home / "kept"
    kept.mkdir(mode=0o700)
    (kept / "config.toml").write_text('[storage]\nkey = "memory"\n[access]\nmanage = "allow"\n')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TOKENKEEP_HOME", str(kept))
    assert start() == DONE
    with TokenKeep() as client:
        client.quit()

    def gone() -> bool:
        try:
            with TokenKeep() as client:
                client.status()
        except NotRunning:
            return True
        except TokenKeepError:  # it is just closing its connections
            return False
        return False

    wait_for(gone, "the end of the application")
