"""Find phone numbers as they are written in the countries where a post's language is spoken.

``presidio`` looks in eight countries, whatever the language, and takes what libphonenumber takes.
Here the regions follow from the post's language, and the way in which a number is written counts:
with the trunk prefix (0), with an area code in brackets, in the groups that the country writes, or
after a word such as "call". Bare digits alone are a number only with the trunk prefix, or where the
language says which country is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import accumulate, product
from typing import Any, NamedTuple

import polars as pl

from filters.pii.spans import EntitySpan
from filters.pii.vetoes import is_cued

#: The value of ``phone_regions`` that stands for all regions of a post's language.
AUTO = "auto"
SCORE = 0.4  # that of Presidio's phone numbers

_REGIONS_BY_LANGUAGE = {
    "af": "ZA", "am": "ET", "ar": "EG SA AE MA DZ IQ JO LB KW QA TN SD YE OM BH LY SY PS",
    "az": "AZ", "be": "BY", "bg": "BG", "bn": "BD IN", "bs": "BA", "ca": "ES AD", "cs": "CZ",
    "cy": "GB", "da": "DK", "de": "DE AT CH", "el": "GR CY",
    "en": "US GB CA AU NZ IE ZA IN NG KE GH PH SG MY HK PK JM",
    "es": "ES MX AR CO CL PE VE EC GT CU BO DO UY PY CR PA SV HN NI US", "et": "EE", "eu": "ES",
    "fa": "IR AF", "fi": "FI", "fil": "PH", "fr": "FR BE CH CA MA DZ TN SN CI CM LU", "ga": "IE",
    "gl": "ES", "gu": "IN", "ha": "NG", "he": "IL", "hi": "IN", "hr": "HR BA", "hu": "HU",
    "hy": "AM", "id": "ID", "ig": "NG", "is": "IS", "it": "IT CH", "iw": "IL", "ja": "JP",
    "ka": "GE", "kk": "KZ", "km": "KH", "kn": "IN", "ko": "KR", "ky": "KG", "lo": "LA", "lt": "LT",
    "lv": "LV", "mk": "MK", "ml": "IN", "mn": "MN", "mr": "IN", "ms": "MY SG BN", "my": "MM",
    "nb": "NO", "ne": "NP", "nl": "NL BE", "nn": "NO", "no": "NO", "or": "IN", "pa": "IN PK",
    "pl": "PL", "ps": "AF PK", "pt": "BR PT AO MZ", "ro": "RO MD", "ru": "RU UA KZ BY KG",
    "sd": "PK", "si": "LK", "sk": "SK", "sl": "SI", "so": "SO", "sq": "AL XK", "sr": "RS BA ME",
    "sv": "SE FI", "sw": "KE TZ", "ta": "IN LK SG MY", "te": "IN", "th": "TH", "tl": "PH",
    "tr": "TR CY", "uk": "UA", "ur": "PK IN", "uz": "UZ", "vi": "VN", "xh": "ZA", "yo": "NG",
    "zh": "CN TW HK SG MO", "zu": "ZA",
}  # fmt: skip
#: Where the language is not known: the countries with the most users of social networks.
_COMMON = (
    "US GB CA DE FR IN BR IL ES IT NL BE AT CH SE NO DK FI PL CZ PT GR HU RO TR RU UA JP KR CN TW "
    "HK SG MY ID PH TH VN AU NZ IE ZA NG KE GH EG SA AE MA PK BD IR MX AR CO CL PE"
)
# libphonenumber rewrites their numbers before it judges them (15 for mobiles in Argentina).
_REWRITTEN = ("AR", "MX", "BR", "CR")

#: Their numbers have eight digits or less, and their language is not spoken in many others.
_SHORT_REGIONS = ("NO", "DK", "IS", "EE", "LV", "LT", "SI", "HK", "TW", "AM", "GE", "MK", "BA")
# They write the trunk prefix, and often leave it out.
_TRUNK_IS_OPTIONAL = ("TR", "RU", "KZ", "IN", "IR")

_MIN_DIGITS, _MAX_DIGITS = 7, 15
_SEPARATOR = r"[ \u00a0\u2009\u202f.\-/()\u2010-\u2015\u2212]"
#: What a text with a candidate matches: a pattern for polars.
GATE = rf"[0-9](?:{_SEPARATOR}{{0,3}}[0-9]){{6}}"
# It touches no Latin letter, no other number and no address; letters of other scripts may touch it.
_CANDIDATE = re.compile(
    r"(?<![0-9A-Za-z\u00c0-\u024f@#&=+/])(?<![0-9][.,:-])(?<![A-Za-z]-)"
    rf"(?:\(\d{{1,5}}\)|\d)(?:{_SEPARATOR}{{0,3}}\d){{5,16}}"
    r"(?![0-9A-Za-z\u00c0-\u024f@]|[.,:/-]\d)",
    re.ASCII,
)
# With its country's code; what follows the seventeenth digit is no part of it.
_INTERNATIONAL = re.compile(
    rf"(?<![0-9A-Za-z\u00c0-\u024f+])\+\d(?:{_SEPARATOR}{{0,3}}\d){{6,16}}", re.ASCII
)
_GAP = re.compile(r"(?<=[0-9])[().\-/]{0,2}[ \u00a0\u2009\u202f]")


class _Region(NamedTuple):
    """How numbers of a region are judged: its patterns on the digits as written."""

    name: str
    with_trunk: re.Pattern[str] | None
    without_trunk: re.Pattern[str]


class PhoneFinder:
    """Finds national numbers by the language of each post."""

    def find(self, texts: pl.Series, languages: pl.Series | None) -> dict[int, list[EntitySpan]]:
        """Return by row the spans of phone numbers, in the order of the text.

        ``languages`` has codes of ISO 639; null is unknown.
        """
        rows = texts.str.contains(GATE).arg_true()
        selected = texts.gather(rows).to_list()
        codes = languages.gather(rows).to_list() if languages is not None else [None] * len(rows)
        found = {}
        for row, text, code in zip(rows.to_list(), selected, codes, strict=True):
            spans = list(self._find_in_text(text, code or ""))
            if spans:
                found[row] = spans
        return found

    def _find_in_text(self, text: str, language: str) -> list[EntitySpan]:
        regions, is_known = _select_regions(language)
        offsets = list(_find_before_digits(text))
        following = iter([*offsets, (len(text), len(text))])
        start_of_next, end_of_next = next(following)
        position = 0
        while match := _CANDIDATE.search(text, position):
            while end_of_next <= match.start():
                start_of_next, end_of_next = next(following)
            if start_of_next < match.start():  # without the plus and its country's code
                position = end_of_next
                continue
            position = match.end()
            has_cue = is_cued(text[max(0, match.start() - 60) : match.start()])
            for start, end in _split_candidate(match[0]):
                written = match[0][start:end]
                low = match.start() + start
                if is_number(written, regions, is_known, has_cue):
                    offsets.append((low, low + len(written)))
                elif size := _measure_number_at_start(written, regions, is_known, has_cue):
                    offsets.append((low, low + size))
                    if end == len(match[0]):
                        position = low + size  # what follows may be another number
        return [EntitySpan(*each, "PHONE_NUMBER", SCORE) for each in sorted(offsets)]


def is_number(written: str, regions: tuple[str, ...], is_known: bool, has_cue: bool) -> bool:
    """Return whether what is written is a number of one of the regions.

    ``is_known`` says that the regions follow from the language of the post, ``has_cue`` that a word
    before the number says that it is one.
    """
    digits = re.sub(r"\D", "", written)
    if not _MIN_DIGITS <= len(digits) <= _MAX_DIGITS:
        return False
    groups = tuple(re.findall(r"\d+", written))
    main_regions = regions[:3] if is_known else ()
    for name in regions:
        region = _load_region(name)
        is_trunk = region.with_trunk and region.with_trunk.fullmatch(digits)
        if is_trunk and (len(groups) > 1 or has_cue or len(digits) > 9):
            return True
        if not region.without_trunk.fullmatch(digits):
            continue
        if has_cue:
            return True
        if len(groups) == 1 and not (is_known and len(digits) > 8 and _is_mobile(digits, name)):
            continue
        # Where the country writes the trunk prefix, digits without it are no number.
        needs_grouping = name not in _TRUNK_IS_OPTIONAL
        if len(groups) == 1:
            if not needs_grouping or _find_grouping(digits, name) is not None:
                return True
        elif _is_everyday_grouping(
            groups, written, name, is_known, main_regions, needs_grouping=needs_grouping
        ):
            return True
    return has_cue and len(digits) > 10 and _is_international(digits)


def _is_everyday_grouping(
    groups: tuple[str, ...],
    written: str,
    region: str,
    is_known: bool,
    main_regions: tuple[str, ...],
    *,
    needs_grouping: bool,
) -> bool:
    """Return whether the groups are those in which a region writes the number.

    ``main_regions`` are those where most speakers of the post's language live. With
    ``needs_grouping`` the region must write the number without a trunk prefix, in any groups.
    """
    sizes = tuple(map(len, groups))
    digits = "".join(groups)
    is_short = region in _SHORT_REGIONS and region in main_regions
    if len(digits) < 9 and not is_short and written[0] != "(":
        return False  # 1234 5678 is any two numbers
    if "." in written and len(sizes) == 3 and sizes[1:] == (3, 3):
        return False  # 612.345.678: a count
    # Where the region is only guessed, other groups than its own prove nothing.
    if is_known and sizes in _OTHER_GROUPINGS.get(len(digits), set()):
        return not needs_grouping or _find_grouping(digits, region) is not None
    return sizes in _list_groupings(region, len(digits)) and sizes == _find_grouping(digits, region)


@cache
def _select_regions(language: str) -> tuple[tuple[str, ...], bool]:
    """Return the regions of a language, and whether they follow from it."""
    names = _REGIONS_BY_LANGUAGE.get(re.split("[-_]", language.lower())[0])
    return (tuple(names.split()), True) if names else (tuple(_COMMON.split()), False)


def _split_candidate(written: str) -> list[tuple[int, int]]:
    """Return the offsets of the numbers in a row of digits: parts that wide separators divide."""
    parts, start = [], 0
    for match in re.finditer(r" [/\-\u2010-\u2015] | / |  +|/", written):
        parts.append((start, match.start()))
        start = match.end()
    parts.append((start, len(written)))
    if len(parts) == 1:
        return parts
    # An area code may be divided from the rest by a slash: 0711/1234567.
    first = re.sub(r"\D", "", written[slice(*parts[0])])
    return [(0, len(written))] if len(first) < _MIN_DIGITS - 1 else parts


def _find_before_digits(text: str) -> Iterator[tuple[int, int]]:
    """Yield the offsets of numbers with a plus that other digits follow: ``+49 171 2345678 24/7``.

    What is a number as a whole is left to Presidio.
    """
    for match in _INTERNATIONAL.finditer(text):
        if not _is_international(re.sub(r"\D", "", match[0])):
            for end in _list_gaps(match[0]):
                if _is_international(re.sub(r"\D", "", match[0][:end])):
                    yield match.start(), match.start() + end
                    break


def _list_gaps(written: str) -> list[int]:
    """Return the offsets at which groups of digits end before a space, the last one first."""
    return [match.start() for match in _GAP.finditer(written)][::-1]


def _measure_number_at_start(
    written: str, regions: tuple[str, ...], is_known: bool, has_cue: bool
) -> int:
    """Return the length of the longest number that other digits follow: ``(415) 555-2671 24``.

    It begins with an area code in brackets, or with a trunk prefix and has the groups of its
    country; the length is 0 if there is none.
    """
    if written[0] not in "(0":
        return 0
    for end in _list_gaps(written):
        part = written[:end]
        if not is_number(part, regions, is_known, has_cue):
            continue
        # A year in brackets before another one is no area code.
        is_area = written[0] == "(" and (written[1] == "0" or sum(map(str.isdecimal, part)) > 8)
        if is_area or any(_is_grouped_with_trunk(part, name) for name in regions):
            return end
    return 0


def _is_grouped_with_trunk(written: str, region: str) -> bool:
    """Return whether a number of a region begins with its trunk prefix, in the region's groups.

    Behind an area code of three digits or more the groups may be divided further, but not into
    single digits.
    """
    groups = re.findall(r"\d+", written)
    digits = "".join(groups)
    with_trunk = _load_region(region).with_trunk
    if not (with_trunk and with_trunk.fullmatch(digits)) or min(map(len, groups)) < 2:
        return False
    sizes = _find_grouping_with_trunk(digits, region)
    if sizes is None or len(groups[0]) < 3:
        return sizes == tuple(map(len, groups))
    return sizes[0] == len(groups[0]) and set(accumulate(sizes)) <= set(
        accumulate(map(len, groups))
    )


@cache
def _load_region(name: str) -> _Region:
    """Return the patterns of a region, from libphonenumber's metadata."""
    from phonenumbers import PhoneMetadata

    load_metadata: Any = PhoneMetadata.metadata_for_region
    metadata = load_metadata(name)
    kinds = (
        *(metadata.fixed_line, metadata.mobile, metadata.toll_free, metadata.premium_rate),
        *(metadata.shared_cost, metadata.voip, metadata.uan, metadata.personal_number),
    )
    patterns = [
        kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern
    ]
    body = "|".join(f"(?:{pattern})" for pattern in patterns)
    if name in _REWRITTEN:
        # As written with an area code, with or without the mobile's prefix.
        more = {"AR": r"(?:11|[23]\d{1,3})(?:15)?\d{6,8}", "MX": r"(?:1|044|045)?[2-9]\d{9}"}
        body = f"{body}|{more[name]}" if name in more else body
    trunk = metadata.national_prefix
    with_trunk = re.compile(f"{re.escape(trunk)}(?:{body})") if trunk else None
    if name == "IT":
        with_trunk = re.compile(rf"(?=0)(?:{body})")  # the 0 is a part of the number
    return _Region(name, with_trunk, re.compile(f"(?:{body})"))


# In these regions mobile and fixed numbers cannot be distinguished; so these begin.
_MOBILE_PATTERNS = {
    "CL": r"9\d{8}",
    "MX": r"[2-9]\d{9}",
    "US": r"(?!)",
    "CA": r"(?!)",
    "JM": r"(?!)",
    "DO": r"(?!)",
}


@cache
def _load_mobile(name: str) -> re.Pattern[str]:
    from phonenumbers import PhoneMetadata

    if name in _MOBILE_PATTERNS:
        return re.compile(_MOBILE_PATTERNS[name])
    load_metadata: Any = PhoneMetadata.metadata_for_region
    mobile = load_metadata(name).mobile
    pattern = mobile.national_number_pattern if mobile else None
    return re.compile(pattern or r"(?!)")


def _is_mobile(digits: str, region: str) -> bool:
    """Return whether digits are a mobile number of a region."""
    return bool(_load_mobile(region).fullmatch(digits))


class _Format(NamedTuple):
    """How a country writes some of its numbers."""

    beginning: re.Pattern[str] | None  # of these numbers
    digits: re.Pattern[str]
    template: str  # as of str.format, with the groups of ``digits``


@cache
def _load_formats(region: str) -> tuple[_Format, ...]:
    """Return the formats of a region's country from libphonenumber's metadata, in their order."""
    from phonenumbers import (
        PhoneMetadata,
        country_code_for_region,
        region_code_for_country_code,
    )

    load_metadata: Any = PhoneMetadata.metadata_for_region
    main_region = region_code_for_country_code(country_code_for_region(region))
    return tuple(
        _Format(
            re.compile(each.leading_digits_pattern[-1]) if each.leading_digits_pattern else None,
            re.compile(each.pattern),
            _make_template(each.format, each.national_prefix_formatting_rule),
        )
        for each in load_metadata(main_region).number_format
    )


def _make_template(format_rule: str, prefix_rule: str | None) -> str:
    """Return the template for a format of libphonenumber and its rule for the first group."""
    with_prefix = format_rule.replace("\\1", prefix_rule or "\\1", 1)
    return re.sub(r"\\([1-9])", lambda group: f"{{{int(group[1]) - 1}}}", with_prefix)


@lru_cache(maxsize=1 << 12)
def _find_grouping(digits: str, region: str) -> tuple[int, ...] | None:
    """Return the sizes of the groups in which a region writes a number without trunk prefix.

    They are those of libphonenumber's national format; None if that has other digits.
    """
    number = str(int(digits))
    number = f"0{number}" if digits.startswith("0") else number
    sizes = _measure_groups(number, region)
    return sizes if sum(sizes) == len(digits) else None


def _find_grouping_with_trunk(digits: str, region: str) -> tuple[int, ...] | None:
    """Return the sizes of the groups in which a region writes a number with its trunk prefix, 0."""
    number = digits if region == "IT" else digits.removeprefix("0")  # in Italy it is no prefix
    sizes = _measure_groups(number, region)
    return sizes if sum(sizes) == len(digits) else None


def _measure_groups(number: str, region: str) -> tuple[int, ...]:
    """Return the sizes of the groups in libphonenumber's national format."""
    written = number
    for each in _load_formats(region):
        if each.beginning is None or each.beginning.match(number):
            match = each.digits.fullmatch(number)
            if match:
                written = each.template.format(*match.groups())
                break
    return tuple(map(len, re.findall(r"\d+", written)))


# A group of a format: ``(\d)``, ``(\d{3})`` or ``(\d{2,4})``. They have no others.
_GROUP = re.compile(r"\(\\d(?:\{(\d+)(?:,(\d+))?\})?\)")


@cache
def _list_groupings(region: str, count: int) -> frozenset[tuple[int, ...]]:
    """Return the sizes that ``_find_grouping`` may return for numbers of so many digits.

    Its formats are tried on any digits, in all the ways in which they may be divided.
    """
    groupings: set[tuple[int, ...]] = {(count,)}
    for each in _load_formats(region):
        widths = _GROUP.findall(each.digits.pattern)
        for sizes in product(
            *(range(int(low or 1), int(high or low or 1) + 1) for low, high in widths)
        ):
            written = each.template.format(*("1" * size for size in sizes))
            groupings.add(tuple(map(len, re.findall(r"\d+", written))))
    return frozenset(sizes for sizes in groupings if sum(sizes) == count)


# By the count of digits: how people group numbers, whatever the authority says.
_OTHER_GROUPINGS: dict[int, set[tuple[int, ...]]] = {
    8: {(4, 4), (2, 2, 2, 2), (3, 2, 3), (2, 3, 3)},
    9: {(3, 3, 3), (3, 2, 2, 2), (2, 3, 4), (3, 6), (1, 4, 4), (2, 7)},
    10: {(3, 3, 4), (2, 4, 4), (3, 3, 2, 2), (5, 5), (4, 3, 3), (2, 2, 2, 2, 2), (3, 7)},
    11: {(3, 4, 4), (2, 5, 4), (4, 3, 4), (5, 6), (3, 8), (2, 9)},
}


@cache
def _load_country_codes() -> frozenset[str]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE))


def _is_international(digits: str) -> bool:
    """Return whether digits are a number with its country's code, without the plus."""
    from phonenumbers import NumberParseException, is_valid_number, parse

    if not any(digits[:size] in _load_country_codes() for size in (1, 2, 3)):
        return False
    try:
        return bool(is_valid_number(parse(f"+{digits}")))
    except NumberParseException:
        return False
