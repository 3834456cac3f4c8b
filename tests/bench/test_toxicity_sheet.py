"""The figures of the sheet of read posts: weights count, and the sheet's escapes are undone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench.quality import toxicity_abuse
from bench.quality.toxicity import auroc
from bench.quality.toxicity_abuse import (
    load_sheet_posts,
    make_table,
    read_judgement,
    read_judgement_rows,
)
from bench.quality.toxicity_peers import score_by
from bench.quality.toxicity_sheet import (
    list_measures,
    print_sheet,
    recall_at_precision,
    weighted_auroc,
)
from scripts.toxicity_sentences import list_labelled_sentences
from scripts.train_toxicity import (
    CalibrationTable,
    as_precision,
    shares_from_above,
    take_readings,
)

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


def test_a_post_without_a_score_is_counted_as_kept() -> None:
    scores = pl.DataFrame({"toxicity": [None, 0.9, None], "profanity": [None, 0.2, 0.5]})

    def judge(posts: pl.DataFrame) -> pl.DataFrame:
        return posts.hstack(scores.cast(pl.Float32))

    texts = pl.Series("text", ["unknown language", "two scores", "one score"])
    assert score_by(judge, "toxicity")(texts).tolist() == pytest.approx([0, 0.9, 0])
    higher = score_by(judge, "toxicity", "profanity")(texts)
    assert higher.tolist() == pytest.approx([0, 0.9, 0.5])
    weights, abuse = np.ones(3), np.array([0, 2, 2])
    figures = {name: each(higher, weights, abuse) for name, each in list_measures(0.8).items()}
    assert figures["dropped"] == pytest.approx(1 / 3)
    assert figures["abusive found"] == pytest.approx(1 / 2)


def test_invented_sentences_have_labels_of_all_kinds() -> None:
    labelled = pl.DataFrame(
        list(list_labelled_sentences()), schema=["text", "abuse", "union"], orient="row"
    )
    kinds = labelled.select("abuse", "union").unique().sort("abuse", "union").rows()
    assert kinds == [(0, 0), (0, 1), (1, 1)]
    assert labelled["text"].str.contains("{", literal=True).sum() == 0


def test_pools_that_only_measure_teach_nothing(tmp_path: Path) -> None:
    """Nor do posts of the sheet that measures."""
    folder = tmp_path / "judgement"
    folder.mkdir()
    head = "id\tplatform\tstratum\tweight\tlang\tabuse\tjunk\tpii\ttext\n"
    (folder / "dev.tsv").write_text(head + "d1\tx\trest\t9\ten\t2\t0\t0\tone of the sheet\n")
    rows = [
        f"t{number}\t{platform}\trest\ten\t2\t0\t0\t{text}\n"
        for number, (platform, text) in enumerate(
            [
                ("hn", "a title"),
                ("reddit_post", "a question"),
                ("reddit_comment", "an answer"),
                ("x", "a tweet"),
                ("x", "one of the sheet"),
            ]
        )
    ]
    (folder / "train.tsv").write_text(head.replace("\tweight", "") + "".join(rows))
    taught = make_table([*read_judgement_rows(tmp_path)], tmp_path)
    assert taught.select("text", "abuse", "hate").rows() == [("a tweet", True, None)]
    assert load_sheet_posts(tmp_path)["text"].to_list() == ["a tweet", "one of the sheet"]


def test_shares_from_above_are_the_precision_of_a_threshold_at_each_post() -> None:
    weights = np.array([4.0, 1.0, 1.0, 1.0, 1.0])
    shares = shares_from_above(SCORES, POSITIVE.astype(float), weights)
    # From the highest score down: wrong, right, and of the two at .4 the first is wrong.
    assert shares == pytest.approx([2 / 8, 1 / 3, 2 / 4, 1 / 2, 0])
    assert shares_from_above(-SCORES, np.ones(5), weights) == pytest.approx(1)


def test_a_score_is_the_precision_of_a_threshold_put_there() -> None:
    """Each logit is of positive posts and of others, in the ratio that it says."""
    logits = np.repeat(np.linspace(-3, 5, 400), 2)
    positive = np.tile([1.0, 0.0], 400)
    share = 1 / (1 + np.exp(-logits))
    # The higher the logit, the fewer posts.
    counts = np.where(positive, share, 1 - share) * np.exp(-logits)
    table = CalibrationTable(logits[:, None], positive, counts)
    weights, bias = as_precision(np.ones(1), 0.0, logits, table)
    for score in (0.5, 0.7, 0.8, 0.9):
        above = weights[0] * logits + bias > np.log(score / (1 - score))
        assert np.average(positive[above], weights=counts[above]) == pytest.approx(score, abs=0.04)


def test_a_post_that_was_read_teaches_its_label_and_its_pool_is_not_held_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = hashlib.blake2b(b"a post that was read", digest_size=8).hexdigest()
    readings = tmp_path / "readings.tsv"
    readings.write_text(f"key\tabuse\n{key}\t1\n")
    monkeypatch.setattr(toxicity_abuse, "READINGS", readings)
    sets = ["plain", "olid", "judgement", "plain"]
    soft = pl.DataFrame(
        {
            "set": sets,
            "folded": ["a post that was read"] * 3 + ["another post"],
            "split": ["test"] * 4,
            "abuse": [None, None, True, None],
            "union": [None, None, True, None],
        },
        schema_overrides={"abuse": pl.Boolean, "union": pl.Boolean},
    )
    read, of_olid, of_the_sheet, unread = take_readings(soft).drop("read", "folded").rows()
    assert read == ("readings", "train", False, True)
    assert of_olid == ("readings", "test", False, True)
    assert of_the_sheet == ("judgement", "test", True, True)
    assert unread == ("plain", "test", None, None)


def test_committed_readings_are_keys_and_labels_alone() -> None:
    table = pl.read_csv(toxicity_abuse.READINGS, separator="\t")
    assert table.columns == ["key", "abuse"] and table["key"].is_unique().all()
    assert table["key"].str.contains("^[0-9a-f]{16}$").all()
    assert set(table["abuse"]) == {0, 1, 2}
