"""What `tokenkeep config check` names."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest

from tokenkeep.cli import offline
from tokenkeep.oauth import client_metadata


def test_config_check_names_providers_that_cannot_work(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKENKEEP_HOME", str(home))
    (home / "config.toml").write_text('[providers.work]\nissuer = "http://sso.example.com"\nclient_id = "x"\n')
    assert offline.config(Namespace(what="check", json=False)) == 1
    assert f"{home / 'config.toml'}:2: " in capsys.readouterr().err


DOCUMENT = "https://apps.example/tokenkeep.json"


@pytest.mark.parametrize(("entry", "ports"), [("", 1), ("redirect_port = [53682, 53683]\n", 3)])
def test_CIMD_1_CIMD_3_the_document_to_publish_is_printed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], entry: str, ports: int
) -> None:
    monkeypatch.setenv("TOKENKEEP_HOME", str(home))
    text = f'[app]\nclient_metadata_url = "{DOCUMENT}"\n[providers.a]\nissuer = "https://a.example"\n'
    (home / "config.toml").write_text(f'{text}registration = "auto"\n{entry}')
    assert offline.config(Namespace(what="client-metadata", json=False)) == 0
    printed = json.loads(capsys.readouterr().out)
    assert client_metadata.faults(printed, DOCUMENT) == []
    assert len(printed["redirect_uris"]) == 3 * ports


def test_CIMD_1_without_an_address_there_is_no_document(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKENKEEP_HOME", str(home))
    assert offline.config(Namespace(what="client-metadata", json=False)) == 1
    assert "client_metadata_url" in capsys.readouterr().err


def test_CIMD_1_an_address_that_cannot_be_a_client_id_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKENKEEP_HOME", str(home))
    (home / "config.toml").write_text('[app]\nclient_metadata_url = "https://apps.example/"\n')
    assert offline.config(Namespace(what="check", json=False)) == 1
    assert "the address has no path" in capsys.readouterr().err
