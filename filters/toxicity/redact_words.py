"""Take the words out of a text that make it too toxic, and no others.

A word is what stands between white space; letters spelt out (``f u c k``) are one word. Words are
ranked by how far the score falls when that word alone is taken out, ties by their place. The first
so many go as it takes to bring the score down to the limit. A text of more than ``PIECE`` words is
worked on in pieces of so many, and once more with a lower limit for the pieces if the whole still
scores too high where two pieces meet. So it always ends, at the latest when no word is left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from filters.toxicity.scorers import Scorer

TOXIC_PLACEHOLDER = "<TOXIC>"
PIECE_WORDS = 64
#: The limit for pieces falls by this share a round; after ``_ROUNDS`` it is 0.
_LIMIT_DECAY = 0.8
_MAX_ROUNDS = 8
#: How many variants of texts are made before they are scored, to bound the memory.
_MAX_VARIANTS = 20_000

# The last character ends a turn of a conversation.
_WORD = r"[^\s\U0010fffd]"
_WORDS = re.compile(rf"(?<!{_WORD}){_WORD}(?!{_WORD})(?:[ ]{_WORD}(?!{_WORD}))+|{_WORD}+")
_ADJACENT_PLACEHOLDERS = re.compile(rf"{TOXIC_PLACEHOLDER}(?:\s+{TOXIC_PLACEHOLDER})+")

WordSpans = list[tuple[int, int]]


class _TextPiece(NamedTuple):
    """A stretch of the text of a row, and where its words are in it."""

    row: int
    start: int
    text: str
    words: WordSpans


def redact_texts(texts: list[str], score: Scorer, max_score: float) -> list[str]:
    """The texts, of which each scores at most ``max_score``; ``<TOXIC>`` itself must score 0."""
    done = list(texts)
    limit = max_score
    for turn in range(_MAX_ROUNDS + 1):
        rows = _find_rows_above(done, score, max_score)
        if not rows:
            break
        pieces = [piece for row in rows for piece in _split_pieces(row, done[row])]
        for row, spans in _choose_words_by_row(pieces, score, limit).items():
            done[row] = _replace_words(done[row], sorted(spans))
        limit = limit * _LIMIT_DECAY if turn < _MAX_ROUNDS - 1 else 0.0
    return [
        _ADJACENT_PLACEHOLDERS.sub(TOXIC_PLACEHOLDER, text) if text is not before else before
        for text, before in zip(done, texts, strict=True)
    ]


def _find_rows_above(texts: Sequence[str], score: Scorer, limit: float) -> list[int]:
    scores = score(pl.Series(texts, dtype=pl.String))
    return [int(row) for row in (scores > limit).nonzero()[0]]


def _split_pieces(row: int, text: str) -> list[_TextPiece]:
    words = [found.span() for found in _WORDS.finditer(text) if found.group() != TOXIC_PLACEHOLDER]
    pieces = []
    for first in range(0, len(words), PIECE_WORDS):
        held = words[first : first + PIECE_WORDS]
        start, end = held[0][0], held[-1][1]
        if len(words) <= PIECE_WORDS:
            start, end = 0, len(text)
        spans = [(begin - start, stop - start) for begin, stop in held]
        pieces.append(_TextPiece(row, start, text[start:end], spans))
    return pieces


def _choose_words_by_row(
    pieces: list[_TextPiece], score: Scorer, limit: float
) -> dict[int, WordSpans]:
    """The words that go, by row."""
    scores = score(pl.Series([piece.text for piece in pieces], dtype=pl.String))
    found: dict[int, WordSpans] = {}
    bad = [piece for piece, above in zip(pieces, scores > limit, strict=True) if above]
    step = _MAX_VARIANTS // PIECE_WORDS
    for first in range(0, len(bad), step):
        some = bad[first : first + step]
        for piece, words in zip(some, _choose_words(some, score, limit), strict=True):
            moved = [(begin + piece.start, stop + piece.start) for begin, stop in words]
            found.setdefault(piece.row, []).extend(moved)
    return found


def _choose_words(pieces: list[_TextPiece], score: Scorer, limit: float) -> list[WordSpans]:
    """Of each piece the words that bring it down to the limit."""
    alone = _score_variants([[[word] for word in piece.words] for piece in pieces], pieces, score)
    ranked = [
        [word for _, word in sorted(zip(scores, piece.words, strict=True))]
        for scores, piece in zip(alone, pieces, strict=True)
    ]
    firsts = [[order[: count + 1] for count in range(len(order))] for order in ranked]
    scored = _score_variants(
        [[sorted(words) for words in first] for first in firsts], pieces, score
    )
    return [
        next((words for words, now in zip(first, scores, strict=True) if now <= limit), first[-1])
        for first, scores in zip(firsts, scored, strict=True)
    ]


def _score_variants(
    takes: list[list[WordSpans]], pieces: list[_TextPiece], score: Scorer
) -> list[list[float]]:
    """What a piece scores without the words of each of its takes."""
    texts = [
        _replace_words(piece.text, spans) for piece, each in zip(pieces, takes, strict=True)
        for spans in each
    ]  # fmt: skip
    scores = iter(score(pl.Series(texts, dtype=pl.String)).tolist())
    return [[next(scores) for _ in each] for each in takes]


def _replace_words(text: str, spans: WordSpans) -> str:
    """The text with placeholders for the spans, which are in order."""
    parts, at = [], 0
    for start, end in spans:
        parts += [text[at:start], TOXIC_PLACEHOLDER]
        at = end
    return "".join([*parts, text[at:]])
