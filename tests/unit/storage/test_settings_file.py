"""Changes by the window keep what the person wrote, and never cost the file."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

import pytest

from tokenkeep.domain.errors import Misconfigured, StorageFailed
from tokenkeep.storage.catalogue import Catalogue
from tokenkeep.storage.files import signature
from tokenkeep.storage.settings import read
from tokenkeep.storage.settings_file import remove, set_value

TEXT = """\
# mine, since 2024
[app]   # look here
theme = "dark"  # easier on the eyes

# who may
[[access.rule]]
app = "/usr/bin/git"
decision = "allow"

[providers.github]
preset = "github"   # the usual one
client_id = "abc"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(TEXT)
    return file


def test_a_changed_value_leaves_every_other_byte(path: Path) -> None:
    set_value(path, "app.theme", "light")
    assert path.read_text() == TEXT.replace('theme = "dark"', 'theme = "light"')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_new_keys_and_sections_are_added_and_all_comments_stay(path: Path) -> None:
    set_value(path, "app.language", "de")
    set_value(path, "access.default", "deny")
    set_value(path, ("storage", "key"), "memory")
    set_value(path, "providers.x", {"issuer": "https://a.example", "client_id": "c", "scopes": ["a"]})
    set_value(path, "gateway.clients.editor", {"providers": ["x"]})
    text = path.read_text()
    for comment in ("# mine, since 2024", "# look here", "# easier on the eyes", "# who may", "# the usual one"):
        assert comment in text
    configuration = read(path, Catalogue.load())
    assert configuration.problems == ()
    assert configuration.app.language == "de"
    assert configuration.storage.key == "memory"
    assert set(configuration.providers) == {"github", "x"}
    assert len(configuration.access.rule) == 1


def test_a_provider_is_removed_and_the_rest_stays(path: Path) -> None:
    remove(path, "providers.github")
    remove(path, "providers.unknown")
    remove(path, "app.theme.deeper")
    remove(path, "nothing.at.all")
    text = path.read_text()
    assert text.startswith(TEXT[: TEXT.index("[providers.github]")].rstrip("\n"))
    assert "providers" not in tomllib.loads(text) or tomllib.loads(text)["providers"] == {}


def test_the_first_change_makes_file_and_folder_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "tokenkeep/config.toml"
    before = os.umask(0)
    try:
        set_value(path, "app.theme", "light")
    finally:
        os.umask(before)
    assert tomllib.loads(path.read_text()) == {"app": {"theme": "light"}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_change_that_changes_nothing_does_not_touch_the_file(path: Path) -> None:
    before = signature(path)
    set_value(path, "app.theme", "dark")
    assert signature(path) == before


def test_a_file_that_was_edited_since_it_was_read_is_not_overwritten(path: Path) -> None:
    seen = signature(path)
    path.write_text(TEXT + "# more\n")
    with pytest.raises(StorageFailed, match="changed meanwhile"):
        set_value(path, "app.theme", "light", expected=seen)
    assert path.read_text() == TEXT + "# more\n"
    set_value(path, "app.theme", "light", expected=signature(path))
    assert path.read_text().endswith("# more\n")


@pytest.mark.parametrize("content", [b"[app\n", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_left_for_the_person_to_mend(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Misconfigured, match="cannot be read as TOML"):
        set_value(path, "app.theme", "light")
    assert path.read_bytes() == content


def test_a_key_through_something_that_is_no_section_is_refused(path: Path) -> None:
    with pytest.raises(Misconfigured, match="is not a section"):
        set_value(path, "app.theme.dark", True)
    assert path.read_text() == TEXT


@pytest.mark.parametrize("quoted", ['a "quoted" one', "line\nbreak", "ünï\\code", ""])
def test_any_text_comes_back_as_it_was(path: Path, quoted: str) -> None:
    set_value(path, "app.browser", quoted)
    assert tomllib.loads(path.read_text())["app"]["browser"] == quoted


def test_a_linked_file_of_a_dotfile_manager_stays_linked(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles/tokenkeep.toml").write_text(TEXT)
    (tmp_path / "config.toml").symlink_to("dotfiles/tokenkeep.toml")
    set_value(tmp_path / "config.toml", "app.theme", "light")
    assert (tmp_path / "config.toml").is_symlink()
    assert 'theme = "light"' in (tmp_path / "dotfiles/tokenkeep.toml").read_text()


def test_a_change_that_would_read_back_as_something_else_is_not_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in ("[app]\n", "[app"):
        monkeypatch.setattr("tomlkit.dumps", lambda _, wrong=wrong: wrong)
        with pytest.raises(StorageFailed, match="cannot be made"):
            set_value(path, "app.theme", "light")
    assert path.read_text() == TEXT


@pytest.mark.unprivileged
def test_a_folder_where_we_may_not_write_costs_nothing(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere; the unprivileged run counts")
    path.parent.chmod(0o500)
    try:
        with pytest.raises(StorageFailed, match="could not be written"):
            set_value(path, "app.theme", "light")
    finally:
        path.parent.chmod(0o700)
    assert path.read_text() == TEXT


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(StorageFailed, match="cannot be read"):
        set_value(tmp_path / "config.toml", "app.theme", "light")
