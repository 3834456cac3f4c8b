"""The figures of the sheet of read posts: weights count, and the sheet's escapes are undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench.quality.toxicity import auroc
from bench.quality.toxicity_abuse import read_judgement
from bench.quality.toxicity_sheet import (
    list_measures,
    print_sheet,
    recall_at_precision,
    weighted_auroc,
)
from scripts.toxicity_sentences import list_labelled_sentences

SCORES = np.array([0.1, 0.4, 0.4, 0.9, 0.95])
POSITIVE = np.array([False, False, True, True, False])


def test_the_weighted_ranking_is_that_of_repeated_posts() -> None:
    weights = np.array([3, 1, 2, 1, 2])
    repeated = auroc(np.repeat(SCORES, weights).astype("f4"), np.repeat(POSITIVE, weights))
    assert weighted_auroc(SCORES, weights.astype(float), POSITIVE) == pytest.approx(repeated)


@pytest.mark.parametrize(("weight_of_the_wrong_one", "found"), [(0.1, 0.5), (1.0, 0.0)])
def test_what_is_found_at_a_precision(weight_of_the_wrong_one: float, found: float) -> None:
    """The highest post is wrong; the next two are right, one of them at a score with a third."""
    weights = np.array([1.0, 9.0, 1.0, 1.0, weight_of_the_wrong_one])
    assert recall_at_precision(SCORES, weights, POSITIVE) == pytest.approx(found)


def test_shares_are_of_the_pool() -> None:
    weights, abuse = np.array([1.0, 1, 1, 3, 1]), np.array([0, 0, 2, 2, 1])
    figures = {name: each(SCORES, weights, abuse) for name, each in list_measures(0.8).items()}
    assert figures["dropped"] == pytest.approx(4 / 7)
    assert (figures["of them abusive"], figures["vulgar only"], figures["clean"]) == (0.75, 0.25, 0)
    assert (figures["abusive found"], figures["clean lost"]) == (0.75, 0)


def test_errors_are_named_by_id_and_no_text_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        "id\tplatform\tstratum\tweight\tlang\tabuse\tjunk\tpii\ttext",
        "a1\tx\trest\t2.5\ten\t0\t0\t0\tone\\ntwo\\\\n three",
        "a2\tx\trest\t1\ten\t2\t0\t0\tmissed words",
        "a3\tx\trest\t1\ten\t1\t0\t0\tdropped words",
    ]
    (tmp_path / "sheet.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    sheet = read_judgement(tmp_path / "sheet.tsv")
    assert sheet["text"][0] == "one\ntwo\\n three"
    scorer = {"a scorer": lambda texts: (texts == "dropped words").to_numpy().astype("f4")}
    print_sheet(sheet, scorer, 0.8, draws=2)
    printed = capsys.readouterr().out
    assert "dropped, not abusive: a3" in printed and "abusive, kept: a2" in printed
    assert "words" not in printed and "three" not in printed


def test_invented_sentences_have_labels_of_all_kinds() -> None:
    labelled = pl.DataFrame(
        list(list_labelled_sentences()), schema=["text", "abuse", "union"], orient="row"
    )
    kinds = labelled.select("abuse", "union").unique().sort("abuse", "union").rows()
    assert kinds == [(0, 0), (0, 1), (1, 1)]
    assert labelled["text"].str.contains("{", literal=True).sum() == 0
