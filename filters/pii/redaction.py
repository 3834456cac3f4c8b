"""Settle which spans of a post to replace, and with what: placeholder, surrogate or mask."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Sequence
from itertools import chain

from filters.pii.presidio import EntitySpan

# To libphonenumber 1648 is a German pager, and so is the postcode 16801. A number that reaches
# someone is longer, or written with a plus.
_MIN_PHONE_DIGITS = 7
#: How often a surrogate is drawn anew while it reads as a detail itself.
_MAX_ATTEMPTS = 64

ReplacementStyle = Callable[[str, str], str]  # (entity, what it holds) to what stands in its place


def resolve_overlaps(text: str, spans: list[EntitySpan]) -> list[EntitySpan]:
    """Settle overlaps: a span gives way to one around it, else to the higher score, then length.

    The winner covers the whole overlap, so no half of a loser is left to read. What reaches
    nobody is let go in between: the address 10.20.30.40 is no phone number either.
    """
    outer = [span for span in spans if not any(_is_covered_by(span, other) for other in spans)]
    groups: list[list[EntitySpan]] = []
    for span in sorted(span for span in outer if not _is_unreachable(text, span)):
        if groups and span.start < max(other.end for other in groups[-1]):
            groups[-1].append(span)
        else:
            groups.append([span])
    return [_merge_group(group) for group in groups]


def _is_covered_by(span: EntitySpan, other: EntitySpan) -> bool:
    """Whether ``span`` lies within ``other``; of two on the same place, the lower score."""
    if (span.start, span.end) == (other.start, other.end):
        return (span.score, span.entity) < (other.score, other.entity)
    return other.start <= span.start and span.end <= other.end


def _merge_group(group: list[EntitySpan]) -> EntitySpan:
    best = max(group, key=lambda span: (span.score, span.end - span.start, span.entity))
    return best._replace(start=group[0].start, end=max(span.end for span in group))


def _is_unreachable(text: str, span: EntitySpan) -> bool:
    held = text[span.start : span.end]
    if span.entity == "PHONE_NUMBER":
        return (
            not held.startswith(("+", "\uff0b"))
            and sum(map(str.isdecimal, held)) < _MIN_PHONE_DIGITS
        )
    if span.entity == "IP_ADDRESS":
        address = ipaddress.ip_address(held.split("/")[0].split("%")[0])
        return not (getattr(address, "ipv4_mapped", None) or address).is_global
    if span.entity == "MAC_ADDRESS":
        return "".join(filter(str.isalnum, held)).lower().startswith("00005e0053")
    return False


def replace_spans(text: str, spans: Sequence[EntitySpan], style: ReplacementStyle) -> str:
    """The text with each span, by its offsets, turned into what ``style`` gives for it."""
    starts = [0, *(span.end for span in spans)]
    ends = [*(span.start for span in spans), len(text)]
    kept = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    holders = [*(style(span.entity, text[span.start : span.end]) for span in spans), ""]
    return "".join(chain.from_iterable(zip(kept, holders, strict=True)))


# --------------------------------------------------------------------------- the styles

_DIGIT_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def encode_digest_as_letters(digest: str) -> str:
    """Hex digits as letters (``0`` to ``9`` as ``g`` to ``p``): no number is read in them."""
    return digest.translate(_DIGIT_LETTERS)


def make_placeholder(entity: str, held: str) -> str:
    """``<EMAIL_ADDRESS>``."""
    return f"<{entity}>"


def mask_characters(entity: str, held: str) -> str:
    """``***@*******.***``: letters and digits starred, the rest kept.

    The full stops of an address are starred too, or its shape alone would read as one.
    """
    return "".join("*" if each.isalnum() or entity == "IP_ADDRESS" else each for each in held)


class SurrogateStyle:
    """Another detail of the same shape, always the same for the same one under a key.

    Digits become digits, letters letters of the same case. It reaches nobody: an e-mail address
    ends in ``.example`` (RFC 2606), an IP or MAC address lies in a range for documentation
    (RFC 5737, 3849, 9542), and a number is drawn again until ``reads`` says that it is none: no
    valid phone number, no checksum that holds. Where that fails, and for people and places, as any
    made-up name would be one too, a keyed placeholder stands: ``<PERSON_jfiapcgbhdke>``.
    """

    def __init__(self, key: bytes, contains_detail: Callable[[str], bool]) -> None:
        self._key = key
        self._contains_detail = contains_detail
        self._cache: dict[tuple[str, str], str] = {}

    def __call__(self, entity: str, held: str) -> str:
        """What stands in its place."""
        if (entity, held) not in self._cache:
            if len(self._cache) > 100_000:
                self._cache.clear()
            self._cache[entity, held] = self._make_surrogate(entity, held)
        return self._cache[entity, held]

    def _make_surrogate(self, entity: str, held: str) -> str:
        if entity not in ("PERSON", "LOCATION"):
            for attempt in range(_MAX_ATTEMPTS):
                stream = self._derive_bytes(f"{entity}\0{held.lower()}\0{attempt}", len(held))
                made = _GENERATORS.get(entity, _randomize_characters)(held, stream)
                if made != held and not self._contains_detail(made):
                    return made
        digest = self._derive_bytes(f"{entity}\0{held.lower()}", 6)[:6]
        return f"<{entity}_{encode_digest_as_letters(digest.hex())}>"

    def _derive_bytes(self, what: str, size: int) -> bytes:
        secret = hmac.digest(self._key, b"corpus surrogate", "sha256")
        return hashlib.shake_256(secret + what.encode("utf-8")).digest(max(size, 16))


def _randomize_characters(held: str, stream: bytes) -> str:
    """Digits for digits, letters for letters, in the same case; the rest as it is."""
    made = []
    for each, byte in zip(held, stream, strict=False):
        if each.isdecimal():
            made.append(str(byte % 10))
        elif each.isalpha():
            letter = chr(ord("a") + byte % 26)
            made.append(letter.upper() if each.isupper() else letter)
        else:
            made.append(each)
    return "".join(made)


def _make_email_address(held: str, stream: bytes) -> str:
    """An address whose last label is one that RFC 2606 keeps from ever being anybody's."""
    return f"{_randomize_characters(held, stream).rpartition('.')[0]}.example"


def _make_ssn(held: str, stream: bytes) -> str:
    """One of area 666, which is never given out."""
    areas = iter("666")
    made = _randomize_characters(held, stream)
    return "".join(next(areas, each) if each.isdecimal() else each for each in made)


def _make_mac_address(held: str, stream: bytes) -> str:
    """One of the 256 that RFC 9542 keeps for documentation."""
    digits = iter(f"00005e0053{stream[0]:02x}")
    return "".join(next(digits) if each.isalnum() else each for each in held)


def _make_ip_address(held: str, stream: bytes) -> str:
    if ":" in held:
        return f"2001:db8::{stream[0]:x}{stream[1]:02x}:{stream[2]:x}{stream[3]:02x}"
    block = ("192.0.2", "198.51.100", "203.0.113")[stream[0] % 3]
    return f"{block}.{stream[1]}"


_GENERATORS: dict[str, Callable[[str, bytes], str]] = {
    "EMAIL_ADDRESS": _make_email_address,
    "IP_ADDRESS": _make_ip_address,
    "MAC_ADDRESS": _make_mac_address,
    "US_SSN": _make_ssn,
}
