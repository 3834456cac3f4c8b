"""Join the parts of a post that a platform shows outside its text, and remove what is not it."""

from __future__ import annotations

import re
from collections.abc import Iterable

_EMBED_NOTICE = "[contains quote post or other embedded content]"
_TICKS = re.compile(r"`{3,}")
# Code between three backticks, which chats allow anywhere in a line.
_FENCED = re.compile(r"\n?```(?:([\w+#.-]{1,30})\n)?\n?((?:(?!```)[\s\S])+?)\n?```\n?")
_INDENT = "    "
_FENCE_LINE = re.compile(r" {0,3}(?:```|~~~)")
_LIST_ITEM = re.compile(r"\s{0,8}(?:[-*+]|[0-9]{1,9}[.)])(?:\s|$)")


def join_poll(question: str, options: Iterable[str | None]) -> str:
    """Return a question with the options of its poll, each on a line of its own after ``- ``."""
    lines = [f"- {' '.join(option.split())}" for option in options if option and option.strip()]
    return "\n".join([question, *lines] if question else lines)


def fence(code: str, language: str = "") -> str:
    """Return code as a fenced block of Markdown."""
    longest = max(map(len, _TICKS.findall(code)), default=2)
    ticks = "`" * (longest + 1)
    body = code.strip("\n")
    return f"{ticks}{language}\n{body}\n{ticks}"


def fence_code(text: str) -> str:
    """Return a text in which the fences of code, three backticks, are on lines of their own."""
    return _FENCED.sub(_put_on_lines, text)


def _put_on_lines(match: re.Match[str]) -> str:
    before = "\n" if match.start() else ""
    after = "\n" if match.end() < len(match.string) else ""
    return f"{before}```{match[1] or ''}\n{match[2]}\n```{after}"


def fence_indented(text: str) -> str:
    """Return a text of Markdown in which code that is only indented is fenced.

    Such code stands behind a blank line or at the beginning, and is not a part of a list. Few texts
    have any: call this for those with four spaces behind a line break.
    """
    out: list[str] = []
    block: list[str] = []
    is_behind_blank, is_in_list, is_fenced = True, False, False
    for line in text.split("\n"):
        is_blank = not line.strip()
        may_begin = is_behind_blank and not is_in_list and not is_fenced
        if not is_blank and (block or may_begin) and line.startswith(_INDENT):
            block.append(line[4:])
            continue
        if block and is_blank:
            block.append("")
            continue
        out += _close_block(block)
        block = []
        out.append(line)
        is_fenced ^= _FENCE_LINE.match(line) is not None
        if _LIST_ITEM.match(line):
            is_in_list = True
        elif is_behind_blank and not is_blank and not line.startswith((" ", "\t")):
            is_in_list = False
        is_behind_blank = is_blank
    return "\n".join(out + _close_block(block))


def _close_block(block: list[str]) -> list[str]:
    """Return the lines of a block of code with its fences, and the blank lines behind it."""
    code = "\n".join(block).rstrip("\n")
    blank = len(block) - code.count("\n") - 1
    return [fence(code), *[""] * blank] if block else []


def quote_lines(text: str) -> str:
    """Return a text with the mark of a quotation before each line."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n")) if text else ""


def join_alts(text: str, alts: Iterable[object]) -> str:
    """Return a text with the descriptions of its pictures behind it, each after a blank line.

    What is no text is ignored, as is a description that repeats the text.
    """
    found = [alt.strip() for alt in alts if isinstance(alt, str) and alt.strip()]
    return "\n\n".join(dict.fromkeys([text, *found] if text else found)) if found else text


def join_title(title: str | None, body: str) -> str:
    """Return a text with a title in front of it and a blank line between them."""
    title = title.strip() if title else ""
    return f"{title}\n\n{body}" if title and body else title or body


def strip_embed_notice(text: str) -> str:
    """Return a text without the notice of Bluesky's feeds and bridges that an embed is missing."""
    return text.removesuffix(_EMBED_NOTICE).rstrip() if text.endswith(_EMBED_NOTICE) else text
