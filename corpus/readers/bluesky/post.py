"""Make a post from a Bluesky record: its text with complete links, its thread, its labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec
from pydantic import Field

from corpus.formats.times import parse_given_micros
from corpus.readers.contract import JsonConfig, Post, Refused, match_mentions, new_post
from corpus.readers.x.common import normalize_language

POSTS_COLLECTION = "app.bsky.feed.post"
NO_LABELS: frozenset[str] = frozenset()


class Config(JsonConfig):
    """What to read, and which parts of a record belong to the text."""

    honour_no_unauthenticated: bool = Field(
        default=True,
        description="the label '!no-unauthenticated' (show this only to people who are signed in) "
        "on a post or on a profile opts out",
    )
    full_links: bool = Field(
        default=True, description="replace shortened links in the text by the complete address"
    )
    with_cards: bool = Field(
        default=False, description="add the title and the description of a linked page"
    )
    with_alt: bool = Field(
        default=False, description="add the descriptions of the images and the video"
    )


class _Reference(msgspec.Struct, gc=False):
    uri: str | None = None


class _Reply(msgspec.Struct, gc=False):
    parent: _Reference | None = None
    root: _Reference | None = None


class Label(msgspec.Struct, gc=False):
    """A label; ``neg`` takes an earlier one back."""

    val: str | None = None
    neg: bool | None = None
    src: str | None = None


class _Labels(msgspec.Struct, gc=False):
    values: list[Label] | None = None


class LabelledRecord(msgspec.Struct, gc=False):
    """A record of any kind, with the labels that its author gave it."""

    labels: _Labels | None = None

    def get_label_names(self) -> frozenset[str]:
        """Return the names of the labels."""
        if self.labels is None or not self.labels.values:
            return NO_LABELS
        return frozenset(label.val for label in self.labels.values if label.val)


class PostRecord(LabelledRecord, gc=False):
    """The fields of ``app.bsky.feed.post``.

    Fields of open types are loosely typed here, so that a fault in one does not cost the post.
    """

    text: str | None = None
    created_at: Any = msgspec.field(default=None, name="createdAt")
    langs: Any = None
    reply: _Reply | None = None
    facets: Any = None
    embed: Any = None


_SENSITIVE = frozenset(
    {"porn", "sexual", "nudity", "graphic-media", "gore", "nsfl", "corpse", "torture", "self-harm"}
)
_REMOVED = frozenset({"!hide", "!takedown"})
NO_UNAUTHENTICATED = "!no-unauthenticated"
# A clock may be wrong; a date further in the future than this is invented.
_MAX_CLOCK_ERROR_US = 86_400_000_000
_PRIMARY_SUBTAG = re.compile(r"[a-z]{2,3}(?![a-z])")


def make_post(
    uri: str,
    did: str,
    seen_at: int | None,
    record: PostRecord,
    config: Config,
    account_labels: frozenset[str] = NO_LABELS,
) -> Post:
    """Return the post of a record; ``account_labels`` are those of its author's profile."""
    text = record.text
    if text is None:
        raise Refused("no_text")
    if config.full_links and record.facets and ("…" in text or "..." in text):
        text = restore_links(text, record.facets)
    kind, name, parent, root = "post", "bluesky:" + uri, None, None
    embed = record.embed
    if embed:
        if _is_quote(embed):
            kind = "quote"
        if config.with_cards or config.with_alt:
            text = "\n\n".join(filter(None, [text, *_iter_embed_texts(embed, config)]))
    if record.reply is not None:
        parent, root = (
            _make_reference_id(record.reply.parent),
            _make_reference_id(record.reply.root),
        )
    if parent or root:
        kind = "reply"
    else:
        root = name
    created = parse_given_micros(record.created_at)
    if created is not None and seen_at is not None and created > seen_at + _MAX_CLOCK_ERROR_US:
        created = seen_at
    labels = record.get_label_names() | account_labels
    return new_post(
        (
            name,
            text,
            kind,
            did,
            None,  # community
            created,
            _find_language(record.langs),
            parent,
            root,
            None,  # score
            None,  # replies
            None if _SENSITIVE.isdisjoint(labels) else True,
            True if "bot" in labels else None,
            None,  # license
            _find_withdrawal(labels, config) if labels else None,
            None,  # accepted_id
            None,  # consent
            seen_at,
            match_mentions(text, _iter_mentioned_users(text, record))
            if record.facets and "@" in text
            else None,
            None,  # original_author
            None,  # author_name
            None,  # edited_at
            None,  # author_since
        )
    )


def _iter_mentioned_users(text: str, record: PostRecord) -> Iterator[tuple[str, str]]:
    """Yield the handle and DID of each user mentioned in the text."""
    data = (record.text or "").encode()
    for start, end, features in _iter_facets(record.facets):
        for feature in features:
            did = _get(feature, "did")
            if type(did) is str and did.startswith("did:") and 0 <= start < end <= len(data):
                yield data[start:end].decode(errors="ignore").lstrip("@"), did


def _find_withdrawal(labels: frozenset[str], config: Config) -> str | None:
    if not _REMOVED.isdisjoint(labels):
        return "removed"
    if config.honour_no_unauthenticated and NO_UNAUTHENTICATED in labels:
        return "opted_out"
    return None


def _make_reference_id(reference: _Reference | None) -> str | None:
    uri = reference.uri if reference is not None else None
    return "bluesky:" + uri if uri and uri.startswith("at://") else None


def _find_language(langs: object) -> str | None:
    first = langs[0] if type(langs) is list and langs else None
    return _parse_language_tag(first) if type(first) is str else None


@lru_cache(maxsize=4096)
def _parse_language_tag(tag: str) -> str | None:
    """Return the language of a tag, such as ``en`` of ``en-US``."""
    match = _PRIMARY_SUBTAG.match(tag.lower())
    return normalize_language(match[0]) if match else None


def restore_links(text: str, facets: object) -> str:
    """Replace the links that were shortened for display by their complete addresses.

    Facets have offsets in bytes of UTF-8. One that is outside the text, splits a character or
    overlaps an earlier one is ignored.
    """
    data = text.encode()
    pieces, at = [], 0
    for start, end, uri in sorted(_iter_links(facets)):
        if (
            not at <= start < end <= len(data)
            or _is_inside_character(data, start)
            or _is_inside_character(data, end)
        ):
            continue
        if _is_shortened(data[start:end].decode(), uri):
            pieces += [data[at:start], uri.encode()]
            at = end
    return b"".join([*pieces, data[at:]]).decode() if pieces else text


def _iter_facets(facets: object) -> Iterator[tuple[int, int, list[Any]]]:
    """Yield the start, the end and the features of each facet, in bytes."""
    for facet in facets if type(facets) is list else ():
        index, features = _get(facet, "index"), _get(facet, "features")
        start, end = _get(index, "byteStart"), _get(index, "byteEnd")
        if type(start) is int and type(end) is int and type(features) is list:
            yield start, end, features


def _iter_links(facets: object) -> Iterator[tuple[int, int, str]]:
    """Yield the start, the end and the address of each facet that is a link."""
    for start, end, features in _iter_facets(facets):
        for feature in features:
            uri = _get(feature, "uri")
            if type(uri) is str and uri.startswith(("https://", "http://")):
                yield start, end, uri
                break


def _is_inside_character(data: bytes, at: int) -> bool:
    """Return whether the offset is inside a character of several bytes."""
    return at < len(data) and data[at] & 0xC0 == 0x80


def _is_shortened(shown: str, uri: str) -> bool:
    """Return whether the displayed text is a shortened form of the address."""
    head, dots, _ = shown.replace("...", "…").partition("…")
    stem, full = _strip_scheme(head), _strip_scheme(uri)
    if not dots or not stem or any(map(str.isspace, shown)):
        return False
    return full.startswith(stem) or stem.partition("/")[0] == full.partition("/")[0]


def _strip_scheme(address: str) -> str:
    address = address.lower().removeprefix("https://").removeprefix("http://")
    return address.removeprefix("www.")


def _is_quote(embed: object) -> bool:
    """Return whether another post is embedded, with or without media."""
    inner = _get(embed, "record")
    uri = _get(inner, "uri") or _get(_get(inner, "record"), "uri")
    return type(uri) is str and f"/{POSTS_COLLECTION}/" in uri


def _iter_embed_texts(embed: object, config: Config) -> Iterator[str]:
    """Yield the texts of an embed that the config selects."""
    media = _get(embed, "media") or embed
    if config.with_cards:
        card = _get(media, "external")
        lines = [_get(card, "title"), _get(card, "description")]
        text = "\n".join(line for line in lines if type(line) is str and line)
        if text:
            yield text
    if config.with_alt:
        images = _get(media, "images")
        for item in [*(images if type(images) is list else ()), media]:
            alt = _get(item, "alt")
            if type(alt) is str and alt:
                yield alt


def _get(value: object, key: str) -> Any:
    return value.get(key) if type(value) is dict else None
