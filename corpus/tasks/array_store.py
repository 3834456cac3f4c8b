"""Store flat arrays of numbers as files, and strings as flat arrays."""

from __future__ import annotations

import ast
import math
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.tasks.files import atomic_write
from corpus.tasks.receipts import save_receipt


def save_arrays(arrays: Mapping[str, NDArray[Any]], folder: Path) -> list[Path]:
    """Write each array to a file of ``folder``; return the files, for the receipt."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = []
    for name, array in arrays.items():
        written.append(folder / f"{name}.npy")
        with atomic_write(written[-1]) as temporary, open(temporary, "wb") as file:
            np.save(file, np.asarray(array, order="C"))
    return written


def has_array(folder: Path, name: str) -> bool:
    """Whether ``folder`` has an array of that name."""
    return (folder / f"{name}.npy").exists()


def array_bytes(folder: Path, name: str) -> int:
    """The size of the file of an array."""
    return (folder / f"{name}.npy").stat().st_size


def map_array(folder: Path, name: str) -> Any:
    """An array mapped into memory: only the entries that are used are read."""
    return np.load(folder / f"{name}.npy", mmap_mode="r")


def load_array(folder: Path, name: str) -> Any:
    """An array, read into memory."""
    with open(folder / f"{name}.npy", "rb") as file:
        dtype, shape = _read_header(file)
        array = np.fromfile(file, dtype, math.prod(shape))
    return array.reshape(shape)  # a ValueError if the file is cut


def _read_header(file: BinaryIO) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The type and the shape of the array that follows in the file.

    numpy parses a header as Python, which takes longer than to read a small array; of the arrays
    of a build only the sizes differ, so that what stands before them is parsed once.
    """
    version = np.lib.format.read_magic(file)
    assert version == (1, 0)
    header = file.read(int.from_bytes(file.read(2), "little")).decode("latin1")
    layout, _, sizes = header.partition("'shape': (")
    numbers = sizes.partition(")")[0].split(",")
    return _parse_layout(layout), tuple(int(number) for number in numbers if number.strip())


@lru_cache(maxsize=256)
def _parse_layout(text: str) -> np.dtype[Any]:
    found = ast.literal_eval(f"{text}}}")
    assert not found["fortran_order"]
    return np.lib.format.descr_to_dtype(found["descr"])


def load_slice(folder: Path, name: str, low: int, high: int) -> Any:
    """The entries ``low`` to ``high`` of a flat array, read into memory."""
    with open(folder / f"{name}.npy", "rb") as file:
        dtype, _ = _read_header(file)
        file.seek(low * dtype.itemsize, os.SEEK_CUR)
        return np.fromfile(file, dtype, high - low)


def save_concatenated(
    folder: Path, name: str, pieces: Iterable[NDArray[Any]], dtype: Any, size: int
) -> None:
    """Write ``pieces`` with ``size`` entries in all as one array, with a receipt.

    Only one piece is in memory at a time.
    """
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
        "fortran_order": False,
        "shape": (size,),
    }
    path = folder / f"{name}.npy"
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for piece in pieces:
            file.write(np.ascontiguousarray(piece, dtype).tobytes())
    save_receipt(path.with_suffix(".json"), {}, [path])


def relative_path(path: Path, start: Path) -> str:
    """The path relative to ``start``, so that a folder can be moved with the files it refers to."""
    return os.path.relpath(path, start)


def make_list_series(values: NDArray[Any], offsets: NDArray[np.int64]) -> pl.Series:
    """A series of n lists from flat values and the offset of each list (n + 1,)."""
    import pyarrow as pa

    # Not pa.array: it imports pandas where that is installed, which takes half a second.
    kind = pa.from_numpy_dtype(values.dtype)
    data = pa.py_buffer(np.ascontiguousarray(values))
    child = pa.Array.from_buffers(kind, len(values), [None, data])
    starts = pa.py_buffer(np.ascontiguousarray(offsets, np.int64))
    buffers = [None, starts]
    return pl.Series(
        pa.Array.from_buffers(pa.large_list(kind), len(offsets) - 1, buffers, children=[child])
    )


def flatten_strings(texts: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The UTF-8 bytes of n texts, concatenated, and the offset of each (n + 1,)."""
    import pyarrow as pa

    array = texts.rechunk().to_arrow()
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = array.cast(pa.large_string())
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64, len(array) + 1, array.offset * 8)
    return np.frombuffer(data if data and data.size else b"\0", np.uint8), starts


def unflatten_strings(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> pl.Series:
    """The texts that :func:`flatten_strings` has concatenated."""
    import pyarrow as pa

    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(data)]
    return pl.Series(pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers))


def split_into_pieces(
    part_rows: Iterable[int], piece_rows: int
) -> list[list[tuple[int, int, int]]]:
    """Divide the rows of all parts into pieces of ``piece_rows`` rows, the last one smaller.

    A piece is a list of ranges: the part, its first row, and the row after the last.
    """
    pieces: list[list[tuple[int, int, int]]] = []
    free = 0
    for part, count in enumerate(part_rows):
        low = 0
        while low < count:
            if not free:
                pieces.append([])
                free = piece_rows
            high = min(count, low + free)
            pieces[-1].append((part, low, high))
            free -= high - low
            low = high
    return pieces
