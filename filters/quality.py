"""Drop posts that carry no words worth learning from, and keep short ones that do.

Web rules reject nearly every post (Gopher's fifty words reject 97 % of tweets), so the ``social``
preset asks other questions: is there text beside links, tags and mentions; is it mostly letters;
does it repeat itself; is it a robot's template? Every measure stays as a column, and a threshold
can be moved in the plan. Thresholds without a source are ours, set on posts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import polars as pl
from pydantic import Field

from filters import _text
from filters.contract import Filter, FilterConfig, Threshold

READS = ("text",)
WRITES: dict[str, pl.DataType] = {
    "quality_words": pl.UInt32(),
    "quality_link_share": pl.Float32(),
    "quality_mention_share": pl.Float32(),
    "quality_hashtag_share": pl.Float32(),
    "quality_letter_share": pl.Float32(),
    "quality_longest_word": pl.UInt32(),
    "quality_distinct_words": pl.Float32(),
}
VERSION = 1


class Config(FilterConfig):
    """The preset and its thresholds; shares are of a post's words, from 0 to 1."""

    preset: Literal["social"] = "social"
    min_words: int = Field(2, ge=0, description="words left beside links, mentions and tags")
    max_link_share: float = Field(0.5, ge=0, le=1)
    max_mention_share: float = Field(0.7, ge=0, le=1)
    max_hashtag_share: float = Field(0.5, ge=0, le=1)
    min_letter_share: float = Field(
        0.6, ge=0, le=1, description="letters among the other characters (Meena, 2020: 0.7)"
    )
    max_word_chars: int = Field(50, ge=1, description="as a word without a space in it")
    min_distinct_words: float = Field(
        0.3, ge=0, le=1, description="different words among all; asked of posts of 8 words and up"
    )
    templates: bool = Field(True, description="drop the robot templates listed in this module")


class Rule(NamedTuple):
    """A reason and the condition under which it is given."""

    reason: str
    broken: Callable[[Config], pl.Expr]


# What programs post in people's names, in the words that the programs use.
_TEMPLATES = (
    r"(?i)^\s*(?:#?now ?playing\b|♫|🎵 ?now)"
    r"|\bautomatically (?:checked|posted|tweeted) by\b"
    r"|\b(?:person|people) (?:un)?followed me\b|\bnew (?:tweeps|(?:un)?followers?) "
    r"|\bI(?:'ve| have)? (?:just )?(?:earned|unlocked) the\b.{0,60}\b(?:badge|achievement)\b"
    r"|^\s*(?:temp|temperature|wind|humidity|barometer)\b[:\s].{0,40}(?:mph|km/h|hpa|°|%)"
    r"|^\s*I(?:'m| am) at .{1,80}\(?(?:w/ \d+ others|https?://\S+)\)?\s*$"
    r"|\bI liked a @?YouTube video\b|\bI added a video to a @?YouTube playlist\b"
    r"|\bI am a bot,? and this action was performed automatically\b"
    r"|^\s*your (?:daily )?horoscope\b|\bhoroscope for (?:today|tomorrow)\b"
)

# No template matches without one of these, and to look for them costs a twentieth of the search.
_TEMPLATE_WORDS = [
    *("playing", "🎵", "♫", "matically", "followed me", "tweeps", "followers", "follower "),
    *("earned", "unlocked", "temp", "wind", "humidity", "barometer", "i'm at", "i am at"),
    *("youtube", "horoscope"),
]

_SOCIAL = (
    Rule("bot_template", lambda c: pl.lit(c.templates) & pl.col("_template")),
    Rule("mostly_links", lambda c: pl.col("quality_link_share") > c.max_link_share),
    Rule("mostly_hashtags", lambda c: pl.col("quality_hashtag_share") > c.max_hashtag_share),
    Rule("mostly_mentions", lambda c: pl.col("quality_mention_share") > c.max_mention_share),
    Rule("too_few_words", lambda c: pl.col("quality_words") < c.min_words),
    Rule("few_letters", lambda c: pl.col("quality_letter_share") < c.min_letter_share),
    Rule("long_word", lambda c: pl.col("quality_longest_word") > c.max_word_chars),
    Rule("character_run", lambda c: pl.col("_run")),
    Rule(
        "repeats_itself",
        lambda c: (
            (pl.col("_tokens") >= 8) & (pl.col("quality_distinct_words") < c.min_distinct_words)
        ),
    ),
)

# Scripts that set no spaces: there a word is about two characters long.
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_LINK = r"(?i)(?:https?://|www\.|pic\.twitter\.com/|t\.co/)"


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """What each measure is held to."""
    return (
        Threshold("quality_words", "min_words", "min", "too_few_words"),
        Threshold("quality_link_share", "max_link_share", "max", "mostly_links"),
        Threshold("quality_mention_share", "max_mention_share", "max", "mostly_mentions"),
        Threshold("quality_hashtag_share", "max_hashtag_share", "max", "mostly_hashtags"),
        Threshold("quality_letter_share", "min_letter_share", "min", "few_letters"),
        Threshold("quality_longest_word", "max_word_chars", "max", "long_word"),
        Threshold(
            "quality_distinct_words", "min_distinct_words", "min", "repeats_itself",
            "asked of posts of 8 words and up only",
        ),
    )  # fmt: skip


def build(config: Config) -> Filter:
    """Return the filter; the first rule that a post breaks gives the reason."""

    def quality(posts: pl.DataFrame) -> pl.DataFrame:
        judged = posts.with_columns(_text.cleaned("text").alias("_words")).with_columns(
            pl.col("_words").str.to_lowercase().str.split(" ").alias("_lower"),
            _templates(posts["text"]).alias("_template"),
        )
        judged = judged.with_columns(_measures()).with_columns(_verdict(config).alias("reject"))
        return judged.drop("_words", "_lower", "_tokens", "_run", "_template")

    return quality


def _measures() -> list[pl.Expr]:
    text, words = pl.col("text"), pl.col("_words")
    unspaced = words.str.count_matches(_UNSPACED)
    # Words of the whole post, so that shares of links, mentions and tags add up.
    total = text.str.count_matches(r"\S+").clip(1)
    visible = words.str.len_chars() - words.str.count_matches(r"\s")
    # Emoji are no letters, but a post is not junk for carrying a few.
    symbols = words.str.count_matches(r"[\p{So}\p{Sk}\p{Cf}\p{Mn}]")
    return [
        (
            words.str.count_matches(r"[\p{L}\p{N}][^\s]*") + unspaced // 2
        ).cast(pl.UInt32).alias("quality_words"),
        (text.str.count_matches(_LINK) / total).cast(pl.Float32).alias("quality_link_share"),
        (text.str.count_matches(r"(?:^|\s)[.\"“(]?@\w") / total)
        .cast(pl.Float32).alias("quality_mention_share"),
        (text.str.count_matches(r"(?:^|\s)[#＃]\w") / total)
        .cast(pl.Float32).alias("quality_hashtag_share"),
        (
            words.str.count_matches(r"[\p{L}\p{M}]") / (visible - symbols).clip(1)
        ).clip(0, 1).cast(pl.Float32).alias("quality_letter_share"),
        pl.when(unspaced == 0)
        .then(pl.col("_lower").list.eval(pl.element().str.len_chars()).list.max())
        .otherwise(0).cast(pl.UInt32).alias("quality_longest_word"),
        (pl.col("_lower").list.n_unique() / pl.col("_lower").list.len().clip(1))
        .cast(pl.Float32).alias("quality_distinct_words"),
        pl.col("_lower").list.len().alias("_tokens"),
        words.str.contains_any(_RUNS, ascii_case_insensitive=True).alias("_run"),
    ]  # fmt: skip


def _templates(texts: pl.Series) -> pl.Series:
    """Whether each text is a robot's template; only texts that hold a key word are searched."""
    likely = texts.str.contains_any(_TEMPLATE_WORDS, ascii_case_insensitive=True)
    rows = likely.arg_true()
    return likely.scatter(rows, texts.gather(rows).str.contains(_TEMPLATES))


# Twelve of a kind in a row: no word and no laugh is that long, a leant-on key is.
_RUNS = [chr(code) * 12 for code in range(0x21, 0x7F) if not chr(code).isupper()]


def _verdict(config: Config) -> pl.Expr:
    verdict = pl.lit(None, dtype=pl.String)
    for rule in reversed(_SOCIAL):
        verdict = pl.when(rule.broken(config)).then(pl.lit(rule.reason)).otherwise(verdict)
    return verdict
