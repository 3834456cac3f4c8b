"""Characters that show nothing, or only seem to be a space or a new line, put in order.

What is invisible and yet part of the writing stays: the joiners inside an emoji and within the
words of Persian, Hindi and their like, the selector that makes a heart red, a flag's tags, the
variant of a Han character. Patterns here match what is kept as well, and put it back: polars'
regular expressions cannot look behind them.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

Form = Literal["nfc", "nfkc", "none"]

_NEWLINES = r"\r\n?|[\x0B\x0C\x{85}\x{2028}\x{2029}]"
_SPACES = r"\x{A0}\x{1680}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}\x{3164}\x{FFA0}"
_CONTROLS = r"\x00-\x08\x0E-\x1F\x7F-\x9F"
# Soft hyphen, zero widths, directions, invisible operators, variation selectors, byte-order mark,
# annotations, tags; and the code points that Unicode will never make characters.
_INVISIBLE = (
    r"\x{AD}\x{61C}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{206F}\x{FE00}-\x{FE0F}\x{FEFF}"
    r"\x{FFF9}-\x{FFFC}\x{E0000}-\x{E0FFF}\x{FDD0}-\x{FDEF}\x{FFFE}\x{FFFF}"
)
_ODD = rf"[{_CONTROLS}{_SPACES}{_INVISIBLE}\r\x0B\x0C\x{{2028}}\x{{2029}}]"

# England's flag: a black one, 'gbeng' in tags, and the tag that ends it. A longer run of tags is
# no region's but a hidden message.
_FLAG = r"\x{1F3F4}[\x{E0030}-\x{E0039}\x{E0061}-\x{E007A}]{3,6}\x{E007F}"
_ONE_EMOJI = r"\p{Extended_Pictographic}[\x{FE0E}\x{FE0F}]?[\x{1F3FB}-\x{1F3FF}]?"
_EMOJI = rf"{_ONE_EMOJI}(?:\x{{200D}}{_ONE_EMOJI})*"
_KEYCAP = r"[0-9#*]\x{FE0F}?\x{20E3}"
_SCRIPTS = (
    *("Arabic", "Syriac", "Mandaic", "Mongolian", "Nko", "Adlam", "Hanifi_Rohingya", "Tibetan"),
    *("Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada"),
    *("Malayalam", "Sinhala", "Khmer", "Myanmar", "Balinese", "Javanese", "Meetei_Mayek"),
)
_JOINED = "[" + "".join(rf"\p{{scx={script}}}" for script in _SCRIPTS) + r"][\x{200C}\x{200D}]"
_VARIANT = r"\p{Han}[\x{FE00}-\x{FE02}\x{E0100}-\x{E01EF}]"
_KEPT_OR_INVISIBLE = rf"({_FLAG}|{_EMOJI}|{_KEYCAP}|{_JOINED}|{_VARIANT})|[{_INVISIBLE}]"

# Trailing spaces, blank lines around the text, and more than two of them within it. Four spaces
# in front make a line code; fewer say nothing.
_UNTIDY = r"[ \t]\n|^ {1,3}[^ \t]|^\s*\n|\s$|\n{4}"


def tidied(texts: pl.Series) -> pl.Series:
    """Newlines are newlines, spaces are spaces, and nothing invisible is left but what counts."""
    rows = texts.str.contains(_ODD).arg_true()
    if not len(rows):
        return texts
    plain = (
        texts.gather(rows)
        .str.replace_all(_NEWLINES, "\n")
        .str.replace_all(f"[{_CONTROLS}]", "")
        .str.replace_all(f"[{_SPACES}]", " ")
        .str.replace_all(_KEPT_OR_INVISIBLE, "${1}")
    )
    return texts.clone().scatter(rows, plain)


def trimmed(texts: pl.Series) -> pl.Series:
    """No space at the end of a line, no blank line around the text, two at most within it."""
    rows = texts.str.contains(_UNTIDY).arg_true()
    if not len(rows):
        return texts
    neat = (
        texts.gather(rows)
        .str.replace_all(r"[ \t]+\n", "\n")
        .str.replace_all(r"\n{4,}", "\n\n\n")
        .str.replace(r"^(?:[ \t]*\n)+", "")
        .str.replace(r"\s+$", "")
        .str.replace(r"^ {1,3}([^ \t])", "${1}")
    )
    return texts.clone().scatter(rows, neat)


def composed(texts: pl.Series, form: Form) -> pl.Series:
    """The texts in a Unicode form; up to U+02FF every text is in NFC, up to U+007F in NFKC."""
    if form == "none":
        return texts
    first = "80" if form == "nfkc" else "300"
    rows = texts.str.contains(rf"[\x{{{first}}}-\x{{10FFFF}}]").arg_true()
    if not len(rows):
        return texts
    return texts.clone().scatter(rows, texts.gather(rows).str.normalize(_FORMS[form]))


_FORMS: dict[str, Literal["NFC", "NFKC"]] = {"nfc": "NFC", "nfkc": "NFKC"}
