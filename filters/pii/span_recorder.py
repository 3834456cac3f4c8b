"""Map the spans that the rounds of a redaction replace back to the texts as they were given.

A detail becomes a placeholder before the handles are found, and the next round reads the text with
both. So the offsets of a later span are those of a text that is already changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from filters.pii.handles import HandleSpan
from filters.pii.spans import EntitySpan
from filters.pii.styles import make_placeholder

#: A handle has no score of a recognizer: it is one by its form.
HANDLE_SCORE = 1.0


class _Replaced(NamedTuple):
    """A placeholder: its offsets in the text as it is now, and the span that it replaced."""

    start: int
    end: int
    span: EntitySpan


class _Change(NamedTuple):
    """What one step replaces: offsets in the text before the step, and the new length."""

    start: int
    end: int
    length: int
    entity: str
    score: float


class SpanRecorder:
    """Collects by row what is replaced, by the offsets of the given text."""

    def __init__(self) -> None:
        self._replaced: dict[int, list[_Replaced]] = {}

    def record(self, row: int, spans: Sequence[EntitySpan]) -> None:
        """Record spans that became placeholders; sorted, without overlaps."""
        self._apply(
            row,
            [
                _Change(start, end, len(make_placeholder(entity, "")), entity, score)
                for start, end, entity, score in spans
            ],
        )

    def record_handles(self, row: int, spans: Sequence[HandleSpan]) -> None:
        """Record handles that were replaced; sorted, without overlaps."""
        self._apply(
            row,
            [
                _Change(each.start, each.end, len(each.replacement), "HANDLE", HANDLE_SCORE)
                for each in spans
            ],
        )

    def record_whole(self, row: int, text: str, placeholder: str) -> None:
        """Record that nothing of the text, as it is now, is kept but one placeholder."""
        entity = placeholder.strip("<>")
        self._apply(row, [_Change(0, len(text), len(placeholder), entity, 1.0)])

    def list_spans(self, row: int) -> list[EntitySpan]:
        """Return the spans of a row by the offsets of its given text, in order."""
        return [each.span for each in self._replaced.get(row, ())]

    @property
    def rows(self) -> list[int]:
        """The rows in which anything was replaced, sorted."""
        return sorted(row for row, replaced in self._replaced.items() if replaced)

    def _apply(self, row: int, changes: Sequence[_Change]) -> None:
        if changes:
            self._replaced[row] = _merge(self._replaced.get(row, []), changes)


def _merge(earlier: Sequence[_Replaced], changes: Iterable[_Change]) -> list[_Replaced]:
    """Return what is replaced after a step; the time is linear in the number of spans.

    A placeholder that a change covers, in whole or in part, becomes part of its span.
    """
    merged: list[_Replaced] = []
    at = 0  # the first of the earlier ones that is not yet in the result
    grown = 0  # how many characters the changes so far have added
    given = 0  # the given offset less the offset before this step, behind the last placeholder
    for start, end, length, entity, score in changes:
        while at < len(earlier) and earlier[at].end <= start:
            merged.append(_shift(earlier[at], grown))
            given = earlier[at].span.end - earlier[at].end
            at += 1
        given_start, given_end = start + given, end + given
        while at < len(earlier) and earlier[at].start < end:
            covered = earlier[at]
            given_start = min(given_start, covered.span.start)
            given = covered.span.end - covered.end
            given_end = max(covered.span.end, end + given)
            at += 1
        merged.append(
            _Replaced(
                start + grown,
                start + grown + length,
                EntitySpan(given_start, given_end, entity, score),
            )
        )
        grown += length - (end - start)
    return merged + [_shift(each, grown) for each in earlier[at:]]


def _shift(replaced: _Replaced, by: int) -> _Replaced:
    return replaced._replace(start=replaced.start + by, end=replaced.end + by)
