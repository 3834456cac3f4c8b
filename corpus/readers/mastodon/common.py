"""What Mastodon's API and its account archives share: options, names, opt-outs, versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from pydantic import Field, field_validator

from corpus.formats.html import html_to_text
from corpus.formats.times import parse_micros
from corpus.readers.contract import JsonConfig, Tombstone
from corpus.readers.text_parts import join_title, strip_embed_notice


class Config(JsonConfig):
    """What to read, and which opt-outs of authors are honoured."""

    visibility: tuple[Literal["public", "unlisted"], ...] = Field(
        default=("public",),
        description="posts to read; others are counted as withdrawn, without their text "
        "('unlisted' posts are open to anybody with the link, but are not in public timelines)",
    )
    content_warnings: bool = Field(
        default=True, description="join a content warning in front of the text, like a title"
    )
    with_alt: bool = Field(
        default=False, description="add the descriptions of pictures, videos and sounds to a text"
    )
    honour_noindex: bool = Field(
        default=True,
        description="an account that opts out of search engines counts as opted out",
    )
    require_indexable: bool = Field(
        default=False,
        description="an account that has not opted in to search counts as opted out",
    )
    opt_out_tags: tuple[str, ...] = Field(
        default=(
            "nobot",
            "nobots",
            "noai",
            "noindex",
            "nosearch",
            "noarchive",
            "noscrape",
            "noscraping",
        ),
        description="hashtags in an account's profile that opt out of automated use",
    )

    @field_validator("opt_out_tags")
    @classmethod
    def _check_tags(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        bare = tuple(tag.lstrip("#").strip() for tag in tags)
        if not all(bare):
            raise ValueError("an opt-out tag is a word, such as 'nobot'")
        return bare


# The resolution of edit times: federated copies have no fractions of a second.
_SECOND_US = 1_000_000
#: The class of a quote's fallback for software that knows no quotes.
_FALLBACK_CLASS = "quote-inline"
_FALLBACK = re.compile(
    r"\A(?:RE|RT|QT): https?://\S+(?:\s+|\Z)|(?<!\s)\s*+(?:RE|RT|QT): https?://\S+\s*\Z"
)
_HOST = re.compile(r"https?://(?:[^/?#@\s]*@)?([^/?#@\s]+)", re.IGNORECASE)
_INVALID_URI_CHARACTER = re.compile(r"[\x00-\x20\x7f]")


def make_post_id(uri: object) -> str:
    """Return the post id of a URI; empty if it is not a URI, such as a server's own number."""
    if type(uri) is not str or ":" not in uri or _INVALID_URI_CHARACTER.search(uri):
        return ""
    return "mastodon:" + uri


def make_account_name(username: str | None, *addresses: object) -> str | None:
    """Return ``user@host``, with the host of the first address that has one; null if none has.

    The host is that of web addresses, which is the same on each server. A local account's ``acct``
    has no host, and a bare name could be that of another account on another server.
    """
    for address in addresses:
        if username and type(address) is str and (match := _HOST.match(address)):
            return f"{username}@{match[1].lower()}"
    return None


def make_opt_out_finder(config: Config) -> Callable[[str], bool]:
    """Return a function that finds an opt-out tag in a part of a profile, which may be HTML."""
    if not config.opt_out_tags:
        return lambda profile: False
    words = "|".join(map(re.escape, config.opt_out_tags))
    tag = re.compile(rf"(?<![\w&/])[#\uff03](?:{words})(?!\w)", re.IGNORECASE)
    word = re.compile(words, re.IGNORECASE)

    @lru_cache(maxsize=4096)
    def has_opt_out(profile: str) -> bool:
        # Each status repeats the profile, and few profiles contain such a word.
        return bool(word.search(profile)) and bool(tag.search(html_to_text(profile)))

    return has_opt_out


def has_quote_fallback(content: str) -> bool:
    """Return whether software has put the link to a quoted post into the text."""
    return _FALLBACK_CLASS in content


def read_content(content: str, is_quote: bool, with_alt: bool = False) -> str:
    """Return the text of a post's HTML without what software has added to it.

    That is the "RE: address" of a quote, by its class or by its form at the beginning or the end,
    and the notice of a bridge that something is missing. ``with_alt``: images in it become their
    descriptions.
    """
    hidden = _FALLBACK_CLASS if is_quote and _FALLBACK_CLASS in content else ""
    text = strip_embed_notice(html_to_text(content, hidden, with_alt))
    return strip_quote_fallback(text) if is_quote else text


def strip_quote_fallback(text: str) -> str:
    """Return a quote's text without the "RE: address" that software has put before or after it."""
    return _FALLBACK.sub("", text) if "://" in text else text


def join_content_warning(body: str, warning: str | None, config: Config) -> str:
    """Join a content warning in front of a text, as the config says."""
    return join_title(warning if config.content_warnings else None, body)


def parse_edit_time(value: object) -> int | None:
    """Return when a post was edited, in microseconds, truncated to the second."""
    edited_at = parse_micros(value)
    return None if edited_at is None else edited_at // _SECOND_US * _SECOND_US


def make_edit_tombstones(name: str, edited: int | None) -> list[Tombstone]:
    """Return the tombstone of a post's versions from before its edit, if it was edited."""
    return [] if edited is None else [Tombstone("id", name, "superseded", edited)]


def make_opt_out_tombstones(author: str | None) -> list[Tombstone]:
    """Return the tombstone of all posts of an author who has opted out."""
    return [] if author is None else [Tombstone("author", "mastodon:" + author, "opted_out")]
