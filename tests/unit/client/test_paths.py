"""The client looks for the socket where the application makes it."""

from __future__ import annotations

import pytest

from tokenkeep.client.paths import socket_path
from tokenkeep.client.windows import sid_of
from tokenkeep.storage.paths import Paths


@pytest.mark.parametrize(
    "environ",
    [
        {"HOME": "/home/ada"},
        {"HOME": "/home/ada", "XDG_RUNTIME_DIR": "/run/user/1000"},
        {"HOME": "/home/ada", "XDG_RUNTIME_DIR": "relative"},
        {"HOME": "/home/ada", "XDG_RUNTIME_DIR": ""},
        {"HOME": "/home/ada", "XDG_STATE_HOME": "/state"},
        {"HOME": "/home/ada", "XDG_STATE_HOME": "relative"},
        {"HOME": "/home/ada", "TOKENKEEP_HOME": "/tmp/tk", "XDG_RUNTIME_DIR": "/run/user/1000"},
        {"HOME": "/home/ada", "TOKENKEEP_HOME": "/tmp/../tmp/tk/"},
        {"HOME": "/home/ada", "TOKENKEEP_HOME": "relative/tk"},
        {"HOME": "/home/ada", "TOKENKEEP_HOME": ""},
        {"HOME": "/home/ada", "TOKENKEEP_SOCKET": "/tmp/x.sock"},
        {"HOME": "/home/ada", "TOKENKEEP_SOCKET": "/tmp/x.sock", "TOKENKEEP_HOME": "/tmp/tk"},
        {"HOME": "/home/ada", "TOKENKEEP_SOCKET": ""},
    ],
)
def test_client_and_application_agree_on_the_sockets_place(environ: dict[str, str]) -> None:
    assert socket_path(environ, "linux") == str(Paths.find(environ=environ).socket)


def test_the_places_of_the_other_systems() -> None:
    assert socket_path({"HOME": "/Users/ada"}, "darwin") == "/Users/ada/Library/Caches/TokenKeep/api.sock"
    assert sid_of('"host\\ada","S-1-5-21-1-2-3-1001"\r\n') == "S-1-5-21-1-2-3-1001"
    with pytest.raises(ValueError):
        sid_of("nobody")
