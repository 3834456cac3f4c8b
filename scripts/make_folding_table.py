"""Make corpus/folding.npz: what normalizing does with each character, by the Unicode database.

    python scripts/make_folding_table.py

The table is a file, so that the same posts are duplicates under every version of Python: each has
another version of Unicode.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np

TARGET = Path(__file__).resolve().parents[1] / "corpus" / "dedup" / "folding.npz"

WORD, SPACE, PUNCTUATION, PICTURE, DROPPED, COMPOSED, LETTER = 1, 2, 4, 8, 16, 32, 64
_SURROGATES = range(0xD800, 0xE000)
# White space by Unicode, and the control characters, which mean nothing in a post.
_SPACES = {
    *range(0x21),
    0x7F,
    *range(0x80, 0xA0),
    0xA0,
    0x1680,
    *range(0x2000, 0x200B),
    0x2028,
    0x2029,
    0x202F,
    0x205F,
    0x3000,
}
# Marks that only select how a symbol is drawn.
_SELECTORS = {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), 0x20E3}
# Punctuation that carries meaning: C#, 50 %, R&D, and the @ of an address.
_MEANT = set("#%&@")


def kind(code: int) -> int:
    """Return the classes of one character, as bits."""
    char = chr(code)
    category = unicodedata.category(char)
    if code in _SPACES:
        return SPACE
    if category == "Cf" or code in _SELECTORS:
        return DROPPED
    bits = WORD if category[0] in "LMN" or category == "Pc" else 0
    if category[0] == "L":
        bits |= LETTER
    if category[0] == "P" and char not in _MEANT:
        bits |= PUNCTUATION
    if category in ("So", "Sk"):
        bits |= PICTURE
    return bits


def composed() -> set[int]:
    """Return the characters whose NFKC form may depend on their neighbours."""
    found = set()
    seconds = set()
    for code in range(0x110000):
        if code in _SURROGATES:
            continue
        pair = unicodedata.decomposition(chr(code))
        if pair and not pair.startswith("<") and len(pair.split()) == 2:
            seconds.add(int(pair.split()[1], 16))
    for code in range(0x110000):
        if code in _SURROGATES:
            continue
        char = chr(code)
        after = unicodedata.normalize("NFKC", char)
        if any(unicodedata.combining(part) or ord(part) in seconds for part in after):
            found.add(code)
    # The vowels and final consonants of Hangul are composed with the character before them.
    return found | set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))


def main() -> None:
    """Write the table."""
    kinds = np.zeros(0x110000, np.uint8)
    lower = np.arange(0x110000, dtype=np.int32)
    from_code, offsets, into = [], [0], []
    slow = composed()
    for code in range(0x110000):
        if code in _SURROGATES:
            continue
        kinds[code] = kind(code) | (COMPOSED if code in slow else 0)
        small = chr(code).lower()
        lower[code] = ord(small) if len(small) == 1 else ord(small[0])
        after = unicodedata.normalize("NFKC", chr(code))
        if after != chr(code) and code not in slow:
            from_code.append(code)
            into += [ord(part) for part in after]
            offsets.append(len(into))
    lower[ord("ς")] = ord("σ")  # a sigma at the end of a word is a sigma
    changed = np.flatnonzero(lower != np.arange(0x110000)).astype(np.int32)
    np.savez_compressed(
        TARGET,
        unicode=np.array(unicodedata.unidata_version),
        kinds=kinds,
        upper=changed,
        lower=lower[changed],
        wide=np.array(from_code, np.int32),
        places=np.array(offsets, np.int32),
        into=np.array(into, np.int32),
    )
    print(f"{TARGET.name}: Unicode {unicodedata.unidata_version}, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
