"""Fold posts to the form in which they are compared; it is never written anywhere.

What of a post's writing does not count is a choice of :data:`FOLDS`. The work is done by one
compiled pass over Arrow's buffers, with a table of characters that is a file of this package, so
that the same posts are duplicates under every version of Python.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.tasks import array_store

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]

#: What can be folded. ``unicode``: NFKC, and characters that show nothing; ``case``;
#: ``reposts``: ``RT @name:`` at the head; ``urls`` and ``mentions`` are left out; ``hashtags``:
#: the mark only; ``stretched``: more than two of a letter in a row are two; ``punctuation`` but
#: for ``# % & @``; ``emoji`` and other pictures.
FOLDS = (
    "unicode", "case", "reposts", "urls", "mentions", "hashtags", "stretched", "punctuation",
    "emoji",
)  # fmt: skip

_TABLE = Path(__file__).with_name("folding.npz")


class CharacterTable(NamedTuple):
    """What is known of each character."""

    classes: U8  # (0x110000,) classes as bits
    lower: I32  # (0x110000,)
    expansion_index: (
        I32  # (0x110000,) of a character that NFKC changes, its place in ``places``, else -1
    )
    expansion_offsets: I32
    expansions: I32


@cache
def load_table() -> CharacterTable:
    """The table of characters; the arrays are 10 MB."""
    with np.load(_TABLE) as found:
        lower = np.arange(0x110000, dtype=np.int32)
        lower[found["upper"]] = found["lower"]
        wide = np.full(0x110000, -1, np.int32)
        wide[found["wide"]] = np.arange(found["wide"].size, dtype=np.int32)
        return CharacterTable(found["kinds"], lower, wide, found["places"], found["into"])


def normalize_to_bytes(texts: pl.Series, folds: Collection[str] = FOLDS) -> tuple[U8, I64]:
    """The folded ``texts`` end to end in UTF-8, and where each begins; null counts as empty.

    A post of which nothing is left (a bare link, emoji only) is compared by all its characters.
    """
    from corpus.dedup import normalize_kernel

    known = load_table()
    options = sum(1 << bit for bit, name in enumerate(FOLDS) if name in folds)
    texts = texts.fill_null("")
    data, places = array_store.flatten_strings(texts)
    if options & 1 << FOLDS.index("unicode"):
        # What stands beside a mark may melt with it: few posts have any, and polars knows how.
        rows = np.flatnonzero(normalize_kernel.mark_context_dependent(data, places, known.classes))
        if rows.size:
            index = pl.Series(rows)
            data, places = array_store.flatten_strings(
                texts.scatter(index, texts.gather(index).str.normalize("NFKC"))
            )
    return normalize_kernel.normalize(data, places, options, *known)


def normalize_to_series(texts: pl.Series, folds: Collection[str] = FOLDS) -> pl.Series:
    """The folded ``texts`` as a series, for people to look at."""
    data, places = normalize_to_bytes(texts, folds)
    raw = data.tobytes()
    found = [raw[start:end].decode() for start, end in pairwise(places)]
    return pl.Series(texts.name, found, dtype=pl.String)
