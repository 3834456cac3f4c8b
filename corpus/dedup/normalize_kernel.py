"""Normalize UTF-8 texts in one pass; compiled, without the GIL. See ``corpus.dedup.normalize``.

The classes of characters are bits of the table that ``scripts/make_folding_table.py`` makes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filters.text.arrays import I32, I64, U8
from filters.text.jit import jit

_WORD, _SPACE, _PUNCTUATION, _PICTURE, _DROPPED, _COMPOSED, _LETTER = 1, 2, 4, 8, 16, 32, 64
# The options, in the order of corpus.dedup.normalize.FOLDS.
_UNICODE, _CASE, _REPOSTS, _URLS, _MENTIONS, _HASHTAGS, _STRETCHED, _PUNCT, _EMOJI = (
    1 << bit for bit in range(9)
)
_LONG_TEXT_BYTES = 1 << 16


@jit
def _decode(data: U8, at: int) -> tuple[np.int64, int]:
    """The code point of the UTF-8 character at ``at``, and its length in bytes."""
    one = np.int64(data[at])
    if one < 0x80:
        return one, 1
    two = np.int64(data[at + 1] & 63)
    if one < 0xE0:
        return (one & 31) << 6 | two, 2
    three = np.int64(data[at + 2] & 63)
    if one < 0xF0:
        return (one & 15) << 12 | two << 6 | three, 3
    return (one & 7) << 18 | two << 12 | three << 6 | np.int64(data[at + 3] & 63), 4


@jit
def mark_context_dependent(data: U8, offsets: I64, classes: U8) -> NDArray[np.bool_]:
    """A mask of the strings with a character whose normal form depends on its neighbours."""
    out = np.zeros(offsets.size - 1, np.bool_)
    for row in range(offsets.size - 1):
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            if data[at] < 0x80:
                at += 1
                continue
            code, size = _decode(data, at)
            if classes[code] & _COMPOSED:
                out[row] = True
                break
            at += size
    return out


@jit
def normalize(
    data: U8,
    offsets: I64,
    options: int,
    classes: U8,
    lower: I32,
    expansion_index: I32,
    expansion_offsets: I32,
    expansions: I32,
) -> tuple[U8, I64]:
    """The normalized strings, concatenated, and the offset of each."""
    if options & ~(_UNICODE | _CASE) == 0:
        return _fold(
            data,
            offsets,
            options,
            classes,
            lower,
            expansion_index,
            expansion_offsets,
            expansions,
        )
    rows = offsets.size - 1
    out = np.empty(offsets[rows] - offsets[0] + 64, np.uint8)
    ends = np.zeros(rows + 1, np.int64)
    codes = np.empty(1024, np.int32)
    used, no_options = int(np.int64(0)), int(np.int64(0))
    for row in range(rows):
        size = offsets[row + 1] - offsets[row]
        if 6 * size > codes.size:  # three bytes may become eighteen characters
            if size > _LONG_TEXT_BYTES:
                size = (
                    _expanded_length(
                        data, offsets[row], offsets[row + 1], expansion_index, expansion_offsets
                    )
                    // 6
                    + 1
                )
            codes = np.empty(max(6 * size, codes.size), np.int32)
        count = _normalize_characters(
            codes,
            data,
            offsets[row],
            offsets[row + 1],
            options,
            classes,
            lower,
            expansion_index,
            expansion_offsets,
            expansions,
        )
        while used + 4 * count + 8 > out.size:
            out = np.concatenate((out, np.empty(out.size, np.uint8)))
        first = used
        used = _write_text(codes, count, out, used, options, classes)
        if used == first:
            used = _write_text(codes, count, out, used, no_options, classes)
        ends[row + 1] = used
    return out[: max(used, 1)].copy(), ends


@jit
def _fold(
    data: U8,
    offsets: I64,
    options: int,
    classes: U8,
    lower: I32,
    expansion_index: I32,
    expansion_offsets: I32,
    expansions: I32,
) -> tuple[U8, I64]:
    """:func:`normalize`, where only Unicode's forms and the case are folded: in one fast pass."""
    rows = offsets.size - 1
    size = offsets[rows] - offsets[0] + 1
    for at in range(offsets[0], offsets[rows]):
        if data[at] >= 0xC0:
            expansion = expansion_index[_decode(data, at)[0]]
            if expansion >= 0:
                size += 4 * (expansion_offsets[expansion + 1] - expansion_offsets[expansion])
    out = np.empty(size, np.uint8)
    ends = np.zeros(rows + 1, np.int64)
    small = options & _CASE != 0
    ascii_form = np.empty(128, np.uint8)
    for letter in range(128):
        ascii_form[letter] = lower[letter] if small else letter
        if classes[letter] & _SPACE:
            ascii_form[letter] = 32
    used = 0
    for row in range(rows):
        at, end = offsets[row], offsets[row + 1]
        gap = True  # the character before is a space, or there is none
        while at < end:
            while at < end and data[at] < 0x80:  # no branches: nobody can predict where words end
                letter = ascii_form[data[at]]
                at += 1
                out[used] = letter
                used += not (gap and letter == 32)
                gap = letter == 32
            if at == end:
                break
            code, width = _decode(data, at)
            at += width
            low, high = np.int64(-1), np.int64(0)
            if options & _UNICODE:
                if classes[code] & _DROPPED:
                    continue
                expansion = expansion_index[code]
                if expansion >= 0:
                    low, high = expansion_offsets[expansion], expansion_offsets[expansion + 1]
            for index in range(low, high):
                part = np.int64(expansions[index]) if low >= 0 else code
                part = np.int64(lower[part]) if small else part
                is_space = classes[part] & _SPACE != 0
                if not is_space:
                    used = _write_character(out, used, part)
                elif not gap:
                    out[used] = 32
                    used += 1
                gap = is_space
        if gap and used > ends[row]:
            used -= 1
        ends[row + 1] = used
    return out[: max(used, 1)], ends


@jit
def _expanded_length(
    data: U8, at: int, end: int, expansion_index: I32, expansion_offsets: I32
) -> int:
    """The number of characters of a string in normal form."""
    count = 0
    while at < end:
        code, size = _decode(data, at)
        at += size
        expansion = expansion_index[code]
        count += (
            expansion_offsets[expansion + 1] - expansion_offsets[expansion] if expansion >= 0 else 1
        )
    return count


@jit
def _normalize_characters(
    codes: I32,
    data: U8,
    at: int,
    end: int,
    options: int,
    classes: U8,
    lower: I32,
    expansion_index: I32,
    expansion_offsets: I32,
    expansions: I32,
) -> int:
    """Decode a string to normalized, lower-case characters; return their number."""
    count = 0
    small = options & _CASE != 0
    while at < end:
        code = np.int64(data[at])
        if code < 0x80:
            codes[count] = code | 32 if small and 65 <= code <= 90 else code
            at += 1
            count += 1
            continue
        code, size = _decode(data, at)
        at += size
        if options & _UNICODE:
            if classes[code] & _DROPPED:
                continue
            expansion = expansion_index[code]
            if expansion >= 0:
                for index in range(expansion_offsets[expansion], expansion_offsets[expansion + 1]):
                    part = expansions[index]
                    codes[count] = lower[part] if small else part
                    count += 1
                continue
        codes[count] = lower[code] if small else code
        count += 1
    return count


@jit
def _is_letter(codes: I32, at: int, count: int, letter: int) -> bool:
    """Whether the character at ``at`` is the ASCII letter ``letter``, in either case."""
    return at < count and (codes[at] | 32) == letter


@jit
def _starts_link(codes: I32, at: int, count: int, classes: U8) -> bool:
    """Whether a link begins at ``at``: http:// or https:// anywhere, www. not inside a word."""
    if _is_letter(codes, at, count, 104):  # h
        if not (
            _is_letter(codes, at + 1, count, 116)
            and _is_letter(codes, at + 2, count, 116)
            and _is_letter(codes, at + 3, count, 112)
        ):
            return False
        at += 4
        if _is_letter(codes, at, count, 115):
            at += 1
        return at + 3 < count and codes[at] == 58 and codes[at + 1] == 47 and codes[at + 2] == 47
    if not (
        _is_letter(codes, at, count, 119)
        and _is_letter(codes, at + 1, count, 119)
        and _is_letter(codes, at + 2, count, 119)
    ):
        return False
    free = at == 0 or not classes[codes[at - 1]] & _WORD
    return free and at + 4 < count and codes[at + 3] == 46 and classes[codes[at + 4]] & _WORD != 0


@jit
def _find_mention_end(codes: I32, at: int, count: int, classes: U8, links: bool) -> int:
    """The end of the mention that begins at ``at``, or ``at`` if none does: @name, @name@host.

    With ``links``, a mention ends where a link begins.
    """
    if codes[at] != 64 or at + 1 >= count:
        return at
    if at > 0:
        before = codes[at - 1]
        if classes[before] & _WORD or before == 64 or before == 47 or before == 46:
            return at
    end = at + 1
    while end < count and (classes[codes[end]] & _WORD or codes[end] == 46):
        if links and _starts_link(codes, end, count, classes):
            break
        end += 1
    if end == at + 1:
        return at
    if end < count and codes[end] == 64:
        host, last = end + 1, end
        while host < count and (
            classes[codes[host]] & _WORD or codes[host] == 46 or codes[host] == 45
        ):
            if links and _starts_link(codes, host, count, classes):
                break
            host += 1
            if classes[codes[host - 1]] & _WORD:
                last = host
        end = last if last > end else end
    return end


@jit
def _skip_repost_prefix(codes: I32, count: int, classes: U8) -> int:
    """The begin of the text after any ``RT @name:``."""
    begin = 0
    while True:
        at = begin
        while at < count and classes[codes[at]] & _SPACE:
            at += 1
        if not (_is_letter(codes, at, count, 114) and _is_letter(codes, at + 1, count, 116)):
            return begin
        at += 2
        gap = at
        while at < count and classes[codes[at]] & _SPACE:
            at += 1
        if at == gap or at >= count or codes[at] != 64:
            return begin
        name = at + 1
        at = name
        while at < count and (classes[codes[at]] & _WORD or codes[at] == 46 or codes[at] == 64):
            at += 1
        if at == name:
            return begin
        if at < count and codes[at] == 58:
            at += 1
        if at < count and not classes[codes[at]] & _SPACE:
            return begin
        begin = at


@jit
def _write_character(out: U8, used: int, code: np.int64) -> int:
    """Write a character in UTF-8; return the position after it."""
    if code < 0x80:
        out[used] = code
        return used + 1
    if code < 0x800:
        out[used], out[used + 1] = 0xC0 | code >> 6, 0x80 | code & 63
        return used + 2
    if code < 0x10000:
        out[used], out[used + 1] = 0xE0 | code >> 12, 0x80 | code >> 6 & 63
        out[used + 2] = 0x80 | code & 63
        return used + 3
    out[used], out[used + 1] = 0xF0 | code >> 18, 0x80 | code >> 12 & 63
    out[used + 2], out[used + 3] = 0x80 | code >> 6 & 63, 0x80 | code & 63
    return used + 4


@jit
def _write_text(codes: I32, count: int, out: U8, used: int, options: int, classes: U8) -> int:
    """Write the characters that count, with single spaces; return the position after them."""
    at = _skip_repost_prefix(codes, count, classes) if options & _REPOSTS else 0
    links, stretched = options & _URLS != 0, options & _STRETCHED != 0
    apart = _SPACE
    apart |= _PUNCTUATION if options & _PUNCT else 0
    apart |= _PICTURE if options & _EMOJI else 0
    first, gap, last, run = used, False, np.int64(-1), 0
    while at < count:
        code = np.int64(codes[at])
        kind = classes[code]
        if kind & _LETTER:
            small = code | 32
            if links and (small == 104 or small == 119) and _starts_link(codes, at, count, classes):
                while at < count and not classes[codes[at]] & _SPACE:
                    at += 1
                gap = True
                continue
        elif kind & apart:
            at, gap = at + 1, True
            continue
        elif code == 64 and options & _MENTIONS:
            end = _find_mention_end(codes, at, count, classes, links)
            if end > at:
                at, gap = end, True
                continue
        elif code == 35 and options & _HASHTAGS:
            follows = at + 1 < count and classes[codes[at + 1]] & _WORD
            if follows and not (links and _starts_link(codes, at + 1, count, classes)):
                gap = gap or (at > 0 and classes[codes[at - 1]] & _WORD != 0)
                at += 1
                continue
        at += 1
        if gap:
            if used > first:
                out[used] = 32
                used += 1
            gap, last = False, np.int64(-1)
        if code == last:
            run += 1
            if run > 2 and stretched and kind & _LETTER:
                continue
        else:
            last, run = code, 1
        if code < 0x80:
            out[used] = code
            used += 1
        else:
            used = _write_character(out, used, code)
    return used
