"""Find contact data in finished texts, with no pattern of the filter ``pii``.

The audit compares two detectors that share no code: a fault of the filter that wrote the corpus
does not hide itself here. This one reads texts as a reader sees them (see ``visible_text``),
takes tokens of digits, of letters and digits, and around ``@``, and lets checksums, the suffix list
and phonenumbers' validator decide. It is stricter than the filter where digits could be anything: a
phone number without a plus needs the form in which people write one, or a word such as "call".
"""

from __future__ import annotations

import base64
import ipaddress
import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any

import polars as pl

from corpus.maintenance.checksums import IBAN_LENGTHS, is_card_number, is_iban, is_wallet
from corpus.maintenance.national_numbers import (
    GATE,
    NATIONAL_ENTITIES,
    find_identifiers,
    list_entities,
)
from corpus.maintenance.visible_text import SEPARATOR, normalize_visible

#: The score of the filter for a detail without context. A plan that asks for more wants fewer
#: details redacted, and this detector cannot judge scores.
_USUAL_SCORES = {"PHONE_NUMBER": 0.4, "IP_ADDRESS": 0.6, "US_SSN": 0.5, "MAC_ADDRESS": 0.6}
#: Details that are counted in one text for each entity.
_MAX_FOUND = 1000
_USUAL_REGIONS = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR")
#: The largest countries in which a language is spoken.
_REGIONS_BY_LANGUAGE = {
    "ar": "EG SA", "cs": "CZ", "da": "DK", "de": "AT CH", "el": "GR", "en": "AU IE", "es": "ES MX",
    "fi": "FI", "fr": "BE CH", "he": "IL", "hu": "HU", "id": "ID", "it": "IT", "ja": "JP",
    "ko": "KR", "nl": "NL BE", "no": "NO", "pl": "PL", "pt": "PT", "ro": "RO", "ru": "RU",
    "sv": "SE", "th": "TH", "tr": "TR", "uk": "UA", "vi": "VN", "zh": "CN TW HK",
}  # fmt: skip
ENTITIES = (
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "IP_ADDRESS",
    "CREDIT_CARD",
    "IBAN_CODE",
    "CRYPTO",
    "US_SSN",
    "MAC_ADDRESS",
    "SECRET",
    "HANDLE",
)


@dataclass(frozen=True)
class DetectorSettings:
    """What a plan wants to be redacted: the entities, the phone regions, the accounts to keep.

    The phone region ``auto`` stands for the usual ones and those of a text's language.
    """

    entities: tuple[str, ...] = ENTITIES
    phone_regions: tuple[str, ...] = ("auto",)
    public: frozenset[str] = frozenset()  # names in lower case, without network and @

    @classmethod
    def from_plan(cls, pii: dict[str, Any], public: Collection[str]) -> DetectorSettings:
        """Return the settings of a plan's stage ``pii``, with every default filled in."""
        scores = pii.get("min_scores") or {}
        wanted = {
            entity
            for entity in pii["entities"]
            if scores.get(entity, 0) <= _USUAL_SCORES.get(entity, 1)
        }
        if pii["handles"] != "keep":
            wanted.add("HANDLE")
        regions = pii["phone_regions"]
        return cls(
            (
                *(entity for entity in ENTITIES if entity in wanted),
                *list_entities(pii["countries"]),
            ),
            tuple(regions),
            frozenset(name for account in public for name in _list_account_names(account)),
        )


def _list_account_names(account: str) -> Iterator[str]:
    """Yield the name of an allowed account, with and without its network and host."""
    name = account.partition("#")[0].strip().lower()
    for each in (name, name.rpartition(":")[2]):
        each = each.removeprefix("/").removeprefix("u/").lstrip("@\uff20")
        yield from (part for part in (each, each.partition("@")[0]) if part)


class ContactDataDetector:
    """Counts the contact data in texts."""

    def __init__(self, settings: DetectorSettings) -> None:
        self._settings = settings
        self._scanners: dict[str, tuple[str, Callable[[str], Iterator[object]]]] = {
            "EMAIL_ADDRESS": (rf"@|{_SPOKEN_GATE}", _find_email_addresses),
            "PHONE_NUMBER": (r"[0-9](?:[^0-9\n]{0,3}[0-9]){5}", lambda text: iter(())),
            "IP_ADDRESS": (r"[0-9]\.[0-9]{1,3}\.[0-9]|:[0-9A-Fa-f]{0,4}:", _find_ip_addresses),
            "CREDIT_CARD": (r"[0-9](?:[ -]?[0-9]){12}", _find_cards),
            "IBAN_CODE": (r"[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9]{2}", _find_ibans),
            "CRYPTO": (r"[0-9A-Za-z]{25}", _find_wallets),
            "US_SSN": (r"[0-9]{3}[-. ][0-9]{2}[-. ][0-9]{4}", _find_ssns),
            "MAC_ADDRESS": (
                r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}",
                _find_mac_addresses,
            ),
            "SECRET": (_SECRET_GATE, _find_secrets),
            "HANDLE": (_HANDLE_GATE, self._find_handles),
            **{
                entity: (GATE, partial(find_identifiers, entity=entity))
                for entity in NATIONAL_ENTITIES
            },
        }

    def count(
        self, texts: pl.Series, languages: pl.Series | None = None
    ) -> dict[int, Counter[str]]:
        """Return by row how many details of each entity a text contains; other rows have none.

        ``languages`` has codes of ISO 639, for phone numbers; null, or no column, is unknown.
        """
        visible = normalize_visible(texts)
        found: defaultdict[int, Counter[str]] = defaultdict(Counter)
        for entity in self._settings.entities:
            gate, scan = self._scanners[entity]
            rows = visible.str.contains(gate).arg_true()
            codes = languages.gather(rows) if languages is not None else [None] * len(rows)
            for row, text, code in zip(rows, visible.gather(rows), codes, strict=True):
                if entity == "PHONE_NUMBER":
                    details: Iterator[object] = _find_phones(text, self._list_regions(code))
                else:
                    details = scan(text)
                for number, _ in enumerate(details, 1):
                    found[row][entity] = number
                    if number == _MAX_FOUND:
                        break
        return dict(sorted(found.items()))

    def _list_regions(self, language: str | None) -> tuple[str, ...]:
        regions = self._settings.phone_regions
        if "auto" not in regions:
            return regions
        listed = (region for region in regions if region != "auto")
        spoken = _REGIONS_BY_LANGUAGE.get((language or "").lower().partition("-")[0], "").split()
        return tuple(dict.fromkeys((*_USUAL_REGIONS, *listed, *spoken)))

    def _find_handles(self, text: str) -> Iterator[str]:
        for name in _find_handles(text):
            if not self._is_public(name.lower().rstrip("._-")):
                yield name

    def _is_public(self, name: str) -> bool:
        return name in self._settings.public or name.partition("@")[0] in self._settings.public


# --------------------------------------------------------------------------- e-mail addresses

_LOCAL_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+-'&!#$*/=?^`{|}~"
)
_DOMAIN = re.compile(r"\s?([A-Za-z0-9-]{1,63}(?:\s?\.\s?[A-Za-z0-9-]{1,63}){1,6})")
#: A domain that nobody can have (RFC 2606), at the end of a sentence: "rosa@beeswax.example. In".
_RESERVED = re.compile(r"\.(?:example|test|invalid|localhost)(?:\s?\.\s.*)?\Z", re.I)
_SPACED_DOMAIN = re.compile(r"[^ .]+ ?\. ?[^ .]+(?: ?\. ?[^ .]+)*")
#: Suffixes to which a word of a sentence may be glued: ``rosa@beeswax.comiin``.
_COMMON_SUFFIXES = ("com", "net", "org", "de", "fr", "ru", "info", "edu")
_AT_WORDS = r"at|\(at\)|arroba|arobase|chiocciola|aet|klammeraffe|sobaka|a"
_DOT_WORDS = r"dot|punkt|punto|point|ponto|tochka|nokta|d0t"
_SPOKEN_GATE = rf"(?i)[a-z0-9][\s_\-\[({{<*]{{1,4}}(?:{_AT_WORDS})[\s_\-\])}}>*]{{1,4}}[a-z0-9]"
_OPEN, _CLOSE, _BLANK = r"[\[({<*]", r"[\])}>*]", r"[\s_-]"
_BRACKETED_AT = re.compile(rf"{_OPEN}\s?(?:{_AT_WORDS})\s?{_CLOSE}", re.I)
_SPOKEN = re.compile(
    r"(?<![A-Za-z0-9._+-])[A-Za-z0-9._+-]{2,64}"
    rf"(?P<at>{_BLANK}?{_OPEN}\s?(?:{_AT_WORDS})\s?{_CLOSE}{_BLANK}?|"
    rf"{_BLANK}{{1,2}}(?:{_AT_WORDS}){_BLANK}{{1,2}}|\s?@\s?)"
    r"[A-Za-z0-9-]{2,63}?"
    rf"(?P<dot>{_BLANK}?{_OPEN}\s?(?:{_DOT_WORDS}|\.)\s?{_CLOSE}{_BLANK}?|"
    rf"{_BLANK}{{1,2}}(?:{_DOT_WORDS}){_BLANK}{{1,2}}|\s?\.\s?)"
    r"(?P<suffix>[A-Za-z]{2,10})(?![A-Za-z0-9])",
    re.I,
)
#: The words for the dot in languages with the word for @: "at this point in" is a sentence.
_DOT_BY_AT = {
    "at": {"dot", "d0t", "punkt"},
    "arroba": {"punto", "ponto", "dot"},
    "arobase": {"point", "dot"},
    "chiocciola": {"punto", "dot"},
}


@cache
def _load_suffixes() -> frozenset[str]:
    """Return the top-level domains of tldextract's own copy of the list; nothing is downloaded."""
    from tldextract import TLDExtract

    make_extract: Any = TLDExtract
    suffixes = make_extract(suffix_list_urls=(), cache_dir=None).tlds
    return frozenset(each for each in suffixes if "." not in each and each.isascii())


def _find_email_addresses(text: str) -> Iterator[str]:
    at = text.find("@")
    while at >= 0:
        start = at
        while start > 0 and at - start < 64 and text[start - 1] in _LOCAL_CHARACTERS:
            start -= 1
        local = text[start:at]
        domain = _DOMAIN.match(text, at + 1)
        if domain and any(map(str.isalnum, local)) and _has_suffix(_RESERVED.sub("", domain[1])):
            yield text[start : domain.end()]
        at = text.find("@", at + 1)
    for spoken in _SPOKEN.finditer(text):
        if _is_spoken_address(spoken):
            yield spoken.group()


def _has_suffix(domain: str) -> bool:
    """Return whether a domain, or the part of it before a word that is glued to it, can exist."""
    if " " in domain and not _SPACED_DOMAIN.fullmatch(domain):
        return False
    labels = re.sub(r"\s", "", domain).split(".")
    if any(label.startswith("-") for label in labels[:1]):
        return False
    return any(_ends_in_suffix(label) for label in labels[1:])


def _ends_in_suffix(label: str) -> bool:
    if label.lower() in _load_suffixes():
        return not (label.isupper() and len(label) > 6)
    for length in range(min(len(label) - 1, 12), 1, -1):
        begin, rest = label[:length].lower(), label[length:]
        if begin in _load_suffixes():
            glued = rest[0].isupper() and label[:length].islower()
            if glued or rest[0] in "-0123456789" or begin in _COMMON_SUFFIXES:
                return True
    return False


def _is_spoken_address(spoken: re.Match[str]) -> bool:
    """Return whether words are an address: both marks in words, or one in brackets."""
    if spoken["suffix"].lower() not in _load_suffixes():
        return False
    if "@" in spoken.group() and not re.search(r"[\s\[\](){}<>*]", spoken.group()):
        return False  # an address as it is, which is counted already
    if "@" in spoken.group() or _BRACKETED_AT.search(spoken.group()):
        return True
    dot = re.sub(r"[^a-z0-9]", "", spoken["dot"].lower())
    at = re.sub(r"[^a-z]", "", spoken["at"].lower())
    return dot in _DOT_BY_AT.get(at, ())


# --------------------------------------------------------------------------- phone numbers

_DIGIT_GROUPS = re.compile(r"(?:\+\s?)?\(?[0-9](?:[ ().\-/~]{0,3}[0-9]){5,60}")
#: What is no number of a phone and could be taken for one.
_OTHER_NUMBERS = re.compile(
    r"(?<![0-9])(?:"
    r"[0-9]{1,4}([./-])[0-9]{1,2}\1[0-9]{1,4}(?:[T ,-]{1,3}[0-9]{1,2}[:.][0-9]{2})?"  # dates
    r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3}"  # IP addresses and versions
    r"|[0-9]{1,3}(?:[.,' ][0-9]{3})+"  # thousands
    r"|[0-9]+[.,][0-9]{4,}"  # decimals
    r"|[0-9]{3}-[0-9]{2}-[0-9]{4}"
    r"|\(?(?:19|20)[0-9]{2}[/ -]{1,3}(?:19|20)[0-9]{2}"  # from a year to another
    r")(?![0-9])"
)
#: An address, with the number of a parameter in groups of four digits.
_URL = re.compile(
    r"(?:https?://|(?<![A-Za-z0-9-])(?:www\.|[a-z0-9-]{2,63}\.[a-z]{2,6}/))\S*"
    r"(?:(?<==[0-9]{4})(?: [0-9]{3,4})+)?",
    re.I,
)
#: Addresses that are nobody's (RFC 5737, 3849, 9542): a build with surrogates writes them.
_DOCUMENTATION_ADDRESS = re.compile(
    r"(?<![0-9.])(?:192\.0\.2|198\.51\.100|203\.0\.113)\.[0-9]{1,3}(?![0-9])"
    r"|2001:db8:[0-9a-f:]{1,32}|00[:.-]?00[:.-]?5e[:.-]?00[:.-]?53[:.-]?[0-9a-f]{2}",
    re.I,
)
#: Hashes and keyed names: their digits are no numbers.
_HEX_NAME = re.compile(
    r"(?<![0-9A-Za-z])(?=[0-9]{0,63}[a-f])"
    r"(?:[0-9a-f]{16}|[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})(?![0-9A-Za-z])"
)
_PHONE_LINK = re.compile(
    r"(?:wa\.me/|viber\.click/|call\.imo\.im/|signal\.me/#p/|t\.me/\+?(?=[0-9])|"
    r"(?:tel|sms|callto|facetime|facetime-audio|whatsapp):|viber://\w+\?\w+=|"
    r"[?&;](?:phone|tel|number|mobile|msisdn|e)=|(?:phone|tel|telefon|whatsapp)=)"
    r"\s?((?:\+|00)?[0-9][0-9 ().-]{6,20})",
    re.I,
)
_PHONE_WORD = re.compile(
    r"(?:tele?phone?|tel|phone|cell|mobile|mob|whats ?app|call(?: me| us)?|text(?: me)?|sms|"
    r"reach me|my number(?: is)?|contact|ring|viber|signal|fax|handy|telefon|fon)"
    r"\W{0,3}(?:\w{1,5}\W{1,2})?$",
    re.I,
)


_GLUED_BEFORE = re.compile(r"[0-9A-Za-z]{1,40}\Z")
_GLUED_AFTER = re.compile(r"[0-9A-Za-z]{1,40}")


#: Regions where the zero before the area code is often left out.
_OPTIONAL_PREFIX = ("IN", "BR", "TR", "IR")


@lru_cache(maxsize=1 << 16)
def _is_valid_phone(digits: str, region: str) -> bool:
    import phonenumbers

    if digits.lstrip("+").startswith("0000"):  # no country's, but the parser skips zeros
        return False
    try:
        number = phonenumbers.parse(digits, region or None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(number)


def _find_phones(text: str, regions: tuple[str, ...]) -> Iterator[str]:
    text = _DOCUMENTATION_ADDRESS.sub(SEPARATOR, _HEX_NAME.sub(SEPARATOR, text))
    for link in _PHONE_LINK.finditer(text):
        digits = "".join(filter(str.isdigit, link[1]))
        if _is_any_prefix_valid("+" + digits.removeprefix("00")):
            yield link[1]
    text = _URL.sub(SEPARATOR, text)
    for candidate in _DIGIT_GROUPS.finditer(text):
        number = candidate.group()
        if number.startswith("+"):
            if _is_international(number):
                yield number
        elif not _continues(text, candidate) and _is_national(number, text, candidate, regions):
            yield number


def _continues(text: str, candidate: re.Match[str]) -> bool:
    """Return whether a number is a part of a longer token, such as a decimal or an identifier."""
    start, end = candidate.span()
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    joined = before[-1:] in (".", ",", "-") and before[:1].isdigit()
    joined = joined or (after[:1] in (".", ",", ":") and after[1:2].isdigit())
    # Letters may be glued to a number; more digits behind them are those of an identifier.
    glued = (_GLUED_BEFORE.search(text[max(0, start - 40) : start]), _GLUED_AFTER.match(text, end))
    is_part = any(word and any(map(str.isdigit, word.group())) for word in glued)
    return joined or is_part or before[-1:] in ("$", "#") or after[:1] == "%"


def _is_international(number: str) -> bool:
    """Return whether the digits after a plus, or those of the first groups, are a number."""
    groups = re.findall(r"[0-9]+", number)
    digits = ""
    lengths = set()
    for group in groups:
        digits += group
        lengths.add(len(digits))
    return any(
        7 <= length <= 15 and _is_valid_phone(f"+{digits[:length]}", "")
        for length in sorted(lengths, reverse=True)
    ) or (len(groups) == 1 and _is_any_prefix_valid(f"+{digits}"))


def _is_any_prefix_valid(number: str) -> bool:
    return any(_is_valid_phone(number[:end], "") for end in range(min(len(number), 16), 8, -1))


def _is_national(
    number: str, text: str, candidate: re.Match[str], regions: tuple[str, ...]
) -> bool:
    digits = "".join(re.findall(r"[0-9]+", number))
    if not 7 <= len(digits) <= 14:  # several numbers
        return any(_is_national_form(part, regions) for part in re.split(r"\s*[/~\s]\s*", number))
    before = text[max(0, candidate.start() - 30) : candidate.start()]
    if _PHONE_WORD.search(before) and not _OTHER_NUMBERS.fullmatch(number.strip("( ")):
        return any(
            _is_valid_phone(digits, region)
            for region in regions
            if digits.startswith("0") or region in _OPTIONAL_PREFIX or not _has_prefix(region)
        )
    return _is_national_form(number, regions)


def _is_national_form(number: str, regions: tuple[str, ...]) -> bool:
    """Return whether digits are in the form in which people of a region write phone numbers."""
    number = number.strip()
    groups = re.findall(r"[0-9]+", number)
    digits = "".join(groups)
    if not 7 <= len(digits) <= 14 or _OTHER_NUMBERS.fullmatch(number):
        return False
    for region in regions:
        if not _is_valid_phone(digits, region):
            continue
        # A long number with the prefix of calls within the country, or the usual groups of digits.
        with_prefix = digits.startswith("0") and _has_prefix(region) and len(digits) >= 8
        if with_prefix and len(groups[0]) > 1 and (len(groups) > 1 or len(digits) >= 10):
            return True
        sizes = tuple(map(len, groups))
        usual = _list_usual_groups(digits, region)
        if len(groups) > 1 and usual in (sizes, sizes[1:] if groups[0] == "1" else sizes):
            return True
    return False


@lru_cache(maxsize=1 << 16)
def _list_usual_groups(digits: str, region: str) -> tuple[int, ...]:
    """Return the sizes of the groups in which the digits are written in a region."""
    import phonenumbers

    number = phonenumbers.parse(digits, region)
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return tuple(map(len, re.findall(r"[0-9]+", written)))


@cache
def _has_prefix(region: str) -> bool:
    """Return whether numbers in a region are written with a zero before the area code."""
    import phonenumbers

    example = phonenumbers.example_number(region)
    national = phonenumbers.PhoneNumberFormat.NATIONAL
    return example is not None and "0" in phonenumbers.format_number(example, national)[:2]


# --------------------------------------------------------------------------- other numbers

_IPV4 = re.compile(r"(?<![0-9])(?<![0-9]\.)(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\.?[0-9])")
_IPV6 = re.compile(
    r"(?<![0-9A-Fa-f:.])(?:[0-9A-Fa-f]{1,4}:){1,7}(?::|[0-9A-Fa-f]{1,4})"
    r"(?::?[0-9A-Fa-f]{1,4}){0,6}(?![0-9A-Fa-f:])"
)
_VERSION_WORD = re.compile(
    r"(?:\bv|\bver|\bversion|\brelease|\bfirmware|\bbuild|\bupdate|\bpatch|\bdriver|/|[A-Za-z]-)"
    r"[\s.:=]{0,3}$",
    re.I,
)


def _find_ip_addresses(text: str) -> Iterator[str]:
    for found in _IPV4.finditer(text):
        before = text[max(0, found.start() - 12) : found.start()]
        if _is_public_address(found.group()) and (
            not _VERSION_WORD.search(before) or before.endswith("//")
        ):
            yield found.group()
    if ":" in text:
        for found in _IPV6.finditer(text):
            if found.group().count(":") >= 3 and _is_public_address(found.group()):
                yield found.group()


def _is_public_address(written: str) -> bool:
    try:
        return ipaddress.ip_address(written).is_global
    except ValueError:
        return False


_CARD_GROUPS = re.compile(r"(?<![0-9])(?<![0-9][.,])[0-9](?:[ -]?[0-9]){12,40}(?![0-9])")
_CARD_SHAPES = ((4, 4, 4, 4), (4, 6, 5), (4, 4, 4, 4, 3), (4, 6, 4))


def _find_cards(text: str) -> Iterator[str]:
    text = _HEX_NAME.sub(SEPARATOR, text)
    for found in _CARD_GROUPS.finditer(text):
        groups = re.findall("[0-9]+", found.group())
        if len(groups) == 1 and _is_in_path(text, found.start()):
            continue  # the number of a page
        if any(map(is_card_number, _list_card_numbers(groups))):
            yield found.group()


def _list_card_numbers(groups: list[str]) -> Iterator[str]:
    for first, group in enumerate(groups):
        if 13 <= len(group) <= 19:
            yield group
        for shape in _CARD_SHAPES:
            part = groups[first : first + len(shape)]
            if tuple(map(len, part)) == shape:
                yield "".join(part)


def _is_in_path(text: str, position: int) -> bool:
    """Return whether a position is in the path of a URL, or right after a letter of one."""
    begin = max(text.rfind(space, max(0, position - 300), position) for space in " \n\t\"'<>(")
    token = text[begin + 1 : position]
    return "/" in token and "?" not in token and bool(_URL.match(token))


_IBAN_START = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{2}[0-9]{2})(?=[ -]?[A-Za-z0-9])")


def _find_ibans(text: str) -> Iterator[str]:
    for found in _IBAN_START.finditer(text):
        length = IBAN_LENGTHS.get(found[1][:2].upper())
        if length is None:
            continue
        account, at = "", found.start()
        while at < len(text) and len(account) < length:
            if text[at].isalnum():
                account += text[at].upper()
            elif text[at] not in " -" or not text[at + 1 : at + 2].isalnum():
                break
            at += 1
        if not text[at : at + 1].isalnum() and is_iban(account):
            yield account


_LONG_TOKEN = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z]{25,110}(?![0-9A-Za-z])")


def _find_wallets(text: str) -> Iterator[str]:
    for found in _LONG_TOKEN.finditer(text):
        if is_wallet(found.group()):
            yield found.group()


_SSN = re.compile(r"(?<![0-9])(?<![0-9][-.])([0-9]{3})([-. ])([0-9]{2})\2([0-9]{4})(?![-.]?[0-9])")


def _find_ssns(text: str) -> Iterator[str]:
    for found in _SSN.finditer(text):
        area, _, group, serial = found.groups()
        never = area in ("000", "666") or area[0] == "9" or group == "00" or serial == "0000"
        if not never and found.group() not in ("123-45-6789", "078-05-1120", "219-09-9999"):
            yield found.group()


_MAC = re.compile(
    r"(?<![0-9A-Fa-f])(?<![0-9A-Fa-f][:.-])(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
    r"|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4})(?![0-9A-Fa-f:])"
)


def _find_mac_addresses(text: str) -> Iterator[str]:
    for found in _MAC.finditer(text):
        digits = re.sub(r"[^0-9a-f]", "", found.group().lower())
        # RFC 9542's range for documentation, and addresses of nobody
        is_nobodys = digits.startswith("00005e0053") or len(set(digits)) == 1
        if not is_nobodys and (found[1] or not digits.isdigit()):
            yield found.group()


# --------------------------------------------------------------------------- secrets

_PROVIDER_TOKENS = (
    r"gh[pousr]_[A-Za-z0-9]{36,255}",
    r"github_pat_[A-Za-z0-9_]{50,255}",
    r"gl(?:pat|dt|rt|ptt|soat)-[A-Za-z0-9_-]{20,64}",
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
    r"AIza[A-Za-z0-9_-]{35}",
    r"xox[abeoprs]-[A-Za-z0-9-]{10,255}",
    r"xapp-[0-9]-[A-Za-z0-9-]{20,255}",
    r"(?:sk|rk|pk)_live_[A-Za-z0-9]{16,255}",
    r"whsec_[A-Za-z0-9]{24,255}",
    r"sk-(?:proj-|svcacct-|admin-|ant-[a-z0-9]{3,8}-|or-v1-)?[A-Za-z0-9_-]{32,255}",
    r"hf_[A-Za-z]{30,40}",
    r"hf_[A-Za-z0-9]{34}",
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,255}",
    r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",
    r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",
    r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",
    r"dop_v1_[0-9a-f]{64}",
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    r"ya29\.[A-Za-z0-9_-]{30,255}",
    r"EAACEdEose0cBA[A-Za-z0-9]{20,255}",
    r"key-[0-9a-f]{32}",
    r"[0-9a-f]{32}-us[0-9]{1,2}",
    r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
    r"dapi[0-9a-f]{32}",
    r"gsk_[A-Za-z0-9]{40,80}",
    r"xai-[A-Za-z0-9]{60,100}",
    r"r8_[A-Za-z0-9]{37}",
    r"sq0(?:csp|atp)-[A-Za-z0-9_-]{22,43}",
    r"lin_api_[A-Za-z0-9]{40}",
    r"ATATT3xFfGF0[A-Za-z0-9_=-]{50,255}",
    r"ATBB[A-Za-z0-9]{32}",
    r"pat-(?:na|eu)[0-9]-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}",
    r"sbp_[0-9a-f]{40}",
    r"sb_secret_[A-Za-z0-9_-]{31}",
    r"nfp_[A-Za-z0-9]{36}",
    r"pscale_(?:tkn|pw)_[A-Za-z0-9_-]{40,50}",
    r"dt0c01\.[A-Z2-7]{24}\.[A-Z2-7]{64}",
    r"HRKU-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"nvapi-[A-Za-z0-9_-]{64}",
    r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",
    r"pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{60,64}",
    r"LTAI[A-Za-z0-9]{20}",
    r"AKID[A-Za-z0-9]{32}",
    r"tskey-(?:api|auth|client)-[A-Za-z0-9]{8,18}-[A-Za-z0-9]{20,50}",
    r"bkua_[0-9a-f]{40}",
    r"CCIPAT_[A-Za-z0-9]{22}_[0-9a-f]{40}",
    r"sq[up]_[0-9a-f]{40}",
    r"pul-[0-9a-f]{40}",
    r"oy2[a-z0-9]{43}",
    r"rzp_live_[A-Za-z0-9]{14}",
    r"shippo_live_[0-9a-f]{40}",
    r"EZAK[A-Za-z0-9]{54}",
    r"CFPAT-[A-Za-z0-9_-]{43}",
    r"sgp_[0-9a-f]{16}_[0-9a-f]{40}",
    r"phx_[A-Za-z0-9]{43}",
    r"ABSK[A-Za-z0-9+/]{109,255}",
    r"GR1348941[A-Za-z0-9_-]{20}",
    r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
    r"ntn_[0-9]{11}[A-Za-z0-9]{35}",
    r"EAA[A-Za-z0-9]{80,255}",
)
_SECRET = re.compile(
    r"(?<![A-Za-z0-9])(?:" + "|".join(_PROVIDER_TOKENS) + r")"
    r"|-----BEGIN (?:[A-Z]{2,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
)
_JWT = re.compile(r"(?<![A-Za-z0-9])(eyJ[A-Za-z0-9_-]{10,2000})\.eyJ[A-Za-z0-9_-]{6,}\.")
_SECRET_GATE = (
    r"gh[pousr]_|github_pat_|gl[a-z]{2,4}-|A[KSBC][IC]A|AIza|xox[abeoprs]-|xapp-|_live_|whsec_|sk-|"
    r"hf_|npm_|pypi-|SG\.|:AA|[MNO][A-Za-z0-9_-]{23}|dop_v1_|shp[acps]|ya29\.|EAACE|key-|-us[0-9]|"
    r"AGE-SECRET|PRIVATE KEY|eyJ|dapi[0-9a-f]|gsk_|xai-|r8_|sq0|lin_api_|ATATT3|PMAK-|ntn_|"
    r"EAA[A-Za-z]|ATBB|pat-[ne]|xkeysib|sbp_|sb_secret|nfp_|pscale_|dt0c01|HRKU-|nvapi-|lsv2_|pcsk_|"
    r"LTAI|AKID|tskey-|bkua_|CCIPAT|sq[up]_|pul-|oy2|rzp_|shippo_|EZAK|CFPAT|sgp_|phx_|ABSK|GR134"
)
#: Bits for each character; words and repeated characters of examples have fewer.
_MIN_ENTROPY = 2.5


def _find_secrets(text: str) -> Iterator[str]:
    for found in _SECRET.finditer(text):
        if "PRIVATE KEY" in found.group() or _measure_entropy(found.group()) >= _MIN_ENTROPY:
            yield found.group()
    for token in _JWT.finditer(text):
        if _is_jwt_header(token[1]):
            yield token.group()


def _measure_entropy(token: str) -> float:
    counts = Counter(token).values()
    return -sum(count / len(token) * math.log2(count / len(token)) for count in counts)


def _is_jwt_header(segment: str) -> bool:
    try:
        header = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except ValueError:
        return False
    return isinstance(header, dict) and "alg" in header


# --------------------------------------------------------------------------- handles

_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]{1,500}`", re.S)
_INDENTED_CODE = re.compile(r"^(?: {4}|\t).*$", re.M)
_MENTION = re.compile(
    r"(?<![A-Za-z0-9@/\\-])(?<![A-Za-z0-9][_.])@(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})"
    r"(?:[@:](?P<host>[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}))?"
)
_REDDIT_USER = re.compile(r"(?<![A-Za-z0-9/])(?:/?u/|(?<=\W)U/)(?P<name>[A-Za-z0-9_-]{3,20})")
_DISCORD_USER = re.compile(r"<@!?(?P<name>[0-9]{15,21})>")
#: Words after an @ that languages and tools have; names of people are the rest.
_KEYWORDS = frozenset(
    """
    abstractmethod actions after afterall aftereach all angular annotation api apply arg around
    article aspect async attribute author autowired aws-sdk babel base bean before beforeall
    beforeeach bind book brief cached charset class classmethod code column com component
    conference config configuration const container context contextmanager controller
    controlleradvice copyright counter-style create custom-media data dataclass date default
    deprecated desc description details digit dimen directive document each echo else elseif
    embeddable emotion enable enablewebmvc end endif endsection entity enum error eventlistener
    example except exception expand export extend extends fallback field file final firebase
    fixture font-face for foreach foreignkey fortawesome from function functools get getmapping
    given global google-cloud graph hidden html i id if import include inject injectable
    injectmocks inproceedings input instance interface internal ionic issue item javascript jit
    join json jsonproperty keyframes language layer let lib license link list lombok lru_cache
    manytomany manytoone mapper mapping media mixin mixins mock mockbean model modelattribute
    module moz-document mui name named namespace native nativescript nestjs ng njit
    noargsconstructor node nonnull notnull nth nullable nx observable octokit onetomany onetoone
    online option org output override package page param parametrized params pathvariable
    phdthesis pipe platform popperjs post postconstruct postmapping pre preauthorize primary
    private property property.setter protected provider provides proxy pseudo public push put
    python qualifier query raise readonly reduxjs ref release repository request requestbody
    requestmapping requestparam reset responsebody rest restcontroller return returns reverse
    rollup root route router safevarargs scope section security see selector selinux sentry
    service set setter since size slot spring springbootapplication state static staticmethod
    stencil storybook string style styles subscribe summary supports suppresswarnings
    synchronized table tailwind tanstack target techreport template test testing tests throw
    throws todo total transactional transient types typescript-eslint unittest unpublished until
    use user using util valid value var variable vector version viewchild viewport vitejs vitest
    vocab void vue warning when with wraps x-large yield
    """.split()  # noqa: SIM905
)
_PAGES = re.compile(
    r"(?<![A-Za-z0-9-])(?:"
    r"(?:t|telegram)\.me/(?:s/)?|(?:(?:www|m|mobile)\.)?(?:twitter|x|nitter)\.(?:com|net)/@?|"
    r"(?:www\.)?instagram\.com/(?:stories/)?|ig\.me/m/|m\.me/|line\.me/(?:R/)?ti/p/~?|kik\.me/|"
    r"(?:(?:www|m|mobile|[a-z]{2}-[a-z]{2})\.)?(?:facebook|fb)\.com/(?:people/[^/\s]{1,80}/)?|"
    r"(?:www\.)?linkedin\.com/in/|(?:www\.)?snapchat\.com/add/|"
    r"(?:(?:www|old|new|np|m)\.)?reddit\.com/u(?:ser)?/|bsky\.app/profile/|(?:www\.)?vk\.com/|"
    r"(?:www\.)?twitch\.tv/|(?:www\.)?(?:youtube)\.com/(?:user|c|channel)/|"
    r"tg://resolve\?domain=|skype:|xmpp:|weixin://dl/chat\?|(?:www\.)?paypal\.me/|"
    r"(?:www\.)?patreon\.com/|ko-fi\.com/|linktr\.ee/|(?:www\.)?onlyfans\.com/|"
    r"https?://[A-Za-z0-9.-]{3,100}/@|matrix\.to/#/@"
    r")(?P<name>[A-Za-z0-9_.-]{3,64})",
    re.I,
)
#: The first part of a path that is the site's, not a person's.
_SITE_PATHS = frozenset(
    """
    about accounts add addemoji addlist addstickers ads app away.php bg c communities compose
    developer dialog direct directory download downloads events explore feed feeds flx gaming group
    groups hashtag help hc home i intent invoice iv jobs joinchat l.php legal live login marketplace
    media messages modules more notes notifications p pages people permalink.php pg photo photo.php
    photos plugins policies policy posts privacy profile.php proxy public reel reels s search
    settings setlanguage share share.php sharer sharer.php signup socks statuses stories story.php
    support terms tos tv turbo tour v video video.php videos watch web who_to_follow widgets
    """.split()  # noqa: SIM905
)
_SERVICES = (
    r"snap(?:chat)?|sc|insta(?:gram)?|ig|telegram|tg|kik|discord|skype|line|wechat|weixin|vk|wire|"
    r"twitter|tiktok|psn|gamertag|steam|battle\.?net|facebook|fb|reddit|whats ?app|viber|cash ?app|"
    r"venmo|paypal|threema|signal|xbox|twitch"
)
_PHRASE = re.compile(
    rf"(?<![A-Za-z0-9/.@])(?P<lead>my |add me (?:on )?|on |me on |follow me on )?"
    rf"(?:{_SERVICES})"
    r"(?:\s(?:user ?name|name|handle|account|acc|id|tag))?"
    r"(?P<mark>\s?[:=-]{1,2}\s?|,\s|\s(?:is|as|at|me at)\s|\s)[$@]?"
    r"(?P<name>[A-Za-z0-9_.-]{4,40}+)(?![A-Za-z0-9/@])",
    re.I,
)
_HANDLE_GATE = (
    r"(?i)@|(?:\b|_)u/|\.me/|(?:twitter|x|nitter|instagram|facebook|fb|vk|youtube|reddit|linkedin|"
    r"snapchat|patreon|onlyfans)\.(?:com|net)/|bsky\.app/|twitch\.tv/|ko-fi|linktr\.ee|tg://|skype:|"
    r"xmpp:|weixin:|matrix\.to|" + rf"\b(?:{_SERVICES})\b.{{1,24}}[0-9_.][a-z0-9_]"
)


def _find_handles(text: str) -> Iterator[str]:
    for form in (_PAGES, _REDDIT_USER, _DISCORD_USER, _PHRASE):
        for found in form.finditer(text):
            name = found["name"]
            if form is _PAGES and not _is_name_in_path(name):
                continue
            if form is _PHRASE and not _is_name_in_phrase(name):
                continue
            # "reddit, x_stream, table" is a list; "message me on kik, rosa_finch" is none.
            if form is _PHRASE and "," in found["mark"] and "on" not in (found["lead"] or ""):
                continue
            yield name
    if "@" not in text:
        return
    prose = _INDENTED_CODE.sub(SEPARATOR, _CODE.sub(SEPARATOR, text))
    for found in _MENTION.finditer(prose):
        name = found["name"]
        host = f"@{found['host']}" if found["host"] else ""
        if any(map(str.isalpha, name)) and (host or _is_name_after_at(name, prose, found.end())):
            yield name + host


def _is_name_in_path(name: str) -> bool:
    is_item = re.match(r"(?:wall|photo|video|topic|app|club|public|event|album)-?[0-9]", name)
    return (
        not is_item and name.lower().rstrip(".") not in _SITE_PATHS and any(map(str.isalnum, name))
    )


def _is_name_in_phrase(name: str) -> bool:
    """Return whether a word after a service is a name: letters, with a digit, ``_`` or a dot."""
    core = name.strip("._-")
    marks = re.search(r"[0-9_]|[a-z]\.[a-z]", core, re.I)
    is_host = re.search(r"\.(?:com|net|org|me|app|io|gg|tv|co|html?|php)\b", core, re.I)
    is_name = bool(marks and not is_host and re.search("[A-Za-z]{2}", core))
    return is_name and not _SURROGATE.match(core)


#: What a build with surrogates writes for numbers and tokens; nothing can be spelled with it.
_SURROGATE = re.compile(r"[jqvz0-9._-]+\Z|00[.-]?00[.-]?5e[.-]?00[.-]?53", re.I)


_TIME_OR_COUNT = re.compile(
    r"[0-9]{1,4}(?:[:.][0-9]{2})?(?:[ap]\.?m?|th|st|nd|rd|h|hrs?|uhr|k|x|px|pc|ish)\.?", re.I
)


def _is_name_after_at(name: str, text: str, end: int) -> bool:
    if _TIME_OR_COUNT.fullmatch(name):
        return False  # "doors @6pm"
    first = re.split(r"[.-]", name.lower())[0]
    if name.lower().rstrip("._-") in _KEYWORDS or first in _KEYWORDS:
        return False
    return text[end : end + 1] not in ("/", "(", "{")  # npm's scopes, decorators, CSS


def sum_counts(counts: dict[int, Counter[str]]) -> Counter[str]:
    """Return the counts of all rows together."""
    total: Counter[str] = Counter()
    for each in counts.values():
        total += each
    return total
