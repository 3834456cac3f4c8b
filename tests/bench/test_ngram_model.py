"""The small language model of ``bench.quality.language_model``."""

from __future__ import annotations

import numpy as np
import pytest

from bench.quality import ngram_model


def probabilities(model: list[ngram_model.Order], context: bytes) -> np.ndarray:
    """Return the probability of each of the 256 bytes after ``context``."""
    costs = [
        ngram_model.bits_per_byte(model, np.frombuffer(context + bytes([byte]), np.uint8))[-1]
        for byte in range(256)
    ]
    return 2.0 ** -np.array(costs)


@pytest.mark.parametrize("context", [b"", b"\xffthe c", b"zzzzzz"])
def test_the_probabilities_of_all_bytes_add_up_to_one(context: bytes) -> None:
    model = ngram_model.count_ngrams(
        ngram_model.join_documents(["the cat sat", "the cow sat", "the end"])
    )
    assert probabilities(model, context).sum() == pytest.approx(1)


def test_the_costs_are_those_of_the_formula() -> None:
    # Behind nothing: two a, one b, two ends, three kinds; and 1/256 from the start.
    model = ngram_model.count_ngrams(ngram_model.join_documents(["aab"]), order=1)
    assert probabilities(model, b"")[ord("a")] == pytest.approx((2 + 3 / 256) / (5 + 3))
    assert probabilities(model, b"")[ord("z")] == pytest.approx((0 + 3 / 256) / (5 + 3))


def test_frequent_text_costs_few_bits() -> None:
    model = ngram_model.count_ngrams(
        ngram_model.join_documents(["good morning"] * 5 + ["good night"])
    )
    often, once, never = (
        ngram_model.bits_per_byte(model, ngram_model.join_documents([text])).mean()
        for text in ("good morning", "good night", "bad weather")
    )
    assert often < once < never
