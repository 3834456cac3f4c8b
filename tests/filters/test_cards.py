"""Card numbers that Presidio's pattern passes over."""

from __future__ import annotations

import polars as pl
import pytest

import filters

pii = filters.find("pii")


def redact(text: str) -> str:
    redacted: str = pii.build(pii.Config())(pl.DataFrame({"text": [text]}))["text"][0]
    return redacted


@pytest.mark.parametrize(
    "before", ["1990 {}", "pin 1234 {}", "pin 1234 5678 {}", "since 1990 2001 {} thanks"]
)
@pytest.mark.parametrize(
    "number", ["4539 1488 0343 6467", "5105 1051 0510 5100", "3782 822463 10005"]
)
def test_groups_before_a_number_do_not_hide_it(before: str, number: str) -> None:
    assert redact(before.format(number)) == before.format("<CREDIT_CARD>")


@pytest.mark.parametrize(
    "number",
    [
        *("2223003122003222", "2221 0000 0000 0009", "2221-0000-0000-0009", "2720 9900 0000 0007"),
        *("2202 0000 0000 0002", "2204000000000000"),
    ],
)
@pytest.mark.parametrize("form", ["{}", "card {} 12/27", "1234 {}.", "({}),"])
def test_numbers_that_begin_with_2_are_redacted(form: str, number: str) -> None:
    assert redact(form.format(number)) == form.format("<CREDIT_CARD>")


@pytest.mark.parametrize(
    "text",
    [
        "1990 4539 1488 0343 6468",  # its checksum is wrong
        "2223003122003223",
        "2220 9900 0000 0002 and 2721 0000 0000 0004 and 2205 0000 0000 0009",  # nobody's
        "2221 0000-0000 0009",
        "a2223003122003222 2223003122003222b 0.2223003122003222",
        "22230031220032220",
        "tracking number 2223003122003222",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert redact(text) == text


def test_two_cards_beside_each_other_are_two() -> None:
    text = "1990 4539 1488 0343 6467 2221 0000 0000 0009"
    assert redact(text) == "1990 <CREDIT_CARD> <CREDIT_CARD>"
