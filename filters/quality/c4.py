"""C4's rules on lines and texts (Raffel et al., 2020, section 2.2), as datatrove 0.10 reads them.

Lines that break a rule are cut, and the text is judged by the sentences of those that stay.
Importing this module imports numba, so import it where it is used.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filters.decontaminate.ngram_index import encode_texts
from filters.quality.token_kernel import I64, U8, decode_character
from filters.quality.web_rules import (
    DIGIT,
    PUNCTUATION,
    SENTENCE_STOP,
    SPACE,
    U16,
    TokenizeFunction,
    build_character_flags,
    find_line_end,
    strip_span,
)
from filters.text.jit import jit


class LineRules(NamedTuple):
    """Which lines leave."""

    min_words: int
    max_word_chars: int
    needs_terminal_mark: bool  # must end in a terminal mark
    cut_javascript: bool
    cut_policy: bool
    reject_lorem_ipsum: bool  # lorem ipsum, and a "{", refuse the whole text
    reject_curly_bracket: bool
    remove_citations: bool  # are cut out


def measure_c4(
    texts: pl.Series, cut: TokenizeFunction, rules: LineRules
) -> tuple[dict[str, NDArray[Any]], pl.Series]:
    """The measures, and the texts of the lines that stay.

    ``c4_refused`` is 1 where lorem ipsum was met first, 2 where a curly bracket was, else 0.
    """
    data, offsets = encode_texts(texts)
    settings = np.array(rules, np.int64)
    out, places, refused, kept = _keep_lines(data, offsets, build_character_flags(), settings)
    out.setflags(write=False)  # as all texts are; numba compiles once for both
    sentences = np.zeros(len(texts), np.int64)
    some = np.flatnonzero(np.diff(places))
    if some.size:
        # The texts that are empty now lie between the others without a byte of their own.
        ends = np.append(places[some], places[-1])
        ends.setflags(write=False)
        tokens = cut(out, ends)
        sentences[some] = _count_sentences(out, ends, *tokens, build_character_flags())
    import pyarrow as pa

    buffers = [None, pa.py_buffer(places.tobytes()), pa.py_buffer(out.tobytes())]
    whole = pl.Series(pa.Array.from_buffers(pa.large_string(), len(texts), buffers))
    # The first line may begin, the last one end, with what stood beside a citation.
    uneven = np.flatnonzero(_find_outer_whitespace(out, places, build_character_flags()))
    if uneven.size:
        rows = pl.Series(uneven)
        trimmed = [text.strip() for text in whole.gather(rows)]
        whole = whole.scatter(rows, pl.Series(trimmed, dtype=pl.String))
    measures: dict[str, NDArray[Any]] = {
        "c4_sentences": sentences.astype(np.uint32),
        "c4_lines": kept.astype(np.uint32),
        "c4_refused": refused,
    }
    return measures, whole


_SEARCHED_PHRASES = tuple(
    np.frombuffer(phrase, np.uint8)
    for phrase in (
        b"lorem ipsum", b"javascript", b"terms of use", b"privacy policy", b"cookie policy",
        b"uses cookies", b"use of cookies", b"use cookies",
    )
)  # fmt: skip


_STARTS_PHRASE = np.isin(np.arange(256) | 32, [phrase[0] for phrase in _SEARCHED_PHRASES])


@jit
def _find_phrases(data: U8, begin: int, end: int) -> tuple[int, bool]:
    """Which of the phrases the small letters of a line hold, a bit each; and whether a "{"."""
    found, curly = 0, False
    for at in range(begin, end):
        sign = data[at]
        curly |= sign == 123
        if not _STARTS_PHRASE[sign]:
            continue
        small = sign | 32
        for number, phrase in enumerate(_SEARCHED_PHRASES):
            if small != phrase[0]:
                continue
            place, size = at, 0
            while size < phrase.size and place < end:
                one = data[place]
                if 65 <= one <= 90:
                    one |= np.uint8(32)
                elif (
                    one == 0xE2
                    and place + 2 < end
                    and data[place + 1] == 0x84
                    and (data[place + 2] == 0xAA)
                ):  # the sign of kelvin is a "k" in small letters
                    one, place = np.uint8(107), place + 2
                if one != phrase[size]:
                    break
                place, size = place + 1, size + 1
            if size == phrase.size:
                found |= 1 << number
    return found, curly


_CITATION_MARKS = tuple(np.frombuffer(mark, np.uint8) for mark in (b"[edit]", b"[citation needed]"))


@jit
def _match_citation(data: U8, at: int, end: int, flags: U16) -> int:
    """The bytes of ``[12]``, ``[]``, ``[edit]`` or ``[citation needed]`` there, or 0."""
    if data[at] != 91:
        return 0
    place = at + 1
    while place < end:
        code, size = decode_character(data, place)
        if not flags[code] & DIGIT:
            break
        place += size
    if place < end and data[place] == 93:
        return place + 1 - at
    for mark in _CITATION_MARKS:
        if end - at >= mark.size:
            equal = True
            for step in range(mark.size):
                equal &= data[at + step] == mark[step]
            if equal:
                return mark.size
    return 0


@jit
def _count_words(data: U8, begin: int, end: int, flags: U16) -> tuple[int, int, bool]:
    """How many words a line has, the characters of the longest, and whether it holds a "["."""
    words, characters, longest, bracket = 0, 0, 0, False
    at = begin
    while at < end:
        code, size = int(data[at]), 1
        if code >= 0x80:
            code, size = decode_character(data, at)
        bracket |= code == 91
        if flags[code] & SPACE:
            longest = max(longest, characters)
            characters = 0
        else:
            characters += 1
            words += characters == 1
        at += size
    return words, max(longest, characters), bracket


@jit
def _has_terminal_mark(data: U8, begin: int, end: int) -> bool:
    """Whether a line ends in one of ``. ? ! " '`` and not in three dots."""
    if end <= begin:
        return False
    last = data[end - 1]
    if last == 46:
        return not (end - begin > 2 and data[end - 2] == 46 and data[end - 3] == 46)
    return bool(last == 33 or last == 34 or last == 39 or last == 63)


@jit
def _keep_lines(
    data: U8, offsets: I64, flags: U16, settings: I64
) -> tuple[U8, I64, NDArray[np.uint8], I64]:
    """The lines that stay, a newline between; what refused each text; how many lines stayed."""
    min_words, longest, terminal = settings[0], settings[1], settings[2]
    javascript, policy, lorem = settings[3], settings[4], settings[5]
    curly, citations = settings[6], settings[7]
    rows = offsets.size - 1
    out = np.empty(offsets[rows] - offsets[0] + 1, np.uint8)
    places, refused = np.zeros(rows + 1, np.int64), np.zeros(rows, np.uint8)
    kept = np.zeros(rows, np.int64)
    used = 0
    for row in range(rows):
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            stop, following = find_line_end(data, at, end, flags)
            first, last = strip_span(data, at, stop, flags)
            at = following
            words, most, bracket = _count_words(data, first, last, flags)
            if 0 <= longest < most or words < min_words:
                continue
            bracket &= bool(citations)
            # A citation goes with its own last sign, so what ends a line there is looked at below.
            if terminal and not bracket and not _has_terminal_mark(data, first, last):
                continue
            begin = used + (kept[row] > 0)
            size, place = begin, first
            while place < last:
                gone = _match_citation(data, place, last, flags) if bracket else 0
                if gone:
                    place += gone
                else:
                    out[size] = data[place]
                    size, place = size + 1, place + 1
            if terminal and not _has_terminal_mark(out, begin, size):
                continue
            found, bracket = _find_phrases(out, begin, size)
            if lorem and found & 1 and not refused[row]:
                refused[row] = 1
            if javascript and found & 2:
                continue
            if curly and bracket and not refused[row]:
                refused[row] = 2
            if policy and found > 3:
                continue
            if kept[row]:
                out[used] = 10
            kept[row] += 1
            used = size
        places[row + 1] = used
    return out[: max(used, 1)].copy(), places, refused, kept


@jit
def _count_sentences(
    data: U8, offsets: I64, starts: I64, ends: I64, places: I64, flags: U16
) -> I64:  # fmt: skip
    """How many sentences spaCy's sentencizer finds, line by line."""
    counts = np.zeros(offsets.size - 1, np.int64)
    for row in range(offsets.size - 1):
        last, over, begun = offsets[row], False, False
        for token in range(places[row], places[row + 1]):
            begin, end = starts[token], ends[token]
            lines = False
            for at in range(last, begin):
                lines |= data[at] == 10
            if lines or not begun:
                counts[row] += 1
                over, begun = False, True
            elif over and not (begin == last or (begin == last + 1 and data[last] == 32)):
                # More than one space is a token too, and begins a sentence.
                counts[row] += 1
                over = False
            code, size = decode_character(data, begin)
            stop = size == end - begin and flags[code] & SENTENCE_STOP != 0
            signs, at = True, begin
            while at < end:
                code, size = decode_character(data, at)
                signs &= flags[code] & PUNCTUATION != 0
                at += size
            if over and not signs and not stop:
                counts[row] += 1
                over = False
            elif stop:
                over = True
            last = end
    return counts


@jit
def _find_outer_whitespace(data: U8, places: I64, flags: U16) -> NDArray[np.bool_]:
    """Which texts have white space at an end."""
    found = np.zeros(places.size - 1, np.bool_)
    for row in range(places.size - 1):
        begin, end = strip_span(data, places[row], places[row + 1], flags)
        found[row] = begin > places[row] or end < places[row + 1]
    return found
