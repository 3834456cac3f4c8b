"""Phone numbers are found with one walk over a text, as libphonenumber finds them by region."""

import random
from functools import cache
from typing import Any

import polars as pl
import pytest
from phonenumbers import SUPPORTED_REGIONS, Leniency, PhoneNumberMatcher

from filters.pii.phone_matcher import PhoneMatcher
from filters.pii.phone_regions import list_possible_regions
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
def test_each_region_has_the_matches_of_libphonenumber(seed: int) -> None:
    chance = random.Random(seed)
    regions = sorted(SUPPORTED_REGIONS)
    found = 0
    for _ in range(250):
        text = " ".join(make_text(chance) for _ in range(chance.randint(1, 3)))
        chosen = tuple(chance.sample(regions, 3))
        matcher = PhoneMatcher(text, chosen, Leniency.VALID)
        for region in chosen:
            expected = [(each.start, each.raw_string) for each in PhoneNumberMatcher(text, region)]
            found += len(expected)
            matches = [(each.start, each.raw_string) for each in matcher.find(region)]
            assert matches == expected, (region, text)
    assert found > 100


def test_no_candidate_that_libphonenumber_takes_is_left_unparsed() -> None:
    chance = random.Random(7)
    regions = sorted(SUPPORTED_REGIONS)
    plain = 0
    for _ in range(400):
        text = make_text(chance)
        region = chance.choice(regions)
        for match in PhoneNumberMatcher(text, region):
            possible = list_possible_regions(match.raw_string, (region,))
            assert possible == {region}, (region, match.raw_string)
            plain += "+" not in match.raw_string
    assert plain > 10
    assert list_possible_regions("91.112.33.7", ("US", "DE")) == {"DE"}
    assert list_possible_regions("91.112.33.7 x5", ("US", "DE")) == {"US", "DE"}


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


def test_dates_counts_and_ids_are_numbers_in_few_regions() -> None:
    assert list_possible_regions("1.234.567", PHONE_REGIONS) == frozenset()
    assert list_possible_regions("1106131", PHONE_REGIONS) == frozenset()
    assert list_possible_regions("20170125", PHONE_REGIONS) == {"DE", "IL"}
