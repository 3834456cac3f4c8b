"""Spans of later rounds are mapped back to the text as it was given."""

from __future__ import annotations

from filters.pii.span_recorder import SpanRecorder
from filters.pii.spans import EntitySpan

GIVEN = "a b@c.de 12"


def test_a_later_span_has_the_offsets_of_the_given_text() -> None:
    recorder = SpanRecorder()
    recorder.record(3, [EntitySpan(2, 8, "X", 1.0)])  # "a <X> 12"
    recorder.record(3, [EntitySpan(0, 1, "LONGER", 0.5), EntitySpan(6, 8, "Y", 0.4)])
    assert recorder.rows == [3]
    assert recorder.list_spans(3) == [
        EntitySpan(0, 1, "LONGER", 0.5),
        EntitySpan(2, 8, "X", 1.0),
        EntitySpan(9, 11, "Y", 0.4),
    ]


def test_a_span_that_covers_a_placeholder_takes_in_what_it_stands_for() -> None:
    recorder = SpanRecorder()
    recorder.record(0, [EntitySpan(2, 8, "X", 1.0)])
    recorder.record(0, [EntitySpan(4, 7, "Y", 0.4)])  # from inside <X> to before the 1
    assert recorder.list_spans(0) == [EntitySpan(2, 10, "Y", 0.4)]


def test_a_text_of_which_one_placeholder_is_kept_is_one_span() -> None:
    recorder = SpanRecorder()
    recorder.record(0, [EntitySpan(2, 8, "X", 1.0)])
    recorder.record_whole(0, "a <X> 12", "<X>")
    assert recorder.list_spans(0) == [EntitySpan(0, len(GIVEN), "X", 1.0)]
