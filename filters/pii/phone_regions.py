"""Select the regions in which a text can have a phone number, before libphonenumber looks in each.

And, in the regions that are left, the candidates that libphonenumber need not parse.

libphonenumber takes a tenth of a millisecond for a text and a region. Most texts with many digits
are dates, counts and ids, which are a valid number in few regions or none. What is checked here is
a *necessary condition* of a valid number: some digits that libphonenumber could take for one match
a pattern of the region, which is made of the same metadata. A text is left to every region where
more than its digits counts: with a plus, an extension, digits of other scripts, or an ``x``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

#: Digits of the longest number, with the prefixes of the country and of the carrier.
_MAX_DIGITS = 26
#: Of a row with more groups, any part is tried: libphonenumber cuts a row after 21.
_MAX_GROUPS = 20
_KINDS = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip"),
    *("personal_number", "pager", "uan", "voicemail"),
)

# What libphonenumber allows between two digits, and a little more.
_MARK = r"(?:[ ()./\[\]~-]|[^\x00-\x7f])"
_ROW = re.compile(rf"[0-9]+(?:{_MARK}{{1,4}}[0-9]+)*")
# Groups that it never separates from each other: only these marks are between them.
_JOINED_GROUPS = re.compile(r"[0-9]+(?:[\])\[~-]+[0-9]+)*")
_DATE = re.compile(r"(?:[0-3]?[0-9]/[01]?[0-9]|[01]?[0-9]/[0-3]?[0-9])/(?:[12][0-9])?[0-9]{2}")
_EXTENSION_LABEL = (
    "(?:e?xt(?:ensi(?:o\u0301?|\u00f3))?n?|\uff45?\uff58\uff54\uff4e?|\u0434\u043e\u0431|anexo|"
    ";ext=|[x\uff58#\uff03~\uff5e]|int|\uff49\uff4e\uff54)"
)
_MORE_THAN_DIGITS = re.compile(
    r"[+\uff0b][^0-9A-Za-z]{0,12}[0-9]|[0-9]{21}|(?![0-9])\d|[ -][0-9]{1,6}#"
    rf"|[0-9](?:[ \u00a0\t,]*{_EXTENSION_LABEL}[:.\uff0e]?[ \u00a0\t,-]*"
    rf"|{_MARK}{{0,3}}[x~]{_MARK}{{0,3}})[0-9]",
    re.I,
)

# A candidate without a plus, an extension or a character of another script.
_PLAIN_CANDIDATE = re.compile(r"[0-9 ().\[\]/-]*")
_NO_DIGIT = re.compile("[^0-9]")


def select_regions(text: str, regions: tuple[str, ...], min_digits: int) -> tuple[str, ...]:
    """Return the regions, in their order, that may have a number of ``min_digits`` in a text."""
    if _MORE_THAN_DIGITS.search(text):
        return regions
    selected: set[str] = set()
    for digits in _list_numbers(text, min_digits):
        selected |= _match_regions(digits, regions)
        if len(selected) == len(regions):
            break
    return tuple(region for region in regions if region in selected)


def may_be_number(written: str, region: str) -> bool:
    """Return whether what libphonenumber takes for a candidate can be a valid number in a region.

    It parses a candidate whole; so its digits match the pattern of the region, or more than its
    digits counts.
    """
    if not _PLAIN_CANDIDATE.fullmatch(written):
        return True
    return bool(_match_regions(_NO_DIGIT.sub("", written), (region,)))


def has_country_code(written: str, code: int) -> bool:
    """Return whether a number is written with a plus and then the code of its country."""
    return written.startswith("+") and _NO_DIGIT.sub("", written).startswith(str(code))


def _list_numbers(text: str, min_digits: int) -> Iterator[str]:
    """Yield the digits of every part of the rows of digits that may be taken for a number."""
    for match in _ROW.finditer(text):
        row = match[0]
        if len(row) < min_digits:
            continue
        groups = re.findall("[0-9]+", row)
        if len(groups) <= _MAX_GROUPS:
            if row.isascii() and _DATE.search(row):
                continue  # libphonenumber ignores all of a row with a date
            groups = [_NO_DIGIT.sub("", each) for each in _JOINED_GROUPS.findall(row)]
        for first in range(len(groups)):
            digits = ""
            for group in groups[first:]:
                digits += group
                if len(digits) > _MAX_DIGITS:
                    break
                if len(digits) >= min_digits:
                    yield digits


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
