"""What `tokenkeep config check` names."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from tokenkeep.cli import offline


def test_config_check_names_providers_that_cannot_work(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKENKEEP_HOME", str(home))
    (home / "config.toml").write_text('[providers.work]\nissuer = "http://sso.example.com"\nclient_id = "x"\n')
    assert offline.config(Namespace(what="check", json=False)) == 1
    assert f"{home / 'config.toml'}:2: " in capsys.readouterr().err
