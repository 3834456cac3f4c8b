"""The compiled copy of spaCy's tokenizer: peel signs off both ends, then cut within.

Importing this module imports numba, so import it where it is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from filters.text.jit import jit

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

# What a character is to the algorithm.
SPACE, ALPHA, PREFIX, SUFFIX, ICON, UNKNOWN = 1, 2, 4, 8, 16, 32
PERIOD_SUFFIX, INFIX_LEFT, INFIX_RIGHT, UPPER, CURRENCY = 64, 128, 256, 512, 1024


@jit
def decode_character(data: U8, position: int) -> tuple[Any, Any]:
    """The character at a place in UTF-8, and its length in bytes."""
    one = np.int64(data[position])
    if one < 0x80:
        return one, np.int64(1)
    code, size = one & 31, np.int64(2)
    if one >= 0xF0:
        code, size = one & 7, np.int64(4)
    elif one >= 0xE0:
        code, size = one & 15, np.int64(3)
    for step in range(1, size):
        code = code << 6 | np.int64(data[position + step] & 63)
    return code, size


@jit
def decode_character_before(data: U8, end: int) -> tuple[Any, Any]:
    """The character that ends at a place, and its length in bytes."""
    at = end - 1
    while data[at] & 0xC0 == 0x80:
        at -= 1
    return decode_character(data, at)


@jit
def hash_bytes(data: U8, begin: int, end: int) -> np.uint64:
    """FNV-1a of ``data[begin:end]``, folded so that the low bits are mixed; never 0."""
    value = np.uint64(14695981039346656037)
    for at in range(begin, end):
        value = (value ^ np.uint64(data[at])) * np.uint64(1099511628211)
    value ^= value >> np.uint64(32)
    return value | np.uint64(1)


@jit
def _is_in_table(table: U64, data: U8, begin: int, end: int) -> bool:
    key = hash_bytes(data, begin, end)
    mask = np.uint64(table.size - 1)
    at = key & mask
    while table[at]:
        if table[at] == key:
            return True
        at = (at + np.uint64(1)) & mask
    return False


@jit
def _is_special(data: U8, begin: int, end: int, specials: U64, hints: U8) -> bool:
    hint = (end - begin) * 1024
    if hint >= hints.size:
        return False
    hint += (data[begin] & 31) * 32 + (data[end - 1] & 31)
    return bool(hints[hint]) and _is_in_table(specials, data, begin, end)


@jit
def _is_digit(code: Any) -> bool:
    return bool(48 <= code <= 57)


@jit
def _count_dots(data: U8, left: int, right: int) -> int:
    at = left
    while at < right and data[at] == 46:
        at += 1
    return at - left


@jit
def _match_prefix(data: U8, left: int, right: int, flags: U32) -> int:
    """The bytes of the prefix there; -1 where only spaCy knows."""
    code, size = decode_character(data, left)
    following = data[left + 1] if left + 1 < right else np.uint8(0)
    if code == 46:
        dots = _count_dots(data, left, right)
        return dots if dots > 1 else 0
    if code == 43:
        return 0 if _is_digit(following) else 1
    if code in (65, 67, 85):  # A$, C$, US$
        second = data[left + 2] if left + 2 < right else np.uint8(0)
        return -1 if following == 36 or (code == 85 and following == 83 and second == 36) else 0
    if flags[code] & UNKNOWN:
        return -1
    return int(size) if flags[code] & PREFIX else 0


@jit
def _match_unit(data: U8, left: int, right: int, units: U64) -> int:
    """The bytes of the unit behind the last digit, if there is one at the end."""
    at = right
    while at > left and right - at < 16:
        if _is_digit(data[at - 1]):
            return right - at if at < right and _is_in_table(units, data, at, right) else 0
        at -= 1
    return 0


@jit
def _match_suffix(data: U8, left: int, right: int, flags: U32, units: U64) -> int:
    """The bytes of the suffix there; -1 where only spaCy knows."""
    if left >= right:
        return 0
    code, size = decode_character_before(data, right)
    if flags[code] & UNKNOWN:
        return -1
    at = right - size
    last, more = (np.int64(0), np.int64(0))
    if at > left:
        last, more = decode_character_before(data, at)
        if flags[last] & UNKNOWN:
            return -1
    if code == 46:
        if last == 46:
            while at > left and data[at - 1] == 46:
                at -= 1
            return int(right - at)
        if flags[last] & PERIOD_SUFFIX and at > left:
            return 1
        if at - more > left:
            first, _ = decode_character_before(data, at - more)
            if flags[last] & UPPER and flags[first] & UPPER:
                return 1
            if flags[first] & UNKNOWN or first == 0xB0:  # 30°C.
                return -1
        return 0
    unit = _match_unit(data, left, right, units)
    if unit:
        return unit
    if code == 0x2026 and last == 0x2026:
        return int(size) + int(more)
    if code in (115, 83) and last in (39, 0x2019):  # 's
        return int(size) + int(more)
    if code == 43:
        return 1 if _is_digit(last) else 0
    if flags[code] & SUFFIX:
        return int(size)
    if code == 36 and last in (65, 67, 83):  # 5US$
        return -1
    # A letter is a unit, and has been looked for.
    return (
        int(size) if flags[code] & CURRENCY and not flags[code] & ALPHA and _is_digit(last) else 0
    )


@jit
def _is_url(data: U8, left: int, right: int) -> bool:
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
        if lower or _is_digit(sign) or 65 <= sign <= 90:
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


@jit
def _is_not_url(data: U8, left: int, right: int) -> bool:
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


@jit
def _match_infix(data: U8, left: int, at: int, right: int, last: Any, flags: U32) -> int:
    """The bytes at which a run is cut there, within ``left:right``; ``last`` stands before it."""
    code, size = decode_character(data, at)
    if flags[code] & ICON or code == 0x2026:
        return int(size)
    if at == left:
        dots = _count_dots(data, at, right)
        return dots if dots > 1 else 0
    behind = at + size
    following = np.int64(0)
    if behind < right:
        following, _ = decode_character(data, behind)
    if code == 46:
        dots = _count_dots(data, at, right)
        if dots > 1:
            return dots
        return 1 if flags[last] & INFIX_LEFT and flags[following] & INFIX_RIGHT else 0
    if code in (43, 45, 42, 94) and _is_digit(last) and (_is_digit(following) or following == 45):
        return 1
    if code == 44:
        return 1 if flags[last] & ALPHA and flags[following] & ALPHA else 0
    if not (flags[last] & ALPHA or _is_digit(last)):
        return 0
    if code in (58, 60, 61, 62, 47):
        return 1 if flags[following] & ALPHA else 0
    if code in (45, 0x2013, 0x2014, 126):
        most = 3 if code == 45 else 2 if code == 0x2014 else 1
        for _ in range(most):
            if flags[following] & ALPHA:
                return int(behind - at)
            if following != code:
                return 0
            behind += size
            following = np.int64(0)
            if behind < right:
                following, _ = decode_character(data, behind)
    return 0


@jit
def _tokenize_run(
    data: U8, begin: int, end: int, flags: U32, specials: U64, hints: U8, parted: U64,
    units: U64, starts: I64, ends: I64, count: int, peeled: I64,
) -> int:  # fmt: skip
    """Write the tokens of one run of visible signs; how many there are then, or -1 to ask."""
    left, right, suffixes, first = begin, end, 0, count
    while left < right:
        if _is_special(data, left, right, specials, hints):
            return -1
        front = _match_prefix(data, left, right, flags)
        if front < 0 or (front and _is_special(data, left + front, right, specials, hints)):
            return -1
        back = _match_suffix(data, left + front, right, flags, units)
        if back < 0 or (back and _is_special(data, left, right - back, specials, hints)):
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
        code, size = decode_character(data, at)
        if flags[code] & UNKNOWN:
            return -1
        dotted |= code == 46
        infix = _match_infix(data, left, at, right, last, flags)
        if infix:
            if at > left:
                cuts += 1
                if at > start:
                    starts[count], ends[count] = start, at
                    count += 1
                starts[count], ends[count] = at, at + infix
                count, start = count + 1, at + infix
            at += infix
            last, _ = decode_character_before(data, at)
        else:
            at += size
            last = code
    if cuts and dotted:
        if _is_url(data, left, right):
            count, start = core, left
        elif not _is_not_url(data, left, right):
            return -1
    if start < right:
        starts[count], ends[count] = start, right
        count += 1
    for at in range(suffixes - 1, -1, -1):
        starts[count], ends[count] = right, peeled[at]
        count, right = count + 1, peeled[at]
    if count - first > 1:  # what is listed is put together again, or cut as the list has it
        for one in range(first, count):
            begin, end = starts[one], ends[one]
            if _is_special(data, begin, end, specials, hints) and _is_in_table(
                parted, data, begin, end
            ):
                return -1
            two = one + 1
            while two < count and (ends[two] - begin) * 1024 < hints.size:
                if _is_special(data, begin, ends[two], specials, hints):
                    return -1
                two += 1
    return count


@jit
def _tokenize_simple_run(
    data: U8, begin: int, end: int, letters: int, specials: U64, hints: U8, units: U64,
    starts: I64, ends: I64, count: int,
) -> int:  # fmt: skip
    """Write the tokens of what is simple, and quickly told to be: how many there are then, or 0.

    Latin letters, behind a # or @ if any, before one mark if any; and web addresses.
    """
    first, last = data[begin], data[end - 1]
    front, back = not 97 <= (first | 32) <= 122, not 97 <= (last | 32) <= 122
    if letters + front + back == end - begin and letters:
        if front and first != 35 and first != 64:
            return 0
        if back and not (last in (33, 44, 58, 59, 63) or (last == 46 and data[end - 2] >= 97)):
            return 0
        left, right = begin + (front and first == 35), end - back
        if _is_special(data, begin, end, specials, hints):
            return 0
        if left > begin or right < end:
            if _is_special(data, left, right, specials, hints):
                return 0
            if _is_special(data, begin, right, specials, hints):
                return 0
            if _is_special(data, left, end, specials, hints):
                return 0
        if left > begin:
            starts[count], ends[count] = begin, left
            count += 1
        starts[count], ends[count] = left, right
        if right < end:
            count += 1
            starts[count], ends[count] = right, end
        return count + 1
    # An address that ends in a letter: no sign is peeled off it unless it be a unit or an 's.
    if first != 104 or back or data[end - 2] >= 0x80 or data[end - 2] == 39:
        return 0
    if _match_unit(data, begin, end, units) or not _is_url(data, begin, end):
        return 0
    if _is_special(data, begin, end, specials, hints):
        return 0
    starts[count], ends[count] = begin, end
    return count + 1


@jit
def tokenize_texts(
    data: U8,
    offsets: I64,
    flags: U32,
    specials: U64,
    hints: U8,
    parted: U64,
    units: U64,
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
            begin, letters = at, 0
            while at < end:
                one = data[at]
                if one < 0x80:
                    if flags[one] & SPACE:
                        break
                    letters += 97 <= (one | 32) <= 122
                    at += 1
                    continue
                code, step = decode_character(data, at)
                if flags[code] & SPACE:
                    break
                at += step
            if at > begin:
                hint = (at - begin) * 1024
                if letters == at - begin and hint < hints.size:
                    hint += (data[begin] & 31) * 32 + (data[at - 1] & 31)
                else:
                    hint = 0 if letters < at - begin else -1
                if not spacy or hint < 0 or (hint > 0 and not hints[hint]):
                    # Latin letters alone; no call for these, they are two words of three.
                    starts[count], ends[count] = begin, at
                    found = count + 1
                else:
                    found = _tokenize_simple_run(
                        data, begin, at, letters, specials, hints, units, starts, ends, count
                    )
                if not found:
                    found = _tokenize_run(
                        data, begin, at, flags, specials, hints, parted, units, starts, ends,
                        count, peeled,
                    )  # fmt: skip
                if found < 0:
                    starts[count], ends[count] = begin, -at
                    found, asked = count + 1, asked + 1
                count = found
            if at < end:
                _, step = decode_character(data, at)
                at += step
        places[row + 1] = count
    return starts[:count].copy(), ends[:count].copy(), places, asked


@jit
def insert_spacy_tokens(
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
