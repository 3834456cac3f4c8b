"""Normalize texts to the form in which they are compared; it is written to no file.

The differences that do not count are a choice of :data:`FOLDS`. One compiled pass over the Arrow
buffers removes them. Its table of characters is a file of this package instead of Python's
``unicodedata``, so that the same posts are duplicates under every version of Python.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from corpus.tasks import array_store
from filters.text.arrays import I32, I64, U8

#: The differences that can be removed. ``unicode``: NFKC, and invisible characters; ``case``;
#: ``reposts``: ``RT @name:`` at the begin; ``urls``; ``mentions``; ``hashtags``: the mark only;
#: ``stretched``: of a letter three times or more in a row, two are kept; ``punctuation`` except
#: ``# % & @``; ``emoji`` and other pictures.
FOLDS = (
    "unicode",
    "case",
    "reposts",
    "urls",
    "mentions",
    "hashtags",
    "stretched",
    "punctuation",
    "emoji",
)

_TABLE = Path(__file__).with_name("folding.npz")


class CharacterTable(NamedTuple):
    """The properties of all characters, by code point."""

    classes: U8  # (0x110000,) bits: word, space, punctuation …
    lower: I32  # (0x110000,) the lower-case character
    expansion_index: I32  # (0x110000,) of a character that NFKC changes; -1 for all others
    expansion_offsets: I32  # the begin of each expansion in ``expansions``, and the end
    expansions: I32  # the characters of all expansions


@cache
def load_table() -> CharacterTable:
    """The table of characters; its arrays have 10 MB."""
    with np.load(_TABLE) as stored:
        lower = np.arange(0x110000, dtype=np.int32)
        lower[stored["upper"]] = stored["lower"]
        wide = np.full(0x110000, -1, np.int32)
        wide[stored["wide"]] = np.arange(stored["wide"].size, dtype=np.int32)
        return CharacterTable(stored["kinds"], lower, wide, stored["places"], stored["into"])


def normalize_to_bytes(texts: pl.Series, folds: Collection[str] = FOLDS) -> tuple[U8, I64]:
    """The normalized texts in UTF-8, concatenated, and the offset of each; null is as empty.

    A text that would become empty (a link alone, emoji only) is compared by all its characters.
    """
    from corpus.dedup import normalize_kernel

    table = load_table()
    options = sum(1 << bit for bit, name in enumerate(FOLDS) if name in folds)
    texts = texts.fill_null("")
    data, offsets = array_store.flatten_strings(texts)
    if options & 1 << FOLDS.index("unicode"):
        # A combining mark may compose with the character before it. Few texts have any: polars
        # normalizes these.
        rows = np.flatnonzero(normalize_kernel.mark_context_dependent(data, offsets, table.classes))
        if rows.size:
            index = pl.Series(rows)
            data, offsets = array_store.flatten_strings(
                texts.scatter(index, texts.gather(index).str.normalize("NFKC"))
            )
    return normalize_kernel.normalize(data, offsets, options, *table)


def normalize_to_series(texts: pl.Series, folds: Collection[str] = FOLDS) -> pl.Series:
    """The normalized texts as a series, for readers and for comparisons with other tools."""
    data, offsets = normalize_to_bytes(texts, folds)
    raw = data.tobytes()
    normalized = [raw[start:end].decode() for start, end in pairwise(offsets)]
    return pl.Series(texts.name, normalized, dtype=pl.String)
