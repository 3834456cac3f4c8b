"""A tweet in X's personal archive: its links, its full text, its versions, its file's elements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from typing import NamedTuple

import msgspec

from corpus.formats.byte_source import ByteSource
from corpus.formats.json_stream import iter_values, skip_assignment
from corpus.formats.times import parse_micros
from corpus.readers.batches import decode_value
from corpus.readers.contract import Decode, JsonScalar, LocatedRecords, Refused
from corpus.readers.x.common import (
    STATUS_URL,
    ShortLink,
    is_withheld_everywhere,
    parse_x_id,
    split_last_word,
    strip_media_links,
)


class TweetEntities(msgspec.Struct, gc=False):
    """The links and media in a tweet's text."""

    urls: list[ShortLink] | None = None
    media: list[ShortLink] | None = None


class EditControl(msgspec.Struct, gc=False):
    """The ids of all versions of an edited tweet, oldest first."""

    ids: list[JsonScalar] | None = msgspec.field(default=None, name="editTweetIds")


class EditedVersion(msgspec.Struct, gc=False):
    """In an edited version: the edits as its first version lists them."""

    control: EditControl | None = msgspec.field(default=None, name="editControlInitial")


class EditInfo(msgspec.Struct, gc=False):
    """The versions of a tweet, in the form of the first version or of a later one."""

    initial: EditControl | None = None
    edit: EditedVersion | None = None


class _Scopes(msgspec.Struct, gc=False):
    """To whom a tweet is shown; most tweets do not say."""

    followers: bool | None = None


class ArchivedTweet(msgspec.Struct, gc=False):
    """A tweet of the archive's owner."""

    id: JsonScalar = None
    id_str: str | None = None
    full_text: str | None = None
    text: str | None = None
    created_at: JsonScalar = None
    in_reply_to_status_id: JsonScalar = None
    in_reply_to_status_id_str: str | None = None
    favorite_count: JsonScalar = None
    lang: str | None = None
    possibly_sensitive: bool | None = None
    withheld_in_countries: list[str] | str | None = None
    withheld_copyright: bool | None = None
    entities: TweetEntities | None = None
    extended_entities: TweetEntities | None = None
    edit_info: EditInfo | None = None
    community_id_str: str | None = None
    scopes: _Scopes | None = None


class TweetItem(ArchivedTweet, gc=False):
    """An element of tweets.js: a wrapped tweet, or in old archives the tweet itself."""

    tweet: ArchivedTweet | None = None


class _NoteLink(msgspec.Struct, gc=False):
    short: str | None = msgspec.field(default=None, name="shortUrl")
    expanded: str | None = msgspec.field(default=None, name="expandedUrl")


class _Core(msgspec.Struct, gc=False):
    text: str | None = None
    urls: list[_NoteLink] | None = None


class LongNote(msgspec.Struct, gc=False):
    """The full text of a long post."""

    created_at: JsonScalar = msgspec.field(default=None, name="createdAt")
    core: _Core | None = None


class NoteItem(msgspec.Struct, gc=False):
    """An element of note-tweet.js."""

    note: LongNote | None = msgspec.field(default=None, name="noteTweet")


class ResolvedText(NamedTuple):
    """The text of a tweet, whole if it can be had."""

    text: str
    quoted: str  # the id of the tweet that it quotes, or empty
    still_cut: bool  # X has cut it, and no note has the rest


class FullText(NamedTuple):
    """A long post's text, entities decoded, and its links."""

    text: str
    links: Mapping[str, str]


_TCO_LINK = re.compile(r"https?://t\.co/\w+")
# Matches only at the first of a run of spaces; else a long run would take quadratic time.
_LAST_LINK = re.compile(r"(?<!\s)\s*+https?://t\.co/\w+\s*\Z")
_LEADING_NAMES = re.compile(r"(?:@\w+\s+)+")
# X escapes these three characters only; if one of them is unescaped, the text was not escaped.
_UNESCAPED = re.compile(r"[<>]|&(?!amp;|lt;|gt;)")
# A post is cut at 280 characters; a wide one counts as two, and the link to the rest as 23.
_MIN_CUT_CHARS = 100
_MIN_CUT_WEIGHT = 200
_LAST_NARROW = "\u10ff"


class LongNotes:
    """The full texts of long posts, indexed by the second in which they were written."""

    def __init__(self) -> None:
        self._by_second: dict[int, list[FullText]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_second)

    def add(self, note: LongNote) -> bool:
        """Add a note; false if it lacks the text or the time to match it to its tweet."""
        created, core = parse_micros(note.created_at), note.core
        if created is None or core is None or not core.text:
            return False
        text = core.text if _UNESCAPED.search(core.text) else unescape(core.text)
        links = {link.short: link.expanded for link in core.urls or () if link.short}
        full = FullText(text, {short: long for short, long in links.items() if long})
        self._by_second.setdefault(created // 1_000_000, []).append(full)
        return True

    def find_full_text(
        self, created: int | None, shown: str, links: Mapping[str, str]
    ) -> FullText | None:
        """Return the full text for the cut text ``shown``; null unless exactly one fits.

        ``links`` are the targets of the links in ``shown``. A note has links of its own for the
        same targets, and does not have the names at the head of a reply, which are put in front.
        """
        written = self._by_second.get(created // 1_000_000) if created is not None else None
        if not written:
            return None
        names = _LEADING_NAMES.match(shown)
        heads = (0,) if names is None else (0, names.end())
        for cut in dict.fromkeys(
            (_get_cut_prefix(_LAST_LINK.sub("", shown)), _get_cut_prefix(shown))
        ):
            for head in heads if cut else ():
                for form in _FORMS:
                    begin = form(cut[head:], links)
                    fitting = {
                        full.text: full
                        for full in written
                        if begin and form(full.text, full.links).startswith(begin)
                    }
                    # Of two posts that begin alike, either could be this one.
                    if len(fitting) > 1:
                        return None
                    if fitting:
                        full = fitting.popitem()[1]
                        return full._replace(text=cut[:head] + full.text)
        return None


def _keep_links(text: str, links: Mapping[str, str]) -> str:
    return text


def _expand_links(text: str, links: Mapping[str, str]) -> str:
    return _TCO_LINK.sub(lambda found: links.get(found[0], found[0]), text)


def _hide_links(text: str, links: Mapping[str, str]) -> str:
    return _TCO_LINK.sub("\0", text)


#: The forms in which a cut text is compared with the notes, the strictest first. The last is for
#: notes that do not list the targets of their links.
_FORMS = (_keep_links, _expand_links, _hide_links)


def _get_cut_prefix(shown: str) -> str:
    """Return the beginning of the full text that a cut text shows; empty if it is not cut."""
    shown = shown.rstrip()
    bare = shown.rstrip("\u2026").rstrip()
    return bare if bare != shown or len(bare) >= _MIN_CUT_CHARS else ""


def resolve_text(
    tweet: ArchivedTweet, shown: str, name: str, notes: LongNotes, expand: bool
) -> ResolvedText:
    """Return the tweet's full text, and what it quotes; ``name`` is its own id."""
    shown = unescape(shown) if "&" in shown else shown
    links, media = _collect_links(tweet)
    text = strip_media_links(shown, media)
    last = _find_last_status_id(text, links)
    full = notes.find_full_text(parse_micros(tweet.created_at), text, links) if notes else None
    still_cut = full is None and "\u2026" in text[-100:] and _is_cut(text, last == name)
    if full is not None:
        text, links = full.text, {**links, **full.links}
        text = strip_media_links(text, media)
        last = _find_last_status_id(text, links) or last
    # The link to the rest of a long post, or the one that X appends for the tweet that is quoted.
    if last and _find_last_status_id(text, links) == last:
        text, _ = split_last_word(text)
    last = "" if last == name else last
    if expand and links:
        text = _expand_links(text, links)
    return ResolvedText(text, last, still_cut)


def _is_cut(shown: str, links_to_itself: bool) -> bool:
    """Return whether X has cut the text: it ends in an ellipsis where X would have put one."""
    text = _LAST_LINK.sub("", shown).rstrip()
    if not text.endswith("\u2026"):
        return False
    names = _LEADING_NAMES.match(text)
    body = text[names.end() :] if names else text
    weight = len(body) + sum(char > _LAST_NARROW for char in body)
    return links_to_itself or weight >= _MIN_CUT_WEIGHT


def _collect_links(tweet: ArchivedTweet) -> tuple[dict[str, str], set[str]]:
    """Return the targets of a tweet's t.co links, and the links that stand for media."""
    links: dict[str, str] = {}
    media: set[str] = set()
    for entities in (tweet.entities, tweet.extended_entities):
        if entities is not None:
            for link in entities.urls or ():
                if link.url and link.expanded_url:
                    links[link.url] = link.expanded_url
            media |= {link.url for link in entities.media or () if link.url}
    return links, media


def _find_last_status_id(text: str, links: Mapping[str, str]) -> str:
    """Return the id of the tweet that the link at the end of a text names, or empty."""
    _, word = split_last_word(text)
    found = STATUS_URL.match(links.get(word, word))
    return found[1] if found else ""


def list_links(tweet: ArchivedTweet) -> list[tuple[str, str]]:
    """Return the links of a tweet, short and where they lead."""
    return list(_collect_links(tweet)[0].items())


def list_versions(tweet: ArchivedTweet) -> list[str]:
    """Return the ids of all versions of an edited tweet, oldest first."""
    edits = tweet.edit_info
    if edits is None:
        return []
    control = edits.initial or (edits.edit.control if edits.edit else None)
    listed: Iterable[JsonScalar] = (control.ids if control else None) or ()
    return [name for one in listed if (name := parse_x_id(None, one))]


def is_withheld(tweet: ArchivedTweet) -> bool:
    """Return whether X shows this tweet to nobody."""
    return bool(tweet.withheld_copyright) or is_withheld_everywhere(tweet.withheld_in_countries)


def decode_elements(
    source: ByteSource, source_file: str, max_bytes: int, decode: Decode
) -> Iterator[LocatedRecords]:
    """Decode each element of the array that a file of an archive assigns to a variable."""
    elements = iter_values(skip_assignment(source), "item", max_bytes, one_kind=True)
    for row, element in enumerate(elements, start=1):
        if isinstance(element, Refused):
            yield LocatedRecords(source_file, row, 0, (element,))
        else:
            yield LocatedRecords(source_file, row, len(element), decode_value(element, decode))
