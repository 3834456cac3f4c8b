"""Measure what the published web rules compare: Gopher and FineWeb, as datatrove 0.10 reads them.

Every measure is a number of one text, in double precision, so that a threshold decides as Python's
own arithmetic does; a ratio to nothing is 0. Importing this module imports numba, so import it
where it is used.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filters.quality import repetition
from filters.quality.tokens import TokenBounds, TokenizeFunction
from filters.text.arrays import F64, I64, U8, U16
from filters.text.jit import jit
from filters.text.utf8 import (
    count_characters,
    decode_character,
    decode_character_before,
    encode_texts,
)

# What a character is to the rules. PUNCTUATION is Unicode's category, DATATROVE_PUNCTUATION the
# list below.
SPACE, LINE_BREAK, LETTER, DATATROVE_PUNCTUATION, PUNCTUATION = 1, 2, 4, 8, 16
LINE_STOP, SENTENCE_STOP, DIGIT = 32, 64, 128

# From datatrove/utils/text.py (Apache-2.0), as code points: PUNCTUATION, TERMINAL_PUNCTUATION.
# The second ends a line in FineWeb; a token of both together is no word in Gopher.
_PUNCTUATION = (
    "0-8 B-1F 21-2F 3A-40 5B-60 7B-9F AB B4 BB 2013-2014 2019 201C-201E 2026 2236 2501 25BA "
    "3001-3002 3008-300D 3010-3011 FF01 FF05 FF08-FF09 FF0C FF0E FF11 FF1A-FF1B FF1F FF5E"
)
# These end a sentence for spaCy's sentencizer (MIT) as well,
_FULL_STOPS = (
    "21 2E 3F 589 61F 6D4 700-702 7F9 964-965 104A-104B 1362 1367-1368 166E 1735-1736 1803 1809 "
    "1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1C3B-1C3C 1C7E-1C7F 203C-203D 2047-2049 2E2E 2E3C "
    "3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB "
    "FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 11047-11048 110BE-110C1 11141-11143 "
    "111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3 "
    "115C9-115D7 11641-11642 1173C-1173E 11A42-11A43 11A9B-11A9C 11C41-11C42 16A6E-16A6F 16AF5 "
    "16B37-16B38 16B44 1BC9F 1DA88"
)
# and these only a line.
_LINE_STOPS = (
    "61D-61E 837 839 83D-83E 17D4-17D6 17D9-17DA 1B7D-1B7E 2E53-2E54 10F55-10F59 10F86-10F89 "
    "11944 11946 11EF7-11EF8 11F43-11F44 16E98"
)
_LAST_ASSIGNED = 0x32400  # the code points from here on are no letters and no punctuation


def _parse_code_ranges(listed: str) -> list[int]:
    ranges = [tuple(int(end, 16) for end in part.split("-")) for part in listed.split()]
    return [code for each in ranges for code in range(each[0], each[-1] + 1)]


@cache
def build_character_flags() -> U16:
    """Return the flags of each character, by Python's Unicode tables, which datatrove uses too."""
    flags = np.zeros(0x110000, np.uint16)
    for code in range(_LAST_ASSIGNED):
        character = chr(code)
        category = unicodedata.category(character)
        flags[code] = (
            SPACE * character.isspace()
            | LINE_BREAK * (len(f"a{character}a".splitlines()) > 1)
            | LETTER * character.isalpha()
            | PUNCTUATION * category.startswith("P")
            | DIGIT * (category == "Nd")
        )
    flags[_parse_code_ranges(_PUNCTUATION)] |= DATATROVE_PUNCTUATION
    flags[_parse_code_ranges(_FULL_STOPS)] |= DATATROVE_PUNCTUATION | LINE_STOP | SENTENCE_STOP
    flags[_parse_code_ranges(_LINE_STOPS)] |= DATATROVE_PUNCTUATION | LINE_STOP
    return flags


def measure_gopher(texts: pl.Series, tokenize: TokenizeFunction) -> dict[str, NDArray[Any]]:
    """Return the measures of Gopher's quality rules (Rae et al., 2021, A1.1)."""
    data, offsets = encode_texts(texts)
    counts = _count_gopher(data, offsets, tokenize(data, offsets), build_character_flags())
    return {
        "gopher_words": counts[_WORDS].astype(np.uint32),
        "mean_word_chars": _divide(counts[_WORD_CHARACTERS], counts[_WORDS]),
        "hashes_per_word": _divide(counts[_HASHES], counts[_TOKENS]),
        "ellipses_per_word": _divide(counts[_ELLIPSES], counts[_TOKENS]),
        "bullet_lines": _divide(counts[_BULLET_LINES], counts[_LINES]),
        "ellipsis_lines": _divide(counts[_ELLIPSIS_LINES], counts[_LINES]),
        "alphabetic_words": _divide(counts[_ALPHABETIC_TOKENS], counts[_TOKENS]),
        "stop_words": counts[_DISTINCT_STOP_WORDS].astype(np.uint8),
    }


def measure_gopher_repetition(
    texts: pl.Series, tokenize: TokenizeFunction
) -> dict[str, NDArray[Any]]:
    """Return the measures of Gopher's repetition rules (Rae et al., 2021, table A1)."""
    data, offsets = encode_texts(texts)
    sizes = texts.str.len_chars().to_numpy()
    measures: dict[str, NDArray[Any]] = {"text_chars": sizes}
    for name, newlines in (("paragraph", 2), ("line", 1)):
        pieces = _split_pieces(data, offsets, build_character_flags(), newlines)
        repeats, characters = repetition.count_duplicates(data, *pieces)
        piece_counts = np.diff(pieces[2])
        measures[f"duplicate_{name}s"] = _divide(repeats, piece_counts)
        measures[f"duplicate_{name}_chars"] = _divide(characters, sizes)
    top, duplicate = repetition.count_ngrams(data, offsets, tokenize(data, offsets))
    for row, size in enumerate(repetition.TOP_NGRAM_SIZES):
        measures[f"top_{size}_gram"] = _divide(top[row], sizes)
    for row, size in enumerate(repetition.DUPLICATE_NGRAM_SIZES):
        measures[f"duplicate_{size}_grams"] = _divide(duplicate[row], sizes)
    return measures


def measure_fineweb(
    texts: pl.Series, tokenize: TokenizeFunction, short_line_length: int
) -> dict[str, NDArray[Any]]:
    """Return the measures of FineWeb's rules (Penedo et al., 2024, section 3.6)."""
    data, offsets = encode_texts(texts)
    flags = build_character_flags()
    lines, punctuated, short, newlines = _count_fineweb(data, offsets, flags, short_line_length)
    repeated, newlines_per_word = np.zeros(len(texts)), np.zeros(len(texts))
    # A text of one line repeats none, and has no newline, however many words it has.
    several = np.flatnonzero(newlines)
    if several.size:
        selected = texts.gather(pl.Series(several))
        data, offsets = encode_texts(selected)
        _, characters = repetition.count_duplicates(data, *_split_pieces(data, offsets, flags, 0))
        sizes = selected.str.len_chars().to_numpy()
        repeated[several] = _divide(characters, sizes - newlines[several])
        token_counts = np.diff(tokenize(data, offsets).text_offsets)
        newlines_per_word[several] = _divide(newlines[several], token_counts)
    return {
        "lines": lines.astype(np.uint32),
        "punctuated_lines": _divide(punctuated, lines),
        "short_lines": _divide(short, lines),
        "line_repeats": repeated,
        "newlines_per_word": newlines_per_word,
    }


def _divide(part: NDArray[Any], whole: NDArray[Any]) -> F64:
    """Divide as Python does; 0 if ``whole`` is 0."""
    return np.where(whole > 0, part / np.maximum(whole, 1), 0.0)


@jit
def find_line_end(data: U8, position: int, end: int, flags: U16) -> tuple[Any, Any]:
    """Return the end of the line at ``position``, by ``str.splitlines``, and the next line."""
    while position < end:
        code, size = decode_character(data, position)
        if flags[code] & LINE_BREAK:
            is_crlf = code == 13 and position + 1 < end and data[position + 1] == 10
            return np.int64(position), np.int64(position + 2 if is_crlf else position + size)
        position += size
    return np.int64(end), np.int64(end)


@jit
def strip_span(data: U8, begin: int, end: int, flags: U16) -> tuple[Any, Any]:
    """Return ``begin`` and ``end`` without white space at the ends."""
    while begin < end:
        code, size = decode_character(data, begin)
        if not flags[code] & SPACE:
            break
        begin += size
    while end > begin:
        code, size = decode_character_before(data, end)
        if not flags[code] & SPACE:
            break
        end -= size
    return np.int64(begin), np.int64(end)


@jit
def equals_word(data: U8, begin: int, end: int, word: U8) -> bool:
    """Return whether ``data[begin:end]`` is ``word``."""
    equal = bool(end - begin == word.size)
    for index in range(word.size if equal else 0):
        equal &= bool(data[begin + index] == word[index])
    return equal


_STOP_WORDS = tuple(
    np.frombuffer(word.encode(), np.uint8)
    for word in ("the", "be", "to", "of", "and", "that", "have", "with")
)

# The rows of Gopher's counts. A word is a token that is more than punctuation.
_TOKENS, _WORDS, _WORD_CHARACTERS, _HASHES, _ELLIPSES = 0, 1, 2, 3, 4
_LINES, _BULLET_LINES, _ELLIPSIS_LINES, _ALPHABETIC_TOKENS, _DISTINCT_STOP_WORDS = 5, 6, 7, 8, 9


@jit
def _count_gopher(data: U8, offsets: I64, tokens: TokenBounds, flags: U16) -> I64:
    """Count what Gopher's measures are made of: a row for each count, a column for each text."""
    starts, ends, text_offsets = tokens
    counts = np.zeros((10, offsets.size - 1), np.int64)
    for row in range(offsets.size - 1):
        count = counts[:, row]
        begin, end = offsets[row], offsets[row + 1]
        count[_TOKENS] = text_offsets[row + 1] - text_offsets[row]
        stop_words = 0  # one bit each
        for token in range(text_offsets[row], text_offsets[row + 1]):
            start, stop = starts[token], ends[token]
            size, kinds, is_word = 0, 0, False
            position = start
            while position < stop:
                code, step = decode_character(data, position)
                kinds |= flags[code]
                is_word |= flags[code] & DATATROVE_PUNCTUATION == 0
                size += 1
                position += step
            count[_WORDS] += is_word
            count[_WORD_CHARACTERS] += size * is_word
            count[_ALPHABETIC_TOKENS] += kinds & LETTER != 0
            if 2 <= stop - start <= 4:
                for number, word in enumerate(_STOP_WORDS):
                    if equals_word(data, start, stop, word):
                        stop_words |= 1 << number
        while stop_words:
            count[_DISTINCT_STOP_WORDS] += stop_words & 1
            stop_words >>= 1
        dots = 0
        for position in range(begin, end):
            byte = data[position]
            count[_HASHES] += byte == 35
            dots = dots + 1 if byte == 46 else 0
            # Three dots count as one ellipsis; the character is E2 80 A6 in UTF-8.
            count[_ELLIPSES] += dots > 0 and dots % 3 == 0
            if byte == 0xA6 and position - begin > 1:
                count[_ELLIPSES] += data[position - 1] == 0x80 and data[position - 2] == 0xE2
        position = begin
        while position < end:
            stop, following = find_line_end(data, position, end, flags)
            first, last = strip_span(data, position, stop, flags)
            position = following
            count[_LINES] += 1
            if first == last:
                continue
            code, _ = decode_character(data, first)
            count[_BULLET_LINES] += code == 0x2022 or code == 45
            code, _ = decode_character_before(data, last)
            follows_dots = last - first > 2 and data[last - 2] == 46 and data[last - 3] == 46
            count[_ELLIPSIS_LINES] += code == 0x2026 or (code == 46 and follows_dots)
    return counts


@jit
def _split_pieces(data: U8, offsets: I64, flags: U16, newlines: int) -> tuple[I64, I64, I64]:
    """Split texts at runs of ``newlines`` or more newlines; 0 splits into lines with a character.

    Returns starts, ends, and the offsets of texts in them. As datatrove splits: paragraphs of the
    text without white space at its ends, lines of the text as it is.
    """
    rows = offsets.size - 1
    max_pieces = rows
    for position in range(offsets[0], offsets[rows]):
        max_pieces += data[position] == 10
    starts, ends = np.empty(max_pieces, np.int64), np.empty(max_pieces, np.int64)
    piece_offsets = np.zeros(rows + 1, np.int64)
    count = 0
    for row in range(rows):
        position, end = offsets[row], offsets[row + 1]
        if newlines == 2:
            position, end = strip_span(data, position, end, flags)
        begin = position
        while position <= end:
            run_end = position
            while run_end < end and data[run_end] == 10:
                run_end += 1
            is_separator = run_end > position and run_end - position >= newlines
            if position == end or is_separator:
                first, last = begin, position
                if not newlines:
                    first, last = strip_span(data, begin, position, flags)
                if newlines or first < last:
                    starts[count], ends[count] = begin, position
                    count += 1
                begin = run_end
            if position == end:
                break
            position = max(run_end, position + 1)
        piece_offsets[row + 1] = count
    return starts[:count].copy(), ends[:count].copy(), piece_offsets


@jit
def _count_fineweb(data: U8, offsets: I64, flags: U16, short: int) -> tuple[I64, I64, I64, I64]:
    """Count lines with a character, those that end in a stop, short ones, and newlines."""
    rows = offsets.size - 1
    counts = np.zeros((4, rows), np.int64)
    for row in range(rows):
        begin, end = offsets[row], offsets[row + 1]
        position = begin
        while position <= end:
            if position < end and data[position] != 10:
                position += 1
                continue
            first, last = strip_span(data, begin, position, flags)
            if first < last:
                code, _ = decode_character_before(data, position)
                counts[0, row] += 1
                counts[1, row] += flags[code] & LINE_STOP != 0
                is_short = position - begin <= short
                counts[2, row] += is_short or count_characters(data, begin, position) <= short
            counts[3, row] += position < end
            position += 1
            begin = position
    return counts[0], counts[1], counts[2], counts[3]
