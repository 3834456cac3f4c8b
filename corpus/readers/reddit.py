"""Read Reddit's monthly dumps (Pushshift, Arctic Shift): comments and submissions.

The dumps are lines of JSON; mirrors of them in Parquet have the same fields as columns. What PRAW
stores of the API has these fields as well, and the API's own answers contain such objects in lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from html import unescape
from typing import Any

import msgspec
from pydantic import Field

from corpus.formats.parquet_file import PARQUET_MAGIC
from corpus.formats.times import (
    LAST_SECOND_OF_NUMBERS,
    is_blank,
    mark_unreadable,
    parse_given_int64,
    parse_given_micros,
    parse_micros,
)
from corpus.readers.batches import decode_value
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
)
from corpus.readers.parquet_mirror import read_lines_or_parquet
from corpus.readers.text_parts import fence_indented, join_alts, join_poll
from filters.text.removal_notices import find_notice

PLATFORM = "reddit"
VERSION = 8
TOMBSTONES = True


class Config(JsonConfig):
    """What to read, and which accounts are bots."""

    bots: tuple[str, ...] = Field(
        default=(
            "AutoModerator",
            "autotldr",
            "CommonMisspellingBot",
            "HelperBot_",
            "Mentioned_Videos",
            "MTGCardFetcher",
            "RemindMeBot",
            "SnapshillBot",
            "TotesMessenger",
            "TweetPoster",
            "User_Simulator",
            "WikiTextBot",
            "sneakpeekbot",
            "xkcd_transcriber",
        ),
        description="accounts that are bots, in any letter case",
    )
    bot_suffix: bool = Field(
        default=True, description="an account with a name that ends in 'bot' is a bot, too"
    )
    with_alt: bool = Field(
        default=False, description="add the captions of a gallery's pictures to its text"
    )


class _Meta(msgspec.Struct, gc=False):
    """Arctic Shift's notes about a post's state after it was first collected."""

    was_deleted_later: bool | None = None
    was_initially_deleted: bool | None = None
    removal_type: str | None = None


# Some mirrors in Parquet have text columns only.
_JsonFlag = bool | JsonScalar


class _Row(msgspec.Struct, gc=False):
    """A comment (with a ``body``) or a submission (with a ``title``).

    The fields are in the order of the dumps' keys, so that each is found without a search.
    """

    author: str | None = None
    author_created_utc: JsonScalar = None
    body: str | None = None
    created_utc: JsonScalar = None
    crosspost_parent: str | None = None
    edited: _JsonFlag = None
    id: JsonScalar = None
    is_robot_indexable: _JsonFlag = None
    link_id: str | int | None = None
    meta: _Meta | None = msgspec.field(default=None, name="_meta")
    num_comments: JsonScalar = None
    over18: _JsonFlag = None
    over_18: _JsonFlag = None
    parent_id: str | int | None = None
    poll_data: Any = None
    removed_by_category: str | None = None
    retrieved_on: JsonScalar = None
    retrieved_utc: JsonScalar = None
    score: JsonScalar = None
    selftext: str | None = None
    subreddit: str | None = None
    subreddit_type: Any = None
    title: str | None = None


class _IllustratedRow(_Row, gc=False):
    """A row with the captions of its pictures; each field that is read costs time in all rows."""

    gallery_data: msgspec.Raw = msgspec.Raw()


class _Crosspost(msgspec.Struct, gc=False):
    """What only the few submissions that repeat another one have."""

    crosspost_parent_list: msgspec.Raw = msgspec.Raw()


class _Picture(msgspec.Struct, gc=False):
    caption: str | None = None


class _Gallery(msgspec.Struct, gc=False):
    items: list[_Picture] = []


_COLUMNS = tuple(
    field.encode_name
    for kind in (_IllustratedRow, _Crosspost)
    for field in msgspec.structs.fields(kind)
)


class _PollOption(msgspec.Struct, gc=False):
    text: str | None = None


class _Poll(msgspec.Struct, gc=False):
    """A poll; the question is the submission's title."""

    options: list[_PollOption] | None = None


class _Thing(msgspec.Struct, gc=False):
    """An object of Reddit's API: a comment (t1), a submission (t3) or a list of things."""

    kind: str | None = None
    data: msgspec.Raw = msgspec.Raw()


class _Listing(msgspec.Struct, gc=False):
    children: list[msgspec.Raw] = []


class _Replies(msgspec.Struct, gc=False):
    """The replies to a comment: a list of things, or an empty text."""

    replies: msgspec.Raw = msgspec.Raw()


class _Original(msgspec.Struct, gc=False):
    """The submission that a crosspost repeats."""

    author: str | None = None


_parse_thing = msgspec.json.Decoder(_Thing).decode
_parse_listing = msgspec.json.Decoder(_Listing).decode
_parse_replies = msgspec.json.Decoder(_Replies).decode
#: Subreddits that only chosen people can read.
_PRIVATE_SUBREDDITS = ("private", "gold_only", "gold_restricted", "employees_only")
_parse_crosspost = msgspec.json.Decoder(_Crosspost).decode
_parse_originals = msgspec.json.Decoder(list[_Original]).decode
_parse_gallery = msgspec.json.Decoder(_Gallery).decode
_BY_AUTHOR = ("deleted", "author")
_FIRST_INT64, _LAST_INT64 = -(1 << 63), (1 << 63) - 1
#: More microseconds than any time of an edit has. An author may have edited a post of a dump that
#: does not say whether they did. One that was not edited is older than every edited copy, whenever
#: the dump recorded it: its time is before all others.
_BEFORE_ALL_EDITS = 1 << 60
_FLAGS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
# Family names of people.
_FAMILY_NAMES = ("abbot", "talbot", "cabot")


# These fields together occur in no other format.
_COMMENT_KEYS = {"body", "link_id", "subreddit"}
_SUBMISSION_KEYS = {"title", "selftext", "subreddit"}


def fits(sample: Sample) -> float:
    """Return the share of lines that are comments or submissions."""
    if sample.head.startswith(PARQUET_MAGIC):
        return 0.15  # the column names are at the end of the file, so the plan must name the reader
    return sample.matching_share(
        lambda row: row.keys() >= _COMMENT_KEYS or row.keys() >= _SUBMISSION_KEYS or _is_thing(row)
    )


def _is_thing(row: dict[str, Any]) -> bool:
    kinds = ("Listing", "t1", "t3")
    return row.get("kind") in kinds and isinstance(row.get("data"), dict)


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the comments and submissions of one dump file in batches."""
    return read_lines_or_parquet(
        path,
        config,
        make_decoder(config),
        platform=PLATFORM,
        part_posts=part_posts,
        start=start,
        columns=_COLUMNS,
    )


def make_decoder(config: Config) -> Callable[[bytes], Sequence[Record]]:
    """Return a function that decodes a line to its post."""
    with_alt, new, last_second = config.with_alt, tuple.__new__, LAST_SECOND_OF_NUMBERS
    parse: Callable[[bytes], _Row] = msgspec.json.Decoder(
        _IllustratedRow if with_alt else _Row
    ).decode
    bots = frozenset(name.lower() for name in config.bots)
    suffix = config.bot_suffix

    @lru_cache(maxsize=1 << 16)
    def is_bot(author: str) -> bool:
        name = author.lower()
        return name in bots or (
            suffix and name.endswith("bot") and not name.endswith(_FAMILY_NAMES)
        )

    def decode(line: bytes) -> Sequence[Record]:
        row = parse(line)
        raw = row.id
        # A base-36 id that some tool has converted to a number is unusable.
        if type(raw) is not str or not raw:
            if raw is None and b'"kind"' in line:
                return _decode_things(line, decode)
            raise Refused("no_id")
        if raw[2:3] == "_":
            raw = raw[3:]
        author = row.author
        if not author or (author[0] == "[" and find_notice(author)):
            author = bot = None
        else:
            bot = is_bot(author)
        if (body := row.body) is not None:
            name, kind, parent, root = "reddit:t1_" + raw, "reply", row.parent_id, row.link_id
            text = unescape(body) if "&" in body else body
            if "\n" in text and "\n    " in text:
                text = fence_indented(text)
            # Pushshift's late API has bare numbers here, which are ambiguous.
            parent = "reddit:" + parent if type(parent) is str and parent else None
            root = "reddit:" + root if type(root) is str and root else None
            replies = original_author = None
            withdrawn: str | None = find_notice(body) if body[:1] == "[" else None
        elif row.title is not None:
            name = root = "reddit:t3_" + raw
            text, kind, parent, replies, original_author, withdrawn = _read_submission(row, line)
            body = row.selftext or ""
        else:
            raise Refused("no_text")
        # The forms of values that nearly all rows have are read here, without calls.
        created, score, recorded = row.created_utc, row.score, row.retrieved_on
        over_18, is_indexable, since = row.over_18, row.is_robot_indexable, row.author_created_utc
        edited = row.edited
        if over_18 is None:
            over_18 = row.over18
        if recorded is None:
            recorded = row.retrieved_utc
        seen_at: int | None = None
        if recorded is not None:
            if type(recorded) is int and 0 <= recorded <= last_second:
                seen_at = recorded * 1_000_000
            else:
                seen_at = parse_micros(recorded)
            if seen_at is not None and edited is not None:
                seen_at -= _BEFORE_ALL_EDITS
        if withdrawn is None and (
            author is None
            or row.meta is not None
            or row.removed_by_category
            or (is_indexable is not None and is_indexable is not True)
        ):
            withdrawn = _find_withdrawal(row, author, body)
        post = new(
            Post,
            (
                name,
                text,
                kind,
                author,
                row.subreddit,
                created * 1_000_000
                if type(created) is int and 0 <= created <= last_second
                else parse_given_micros(created),
                None,  # lang_hint
                parent,
                root,
                score
                if type(score) is int and _FIRST_INT64 <= score <= _LAST_INT64
                else parse_given_int64(score),
                replies,
                over_18 if over_18 is None or type(over_18) is bool else _parse_given_flag(over_18),
                bot,
                None,  # license
                withdrawn,
                None,  # accepted_id
                None,  # consent
                seen_at,
                None,  # mentions
                original_author,
                None,  # author_name
                None,  # edited_at
                since * 1_000_000
                if type(since) is int and 0 <= since <= last_second
                else parse_micros(since),
            ),
        )
        if with_alt and isinstance(row, _IllustratedRow) and bytes(row.gallery_data)[:1] == b"{":
            post = post._replace(text=join_alts(post.text, _list_captions(row.gallery_data)))
        audience = row.subreddit_type
        if audience is not None and audience != "public" and audience in _PRIVATE_SUBREDDITS:
            return (post._replace(text="", withdrawn=post.withdrawn or "private"),)
        if edited is None or edited is False or not (edited_at := _find_edit_time(row, post)):
            return (post,)
        return make_versions(post, edited_at, body)

    return decode


def _decode_things(line: bytes, decode: Callable[[bytes], Sequence[Record]]) -> Sequence[Record]:
    """Decode an answer of Reddit's API: each comment and submission, with all replies."""
    records: list[Record] = []
    # Without recursion, because threads are deep. A thing comes before its replies.
    pending = [line]
    while pending:
        thing = _parse_thing(pending.pop())
        data = bytes(thing.data)
        if thing.kind == "Listing":
            pending += [bytes(child) for child in reversed(_parse_listing(data).children)]
        elif thing.kind in ("t1", "t3"):
            records += decode_value(data, decode)
            replies = bytes(_parse_replies(data).replies)
            pending += [replies] if replies[:1] == b"{" else []
        elif thing.kind is None:
            raise Refused("no_id")
        else:
            records.append(Skipped(thing.kind if thing.kind in ("more", "t2", "t5") else "thing"))
    return records


def _read_submission(
    row: _Row, line: bytes
) -> tuple[str, str, str | None, int | None, str | None, str | None]:
    """Return a submission's text, kind, parent, number of replies, and original author.

    The last value is the reason that a notice in place of the text gives.
    """
    title, body = row.title or "", row.selftext or ""
    notice = find_notice(body) if body[:1] == "[" else None
    shown = fence_indented(body) if "\n" in body and "\n    " in body else body
    text = title if notice or not body else f"{title}\n\n{shown}" if title else shown
    if row.poll_data is not None and not notice:
        text = join_poll(text, _list_options(row.poll_data))
    origin = row.crosspost_parent
    return (
        unescape(text) if "&" in text else text,
        "repost" if origin else "post",
        "reddit:" + origin if origin else None,
        parse_given_int64(row.num_comments),
        _find_original_author(line) if origin else None,
        notice or (find_notice(title) if title[:1] == "[" else None),
    )


def _list_captions(gallery: msgspec.Raw) -> list[str]:
    """Return the captions of a gallery's pictures; none of a malformed one."""
    try:
        captions = [picture.caption for picture in _parse_gallery(gallery).items]
    except msgspec.DecodeError:
        return []
    return [unescape(caption) for caption in captions if caption]


def _list_options(poll: object) -> list[str | None]:
    """Return the options of a poll; none of a malformed one."""
    try:
        return [option.text for option in msgspec.convert(poll, _Poll).options or ()]
    except msgspec.ValidationError:
        return []


def _find_original_author(line: bytes) -> str | None:
    """Return who wrote the submission that a crosspost repeats, if the dump has it."""
    try:
        raw = bytes(_parse_crosspost(line).crosspost_parent_list)
        originals = _parse_originals(raw) if raw[:1] == b"[" else []
    except msgspec.DecodeError:
        return None
    author = originals[0].author if originals else None
    return None if not author or author[0] == "[" else author


def _find_edit_time(row: _Row, post: Post) -> int | None:
    """Return when the author edited the post; null if never.

    Reddit once gave ``true`` for the time: then it is the time of the recording, or if there is
    none, just after the post was made.
    """
    edited_at = parse_micros(row.edited) if type(row.edited) is not bool else None
    if edited_at is not None and edited_at > max(0, post.created_at or 0):
        return edited_at
    if not _parse_flag(row.edited):
        return None
    recorded = row.retrieved_on if row.retrieved_on is not None else row.retrieved_utc
    return parse_micros(recorded) or max(0, post.created_at or 0) + 1


def _find_withdrawal(row: _Row, author: str | None, text: str) -> str | None:
    """Return why this must not be used, or null; deletion by the author takes precedence."""
    meta = row.meta
    if meta is not None:
        if meta.was_deleted_later:
            return "deleted_later"
        if meta.removal_type:
            return "deleted" if meta.removal_type in _BY_AUTHOR else "removed"
        if meta.was_initially_deleted:
            return "deleted"
    # The text of a deleted account: its author has withdrawn it.
    if author is None and row.author:
        return "deleted"
    category = row.removed_by_category
    if category:
        if category in _BY_AUTHOR:
            return "deleted"
        # A text that a moderator has marked but that is still shown may be under review.
        if not text.strip():
            return "removed"
    is_indexable = row.is_robot_indexable
    return "removed" if is_indexable is not None and _parse_flag(is_indexable) is False else None


def _parse_given_flag(value: _JsonFlag) -> bool | None:
    """Parse as :func:`_parse_flag` does; UNREADABLE for a value that is no flag."""
    if value is None or value is True or value is False:
        return value
    flag = _parse_flag(value)
    return mark_unreadable() if flag is None and not is_blank(value) else flag  # type: ignore[return-value]


def _parse_flag(value: _JsonFlag) -> bool | None:
    if value is None or value is True or value is False:
        return value
    return _FLAGS.get(str(value).lower())
