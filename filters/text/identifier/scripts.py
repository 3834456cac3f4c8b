"""Find which writing systems a text uses, and which ones a language is written in.

A script is found by code point from the blocks of the Unicode standard, coarsely: a letter of a
script that no label here is written in counts as ``OTHER_SCRIPT``, which supports no language.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from filters.text.arrays import F32, I8, I32, I64, U8
from filters.text.jit import jit
from filters.text.utf8 import decode_character

#: The scripts by their ISO 15924 codes; a script's number is its index.
SCRIPTS = (
    *("Latn", "Grek", "Cyrl", "Armn", "Hebr", "Arab", "Deva", "Beng", "Guru", "Gujr", "Orya"),
    *("Taml", "Telu", "Knda", "Mlym", "Sinh", "Thai", "Laoo", "Tibt", "Mymr", "Geor", "Ethi"),
    *("Khmr", "Thaa", "Hang", "Kana", "Hani", "Other"),
)
OTHER_SCRIPT = len(SCRIPTS) - 1
_SPACE = 32
_KANA, _HANI = SCRIPTS.index("Kana"), SCRIPTS.index("Hani")

# First code point, last code point, script: letters only, because signs belong to no script.
_BLOCKS = (
    (0x41, 0x5A, "Latn"), (0x61, 0x7A, "Latn"), (0xC0, 0x24F, "Latn"), (0x1E00, 0x1EFF, "Latn"),
    (0x370, 0x3FF, "Grek"), (0x1F00, 0x1FFF, "Grek"), (0x400, 0x52F, "Cyrl"),
    (0x531, 0x58F, "Armn"), (0x5D0, 0x5F4, "Hebr"), (0x620, 0x6FF, "Arab"),
    (0x750, 0x77F, "Arab"), (0xFB50, 0xFDFF, "Arab"), (0xFE70, 0xFEFC, "Arab"),
    (0x780, 0x7BF, "Thaa"), (0x900, 0x97F, "Deva"), (0x980, 0x9FF, "Beng"),
    (0xA00, 0xA7F, "Guru"), (0xA80, 0xAFF, "Gujr"), (0xB00, 0xB7F, "Orya"),
    (0xB80, 0xBFF, "Taml"), (0xC00, 0xC7F, "Telu"), (0xC80, 0xCFF, "Knda"),
    (0xD00, 0xD7F, "Mlym"), (0xD80, 0xDFF, "Sinh"), (0xE00, 0xE7F, "Thai"),
    (0xE80, 0xEFF, "Laoo"), (0xF00, 0xFFF, "Tibt"), (0x1000, 0x109F, "Mymr"),
    (0x10A0, 0x10FF, "Geor"), (0x1100, 0x11FF, "Hang"), (0x1200, 0x139F, "Ethi"),
    (0x1400, 0x16FF, "Other"), (0x1780, 0x17FF, "Khmr"), (0x1800, 0x18AF, "Other"),
    (0x3041, 0x30FF, "Kana"), (0x3130, 0x318F, "Hang"), (0x3400, 0x4DBF, "Hani"),
    (0x4E00, 0x9FFF, "Hani"), (0xAC00, 0xD7AF, "Hang"), (0xFF66, 0xFF9F, "Kana"),
    (0x20000, 0x323AF, "Hani"),
)  # fmt: skip

# The languages of lid.176 that are not written in Latin letters alone.
_LANGUAGES_BY_SCRIPT = {
    "Cyrl": "av ba be bg ce cv kk krc kv ky mhr mk mn mrj myv os ru rue sah tg tt tyv uk xal",
    "Cyrl Latn": "az bxr sh sr tk uz bs",
    "Arab": "ar arz azb ckb fa lrc mzn pnb ps sd ug ur",
    "Arab Latn": "ku diq",
    "Arab Deva": "ks",
    "Deva": "bh dty hi mai mr ne new sa",
    "Beng": "as bn bpy", "Guru": "pa", "Gujr": "gu", "Orya": "or", "Taml": "ta", "Telu": "te",
    "Knda": "kn", "Mlym": "ml", "Sinh": "si", "Thai": "th", "Laoo": "lo", "Tibt": "bo",
    "Mymr": "my", "Geor": "ka xmf", "Armn": "hy", "Hebr": "he yi", "Grek": "el", "Ethi": "am",
    "Khmr": "km", "Thaa": "dv", "Hang": "ko", "Kana Hani": "ja", "Hani": "wuu yue zh",
    "Deva Latn": "gom",
}  # fmt: skip
# The codes of ISO 15924 that stand for several scripts, or for a variant of one.
_SCRIPT_GROUPS = {
    "Jpan": ["Kana", "Hani"],
    "Hans": ["Hani"],
    "Hant": ["Hani"],
    "Kore": ["Hang"],
}


def _build_block_table() -> tuple[I32, I32, I8]:
    ordered = sorted(_BLOCKS)
    first, last = ([block[i] for block in ordered] for i in (0, 1))
    script = [SCRIPTS.index(block[2]) for block in ordered]
    return np.array(first, np.int32), np.array(last, np.int32), np.array(script, np.int8)


_BLOCK_STARTS, _BLOCK_ENDS, _BLOCK_SCRIPTS = _build_block_table()


def build_script_table(labels: list[str]) -> F32:
    """Return 1 where a label's language is written in a script: shape ``(scripts, labels)``.

    A label may end in its script, as GlotLID's and OpenLID's do (``eng_Latn``), and our own for
    romanised languages (``hi-Latn``). For other labels,
    the scripts of lid.176's languages are known here, and an unknown one may be in any script.
    """
    known = {
        language: scripts.split()
        for scripts, languages in _LANGUAGES_BY_SCRIPT.items()
        for language in languages.split()
    }
    table = np.zeros((len(labels), len(SCRIPTS)), dtype=np.float32)
    for row, label in enumerate(labels):
        if "_" in label or "-" in label:
            suffix = label.replace("-", "_").rpartition("_")[2]
            scripts = _SCRIPT_GROUPS.get(suffix, [suffix])
        else:
            scripts = known.get(label, ["Latn"] if len(label) < 4 else list(SCRIPTS))
        numbers = [SCRIPTS.index(script) for script in scripts if script in SCRIPTS]
        table[row, numbers or slice(None)] = 1
    return np.ascontiguousarray(table.T)


@jit
def find_script(point: int | np.int64) -> int:
    """Return the number of the script that a code point is a letter of; -1 for no letter."""
    if point < 0x80:
        return 0 if 0x41 <= point <= 0x5A or 0x61 <= point <= 0x7A else -1
    block = np.searchsorted(_BLOCK_STARTS, point, side="right") - 1
    if block < 0 or point > _BLOCK_ENDS[block]:
        return -1
    return int(_BLOCK_SCRIPTS[block])


@jit
def compute_script_shares(points: I32, count: int, shares: F32) -> int:
    """Fill ``shares`` with each script's share of the letters; return the number of letters."""
    shares[:] = 0
    letters = 0
    for index in range(count):
        script = find_script(points[index])
        if script >= 0:
            shares[script] += 1
            letters += 1
    if letters:
        # A text with Kana is Japanese, and so are its Han characters.
        if shares[_KANA] * 10 > shares[_HANI]:
            shares[_KANA] += shares[_HANI]
            shares[_HANI] = 0
        for script in range(shares.size):
            shares[script] /= letters
    return letters


#: A text is in two scripts if each of them has this share of its letters, and as many letters.
MIN_SCRIPT_SHARE, MIN_SCRIPT_LETTERS = 0.2, 6
# Letters of Latin script that say as much as one character: texts in Chinese are a third as long
# as their translations, texts in Japanese and Korean half as long.
_CHARACTER_WEIGHTS = np.array(
    [{"Hani": 3, "Kana": 2, "Hang": 2}.get(script, 1) for script in SCRIPTS], np.float32
)


class ScriptPair(NamedTuple):
    """The two scripts that each text is in, as numbers, or -1; both arrays are (texts, 2).

    The script with more letters comes first. A share is that of the letters, where a Chinese,
    Japanese or Korean character counts as the two or three Latin letters that say as much.
    """

    scripts: I8
    shares: F32


@jit
def _find_script_pairs(text: U8, offsets: I64) -> tuple[I8, F32]:
    texts = offsets.size - 1
    pairs, pair_shares = np.full((texts, 2), -1, np.int8), np.zeros((texts, 2), np.float32)
    letters = np.empty(len(SCRIPTS), np.float32)
    for index in range(texts):
        position, end = offsets[index], offsets[index + 1]
        letters[:] = 0
        while position < end:
            point, size = decode_character(text, position)
            position += size
            script = find_script(point)
            if script >= 0:
                letters[script] += 1
        total = letters.sum()
        if total == letters.max():
            continue
        if letters[_KANA] * 10 > letters[_HANI]:
            letters[_KANA] += letters[_HANI]
            letters[_HANI] = 0
        weighted = letters * _CHARACTER_WEIGHTS
        # A large share by either count will do, so that few characters beside many letters count.
        shares = np.maximum(letters / total, weighted / weighted.sum())
        first = np.argmax(shares)
        shares[first] = -shares[first]
        second = np.argmax(shares)
        fewest = min(weighted[first], weighted[second])
        if shares[second] >= MIN_SCRIPT_SHARE and fewest >= MIN_SCRIPT_LETTERS:
            if letters[second] > letters[first]:
                first, second = second, first
            pairs[index, 0], pairs[index, 1] = first, second
            both = weighted[first] + weighted[second]
            pair_shares[index, 0] = weighted[first] / both
            pair_shares[index, 1] = weighted[second] / both
    return pairs, pair_shares


def find_script_pairs(text: U8, offsets: I64) -> ScriptPair:
    """Find the texts that are in two scripts, each with ``MIN_SCRIPT_SHARE`` of the letters."""
    return ScriptPair(*_find_script_pairs(text, offsets))


@jit
def _keep_script(text: U8, offsets: I64, kept: I8) -> tuple[U8, I64]:
    out, out_offsets = (
        np.empty(text.size + offsets.size, np.uint8),
        np.zeros(offsets.size, np.int64),
    )
    used = 0
    for index in range(offsets.size - 1):
        position, end = offsets[index], offsets[index + 1]
        begin = used
        while position < end:
            point, size = decode_character(text, position)
            script = find_script(point)
            if script == _HANI and kept[index] == _KANA:
                script = _KANA
            if point <= _SPACE or (script >= 0 and script != kept[index]):
                if used > begin and out[used - 1] != _SPACE:
                    out[used] = _SPACE
                    used += 1
            else:
                out[used : used + size] = text[position : position + size]
                used += size
            position += size
        out_offsets[index + 1] = used
    return out[:used], out_offsets


def keep_script(text: U8, offsets: I64, kept: I8) -> tuple[U8, I64]:
    """Return the texts with one space for all letters between two of the script in ``kept``."""
    return _keep_script(text, offsets, kept)
