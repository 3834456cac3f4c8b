"""Find addresses of wallets, of Bitcoin and of other currencies, and the private keys of wallets.

Formats with a checksum are decoded, and the checksum decides: base58check (Bitcoin, Litecoin,
Dogecoin, Dash, Zcash, Tron, Tezos and more), the same in Ripple's alphabet, bech32 and bech32m
(Bitcoin, Litecoin, Cardano, Cosmos, Lightning, Nostr), cashaddr (Bitcoin Cash), Stellar, TON,
Polkadot, and Ethereum's letter case. An Ethereum address in one letter case has none: forty
hexadecimal digits after ``0x`` are enough. So are Monero's 95 letters. Solana has none: a word such
as "wallet" has to be near.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hashlib import blake2b, sha256

import polars as pl

from filters.pii.spans import EntitySpan

#: What a text with an address matches: a long word of letters and digits. A pattern for polars.
GATE = r"[0-9A-Za-z]{25}|[0-9A-Za-z_-]{48}"

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BASE64_URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

# No letter or digit may touch a word; a mark such as Markdown's underscore may.
_WORD = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z]{25,1200}(?![0-9A-Za-z])")
_TON = re.compile(r"(?<![0-9A-Za-z])[EUk0]Q[0-9A-Za-z_-]{46}(?![0-9A-Za-z])")
_ETHEREUM = re.compile(r"0[xX][0-9a-fA-F]{40}")
_MONERO = re.compile(rf"[48][0-9AB][{_BASE58}]{{93}}(?:[{_BASE58}]{{11}})?")
_SOLANA_CONTEXT = re.compile(
    r"\b(?:sol|solana|spl|phantom|solflare|wallet|wallets|address|addy|airdrop|usdc|donat\w+|tip|tips|"
    r"send|mint|token|ca|contract|cartera|billetera|carteira|cüzdan|кошел\w+|адрес)\b|\$sol|solscan|"
    r"钱包|地址|ウォレット|지갑",
    re.I,
)
_CONTEXT_CHARACTERS = 60


def find_wallets(texts: pl.Series) -> dict[int, list[EntitySpan]]:
    """Return by row the addresses (CRYPTO) and private keys (SECRET); other rows have none."""
    rows = texts.str.contains(GATE).arg_true()
    found = {}
    for row, text in zip(rows.to_list(), texts.gather(rows).to_list(), strict=True):
        spans = list(_find_in_text(text))
        if spans:
            found[row] = spans
    return found


def _find_in_text(text: str) -> Iterator[EntitySpan]:
    for match in _WORD.finditer(text):
        entity = classify_word(match[0])
        if not entity and is_solana(match[0]):
            low, high = match.start() - _CONTEXT_CHARACTERS, match.end() + _CONTEXT_CHARACTERS
            around = f"{text[max(0, low) : match.start()]} {text[match.end() : high]}"
            entity = "CRYPTO" if _SOLANA_CONTEXT.search(around) else ""
        if entity:
            yield EntitySpan(match.start(), match.end(), entity, 1.0)
    for match in _TON.finditer(text):
        if is_ton(match[0]):
            yield EntitySpan(match.start(), match.end(), "CRYPTO", 1.0)


def classify_word(word: str) -> str:
    """Return CRYPTO for an address, SECRET for a private key, an empty string for another word."""
    if word[:2] in ("0x", "0X"):
        return "CRYPTO" if is_ethereum(word) else ""
    if len(word) < 120:
        version = decode_base58check(word, _BASE58)
        if version is not None:
            is_private = version[:1] == b"\x80" or version[:4] == b"\x04\x88\xad\xe4"
            return "SECRET" if is_private else "CRYPTO"
        if word[0] == "r" and len(word) <= 35 and decode_base58check(word, _RIPPLE) is not None:
            return "CRYPTO"
    if is_bech32(word):
        return "SECRET" if word.lower().startswith("nsec1") else "CRYPTO"
    checks: tuple[Callable[[str], bool], ...] = (is_cashaddr, is_monero, is_stellar, is_polkadot)
    return "CRYPTO" if any(check(word) for check in checks) else ""


# --- formats with a checksum ---------------------------------------------------------------------


def _decode_base58(word: str, alphabet: str) -> bytes | None:
    number = 0
    for each in word:
        value = alphabet.find(each)
        if value < 0:
            return None
        number = number * 58 + value
    zeros = len(word) - len(word.lstrip(alphabet[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def decode_base58check(word: str, alphabet: str) -> bytes | None:
    """Return the payload of a word whose last four bytes are its checksum; None for another one.

    Payloads are 20 bytes of an address after one to three bytes of a version, a key of 32 or 33
    bytes, or an extended key of 78.
    """
    decoded = _decode_base58(word, alphabet)
    if decoded is None or len(decoded) - 4 not in (21, 22, 23, 33, 34, 78):
        return None
    payload, checksum = decoded[:-4], decoded[-4:]
    return payload if sha256(sha256(payload).digest()).digest()[:4] == checksum else None


def is_bech32(word: str) -> bool:
    """Return whether a word has a valid checksum of bech32 (BIP 173) or bech32m (BIP 350)."""
    if word != word.lower() and word != word.upper():
        return False
    prefix, one, data = word.lower().rpartition("1")
    if not one or not 2 <= len(prefix) <= 83 or len(data) < 20:
        return False
    values = [_BECH32.find(each) for each in data]
    if min(values) < 0 or not prefix[0].isalpha():
        return False
    expanded = [ord(each) >> 5 for each in prefix] + [0] + [ord(each) & 31 for each in prefix]
    checksum = 1
    for value in (*expanded, *values):
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum in (1, 0x2BC830A3)


def is_cashaddr(word: str) -> bool:
    """Return whether a word is an address of Bitcoin Cash without its prefix."""
    if len(word) != 42 or word[0] not in "qp":
        return False
    values = [_BECH32.find(each) for each in word]
    if min(values) < 0:
        return False
    checksum = 1
    for value in (*(ord(each) & 31 for each in "bitcoincash"), 0, *values):
        top = checksum >> 35
        checksum = (checksum & 0x07FFFFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
        ):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum == 1


def is_ethereum(word: str) -> bool:
    """Return whether a word is an address by EIP-55: in one letter case, or in that of its hash."""
    if not _ETHEREUM.fullmatch(word):
        return False
    digits = word[2:]
    if digits in (digits.lower(), digits.upper()):
        # 0x and forty times the same digit is a constant of a program.
        return len(set(digits)) > 2
    hashed = keccak256(digits.lower().encode()).hex()
    return all(
        each.isdecimal() or each.isupper() == (int(nibble, 16) > 7)
        for each, nibble in zip(digits, hashed, strict=False)
    )


def is_monero(word: str) -> bool:
    """Return whether a word is a Monero address, of 95 letters or, with a payment id, of 106.

    It has a checksum, which is not asked for: nothing else is written in so many letters of base58.
    """
    return bool(_MONERO.fullmatch(word))


def is_stellar(word: str) -> bool:
    """Return whether a word is a public (G) or secret (S) key of Stellar."""
    if len(word) != 56 or word[0] not in "GS" or any(each not in _BASE32 for each in word):
        return False
    decoded = _decode_bits(word, _BASE32, 5)
    return _crc16(decoded[:-2]) == int.from_bytes(decoded[-2:], "little")


def is_ton(word: str) -> bool:
    """Return whether a word of 48 letters is an address of TON."""
    decoded = _decode_bits(word, _BASE64_URL, 6)
    return len(decoded) == 36 and _crc16(decoded[:-2]) == int.from_bytes(decoded[-2:], "big")


def is_polkadot(word: str) -> bool:
    """Return whether a word is an SS58 address of 32 bytes: Polkadot, Kusama, Substrate."""
    if len(word) not in (46, 47, 48, 49):
        return False
    decoded = _decode_base58(word, _BASE58)
    if decoded is None or len(decoded) not in (35, 36):
        return False
    return blake2b(b"SS58PRE" + decoded[:-2]).digest()[:2] == decoded[-2:]


def is_solana(word: str) -> bool:
    """Return whether a word can be an address of Solana: 32 bytes in base58, without a checksum."""
    if len(word) not in (43, 44) or word.islower() or word.isupper() or word.isalpha():
        return False
    decoded = _decode_base58(word, _BASE58)
    return decoded is not None and len(decoded) == 32


def _decode_bits(word: str, alphabet: str, bits: int) -> bytes:
    number = 0
    for each in word:
        number = number << bits | alphabet.index(each)
    return number.to_bytes(len(word) * bits // 8, "big")


def _crc16(data: bytes) -> int:
    """Return CRC-16/XMODEM."""
    checksum = 0
    for byte in data:
        checksum ^= byte << 8
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x1021 if checksum & 0x8000 else 0)) & 0xFFFF
    return checksum


# --- Keccak, which hashlib has only as SHA-3, with another padding --------------------------------

_ROTATIONS = (
    1,
    3,
    6,
    10,
    15,
    21,
    28,
    36,
    45,
    55,
    2,
    14,
    27,
    41,
    56,
    8,
    25,
    43,
    62,
    18,
    39,
    61,
    20,
    44,
)
_LANES = (10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1)
_MASK = (1 << 64) - 1


def _make_round_constants() -> tuple[int, ...]:
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for bit in range(7):
            if register & 1:
                constant |= 1 << ((1 << bit) - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


_ROUND_CONSTANTS = _make_round_constants()


def keccak256(data: bytes) -> bytes:
    """Return the Keccak-256 hash, 32 bytes, of less than 136 bytes or any longer data."""
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % 136)
    padded[-1] |= 0x80
    state = [0] * 25
    for start in range(0, len(padded), 136):
        for lane in range(17):
            at = start + 8 * lane
            state[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        state = _permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _permute(state: list[int]) -> list[int]:
    for constant in _ROUND_CONSTANTS:
        parity = [
            state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]
            for x in range(5)
        ]
        for x in range(5):
            mixed = parity[(x + 4) % 5] ^ _rotate(parity[(x + 1) % 5], 1)
            for y in range(0, 25, 5):
                state[x + y] ^= mixed
        moved = state[1]
        for lane, rotation in zip(_LANES, _ROTATIONS, strict=True):
            state[lane], moved = _rotate(moved, rotation), state[lane]
        for y in range(0, 25, 5):
            row = state[y : y + 5]
            for x in range(5):
                state[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5] & _MASK)
        state[0] ^= constant
    return state


def _rotate(lane: int, count: int) -> int:
    return (lane << count | lane >> (64 - count)) & _MASK
