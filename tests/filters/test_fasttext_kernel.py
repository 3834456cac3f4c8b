"""The compiled lid.176 predicts the labels and the probabilities of fastText, to the last bit."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text import fasttext, fasttext_kernel
from filters.text.identifier import identify, words
from filters.text.utf8 import encode_texts
from tests.support.examples import examples

LID176 = identify.list_model_files(identify.Settings(correct=False))[0]
LINES = [
    "", " ", "a", "ok", "haha", "the the", "the quick brown fox jumps over the lazy dog", "x" * 300,
    "le chat dort sur le lit", "la casa de mi abuela es muy bonita", "не знаю что сказать", "ikke",
    "これは日本語の文章です", "你好世界", "مرحبا بالعالم", "नमस्ते दुनिया", "ʼn àà ÿ", "e e e e e",
    "  two  spaces  ", "can't well-known", "ang bahay", "dobrý den", "𐍈𐍉 𝓪", "שלום", "jeg er ikke",
]  # fmt: skip


@cache
def load_both() -> tuple[Any, fasttext_kernel.CompiledModel]:
    compiled = fasttext_kernel.load_compiled(LID176)
    assert compiled is not None
    return fasttext.load_model(LID176), compiled


def predict_both(lines: list[str], top: int, least: float) -> tuple[list[object], list[object]]:
    model, compiled = load_both()
    labels = fasttext.read_labels(LID176)
    expected = [
        [(name.removeprefix("__label__"), float(p)) for name, p in zip(*found, strict=True)]
        for found in fasttext.predict_labels(model, lines, top, least)
    ]
    text, starts = (array.copy() for array in encode_texts(pl.Series(lines)))  # writable, as words
    numbers, probabilities, offsets = fasttext_kernel.predict(text, starts, compiled, top, least)
    got = [
        [
            (labels[number], float(p))
            for number, p in zip(numbers[a:b], probabilities[a:b], strict=True)
        ]
        for a, b in pairwise(offsets)
    ]
    return expected, got


@pytest.mark.parametrize(("top", "least"), [(1, 0.0), (5, 0.003), (20, 0.0), (3, 0.2)])
def test_the_compiled_model_predicts_what_fasttext_does(top: int, least: float) -> None:
    expected, got = predict_both(LINES, top, least)
    assert got == expected and sum(map(len, expected)) >= len(LINES) // 2


@settings(max_examples=examples(100))
@given(st.lists(st.text(st.characters(categories=["L", "M"], include_characters="'-")), max_size=8))
def test_any_words_get_the_labels_of_fasttext(tokens: list[str]) -> None:
    expected, got = predict_both([" ".join(tokens)], 5, 0.003)
    assert got == expected


def test_a_model_of_another_kind_is_left_to_fasttext(tmp_path: Path) -> None:
    import fasttext as library

    file = tmp_path / "train.txt"
    file.write_text("__label__en the cat\n__label__fr le chat\n" * 20)
    # With fewer than ten threads this fastText leaves a part of its input matrix uninitialized.
    for number, form in enumerate(({"loss": "softmax"}, {"loss": "hs", "minn": 2, "maxn": 3})):
        path = tmp_path / f"{number}.bin"
        library.train_supervised(
            str(file), dim=4, epoch=1, thread=10, verbose=0, **form
        ).save_model(str(path))
        assert fasttext_kernel.load_compiled(path) is None


def test_the_words_of_some_posts_are_those_of_all_at_these_rows() -> None:
    text, offsets = words.extract_words(pl.DataFrame({"text": ["one two", "", "drei", "quatre!"]}))
    rows = np.array([3, 0, 1])
    assert words.split_to_strings(*words.gather_words(text, offsets, rows)) == [
        "quatre",
        "one two",
        "",
    ]
    assert words.split_to_strings(*words.gather_words(text, offsets, rows[:0])) == []
