"""The words that identify a language, and the model that corrects lid.176."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.language import correction, scripts
from filters.language.words import extract_words, split_to_strings


def extract(texts: list[str | None]) -> list[str]:
    posts = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    return split_to_strings(*extract_words(posts))


def test_words_are_extracted_without_links_tags_and_signs() -> None:
    assert extract(
        [
            "RT @x: Sooooo gooood #Blessed https://a.example don't co-operate 12/12",
            "#happy #love",
            "東京タワー！！ #旅行　行きました 😀",
            "ㅋㅋㅋㅋㅋ ok",
            "می‌خواهم",
            "",
            None,
            "12:30 😀 — …",
        ]
    ) == [
        "soo good don't co-operate",
        "happy love",
        "東京タワー 行きました",
        "ㅋㅋ ok",
        "می‌خواهم",
        "",
        "",
        "",
    ]


@given(st.lists(st.text(), max_size=5))
def test_extracted_words_are_valid_text_with_single_spaces(texts: list[str]) -> None:
    encodable = [text.encode("utf-8", "ignore").decode() for text in texts]
    once = extract(list(encodable))
    assert len(once) == len(encodable)
    assert all(text == text.strip() and "  " not in text for text in once)


def make_model(labels: list[str], weights: dict[int, list[int]]) -> correction.CorrectionModel:
    kept = np.zeros(1 << correction.FEATURE_BITS, bool)
    kept[list(weights)] = True
    bits = np.packbits(kept, bitorder="little").view(np.uint64)
    rows = np.array([weights[key] for key in sorted(weights)], np.int8)
    return correction.make_model(labels, rows, bits, np.zeros(len(labels), np.float32), 0.5)


def hash_features(text: str) -> list[int]:
    data = np.frombuffer(text.encode(), np.uint8)
    points = np.empty(correction.MAX_CODE_POINTS + 2, np.int32)
    found = np.empty(correction.MAX_POST_FEATURES, np.uint32)
    starts = np.empty(correction.MAX_POST_FEATURES, np.int32)
    count = correction.decode_code_points(data, 0, len(data), points)
    return found[: correction.extract_features(points, count, found, starts)].tolist()


def test_a_feature_is_an_ngram_with_the_spaces_around_or_a_longer_word() -> None:
    # " ab ": four of one, three of two, two of three, one of four.
    assert len(hash_features("ab")) == 10
    assert len(hash_features("abcdef")) == 8 + 7 + 6 + 5 + 4 + 1


def test_the_weights_of_known_features_count_over_the_root_of_their_number() -> None:
    one, *_ = (key for key in hash_features("q") if hash_features("q").count(key) == 1)
    trained = make_model(["aa", "bb"], {one: [100, -100]})
    text, offsets = np.frombuffer(b"q", np.uint8), np.array([0, 1], np.int64)
    predictions = correction.BasePredictions(
        np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(2, np.int64)
    )
    all_scripts = np.ones((len(scripts.SCRIPTS), 2), np.float32)
    context = correction.ScoringContext(
        all_scripts, np.ones(2, bool), np.eye(2, dtype=bool), np.array([-1], np.int32), 0.0, 1.0
    )
    found = correction.rank_languages(text, offsets, predictions, context, trained)
    assert (found.first[0], found.second[0]) == (0, 1)
    # With logits of 50 and -50 the second one has no probability.
    assert (found.first_score[0], found.second_score[0]) == (1.0, pytest.approx(0.0, abs=1e-6))


def test_equal_models_make_equal_files_and_load_again(tmp_path: Path) -> None:
    trained = make_model(["aa", "bb", "cc"], {5: [1, 2, 3], 70: [4, 5, 6], 2_000_000: [-1, 0, 1]})
    correction.save_model(trained, tmp_path / "one.npz")
    correction.save_model(trained, tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    loaded = correction.load_model(tmp_path / "one.npz")
    assert loaded.labels == trained.labels
    for expected, found in zip(trained[1:], loaded[1:], strict=True):
        assert np.array_equal(expected, found)


def test_a_damaged_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "language.npz"
    for content in (b"", b"no model", Path(__file__).read_bytes()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"language\.npz is not the model"):
            correction.load_model(path)
    correction.save_model(make_model(["aa"], {5: [1]}), path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"language\.npz is not the model"):
        correction.load_model(path)
    with pytest.raises(ValueError, match="do not fit"):
        correction.make_model(
            ["aa"], np.zeros((3, 1), np.int8), np.zeros(1 << 15, np.uint64), np.zeros(1), 1.0
        )


def test_scripts_by_label() -> None:
    table = scripts.build_script_table(["en", "ru", "ja", "rus_Cyrl", "jpn_Jpan", "strange"])
    used = [
        {scripts.SCRIPTS[number] for number in np.flatnonzero(table[:, column])}
        for column in range(5)
    ]
    assert used == [{"Latn"}, {"Cyrl"}, {"Kana", "Hani"}, {"Cyrl"}, {"Kana", "Hani"}]
    assert table[:, 5].all()
