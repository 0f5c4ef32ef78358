"""Times and durations as people of the region write them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QLocale

from support.snapshots import NOW, at
from tokenkeep.ui import times


def test_a_time_of_the_same_day_is_hours_and_minutes() -> None:
    assert times.moment(at(14, 48), NOW) == "14:48"


def test_a_time_of_the_same_week_has_its_weekday() -> None:
    assert times.moment(at(9, 12, day=9), NOW) == "Mon 09:12"
    assert times.moment(at(9, 12, day=14), NOW) == "Sat 09:12"


def test_a_time_further_away_is_a_date() -> None:
    assert times.moment(at(9, 12, day=1), NOW) == "01/11/2026"


def test_the_region_decides_how_a_time_is_written() -> None:
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedStates))
    assert times.clock_time(at(14, 48)).replace("\u202f", " ") == "2:48 PM"
    QLocale.setDefault(QLocale.c())
    assert times.clock_time(at(14, 48)) == "14:48"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0.2, "1 s"),
        (42, "42 s"),
        (272, "4 min 32 s"),
        (185, "3 min 05 s"),
        (52 * 60, "52 min"),
        (3 * 3600 + 20, "3 h"),
        (40 * 86_400, "40 days"),
    ],
)
def test_durations_get_coarser_as_they_get_longer(seconds: float, words: str) -> None:
    assert times.duration(seconds) == words
