"""The small language model of ``make eval-lm``."""

from __future__ import annotations

import numpy as np
import pytest

from bench.quality import ngram_model


def chances(model: list[ngram_model.Order], context: bytes) -> np.ndarray:
    """The chance of each of the 256 bytes behind ``context``."""
    costs = [
        ngram_model.bits_per_byte(model, np.frombuffer(context + bytes([byte]), np.uint8))[-1]
        for byte in range(256)
    ]
    return 2.0 ** -np.array(costs)


@pytest.mark.parametrize("context", [b"", b"\xffthe c", b"zzzzzz"])
def test_the_chances_of_all_bytes_add_up_to_one(context: bytes) -> None:
    model = ngram_model.count_ngrams(
        ngram_model.join_documents(["the cat sat", "the cow sat", "the end"])
    )
    assert chances(model, context).sum() == pytest.approx(1)


def test_the_formula_by_hand() -> None:
    # Behind nothing: two a, one b, two ends, three kinds; and 1/256 from the start.
    model = ngram_model.count_ngrams(ngram_model.join_documents(["aab"]), order=1)
    assert chances(model, b"")[ord("a")] == pytest.approx((2 + 3 / 256) / (5 + 3))
    assert chances(model, b"")[ord("z")] == pytest.approx((0 + 3 / 256) / (5 + 3))


def test_what_was_read_often_is_cheap() -> None:
    model = ngram_model.count_ngrams(
        ngram_model.join_documents(["good morning"] * 5 + ["good night"])
    )
    often, once, never = (
        ngram_model.bits_per_byte(model, ngram_model.join_documents([text])).mean()
        for text in ("good morning", "good night", "bad weather")
    )
    assert often < once < never
