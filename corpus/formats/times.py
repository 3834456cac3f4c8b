"""Parse times and counts in their many spellings to integers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

_MICRO = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The years 1 to 9999, which every reader of Parquet timestamps supports.
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
_INT64 = 1 << 63
# The standard library's month names depend on the machine's locale.
_MONTHS = {
    **{"Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6},
    **{"Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12},
}
# No format with slashes and the year last: 8/4/2016 is ambiguous between countries.
_FORMATS = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y-%m-%d %H:%M:%S %Z",
    "%Y-%m-%d %H:%M:%S.%f %Z",
    "%Y-%m-%d %H:%M:%S %z",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d, %Y %I:%M:%S %p",
)


def parse_micros(value: object) -> int | None:
    """Parse an epoch number or a date to microseconds since 1970, UTC; null if unreadable.

    The unit of a number (s, ms, µs or ns) is inferred from its size. A date without a zone is UTC.
    """
    if type(value) is int:
        return _from_epoch(value)
    if type(value) is str:
        return _from_text(value)
    if type(value) is float:
        return _from_epoch_float(value)
    return None


def parse_int64(value: object) -> int | None:
    """Parse an int, a float or digits to an integer of 64 bits; null if that is not possible."""
    if type(value) is int:
        return value if -_INT64 <= value < _INT64 else None
    if type(value) is str:
        try:
            return parse_int64(int(value))
        except ValueError:
            try:
                return parse_int64(float(value))
            except ValueError:
                return None
    if type(value) is float and -_INT64 <= value < _INT64:  # false for NaN too
        return int(value)
    return None


def parse_twitter_time(value: str) -> int | None:
    """Parse ``Mon Apr 19 17:52:00 +0000 2010`` to microseconds, or null."""
    if len(value) != 30 or value[19] != " " or value[13] != ":" or value[16] != ":":
        return None
    try:
        hour, minute, second = int(value[11:13]), int(value[14:16]), int(value[17:19])
        day = _day_in_seconds(value[4:10], value[26:])
    except (KeyError, ValueError):
        return None
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second <= 60):
        return None
    seconds = day + hour * 3600 + minute * 60 + second
    if value[20:25] != "+0000":
        offset = _zone_in_seconds(value[20:25])
        if offset is None:
            return None
        seconds -= offset
    return seconds * 1_000_000


def parse_with_format(value: str, time_format: str) -> int | None:
    """Parse a date by a ``strptime`` format to microseconds, or null."""
    try:
        return _from_datetime(datetime.strptime(value.strip(), time_format))
    except ValueError:
        return None


def _from_epoch(value: int) -> int | None:
    size = abs(value)
    if size < 100_000_000_000:  # seconds until the year 5138
        value *= 1_000_000
    elif size < 100_000_000_000_000:  # milliseconds from 1973 on
        value *= 1_000
    elif size >= 100_000_000_000_000_000:  # nanoseconds from 1973 on
        value //= 1_000
    return value if _FIRST <= value <= _LAST else None


def _from_epoch_float(value: float) -> int | None:
    if not -1e20 < value < 1e20:  # false for NaN too
        return None
    if abs(value) < 1e11:
        micro = round(value * 1e6)
        return micro if _FIRST <= micro <= _LAST else None
    return _from_epoch(int(value))


def _from_text(value: str) -> int | None:
    value = value.strip()
    if value.isdecimal() and value.isascii():
        return _from_digits(value)
    microseconds = parse_twitter_time(value)
    if microseconds is not None:
        return microseconds
    try:
        return _from_datetime(datetime.fromisoformat(value))
    except ValueError:
        pass
    try:
        return _from_epoch_float(float(value))
    except ValueError:
        return _try_formats(value)


def _from_digits(value: str) -> int | None:
    # 20160804 and 20160804115200 are dates: as epochs they would be in 1970 and 2608.
    if value[:2] in ("19", "20") and len(value) in (8, 14):
        return parse_with_format(value, "%Y%m%d" if len(value) == 8 else "%Y%m%d%H%M%S")
    return _from_epoch(int(value)) if len(value) <= 20 else None


def _try_formats(value: str) -> int | None:
    try:
        return _from_datetime(parsedate_to_datetime(value))
    except (ValueError, TypeError, IndexError, OverflowError):
        pass
    separators = _find_separators(value)
    for time_format in _FORMATS:
        # strptime is slow to fail, so only formats with the same separators are tried.
        microseconds = (
            parse_with_format(value, time_format)
            if _find_separators(time_format) == separators
            else None
        )
        if microseconds is not None:
            return microseconds
    return None


def _find_separators(value: str) -> tuple[bool, bool, bool]:
    return "/" in value, "." in value, "," in value


def _from_datetime(moment: datetime) -> int | None:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    micro = (moment - _EPOCH) // _MICRO
    # A zone can move a time on the first or last day out of the calendar.
    return micro if _FIRST <= micro <= _LAST else None


@lru_cache(maxsize=4096)
def _day_in_seconds(month_and_day: str, year: str) -> int:
    month, day = _MONTHS[month_and_day[:3]], int(month_and_day[4:])
    return (datetime(int(year), month, day, tzinfo=UTC) - _EPOCH).days * 86_400


def _zone_in_seconds(zone: str) -> int | None:
    if zone[0] not in "+-" or not zone[1:].isdecimal():
        return None
    seconds = int(zone[1:3]) * 3600 + int(zone[3:]) * 60
    return -seconds if zone[0] == "-" else seconds
