"""Social security numbers that a post calls so."""

from __future__ import annotations

import polars as pl
import pytest

import filters

pii = filters.find("pii")


def redact(text: str) -> str:
    redacted: str = pii.build(pii.Config())(pl.DataFrame({"text": [text]}))["text"][0]
    return redacted


@pytest.mark.parametrize("number", ["536904399", "53690-4399", "536-904399", "536-90-4399"])
@pytest.mark.parametrize(
    "form", ["SSN {}", "my ssn is {}.", "ssn: {}", "Social Security No. {}", "SSN#{}", 'ssn="{}"']
)
def test_a_number_behind_its_name_is_redacted_in_every_grouping(form: str, number: str) -> None:
    assert redact(form.format(number)) == form.format("<US_SSN>")


@pytest.mark.parametrize(
    "form", ["ssn: **{}**", "SSN: `{}`", "ssn → {}", "my social is {}", "soc. sec. {}", "ssn,{},1"]
)
def test_marks_and_other_names_before_the_number_hide_nothing(form: str) -> None:
    assert redact(form.format("536904399")) == form.format("<US_SSN>")


@pytest.mark.parametrize(
    "text",
    [
        "the order 536904399 is late",
        "social security paid 536904399 people",
        "SSN 000904399 and SSN 666904399 and SSN 900904399",
        "SSN 536004399 and SSN 536900000",
        "SSN 5369043991",
        "SSN 536904399.25",
        "the SSN of the ship is 536904399",
        "USSN 536904399",
    ],
)
def test_other_numbers_and_numbers_that_nobody_has_stay(text: str) -> None:
    assert redact(text) == text
