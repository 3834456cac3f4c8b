"""Cut turns out of finished conversations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def remove_turns(
    document: dict[str, Any], is_removed: Callable[[str, str | None], bool], joiner: str
) -> tuple[dict[str, Any] | None, list[str]]:
    """A document without some of its turns, and the ids of the posts that left with them.

    ``leaves`` says of a post's id and its author's pseudonym whether the turn goes. Where the
    turns' ends are not known, and where no turn is left, there is no document left. One that loses
    its first turn takes the next one's id and author, and what was the first one's own is null.
    """
    ids, authors, ends = document["post_ids"], document["authors"], document["turn_ends"]
    stays = [
        at
        for at, (name, author) in enumerate(zip(ids, authors, strict=True))
        if not is_removed(name, author)
    ]
    if len(stays) == len(ids):
        return document, []
    if not stays or ends is None or len(ends) != len(ids):
        return None, list(ids)
    begins = [0, *ends[:-1]]
    text, new_ends = "", []
    for at in stays:
        turn = document["text"][begins[at] : ends[at]]
        text += turn if text else turn.removeprefix(joiner)
        new_ends.append(len(text))
    changed: dict[str, Any] = {
        "text": text,
        "post_ids": [ids[at] for at in stays],
        "authors": [authors[at] for at in stays],
        "turn_ends": new_ends,
    }
    if stays[0]:
        own = dict.fromkeys(("created_at", "score", "replies", "accepted_id", "cluster"))
        own = {name: value for name, value in own.items() if name in document}
        changed |= own | {"id": ids[stays[0]], "author": authors[stays[0]]}
    return document | changed, [name for at, name in enumerate(ids) if at not in set(stays)]
