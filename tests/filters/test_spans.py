"""Overlapping spans: the sweep gives what the definition gives, in linear work."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from filters.pii.spans import EntitySpan, drop_covered, resolve_overlaps
from tests.support.examples import examples

ENTITIES = ("CRYPTO", "PHONE_NUMBER", "US_SSN")


def is_inside(span: EntitySpan, other: EntitySpan) -> bool:
    """The definition: inside another span, or equal to one that ranks higher."""
    if (span.start, span.end) == (other.start, other.end):
        return (span.score, span.entity) < (other.score, other.entity)
    return other.start <= span.start and span.end <= other.end


def define_covered(found: list[EntitySpan]) -> list[EntitySpan]:
    return sorted(s for s in found if not any(is_inside(s, other) for other in found))


def define_resolved(found: list[EntitySpan]) -> list[EntitySpan]:
    groups: list[list[EntitySpan]] = []
    for span in define_covered(found):
        if groups and span.start < max(other.end for other in groups[-1]):
            groups[-1].append(span)
        else:
            groups.append([span])
    best = [max(g, key=lambda s: (s.score, s.end - s.start, s.entity)) for g in groups]
    return [
        span._replace(start=group[0].start, end=max(each.end for each in group))
        for span, group in zip(best, groups, strict=True)
    ]


found_spans = st.lists(
    st.builds(
        lambda start, length, entity, score: EntitySpan(start, start + length, entity, score),
        st.integers(0, 20),
        st.integers(1, 8),
        st.sampled_from(ENTITIES),
        st.sampled_from([0.4, 0.5, 1.0]),
    ),
    max_size=14,
)


@settings(max_examples=examples(300))
@given(found_spans)
def test_the_sweep_gives_what_comparing_every_pair_gives(found: list[EntitySpan]) -> None:
    assert sorted(drop_covered(found)) == define_covered(found)
    assert resolve_overlaps("+" * 99, found) == define_resolved(found)


def test_twice_the_spans_are_twice_the_comparisons() -> None:
    counted = 0

    class CountingSpan(EntitySpan):
        def __getattribute__(self, name: str) -> object:
            nonlocal counted
            counted += name in ("start", "end", "score")
            return super().__getattribute__(name)

    def count(size: int, step: int) -> int:
        nonlocal counted
        counted = 0
        # Apart, chained, nested, and all of them equal.
        for make in (
            lambda n: (n * step, n * step + step - 1),
            lambda n: (n * step, n * step + 2 * step),
            lambda n: (n, 2 * size - n),
            lambda n: (0, 9),
        ):
            found = [CountingSpan(*make(n), "CRYPTO", 1.0) for n in range(size)]
            resolve_overlaps("", list(found))
        return counted

    small, large = count(500, 10), count(1000, 10)
    assert 0 < large < 2.1 * small
