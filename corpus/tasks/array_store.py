"""Flat arrays of numbers on disk: what a barrier knows of each part, a folder a part."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.tasks.files import atomic_write
from corpus.tasks.receipts import save_receipt


def save_arrays(arrays: Mapping[str, NDArray[Any]], folder: Path) -> list[Path]:
    """Write a file an array; the receipt that follows makes them count."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = []
    for name, array in arrays.items():
        written.append(folder / f"{name}.npy")
        with atomic_write(written[-1]) as temporary, open(temporary, "wb") as file:
            np.save(file, np.asarray(array))
    return written


def map_array(folder: Path, name: str) -> Any:
    """One array of a part, mapped: only what is touched is read."""
    return np.load(folder / f"{name}.npy", mmap_mode="r")


def load_array(folder: Path, name: str) -> Any:
    """One array of a part, read into memory."""
    return np.load(folder / f"{name}.npy")


def load_slice(folder: Path, name: str, low: int, high: int) -> Any:
    """The entries from ``low`` to ``high`` of one flat array of a part, read into memory."""
    with open(folder / f"{name}.npy", "rb") as file:
        version = np.lib.format.read_magic(file)
        assert version == (1, 0)
        _, _, dtype = np.lib.format.read_array_header_1_0(file)
        file.seek(low * dtype.itemsize, os.SEEK_CUR)
        return np.fromfile(file, dtype, high - low)


def save_concatenated(
    folder: Path, name: str, pieces: Iterable[NDArray[Any]], dtype: Any, size: int
) -> None:
    """Write ``pieces`` of ``size`` entries in all as one array, with a receipt, holding one."""
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
        "fortran_order": False,
        "shape": (size,),
    }
    path = folder / f"{name}.npy"
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for found in pieces:
            file.write(np.ascontiguousarray(found, dtype).tobytes())
    save_receipt(path.with_suffix(".json"), {}, [path])


def number_distinct(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """A number for each distinct pair of hashes, from 0; -1 for the pair of zeros: nobody."""
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))
    ordered = hashes[order]
    new = np.ones(len(hashes), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    nobody = (ordered == 0).all(axis=1)
    number = np.empty(len(hashes), np.int64)
    # Zeros sort first, and their number is none.
    number[order] = np.where(nobody, -1, np.cumsum(new & ~nobody) - 1)
    return number


def relative_path(path: Path, start: Path) -> str:
    """The way from ``start`` to ``path``, so that a folder can be moved with what it points to."""
    return os.path.relpath(path, start)


def make_list_series(values: NDArray[Any], offsets: NDArray[np.int64]) -> pl.Series:
    """Flat values as a series of lists; ``places`` is where each begins, and the end."""
    import pyarrow as pa

    found = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(values))
    return pl.Series(found)


def flatten_strings(texts: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of all ``texts`` end to end, and where each begins; one entry more than texts."""
    import pyarrow as pa

    array = texts.rechunk().to_arrow()
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = array.cast(pa.large_string())
    _, offsets, data = array.buffers()
    places = np.frombuffer(offsets, np.int64, len(array) + 1, array.offset * 8)
    return np.frombuffer(data if data and data.size else b"\0", np.uint8), places


def unflatten_strings(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> pl.Series:
    """What :func:`flat` has laid end to end."""
    import pyarrow as pa

    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(data)]
    return pl.Series(pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers))


def split_into_pieces(
    part_rows: Iterable[int], piece_rows: int
) -> list[list[tuple[int, int, int]]]:
    """Pieces of ``size`` rows wherever the parts end: of each the part, and from and to in it."""
    pieces: list[list[tuple[int, int, int]]] = []
    room = 0
    for part, count in enumerate(part_rows):
        low = 0
        while low < count:
            if not room:
                pieces.append([])
                room = piece_rows
            high = min(count, low + room)
            pieces[-1].append((part, low, high))
            room -= high - low
            low = high
    return pieces
