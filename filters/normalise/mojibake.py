"""Undo text that was UTF-8 and was read as something else: ``cafÃ©`` is ``café`` again.

What is wrong, and how it came about, ftfy's heuristics say; only posts that hold a character pair
which such a mistake makes are shown to them. In any single-byte encoding a first byte of UTF-8
shows as one of about thirty characters, and each further byte as one of sixty-four.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

_ENCODINGS = (
    "latin-1", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859-2",
    "mac-roman", "cp437",
)  # fmt: skip
# A no-break space behind one of these is often a plain one by now, and C1 controls are nobody's.
_DAMAGED_SEQUENCES = r"[\x{C2}\x{C3}] |\x{E2}\x{20AC}|[\x{80}-\x{9F}]"


def _byte_class(encoding: str, first: int, last: int) -> str:
    """What the bytes look like, as a class; a byte without a meaning stays what it is."""
    raw = (bytes([byte]).decode(encoding, "ignore") or chr(byte) for byte in range(first, last + 1))
    return "[" + "".join(f"\\x{{{ord(character):X}}}" for character in raw) + "]"


def _utf8_sequences(encoding: str) -> str:
    more = _byte_class(encoding, 0x80, 0xBF)
    two, three, four = (
        _byte_class(encoding, first, last)
        for first, last in ((0xC2, 0xDF), (0xE0, 0xEF), (0xF0, 0xF4))
    )
    return f"{two}{more}|{three}{more}{{2}}|{four}{more}{{3}}"


#: A pattern without which ftfy finds nothing to mend.
GATE = "|".join((*map(_utf8_sequences, _ENCODINGS), _DAMAGED_SEQUENCES))


def load_mojibake_fixer() -> Callable[[pl.Series], pl.Series]:
    """Load ftfy and return the function that mends those texts that need it."""
    import ftfy

    config = ftfy.TextFixerConfig(unescape_html=False, explain=False)

    def mend(texts: pl.Series) -> pl.Series:
        beyond = (texts.str.len_bytes() != texts.str.len_chars()).arg_true()
        rows = beyond.filter(texts.gather(beyond).str.contains(GATE))
        if not len(rows):
            return texts
        # Nothing but the encoding: other repairs are this filter's own, or nobody's business.
        mended = [ftfy.fix_encoding(text, config) for text in texts.gather(rows)]
        return texts.clone().scatter(rows, pl.Series(mended, dtype=pl.String))

    return mend
