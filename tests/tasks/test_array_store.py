"""What is stored as arrays is read as it was written, in whole and in slices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from corpus.tasks import array_store

ROWS = np.array([(1, 2.5), (3, 4.0), (5, 6.0)], dtype=[("key", "u8"), ("share", "f4")])
ARRAYS: dict[str, NDArray[Any]] = {
    "flat": np.arange(5, dtype=np.uint32),
    "empty": np.empty(0, np.int64),
    "table": np.arange(6, dtype=np.uint64).reshape(3, 2),
    "no_rows": np.zeros((0, 2)),
    "by_column": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "flags": np.array([True, False]),
    "number": np.array(7),
    "rows": ROWS,
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    array_store.save_arrays(ARRAYS, tmp_path)
    found = array_store.load_array(tmp_path, name)
    assert (found.dtype, found.shape) == (ARRAYS[name].dtype, ARRAYS[name].shape)
    assert np.array_equal(found, ARRAYS[name]) and found.flags.writeable
    assert np.array_equal(found, np.load(tmp_path / f"{name}.npy"))


def test_a_slice_has_the_entries_between_two_numbers(tmp_path: Path) -> None:
    array_store.save_arrays(ARRAYS, tmp_path)
    assert array_store.load_slice(tmp_path, "flat", 1, 3).tolist() == [1, 2]
    assert array_store.load_slice(tmp_path, "rows", 1, 3).tolist() == [(3, 4.0), (5, 6.0)]
    assert array_store.load_slice(tmp_path, "rows", 3, 3).size == 0


def test_a_file_that_was_cut_is_an_error(tmp_path: Path) -> None:
    (path,) = array_store.save_arrays({"flat": ARRAYS["flat"]}, tmp_path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match="cannot reshape array of size 4"):
        array_store.load_array(tmp_path, "flat")
