"""See a text as its reader does: a view without disguises, with offsets in the text as written.

``anna&#64;example.org``, ``anna\\@example.org`` and an address with full-width letters or a soft
hyphen in it read as ``anna@example.org``, and no pattern matches what is written. A view decodes
HTML entities, percent, JSON and markdown escapes and marks between digits that are set off
(``8[.]8[.]4[.]4``), normalizes each character (NFKC, any script's digits, dashes and spaces to
ASCII) and omits invisible characters, combining marks and the tags of inline HTML.
Whoever finds a span in the view maps it back with ``View.locate``, which returns whole characters
and whole escapes of the text.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import lru_cache
from html.entities import html5

import polars as pl

#: Characters that are not displayed, as ranges of a character class. Format characters and
#: combining marks are omitted too.
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff"
)
_IS_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_OMITTED_CATEGORIES = ("Mn", "Me", "Cf")
#: Characters that NFKC keeps, and the ASCII character that they are read as.
_LOOKALIKES = {"\u2212": "-", "\u3002": ".", "\u1680": " ", "\u2044": "/", "\u2215": "/"}

# How a dot in an address is kept from being a link: 8[.]8, 8(dot)8, 8 dot 8.
_DEFANGED_DOT = r"(?:[\[({] ?(?:\.|[dD][oO][tT]) ?[\])}]| [dD][oO][tT] )"

# What is decoded or normalized; everything else is the same in the view. Each % and & is tried
# with at most three further levels of escaping.
_DISGUISED = re.compile(
    r"&(?:amp;){0,3}(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{1,30};)"
    r"|%(?:25){0,3}(?:0[9AaDd]|[2-7][0-9A-Fa-f])"
    r"|\\(?:u(?![dD][89A-Fa-f])[0-9A-Fa-f]{4}|x[2-7][0-9A-Fa-f]|[nrt](?=[0-9A-Za-z@+(])"
    r"|[!-/:-@\[-`{-~])"
    rf"|(?<=[0-9]){_DEFANGED_DOT}(?=[0-9])|(?<=[0-9A-Fa-f])\[:\](?=[0-9A-Fa-f:\[])"
    r"|</?(?:b|i|em|strong|u|s|span|font|mark|small|big|tt|wbr)(?:[ /][^<>]{0,200})?>"
    r"|<!--[^<>]{0,200}-->"
    r"|[^\x00-\x7f]"
)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")

# Marks of emphasis: underscores at the edge of a word. A name may begin with one ("@_anna").
_EMPHASIS = re.compile(r"(?<![A-Za-z0-9@/])_|_(?![A-Za-z0-9])")
# The parameters of a URL, in which a plus stands for a space.
_QUERY = re.compile(r"(?<=\?)[A-Za-z0-9_.-]+=\S*")
_PLUS_FOR_SPACE = re.compile(r"(?<=[A-Za-z0-9)])\+(?=[A-Za-z0-9(])")
_SQUARE_BRACKETS = re.compile(r"[\[\]]")
_JOINED_DIGITS = re.compile(r"(?<=[0-9])[_\u00b7\u2022\u2027](?=[0-9])")

#: Replaces what separates words for patterns of ASCII: no pattern allows it inside a detail.
SEPARATOR = "\n"

# The view in polars, close enough to select rows by.
_DECODED = (
    r"&(?:amp;)*#|&(?:amp;)*(?:commat|period|lowbar|UnderBar|hyphen|dash|plus|colon|num|sol|excl|nbsp|"
    r"shy|zwj|zwnj|ensp|emsp|thinsp|ZeroWidthSpace|NoBreak|Tab|NonBreakingSpace|lpar|rpar);"
    r"|%(?:25)*(?:40|0[9aAdD]|2[0bBdDeE]|3[0-9aA]|5[fF])|\\(?:u[0-9A-Fa-f]{4}|x[2-7]|[@._+\-:()/]|[nrt][0-9A-Za-z@+(])"
    r"|[^\s>]<(?:/?(?:b|i|em|strong|u|s|span|font|mark|small|big|tt)|wbr|!--)[ />-][^<>]*>?[^\s<]"
    rf"|[0-9]{_DEFANGED_DOT}[0-9]|[0-9A-Fa-f]\[:\]"
    r"|\S[\x{ff20}\x{fe6b}][^\s.]+[.\x{ff0e}\x{3002}]\S"
    r"|[?&][A-Za-z0-9_.-]+=[^\s+]*[0-9A-Za-z)]\+[0-9A-Za-z(]"
)
_OMITTED = rf"[{INVISIBLE}\p{{Mn}}\p{{Me}}\p{{Cf}}]+"
# The dashes of Unicode (Pd) that NFKC keeps, the minus sign, and the ideographic full stop.
_DASHES = (
    "\u058a\u05be\u1400\u1806\u2010\u2012\u2013\u2014\u2015\u2212\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d"
    "\u301c\u3030\u30a0\U00010d6e\U00010ead"
)
_READ_AS = {**dict.fromkeys(_DASHES, "-"), "\u3002": "."}
_OTHER_NUMERALS = r"[\p{N}--0-9]"


class View:
    """A text as it is read: ``text``, and how its offsets map to the text as it is written."""

    def __init__(self, text: str, segments: list[tuple[int, int, int, bool]]) -> None:
        self.text = text
        # Each segment: where it begins in the view, where in the source and where it ends there,
        # and whether its characters correspond one to one.
        self._segments = segments
        self._starts = [segment[0] for segment in segments]

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Return the offsets in the source of the view's characters from ``start`` to ``end``."""
        first, last = self._find_segment(start), self._find_segment(end - 1)
        begin, source_begin, _, is_same = first
        source_start = source_begin + (start - begin if is_same else 0)
        begin, source_begin, source_end, is_same = last
        return source_start, source_begin + end - begin if is_same else source_end

    def _find_segment(self, offset: int) -> tuple[int, int, int, bool]:
        return self._segments[bisect_right(self._starts, offset) - 1]


def make_view(text: str) -> View:
    """Return the view of a text; the time is linear in its length."""
    builder = _ViewBuilder()
    end = 0
    for match in _DISGUISED.finditer(text):
        start = match.start()
        if start > end:
            builder.add_same(text[end:start], end)
        end = match.end()
        written = match.group()
        if len(written) > 1:
            builder.add(_decode(written), start, end, is_mark=False)
        else:
            is_mark = unicodedata.category(written) in ("Mn", "Me")
            builder.add(_normalize(written), start, end, is_mark=is_mark)
    if end < len(text):
        builder.add_same(text[end:], end)
    return View("".join(builder.parts), builder.segments)


class _ViewBuilder:
    """Collects the parts of a view and its segments."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.segments: list[tuple[int, int, int, bool]] = []
        self._length = 0

    def add_same(self, part: str, start: int) -> None:
        """Add characters that correspond one to one to those of the source from ``start``."""
        end = start + len(part)
        last = self.segments[-1] if self.segments else None
        if last and last[3] and last[2] == start and last[0] + start - last[1] == self._length:
            self.segments[-1] = (last[0], last[1], end, True)
        else:
            self.segments.append((self._length, start, end, True))
        self.parts.append(part)
        self._length += len(part)

    def add(self, part: str, start: int, end: int, *, is_mark: bool) -> None:
        """Add what the source from ``start`` to ``end`` is read as; nothing if it is omitted."""
        if len(part) == 1 and end - start == 1:
            self.add_same(part, start)
        elif part:
            self.segments.append((self._length, start, end, False))
            self.parts.append(part)
            self._length += len(part)
        elif is_mark and self.segments and self.segments[-1][2] == start:
            self._extend_last_character(start, end)

    def _extend_last_character(self, start: int, end: int) -> None:
        """Make a combining mark a part of the character before it."""
        begin, source_start, _, is_same = self.segments[-1]
        if not is_same:
            self.segments[-1] = (begin, source_start, end, False)
            return
        if start - source_start > 1:
            self.segments[-1] = (begin, source_start, start - 1, True)
        else:
            self.segments.pop()
        self.segments.append((self._length - 1, start - 1, end, False))


@lru_cache(maxsize=1 << 16)
def _normalize(character: str) -> str:
    """Return what a character is read as; the empty string if it is not displayed."""
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category in _OMITTED_CATEGORIES or _IS_INVISIBLE.match(character):
        return ""
    if category == "Pd":
        return "-"
    if category == "Zs":
        return " "
    if character in _LOOKALIKES:
        return _LOOKALIKES[character]
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    normalized = unicodedata.normalize("NFKC", character)
    if normalized == character:
        return character
    return "".join(map(_normalize, normalized))


def _decode(escape: str) -> str:
    """Return what an escape means, normalized; the escape itself if it means nothing."""
    if escape.startswith("&"):
        name = escape.rpartition("&")[2].replace("amp;", "", 3) or "amp;"
        character = _decode_reference(name) if name.startswith("#") else html5.get(name, "")
        return "".join(map(_normalize, character)) if character else escape
    if escape.startswith("<"):
        return ""
    if escape[0] in "[({ ":
        return ":" if ":" in escape else "."
    if escape.startswith("%"):
        return chr(int(escape[-2:], 16))
    if escape[1] in "nrt":
        return "\n"
    if escape[1] in "ux" and len(escape) > 2:
        return "".join(map(_normalize, chr(int(escape[2:], 16))))
    return escape[1:]


def _decode_reference(name: str) -> str:
    """Return the character of ``#64;`` or ``#x40;``; empty if there is none."""
    digits = name.strip("#;")
    code = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
    is_character = 9 <= code < 0x110000 and not 0xD800 <= code < 0xE000
    return chr(code) if is_character else ""


def separate_emphasis(text: str) -> str:
    """Return a view's text, of the same length, with separators for the marks of emphasis."""
    return _EMPHASIS.sub(SEPARATOR, text)


def separate_parameters(text: str) -> str:
    """Return a text, of the same length, with spaces for the pluses in the parameters of URLs."""
    if "?" not in text or "+" not in text:
        return text
    return _QUERY.sub(lambda match: _PLUS_FOR_SPACE.sub(" ", match.group()), text)


def separate_numbers(text: str) -> str:
    """Return a view's text, of the same length, for patterns that end at the edge of a word.

    An underscore is a separator, or a hyphen between digits; so is a square bracket, of which
    libphonenumber allows no two before a number: [[+49 30 1234567]].
    """
    return _SQUARE_BRACKETS.sub(SEPARATOR, _JOINED_DIGITS.sub("-", text).replace("_", SEPARATOR))


def separate_scripts(text: str) -> str:
    """Return a text, of the same length, in which every character but ASCII is a separator."""
    return _NOT_ASCII.sub(SEPARATOR, text)


def has_escapes(texts: pl.Series) -> pl.Series:
    """Return which texts contain an escape, or another script's numerals, that a view decodes."""
    return texts.str.contains(f"{_DECODED}|{_OTHER_NUMERALS}")


def approximate_views(texts: pl.Series) -> pl.Series:
    """Return about what the texts of the views are, without escapes, for gates."""
    return (
        texts.str.normalize("NFKC")
        .str.replace_all(_OMITTED, "")
        .str.replace_many(_READ_AS)
        .str.replace_all(r"([0-9])[_\x{b7}\x{2022}\x{2027}]", "${1}-")
        .str.replace_all(r"[^\x00-\x7f]|_", SEPARATOR)
    )
