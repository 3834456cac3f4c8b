"""Join the parts of a post that a platform shows outside its text, and remove what is not it."""

from __future__ import annotations

from collections.abc import Iterable

_EMBED_NOTICE = "[contains quote post or other embedded content]"


def join_poll(question: str, options: Iterable[str | None]) -> str:
    """Return a question with the options of its poll, each on a line of its own after ``- ``."""
    lines = [f"- {' '.join(option.split())}" for option in options if option and option.strip()]
    return "\n".join([question, *lines] if question else lines)


def join_title(title: str | None, body: str) -> str:
    """Return a text with a title in front of it and a blank line between them."""
    title = title.strip() if title else ""
    return f"{title}\n\n{body}" if title and body else title or body


def strip_embed_notice(text: str) -> str:
    """Return a text without the notice of Bluesky's feeds and bridges that an embed is missing."""
    return text.removesuffix(_EMBED_NOTICE).rstrip() if text.endswith(_EMBED_NOTICE) else text
