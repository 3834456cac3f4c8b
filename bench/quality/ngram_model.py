"""Train a language model in seconds: interpolated n-grams over bytes.

The probability of a byte after a context of ``k`` bytes is ``(count + kinds * shorter) / (total +
kinds)``: how often the byte followed, how often any byte did, how many different bytes did, and the
probability after the context of ``k - 1`` bytes (Witten and Bell 1991). Without a context, every
byte has 1/256.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Keys = NDArray[np.uint64]
Counts = NDArray[np.int64]

#: The byte that ends a document; no UTF-8 text has it.
END = 0xFF
_PRIME = np.uint64(0x9E3779B97F4A7C15)


class Order(NamedTuple):
    """Counts for contexts of one length.

    ``pairs`` are sorted hashes of a context and its next byte, ``contexts`` of a context alone;
    ``kinds`` are the numbers of different next bytes.
    """

    pairs: Keys
    pair_counts: Counts
    contexts: Keys
    totals: Counts
    kinds: Counts


def join_documents(documents: Iterable[str]) -> Bytes:
    """Return documents as bytes, each with ``END`` before it, and one at the end."""
    pieces = [bytes([END]) + text.encode("utf-8") for text in documents]
    return np.frombuffer(b"".join(pieces) + bytes([END]), np.uint8)


def _hashes(text: Bytes, length: int) -> tuple[Keys, Keys]:
    """Return the hash of the ``length`` bytes before each byte, and the same with the byte.

    Before the first byte stand as many ``END`` bytes as are needed.
    """
    padded = np.concatenate([np.full(length, END, np.uint8), text]).astype(np.uint64)
    context = np.full(len(text), np.uint64(length + 1))
    with np.errstate(over="ignore"):
        for back in range(length):
            context = (context ^ padded[back : back + len(text)]) * _PRIME
            context ^= context >> np.uint64(29)
        pair = (context ^ text.astype(np.uint64) ^ np.uint64(0x5555)) * _PRIME
    return context, pair ^ (pair >> np.uint64(31))


def count_ngrams(text: Bytes, order: int = 6) -> list[Order]:
    """Count the bytes of ``text`` after contexts of 0 to ``order - 1`` bytes."""
    found = []
    for length in range(order):
        context, pair = _hashes(text, length)
        pairs, first, pair_counts = np.unique(pair, return_index=True, return_counts=True)
        contexts, totals = np.unique(context, return_counts=True)
        kinds = np.bincount(np.searchsorted(contexts, context[first]), minlength=len(contexts))
        found.append(Order(pairs, pair_counts, contexts, totals, kinds))
    return found


def _look_up_counts(keys: Keys, counts: Counts, wanted: Keys) -> Counts:
    index = np.searchsorted(keys, wanted).clip(0, len(keys) - 1)
    return np.where(keys[index] == wanted, counts[index], 0)


def bits_per_byte(model: list[Order], text: Bytes) -> NDArray[np.float64]:
    """Return the cost of each byte of ``text`` in bits; the cost of the text is their sum."""
    probability = np.full(len(text), 1 / 256)
    for length, order in enumerate(model):
        context, pair = _hashes(text, length)
        count = _look_up_counts(order.pairs, order.pair_counts, pair)
        total = _look_up_counts(order.contexts, order.totals, context)
        kinds = _look_up_counts(order.contexts, order.kinds, context)
        seen = total > 0
        mixed = (count + kinds * probability) / np.where(seen, total + kinds, 1)
        probability = np.where(seen, mixed, probability)
    return -np.log2(probability)
