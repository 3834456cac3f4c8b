"""Apply C4's rules to lines and texts (Raffel et al., 2020, section 2.2), as datatrove 0.10 does.

Lines that break a rule are removed, and the text is measured by the sentences of the other lines.
Importing this module imports numba, so import it where it is used.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filters.quality.tokens import TokenBounds, TokenizeFunction
from filters.quality.web_rules import (
    DIGIT,
    PUNCTUATION,
    SENTENCE_STOP,
    SPACE,
    build_character_flags,
    find_line_end,
    strip_span,
)
from filters.text.arrays import I64, U8, U16, Booleans
from filters.text.jit import jit
from filters.text.rows import change_where
from filters.text.utf8 import decode_character, encode_texts


class LineRules(NamedTuple):
    """Which lines are removed, and what rejects a text."""

    min_words: int
    max_word_chars: int  # -1: any
    needs_terminal_mark: bool
    cut_javascript: bool
    cut_policy: bool
    reject_lorem_ipsum: bool
    reject_curly_bracket: bool
    remove_citations: bool  # from the lines that are kept


_LOREM_IPSUM_FIRST, _CURLY_BRACKET_FIRST = 1, 2


def measure_c4(
    texts: pl.Series, tokenize: TokenizeFunction, rules: LineRules
) -> tuple[dict[str, NDArray[Any]], pl.Series]:
    """Return the measures, and the texts of the lines that are kept.

    ``c4_refused`` is 1 where lorem ipsum was found first, 2 where a curly bracket was, else 0.
    """
    data, offsets = encode_texts(texts)
    flags = build_character_flags()
    kept, kept_offsets, refused, lines = _keep_lines(data, offsets, flags, rules)
    kept.setflags(write=False)  # as all texts are; numba compiles once for both
    sentences = np.zeros(len(texts), np.int64)
    nonempty = np.flatnonzero(np.diff(kept_offsets))
    if nonempty.size:
        # The empty texts between the others have no bytes, so their offsets can be omitted.
        nonempty_offsets = np.append(kept_offsets[nonempty], kept_offsets[-1])
        nonempty_offsets.setflags(write=False)
        tokens = tokenize(kept, nonempty_offsets)
        sentences[nonempty] = _count_sentences(kept, nonempty_offsets, tokens, flags)
    measures: dict[str, NDArray[Any]] = {
        "c4_sentences": sentences.astype(np.uint32),
        "c4_lines": lines.astype(np.uint32),
        "c4_refused": refused,
    }
    # A citation that was removed may have left its space at either end of a text.
    uneven = pl.Series(_find_outer_whitespace(kept, kept_offsets, flags))
    rewritten = _decode_texts(kept, kept_offsets)
    return measures, change_where(rewritten, uneven, lambda some: [text.strip() for text in some])


def _decode_texts(data: U8, offsets: I64) -> pl.Series:
    import pyarrow as pa

    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(data.tobytes())]
    return pl.Series(pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers))


# A line with the first phrase rejects the text, one with the second is javascript, and one with any
# other is a policy.
_SEARCHED_PHRASES = tuple(
    np.frombuffer(phrase, np.uint8)
    for phrase in (
        b"lorem ipsum",
        b"javascript",
        b"terms of use",
        b"privacy policy",
        b"cookie policy",
        b"uses cookies",
        b"use of cookies",
        b"use cookies",
    )
)
_LOREM_IPSUM, _JAVASCRIPT = 1, 2  # bits of the first two phrases


_STARTS_PHRASE = np.isin(np.arange(256) | 32, [phrase[0] for phrase in _SEARCHED_PHRASES])


@jit
def _find_phrases(data: U8, begin: int, end: int) -> tuple[int, bool]:
    """Return which phrases a line contains in any case, a bit each, and whether it has a "{"."""
    found, has_curly_bracket = 0, False
    for start in range(begin, end):
        byte = data[start]
        has_curly_bracket |= byte == 123
        if not _STARTS_PHRASE[byte]:
            continue
        lower = byte | 32
        for number, phrase in enumerate(_SEARCHED_PHRASES):
            if lower != phrase[0]:
                continue
            position, matched = start, 0
            while matched < phrase.size and position < end:
                letter = data[position]
                if 65 <= letter <= 90:
                    letter |= np.uint8(32)
                elif (
                    letter == 0xE2
                    and position + 2 < end
                    and data[position + 1] == 0x84
                    and data[position + 2] == 0xAA
                ):  # the lower case of the Kelvin sign is "k"
                    letter, position = np.uint8(107), position + 2
                if letter != phrase[matched]:
                    break
                position, matched = position + 1, matched + 1
            if matched == phrase.size:
                found |= 1 << number
    return found, has_curly_bracket


_CITATION_MARKS = tuple(np.frombuffer(mark, np.uint8) for mark in (b"[edit]", b"[citation needed]"))


@jit
def _match_citation(data: U8, begin: int, end: int, flags: U16) -> int:
    """Return the bytes of a citation at ``begin``, or 0.

    ``[12]``, ``[]``, ``[edit]`` and ``[citation needed]`` are citations.
    """
    if data[begin] != 91:
        return 0
    position = begin + 1
    while position < end:
        code, size = decode_character(data, position)
        if not flags[code] & DIGIT:
            break
        position += size
    if position < end and data[position] == 93:
        return position + 1 - begin
    for mark in _CITATION_MARKS:
        if end - begin >= mark.size:
            equal = True
            for index in range(mark.size):
                equal &= data[begin + index] == mark[index]
            if equal:
                return mark.size
    return 0


@jit
def _count_words(data: U8, begin: int, end: int, flags: U16) -> tuple[int, int, bool]:
    """Return the words of a line, the characters of the longest, and whether it has a "["."""
    words, characters, longest, has_bracket = 0, 0, 0, False
    position = begin
    while position < end:
        code, size = int(data[position]), 1
        if code >= 0x80:
            code, size = decode_character(data, position)
        has_bracket |= code == 91
        if flags[code] & SPACE:
            longest = max(longest, characters)
            characters = 0
        else:
            characters += 1
            words += characters == 1
        position += size
    return words, max(longest, characters), has_bracket


@jit
def _has_terminal_mark(data: U8, begin: int, end: int) -> bool:
    """Return whether a line ends in one of ``. ? ! " '`` and not in three dots."""
    if end <= begin:
        return False
    last = data[end - 1]
    if last == 46:
        return not (end - begin > 2 and data[end - 2] == 46 and data[end - 3] == 46)
    return bool(last == 33 or last == 34 or last == 39 or last == 63)


@jit
def _keep_lines(
    data: U8, offsets: I64, flags: U16, rules: LineRules
) -> tuple[U8, I64, NDArray[np.uint8], I64]:
    """Return the kept lines of all texts, the offset of each text, what refused it, and its lines.

    One newline separates two lines.
    """
    rows = offsets.size - 1
    out = np.empty(offsets[rows] - offsets[0] + 1, np.uint8)
    out_offsets, refused = np.zeros(rows + 1, np.int64), np.zeros(rows, np.uint8)
    kept = np.zeros(rows, np.int64)
    used = 0
    for row in range(rows):
        position, end = offsets[row], offsets[row + 1]
        while position < end:
            stop, following = find_line_end(data, position, end, flags)
            first, last = strip_span(data, position, stop, flags)
            position = following
            words, longest, has_bracket = _count_words(data, first, last, flags)
            if 0 <= rules.max_word_chars < longest or words < rules.min_words:
                continue
            may_have_citation = has_bracket and rules.remove_citations
            # A citation takes its own last sign with it, so such a line's end is checked below.
            if (
                rules.needs_terminal_mark
                and not may_have_citation
                and not _has_terminal_mark(data, first, last)
            ):
                continue
            begin = used + (kept[row] > 0)
            size, source = begin, first
            while source < last:
                citation = _match_citation(data, source, last, flags) if may_have_citation else 0
                if citation:
                    source += citation
                else:
                    out[size] = data[source]
                    size, source = size + 1, source + 1
            if rules.needs_terminal_mark and not _has_terminal_mark(out, begin, size):
                continue
            phrases, has_curly_bracket = _find_phrases(out, begin, size)
            if rules.reject_lorem_ipsum and phrases & _LOREM_IPSUM and not refused[row]:
                refused[row] = _LOREM_IPSUM_FIRST
            if rules.cut_javascript and phrases & _JAVASCRIPT:
                continue
            if rules.reject_curly_bracket and has_curly_bracket and not refused[row]:
                refused[row] = _CURLY_BRACKET_FIRST
            if rules.cut_policy and phrases > (_LOREM_IPSUM | _JAVASCRIPT):
                continue
            if kept[row]:
                out[used] = 10
            kept[row] += 1
            used = size
        out_offsets[row + 1] = used
    return out[: max(used, 1)].copy(), out_offsets, refused, kept


@jit
def _count_sentences(data: U8, offsets: I64, tokens: TokenBounds, flags: U16) -> I64:
    """Count the sentences that spaCy's sentencizer finds, line by line."""
    starts, ends, text_offsets = tokens
    counts = np.zeros(offsets.size - 1, np.int64)
    for row in range(offsets.size - 1):
        last_end, follows_stop, has_begun = offsets[row], False, False
        for token in range(text_offsets[row], text_offsets[row + 1]):
            begin, end = starts[token], ends[token]
            has_newline = False
            for position in range(last_end, begin):
                has_newline |= data[position] == 10
            is_adjacent = begin == last_end or (begin == last_end + 1 and data[last_end] == 32)
            if has_newline or not has_begun:
                counts[row] += 1
                follows_stop, has_begun = False, True
            elif follows_stop and not is_adjacent:
                # More than one space is a token for spaCy, and begins a sentence.
                counts[row] += 1
                follows_stop = False
            code, size = decode_character(data, begin)
            is_stop = size == end - begin and flags[code] & SENTENCE_STOP != 0
            is_punctuation, position = True, begin
            while position < end:
                code, size = decode_character(data, position)
                is_punctuation &= flags[code] & PUNCTUATION != 0
                position += size
            if follows_stop and not is_punctuation and not is_stop:
                counts[row] += 1
                follows_stop = False
            elif is_stop:
                follows_stop = True
            last_end = end
    return counts


@jit
def _find_outer_whitespace(data: U8, offsets: I64, flags: U16) -> Booleans:
    """Return which texts have white space at an end."""
    found = np.zeros(offsets.size - 1, np.bool_)
    for row in range(offsets.size - 1):
        begin, end = strip_span(data, offsets[row], offsets[row + 1], flags)
        found[row] = begin > offsets[row] or end < offsets[row + 1]
    return found
