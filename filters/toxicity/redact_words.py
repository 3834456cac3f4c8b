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

PLACEHOLDER = "<TOXIC>"
PIECE = 64
#: The limit for pieces falls by this share a round; after ``_ROUNDS`` it is 0.
_LOWER = 0.8
_ROUNDS = 8
#: How many variants of texts are made before they are scored, to bound the memory.
_VARIANTS = 20_000

# The last character ends a turn of a conversation.
_WORD = r"[^\s\U0010fffd]"
_WORDS = re.compile(rf"(?<!{_WORD}){_WORD}(?!{_WORD})(?:[ ]{_WORD}(?!{_WORD}))+|{_WORD}+")
_SEVERAL = re.compile(rf"{PLACEHOLDER}(?:\s+{PLACEHOLDER})+")

Spans = list[tuple[int, int]]


class _Piece(NamedTuple):
    """A stretch of the text of a row, and where its words are in it."""

    row: int
    start: int
    text: str
    words: Spans


def redact(texts: list[str], score: Scorer, max_score: float) -> list[str]:
    """The texts, of which each scores at most ``max_score``; ``<TOXIC>`` itself must score 0."""
    done = list(texts)
    limit = max_score
    for turn in range(_ROUNDS + 1):
        rows = _above(done, score, max_score)
        if not rows:
            break
        pieces = [piece for row in rows for piece in _pieces(row, done[row])]
        for row, spans in _condemned(pieces, score, limit).items():
            done[row] = _without(done[row], sorted(spans))
        limit = limit * _LOWER if turn < _ROUNDS - 1 else 0.0
    return [
        _SEVERAL.sub(PLACEHOLDER, text) if text is not before else before
        for text, before in zip(done, texts, strict=True)
    ]


def _above(texts: Sequence[str], score: Scorer, limit: float) -> list[int]:
    scores = score(pl.Series(texts, dtype=pl.String))
    return [int(row) for row in (scores > limit).nonzero()[0]]


def _pieces(row: int, text: str) -> list[_Piece]:
    words = [found.span() for found in _WORDS.finditer(text) if found.group() != PLACEHOLDER]
    pieces = []
    for first in range(0, len(words), PIECE):
        held = words[first : first + PIECE]
        start, end = held[0][0], held[-1][1]
        if len(words) <= PIECE:
            start, end = 0, len(text)
        spans = [(begin - start, stop - start) for begin, stop in held]
        pieces.append(_Piece(row, start, text[start:end], spans))
    return pieces


def _condemned(pieces: list[_Piece], score: Scorer, limit: float) -> dict[int, Spans]:
    """The words that go, by row."""
    scores = score(pl.Series([piece.text for piece in pieces], dtype=pl.String))
    found: dict[int, Spans] = {}
    bad = [piece for piece, above in zip(pieces, scores > limit, strict=True) if above]
    step = _VARIANTS // PIECE
    for first in range(0, len(bad), step):
        some = bad[first : first + step]
        for piece, words in zip(some, _chosen(some, score, limit), strict=True):
            moved = [(begin + piece.start, stop + piece.start) for begin, stop in words]
            found.setdefault(piece.row, []).extend(moved)
    return found


def _chosen(pieces: list[_Piece], score: Scorer, limit: float) -> list[Spans]:
    """Of each piece the words that bring it down to the limit."""
    alone = _scored([[[word] for word in piece.words] for piece in pieces], pieces, score)
    ranked = [
        [word for _, word in sorted(zip(scores, piece.words, strict=True))]
        for scores, piece in zip(alone, pieces, strict=True)
    ]
    firsts = [[order[: count + 1] for count in range(len(order))] for order in ranked]
    scored = _scored([[sorted(words) for words in first] for first in firsts], pieces, score)
    return [
        next((words for words, now in zip(first, scores, strict=True) if now <= limit), first[-1])
        for first, scores in zip(firsts, scored, strict=True)
    ]


def _scored(takes: list[list[Spans]], pieces: list[_Piece], score: Scorer) -> list[list[float]]:
    """What a piece scores without the words of each of its takes."""
    texts = [
        _without(piece.text, spans) for piece, each in zip(pieces, takes, strict=True)
        for spans in each
    ]  # fmt: skip
    scores = iter(score(pl.Series(texts, dtype=pl.String)).tolist())
    return [[next(scores) for _ in each] for each in takes]


def _without(text: str, spans: Spans) -> str:
    """The text with placeholders for the spans, which are in order."""
    parts, at = [], 0
    for start, end in spans:
        parts += [text[at:start], PLACEHOLDER]
        at = end
    return "".join([*parts, text[at:]])
