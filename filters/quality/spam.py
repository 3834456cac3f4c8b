"""Find robots' templates and add up the signs of spam in :mod:`filters.quality.spam_signs`."""

from __future__ import annotations

import polars as pl

from filters.quality.spam_signs import SPAM_SIGNS, SPAM_WORDS, TEMPLATE_WORDS, TEMPLATES

# Signs add up with length, so in a longer post the sum counts per so many characters. What is
# longer still is no spam by it, and is not searched.
_SCORED_CHARACTERS, _MAX_CHARACTERS = 600, 8000


def match_templates(texts: pl.Series) -> pl.Series:
    """Whether each text is a robot's template; only texts that hold a key word are searched."""
    likely = texts.str.contains_any(TEMPLATE_WORDS.split("|"), ascii_case_insensitive=True)
    rows = likely.arg_true()
    return likely.scatter(rows, texts.gather(rows).str.contains(TEMPLATES))


def score_spam(texts: pl.Series) -> pl.Series:
    """The sum of the weights of each text's signs of spam; 0 where nothing but a link speaks."""
    scores = pl.repeat(0, len(texts), dtype=pl.Float32, eager=True)
    short = (texts.str.len_bytes() <= 4 * _MAX_CHARACTERS) & (
        texts.str.len_chars() <= _MAX_CHARACTERS
    )
    small = texts.str.to_lowercase()
    rows = (short & small.str.contains_any(SPAM_WORDS.split("|"))).arg_true()
    likely = small.gather(rows).to_frame("text")
    signs = [weight * pl.col("text").str.contains(sign) for _, weight, sign in SPAM_SIGNS]
    per = (pl.col("text").str.len_chars() / _SCORED_CHARACTERS).clip(1)
    found = likely.select((pl.sum_horizontal(signs) / per).cast(pl.Float32)).to_series()
    return scores.scatter(rows, found)
