"""The regions that libphonenumber looks in for a text: none of those with a number is left out."""

import random
from functools import cache
from typing import Any

import polars as pl
import pytest
from phonenumbers import SUPPORTED_REGIONS, PhoneNumberMatcher

from filters.pii.phone_regions import may_be_number, select_regions
from filters.pii.presidio import PHONE_REGIONS, EntityFinder

SEPARATORS = (
    *(" ", "-", "/", ".", " - ", " / ", "  ", ") (", " x", " ext. ", "#", " #", "~", ", ", ":"),
    *("\u2013", "\u00a0", "", "xx", " (", "[", "+", " +"),
)
DATES = ("25/01/2017", "2017-01-25 01:00", "3/17/17", "2017.01.25", "20170125")


@cache
def list_examples() -> list[str]:
    """Return a number of each kind of each region, in national and international format."""
    import phonenumbers

    made: Any = phonenumbers
    kinds = (made.PhoneNumberType.MOBILE, made.PhoneNumberType.TOLL_FREE)
    formats = (made.PhoneNumberFormat.NATIONAL, made.PhoneNumberFormat.INTERNATIONAL)
    numbers = (
        made.example_number_for_type(region, kind)
        for region in sorted(SUPPORTED_REGIONS)
        for kind in kinds
    )
    return [made.format_number(each, form) for each in numbers if each for form in formats]


def make_text(chance: random.Random) -> str:
    """Return a row of numbers, dates and digits with any separators."""
    parts = []
    for _ in range(chance.randint(1, 4)):
        digits = str(chance.randrange(10 ** chance.randint(1, 11)))
        parts.append(chance.choice((chance.choice(list_examples()), chance.choice(DATES), digits)))
        parts.append(chance.choice(SEPARATORS))
    return "".join(parts[: chance.choice((-1, len(parts)))])


@pytest.mark.parametrize("seed", range(2))
def test_every_region_in_which_libphonenumber_finds_a_number_is_selected(seed: int) -> None:
    chance = random.Random(seed)
    regions = sorted(SUPPORTED_REGIONS)
    found = 0
    for _ in range(250):
        text = make_text(chance)
        for region in chance.sample(regions, 3):
            if list(PhoneNumberMatcher(text, region)):
                found += 1
                assert select_regions(text, (region,), 1) == (region,), (region, text)
    assert found > 100


def test_no_candidate_that_libphonenumber_takes_is_left_unparsed() -> None:
    chance = random.Random(7)
    regions = sorted(SUPPORTED_REGIONS)
    plain = 0
    for _ in range(400):
        text = make_text(chance)
        region = chance.choice(regions)
        for match in PhoneNumberMatcher(text, region):
            assert may_be_number(match.raw_string, region), (region, match.raw_string)
            plain += "+" not in match.raw_string
    assert plain > 10
    assert not may_be_number("91.112.33.7", "US")
    assert may_be_number("91.112.33.7", "DE")
    assert may_be_number("91.112.33.7 x5", "US")


def test_a_log_of_addresses_is_not_parsed(monkeypatch: Any) -> None:
    from phonenumbers import phonenumbermatcher

    parsed: list[str] = []
    real = phonenumbermatcher.parse

    def parse(text: str, *rest: Any, **settings: Any) -> Any:
        parsed.append(text)
        return real(text, *rest, **settings)

    monkeypatch.setattr(phonenumbermatcher, "parse", parse)
    finder = EntityFinder(("PHONE_NUMBER",), PHONE_REGIONS)
    log = "".join(f"203.{n}.113.{n + 1} GET /\n" for n in range(40)) + "call 030 1234567"
    found = finder.find(pl.Series([log]))[0]
    gated, parsed[:] = len(parsed), []
    assert found == finder.find(pl.Series([log]), gated=False)[0]
    assert 0 < 5 * gated < len(parsed)


def test_dates_counts_and_ids_are_looked_for_in_few_regions() -> None:
    assert select_regions("on 25/01/2017 at 10", PHONE_REGIONS, 7) == ()
    assert select_regions("1.234.567 views", PHONE_REGIONS, 7) == ()
    assert select_regions("1106131 or 12345678", PHONE_REGIONS, 7) == ()
    assert select_regions("20170125", PHONE_REGIONS, 7) == ("DE", "IL")


def test_the_order_of_the_regions_is_kept() -> None:
    assert select_regions("0171 2345678", ("IL", "US", "DE"), 7) == ("IL", "DE")
    assert select_regions("call +49 171 2345678", ("IL", "US"), 7) == ("IL", "US")
