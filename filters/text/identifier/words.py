"""Extract what identifies a post's language: lower-case words without signs and digits.

Links, mentions and laughter (``haha``) are removed, and letters that are repeated for emphasis are
shortened. Hashtags are names more often than words of the sentence, so they count only where a post
has few other letters.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from filters.text.arrays import I64, U8
from filters.text.cleaning import strip_links_and_mentions
from filters.text.identifier.scripts import find_script
from filters.text.jit import jit
from filters.text.utf8 import decode_character, encode_texts

CodePoint = int | np.int64
Boolean = bool | np.bool_

#: Characters of a post that are read; they suffice to identify its language.
MAX_CHARACTERS = 500
#: With fewer letters than this outside of hashtags, the hashtags' words count too.
MIN_LETTERS = 6
_SPACE, _HASH, _WIDE_HASH, _UNDERSCORE = 0x20, 0x23, 0xFF03, 0x5F
_A, _E, _H, _O = 0x61, 0x65, 0x68, 0x6F


@jit
def is_word_character(point: CodePoint) -> Boolean:
    """Return whether a code point is part of a word: a letter or a mark, and no sign or digit."""
    if point < 0x80:
        return 0x61 <= point <= 0x7A or 0x41 <= point <= 0x5A
    if point < 0xC0:
        return point in (0xAA, 0xB5, 0xB7, 0xBA)
    # Punctuation, symbols, arrows and dingbats, but not the joiners that some scripts spell with.
    if 0x2000 <= point < 0x2C00:
        return point in (0x200C, 0x200D)
    # Surrogates and private use; variation selectors and forms; emoji; tags.
    if 0xD800 <= point < 0xF900 or 0xFE00 <= point < 0xFE70:
        return False
    if 0x1F000 <= point < 0x1FC00 or point >= 0xE0000:
        return False
    # Ideographic and full-width punctuation, full-width digits.
    if 0x2E00 <= point < 0x2E80 or 0x3000 <= point < 0x3005 or 0x3007 <= point < 0x3021:
        return False
    if 0xFF00 <= point < 0xFF66:
        return 0xFF21 <= point < 0xFF3B or 0xFF41 <= point < 0xFF5B
    return point not in (0xD7, 0xF7, 0x3030) and not 0xFFE0 <= point < 0x10000


@jit
def _is_laughter(kinds: int, size: int) -> Boolean:
    """Return whether a word is one like ``haha``, which people write in every language."""
    return kinds == 3 and size > 3


@jit
def _write_words(
    text: U8, position: int, end: int, out: U8, used: int, with_hashtags: bool
) -> tuple[int, int]:
    """Write the words of one post to ``out`` from ``used``; return their end and their letters."""
    begin, letters = used, 0
    last, run = np.int64(_SPACE), 0
    in_hashtag = False
    word, kinds = used, 0
    while position < end:
        point, size = decode_character(text, position)
        start = position
        position += size
        if in_hashtag and (
            is_word_character(point) or point == _UNDERSCORE or 0x30 <= point < 0x3A
        ):
            continue
        in_hashtag = point in (_HASH, _WIDE_HASH) and not with_hashtags and last == _SPACE
        # An apostrophe or a hyphen inside a word belongs to it.
        if point in (0x27, 0x2D, 0x2019) and last != _SPACE:
            out[used] = 0x2D if point == 0x2D else 0x27
            used += 1
            last, run = point, 1
            continue
        if not is_word_character(point):
            if last != _SPACE:
                if _is_laughter(kinds, used - word):
                    used = word
                else:
                    out[used] = _SPACE
                    used += 1
            last, run = np.int64(_SPACE), 0
            word, kinds = used, 0
            continue
        kinds |= 1 if point == _H else 2 if point == _A else 4
        # "gooood" becomes "good": inside of words these two letters are often double.
        if run > 2 and point != last and last in (_E, _O):
            out[used] = last
            used += 1
        run = run + 1 if point == last else 1
        last = point
        letters += 1
        # "sooooo" becomes "so": no language spells a letter three times in a row.
        if run > 2 and find_script(point) >= 0:
            if run == 3:
                used -= size
            continue
        out[used : used + size] = text[start:position]
        used += size
    if last != _SPACE and _is_laughter(kinds, used - word):
        used = word
    if used > begin and out[used - 1] == _SPACE:
        used -= 1
    return used, letters


@jit
def _extract_all_words(text: U8, offsets: I64) -> tuple[U8, I64]:
    out = np.empty(offsets[-1] - offsets[0] + 1, np.uint8)
    word_offsets = np.zeros(offsets.size, np.int64)
    used = int(np.int64(0))
    for post in range(offsets.size - 1):
        begin, end = offsets[post], offsets[post + 1]
        stop = used
        for with_hashtags in (False, True):
            stop, letters = _write_words(text, begin, end, out, used, with_hashtags)
            if letters >= MIN_LETTERS:
                break
        used = stop
        word_offsets[post + 1] = used
    return out[:used], word_offsets


def extract_words(posts: pl.DataFrame) -> tuple[U8, I64]:
    """Return the words of each post's ``text`` as UTF-8, joined, and the offset of each post.

    A post without a letter, or without a text, has none.
    """
    return extract_stripped_words(strip_texts(posts))


def strip_texts(posts: pl.DataFrame) -> pl.Series:
    """Return each post's ``text`` without links and mentions; an empty one where there is none."""
    return posts.select(strip_links_and_mentions("text").fill_null("")).to_series()


def extract_stripped_words(texts: pl.Series) -> tuple[U8, I64]:
    """As :func:`extract_words`, for texts that are stripped."""
    return _extract_all_words(*encode_texts(texts.str.head(MAX_CHARACTERS).str.to_lowercase()))


def gather_words(text: U8, offsets: I64, rows: I64) -> tuple[U8, I64]:
    """Return the words of some posts, as :func:`extract_words` returns those of all."""
    sizes = np.diff(offsets)[rows]
    chosen = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(sizes, out=chosen[1:])
    positions = np.arange(chosen[-1]) + np.repeat(offsets[rows] - chosen[:-1], sizes)
    return text[positions], chosen


def split_to_strings(text: U8, offsets: I64) -> list[str]:
    """Return the posts' words as a list of strings."""
    import pyarrow as pa

    array = pa.LargeStringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(text)
    )
    strings: list[str] = array.to_pylist()
    return strings
