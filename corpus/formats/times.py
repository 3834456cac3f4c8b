"""Parse times and counts in their many spellings to integers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # a time without a zone is in UTC
# The years 2 to 9999, which every reader of Parquet timestamps supports. The year 1 is what tools
# write for no time.
_FIRST, _LAST = -62_104_060_800_000_000, 253_402_300_799_999_999
# A number is a time only if the unit of its size makes it one of the years 1900 to 2099.
_FIRST_OF_NUMBERS, _LAST_OF_NUMBERS = -2_208_988_800_000_000, 4_102_444_799_999_999
#: Numbers from 0 to this one are seconds.
LAST_SECOND_OF_NUMBERS = 4_102_444_799
# Ticks of .NET, of 100 ns since the year 1: those of 1970 to 2100. As nanoseconds since 1970 they
# would be times of 1989 and 1990.
_FIRST_TICKS, _LAST_TICKS = 621_355_968_000_000_000, 662_695_776_000_000_000
_INT64 = 1 << 63
#: Stands for a value that is given and not understood; no time or count has this value.
UNREADABLE = -_INT64
#: How many values were unreadable in this process: while it stays, no batch needs to be searched.
unreadable_values = 0
# What tools write for no value.
_BLANK = frozenset(("", "null", "none", "nan", "nat", "na", "n/a", "\\n"))
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
    "%Y-%m-%d %H:%M:%S %z",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d, %Y %I:%M:%S %p",
    "%b %d, %Y %I:%M %p",
    "%b %d, %Y, %I:%M:%S %p",
    "%b %d, %Y, %I:%M %p",
    "%d %b %Y %I:%M %p",
    "%Y-%m-%d %I:%M:%S %p",
)
# The zone behind a time, by its abbreviation or by Windows' name, and its minutes ahead of UTC. Not
# those of several zones, such as IST and BST. No table of the machine is asked: it would make the
# result depend on the machine.
_ZONE_MINUTES = {
    **{"z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "cet": 60, "cest": 120},
    **{"mez": 60, "mesz": 120, "eet": 120, "eest": 180, "msk": 180, "est": -300, "edt": -240},
    **{"cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420, "akst": -540, "akdt": -480},
    **{"hst": -600, "jst": 540, "kst": 540, "hkt": 480, "sgt": 480, "wib": 420, "ict": 420},
    **{"pkt": 300, "brt": -180, "aest": 600, "aedt": 660, "acst": 570, "acdt": 630, "awst": 480},
    **{"nzst": 720, "nzdt": 780, "sast": 120, "eat": 180, "wat": 60, "cat": 120},
    **{f"{name} standard time": minutes for name, minutes in (
        ("gmt", 0), ("w. europe", 60), ("central europe", 60), ("central european", 60),
        ("romance", 60), ("w. central africa", 60), ("e. europe", 120), ("fle", 120), ("gtb", 120),
        ("south africa", 120), ("egypt", 120), ("israel", 120), ("russian", 180), ("turkey", 180),
        ("arab", 180), ("e. africa", 180), ("iran", 210), ("arabian", 240), ("pakistan", 300),
        ("west asia", 300), ("india", 330), ("sri lanka", 330), ("nepal", 345), ("bangladesh", 360),
        ("se asia", 420),
        ("china", 480), ("singapore", 480), ("taipei", 480),
        ("w. australia", 480), ("tokyo", 540), ("korea", 540), ("aus eastern", 600),
        ("e. australia", 600),
        ("new zealand", 720), ("e. south america", -180), ("argentina", -180), ("atlantic", -240),
        ("sa pacific", -300), ("eastern", -300), ("central", -360), ("central america", -360),
        ("mountain", -420), ("us mountain", -420), ("pacific", -480), ("alaskan", -540),
        ("hawaiian", -600),
    )},
    **{f"{name} daylight time": minutes for name, minutes in (
        ("gmt", 60), ("w. europe", 120), ("central europe", 120), ("central european", 120),
        ("romance", 120), ("e. europe", 180), ("fle", 180), ("gtb", 180), ("israel", 180),
        ("aus eastern", 660), ("new zealand", 780), ("atlantic", -180), ("eastern", -240),
        ("central", -300), ("mountain", -360), ("pacific", -420), ("alaskan", -480),
    )},
}  # fmt: skip
_NAMED_ZONE = re.compile(r"(.*[0-9](?: ?[AaPp]\.?[Mm]\.?)?) ?([A-Za-z][A-Za-z. ]*)")
#: What Java prints, and what JavaScript prints; the zone's name behind it says nothing new.
_JAVA = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2} [0-9]{2} [0-9:]{8}) ([A-Z]{1,5}) ([0-9]{4})")
_JAVASCRIPT = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2} [0-9]{2}) ([0-9]{4}) ([0-9:]{8}) (?:GMT|UTC)([+-][0-9]{4})"
    r"(?: \([^()]{0,60}\))?"
)


def parse_micros(value: object) -> int | None:
    """Parse an epoch number or a date to microseconds since 1970, UTC; null if unreadable.

    The unit of a number (s, ms, µs or ns) is inferred from its size. A date without a zone is UTC.
    """
    if type(value) is int:
        if 0 <= value <= LAST_SECOND_OF_NUMBERS:
            return value * 1_000_000
        return _from_epoch(value)
    if type(value) is str:
        return _from_text(value)
    if type(value) is float:
        return _from_epoch_float(value)
    return None


@lru_cache(maxsize=1 << 14)
def parse_account_micros(value: str | float | None) -> int | None:
    """Parse as :func:`parse_micros` does, for the date of an account: each of its posts has it."""
    return parse_micros(value)


def parse_given_micros(value: object) -> int | None:
    """Parse as :func:`parse_micros` does; :data:`UNREADABLE` if a value is given but unreadable."""
    if type(value) is int and 0 <= value <= LAST_SECOND_OF_NUMBERS:
        return value * 1_000_000  # what most dumps have, without a call
    micros = _from_text(value) if type(value) is str else parse_micros(value)
    return mark_unreadable() if micros is None and not is_blank(value) else micros


def parse_given_int64(value: object) -> int | None:
    """Parse as :func:`parse_int64` does; :data:`UNREADABLE` if a value is given but unreadable."""
    if type(value) is int:
        return value if -_INT64 <= value < _INT64 else mark_unreadable()
    number = parse_int64(value)
    return mark_unreadable() if number is None and not is_blank(value) else number


def mark_unreadable() -> int:
    """Count an unreadable value and return :data:`UNREADABLE`."""
    global unreadable_values
    unreadable_values += 1
    return UNREADABLE


def is_blank(value: object) -> bool:
    """Return whether a value stands for none: null, NaN, or what tools write for these."""
    if isinstance(value, str):
        return value.strip().lower() in _BLANK
    return value is None or value != value


def parse_int64(value: object) -> int | None:
    """Parse an int, a float or digits to an integer of 64 bits; null if that is not possible."""
    if type(value) is int:
        return value if -_INT64 <= value < _INT64 else None
    if type(value) is str:
        try:
            number = int(value)
            return number if -_INT64 <= number < _INT64 else None
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
        day = _day_in_seconds(value[4:10] + value[26:])
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


def parse_twitter_day(value: object) -> int | None:
    """Parse the day of ``Mon Apr 19 17:52:00 +0000 2010`` to microseconds, or null.

    For dates of accounts: there is one in each post, and few days are different.
    """
    if type(value) is not str or len(value) != 30:
        return parse_micros(value)
    try:
        return _day_in_seconds(value[4:10] + value[26:]) * 1_000_000
    except (KeyError, ValueError):
        return None


def parse_with_format(value: str, time_format: str) -> int | None:
    """Parse a date by a ``strptime`` format to microseconds, or null."""
    try:
        return _from_datetime(datetime.strptime(value.strip(), time_format))
    except ValueError:
        return None


def _from_epoch(value: int) -> int | None:
    if -100_000_000_000 < value < 100_000_000_000:  # seconds until the year 5138
        value *= 1_000_000
    elif (size := abs(value)) < 100_000_000_000_000:  # milliseconds from 1973 on
        value *= 1_000
    elif _FIRST_TICKS <= value < _LAST_TICKS:
        value = (value - _FIRST_TICKS) // 10
    elif size >= 100_000_000_000_000_000:  # nanoseconds from 1973 on
        value //= 1_000
    return value if _FIRST_OF_NUMBERS <= value <= _LAST_OF_NUMBERS else None


def _from_epoch_float(value: float) -> int | None:
    if not -1e20 < value < 1e20:  # false for NaN too
        return None
    if abs(value) < 1e11:
        micro = round(value * 1e6)
        return micro if _FIRST_OF_NUMBERS <= micro <= _LAST_OF_NUMBERS else None
    return _from_epoch(int(value))


def _from_text(value: str) -> int | None:
    value = value.strip()
    if value[4:5] == "-" == value[7:8]:  # most are of this form, and no other has it
        try:
            return _from_datetime(datetime.fromisoformat(value))
        except ValueError:
            return _try_formats(value)
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
    is_half_day = value[-2:].lower() in ("am", "pm")
    # All of these forms have letters.
    if value.lower() != value.upper():
        if found := _JAVASCRIPT.fullmatch(value):
            return parse_twitter_time(f"Day {found[1]} {found[3]} {found[4]} {found[2]}")
        if found := _JAVA.fullmatch(value):
            local = parse_twitter_time(f"Day {found[1]} +0000 {found[3]}")
            return _leave_zone(local, found[2])
        # CST is one zone in mail (RFC 5322), and elsewhere China's as well.
        is_mail = value[3:4] == "," and value.endswith("CST")
        if not (is_half_day or is_mail) and (found := _NAMED_ZONE.fullmatch(value)):
            return _leave_zone(_from_text(found[1]), found[2])
        try:
            if not is_half_day:  # the parser of mail ignores it
                return _from_datetime(parsedate_to_datetime(value))
        except (ValueError, TypeError, IndexError, OverflowError):
            pass
    # strptime is slow to fail, so only formats that begin alike and have the same separators are
    # tried.
    has_year_first = value[:4].isdecimal() and not value[4:5].isdecimal()
    for time_format in _FORMATS_BY_SHAPE.get((has_year_first, *_find_separators(value)), ()):
        if (microseconds := parse_with_format(value, time_format)) is not None:
            return microseconds
    return None


def _leave_zone(local: int | None, zone: str) -> int | None:
    """Return the time in UTC of a time in a named zone, or null: a guess would be hours wrong."""
    minutes = _ZONE_MINUTES.get(zone.lower().strip())
    return None if local is None or minutes is None else local - minutes * 60_000_000


def _find_separators(value: str) -> tuple[bool, bool, bool]:
    return "/" in value, "." in value, "," in value


#: The formats by whether they begin with the year, and by their separators.
_FORMATS_BY_SHAPE: dict[tuple[bool, bool, bool, bool], list[str]] = {}
for _format in _FORMATS:
    _shape = (_format.startswith("%Y"), *_find_separators(_format))
    _FORMATS_BY_SHAPE.setdefault(_shape, []).append(_format)


def _from_datetime(moment: datetime) -> int | None:
    since = moment - (_NAIVE_EPOCH if moment.tzinfo is None else _EPOCH)
    micro = since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds
    # A zone can move a time on the first or last day out of the calendar.
    return micro if _FIRST <= micro <= _LAST else None


@lru_cache(maxsize=1 << 14)  # the days of 44 years
def _day_in_seconds(date: str) -> int:
    """Return the seconds since 1970 of a day such as ``Apr 192010``."""
    month, day = _MONTHS[date[:3]], int(date[4:6])
    return (datetime(int(date[6:]), month, day, tzinfo=UTC) - _EPOCH).days * 86_400


def _zone_in_seconds(zone: str) -> int | None:
    if zone[0] not in "+-" or not zone[1:].isdecimal():
        return None
    seconds = int(zone[1:3]) * 3600 + int(zone[3:]) * 60
    return -seconds if zone[0] == "-" else seconds
