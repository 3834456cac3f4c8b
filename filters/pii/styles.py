"""What replaces a detail: a placeholder, a mask of stars, or a surrogate of the same shape."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable

#: How often a surrogate is made again while it can be read as a detail itself.
_MAX_ATTEMPTS = 64
_MAX_CACHED_SURROGATES = 100_000

_DIGIT_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def encode_digest_as_letters(digest: str) -> str:
    """Write a hex digest in letters (``0`` to ``9`` as ``g`` to ``p``), so it has no number."""
    return digest.translate(_DIGIT_LETTERS)


def make_placeholder(entity: str, content: str) -> str:
    """Return ``<EMAIL_ADDRESS>``."""
    return f"<{entity}>"


def mask_characters(entity: str, content: str) -> str:
    """Return ``***@*******.***``: stars for letters and digits, the rest as it is.

    The full stops of an IP address are masked too, or its shape alone would match as one.
    """
    return "".join("*" if each.isalnum() or entity == "IP_ADDRESS" else each for each in content)


class SurrogateStyle:
    """Replace a detail by another one of the same shape, always the same one under a key.

    Digits become digits, letters become letters of the same case. By its form the surrogate is no
    detail of anybody, also to a detector that knows other patterns than ours: an e-mail address
    ends in ``.example`` (RFC 2606), an IP or MAC address is in a range for documentation (RFC 5737,
    3849, 9542), numbers begin with zeros, and no word, prefix or country code can be spelled with
    the letters. One in which ``contains_detail`` still sees a detail is made again. If that fails,
    the result is a keyed placeholder, ``<PERSON_jfiapcgbhdke>``; so it is for people, places and
    national identifiers, because any made-up one may be somebody's as well.
    """

    def __init__(self, key: bytes, contains_detail: Callable[[str], bool]) -> None:
        self._key = key
        self._contains_detail = contains_detail
        self._cache: dict[tuple[str, str], str] = {}

    def __call__(self, entity: str, content: str) -> str:
        """Return the surrogate of ``content``, which contains an ``entity``."""
        if (entity, content) not in self._cache:
            if len(self._cache) > _MAX_CACHED_SURROGATES:
                self._cache.clear()
            self._cache[entity, content] = self._make_surrogate(entity, content)
        return self._cache[entity, content]

    def _make_surrogate(self, entity: str, content: str) -> str:
        if generate := _GENERATORS.get(entity):
            for attempt in range(_MAX_ATTEMPTS):
                seed = f"{entity}\0{content.lower()}\0{attempt}"
                surrogate = generate(content, self._derive_bytes(seed, len(content)))
                if surrogate != content and not self._contains_detail(surrogate):
                    return surrogate
        digest = self._derive_bytes(f"{entity}\0{content.lower()}", 6)[:6]
        return f"<{entity}_{encode_digest_as_letters(digest.hex())}>"

    def _derive_bytes(self, seed: str, size: int) -> bytes:
        """Return at least ``size`` pseudorandom bytes, which depend on the key and the seed."""
        secret = hmac.digest(self._key, b"corpus surrogate", "sha256")
        return hashlib.shake_256(secret + seed.encode("utf-8")).digest(max(size, 16))


#: Letters that spell no country code, no name of a service and no prefix of a token or a wallet.
_LETTERS = "jqvz"
#: More of them for addresses, in which only names of services and prefixes of tokens can stand.
_ADDRESS_LETTERS = "bcdhjlpqrtuvwxyz"
#: Where a number can begin, the digits it needs there, and how many of them become zeros. No
#: country has numbers of phones that begin with four, and no card begins with one.
_ZEROS = (
    (re.compile(r"(?:\W|[\d_])+"), 1, 4),  # after a letter
    (re.compile(r"[^\s/~]+"), 7, 4),  # after a space, where one number may end
    (re.compile(r"\d+"), 4, 1),
)


def _randomize_characters(content: str, random: bytes, letters: str = _LETTERS) -> str:
    """Replace digits by digits and letters by letters of the same case; keep the rest."""
    zeros = _list_zeros(content)
    characters = []
    for at, (each, byte) in enumerate(zip(content, random, strict=False)):
        if each.isdecimal():
            characters.append("0" if at in zeros else str(byte % 10))
        elif each.isalpha():
            letter = letters[byte % len(letters)]
            characters.append(letter.upper() if each.isupper() else letter)
        else:
            characters.append(each)
    return "".join(characters)


def _list_zeros(content: str) -> set[int]:
    """Return the offsets of the digits that become zeros."""
    zeros: set[int] = set()
    for form, least, count in _ZEROS:
        for found in form.finditer(content):
            digits = [at for at in range(*found.span()) if content[at].isdecimal()]
            zeros.update(digits[:count] if len(digits) >= least else ())
    return zeros


def _make_email_address(content: str, random: bytes) -> str:
    """Return an address under a top-level domain that RFC 2606 reserves.

    The labels of its domain are one, which no top-level domain can end, and its name has no marks
    after which another name could begin.
    """
    shaped = _randomize_characters(content, random, _ADDRESS_LETTERS)
    name, _, domain = shaped.rpartition("@") if "." in content else ("", "", "")
    name = re.sub(r"[^A-Za-z0-9.-]", "_", name)
    host = re.sub(r"[^A-Za-z0-9]", "", domain.rpartition(".")[0])
    if not name or not host:  # spelled: "anna at example dot org"
        both = re.sub(r"[^A-Za-z0-9]", "", shaped)
        name, host = both[: len(both) // 2], both[len(both) // 2 :]
    name = name.rstrip("._-") or _ADDRESS_LETTERS[0]
    return f"{name}@{host}.example"


def _make_mac_address(content: str, random: bytes) -> str:
    """Return one of the 256 addresses that RFC 9542 reserves for documentation."""
    digits = iter(f"00005e0053{random[0]:02x}")
    return "".join(next(digits, "0") if each.isalnum() else each for each in content)


def _make_ip_address(content: str, random: bytes) -> str:
    """Return an address of a range that RFC 5737 or 3849 reserves for documentation."""
    if ":" in content:
        return f"2001:db8::{random[0]:x}{random[1]:02x}:{random[2]:x}{random[3]:02x}"
    block = ("192.0.2", "198.51.100", "203.0.113")[random[0] % 3]
    return f"{block}.{random[1]}"


_GENERATORS: dict[str, Callable[[str, bytes], str]] = {
    "EMAIL_ADDRESS": _make_email_address,
    "IP_ADDRESS": _make_ip_address,
    "MAC_ADDRESS": _make_mac_address,
    **dict.fromkeys(
        ("PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "CRYPTO", "US_SSN", "SECRET"),
        _randomize_characters,
    ),
}
