"""Counts in messages agree with their nouns."""

from __future__ import annotations

import pytest

from corpus.plurals import pluralize


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((0, "post"), "0 posts"),
        ((1, "post"), "1 post"),
        ((2000, "post"), "2,000 posts"),
        ((1, "entry", "entries"), "1 entry"),
        ((3, "entry", "entries"), "3 entries"),
    ],
)
def test_a_count_agrees_with_its_noun(given: tuple[int, str], expected: str) -> None:
    assert pluralize(*given) == expected
