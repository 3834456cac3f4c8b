"""Find bots' templates, and sum the weights of the signs of spam by the kind of source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import polars as pl

from filters.quality.spam_phrases import SPAM_PHRASES
from filters.quality.spam_signs import (
    SENTENCE_WORDS,
    SEXUAL_CONTEXT,
    SEXUAL_WORDS,
    SITE_WORDS,
    SPAM_SIGNS,
    SPAM_WEIGHTS,
    SPAM_WORDS,
)
from filters.quality.templates import TEMPLATE_PHRASES, TEMPLATES

Kind = Literal["forum", "microblog", "other"]

#: What is a promotion under a video is mostly a topic in a forum. The other platforms, such as
#: those of videos, are neither.
KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("4chan", "discord", "hackernews", "lemmy", "mbox", "reddit", "slack", "stackexchange"),
        "forum",
    ),
    **dict.fromkeys(("bluesky", "mastodon", "misskey", "tumblr", "x"), "microblog"),
}
# By which the sum of a post in a forum is multiplied: with a link, and without one.
_FORUM_FACTORS = 0.75, 0.5

# A longer post has more signs, so the sum counts per so many characters. A post above the maximum
# is no spam by this measure, and is not searched.
_SCORED_CHARACTERS, _MAX_CHARACTERS = 600, 8000


def _make_ascii(pattern: str) -> str:
    """Return a pattern whose words are of ASCII letters: it is compiled and matched much faster."""

    def replace(match: re.Match[str]) -> str:
        return f"(?-u:{match[0]})" if match[0] in (r"\w", r"\b", r"\d") else match[0]

    # What stands in brackets does not change.
    return re.sub(r"\[(?:\\.|[^\[\]\\])*+\]|\\.", replace, pattern)


def _join(patterns: Iterable[str]) -> str:
    """Return one pattern for several: polars keeps only 32 compiled ones."""
    return "|".join(f"(?:{pattern})" for pattern in patterns)


_TEMPLATE_WORDS = [word for template in TEMPLATES for word in template.words.split("|")]
_TEMPLATE_PHRASES = [phrase for each in TEMPLATE_PHRASES.values() for phrase in each.split("|")]
# A larger pattern is slow: what it finds no longer fits the cache of its automaton.
_TEMPLATES_IN_PATTERN = 8
TEMPLATE_PATTERNS = [
    "(?i)" + _make_ascii(_join(each.pattern for each in TEMPLATES[at : at + _TEMPLATES_IN_PATTERN]))
    for at in range(0, len(TEMPLATES), _TEMPLATES_IN_PATTERN)
]
#: The pattern of each group of signs.
GROUP_PATTERNS = {
    group: _make_ascii(_join(sign.pattern for sign in SPAM_SIGNS if sign.group == group))
    for group in SPAM_WEIGHTS
}

# What a word of pornography's vocabulary adds to the sum: one that only its sites use, one that is
# sexual, and one that is common in their titles (only beside one of the others). In a sentence
# without a link they add nothing, and in another they add less: people talk about such things.
_SITE_WORD, _SEXUAL_WORD, _CONTEXT_WORD = 1.1, 0.7, 0.45
_SENTENCE = 1.0


#: The phrases of each group of signs, of all languages.
GROUP_PHRASES: dict[str, list[str]] = {}
for _phrases in SPAM_PHRASES.values():
    for _group, _listed in _phrases.items():
        GROUP_PHRASES.setdefault(_group, []).extend(_listed.split("|"))
_PHRASES = [phrase for listed in GROUP_PHRASES.values() for phrase in listed]
_KEY_WORDS = [*SPAM_WORDS.split("|"), *_PHRASES]


def match_templates(texts: pl.Series) -> pl.Series:
    """Return whether each text is a bot's template; only texts with a key word are searched."""
    key_words = [*_TEMPLATE_WORDS, *_TEMPLATE_PHRASES]
    likely = texts.str.contains_any(key_words, ascii_case_insensitive=True)
    rows = likely.arg_true()
    searched = [pl.col("text").str.contains(pattern) for pattern in TEMPLATE_PATTERNS]
    searched.append(pl.col("text").str.contains_any(_TEMPLATE_PHRASES, ascii_case_insensitive=True))
    found = texts.gather(rows).to_frame("text").select(pl.any_horizontal(searched)).to_series()
    return likely.scatter(rows, found)


def score_spam(texts: pl.Series, platforms: pl.Series | None = None) -> pl.Series:
    """Return the sum of the weights of each text's signs of spam; 0 if its only sign is a link.

    ``platforms`` are the posts' platforms, if they are known.
    """
    scores = pl.repeat(0, len(texts), dtype=pl.Float32, eager=True)
    is_short = texts.str.len_bytes() <= 4 * _MAX_CHARACTERS
    is_short &= texts.str.len_chars() <= _MAX_CHARACTERS
    lower = texts.str.to_lowercase()
    rows = (is_short & lower.str.contains_any(_KEY_WORDS)).arg_true()
    kinds = pl.repeat("other", len(rows), dtype=pl.String, eager=True)
    if platforms is not None:
        names = platforms.gather(rows).cast(pl.String)
        kinds = names.replace_strict(KINDS, default="other", return_dtype=pl.String)
    found = [
        pl.col("text").str.contains(pattern).alias(group)
        for group, pattern in GROUP_PATTERNS.items()
    ]
    has_address = pl.col("text").str.contains_any(["http", "www."]).alias("has_address")
    likely = pl.DataFrame([lower.gather(rows).alias("text"), kinds.alias("kind")])
    likely = likely.with_columns(*found, has_address).with_columns(sexual=_score_sexual_words())
    likely = likely.with_columns(
        pl.col(group) | phrases for group, phrases in _find_phrases(likely["text"]).items()
    )
    return scores.scatter(rows, likely.select(_sum_weights().cast(pl.Float32)).to_series())


def _find_phrases(texts: pl.Series) -> dict[str, pl.Series]:
    """Return which texts have a phrase of each group; most have none at all."""
    rows = texts.str.contains_any(_PHRASES).arg_true()
    none = pl.repeat(False, len(texts), dtype=pl.Boolean, eager=True)
    if rows.is_empty():
        return dict.fromkeys(GROUP_PHRASES, none)
    return {
        group: none.clone().scatter(rows, texts.gather(rows).str.contains_any(listed))
        for group, listed in GROUP_PHRASES.items()
    }


def _sum_weights() -> pl.Expr:
    total = pl.sum_horizontal(
        pl.col("sexual"), *(weight * pl.col(group) for group, weight in SPAM_WEIGHTS.items())
    )
    # What a microblog's post offers stands behind a link, which may have been removed from it.
    is_offer = (pl.col("kind") == "microblog") & (pl.col("offer") | (pl.col("sexual") > 0))
    total += pl.when(is_offer & ~pl.col("link")).then(SPAM_WEIGHTS["link"]).otherwise(0.0)
    linked, unlinked = _FORUM_FACTORS
    factor = pl.when(pl.col("has_address")).then(linked).otherwise(unlinked)
    length = (pl.col("text").str.len_chars() / _SCORED_CHARACTERS).clip(1)
    return total / length * pl.when(pl.col("kind") == "forum").then(factor).otherwise(1.0)


def _score_sexual_words() -> pl.Expr:
    def count(pattern: str) -> pl.Expr:
        return pl.col("text").str.count_matches(_make_ascii(pattern)).cast(pl.Int32)

    sexual = _SITE_WORD * count(SITE_WORDS) + _SEXUAL_WORD * count(SEXUAL_WORDS)
    context = _CONTEXT_WORD * count(SEXUAL_CONTEXT)
    is_sentence = pl.col("text").str.contains(_make_ascii(SENTENCE_WORDS))
    is_asked = pl.col("has_address") | ((pl.col("kind") == "microblog") & ~is_sentence)
    found = sexual + context - pl.when(is_sentence).then(_SENTENCE).otherwise(0.0)
    return pl.when(is_asked & (sexual > 0)).then(found.clip(0)).otherwise(0.0)
