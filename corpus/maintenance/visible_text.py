"""Write texts as a reader sees them, in ASCII: the normal form that the audit's detector reads.

It has no offsets, because the audit only counts. What a browser or a markdown viewer decodes is
decoded, what nobody sees is removed, and characters of other scripts separate.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote

import polars as pl

#: What the build writes for a detail. Like every character of another script it becomes SEPARATOR.
_PLACEHOLDER = r"<[A-Z][A-Z_]{2,40}(?:_[a-p]{12})?>"
SEPARATOR = "\n"
#: Words of other scripts that say what follows, in the words that the detector knows.
_LABELS = {
    "微信": " wechat ",
    "電話": " phone ",
    "电话": " phone ",
    "手机": " phone ",
    "手機": " phone ",
    "携帯": " phone ",
    "전화": " phone ",
    "телефон": " phone ",
    "тел.": " phone ",
    "هاتف": " phone ",
    "โทร": " phone ",
    "फोन": " phone ",
    "инстаграм": " instagram ",
    "телеграм": " telegram ",
    "인스타": " instagram ",
    "インスタ": " instagram ",
    "카톡": " kakao ",
    "ライン": " line ",
}
#: Marks that end a token: ellipses, and dashes longer than a hyphen's place.
_SEPARATING = r"[\u{2014}\u{2015}\u{2025}\u{2026}\u{2E3A}\u{2E3B}]"
_INVISIBLE = r"[\p{M}\p{Cf}\u{115F}\u{1160}\u{3164}\u{FFA0}]"
_OTHER_DIGIT = r"[\p{Nd}--[0-9]]"
_MARKDOWN_ESCAPE = r"\\([!-/:-@\[-`{-~])"
#: A plus between two words of a URL's parameters is a space.
_PLUS_IN_PARAMETER = re.compile(r"(?<=[0-9A-Za-z)])\+(?=[0-9A-Za-z(])")
_PARAMETERS = re.compile(r"\?[^\s<>\"]*")
_UNICODE_ESCAPE = re.compile(r"\\u00([2-7][0-9A-Fa-f])")


def normalize_visible(texts: pl.Series) -> pl.Series:
    """Return the texts as ASCII: decoded, without invisible characters and accents.

    Null becomes an empty text.
    """
    texts = texts.fill_null("").str.replace_all(_PLACEHOLDER, SEPARATOR)
    texts = texts.str.replace_many(_LABELS, ascii_case_insensitive=True)
    texts = _map_rows(texts, r"&#?[0-9A-Za-z]{2,31};", lambda text: _repeat(html.unescape, text))
    texts = _map_rows(texts, r"\\u00[2-7]", _decode_unicode_escapes)
    texts = _map_rows(texts, r"\?\S*\+", _decode_parameters)
    texts = _map_rows(texts, r"%[0-9A-Fa-f]{2}", lambda text: _repeat(unquote, text))
    texts = (
        texts.str.replace_all(_SEPARATING, SEPARATOR)
        .str.normalize("NFKD")
        .str.replace_all(_INVISIBLE, "")
    )
    texts = _map_rows(texts, _OTHER_DIGIT, _write_ascii_digits)
    return (
        texts.str.replace_all(r"[\p{Pd}\u{2212}\u{2043}]", "-")
        .str.replace_all(r"\p{Zs}", " ")
        .str.replace_all("\u3002", ".", literal=True)
        .str.replace_all(_MARKDOWN_ESCAPE, "$1")
        .str.replace_all(r"[^\x00-\x7F]+", SEPARATOR)
    )


def _map_rows(texts: pl.Series, pattern: str, change: Callable[[str], str]) -> pl.Series:
    """Apply ``change`` to the texts in which the pattern occurs."""
    rows = texts.str.contains(pattern).arg_true()
    if not len(rows):
        return texts
    changed = [change(text) for text in texts.gather(rows)]
    return texts.clone().scatter(rows, changed)


def _repeat(decode: Callable[[str], str], text: str) -> str:
    """Decode what was encoded once or twice."""
    return decode(decode(text))


def _decode_parameters(text: str) -> str:
    return _PARAMETERS.sub(lambda found: _PLUS_IN_PARAMETER.sub(" ", found.group()), text)


def _decode_unicode_escapes(text: str) -> str:
    return _UNICODE_ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), text)


def _write_ascii_digits(text: str) -> str:
    others = {each for each in text if each.isdecimal() and not each.isascii()}
    return text.translate({ord(each): str(unicodedata.decimal(each)) for each in others})
