"""Write words in one script that were written in two, with letters that look alike.

``pаypal`` with a Cyrillic ``а`` is a different word to a model, and passes every list of words. A
word is changed only if all of its letters of one script look like letters of the other, some letter
of the other does not, and at most half of its letters change: ``PDFки`` and ``СССP`` stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from filters.text.rows import change_where

# Letters that look alike in common fonts (a part of Unicode's confusables.txt, UTS 39): Latin ones,
# and the Cyrillic and Greek ones that they may stand for.
_LATIN = "ABCEHIJKMOPTXYaceijopxy"
_CYRILLIC = "АВСЕНІЈКМОРТХУасеіјорху"
_GREEK_LATIN = "ABEHIKMNOPTXYZov"
_GREEK = "ΑΒΕΗΙΚΜΝΟΡΤΧΥΖον"
#: Cyrillic letters that hardly a language has: they stand for a Latin one, never the reverse.
_RARE = dict(zip("ЅѕһԍԁԛԜԝӏ", "SshgdqWwl", strict=True))

_IS_LATIN = r"A-Za-zÀ-ÖØ-öø-ɏ"
_IS_CYRILLIC = r"Ѐ-ԯ"
_IS_GREEK = r"Ͱ-Ͽ"
_MIXED = rf"[{_IS_LATIN}][{_IS_CYRILLIC}{_IS_GREEK}]|[{_IS_CYRILLIC}{_IS_GREEK}][{_IS_LATIN}]"
_WORD = re.compile(rf"[{_IS_LATIN}{_IS_CYRILLIC}{_IS_GREEK}]{{3,}}")


def _pair_letters(others: str, latin: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the Latin twin of each other letter, and the other twin of each Latin one."""
    pairs = list(zip(others, latin, strict=True))
    return dict(pairs), {twin: letter for letter, twin in pairs}


_CYRILLIC_TO_LATIN, _LATIN_TO_CYRILLIC = _pair_letters(_CYRILLIC, _LATIN)
_GREEK_TO_LATIN, _LATIN_TO_GREEK = _pair_letters(_GREEK, _GREEK_LATIN)
_PAIRS = (
    (re.compile(rf"[{_IS_CYRILLIC}]"), _CYRILLIC_TO_LATIN | _RARE, _LATIN_TO_CYRILLIC),
    (re.compile(rf"[{_IS_GREEK}]"), _GREEK_TO_LATIN, _LATIN_TO_GREEK),
)
_LATIN_LETTER = re.compile(rf"[{_IS_LATIN}]")


def repair_homoglyphs(texts: pl.Series) -> pl.Series:
    """Return the texts with each such word in the script of its letters that have no twin."""
    return change_where(
        texts,
        texts.str.contains(_MIXED),
        lambda some: [_WORD.sub(_repair_word, text) for text in some],
    )


def _repair_word(match: re.Match[str]) -> str:
    word = match[0]
    latin = set(_LATIN_LETTER.findall(word))
    for pattern, to_latin, from_latin in _PAIRS:
        other = set(pattern.findall(word))
        if not latin or not other or len(latin | other) < len(set(word)):
            continue
        if other <= to_latin.keys() and not latin <= from_latin.keys():
            return _replace_minority(word, to_latin)
        if latin <= from_latin.keys() and not other <= to_latin.keys():
            return _replace_minority(word, from_latin)
    return word


def _replace_minority(word: str, twins: Mapping[str, str]) -> str:
    """Return ``word`` with the ``twins`` of its letters, if at most half of them have one."""
    changed = sum(letter in twins for letter in word)
    if 2 * changed > len(word):
        return word
    return "".join(twins.get(letter, letter) for letter in word)
