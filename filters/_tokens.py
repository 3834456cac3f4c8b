"""Where the tokens of texts begin and end, as spaCy's English tokenizer cuts them.

The published web rules count spaCy's tokens. A compiled copy of its algorithm (peel signs off both
ends, then cut within) settles nearly every run of visible signs by what spaCy's own patterns say of
each character; what it cannot be sure of goes to spaCy itself, once, and is remembered. Importing
this module imports numba, so import it where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar, cast

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
_F = TypeVar("_F", bound=Callable[..., object])

Tokenizer = Literal["spacy", "whitespace"]

# What a character is to the algorithm.
_SPACE, _ALPHA, _PREFIX, _SUFFIX, _ICON, _UNKNOWN = 1, 2, 4, 8, 16, 32
_DOT_AFTER, _LEFT, _RIGHT, _UPPER, _MONEY = 64, 128, 256, 512, 1024

# A longer run of signs that is not settled here stays whole: spaCy's time grows with its square.
_LONGEST_ASKED = 2000
_MOST_REMEMBERED = 200_000


class Tokens(NamedTuple):
    """Where tokens lie in the bytes of all texts."""

    starts: I64
    ends: I64
    places: I64  # of each text, its first token, and the end


class Known(NamedTuple):
    """What spaCy's patterns say, as tables."""

    flags: U32  # of each character
    specials: U64  # a hash table of the strings that spaCy cuts by a list
    longest: int  # of those, in bytes
    parted: U64  # those of them that are more than one token
    units: U64  # a hash table of what is cut off behind a digit: km, kg, %


def compiled(function: _F) -> _F:
    """Compile ``function`` on its first call and keep the machine code beside its file."""
    return cast("_F", numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def flat(texts: pl.Series) -> tuple[U8, I64]:
    """The UTF-8 bytes of all texts end to end, and where each begins; there must be no null."""
    import pyarrow as pa

    array = texts.rechunk().to_arrow()
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = array.cast(pa.large_string())
    _, offsets, data = array.buffers()
    places = np.frombuffer(offsets, np.int64, len(array) + 1, array.offset * 8)
    return np.frombuffer(data if data and data.size else b"\0", np.uint8), places


def cutter(tokenizer: Tokenizer) -> Callable[[U8, I64], Tokens]:
    """The function that cuts UTF-8 ``data``, of which text ``i`` is ``offsets[i:i+2]``."""
    if tokenizer == "whitespace":
        none = np.zeros(1, np.uint64)
        known = Known(_spaces(), none, 0, none, none)
        return lambda data, offsets: Tokens(*_cut(data, offsets, *known, False)[:3])
    known, memory = _known(), dict[bytes, list[int]]()

    def cut(data: U8, offsets: I64) -> Tokens:
        starts, ends, places, asked = _cut(data, offsets, *known, True)
        if not asked:
            return Tokens(starts, ends, places)
        if len(memory) > _MOST_REMEMBERED:
            memory.clear()
        raw = data.tobytes()
        cuts: list[int] = []
        counts = np.ones(starts.size, np.int64)
        for at in np.flatnonzero(ends < 0).tolist():
            begin, end = int(starts[at]), -int(ends[at])
            key = raw[begin:end]
            found = memory.get(key)
            if found is None:
                found = memory[key] = _asked(key)
            counts[at] = len(found)
            cuts += [begin + length for length in found]
        return Tokens(*_spread(starts, ends, places, counts, np.array(cuts, np.int64)))

    return cut


def _asked(run: bytes) -> list[int]:
    """Where the tokens of a run of visible signs end, in bytes, by spaCy."""
    if len(run) > _LONGEST_ASKED:
        return [len(run)]
    ends, end = [], 0
    for token in _spacy().tokenizer(run.decode()):
        end += len(token.text.encode())
        ends.append(end)
    return ends


@cache
def _spacy() -> Any:
    import spacy

    return spacy.blank("en")


# ------------------------------------------------------------------- what spaCy's patterns say


@cache
def _spaces() -> U32:
    flags = np.zeros(0x110000, np.uint32)
    flags[[code for code in range(0x3001) if chr(code).isspace()]] = _SPACE
    return flags


@cache
def _known() -> Known:
    """Ask the patterns about each character, in the places where it may stand; 0.3 s."""
    tokenizer = _spacy().tokenizer
    prefix, suffix, infixes = (
        tokenizer.prefix_search, tokenizer.suffix_search, tokenizer.infix_finditer,
    )  # fmt: skip

    def size(found: Any) -> int:
        return found.end() - found.start() if found else 0

    def inside(text: str) -> bool:
        return any(found.start() == 1 for found in infixes(text))

    flags = np.full(0x110000, _UNKNOWN, np.uint32)
    for code in (
        *range(0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x10000),
        *range(0x1D400, 0x1D800), *range(0x1F000, 0x1FC00),
    ):  # fmt: skip
        sign = chr(code)
        front, back = size(prefix(f"{sign}b")), size(suffix(f"b{sign}"))
        found = _PREFIX * (front == 1) | _SUFFIX * (back == 1)
        if inside(f"({sign}("):
            found |= _ICON
        elif sign not in ".,-–—~:<>=/+*^" and (inside(f"b{sign}b") or inside(f"1{sign}1")):
            found |= _UNKNOWN
        if max(front, back) > 1:
            found |= _UNKNOWN
        found |= _MONEY * (back == 0 and size(suffix(f"1{sign}")) == 1)
        found |= _DOT_AFTER * (size(suffix(f"{sign}.")) == 1)
        found |= _UPPER * (size(suffix(f"{sign}A.")) == 1)
        found |= _ALPHA * inside(f"{sign},b")
        found |= _LEFT * inside(f"{sign}.A")
        found |= _RIGHT * inside(f"a.{sign}")
        flags[code] = found
    for first, last in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3)):  # Han, Hangul
        flags[first : last + 1] = _ALPHA | _DOT_AFTER | _UPPER | _LEFT | _RIGHT
    flags |= _spaces()
    from spacy.lang.char_classes import UNITS

    specials = [rule.encode() for rule in tokenizer.rules]
    units = [unit.encode() for unit in UNITS.split("|")]
    parted = [rule.encode() for rule, tokens in tokenizer.rules.items() if len(tokens) > 1]
    longest = max(map(len, specials))
    return Known(flags, _table(specials), longest, _table(parted), _table(units))


def _table(strings: list[bytes]) -> U64:
    room = 1 << (4 * len(strings)).bit_length()
    table = np.zeros(room, np.uint64)
    for string in strings:
        data = np.frombuffer(string, np.uint8)
        key = _hash(data, 0, data.size)
        at = int(key) & (room - 1)
        while table[at] and table[at] != key:
            at = (at + 1) & (room - 1)
        table[at] = key
    return table


# ---------------------------------------------------------------------------------- the kernel


@compiled
def decode(data: U8, at: int) -> tuple[np.int64, np.int64]:
    """The character at a place in UTF-8, and its length in bytes."""
    one = np.int64(data[at])
    if one < 0x80:
        return one, np.int64(1)
    code, size = one & 31, np.int64(2)
    if one >= 0xF0:
        code, size = one & 7, np.int64(4)
    elif one >= 0xE0:
        code, size = one & 15, np.int64(3)
    for step in range(1, size):
        code = code << 6 | np.int64(data[at + step] & 63)
    return code, size


@compiled
def before(data: U8, end: int) -> tuple[np.int64, np.int64]:
    """The character that ends at a place, and its length in bytes."""
    at = end - 1
    while data[at] & 0xC0 == 0x80:
        at -= 1
    return decode(data, at)


@compiled
def _hash(data: U8, begin: int, end: int) -> np.uint64:
    value = np.uint64(14695981039346656037)
    for at in range(begin, end):
        value = (value ^ np.uint64(data[at])) * np.uint64(1099511628211)
    value ^= value >> np.uint64(32)
    return value | np.uint64(1)


@compiled
def _in(table: U64, data: U8, begin: int, end: int) -> bool:
    key = _hash(data, begin, end)
    mask = np.uint64(table.size - 1)
    at = key & mask
    while table[at]:
        if table[at] == key:
            return True
        at = (at + np.uint64(1)) & mask
    return False


@compiled
def _listed(data: U8, begin: int, end: int, specials: U64, longest: int) -> bool:
    return bool(end - begin <= longest) and _in(specials, data, begin, end)


@compiled
def _digit(code: int) -> bool:
    return bool(48 <= code <= 57)


@compiled
def _dots(data: U8, left: int, right: int) -> int:
    at = left
    while at < right and data[at] == 46:
        at += 1
    return at - left


@compiled
def _prefix(data: U8, left: int, right: int, flags: U32) -> int:
    """The bytes of the prefix there; -1 where only spaCy knows."""
    code, size = decode(data, left)
    following = data[left + 1] if left + 1 < right else np.uint8(0)
    if code == 46:
        dots = _dots(data, left, right)
        return dots if dots > 1 else 0
    if code == 43:
        return 0 if _digit(following) else 1
    if code in (65, 67, 85):  # A$, C$, US$
        second = data[left + 2] if left + 2 < right else np.uint8(0)
        return -1 if following == 36 or (code == 85 and following == 83 and second == 36) else 0
    if flags[code] & _UNKNOWN:
        return -1
    return int(size) if flags[code] & _PREFIX else 0


@compiled
def _unit(data: U8, left: int, right: int, units: U64) -> int:
    """The bytes of the unit behind the last digit, if there is one at the end."""
    at = right
    while at > left and right - at < 16:
        if _digit(data[at - 1]):
            return right - at if at < right and _in(units, data, at, right) else 0
        at -= 1
    return 0


@compiled
def _suffix(data: U8, left: int, right: int, flags: U32, units: U64) -> int:
    """The bytes of the suffix there; -1 where only spaCy knows."""
    if left >= right:
        return 0
    code, size = before(data, right)
    if flags[code] & _UNKNOWN:
        return -1
    at = right - size
    last, more = (np.int64(0), np.int64(0))
    if at > left:
        last, more = before(data, at)
        if flags[last] & _UNKNOWN:
            return -1
    if code == 46:
        if last == 46:
            while at > left and data[at - 1] == 46:
                at -= 1
            return right - at
        if flags[last] & _DOT_AFTER and at > left:
            return 1
        if at - more > left:
            first, _ = before(data, at - more)
            if flags[last] & _UPPER and flags[first] & _UPPER:
                return 1
            if flags[first] & _UNKNOWN or first == 0xB0:  # 30°C.
                return -1
        return 0
    unit = _unit(data, left, right, units)
    if unit:
        return unit
    if code == 0x2026 and last == 0x2026:
        return int(size + more)
    if code in (115, 83) and last in (39, 0x2019):  # 's
        return int(size + more)
    if code == 43:
        return 1 if _digit(last) else 0
    if flags[code] & _SUFFIX:
        return int(size)
    if code == 36 and last in (65, 67, 83):  # 5US$
        return -1
    # A letter is a unit, and has been looked for.
    return int(size) if flags[code] & _MONEY and not flags[code] & _ALPHA and _digit(last) else 0


@compiled
def _address(data: U8, left: int, right: int) -> bool:
    """Whether it is surely what spaCy takes for a web address."""
    at = left
    while at < right and data[at] != 58:
        at += 1
    if at + 2 < right and data[at + 1] == 47 and data[at + 2] == 47:
        scheme = right - left > 8 and data[left] == 104 and data[left + 1] == 116
        scheme = scheme and data[left + 2] == 116 and data[left + 3] == 112
        scheme = scheme and (at == left + 4 or (at == left + 5 and data[left + 4] == 115))
        if not scheme:
            return False
        at += 3
    else:
        at = left
    dots, label, small = 0, 0, True
    while at < right:
        sign = data[at]
        lower = 97 <= sign <= 122
        if lower or _digit(sign) or 65 <= sign <= 90:
            label += 1
            small = small and lower
        elif sign == 46 and 0 < label < 64:
            dots, label, small = dots + 1, 0, True
        else:
            break
        at += 1
    if at < right and data[at] not in (47, 63, 35):
        return False
    return dots > 0 and small and 2 <= label < 64


@compiled
def _no_address(data: U8, left: int, right: int) -> bool:
    """Whether spaCy surely takes it for no web address: its last label is no domain."""
    gap, capital = False, False
    for at in range(left, right):
        sign = data[at]
        if sign in (35, 47, 58, 63, 64):  # "#", "/", ":", "?", "@" may hide a host before them
            return False
        if sign == 46:
            gap |= at > left and data[at - 1] == 46
            capital = False
        capital |= bool(65 <= sign <= 90)
    return gap or capital


@compiled
def _infix(data: U8, left: int, at: int, right: int, last: int, flags: U32) -> int:
    """The bytes at which a run is cut there, within ``left:right``; ``last`` stands before it."""
    code, size = decode(data, at)
    if flags[code] & _ICON or code == 0x2026:
        return int(size)
    if at == left:
        dots = _dots(data, at, right)
        return dots if dots > 1 else 0
    behind = at + size
    following = np.int64(0)
    if behind < right:
        following, _ = decode(data, behind)
    if code == 46:
        dots = _dots(data, at, right)
        if dots > 1:
            return dots
        return 1 if flags[last] & _LEFT and flags[following] & _RIGHT else 0
    if code in (43, 45, 42, 94) and _digit(last) and (_digit(following) or following == 45):
        return 1
    if code == 44:
        return 1 if flags[last] & _ALPHA and flags[following] & _ALPHA else 0
    if not (flags[last] & _ALPHA or _digit(last)):
        return 0
    if code in (58, 60, 61, 62, 47):
        return 1 if flags[following] & _ALPHA else 0
    if code in (45, 0x2013, 0x2014, 126):
        most = 3 if code == 45 else 2 if code == 0x2014 else 1
        for _ in range(most):
            if flags[following] & _ALPHA:
                return behind - at
            if following != code:
                return 0
            behind += size
            following = np.int64(0)
            if behind < right:
                following, _ = decode(data, behind)
    return 0


@compiled
def _settled(
    data: U8, begin: int, end: int, flags: U32, specials: U64, longest: int, parted: U64,
    units: U64, starts: I64, ends: I64, count: int, peeled: I64,
) -> int:  # fmt: skip
    """Write the tokens of one run of visible signs; how many there are then, or -1 to ask."""
    left, right, suffixes, first = begin, end, 0, count
    while left < right:
        if _listed(data, left, right, specials, longest):
            return -1
        front = _prefix(data, left, right, flags)
        if front < 0 or (front and _listed(data, left + front, right, specials, longest)):
            return -1
        back = _suffix(data, left + front, right, flags, units)
        if back < 0 or (back and _listed(data, left, right - back, specials, longest)):
            return -1
        if not front and not back:
            break
        if front:
            starts[count], ends[count] = left, left + front
            count, left = count + 1, left + front
        if back and left + back <= right:
            peeled[suffixes] = right
            suffixes, right = suffixes + 1, right - back
    # What is left is cut within, unless it is a web address.
    at, start, last, cuts, dotted = left, left, np.int64(0), 0, False
    core = count
    while at < right:
        code, size = decode(data, at)
        if flags[code] & _UNKNOWN:
            return -1
        dotted |= code == 46
        infix = _infix(data, left, at, right, last, flags)
        if infix:
            if at > left:
                cuts += 1
                if at > start:
                    starts[count], ends[count] = start, at
                    count += 1
                starts[count], ends[count] = at, at + infix
                count, start = count + 1, at + infix
            at += infix
            last, _ = before(data, at)
        else:
            at += size
            last = code
    if cuts and dotted:
        if _address(data, left, right):
            count, start = core, left
        elif not _no_address(data, left, right):
            return -1
    if start < right:
        starts[count], ends[count] = start, right
        count += 1
    for at in range(suffixes - 1, -1, -1):
        starts[count], ends[count] = right, peeled[at]
        count, right = count + 1, peeled[at]
    if count - first > 1:  # what is listed is put together again, or cut as the list has it
        for one in range(first, count):
            if _in(parted, data, starts[one], ends[one]):
                return -1
            two = one + 1
            while two < count and ends[two] - starts[one] <= longest:
                if _in(specials, data, starts[one], ends[two]):
                    return -1
                two += 1
    return count


@compiled
def _cut(
    data: U8, offsets: I64, flags: U32, specials: U64, longest: int, parted: U64, units: U64,
    spacy: bool,
) -> tuple[I64, I64, I64, int]:
    """The tokens; a run that only spaCy can cut is one, with its end below zero."""
    rows = offsets.size - 1
    size = offsets[rows] - offsets[0]
    most = 0
    for row in range(rows):
        most = max(most, offsets[row + 1] - offsets[row])
    starts, ends = np.empty(size + 1, np.int64), np.empty(size + 1, np.int64)
    peeled, places = np.empty(most + 1, np.int64), np.zeros(rows + 1, np.int64)
    count, asked = 0, 0
    for row in range(rows):
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            begin, plain = at, True
            while at < end:
                one = data[at]
                if one < 0x80:
                    if flags[one] & _SPACE:
                        break
                    plain &= bool(97 <= (one | 32) <= 122)
                    at += 1
                    continue
                code, step = decode(data, at)
                if flags[code] & _SPACE:
                    break
                plain = False
                at += step
            if at > begin:
                # Latin letters alone are one token unless listed.
                if not spacy or (plain and not _listed(data, begin, at, specials, longest)):
                    starts[count], ends[count] = begin, at
                    count += 1
                else:
                    found = _settled(
                        data, begin, at, flags, specials, longest, parted, units, starts, ends,
                        count, peeled,
                    )  # fmt: skip
                    if found < 0:
                        starts[count], ends[count] = begin, -at
                        found, asked = count + 1, asked + 1
                    count = found
            if at < end:
                _, step = decode(data, at)
                at += step
        places[row + 1] = count
    return starts[:count].copy(), ends[:count].copy(), places, asked


@compiled
def _spread(
    starts: I64, ends: I64, places: I64, counts: I64, cuts: I64
) -> tuple[I64, I64, I64]:  # fmt: skip
    """Put what spaCy said in the place of the runs that it was asked about."""
    total = counts.sum()
    begins, stops = np.empty(total, np.int64), np.empty(total, np.int64)
    into = np.zeros(places.size, np.int64)
    used, cut = 0, 0
    for row in range(places.size - 1):
        for at in range(places[row], places[row + 1]):
            begin = starts[at]
            if ends[at] >= 0:
                begins[used], stops[used] = begin, ends[at]
                used += 1
                continue
            for _ in range(counts[at]):
                begins[used], stops[used] = begin, cuts[cut]
                begin = cuts[cut]
                used, cut = used + 1, cut + 1
        into[row + 1] = used
    return begins, stops, into
