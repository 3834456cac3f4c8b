"""Whose text a post repeats, where only the text says so."""

from __future__ import annotations

import polars as pl
import pytest

from corpus.readers.reposts import fill_original_authors


def fill(text: str | None, mentions: str | None = None, known: str | None = None) -> str | None:
    posts = pl.DataFrame(
        {"text": [text], "mentions": [mentions], "original_author": [known]},
        schema=dict.fromkeys(("text", "mentions", "original_author"), pl.String),
    )
    found: str | None = fill_original_authors(posts)["original_author"][0]
    return found


@pytest.mark.parametrize(
    ("text", "author"),
    [
        ("RT @Otto_1: the kettle sings", "otto_1"),
        ("rt @otto the kettle sings", "otto"),
        ("“RT @otto: the kettle sings”", "otto"),
        ("MT @otto: the kettle", "otto"),
        ("RT @anna: RT @otto: the kettle sings", "otto"),
        ("♻️ @otto@birds.example: the kettle", "otto@birds.example"),
        ("Repost from @otto.finch the kettle", "otto.finch"),
        ("how true RT @otto: the kettle sings", "otto"),
        ("please RT @otto now", None),
        ("ART @otto: a kettle", None),
        ("@otto the kettle sings", None),
        ("RT if you agree", None),
        (None, None),
    ],
)
def test_the_name_behind_the_sign_of_a_repost_is_the_author(
    text: str | None, author: str | None
) -> None:
    assert fill(text) == author


def test_a_name_becomes_the_account_that_the_post_mentions() -> None:
    assert fill("RT @Otto: hm", "anna=5 otto=77") == "77"
    assert fill("RT @Otto: hm", "ottoline=5") == "otto"


def test_what_the_record_says_is_kept() -> None:
    assert fill("RT @otto: hm", "otto=77", "78") == "78"
