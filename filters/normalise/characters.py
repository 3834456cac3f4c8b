"""Replace invisible characters and unusual spaces and newlines, and normalize to a Unicode form.

Invisible characters that are part of the writing are kept: the joiners inside an emoji and within
words of Persian, Hindi and similar scripts, the selector that makes a heart red, a flag's tags, the
variant of a Han character. The patterns here also match what is kept, and put it back, because
polars' regular expressions have no look-behind.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from filters.text.rows import change_where

UnicodeForm = Literal["nfc", "nfkc", "none"]

_NEWLINES = r"\r\n?|[\x0B\x0C\x{85}\x{2028}\x{2029}]"
_SPACES = r"\x{A0}\x{1680}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}\x{3164}\x{FFA0}"
_CONTROLS = r"\x00-\x08\x0E-\x1F\x7F-\x9F"
# Soft hyphen, zero widths, directions, invisible operators, variation selectors, byte-order mark,
# annotations, tags; and the code points that Unicode will never assign to characters.
_INVISIBLE = (
    r"\x{AD}\x{61C}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{206F}\x{FE00}-\x{FE0F}\x{FEFF}"
    r"\x{FFF9}-\x{FFFC}\x{E0000}-\x{E0FFF}\x{FDD0}-\x{FDEF}\x{FFFE}\x{FFFF}"
)
_NEEDS_REPLACING = rf"[{_CONTROLS}{_SPACES}{_INVISIBLE}\r\x0B\x0C\x{{2028}}\x{{2029}}]"

# England's flag: a black flag, 'gbeng' in tags, and the tag that ends them. No region has a longer
# run of tags, so such a run is a hidden message.
_FLAG = r"\x{1F3F4}[\x{E0030}-\x{E0039}\x{E0061}-\x{E007A}]{3,6}\x{E007F}"
_ONE_EMOJI = r"\p{Extended_Pictographic}[\x{FE0E}\x{FE0F}]?[\x{1F3FB}-\x{1F3FF}]?"
_EMOJI = rf"{_ONE_EMOJI}(?:\x{{200D}}{_ONE_EMOJI})*"
_KEYCAP = r"[0-9#*]\x{FE0F}?\x{20E3}"
_SCRIPTS = (
    *("Arabic", "Syriac", "Mandaic", "Mongolian", "Nko", "Adlam", "Hanifi_Rohingya", "Tibetan"),
    *("Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada"),
    *("Malayalam", "Sinhala", "Khmer", "Myanmar", "Balinese", "Javanese", "Meetei_Mayek"),
)
_SCRIPT_JOINER = (
    "[" + "".join(rf"\p{{scx={script}}}" for script in _SCRIPTS) + r"][\x{200C}\x{200D}]"
)
_HAN_VARIANT = r"\p{Han}[\x{FE00}-\x{FE02}\x{E0100}-\x{E01EF}]"
_KEPT_OR_INVISIBLE = rf"({_FLAG}|{_EMOJI}|{_KEYCAP}|{_SCRIPT_JOINER}|{_HAN_VARIANT})|[{_INVISIBLE}]"

# Trailing spaces, blank lines around the text, and more than two of them within it. Four leading
# spaces mark a line as code; fewer have no meaning.
_NEEDS_TRIMMING = r"[ \t]\n|^ {1,3}[^ \t]|^\s*\n|\s$|\n{4}"

_NOT_ASCII = r"[^\x00-\x7F]"
# A text with none of these is in NFC: marks, which may combine (a selector does not); the parts of
# Hangul syllables; and characters that Unicode replaces by others.
_NOT_NFC = (
    r"[[\p{M}--[\x{FE00}-\x{FE0F}\x{20E3}]]\x{1100}-\x{11FF}\x{374}\x{37E}\x{387}"
    r"\x{958}-\x{95F}\x{9DC}-\x{9DF}\x{A33}-\x{A5E}\x{B5C}\x{B5D}\x{F43}-\x{F69}"
    r"\x{1F71}-\x{1FFD}\x{2000}\x{2001}\x{2126}\x{212A}\x{212B}\x{2329}\x{232A}\x{2ADC}"
    r"\x{F900}-\x{FAD9}\x{FB1D}-\x{FB4E}\x{1D15E}-\x{1D164}\x{1D1BB}-\x{1D1C0}"
    r"\x{2F800}-\x{2FA1D}]"
)


def replace_special_characters(texts: pl.Series) -> pl.Series:
    """Replace every newline by ``\\n`` and every space by U+0020; remove invisible characters."""
    return change_where(texts, texts.str.contains(_NEEDS_REPLACING), _replace_all)


def _replace_all(texts: pl.Series) -> pl.Series:
    return (
        texts.str.replace_all(_NEWLINES, "\n")
        .str.replace_all(f"[{_CONTROLS}]", "")
        .str.replace_all(f"[{_SPACES}]", " ")
        .str.replace_all(_KEPT_OR_INVISIBLE, "${1}")
    )


def trim_whitespace(texts: pl.Series) -> pl.Series:
    """Remove spaces at the ends of lines and blank lines around the text; keep two within it."""
    return change_where(texts, texts.str.contains(_NEEDS_TRIMMING), _trim_all)


def _trim_all(texts: pl.Series) -> pl.Series:
    return (
        texts.str.replace_all(r"[ \t]+\n", "\n")
        .str.replace_all(r"\n{4,}", "\n\n\n")
        .str.replace(r"^(?:[ \t]*\n)+", "")
        .str.replace(r"\s+$", "")
        .str.replace(r"^ {1,3}([^ \t])", "${1}")
    )


def normalize_unicode(texts: pl.Series, form: UnicodeForm) -> pl.Series:
    """Convert the texts to a Unicode form; ``none`` returns them unchanged."""
    if form == "none":
        return texts
    name: Literal["NFC", "NFKC"] = "NFC" if form == "nfc" else "NFKC"
    selected = texts.str.contains(_NOT_NFC if form == "nfc" else _NOT_ASCII)
    return change_where(texts, selected, lambda some: some.str.normalize(name))
