"""Where the tokens of texts begin and end, as spaCy's English tokenizer cuts them.

The published web rules count spaCy's tokens. A compiled copy of its algorithm (peel signs off both
ends, then cut within) settles nearly every run of visible signs by what spaCy's own patterns say of
each character; what it cannot be sure of goes to spaCy itself, once, and is remembered. Importing
this module imports numba, so import it where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np

from filters.quality.token_kernel import (  # fmt: skip
    ALPHA,
    CURRENCY,
    I64,
    ICON,
    INFIX_LEFT,
    INFIX_RIGHT,
    PERIOD_SUFFIX,
    PREFIX,
    SPACE,
    SUFFIX,
    U8,
    U32,
    U64,
    UNKNOWN,
    UPPER,
    hash_bytes,
    insert_spacy_tokens,
    tokenize_texts,
)

Tokenizer = Literal["spacy", "whitespace"]

# A longer run of signs that is not settled here stays whole: spaCy's time grows with its square.
_MAX_SPACY_RUN = 2000
_MAX_CACHED_RUN, _CACHE_SIZE = 100, 200_000


class TokenBounds(NamedTuple):
    """Where tokens lie in the bytes of all texts."""

    starts: I64
    ends: I64
    text_offsets: I64  # of each text, its first token, and the end


class TokenizerTables(NamedTuple):
    """What spaCy's patterns say, as tables."""

    flags: U32  # of each character
    specials: U64  # a hash table of the strings that spaCy cuts by a list
    special_hints: U8  # 1 where one has such a length, first and last byte; a tenth of all words do
    split_specials: U64  # those of them that are more than one token
    units: U64  # a hash table of what is cut off behind a digit: km, kg, %


def make_tokenizer(tokenizer: Tokenizer) -> Callable[[U8, I64], TokenBounds]:
    """The function that cuts UTF-8 ``data``, of which text ``i`` is ``offsets[i:i+2]``."""
    if tokenizer == "whitespace":
        none = np.zeros(1, np.uint64)
        known = TokenizerTables(_build_space_flags(), none, np.zeros(1, np.uint8), none, none)
        return lambda data, offsets: TokenBounds(*tokenize_texts(data, offsets, *known, False)[:3])
    known, memory = _build_tables(), dict[bytes, list[int]]()

    def cut(data: U8, offsets: I64) -> TokenBounds:
        starts, ends, places, asked = tokenize_texts(data, offsets, *known, True)
        if not asked:
            return TokenBounds(starts, ends, places)
        if len(memory) > _CACHE_SIZE:
            memory.clear()
        raw = data.tobytes()
        cuts: list[int] = []
        counts = np.ones(starts.size, np.int64)
        for at in np.flatnonzero(ends < 0).tolist():
            begin, end = int(starts[at]), -int(ends[at])
            key = raw[begin:end]
            found = memory.get(key)
            if found is None:
                found = _tokenize_with_spacy(key)
                if len(key) < _MAX_CACHED_RUN:
                    memory[key] = found
            counts[at] = len(found)
            cuts += [begin + length for length in found]
        return TokenBounds(
            *insert_spacy_tokens(starts, ends, places, counts, np.array(cuts, np.int64))
        )

    return cut


def _tokenize_with_spacy(run: bytes) -> list[int]:
    """Where the tokens of a run of visible signs end, in bytes, by spaCy."""
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


# ------------------------------------------------------------------- what spaCy's patterns say


@cache
def _build_space_flags() -> U32:
    flags = np.zeros(0x110000, np.uint32)
    flags[[code for code in range(0x3001) if chr(code).isspace()]] = SPACE
    return flags


@cache
def _build_tables() -> TokenizerTables:
    """Ask the patterns about each character, in the places where it may stand; 0.3 s."""
    tokenizer = _load_spacy().tokenizer
    prefix, suffix, infixes = (
        tokenizer.prefix_search, tokenizer.suffix_search, tokenizer.infix_finditer,
    )  # fmt: skip

    def size(found: Any) -> int:
        return found.end() - found.start() if found else 0

    def inside(text: str) -> bool:
        return any(found.start() == 1 for found in infixes(text))

    flags = np.full(0x110000, UNKNOWN, np.uint32)
    for code in (
        *range(0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x10000),
        *range(0x1D400, 0x1D800), *range(0x1F000, 0x1FC00),
    ):  # fmt: skip
        sign = chr(code)
        front, back = size(prefix(f"{sign}b")), size(suffix(f"b{sign}"))
        found = PREFIX * (front == 1) | SUFFIX * (back == 1)
        if inside(f"({sign}("):
            found |= ICON
        elif sign not in ".,-–—~:<>=/+*^" and (inside(f"b{sign}b") or inside(f"1{sign}1")):
            found |= UNKNOWN
        if max(front, back) > 1:
            found |= UNKNOWN
        found |= CURRENCY * (back == 0 and size(suffix(f"1{sign}")) == 1)
        found |= PERIOD_SUFFIX * (size(suffix(f"{sign}.")) == 1)
        found |= UPPER * (size(suffix(f"{sign}A.")) == 1)
        found |= ALPHA * inside(f"{sign},b")
        found |= INFIX_LEFT * inside(f"{sign}.A")
        found |= INFIX_RIGHT * inside(f"a.{sign}")
        flags[code] = found
    for first, last in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3)):  # Han, Hangul
        flags[first : last + 1] = ALPHA | PERIOD_SUFFIX | UPPER | INFIX_LEFT | INFIX_RIGHT
    flags |= _build_space_flags()
    from spacy.lang.char_classes import UNITS

    specials = [rule.encode() for rule in tokenizer.rules]
    units = [unit.encode() for unit in UNITS.split("|")]
    parted = [rule.encode() for rule, tokens in tokenizer.rules.items() if len(tokens) > 1]
    hints = np.zeros((max(map(len, specials)) + 1) * 1024, np.uint8)
    for special in specials:
        hints[len(special) * 1024 + (special[0] & 31) * 32 + (special[-1] & 31)] = 1
    return TokenizerTables(
        flags,
        _build_hash_table(specials),
        hints,
        _build_hash_table(parted),
        _build_hash_table(units),
    )


def _build_hash_table(strings: list[bytes]) -> U64:
    room = 1 << (4 * len(strings)).bit_length()
    table = np.zeros(room, np.uint64)
    for string in strings:
        data = np.frombuffer(string, np.uint8)
        key = hash_bytes(data, 0, data.size)
        at = int(key) & (room - 1)
        while table[at] and table[at] != key:
            at = (at + 1) & (room - 1)
        table[at] = key
    return table
