"""The published presets decide as datatrove does, and their tokens are spaCy's."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import spacy

from bench.peers import environment
from bench.peers.datatrove_filters import PUBLISHED_PRESETS, count_differences, run_datatrove
from filters import quality
from filters.quality import tokens
from filters.text import utf8
from tests.support.examples import examples

STORED = Path(__file__).with_name("datatrove_cases.json")
PLAIN = Path(__file__).resolve().parents[3] / "shared" / "data" / "plain"


def run_filter(texts: list[str], **config: Any) -> pl.DataFrame:
    posts = pl.DataFrame({"id": [str(n) for n in range(len(texts))], "text": texts})
    return quality.build(quality.Config(**config))(posts)


@pytest.fixture(scope="module")
def stored() -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = json.loads(STORED.read_text(encoding="utf-8"))["cases"]
    return result


@pytest.mark.parametrize("name", PUBLISHED_PRESETS)
def test_a_preset_decides_the_stored_texts_as_datatrove_does(
    name: str, stored: list[dict[str, Any]]
) -> None:
    result = run_filter([case["text"] for case in stored], preset=name)["reject"].to_list()
    wrong = [
        (case["text"][:200], case[name], actual)
        for case, actual in zip(stored, result, strict=True)
        if actual != case[name]
    ]
    assert wrong == []


def test_c4_rewrites_the_stored_texts_as_datatrove_does(stored: list[dict[str, Any]]) -> None:
    texts = [case["text"] for case in stored]
    result = run_filter(texts, preset="c4")["text"].to_list()
    assert result == [case.get("c4_text", case["text"]) for case in stored]
    assert run_filter(texts, preset="c4", cut_lines=False)["text"].to_list() == texts


def test_the_stored_texts_have_nearly_every_reason(stored: list[dict[str, Any]]) -> None:
    # No stored text has a hundred thousand words or the rarer repetitions.
    rare = {"gopher_long_doc", "gopher_above_avg_threshold", "dup_line_char_frac"}
    rare |= {f"duplicated_{n}_n_grams" for n in (8, 9)}
    for name in PUBLISHED_PRESETS:
        reasons = {rule.reason for rule in quality.PRESETS[name].rules}
        assert reasons - {case[name] for case in stored} <= rare, name


@pytest.mark.parametrize(
    ("text", "config", "why"),
    [
        ("word " * 60, {"preset": "gopher", "max_doc_words": 59}, "gopher_long_doc"),
        ("abcdefghijklm " * 60, {"preset": "gopher"}, "gopher_above_avg_threshold"),
        (
            "one long line of text that stands here for all to see\nab\ncd\nef\n"
            "one long line of text that stands here for all to see",
            {"preset": "gopher_repetition"},
            "dup_line_char_frac",
        ),
        ("a b c d e f g h", {"preset": "gopher_repetition", "top_2_gram": 1.0}, "top_3_gram"),
        ("One two.\nThree four.", {"preset": "fineweb", "short_line_length": 5}, None),
        ("No stop", {"preset": "fineweb", "line_punct_exclude_zero": True}, "short_line_ratio"),
        ("Two words. Three more words.", {"preset": "c4", "min_num_sentences": 2}, None),
        (
            "Is it { so? It is so.",
            {"preset": "c4", "min_num_sentences": 2, "filter_curly_bracket": False},
            None,
        ),
        ("Nothing here is long", {"preset": "c4", "min_num_sentences": -1}, None),
    ],
)
def test_thresholds_have_datatrove_s_names(
    text: str, config: dict[str, Any], why: str | None
) -> None:
    assert run_filter([text], **config)["reject"][0] == why


def test_dots_count_as_ellipses_in_threes() -> None:
    result = run_filter(["so...... it goes… on..", "no"], preset="gopher", tokenizer="whitespace")
    assert result["quality_ellipses_per_word"].to_list() == [3 / 4, 0.0]


def test_whitespace_tokens_are_separated_by_spaces() -> None:
    result = run_filter(
        ["it's (so) well-known, e.g. here"], preset="gopher", tokenizer="whitespace"
    )
    assert result["quality_gopher_words"][0] == 5
    assert run_filter(["it's (so)"], preset="gopher")["quality_gopher_words"][0] == 3


def test_tokens_equal_spacy_s(stored: list[dict[str, Any]]) -> None:
    """On invented texts, and on random strings of what spaCy's patterns match."""
    english = spacy.blank("en")
    random_source = random.Random(11)
    rules = sorted(english.tokenizer.rules)
    signs = [
        *"abZéж日1290.,-—'’sSm%$€()\"!?:;/#@_…+*=<>&~^|°²\\ \n\u00a0\t\u200b\u0301ก«",
        "km",
        "US$",
        "😂",
        "❤️",
        "http://",
        "www.",
        ".com",
        "[1]",
        "--",
        "......",
        " ",
        " ",
    ]
    texts = [
        "".join(random_source.choices(signs, k=random_source.randint(1, 12)))
        for _ in range(examples(8000))
    ]
    texts += [
        random_source.choice(["", "(", '"', "#", "-"])
        + random_source.choice(rules)
        + random_source.choice(["", ".", "'s", ":)"])
        for _ in range(examples(4000))
    ]
    texts += [case["text"] for case in stored]
    data, offsets = utf8.encode_texts(pl.Series(texts))
    result = tokens.make_tokenizer("spacy")(data, offsets)
    raw = data.tobytes()
    for row, text in enumerate(texts):
        expected_tokens = [token.text for token in english.tokenizer(text) if token.text.strip()]
        token_range = slice(result.text_offsets[row], result.text_offsets[row + 1])
        pairs = zip(result.starts[token_range], result.ends[token_range], strict=True)
        assert [raw[begin:end].decode() for begin, end in pairs] == expected_tokens, text


@pytest.mark.slow
def test_real_posts_are_decided_as_datatrove_does() -> None:
    """Posts as they are, and several of them joined, so that the later rules apply."""
    if not environment.PYTHON.exists():
        pytest.skip("datatrove is not installed in .bench/peers; 'make bench' installs it")
    if not PLAIN.exists():
        pytest.skip("no real posts in ../shared/data/plain")
    posts = [
        line.strip("\r\n")
        for name in ("gurez.10000", "youtube_first_20000", "redd.tok.uniq")
        for line in (PLAIN / name).read_bytes().decode("utf-8", "replace").split("\n")[:9000]
        if line.strip()
    ]
    random_source = random.Random(3)
    joined_posts = [
        random_source.choice(("\n", "\n\n", "\r\n", " ")).join(
            random_source.sample(posts, random_source.randint(2, 30))
        )
        for _ in range(examples(1500))
    ]
    texts = [*posts, *joined_posts]
    assert len(texts) >= 20_000
    expected = run_datatrove(environment.PYTHON, texts)
    assert {
        name: count_differences(run_filter(texts, preset=name), expected[name])
        for name in PUBLISHED_PRESETS
    } == (dict.fromkeys(PUBLISHED_PRESETS, 0))
