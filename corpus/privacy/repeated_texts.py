"""Recognize what the text of a post repeats of another: as a repost, or in quoted lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Sequence

#: A repost by its text, in a dump or in a finished corpus, where the name may be a placeholder. A
#: turn of a conversation may have the label of its speaker before it.
_PERSON = r"(?:[@＠]\w|<HANDLE)"
_SIGN = r"(?:RT|MT|QT|Repost(?:ed)?(?: from| by)?|Regrann(?: from)?|♻️?|🔁|🔄)"
_LABEL = r"\s*+(?:[^\n:>@＠<]{1,40}:\s)?"
_REPOST_HEAD = rf"[\s\W]{{0,5}}{_SIGN}\s*+(?::\s*+)?{_PERSON}"
_REPOST = re.compile(f"(?i){_REPOST_HEAD}")
_REPOST_TURN = re.compile(f"(?i){_LABEL}{_REPOST_HEAD}")
#: The head of a repost with the names in it, to compare the rest with the original.
_HEADS = re.compile(rf"(?i)^[\s\W]{{0,5}}(?:{_SIGN}\s*+(?::\s*+)?[@＠<][^\s:,]*+[\s:,]*+)+")
#: Where an author repeats another text behind words of their own.
_REPEATED = re.compile(rf"(?i)(?:^|(?<=[\s\W]))RT\s*+(?::\s*+)?{_PERSON}")
#: A quoted line, behind the label of its speaker if it is the first of a turn; or in a list.
_QUOTED_LINE = re.compile(
    r"^(\s*+(?:[^\s:>＞][^\n:>＞]{0,39}:\s)?)\s*+(?:[-*+•]\s++)?(?:>|&gt;|＞)(.*)$"
)
#: The label of the speaker before the text of a turn.
_SPEAKER = re.compile(r"\s*+[^\s:>＞][^\n:>＞]{0,39}:\s")
#: The address of a link in Markdown, which a quotation may have around the words it quotes.
_LINK_ADDRESS = re.compile(r"\]\([^()\s]*+\)")
_CUT_ENDS = " \t\n\r\"'“”„‘’«»-–—|:…"
#: Characters that two texts must share before one counts as a copy of the other's beginning.
MIN_SHARED_CHARACTERS = 20
#: What a text with a quoted line contains.
QUOTED_LINE_PATTERN = r"(?m)^[^\n>＞]{0,60}(?:>|&gt;|＞)"
# Scripts without spaces: each character is a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
_MAX_GRAM_WORDS = 3


def find_repeated_text(text: str) -> str:
    """Return the end of a text that repeats another one, from ``RT @name:`` on; or ""."""
    found = _REPEATED.search(text)
    return text[found.start() :] if found else ""


def cut_repeated_text(text: str) -> str:
    """Return a text without what :func:`find_repeated_text` finds in it."""
    repeated = find_repeated_text(text)
    return text.removesuffix(repeated).rstrip(_CUT_ENDS) if repeated else text


def is_repost_text(text: str, *, is_turn: bool = False) -> bool:
    """Return whether a text, or the turn of a document, begins as a repost does: ``RT @name:``."""
    return (_REPOST_TURN if is_turn else _REPOST).match(text) is not None


def is_copy(text: str, originals: Sequence[str]) -> bool:
    """Return whether a repost's text is one of ``originals``, or the beginning of one."""
    tail = normalize_repost(text)
    return any(
        tail == original
        or (len(tail) >= MIN_SHARED_CHARACTERS and original.startswith(tail))
        or (len(original) >= MIN_SHARED_CHARACTERS and tail.startswith(original))
        for original in map(normalize, originals)
    )


def normalize_repost(text: str) -> str:
    """Return the text of a repost in the form of :func:`normalize`, without its head and marks."""
    return normalize(_HEADS.sub("", text)).rstrip("….").rstrip()


def normalize(text: str) -> str:
    """Return a text in small letters with single spaces."""
    return " ".join(text.casefold().split())


def cut_quoted_lines(text: str, is_removed: Callable[[str], bool]) -> str:
    """Return a text without those of its quoted lines (``> …``) that are to be removed.

    ``is_removed`` is asked with the words of a line, in the form of :func:`normalize`.
    """
    kept = []
    for line in text.split("\n"):
        label, quoted = _split_quoted_line(line)
        if not quoted or not is_removed(quoted):
            kept.append(line)
        elif label.strip():
            kept.append(label)
    lines = "\n".join(kept)
    return text if lines == text else lines.strip("\n")


def cut_known_lines(text: str, known: Container[str]) -> str:
    """Return a text without the quoted lines whose :func:`line_words` are known."""
    return cut_quoted_lines(text, lambda line: line_words(line) in known)


def _split_quoted_line(line: str) -> tuple[str, str]:
    """Return the label before a quoted line, and what it quotes; two times "" for another line."""
    found = _QUOTED_LINE.match(line)
    if found is None:
        return "", ""
    return found[1], normalize(found[2].replace("&gt;", ">").lstrip(">＞ \t"))


def list_lines(text: str, *, is_turn: bool = False) -> set[str]:
    """Return the lines of a text by which quotations of them are found: see :func:`line_words`.

    The first line of a turn counts with and without the label of its speaker.
    """
    lines = text.split("\n")
    if is_turn and (label := _SPEAKER.match(lines[0])):
        lines.append(lines[0][label.end() :])
    return {line_words(line) for line in lines} - {""}


def list_quoted_lines(text: str) -> set[str]:
    """Return the lines that a text quotes, in the form of :func:`line_words`."""
    return {line_words(_split_quoted_line(line)[1]) for line in text.split("\n")} - {""}


def line_words(line: str) -> str:
    """Return the words of a line with single spaces; "" if they are too few to recognize it by.

    These are fewer than :data:`MIN_SHARED_CHARACTERS` characters. Marks around words, such as those
    of Markdown, do not count.
    """
    words = _WORD.findall(_LINK_ADDRESS.sub(" ", line).casefold().replace("_", " "))
    joined = " ".join(words)
    return joined if len(joined) >= MIN_SHARED_CHARACTERS else ""


def list_grams(text: str) -> set[str]:
    """Return the runs of one, two and three words of a text."""
    words = _WORD.findall(text.casefold())
    return {
        " ".join(words[start : start + size])
        for size in range(1, _MAX_GRAM_WORDS + 1)
        for start in range(len(words) - size + 1)
    }


def list_line_grams(line: str) -> set[str]:
    """Return the runs of words that a text has which contains the words of a quoted line.

    The last word of a line that ends with an ellipsis may be cut off, and is not counted.
    """
    words = _WORD.findall(line.casefold())
    if line.rstrip().endswith(("…", "...")) and len(words) > 1:
        words = words[:-1]
    size = min(_MAX_GRAM_WORDS, len(words))
    return {" ".join(words[start : start + size]) for start in range(len(words) - size + 1) if size}


def list_prefixes(normalized: str) -> Iterator[str]:
    """Yield the beginnings of a text at which it is compared, the longest last.

    They have 20, 40, 80, … characters; a shorter text is its own beginning.
    """
    if len(normalized) < MIN_SHARED_CHARACTERS:
        yield normalized
        return
    size = MIN_SHARED_CHARACTERS
    while size <= len(normalized):
        yield normalized[:size]
        size *= 2
