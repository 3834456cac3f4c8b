"""Load published weights of English words, as columns that the toxicity model may use.

The weights of alt-profanity-check's linear model (MIT; trained on Jigsaw's Wikipedia comments and
Davidson's tweets) and the valences of VADER's lexicon (MIT, Hutto and Gilbert 2014). A column is
one number a word. Its part of the model is added to the word's own bucket, so no lexicon is needed
to score a text.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Return the bucket of each word, -1 for what is not one word.
BucketLookup = Callable[[list[str]], NDArray[np.int64]]

VERSIONS = {"alt-profanity-check": "1.9.1", "vaderSentiment": "3.3.2"}
# The number of comments at which half of a word's weight is taken for noise.
_HALF_NOISE = 50
_COMMENTS = 180_000
#: Words with larger weights are swear words and slurs rather than topics.
_PLAIN = 10.0


def check_packages() -> None:
    """Exit with what to install if a package is missing."""
    wanted = [f"{name}=={wanted}" for name, wanted in VERSIONS.items()]
    try:
        found = {name: version(name) for name in VERSIONS}
    except ModuleNotFoundError:
        found = {}
    if found != VERSIONS:
        raise SystemExit(f"training needs other packages too: pip install {' '.join(wanted)}")


def load_columns(
    find_buckets: BucketLookup, size: int, excluded: NDArray[np.bool_], davidson: bool = True
) -> Floats:
    """Return five rows of ``size`` values; 0 for a bucket that is ``excluded``.

    Without ``davidson`` only VADER's, because the other lexicon was trained on that set.
    """
    profanity = _profanity(find_buckets, size) if davidson else np.zeros(size)
    valence = _valence(find_buckets, size)
    rows = [profanity, np.maximum(profanity, 0), np.maximum(profanity - _PLAIN, 0)]
    return np.stack([*rows, valence, np.minimum(valence, 0)]) * ~excluded


def _profanity(find_buckets: BucketLookup, size: int) -> Floats:
    import joblib
    from profanity_check import profanity_check

    data = Path(profanity_check.__file__).parent / "data"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        words, model = (joblib.load(data / f"{name}.joblib") for name in ("vectorizer", "model"))
    folds = [each.estimator.coef_[0] for each in model.calibrated_classifiers_]
    comments = (1 + _COMMENTS) / np.exp(words.idf_ - 1) - 1
    weights = np.mean(folds, axis=0) * words.idf_ * comments / (comments + _HALF_NOISE)
    return _column(words.get_feature_names_out().tolist(), weights, find_buckets, size)


def _valence(find_buckets: BucketLookup, size: int) -> Floats:
    found = find_spec("vaderSentiment")
    assert found is not None and found.submodule_search_locations  # check_packages() has made sure
    path = Path(found.submodule_search_locations[0]) / "vader_lexicon.txt"
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    words = [row for row in rows if len(row) > 1]
    values = np.array([float(row[1]) for row in words])
    return _column([row[0] for row in words], values, find_buckets, size)


def _column(words: list[str], values: Floats, find_buckets: BucketLookup, size: int) -> Floats:
    buckets = find_buckets(words)
    column = np.zeros(size)
    column[buckets[buckets >= 0]] = values[buckets >= 0]
    return column
