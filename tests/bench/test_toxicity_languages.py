"""The figures of the table of languages, and which sets may teach."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from bench.quality.toxicity_languages import SETS, describe_set, get_set_language, rank
from scripts.toxicity_expletives import find_pattern
from scripts.train_toxicity_languages import calibrate, weigh_to_rate


def test_a_ranking_has_an_interval_that_more_posts_make_narrower() -> None:
    scores, positive = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    few = rank(scores, positive)
    many = rank(np.tile(scores, 100), np.tile(positive, 100))
    assert few.auroc == many.auroc == pytest.approx(0.75)
    assert 0 <= few.low < many.low < 0.75 < many.high < few.high <= 1


def test_a_set_that_is_not_judged_is_said_to_be() -> None:
    posts = pl.DataFrame(
        {
            "label": [True, False],
            "first": [0.2, 0.1],
            "toxicity": [None, None],
            "profanity": [None, None],
        },
        schema_overrides={"toxicity": pl.Float32, "profanity": pl.Float32},
    )
    assert "not judged" in describe_set(posts, 0.8)
    scored = posts.with_columns(toxicity=pl.Series([0.9, 0.1]), profanity=pl.Series([0.9, 0.2]))
    assert "1.000" in describe_set(scored, 0.8)


def test_sets_are_of_the_language_that_their_name_begins_with() -> None:
    assert get_set_language("ko-beep") == "ko"
    assert get_set_language("ur-ruhsold") == "ur-Latn"
    assert {found.licence for found in SETS.values()} == {"open", "unstated", "research"}


def test_posts_are_weighed_to_a_rate() -> None:
    positive = np.array([True, True, False, False])
    counts = weigh_to_rate(positive, 0.05)
    assert (counts * positive).sum() / counts.sum() == pytest.approx(0.05)
    assert weigh_to_rate(positive, 0.9).tolist() == [1, 1, 1, 1]


def test_the_default_threshold_has_the_wanted_precision_and_spares_ordinary_posts() -> None:
    random = np.random.default_rng(0)
    targets = (random.random(4000) < 0.3).astype(float)
    sums = random.normal(size=4000) + 3 * targets
    quiet, loud = random.normal(size=2000) - 2, random.normal(size=2000) + 4
    limit = np.log(4)
    slope, bias = calibrate(sums, targets, [quiet], 0.05, precise=True)
    counts = weigh_to_rate(targets > 0, 0.05)
    above = slope * sums + bias >= limit - 1e-9
    assert (counts * targets)[above].sum() / counts[above].sum() == pytest.approx(0.8, abs=0.02)
    slope, bias = calibrate(sums, targets, [quiet, loud], 0.05, precise=True)
    assert 0 < (slope * loud + bias > limit).mean() <= 0.005


def test_a_post_that_swears_is_told_from_one_that_does_not() -> None:
    folded = pl.Series(["amk yine yagmur", "serefsiz herif", "gotik mimari", "bu ne bok"])
    pattern = find_pattern("tr")
    assert pattern is not None
    assert folded.str.contains(pattern).to_list() == [True, False, False, True]
    assert find_pattern("xx") is None
