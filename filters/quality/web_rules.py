"""What the published web rules measure: Gopher, C4 and FineWeb, each as datatrove 0.10 reads it.

Every measure is a number of one text, in double precision, so that a threshold decides as Python's
own arithmetic does; a ratio to nothing is 0. Importing this module imports numba, so import it
where it is used.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filters.decontaminate.ngram_index import encode_texts
from filters.quality import repetition
from filters.quality.token_kernel import U8, decode_character, decode_character_before
from filters.quality.tokens import TokenBounds
from filters.text.jit import jit

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U16 = NDArray[np.uint16]
TokenizeFunction = Callable[[U8, I64], TokenBounds]

SPACE, LINE_BREAK, LETTER, DATATROVE_PUNCTUATION, PUNCTUATION, LINE_STOP, SENTENCE_STOP, DIGIT = (
    1,
    2,
    4,
    8,
    16,
    32,
    64,
    128,
)

# From datatrove/utils/text.py (Apache-2.0), as code points: PUNCTUATION, TERMINAL_PUNCTUATION.
# The second parts a line's end in FineWeb; both together are what makes no word in Gopher.
_PUNCTUATION = (
    "0-8 B-1F 21-2F 3A-40 5B-60 7B-9F AB B4 BB 2013-2014 2019 201C-201E 2026 2236 2501 25BA "
    "3001-3002 3008-300D 3010-3011 FF01 FF05 FF08-FF09 FF0C FF0E FF11 FF1A-FF1B FF1F FF5E"
)
# These end a sentence for spaCy's sentencizer (MIT) as well ...
_FULL_STOPS = (
    "21 2E 3F 589 61F 6D4 700-702 7F9 964-965 104A-104B 1362 1367-1368 166E 1735-1736 1803 1809 "
    "1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1C3B-1C3C 1C7E-1C7F 203C-203D 2047-2049 2E2E 2E3C "
    "3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB "
    "FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 11047-11048 110BE-110C1 11141-11143 "
    "111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3 "
    "115C9-115D7 11641-11642 1173C-1173E 11A42-11A43 11A9B-11A9C 11C41-11C42 16A6E-16A6F 16AF5 "
    "16B37-16B38 16B44 1BC9F 1DA88"
)
# ... and these only a line.
_LINE_STOPS = (
    "61D-61E 837 839 83D-83E 17D4-17D6 17D9-17DA 1B7D-1B7E 2E53-2E54 10F55-10F59 10F86-10F89 "
    "11944 11946 11EF7-11EF8 11F43-11F44 16E98"
)
_LAST_ASSIGNED = 0x32400  # what lies behind is no letter and no punctuation


def _parse_code_ranges(listed: str) -> list[int]:
    spans = [tuple(int(end, 16) for end in span.split("-")) for span in listed.split()]
    return [code for span in spans for code in range(span[0], span[-1] + 1)]


@cache
def build_character_flags() -> U16:
    """What each character is, by Python's own Unicode tables, which datatrove asks too."""
    found = np.zeros(0x110000, np.uint16)
    for code in range(_LAST_ASSIGNED):
        sign = chr(code)
        found[code] = (
            SPACE * sign.isspace()
            | LINE_BREAK * (len(f"a{sign}a".splitlines()) > 1)
            | LETTER * sign.isalpha()
            | PUNCTUATION * unicodedata.category(sign).startswith("P")
            | DIGIT * (unicodedata.category(sign) == "Nd")
        )
    found[_parse_code_ranges(_PUNCTUATION)] |= DATATROVE_PUNCTUATION
    found[_parse_code_ranges(_FULL_STOPS)] |= DATATROVE_PUNCTUATION | LINE_STOP | SENTENCE_STOP
    found[_parse_code_ranges(_LINE_STOPS)] |= DATATROVE_PUNCTUATION | LINE_STOP
    return found


def measure_gopher(texts: pl.Series, cut: TokenizeFunction) -> dict[str, NDArray[Any]]:
    """The measures of Gopher's quality rules (Rae et al., 2021, A1.1)."""
    data, offsets = encode_texts(texts)
    tokens = cut(data, offsets)
    counts = np.zeros((len(texts), 11), np.int64)
    _count_gopher(data, offsets, *tokens, build_character_flags(), counts)
    words, real, characters, hashes, ellipses, lines, bullets, ends, alphabetic, stops = counts[
        :, :10
    ].T
    return {
        "gopher_words": real.astype(np.uint32),
        "mean_word_chars": _divide(characters, real),
        "hashes_per_word": _divide(hashes, words),
        "ellipses_per_word": _divide(ellipses, words),
        "bullet_lines": _divide(bullets, lines),
        "ellipsis_lines": _divide(ends, lines),
        "alphabetic_words": _divide(alphabetic, words),
        "stop_words": stops.astype(np.uint8),
    }


def measure_gopher_repetition(texts: pl.Series, cut: TokenizeFunction) -> dict[str, NDArray[Any]]:
    """The measures of Gopher's repetition rules (Rae et al., 2021, table A1)."""
    data, offsets = encode_texts(texts)
    sizes = texts.str.len_chars().to_numpy()
    found: dict[str, NDArray[Any]] = {"text_chars": sizes}
    for name, newlines in (("paragraph", 2), ("line", 1)):
        pieces = _split_pieces(data, offsets, build_character_flags(), newlines)
        again, characters = repetition.count_duplicates(data, *pieces)
        found[f"duplicate_{name}s"] = _divide(again, np.diff(pieces[2]))
        found[f"duplicate_{name}_chars"] = _divide(characters, sizes)
    top, duplicate = repetition.count_ngrams(data, offsets, cut(data, offsets))
    for size in repetition.TOP_NGRAM_SIZES:
        found[f"top_{size}_gram"] = _divide(top[size - 2], sizes)
    for size in repetition.DUPLICATE_NGRAM_SIZES:
        found[f"duplicate_{size}_grams"] = _divide(duplicate[size - 5], sizes)
    return found


def measure_fineweb(
    texts: pl.Series, cut: TokenizeFunction, short_line_length: int
) -> dict[str, NDArray[Any]]:
    """The measures of FineWeb's rules (Penedo et al., 2024, section 3.6)."""
    data, offsets = encode_texts(texts)
    lines, punctuated, short, newlines = _count_fineweb(
        data, offsets, build_character_flags(), short_line_length
    )
    repeats, lists = np.zeros(len(texts)), np.zeros(len(texts))
    # A text of one line repeats none, and has no newline, however many words it has.
    several = np.flatnonzero(newlines)
    if several.size:
        chosen = texts.gather(pl.Series(several))
        data, offsets = encode_texts(chosen)
        _, characters = repetition.count_duplicates(
            data, *_split_pieces(data, offsets, build_character_flags(), 0)
        )
        sizes = chosen.str.len_chars().to_numpy()
        repeats[several] = _divide(characters, sizes - newlines[several])
        lists[several] = _divide(newlines[several], np.diff(cut(data, offsets).text_offsets))
    return {
        "lines": lines.astype(np.uint32),
        "punctuated_lines": _divide(punctuated, lines),
        "short_lines": _divide(short, lines),
        "line_repeats": repeats,
        "newlines_per_word": lists,
    }


def _divide(part: NDArray[Any], whole: NDArray[Any]) -> F64:
    """As Python divides; 0 of nothing."""
    return np.where(whole > 0, part / np.maximum(whole, 1), 0.0)


@jit
def find_line_end(data: U8, at: int, end: int, flags: U16) -> tuple[Any, Any]:
    """Where the line that begins there ends, as ``str.splitlines`` has it, and the next begins."""
    while at < end:
        code, size = decode_character(data, at)
        if flags[code] & LINE_BREAK:
            both = code == 13 and at + 1 < end and data[at + 1] == 10
            return np.int64(at), np.int64(at + 2 if both else at + size)
        at += size
    return np.int64(end), np.int64(end)


@jit
def strip_span(data: U8, begin: int, end: int, flags: U16) -> tuple[Any, Any]:
    """The span without white space at its ends."""
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
def count_characters(data: U8, begin: int, end: int) -> int:
    """The characters of a span."""
    count = 0
    for at in range(begin, end):
        count += data[at] & 0xC0 != 0x80
    return count


@jit
def equals_word(data: U8, begin: int, end: int, word: U8) -> bool:
    """Whether the span is the word."""
    equal = bool(end - begin == word.size)
    for at in range(word.size if equal else 0):
        equal &= bool(data[begin + at] == word[at])
    return equal


_STOP_WORDS = tuple(
    np.frombuffer(word.encode(), np.uint8)
    for word in ("the", "be", "to", "of", "and", "that", "have", "with")
)


@jit
def _count_gopher(
    data: U8, offsets: I64, starts: I64, ends: I64, places: I64, flags: U16, counts: I64
) -> None:
    for row in range(offsets.size - 1):
        found = counts[row]
        begin, end = offsets[row], offsets[row + 1]
        found[0] = places[row + 1] - places[row]
        seen = 0
        for token in range(places[row], places[row + 1]):
            start, stop = starts[token], ends[token]
            size, kinds, real = 0, 0, False
            at = start
            while at < stop:
                code, step = decode_character(data, at)
                kinds |= flags[code]
                real |= flags[code] & DATATROVE_PUNCTUATION == 0
                size += 1
                at += step
            found[1] += real
            found[2] += size * real
            found[8] += kinds & LETTER != 0
            if 2 <= stop - start <= 4:
                for number, word in enumerate(_STOP_WORDS):
                    if equals_word(data, start, stop, word):
                        seen |= 1 << number
        while seen:
            found[9] += seen & 1
            seen >>= 1
        dots = 0
        for at in range(begin, end):
            sign = data[at]
            found[3] += sign == 35
            dots = dots + 1 if sign == 46 else 0
            # Dots count in threes, an ellipsis is E2 80 A6.
            found[4] += dots > 0 and dots % 3 == 0
            found[4] += (
                sign == 0xA6 and at - begin > 1 and data[at - 1] == 0x80 and (data[at - 2] == 0xE2)
            )
        at = begin
        while at < end:
            stop, following = find_line_end(data, at, end, flags)
            first, last = strip_span(data, at, stop, flags)
            at = following
            found[5] += 1
            if first == last:
                continue
            code, _ = decode_character(data, first)
            found[6] += code == 0x2022 or code == 45
            code, _ = decode_character_before(data, last)
            three = last - first > 2 and data[last - 2] == 46 and data[last - 3] == 46
            found[7] += code == 0x2026 or (code == 46 and three)


@jit
def _split_pieces(data: U8, offsets: I64, flags: U16, newlines: int) -> tuple[I64, I64, I64]:
    """The pieces between runs of ``newlines`` newlines or more; of none: lines that are not blank.

    As datatrove cuts: paragraphs of the text without white space around, lines of it as it is.
    """
    rows = offsets.size - 1
    most = rows
    for at in range(offsets[0], offsets[rows]):
        most += data[at] == 10
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    places = np.zeros(rows + 1, np.int64)
    count = 0
    for row in range(rows):
        at, end = offsets[row], offsets[row + 1]
        if newlines == 2:
            at, end = strip_span(data, at, end, flags)
        begin = at
        while at <= end:
            run = at
            while run < end and data[run] == 10:
                run += 1
            if at == end or (run > at and run - at >= newlines):
                first, last = (begin, at) if newlines else strip_span(data, begin, at, flags)
                if newlines or first < last:
                    starts[count], ends[count] = begin, at
                    count += 1
                begin = run
            if at == end:
                break
            at = max(run, at + 1)
        places[row + 1] = count
    return starts[:count].copy(), ends[:count].copy(), places


@jit
def _count_fineweb(data: U8, offsets: I64, flags: U16, short: int) -> tuple[I64, I64, I64, I64]:
    """Of each text: lines that are not blank; those that end in a stop; short ones; newlines."""
    rows = offsets.size - 1
    counts = np.zeros((4, rows), np.int64)
    for row in range(rows):
        begin, end = offsets[row], offsets[row + 1]
        at = begin
        while at <= end:
            if at < end and data[at] != 10:
                at += 1
                continue
            first, last = strip_span(data, begin, at, flags)
            if first < last:
                code, _ = decode_character_before(data, at)
                counts[0, row] += 1
                counts[1, row] += flags[code] & LINE_STOP != 0
                counts[2, row] += at - begin <= short or count_characters(data, begin, at) <= short
            counts[3, row] += at < end
            at += 1
            begin = at
    return counts[0], counts[1], counts[2], counts[3]
