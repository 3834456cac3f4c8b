"""Codes of languages, with a script and without."""

import polars as pl

from filters.text.languages import are_any_of, is_any_of


def test_a_code_without_a_script_stands_for_every_script() -> None:
    assert is_any_of("hi-Latn", ["hi"])
    assert is_any_of("hi-Latn", ["en", "hi-Latn"])
    assert not is_any_of("hi", ["hi-Latn"])
    assert not is_any_of("hi-Latn", ["ur-Latn", "h"])
    assert not is_any_of("hi", [])


def test_a_column_is_compared_in_the_same_way() -> None:
    codes = pl.DataFrame({"lang": ["hi", "hi-Latn", "ur-Latn", None]})
    found = codes.select(any=are_any_of(pl.col("lang"), ("hi",)))["any"]
    assert found.to_list() == [True, True, False, None]
    assert codes.select(any=are_any_of(pl.col("lang"), ("hi-Latn",)))["any"][0] is False
