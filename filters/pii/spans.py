"""Spans of a post that contain an entity: resolve their overlaps, and replace them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

# libphonenumber takes 1648 for a German pager, and the postcode 16801 for a phone number. Numbers
# that reach someone are longer, or are written with a plus.
_MIN_PHONE_DIGITS = 7

#: Called with the entity and the text of a span; returns the replacement.
ReplacementStyle = Callable[[str, str], str]


class EntitySpan(NamedTuple):
    """A part of a post that contains one entity: offsets in characters, and a score from 0 to 1."""

    start: int
    end: int
    entity: str
    score: float


def resolve_overlaps(text: str, spans: list[EntitySpan]) -> list[EntitySpan]:
    """Return spans without overlaps, in the order of the text.

    A span inside another one is discarded; of spans that overlap, the one with the higher score is
    kept, then the longer one. It is extended over the whole overlap, so that no part of the others
    remains readable. In between, spans that reach nobody are discarded: the address 10.20.30.40 is
    no phone number either.
    """
    outer = [span for span in spans if not any(_is_covered_by(span, other) for other in spans)]
    groups: list[list[EntitySpan]] = []
    for span in sorted(span for span in outer if not _is_unreachable(text, span)):
        if groups and span.start < max(other.end for other in groups[-1]):
            groups[-1].append(span)
        else:
            groups.append([span])
    return [_merge_group(group) for group in groups]


def _is_covered_by(span: EntitySpan, other: EntitySpan) -> bool:
    """Return whether ``span`` is inside ``other``; if they are equal, whether it scores lower."""
    if (span.start, span.end) == (other.start, other.end):
        return (span.score, span.entity) < (other.score, other.entity)
    return other.start <= span.start and span.end <= other.end


def _merge_group(group: list[EntitySpan]) -> EntitySpan:
    best = max(group, key=lambda span: (span.score, span.end - span.start, span.entity))
    return best._replace(start=group[0].start, end=max(span.end for span in group))


def _is_unreachable(text: str, span: EntitySpan) -> bool:
    """Return whether nobody can be reached by what the span contains."""
    content = text[span.start : span.end]
    if span.entity == "PHONE_NUMBER":
        is_international = content.startswith(("+", "\uff0b"))
        return not is_international and sum(map(str.isdecimal, content)) < _MIN_PHONE_DIGITS
    if span.entity == "IP_ADDRESS":
        address = ipaddress.ip_address(content.split("/")[0].split("%")[0])
        return not (getattr(address, "ipv4_mapped", None) or address).is_global
    if span.entity == "MAC_ADDRESS":  # the range for documentation, RFC 9542
        return "".join(filter(str.isalnum, content)).lower().startswith("00005e0053")
    return False


def replace_spans(text: str, spans: Sequence[EntitySpan], style: ReplacementStyle) -> str:
    """Return the text with each span, by its offsets, replaced by what ``style`` returns for it."""
    starts = [0, *(span.end for span in spans)]
    ends = [*(span.start for span in spans), len(text)]
    kept = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    replacements = [*(style(span.entity, text[span.start : span.end]) for span in spans), ""]
    return "".join(chain.from_iterable(zip(kept, replacements, strict=True)))
