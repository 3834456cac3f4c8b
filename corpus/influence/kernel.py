"""Split texts into words, tags and links, and make keys of them; compiled, without the GIL.

A *key* is a 64-bit number of a thing that posts can have in common. Its low three bits are its
kind, an index into ``KINDS`` of ``corpus.influence.keys``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.partition.key_kernel import mix64
from filters.text.arrays import I64, U8, U32, U64
from filters.text.jit import jit
from filters.text.utf8 import decode_character

SYMBOLS, HASHTAG, MENTION, DOMAIN, LINK, PHRASE, LONG_PHRASE = range(7)
#: The sizes of word n-grams. A phrase of another size contains one of these.
SIZES = (1, 2, 3, 4, 6)
_SIZE_BITS = 0b1011110  # bit n is set for each size n
_LONGEST = 6
_WORD, _SPACE = 1, 2  # the classes of corpus.dedup.normalize
_UNDERSCORE, _HASH, _AT = 95, 35, 64
_MIN_SYMBOLS = 3
_SEED = 0x9E3779B97F4A7C15
_PRIME = 0x9DDFEA08EB382D69
#: The size of a table of the keys that a post has had so far. A key that was pushed out of it by
#: others is counted twice, which matters little.
_SEEN = 1 << 12


@jit
def _add_byte(h: np.uint64, byte: Any) -> np.uint64:
    h = (h ^ np.uint64(byte)) * np.uint64(_PRIME)
    return h ^ (h >> np.uint64(29))


@jit
def _hash_bytes(data: U8, begin: int, end: int) -> np.uint64:
    h = np.uint64(_SEED)
    for at in range(begin, end):
        h = _add_byte(h, data[at])
    return mix64(h)


@jit
def _add_word(h: np.uint64, word: np.uint32) -> np.uint64:
    """The hash of a phrase and the word behind it."""
    h = (h ^ np.uint64(word)) * np.uint64(_PRIME)
    return h ^ (h >> np.uint64(31))


@jit
def _is_ascii_word(code: Any) -> Any:
    return 97 <= code <= 122 or 48 <= code <= 57 or code == _UNDERSCORE or 65 <= code <= 90


@jit
def _make_key(h: np.uint64, kind: int) -> np.uint64:
    return (mix64(h + np.uint64(kind)) & ~np.uint64(7)) | np.uint64(kind)


@jit
def _is_unspaced(code: Any) -> Any:
    """Whether a character is a word by itself: it is of a script without spaces."""
    return code >= 0x0E00 and (
        code < 0x0F00  # Thai, Lao
        or 0x1000 <= code < 0x10A0  # Myanmar
        or 0x1780 <= code < 0x1800  # Khmer
        or 0x3040 <= code < 0x3100  # Hiragana, Katakana
        or 0x3400 <= code < 0xA000  # CJK ideographs
        or 0xF900 <= code < 0xFB00
        or 0x20000 <= code < 0x40000
    )


@jit
def _starts_link(data: U8, at: int, end: int) -> int:
    """The length of ``http://``, ``https://`` or ``www.`` at ``at``; 0 if there is none."""
    if data[at] == 104 and at + 10 < end:  # h
        is_http = data[at + 1] == 116 and data[at + 2] == 116 and data[at + 3] == 112
        size = 5 if data[at + 4] == 115 else 4
        ends = data[at + size] == 58 and data[at + size + 1] == 47 and data[at + size + 2] == 47
        return size + 3 if is_http and ends else 0
    if data[at] == 119 and at + 6 < end:  # w
        return 4 if data[at + 1] == 119 and data[at + 2] == 119 and data[at + 3] == 46 else 0
    return 0


@jit
def trim_texts(data: U8, offsets: I64, classes: U8) -> tuple[I64, I64, NDArray[np.bool_]]:
    """The begin and the end of each text without spaces at its end, and which are not ASCII."""
    rows = offsets.size - 1
    begins, ends = np.empty(rows, np.int64), np.empty(rows, np.int64)
    is_other = np.zeros(rows, np.bool_)
    for row in range(rows):
        begin, end = offsets[row], offsets[row + 1]
        at = begin
        while at < end and data[at] < 0x80:
            at += 1
        is_other[row] = at < end
        while end > begin and data[end - 1] < 0x80 and classes[data[end - 1]] & _SPACE:
            end -= 1
        begins[row], ends[row] = begin, end
    return begins, ends, is_other


@jit
def split_texts(
    data: U8, text_begins: I64, text_ends: I64, classes: U8, with_spans: bool
) -> tuple[Any, ...]:
    """Split n normalized texts into words and extras: symbols, hashtags, mentions, hosts, links.

    Returns the hashes of the words (flat), their begins and ends in ``data`` if ``with_spans``, and
    the offsets of the posts (n + 1,); then hashes, kinds, begins, ends and offsets of the extras in
    the same way.
    """
    rows = text_begins.size
    size = np.sum(text_ends - text_begins) + 1
    words = np.empty(size, np.uint32)
    span_size = size if with_spans else 0
    begins, ends = np.empty(span_size, np.int64), np.empty(span_size, np.int64)
    ascii_classes = np.empty(128, np.uint8)
    for letter in range(128):
        ascii_classes[letter] = (
            _WORD if _is_ascii_word(letter) else _SPACE if letter <= 32 else np.uint8(0)
        )
    word_offsets, extra_offsets = np.zeros(rows + 1, np.int64), np.zeros(rows + 1, np.int64)
    extras = np.empty(size, np.uint64)
    kinds = np.empty(size, np.uint8)
    firsts, lasts = np.empty(size, np.int64), np.empty(size, np.int64)
    count = more = 0
    for row in range(rows):
        at, end = text_begins[row], text_ends[row]
        run_begin, run_mixed = at, False  # characters that are neither words nor spaces
        is_free = True  # no word character is just before
        while at < end:
            code, width = np.int64(data[at]), np.int64(1)
            if code >= 0x80:
                code, width = decode_character(data, at)
                group = classes[code]
            else:
                group = ascii_classes[code]
            is_word = group & _WORD != 0
            if is_word and is_free and (code == 104 or code == 119):  # h, w
                prefix = _starts_link(data, at, end)
                if prefix:
                    host = at + prefix
                    if data[at] == 104 and _starts_link(data, host, end) == 4:
                        host += 4
                    stop = host
                    while stop < end and (
                        data[stop] >= 0x80
                        or data[stop] == 45
                        or data[stop] == 46
                        or 48 <= data[stop] <= 57
                        or 97 <= data[stop] <= 122
                    ):
                        stop += 1
                    last = stop
                    while last < end and data[last] > 32 and data[last] not in (34, 41, 60, 62, 93):
                        last += 1
                    close = last
                    while close > stop and data[close - 1] in (33, 35, 44, 46, 47, 58, 59, 63):
                        close -= 1
                    if stop > host:
                        extras[more], kinds[more] = np.uint64(0), DOMAIN
                        firsts[more], lasts[more] = host, stop
                        more += 1
                        if close > stop + 1:
                            extras[more], kinds[more] = _hash_bytes(data, host, close), LINK
                            firsts[more], lasts[more] = host, close
                            more += 1
                    at = max(last, at + 1)
                    run_begin, run_mixed, is_free = at, False, True
                    continue
            if is_word:
                if at > run_begin and run_mixed:
                    extras[more], kinds[more] = _hash_bytes(data, run_begin, at), SYMBOLS
                    firsts[more], lasts[more] = run_begin, at
                    more += 1
                begin, before = at, at - 1
                mark = np.int64(0)
                if before >= run_begin and (data[before] == _HASH or data[before] == _AT):
                    mark = np.int64(data[before])
                h = np.uint64(_SEED)
                stop = at + width if _is_unspaced(code) and not mark else end
                while at < stop:
                    code = np.int64(data[at])
                    if code < 0x80:
                        if not ascii_classes[code] & _WORD:
                            break
                        h = _add_byte(h, code)
                        at += 1
                        continue
                    code, width = decode_character(data, at)
                    is_inside = classes[code] & _WORD and (mark or not _is_unspaced(code))
                    if at > begin and not is_inside:
                        break
                    for index in range(at, at + width):
                        h = _add_byte(h, data[index])
                    at += width
                h = mix64(h)
                if mark:
                    extras[more] = h
                    kinds[more] = HASHTAG if mark == _HASH else MENTION
                    firsts[more], lasts[more] = begin, at
                    more += 1
                else:
                    words[count] = np.uint32(h >> np.uint64(32))
                    if with_spans:
                        begins[count], ends[count] = begin, at
                    count += 1
                run_begin, run_mixed, is_free = at, False, False
                continue
            if group & _SPACE:
                if run_mixed:
                    extras[more], kinds[more] = _hash_bytes(data, run_begin, at), SYMBOLS
                    firsts[more], lasts[more] = run_begin, at
                    more += 1
                run_begin, run_mixed = at + width, False
            elif at + width - run_begin >= _MIN_SYMBOLS and data[at] != data[run_begin]:
                run_mixed = True
            at += width
            is_free = True
        if run_mixed:
            extras[more], kinds[more] = _hash_bytes(data, run_begin, at), SYMBOLS
            firsts[more], lasts[more] = run_begin, at
            more += 1
        word_offsets[row + 1], extra_offsets[row + 1] = count, more
    return (
        words[:count],
        begins[:count],
        ends[:count],
        word_offsets,
        extras[:more],
        kinds[:more],
        firsts[:more],
        lasts[:more],
        extra_offsets,
    )


@jit
def number_values(values: U64) -> tuple[I64, I64]:
    """Number the distinct values in the order in which they come.

    Returns the row of the first of each, and the number of each row's value.
    """
    size = 64
    while size < 2 * values.size:
        size *= 2
    mask = np.uint64(size - 1)
    table = np.full(size, -1, np.int64)
    firsts, numbers = np.empty(values.size, np.int64), np.empty(values.size, np.int64)
    used = 0
    for row in range(values.size):
        slot = mix64(values[row]) & mask
        while table[slot] >= 0 and values[firsts[table[slot]]] != values[row]:
            slot = (slot + np.uint64(1)) & mask
        if table[slot] < 0:
            table[slot], firsts[used] = used, row
            used += 1
        numbers[row] = table[slot]
    return firsts[:used].copy(), numbers


@jit
def hash_spans(data: U8, begins: I64, ends: I64) -> U64:
    """A hash of the bytes of each span."""
    out = np.empty(begins.size, np.uint64)
    for index in range(begins.size):
        out[index] = _hash_bytes(data, begins[index], ends[index])
    return out


@jit
def copy_spans(data: U8, begins: I64, ends: I64) -> tuple[U8, I64]:
    """The bytes of the spans, concatenated, and the offset of each."""
    offsets = np.zeros(begins.size + 1, np.int64)
    for index in range(begins.size):
        offsets[index + 1] = offsets[index] + ends[index] - begins[index]
    out = np.empty(offsets[-1], np.uint8)
    for index in range(begins.size):
        out[offsets[index] : offsets[index + 1]] = data[begins[index] : ends[index]]
    return out, offsets


@jit
def _bit_of_word(word: np.uint32) -> Any:
    return np.int64((np.uint64(word) * np.uint64(_PRIME)) >> np.uint64(57))


@jit
def _bit_of_extra(extra: np.uint64) -> Any:
    return np.int64(mix64(extra) >> np.uint64(57))


@jit
def mark_bits(words: U32, word_offsets: I64, extras: U64, extra_offsets: I64) -> U64:
    """128 bits for each post, shape (n, 2): each word and extra sets one of them."""
    out = np.zeros((word_offsets.size - 1, 2), np.uint64)
    for row in range(word_offsets.size - 1):
        for at in range(word_offsets[row], word_offsets[row + 1]):
            bit = _bit_of_word(words[at])
            out[row, bit >> 6] |= np.uint64(1) << np.uint64(bit & 63)
        for at in range(extra_offsets[row], extra_offsets[row + 1]):
            bit = _bit_of_extra(extras[at])
            out[row, bit >> 6] |= np.uint64(1) << np.uint64(bit & 63)
    return out


@jit
def measure_authors(one: U64, two: U64, starts: I64, share: float) -> tuple[U32, U64]:
    """For n posts, how many their author wrote, and the bits that a ``share`` of these have.

    ``one`` and ``two`` are the bits of the posts, ordered by author, and ``starts`` (authors + 1,)
    the first post of each author.
    """
    written, out = np.empty(one.size, np.uint32), np.empty((one.size, 2), np.uint64)
    counts = np.zeros(128, np.int64)
    for author in range(starts.size - 1):
        low, high = starts[author], starts[author + 1]
        first, second = one[low], two[low]
        if high - low > 1:
            counts[:] = 0
            for index in range(low, high):
                for half in range(2):
                    rest = two[index] if half else one[index]
                    at = half << 6
                    while rest:
                        counts[at] += np.int64(rest & np.uint64(1))
                        rest >>= np.uint64(1)
                        at += 1
            first = second = np.uint64(0)
            for bit in range(64):
                first |= np.uint64(counts[bit] >= share * (high - low)) << np.uint64(bit)
                second |= np.uint64(counts[bit + 64] >= share * (high - low)) << np.uint64(bit)
        for index in range(low, high):
            written[index] = high - low
            out[index, 0], out[index, 1] = first, second
    return written, out


@jit
def _open_step(step: int, words: int, extras: U64, first_extra: int) -> tuple[int, np.uint64]:
    """The number of phrases that begin with the word ``step`` of a post with so many ``words``, and
    0; of the later steps, each an extra of the post, 1 and the extra.

    A domain of the allow list has no key: 0 and 0.
    """
    if step < words:
        return min(_LONGEST, words - step), np.uint64(0)
    extra = extras[first_extra + step - words]
    return (1 if extra else 0), extra


@jit
def count_entries(
    words: U32,
    word_offsets: I64,
    extras: U64,
    kinds: U8,
    extra_offsets: I64,
    constant: U64,
    level: U8,
    day: U8,
    is_counted: NDArray[np.bool_],
    range_bits: int,
    slot_bits: int,
) -> tuple[U32, I64]:
    """An entry for each key of each post, ordered by key range, and the offsets of the ranges.

    The most significant bits of an entry are a slot of ``slot_bits`` (23 at most). The others are
    the ``level`` of the post (0 to 7), its ``day`` (0 to 15), whether the key is one of six words,
    and whether the author may write little without it: whether all words of the key are among the
    ``constant`` bits of the author.
    """
    seen = np.zeros(_SEEN, np.uint64)
    entries = np.empty(5 * words.size + extras.size + 1, np.uint32)
    ranges = np.empty(entries.size if range_bits else 1, np.uint8)
    used = 0
    offsets = np.zeros((1 << range_bits) + 1, np.int64)
    for row in range(word_offsets.size - 1):
        if not is_counted[row]:
            continue
        tag = np.uint64(row + 1) * np.uint64(_PRIME)
        one, two = constant[row, 0], constant[row, 1]
        own = np.uint64(level[row]) << np.uint64(6) | np.uint64(day[row]) << np.uint64(2)
        low, high = word_offsets[row], word_offsets[row + 1]
        first_extra, last_extra = extra_offsets[row], extra_offsets[row + 1]
        for step in range(high - low + last_extra - first_extra):
            sizes, extra = _open_step(step, high - low, extras, first_extra)
            h, is_constant = np.uint64(_SEED), np.uint64(1)
            for size in range(1, sizes + 1):
                if extra:
                    bit = _bit_of_extra(extra)
                    key = _make_key(extra, kinds[first_extra + step - (high - low)])
                else:
                    word = words[low + step + size - 1]
                    h = _add_word(h, word)
                    bit = _bit_of_word(word)
                    key = _make_key(h, LONG_PHRASE if size == _LONGEST else PHRASE)
                is_constant &= (two if bit >> 6 else one) >> np.uint64(bit & 63)
                place = np.int64(key >> np.uint64(52))
                if (not extra and not (_SIZE_BITS >> size) & 1) or seen[place] == key ^ tag:
                    continue
                seen[place] = key ^ tag
                is_long = np.uint64(key & np.uint64(7) == LONG_PHRASE)
                entry = find_slot(key, slot_bits) << np.uint64(9) | own
                entries[used] = entry | is_long << np.uint64(1) | is_constant
                if range_bits:
                    number = find_range(key, range_bits)
                    ranges[used] = number
                    offsets[number + 1] += 1
                used += 1
    if range_bits == 0:
        offsets[1] = used
        return entries[:used], offsets
    for index in range(1 << range_bits):
        offsets[index + 1] += offsets[index]
    free = offsets[:-1].copy()
    out = np.empty(used, np.uint32)
    for index in range(used):
        number = ranges[index]
        out[free[number]] = entries[index]
        free[number] += 1
    return out, offsets


@jit
def find_range(key: np.uint64, range_bits: int) -> Any:
    """The number of the range of a key."""
    return np.int64(key >> np.uint64(64 - range_bits)) if range_bits else np.int64(0)


@jit
def find_slot(key: np.uint64, slot_bits: int) -> np.uint64:
    """The slot of a key within its range."""
    return (key >> np.uint64(8)) & ((np.uint64(1) << np.uint64(slot_bits)) - np.uint64(1))


@jit
def summarize_entries(entries: U32, least: int) -> tuple[Any, ...]:
    """What sorted entries say of each slot that has at least ``least`` of them.

    Returns the slots; their entries; those of authors who may write little else; those of six
    words; the sums of the shares of posts by authors who write other things, 2 to the power of
    minus the level; and votes: if a share s of the entries of a slot have one day other than 15, at
    least (2 s - 1) of them.
    """
    size = entries.size // least + 1
    slots, totals = np.empty(size, np.uint64), np.empty(size, np.int64)
    devoted, long = np.empty(size, np.int64), np.empty(size, np.int64)
    others, votes = np.empty(size, np.float64), np.empty(size, np.int64)
    used = low = 0
    while low < entries.size:
        slot = entries[low] >> np.uint32(9)
        high = low + 1
        while high < entries.size and entries[high] >> np.uint32(9) == slot:
            high += 1
        if high - low >= least:
            few = six = support = 0
            usual = 0.0
            day = np.uint32(15)
            for entry in entries[low:high]:
                few += entry & np.uint32(1)
                six += (entry >> np.uint32(1)) & np.uint32(1)
                usual += 1.0 / (np.uint32(1) << ((entry >> np.uint32(6)) & np.uint32(7)))
                own = (entry >> np.uint32(2)) & np.uint32(15)
                if own == day and own != 15:
                    support += 1
                elif support > 0:
                    support -= 1
                elif own != 15:
                    day, support = own, 1
            slots[used], totals[used], devoted[used], long[used] = slot, high - low, few, six
            others[used], votes[used] = usual, support
            used += 1
        low = high
    return (
        slots[:used].copy(),
        totals[:used].copy(),
        devoted[:used].copy(),
        long[:used].copy(),
        others[:used].copy(),
        votes[:used].copy(),
    )


@jit
def select_keys(
    words: U32,
    word_offsets: I64,
    extras: U64,
    kinds: U8,
    extra_offsets: I64,
    candidates: U64,
    range_bits: int,
    slot_bits: int,
    wanted_kinds: int,
) -> tuple[U64, I64]:
    """The keys of all posts that are candidates or of the wanted kinds, and their rows.

    ``candidates`` are numbers of slots over all ranges, sorted; bit k of ``wanted_kinds`` stands
    for the kind k. A post may have a key twice.
    """
    if not candidates.size and not wanted_kinds:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    # Nearly all keys are no candidates: a table of bits, small enough for the first cache where
    # there are few, says so of most.
    filter_bits = 14
    while filter_bits < 24 and (1 << filter_bits) < 64 * candidates.size:
        filter_bits += 1
    filter_mask = np.uint64((1 << filter_bits) - 1)
    maybe = np.zeros(1 << (filter_bits - 6), np.uint64)
    for number in candidates:
        bit = number & filter_mask
        maybe[np.int64(bit >> np.uint64(6))] |= np.uint64(1) << (bit & np.uint64(63))
    out, out_rows = np.empty(1024, np.uint64), np.empty(1024, np.int64)
    used = 0
    for row in range(word_offsets.size - 1):
        low, high = word_offsets[row], word_offsets[row + 1]
        first_extra, last_extra = extra_offsets[row], extra_offsets[row + 1]
        for step in range(high - low + last_extra - first_extra):
            sizes, extra = _open_step(step, high - low, extras, first_extra)
            h = np.uint64(_SEED)
            for size in range(1, sizes + 1):
                if extra:
                    key = _make_key(extra, kinds[first_extra + step - (high - low)])
                else:
                    h = _add_word(h, words[low + step + size - 1])
                    if not (_SIZE_BITS >> size) & 1:
                        continue
                    key = _make_key(h, LONG_PHRASE if size == _LONGEST else PHRASE)
                if not (wanted_kinds >> np.int64(key & np.uint64(7))) & 1:
                    number = np.uint64(find_range(key, range_bits)) << np.uint64(slot_bits)
                    number |= find_slot(key, slot_bits)
                    bit = number & filter_mask
                    if not maybe[np.int64(bit >> np.uint64(6))] >> (
                        bit & np.uint64(63)
                    ) & np.uint64(1):
                        continue
                    at = np.searchsorted(candidates, number)
                    if at == candidates.size or candidates[at] != number:
                        continue
                if used == out.size:
                    out = np.concatenate((out, np.empty(used, np.uint64)))
                    out_rows = np.concatenate((out_rows, np.empty(used, np.int64)))
                out[used], out_rows[used] = key, row
                used += 1
    return out[:used], out_rows[:used]


@jit
def find_phrase(words: U32, extras: U64, kinds: U8, wanted: np.uint64) -> tuple[int, int, int]:
    """Where a post has the key ``wanted``: 0 and its first word and the one after its last, or 1
    and the number of an extra twice; -1 if it does not.
    """
    for begin in range(words.size):
        h = np.uint64(_SEED)
        for size in range(1, min(_LONGEST, words.size - begin) + 1):
            h = _add_word(h, words[begin + size - 1])
            key = _make_key(h, LONG_PHRASE if size == _LONGEST else PHRASE)
            if (_SIZE_BITS >> size) & 1 and key == wanted:
                return 0, begin, begin + size
    for at in range(extras.size):
        if extras[at] and _make_key(extras[at], kinds[at]) == wanted:
            return 1, at, at
    return -1, 0, 0
