"""Links, hashtags and retweet heads in posts: find them whole, and take them away cleanly.

A link ends before the full stop of its sentence and before a bracket that it did not open. What
leaves takes the space in front of it along, and brackets that held nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import polars as pl

Change = Callable[[pl.Series], pl.Series]
Links = Literal["keep", "placeholder", "domain", "drop"]
Hashtags = Literal["keep", "strip_mark", "drop_trailing", "drop"]

_INSIDE = r"""(?:\([^\s()<>]*\)|[^\s()<>\[\]{}"“”„«»…])"""
_AT_THE_END = r"""(?:\([^\s()<>]*\)|[^\s()<>\[\]{}"“”„«»…'‘’.,;:!?*_~|。、，！？）」])"""
_LINK = rf"(?i:https?://|\bwww\.){_INSIDE}*{_AT_THE_END}"
_LINK_SIGNS = ["http", "www."]

# The host of a link, and the rest of it up to where a link ends. No "www.", no password, no port.
_HOST = (
    r"(?i:https?://(?:[^\s/?#@()<>\[\]{}\"]*@)?|\bwww\.)(?i:www\.)*([\w-]+(?:\.[\w-]+)*)(?::\d+)?"
    rf"(?:[/?#](?:{_INSIDE}*{_AT_THE_END})?)?"
)

# X's own: these say not even where they lead. One that a retweet has cut ends in an ellipsis.
_SHORT = (
    r"(?i:https?://t\.co/[a-z0-9]*|\bt\.co/[a-z0-9]+|(?:https?://)?pic\.twitter\.com/[a-z0-9]+)"
    r"(?:[?&][^\s<>()\[\]\"…]*)?…?"
)
_SHORT_SIGNS = ["t.co/", "pic.twitter.com/"]
_CUT = r"(?i)[ \t]*\bhttps?(?::(?:/(?:/(?:t(?:\.(?:c(?:o)?)?)?)?)?)?)?…\s*$"
_CUT_SIGN = r"(?i)https?[:/tco.]{0,7}…\s*$"

# Stands where a link was; no text holds it, as it will never be a character.
_MARK = "\ufdd0"

_TAG = r"[#＃]+\w*\p{L}\w*"
_BEFORE_TAG = r"(^|[^\w&/#＃])"

_HEAD = r"^\s*(?:RT\s*:?\s*@\w+\s*:?\s*)+"


def _where(texts: pl.Series, found: pl.Series, change: Change) -> pl.Series:
    """The texts with those that are ``found`` changed; the others cost nothing."""
    rows = found.arg_true()
    return texts.clone().scatter(rows, change(texts.gather(rows))) if len(rows) else texts


def _without(texts: pl.Series, link: str) -> pl.Series:
    """The texts without links of a kind; a Markdown link leaves its text."""
    shown = rf"!?\[([^\[\]\n]*)\]\([ \t]*<?{link}>?(?:[ \t]+\"[^\"\n]*\")?[ \t]*\)"
    linked = texts.str.contains("](", literal=True)
    texts = _where(texts, linked, lambda some: some.str.replace_all(shown, "${1}"))
    # A mark first, then the space before it: one pattern for both has to try at every space.
    texts = texts.str.replace_all(link, _MARK)
    held = rf"[(<\[][ \t]*{_MARK}[ \t]*[)>\]]"
    texts = _where(texts, texts.str.contains(held), lambda some: some.str.replace_all(held, _MARK))
    return (
        texts.str.replace_all(rf"[ \t]+{_MARK}", _MARK)
        .str.replace_all(rf"(?m)^{_MARK}+[ \t]*", "")
        .str.replace_all(_MARK, "", literal=True)
    )


def without_short(texts: pl.Series) -> pl.Series:
    """Take away ``t.co`` and ``pic.twitter.com`` links, whole or cut."""
    found = texts.str.contains_any(_SHORT_SIGNS, ascii_case_insensitive=True)
    texts = _where(texts, found, lambda some: _without(some, _SHORT))
    return _where(texts, texts.str.contains(_CUT_SIGN), lambda some: some.str.replace(_CUT, ""))


def relinked(texts: pl.Series, policy: Links) -> pl.Series:
    """Treat the links that are left as the policy says."""
    if policy == "keep":
        return texts
    found = texts.str.contains_any(_LINK_SIGNS, ascii_case_insensitive=True)
    if policy == "drop":
        return _where(texts, found, lambda some: _without(some, _LINK))
    if policy == "domain":
        return _where(texts, found, lambda some: some.str.replace_all(_HOST, "${1}"))
    return _where(texts, found, lambda some: some.str.replace_all(f"<{_LINK}>|{_LINK}", "<url>"))


def retagged(texts: pl.Series, policy: Hashtags, block: int) -> pl.Series:
    """Treat hashtags as the policy says; ``block`` of them make a block at the end."""
    if policy == "keep":
        return texts
    found = texts.str.contains("[#＃]")
    if policy == "strip_mark":
        mark = rf"{_BEFORE_TAG}[#＃]+(\w*\p{{L}})"
        return _where(texts, found, lambda some: some.str.replace_all(mark, "${1}${2}"))
    if policy == "drop_trailing":
        end = rf"(?:(?:^|\s+){_TAG}){{{block},}}\s*$"
        return _where(texts, found, lambda some: some.str.replace(end, ""))
    tags = rf"(?m:^)(?:{_TAG}[ \t]*)+|[ \t]+{_TAG}|{_BEFORE_TAG}{_TAG}"
    return _where(texts, found, lambda some: some.str.replace_all(tags, "${1}"))


def headless(texts: pl.Series) -> pl.Series:
    """Take away ``RT @name:`` in front, once for each time the post was passed on."""
    found = texts.str.contains(_HEAD)
    return _where(texts, found, lambda some: some.str.replace(_HEAD, ""))
