"""National phone numbers by the language of the post, with ``phone_regions: auto``."""

from __future__ import annotations

import random
import re
from typing import Any

import phonenumbers
import polars as pl
import pytest
from pydantic import ValidationError

from bench.quality import pii_phones
from filters import pii
from filters.pii import phones

FINDER = phones.PhoneFinder()


def find(text: str, language: str | None = None) -> list[str]:
    spans = FINDER.find(pl.Series([text]), pl.Series([language], dtype=pl.String))
    return [text[span.start : span.end] for span in spans.get(0, [])]


def test_the_everyday_numbers_of_thirty_countries_are_found() -> None:
    numbers = pii_phones.list_numbers()
    for with_language in (True, False):
        missed = pii_phones.find_missed(numbers, with_language)
        assert {each.region for each in missed if each.style == "usual"} == set()


# The examples are those that libphonenumber has for its tests.
WRITTEN = [
    ("es", "mi amiga 612 34 56 78", "612 34 56 78"),
    ("es", "mi amiga 612345678", "612345678"),
    ("pl", "to ona 512 345 678", "512 345 678"),
    ("tr", "bu (0501) 234 56 78", "(0501) 234 56 78"),
    ("tr", "bu 0501-234-56-78", "0501-234-56-78"),
    ("ko", "\ubc88\ud638\ub294 010-2000-0000", "010-2000-0000"),
    ("no", "her 40 61 23 45", "40 61 23 45"),
    ("en", "here 0802 123 4567", "0802 123 4567"),
    (None, "whatsapp 91 81234 56789", "91 81234 56789"),
    (None, "\u0e42\u0e17\u0e230812345678\u0e04\u0e48\u0e30", "0812345678"),
    (None, "id0812345678 0812345678", "0812345678"),
]


@pytest.mark.parametrize(("language", "text", "number"), WRITTEN)
def test_a_number_as_its_country_writes_it_is_found(
    language: str | None, text: str, number: str
) -> None:
    assert find(text, language) == [number]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "612345678 or 612 34 56 78"),  # Spanish, in an English post
        (None, "1234 5678 and 612.345.678"),
        ("es", "612.345.678 de pesos"),
        (None, "a1234567890 @0812345678 x=0812345678 0812345678,5 /0812345678"),
        (None, "536-22-1234"),
        ("de", "4711 0815 1234"),
    ],
)
def test_other_digits_are_no_number(language: str | None, text: str) -> None:
    assert find(text, language) == []


def test_two_numbers_beside_each_other_are_two() -> None:
    assert find("0812345678 / 0898765432", "th") == ["0812345678", "0898765432"]
    assert find("0711/12345678", "de") == ["0711/12345678"]


def redact(text: str, **config: Any) -> str:
    redacted: str = pii.build(pii.Config(**config))(pl.DataFrame({"text": [text]}))["text"][0]
    return redacted


@pytest.mark.parametrize(
    "after", ["24/7", "2021-03-04", "12/25", "3 bed", "75011 Paris", "(2 rooms)", "10115 Berlin"]
)
@pytest.mark.parametrize(
    "number",
    [
        *("+49 171 2345678", "+44 7911 123456", "+33 6 12 34 56 78", "+1 (415) 555-2671"),
        *("(415) 555-2671", "0171 2345678", "0171 234 56 78", "07911 123456"),
    ],
)
def test_digits_after_a_number_do_not_hide_it(number: str, after: str) -> None:
    redacted = redact(f"Anna {number} {after}")
    assert redacted.startswith("Anna <PHONE_NUMBER>")
    assert f" {after}".endswith(redacted.removeprefix("Anna <PHONE_NUMBER>"))


@pytest.mark.parametrize(
    "text", ["+49 171 2345678 24/7", "call +49 171 2345678 24/7", "(415) 555-2671 2 rooms"]
)
def test_what_follows_a_number_is_kept(text: str) -> None:
    assert redact(text) == re.sub(r"[+(].*\d{4,}", "<PHONE_NUMBER>", text)


def test_numbers_with_one_space_between_them_are_two() -> None:
    assert find("0171 2345678 0172 2345678", "de") == ["0171 2345678", "0172 2345678"]
    assert find("+49 171 2345678 0172 2345678", "de") == ["+49 171 2345678", "0172 2345678"]


@pytest.mark.parametrize(
    "text",
    [
        "+10 000 000 000 24/7",  # no country has this code and number
        "01 712 345 678 9 10 11 12",  # in other groups than any country writes
        "0,5 1200 3400 5600 7800 9000",
        "(2019) 2020 2021 2022 2023",
    ],
)
def test_digits_with_more_digits_after_them_are_no_number(text: str) -> None:
    assert redact(text) == text


def test_regions_may_be_auto_or_a_list_or_both() -> None:
    none: dict[str, Any] = {}
    assert pii.Config(**none).phone_regions == ("auto",)
    config: dict[str, Any] = {"phone_regions": "auto"}
    assert pii.Config(**config).phone_regions == ("auto",)
    both: dict[str, Any] = {"phone_regions": ("auto", "UK")}
    text = "es 0501 234 56 78"
    assert redact(text) == "es <PHONE_NUMBER>"
    assert redact(text, phone_regions=("US",)) == text
    assert redact(text, phone_regions=("US", "auto")) == "es <PHONE_NUMBER>"
    with pytest.raises(ValidationError, match="unknown phone region 'UK'"):
        pii.Config(**both)


def test_the_groups_of_a_number_are_those_of_libphonenumber() -> None:
    rng, grouped = random.Random(4), 0
    for region in sorted(set(" ".join(phones._REGIONS_BY_LANGUAGE.values()).split())):
        known = phonenumbers.example_number(region)
        example = str(known.national_number if known else 1)
        for size in (len(example), len(example), rng.randint(7, 15)):
            tail = "".join(rng.choice("0123456789") for _ in range(size))
            digits = (example[: rng.randint(0, 4)] + tail)[:size]
            number = phonenumbers.PhoneNumber(
                country_code=phonenumbers.country_code_for_region(region),
                national_number=int(digits),
                italian_leading_zero=digits.startswith("0") or None,
            )
            national = phonenumbers.PhoneNumberFormat.NATIONAL
            written = phonenumbers.format_number(number, national)
            sizes = tuple(map(len, re.findall(r"\d+", written)))
            expected = sizes if sum(sizes) == len(digits) else None
            assert phones._find_grouping(digits, region) == expected, (region, digits)
            assert expected is None or expected in phones._list_groupings(region, len(digits))
            grouped += expected is not None and len(expected) > 1
    assert grouped > 60


@pytest.mark.parametrize("region", ["DE", "US", "AR", "FR"])
def test_the_formats_of_a_region_have_groups_of_digits_only(region: str) -> None:
    for each in phones._load_formats(region):
        assert phones._GROUP.sub("", each.digits.pattern) == ""
