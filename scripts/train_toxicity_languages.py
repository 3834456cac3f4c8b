"""Train the toxicity models of single languages that the project ships.

    OPENBLAS_NUM_THREADS=1 python -m scripts.train_toxicity_languages [--data ../shared/data]
                                               [--out FILE] [--teacher FOLDER] [--keep]

A logistic regression for each over the features of ``filters/toxicity/character_model.py``, fitted
as in ``scripts.train_toxicity``. Only sets whose licence permits it teach. Languages without such a
set learn the soft labels of a teacher of all languages (``scripts.toxicity_languages_teacher``,
which runs first if ``FOLDER/soft.parquet`` is missing). Nothing is random: the same sets, soft
labels, numpy and machine give the same file. ``--keep`` trains only the teacher's languages anew.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.quality.toxicity_languages import SETS, load_ordinary, load_sets
from filters.text.arrays import I8, I64, U8, U32
from filters.text.cleaning import fold_characters
from filters.text.jit import jit
from filters.text.utf8 import encode_texts
from filters.toxicity import character_model
from filters.toxicity.character_model import LanguageModel
from scripts._lbfgs import Floats
from scripts.toxicity_expletives import EXPLETIVES, find_pattern
from scripts.train_toxicity import Lesson, Rows, fit, fit_logistic, shares_from_above

#: The number of buckets of a model, as a power of two.
BITS = 18
PENALTY = 0.4
#: The rate of abuse that thresholds are set for, unless a set has less or a rate of its own: in
#: ordinary posts it is 1 to 3 in 100, but most sets were gathered by swear words or under quarrels.
NATURAL_RATE = 0.05
#: Sets that were not, whose languages keep their rates; and one that was written to deceive models.
NATURAL = ("da-dkhate", "pl-poleval2019", "tr-offenseval")
NOT_CALIBRATED_ON = ("de-gahd",)
WANTED_PRECISION = 0.8
DEFAULT_MAX_SCORE = 0.8
_DEFAULT_LOGIT = float(np.log(DEFAULT_MAX_SCORE / (1 - DEFAULT_MAX_SCORE)))
#: The most of a language's ordinary posts that may score above it.
MOST_DROPPED = 0.005
#: The languages whose sets were gathered by words, and that learn ordinary posts as well: how much
#: each of these counts. Then how many are learnt, and the rate of abuse among them.
ORDINARY_COUNT = {"ar": 0.2, "es": 0.5, "fr": 0.5, "ko": 0.5, "ur-Latn": 0.5, "zh": 0.5}
MOST_ORDINARY, ORDINARY_RATE = 6000, 0.02
#: Posts without labels that are as abusive as the labelled ones: their sets are the same.
NOT_ORDINARY = ("ko-kocohub", "pt-toldbr")
#: How much of the posts that swear, and that a set calls offensive, counts as abuse.
ABUSE_OF_SWEARING = 0.35
#: By how much the logits of ``toxicity`` are lowered where single words of a small set, which was
#: gathered by them, would be enough: "sale" (dirty) in French.
MARGIN = {"fr": 1.0}

#: The languages that learn from the teacher: those where it ranks labelled posts best.
TAUGHT = ("am", "bn", "fa", "he", "hi", "id", "kn", "ml", "ru", "ta", "te", "ur")
#: A teacher's opinion of its own drops flatters: at most this share of a taught language's posts,
#: gathered by words or ordinary, scores above the default threshold.
MOST_TAUGHT_DROPPED, MOST_ORDINARY_DROPPED = 0.02, 0.002
#: Persian tweets that score high are as often jokes about men and women, or rows of one emoji.
MOST_ORDINARY_DROPPED_IN = {"fa": 0.0003}

_COLUMNS = ("set", "folded", "abuse", "union", "count")


@jit
def _features(text: U8, offsets: I64, mask: np.uint64) -> tuple[U32, I64]:
    found = np.empty(character_model.MAX_WINDOW_FEATURES, dtype=np.uint32)
    buckets = np.empty(12 * text.size + 16 * offsets.size, dtype=np.uint32)
    starts = np.zeros(offsets.size, dtype=np.int64)
    filled = 0
    for post in range(offsets.size - 1):
        # The first window is the whole post for all but a few posts.
        _, count = character_model.extract_window_features(
            text, offsets[post], offsets[post + 1], found, mask
        )
        buckets[filled : filled + count] = found[:count]
        filled += count
        starts[post + 1] = filled
    return buckets[:filled].copy(), starts


def features(texts: pl.Series, bits: int) -> Rows:
    """Return the features of each folded text."""
    return Rows(*_features(*encode_texts(texts), np.uint64((1 << bits) - 1)))


def fold(texts: pl.Series) -> pl.Series:
    """Return the texts as a model reads them."""
    return texts.to_frame("text").select(fold_characters("text")).to_series()


class Column(NamedTuple):
    """Fitted weights as they are stored, and their scale."""

    stored: I8
    scale: float

    def sums(self, texts: pl.Series) -> Floats:
        """Return the sum of each folded text, as the shipped model computes it."""
        model = LanguageModel(self.stored[:, None], np.array([self.scale]), np.ones(1), np.zeros(1))
        return character_model.compute_logits(texts, model)[:, 0].astype(np.float64)


def fit_column(posts: pl.DataFrame, target: str) -> Column:
    """Return the weights that rank the posts by ``target``."""
    numbers = {name: number for number, name in enumerate(posts["set"].unique(maintain_order=True))}
    lesson = Lesson(
        features(posts["folded"], BITS),
        posts[target].to_numpy(),
        posts["count"].to_numpy(),
        np.array([numbers[name] for name in posts["set"]]),
    )
    weights, _ = fit(lesson, BITS, PENALTY)
    scale = float(np.abs(weights).max()) / 127**2
    stored = np.rint(np.sign(weights) * np.sqrt(np.abs(weights) / scale)).astype(np.int8)
    return Column(stored, scale)


def weigh_to_rate(positive: NDArray[np.bool_], rate: float) -> Floats:
    """Return how much each post counts, so that ``rate`` of all are positive."""
    share = float(positive.mean())
    rate = min(rate, share)
    return np.where(positive, rate / share, (1 - rate) / (1 - share))


def calibrate(
    sums: Floats, targets: Floats, ordinary: list[Floats], rate: float, *, precise: bool
) -> tuple[float, float]:
    """Return the slope and the bias of a score.

    A probability at the natural ``rate``; if ``precise``, moved so that at ``DEFAULT_MAX_SCORE`` is
    the least threshold above which ``WANTED_PRECISION`` of the posts are positive and of the
    ``ordinary`` ones of each source at most ``MOST_DROPPED`` are.
    """
    counts = weigh_to_rate(targets > 0, rate)
    design = np.column_stack([sums, np.ones(len(sums))])
    slope, bias = fit_logistic(design, targets, counts)
    if not precise:
        return float(slope), float(bias)
    shares = shares_from_above(sums, targets, counts)
    threshold = float(sums[shares >= WANTED_PRECISION].min(initial=sums.max()))
    for source in ordinary:
        threshold = max(threshold, float(np.quantile(source, 1 - MOST_DROPPED)))
    above = sums > threshold
    precision = (counts * targets)[above].sum() / max(counts[above].sum(), 1e-12)
    found = targets[above].sum() / targets.sum()
    dropped = max(((source > threshold).mean() for source in ordinary), default=np.nan)
    print(f"  above {DEFAULT_MAX_SCORE}: {above.sum()} of {above.size} posts, found {found:.3f},")
    print(f"  precision at the natural rate {precision:.3f}; ordinary posts dropped {dropped:.4f}")
    return float(slope), float(_DEFAULT_LOGIT - slope * threshold)


def train_language(posts: pl.DataFrame, ordinary: pl.DataFrame) -> LanguageModel:
    """Fit and calibrate the model of one language.

    Of the ``ordinary`` posts one half may be learnt as hardly ever abusive; the other is calibrated
    on.
    """
    is_taught = ordinary["folded"].str.len_chars() % 2 == 0
    count = ORDINARY_COUNT.get(posts["lang"][0], 0.0)
    taught = ordinary.filter(is_taught).head(MOST_ORDINARY if count else 0)
    spared = ordinary.filter(~is_taught).partition_by("source")
    seen = pl.concat(
        [
            posts.filter(pl.col("split") == "train").select(_COLUMNS),
            # The bias of the first set is theirs too: one of their own would explain them all.
            taught.select(
                pl.lit(posts["set"][0]).alias("set"),
                "folded",
                pl.lit(ORDINARY_RATE).alias("abuse"),
                pl.lit(ORDINARY_RATE).alias("union"),
                pl.lit(count).alias("count"),
            ),
        ]
    )
    held = posts.filter(pl.col("split") == "calibrate", ~pl.col("set").is_in(NOT_CALIBRATED_ON))
    rate = 1.0 if posts["set"].is_in(NATURAL).all() else NATURAL_RATE
    tells_both = held.select((pl.col("abuse") != pl.col("union")).any()).item()
    targets = ("abuse", "union") if tells_both else ("union",)
    columns = [fit_column(seen, target) for target in targets]
    slopes, biases = np.empty(2), np.empty(2)
    for score, target in enumerate(("abuse", "union")):
        column = columns[min(score, len(columns) - 1)]
        slopes[score], biases[score] = calibrate(
            column.sums(held["folded"]),
            held[target].to_numpy(),
            [column.sums(source["folded"]) for source in spared],
            # Profanity drops nothing by default: it is a probability at the sets' own rates.
            rate if score == 0 else 1.0,
            precise=score == 0,
        )
    biases[0] -= MARGIN.get(posts["lang"][0], 0.0)
    return LanguageModel(
        np.stack([column.stored for column in columns], axis=1),
        np.array([column.scale for column in columns]),
        slopes,
        biases,
    )


def train_taught_language(posts: pl.DataFrame) -> LanguageModel:
    """Fit and calibrate the model of a language from a teacher's logits.

    ``posts`` has ``set``, ``folded``, ``split``, ``is_ordinary`` and the logits ``soft_abuse`` and
    ``soft_offence``. ``profanity`` is fitted to these logits, moved so that the posts have the
    natural rate; ``toxicity`` is .8 where few enough posts are above it, and .5 where five times
    as many are.
    """
    is_held, is_ordinary = (posts["split"] != "train").to_numpy(), posts["is_ordinary"].to_numpy()
    columns, slopes, biases = [], np.empty(2), np.empty(2)
    for score, task in enumerate(("soft_abuse", "soft_offence")):
        logits = posts[task].to_numpy().astype(np.float64)
        seen = posts.with_columns(target=to_probabilities(logits), count=pl.lit(1.0))
        column = fit_column(seen.filter(~is_held), "target")
        columns.append(column)
        sums = column.sums(posts["folded"])
        if score == 0:
            most = MOST_ORDINARY_DROPPED_IN.get(posts["lang"][0], MOST_ORDINARY_DROPPED)
            parts = ((sums[is_ordinary], most), (sums[~is_ordinary], MOST_TAUGHT_DROPPED))
            high, half = (
                max(
                    float(np.quantile(part, 1 - factor * most)) for part, most in parts if part.size
                )
                for factor in (1, 5)
            )
            slopes[score] = _DEFAULT_LOGIT / (high - half)
            biases[score] = -slopes[score] * half
        else:
            natural = to_probabilities(logits + find_shift(logits, NATURAL_RATE))
            design = np.column_stack([sums, np.ones(len(sums))])[is_held]
            fitted = fit_logistic(design, natural[is_held], np.ones(len(design)))
            slopes[score], biases[score] = fitted
    return LanguageModel(
        np.stack([column.stored for column in columns], axis=1),
        np.array([column.scale for column in columns]),
        slopes,
        biases,
    )


def to_probabilities(logits: Floats) -> Floats:
    """Return the probability of each logit."""
    return np.asarray(1 / (1 + np.exp(-logits)))


def find_shift(logits: Floats, rate: float) -> float:
    """Return what must be added to logits so that the mean probability is ``rate``."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        if to_probabilities(logits + middle).mean() < rate:
            low = middle
        else:
            high = middle
    return low


def load_taught(folder: Path) -> pl.DataFrame:
    """Return the posts with a teacher's logits in ``folder``."""
    posts = pl.read_parquet(folder / "soft.parquet")
    posts = posts.with_columns(folded=fold(posts["text"])).filter(pl.col("folded") != "")
    return posts.select(
        "lang",
        "folded",
        "soft_abuse",
        "soft_offence",
        "split",
        set="source",
        is_ordinary=~pl.col("source").is_in(list(SETS)),
    )


def load_posts(data: Path) -> pl.DataFrame:
    """Return the labelled posts that teach, without those of the test split.

    ``abuse`` and ``union`` are probabilities. Where a set does not separate them, they are
    the same but for posts that swear.
    """
    names = [name for name, each in SETS.items() if each.licence == "open"]
    posts = load_sets(data, names).filter(pl.col("split") != "test")
    posts = posts.with_columns(folded=fold(posts["text"]), count=pl.lit(1.0)).filter(
        pl.col("folded") != ""
    )
    swears = pl.lit(False)
    for lang in EXPLETIVES:
        swears |= (pl.col("lang") == lang) & pl.col("folded").str.contains(find_pattern(lang))
    union = pl.coalesce("union", "abuse").cast(pl.Float64)
    unsure = pl.when(swears).then(union * ABUSE_OF_SWEARING).otherwise(union)
    return posts.with_columns(
        abuse=pl.coalesce(pl.col("abuse").cast(pl.Float64), unsure), union=union
    )


def load_folded_ordinary(data: Path) -> pl.DataFrame:
    """Return the ordinary posts without labels: ``source``, ``lang``, ``folded``."""
    ordinary = load_ordinary(data).filter(~pl.col("source").is_in(NOT_ORDINARY))
    return ordinary.with_columns(folded=fold(ordinary["text"])).filter(pl.col("folded") != "")


def main() -> None:
    """Train and write the models."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("filters/models/toxicity_languages.npz"))
    parser.add_argument("--teacher", type=Path, default=Path("build/toxicity_languages"))
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if not (options.teacher / "soft.parquet").exists():
        from scripts.toxicity_languages_teacher import teach

        teach(options.data, options.teacher)
    models = {}
    if options.keep:
        models = character_model.load_models(options.out)
    else:
        posts, ordinary = load_posts(options.data), load_folded_ordinary(options.data)
        for (lang,), part in sorted(posts.group_by("lang"), key=lambda item: str(item[0])):
            print(f"{lang}: {len(part):,} posts")
            models[str(lang)] = train_language(part, ordinary.filter(pl.col("lang") == lang))
    taught = load_taught(options.teacher)
    for lang in TAUGHT:
        part = taught.filter(pl.col("lang") == lang)
        print(f"{lang}: {len(part):,} posts, by the teacher")
        models[lang] = train_taught_language(part)
    character_model.save_models(dict(sorted(models.items())), options.out)
    digest = hashlib.sha256(options.out.read_bytes()).hexdigest()
    print(f"{options.out}: {len(models)} languages; {options.out.stat().st_size:,} bytes; {digest}")


if __name__ == "__main__":
    main()
