"""Remove those words of a text that make it too toxic, and no others.

A word is what is between white space; letters spelt out (``f u c k``) are one word. Words are
ranked by how far the score falls when that word alone is removed, equal ones by their position. As
many are removed as it takes to lower the score to the limit. A text of more than ``PIECE_WORDS``
words is processed in pieces of that size, and again with a lower limit for the pieces if the whole
text still scores too high. This ends, at the latest when no word remains.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from filters.toxicity.scorers import Scorer

TOXIC_PLACEHOLDER = "<TOXIC>"
PIECE_WORDS = 64
#: The limit for pieces is multiplied by this each round; after ``_MAX_ROUNDS`` it is 0.
_LIMIT_DECAY = 0.8
_MAX_ROUNDS = 8
#: How many variants of texts are made before they are scored, to bound the memory.
_MAX_VARIANTS = 20_000

# The last character ends a turn of a conversation.
_WORD = r"[^\s\U0010fffd]"
_WORDS = re.compile(rf"(?<!{_WORD}){_WORD}(?!{_WORD})(?:[ ]{_WORD}(?!{_WORD}))+|{_WORD}+")
_ADJACENT_PLACEHOLDERS = re.compile(rf"{TOXIC_PLACEHOLDER}(?:\s+{TOXIC_PLACEHOLDER})+")

#: Begin and end of words in a text.
WordSpans = list[tuple[int, int]]


class _TextPiece(NamedTuple):
    """A part of the text of a row, and where its words are in the part."""

    row: int
    start: int
    text: str
    words: WordSpans


def redact_texts(texts: list[str], score: Scorer, max_score: float) -> list[str]:
    """Return the texts redacted, so that each scores at most ``max_score``.

    ``score`` must give 0 to ``<TOXIC>``.
    """
    redacted = list(texts)
    limit = max_score
    for number in range(_MAX_ROUNDS + 1):
        rows = _find_rows_above(redacted, score, max_score)
        if not rows:
            break
        pieces = [piece for row in rows for piece in _split_pieces(row, redacted[row])]
        for row, spans in _choose_words_by_row(pieces, score, limit).items():
            redacted[row] = _replace_words(redacted[row], sorted(spans))
        limit = limit * _LIMIT_DECAY if number < _MAX_ROUNDS - 1 else 0.0
    return [
        _ADJACENT_PLACEHOLDERS.sub(TOXIC_PLACEHOLDER, text) if text is not before else before
        for text, before in zip(redacted, texts, strict=True)
    ]


def _find_rows_above(texts: Sequence[str], score: Scorer, limit: float) -> list[int]:
    scores = score(pl.Series(texts, dtype=pl.String))
    return [int(row) for row in (scores > limit).nonzero()[0]]


def _split_pieces(row: int, text: str) -> list[_TextPiece]:
    words = [match.span() for match in _WORDS.finditer(text) if match.group() != TOXIC_PLACEHOLDER]
    pieces = []
    for first in range(0, len(words), PIECE_WORDS):
        piece_words = words[first : first + PIECE_WORDS]
        start, end = piece_words[0][0], piece_words[-1][1]
        if len(words) <= PIECE_WORDS:
            start, end = 0, len(text)
        spans = [(begin - start, stop - start) for begin, stop in piece_words]
        pieces.append(_TextPiece(row, start, text[start:end], spans))
    return pieces


def _choose_words_by_row(
    pieces: list[_TextPiece], score: Scorer, limit: float
) -> dict[int, WordSpans]:
    """Return by row the words to remove."""
    scores = score(pl.Series([piece.text for piece in pieces], dtype=pl.String))
    chosen: dict[int, WordSpans] = {}
    toxic = [piece for piece, above in zip(pieces, scores > limit, strict=True) if above]
    step = _MAX_VARIANTS // PIECE_WORDS
    for first in range(0, len(toxic), step):
        batch = toxic[first : first + step]
        for piece, words in zip(batch, _choose_words(batch, score, limit), strict=True):
            spans = [(begin + piece.start, stop + piece.start) for begin, stop in words]
            chosen.setdefault(piece.row, []).extend(spans)
    return chosen


def _choose_words(pieces: list[_TextPiece], score: Scorer, limit: float) -> list[WordSpans]:
    """Return for each piece the words whose removal lowers its score to the limit."""
    single_words = [[[word] for word in piece.words] for piece in pieces]
    without_each = _score_variants(single_words, pieces, score)
    ranked = [
        [word for _, word in sorted(zip(scores, piece.words, strict=True))]
        for scores, piece in zip(without_each, pieces, strict=True)
    ]
    prefixes = [[order[: count + 1] for count in range(len(order))] for order in ranked]
    sorted_prefixes = [[sorted(words) for words in variants] for variants in prefixes]
    without_prefix = _score_variants(sorted_prefixes, pieces, score)
    return [
        next(
            (words for words, result in zip(variants, scores, strict=True) if result <= limit),
            variants[-1],
        )
        for variants, scores in zip(prefixes, without_prefix, strict=True)
    ]


def _score_variants(
    removed: list[list[WordSpans]], pieces: list[_TextPiece], score: Scorer
) -> list[list[float]]:
    """Return for each piece its scores without each of several sets of words."""
    texts = [
        _replace_words(piece.text, spans)
        for piece, variants in zip(pieces, removed, strict=True)
        for spans in variants
    ]
    scores = iter(score(pl.Series(texts, dtype=pl.String)).tolist())
    return [[next(scores) for _ in variants] for variants in removed]


def _replace_words(text: str, spans: WordSpans) -> str:
    """Replace the spans, which are in order, by placeholders."""
    parts, position = [], 0
    for start, end in spans:
        parts += [text[position:start], TOXIC_PLACEHOLDER]
        position = end
    return "".join([*parts, text[position:]])
