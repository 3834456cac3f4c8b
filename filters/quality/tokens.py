"""Find where the tokens of texts begin and end, as spaCy's English tokenizer cuts them.

The published web rules count spaCy's tokens. A compiled copy of its algorithm (peel signs off both
ends, then cut within) decides nearly every run of characters by what spaCy's own patterns decide
for each character; the other runs go to spaCy itself, once, and are cached. Importing this module
imports numba, so import it where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np

from filters.quality import token_kernel as kernel
from filters.quality.token_kernel import TokenizerTables
from filters.text.arrays import I64, U8, U32, U64

Tokenizer = Literal["spacy", "whitespace"]

# A longer undecided run is one token: spaCy takes quadratic time.
_MAX_SPACY_RUN = 2000
_MAX_CACHED_RUN, _CACHE_SIZE = 100, 200_000


class TokenBounds(NamedTuple):
    """Where tokens begin and end in the bytes of all texts.

    ``text_offsets`` has the index of the first token of each text, and the number of all tokens.
    """

    starts: I64
    ends: I64
    text_offsets: I64


#: Finds the tokens in UTF-8 ``data``, of which text ``i`` is ``data[offsets[i]:offsets[i + 1]]``.
TokenizeFunction = Callable[[U8, I64], TokenBounds]


def make_tokenizer(tokenizer: Tokenizer) -> TokenizeFunction:
    """Return the function that finds the tokens of texts."""
    if tokenizer == "whitespace":
        none = np.zeros(1, np.uint64)
        tables = TokenizerTables(_build_space_flags(), none, np.zeros(1, np.uint8), none, none)
        return lambda data, offsets: TokenBounds(
            *kernel.tokenize_texts(data, offsets, tables, False)[:3]
        )
    tables, cached_ends = _build_tables(), dict[bytes, list[int]]()

    def tokenize(data: U8, offsets: I64) -> TokenBounds:
        starts, ends, text_offsets, undecided = kernel.tokenize_texts(data, offsets, tables, True)
        if not undecided:
            return TokenBounds(starts, ends, text_offsets)
        if len(cached_ends) > _CACHE_SIZE:
            cached_ends.clear()
        raw = data.tobytes()
        spacy_ends: list[int] = []
        counts = np.ones(starts.size, np.int64)
        for token in np.flatnonzero(ends < 0).tolist():
            begin, end = int(starts[token]), -int(ends[token])
            run = raw[begin:end]
            run_ends = cached_ends.get(run)
            if run_ends is None:
                run_ends = _tokenize_with_spacy(run)
                if len(run) < _MAX_CACHED_RUN:
                    cached_ends[run] = run_ends
            counts[token] = len(run_ends)
            spacy_ends += [begin + length for length in run_ends]
        return TokenBounds(
            *kernel.insert_spacy_tokens(
                starts, ends, text_offsets, counts, np.array(spacy_ends, np.int64)
            )
        )

    return tokenize


def _tokenize_with_spacy(run: bytes) -> list[int]:
    """Return where the tokens of a run end, in bytes."""
    if len(run) > _MAX_SPACY_RUN:
        return [len(run)]
    ends, end = [], 0
    for token in _load_spacy().tokenizer(run.decode()):
        end += len(token.text.encode())
        ends.append(end)
    return ends


@cache
def _load_spacy() -> Any:
    import spacy

    return spacy.blank("en")


# --------------------------------------------------------------------------- spaCy's patterns


@cache
def _build_space_flags() -> U32:
    flags = np.zeros(0x110000, np.uint32)
    flags[[code for code in range(0x3001) if chr(code).isspace()]] = kernel.SPACE
    return flags


# The blocks of characters that the patterns are tried with; the others are UNKNOWN.
_TRIED_BLOCKS = (
    (0, 0x3400),
    (0xA000, 0xAC00),
    (0xF900, 0x10000),
    (0x1D400, 0x1D800),
    (0x1F000, 0x1FC00),
)
_HAN_AND_HANGUL = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3))


@cache
def _build_tables() -> TokenizerTables:
    """Try spaCy's patterns with each character, in each context where it may occur; 0.3 s."""
    tokenizer = _load_spacy().tokenizer
    find_prefix, find_suffix = tokenizer.prefix_search, tokenizer.suffix_search
    find_infixes = tokenizer.infix_finditer

    def measure_match(match: Any) -> int:
        return match.end() - match.start() if match else 0

    def is_infix(text: str) -> bool:
        return any(match.start() == 1 for match in find_infixes(text))

    flags = np.full(0x110000, kernel.UNKNOWN, np.uint32)
    for code in (code for first, end in _TRIED_BLOCKS for code in range(first, end)):
        sign = chr(code)
        prefix = measure_match(find_prefix(f"{sign}b"))
        suffix = measure_match(find_suffix(f"b{sign}"))
        flag = kernel.PREFIX * (prefix == 1) | kernel.SUFFIX * (suffix == 1)
        if is_infix(f"({sign}("):
            flag |= kernel.ICON
        elif sign not in ".,-–—~:<>=/+*^" and (is_infix(f"b{sign}b") or is_infix(f"1{sign}1")):
            flag |= kernel.UNKNOWN
        if max(prefix, suffix) > 1:
            flag |= kernel.UNKNOWN
        after_digit = measure_match(find_suffix(f"1{sign}"))
        flag |= kernel.CURRENCY * (suffix == 0 and after_digit == 1)
        flag |= kernel.PERIOD_SUFFIX * (measure_match(find_suffix(f"{sign}.")) == 1)
        flag |= kernel.UPPER * (measure_match(find_suffix(f"{sign}A.")) == 1)
        flag |= kernel.ALPHA * is_infix(f"{sign},b")
        flag |= kernel.INFIX_LEFT * is_infix(f"{sign}.A")
        flag |= kernel.INFIX_RIGHT * is_infix(f"a.{sign}")
        flags[code] = flag
    letter = kernel.ALPHA | kernel.PERIOD_SUFFIX | kernel.UPPER
    for first, last in _HAN_AND_HANGUL:
        flags[first : last + 1] = letter | kernel.INFIX_LEFT | kernel.INFIX_RIGHT
    flags |= _build_space_flags()
    from spacy.lang.char_classes import UNITS

    specials = [rule.encode() for rule in tokenizer.rules]
    split_specials = [rule.encode() for rule, tokens in tokenizer.rules.items() if len(tokens) > 1]
    units = [unit.encode() for unit in UNITS.split("|")]
    return TokenizerTables(
        flags,
        _build_hash_table(specials),
        _build_hints(specials),
        _build_hash_table(split_specials),
        _build_hash_table(units),
    )


def _build_hints(strings: list[bytes]) -> U8:
    hints = np.zeros((max(map(len, strings)) + 1) * kernel.HINT_LENGTH, np.uint8)
    for string in strings:
        first, last = string[0] & kernel.HINT_BITS, string[-1] & kernel.HINT_BITS
        hints[len(string) * kernel.HINT_LENGTH + first * kernel.HINT_FIRST + last] = 1
    return hints


def _build_hash_table(strings: list[bytes]) -> U64:
    size = 1 << (4 * len(strings)).bit_length()
    table = np.zeros(size, np.uint64)
    for string in strings:
        data = np.frombuffer(string, np.uint8)
        value = kernel.hash_bytes(data, 0, data.size)
        slot = int(value) & (size - 1)
        while table[slot] and table[slot] != value:
            slot = (slot + 1) & (size - 1)
        table[slot] = value
    return table
