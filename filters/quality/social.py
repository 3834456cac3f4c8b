"""The preset ``social``: ours, for posts. docs/quality.md names the sets of its thresholds."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from pydantic import Field

from filters.contract import FilterConfig
from filters.quality import spam
from filters.quality.presets import Preset, Rule, measure_column, rule_above, rule_below
from filters.quality.spam_phrases import SPAM_LANGUAGES
from filters.text import cleaning
from filters.text.languages import find_unknown_languages


class SocialSettings(FilterConfig):
    """Thresholds; shares are of a post's words, from 0 to 1, unless stated otherwise."""

    min_words: int = Field(2, ge=0, description="social: words that are no links, mentions or tags")
    keep_single_words: bool = Field(
        True,
        description="social: one word is enough for min_words: 2, as a title is, if it is more "
        "than a laugh, thanks or ok",
    )
    enough_words: int = Field(
        3,
        ge=0,
        description="social: with so many words, no post is mostly links, mentions or hashtags",
    )
    max_link_share: float = Field(0.5, ge=0, le=1, description="social")
    max_mention_share: float = Field(0.7, ge=0, le=1, description="social")
    max_hashtag_share: float = Field(0.5, ge=0, le=1, description="social")
    min_letter_share: float = Field(
        0.4,
        ge=0,
        le=1,
        description="social: letters among the other characters (Meena, 2020: 0.7)",
    )
    max_word_chars: int = Field(50, ge=1, description="social: as a word without a space in it")
    max_word_share: float = Field(
        0.3,
        ge=0,
        le=1,
        description="social: a word that is too long may be this share of the characters",
    )
    max_run_share: float = Field(
        0.75, ge=0, le=1, description="social: characters in runs of twelve or more of one"
    )
    min_distinct_words: float = Field(
        0.3,
        ge=0,
        le=1,
        description="social: different words among all; for posts of 8 words and up",
    )
    max_repeated_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="social: characters in three words that occurred together before",
    )
    min_compressed: float = Field(
        0.3,
        ge=0,
        le=1,
        description="social: size after a quick compression; for posts of 64 bytes and up",
    )
    max_salad: float = Field(
        7.5,
        ge=0,
        description="social: the log odds (nats) that the words of a stretch were drawn at random",
    )
    templates: bool = Field(
        True,
        description="social: drop posts that match a bot's template, as listed in spam_signs.py",
    )
    max_spam: float = Field(
        2.5,
        ge=0,
        description="social: the sum of the weights of the signs of spam in spam_signs.py",
    )


def _rule_of_few_words(reason: str, name: str, setting: str) -> Rule:
    """Return the rule on a share that a post with enough words of its own does not break."""
    return Rule(
        reason,
        lambda config: (
            (measure_column(name) > getattr(config, setting))
            & (measure_column("words") < config.enough_words)
        ),
        ((setting, name),),
        "max",
        "only a post with fewer than enough_words words is dropped",
        (("enough_words", "words"),),
    )


SOCIAL = Preset(
    "ours; letters among characters after Adiwardana et al. 2020, Meena (arXiv 2001.09977)",
    SocialSettings,
    {
        "words": pl.UInt32(),
        "single_word": pl.Boolean(),
        "link_share": pl.Float32(),
        "mention_share": pl.Float32(),
        "hashtag_share": pl.Float32(),
        "letter_share": pl.Float32(),
        "longest_word": pl.UInt32(),
        "longest_word_share": pl.Float32(),
        "distinct_words": pl.Float32(),
        "run_share": pl.Float32(),
        "repeated_share": pl.Float32(),
        "compressed": pl.Float32(),
        "template": pl.Boolean(),
        "spam": pl.Float32(),
        "salad": pl.Float32(),
    },
    (
        Rule(
            "bot_template",
            lambda config: pl.lit(config.templates) & measure_column("template"),
            (("templates", "template"),),
        ),
        _rule_of_few_words("mostly_links", "link_share", "max_link_share"),
        _rule_of_few_words("mostly_hashtags", "hashtag_share", "max_hashtag_share"),
        _rule_of_few_words("mostly_mentions", "mention_share", "max_mention_share"),
        # Before the words are counted, since a thread keeps an answered post of few words.
        rule_above("spam", "spam", "max_spam"),
        Rule(
            "too_few_words",
            lambda config: (
                (measure_column("words") < config.min_words)
                & ~(
                    pl.lit(config.keep_single_words and config.min_words <= 2)
                    & measure_column("single_word")
                )
            ),
            (("min_words", "words"),),
            "min",
            "unless keep_single_words keeps the one word",
            (("keep_single_words", "single_word"),),
        ),
        rule_below("few_letters", "letter_share", "min_letter_share"),
        Rule(
            "long_word",
            lambda config: (
                (measure_column("longest_word") > config.max_word_chars)
                & (measure_column("longest_word_share") > config.max_word_share)
            ),
            (("max_word_chars", "longest_word"), ("max_word_share", "longest_word_share")),
            "max",
            "only what is above both max_word_chars and max_word_share is dropped",
        ),
        rule_above("character_run", "run_share", "max_run_share"),
        rule_below(
            "repeats_itself",
            "distinct_words",
            "min_distinct_words",
            "a post below 8 words is not asked",
        ),
        rule_above("repeats_itself", "repeated_share", "max_repeated_share"),
        rule_below("compressible", "compressed", "min_compressed"),
        rule_above("word_salad", "salad", "max_salad", "in the languages that have a model"),
    ),
)


def make_social_measurer(config: SocialSettings) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return a function that computes the preset's columns for a frame with ``text``.

    A null counts as an empty text. Spam is scored by ``platform`` where the frame has it, and not
    in a post whose ``lang`` is none of ``SPAM_LANGUAGES``; word salad by the model of ``lang``.
    """
    from filters.quality import post_measures, salad  # they import numba

    def measure(posts: pl.DataFrame) -> pl.DataFrame:
        texts = posts.select(pl.col("text").fill_null("")).with_columns(
            line=cleaning.flatten_whitespace("text"),
            words=cleaning.clean_text("text").str.to_lowercase(),
        )
        measures = post_measures.measure_posts(texts["text"], texts["words"])
        platforms = posts["platform"] if "platform" in posts.columns else None
        scores = [
            pl.Series(f"quality_{name}", measures[name], dtype)
            for name, dtype in SOCIAL.measures.items()
            if name in measures
        ]
        spam_scores = spam.score_spam(texts["line"], platforms)
        unknown = find_unknown_languages(posts, SPAM_LANGUAGES)
        return pl.DataFrame(scores).with_columns(
            spam.match_templates(texts["text"]).alias("quality_template"),
            spam_scores.set(unknown.is_not_null(), None).alias("quality_spam"),
            salad.score_salad(texts["line"].str.to_lowercase(), posts).alias("quality_salad"),
        )

    # numba compiles here, not in the first part.
    measure(pl.DataFrame({"text": ["one two three"], "lang": ["en"]}))
    return measure
