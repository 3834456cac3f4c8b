"""What X's stream, API and archive share: ids, languages, mentions, links, versions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

import msgspec

from corpus.readers.contract import JsonScalar, Tombstone

#: X's codes for no or an unknown language, and codes that ISO 639-1 has replaced.
LANGUAGE_CODES: dict[str, str | None] = {
    "in": "id",
    "iw": "he",
    "und": None,
    "qam": None,
    "qct": None,
    "qht": None,
    "qme": None,
    "qst": None,
    "zxx": None,
    "art": None,
    "": None,
}
#: In a list of countries: all of them (XX), and all of them after a copyright claim (XY).
EVERYWHERE_CODES = frozenset(("XX", "XY"))


def parse_x_id(text: str | None, number: JsonScalar = None) -> str:
    """Return an id in digits, from its text form if there is one; empty if neither is usable."""
    if text is None and type(number) is str:
        text = number
    if text:
        return text if text.isdecimal() and text.isascii() else ""
    # A float has lost its last digits and names another post.
    return str(number) if type(number) is int and number >= 0 else ""


class _MentionedUser(msgspec.Struct, gc=False):
    """A user mentioned in a text, in API v1.1 or v2 (``username``)."""

    id: JsonScalar = None
    id_str: str | None = None
    screen_name: str | None = None
    username: str | None = None


class _Entities(msgspec.Struct, gc=False):
    user_mentions: list[_MentionedUser] | None = None
    mentions: list[_MentionedUser] | None = None


class ShortLink(msgspec.Struct, gc=False):
    """A t.co link and its target; for a picture, the link in the text that stands for it."""

    url: str | None = None
    expanded_url: str | None = None


class _Links(msgspec.Struct, gc=False):
    urls: list[ShortLink] | None = None


class _Media(msgspec.Struct, gc=False):
    """A picture or a video in API v1.1."""

    ext_alt_text: str | None = None


class _MediaEntities(msgspec.Struct, gc=False):
    media: list[_Media] | None = None


#: Notices that take earlier ones back, and their reasons as tombstones.
LIFTING_REASONS = {
    "undrop": "returned",
    "user_undelete": "undeleted",
    "user_unprotect": "unprotected",
    "user_unsuspend": "returned",
}
#: The address of a tweet; its group is the tweet's id.
STATUS_URL = re.compile(
    r"https?://(?:www\.|mobile\.|m\.)?(?:twitter|x)\.com/(?:\w+|i/web)/status(?:es)?/([0-9]+)",
    re.IGNORECASE,
)
_parse_entities = msgspec.json.Decoder(_Entities).decode
_parse_links = msgspec.json.Decoder(_Links).decode
_parse_media = msgspec.json.Decoder(_MediaEntities).decode
#: A key of pictures that have a description; most pictures of API v1.1 have none.
ALT_KEY = b'"ext_alt_text"'


def iter_mentioned_users(*entities: msgspec.Raw) -> Iterator[tuple[str | None, str]]:
    """Yield the name and id of each mentioned user; malformed entities are ignored."""
    for raw in entities:
        try:
            parsed = _parse_entities(raw)
        except msgspec.DecodeError:  # also of none
            continue
        for user in (*(parsed.user_mentions or ()), *(parsed.mentions or ())):
            yield user.screen_name or user.username, parse_x_id(user.id_str, user.id)


def list_alts(extended_entities: msgspec.Raw) -> list[str | None]:
    """Return the descriptions of the pictures of a tweet in API v1.1; none of malformed ones."""
    try:
        parsed = _parse_media(extended_entities) if bytes(extended_entities) else _MediaEntities()
    except msgspec.DecodeError:
        return []
    return [one.ext_alt_text for one in parsed.media or ()]


def split_last_word(text: str) -> tuple[str, str]:
    """Return a text before the white space in front of its last word, and that word.

    Both are empty if there is none.
    """
    words = text.rsplit(None, 1)
    if not words:
        return "", ""
    begin = len(text.rstrip()) - len(words[-1])
    return text[: max(begin - 1, 0)], words[-1]


def strip_media_links(text: str, media: Collection[str]) -> str:
    """Return a text without the links at its end that stand for pictures and videos."""
    while media:
        rest, word = split_last_word(text)
        if word not in media:
            break
        text = rest
    return text


def strip_quote_link(text: str, link: str | None) -> str:
    """Return a quote's text without the link that X appends for the tweet that it quotes."""
    stripped = text.rstrip()
    return stripped[: -len(link)].rstrip() if link and stripped.endswith(link) else text


def find_quote_link(entities: msgspec.Raw, quoted: str) -> str | None:
    """Return the short link that stands for the tweet ``quoted``; malformed entities have none."""
    try:
        links = _parse_links(entities).urls if bytes(entities) else None
    except msgspec.DecodeError:
        return None
    for link in links or ():
        found = STATUS_URL.match(link.expanded_url or "")
        if found and found[1] == quoted:
            return link.url
    return None


def normalize_language(code: str | None) -> str | None:
    """Return X's language code as ISO 639; null for its codes for no or an unknown language."""
    return LANGUAGE_CODES.get(code, code) if code is not None else None


def is_withheld_everywhere(countries: list[str] | str | None) -> bool:
    """Return whether a list of countries, or its comma-separated form, includes all countries."""
    listed = countries.split(",") if isinstance(countries, str) else countries or ()
    return not EVERYWHERE_CODES.isdisjoint(listed)


def make_superseded_tombstones(versions: Iterable[str]) -> list[Tombstone]:
    """Return a tombstone for each older version of a tweet, by its id."""
    return [Tombstone("id", "x:" + version, "superseded") for version in versions if version]
