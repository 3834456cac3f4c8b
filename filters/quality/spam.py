"""Find bots' templates, and sum the weights of the signs of spam in ``spam_signs``."""

from __future__ import annotations

import polars as pl

from filters.quality.spam_signs import SPAM_SIGNS, SPAM_WORDS, TEMPLATE_WORDS, TEMPLATES

# A longer post has more signs, so the sum counts per so many characters. A post above the maximum
# is no spam by this measure, and is not searched.
_SCORED_CHARACTERS, _MAX_CHARACTERS = 600, 8000


def match_templates(texts: pl.Series) -> pl.Series:
    """Return whether each text is a bot's template; only texts with a key word are searched."""
    likely = texts.str.contains_any(TEMPLATE_WORDS.split("|"), ascii_case_insensitive=True)
    rows = likely.arg_true()
    return likely.scatter(rows, texts.gather(rows).str.contains(TEMPLATES))


def score_spam(texts: pl.Series) -> pl.Series:
    """Return the sum of the weights of each text's signs of spam; 0 if its only sign is a link."""
    scores = pl.repeat(0, len(texts), dtype=pl.Float32, eager=True)
    is_short = texts.str.len_bytes() <= 4 * _MAX_CHARACTERS
    is_short &= texts.str.len_chars() <= _MAX_CHARACTERS
    lower = texts.str.to_lowercase()
    rows = (is_short & lower.str.contains_any(SPAM_WORDS.split("|"))).arg_true()
    likely = lower.gather(rows).to_frame("text")
    weights = [sign.weight * pl.col("text").str.contains(sign.pattern) for sign in SPAM_SIGNS]
    length = (pl.col("text").str.len_chars() / _SCORED_CHARACTERS).clip(1)
    found = likely.select((pl.sum_horizontal(weights) / length).cast(pl.Float32)).to_series()
    return scores.scatter(rows, found)
