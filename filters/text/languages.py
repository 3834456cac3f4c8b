"""Compare codes of languages: ``hi`` stands for Hindi in any script, ``hi-Latn`` for one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from pathlib import Path

import polars as pl

#: An ISO 639 code, and the ISO 15924 code of the script if it is not the language's usual one.
CODE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?")
#: The least probability of a language that a model does not know, for a post to count as one in it:
#: a post of two words may be in any language.
LEAST_SCORE = 0.5


def get_language(code: str) -> str:
    """Return a code without its script: ``hi`` for ``hi-Latn``."""
    return code.partition("-")[0]


def is_any_of(code: str, wanted: Iterable[str]) -> bool:
    """Return whether ``wanted`` has the code, or its language in any script."""
    return not {code, get_language(code)}.isdisjoint(wanted)


def are_any_of(codes: pl.Expr, wanted: Iterable[str]) -> pl.Expr:
    """Return :func:`is_any_of` for a column of codes; null stays null."""
    listed = list(wanted)
    return codes.is_in(listed) | codes.str.split("-").list.first().is_in(listed)


def with_languages(posts: pl.DataFrame) -> pl.DataFrame:
    """Return the posts with the columns ``lang`` and ``lang_score``, as ``language`` writes them.

    Where no stage has written ``lang``, the posts are identified here, with the settings that
    ``language`` has by default.
    """
    if "lang" in posts.columns:
        return posts
    found = _load_identifier()(posts)
    return posts.with_columns(found["lang"], found["lang_score"])


def list_model_files() -> list[Path]:
    """Return the files of the models that :func:`with_languages` reads."""
    from filters.text.identifier import identify

    return identify.list_model_files(identify.Settings())


@lru_cache(maxsize=1)
def _load_identifier() -> Callable[[pl.DataFrame], pl.DataFrame]:
    # The models are read, and numba imported, only where a filter needs them.
    from filters.text.identifier import identify

    return identify.load_quick_identifier(identify.Settings())


def find_entry(code: str, known: Collection[str]) -> str | None:
    """Return what ``known`` has for a code: itself, or its language; None for neither.

    A model of a language does not know its romanised form, unless that is named.
    """
    if code in known:
        return code
    language = get_language(code)
    return language if language in known and not code.endswith("-Latn") else None


def find_unknown_languages(posts: pl.DataFrame, known: Collection[str]) -> pl.Series:
    """Return the language of each post that is in none of ``known``, null for the others.

    The language is that of :func:`with_languages`, where ``lang_score`` is not below one half. A
    post without a language (``und``, or null) counts as one in a known language.
    """
    posts = with_languages(posts)
    lang = pl.col("lang")
    listed = ("und", *known)
    unknown = [code for code in posts["lang"].unique().drop_nulls() if not find_entry(code, listed)]
    is_unknown = lang.is_in(unknown)
    if "lang_score" in posts.columns:
        is_unknown &= pl.col("lang_score").fill_null(1) >= LEAST_SCORE
    return posts.select(pl.when(is_unknown).then(lang)).to_series()
