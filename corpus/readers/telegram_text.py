"""Show the formatted parts of Telegram's messages: code is fenced, quotes are marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from corpus.readers.text_parts import fence, quote_lines

#: The kinds of parts that are shown in another way than as their text.
CODE, BLOCK, NAME = "code", "pre", "mention_name"
QUOTES = ("blockquote", "expandable_blockquote")
MARKED = frozenset((CODE, BLOCK, *QUOTES))


class Piece(NamedTuple):
    """Consecutive characters of a message with the same format."""

    text: str
    kind: str = ""  # CODE, BLOCK, NAME or empty
    language: str = ""  # of a block of code
    quote: int = 0  # the number of the quotation that it is in, or 0


class Entity(NamedTuple):
    """A formatted part of a text; offsets in units of UTF-16."""

    start: int
    end: int
    kind: str
    language: str = ""


def join_pieces(pieces: Iterable[Piece]) -> str:
    """Return the text of pieces; a block of code and a quotation are on lines of their own."""
    message = _Lines()
    for quote, group in groupby(pieces, key=lambda piece: piece.quote):
        if not quote:
            message.add_all(group)
        else:
            quoted = _Lines()
            quoted.add_all(group)
            message.add(quote_lines("".join(quoted.out).strip("\n")), is_block=True)
    return "".join(message.out)


class _Lines:
    """Joins texts, with line breaks before and after blocks."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self._is_behind_block = False

    def add_all(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if piece.kind == BLOCK:
                self.add(fence(piece.text, piece.language), is_block=True)
            elif piece.kind == CODE and piece.text.strip() and "`" not in piece.text:
                self.add(f"`{piece.text}`")
            else:
                self.add("@user" if piece.kind == NAME else piece.text)

    def add(self, text: str, is_block: bool = False) -> None:
        if not text:
            return
        if not text.startswith("\n") and self.out and not self.out[-1].endswith("\n"):
            self.out += ["\n"] if is_block or self._is_behind_block else []
        self.out.append(text)
        self._is_behind_block = is_block


def split_text(text: str, entities: Sequence[Entity]) -> list[Piece]:
    """Return the pieces of a text whose entities may lie within each other."""
    data = text.encode("utf-16-le", "surrogatepass")
    size = len(data) // 2
    changes: dict[int, list[tuple[bool, int]]] = {0: [], size: []}
    for number, entity in enumerate(entities):
        start, end = max(0, entity.start), min(size, entity.end)
        if start < end:
            changes.setdefault(end, []).append((False, number))
            changes.setdefault(start, []).append((True, number))
    pieces: list[Piece] = []
    opened: dict[int, Entity] = {}
    last: tuple[int, int] = (-1, 0)
    begin = 0
    for at in sorted(changes):
        if at > begin:
            shown = data[2 * begin : 2 * at].decode("utf-16-le", "replace")
            number, quote = _select(opened)
            kind = opened[number].kind if number >= 0 else ""
            if (number, quote) == last and pieces:
                pieces[-1] = pieces[-1]._replace(text=pieces[-1].text + shown)
            else:
                language = opened[number].language if number >= 0 else ""
                pieces.append(Piece(shown, kind, language, quote))
            last, begin = (number, quote), at
        for is_start, number in changes[at]:
            if is_start:
                opened[number] = entities[number]
            else:
                opened.pop(number, None)
    return pieces


def _select(opened: dict[int, Entity]) -> tuple[int, int]:
    """Return which of the open entities a text is shown as, or -1, and the number of its quote.

    A person's name is replaced wherever it is.
    """
    found, rank, quote = -1, 0, 0
    for number, entity in opened.items():
        if entity.kind in QUOTES:
            quote = quote or number + 1
        elif (new := _RANKS.get(entity.kind, 0)) > rank:
            found, rank = number, new
    return found, quote


_RANKS = {CODE: 1, BLOCK: 2, NAME: 3}
