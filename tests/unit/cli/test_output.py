"""What people read: aligned, in their own time, in colours only where they are wanted."""

from __future__ import annotations

import io
import time

import pytest

from tokenkeep.cli import output

NOW = 1_900_000_000.0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()


def test_columns_are_aligned_by_what_a_terminal_shows() -> None:
    text = output.table(("ID", "NAME", "STATE"), [("a", "日本", "active"), ("long-id", "e\u0301", "x")])
    lines = text.split("\n")
    assert [line.rstrip() for line in lines] == lines
    assert lines[0] == "ID       NAME  STATE"
    assert lines[1] == "a        日本  active"
    assert lines[2] == "long-id  e\u0301     x"


def test_a_terminal_is_not_obeyed_to_what_a_provider_says() -> None:
    shown = output.pairs([("name", "evil\x1b[2J\r\nname\x07")])
    assert "\x1b" not in shown
    assert "\n" not in shown


def test_names_without_a_value_are_left_out() -> None:
    assert output.pairs([("a", "1"), ("longer", "2"), ("empty", "")]) == "a       1\nlonger  2"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(30, "in 30 s"), (-30, "30 s ago"), (600, "in 10 min"), (-7200, "2 h ago"), (86_400 * 3, "in 3 days")],
)
def test_a_distance_in_words(seconds: float, words: str) -> None:
    assert output.distance(seconds) == words


def test_times_are_local_and_name_the_day_only_when_it_is_another(berlin: None) -> None:
    assert output.moment(NOW + 600, NOW) == "19:56 (in 10 min)"
    assert output.moment(NOW + 86_400, NOW) == "2030-03-18 19:46 (in 24 h)"
    assert output.moment(None, NOW) == ""


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colours_only_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert output.colours_wanted(Terminal()) is wanted
    assert not output.colours_wanted(io.StringIO())
    assert (output.paint("x", output.RED, Terminal()) == "x") is not wanted
