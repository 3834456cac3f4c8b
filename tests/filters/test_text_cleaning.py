"""The shared cleaning: what it removes and what it must keep."""

from __future__ import annotations

import polars as pl
import pytest

from filters.text.cleaning import clean_text, flatten_whitespace, fold_text


def apply(expression: pl.Expr, text: str | None) -> str | None:
    result: str | None = pl.DataFrame({"text": [text]}, schema={"text": pl.String}).select(
        expression
    )["text"][0]
    return result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("read this https://t.co/aB1?x=2 now", "read this now"),
        ("HTTP://EXAMPLE.ORG/x", ""),
        ("see www.example.org/a_b and pic.twitter.com/xYz", "see and"),
        ("@ann @bob_2 hello", "hello"),
        ("hi (@ann)", "hi ( )"),
        ("thanks @ann@mastodon.social and @bob.bsky.social!", "thanks and !"),
        ("RT @ann: so true", "so true"),
        ("RT @ann: RT @bob: so true", "so true"),
        ("START is not RT", "START is not RT"),
        ("#Monday is #1", "Monday is 1"),
        ("＃東京 tower", "東京 tower"),
        ("write to ann@example.org", "write to ann@example.org"),
        ("I love C# and a # sign", "I love C# and a # sign"),
        ("one\n\ttwo\u2028three\u00a0four  ", "one two three four"),
        ("a https://x.org\nb", "a b"),
        ("naïve 🤣 für", "naïve 🤣 für"),
        ("", ""),
        (None, None),
    ],
)
def test_cleaning_keeps_the_author_s_own_words_on_one_line(
    text: str | None, expected: str | None
) -> None:
    assert expected == apply(clean_text("text"), text)


def test_flattening_changes_only_whitespace() -> None:
    assert (
        apply(flatten_whitespace("text"), " RT @ann:\r\nsee  https://x.org\n\n#now\n")
        == "RT @ann: see https://x.org #now"
    )


@pytest.mark.parametrize("text", ["FÜCK", "ｆｕｃｋ", "𝐟𝐮𝐜𝐤", "fu\u200bck", "ⓕⓤⓒⓚ", "@ann FuCk"])
def test_folding_replaces_styled_accented_and_split_letters(text: str) -> None:
    assert apply(fold_text("text"), text) == "fuck"


def test_cleaning_keeps_the_name_of_the_column() -> None:
    posts = pl.DataFrame({"body": ["#a"]})
    assert posts.select(clean_text("body")).columns == ["body"]
    assert posts.select(fold_text("body")).columns == ["body"]
    assert posts.select(flatten_whitespace("body")).columns == ["body"]
