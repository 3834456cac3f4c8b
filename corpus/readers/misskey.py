"""Read Misskey and its forks: notes of the API, of its streams and of an account's export.

A note's id is the server's own number, with the server if the plan names it, as
``misskey:misskey.example/9abc``: replies and renotes name their originals by this number only, also
those of other servers. Notes of Sharkey, CherryPick, Firefish and other forks have the same form.

Only public notes are read by default; ``home`` notes are the ``unlisted`` ones of Mastodon. Others,
and those that stay on their server (``localOnly``), are counted as withdrawn, without their text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from pydantic import Field

from corpus.formats.times import parse_given_int64, parse_given_micros, parse_int64, parse_micros
from corpus.readers.batches import read_lines
from corpus.readers.contract import (
    Batch,
    Cursor,
    JsonScalar,
    Post,
    Record,
    Refused,
    Sample,
    Skipped,
    Tombstone,
    make_versions,
    match_mentions,
)
from corpus.readers.mastodon.common import Config as FediverseConfig
from corpus.readers.mastodon.common import (
    join_content_warning,
    make_opt_out_finder,
    strip_quote_fallback,
)
from corpus.readers.text_parts import join_alts, join_poll

T = TypeVar("T")

PLATFORM = "misskey"
VERSION = 2
TOMBSTONES = True


class Config(FediverseConfig):
    """What to read, and which server and account the file is from."""

    instance: str = Field(
        default="",
        description="the server that was queried, such as 'misskey.example'; it becomes a part of "
        "each id and of the names of the server's own accounts, so that several servers' dumps can "
        "be read together",
    )
    account: str = Field(
        default="",
        description="the account of an export, as the author of its notes; the export has no name",
    )


class _Account(msgspec.Struct, gc=False):
    """An account; few objects have all of these fields."""

    id: JsonScalar = None
    username: str | None = None
    host: str | None = None  # null: of the server that was queried
    name: str | None = None
    description: str | None = None
    is_bot: Any = msgspec.field(default=None, name="isBot")
    is_suspended: Any = msgspec.field(default=None, name="isSuspended")
    is_deleted: Any = msgspec.field(default=None, name="isDeleted")
    no_crawl: Any = msgspec.field(default=None, name="noCrawle")
    no_learning: Any = msgspec.field(default=None, name="preventAiLearning")
    sign_in: Any = msgspec.field(default=None, name="requireSigninToViewContents")
    is_indexable: Any = msgspec.field(default=None, name="isIndexable")
    noindex: Any = None


class _File(msgspec.Struct, gc=False):
    comment: str | None = None
    is_sensitive: Any = msgspec.field(default=None, name="isSensitive")


class _Choice(msgspec.Struct, gc=False):
    text: str | None = None


class _Poll(msgspec.Struct, gc=False):
    """A poll; an export has its choices as texts."""

    choices: list[str | _Choice] | None = None


class _Channel(msgspec.Struct, gc=False):
    name: str | None = None


class _Note(msgspec.Struct):
    """A note.

    Parts that few notes have are loosely typed, so that a fault in one does not cost the note.
    """

    id: JsonScalar = None
    text: str | None = None
    cw: str | None = None
    user_id: JsonScalar = msgspec.field(default=None, name="userId")
    user: _Account | None = None
    created: JsonScalar = msgspec.field(default=None, name="createdAt")
    updated: JsonScalar = msgspec.field(default=None, name="updatedAt")
    deleted: JsonScalar = msgspec.field(default=None, name="deletedAt")
    visibility: str | None = None
    local_only: Any = msgspec.field(default=None, name="localOnly")
    is_hidden: Any = msgspec.field(default=None, name="isHidden")
    reply_id: JsonScalar = msgspec.field(default=None, name="replyId")
    renote_id: JsonScalar = msgspec.field(default=None, name="renoteId")
    reply: Any = None
    renote: _Note | None = None
    files: Any = None
    file_ids: list[Any] | None = msgspec.field(default=None, name="fileIds")
    poll: Any = None
    channel: Any = None
    lang: str | None = None
    mentions: Any = None  # the numbers of the accounts, without their names
    reactions: Any = None
    reaction_count: JsonScalar = msgspec.field(default=None, name="reactionCount")
    replies: JsonScalar = msgspec.field(default=None, name="repliesCount")


class _Line(_Note):
    """A note, or an object that contains one: an event of a stream, a notification, a favourite."""

    type: Any = None
    body: msgspec.Raw = msgspec.Raw()
    note: msgspec.Raw = msgspec.Raw()


_VISIBILITIES = {"public": "public", "home": "unlisted", "public_non_ltl": "unlisted"}
_NOTE_VISIBILITIES = (*_VISIBILITIES, "followers", "specified", "hidden")
_EVENT_TYPES = ("channel", "note", "mention", "reply", "renote", "noteUpdated")
_LOCAL_MENTION = re.compile(r"(?<![\w@/.-])@(\w{1,128})(?![\w@])", re.ASCII)
_MAX_LEVELS = 4  # of the objects around a note

_parse_line = msgspec.json.Decoder(_Line).decode


def fits(sample: Sample) -> float:
    """Return the share of lines that are notes, or objects that contain one."""
    return sample.matching_share(_is_note_or_event)


def _is_note_or_event(row: dict[str, Any]) -> bool:
    if isinstance(row.get("note"), dict) and "id" in row:
        return _is_note(row["note"])
    body = row.get("body")
    if row.get("type") in _EVENT_TYPES and isinstance(body, dict):
        inner = body.get("body")
        return "id" in body and (body.get("type") == "deleted" or isinstance(inner, dict))
    return _is_note(row)


def _is_note(row: dict[str, Any]) -> bool:
    has_keys = {"id", "createdAt", "text", "visibility"} <= row.keys()
    return (
        has_keys and row["visibility"] in _NOTE_VISIBILITIES and bool({"cw", "userId"} & row.keys())
    )


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the notes of one file in batches."""
    decode = NoteDecoder(config).decode
    return read_lines(path, config, decode, platform=PLATFORM, part_posts=part_posts, start=start)


class NoteDecoder:
    """Decodes lines to posts."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._prefix = f"misskey:{config.instance}/" if config.instance else "misskey:"
        self._has_opt_out: Callable[[str], bool] = make_opt_out_finder(config)

    def decode(self, line: bytes) -> Sequence[Record]:
        """Decode a line: a note, or an object with a note in it."""
        row = _parse_line(line)
        for _ in range(_MAX_LEVELS):
            if bytes(row.body)[:1] == b"{" and type(row.type) is str:
                if row.type == "deleted":
                    return (Tombstone("id", self._make_id(row.id), "deleted_later"),)
                event, row = row, _parse_line(row.body)
                if row.id is None:
                    row.id = event.id
            elif bytes(row.note)[:1] == b"{":
                row = _parse_line(row.note)
            else:
                return self._make_records(row)
        raise Refused("wrong_type")

    def _make_id(self, value: JsonScalar) -> str:
        if type(value) is not str or not value.isalnum():
            raise Refused("no_id")
        return self._prefix + value

    def _make_records(self, note: _Note) -> Sequence[Record]:
        """Return the post of a note, and tombstones of its author's other posts and versions."""
        name = self._make_id(note.id)
        original = note.renote if _is_pure_renote(note) else None
        source = note if original is None else original
        if original is None and _is_pure_renote(note):
            return (Skipped("reference"),)  # an export has only the number of the original
        poll = _convert(note.poll, _Poll) or _convert(source.poll, _Poll)
        files = _convert(source.files, list[_File]) or []
        has_more = bool(files or source.file_ids or source.cw or poll)
        author, tombstones = self._make_author(note), list[Tombstone]()
        withdrawn = self._find_withdrawal(note, author, tombstones)
        kind, parent, root = "post", None, None
        if original is not None:
            kind, parent = "repost", self._make_id(original.id)
            writer = self._make_author(original)
            withdrawn = withdrawn or self._find_withdrawal(original, writer, tombstones)
        elif note.reply_id is not None:
            kind, parent = "reply", self._make_id(note.reply_id)
        else:
            kind, root = "quote" if note.renote_id is not None else "post", name
        if source.text is None and not has_more and withdrawn is None:
            raise Refused("no_text")
        text = ""
        if self._is_readable(note) and self._is_readable(source):
            text = self._make_text(source, files, poll)
        account, channel = note.user or _Account(), _convert(note.channel, _Channel)
        post = Post(
            name,
            text,
            kind,
            author,
            channel.name if channel is not None else None,
            parse_given_micros(note.created),
            source.lang or None,
            parent,
            root,
            _count_reactions(note),
            parse_given_int64(note.replies),
            bool(source.cw) or any(file.is_sensitive is True for file in files),
            account.is_bot if type(account.is_bot) is bool else None,
            None,  # license
            withdrawn,
            mentions=match_mentions(text, self._list_known_accounts(note, source, text)),
            original_author=self._make_author(original) if original is not None else None,
            author_name=account.username,
        )
        edited = parse_micros(source.updated)
        if original is not None and parent is not None and edited is not None:
            return post, Tombstone("id", parent, "superseded", edited), *tombstones
        return (*make_versions(post, edited), *tombstones)

    def _make_author(self, note: _Note) -> str | None:
        """Return ``user@host``, or the account's number if the host is not known."""
        account = note.user or _Account()
        host = account.host or self._config.instance
        if account.username and host:
            return f"{account.username}@{host.lower()}"
        number = account.id or note.user_id
        return number if type(number) is str and number else self._config.account or None

    def _list_known_accounts(
        self, note: _Note, source: _Note, text: str
    ) -> list[tuple[str | None, str | None]]:
        """Return the accounts that the text of ``source`` may name, as far as the note has them.

        A mention without a host is of an account on the server of the one who wrote it.
        """
        notes = (note, note.renote, _convert(note.reply, _Note))
        found = [(one.user.username, self._make_author(one)) for one in notes if one and one.user]
        writer = source.user or _Account()
        host = writer.host or self._config.instance
        if host and source.mentions and "@" in text:
            known = {(name or "").lower() for name, _ in found}
            local = [name for name in _LOCAL_MENTION.findall(text) if name.lower() not in known]
            found += [(name, f"{name}@{host.lower()}") for name in local]
        return list(found)

    def _find_withdrawal(
        self, note: _Note, author: str | None, tombstones: list[Tombstone]
    ) -> str | None:
        """Return why a note must not be used, or null.

        Appends what applies to the author's other posts to ``tombstones``.
        """
        account, reason = note.user or _Account(), None
        if note.deleted is not None or account.is_deleted is True:
            return "deleted"
        if account.is_suspended is True:
            return "removed"
        if self._has_opted_out(account):
            reason = "opted_out"
            if author is not None:
                tombstones.append(Tombstone("author", f"{PLATFORM}:{author}", "opted_out"))
        elif self._config.require_indexable and account.is_indexable is not True:
            reason = "opted_out"
        return reason if self._is_readable(note) else "private"

    def _has_opted_out(self, account: _Account) -> bool:
        refusals = (account.no_crawl, account.no_learning, account.sign_in, account.noindex)
        if self._config.honour_noindex and (True in refusals or account.is_indexable is False):
            return True
        return any(self._has_opt_out(part) for part in (account.name, account.description) if part)

    def _is_readable(self, note: _Note) -> bool:
        """Return whether a note is for the public that the config names."""
        return (
            _VISIBILITIES.get(note.visibility or "") in self._config.visibility
            and note.local_only is not True
            and note.is_hidden is not True
        )

    def _make_text(self, note: _Note, files: Sequence[_File], poll: _Poll | None) -> str:
        text = mfm_to_text(note.text or "")
        if note.renote_id is not None:
            text = strip_quote_fallback(text)
        if poll is not None:
            choices = [one.text if isinstance(one, _Choice) else one for one in poll.choices or ()]
            text = join_poll(text, choices)
        if self._config.with_alt:
            text = join_alts(text, (file.comment for file in files))
        return join_content_warning(text, note.cw, self._config)


def _is_pure_renote(note: _Note) -> bool:
    """Return whether a note only repeats another one; with words of its own it is a quote."""
    has_own = note.text or note.cw or note.poll or note.file_ids or note.files
    return note.renote_id is not None and not has_own


def _convert(part: object, shape: type[T]) -> T | None:
    """Return a part of a note; a malformed one does not cost the note."""
    try:
        return msgspec.convert(part, shape)
    except msgspec.ValidationError:
        return None


def _count_reactions(note: _Note) -> int | None:
    if note.reaction_count is not None:
        return parse_given_int64(note.reaction_count)
    if not isinstance(note.reactions, dict):
        return None
    return parse_int64(sum(parse_int64(count) or 0 for count in note.reactions.values()))


# --------------------------------------------------------------------------- MFM

# Code, whose marks are text; the beginnings and ends of functions and of brackets; tags; links.
_MFM = re.compile(
    r"(?P<code>```[\s\S]*?```|`[^`\n]+`)"
    r"|(?P<plain><plain>[^<]{0,2000}</plain>)"
    r"|(?P<tag></?(?:b|i|s|small|center)>)"
    r"|(?P<begin>\$\[[a-z0-9_]{1,32}(?:\.[^\s\[\]]{1,200})?[ \u3000\n])"
    r"|(?P<link>\??\[[^\[\]\n]{1,500}\]\(<?https?://[^\s()<>]{1,2000}>?\))"
    r"|(?P<open>\[)|(?P<close>\])"
)
_MFM_SIGNS = ("$[", "<", "](")


def mfm_to_text(text: str) -> str:
    """Return a text without the markup that only changes its looks, such as ``$[x2 text]``.

    A link becomes its label; code, and the marks that Markdown has as well, stay.
    """
    if not any(sign in text for sign in _MFM_SIGNS):
        return text
    out: list[str] = []
    opened: list[int] = []  # the piece of each open bracket
    done = 0
    for match in _MFM.finditer(text):
        out.append(text[done : match.start()])
        done, piece = match.end(), match[0]
        if match["plain"]:
            piece = piece.removeprefix("<plain>").removesuffix("</plain>")
        elif match["tag"]:
            piece = ""
        elif match["link"]:
            piece = piece.lstrip("?")[1:].partition("](")[0]
        elif match["begin"] or match["open"]:
            opened.append(len(out))
        elif match["close"] and opened:
            begin = opened.pop()
            if out[begin] != "[":
                piece = _read_ruby(out, begin) if out[begin].startswith("$[ruby") else ""
                out[begin] = ""
        out.append(piece)
    return "".join([*out, text[done:]])


def _read_ruby(out: list[str], begin: int) -> str:
    """Put a word's reading, which is behind its last space, into brackets.

    The word is replaced in ``out``, and the rest returned. Longer contents stay as they are, so
    that nested ones are not copied again and again.
    """
    pieces = out[begin + 1 : begin + 10]
    content = "".join(pieces).strip() if len(out) - begin < 10 else ""
    if " " not in content or len(content) > 200:
        return ""
    base, _, reading = content.rpartition(" ")
    del out[begin + 1 :]
    return f"{base.rstrip()}({reading})"
