"""Compute shingles, MinHash signatures, band keys and similarities; compiled, without the GIL.

All functions work on flat arrays (Arrow buffers). The hash is MurmurHash3
(x86, 32 bit, seed 0), so that datasketch computes the same signatures:
``MinHash(num_perm=128, scheme="affine32", hashfunc=corpus.dedup.hash32)``.
"""

from __future__ import annotations

import numpy as np

from corpus.partition.key_kernel import mix64
from filters.text.arrays import I64, U8, U32, U64
from filters.text.jit import jit


@jit
def _fmix32(h: np.uint32) -> np.uint32:
    h ^= h >> np.uint32(16)
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h ^= h >> np.uint32(13)
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    h ^= h >> np.uint32(16)
    return h


@jit
def murmur3_32(data: U8, start: int, end: int) -> np.uint32:
    """MurmurHash3 x86 32 with seed 0 of ``data[start:end]``."""
    c1, c2 = np.uint32(0xCC9E2D51), np.uint32(0x1B873593)
    h = np.uint32(0)
    at = start
    while at + 4 <= end:
        k = (
            np.uint32(data[at])
            | np.uint32(data[at + 1]) << np.uint32(8)
            | np.uint32(data[at + 2]) << np.uint32(16)
            | np.uint32(data[at + 3]) << np.uint32(24)
        )
        k = np.uint32(k * c1)
        k = np.uint32(k << np.uint32(15)) | (k >> np.uint32(17))
        h ^= np.uint32(k * c2)
        h = np.uint32(h << np.uint32(13)) | (h >> np.uint32(19))
        h = np.uint32(h * np.uint32(5) + np.uint32(0xE6546B64))
        at += 4
    k = np.uint32(0)
    for shift in range(end - at):
        k |= np.uint32(data[at + shift]) << np.uint32(8 * shift)
    if at < end:
        k = np.uint32(k * c1)
        k = np.uint32(k << np.uint32(15)) | (k >> np.uint32(17))
        h ^= np.uint32(k * c2)
    return _fmix32(np.uint32(h ^ np.uint32(end - start)))


@jit
def _unspaced_token_length(data: U8, at: int) -> int:
    """The bytes of a character that is a token alone (in scripts without spaces), else 0."""
    lead = data[at]
    if lead >= 0xF0:
        code = (
            (np.int64(lead & 7) << 18)
            | (np.int64(data[at + 1] & 63) << 12)
            | (np.int64(data[at + 2] & 63) << 6)
            | np.int64(data[at + 3] & 63)
        )
        return 4 if 0x20000 <= code < 0x40000 else 0  # CJK extensions
    if lead < 0xE0:
        return 0
    code = (
        (np.int64(lead & 15) << 12)
        | (np.int64(data[at + 1] & 63) << 6)
        | np.int64(data[at + 2] & 63)
    )
    if (
        0x0E00 <= code < 0x0F00  # Thai, Lao
        or 0x1000 <= code < 0x10A0  # Myanmar
        or 0x1780 <= code < 0x1800  # Khmer
        or 0x3040 <= code < 0x3100  # Hiragana, Katakana
        or 0x3400 <= code < 0xA000  # CJK ideographs
        or 0xF900 <= code < 0xFB00
    ):
        return 3
    return 0


@jit
def _split_tokens(data: U8, start: int, end: int, begins: I64, ends: I64) -> int:
    """Fill ``begins`` and ``ends`` with the tokens of one string; return their number."""
    count, at = 0, start
    inside = False
    while at < end:
        wide = _unspaced_token_length(data, at) if data[at] >= 0xE0 else 0
        if wide:
            if inside:
                ends[count - 1] = at
            begins[count], ends[count] = at, at + wide
            count, at, inside = count + 1, at + wide, False
        elif data[at] == 0x20:
            if inside:
                ends[count - 1] = at
            at, inside = at + 1, False
        else:
            if not inside:
                begins[count] = at
                count, inside = count + 1, True
            at += 1
    if inside:
        ends[count - 1] = end
    return count


@jit
def _split_characters(data: U8, start: int, end: int, begins: I64, ends: I64) -> int:
    """Fill ``begins`` and ``ends`` with the characters of one string; return their number."""
    count = 0
    for at in range(start, end):
        if data[at] & 0xC0 != 0x80:
            begins[count] = at
            if count:
                ends[count - 1] = at
            count += 1
    if count:
        ends[count - 1] = end
    return count


@jit
def _sort_slice(values: U32, begin: int, end: int) -> None:
    """Sort a slice in place: by insertion if it is short, as are the shingles of most posts."""
    if end - begin > 48:
        values[begin:end].sort()
        return
    for index in range(begin + 1, end):
        value, at = values[index], index
        while at > begin and values[at - 1] > value:
            values[at] = values[at - 1]
            at -= 1
        values[at] = value


@jit
def hash_shingles(data: U8, offsets: I64, width: int, by_character: bool) -> tuple[U32, I64, U32]:
    """The distinct shingles of n strings, hashed and sorted within each string.

    Returns the hashes of all strings, the offset of each string (n + 1,), and its number of tokens.
    A shingle is the bytes from the first to the last of ``width`` consecutive tokens: words, or
    single characters in scripts without spaces; with ``by_character``, single characters in any
    script. A string with fewer tokens is one shingle, so that posts of three words can be compared.
    """
    rows = offsets.size - 1
    longest = 1
    for row in range(rows):
        longest = max(longest, offsets[row + 1] - offsets[row])
    begins, ends = np.empty(longest, np.int64), np.empty(longest, np.int64)
    # A string of n bytes has at most n tokens, and at most one shingle begins at each.
    out = np.empty(offsets[rows] - offsets[0] + rows, np.uint32)
    starts = np.zeros(rows + 1, np.int64)
    tokens = np.empty(rows, np.uint32)
    used = int(np.int64(0))
    for row in range(rows):
        if by_character:
            count = _split_characters(data, offsets[row], offsets[row + 1], begins, ends)
        else:
            count = _split_tokens(data, offsets[row], offsets[row + 1], begins, ends)
        tokens[row] = count
        first = used
        if count <= width:
            out[used] = murmur3_32(data, offsets[row], offsets[row + 1])
            used += 1
        else:
            for token in range(count - width + 1):
                out[used] = murmur3_32(data, begins[token], ends[token + width - 1])
                used += 1
            _sort_slice(out, first, used)
            kept = first + 1
            for index in range(first + 1, used):
                if out[index] != out[kept - 1]:
                    out[kept] = out[index]
                    kept += 1
            used = kept
        starts[row + 1] = used
    return out[:used].copy(), starts, tokens


@jit
def minhash_signatures(hashes: U32, shingle_offsets: I64, a: U32, b: U32) -> U32:
    """MinHash signatures, shape (n, permutations), equal to datasketch's ``affine32``."""
    rows = shingle_offsets.size - 1
    out = np.empty((rows, a.size), np.uint32)
    current = np.empty(a.size, np.uint32)
    for row in range(rows):
        current[:] = np.uint32(0xFFFFFFFF)
        for index in range(shingle_offsets[row], shingle_offsets[row + 1]):
            h = _fmix32(hashes[index])
            for k in range(a.size):
                value = np.uint32(a[k] * h + b[k])
                current[k] = min(current[k], value)
        out[row] = current
    return out


@jit
def hash_bands(signature: U32, bands: int, rows: int) -> U64:
    """A 64-bit key for each band of ``rows`` consecutive signature values, shape (n, bands)."""
    out = np.empty((signature.shape[0], bands), np.uint64)
    for post in range(signature.shape[0]):
        for band in range(bands):
            key = np.uint64(band + 1) * np.uint64(0x9E3779B97F4A7C15)
            for row in range(rows):
                key = (key ^ np.uint64(signature[post, band * rows + row])) * np.uint64(
                    0xD1B54A32D192ED03
                )
                key ^= key >> np.uint64(32)
            out[post, band] = mix64(key)
    return out


@jit
def sketch_signatures(signature: U32) -> U64:
    """A bit of each of the first 64 values of a signature, as one number per post.

    Two posts with similarity j share (1 + j) / 2 of the bits on average. The values are mixed
    first, because the low bits of different permutations are not independent.
    """
    out = np.zeros(signature.shape[0], np.uint64)
    for post in range(signature.shape[0]):
        for column in range(min(64, signature.shape[1])):
            bit = np.uint64(_fmix32(signature[post, column]) & np.uint32(1))
            out[post] |= bit << np.uint64(column)
    return out


@jit
def jaccard(hashes: U32, offsets: I64, one: int, two: int) -> float:
    """The exact Jaccard similarity of two sorted shingle sets."""
    i, j = offsets[one], offsets[two]
    i_end, j_end = offsets[one + 1], offsets[two + 1]
    total = (i_end - i) + (j_end - j)
    if total == 0:
        return 1.0
    shared = 0
    while i < i_end and j < j_end:
        if hashes[i] == hashes[j]:
            shared += 1
            i += 1
            j += 1
        elif hashes[i] < hashes[j]:
            i += 1
        else:
            j += 1
    return float(shared / (total - shared))
