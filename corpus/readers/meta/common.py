"""Parse the posts and comments in the exports of Facebook and Instagram."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from corpus.readers.contract import JsonScalar
from corpus.readers.text_parts import join_poll


class MetaEntry(NamedTuple):
    """A post or comment of either platform; ``text`` is null if it has none."""

    text: str | None
    time: JsonScalar
    kind: str
    author: str | None = None
    is_restricted: bool = False  # the record itself says that not everybody could see it


# The files are written by PHP, where an empty object is an empty list.
class _Media(msgspec.Struct, gc=False):
    title: str | None = None
    description: str | None = None
    creation_timestamp: JsonScalar = None


class _PollOption(msgspec.Struct, gc=False):
    option: str | None = None


class _Poll(msgspec.Struct, gc=False):
    question: str | None = None
    options: list[_PollOption] | None = None


class _AttachmentData(msgspec.Struct):
    media: _Media | list[Any] | None = None
    poll: _Poll | list[Any] | None = None


class _Attachment(msgspec.Struct):
    data: list[_AttachmentData | list[Any]] | None = None


class _Comment(msgspec.Struct, gc=False):
    timestamp: JsonScalar = None
    comment: str | None = None
    author: str | None = None
    group: Any = None


class _FacebookData(msgspec.Struct):
    post: str | None = None
    group: Any = None
    comment: _Comment | list[Any] | None = None


class _FacebookPost(msgspec.Struct):
    timestamp: JsonScalar = None
    data: list[_FacebookData | list[Any]] | None = None
    attachments: list[_Attachment | list[Any]] | None = None
    title: Any = None  # what the owner did, in the language of their settings
    group: Any = None
    audience: Any = None
    privacy: Any = None
    label_values: Any = None


class _InstagramValue(msgspec.Struct, gc=False):
    value: str | None = None
    timestamp: JsonScalar = None


class _InstagramPost(msgspec.Struct):
    media: list[_Media | list[Any]] | _Media | None = None
    title: str | None = None
    creation_timestamp: JsonScalar = None
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


#: The labels are in the language of the owner's settings.
COMMENT_LABELS = frozenset((
    "Comment", "Opmerking", "Kommentar", "Commentaire", "Comentario", "Comentário", "Commento",
    "Komentarz", "Komentar", "Komentář", "Kommentti", "Comentariu", "Yorum", "Комментарий",
    "Коментар", "Σχόλιο", "コメント", "댓글", "评论", "留言",
))  # fmt: skip
USERNAME_LABELS = ("Username", "Gebruikersnaam", "Benutzername", "Brugernavn", "Nom d’utilisateur")
# What the titles of posts to a group or to another person's page say; others name the owner alone.
_TO_OTHERS = re.compile(
    r"\b(?:posted|commented on a (?:post|photo)|replied to a comment|asked a question"
    r"|shared a (?:post|link|photo|video|memory)|created a poll"
    r"|added (?:a|\d+) (?:new )?(?:photo|video)s?) (?:in|to) (?!(?:his|her|their) )"
    r"|\b(?:commented on|replied to) [^.]{0,200}['\u2019]s [^.]{0,60} in (?!(?:his|her|their) )"
    r"|\bwrote on .*?(?:timeline|wall|profile)\b"
    r"|\bhat (?:etwas )?in .* gepostet\b|\bChronik (?:geschrieben|gepostet)\b|\bin der Gruppe\b"
    r"|\ba (?:publié|écrit) (?:dans|sur le (?:journal|profil|mur) de)\b|\bdans le groupe\b"
    r"|\b(?:publicó en|escribió en la biografía de|escribió en el muro de|en el grupo)\b"
    r"|\bha (?:pubblicato (?:un post )?in|scritto sul diario di)\b|\bnel gruppo\b"
    r"|\bheeft .*(?:in de groep|op de tijdlijn van)\b"
    r"|\b(?:publicou em|escreveu na linha do tempo de)\b"
)
_MAX_TITLE_CHARS = 500  # longer ones are no titles, and would take quadratic time
_EVERYBODY = ("public", "everyone", "everybody")
AUDIENCE_LABELS = ("audience", "privacy", "group", "group name", "shared with")
# Facebook shows a person tagged in a text as "@[100001:2048:Ada Lovelace]".
# The length of a name is bounded; else a text of many beginnings would take quadratic time.
_TAGGED_PERSON = re.compile(r"@\[\d{1,30}:\d{1,30}:(?:[^\]\\]|\\.){0,300}\]")

_decode_facebook = msgspec.json.Decoder(_FacebookPost).decode
_decode_instagram = msgspec.json.Decoder(_InstagramPost).decode
_decode_owner = msgspec.json.Decoder(_OwnerFile).decode


def repair_encoding(text: str) -> str:
    """Undo the exports' fault of reading UTF-8 as Latin-1; other texts are unchanged."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def mask_tagged_people(text: str) -> str:
    """Replace the name and number of each tagged person by ``@user``."""
    return _TAGGED_PERSON.sub("@user", text) if "@[" in text else text


def parse_facebook(data: bytes) -> MetaEntry:
    """Parse a post or a comment of Facebook."""
    row = _decode_facebook(data)
    posts = [one for one in row.data or () if isinstance(one, _FacebookData)]
    is_restricted = _is_restricted(row) or any(one.group for one in posts)
    for one in posts:
        if isinstance(one.comment, _Comment):
            comment = one.comment
            time = row.timestamp if comment.timestamp is None else comment.timestamp
            text = repair_encoding(comment.comment) if comment.comment else None
            return MetaEntry(
                text,
                time,
                "reply",
                repair_encoding(comment.author) if comment.author else None,
                is_restricted or bool(comment.group),
            )
    if not row.attachments:
        return MetaEntry(
            _join_repaired([one.post for one in posts]),
            row.timestamp,
            "post",
            is_restricted=is_restricted,
        )
    attached = [
        one
        for attachment in row.attachments or ()
        if isinstance(attachment, _Attachment)
        for one in attachment.data or ()
        if isinstance(one, _AttachmentData)
    ]
    captions = [one.media.description for one in attached if isinstance(one.media, _Media)]
    polls = [_show_poll(one.poll) for one in attached if isinstance(one.poll, _Poll)]
    return MetaEntry(
        _join_repaired([*(one.post for one in posts), *captions, *polls]),
        row.timestamp,
        "post",
        is_restricted=is_restricted,
    )


def _show_poll(poll: _Poll) -> str:
    return join_poll(poll.question or "", [one.option for one in poll.options or ()])


def _is_restricted(row: _FacebookPost) -> bool:
    """Return whether a record says that it was for a group, another person's page or a few people.

    The consent of the owner is not that of the others, and a group's name is theirs.
    """
    title = repair_encoding(row.title) if type(row.title) is str else ""
    if row.group or is_written_to_others(title):
        return True
    if not (row.audience or row.privacy or row.label_values):
        return False
    audiences = [row.audience, row.privacy]
    for entry in row.label_values if isinstance(row.label_values, list) else ():
        if isinstance(entry, dict) and str(entry.get("label")).lower() in AUDIENCE_LABELS:
            audiences.append(entry.get("value"))
    return any(
        is_audience_limited(audience.get("value") if isinstance(audience, dict) else audience)
        for audience in audiences
    )


@lru_cache(maxsize=1 << 12)  # an account's titles are few
def is_written_to_others(title: str) -> bool:
    """Return whether a title says that a post is in a group or on another person's page."""
    return _TO_OTHERS.search(title[:_MAX_TITLE_CHARS]) is not None


def is_audience_limited(audience: object) -> bool:
    """Return whether an audience is named that is not everybody."""
    return bool(audience) and str(audience).strip().lower() not in _EVERYBODY


def parse_instagram(data: bytes) -> MetaEntry:
    """Parse a post or a comment of Instagram."""
    row = _decode_instagram(data)
    if row.string_map_data is not None or row.string_list_data is not None:
        values = _get_values_by_label(row)
        words = [value.value for label, value in values.items() if label in COMMENT_LABELS]
        if row.string_list_data:  # until 2022, and without labels
            words += [one.value for one in row.string_list_data if isinstance(one, _InstagramValue)]
            values |= {
                str(n): one
                for n, one in enumerate(row.string_list_data)
                if isinstance(one, _InstagramValue)
            }
        times = [value.timestamp for value in values.values() if value.timestamp]
        return MetaEntry(_join_repaired(words), times[0] if times else None, "reply")
    listed = row.media if isinstance(row.media, list) else [row.media]
    media = [one for one in listed if isinstance(one, _Media)]
    time = row.creation_timestamp
    if time is None and media:
        time = media[0].creation_timestamp
    return MetaEntry(_join_repaired([row.title, *(one.title for one in media)]), time, "post")


def parse_owner(data: bytes) -> str | None:
    """Return the account's name from its profile."""
    row = _decode_owner(data)
    for profile in (row.profile_v2, row.profile):
        name = profile.name if profile is not None else None
        name = name.full_name if isinstance(name, _Name) else name
        if name:
            return repair_encoding(name)
    for user in row.profile_user or ():
        values = _get_values_by_label(user)
        for label in USERNAME_LABELS:
            if label in values and (name := values[label].value):
                return repair_encoding(name)
    return None


def _get_values_by_label(row: _InstagramPost) -> dict[str, _InstagramValue]:
    pairs = row.string_map_data.items() if isinstance(row.string_map_data, dict) else ()
    return {
        repair_encoding(label): value
        for label, value in pairs
        if isinstance(value, _InstagramValue)
    }


def join_distinct(texts: Iterable[str | None]) -> str | None:
    """Join the distinct texts by blank lines: each picture of an album repeats its caption."""
    return "\n\n".join(dict.fromkeys(text for text in texts if text and text.strip())) or None


def _join_repaired(texts: Iterable[str | None]) -> str | None:
    return join_distinct(repair_encoding(text) for text in texts if text)
