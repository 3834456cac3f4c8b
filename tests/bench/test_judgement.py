"""The sheets of read posts are weighted back to their pools, and errors are named by id alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench.quality import judgement, sheet
from filters import quality

ROWS = [
    "id\tplatform\tstratum\tweight\tlang\tabuse\tjunk\tpii\ttext",
    "a1\tx\trest\t2.5\ten\t0\t0\t0\tone\\ntwo\\\\n three",
    "a2\tx\trest\t2.5\ten\t0\t1\t0\tplease subscribe to my channel",
    "a3\tx\ttop\t1\ten\t2\t2\t0\tan app's unknown wording",
    "a4\thn\ttop\t4\tes\t1\t0\t0\thaha",
]


@pytest.fixture
def labelled(tmp_path: Path) -> pl.DataFrame:
    path = tmp_path / "sheet.tsv"
    path.write_text("\n".join(ROWS) + "\n", encoding="utf-8")
    return sheet.read_sheet(path)


def test_escapes_are_undone(labelled: pl.DataFrame) -> None:
    assert labelled["text"][0] == "one\ntwo\\n three"


def test_each_draw_has_as_many_posts_of_a_stratum(labelled: pl.DataFrame) -> None:
    counts = sheet.draw_counts(labelled, draws=50)
    assert counts.shape == (50, 4)
    assert (counts[:, :2].sum(axis=1) == 2).all()
    assert (counts[:, 2:] == 1).all()


def test_a_share_is_of_the_pool(labelled: pl.DataFrame) -> None:
    counts = sheet.draw_counts(labelled, draws=400)
    part, everybody = labelled["junk"] == 0, pl.Series([True] * 4)
    share = sheet.estimate_share(labelled, part, everybody, counts)
    assert share.value == pytest.approx(0.65)
    # Of the two posts of one stratum, a draw has 0, 1 or 2 good ones.
    assert (share.low, share.high) == pytest.approx((0.4, 0.9))
    none = sheet.estimate_share(labelled, part, labelled["junk"] == 7, counts)
    assert np.isnan(none.value)


def test_errors_are_named_by_id_and_no_text_is_printed(
    labelled: pl.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    judges = {"quality": judgement.judge_with(quality)}
    counts = sheet.draw_counts(labelled, draws=20)
    judgement.print_figures("quality", labelled, judges, judgement.QUALITY_FIGURES, counts)
    printed = capsys.readouterr().out
    assert "wrongly dropped (1): a4" in printed
    assert "wrongly kept (1): a3" in printed
    for words in ("subscribe", "three", "haha", "wording"):
        assert words not in printed


def test_posts_are_judged_with_the_platform_of_their_source(labelled: pl.DataFrame) -> None:
    posts = judgement.add_platform(labelled)
    assert posts["platform"].to_list() == ["x", "x", "x", "hackernews"]
