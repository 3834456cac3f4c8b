"""Train classifiers with ``corpus train``: the model, its figures, and the errors."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from corpus.errors import BuildError, PlanError
from corpus.training import fit_fasttext, labelled_data, model_card, train_classifier
from corpus.training.fit_fasttext import TrainingSettings
from filters import classifier
from filters.text import fasttext
from tests.support.commands import command

COOKING = [
    "soup",
    "salt",
    "onion",
    "stir",
    "oven",
    "bread",
    "butter",
    "knead",
    "pepper",
    "simmer",
    "sauce",
    "flour",
]
SAILING = [
    "sail",
    "mast",
    "harbour",
    "anchor",
    "tide",
    "hull",
    "steer",
    "rudder",
    "knot",
    "deck",
    "gull",
    "wind",
]
COMMON = ("the", "a", "and", "to", "my", "we", "then", "with", "for", "again", "today", "slowly")


def rows(count: int = 160, seed: int = 1) -> list[dict[str, Any]]:
    """Return invented posts about cooking and sailing, as many of each."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        label, words = ("cooking", COOKING) if number % 2 else ("at sea", SAILING)
        picked = rng.choices(words, k=4) + rng.choices(COMMON, k=4)
        rng.shuffle(picked)
        made.append({"body": f"{' '.join(picked)} {number}", "topic": label})
    return made


def write(path: Path, found: Iterable[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return str(path)


def train_on_recipes(
    folder: Path, name: str = "model.bin", **more: Any
) -> train_classifier.TrainingResult:
    """Train a small model in ``folder``."""
    path = write(folder / "posts.jsonl", rows())
    return train_classifier.train(
        labelled_data.read_labelled(path, "body", "topic"), folder / name, **more
    )


# --------------------------------------------------------------------------- the model


def test_the_same_file_gives_the_same_bytes_and_another_seed_gives_others(tmp_path: Path) -> None:
    first = train_on_recipes(tmp_path).model.read_bytes()
    assert first == train_on_recipes(tmp_path, "other.bin").model.read_bytes()
    assert first != train_on_recipes(tmp_path, settings=TrainingSettings(seed=2)).model.read_bytes()
    small = train_on_recipes(tmp_path, "small.ftz").model.read_bytes()
    assert small == train_on_recipes(tmp_path, "small.ftz").model.read_bytes()
    assert len(small) < len(first) / 3


def test_the_order_of_the_rows_does_not_change_the_model(tmp_path: Path) -> None:
    first = train_on_recipes(tmp_path).model.read_bytes()
    path = write(tmp_path / "posts.jsonl", reversed(rows()))
    found = train_classifier.train(
        labelled_data.read_labelled(path, "body", "topic"), tmp_path / "other.bin"
    )
    assert first == found.model.read_bytes()


def test_fasttext_predicts_with_the_fitted_vectors(tmp_path: Path) -> None:
    texts = pl.Series([row["body"] for row in rows(60)] + ["東京 😀", "née Zoë"])
    labels = np.array([number % 2 for number in range(62)], np.int32)
    settings = TrainingSettings(min_chars=1, word_ngrams=3)
    fitted = fit_fasttext.fit(texts, labels, 2, settings)
    fit_fasttext.save(fitted, ["a", "b"], [31, 31], tmp_path / "model.bin")
    found = fit_fasttext.extract_features(texts, settings, fitted.buckets)
    predicted = fasttext.predict_labels(
        fasttext.load_model(tmp_path / "model.bin"), texts.to_list()
    )
    for text, (names, scores) in enumerate(predicted):
        mine = fitted.input[found.rows[found.starts[text] : found.starts[text + 1]]].mean(axis=0)
        logits = fitted.output @ mine
        expected = np.exp(logits) / np.exp(logits).sum()
        theirs = dict(zip(names, scores, strict=True))
        assert np.allclose([theirs["__label__a"], theirs["__label__b"]], expected, atol=1e-4)


def test_a_quantised_model_gives_nearly_the_same_scores(tmp_path: Path) -> None:
    texts = [row["body"] for row in rows(60, 2)]
    whole, small = (
        fasttext.predict_labels(fasttext.load_model(train_on_recipes(tmp_path, name).model), texts)
        for name in ("m.bin", "m.ftz")
    )
    for (names, scores), (others, about) in zip(whole, small, strict=True):
        assert names == others
        assert np.allclose(scores, about, atol=0.02)


def test_a_quantised_model_has_the_vector_of_the_end_mark_unchanged(tmp_path: Path) -> None:
    texts = pl.Series([row["body"] for row in rows(60)])
    fitted = fit_fasttext.fit(
        texts, np.array([n % 2 for n in range(60)], np.int32), 2, TrainingSettings()
    )
    fitted.input[0] *= 20
    found = []
    for name in ("m.bin", "m.ftz"):
        fit_fasttext.save(fitted, ["a", "b"], [30, 30], tmp_path / name)
        found.append(fasttext.predict_labels(fasttext.load_model(tmp_path / name), texts.to_list()))
    for (names, scores), (others, about) in zip(*found, strict=True):
        assert names == others
        assert np.allclose(scores, about, atol=0.02)


def test_an_n_gram_of_one_post_alone_is_not_learnt(tmp_path: Path) -> None:
    texts = pl.Series(["zanzibar soup", "soup soup", "sail", "sail sail"])
    fitted = fit_fasttext.fit(texts, np.array([0, 0, 1, 1], np.int32), 2, TrainingSettings())
    own = fit_fasttext.extract_features(pl.Series(["zanzibar"]), TrainingSettings(), fitted.buckets)
    shared = fit_fasttext.extract_features(pl.Series(["soup"]), TrainingSettings(), fitted.buckets)
    assert not fitted.input[own.rows[own.rows > 0]].any()
    assert fitted.input[0].any()
    assert fitted.input[shared.rows].any()


def test_no_word_of_a_post_is_in_the_file(tmp_path: Path) -> None:
    content = train_on_recipes(tmp_path).model.read_bytes()
    assert not [word for word in (*COOKING, *SAILING) if len(word) > 3 and word.encode() in content]


# --------------------------------------------------------------------------- the figures


def test_the_figures_are_those_of_the_filter_on_the_test_posts(tmp_path: Path) -> None:
    path = write(
        tmp_path / "posts.jsonl", [*rows(), *({**row, "topic": "at sea"} for row in rows(20))]
    )
    found = labelled_data.read_labelled(path, "body", "topic")
    trained = train_classifier.train(found, tmp_path / "model.bin")
    splits = train_classifier._assign_splits(found.posts)
    test = splits.filter(pl.col("split") == "test")
    assert {"train", "choose", "test"} == set(splits["split"])
    assert sum(count["test"] for count in trained.counts.values()) == test.height > 20
    judged = classifier.build(classifier.Config(model=str(trained.model)))(test)
    for name, figures in trained.metrics.items():
        called = judged.filter(pl.col("classifier_label") == name)
        right = called.filter(pl.col("label") == name).height
        assert figures.correct == right > 0
        assert figures.precision == right / called.height
        assert figures.recall == right / test.filter(pl.col("label") == name).height
    assert 20 == trained.conflicting_posts  # ten posts, each under both labels
    assert trained.accuracy < 1
    assert trained.majority_accuracy == trained.counts["at sea"]["test"] / test.height


def test_equal_texts_have_one_split_whatever_posts_are_added() -> None:
    def splits(texts: list[str]) -> dict[str, str]:
        posts = pl.DataFrame({"text": texts, "label": ["a"] * len(texts)})
        return dict(train_classifier._assign_splits(posts).select("text", "split").iter_rows())

    alike = ["Free PIZZA now!!", "free pizza now", "@ann free pizza now https://a.example"]
    others = [f"number {number}" for number in range(300)]
    assert len({splits(alike + others)[text] for text in alike}) == 1
    assert splits(others[:10]).items() <= splits(alike + others).items()
    shares = pl.Series(list(splits(others).values())).value_counts(normalize=True)
    share = dict(shares.iter_rows())
    assert 0.12 < share["test"] < 0.28
    assert 0.05 < share["choose"] < 0.16


def test_a_threshold_gives_the_wanted_precision_where_it_was_chosen(tmp_path: Path) -> None:
    noisy = rows(600)
    rng = random.Random(3)
    for row in noisy:
        if rng.random() < 0.15:
            row["topic"] = "cooking"
    path = write(tmp_path / "posts.jsonl", noisy)
    found = labelled_data.read_labelled(path, "body", "topic")
    trained = train_classifier.train(
        found, tmp_path / "model.bin", precision=0.9, threshold_labels=["cooking"]
    )
    (row,) = trained.thresholds
    assert row.score is not None
    assert row.choose_metrics.precision >= 0.9
    assert row.choose_metrics.predicted >= train_classifier.MIN_PREDICTED
    config = classifier.Config(model=str(trained.model), keep=("cooking",))
    assert {"cooking": row.score} == classifier.resolved(config).thresholds
    test = train_classifier._assign_splits(found.posts).filter(pl.col("split") == "test")
    kept = classifier.build(config)(test).filter(pl.col("reject").is_null())
    assert kept.height == row.test_metrics.predicted
    assert kept.filter(pl.col("label") == "cooking").height == row.test_metrics.correct


def test_the_threshold_is_the_lowest_score_that_is_precise_enough() -> None:
    scores = [0.99, 0.98, 0.97, 0.96, 0.95, 0.94, 0.93, 0.92, 0.91, 0.9, 0.8, 0.7, 0.6]
    choose = pl.DataFrame(
        {"label": ["a"] * 10 + ["b"] * 3, "classifier_label": "a", "classifier_score": scores}
    )
    found = train_classifier._choose_threshold("a", 0.9, choose, choose)
    assert (0.8, train_classifier.LabelMetrics(10, 11, 10)) == (found.score, found.choose_metrics)
    assert train_classifier._choose_threshold("a", 0.75, choose, choose).score == 0
    fewer = train_classifier._choose_threshold("a", 0.9, choose.head(9), choose)
    assert (None, 0) == (fewer.score, fewer.choose_metrics.predicted)


def test_a_precision_that_no_score_gives_is_an_error_and_the_model_is_written(
    tmp_path: Path,
) -> None:
    rng = random.Random(3)
    lot = [{**row, "topic": rng.choice(["yea", "nay"])} for row in rows(400)]
    write(tmp_path / "posts.jsonl", lot)
    found = command(
        "train",
        "--labelled",
        "posts.jsonl",
        "--text",
        "body",
        "--label",
        "topic",
        "--out",
        "m.bin",
        "--precision",
        "0.99",
        "--for",
        "yea",
        cwd=tmp_path,
    )
    assert found.returncode == 1
    assert "no threshold gives a precision of 0.99 for 'yea'" in found.stderr
    assert "none gives a precision of 0.99. The best, posts to choose on" in found.stdout
    assert (
        classifier.resolved(
            classifier.Config(model=str(tmp_path / "m.bin"), keep=("yea",))
        ).thresholds
        == {}
    )
    assert (tmp_path / "m.md").exists()


# --------------------------------------------------------------------------- the command and card


def test_the_command_prints_the_figures_and_writes_the_card(tmp_path: Path) -> None:
    write(
        tmp_path / "posts.jsonl",
        [*rows(400), {"body": "x", "topic": None}, {"body": " ", "topic": "cooking"}],
    )
    arguments = (
        "train",
        "--labelled",
        "posts.jsonl",
        "--text",
        "body",
        "--label",
        "topic",
        "--out",
        "topics.ftz",
        "--precision",
        "0.9",
        "--epochs",
        "30",
    )
    found = command(*arguments, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "label    train  choose  test  precision  recall" in found.stdout
    assert "always the commonest label: 0." in found.stdout
    assert "1 rows have no label" in found.stdout
    assert "1 rows have a text without anything to read" in found.stdout
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    card = (tmp_path / "topics.md").read_text()
    assert "| cooking |" in card
    assert (
        labelled_data.read_labelled(str(tmp_path / "posts.jsonl"), "body", "topic").sha256 in card
    )
    assert "--out topics.ftz --precision 0.9 --epochs 30`" in card
    assert str(tmp_path) not in card
    assert 'keep: ["at sea"]' in card
    again = command(*arguments, cwd=tmp_path)
    assert card == (tmp_path / "topics.md").read_text()
    assert found.stdout == again.stdout


def test_a_model_of_another_tool_is_not_overwritten(tmp_path: Path) -> None:
    made = train_on_recipes(tmp_path)
    content = made.model.read_bytes()
    foreign = content[: content.rindex(b'{"cleaning"')]  # without the note of this tool
    made.model.write_bytes(foreign)
    with pytest.raises(PlanError, match=r"no model of 'corpus train'; give another name"):
        train_on_recipes(tmp_path)
    assert made.model.read_bytes() == foreign


def test_a_label_cannot_break_the_card_or_act_on_the_terminal(tmp_path: Path) -> None:
    odd = "a|b, `c` \x1b[31m \u202e é"
    path = write(
        tmp_path / "p.jsonl",
        [{**row, "topic": row["topic"].replace("at sea", odd)} for row in rows()],
    )
    trained = train_classifier.train(
        labelled_data.read_labelled(path, "body", "topic"), tmp_path / "m.bin"
    )
    page = model_card.render_model_card(trained, "body", "topic")
    assert "| a\\|b, 'c' \ufffd[31m \ufffd é |" in page
    assert not {"\x1b", "\u202e"} & set(page)
    judged = classifier.build(classifier.Config(model=str(trained.model), drop=(odd,)))(
        pl.DataFrame({"id": ["1"], "text": ["hoist the sail, the mast and the anchor"]})
    )
    assert judged["reject"].to_list() == ["unwanted_label"]


# --------------------------------------------------------------------------- the labelled file


def test_every_kind_of_table_gives_the_same_posts(tmp_path: Path) -> None:
    found = [{"body": row["body"], "topic": row["topic"]} for row in rows(20)]
    frame = pl.DataFrame(found)
    frame.write_csv(tmp_path / "a.csv")
    frame.write_csv(tmp_path / "b.tsv", separator="\t")
    frame.write_csv(tmp_path / "semi.csv", separator=";")
    frame.write_parquet(tmp_path / "c.parquet")
    write(tmp_path / "d.jsonl", found)
    (tmp_path / "e.jsonl.gz").write_bytes(gzip.compress((tmp_path / "d.jsonl").read_bytes()))
    with (tmp_path / "f.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["topic", "body"], quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(found)
    expected = labelled_data.read_labelled(str(tmp_path / "d.jsonl"), "body", "topic").posts
    assert 20 == expected.height
    for name in ("a.csv", "b.tsv", "c.parquet", "e.jsonl.gz", "f.csv"):
        assert expected.equals(
            labelled_data.read_labelled(str(tmp_path / name), "body", "topic").posts
        ), name
    assert expected.equals(
        labelled_data.read_labelled(str(tmp_path / "semi.csv"), "body", "topic", ";").posts
    )


def test_labels_of_any_type_become_text_and_null_is_no_label(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    texts = ["one two"] * 4
    for values, expected in (
        ([1, 0, None, 1], ["1", "0", "1"]),
        ([1.0, 0.0, float("nan"), 1.0], ["1", "0", "1"]),
        ([True, False, None, True], ["True", "False", "True"]),
        (["__label__a", " b ", "", "a"], ["a", "b", "a"]),
    ):
        pl.DataFrame({"text": texts, "label": values}, strict=False).write_parquet(path)
        found = labelled_data.read_labelled(str(path), "text", "label")
        assert found.posts["label"].to_list() == expected
        assert 1 == found.unlabelled


def test_rows_without_a_label_or_a_text_are_counted(tmp_path: Path) -> None:
    lines = [json.dumps(row) for row in rows(20)]
    lines += ["{cut", json.dumps({"topic": "cooking"}), json.dumps({"body": "x y", "topic": []})]
    lines += [json.dumps({"body": "\u200b \n", "topic": "cooking"})]
    (tmp_path / "p.jsonl").write_text("\n".join(lines))
    found = labelled_data.read_labelled(str(tmp_path / "p.jsonl"), "body", "topic")
    assert {"malformed_json": 1, "no_text": 1} == found.refused
    assert (20, 1, 1) == (found.posts.height, found.unlabelled, found.empty_texts)


@pytest.mark.parametrize("size", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_huge_text_is_a_post_like_others(size: int, tmp_path: Path) -> None:
    path = write(
        tmp_path / "p.jsonl",
        [
            *rows(),
            {"body": "soup " * (size // 5), "topic": "cooking"},
            {"body": "x" * size, "topic": "at sea"},
        ],
    )
    trained = train_classifier.train(
        labelled_data.read_labelled(path, "body", "topic"), tmp_path / "m.bin"
    )
    assert sum(sum(count.values()) for count in trained.counts.values()) == 162


def test_a_label_of_few_posts_is_skipped_with_a_warning(tmp_path: Path) -> None:
    path = write(
        tmp_path / "p.jsonl", [*rows(), *({**row, "topic": "Cooking"} for row in rows(9, 2))]
    )
    trained = train_classifier.train(
        labelled_data.read_labelled(path, "body", "topic"), tmp_path / "m.bin"
    )
    assert {"Cooking": 9} == trained.skipped_labels
    assert (
        "label 'Cooking' was left out: it has 9 posts, and 10 are the least"
        in model_card.format_metrics(trained)
    )


def test_labels_that_differ_in_case_alone_give_a_warning(tmp_path: Path) -> None:
    lot = [*rows(), *({**row, "topic": "At  Sea"} for row in rows(60, 2))]
    path = write(tmp_path / "p.jsonl", lot)
    trained = train_classifier.train(
        labelled_data.read_labelled(path, "body", "topic"), tmp_path / "m.bin"
    )
    assert "'At  Sea' and 'at sea' differ only in case or spaces" in model_card.format_metrics(
        trained
    )


@pytest.mark.parametrize(
    ("lot", "text", "label", "message"),
    [
        (rows(), "bdy", "topic", "no row has a text in 'bdy'; did you mean 'body'"),
        (rows(), "body", "topik", "none of 160 rows has a label in 'topik'; did you mean 'topic'"),
        (rows(), "body", "body", "are both 'body'; name two columns"),
        ([{"body": "x", "topic": None}], "body", "topic", "none of 1 rows has a label in 'topic'"),
        ([], "body", "topic", "it is empty"),
        (
            [{"body": str(n), "topic": f"{n} secret"} for n in range(600)],
            "body",
            "topic",
            "has 600 different values",
        ),
        ([{"body": "x", "topic": "secret " * 50}], "body", "topic", "Is it another column"),
    ],
)
def test_a_file_that_is_no_table_of_labels_is_refused(
    tmp_path: Path, lot: list[dict[str, Any]], text: str, label: str, message: str
) -> None:
    path = write(tmp_path / "p.jsonl", lot)
    with pytest.raises(PlanError, match=message) as caught:
        labelled_data.read_labelled(path, text, label)
    assert "secret" not in str(caught.value)


def test_a_missing_column_of_a_csv_is_named_with_the_nearest(tmp_path: Path) -> None:
    pl.DataFrame(rows(4)).write_csv(tmp_path / "p.csv")
    with pytest.raises(PlanError, match="has no column 'topik'; did you mean 'topic'"):
        labelled_data.read_labelled(str(tmp_path / "p.csv"), "body", "topik")
    (tmp_path / "p.bin").write_bytes(bytes(range(256)) * 40)
    with pytest.raises(PlanError, match="no row can be read"):
        labelled_data.read_labelled(str(tmp_path / "p.bin"), "body", "topic")
    with pytest.raises(PlanError, match="no such file"):
        labelled_data.read_labelled(str(tmp_path / "none"), "body", "topic")


@pytest.mark.parametrize(
    ("lot", "out", "more", "message"),
    [
        ([{**row, "topic": "x"} for row in rows()], "m.bin", {}, "at least two labels"),
        (rows(8), "m.bin", {}, "there are: 'at sea' 4, 'cooking' 4"),
        (
            [{**row, "body": "same"} if row["topic"] == "cooking" else row for row in rows()],
            "m.bin",
            {},
            "no post is left .* for 'cooking', which has 1 different texts",
        ),
        (rows(), "m.txt", {}, "ends in .bin"),
        (rows(), "none/m.bin", {}, "there is no folder"),
        (rows(), "m.bin", {"threshold_labels": ["cooking"]}, "--for needs a precision"),
        (rows(), "m.bin", {"precision": 1.5}, "at most 1"),
        (rows(), "m.bin", {"precision": 0.9, "threshold_labels": ["coking"]}, "mean 'cooking'"),
    ],
)
def test_posts_and_options_that_allow_no_model_are_refused(
    tmp_path: Path, lot: list[dict[str, Any]], out: str, more: dict[str, Any], message: str
) -> None:
    path = write(tmp_path / "p.jsonl", lot)
    with pytest.raises(PlanError, match=message):
        train_classifier.train(
            labelled_data.read_labelled(path, "body", "topic"), tmp_path / out, **more
        )
    assert ["p.jsonl"] == [each.name for each in tmp_path.iterdir()]


def test_a_model_whose_training_diverges_is_not_written(tmp_path: Path) -> None:
    lot = [{**row, "body": "soup sail mast"} for row in rows(60)]
    path = write(tmp_path / "p.jsonl", [*rows(), *lot])
    found = labelled_data.read_labelled(path, "body", "topic")
    with pytest.raises(BuildError, match="lower --learning-rate"):
        train_classifier.train(
            found, tmp_path / "model.bin", TrainingSettings(learning_rate=10, epochs=200)
        )
    assert not (tmp_path / "model.bin").exists()


def test_wrong_settings_are_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path / "p.jsonl", rows())
    arguments = (
        "train",
        "--labelled",
        "p.jsonl",
        "--text",
        "body",
        "--label",
        "topic",
        "--out",
        "m.bin",
    )
    found = command(*arguments, "--dim", "0", cwd=tmp_path)
    assert (2, True) == (found.returncode, "'dim'" in found.stderr)
    found = command(*arguments, "--min-chars", "9", cwd=tmp_path)
    assert (2, True) == (found.returncode, "min_chars 9 is above max_chars 6" in found.stderr)


def test_a_card_of_either_name_of_the_package_is_replaced_and_another_file_is_not(
    tmp_path: Path,
) -> None:
    card = tmp_path / "topics.md"
    for name in ("social-corpus", "corpus-builder"):
        card.write_text(f"# topics\n\nA fastText classifier of posts, trained by {name}. More.")
        model_card.check_card(tmp_path / "topics.ftz")
    card.write_text("# topics\n\nNotes of my own.")
    with pytest.raises(PlanError, match="would be overwritten"):
        model_card.check_card(tmp_path / "topics.ftz")
