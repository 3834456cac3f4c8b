"""Find national identifiers of persons in finished texts, for the audit's detector.

Each has the form that its authority publishes, and its check digit decides where it has one. The
entities are those of the filter ``pii``; no code is shared with it. A number is no identifier if
letters or more digits touch it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import NamedTuple

#: Called with an identifier in upper case, without separators; whether it can exist.
Check = Callable[[str], bool]


class _Identifier(NamedTuple):
    form: str
    is_valid: Check


def _add(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _has_luhn_digit(digits: str) -> bool:
    doubled = (int(each) * (1 + at % 2) for at, each in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _is_day_of_century(yymmdd: str) -> bool:
    """Return whether six digits are a day of the twentieth or the twenty-first century."""
    year, month, day = int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:6])
    return _is_date(1900 + year, month, day) or _is_date(2000 + year, month, day)


def _sum_digits(number: int) -> int:
    return number // 10 + number % 10


_VERHOEFF_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _multiply_in_dihedral_group(first: int, second: int) -> int:
    """Return the product in the group of symmetries of a pentagon; 5 and above are reflections."""
    if first < 5:
        return (first + second) % 5 + (5 if second >= 5 else 0)
    rotated = (first - second) % 5
    return rotated + (0 if second >= 5 else 5)


def _has_verhoeff_digit(digits: str) -> bool:
    check = 0
    for at, each in enumerate(reversed(digits)):
        value = int(each)
        for _ in range(at % 8):
            value = _VERHOEFF_PERMUTATION[value]
        check = _multiply_in_dihedral_group(check, value)
    return check == 0


def _is_medicare(digits: str) -> bool:
    return _add(digits[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(digits[8])


def _is_tfn(digits: str) -> bool:
    return _add(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def _is_german_health_number(number: str) -> bool:
    digits = f"{ord(number[0]) - 64:02d}{number[1:]}"
    products = (int(each) * (1 + at % 2) for at, each in enumerate(digits[:10]))
    return sum(map(_sum_digits, products)) % 10 == int(digits[10])


def _is_german_card(number: str) -> bool:
    weights = (7, 3, 1, 7, 3, 1, 7, 3)
    values = (int(each, 36) * weight for each, weight in zip(number[:8], weights, strict=True))
    return sum(values) % 10 == int(number[8])


def _is_german_insurance_number(number: str) -> bool:
    day, month = int(number[2:4]), int(number[4:6])
    digits = f"{number[:8]}{ord(number[8]) - 64:02d}{number[9:11]}"
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    products = (int(each) * weight for each, weight in zip(digits, weights, strict=True))
    is_day = 1 <= month <= 12 and (1 <= day <= 31 or 51 <= day <= 81)
    return is_day and sum(map(_sum_digits, products)) % 10 == int(number[11])


def _is_german_tax_number(digits: str) -> bool:
    counts = sorted(digits[:10].count(each) for each in set(digits[:10]))
    product = 10
    for each in digits[:10]:
        total = (int(each) + product) % 10 or 10
        product = total * 2 % 11
    # One digit occurs twice or three times, the others once.
    return counts[-1] in (2, 3) and counts[-2] == 1 and (11 - product) % 10 == int(digits[10])


_SPANISH_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def _is_spanish(number: str) -> bool:
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return _SPANISH_LETTERS[int(digits) % 23] == number[-1]


def _is_finnish(number: str) -> bool:
    digits = number[:6] + number[7:10]
    is_day = _is_day_of_century(number[4:6] + number[2:4] + number[:2])
    return is_day and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == number[10]


def _is_nhs(digits: str) -> bool:
    return (11 - _add(digits[:9], tuple(range(10, 1, -1))) % 11) % 11 == int(digits[9])


#: Values of the letters A to Z, and of the digits as A to J, at odd positions.
_ITALIAN_ODD = (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
)  # fmt: skip


def _is_italian(code: str) -> bool:
    total = 0
    for at, each in enumerate(code[:15]):
        value = int(each) if each.isdigit() else ord(each) - 65
        total += value if at % 2 else _ITALIAN_ODD[value]
    return chr(65 + total % 26) == code[15]


def _is_korean(digits: str) -> bool:
    return _is_day_of_century(digits[:6])  # numbers since October 2020 have no check digit


def _is_pesel(digits: str) -> bool:
    month = int(digits[2:4]) % 20  # the century is added to the month
    is_day = _is_day_of_century(f"{digits[:2]}{month:02d}{digits[4:6]}")
    return is_day and _add(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def _is_swedish(number: str) -> bool:
    digits = number[-10:]
    return _is_day_of_century(digits[:6]) and _has_luhn_digit(digits)


def _is_thai(digits: str) -> bool:
    return (11 - _add(digits[:12], tuple(range(13, 1, -1))) % 11) % 10 == int(digits[12])


def _is_turkish(digits: str) -> bool:
    values = [int(each) for each in digits]
    tenth = (7 * sum(values[0:9:2]) - sum(values[1:8:2])) % 10
    return tenth == values[9] and sum(values[:10]) % 10 == values[10]


def _is_south_african(digits: str) -> bool:
    return _is_day_of_century(digits[:6]) and _has_luhn_digit(digits)


def _always(number: str) -> bool:
    return True


_IDENTIFIERS = {
    "AU_MEDICARE": _Identifier(r"[2-6][0-9]{3}[ -]?[0-9]{5}[ -]?[0-9]", _is_medicare),
    "AU_TFN": _Identifier(r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}", _is_tfn),
    "CA_SIN": _Identifier(r"[1-79][0-9]{2}([ -]?)[0-9]{3}\1[0-9]{3}", _has_luhn_digit),
    "DE_HEALTH_INSURANCE": _Identifier(r"[A-Z][0-9]{9}", _is_german_health_number),
    "DE_ID_CARD": _Identifier(
        r"[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{7}[0-9]", _is_german_card
    ),
    "DE_SOCIAL_SECURITY": _Identifier(r"[0-9]{8}[A-Z][0-9]{3}", _is_german_insurance_number),
    "DE_TAX_ID": _Identifier(r"[1-9][0-9]{10}", _is_german_tax_number),
    "ES_NIE": _Identifier(r"[XYZ][0-9]{7}-?[A-Z]", _is_spanish),
    "ES_NIF": _Identifier(r"[0-9]{7,8}-?[A-Z]", _is_spanish),
    "FI_PERSONAL_IDENTITY_CODE": _Identifier(
        r"[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]", _is_finnish
    ),
    "UK_NHS": _Identifier(r"[0-9]{3}([ -]?)[0-9]{3}\1[0-9]{4}", _is_nhs),
    "UK_NINO": _Identifier(
        r"(?!BG|GB|NK|KN|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?(?:[0-9]{2} ?){3}[A-D]",
        _always,
    ),
    "IN_AADHAAR": _Identifier(r"[2-9][0-9]{3}([- :]?)[0-9]{4}\1[0-9]{4}", _has_verhoeff_digit),
    "IN_PAN": _Identifier(r"[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]", _always),
    "IT_FISCAL_CODE": _Identifier(
        r"[A-Z]{6}[0-9]{2}[A-EHLMPR-T](?:[04][1-9]|[1256][0-9]|[37][01])[A-Z][0-9]{3}[A-Z]",
        _is_italian,
    ),
    "KR_RRN": _Identifier(r"[0-9]{6}-?[1-4][0-9]{6}", _is_korean),
    "NG_NIN": _Identifier(r"[0-9]{11}", _has_verhoeff_digit),
    "PL_PESEL": _Identifier(r"[0-9]{11}", _is_pesel),
    "SE_PERSONNUMMER": _Identifier(r"(?:19|20)?[0-9]{6}[-+]?[0-9]{4}", _is_swedish),
    "SG_NRIC_FIN": _Identifier(r"[STFGM][0-9]{7}[A-Z]", _always),
    "TH_TNIN": _Identifier(r"[1-8][1-9][0-9]{11}", _is_thai),
    "TR_NATIONAL_ID": _Identifier(r"[1-9][0-9]{10}", _is_turkish),
    "US_ITIN": _Identifier(
        r"9[0-9]{2}([- ])(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])\1[0-9]{4}", _always
    ),
    "ZA_ID_NUMBER": _Identifier(r"[0-9]{10}[0-2][89][0-9]", _is_south_african),
}
#: The entities of national identifiers, in their order.
NATIONAL_ENTITIES = tuple(_IDENTIFIERS)
#: What a text with an identifier matches, for polars: four digits, with little between them.
GATE = r"[0-9](?:[^0-9\n]{0,2}[0-9]){3}"

_FORMS = {
    entity: re.compile(
        rf"(?<![0-9A-Za-z])(?<![0-9][.,:/-])(?:{each.form})(?![0-9A-Za-z]|[.,:/-][0-9])", re.I
    )
    for entity, each in _IDENTIFIERS.items()
}


def list_entities(countries: Iterable[str]) -> tuple[str, ...]:
    """Return the entities of countries (ISO 3166)."""
    prefixes = {"UK" if country == "GB" else country for country in countries}
    return tuple(each for each in NATIONAL_ENTITIES if each.partition("_")[0] in prefixes)


def find_identifiers(text: str, entity: str) -> Iterator[str]:
    """Yield the valid identifiers of an entity in a text of ASCII characters."""
    is_valid = _IDENTIFIERS[entity].is_valid
    for found in _FORMS[entity].finditer(text):
        plain = re.sub(r"[^0-9A-Z]", "", found.group().upper())
        if entity == "FI_PERSONAL_IDENTITY_CODE":
            plain = found.group().upper()  # the mark says the century
        if is_valid(plain):
            yield found.group()
