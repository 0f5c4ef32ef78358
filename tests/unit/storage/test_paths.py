"""Where everything lies, by platform, environment and command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenkeep.storage.paths import Paths

HOME = {"HOME": "/home/ada"}


def test_the_places_of_the_configuration_reference_are_used() -> None:
    paths = Paths.find(environ=HOME | {"XDG_RUNTIME_DIR": "/run/user/1000"})
    assert paths == Paths(
        config_dir=Path("/home/ada/.config/tokenkeep"),
        config_file=Path("/home/ada/.config/tokenkeep/config.toml"),
        data_dir=Path("/home/ada/.local/share/tokenkeep"),
        vault_file=Path("/home/ada/.local/share/tokenkeep/vault.db"),
        log_dir=Path("/home/ada/.local/state/tokenkeep/log"),
        runtime_dir=Path("/run/user/1000/tokenkeep"),
        socket=Path("/run/user/1000/tokenkeep/api.sock"),
    )


def test_without_a_runtime_directory_the_socket_is_below_the_state() -> None:
    assert Paths.find(environ=HOME).socket == Path("/home/ada/.local/state/tokenkeep/run/api.sock")


def test_xdg_variables_move_them_and_relative_ones_are_ignored() -> None:
    environ = HOME | {
        "XDG_CONFIG_HOME": "/c",
        "XDG_DATA_HOME": "/d",
        "XDG_STATE_HOME": "relative/state",
        "XDG_RUNTIME_DIR": "relative/run",
    }
    paths = Paths.find(environ=environ)
    assert paths.config_file == Path("/c/tokenkeep/config.toml")
    assert paths.vault_file == Path("/d/tokenkeep/vault.db")
    assert paths.log_dir == Path("/home/ada/.local/state/tokenkeep/log")
    assert paths.socket == Path("/home/ada/.local/state/tokenkeep/run/api.sock")


@pytest.mark.parametrize("from_environment", [True, False])
def test_one_folder_holds_everything_when_asked(from_environment: bool) -> None:
    environ = HOME | {"XDG_RUNTIME_DIR": "/run/user/1000", "TOKENKEEP_HOME": "/portable" if from_environment else "/no"}
    paths = Paths.find(None if from_environment else Path("/portable"), environ)
    assert paths == Paths(
        config_dir=Path("/portable"),
        config_file=Path("/portable/config.toml"),
        data_dir=Path("/portable"),
        vault_file=Path("/portable/vault.db"),
        log_dir=Path("/portable/log"),
        runtime_dir=Path("/portable/run"),
        socket=Path("/portable/run/api.sock"),
    )


def test_a_relative_folder_is_taken_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Paths.find(Path("portable"), HOME).vault_file == tmp_path / "portable/vault.db"


def test_the_socket_alone_can_be_elsewhere() -> None:
    for environ in (HOME, HOME | {"TOKENKEEP_HOME": "/portable"}):
        assert Paths.find(environ=environ | {"TOKENKEEP_SOCKET": "/s/api.sock"}).socket == Path("/s/api.sock")


def test_on_macos_the_platforms_own_places_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    paths = Paths.find(environ=HOME)
    assert all("TokenKeep" in str(place) for place in (paths.config_dir, paths.data_dir, paths.log_dir, paths.socket))
    assert paths.socket.name == "api.sock"
