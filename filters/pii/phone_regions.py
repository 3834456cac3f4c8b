"""Say in which regions a candidate may be a phone number, before libphonenumber parses it.

libphonenumber takes a tenth of a millisecond for a candidate and a region. Most rows of digits are
dates, counts and ids, which are a valid number in few regions or none. What is checked here is a
*necessary condition* of a valid number: its digits match a pattern of the region, which is made of
the same metadata. A candidate of which more than its digits counts may be one in every region: with
a plus, an extension, or digits of other scripts.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

_KINDS = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip"),
    *("personal_number", "pager", "uan", "voicemail"),
)

# A candidate without a plus, an extension or a character of another script.
_PLAIN_CANDIDATE = re.compile(r"[0-9 ().\[\]/-]*")
_NO_DIGIT = re.compile("[^0-9]")


def list_possible_regions(written: str, regions: tuple[str, ...]) -> frozenset[str]:
    """Return the regions in which what libphonenumber takes for a candidate may be a valid number.

    It parses a candidate whole; so its digits match the pattern of the region, or more than its
    digits counts.
    """
    if not _PLAIN_CANDIDATE.fullmatch(written):
        return frozenset(regions)
    return _match_regions(_NO_DIGIT.sub("", written), regions)


def has_country_code(written: str, code: int) -> bool:
    """Return whether a number is written with a plus and then the code of its country."""
    return written.startswith("+") and _NO_DIGIT.sub("", written).startswith(str(code))


@lru_cache(maxsize=1 << 14)
def _match_regions(digits: str, regions: tuple[str, ...]) -> frozenset[str]:
    return frozenset(region for region in regions if _load_pattern(region).fullmatch(digits))


@cache
def _load_pattern(region: str) -> re.Pattern[str]:
    """Return a pattern of the digits that libphonenumber may take for a number in a region.

    With the prefix of a call abroad, anything; else a number of any region with the same country
    code, after that code and a national prefix. A rule of a region may rewrite what comes after its
    prefix.
    """
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    load_metadata: Any = PhoneMetadata.metadata_for_region
    home = load_metadata(region)
    sharing = [load_metadata(each) for each in COUNTRY_CODE_TO_REGION_CODE[home.country_code]]
    kinds = [getattr(each, kind) for each in sharing for kind in _KINDS]
    numbers = {kind.national_number_pattern for kind in kinds if kind}
    # A number is read by the rules of its region, or of the first that has the country code.
    rules = (home, sharing[0])
    prefixes = {each.national_prefix_for_parsing for each in rules}
    body, prefix = _join(numbers), _join(prefixes)
    parts = [rf"(?:{home.country_code})?{prefix}{{0,2}}{body}"]
    if home.international_prefix:
        parts.append(rf"(?:{home.international_prefix})[0-9]*")
    if any(each.national_prefix_transform_rule for each in rules):
        parts.append(rf"(?:{home.country_code})?{prefix}[0-9]*")
    return re.compile("|".join(parts), re.ASCII)


def _join(patterns: set[str | None]) -> str:
    """Return a pattern of any of these; of nothing if there are none."""
    return f"(?:{'|'.join(f'(?:{each})' for each in sorted(filter(None, patterns))) or '(?!)'})"
