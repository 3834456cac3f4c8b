"""Fit a fastText classifier: the same bytes from the same posts, in a file that fastText reads.

fastText's own trainer is not used: with one thread it fills a tenth of its matrix and trains on
whatever the rest of the memory held (``DenseMatrix::uniform``), and with several it is a race. So
the model (Joulin et al. 2017, Bag of Tricks: the mean of hashed n-grams' vectors, softmax, steps
of falling size) is fitted here, one step a post, and written as fastText writes it. Its vocabulary
is the mark that ends every text, so no word of a post is in the file; and an n-gram that only one
post has is held at zero, so that none is learnt by heart.
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
_QUANTISER_LEVELS = 127  # on either side of zero
_MIN_ROWS = 1 << 12
_MIN_TEXTS_PER_ROW = 2


class TrainingSettings(BaseModel):
    """How a model is fitted; the defaults were chosen on posts of some fifteen words."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    dim: int = Field(default=16, ge=1, le=1000, description="numbers to a vector")
    epochs: int = Field(default=20, ge=1, le=10_000, description="how often each post is seen")
    learning_rate: float = Field(default=0.3, gt=0, le=10, description="the first step's size")
    word_ngrams: int = Field(default=2, ge=1, le=5, description="words in a row, at most")
    min_chars: int = Field(default=3, ge=1, le=20, description="characters in a row, at least")
    max_chars: int = Field(default=6, ge=1, le=20, description="characters in a row, at most")
    most_rows: int = Field(
        default=1 << 20,
        ge=_MIN_ROWS,
        le=1 << 26,
        description="vectors at most; few posts get fewer",
    )
    seed: int = Field(default=1, ge=0, description="another seed, another model")

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
    """A model: a vector a row, a vector a label, and how it was fitted."""

    input: Matrix
    output: Matrix
    token_count: int
    settings: TrainingSettings

    @property
    def buckets(self) -> int:
        """How many numbers there are for n-grams; the first row is the end mark's."""
        return len(self.input) - 1


@jit
def _hash_byte(h: np.uint32, byte: np.uint8) -> np.uint32:
    # fastText's FNV-1a takes a byte as a signed number.
    return np.uint32((h ^ np.uint32(np.int8(byte))) * np.uint32(16777619))


@jit
def _extract_features(
    data: NDArray[np.uint8], places: Starts, size: int, low: int, high: int, words: int, out: Rows
) -> Starts:
    """Number what is in each line as fastText does; with an empty ``out`` just count it."""
    starts = np.zeros(places.size, np.int64)
    basis, much = np.uint32(2166136261), np.uint64(116049371)
    many = np.uint32(size)
    at = 0
    for line in range(places.size - 1):
        begin, end = places[line], places[line + 1]
        hashes = np.empty(end - begin + 2, np.int32)
        count = 0
        while begin < end:
            stop = begin
            while stop < end and data[stop] != 32:
                stop += 1
            whole = basis
            for here in range(begin, stop):
                whole = _hash_byte(whole, data[here])
            hashes[count] = np.int32(whole)
            count += 1
            # The word stands between < and >, as if they were its first and its last byte.
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
                            out[at] = 1 + h % many
                        at += 1
            begin = stop + 1
        end_mark = basis
        for mark in (60, 47, 115, 62):  # </s>, in its bytes
            end_mark = _hash_byte(end_mark, np.uint8(mark))
        hashes[count] = np.int32(end_mark)
        count += 1
        if out.size:
            out[at] = 0
        at += 1
        for first in range(count):
            long = np.uint64(np.int64(hashes[first]))
            for last in range(first + 1, min(count, first + words)):
                long = long * much + np.uint64(np.int64(hashes[last]))
                if out.size:
                    out[at] = 1 + np.int32(long % np.uint64(size))
                at += 1
        starts[line + 1] = at
    return starts


def extract_features(texts: pl.Series, settings: TrainingSettings, size: int) -> Features:
    """The end mark of ``texts``, each on one line, as 0, and their n-grams as 1 to ``size``."""
    data, places = array_store.flatten_strings(texts)
    told = (size, settings.min_chars, settings.max_chars, settings.word_ngrams)
    starts = _extract_features(data, places, *told, np.empty(0, np.int32))
    rows = np.empty(max(int(starts[-1]), 1), np.int32)
    _extract_features(data, places, *told, rows)
    return Features(rows, starts)


@jit
def _count_texts_per_row(rows: Rows, starts: Starts, size: int) -> NDArray[np.uint8]:
    """In how many texts each row occurs, counting no further than two."""
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
    rows: Rows, starts: Starts, labels: Rows, order: Starts, live: NDArray[np.bool_],
    into: Matrix, out: Matrix, first: float, last: float,
) -> None:  # fmt: skip
    """One step a text, from the step size ``first`` down to ``last``."""
    dim, classes = into.shape[1], out.shape[0]
    hidden, gradient = np.empty(dim, np.float32), np.empty(dim, np.float32)
    said = np.empty(classes, np.float32)
    for turn in range(order.size):
        text = order[turn]
        begin, end = starts[text], starts[text + 1]
        if begin == end:
            continue
        size = np.float32(first + (last - first) * turn / order.size)
        share = np.float32(1) / np.float32(end - begin)
        hidden[:] = 0
        gradient[:] = 0
        for at in range(begin, end):
            if live[rows[at]]:
                hidden += into[rows[at]]
        hidden *= share
        most = np.float32(-np.inf)
        for label in range(classes):
            total = np.float32(0)
            for place in range(dim):
                total += out[label, place] * hidden[place]
            said[label] = total
            most = max(most, total)
        total = np.float32(0)
        for label in range(classes):
            said[label] = np.exp(said[label] - most)
            total += said[label]
        for label in range(classes):
            right = np.float32(1) if label == labels[text] else np.float32(0)
            step = size * (right - said[label] / total)
            for place in range(dim):
                gradient[place] += step * out[label, place]
                out[label, place] += step * hidden[place]
        gradient *= share
        for at in range(begin, end):
            if live[rows[at]]:
                into[rows[at]] += gradient


def fit(texts: pl.Series, labels: Rows, classes: int, settings: TrainingSettings) -> FastTextModel:
    """Fit a model to ``texts``, each on one line, and the numbers of their ``labels``."""
    most = extract_features(texts, settings, settings.most_rows)
    distinct = int(np.unique(most.rows[: most.starts[-1]]).size)
    size = min(max(1 << distinct.bit_length(), _MIN_ROWS), settings.most_rows)
    found = extract_features(texts, settings, size)
    live = _count_texts_per_row(found.rows, found.starts, size + 1) >= _MIN_TEXTS_PER_ROW
    chance = np.random.Generator(np.random.PCG64(settings.seed))
    into = chance.random((size + 1, settings.dim), np.float32)
    into = (into * 2 - 1) / np.float32(settings.dim)
    into[~live] = 0
    out = np.zeros((classes, settings.dim), np.float32)
    for epoch in range(settings.epochs):
        steps = (settings.learning_rate * (1 - (epoch + n) / settings.epochs) for n in (0, 1))
        order = chance.permutation(len(texts)).astype(np.int64)
        _run_epoch(*found, labels, order, live, into, out, *steps)
    tokens = int(texts.str.count_matches(r"[^ ]+").sum()) + len(texts)
    return FastTextModel(into, out, tokens, settings)


def save(model: FastTextModel, labels: Sequence[str], counts: Sequence[int], path: Path) -> None:
    """Write a model as fastText does; ``labels`` must hold no whitespace.

    A ``.ftz`` has a byte for each number of an n-gram's vector, and is a quarter of the size.
    """
    asked = model.settings
    with path.open("wb") as file:
        file.write(struct.pack("<ii", _MAGIC, _FORMAT))
        file.write(
            struct.pack(
                "<12id", asked.dim, 0, asked.epochs, 1, 0, asked.word_ngrams, _SOFTMAX,
                _SUPERVISED, model.buckets, asked.min_chars, asked.max_chars, 100, 0.0,
            )
        )  # fmt: skip
        file.write(struct.pack("<iiiqq", 1 + len(labels), 1, len(labels), model.token_count, -1))
        file.write(_END_OF_TEXT.encode() + b"\0" + struct.pack("<qb", sum(counts), _WORD_ENTRY))
        for label, count in zip(labels, counts, strict=True):
            file.write(f"__label__{label}".encode() + b"\0")
            file.write(struct.pack("<qb", count, _LABEL_ENTRY))
        file.write(
            _quantise_matrix(model.input) if path.suffix == ".ftz" else _pack_matrix(model.input)
        )
        file.write(_pack_matrix(model.output))


def _pack_matrix(matrix: Matrix) -> bytes:
    numbers: bytes = np.ascontiguousarray(matrix, "<f4").tobytes()
    return struct.pack("<?qq", False, *matrix.shape) + numbers


def _quantise_matrix(matrix: Matrix) -> bytes:
    """fastText's product quantiser with one number to a part: 256 levels for each column.

    Levels are squares, so that most lie near zero, where most numbers are; zero is one of them.
    The end mark counts in every text, and has a level of its own.
    """
    rows, columns = matrix.shape
    most = np.abs(matrix[1:]).max(axis=0, initial=np.finfo(np.float32).tiny)
    codes = (
        np.rint(np.sign(matrix) * np.sqrt(np.abs(matrix / most)) * _QUANTISER_LEVELS)
        + _QUANTISER_LEVELS
    )
    codes[0] = 2 * _QUANTISER_LEVELS + 1
    steps = (
        np.arange(-_QUANTISER_LEVELS, _QUANTISER_LEVELS + 1, dtype=np.float32) / _QUANTISER_LEVELS
    )
    levels = np.column_stack([most[:, None] * steps * np.abs(steps), matrix[0]])
    numbers: bytes = codes.astype(np.uint8).tobytes()
    book: bytes = levels.astype("<f4").tobytes()
    head = struct.pack("<??qqi", True, False, rows, columns, rows * columns)
    return head + numbers + struct.pack("<4i", columns, columns, 1, 1) + book
