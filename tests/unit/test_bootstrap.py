"""What the composition root decides by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tokenkeep.bootstrap import Application
from tokenkeep.domain.tokens import Secret
from tokenkeep.storage.opening import VaultStorage
from tokenkeep.storage.paths import Paths

Make = Callable[[str], Application]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """An application on a vault that a passphrase opens, with a configuration."""
    monkeypatch.setattr("tokenkeep.bootstrap.hardening.harden", lambda *, headless: 0o022)  # noqa: ARG005
    made: list[Application] = []
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    paths = Paths.find(home, {})
    storage = VaultStorage(paths.vault_file)
    storage.open(storage.key("passphrase", Secret("open sesame"))).close()

    def application(config: str) -> Application:
        paths.config_file.write_text(config)
        made.append(Application(paths, headless=True))
        return made[-1]

    yield application
    for one in made:
        one.logs.close()


@pytest.mark.parametrize(
    "config",
    [
        '[storage]\nkey = "passphrase"\n[app\n',
        '[storage]\nkey = "pasphrase"\n',
        '[storag]\nkey = "passphrase"\n',
        '[storage]\nkee = "passphrase"\n',
    ],
)
def test_LEAK_4_a_mistake_in_the_file_sets_no_vault_aside(make: Make, config: str) -> None:
    application = make(config)
    assert application.configuration.problems
    assert application.configuration.storage.key == "passphrase"
    assert application.outside().read_configuration().storage.key == "passphrase"


def test_what_is_written_plainly_holds_beside_other_mistakes(make: Make) -> None:
    assert make('[storage]\nkey = "memory"\n[app]\nthem = "dark"\n').configuration.storage.key == "memory"


def test_without_a_mistake_the_default_holds(make: Make) -> None:
    assert make("").configuration.storage.key == "keyring"
