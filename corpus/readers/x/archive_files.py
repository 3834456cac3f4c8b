"""A tweet in X's personal archive: its links, its full text and its versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import unescape
from typing import NamedTuple

import msgspec

from corpus.formats.times import parse_micros
from corpus.readers.contract import JsonScalar
from corpus.readers.x.common import is_withheld_everywhere, parse_x_id


class ShortLink(msgspec.Struct, gc=False):
    """A t.co link and its target; for a picture, the link in the text that stands for it."""

    url: str | None = None
    expanded_url: str | None = None


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


class FullText(NamedTuple):
    """A long post's text, entities decoded, and its links."""

    text: str
    links: Mapping[str, str]


_TCO_LINK = re.compile(r"https?://t\.co/\w+")
# Matches only at the first of a run of spaces; else a long run would take quadratic time.
_LAST_LINK = re.compile(r"(?<!\s)\s*+https?://t\.co/\w+\s*\Z")
_LAST_WORD = re.compile(r"(?:\A|\s)(\S+)\s*\Z")
_STATUS_URL = re.compile(
    r"https?://(?:www\.|mobile\.|m\.)?(?:twitter|x)\.com/(?:\w+|i/web)/status(?:es)?/([0-9]+)",
    re.IGNORECASE,
)
# X escapes these three characters only; if one of them is unescaped, the text was not escaped.
_UNESCAPED = re.compile(r"[<>]|&(?!amp;|lt;|gt;)")
# A post is cut at 280 characters; a wide one counts as two, and the link to the rest as 23.
_MIN_CUT_CHARS = 100


class LongNotes:
    """The full texts of long posts, indexed by the second in which they were written."""

    def __init__(self) -> None:
        self._by_second: dict[int, list[FullText]] = {}

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

    def find_full_text(self, created: int | None, shown: str) -> FullText | None:
        """Return the full text for the cut text ``shown``; null unless exactly one fits."""
        written = self._by_second.get(created // 1_000_000) if created is not None else None
        if not written:
            return None
        for cut in dict.fromkeys(
            (_get_cut_prefix(_LAST_LINK.sub("", shown)), _get_cut_prefix(shown))
        ):
            if cut:
                fitting = {full.text: full for full in written if full.text.startswith(cut)}
                # Of two posts that begin alike, either could be this one.
                if fitting:
                    return fitting.popitem()[1] if len(fitting) == 1 else None
        return None


def _get_cut_prefix(shown: str) -> str:
    """Return the beginning of the full text that a cut text shows; empty if it is not cut."""
    shown = shown.rstrip()
    bare = shown.rstrip("\u2026").rstrip()
    return bare if bare != shown or len(bare) >= _MIN_CUT_CHARS else ""


def resolve_text(
    tweet: ArchivedTweet, shown: str, name: str, notes: LongNotes, expand: bool
) -> tuple[str, str]:
    """Return the tweet's full text, and the id of the tweet that it quotes, or empty."""
    shown = unescape(shown) if "&" in shown else shown
    links, media = _collect_links(tweet)
    text = _strip_media_links(shown, media)
    last = _find_last_status_id(text, links)
    full = notes.find_full_text(parse_micros(tweet.created_at), text)
    if full is not None:
        text, links = full.text, {**links, **full.links}
        text = _strip_media_links(text, media)
        last = _find_last_status_id(text, links) or last
    if last == name:  # the link to the rest of a long post
        text = _LAST_LINK.sub("", text) if _find_last_status_id(text, links) == name else text
        last = ""
    if expand and links:
        text = _TCO_LINK.sub(lambda found: links.get(found[0], found[0]), text)
    return text, last


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


def _strip_media_links(text: str, media: set[str]) -> str:
    while media and (word := _LAST_WORD.search(text)) and word[1] in media:
        text = text[: word.start()]
    return text


def _find_last_status_id(text: str, links: Mapping[str, str]) -> str:
    """Return the id of the tweet that the link at the end of a text names, or empty."""
    word = _LAST_WORD.search(text)
    found = _STATUS_URL.match(links.get(word[1], word[1])) if word else None
    return found[1] if found else ""


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
