"""Find each post's thread among all posts: who answers whom, and where a thread begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus import arrays

I64 = NDArray[np.int64]
_NO_ONE = -1


class Threads(NamedTuple):
    """Of every post in reading order: the post it answers (or -1), and its thread's first post."""

    parent: I64
    root: I64


def measure(posts: pl.DataFrame) -> dict[str, NDArray[Any]]:
    """What must be known of one part: hashes of each post's id and of the id it answers.

    A repost names its original as its parent, and yet answers nothing.
    """
    from corpus import kernels

    answers = pl.when(pl.col("kind") != "repost").then(pl.col("parent_id"))
    parents = posts.select(answers.fill_null("").alias("parent")).to_series()
    found = kernels.hash128(*arrays.flat(parents))
    found[(parents == "").to_numpy()] = 0
    return {"ids": kernels.hash128(*arrays.flat(posts["id"])), "parents": found}


def link(folders: Sequence[Path]) -> Threads:
    """Join all parts' posts into threads.

    A parent that is not there, be it dropped or never in the dump, starts a new thread at its
    answer. Of two posts with one id the first is answered. Memory is linear in posts: 84 bytes
    each.
    """
    none = np.empty((0, 2), np.uint64)
    ids = arrays.together(folders, "ids", none)
    order = np.argsort(ids[:, 0], kind="stable")
    keys = ids[order, 0]
    wanted = arrays.together(folders, "parents", none)
    at = np.minimum(np.searchsorted(keys, wanted[:, 0]), max(0, len(keys) - 1))
    parent = order[at] if len(keys) else np.empty(0, np.int64)
    same = (ids[parent] == wanted).all(axis=1) & (wanted != 0).any(axis=1)
    parent = np.where(same, parent, _NO_ONE).astype(np.int64)
    del ids, wanted, keys, order, at
    return rooted(parent)


def rooted(parent: I64) -> Threads:
    """The thread of each post; a ring of posts that answer one another begins at its first.

    Pointer doubling: the step from each post to its ancestor doubles in each round, so that a
    chain of a million answers takes twenty.
    """
    here = np.arange(parent.size)
    parent = np.where(parent == here, _NO_ONE, parent)
    onward = np.where(parent == _NO_ONE, here, parent)
    first = np.minimum(here, onward)
    for _ in range(max(1, int(parent.size).bit_length())):
        first = np.minimum(first, first[onward])
        onward = onward[onward]
    ring = np.unique(onward[parent[onward] != _NO_ONE])  # what still has a parent goes round
    if ring.size:
        parent = parent.copy()
        parent[np.unique(first[ring])] = _NO_ONE
        return rooted(parent)
    return Threads(parent, onward)
