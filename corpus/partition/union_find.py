"""Merge sets of posts pair by pair (union-find); compiled, without the GIL."""

from __future__ import annotations

from filters.text.arrays import I64
from filters.text.jit import jit


@jit
def _find_root(parents: I64, post: int) -> int:
    """The root of the set that contains ``post``. The path to it is halved on the way."""
    while parents[post] != post:
        parents[post] = parents[parents[post]]
        post = parents[post]
    return post


@jit
def union_pairs(parents: I64, left: I64, right: I64) -> None:
    """Merge the sets of the two ends of each pair; the root of a set is its smallest post.

    ``parents`` is changed in place. At the start each post is its own parent.
    """
    for index in range(left.size):
        one, two = _find_root(parents, left[index]), _find_root(parents, right[index])
        if one < two:
            parents[two] = one
        else:
            parents[one] = two
