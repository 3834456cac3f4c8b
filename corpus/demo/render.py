"""Render invented posts as the records of real dump formats."""

from __future__ import annotations

import csv
import html
import io
import json
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

#: Source to the prefix of its global post ids.
PREFIX = {
    "comments": "reddit:t1_",
    "submissions": "reddit:t3_",
    "stream": "x:",
    "api": "x:",
    "forum": "forum:",
}

Record = dict[str, object]

_STATUS_LENGTH = 140  # characters; X cuts a longer status
_TWEET_LENGTH = 280  # characters; X cuts a longer v2 tweet

# Real dumps of these formats escape everything outside ASCII.
encode_json = json.JSONEncoder(separators=(",", ":")).encode
_encode_plain = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(slots=True)
class Draft:
    """One post before it is rendered as a record of its source."""

    source: str
    seq: int
    category: str
    id: str
    time: int  # milliseconds since 1970
    lang: str = "und"
    community: str = ""
    author: str = ""
    title: str = ""
    text: str = ""
    kind: str = "post"
    variant: str = ""  # the kind within its category
    pii_value: str = ""  # the personal detail it gives away
    copied_from: Draft | None = None  # what it copies
    parent: Draft | None = None  # what it replies to or quotes
    root: Draft | None = None  # the submission of its thread

    @property
    def global_id(self) -> str:
        """The id that the corpus gives to this post."""
        return PREFIX[self.source] + self.id


def to_base36(number: int) -> str:
    """Return ``number`` as Reddit writes its ids."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits


def _user_number(name: str) -> int:
    return 10_000_000 + zlib.crc32(name.encode())


def _format_iso(time: int, ending: str = "Z") -> str:
    moment = datetime.fromtimestamp(time / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time % 1000:03d}{ending}"


def _escape_html(text: str) -> str:
    return html.escape(text, quote=False)


def _reddit_record(draft: Draft) -> Record:
    is_deleted = draft.category == "deleted_marker"
    record: Record = {
        "author": "[deleted]" if is_deleted else draft.author,
        "author_fullname": None if is_deleted else "t2_" + to_base36(_user_number(draft.author)),
        "created_utc": draft.time // 1000,
        "distinguished": None,
        "edited": False if draft.seq % 11 else draft.time // 1000 + 600,
        "id": draft.id,
        "retrieved_on": draft.time // 1000 + 90_000,
        "score": draft.seq * 7919 % 89 - 4,
        "subreddit": draft.community,
        "subreddit_type": "public",
    }
    if draft.category == "deleted_later":
        record["_meta"] = {"was_deleted_later": True, "removal_type": "deleted"}
    return record


def render_comment(draft: Draft) -> Record:
    """Return a line of Reddit's ``RC_*`` files."""
    root = f"t3_{draft.root.id if draft.root else '0unseen'}"
    parent = f"t1_{draft.parent.id}" if draft.parent else root
    return _reddit_record(draft) | {
        "body": draft.variant if draft.category == "deleted_marker" else _escape_html(draft.text),
        "controversiality": 0,
        "is_submitter": bool(draft.root and draft.root.author == draft.author),
        "link_id": root,
        "parent_id": parent,
        "permalink": f"/r/{draft.community}/comments/{root[3:]}/_/{draft.id}/",
    }


def render_submission(draft: Draft) -> Record:
    """Return a line of Reddit's ``RS_*`` files."""
    is_deleted = draft.category == "deleted_marker"
    return _reddit_record(draft) | {
        "is_robot_indexable": not is_deleted,
        "is_self": True,
        "num_comments": draft.seq * 31 % 40,
        "over_18": draft.seq % 50 == 0,
        "permalink": f"/r/{draft.community}/comments/{draft.id}/",
        "quarantine": False,
        "removed_by_category": ("moderator" if draft.variant == "[removed]" else "deleted")
        if is_deleted
        else None,
        "selftext": draft.variant if is_deleted else _escape_html(draft.text),
        "spoiler": False,
        "title": _escape_html(draft.title),
        "url": f"https://reddit.example/r/{draft.community}/comments/{draft.id}/",
    }


def _user(draft: Draft) -> Record:
    number = _user_number(draft.author)
    return {
        "id": number,
        "id_str": str(number),
        "name": draft.author.replace("_", " ").title(),
        "screen_name": draft.author,
        "protected": draft.category == "protected",
        "verified": False,
        "followers_count": number % 5000,
    }


def _shorten(text: str, limit: int = _STATUS_LENGTH) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def render_status(draft: Draft) -> Record:
    """Return a status of X's v1.1 stream."""
    moment = datetime.fromtimestamp(draft.time / 1000, UTC)
    # Spreadsheet-like tools turn ids into floats; only id_str survives that.
    record: Record = {
        "created_at": f"{moment:%a %b %d %H:%M:%S} +0000 {moment:%Y}",
        "id": float(draft.id) if has_float_id(draft) else int(draft.id),
        "id_str": draft.id,
        "text": _escape_html(draft.text),
        "source": "Demo Client",
        "truncated": False,
        "in_reply_to_status_id_str": None,
        "in_reply_to_user_id_str": None,
        "in_reply_to_screen_name": None,
        "user": _user(draft),
        "retweet_count": draft.seq % 7,
        "favorite_count": draft.seq * 13 % 31,
        "possibly_sensitive": draft.category == "toxic" and draft.seq % 2 == 0,
        "lang": "in" if draft.lang == "id" else draft.lang,  # v1.1 has the withdrawn code
        "timestamp_ms": str(draft.time),
    }
    if draft.category == "repost" and draft.copied_from:
        record["text"] = _escape_html(_shorten(_repost_text(draft.copied_from)))
        record["retweeted_status"] = render_status(draft.copied_from)
    elif has_extended_tweet(draft):
        record["text"] = _escape_html(_shorten(draft.text, 110)) + " https://t.example/x"
        record["truncated"] = True
        record["extended_tweet"] = {"full_text": _escape_html(draft.text)}
    if draft.parent and draft.kind == "reply":
        record["in_reply_to_status_id_str"] = draft.parent.id
        record["in_reply_to_screen_name"] = draft.parent.author
        record["in_reply_to_user_id_str"] = str(_user_number(draft.parent.author))
    if draft.parent and draft.kind == "quote":
        record["is_quote_status"] = True
        record["quoted_status_id_str"] = draft.parent.id
        record["quoted_status"] = render_status(draft.parent) | {"quoted_status": None}
    return record


def _repost_text(original: Draft) -> str:
    return f"RT @{original.author}: {original.text}"


def is_cut_repost(draft: Draft) -> bool:
    """Whether a repost's own text is cut, so that only the original is whole."""
    if draft.kind != "repost" or draft.copied_from is None:
        return False
    return len(_repost_text(draft.copied_from)) > _STATUS_LENGTH


def has_float_id(draft: Draft) -> bool:
    """Whether the numeric id of a status is a float, which has lost its last digits."""
    return draft.source == "stream" and draft.seq % 9 == 0


def has_extended_tweet(draft: Draft) -> bool:
    """Whether the whole text of a status is in ``extended_tweet``, not in ``text``."""
    return draft.source == "stream" and draft.kind != "repost" and len(draft.text) > _STATUS_LENGTH


def render_delete_notice(identity: str, author: str, time: int) -> bytes:
    """Return the stream's notice that an author deleted a status."""
    user = _user_number(author)
    deleted: Record = {
        "id": int(identity),
        "id_str": identity,
        "user_id": user,
        "user_id_str": str(user),
    }
    return encode_json({"delete": {"status": deleted, "timestamp_ms": str(time)}}).encode()


def render_limit_notice(track: int, time: int) -> bytes:
    """Return the stream's notice that it withheld statuses."""
    return encode_json({"limit": {"track": track, "timestamp_ms": str(time)}}).encode()


def render_tweet(draft: Draft) -> Record:
    """Return a tweet as X's v2 API gives it."""
    record: Record = {
        "id": draft.id,
        "text": _escape_html(_shorten(draft.text, _TWEET_LENGTH)),
        "author_id": str(_user_number(draft.author)),
        "conversation_id": draft.parent.id if draft.parent else draft.id,
        "created_at": _format_iso(draft.time),
        "edit_history_tweet_ids": [draft.id],
        "lang": draft.lang,
        "possibly_sensitive": False,
        "public_metrics": {"retweet_count": draft.seq % 7, "reply_count": 0, "like_count": 3},
    }
    if draft.category == "edited" and draft.copied_from:
        record["edit_history_tweet_ids"] = [draft.copied_from.id, draft.id]
    if draft.category == "repost" and draft.copied_from:
        record["text"] = _escape_html(_shorten(_repost_text(draft.copied_from)))
        record["referenced_tweets"] = [{"type": "retweeted", "id": draft.copied_from.id}]
    elif has_note_tweet(draft):
        record["note_tweet"] = {"text": _escape_html(draft.text)}
    if draft.parent:
        kind = "replied_to" if draft.kind == "reply" else "quoted"
        record["referenced_tweets"] = [{"type": kind, "id": draft.parent.id}]
        if kind == "replied_to":
            record["in_reply_to_user_id"] = str(_user_number(draft.parent.author))
    return record


def has_note_tweet(draft: Draft) -> bool:
    """Whether a tweet is a long one, whole only in its ``note_tweet``."""
    return draft.source == "api" and draft.kind != "repost" and len(draft.text) > _TWEET_LENGTH


def _v2_user(draft: Draft) -> Record:
    return {
        "id": str(_user_number(draft.author)),
        "name": draft.author.replace("_", " ").title(),
        "username": draft.author,
    }


def _includes(drafts: Sequence[Draft]) -> Record:
    """Return v2's ``includes``: the tweets that are referred to, and all authors' accounts."""
    referred = {
        d.id: d
        for draft in drafts
        for d in (draft.copied_from, draft.parent)
        if d and has_reference(draft)
    }
    people = {draft.author: draft for draft in (*drafts, *referred.values())}
    return {
        "tweets": [render_tweet(draft) for draft in referred.values()],
        "users": [_v2_user(draft) for draft in people.values()],
    }


def has_reference(draft: Draft) -> bool:
    """Whether a v2 tweet refers to another one."""
    return draft.category == "repost" or draft.parent is not None


def _flattened_tweet(draft: Draft) -> Record:
    record = render_tweet(draft) | {"author": _v2_user(draft)}
    other = draft.parent or draft.copied_from
    if other and has_reference(draft):
        kinds = {"repost": "retweeted", "reply": "replied_to", "quote": "quoted"}
        whole = render_tweet(other) | {"type": kinds[draft.kind], "author": _v2_user(other)}
        record["referenced_tweets"] = [whole]
    return record


def render_api_lines(drafts: Sequence[Draft], rng: random.Random) -> list[bytes]:
    """Return v2 tweets in the three forms in which they are stored.

    These are pages of the API, objects of the stream, and flattened tweets.
    """
    lines, start = [], 0
    while start < len(drafts):
        form = rng.choice(("page", "stream", "flat"))
        some = drafts[start : start + (rng.randint(5, 20) if form == "page" else 1)]
        start += len(some)
        record = _flattened_tweet(some[0])
        if form == "page":
            record = {
                "data": [render_tweet(draft) for draft in some],
                "includes": _includes(some),
                "meta": {"result_count": len(some), "newest_id": some[-1].id},
                "__twarc": {"version": "2.14.0", "retrieved_at": "2024-06-01T00:00:00+00:00"},
            }
        elif form == "stream":
            rules = [{"id": "1", "tag": "demo"}]
            record = {
                "data": render_tweet(some[0]),
                "includes": _includes(some),
                "matching_rules": rules,
            }
        lines.append(_encode_plain(record).encode())
    return lines


def render_forum_csv(drafts: Sequence[Draft]) -> bytes:
    """Return a table as spreadsheet tools export it: a BOM, quoted newlines and one bad row."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("post_id", "username", "body", "posted_at"))
    for number, draft in enumerate(drafts):
        if number == len(drafts) // 2:
            out.write("unquoted,row,with,too,many,cells,in it\n")
        rows.writerow((draft.id, draft.author, draft.text, _format_iso(draft.time, "+00:00")))
    return b"\xef\xbb\xbf" + out.getvalue().encode()
