"""Find social security numbers of the United States that a post calls so, in any grouping.

Presidio's pattern of 123-45-6789 is strong enough alone. Nine bare digits, 12345-6789 and
123-456789 are a number only directly behind "SSN" or "social security number".
"""

from __future__ import annotations

import re

import polars as pl

from filters.pii.spans import EntitySpan

SCORE = 0.85
#: What a text with such a number matches: a pattern for polars.
GATE = r"ssn|SSN|Ssn|[Ss]ocial[ -][Ss]ecurity|SOCIAL SECURITY|[Mm]y social|[Ss]oc\.? [Ss]ec"
_LABELLED = re.compile(
    r"(?<![A-Za-z0-9])(?:ssns?|social[ -]security|my social|soc\.? sec\.?)(?![A-Za-z0-9])"
    r"(?:[ -]?(?:numbers?|num|no|nr|id|n°)\b)?(?:[\s.,:=#\"'(\[*_`|→-]|\b(?:is|was|are)\b){0,6}"
    r"([0-9]{9}|[0-9]{5}-[0-9]{4}|[0-9]{3}-[0-9]{6})(?![0-9A-Za-z]|[.-][0-9])",
    re.I,
)
# The Social Security Administration assigns no area 000, 666 or 900 to 999, no group 00 and no
# serial number 0000 (its "Social Security Number Randomization", 2011).
_NOT_ASSIGNED = re.compile(r"000|666|9|[0-9]{3}00|[0-9]{5}0000")


def find_social_security_numbers(texts: pl.Series) -> dict[int, list[EntitySpan]]:
    """Return by row the spans of numbers behind their name; other rows have none."""
    found = {}
    for row, text in enumerate(texts):
        spans = [
            EntitySpan(match.start(1), match.end(1), "US_SSN", SCORE)
            for match in _LABELLED.finditer(text)
            if not _NOT_ASSIGNED.match(match[1].replace("-", ""))
        ]
        if spans:
            found[row] = spans
    return found
