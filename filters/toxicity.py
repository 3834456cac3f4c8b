"""Give every post the probability that people would call it offensive; drop the surest ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from pydantic import Field

from filters._text import flattened, folded
from filters.contract import Filter, FilterConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Probabilities = NDArray[np.float32]

READS = ("text",)
WRITES = {"toxicity": pl.Float32()}
VERSION = 1
MOVABLE = {"max_score": "toxicity"}

SHIPPED = Path(__file__).parent / "models" / "toxicity.npz"

# Texts in, one probability each out; the frame is crossed into Python once per batch.
Scorer = Callable[[pl.DataFrame], "Probabilities"]


class Config(FilterConfig):
    """What is too toxic, and who says so."""

    max_score: float = Field(default=0.8, ge=0, le=1, description="a higher score leaves")
    model: str = Field(default="", description="your own fastText .bin or .ftz; '' is ours")
    label: str = Field(default="toxic", min_length=1, description="the toxic class of your model")


def models(config: Config) -> list[Path]:
    """The model file that ``build`` will load."""
    return [Path(config.model) if config.model else SHIPPED]


def build(config: Config) -> Filter:
    """Load the model; the filter writes ``toxicity`` and rejects what is above ``max_score``."""
    (path,) = models(config)
    if not path.is_file():
        raise FileNotFoundError(f"toxicity: no model file at {path}")
    score = _fasttext_scorer(path, config.label) if config.model else _shipped_scorer(path)
    score(pl.DataFrame({"text": ["compile"]}))  # what compiles on first use does so here

    def toxicity(posts: pl.DataFrame) -> pl.DataFrame:
        scores = pl.Series("toxicity", score(posts), dtype=pl.Float32)
        return posts.with_columns(scores).with_columns(verdict(config).alias("reject"))

    return toxicity


def verdict(config: Config) -> pl.Expr:
    """Why a post leaves, of its stored probability."""
    too_toxic = pl.col("toxicity") > config.max_score
    return pl.when(too_toxic).then(pl.lit("toxic")).otherwise(pl.lit(None, pl.String))


def _shipped_scorer(path: Path) -> Scorer:
    """Our linear model: a post's score is that of its most toxic window of 64 words."""
    import numpy as np

    from filters import _linear

    try:
        model = _linear.load(path)
    # A cut or foreign file fails in zipfile, in numpy or in our own check, each its own way.
    except Exception as error:
        raise ValueError(
            f"toxicity: {path} is not the model this version ships: {error}"
        ) from error

    def score(posts: pl.DataFrame) -> Probabilities:
        texts = posts.select(folded("text").fill_null("")).to_series()
        # No word, logit -inf, probability 0. A logit of -90 would overflow exp in float32.
        with np.errstate(over="ignore"):
            return np.asarray(1 / (1 + np.exp(-_linear.logits(texts, model))), dtype=np.float32)

    return score


def _fasttext_scorer(path: Path, label: str) -> Scorer:
    """A user's fastText model, which sees each post on one line and otherwise as written."""
    import numpy as np

    from filters import _fasttext

    model = _fasttext.load(path)
    wanted = label if label.startswith("__label__") else f"__label__{label}"
    labels = list(model.get_labels())
    if wanted not in labels:
        known = ", ".join(sorted(name.removeprefix("__label__") for name in labels))
        raise ValueError(f"toxicity: {path} has no label '{label}'; it has: {known}")

    def score(posts: pl.DataFrame) -> Probabilities:
        # A newline ends a fastText example, so flatten it first.
        texts = posts.select(flattened("text").fill_null("")).to_series().to_list()
        # fastText would give an empty text the score of a line's end; softmax may pass 1.
        scores = [
            min(float(probabilities[names.index(wanted)]), 1.0) if text else 0.0
            for text, (names, probabilities) in zip(
                texts, _fasttext.predict(model, texts), strict=True
            )
        ]
        return np.array(scores, dtype=np.float32)

    return score
