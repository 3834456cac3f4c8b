"""Posts labelled one by one: what counts as identified, and how languages are averaged."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from bench.quality import language_sheet

ROWS = [
    "id\tuser_lang\tlang\tsure\tabuse\tjunk\ttext",
    "m1\thr\tsh\t1\t0\t0\tdobar dan svima",
    "m2\tde\tde\t1\t0\t0\tguten tag allerseits @somebody",
    "m3\tde\tde\t0\t0\t0\thm",
    "m4\tde\tund\t1\t0\t0\t:)",
    "m5\tes\tes+en\t1\t0\t0\thola my friend",
]


@pytest.fixture
def posts(tmp_path: Path) -> pl.DataFrame:
    path = tmp_path / "sheet.tsv"
    path.write_text("\n".join(ROWS) + "\n", encoding="utf-8")
    return language_sheet.load_posts(path)


def test_posts_that_are_surely_in_a_language_count_with_their_words(posts: pl.DataFrame) -> None:
    assert posts.select("id", "gold", "words").rows() == [
        ("m1", "sh", 3),
        ("m2", "de", 3),
        ("m5", "es+en", 3),
    ]


@pytest.mark.parametrize(
    ("gold", "found", "right"),
    [
        ("de", "de", True),
        ("de", "nl", False),
        ("sh", "bs", True),
        ("sh", "sl", False),
        ("es+en", "en", True),
        ("hi-Latn", "hi", False),
    ],
)
def test_a_language_that_the_reader_allows_is_right(gold: str, found: str, right: bool) -> None:
    marked = pl.select(language_sheet.mark_right(pl.lit(found), pl.lit(gold))).item()
    assert marked is right


def test_every_language_counts_alike_and_the_tables_name_no_text(
    posts: pl.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    more = pl.concat([posts, posts.filter(pl.col("gold") == "de")])
    judged = more.with_columns(lang=pl.lit("de"), right=pl.Series([False, True, False, True]))
    assert language_sheet.average_by_language(judged) == pytest.approx(1 / 3)
    language_sheet.print_tables({"language": judged})
    language_sheet.print_near(judged)
    printed = capsys.readouterr().out
    assert "mean of languages            4     0.333" in printed
    assert "de                           2     1.000" in printed
    assert "guten" not in printed
