"""Find links, hashtags and retweet heads in posts, and remove or replace them.

A link ends before the full stop of its sentence and before a bracket that it did not open. The
space before what is removed goes too, and so do brackets that contained nothing else.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from filters.text.cleaning import RETWEET_HEAD
from filters.text.rows import change_where

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

# X's own short links: they do not even show their target. One that a retweet has truncated ends in
# an ellipsis.
_SHORT_LINK = (
    r"(?i:https?://t\.co/[a-z0-9]*|\bt\.co/[a-z0-9]+|(?:https?://)?pic\.twitter\.com/[a-z0-9]+)"
    r"(?:[?&][^\s<>()\[\]\"…]*)?…?"
)
_SHORT_LINK_MARKERS = ["t.co/", "pic.twitter.com/"]
_TRUNCATED_LINK = r"(?i)[ \t]*\bhttps?(?::(?:/(?:/(?:t(?:\.(?:c(?:o)?)?)?)?)?)?)?…\s*$"
_TRUNCATED_LINK_GATE = r"(?i)https?[:/tco.]{0,7}…\s*$"

# Marks where a link was removed. No text contains it: Unicode will never assign this code point.
_REMOVED_LINK = "\ufdd0"

_TAG = r"[#＃]+\w*\p{L}\w*"
_BEFORE_TAG = r"(^|[^\w&/#＃])"


def _remove_links(texts: pl.Series, link: str) -> pl.Series:
    """Remove all matches of the pattern ``link``; of a Markdown link the text is kept."""
    markdown = rf"!?\[([^\[\]\n]*)\]\([ \t]*<?{link}>?(?:[ \t]+\"[^\"\n]*\")?[ \t]*\)"
    texts = change_where(
        texts,
        texts.str.contains("](", literal=True),
        lambda some: some.str.replace_all(markdown, "${1}"),
    )
    # A mark first, then the space before it: one pattern for both would be tried at every space.
    texts = texts.str.replace_all(link, _REMOVED_LINK)
    bracketed = rf"[(<\[][ \t]*{_REMOVED_LINK}[ \t]*[)>\]]"
    texts = change_where(
        texts,
        texts.str.contains(bracketed),
        lambda some: some.str.replace_all(bracketed, _REMOVED_LINK),
    )
    return (
        texts.str.replace_all(rf"[ \t]+{_REMOVED_LINK}", _REMOVED_LINK)
        .str.replace_all(rf"(?m)^{_REMOVED_LINK}+[ \t]*", "")
        .str.replace_all(_REMOVED_LINK, "", literal=True)
    )


def remove_short_links(texts: pl.Series) -> pl.Series:
    """Remove ``t.co`` and ``pic.twitter.com`` links, also truncated ones."""
    has_short_link = texts.str.contains_any(_SHORT_LINK_MARKERS, ascii_case_insensitive=True)
    texts = change_where(texts, has_short_link, lambda some: _remove_links(some, _SHORT_LINK))
    has_truncated_link = texts.str.contains(_TRUNCATED_LINK_GATE)
    return change_where(
        texts, has_truncated_link, lambda some: some.str.replace(_TRUNCATED_LINK, "")
    )


def apply_link_policy(texts: pl.Series, policy: LinkPolicy) -> pl.Series:
    """Keep, replace or remove the links in ``texts``."""
    if policy == "keep":
        return texts
    has_link = texts.str.contains_any(_LINK_MARKERS, ascii_case_insensitive=True)
    if policy == "drop":
        return change_where(texts, has_link, lambda some: _remove_links(some, _LINK))
    if policy == "domain":
        return change_where(texts, has_link, lambda some: some.str.replace_all(_HOST, "${1}"))
    pattern = f"<{_LINK}>|{_LINK}"
    return change_where(texts, has_link, lambda some: some.str.replace_all(pattern, "<url>"))


def apply_hashtag_policy(texts: pl.Series, policy: HashtagPolicy, min_block: int) -> pl.Series:
    """Keep, unmark or remove hashtags; ``min_block`` or more of them at the end are a block."""
    if policy == "keep":
        return texts
    has_mark = texts.str.contains("[#＃]")
    if policy == "strip_mark":
        marked = rf"{_BEFORE_TAG}[#＃]+(\w*\p{{L}})"
        return change_where(texts, has_mark, lambda some: some.str.replace_all(marked, "${1}${2}"))
    if policy == "drop_trailing":
        trailing = rf"(?:(?:^|\s+){_TAG}){{{min_block},}}\s*$"
        return change_where(texts, has_mark, lambda some: some.str.replace(trailing, ""))
    tags = rf"(?m:^)(?:{_TAG}[ \t]*)+|[ \t]+{_TAG}|{_BEFORE_TAG}{_TAG}"
    return change_where(texts, has_mark, lambda some: some.str.replace_all(tags, "${1}"))


def strip_retweet_heads(texts: pl.Series) -> pl.Series:
    """Remove ``RT @name:`` at the start, once for each time the post was passed on."""
    has_head = texts.str.contains(RETWEET_HEAD)
    return change_where(texts, has_head, lambda some: some.str.replace(RETWEET_HEAD, ""))
