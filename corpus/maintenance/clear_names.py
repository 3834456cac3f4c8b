"""Find the names of a corpus's own authors and posts in clear in it, with the corpus's key.

The output has keyed names only. Whoever has the key can tell whether a word of a text is the name
of an author of this corpus: the word's keyed name is among those of the authors. Plain words are
not judged, because they are names of some accounts as well: a name has a digit or an underscore.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.privacy import keys

_WORD = r"[A-Za-z0-9_][A-Za-z0-9_.\-]{3,38}[A-Za-z0-9_]"
_NAME = r"^.*[0-9_].*$"
_LETTER_OR_LONG_NUMBER = r"[A-Za-z]|^[0-9]{9,}$"
#: What platforms' ids have before the part that URLs show.
_ID_PREFIXES = {"reddit": ("", "t1_", "t3_")}
_NO_HASHES = np.empty(0, np.uint64)


def hash_author_column(authors: pl.Series) -> NDArray[np.uint64]:
    """Return the first 64 bits of each pseudonym; other values have none."""
    return _parse_hex(authors.filter(authors.str.contains("^[0-9a-f]{32}$").fill_null(False)))


def hash_id_column(ids: pl.Series) -> NDArray[np.uint64]:
    """Return the first 64 bits of each keyed id; other values have none."""
    digits = ids.str.extract(r":~([0-9a-f]{24})$").drop_nulls()
    return _parse_hex(digits)


def _parse_hex(digits: pl.Series) -> NDArray[np.uint64]:
    if not len(digits):
        return _NO_HASHES
    numbers = digits.str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64)
    return numbers.to_numpy().astype(np.uint64)


def list_possible_names(texts: pl.Series) -> pl.DataFrame:
    """Return ``name`` and ``row``, the first in which a text has it, for each distinct name."""
    words = pl.DataFrame({"name": texts.str.extract_all(_WORD)}).with_row_index("row")
    words = words.explode("name").drop_nulls("name")
    is_name = pl.col("name").str.contains(_NAME)
    is_name &= pl.col("name").str.contains(_LETTER_OR_LONG_NUMBER)
    return words.filter(is_name).unique("name", keep="first", maintain_order=True)


def hash_names(
    names: Iterable[str], platforms: Iterable[str], key: bytes
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield for each name its hashes as an author's name and as a post's id, on each platform."""
    pseudonymize_id = keys.make_id_pseudonymizer(key)
    platforms = sorted(platforms)
    for name in names:
        authors = [
            int(keys.pseudonymize_author(f"{platform}:{name}", key)[:16], 16)
            for platform in platforms
        ]
        ids = [
            int(pseudonymize_id(f"{platform}:{prefix}{name}").rpartition("~")[2][:16], 16)
            for platform in platforms
            for prefix in _ID_PREFIXES.get(platform, ("",))
        ]
        yield authors, ids
