"""Links, hashtags and retweet heads in posts: find them whole, and take them away cleanly.

A link ends before the full stop of its sentence and before a bracket that it did not open. What
leaves takes the space in front of it along, and brackets that held nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import polars as pl

TextChange = Callable[[pl.Series], pl.Series]
LinkPolicy = Literal["keep", "placeholder", "domain", "drop"]
HashtagPolicy = Literal["keep", "strip_mark", "drop_trailing", "drop"]

_URL_CHARACTER = r"""(?:\([^\s()<>]*\)|[^\s()<>\[\]{}"“”„«»…])"""
_URL_LAST_CHARACTER = r"""(?:\([^\s()<>]*\)|[^\s()<>\[\]{}"“”„«»…'‘’.,;:!?*_~|。、，！？）」])"""
_LINK = rf"(?i:https?://|\bwww\.){_URL_CHARACTER}*{_URL_LAST_CHARACTER}"
_LINK_MARKERS = ["http", "www."]

# The host of a link, and the rest of it up to where a link ends. No "www.", no password, no port.
_HOST = (
    r"(?i:https?://(?:[^\s/?#@()<>\[\]{}\"]*@)?|\bwww\.)(?i:www\.)*([\w-]+(?:\.[\w-]+)*)(?::\d+)?"
    rf"(?:[/?#](?:{_URL_CHARACTER}*{_URL_LAST_CHARACTER})?)?"
)

# X's own: these say not even where they lead. One that a retweet has cut ends in an ellipsis.
_SHORT_LINK = (
    r"(?i:https?://t\.co/[a-z0-9]*|\bt\.co/[a-z0-9]+|(?:https?://)?pic\.twitter\.com/[a-z0-9]+)"
    r"(?:[?&][^\s<>()\[\]\"…]*)?…?"
)
_SHORT_LINK_MARKERS = ["t.co/", "pic.twitter.com/"]
_TRUNCATED_LINK = r"(?i)[ \t]*\bhttps?(?::(?:/(?:/(?:t(?:\.(?:c(?:o)?)?)?)?)?)?)?…\s*$"
_TRUNCATED_LINK_GATE = r"(?i)https?[:/tco.]{0,7}…\s*$"

# Stands where a link was; no text holds it, as it will never be a character.
_REMOVED_LINK = "\ufdd0"

_TAG = r"[#＃]+\w*\p{L}\w*"
_BEFORE_TAG = r"(^|[^\w&/#＃])"

_RETWEET_HEAD = r"^\s*(?:RT\s*:?\s*@\w+\s*:?\s*)+"


def _change_where(texts: pl.Series, matching: pl.Series, change: TextChange) -> pl.Series:
    """The texts with those that are ``found`` changed; the others cost nothing."""
    rows = matching.arg_true()
    return texts.clone().scatter(rows, change(texts.gather(rows))) if len(rows) else texts


def _remove_links(texts: pl.Series, link: str) -> pl.Series:
    """The texts without links of a kind; a Markdown link leaves its text."""
    shown = rf"!?\[([^\[\]\n]*)\]\([ \t]*<?{link}>?(?:[ \t]+\"[^\"\n]*\")?[ \t]*\)"
    linked = texts.str.contains("](", literal=True)
    texts = _change_where(texts, linked, lambda some: some.str.replace_all(shown, "${1}"))
    # A mark first, then the space before it: one pattern for both has to try at every space.
    texts = texts.str.replace_all(link, _REMOVED_LINK)
    held = rf"[(<\[][ \t]*{_REMOVED_LINK}[ \t]*[)>\]]"
    texts = _change_where(
        texts, texts.str.contains(held), lambda some: some.str.replace_all(held, _REMOVED_LINK)
    )
    return (
        texts.str.replace_all(rf"[ \t]+{_REMOVED_LINK}", _REMOVED_LINK)
        .str.replace_all(rf"(?m)^{_REMOVED_LINK}+[ \t]*", "")
        .str.replace_all(_REMOVED_LINK, "", literal=True)
    )


def remove_short_links(texts: pl.Series) -> pl.Series:
    """Take away ``t.co`` and ``pic.twitter.com`` links, whole or cut."""
    found = texts.str.contains_any(_SHORT_LINK_MARKERS, ascii_case_insensitive=True)
    texts = _change_where(texts, found, lambda some: _remove_links(some, _SHORT_LINK))
    return _change_where(
        texts,
        texts.str.contains(_TRUNCATED_LINK_GATE),
        lambda some: some.str.replace(_TRUNCATED_LINK, ""),
    )


def apply_link_policy(texts: pl.Series, policy: LinkPolicy) -> pl.Series:
    """Treat the links that are left as the policy says."""
    if policy == "keep":
        return texts
    found = texts.str.contains_any(_LINK_MARKERS, ascii_case_insensitive=True)
    if policy == "drop":
        return _change_where(texts, found, lambda some: _remove_links(some, _LINK))
    if policy == "domain":
        return _change_where(texts, found, lambda some: some.str.replace_all(_HOST, "${1}"))
    return _change_where(
        texts, found, lambda some: some.str.replace_all(f"<{_LINK}>|{_LINK}", "<url>")
    )


def apply_hashtag_policy(texts: pl.Series, policy: HashtagPolicy, min_block: int) -> pl.Series:
    """Treat hashtags as the policy says; ``block`` of them make a block at the end."""
    if policy == "keep":
        return texts
    found = texts.str.contains("[#＃]")
    if policy == "strip_mark":
        mark = rf"{_BEFORE_TAG}[#＃]+(\w*\p{{L}})"
        return _change_where(texts, found, lambda some: some.str.replace_all(mark, "${1}${2}"))
    if policy == "drop_trailing":
        end = rf"(?:(?:^|\s+){_TAG}){{{min_block},}}\s*$"
        return _change_where(texts, found, lambda some: some.str.replace(end, ""))
    tags = rf"(?m:^)(?:{_TAG}[ \t]*)+|[ \t]+{_TAG}|{_BEFORE_TAG}{_TAG}"
    return _change_where(texts, found, lambda some: some.str.replace_all(tags, "${1}"))


def strip_retweet_heads(texts: pl.Series) -> pl.Series:
    """Take away ``RT @name:`` in front, once for each time the post was passed on."""
    found = texts.str.contains(_RETWEET_HEAD)
    return _change_where(texts, found, lambda some: some.str.replace(_RETWEET_HEAD, ""))
