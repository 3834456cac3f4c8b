"""Names of people are replaced as whole words, in any letter case and any script."""

from __future__ import annotations

import polars as pl
import pytest

from corpus.maintenance.people_names import PeopleNames


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Rosa Fink", "I saw Rosa Fink.", "I saw <PERSON>."),
        ("Rosa Fink", "ROSA  FINK's and rosa\nfink", "<PERSON>'s and <PERSON>"),
        ("Rosa", "Rosalie, rosa2, _Rosa_ and #rosa", "Rosalie, rosa2, _<PERSON>_ and #<PERSON>"),
        ("Ann", "Joann and Anna; Ann", "Joann and Anna; <PERSON>"),
        ("Zoë Ömer", "zoë ömer und ZOË ÖMER", "<PERSON> und <PERSON>"),
        ("Zoë", "zoe\u0308 and zoe", "<PERSON> and zoe"),
        ("José", "jose\u0301, Jose", "<PERSON>, Jose"),
        ("Ольга Лис", "ольгой лис, ОЛЬГА ЛИС", "ольгой лис, <PERSON>"),
        ("王小明", "昨天王小明说", "昨天<PERSON>说"),
        ("สมชาย", "คุณสมชายไป", "คุณ<PERSON>ไป"),
        ("ليلى حسن", "قالت ليلى حسن.", "قالت <PERSON>."),
        ("A. B. (Bo) O'Neill-Smith", "a. b. (bo) o'neill-smith!", "<PERSON>!"),
    ],
)
def test_a_name_is_replaced_as_a_whole_word(name: str, text: str, expected: str) -> None:
    people = PeopleNames([name])
    assert people.redact(text) == (expected, expected.count("<PERSON>"))
    assert people.mark(pl.Series([text, None, ""])).to_list() == [expected != text, False, False]


def test_the_longer_of_two_names_is_replaced() -> None:
    people = PeopleNames(["Ann", "Ann Lee", " ", "ann  lee"])
    assert people.redact("Ann Lee and Ann") == ("<PERSON> and <PERSON>", 2)
