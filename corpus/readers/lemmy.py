"""Read Lemmy: posts and comments from an instance's API or its database.

An id consists of the instance that the dump is from and that instance's own number, as
``lemmy:lemmy.world/comment/27``, also for posts of other instances. Their global address
(``ap_id``) is not used, because a comment names its ancestors only by the instance's numbers
(``path: "0.24.27"``), so that replies could not be joined to their parents. The instance is the one
configured, else the host of the first object in the file that is marked as ``local``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import msgspec
from pydantic import Field

from corpus.formats.dump_input import DumpInput
from corpus.formats.times import parse_given_int64, parse_given_micros, parse_micros
from corpus.readers.batches import decode_value, locate_config_records, read_lines
from corpus.readers.contract import (
    Batch,
    Cursor,
    JsonConfig,
    JsonScalar,
    Post,
    Record,
    Refused,
    Sample,
    Skipped,
    make_versions,
    match_mentions,
    new_post,
)
from corpus.readers.text_parts import fence_indented, join_alts, join_title

PLATFORM = "lemmy"
VERSION = 4
TOMBSTONES = True


class Config(JsonConfig):
    """What to read, and the instance that it is from."""

    instance: str = Field(
        default="",
        pattern=r"^[^\s/]*$",
        description="the instance that the dump is from, such as 'lemmy.world'; empty: from the "
        "first object that is local to it",
    )
    with_alt: bool = Field(
        default=False, description="add the description of a post's picture to its text"
    )


class _Actor(msgspec.Struct, gc=False):
    """A person or a community; ``actor_id`` became ``ap_id`` in Lemmy 1.0."""

    id: int | None = None
    name: str | None = None
    actor_id: str | None = None
    ap_id: str | None = None
    local: bool | None = None
    nsfw: bool | None = None
    bot_account: bool | None = None
    deleted: bool | None = None
    removed: bool | None = None
    visibility: str | None = None


class _Counts(msgspec.Struct, gc=False):
    score: JsonScalar = None
    comments: JsonScalar | list[msgspec.Raw] = None
    child_count: JsonScalar = None


class _Object(msgspec.Struct, gc=False):
    """A post or a comment, as a row of the database or inside a view of the API.

    The fields here and of a line are in the order of the API's keys, so that each is found without
    a search.
    """

    id: JsonScalar = None
    name: str | None = None
    body: str | None = None
    creator_id: int | None = None
    community_id: int | None = None
    post_id: int | None = None
    content: str | None = None
    removed: bool | None = None
    published: JsonScalar = None
    updated: JsonScalar = None
    deleted: bool | None = None
    nsfw: bool | None = None
    ap_id: str | None = None
    local: bool | None = None
    path: str | None = None
    alt_text: str | None = None
    actor_id: str | None = None
    parent_id: int | None = None
    recipient_id: int | None = None
    published_at: JsonScalar = None
    updated_at: JsonScalar = None
    score: JsonScalar = None
    comments: JsonScalar | list[msgspec.Raw] = None  # of a page: the views
    child_count: JsonScalar = None


class _Line(_Object, gc=False):
    """A row, a view of the API with its parts, or a page of views."""

    comment: _Object | None = None
    creator: _Actor | None = None
    post: _Object | None = None
    community: _Actor | None = None
    counts: _Counts | None = None
    posts: list[msgspec.Raw] | None = None
    private_message: msgspec.Raw = msgspec.Raw()


# The text of a purged account's posts.
_PURGED_TEXT = "*permanently deleted*"
# The number of lines in which the instance is searched.
_MAX_SEARCHED_LINES = 10_000
# A person in a text, as the site completes it: "@ada@lemmy.example".
_NAMED_PERSON = re.compile(r"@(\w{1,60})@((?:[\w-]{1,63}\.){1,8}[a-zA-Z]{2,24})")
_parse_line = msgspec.json.Decoder(_Line).decode


def fits(sample: Sample) -> float:
    """Return the share of lines that are posts or comments."""
    return sample.matching_share(_is_post_or_comment)


def _is_post_or_comment(row: dict[str, Any]) -> bool:
    inner = row.get("comment") or row.get("post")
    if isinstance(inner, dict):
        return "ap_id" in inner and "creator_id" in inner and "creator" in row
    if "ap_id" not in row or "creator_id" not in row:
        return False
    return {"name", "community_id"} <= row.keys() or {"content", "post_id"} <= row.keys()


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts and comments of one file in batches."""
    decode = make_decoder(config.instance or find_instance(path, config), config.with_alt)
    return read_lines(path, config, decode, platform=PLATFORM, part_posts=part_posts, start=start)


def find_instance(path: str, config: Config) -> str:
    """Return the host of the first object of the dump's own instance, or empty."""
    with DumpInput(path) as source:
        for member in source.members():
            for row, line in locate_config_records(member, config):
                if row > _MAX_SEARCHED_LINES:
                    break
                # A cheap test first: most objects of a dump are from other instances.
                if b'"local"' in line.data and (host := _find_local_host(line.data)):
                    return host
    return ""


def _find_local_host(line: bytes) -> str:
    try:
        row = _parse_line(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""  # refused where it is read
    for part in (row.comment, row.post, row.creator, row.community, row):
        if part is not None and part.local:
            host = _parse_host(part.ap_id or part.actor_id)
            if host:
                return host
    return next(filter(None, map(_find_local_host, _list_views(row))), "")


def _list_views(row: _Line) -> list[bytes]:
    """Return the views of a page; none, if the row is not a page."""
    comments = row.comments if isinstance(row.comments, list) else ()
    return [bytes(view) for view in (*(row.posts or ()), *comments)]


@lru_cache(maxsize=1 << 14)
def _parse_host(address: str | None) -> str:
    try:
        return urlsplit(address or "").netloc.lower()
    except ValueError:
        return ""


def make_decoder(instance: str, with_alt: bool = False) -> Callable[[bytes], Sequence[Record]]:
    """Return a function that decodes a line to its post or comment."""

    def decode(line: bytes) -> Sequence[Record]:
        row = _parse_line(line)
        if row.posts is not None or isinstance(row.comments, list):
            views = [record for view in _list_views(row) for record in decode_value(view, decode)]
            return views or (Skipped("empty_page"),)
        if bytes(row.private_message) or row.recipient_id is not None:
            return (Skipped("private_message"),)
        if row.comment is not None:
            return _add_versions(_make_comment(row.comment, row, instance), row.comment)
        if row.post is not None:
            return _add_versions(_make_post(row.post, row, instance, with_alt), row.post)
        if row.post_id is not None or row.path is not None:
            return _add_versions(_make_comment(row, row, instance), row)
        if row.community_id is not None:
            return _add_versions(_make_post(row, row, instance, with_alt), row)
        if row.actor_id is not None:
            return (Skipped("person_or_community"),)
        raise Refused("no_text" if _parse_number(row.id) else "no_id")

    return decode


def _add_versions(post: Post, row: _Object) -> tuple[Record, ...]:
    updated = row.updated if row.updated is not None else row.updated_at
    if updated is None:
        return (post,)
    return make_versions(post, parse_micros(updated), row.body or "")


def _make_post(row: _Object, line: _Line, instance: str, with_alt: bool) -> Post:
    name = _make_id(instance, "post", row.id)
    withdrawn = _find_withdrawal(row, line)
    if row.name is None and row.body is None and not withdrawn:
        raise Refused("no_text")
    text = join_title(unescape(row.name or ""), _read_markdown(row.body or ""))
    if with_alt:
        text = join_alts(text, (row.alt_text,))
    counts = line.counts or row
    return new_post(
        (
            name,
            text,
            "post",
            _make_author(row, line.creator, instance),
            _make_community(row, line.community, instance),
            _find_created(row),
            None,  # lang_hint
            None,  # parent_id
            name,
            parse_given_int64(counts.score),
            parse_given_int64(counts.comments),
            _is_sensitive(row, line),
            line.creator.bot_account if line.creator is not None else None,
            None,  # license
            withdrawn,
            None,  # accepted_id
            None,  # consent
            None,  # seen_at
            _find_mentions(text),
            None,  # original_author
            _make_name(line.creator),
            None,  # edited_at
            None,  # author_since
        )
    )


def _make_comment(row: _Object, line: _Line, instance: str) -> Post:
    name = _make_id(instance, "comment", row.id)
    withdrawn = _find_withdrawal(row, line)
    if row.content is None and not withdrawn:
        raise Refused("no_text")
    post = row.post_id
    if post is None and line.post is not None and type(line.post.id) is int:
        post = line.post.id
    root = _make_id(instance, "post", post) if post is not None else None
    parent = _find_parent_number(row)
    counts = line.counts or row
    text = _read_markdown(row.content or "")
    return new_post(
        (
            name,
            text,
            "reply",
            _make_author(row, line.creator, instance),
            _make_community(line.post or row, line.community, instance),
            _find_created(row),
            None,  # lang_hint
            _make_id(instance, "comment", parent) if parent else root,
            root,
            parse_given_int64(counts.score),
            parse_given_int64(counts.child_count),
            _is_sensitive(line.post, line),
            line.creator.bot_account if line.creator is not None else None,
            None,  # license
            withdrawn,
            None,  # accepted_id
            None,  # consent
            None,  # seen_at
            _find_mentions(text),
            None,  # original_author
            _make_name(line.creator),
            None,  # edited_at
            None,  # author_since
        )
    )


def _read_markdown(written: str) -> str:
    text = unescape(written) if "&" in written else written
    return fence_indented(text) if "\n" in text and "\n    " in text else text


def _find_mentions(text: str) -> str | None:
    """Return the people whom a text names, with their addresses on Lemmy."""
    if "@" not in text:
        return None
    named = {(match[1], match[2].lower()) for match in _NAMED_PERSON.finditer(text)}
    return match_mentions(
        text, [(f"{name}@{host}", f"https://{host}/u/{name}") for name, host in named]
    )


def _make_name(creator: _Actor | None) -> str | None:
    """Return an author as texts name them."""
    if creator is None or not creator.name:
        return None
    return _join_name(creator.name, creator.actor_id or creator.ap_id)


@lru_cache(maxsize=1 << 14)
def _join_name(name: str, address: str | None) -> str | None:
    host = _parse_host(address)
    return f"{name}@{host}" if host else None


def _make_id(instance: str, kind: str, number: object) -> str:
    digits = _parse_number(number)
    if not digits:
        raise Refused("no_id")
    if not instance:
        # Without it, the ids of two instances would collide.
        raise Refused("no_instance")
    return f"lemmy:{instance}/{kind}/{digits}"


def _parse_number(value: object) -> str:
    if type(value) is str:
        return value if value.isdecimal() and value.isascii() else ""
    return str(value) if type(value) is int and value > 0 else ""


def _find_parent_number(row: _Object) -> str:
    """Return the number of the parent comment; empty for a reply to the post itself."""
    if row.path is None:
        return _parse_number(row.parent_id)  # before Lemmy 0.17
    ancestors = row.path.split(".")
    if len(ancestors) < 2 or ancestors[-1] != _parse_number(row.id):
        return ""
    return _parse_number(ancestors[-2]) if ancestors[-2] != "0" else ""


def _make_author(row: _Object, creator: _Actor | None, instance: str) -> str | None:
    address = (creator.actor_id or creator.ap_id) if creator is not None else None
    if address:
        return address
    number = creator.id if creator is not None and row.creator_id is None else row.creator_id
    return f"{instance}/person/{number}" if number is not None else None


def _make_community(row: _Object, community: _Actor | None, instance: str) -> str | None:
    """Return the community as ``name@host``; a database row has only its number."""
    if community is not None and community.name:
        return f"{community.name}@{_parse_host(community.actor_id or community.ap_id) or instance}"
    return f"{instance}/community/{row.community_id}" if row.community_id is not None else None


def _find_created(row: _Object) -> int | None:
    return parse_given_micros(row.published if row.published is not None else row.published_at)


def _is_sensitive(post: _Object | None, line: _Line) -> bool | None:
    own = post.nsfw if post is not None else None
    inherited = line.community.nsfw if line.community is not None else None
    if own or inherited:
        return True
    return inherited if own is None else own


def _is_purged(text: str | None) -> bool:
    return text is not None and "*" in text and text.strip().lower() == _PURGED_TEXT


def _find_withdrawal(row: _Object, line: _Line) -> str | None:
    """Return why this must not be used, or null; deletion by the author takes precedence."""
    creator, community = line.creator, line.community
    if row.deleted or (creator is not None and creator.deleted):
        return "deleted"
    if _is_purged(row.name) or _is_purged(row.content):
        return "deleted"
    if row.removed:
        return "removed"
    if community is not None:
        if community.removed or community.deleted:
            return "removed"
        visibility = community.visibility
        if visibility and visibility.lower() not in ("public", "unlisted"):
            return "private"
    return None
