"""The words that identify a language, and the model that corrects lid.176."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.text.identifier import correction, letters, scripts
from filters.text.identifier.words import extract_words, split_to_strings


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
        "so good don't co-operate",
        "happy love",
        "東京タワー 行きました",
        "ㅋ ok",
        "می‌خواهم",
        "",
        "",
        "",
    ]


def test_laughter_that_is_the_same_in_every_language_is_no_word() -> None:
    texts = [
        "Hahaha gut",
        "HAAHAHA",
        "so #haha",
        "ha ha",
        "haha-ha yes ahah",
        "kkkk jajaja",
        "wahaha",
    ]
    assert extract(list(texts)) == ["gut", "", "so", "ha ha", "yes", "k jajaja", "wahaha"]


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


def make_opinions(answer: int, scores: dict[int, float]) -> correction.SecondOpinions:
    """What the second model says of one post."""
    return correction.SecondOpinions(
        np.array([answer], np.int32),
        np.array(list(scores), np.int32),
        np.array(list(scores.values()), np.float32),
        np.array([0, len(scores)], np.int64),
    )


def make_context(**values: object) -> correction.ScoringContext:
    """What decides besides the models, about one post and two labels: nothing."""
    nobody = np.array([-1], np.int32)
    nothing = correction.ScoringContext(
        script_table=np.ones((len(scripts.SCRIPTS), 2), np.float32),
        letter_bits=np.full(2, -1, np.int32),
        allowed=np.ones(2, bool),
        rarity=np.zeros(2, np.float32),
        near_labels=np.eye(2, dtype=bool),
        second_opinions=make_opinions(-1, {}),
        second_votes=np.eye(2, dtype=bool),
        second_knows=np.ones(2, bool),
        second_gains=np.full(2, 0.5, np.float32),
        english=-1,
        prior_labels=nobody,
        prior_weight=0.0,
        hinted_labels=nobody,
        romanised=np.full(2, -1, np.int32),
        hint_weight=0.0,
        sharpness=1.0,
    )
    return nothing._replace(**values)


def rank(
    context: correction.ScoringContext, text: str = "qqqqqqqqqqqq"
) -> correction.LanguageRanking:
    """The ranking of one post, of which the first two models know nothing."""
    data, offsets = np.frombuffer(text.encode(), np.uint8), np.array([0, len(text.encode())])
    predictions = correction.BasePredictions(
        np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(2, np.int64)
    )
    model = make_model(["aa", "bb"], {5: [0, 0]})
    return correction.rank_languages(data, offsets, predictions, context, model)


def compute_lead(context: correction.ScoringContext, text: str = "qqqqqqqqqqqq") -> float:
    """The difference of the logits of the second label and the first."""
    found = rank(context, text)
    lead = float(np.log(found.first_score[0] / found.second_score[0]))
    return lead if found.first[0] else -lead


def test_the_second_model_votes_for_all_languages_that_its_answer_stands_for() -> None:
    asked = make_context(second_opinions=make_opinions(1, {1: 0.75}))
    assert rank(make_context()).first.tolist() == [0]
    assert rank(asked).first.tolist() == [1]
    both = rank(asked._replace(second_votes=np.ones((2, 2), bool)))
    assert (both.first[0], both.first_score[0]) == (0, 0.5)


def test_a_score_below_the_best_one_counts_against_a_language() -> None:
    for least in (0.75, 0.5, 0.25):
        opinions = make_opinions(1, {1: 0.75, 0: least})
        expected = correction.SECOND_WEIGHT + correction.SECOND_SLOPE * (0.75 - least)
        assert compute_lead(make_context(second_opinions=opinions)) == pytest.approx(expected)


def test_a_short_post_s_scores_count_in_proportion_to_its_length() -> None:
    tied = make_context(second_opinions=make_opinions(1, {1: 0.75, 0: 0.25}))
    lead = correction.SECOND_SLOPE * 0.5 * 2 / correction.RELIABLE_CODE_POINTS
    assert compute_lead(tied, "qq") == pytest.approx(correction.SECOND_WEIGHT + lead)


def test_english_gains_no_more_than_its_lead_and_loses_as_others_do() -> None:
    weight, slope = correction.SECOND_WEIGHT, correction.SECOND_SLOPE
    cases = ((0.5, 0.5, 0), (0.5, 0.375, slope / 8), (0.25, 0.75, -slope / 2), (1, 0, weight))
    for score, other, gain in cases:
        context = make_context(second_opinions=make_opinions(1, {1: score, 0: other}), english=1)
        loss = slope * max(score - other, 0)
        assert compute_lead(context) == pytest.approx(gain + loss)


def test_a_language_that_the_second_model_does_not_know_gains() -> None:
    asked = make_context(second_opinions=make_opinions(1, {1: 0.75}))
    unknown = asked._replace(second_knows=np.array([False, True]))
    assert compute_lead(unknown) == pytest.approx(correction.SECOND_WEIGHT - 0.5)


def test_letters_of_a_script_that_a_language_is_not_written_in_count_against_it() -> None:
    table = np.ones((len(scripts.SCRIPTS), 2), np.float32)
    table[scripts.SCRIPTS.index("Latn"), 0] = 0
    # Once as in training, and once more.
    penalty = correction.SCRIPT_PENALTY + correction.RANKED_SCRIPT_PENALTY
    assert compute_lead(make_context(script_table=table)) == pytest.approx(penalty)
    mixed = compute_lead(make_context(script_table=table), "ддq")
    assert mixed == pytest.approx(penalty / 3, abs=1e-4)


def test_only_the_rows_asked_for_are_ranked() -> None:
    text, offsets = np.frombuffer(b"qq", np.uint8), np.array([0, 1, 2], np.int64)
    predictions = correction.BasePredictions(
        np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(3, np.int64)
    )
    nobody = np.full(2, -1, np.int32)
    opinions = make_opinions(-1, {})._replace(answers=nobody, offsets=np.zeros(3, np.int64))
    context = make_context(second_opinions=opinions, prior_labels=nobody, hinted_labels=nobody)
    model = make_model(["aa", "bb"], {5: [0, 0]})
    found = correction.rank_languages(
        text, offsets, predictions, context, model, np.array([1], np.int64)
    )
    assert found.first.tolist() == [-1, 0]


def test_a_letter_that_a_language_does_not_write_counts_against_it() -> None:
    labels = ["uk", "ru", "en"]
    bits = letters.find_bits(labels)
    assert bits[2] == -1
    found = np.empty(len(letters.LANGUAGES), np.int32)

    def losses(text: str) -> list[float]:
        points = np.array([ord(letter) for letter in text], np.int32)
        logits = np.zeros(3, np.float32)
        correction.penalise_foreign_letters(points, points.size, bits, found, logits)
        return [float(value) for value in -logits / correction.LETTER_PENALTY]

    assert losses("мова") == [0, 0, 0]
    assert losses("был") == [1, 0, 0]
    assert losses("їхній") == [0, 2, 0]
    assert losses("ыыыы ээ") == [correction.MAX_FOREIGN_LETTERS, 0, 0]


def test_alphabets_have_single_letters() -> None:
    assert len(letters.LANGUAGES) <= 64
    assert not letters.FOREIGN[:0x80].any()
    bits = dict(zip(letters.LANGUAGES, range(64), strict=False))
    # Vietnamese alone writes this one.
    foreign = int(letters.FOREIGN[ord("ủ")])
    assert [code for code, bit in bits.items() if not foreign >> bit & 1] == ["vi"]


def test_a_prior_and_a_rare_language_move_the_logits() -> None:
    prior = make_context(prior_labels=np.array([1], np.int32), prior_weight=np.log(3))
    found = rank(prior)
    assert found.first.tolist() == [1]
    assert found.first_score[0] == pytest.approx(0.75)
    rare = make_context(rarity=np.array([np.log(4), 0], np.float32))
    assert rank(rare).first.tolist() == [1]
    assert rank(rare).first_score[0] == pytest.approx(0.8)


def test_a_platform_s_hint_counts_for_the_romanised_language_too() -> None:
    hint = {"hinted_labels": np.array([0], np.int32), "hint_weight": 2.0}
    alone = rank(make_context(**hint))
    both = rank(make_context(**hint, romanised=np.array([1, -1], np.int32)))
    assert alone.first_score[0] > 0.85
    assert both.first_score[0] == pytest.approx(0.5)


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
    context = make_context()
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
    labels = ["en", "ru", "ja", "rus_Cyrl", "jpn_Jpan", "hi-Latn", "strange"]
    table = scripts.build_script_table(labels)
    used = [
        {scripts.SCRIPTS[number] for number in np.flatnonzero(table[:, column])}
        for column in range(6)
    ]
    assert used == [{"Latn"}, {"Cyrl"}, {"Kana", "Hani"}, {"Cyrl"}, {"Kana", "Hani"}, {"Latn"}]
    assert table[:, 6].all()


def find_pair(text: str) -> list[str]:
    data = np.frombuffer(text.encode(), np.uint8)
    found = scripts.find_script_pairs(data, np.array([0, data.size], np.int64))
    return [scripts.SCRIPTS[number] for number in found.scripts[0] if number >= 0]


def test_a_text_is_in_two_scripts_if_each_has_a_share_of_the_letters() -> None:
    assert find_pair("the shop is closed 오늘은 쉬는 날입니다") == ["Latn", "Hang"]
    # Few Chinese characters say as much as many letters.
    assert find_pair("see you at the fair tomorrow morning 明天市集上見") == ["Latn", "Hani"]
    assert find_pair("the shop is closed today, says the note of 김민수") == []
    # Kana and Han characters are both Japanese.
    assert find_pair("何を言っているのか全然わかりません") == []
    assert find_pair("") == []


def test_the_letters_of_one_script_are_kept_apart_from_the_other() -> None:
    data = np.frombuffer("closed 쉬는 날 today 今日".encode(), np.uint8)
    kept = np.array([scripts.SCRIPTS.index("Latn")], np.int8)
    found = scripts.keep_script(data, np.array([0, data.size], np.int64), kept)
    assert [text.strip() for text in split_to_strings(*found)] == ["closed today"]
