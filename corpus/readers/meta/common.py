"""The posts and comments in the exports of Facebook and Instagram, as far as they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

JsonTime = int | float | str | None


class MetaEntry(NamedTuple):
    """What a record of either platform says; ``text`` is null if it has no words."""

    text: str | None
    time: JsonTime
    kind: str
    author: str | None = None
    community: str | None = None


# PHP wrote these files: where an object has nothing in it, there is an empty list.
class _Media(msgspec.Struct, gc=False):
    title: str | None = None
    description: str | None = None
    creation_timestamp: JsonTime = None


class _AttachmentData(msgspec.Struct):
    media: _Media | list[Any] | None = None


class _Attachment(msgspec.Struct):
    data: list[_AttachmentData | list[Any]] | None = None


class _Comment(msgspec.Struct, gc=False):
    timestamp: JsonTime = None
    comment: str | None = None
    author: str | None = None
    group: str | None = None


class _FacebookData(msgspec.Struct, gc=False):
    post: str | None = None
    comment: _Comment | list[Any] | None = None


class _FacebookPost(msgspec.Struct):
    timestamp: JsonTime = None
    data: list[_FacebookData | list[Any]] | None = None
    attachments: list[_Attachment | list[Any]] | None = None


class _InstagramValue(msgspec.Struct, gc=False):
    value: str | None = None
    timestamp: JsonTime = None


class _InstagramPost(msgspec.Struct):
    media: list[_Media | list[Any]] | _Media | None = None
    title: str | None = None
    creation_timestamp: JsonTime = None
    string_map_data: dict[str, _InstagramValue | list[Any]] | list[Any] | None = None
    string_list_data: list[_InstagramValue | list[Any]] | None = None


class _Name(msgspec.Struct, gc=False):
    full_name: str | None = None


class _Profile(msgspec.Struct, gc=False):
    name: str | _Name | None = None


class _OwnerFile(msgspec.Struct):
    profile: _Profile | None = None
    profile_v2: _Profile | None = None
    profile_user: list[_InstagramPost] | None = None


# The labels are in the language that the owner uses Instagram in.
_COMMENT_LABELS = frozenset((
    "Comment", "Opmerking", "Kommentar", "Commentaire", "Comentario", "Comentário", "Commento",
    "Komentarz", "Komentar", "Komentář", "Kommentti", "Comentariu", "Yorum", "Комментарий",
    "Коментар", "Σχόλιο", "コメント", "댓글", "评论", "留言",
))  # fmt: skip
_USERNAME_LABELS = ("Username", "Gebruikersnaam", "Benutzername", "Brugernavn", "Nom d’utilisateur")
# Facebook shows a person tagged in a text as "@[100001:2048:Ada Lovelace]".
# A name has an end, or a text full of beginnings would be read to its end from each of them.
_TAGGED_PERSON = re.compile(r"@\[\d{1,30}:\d{1,30}:(?:[^\]\\]|\\.){0,300}\]")

_decode_facebook = msgspec.json.Decoder(_FacebookPost).decode
_decode_instagram = msgspec.json.Decoder(_InstagramPost).decode
_decode_owner = msgspec.json.Decoder(_OwnerFile).decode


def repair_encoding(text: str) -> str:
    """Undo the exports' fault of taking UTF-8 for Latin-1; a text without it stays as it is."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def mask_tagged_people(text: str) -> str:
    """The text with ``@user`` in place of each tagged person's name and number."""
    return _TAGGED_PERSON.sub("@user", text) if "@[" in text else text


def parse_facebook(data: bytes) -> MetaEntry:
    """A post or a comment of Facebook's."""
    row = _decode_facebook(data)
    said = [one for one in row.data or () if isinstance(one, _FacebookData)]
    for one in said:
        if isinstance(one.comment, _Comment):
            comment = one.comment
            time = row.timestamp if comment.timestamp is None else comment.timestamp
            text = repair_encoding(comment.comment) if comment.comment else None
            return MetaEntry(
                text,
                time,
                "reply",
                _repair_optional(comment.author),
                _repair_optional(comment.group),
            )
    captions = [
        thing.media.description
        for attachment in row.attachments or ()
        if isinstance(attachment, _Attachment)
        for thing in attachment.data or ()
        if isinstance(thing, _AttachmentData) and isinstance(thing.media, _Media)
    ]
    return MetaEntry(
        _join_distinct([*(one.post for one in said), *captions]), row.timestamp, "post"
    )


def parse_instagram(data: bytes) -> MetaEntry:
    """A post or a comment of Instagram's."""
    row = _decode_instagram(data)
    if row.string_map_data is not None or row.string_list_data is not None:
        shown = _get_values_by_label(row)
        words = [value.value for label, value in shown.items() if label in _COMMENT_LABELS]
        if row.string_list_data:  # until 2022, and without labels
            words += [one.value for one in row.string_list_data if isinstance(one, _InstagramValue)]
            shown |= {
                str(n): one
                for n, one in enumerate(row.string_list_data)
                if isinstance(one, _InstagramValue)
            }
        times = [value.timestamp for value in shown.values() if value.timestamp]
        return MetaEntry(_join_distinct(words), times[0] if times else None, "reply")
    listed = row.media if isinstance(row.media, list) else [row.media]
    media = [one for one in listed if isinstance(one, _Media)]
    moment = row.creation_timestamp
    if moment is None and media:
        moment = media[0].creation_timestamp
    return MetaEntry(_join_distinct([row.title, *(one.title for one in media)]), moment, "post")


def parse_owner(data: bytes) -> str | None:
    """The account's name, as the profile tells it."""
    row = _decode_owner(data)
    for profile in (row.profile_v2, row.profile):
        name = profile.name if profile is not None else None
        name = name.full_name if isinstance(name, _Name) else name
        if name:
            return repair_encoding(name)
    for user in row.profile_user or ():
        shown = _get_values_by_label(user)
        for label in _USERNAME_LABELS:
            if label in shown and (name := shown[label].value):
                return repair_encoding(name)
    return None


def _get_values_by_label(row: _InstagramPost) -> dict[str, _InstagramValue]:
    pairs = row.string_map_data.items() if isinstance(row.string_map_data, dict) else ()
    return {
        repair_encoding(label): value
        for label, value in pairs
        if isinstance(value, _InstagramValue)
    }


def _repair_optional(text: str | None) -> str | None:
    return repair_encoding(text) if text else None


def _join_distinct(texts: Iterable[str | None]) -> str | None:
    """The texts one under another, each once: an album's caption stands at each of its pictures."""
    found: dict[str, None] = {}
    for text in texts:
        if text and text.strip():
            found[repair_encoding(text)] = None
    return "\n\n".join(found) or None
