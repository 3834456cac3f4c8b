"""What a Bluesky record says: a post's text, place in its thread and labels, or a declaration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from pydantic import Field

from corpus.readers._times import micros
from corpus.readers.contract import Post, ReaderConfig, Record, Refused, Skipped, Tombstone

PLATFORM = "bluesky"
POST = "app.bsky.feed.post"
DECLARATION = "org.user-intents.declaration"


class Config(ReaderConfig):
    """What to read."""

    full_links: bool = Field(
        default=True,
        description="put the whole link where the app shows a shortened one (example.com/lo...)",
    )
    honour_no_unauthenticated: bool = Field(
        default=True,
        description="take an author's wish to be seen by logged-in people only for an opt-out",
    )


class _Ref(msgspec.Struct, gc=False):
    uri: str | None = None


class _Reply(msgspec.Struct, gc=False):
    root: _Ref | None = None
    parent: _Ref | None = None


class _Feature(msgspec.Struct, gc=False):
    uri: str | None = None


class _Index(msgspec.Struct, gc=False):
    start: int = msgspec.field(default=-1, name="byteStart")
    end: int = msgspec.field(default=-1, name="byteEnd")


class _Facet(msgspec.Struct, gc=False):
    index: _Index
    features: list[_Feature] = []


class _Label(msgspec.Struct, gc=False):
    val: str = ""


class _Labels(msgspec.Struct, gc=False):
    values: list[_Label] = []


class _PostRecord(msgspec.Struct, gc=False):
    text: str | None = None
    created: str | None = msgspec.field(default=None, name="createdAt")
    langs: list[str] | None = None
    reply: _Reply | None = None
    facets: list[_Facet] | None = None
    embed: Any = None
    labels: _Labels | None = None


class _Intent(msgspec.Struct, gc=False):
    allow: bool | None = None


class _Declaration(msgspec.Struct, gc=False):
    synthetic: _Intent | None = msgspec.field(default=None, name="syntheticContentGeneration")
    bulk: _Intent | None = msgspec.field(default=None, name="bulkDataset")


_parse_post = msgspec.json.Decoder(_PostRecord).decode
_parse_declaration = msgspec.json.Decoder(_Declaration).decode
_SENSITIVE = frozenset(
    ("porn", "sexual", "nudity", "graphic-media", "gore", "nsfl", "corpse", "self-harm")
)
_REMOVED = frozenset(("!hide", "!takedown", "!suspend"))
_QUOTES = ("app.bsky.embed.record", "app.bsky.embed.recordWithMedia")
_DAY = 86_400_000_000


def global_id(did: str, rkey: str) -> str:
    """The id of a post, as other records refer to it."""
    return f"{PLATFORM}:at://{did}/{POST}/{rkey}"


def record(
    did: str, collection: str, rkey: str, body: bytes | dict[str, Any], seen: int | None,
    config: Config,
) -> Sequence[Record]:  # fmt: skip
    """A record that was created or updated; ``body`` is its JSON, or what its CBOR held."""
    if collection == POST:
        found = _parse_post(body) if isinstance(body, bytes) else msgspec.convert(body, _PostRecord)
        return (_post(did, rkey, found, seen, config),)
    if collection == DECLARATION:
        said = (
            _parse_declaration(body)
            if isinstance(body, bytes)
            else msgspec.convert(body, _Declaration)
        )
        return (Tombstone("author", f"{PLATFORM}:{did}", _declared(said), seen),)
    return (Skipped(collection),)


def _declared(said: _Declaration) -> str:
    """A refusal of either use is one; training data is both a data set and for generation."""
    synthetic = said.synthetic.allow if said.synthetic else None
    bulk = said.bulk.allow if said.bulk else None
    if synthetic is False or bulk is False:
        return "opted_out"
    return "allowed" if bulk else "undeclared"


def _post(did: str, rkey: str, found: _PostRecord, seen: int | None, config: Config) -> Post:
    if found.text is None:
        raise Refused("no_text")
    parent = found.reply.parent.uri if found.reply and found.reply.parent else None
    root = found.reply.root.uri if found.reply and found.reply.root else None
    name = global_id(did, rkey)
    labels = {label.val for label in found.labels.values} if found.labels else set()
    created = micros(found.created)
    if created is not None and seen is not None and created > seen + _DAY:
        created = seen  # the author's clock, or joke; it cannot have been written later
    withdrawn = None
    if labels & _REMOVED:
        withdrawn = "removed"
    elif "!no-unauthenticated" in labels and config.honour_no_unauthenticated:
        withdrawn = "opted_out"
    text = found.text
    if found.facets and config.full_links:
        text = _full_links(text, found.facets)
    return Post(
        name,
        text,
        "reply" if parent else "quote" if _quotes(found.embed) else "post",
        did,
        None,
        created,
        found.langs[0].partition("-")[0].lower() or None if found.langs else None,
        f"{PLATFORM}:{parent}" if parent else None,
        f"{PLATFORM}:{root}" if root else None if parent else name,
        None,
        None,
        bool(labels & _SENSITIVE) or None,
        True if "bot" in labels else None,
        None,
        withdrawn,
        seen_at=seen,
    )


def _quotes(embed: Any) -> bool:
    """Whether a post shows another post (and not a list, a feed or a starter pack)."""
    if not isinstance(embed, dict) or embed.get("$type") not in _QUOTES:
        return False
    inner = embed.get("record")
    if isinstance(inner, dict) and isinstance(inner.get("record"), dict):
        inner = inner["record"]
    uri = inner.get("uri") if isinstance(inner, dict) else None
    return isinstance(uri, str) and f"/{POST}/" in uri


def _full_links(text: str, facets: Sequence[_Facet]) -> str:
    """The text with shortened links written out. Facets count bytes of UTF-8, not characters."""
    data = text.encode("utf-8", "surrogatepass")
    pieces: list[bytes] = []
    at = 0
    for facet in sorted(facets, key=lambda facet: facet.index.start):
        start, end = facet.index.start, facet.index.end
        uri = next((feature.uri for feature in facet.features if feature.uri), None)
        if uri is None or not at <= start < end <= len(data):
            continue  # no link, out of the text, or laid over another
        if not _shortens(data[start:end], uri):
            continue
        pieces += [data[at:start], uri.encode("utf-8", "replace")]
        at = end
    if not pieces:
        return text
    try:
        return b"".join([*pieces, data[at:]]).decode("utf-8")
    except UnicodeDecodeError:  # an offset in the middle of a character
        return text


def _shortens(shown: bytes, uri: str) -> bool:
    try:
        words = shown.decode("utf-8")
    except UnicodeDecodeError:
        return False
    start = words.removesuffix("...").removesuffix("…")
    bare = uri.partition("://")[2]
    forms = (bare, bare.removeprefix("www."), uri)
    if start == words:  # nothing was cut but the scheme
        return words in forms[:2]
    return bool(start) and any(whole.startswith(start) for whole in forms)
