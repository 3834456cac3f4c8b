"""Write Indian scripts in Latin letters, as people write their languages in posts.

The Unicode blocks of the scripts that descend from Brahmi have the same order of letters, so one
table of offsets serves all of them. People spell long vowels in more than one way, and a seed
chooses; the vowel that a consonant implies is dropped where Hindi and its neighbours drop it.
"""

from __future__ import annotations

import random
import re

#: The first code point of each script's block.
BLOCKS = {
    "Deva": 0x900,
    "Beng": 0x980,
    "Guru": 0xA00,
    "Gujr": 0xA80,
    "Taml": 0xB80,
    "Telu": 0xC00,
    "Knda": 0xC80,
    "Mlym": 0xD00,
}
_NORTHERN = ("Deva", "Beng", "Guru", "Gujr")
_NUKTA, _VIRAMA = 0x3C, 0x4D
_SIGNS = {0x01: "n", 0x02: "n", 0x03: "h", 0x70: "n", 0x71: ""}
_VOWELS = {
    **{0x05: "a", 0x06: "aa", 0x07: "i", 0x08: "ee", 0x09: "u", 0x0A: "oo", 0x0B: "ri"},
    **{0x0E: "e", 0x0F: "e", 0x10: "ai", 0x12: "o", 0x13: "o", 0x14: "au"},
}
_VOWEL_SIGNS = {
    **{0x3E: "aa", 0x3F: "i", 0x40: "ee", 0x41: "u", 0x42: "oo", 0x43: "ri"},
    **{0x46: "e", 0x47: "e", 0x48: "ai", 0x4A: "o", 0x4B: "o", 0x4C: "au"},
}
_CONSONANTS = {
    **{0x15: "k", 0x16: "kh", 0x17: "g", 0x18: "gh", 0x19: "n", 0x1A: "ch", 0x1B: "chh"},
    **{0x1C: "j", 0x1D: "jh", 0x1E: "n", 0x1F: "t", 0x20: "th", 0x21: "d", 0x22: "dh", 0x23: "n"},
    **{0x24: "t", 0x25: "th", 0x26: "d", 0x27: "dh", 0x28: "n", 0x29: "n", 0x2A: "p", 0x2B: "ph"},
    **{0x2C: "b", 0x2D: "bh", 0x2E: "m", 0x2F: "y", 0x30: "r", 0x31: "r", 0x32: "l", 0x33: "l"},
    **{0x34: "zh", 0x35: "v", 0x36: "sh", 0x37: "sh", 0x38: "s", 0x39: "h"},
    **{0x58: "q", 0x59: "kh", 0x5A: "g", 0x5B: "z", 0x5C: "r", 0x5D: "rh", 0x5E: "f", 0x5F: "y"},
}
_WITH_NUKTA = {"k": "q", "j": "z", "d": "r", "dh": "rh", "ph": "f"}
_LONG = {"aa": ("a", "aa"), "ee": ("i", "ee"), "oo": ("u", "oo"), "au": ("o", "au")}
_WORD_FINAL_A = re.compile(r"(?<=[aeiou])([bcdfghjklmnpqrstvyz]+)ə\b|(?<=[bcdfghjklmnpqrstvyz])ə\b")
_MEDIAL_A = re.compile(r"(?<=[aeiouə])([bcdfgjklmnpqrstvyz]h?)ə(?=[bcdfghjklmnpqrstvyz]+[aeiou])")


def romanise(text: str, script: str, choose: random.Random) -> str:
    """Return ``text`` with the letters of ``script`` in Latin letters; other letters stay."""
    start = BLOCKS[script]
    written: list[str] = []
    for character in text:
        offset = ord(character) - start
        if not 0 <= offset < 0x80:
            written.append(character)
            continue
        spelling = _CONSONANTS.get(offset)
        if spelling:
            # In the languages of the south, th is the dental letter and t the retroflex one.
            if script not in _NORTHERN and offset == 0x24:
                spelling = "th"
            written.extend((spelling, "ə"))
        elif offset in _VOWEL_SIGNS or offset == _VIRAMA:
            if written and written[-1] == "ə":
                written.pop()
            vowel = _VOWEL_SIGNS.get(offset, "")
            written.append(choose.choice(_LONG.get(vowel, (vowel,))))
        elif offset == _NUKTA and len(written) > 1:
            written[-2] = _WITH_NUKTA.get(written[-2], written[-2])
        elif offset in _VOWELS:
            vowel = _VOWELS[offset]
            written.append(choose.choice(_LONG.get(vowel, (vowel,))))
        else:
            written.append(_SIGNS.get(offset, ""))
    found = "".join(written)
    if script in _NORTHERN:
        found = _WORD_FINAL_A.sub(lambda match: match.group(1) or "", found)
        found = _MEDIAL_A.sub(r"\1", found)
    return found.replace("ə", "o" if script == "Beng" else "a")
