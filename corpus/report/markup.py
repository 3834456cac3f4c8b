"""HTML made of calls, in which whatever is not markup is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import TypeAlias

#: Controls and direction marks: they would act on the page, or on whoever copies from it.
_CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff0-\ufffb\ufeff]"
)
_VOID = ("br", "meta", "input", "rect", "path", "line", "polygon", "circle", "col")


class Markup(str):
    """Text that is HTML already."""


#: What may stand in an element: markup, text to be escaped, a number, nothing, or several of them.
Child: TypeAlias = "str | int | Iterable[Child] | None"


def replace_control_characters(text: str) -> str:
    """Text whose controls and direction marks are replaced by a sign that shows."""
    return _CONTROL_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", text)


def shorten(text: str, most: int = 80) -> str:
    """Text of at most so many characters; of a longer one the middle is left out."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}…{text[half - most + 1 :]}"


def tag(name: str, *children: Child, **attributes: str | int | float | bool | None) -> Markup:
    """An element. ``class_`` is ``class``, ``data_x`` is ``data-x``; None and False leave out."""
    told = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{_quoted(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID and not children:
        return Markup(
            f"<{name}{told}/>" if name not in ("br", "meta", "input") else f"<{name}{told}>"
        )
    return Markup(f"<{name}{told}>{join_children(children)}</{name}>")


def join_children(children: Iterable[Child]) -> Markup:
    """Children one behind another."""
    return Markup("".join(_escaped(child) for child in children))


def _escaped(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return html.escape(replace_control_characters(child), quote=False)
    if isinstance(child, int):
        return f"{child:,}"
    return join_children(child)


def _quoted(value: str | int | float | bool) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return html.escape(replace_control_characters(str(value)), quote=True)


def table(
    caption: str,
    heads: Iterable[str],
    rows: Iterable[Iterable[Child]],
    *,
    hidden: bool = True,
    tight: bool = False,
) -> Markup:
    """A table whose first column names the row. Numbers, and heads of them, stand to the right."""
    body = [list(row) for row in rows]
    heads = list(heads)
    numbers = [
        bool(body) and all(isinstance(row[n], int) or _is_number(row[n]) for row in body)
        for n in range(len(heads))
    ]
    head = tag(
        "tr",
        [tag("th", text, scope="col", class_="n" if right else None)
         for text, right in zip(heads, numbers, strict=True)],
    )  # fmt: skip
    lines = [
        tag(
            "tr",
            [
                tag(
                    "td" if n else "th",
                    cell if n else allow_line_breaks(cell),
                    scope=None if n else "row",
                    class_="n" if numbers[n] else None,
                )
                for n, cell in enumerate(row)
            ],
        )
        for row in body
    ]
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption, class_="unseen" if hidden else None),
            tag("thead", head),
            tag("tbody", lines),
        ),
        class_="scroll tight" if tight else "scroll",
        tabindex="0", role="region", aria_label=caption,
    )  # fmt: skip


def allow_line_breaks(cell: Child) -> Child:
    """A name that may be broken behind its underscores, slashes and dots."""
    if not isinstance(cell, str) or isinstance(cell, Markup):
        return cell
    return Markup(
        re.sub(r"([_/.])", r"\1<wbr>", html.escape(replace_control_characters(cell), quote=False))
    )


def _is_number(cell: Child) -> bool:
    return isinstance(cell, str) and bool(re.fullmatch(r"[<>+\-−]?[\d.,]+\s?[%kMGT]?|–", cell))
