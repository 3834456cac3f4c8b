"""Measure posts for the preset ``social``, in one pass. Importing this module imports numba."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filters.text.arrays import I32, I64, U8, U16, U64
from filters.text.hashing import FNV_OFFSET, FNV_PRIME, GOLDEN_RATIO, MIX_MULTIPLIER
from filters.text.jit import jit
from filters.text.utf8 import decode_character, encode_texts

_SPACE, _WORD, _LETTER, _NUMBER, _SYMBOL, _UNSPACED, _RUN_CHARACTER = 1, 2, 4, 8, 16, 32, 64
_LONG, _NEVER_LONG = 128, 256

# Scripts without spaces between words; there a word is about two characters long.
_UNSPACED_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_FLAG_CLASSES = {
    _SPACE: r"\s",
    _WORD: r"\w",
    _LETTER: r"\p{L}\p{M}",
    _NUMBER: r"\p{L}\p{N}",
    # Emoji are no letters, but a few of them do not make a post junk.
    _SYMBOL: r"\p{So}\p{Sk}\p{Cf}\p{Mn}",
    _UNSPACED: _UNSPACED_SCRIPTS,
    # What a stuck key or a drawn line repeats; a row of hearts, of ㅋ, of "!" expresses a mood.
    _RUN_CHARACTER: r"[\x21-\x7E--[!.?]]\x{2500}-\x{25FF}",
    # What a word that is too long is made of: letters, digits, and the signs inside addresses and
    # encoded data. Emoji, dots and commas end it.
    _LONG: r"\p{L}\p{M}\p{N}/=+%&",
    # Korean is often written without its spaces.
    _NEVER_LONG: rf"{_UNSPACED_SCRIPTS}\p{{Hangul}}",
}
_MIN_RUN = 12  # equal characters in a row; no word and no laugh has so many
# A run counts unless the post has so many letters beside its runs, and one for fifty characters of
# them: "kkkkkkkkkkkkkk boa" and "Merciiiiiiiiiiii" are words.
_LETTERS_BESIDE_RUNS, _RUN_CHARACTERS_A_LETTER = 3, 50
_NGRAM_WORDS = 3  # words that count as repeated when they occur together again
_MIN_COMPRESSED = 64  # characters, where one of a script without spaces is two
_MIN_DISTINCT_WORDS = 8  # in a shorter post the words can hardly repeat

_MAX_TABLE_SIZE = 1 << 22
_MAX_PROBES = 64

# The rows of the counts of words and repeats.
_WORDS, _UNSPACED_CHARACTERS, _LETTERS, _VISIBLE, _LONGEST_WORD, _DISTINCT_TOKENS = range(6)
_TOKENS, _IN_RUNS, _REPEATED, _CHARACTERS, _COMPRESSED_SIZE, _SQUEEZED_SIZE = range(6, 12)
_NEVER_LONG_CHARACTERS, _REPEATED_SIGNS = 12, 13
_COUNTS = 14


@cache
def _build_character_flags() -> U16:
    """Return the flags of each character; polars computes them once in a process."""
    codes = np.r_[0:0xD800, 0xE000:0x32400, 0xE0000:0xE0200]
    characters = pl.Series([chr(code) for code in codes])
    flags = np.zeros(0x110000, np.uint16)
    for flag, members in _FLAG_CLASSES.items():
        is_member = characters.str.contains(f"^[{members}]$").to_numpy()
        flags[codes] |= np.where(is_member, flag, 0).astype(np.uint16)
    return flags


def measure_posts(texts: pl.Series, words: pl.Series) -> dict[str, NDArray[Any]]:
    """Return the measures of ``texts``; ``words`` are the same as lower-case ``clean_text``."""
    flags = _build_character_flags()
    marked_words, links, mentions, hashtags, unspaced_tags = _count_marks(
        *encode_texts(texts), flags
    )
    data, offsets = encode_texts(words)
    sizes = np.diff(offsets)
    table_size = 1 << int(2 * sizes.max(initial=1) + 2).bit_length()
    counts = _count_words_and_repeats(data, offsets, flags, min(table_size, _MAX_TABLE_SIZE))
    marked_words = np.maximum(marked_words, 1)
    characters, tokens = np.maximum(counts[_CHARACTERS], 1), counts[_TOKENS]
    may_be_long = counts[_NEVER_LONG_CHARACTERS] == 0
    are_enough_words = tokens >= _MIN_DISTINCT_WORDS
    distinct_share = counts[_DISTINCT_TOKENS] / np.maximum(tokens, 1)
    squeezed = counts[_SQUEEZED_SIZE]
    compressed_share = counts[_COMPRESSED_SIZE] / np.maximum(squeezed, 1)
    own_unspaced = np.maximum(counts[_UNSPACED_CHARACTERS] - unspaced_tags, 0)
    own_words = np.maximum(counts[_WORDS] - hashtags, 0) + own_unspaced // 2
    return {
        "words": own_words,
        "single_word": (own_words == 1) & ~_find_fillers(words, own_words == 1),
        "link_share": links / marked_words,
        "mention_share": mentions / marked_words,
        "hashtag_share": hashtags / marked_words,
        "letter_share": np.minimum(counts[_LETTERS] / np.maximum(counts[_VISIBLE], 1), 1),
        "longest_word": np.where(may_be_long, counts[_LONGEST_WORD], 0),
        "longest_word_share": np.where(may_be_long, counts[_LONGEST_WORD] / characters, 0),
        "distinct_words": np.where(are_enough_words, distinct_share, 1.0),
        "run_share": counts[_IN_RUNS] / np.maximum(characters - counts[_REPEATED_SIGNS], 1),
        "repeated_share": np.where(are_enough_words, counts[_REPEATED] / characters, 0),
        "compressed": np.where(squeezed > 0, compressed_share, 1.0),
    }


# What a word alone may be that says nothing: a laugh, a sigh, thanks, ok, one letter, the notice of
# a removal.
_FILLER = (
    r"^\W*(?:lo+l+\w{0,2}|lmf?a+o+|ro+fl\w{0,5}|[mb]?[bw]?[ah]*(?:ha|ah){2,}[ah]*|(?:he){2,}h?|heh|"
    r"(?:hi){2,}|h*m{2,}|hm+|u+h+|(?:ja){2,}j?|(?:je){2,}j?|[ах]*(?:ха|ах){2,}[ах]*|(?:хе){2,}х?|"
    r"(?:хи){2,}|k{2,}|(?:rs){2,}|(?:wk){2,}w?|(?:χα){2,}χ?|ח{2,}|خ{2,}|(?:हा){2,}|(?:হা){2,}|"
    r"xd+|w{3,}|5{3,}|[ㅋㅎㅠㅜ]+|"
    r"(?:ها){2,}|ه+|mdr+|smh|ok|okay|kk?|thanks|thank|thankyou|thx+|ty|\w|removed|deleted)\W*$"
)


def _find_fillers(words: pl.Series, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of the posts that are asked for are only such a word."""
    found = np.zeros(len(words), bool)
    rows = np.flatnonzero(asked)
    if rows.size:
        found[rows] = words.gather(pl.Series(rows)).str.contains(_FILLER).to_numpy()
    return found


@jit
def _starts_with(data: U8, position: int, end: int, word: U8) -> bool:
    """Return whether the text at ``position`` is ``word``, in upper or lower case."""
    if end - position < word.size:
        return False
    for index in range(word.size):
        byte = data[position + index]
        if 65 <= byte <= 90:
            byte |= np.uint8(32)
        if byte != word[index]:
            return False
    return True


_LINK_STARTS = tuple(
    np.frombuffer(start, np.uint8)
    for start in (b"http://", b"https://", b"www.", b"pic.twitter.com/", b"t.co/")
)


@jit
def _count_marks(data: U8, offsets: I64, flags: U16) -> tuple[I64, I64, I64, I64, I64]:
    """Count for each post the words between spaces, the links, the mentions and the hashtags.

    The last count is of the hashtags' characters in scripts without spaces. There a second ``#``
    ends the hashtag, and so does any other sign; the post goes on without a space.

    A word without a letter or digit, such as an arrow or an emoji, does not count. A word has one
    link at most, since "https://www.a.example" begins as a link does in two places.
    """
    rows = offsets.size - 1
    counts = np.zeros((5, rows), np.int64)
    for row in range(rows):
        position, end = offsets[row], offsets[row + 1]
        at_word_start, is_counted, has_link, in_hashtag = True, False, False, False
        start = position  # of the hashtag
        while position < end:
            code, size = int(data[position]), 1
            if code >= 0x80:
                code, size = decode_character(data, position)
            if flags[code] & _SPACE:
                at_word_start, is_counted, has_link, in_hashtag = True, False, False, False
                position += size
                continue
            if in_hashtag and position > start and flags[code] & _WORD == 0:
                in_hashtag = False
            counts[4, row] += in_hashtag and flags[code] & _UNSPACED != 0
            if not is_counted and flags[code] & _WORD:
                counts[0, row] += 1
                is_counted = True
            if at_word_start:
                mark, after = code, position + size
                # A mention may come after a dot, a quote or a bracket.
                if code in (46, 34, 40, 0x201C) and after < end and data[after] == 64:
                    mark, after = 64, after + 1
                if mark in (64, 35, 0xFF03) and after < end:
                    following, _ = decode_character(data, after)
                    if flags[following] & _WORD:
                        in_hashtag, start = mark != 64, position
                        counts[3 if in_hashtag else 2, row] += 1
                at_word_start = False
            lower = code | 32
            if not has_link and (lower == 104 or lower == 119 or lower == 112 or lower == 116):
                for prefix in _LINK_STARTS:
                    if _starts_with(data, position, end, prefix):
                        counts[1, row] += 1
                        size, has_link = prefix.size, True
                        break
            position += size
    return counts[0], counts[1], counts[2], counts[3], counts[4]


@jit
def _count_words_and_repeats(data: U8, offsets: I64, flags: U16, table_size: int) -> I64:
    """Count what the measures of a post's own words are made of: a row for each count."""
    rows = offsets.size - 1
    counts = np.zeros((_COUNTS, rows), np.int64)
    # The hash table is shared by all posts: a slot with another stamp is free.
    hashes, stamps = np.empty(table_size, np.uint64), np.full(table_size, -1, np.int64)
    last_positions = np.full(1 << 12, -1, np.int64)
    squeezed = np.empty(offsets[rows] - offsets[0], np.int32)  # the characters of all posts
    stop = 0
    for row in range(rows):
        count = counts[:, row]
        position, end = offsets[row], offsets[row + 1]
        previous_hash, hash_before = np.uint64(0), np.uint64(0)  # of the two words before
        ngram_sizes = np.zeros(_NGRAM_WORDS, np.int64)
        skipped, begin, unspaced = 0, stop, 0
        run, previous, before = 0, np.int64(-1), np.int64(-1)
        letters_in_runs, was_sign = 0, False
        while position < end:
            # One word, up to the next space.
            value, size, is_word, long = FNV_OFFSET, 0, False, 0
            while position < end:
                code, step = np.int64(data[position]), np.int64(1)
                if code >= 0x80:
                    code, step = decode_character(data, position)
                kind = flags[code]
                if kind & _SPACE:
                    break
                value = (value ^ np.uint64(code)) * FNV_PRIME
                is_word |= kind & _NUMBER != 0
                is_unspaced = kind & _UNSPACED != 0
                count[_UNSPACED_CHARACTERS] += is_unspaced
                count[_NEVER_LONG_CHARACTERS] += kind & _NEVER_LONG != 0
                # Where a letter is as much as half a word, it counts as two.
                weight = 2 if is_unspaced else 1
                count[_LETTERS] += weight if kind & _LETTER else 0
                # A row of signs, as "!!!!!!" or ":-)", counts once: emphasis and faces do not make
                # a post less readable.
                is_sign = kind & (_LETTER | _NUMBER | _SYMBOL) == 0
                is_again = code == previous and kind & _LETTER == 0
                if kind & _SYMBOL == 0 and not (is_again or (is_sign and was_sign)):
                    count[_VISIBLE] += weight
                # "wooooo!!!!!" is a run and its emphasis.
                count[_REPEATED_SIGNS] += is_again and is_sign and kind & _RUN_CHARACTER == 0
                was_sign = is_sign
                is_new = code not in (previous, before)
                if code == previous and kind & _RUN_CHARACTER:
                    run += 1
                else:
                    if run >= _MIN_RUN:
                        count[_IN_RUNS] += run
                        letters_in_runs += run if flags[previous] & _LETTER else 0
                    run = 1
                # "hahaha" and "soooo" are as long as "has" and "so".
                if kind & _LONG == 0:
                    long = 0
                elif is_new:
                    long += 1
                    count[_LONGEST_WORD] = max(count[_LONGEST_WORD], long)
                if is_new and kind & _SYMBOL == 0:
                    squeezed[stop] = code
                    stop += 1
                    unspaced += is_unspaced
                before, previous = previous, code
                size += 1
                position += step
            if position < end:
                position += decode_character(data, position)[1]
                if stop > begin and squeezed[stop - 1] != 32:
                    squeezed[stop] = 32
                    stop += 1
                was_sign = False
            if size == 0:
                continue
            count[_CHARACTERS] += size
            if not is_word:  # a row of emoji or signs repeats no word
                continue
            count[_WORDS] += 1
            count[_TOKENS] += 1
            value ^= value >> np.uint64(32)
            count[_DISTINCT_TOKENS] += _is_new(value, hashes, stamps, 2 * row)
            # Three words that occurred before, none counted twice.
            ngram = hash_before * np.uint64(GOLDEN_RATIO) + previous_hash
            ngram = ngram * np.uint64(GOLDEN_RATIO) + value
            ngram_sizes[0], ngram_sizes[1], ngram_sizes[2] = ngram_sizes[1], ngram_sizes[2], size
            hash_before, previous_hash = previous_hash, value
            if count[_TOKENS] >= _NGRAM_WORDS:
                if skipped > 0:
                    skipped -= 1
                elif not _is_new(ngram ^ (ngram >> np.uint64(29)), hashes, stamps, 2 * row):
                    count[_REPEATED] += ngram_sizes.sum()
                    skipped = _NGRAM_WORDS - 1
        if run >= _MIN_RUN:
            count[_IN_RUNS] += run
            letters_in_runs += run if flags[previous] & _LETTER else 0
        beside = count[_LETTERS] - letters_in_runs
        if beside >= max(_LETTERS_BESIDE_RUNS, count[_IN_RUNS] // _RUN_CHARACTERS_A_LETTER):
            count[_IN_RUNS] = 0
        if stop - begin + unspaced >= _MIN_COMPRESSED:
            count[_SQUEEZED_SIZE] = stop - begin
            count[_COMPRESSED_SIZE] = _compressed_size(squeezed, begin, stop, last_positions)
    return counts


@jit
def _is_new(value: np.uint64, hashes: U64, stamps: I64, stamp: int) -> bool:
    """Return whether the post with this stamp has not had the hash before, and remember it."""
    mask = np.uint64(hashes.size - 1)
    slot = (value * MIX_MULTIPLIER >> np.uint64(20)) & mask
    # In a table too small for a giant post a hash may be forgotten; the time remains bounded.
    for _ in range(_MAX_PROBES):
        if stamps[slot] != stamp:
            hashes[slot], stamps[slot] = value, stamp
            return True
        if hashes[slot] == value:
            return False
        slot = (slot + np.uint64(1)) & mask
    return True


@jit
def _compressed_size(codes: I32, begin: int, end: int, last_positions: I64) -> int:
    """Return the size of ``codes[begin:end]`` if three of them refer to each repeat (as in LZ4)."""
    position, size = begin, 0
    while position < end:
        length = 0
        if position + 4 <= end:
            key = np.uint64(0)
            for index in range(4):
                key = (key ^ np.uint64(codes[position + index])) * FNV_PRIME
            slot = (key * MIX_MULTIPLIER) >> np.uint64(52)
            earlier = last_positions[slot]
            last_positions[slot] = position
            if earlier >= begin:
                while (
                    position + length < end and codes[earlier + length] == codes[position + length]
                ):
                    length += 1
        if length >= 4:
            position, size = position + length, size + 3
        else:
            position, size = position + 1, size + 1
    return size
