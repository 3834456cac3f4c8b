"""Find details that touch letters: ``anna@gmail.comThanks``, ``Call415-555-2671now``.

A pattern that ends at the edge of a word matches none of these. Where the end is open, the longest
valid form is taken: a domain with a known suffix, an IBAN of its country's length with a valid
checksum.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

_LETTERS = "A-Za-z\u00c0-\u024f"
_LOCAL_END = re.compile(rf"[{_LETTERS}0-9_+]@{{1,2}}(?=[A-Za-z0-9])")
_NOT_LOCAL = re.compile(rf"[^{_LETTERS}0-9._%+~'-]")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})")
_LOCAL_CHARACTERS = 64
_MAX_SUFFIX = 24  # letters of a top-level domain
_ASCII_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: Names that are no domain, though they begin with the letters of one: "in" of "invalid".
_RESERVED = frozenset(
    ("example", "invalid", "test", "localhost", "local", "localdomain", "lan", "internal",
     "intranet", "private", "home", "corp", "onion", "alt")
)  # fmt: skip

# Letters that touch a number, as a word of their own: "Call" and "now", not the "v" of a version.
_WORD_AFTER = re.compile(r"(?<=[0-9])(?:[A-Z]?[a-z]{2,}|[A-Z]{2,})(?![A-Za-z0-9])")
_WORD_BEFORE = re.compile(r"(?<![A-Za-z0-9/=&?%_@#.-])(?:[A-Z]?[a-z]{2,}|[A-Z]{2,})(?=[(+]?[0-9])")
_WORD = r"(?:[A-Z]?[a-z]{2,30}|[A-Z]{2,30})(?![A-Za-z])"
_DIGITS = r"(?:[0-9](?:[ ./()-]{0,2}[0-9]){6,17}|[0-9]{1,3}(?:\.[0-9]{1,3}){3})"
_TOUCHING = re.compile(rf"{_DIGITS}{_WORD}|(?<![A-Za-z0-9/=&?%_@#.-]){_WORD}[(+]{{0,2}}{_DIGITS}")
_HEX_GROUPS = re.compile(
    r"(?<![0-9A-Fa-f:.-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?!\1|[0-9])"
)

# All global unicast addresses of IPv6 are in 2000::/3.
# A colon belongs to a label before it, unless that may be a group: "ip:2a02:…".
_IPV6 = re.compile(r"(?:(?<![0-9A-Fa-f:.])|(?<=[G-Zg-z]:))[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{4,35}")

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,38}")
#: Characters of an IBAN, by country, as SWIFT's registry of ISO 13616 has them.
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27,
    "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
#: What a text with an account of a country that Presidio does not know matches: for polars.
IBAN_GATE = r"(?i:BI|DJ|FK|HN|MN|NI|OM|RU|SD|SO|ST|SV|YE)[0-9]{2}[ -]?[0-9A-Za-z]{2}"


def find_email_addresses(text: str, find_suffix: Callable[[str], str]) -> Iterator[tuple[int, int]]:
    """Yield the offsets of addresses with ASCII domains, whatever touches them.

    ``find_suffix`` returns the public suffix of a domain in lower case; empty if it is none.
    """
    position, last_end = 0, 0
    while found := _LOCAL_END.search(text, position):
        at = found.start() + 1
        position = found.end()
        domain = _DOMAIN.match(text, position)
        length = _measure_domain(domain.group(), find_suffix) if domain else 0
        if length:
            first = max(last_end, at - _LOCAL_CHARACTERS)
            others = [match.end() for match in _NOT_LOCAL.finditer(text, first, at)]
            start = others[-1] if others else first
            start += len(text[start:at]) - len(text[start:at].lstrip("._%+~'-"))
            if start < at:
                last_end = position = position + length
                yield start, last_end


def _measure_domain(run: str, find_suffix: Callable[[str], str]) -> int:
    """Return the length of the longest domain at the start of a run of its characters.

    Whole labels come first, so that "Thanks" after a full stop is a word, although it begins with
    ``th``; unless a suffix of two labels ends in the label, as in ``finch.co.ukThanks``.
    """
    labels = re.findall(r"[^.]+", run.partition("..")[0])
    if any(label.lower() in _RESERVED for label in labels[-1:]):
        return 0
    for count in range(len(labels), 1, -1):
        domain = ".".join(labels[:count])
        if find_suffix(domain.lower()):
            return len(domain)
        # The letters that the label begins with: "com" of "comThanks".
        last = labels[count - 1]
        letters = len(last) - len(last.lstrip(_ASCII_LETTERS))
        for size in range(min(letters, _MAX_SUFFIX), 1, -1):
            part = domain[: len(domain) - len(last) + size]
            suffix = find_suffix(part.lower())
            whole = ".".join(labels[: count - 1])
            if suffix and ("." in suffix or not find_suffix(whole.lower())):
                return len(part)
    return 0


def find_ibans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the offsets of IBANs of the right length with a valid checksum, whatever follows."""
    position = 0
    while found := _IBAN.search(text, position):
        position = found.start() + 4
        length = _IBAN_LENGTHS.get(found.group()[:2].upper())
        offsets = [offset for offset, each in enumerate(found.group()) if each.isalnum()]
        if length and length <= len(offsets):
            end = offsets[length - 1] + 1
            if _has_valid_checksum(found.group()[:end]):
                position = found.start() + end
                yield found.start(), position


def _has_valid_checksum(iban: str) -> bool:
    plain = "".join(filter(str.isalnum, iban)).upper()
    return int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1


def find_mac_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Yield the offsets of hardware addresses that letters follow."""
    return (match.span() for match in _HEX_GROUPS.finditer(text))


def find_ipv6_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Yield the offsets of global addresses that letters touch."""
    for match in _IPV6.finditer(text):
        run = match.group().rstrip(":")
        try:
            is_global = ipaddress.ip_address(run).is_global
        except ValueError:
            continue
        if is_global:
            yield match.start(), match.start() + len(run)


def separate_numbers_from_words(text: str, separator: str) -> str:
    """Return a text, of the same length, without the words that touch a number.

    If none touches a number that is long enough for a detail, it is the text itself.
    """
    if not _TOUCHING.search(text):
        return text

    def blank(match: re.Match[str]) -> str:
        return separator * len(match.group())

    return _WORD_BEFORE.sub(blank, _WORD_AFTER.sub(blank, text))
