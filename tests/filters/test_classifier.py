"""The filter ``classifier``: labels, thresholds, and errors for models that it cannot use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from corpus.errors import PlanError
from corpus.pipeline import build
from filters import classifier
from filters.classifier import Config
from filters.contract import check, models, resolved
from filters.text import fasttext
from tests.conftest import post, write_lines
from tests.training.test_train_classifier import train_on_recipes

COOK = "stir the soup and add salt to the onions"
SAIL = "hoist the sail and steer for the harbour"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of two labels, one with a space in it."""
    return str(train_on_recipes(tmp_path_factory.mktemp("model")).model)


def make_posts(*texts: str | None) -> pl.DataFrame:
    ids = [str(row) for row in range(len(texts))]
    return pl.DataFrame(
        {"id": ids, "text": list(texts)}, schema={"id": pl.String, "text": pl.String}
    )


def find_reasons(texts: list[str], **settings: Any) -> list[str | None]:
    return classifier.build(Config(**settings))(make_posts(*texts))["reject"].to_list()


def test_a_post_gets_its_most_likely_label_and_score(model: str) -> None:
    filtered = classifier.build(Config(model=model))(make_posts(COOK, SAIL))
    assert filtered["classifier_label"].to_list() == ["cooking", "at sea"]
    assert filtered["classifier_score"].min() > 0.5
    assert filtered["classifier_score"].max() <= 1
    assert filtered["reject"].to_list() == [None, None]
    assert classifier.WRITES.items() <= dict(filtered.schema).items()


def test_keep_drops_every_other_label(model: str) -> None:
    assert find_reasons([COOK, SAIL], model=model, keep=["at sea"]) == ["unwanted_label", None]


def test_drop_keeps_every_other_label(model: str) -> None:
    assert find_reasons([COOK, SAIL], model=model, drop=["at sea"]) == [None, "unwanted_label"]


def test_a_label_below_its_threshold_does_not_count(model: str) -> None:
    unsure = {"model": model, "min_score": 1.0}
    texts = ["salt on the sail"]
    label, score = (
        classifier.build(Config(model=model))(make_posts(*texts))
        .select("classifier_label", "classifier_score")
        .row(0)
    )
    assert 0 < score < 1
    assert find_reasons(texts, **unsure, keep=[label]) == ["unsure_label"]
    assert find_reasons(texts, **unsure, drop=[label]) == [None]
    assert find_reasons(texts, model=model, keep=[label], thresholds={label: 1}) == ["unsure_label"]
    other = "cooking" if label == "at sea" else "at sea"
    assert find_reasons(texts, model=model, keep=[label], thresholds={other: 1}) == [None]
    # Of two thresholds the higher one counts.
    assert find_reasons(texts, **unsure, keep=[label], thresholds={label: 0.1}) == ["unsure_label"]


def test_without_a_model_nothing_is_labelled_and_a_plan_is_refused() -> None:
    filtered = classifier.build(Config())(make_posts(COOK))
    assert (None, 0.0, None) == filtered.select(
        "classifier_label", "classifier_score", "reject"
    ).row(0)
    with pytest.raises(ValueError, match="no model; train one with 'corpus train'"):
        check(classifier, Config())
    assert [] == models(classifier, Config())


@pytest.mark.parametrize("text", ["", " \n\t ", None, "\u200b\ufeff", "\0"])
def test_a_text_that_is_empty_after_cleaning_has_no_label(model: str, text: str | None) -> None:
    filtered = classifier.build(Config(model=model, keep=("cooking",)))(make_posts(text))
    assert (None, 0.0, "no_label") == filtered.select(
        "classifier_label", "classifier_score", "reject"
    ).row(0)
    dropping = classifier.build(Config(model=model, drop=("cooking",)))
    assert dropping(make_posts(text))["reject"].to_list() == [None]


@pytest.mark.parametrize(
    "text",
    [
        "😀",
        "a",
        "東京タワーに行きました",
        "مرحبا بالعالم",
        "ᚠᛇᚻ",
        "🏴\u200d☠️",
        "x" * 1_000_000,
        "word " * 200_000,
        "a\nb\r\nc\u2028d\x0be\x0cf",
        "\ud7ff\U0010fffd",
    ],
)
def test_any_text_gets_one_label_and_one_score(model: str, text: str) -> None:
    run = classifier.build(Config(model=model))
    filtered = run(make_posts(COOK, text, SAIL))
    assert filtered.height == 3
    assert filtered["classifier_label"].to_list()[::2] == ["cooking", "at sea"]
    assert 0 <= filtered["classifier_score"][1] <= 1


def test_fasttext_s_own_tokens_in_a_post_are_ordinary_words(model: str) -> None:
    run = classifier.build(Config(model=model))
    texts = [f"</s> {COOK}", f"__label__1_cooking {SAIL}", f"{SAIL}\n{SAIL}"]
    assert run(make_posts(*texts))["classifier_label"].to_list() == ["cooking", "at sea", "at sea"]
    # The text after the token counts as well.
    before, with_token = run(make_posts("hm", "hm </s> soup"))["classifier_score"]
    assert before != with_token


def test_all_links_are_the_same_token(model: str) -> None:
    filtered = classifier.build(Config(model=model))(
        make_posts("see https://a.example/x for soup", "SEE http://b.example for soup")
    )
    assert filtered["classifier_score"].n_unique() == 1


def test_a_foreign_model_reads_texts_without_cleaning(tmp_path: Path) -> None:
    path = train_with_fasttext(tmp_path, "supervised")
    filtered = classifier.build(Config(model=str(path)))(make_posts("UP\nUP", "down down"))
    assert filtered["classifier_label"].to_list() == ["rise", "fall"]


def train_with_fasttext(folder: Path, kind: str) -> Path:
    import fasttext

    lines = "".join("__label__rise UP UP\n__label__fall down down\n" for _ in range(50))
    (folder / "lines.txt").write_text(lines)
    # Eleven threads: with fewer, fastText reads memory that it has not initialized.
    arguments = {
        "input": str(folder / "lines.txt"),
        "thread": 11,
        "verbose": 0,
        "minCount": 1,
        "dim": 4,
    }
    train = fasttext.train_supervised if kind == "supervised" else fasttext.train_unsupervised
    path = folder / f"{kind}.bin"
    train(**arguments, **({"epoch": 20} if kind == "supervised" else {})).save_model(str(path))
    return path


def test_word_vectors_are_no_classifier(tmp_path: Path) -> None:
    path = train_with_fasttext(tmp_path, "unsupervised")
    with pytest.raises(ValueError, match="has word vectors and no labels"):
        check(classifier, Config(model=str(path)))


@pytest.mark.parametrize("part", [0, 3, 40, 200, 0.5, 0.99])
def test_a_damaged_file_is_named(model: str, tmp_path: Path, part: float) -> None:
    whole = Path(model).read_bytes()
    path = tmp_path / "cut.bin"
    path.write_bytes(whole[: int(part if part > 1 or not part else part * len(whole))])
    with pytest.raises(ValueError, match=r"cut\.bin is not a usable fastText model"):
        check(classifier, Config(model=str(path)))
    with pytest.raises(ValueError, match=r"cut\.bin is not a usable fastText model"):
        classifier.build(Config(model=str(path)))


def test_a_damaged_note_is_an_error(model: str, tmp_path: Path) -> None:
    whole = Path(model).read_bytes()
    path = tmp_path / "model.bin"
    path.write_bytes(whole.replace(b'"cleaning"', b'"cleaning\xff'))
    with pytest.raises(ValueError, match="note at the end of the file is damaged"):
        check(classifier, Config(model=str(path)))
    path.write_bytes(whole)
    fasttext.write_note(path, {"cleaning": "tokens-9"})
    with pytest.raises(ValueError, match="cleaned texts by 'tokens-9'; train it again"):
        check(classifier, Config(model=str(path)))
    fasttext.write_note(path, {"labels": ["one"]})
    with pytest.raises(ValueError, match="note is of another model"):
        check(classifier, Config(model=str(path)))


def test_an_unknown_label_is_refused_with_the_most_similar_one(model: str) -> None:
    with pytest.raises(ValueError, match="has no label 'coking'; did you mean 'cooking'"):
        check(classifier, Config(model=model, keep=("coking",)))
    with pytest.raises(ValueError, match="has no label 'zzz'; it has: at sea, cooking"):
        check(classifier, Config(model=model, thresholds={"zzz": 0.5}))
    # YAML reads an unquoted no as False.
    with pytest.raises(ValueError, match="Quote a label like 'no'"):
        check(classifier, Config.model_validate({"model": model, "drop": [False]}))


def test_contradicting_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="exclude each other"):
        Config(keep=("a",), drop=("b",))
    with pytest.raises(ValidationError, match="threshold of 'a' must be from 0 to 1"):
        Config(thresholds={"a": 2})
    assert ("1", "True") == Config.model_validate({"keep": [1, True]}).keep


def test_the_thresholds_of_the_training_are_used_and_shown(model: str, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(Path(model).read_bytes())
    classifier.write_model_note(path, ["at sea", "cooking"], {"cooking": 1.0, "at sea": 0.25})
    config = Config(model=str(path), keep=("cooking",))
    assert {"cooking": 1.0} == resolved(classifier, config).model_dump()["thresholds"]
    assert find_reasons(["salt soup sail"], model=str(path), keep=["cooking"]) != [None]
    own = Config(model=str(path), keep=("cooking",), thresholds={"cooking": 0.1})
    assert {"cooking": 0.1} == resolved(classifier, own).model_dump()["thresholds"]
    assert find_reasons([COOK], model=str(path), keep=["cooking"], thresholds={"cooking": 0.1}) == [
        None
    ]


def test_a_plan_with_the_filter_writes_label_and_score_to_the_ledger(
    model: str, tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    write_lines(tmp_path / "posts.jsonl", [post(1, text=COOK), post(2, text=SAIL)])
    manifest = build.build(plan([{"classifier": {"model": model, "keep": ["cooking"]}}]))
    assert {"unwanted_label": 1} == manifest["funnel"][1]["dropped"]
    assert manifest["models"]["classifier"]
    (dropped,) = pl.read_parquet(tmp_path / "out/dropped/classifier-*.parquet").iter_rows(
        named=True
    )
    assert ("at sea", "table:2") == (dropped["classifier_label"], dropped["id"])
    stages = [{"classifier": {"model": model, "keep": ["coking"]}}]
    with pytest.raises(PlanError, match="did you mean 'cooking'"):
        build.build(plan(stages))
    with pytest.raises(PlanError, match="cannot read the file"):
        build.build(plan([{"classifier": {"model": str(tmp_path / "none.bin")}}]))
    with pytest.raises(PlanError, match="no model; train one"):
        build.build(plan([{"classifier": {}}]))
