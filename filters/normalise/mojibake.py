"""Repair UTF-8 that was decoded with another encoding: ``cafÃ©`` becomes ``café`` again.

ftfy's heuristics decide what is wrong and how it happened. Only posts with a character pair that
such a mistake produces are passed to ftfy. In any single-byte encoding, the first byte of a UTF-8
sequence appears as one of about thirty characters, and each further byte as one of sixty-four.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from filters.text.rows import change_where

_ENCODINGS = (
    *("latin-1", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257"),
    *("iso8859-2", "mac-roman", "cp437"),
)
# A no-break space after one of these has often become a plain one. C1 controls occur in no text.
_DAMAGED_SEQUENCES = r"[\x{C2}\x{C3}] |\x{E2}\x{20AC}|[\x{80}-\x{9F}]"


def _byte_class(encoding: str, first: int, last: int) -> str:
    """Return a character class of what the bytes decode to; an undefined byte stands for itself."""
    raw = (bytes([byte]).decode(encoding, "ignore") or chr(byte) for byte in range(first, last + 1))
    return "[" + "".join(f"\\x{{{ord(character):X}}}" for character in raw) + "]"


def _utf8_sequences(encoding: str) -> str:
    """Return a pattern of what UTF-8 sequences of two to four bytes look like in ``encoding``."""
    continuation = _byte_class(encoding, 0x80, 0xBF)
    two, three, four = (
        _byte_class(encoding, first, last)
        for first, last in ((0xC2, 0xDF), (0xE0, 0xEF), (0xF0, 0xF4))
    )
    return f"{two}{continuation}|{three}{continuation}{{2}}|{four}{continuation}{{3}}"


#: ftfy finds nothing to repair in a text without a match of this pattern.
GATE = "|".join((*map(_utf8_sequences, _ENCODINGS), _DAMAGED_SEQUENCES))


def load_mojibake_fixer() -> Callable[[pl.Series], pl.Series]:
    """Load ftfy and return a function that repairs those texts that need it."""
    import ftfy

    config = ftfy.TextFixerConfig(unescape_html=False, explain=False)

    def fix_all(texts: pl.Series) -> list[str]:
        # Only the encoding: this filter makes other repairs itself, or does not want them.
        return [ftfy.fix_encoding(text, config) for text in texts]

    def fix_non_ascii(texts: pl.Series) -> pl.Series:
        return change_where(texts, texts.str.contains(GATE), fix_all)

    def fix_mojibake(texts: pl.Series) -> pl.Series:
        return change_where(texts, texts.str.len_bytes() != texts.str.len_chars(), fix_non_ascii)

    return fix_mojibake
