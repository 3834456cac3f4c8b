"""Find card numbers that Presidio's pattern passes over.

Presidio's pattern has no numbers that begin with 2 (Mastercard's and Mir's), and it also takes four
digits that stand before a number for its beginning: "pin 1234 4539 1488 0343 6467". Here each group
may be the first one of a number. What is found has the beginning and the length of an issuer, and a
valid checksum.
"""

from __future__ import annotations

import re

import polars as pl

from filters.pii.spans import EntitySpan

SCORE = 1.0  # that of Presidio's cards with a valid checksum
# Visa; Mastercard and Maestro; Mastercard's 2221 to 2720; Mir; JCB; Discover, UnionPay, RuPay.
_OF_SIXTEEN = (
    r"(?:4[0-9]{3}|5[0-8][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720|220[0-4]"
    r"|352[89]|35[3-8][0-9]|6[0-9]{3})"
)
_AMEX = "3[47][0-9]{2}"
#: What a text with such a number matches: a pattern for polars.
GATE = (
    rf"{_OF_SIXTEEN}(?:[0-9]{{12}}|(?:[ -][0-9]{{4}}){{3}})"
    rf"|{_AMEX}(?:[0-9]{{11}}|[ -][0-9]{{6}}[ -][0-9]{{5}})"
)
# No other digit touches it, nor a decimal point; letters may, as in "Card2223...now". It is read
# ahead, so that the next match may begin at its second group.
_TOUCHING = "0-9_"
_CARD = re.compile(
    rf"(?<![{_TOUCHING}])(?<![0-9]\.)(?=("
    rf"{_OF_SIXTEEN}(?:[0-9]{{12}}|([ -])[0-9]{{4}}\2[0-9]{{4}}\2[0-9]{{4}})"
    rf"|{_AMEX}(?:[0-9]{{11}}|([ -])[0-9]{{6}}\3[0-9]{{5}})"
    rf")(?![{_TOUCHING}]|\.[0-9]))"
)


def find_cards(texts: pl.Series) -> dict[int, list[EntitySpan]]:
    """Return by row the spans of card numbers, in the order of the text; other rows have none."""
    found = {}
    for row, text in enumerate(texts):
        spans: list[EntitySpan] = []
        for match in _CARD.finditer(text):
            start, end = match.span(1)
            is_free = not spans or spans[-1].end <= start
            if is_free and _has_valid_checksum(match[1]):
                spans.append(EntitySpan(start, end, "CREDIT_CARD", SCORE))
        if spans:
            found[row] = spans
    return found


def _has_valid_checksum(written: str) -> bool:
    """Return whether the digits have the checksum of ISO/IEC 7812."""
    digits = [int(each) for each in written if each.isdecimal()]
    doubled = (sum(divmod(2 * each, 10)) for each in digits[-2::-2])
    return (sum(digits[::-2]) + sum(doubled)) % 10 == 0
