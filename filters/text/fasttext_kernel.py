"""Predict labels as fastText does (Joulin et al. 2016), compiled, for models such as lid.176.

A model whose input is quantized and pruned (a ``.ftz``), whose labels are the leaves of a Huffman
tree, and which reads single words and their character n-grams. The labels and probabilities are
fastText's; no list of Python strings is made. fastText stays the loader of every other model.
Importing this module imports numba, so import it where it is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from filters.text.arrays import F32, I32, I64, U8
from filters.text.fasttext_file import CENTROIDS, FileCursor, TrainingArgs
from filters.text.jit import jit

_HIERARCHICAL_SOFTMAX = 1
_END_OF_LINE = b"</s>"
_FREE = -1
_BEGIN_OF_WORD, _END_OF_WORD, _SPACE = 0x3C, 0x3E, 0x20


class CompiledModel(NamedTuple):
    """A model as the kernel reads it. Tables of slots are open hash tables; -1 is a free slot."""

    rows: F32  # (words and n-grams, dimension), of the input
    output: F32  # (inner nodes, dimension)
    children: I32  # (nodes, 2): left and right; -1 for a label
    words: U8  # joined
    word_offsets: I64
    word_slots: I32
    ngram_slots: I32  # (slots, 2): an n-gram's bucket, and its row
    buckets: int
    shortest: int
    longest: int
    end_of_line: int  # the row that every line ends with, or -1


def load_compiled(path: Path) -> CompiledModel | None:
    """Read a model file that is valid; return None if fastText itself must predict with it."""
    cursor = FileCursor(path.read_bytes())
    cursor.unpack("<ii")
    args = TrainingArgs(*cursor.unpack("<12id"))
    entries, word_count, label_count, _, pruned = cursor.unpack("<iiiqq")
    if args.loss != _HIERARCHICAL_SOFTMAX or args.word_ngrams != 1 or args.minn < 1 or pruned <= 0:
        return None
    names, counts, _ = zip(*(cursor.read_entry() for _ in range(entries)), strict=True)
    pairs = cursor.read_array(np.int32, 2 * pruned).reshape(-1, 2)
    is_quantized = cursor.read_flag()
    if not is_quantized:
        return None
    rows = _read_quantized(cursor)
    output_is_quantized = cursor.read_flag()
    if output_is_quantized:
        return None
    cursor.unpack("<qq")
    output = cursor.read_array(np.float32, label_count * args.dim).reshape(-1, args.dim)
    words = names[:word_count]
    ngram_slots = np.full((_count_slots(pruned), 2), _FREE, np.int32)
    _fill_ngram_slots(pairs, ngram_slots)
    ngram_slots[:, 1] += np.int32(word_count)
    data = np.frombuffer(b"".join(words) or b"\0", np.uint8).copy()
    offsets = np.zeros(word_count + 1, np.int64)
    np.cumsum([len(word) for word in words], out=offsets[1:])
    word_slots = np.full(_count_slots(word_count), _FREE, np.int32)
    _fill_word_slots(data, offsets, word_slots)
    children = _build_tree(counts[word_count:])
    end_of_line = words.index(_END_OF_LINE) if _END_OF_LINE in words else -1
    return CompiledModel(
        rows,
        output,
        children,
        data,
        offsets,
        word_slots,
        ngram_slots,
        args.bucket,
        args.minn,
        args.maxn,
        end_of_line,
    )


def predict(
    text: U8, offsets: I64, model: CompiledModel, top: int, least: float
) -> tuple[I32, F32, I64]:
    """The numbers and probabilities of the ``top`` labels of each line, and the lines' offsets.

    Line ``i`` is ``text[offsets[i]:offsets[i + 1]]``, whose only separator is the space; its labels
    are best first. A label is found if its probability is ``least`` or more, as fastText counts it.
    """
    return _predict(
        text, offsets, model, top, np.float32(np.log(np.float64(np.float32(least)) + 1e-5))
    )


def _read_quantized(cursor: FileCursor) -> F32:
    """Read a quantized matrix: a row is its norm times the centroids of its parts."""
    has_norms = cursor.read_flag()
    row_count, _, code_count = cursor.unpack("<qqi")
    rows = _decode_rows(cursor, cursor.read_array(np.uint8, code_count).reshape(row_count, -1))
    if has_norms:
        rows *= _decode_rows(cursor, cursor.read_array(np.uint8, row_count).reshape(-1, 1))
    return rows


def _decode_rows(cursor: FileCursor, codes: U8) -> F32:
    """Read a quantizer, and return the rows that it has for ``codes``, a column for each part."""
    dimension, parts, width, _ = cursor.unpack("<4i")
    centroids = cursor.read_array(np.float32, dimension * CENTROIDS)
    rows = np.empty((len(codes), dimension), np.float32)
    for part in range(parts):
        begin, end = part * width, min((part + 1) * width, dimension)
        own = centroids[begin * CENTROIDS : end * CENTROIDS].reshape(CENTROIDS, -1)
        rows[:, begin:end] = own[codes[:, part]]
    return rows


def _count_slots(entries: int) -> int:
    """A power of two that leaves more than half of the slots free."""
    return 1 << (2 * entries + 1).bit_length()


def _build_tree(counts: tuple[int, ...]) -> I32:
    """The children of each node of the Huffman tree; labels come first, then inner nodes.

    ``counts`` fall, so that the two rarest nodes stand at the ends of two queues.
    """
    labels = len(counts)
    totals = [*counts, *([10**15] * (labels - 1))]
    children = np.full((2 * labels - 1, 2), -1, np.int32)
    leaf, node = labels - 1, labels
    for parent in range(labels, 2 * labels - 1):
        for side in range(2):
            if leaf >= 0 and totals[leaf] < totals[node]:
                children[parent, side], leaf = leaf, leaf - 1
            else:
                children[parent, side], node = node, node + 1
        totals[parent] = sum(totals[child] for child in children[parent])
    return children


@jit
def _add_to_hash(value: Any, byte: Any) -> Any:
    """FNV-1a with the byte as a signed number, as fastText has it."""
    signed = np.uint32(byte) if byte < 128 else np.uint32(byte) | np.uint32(0xFFFFFF00)
    return np.uint32((np.uint64(value ^ signed) * np.uint64(16777619)) & np.uint64(0xFFFFFFFF))


@jit
def _find_word(
    text: U8, begin: int, end: int, words: U8, word_offsets: I64, word_slots: I32
) -> tuple[Any, Any]:
    """The number of a word, or -1, and its slot, or the free one that it would take."""
    value = np.uint32(2166136261)
    for position in range(begin, end):
        value = _add_to_hash(value, text[position])
    mask = word_slots.size - 1
    slot = np.int64(value) & mask
    while word_slots[slot] >= 0:
        word = word_slots[slot]
        start, size = word_offsets[word], word_offsets[word + 1] - word_offsets[word]
        if size == end - begin:
            same = 0
            while same < size and words[start + same] == text[begin + same]:
                same += 1
            if same == size:
                return np.int64(word), slot
        slot = (slot + 1) & mask
    return np.int64(-1), slot


@jit
def _fill_word_slots(words: U8, word_offsets: I64, word_slots: I32) -> None:
    for word in range(word_offsets.size - 1):
        begin, end = word_offsets[word], word_offsets[word + 1]
        found, slot = _find_word(words, begin, end, words, word_offsets, word_slots)
        if found < 0:
            word_slots[slot] = word


@jit
def _find_ngram_slot(bucket: Any, ngram_slots: I32) -> Any:
    mask = ngram_slots.shape[0] - 1
    slot = ((bucket * 40503) ^ (bucket >> 5)) & mask
    while ngram_slots[slot, 0] >= 0 and ngram_slots[slot, 0] != bucket:
        slot = (slot + 1) & mask
    return slot


@jit
def _fill_ngram_slots(pairs: I32, ngram_slots: I32) -> None:
    for index in range(pairs.shape[0]):
        slot = _find_ngram_slot(np.int64(pairs[index, 0]), ngram_slots)
        ngram_slots[slot, 0], ngram_slots[slot, 1] = pairs[index, 0], pairs[index, 1]


@jit
def _add_row(hidden: F32, rows: F32, row: Any) -> None:
    for index in range(hidden.size):
        hidden[index] += rows[row, index]


@jit
def _take_remainder(value: Any, divisor: Any, inverse: Any) -> Any:
    """``value % divisor`` of 32-bit numbers by multiplication (Lemire et al. 2019)."""
    fraction = inverse * np.uint64(value)
    low = ((fraction & np.uint64(0xFFFFFFFF)) * divisor) >> np.uint64(32)
    return np.int64(((fraction >> np.uint64(32)) * divisor + low) >> np.uint64(32))


@jit
def _add_ngrams(word: U8, size: int, model: CompiledModel, hidden: F32) -> int:
    """Add the rows of the n-grams of ``<word>``, of whole characters; return how many."""
    added, buckets = 0, np.uint64(model.buckets)
    inverse = np.uint64(0xFFFFFFFFFFFFFFFF) // buckets + np.uint64(1)
    for begin in range(size):
        if word[begin] & 0xC0 == 0x80:
            continue
        value, end = np.uint32(2166136261), begin
        for length in range(1, model.longest + 1):
            if end >= size:
                break
            value = _add_to_hash(value, word[end])
            end += 1
            while end < size and word[end] & 0xC0 == 0x80:
                value = _add_to_hash(value, word[end])
                end += 1
            # A mark of the word's beginning or end is no n-gram by itself.
            if length < model.shortest or (length == 1 and (begin == 0 or end == size)):
                continue
            slot = _find_ngram_slot(_take_remainder(value, buckets, inverse), model.ngram_slots)
            if model.ngram_slots[slot, 0] >= 0:
                _add_row(hidden, model.rows, np.int64(model.ngram_slots[slot, 1]))
                added += 1
    return added


@jit
def _add_line(text: U8, begin: int, end: int, model: CompiledModel, word: U8, hidden: F32) -> int:
    """Add the rows of a line's words and n-grams to ``hidden``; return how many."""
    added, position = 0, begin
    while position < end:
        stop = position
        while stop < end and text[stop] != _SPACE:
            stop += 1
        if stop > position:
            number, _ = _find_word(
                text, position, stop, model.words, model.word_offsets, model.word_slots
            )
            if number >= 0:
                _add_row(hidden, model.rows, number)
                added += 1
            word[0] = _BEGIN_OF_WORD
            for index in range(stop - position):
                word[1 + index] = text[position + index]
            word[1 + stop - position] = _END_OF_WORD
            added += _add_ngrams(word, stop - position + 2, model, hidden)
        position = stop + 1
    if model.end_of_line >= 0:
        _add_row(hidden, model.rows, model.end_of_line)
        added += 1
    return added


@jit
def _log(value: Any) -> Any:
    return np.float32(np.log(np.float64(np.float32(value)) + 1e-5))


@jit
def _walk_tree(
    hidden: F32,
    model: CompiledModel,
    least: Any,
    numbers: I32,
    scores: F32,
    stack: I32,
    waiting: F32,
) -> int:
    """Write the best labels and the logarithms of their probabilities, best first; return how many.

    A branch is not entered if its own probability is below ``least``, or below that of the worst
    label when there are enough.
    """
    labels, top, found = (model.children.shape[0] + 1) // 2, numbers.size, 0
    stack[0], waiting[0], height = model.children.shape[0] - 1, np.float32(0), 1
    while height:
        height -= 1
        node, score = np.int64(stack[height]), waiting[height]
        if score < least or (found == top and score < scores[found - 1]):
            continue
        if model.children[node, 0] < 0:
            if found < top:
                found += 1
            at = found - 1
            while at > 0 and scores[at - 1] < score:
                scores[at], numbers[at] = scores[at - 1], numbers[at - 1]
                at -= 1
            scores[at], numbers[at] = score, node
            continue
        total = np.float32(0)
        for index in range(hidden.size):
            total += model.output[node - labels, index] * hidden[index]
        right = np.float32(1.0 / np.float64(np.float32(1) + np.exp(-total)))
        for side in (1, 0):  # the left branch is taken from the stack first
            share = right if side else np.float32(1.0 - np.float64(right))
            stack[height] = model.children[node, side]
            waiting[height] = score + _log(share)
            height += 1
    return found


@jit
def _predict(
    text: U8, offsets: I64, model: CompiledModel, top: int, least: Any
) -> tuple[I32, F32, I64]:
    lines = offsets.size - 1
    found, used = np.zeros(lines + 1, np.int64), 0
    numbers, probabilities = np.empty(lines * top, np.int32), np.empty(lines * top, np.float32)
    own_numbers, own_scores = np.empty(top, np.int32), np.empty(top, np.float32)
    stack, waiting = (
        np.empty(model.children.shape[0] + 1, np.int32),
        np.empty(model.children.shape[0] + 1, np.float32),
    )
    longest = 0
    for line in range(lines):
        longest = max(longest, offsets[line + 1] - offsets[line])
    word, hidden = np.empty(longest + 2, np.uint8), np.empty(model.rows.shape[1], np.float32)
    for line in range(lines):
        hidden[:] = 0
        count = _add_line(text, offsets[line], offsets[line + 1], model, word, hidden)
        if count:
            hidden *= np.float32(1.0 / count)
            labels = _walk_tree(hidden, model, least, own_numbers, own_scores, stack, waiting)
            for index in range(labels):
                numbers[used] = own_numbers[index]
                probabilities[used] = np.exp(own_scores[index])
                used += 1
        found[line + 1] = used
    return numbers[:used], probabilities[:used], found
