"""Find the posts in languages that a model does not know."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from filters.text.languages import are_any_of

#: The least probability of a language that a model does not know, for a post to count as one in it:
#: a post of two words may be in any language.
_LEAST_SCORE = 0.5


def find_unknown_languages(posts: pl.DataFrame, known: Collection[str]) -> pl.Series:
    """Return the language of each post that is in none of ``known``, null for the others.

    The language is the column ``lang``, where ``lang_score`` is not below one half. A post without
    a language (``und``, or null) counts as one in a known language.
    """
    if "lang" not in posts.columns:
        return pl.repeat(None, posts.height, dtype=pl.String, eager=True)
    lang = pl.col("lang")
    is_unknown = ~are_any_of(lang, ("und", *known))
    if "lang_score" in posts.columns:
        is_unknown &= pl.col("lang_score").fill_null(1) >= _LEAST_SCORE
    return posts.select(pl.when(is_unknown).then(lang)).to_series()
