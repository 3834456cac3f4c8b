"""Flat arrays of numbers on disk: what a barrier knows of each part, a folder a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.manifest import replacing


def save(arrays: Mapping[str, NDArray[Any]], folder: Path) -> list[Path]:
    """Write a file an array; the receipt that follows makes them count."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = []
    for name, array in arrays.items():
        written.append(folder / f"{name}.npy")
        with replacing(written[-1]) as temporary, open(temporary, "wb") as file:
            np.save(file, np.asarray(array))
    return written


def mapped(folder: Path, name: str) -> Any:
    """One array of a part, mapped: only what is touched is read."""
    return np.load(folder / f"{name}.npy", mmap_mode="r")


def together(folders: Sequence[Path], name: str, like: NDArray[Any], row: int | None = None) -> Any:
    """One array of all parts end to end, or one row of it; ``like`` is the answer for no part."""
    pieces = []
    for folder in folders:  # a copy each, so that no more than one file is open
        piece = mapped(folder, name)
        pieces.append(np.array(piece if row is None else piece[row]))
    return np.concatenate([like, *pieces])


def flat(texts: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of all ``texts`` end to end, and where each begins; one entry more than texts."""
    import pyarrow as pa

    array = texts.rechunk().to_arrow()
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = array.cast(pa.large_string())
    _, offsets, data = array.buffers()
    places = np.frombuffer(offsets, np.int64, len(array) + 1, array.offset * 8)
    return np.frombuffer(data if data and data.size else b"\0", np.uint8), places
