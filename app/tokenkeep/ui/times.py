"""Moments and durations in words of the person's own language and region; wall clock, seconds since the epoch."""

from __future__ import annotations

import math

from PySide6.QtCore import QDateTime, QLocale

from tokenkeep.ui.translation import plural, tr

DAY = 86_400


def _local(wall: float) -> QDateTime:
    return QDateTime.fromSecsSinceEpoch(math.floor(wall))


def clock_time(wall: float) -> str:
    """Hours and minutes, as `14:48`."""
    locale = QLocale()
    time = _local(wall).time()
    # The C locale writes seconds into its short form; nobody wants them.
    if locale.language() == QLocale.Language.C:
        return time.toString("HH:mm")
    return locale.toString(time, QLocale.FormatType.ShortFormat)


def moment(wall: float, now: float) -> str:
    """On the same day the time, within a week weekday and time, else the date."""
    then, today = _local(wall).date(), _local(now).date()
    locale = QLocale()
    if then == today:
        return clock_time(wall)
    if abs(today.daysTo(then)) < 7:
        return tr("{weekday} {time}", weekday=locale.toString(then, "ddd"), time=clock_time(wall))
    return locale.toString(then, QLocale.FormatType.ShortFormat)


def full_moment(wall: float) -> str:
    """Weekday, date and time in full."""
    day = QLocale().toString(_local(wall).date(), QLocale.FormatType.LongFormat)
    return tr("{date}, {time}", date=day, time=clock_time(wall))


def duration(seconds: float) -> str:
    """`42 s`, under ten minutes `4 min 32 s`, then `52 min`, `3 h`, `12 days`; never negative."""
    whole = max(0, math.ceil(seconds))
    locale = QLocale()
    if whole < 60:
        return tr("{seconds} s", seconds=locale.toString(whole))
    minutes, rest = divmod(whole, 60)
    if minutes < 10:
        return tr("{minutes} min {seconds} s", minutes=minutes, seconds=f"{rest:02}")
    if minutes < 120:
        return tr("{minutes} min", minutes=locale.toString(minutes))
    if whole < 2 * DAY:
        return tr("{hours} h", hours=locale.toString(minutes // 60))
    return plural("%n day", "%n days", whole // DAY)
