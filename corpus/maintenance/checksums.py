"""Check the checksums of card numbers, bank accounts and wallet addresses."""

from __future__ import annotations

import hashlib

_BASE58 = {
    each: value
    for value, each in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
}
_BECH32 = {each: value for value, each in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_BECH32_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CONSTANTS = (1, 0x2BC830A3)  # bech32 (BIP 173) and bech32m (BIP 350)
#: The first byte of a base58check address: Bitcoin, Litecoin, Dogecoin, Dash, Zcash, Tron.
_VERSIONS = frozenset((0, 5, 30, 22, 48, 50, 65, 76, 16))
_ZCASH_VERSIONS = (b"\x1c\xb8", b"\x1c\xbd")
_BECH32_PREFIXES = frozenset(("bc", "ltc", "addr", "cosmos", "osmo", "tb", "stake"))
#: The account number's length by country, as SWIFT's registry of ISO 13616 has it.
IBAN_LENGTHS = {
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


def is_card_number(digits: str) -> bool:
    """Return whether 13 to 19 digits are of a card issuer's range, with Luhn's check digit.

    Numbers of one or two digits, such as 4242 4242 4242 4242, are for tests.
    """
    return len(set(digits)) > 2 and _is_of_card_issuer(digits) and _has_luhn_digit(digits)


def _is_of_card_issuer(digits: str) -> bool:
    length, first_two, first_four = len(digits), int(digits[:2]), int(digits[:4])
    if digits[0] == "4":
        return length in (13, 16, 19)
    if 51 <= first_two <= 55 or 2221 <= first_four <= 2720:
        return length == 16
    if first_two in (34, 37):
        return length == 15
    if first_two in (36, 38) or 300 <= int(digits[:3]) <= 305:
        return length in (14, 16)
    return first_two in (60, 62, 64, 65, 35) and length in (16, 19)


def _has_luhn_digit(digits: str) -> bool:
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if at % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_iban(account: str) -> bool:
    """Return whether an account number in upper case, without spaces, has valid check digits."""
    if IBAN_LENGTHS.get(account[:2]) != len(account) or not account.isalnum():
        return False
    return int("".join(str(int(each, 36)) for each in account[4:] + account[:4])) % 97 == 1


def is_wallet(address: str) -> bool:
    """Return whether letters and digits are an address of a cryptocurrency."""
    if len(address) == 42 and address[:2].lower() == "0x":
        return all(each in "0123456789abcdefABCDEF" for each in address[2:])
    if 25 <= len(address) <= 36 and _is_base58_check(address):
        return True
    if len(address) in (95, 106) and address[0] in "48":
        return all(each in _BASE58 for each in address)  # Monero, whose checksum is Keccak
    return 14 <= len(address) <= 110 and _is_bech32(address)


def _is_base58_check(address: str) -> bool:
    value = 0
    for each in address:
        digit = _BASE58.get(each)
        if digit is None:
            return False
        value = value * 58 + digit
    if value.bit_length() > 8 * 26:
        return False
    size = 25 if value.bit_length() <= 8 * 25 else 26
    data = value.to_bytes(size, "big")
    digest = hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()
    known = data[0] in _VERSIONS if size == 25 else data[:2] in _ZCASH_VERSIONS
    return known and digest[:4] == data[-4:]


def _is_bech32(address: str) -> bool:
    if address != address.lower() and address != address.upper():
        return False
    prefix, mark, encoded = address.lower().rpartition("1")
    if not mark or prefix not in _BECH32_PREFIXES or len(encoded) < 8:
        return False
    values = [_BECH32.get(each, -1) for each in encoded]
    if -1 in values:
        return False
    high = [ord(each) >> 5 for each in prefix]
    low = [ord(each) & 31 for each in prefix]
    checksum = 1
    for value in (*high, 0, *low, *values):
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for at, generator in enumerate(_BECH32_GENERATORS):
            checksum ^= generator if top >> at & 1 else 0
    return checksum in _BECH32_CONSTANTS
