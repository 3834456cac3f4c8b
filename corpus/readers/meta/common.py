"""The posts and comments in the exports of Facebook and Instagram, as far as they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

Time = int | float | str | None


class Entry(NamedTuple):
    """What a record of either platform says; ``text`` is null if it has no words."""

    text: str | None
    time: Time
    kind: str
    author: str | None = None
    community: str | None = None


# PHP wrote these files: where an object has nothing in it, there is an empty list.
class _Media(msgspec.Struct, gc=False):
    title: str | None = None
    description: str | None = None
    creation_timestamp: Time = None


class _Attached(msgspec.Struct):
    media: _Media | list[Any] | None = None


class _Attachment(msgspec.Struct):
    data: list[_Attached | list[Any]] | None = None


class _Comment(msgspec.Struct, gc=False):
    timestamp: Time = None
    comment: str | None = None
    author: str | None = None
    group: str | None = None


class _Said(msgspec.Struct, gc=False):
    post: str | None = None
    comment: _Comment | list[Any] | None = None


class _Facebook(msgspec.Struct):
    timestamp: Time = None
    data: list[_Said | list[Any]] | None = None
    attachments: list[_Attachment | list[Any]] | None = None


class _Shown(msgspec.Struct, gc=False):
    value: str | None = None
    timestamp: Time = None


class _Instagram(msgspec.Struct):
    media: list[_Media | list[Any]] | _Media | None = None
    title: str | None = None
    creation_timestamp: Time = None
    string_map_data: dict[str, _Shown | list[Any]] | list[Any] | None = None
    string_list_data: list[_Shown | list[Any]] | None = None


class _Name(msgspec.Struct, gc=False):
    full_name: str | None = None


class _Profile(msgspec.Struct, gc=False):
    name: str | _Name | None = None


class _Owner(msgspec.Struct):
    profile: _Profile | None = None
    profile_v2: _Profile | None = None
    profile_user: list[_Instagram] | None = None


# The labels are in the language that the owner uses Instagram in.
_COMMENT = frozenset((
    "Comment", "Opmerking", "Kommentar", "Commentaire", "Comentario", "Comentário", "Commento",
    "Komentarz", "Komentar", "Komentář", "Kommentti", "Comentariu", "Yorum", "Комментарий",
    "Коментар", "Σχόλιο", "コメント", "댓글", "评论", "留言",
))  # fmt: skip
_USERNAME = ("Username", "Gebruikersnaam", "Benutzername", "Brugernavn", "Nom d’utilisateur")
# Facebook shows a person tagged in a text as "@[100001:2048:Ada Lovelace]".
# A name has an end, or a text full of beginnings would be read to its end from each of them.
_TAGGED = re.compile(r"@\[\d{1,30}:\d{1,30}:(?:[^\]\\]|\\.){0,300}\]")

_parse_facebook = msgspec.json.Decoder(_Facebook).decode
_parse_instagram = msgspec.json.Decoder(_Instagram).decode
_parse_owner = msgspec.json.Decoder(_Owner).decode


def mend(text: str) -> str:
    """Undo the exports' fault of taking UTF-8 for Latin-1; a text without it stays as it is."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def unmarked(text: str) -> str:
    """The text with ``@user`` in place of each tagged person's name and number."""
    return _TAGGED.sub("@user", text) if "@[" in text else text


def facebook(data: bytes) -> Entry:
    """A post or a comment of Facebook's."""
    row = _parse_facebook(data)
    said = [one for one in row.data or () if isinstance(one, _Said)]
    for one in said:
        if isinstance(one.comment, _Comment):
            comment = one.comment
            time = row.timestamp if comment.timestamp is None else comment.timestamp
            text = mend(comment.comment) if comment.comment else None
            return Entry(text, time, "reply", _mended(comment.author), _mended(comment.group))
    captions = [
        thing.media.description
        for attachment in row.attachments or ()
        if isinstance(attachment, _Attachment)
        for thing in attachment.data or ()
        if isinstance(thing, _Attached) and isinstance(thing.media, _Media)
    ]
    return Entry(_joined([*(one.post for one in said), *captions]), row.timestamp, "post")


def instagram(data: bytes) -> Entry:
    """A post or a comment of Instagram's."""
    row = _parse_instagram(data)
    if row.string_map_data is not None or row.string_list_data is not None:
        shown = _labelled(row)
        words = [value.value for label, value in shown.items() if label in _COMMENT]
        if row.string_list_data:  # until 2022, and without labels
            words += [one.value for one in row.string_list_data if isinstance(one, _Shown)]
            shown |= {
                str(n): one for n, one in enumerate(row.string_list_data) if isinstance(one, _Shown)
            }
        times = [value.timestamp for value in shown.values() if value.timestamp]
        return Entry(_joined(words), times[0] if times else None, "reply")
    listed = row.media if isinstance(row.media, list) else [row.media]
    media = [one for one in listed if isinstance(one, _Media)]
    moment = row.creation_timestamp
    if moment is None and media:
        moment = media[0].creation_timestamp
    return Entry(_joined([row.title, *(one.title for one in media)]), moment, "post")


def owner(data: bytes) -> str | None:
    """The account's name, as the profile tells it."""
    row = _parse_owner(data)
    for profile in (row.profile_v2, row.profile):
        name = profile.name if profile is not None else None
        name = name.full_name if isinstance(name, _Name) else name
        if name:
            return mend(name)
    for user in row.profile_user or ():
        shown = _labelled(user)
        for label in _USERNAME:
            if label in shown and (name := shown[label].value):
                return mend(name)
    return None


def _labelled(row: _Instagram) -> dict[str, _Shown]:
    pairs = row.string_map_data.items() if isinstance(row.string_map_data, dict) else ()
    return {mend(label): value for label, value in pairs if isinstance(value, _Shown)}


def _mended(text: str | None) -> str | None:
    return mend(text) if text else None


def _joined(texts: Iterable[str | None]) -> str | None:
    """The texts one under another, each once: an album's caption stands at each of its pictures."""
    found: dict[str, None] = {}
    for text in texts:
        if text and text.strip():
            found[mend(text)] = None
    return "\n\n".join(found) or None
