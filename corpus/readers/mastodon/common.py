"""What Mastodon's API and its account archives have in common: options, names, wishes, versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from pydantic import Field, field_validator

from corpus.formats.html import html_to_text
from corpus.formats.times import parse_micros
from corpus.readers.contract import ReaderConfig, Tombstone


class Config(ReaderConfig):
    """What to read, and which of the authors' wishes are heeded."""

    visibility: tuple[Literal["public", "unlisted"], ...] = Field(
        default=("public",),
        description="whose texts are read; others are counted as withdrawn and their texts are "
        "left where they are ('unlisted' is open to whoever has the link, but kept off timelines)",
    )
    content_warnings: bool = Field(
        default=True, description="join a content warning in front of the text, like a title"
    )
    honour_noindex: bool = Field(
        default=True,
        description="take an account that asks search engines to stay away for opted out",
    )
    require_indexable: bool = Field(
        default=False,
        description="take each account that has not agreed to be searched for opted out",
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
        description="hashtags by which an account's profile says that programs must let it be",
    )

    @field_validator("opt_out_tags")
    @classmethod
    def _check_tags(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        bare = tuple(tag.lstrip("#").strip() for tag in tags)
        if not all(bare):
            raise ValueError("an opt-out tag is a word, such as 'nobot'")
        return bare


# A moment that an edit can be told by: federated copies of it have no fractions of a second.
_SECOND_US = 1_000_000
_HOST = re.compile(r"https?://(?:[^/?#@\s]*@)?([^/?#@\s]+)", re.IGNORECASE)
_INVALID_URI_CHARACTER = re.compile(r"[\x00-\x20\x7f]")


def make_post_id(uri: object) -> str:
    """The post id that a URI gives; empty if it is none, such as a server's own number."""
    if type(uri) is not str or ":" not in uri or _INVALID_URI_CHARACTER.search(uri):
        return ""
    return "mastodon:" + uri


def make_account_name(username: str | None, *addresses: object) -> str | None:
    """``user@host``, with the host of the first address that has one; null if none has.

    The host is the one of web addresses, which each server shows alike. A local account's ``acct``
    has no host at all, and a bare name would be one with its namesakes on other servers.
    """
    for address in addresses:
        if username and type(address) is str and (found := _HOST.match(address)):
            return f"{username}@{found[1].lower()}"
    return None


def make_opt_out_finder(config: Config) -> Callable[[str], bool]:
    """A function that finds an opt-out tag in a piece of a profile, which may be HTML."""
    if not config.opt_out_tags:
        return lambda profile: False
    words = "|".join(map(re.escape, config.opt_out_tags))
    tag = re.compile(rf"(?<![\w&/])[#\uff03](?:{words})(?!\w)", re.IGNORECASE)
    word = re.compile(words, re.IGNORECASE)

    @lru_cache(maxsize=4096)
    def objects(profile: str) -> bool:
        # The bio comes with each status again, and hardly one holds such a word.
        return bool(word.search(profile)) and bool(tag.search(html_to_text(profile)))

    return objects


def join_content_warning(body: str, warning: str | None, config: Config) -> str:
    """The text with its content warning in front."""
    title = warning.strip() if warning and config.content_warnings else ""
    return f"{title}\n\n{body}" if title and body else title or body


def parse_edit_time(value: object) -> int | None:
    """When a post was edited, in microseconds, to the second."""
    moment = parse_micros(value)
    return None if moment is None else moment // _SECOND_US * _SECOND_US


def make_superseded_tombstones(name: str, edited: int | None) -> list[Tombstone]:
    """The word that ends the versions of a post from before its edit."""
    return [] if edited is None else [Tombstone("id", name, "superseded", edited)]


def make_opt_out_tombstones(author: str | None) -> list[Tombstone]:
    """The word of an author whose posts must not be used, also those from before it was said."""
    return [] if author is None else [Tombstone("author", "mastodon:" + author, "opted_out")]
