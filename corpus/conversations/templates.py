"""Format the turns of a document by templates."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence

from corpus.errors import did_you_mean

# Deeper turns are indented no more: a chain of a million replies would be mostly spaces.
_MAX_INDENT_DEPTH = 16


def check_template(template: str, known: tuple[str, ...], required: str) -> str:
    """The template, if its placeholders are ``known`` and one is ``required``; else ValueError."""
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{error}; write '{{{{' for a brace") from None
    names = [name for _, name, _, _ in parsed if name is not None]
    for name in names:
        if name not in known:
            raise ValueError(f"unknown placeholder '{name}'{did_you_mean(name, known)}")
    template.format(**dict.fromkeys(known, "x"))
    if required not in names:
        raise ValueError(f"{{{required}}} is missing")
    return template


def format_turns(
    authors: Sequence[str | None],
    texts: Sequence[str],
    depths: Sequence[int],
    *,
    turn: str,
    speaker: str,
    indent: str,
    roles: tuple[str, str],
) -> Iterator[str]:
    """Format each turn by the template ``turn``.

    ``speaker`` is the template of an author's label, by order of appearance; ``indent`` is put
    before each line, once for each level of depth; ``roles`` are those of the first post and of all
    others.
    """
    labels: dict[str, str] = {}
    for author, text, depth in zip(authors, texts, depths, strict=True):
        if author is None:
            label = "anonymous"
        else:
            label = labels.setdefault(author, speaker.format(n=len(labels) + 1))
        formatted = turn.format(
            speaker=label, text=text, depth=depth, role=roles[1] if depth else roles[0]
        )
        margin = indent * min(depth, _MAX_INDENT_DEPTH)
        yield margin + formatted.replace("\n", "\n" + margin) if margin else formatted
