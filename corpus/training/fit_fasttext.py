"""Fit a fastText classifier: the same bytes from the same posts, in a file that fastText reads.

fastText's own trainer is not used: with one thread it fills a tenth of its matrix and trains on
uninitialized memory (``DenseMatrix::uniform``), and with several threads its result is a race. So
this module fits the model (Joulin et al. 2017, Bag of Tricks: the mean of hashed n-grams' vectors,
softmax, steps of falling size), one step a post, and writes it as fastText does. Its vocabulary is
the mark that ends every text, so no word of a post is in the file; and the vector of an n-gram that
only one post has stays zero, so that no post is memorized.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from corpus.tasks import array_store
from filters.text.jit import jit

Rows = NDArray[np.int32]
Starts = NDArray[np.int64]
Matrix = NDArray[np.float32]

_MAGIC, _FORMAT = 793712314, 12
_SOFTMAX, _SUPERVISED, _WORD_ENTRY, _LABEL_ENTRY = 3, 3, 0, 1
_END_OF_TEXT = "</s>"
_QUANTISER_LEVELS = 127  # above zero, and as many below
_MIN_ROWS = 1 << 12
_MIN_TEXTS_PER_ROW = 2


class TrainingSettings(BaseModel):
    """The settings of a training; the defaults were chosen on posts of about fifteen words."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    dim: int = Field(default=16, ge=1, le=1000, description="size of the vectors")
    epochs: int = Field(default=20, ge=1, le=10_000, description="passes over the posts")
    learning_rate: float = Field(
        default=0.3, gt=0, le=10, description="the learning rate at the start"
    )
    word_ngrams: int = Field(default=2, ge=1, le=5, description="longest n-gram of words")
    min_chars: int = Field(default=3, ge=1, le=20, description="shortest n-gram of characters")
    max_chars: int = Field(default=6, ge=1, le=20, description="longest n-gram of characters")
    most_rows: int = Field(
        default=1 << 20,
        ge=_MIN_ROWS,
        le=1 << 26,
        description="largest number of vectors; few posts get fewer",
    )
    seed: int = Field(
        default=1, ge=0, description="the random seed: another one gives another model"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_chars > self.max_chars:
            raise ValueError(f"min_chars {self.min_chars} is above max_chars {self.max_chars}")
        return self


class Features(NamedTuple):
    """Texts as rows of the matrix: text ``i`` has ``rows[starts[i] : starts[i + 1]]``."""

    rows: Rows
    starts: Starts


class FastTextModel(NamedTuple):
    """A model: a vector for each row of ``input``, and for each label a row of ``output``."""

    input: Matrix
    output: Matrix
    token_count: int
    settings: TrainingSettings

    @property
    def buckets(self) -> int:
        """The number of rows for n-grams; the first row of ``input`` is that of the end mark."""
        return len(self.input) - 1


@jit
def _hash_byte(h: np.uint32, byte: np.uint8) -> np.uint32:
    # fastText's FNV-1a takes a byte as a signed number.
    return np.uint32((h ^ np.uint32(np.int8(byte))) * np.uint32(16777619))


@jit
def _extract_features(
    data: NDArray[np.uint8], offsets: Starts, size: int, low: int, high: int, words: int, out: Rows
) -> Starts:
    """Write the rows of each line to ``out`` as fastText numbers them; return the lines' starts.

    ``low`` and ``high`` bound the characters of an n-gram, ``words`` the words of another. With an
    empty ``out`` the rows are only counted.
    """
    starts = np.zeros(offsets.size, np.int64)
    basis, multiplier = np.uint32(2166136261), np.uint64(116049371)
    row_count = np.uint32(size)
    at = 0
    for line in range(offsets.size - 1):
        begin, end = offsets[line], offsets[line + 1]
        hashes = np.empty(end - begin + 2, np.int32)
        count = 0
        while begin < end:
            stop = begin
            while stop < end and data[stop] != 32:
                stop += 1
            word = basis
            for position in range(begin, stop):
                word = _hash_byte(word, data[position])
            hashes[count] = np.int32(word)
            count += 1
            # fastText puts < before each word and > behind it.
            length = stop - begin + 2
            for first in range(length):
                byte = np.uint8(60) if first == 0 else np.uint8(62)
                if 0 < first < length - 1:
                    byte = data[begin + first - 1]
                if byte & 0xC0 == 0x80:
                    continue
                h, last, taken = basis, first, 0
                while last < length and taken < high:
                    while True:
                        byte = np.uint8(60) if last == 0 else np.uint8(62)
                        if 0 < last < length - 1:
                            byte = data[begin + last - 1]
                        h = _hash_byte(h, byte)
                        last += 1
                        if last >= length - 1 or data[begin + last - 1] & 0xC0 != 0x80:
                            break
                    taken += 1
                    if taken >= low and not (taken == 1 and (first == 0 or last == length)):
                        if out.size:
                            out[at] = 1 + h % row_count
                        at += 1
            begin = stop + 1
        end_mark = basis
        for mark in (60, 47, 115, 62):  # the bytes of </s>
            end_mark = _hash_byte(end_mark, np.uint8(mark))
        hashes[count] = np.int32(end_mark)
        count += 1
        if out.size:
            out[at] = 0
        at += 1
        for first in range(count):
            combined = np.uint64(np.int64(hashes[first]))
            for last in range(first + 1, min(count, first + words)):
                combined = combined * multiplier + np.uint64(np.int64(hashes[last]))
                if out.size:
                    out[at] = 1 + np.int32(combined % np.uint64(size))
                at += 1
        starts[line + 1] = at
    return starts


def extract_features(texts: pl.Series, settings: TrainingSettings, size: int) -> Features:
    """Return the rows of ``texts``, each on one line: 0 the end mark, 1 to ``size`` n-grams."""
    data, offsets = array_store.flatten_strings(texts)
    limits = (size, settings.min_chars, settings.max_chars, settings.word_ngrams)
    starts = _extract_features(data, offsets, *limits, np.empty(0, np.int32))
    rows = np.empty(max(int(starts[-1]), 1), np.int32)
    _extract_features(data, offsets, *limits, rows)
    return Features(rows, starts)


@jit
def _count_texts_per_row(rows: Rows, starts: Starts, size: int) -> NDArray[np.uint8]:
    """Count the texts that have each row, up to two."""
    last = np.full(size, -1, np.int64)
    seen = np.zeros(size, np.uint8)
    for text in range(starts.size - 1):
        for at in range(starts[text], starts[text + 1]):
            row = rows[at]
            if last[row] != text:
                last[row] = text
                seen[row] = min(seen[row] + 1, 2)
    return seen


@jit
def _run_epoch(
    rows: Rows,
    starts: Starts,
    labels: Rows,
    order: Starts,
    is_trained: NDArray[np.bool_],
    input_: Matrix,
    output: Matrix,
    first_step: float,
    last_step: float,
) -> None:
    """Take one step for each text in ``order``; update ``input_`` and ``output`` in place.

    The size of the steps falls from ``first_step`` to ``last_step``. Rows that are not
    trained do not change.
    """
    dim, classes = input_.shape[1], output.shape[0]
    hidden, gradient = np.empty(dim, np.float32), np.empty(dim, np.float32)
    scores = np.empty(classes, np.float32)
    for number in range(order.size):
        text = order[number]
        begin, end = starts[text], starts[text + 1]
        if begin == end:
            continue
        size = np.float32(first_step + (last_step - first_step) * number / order.size)
        share = np.float32(1) / np.float32(end - begin)
        hidden[:] = 0
        gradient[:] = 0
        for at in range(begin, end):
            if is_trained[rows[at]]:
                hidden += input_[rows[at]]
        hidden *= share
        highest = np.float32(-np.inf)
        for label in range(classes):
            total = np.float32(0)
            for column in range(dim):
                total += output[label, column] * hidden[column]
            scores[label] = total
            highest = max(highest, total)
        total = np.float32(0)
        for label in range(classes):
            scores[label] = np.exp(scores[label] - highest)
            total += scores[label]
        for label in range(classes):
            wanted = np.float32(1) if label == labels[text] else np.float32(0)
            step = size * (wanted - scores[label] / total)
            for column in range(dim):
                gradient[column] += step * output[label, column]
                output[label, column] += step * hidden[column]
        gradient *= share
        for at in range(begin, end):
            if is_trained[rows[at]]:
                input_[rows[at]] += gradient


def fit(texts: pl.Series, labels: Rows, classes: int, settings: TrainingSettings) -> FastTextModel:
    """Fit a model to ``texts``, each on one line, and to the numbers of their ``labels``."""
    largest = extract_features(texts, settings, settings.most_rows)
    distinct = int(np.unique(largest.rows[: largest.starts[-1]]).size)
    size = min(max(1 << distinct.bit_length(), _MIN_ROWS), settings.most_rows)
    features = extract_features(texts, settings, size)
    text_counts = _count_texts_per_row(features.rows, features.starts, size + 1)
    is_trained = text_counts >= _MIN_TEXTS_PER_ROW
    rng = np.random.Generator(np.random.PCG64(settings.seed))
    input_ = rng.random((size + 1, settings.dim), np.float32)
    input_ = (input_ * 2 - 1) / np.float32(settings.dim)
    input_[~is_trained] = 0
    output = np.zeros((classes, settings.dim), np.float32)
    for epoch in range(settings.epochs):
        steps = (settings.learning_rate * (1 - (epoch + n) / settings.epochs) for n in (0, 1))
        order = rng.permutation(len(texts)).astype(np.int64)
        _run_epoch(*features, labels, order, is_trained, input_, output, *steps)
    tokens = int(texts.str.count_matches(r"[^ ]+").sum()) + len(texts)
    return FastTextModel(input_, output, tokens, settings)


def save(model: FastTextModel, labels: Sequence[str], counts: Sequence[int], path: Path) -> None:
    """Write a model as fastText does; ``labels`` must have no whitespace.

    A ``.ftz`` has a byte for each number of an n-gram's vector, and is a quarter of the size.
    """
    settings = model.settings
    sizes = (
        settings.dim,
        0,
        settings.epochs,
        1,
        0,
        settings.word_ngrams,
        _SOFTMAX,
        _SUPERVISED,
        model.buckets,
        settings.min_chars,
        settings.max_chars,
        100,
        0.0,
    )
    pack_input = _quantise_matrix if path.suffix == ".ftz" else _pack_matrix
    with path.open("wb") as file:
        file.write(struct.pack("<ii", _MAGIC, _FORMAT))
        file.write(struct.pack("<12id", *sizes))
        file.write(struct.pack("<iiiqq", 1 + len(labels), 1, len(labels), model.token_count, -1))
        file.write(_END_OF_TEXT.encode() + b"\0" + struct.pack("<qb", sum(counts), _WORD_ENTRY))
        for label, count in zip(labels, counts, strict=True):
            file.write(f"__label__{label}".encode() + b"\0")
            file.write(struct.pack("<qb", count, _LABEL_ENTRY))
        file.write(pack_input(model.input))
        file.write(_pack_matrix(model.output))


def _pack_matrix(matrix: Matrix) -> bytes:
    numbers: bytes = np.ascontiguousarray(matrix, "<f4").tobytes()
    return struct.pack("<?qq", False, *matrix.shape) + numbers


def _quantise_matrix(matrix: Matrix) -> bytes:
    """Pack a matrix by fastText's product quantiser, with 256 levels for each column.

    Levels are squares, so that most are near zero, where most numbers are; zero is one of them.
    The row of the end mark, which every text has, gets a level of its own.
    """
    rows, columns = matrix.shape
    largest = np.abs(matrix[1:]).max(axis=0, initial=np.finfo(np.float32).tiny)
    roots = np.sign(matrix) * np.sqrt(np.abs(matrix / largest))
    codes = np.rint(roots * _QUANTISER_LEVELS) + _QUANTISER_LEVELS
    codes[0] = 2 * _QUANTISER_LEVELS + 1
    steps = np.arange(-_QUANTISER_LEVELS, _QUANTISER_LEVELS + 1, dtype=np.float32)
    steps /= _QUANTISER_LEVELS
    levels = np.column_stack([largest[:, None] * steps * np.abs(steps), matrix[0]])
    codebook: bytes = levels.astype("<f4").tobytes()
    header = struct.pack("<??qqi", True, False, rows, columns, rows * columns)
    packed_codes: bytes = codes.astype(np.uint8).tobytes()
    return header + packed_codes + struct.pack("<4i", columns, columns, 1, 1) + codebook
