"""Encode the texts of documents in batches, and check that the ids fit the type of the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.errors import CorpusError
from corpus.output.export.contract import Tokens

#: Texts that are given to the tokenizer together.
_BATCH_TEXTS = 2_000


def encode_texts(
    frames: Iterator[pl.DataFrame], tokens: Tokens
) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
    """Yield the ids of a batch of documents, little-endian, and how many each document has."""
    limits = np.iinfo(tokens.dtype)
    for frame in frames:
        for begin in range(0, frame.height, _BATCH_TEXTS):
            ids, sizes = tokens.encode(frame["text"].slice(begin, _BATCH_TEXTS).to_list())
            if ids.size and not 0 <= ids.min() <= ids.max() <= limits.max:
                raise CorpusError(
                    f"the tokenizer made the id {ids.max():,}, which is not in its vocabulary of "
                    f"{tokens.vocabulary:,}"
                )
            yield ids.astype(tokens.dtype.newbyteorder("<")), sizes
