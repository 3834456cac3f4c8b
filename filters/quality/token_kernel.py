"""A compiled copy of spaCy's tokenizer: peel signs off both ends of a run, then cut within it.

A *run* is a maximal sequence of characters that are no white space. Importing this module imports
numba, so import it where it is used.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from filters.text.arrays import I64, U8, U32, U64
from filters.text.hashing import FNV_OFFSET, fnv1a
from filters.text.jit import jit
from filters.text.utf8 import decode_character, decode_character_before

# What a character is to the algorithm. SPACE is white space, ALPHA a letter, PREFIX and SUFFIX
# what is peeled off an end, ICON what is always a token of its own, CURRENCY what is peeled off
# after a digit. A period is peeled off after PERIOD_SUFFIX, and after two UPPER; it is cut within
# a run between INFIX_LEFT and INFIX_RIGHT. UNKNOWN is what only spaCy can decide.
SPACE, ALPHA, PREFIX, SUFFIX, ICON, UNKNOWN = 1, 2, 4, 8, 16, 32
PERIOD_SUFFIX, INFIX_LEFT, INFIX_RIGHT, UPPER, CURRENCY = 64, 128, 256, 512, 1024

# Characters that the patterns name.
_EXCLAMATION, _HASH, _DOLLAR, _APOSTROPHE, _ASTERISK, _PLUS = 0x21, 0x23, 0x24, 0x27, 0x2A, 0x2B
_COMMA, _HYPHEN, _PERIOD, _SLASH, _COLON = 0x2C, 0x2D, 0x2E, 0x2F, 0x3A
_SEMICOLON, _LESS, _EQUALS, _GREATER, _QUESTION, _AT = 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x40
_CARET, _TILDE, _DEGREE, _EN_DASH = 0x5E, 0x7E, 0xB0, 0x2013
_EM_DASH, _RIGHT_QUOTE, _ELLIPSIS = 0x2014, 0x2019, 0x2026

# A key of ``special_hints``: length, then five bits each of the first and of the last byte.
HINT_LENGTH, HINT_FIRST, HINT_BITS = 1024, 32, 31


class TokenizerTables(NamedTuple):
    """What spaCy's patterns decide, as tables.

    ``flags`` has the flags of each character. ``specials`` is a hash table of the strings that
    spaCy tokenizes by a list, ``special_hints`` is 1 where one has such a length, first and last
    byte (a tenth of all words do), and ``split_specials`` has those that are more than one token.
    ``units`` is a hash table of what is cut off after a digit: km, kg, %.
    """

    flags: U32
    specials: U64
    special_hints: U8
    split_specials: U64
    units: U64


@jit
def hash_bytes(data: U8, begin: int, end: int) -> np.uint64:
    """Hash ``data[begin:end]``; the result is not 0, which marks a free slot."""
    value = fnv1a(data, begin, end, FNV_OFFSET)
    value ^= value >> np.uint64(32)
    return value | np.uint64(1)


@jit
def _is_in_table(table: U64, data: U8, begin: int, end: int) -> bool:
    value = hash_bytes(data, begin, end)
    mask = np.uint64(table.size - 1)
    slot = value & mask
    while table[slot]:
        if table[slot] == value:
            return True
        slot = (slot + np.uint64(1)) & mask
    return False


@jit
def _is_special(data: U8, begin: int, end: int, specials: U64, special_hints: U8) -> bool:
    """Return whether spaCy tokenizes ``data[begin:end]`` by its list."""
    hint = (end - begin) * HINT_LENGTH
    if hint >= special_hints.size:
        return False
    hint += (data[begin] & HINT_BITS) * HINT_FIRST + (data[end - 1] & HINT_BITS)
    return bool(special_hints[hint]) and _is_in_table(specials, data, begin, end)


@jit
def _is_digit(code: Any) -> bool:
    return bool(48 <= code <= 57)


@jit
def _count_dots(data: U8, left: int, right: int) -> int:
    """Return how many periods ``data[left:right]`` begins with."""
    position = left
    while position < right and data[position] == _PERIOD:
        position += 1
    return position - left


@jit
def _match_prefix(data: U8, left: int, right: int, flags: U32) -> int:
    """Return the bytes of the prefix at ``left``; -1 if only spaCy can decide."""
    code, size = decode_character(data, left)
    following = data[left + 1] if left + 1 < right else np.uint8(0)
    if code == _PERIOD:
        dots = _count_dots(data, left, right)
        return dots if dots > 1 else 0
    if code == _PLUS:
        return 0 if _is_digit(following) else 1
    if code in (65, 67, 85):  # A$, C$, US$
        second = data[left + 2] if left + 2 < right else np.uint8(0)
        is_us_dollar = code == 85 and following == 83 and second == _DOLLAR
        return -1 if following == _DOLLAR or is_us_dollar else 0
    if flags[code] & UNKNOWN:
        return -1
    return int(size) if flags[code] & PREFIX else 0


@jit
def _match_unit(data: U8, left: int, right: int, units: U64) -> int:
    """Return the bytes of a unit after the last digit, if the run ends in one."""
    position = right
    while position > left and right - position < 16:
        if _is_digit(data[position - 1]):
            has_unit = position < right and _is_in_table(units, data, position, right)
            return right - position if has_unit else 0
        position -= 1
    return 0


@jit
def _match_suffix(data: U8, left: int, right: int, flags: U32, units: U64) -> int:
    """Return the bytes of the suffix before ``right``; -1 if only spaCy can decide."""
    if left >= right:
        return 0
    code, size = decode_character_before(data, right)
    if flags[code] & UNKNOWN:
        return -1
    position = right - size
    last, last_size = (np.int64(0), np.int64(0))
    if position > left:
        last, last_size = decode_character_before(data, position)
        if flags[last] & UNKNOWN:
            return -1
    if code == _PERIOD:
        if last == _PERIOD:
            while position > left and data[position - 1] == _PERIOD:
                position -= 1
            return int(right - position)
        if flags[last] & PERIOD_SUFFIX and position > left:
            return 1
        if position - last_size > left:
            first, _ = decode_character_before(data, position - last_size)
            if flags[last] & UPPER and flags[first] & UPPER:
                return 1
            if flags[first] & UNKNOWN or first == _DEGREE:  # 30°C.
                return -1
        return 0
    unit = _match_unit(data, left, right, units)
    if unit:
        return unit
    if code == _ELLIPSIS and last == _ELLIPSIS:
        return int(size) + int(last_size)
    if code in (115, 83) and last in (_APOSTROPHE, _RIGHT_QUOTE):  # 's
        return int(size) + int(last_size)
    if code == _PLUS:
        return 1 if _is_digit(last) else 0
    if flags[code] & SUFFIX:
        return int(size)
    if code == _DOLLAR and last in (65, 67, 83):  # 5US$
        return -1
    # A letter can only be a unit, and those are matched above.
    is_currency = flags[code] & CURRENCY and not flags[code] & ALPHA and _is_digit(last)
    return int(size) if is_currency else 0


@jit
def _is_url(data: U8, left: int, right: int) -> bool:
    """Return whether spaCy certainly takes it for a web address."""
    position = left
    while position < right and data[position] != _COLON:
        position += 1
    if position + 2 < right and data[position + 1] == _SLASH and data[position + 2] == _SLASH:
        is_http = right - left > 8 and data[left] == 104 and data[left + 1] == 116
        is_http = is_http and data[left + 2] == 116 and data[left + 3] == 112
        is_https = position == left + 5 and data[left + 4] == 115
        if not (is_http and (position == left + 4 or is_https)):
            return False
        position += 3
    else:
        position = left
    dots, label_bytes, is_lower = 0, 0, True
    while position < right:
        sign = data[position]
        is_lower_letter = 97 <= sign <= 122
        if is_lower_letter or _is_digit(sign) or 65 <= sign <= 90:
            label_bytes += 1
            is_lower = is_lower and is_lower_letter
        elif sign == _PERIOD and 0 < label_bytes < 64:
            dots, label_bytes, is_lower = dots + 1, 0, True
        else:
            break
        position += 1
    if position < right and data[position] not in (_SLASH, _QUESTION, _HASH):
        return False
    return dots > 0 and is_lower and 2 <= label_bytes < 64


@jit
def _is_not_url(data: U8, left: int, right: int) -> bool:
    """Return whether spaCy certainly takes it for no web address: its last label is no domain."""
    has_empty_label, has_capital = False, False
    for position in range(left, right):
        sign = data[position]
        if sign in (_HASH, _SLASH, _COLON, _QUESTION, _AT):  # a host may be before them
            return False
        if sign == _PERIOD:
            has_empty_label |= position > left and data[position - 1] == _PERIOD
            has_capital = False
        has_capital |= bool(65 <= sign <= 90)
    return has_empty_label or has_capital


@jit
def _match_infix(data: U8, left: int, position: int, right: int, last: Any, flags: U32) -> int:
    """Return the bytes at ``position`` that spaCy cuts out; ``last`` is the character before."""
    code, size = decode_character(data, position)
    if flags[code] & ICON or code == _ELLIPSIS:
        return int(size)
    if position == left:
        dots = _count_dots(data, position, right)
        return dots if dots > 1 else 0
    after = position + size
    following = np.int64(0)
    if after < right:
        following, _ = decode_character(data, after)
    if code == _PERIOD:
        dots = _count_dots(data, position, right)
        if dots > 1:
            return dots
        return 1 if flags[last] & INFIX_LEFT and flags[following] & INFIX_RIGHT else 0
    is_operator = code in (_PLUS, _HYPHEN, _ASTERISK, _CARET)
    if is_operator and _is_digit(last) and (_is_digit(following) or following == _HYPHEN):
        return 1
    if code == _COMMA:
        return 1 if flags[last] & ALPHA and flags[following] & ALPHA else 0
    if not (flags[last] & ALPHA or _is_digit(last)):
        return 0
    if code in (_COLON, _LESS, _EQUALS, _GREATER, _SLASH):
        return 1 if flags[following] & ALPHA else 0
    if code in (_HYPHEN, _EN_DASH, _EM_DASH, _TILDE):
        max_dashes = 3 if code == _HYPHEN else 2 if code == _EM_DASH else 1
        for _ in range(max_dashes):
            if flags[following] & ALPHA:
                return int(after - position)
            if following != code:
                return 0
            after += size
            following = np.int64(0)
            if after < right:
                following, _ = decode_character(data, after)
    return 0


@jit
def _tokenize_run(
    data: U8,
    begin: int,
    end: int,
    tables: TokenizerTables,
    starts: I64,
    ends: I64,
    count: int,
    peeled: I64,
) -> int:
    """Write the tokens of one run from index ``count``; return the new count, or -1 to ask spaCy.

    ``peeled`` is scratch space for the ends of suffixes.
    """
    flags, specials, special_hints, split_specials, units = tables
    left, right, suffixes, first = begin, end, 0, count
    while left < right:
        if _is_special(data, left, right, specials, special_hints):
            return -1
        front = _match_prefix(data, left, right, flags)
        if front < 0:
            return -1
        if front and _is_special(data, left + front, right, specials, special_hints):
            return -1
        back = _match_suffix(data, left + front, right, flags, units)
        if back < 0 or (back and _is_special(data, left, right - back, specials, special_hints)):
            return -1
        if not front and not back:
            break
        if front:
            starts[count], ends[count] = left, left + front
            count, left = count + 1, left + front
        if back and left + back <= right:
            peeled[suffixes] = right
            suffixes, right = suffixes + 1, right - back
    # What remains is cut within, unless it is a web address.
    position, start, last, cuts, has_period = left, left, np.int64(0), 0, False
    core = count
    while position < right:
        code, size = decode_character(data, position)
        if flags[code] & UNKNOWN:
            return -1
        has_period |= code == _PERIOD
        infix = _match_infix(data, left, position, right, last, flags)
        if infix:
            if position > left:
                cuts += 1
                if position > start:
                    starts[count], ends[count] = start, position
                    count += 1
                starts[count], ends[count] = position, position + infix
                count, start = count + 1, position + infix
            position += infix
            last, _ = decode_character_before(data, position)
        else:
            position += size
            last = code
    if cuts and has_period:
        if _is_url(data, left, right):
            count, start = core, left
        elif not _is_not_url(data, left, right):
            return -1
    if start < right:
        starts[count], ends[count] = start, right
        count += 1
    for suffix in range(suffixes - 1, -1, -1):
        starts[count], ends[count] = right, peeled[suffix]
        count, right = count + 1, peeled[suffix]
    if count - first > 1:  # spaCy joins what is in its list, or splits it as the list has it
        for token in range(first, count):
            begin, end = starts[token], ends[token]
            if _is_special(data, begin, end, specials, special_hints) and _is_in_table(
                split_specials, data, begin, end
            ):
                return -1
            other = token + 1
            while other < count and (ends[other] - begin) * HINT_LENGTH < special_hints.size:
                if _is_special(data, begin, ends[other], specials, special_hints):
                    return -1
                other += 1
    return count


@jit
def _tokenize_simple_run(
    data: U8,
    begin: int,
    end: int,
    letters: int,
    tables: TokenizerTables,
    starts: I64,
    ends: I64,
    count: int,
) -> int:
    """Write the tokens of a run that is quickly known to be simple; return the new count, or 0.

    Simple are Latin letters with a # or @ before and one mark after them, and web addresses.
    """
    _, specials, special_hints, _, units = tables
    first, last = data[begin], data[end - 1]
    has_front, has_back = not 97 <= (first | 32) <= 122, not 97 <= (last | 32) <= 122
    if letters + has_front + has_back == end - begin and letters:
        if has_front and first != _HASH and first != _AT:
            return 0
        is_mark = last in (_EXCLAMATION, _COMMA, _COLON, _SEMICOLON, _QUESTION)
        if has_back and not (is_mark or (last == _PERIOD and data[end - 2] >= 97)):
            return 0
        left, right = begin + (has_front and first == _HASH), end - has_back
        if _is_special(data, begin, end, specials, special_hints):
            return 0
        if left > begin or right < end:
            if _is_special(data, left, right, specials, special_hints):
                return 0
            if _is_special(data, begin, right, specials, special_hints):
                return 0
            if _is_special(data, left, end, specials, special_hints):
                return 0
        if left > begin:
            starts[count], ends[count] = begin, left
            count += 1
        starts[count], ends[count] = left, right
        if right < end:
            count += 1
            starts[count], ends[count] = right, end
        return count + 1
    # An address that ends in a letter: no sign is peeled off it except a unit or an 's.
    if first != 104 or has_back or data[end - 2] >= 0x80 or data[end - 2] == _APOSTROPHE:
        return 0
    if _match_unit(data, begin, end, units) or not _is_url(data, begin, end):
        return 0
    if _is_special(data, begin, end, specials, special_hints):
        return 0
    starts[count], ends[count] = begin, end
    return count + 1


@jit
def tokenize_texts(
    data: U8, offsets: I64, tables: TokenizerTables, with_spacy: bool
) -> tuple[I64, I64, I64, int]:
    """Return the starts and ends of all tokens, the text offsets, and how many runs are undecided.

    An undecided run is one token with a negative end: only spaCy can tokenize it. Without
    ``with_spacy``, every run is a token.
    """
    flags, special_hints = tables.flags, tables.special_hints
    rows = offsets.size - 1
    size = offsets[rows] - offsets[0]
    longest = 0
    for row in range(rows):
        longest = max(longest, offsets[row + 1] - offsets[row])
    starts, ends = np.empty(size + 1, np.int64), np.empty(size + 1, np.int64)
    peeled, text_offsets = np.empty(longest + 1, np.int64), np.zeros(rows + 1, np.int64)
    count, undecided = 0, 0
    for row in range(rows):
        position, end = offsets[row], offsets[row + 1]
        while position < end:
            begin, letters = position, 0
            while position < end:
                byte = data[position]
                if byte < 0x80:
                    if flags[byte] & SPACE:
                        break
                    letters += 97 <= (byte | 32) <= 122
                    position += 1
                    continue
                code, step = decode_character(data, position)
                if flags[code] & SPACE:
                    break
                position += step
            if position > begin:
                hint = (position - begin) * HINT_LENGTH
                if letters == position - begin and hint < special_hints.size:
                    hint += (data[begin] & HINT_BITS) * HINT_FIRST
                    hint += data[position - 1] & HINT_BITS
                else:
                    hint = 0 if letters < position - begin else -1
                if not with_spacy or hint < 0 or (hint > 0 and not special_hints[hint]):
                    # Latin letters alone: two words of three, so they get no function call.
                    starts[count], ends[count] = begin, position
                    new_count = count + 1
                else:
                    new_count = _tokenize_simple_run(
                        data, begin, position, letters, tables, starts, ends, count
                    )
                if not new_count:
                    new_count = _tokenize_run(
                        data, begin, position, tables, starts, ends, count, peeled
                    )
                if new_count < 0:
                    starts[count], ends[count] = begin, -position
                    new_count, undecided = count + 1, undecided + 1
                count = new_count
            if position < end:
                _, step = decode_character(data, position)
                position += step
        text_offsets[row + 1] = count
    return starts[:count].copy(), ends[:count].copy(), text_offsets, undecided


@jit
def insert_spacy_tokens(
    starts: I64, ends: I64, text_offsets: I64, counts: I64, spacy_ends: I64
) -> tuple[I64, I64, I64]:
    """Replace each undecided run by spaCy's tokens.

    ``counts`` has the number of tokens for each run, 1 for decided ones, and ``spacy_ends`` the
    ends of spaCy's tokens.
    """
    total = counts.sum()
    new_starts, new_ends = np.empty(total, np.int64), np.empty(total, np.int64)
    new_text_offsets = np.zeros(text_offsets.size, np.int64)
    used, spacy_token = 0, 0
    for row in range(text_offsets.size - 1):
        for token in range(text_offsets[row], text_offsets[row + 1]):
            begin = starts[token]
            if ends[token] >= 0:
                new_starts[used], new_ends[used] = begin, ends[token]
                used += 1
                continue
            for _ in range(counts[token]):
                new_starts[used], new_ends[used] = begin, spacy_ends[spacy_token]
                begin = spacy_ends[spacy_token]
                used, spacy_token = used + 1, spacy_token + 1
        new_text_offsets[row + 1] = used
    return new_starts, new_ends, new_text_offsets
