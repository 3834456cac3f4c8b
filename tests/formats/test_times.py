"""Moments and counts in all their spellings."""

from __future__ import annotations

import pytest

from corpus.formats.times import parse_int64, parse_micros, parse_twitter_time, parse_with_format

APRIL = 1_271_699_520_000_000  # 2010-04-19 17:52:00 UTC


@pytest.mark.parametrize(
    "value",
    [
        "Mon Apr 19 17:52:00 +0000 2010",
        "Mon Apr 19 19:52:00 +0200 2010",
        "Mon Apr 19 12:22:00 -0530 2010",
        "2010-04-19T17:52:00Z",
        "2010-04-19T17:52:00.000Z",
        "2010-04-19 17:52:00",
        "2010-04-19T19:52:00+02:00",
        "2010-04-19 17:52:00 UTC",
        "2010/04/19 17:52",
        "19.04.2010 17:52",
        "Mon, 19 Apr 2010 17:52:00 GMT",
        "20100419175200",
        "2010-04-19 19:52:00 CEST",
        "2010-04-19 23:22:00 India Standard Time",
        "Mon, 19 Apr 2010 12:52:00 CDT",
        "Mon, 19 Apr 2010 11:52:00 CST",
        "Mon Apr 19 19:52:00 CEST 2010",
        "Mon Apr 19 2010 19:52:00 GMT+0200 (Central European Summer Time)",
        "Apr 19, 2010 05:52:00 PM",
        "Apr 19, 2010, 5:52 PM",
        "634072963200000000",
        634072963200000000,
        " 1271699520 ",
        "1271699520.0",
        1271699520,
        1271699520.0,
        1271699520000,
        1271699520000000,
        1271699520000000000,
        1.27169952e12,
    ],
)
def test_every_spelling_of_a_time_gives_the_same_microseconds(value: object) -> None:
    assert parse_micros(value) == APRIL


def test_fractions_of_a_second_are_kept() -> None:
    assert parse_micros("2010-04-19T17:52:00.123456Z") == APRIL + 123_456
    assert parse_micros(1271699520.5) == APRIL + 500_000


def test_a_date_in_digits_is_not_an_epoch() -> None:
    assert parse_micros("20160804") == 1_470_268_800_000_000


def test_a_time_before_1970_is_negative() -> None:
    assert -1_000_000 == parse_micros("1969-12-31T23:59:59Z") == parse_micros(-1)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "soon",
        "8/4/2016 11:52",
        "Mon Foo 19 17:52:00 +0000 2010",
        "Mon Apr 39 17:52:00 +0000 2010",
        "Mon Apr 19 99:52:00 +0000 2010",
        "0001-01-01T00:00:00+23:00",
        "0001-01-01T00:00:00Z",
        "2010-04-19 17:52:00 IST",
        "2010-04-19 17:52:00 CST",
        "2010-04-19 17:52:00 Europe/Berlin",
        "1271699520 s",
        99_999_999_999,
        -3_000_000_000,
        float("nan"),
        float("inf"),
        "nan",
        10**30,
        "9" * 400,
        "1e400",
        [],
        True,
    ],
)
def test_other_values_are_null(value: object) -> None:
    assert parse_micros(value) is None


def test_an_ambiguous_date_needs_its_format() -> None:
    assert parse_with_format("8/4/2016 11:52", "%m/%d/%Y %H:%M") == 1_470_311_520_000_000
    assert parse_with_format("soon", "%m/%d/%Y") is None


def test_a_twitter_time_has_one_format_only() -> None:
    assert parse_twitter_time("2010-04-19T17:52:00Z") is None
    assert parse_twitter_time("Mon Apr 19 17:52:00 *0000 2010") is None
    assert parse_twitter_time("Mon Apr 19 17:52:00 +0000 2010") == APRIL


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (5, 5),
        ("5", 5),
        (5.0, 5),
        ("5.0", 5),
        (-3, -3),
        (None, None),
        ("many", None),
        (1 << 63, None),
        (-(1 << 63), -(1 << 63)),
        (float("nan"), None),
        (1e300, None),
        ("9" * 30, None),
    ],
)
def test_a_count_is_an_integer_of_64_bits_or_null(value: object, count: int | None) -> None:
    assert count == parse_int64(value)
