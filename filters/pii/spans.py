"""Spans of a post that contain an entity: resolve their overlaps, and replace them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, groupby
from typing import NamedTuple

# libphonenumber takes 1648 for a German pager, and the postcode 16801 for a phone number. Numbers
# that reach someone are longer, or are written with a plus.
MIN_PHONE_DIGITS = 7

#: Called with the entity and the text of a span; returns the replacement.
ReplacementStyle = Callable[[str, str], str]


class EntitySpan(NamedTuple):
    """A part of a post that contains one entity: offsets in characters, and a score from 0 to 1."""

    start: int
    end: int
    entity: str
    score: float


def resolve_overlaps(
    text: str, spans: list[EntitySpan], *, reachable_only: bool = True
) -> list[EntitySpan]:
    """Return spans without overlaps, in the order of the text.

    A span inside another one is discarded; of spans that overlap, the one with the higher score is
    kept, then the longer one. It is extended over the whole overlap, so that no part of the others
    remains readable. In between, spans that reach nobody are discarded if ``reachable_only``: the
    address 10.20.30.40 is no phone number either.
    """
    groups: list[list[EntitySpan]] = []
    group_end = 0
    for span in drop_covered(spans):
        if reachable_only and is_unreachable(text, span):
            continue
        if groups and span.start < group_end:
            groups[-1].append(span)
            group_end = max(group_end, span.end)
        else:
            groups.append([span])
            group_end = span.end
    return [_merge_group(group) for group in groups]


def drop_covered(spans: Iterable[EntitySpan]) -> list[EntitySpan]:
    """Return the spans that are not inside another one, sorted; of equal ones the best are kept.

    One pass over the sorted spans: of those that begin no later, only the one that ends last can
    contain the next.
    """
    # The longest span of a start comes first, so that whatever contains a span comes before it.
    in_order = sorted(spans, key=lambda span: (span.start, -span.end))
    outer: list[EntitySpan] = []
    last_end = -1
    for (_, end), equal in groupby(in_order, key=lambda span: (span.start, span.end)):
        if end > last_end:
            last_end = end
            ranked = sorted(equal, key=_rank)
            outer += [span for span in ranked if _rank(span) == _rank(ranked[-1])]
    return outer


def _rank(span: EntitySpan) -> tuple[float, str]:
    return (span.score, span.entity)


def _merge_group(group: list[EntitySpan]) -> EntitySpan:
    best = max(group, key=lambda span: (span.score, span.end - span.start, span.entity))
    return best._replace(start=group[0].start, end=max(span.end for span in group))


def is_unreachable(text: str, span: EntitySpan) -> bool:
    """Return whether nobody can be reached by what the span contains."""
    content = text[span.start : span.end]
    if span.entity == "PHONE_NUMBER":
        is_international = content.startswith(("+", "\uff0b"))
        return not is_international and sum(map(str.isdecimal, content)) < MIN_PHONE_DIGITS
    if span.entity == "IP_ADDRESS":
        try:
            address = ipaddress.ip_address(content.split("/")[0].split("%")[0])
        except ValueError:  # written with escapes; the view has judged what they mean
            return False
        return not (getattr(address, "ipv4_mapped", None) or address).is_global
    if span.entity == "MAC_ADDRESS":  # the range for documentation, RFC 9542
        return "".join(filter(str.isalnum, content)).lower().startswith("00005e0053")
    return False


def widen_to_words(text: str, spans: Sequence[EntitySpan]) -> list[EntitySpan]:
    """Return the spans, without overlaps as given, over the whole words that they touch.

    A word ends at white space and at a placeholder.
    """
    widened: list[EntitySpan] = []
    for span in spans:
        if widened and span.end <= widened[-1].end:
            continue
        first = widened[-1].end if widened else 0
        start, end = max(span.start, first), span.end
        while start > first and not _ends_word(text[start - 1]):
            start -= 1
        while end < len(text) and not _ends_word(text[end]):
            end += 1
        widened.append(span._replace(start=start, end=end))
    return widened


def _ends_word(character: str) -> bool:
    return character.isspace() or character in "<>"


def replace_spans(text: str, spans: Sequence[EntitySpan], style: ReplacementStyle) -> str:
    """Return the text with each span, by its offsets, replaced by what ``style`` returns for it."""
    starts = [0, *(span.end for span in spans)]
    ends = [*(span.start for span in spans), len(text)]
    kept = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    replacements = [*(style(span.entity, text[span.start : span.end]) for span in spans), ""]
    return "".join(chain.from_iterable(zip(kept, replacements, strict=True)))
