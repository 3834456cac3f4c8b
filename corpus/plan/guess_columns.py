"""Guess which columns of a table are the text, the author, the time and the links of a post."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from corpus.formats.times import parse_int64, parse_micros, parse_with_format

Fields = dict[str, str | list[str]]

#: Objects around the fields of a post, which say nothing about a field.
_WRAPPERS = frozenset(
    (
        "attributes",
        "comment",
        "counts",
        "data",
        "engagement",
        "legacy",
        "metrics",
        "node",
        "post",
        "publicmetrics",
        "record",
        "snippet",
        "source",
        "statistics",
        "stats",
        "status",
        "toplevelcomment",
        "tweet",
    )
)
#: Objects that are the author of a post.
_PEOPLE = frozenset(
    (
        "account",
        "actor",
        "author",
        "authormeta",
        "creator",
        "from",
        "owner",
        "poster",
        "profile",
        "sender",
        "user",
    )
)
#: The names of columns, by the column of a post; the likeliest first. Only letters and digits
#: count, so that ``created_at`` is found by ``createdat``; ``user.`` stands for any of the people.
_NAMES = {
    "id": "idstr id postid commentid tweetid statusid messageid msgid uri cid guid uuid itemid key",
    "text": "rawcontent fulltext text body content contenttext textcontent message messagetext "
    "comment commenttext commentbody commentcontent tweet tweettext posttext postcontent "
    "reviewtext review selftext textdisplay textoriginal caption description summary post status "
    "reply note title headline",
    "author": "username screenname userscreenname authorusername authorname authorhandle handle "
    "user.username user.screenname user.handle user.uniqueid user.acct user.login user.name "
    "user.displayname user.nickname author authordisplayname user by from poster sender nickname "
    "owner creator account name userid authorid uid user.id user.did",
    "created_at": "createdat created createdutc createdtime createtime creationdate creationtime "
    "datecreated publishedat published publisheddate publishdate publishtime datepublished "
    "postedat posted posteddate postdate posttime dateposted timestamp timestampms datetime date "
    "time takenat takenattimestamp sentat senttime commentedat tweetcreatedat dateutc timeutc "
    "createdon epoch unixtime",
    "score": "score likes likecount likescount favoritecount favouritescount favoritescount "
    "favouritecount favorites upvotes ups points numpoints numlikes votes votecount voteup "
    "reactioncount reactionscount reactions hearts diggcount",
    "parent_id": "parentid inreplytostatusidstr inreplytostatusid inreplytotweetid inreplytoid "
    "inreplyto replytoid replytomessageid replytomsgid replytostatusid replytocommentid replyto "
    "repliedto parentcommentid parentpostid parent",
    "root_id": "conversationid conversationidstr rootid threadid linkid topicid discussionid "
    "submissionid",
}
#: The bodies that a title belongs to.
_TITLED = frozenset(["text", "body", "content", "selftext", "description", "summary", "posttext"])
#: Formats of which the order of day and month must be told from the values.
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_NO_PARENT = ("0", "root", "none", "null", "nan")
_MAX_DEPTH, _MAX_PATHS = 5, 500
_FIRST_MICROS, _LAST_MICROS = 600_000_000_000_000, 4_200_000_000_000_000  # 1989 to 2103
_LINK = re.compile(r"(?>\S+?://)\S+")


def guess_fields(rows: Sequence[Mapping[str, Any]]) -> tuple[Fields, str]:
    """Return ``fields`` and ``time_format`` of the table reader for rows like these.

    The fields are in the order of the table of names; one that no column fits is missing.
    """
    columns = _collect_columns(rows)
    named: dict[str, list[str]] = {}  # the columns by their plain names
    for column in sorted(columns, key=lambda column: (column.count("."), len(column))):
        for name in _list_plain_names(column):
            named.setdefault(name, []).append(column)

    def find(field: str, fits: Callable[[list[Any]], bool]) -> str | None:
        for name in _NAMES[field].split():
            for column in named.get(name, ()):
                if fits(columns[column]):
                    return column
        return None

    count, time_format = len(rows), ""
    fields: Fields = {}
    if found := find("id", lambda values: _are_ids(values, count)):
        fields["id"] = found
    if text := find("text", _are_texts) or _find_longest_text(columns):
        titles = [column for column in named.get("title", ()) if column != text]
        is_titled = not _TITLED.isdisjoint(_list_plain_names(text))
        if is_titled and titles and _are_titles(columns[titles[0]], count):
            fields["text"] = [titles[0], text]
        else:
            fields["text"] = text
    if found := find("author", _are_scalars):
        fields["author"] = found
    if found := find("created_at", _are_times):
        fields["created_at"] = found
    else:
        for clock in _CLOCKS:
            formats = [order + clock for order in ("%d/%m/%Y", "%m/%d/%Y")]
            orders = [(find("created_at", _make_time_test(one)), one) for one in formats]
            possible = [(column, one) for column, one in orders if column is not None]
            if len(possible) == 1:
                fields["created_at"], time_format = possible[0]
    for field, fits in (("score", _are_counts), ("parent_id", _are_parents)):
        if (found := find(field, fits)) and found not in fields.values():
            fields[field] = found
    if (found := find("root_id", _are_scalars)) and found not in fields.values():
        fields["root_id"] = found
    return fields, time_format


def list_columns(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the columns of rows, with dotted paths into objects."""
    return list(_collect_columns(rows))


def _collect_columns(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the values that are neither null nor empty, by column or dotted path."""
    columns: dict[str, list[Any]] = {}

    def collect(row: Mapping[str, Any], prefix: str, depth: int) -> None:
        for key, value in row.items():
            path = prefix + key
            if isinstance(value, Mapping) and key and depth < _MAX_DEPTH:
                collect(value, path + ".", depth + 1)
            elif path and (path in columns or len(columns) < _MAX_PATHS):
                values = columns.setdefault(path, [])
                if value is not None and value != "":
                    values.append(value)

    for row in rows:
        collect(row, "", 1)
    return columns


def _list_plain_names(column: str) -> list[str]:
    """Return the names to look a column up by; none for a field of another object."""
    *outer, last = (re.sub(r"[^a-z0-9]", "", part.lower()) for part in column.split("."))
    if last in ("oid", "date", "numberlong", "numberint") and "$" in column and outer:
        last = outer.pop()  # as MongoDB writes ids and times
    outer = [name for name in outer if name not in _WRAPPERS]
    if not outer:
        return [last]
    return [f"user.{last}"] if len(outer) == 1 and outer[0] in _PEOPLE else []


def _are_scalars(values: list[Any]) -> bool:
    return bool(values) and not any(isinstance(value, (dict, list, bool)) for value in values)


def _are_ids(values: list[Any], count: int) -> bool:
    """Return whether nearly all rows have a value, and nearly all values are different."""
    if not _are_scalars(values) or len(values) < 0.5 * count:
        return False
    return len(values) == 1 or len({str(value) for value in values}) >= 0.9 * len(values)


def _are_texts(values: list[Any]) -> bool:
    """Return whether there are texts among the values, which are no numbers and no links."""
    texts = [value for value in values if isinstance(value, str)]
    plain = [text for text in texts if not _LINK.fullmatch(text) and not _is_number(text)]
    return bool(texts) and 2 * len(plain) >= len(values)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _find_longest_text(columns: Mapping[str, list[Any]]) -> str | None:
    """Return the column with the longest texts of several words, if it has no known name."""
    best, best_chars = None, 0.0
    for column, values in columns.items():
        if not _list_plain_names(column) or not _are_texts(values):
            continue
        texts = [value for value in values if isinstance(value, str)]
        words = sum(len(text.split()) for text in texts) / len(texts)
        chars = sum(map(len, texts)) / len(texts)
        if words >= 4 and chars > best_chars:
            best, best_chars = column, chars
    return best


def _are_titles(values: list[Any], count: int) -> bool:
    """Return whether most rows have a title of their own, not that of a thread."""
    texts = {value for value in values if isinstance(value, str)}
    return _are_texts(values) and len(values) >= 0.5 * count and len(texts) >= 0.9 * len(values)


def _are_times(values: list[Any]) -> bool:
    def is_time(value: Any) -> bool:
        micros = parse_micros(value)
        return isinstance(value, date) or (
            micros is not None and _FIRST_MICROS <= micros <= _LAST_MICROS
        )

    return _most(values, is_time)


def _make_time_test(time_format: str) -> Callable[[list[Any]], bool]:
    return lambda values: (
        bool(values)
        and all(
            isinstance(value, str) and parse_with_format(value, time_format) is not None
            for value in values
        )
    )


def _are_counts(values: list[Any]) -> bool:
    return _are_scalars(values) and _most(values, lambda value: parse_int64(value) is not None)


def _are_parents(values: list[Any]) -> bool:
    """Return whether the values name posts, and no value stands for the lack of a parent."""
    return _are_scalars(values) and not any(str(value).lower() in _NO_PARENT for value in values)


def _most(values: list[Any], test: Callable[[Any], bool]) -> bool:
    return bool(values) and sum(map(test, values)) >= 0.8 * len(values)
