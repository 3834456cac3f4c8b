"""What the ``social`` preset measures of posts, in one pass. Importing it imports numba."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filters.decontaminate.ngram_index import encode_texts
from filters.quality.token_kernel import I64, U8, U64, decode_character
from filters.text.jit import jit

U16 = NDArray[np.uint16]

_SPACE, _WORD, _LETTER, _NUMBER, _SYMBOL, _UNSPACED, _RUN_CHARACTER = 1, 2, 4, 8, 16, 32, 64

# Scripts that set no spaces: there a word is about two characters long.
_UNSPACED_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_FLAG_CLASSES = {
    _SPACE: r"\s",
    _WORD: r"\w",
    _LETTER: r"\p{L}\p{M}",
    _NUMBER: r"\p{L}\p{N}",
    # Emoji are no letters, but a post is not junk for carrying a few.
    _SYMBOL: r"\p{So}\p{Sk}\p{Cf}\p{Mn}",
    _UNSPACED: _UNSPACED_SCRIPTS,
    # What a leant-on key or a drawn line repeats; a row of hearts, of ㅋ, of "!" is a mood.
    _RUN_CHARACTER: r"[\x21-\x7E--[!.?]]\x{2500}-\x{25FF}",
}
_MIN_RUN = 12  # of a kind in a row: no word and no laugh is that long
_NGRAM_WORDS = 3  # words that count as repeated when they come again together
_MIN_COMPRESSED_BYTES = 64  # bytes; what is shorter is not asked how well it would compress


@cache
def _build_character_flags() -> U16:
    """What each character is, asked of polars once in a process."""
    codes = np.r_[0:0xD800, 0xE000:0x32400, 0xE0000:0xE0200]
    signs = pl.Series([chr(code) for code in codes])
    flags = np.zeros(0x110000, np.uint16)
    for flag, members in _FLAG_CLASSES.items():
        flags[codes] |= np.where(signs.str.contains(f"^[{members}]$").to_numpy(), flag, 0).astype(
            np.uint16
        )
    return flags


def measure_posts(texts: pl.Series, words: pl.Series) -> dict[str, NDArray[Any]]:
    """The measures of ``texts`` and of the same as ``_text.cleaned`` in small letters."""
    data, offsets = encode_texts(texts)
    total, links, mentions, hashtags = _count_marks(data, offsets, _build_character_flags())
    own, places = encode_texts(words)
    room = 1 << int(2 * np.diff(places).max(initial=1) + 2).bit_length()
    found = _count_words_and_repeats(own, places, _build_character_flags(), min(room, 1 << 22))
    spaced, unspaced, letters, shown, longest, distinct, tokens, runs, again, held, squeezed = found
    total = np.maximum(total, 1)
    sizes = np.diff(places)
    return {
        "words": (spaced + unspaced // 2),
        "link_share": links / total,
        "mention_share": mentions / total,
        "hashtag_share": hashtags / total,
        "letter_share": np.minimum(letters / np.maximum(shown, 1), 1),
        "longest_word": np.where(unspaced == 0, longest, 0),
        "longest_word_share": np.where(unspaced == 0, longest / np.maximum(held, 1), 0),
        # Few words cannot differ much; of eight and more it is asked.
        "distinct_words": np.where(tokens >= 8, distinct / np.maximum(tokens, 1), 1.0),
        "run_share": runs / np.maximum(held, 1),
        "repeated_share": again / np.maximum(held, 1),
        "compressed": np.where(
            sizes >= _MIN_COMPRESSED_BYTES, squeezed / np.maximum(sizes, 1), 1.0
        ),
    }


@jit
def _starts_with(data: U8, at: int, end: int, word: U8) -> bool:
    """Whether the text goes on with ``word``, in large or small letters."""
    if end - at < word.size:
        return False
    for step in range(word.size):
        sign = data[at + step]
        if 65 <= sign <= 90:
            sign |= np.uint8(32)
        if sign != word[step]:
            return False
    return True


_LINK_STARTS = tuple(
    np.frombuffer(start, np.uint8)
    for start in (b"http://", b"https://", b"www.", b"pic.twitter.com/", b"t.co/")
)


@jit
def _count_marks(data: U8, offsets: I64, flags: U16) -> tuple[I64, I64, I64, I64]:
    """Of each post, how many words there are between spaces, links, mentions and hashtags.

    What holds no letter or digit, an arrow or an emoji, is no word.
    """
    rows = offsets.size - 1
    counts = np.zeros((4, rows), np.int64)
    for row in range(rows):
        at, end = offsets[row], offsets[row + 1]
        fresh, named = True, False
        while at < end:
            code, size = int(data[at]), 1
            if code >= 0x80:
                code, size = decode_character(data, at)
            if flags[code] & _SPACE:
                fresh, named, at = True, False, at + size
                continue
            if not named and flags[code] & _WORD:
                counts[0, row] += 1
                named = True
            if fresh:
                mark, place = code, at + size
                # A mention may stand behind a dot, a quote or a bracket.
                if code in (46, 34, 40, 0x201C) and place < end and data[place] == 64:
                    mark, place = 64, place + 1
                if mark in (64, 35, 0xFF03) and place < end:
                    following, _ = decode_character(data, place)
                    if flags[following] & _WORD:
                        counts[2 if mark == 64 else 3, row] += 1
                fresh = False
            small = code | 32
            if small == 104 or small == 119 or small == 112 or small == 116:
                for start in _LINK_STARTS:
                    if _starts_with(data, at, end, start):
                        counts[1, row] += 1
                        size = start.size
                        break
            at += size
    return counts[0], counts[1], counts[2], counts[3]


@jit
def _count_words_and_repeats(data: U8, offsets: I64, flags: U16, room: int) -> NDArray[np.int64]:
    """Counts of each post's own words; a row for each measure."""
    rows = offsets.size - 1
    counts = np.zeros((11, rows), np.int64)
    keys, stamps = np.empty(room, np.uint64), np.full(room, -1, np.int64)
    last = np.full(1 << 12, -1, np.int64)
    for row in range(rows):
        found = counts[:, row]
        begin, end = offsets[row], offsets[row + 1]
        at = begin
        before_, second = np.uint64(0), np.uint64(0)
        sizes = np.zeros(_NGRAM_WORDS, np.int64)
        skip = 0
        run, previous = 0, np.int64(-1)
        while at < end:
            # One word, up to the next space.
            value, size, named = np.uint64(14695981039346656037), 0, False
            while at < end:
                code, step = np.int64(data[at]), np.int64(1)
                if code >= 0x80:
                    code, step = decode_character(data, at)
                kind = flags[code]
                if kind & _SPACE:
                    break
                value = (value ^ np.uint64(code)) * np.uint64(1099511628211)
                named |= kind & _NUMBER != 0
                found[1] += kind & _UNSPACED != 0
                found[2] += kind & _LETTER != 0
                # "Yes!!!!!!" has one sign: what is said with more force is said all the same.
                found[3] += kind & _SYMBOL == 0 and (kind & _LETTER != 0 or code != previous)
                if code == previous and kind & _RUN_CHARACTER:
                    run += 1
                else:
                    found[7] += run if run >= _MIN_RUN else 0
                    run, previous = 1, code
                size += 1
                at += step
            if at < end:
                at += decode_character(data, at)[1]
            if size == 0:
                continue
            found[0] += named
            found[4] = max(found[4], size)
            found[6] += 1
            found[9] += size
            value ^= value >> np.uint64(32)
            found[5] += _is_new(value, keys, stamps, 2 * row)
            # Three words that came before, none counted twice.
            gram = (second * np.uint64(0x9E3779B97F4A7C15) + before_) * np.uint64(
                0x9E3779B97F4A7C15
            ) + value
            sizes[0], sizes[1], sizes[2] = sizes[1], sizes[2], size
            second, before_ = before_, value
            if found[6] >= _NGRAM_WORDS:
                if skip > 0:
                    skip -= 1
                elif not _is_new(gram ^ (gram >> np.uint64(29)), keys, stamps, 2 * row):
                    found[8] += sizes.sum()
                    skip = _NGRAM_WORDS - 1
        found[7] += run if run >= _MIN_RUN else 0
        found[10] = (
            _compressed_size(data, begin, end, last) if end - begin >= _MIN_COMPRESSED_BYTES else 0
        )
    return counts


@jit
def _is_new(value: np.uint64, keys: U64, stamps: I64, stamp: int) -> bool:
    """Whether a post has had the value before; if not, it has now."""
    mask = np.uint64(keys.size - 1)
    at = (value * np.uint64(0xD6E8FEB86659FD93) >> np.uint64(20)) & mask
    for _ in range(64):  # a table too small for a giant post forgets, and stays quick
        if stamps[at] != stamp:
            keys[at], stamps[at] = value, stamp
            return True
        if keys[at] == value:
            return False
        at = (at + np.uint64(1)) & mask
    return True


@jit
def _compressed_size(data: U8, begin: int, end: int, last: I64) -> int:
    """The bytes that are left when what came before is named by three bytes (as LZ4 does)."""
    at, size = begin, 0
    while at < end:
        length = 0
        if at + 4 <= end:
            key = (
                np.uint32(data[at]) | np.uint32(data[at + 1]) << np.uint32(8)
                | np.uint32(data[at + 2]) << np.uint32(16)
                | np.uint32(data[at + 3]) << np.uint32(24)
            )  # fmt: skip
            slot = (key * np.uint32(2654435761) & np.uint32(0xFFFFFFFF)) >> np.uint32(20)
            other = last[slot]
            last[slot] = at
            if other >= begin:
                while at + length < end and data[other + length] == data[at + length]:
                    length += 1
        if length >= 4:
            at, size = at + length, size + 3
        else:
            at, size = at + 1, size + 1
    return size
