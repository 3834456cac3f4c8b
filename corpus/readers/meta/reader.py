"""Read the exports that Facebook and Instagram give to an account's owner: posts and comments.

The export does not say who could see a post: friends only, a group, or everybody. So nothing is
read as public unless the plan says ``consented: true``; without it every post is counted as
withdrawn (``private`` in the funnel), with neither text nor author.

Only the files of posts and comments, and the one that tells the account's name, are opened: never
messages, drafts, archived or deleted posts, posts to groups, or anything else.

Posts have no ids in the export, so they are made: of the file's own name, the row in it, and two
times, the post's and that of the file's first post. The same export gives the same ids, under
whatever name it lies; another export of the account gives other ones. The id leaves the build, also
of posts that were dropped, so it is made of nothing worth finding out: with a hash of the account
one could try names, and with a hash of the text one could try what redaction took out of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field

from corpus.formats.archives.bundle import Bundle
from corpus.formats.json_stream import JsonValue, decode_value, walk_json
from corpus.formats.times import parse_micros
from corpus.readers.contract import (
    Batch,
    Cursor,
    LocatedRecords,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
    read_records,
)
from corpus.readers.meta.common import (
    MetaEntry,
    mask_tagged_people,
    parse_facebook,
    parse_instagram,
    parse_owner,
)

FOLDERS = True
PLATFORM = "facebook"  # or "instagram", as the names in the export tell
VERSION = 1
TOMBSTONES = False


class Config(ReaderConfig):
    """What to read, and whether it may be."""

    consented: bool = Field(
        default=False,
        description="the account's owner has agreed that these posts are used. The export does not "
        "tell who could see them, so without this all are withdrawn as private",
    )
    platform: Literal["detect", "facebook", "instagram"] = Field(
        default="detect", description="whose export it is; 'detect' tells by the names in it"
    )
    account: str = Field(
        default="",
        description="the account's name, as the author of its posts; if empty, as its profile says",
    )
    mask_mentions: bool = Field(
        default=True, description="put '@user' where Facebook shows a tagged person's name"
    )


# What of an export is opened; the names have stood in other folders over the years.
_POST_FILES = {
    "facebook": (
        "posts/your_posts.json",
        "posts/your_posts_*.json",
        "comments/comments.json",
        "comments_and_reactions/comments.json",
    ),
    "instagram": (
        "content/posts_*.json",
        "media/posts_*.json",
        "content/reels.json",
        "media/reels.json",
        "comments/post_comments.json",
        "comments/post_comments_*.json",
        "comments/reels_comments.json",
    ),
}
_PROFILE_FILES = {
    "facebook": ("profile_information/profile_information.json",),
    "instagram": ("personal_information/personal_information.json",),
}
_EXCLUDED_FOLDERS = frozenset((
    "messages", "inbox", "message_requests", "archived_threads", "filtered_threads",
    "e2ee_cutover", "security_and_login_information", "ads_information",
))  # fmt: skip
_HTML_FILES = ("your_posts*.html", "posts_*.html", "comments.html", "post_comments*.html")
_POST_LISTS = (
    "item", "posts.item", "posts_v2.item", "comments.item", "comments_v2.item",
    "comments_media_comments.item", "comments_reels_comments.item", "ig_reels_media.item",
)  # fmt: skip
# A list of one post has been written as the post itself.
_SINGLE_POST_KEYS = ("timestamp", "data", "attachments", "media", "title", "creation_timestamp")
_PARSERS: dict[str, Callable[[bytes], MetaEntry]] = {
    "facebook": parse_facebook,
    "instagram": parse_instagram,
}


def fits(sample: Sample) -> float:
    """How surely this is an account's export, by the names in it."""
    for platform, patterns in _POST_FILES.items():
        names = [
            name for name in sample.members if _is_allowed(name) and _ends_with_any(name, patterns)
        ]
        if any("your_posts" in name or "your_instagram_activity" in name for name in names):
            return 1.0
        if names:
            known = any(_ends_with_any(name, _PROFILE_FILES[platform]) for name in sample.members)
            return 0.9 if known or sample.name.startswith(platform) else 0.6
    return 0.0


def _is_allowed(name: str) -> bool:
    return _EXCLUDED_FOLDERS.isdisjoint(name.split("/")[:-1])


def _ends_with_any(name: str, patterns: Sequence[str]) -> bool:
    """Whether the last parts of a name fit one of the patterns."""
    last = "/".join(name.split("/")[-2:])
    return any(fnmatchcase(last, pattern) for pattern in patterns)


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts and comments of one export, a folder or a zip, in batches."""
    with Bundle(path) as bundle:
        files = {
            platform: _find_allowed_files(bundle, patterns)
            for platform, patterns in _POST_FILES.items()
        }
        there = [platform for platform, names in files.items() if names]
        if config.platform != "detect":
            there = [config.platform]
        if len(there) == 1:
            found = _read_export(bundle, there[0], files[there[0]], config)
        else:
            found = _refuse_export(bundle, there)
        yield from read_records(
            found,
            bundle,
            platform=there[0] if there else PLATFORM,
            part_posts=part_posts,
            start=start,
        )


def _find_allowed_files(bundle: Bundle, patterns: Sequence[str]) -> list[str]:
    return [name for name in bundle.find_files(*patterns) if _is_allowed(name)]


def _refuse_export(bundle: Bundle, platforms: Sequence[str]) -> Iterator[LocatedRecords]:
    """Why nothing can be read."""
    yield from _refuse_problems(bundle)
    if platforms:
        # A batch is of one platform; the plan can name the export twice, once for each.
        yield LocatedRecords(bundle.path, 0, 0, (Refused("facebook_and_instagram"),))
    elif bundle.find_files(*_HTML_FILES):
        yield LocatedRecords(bundle.path, 0, 0, (Refused("html_not_json"),))
    elif not bundle.problems:
        yield LocatedRecords(bundle.path, 0, 0, (Refused("no_posts"),))


def _refuse_problems(bundle: Bundle) -> Iterator[LocatedRecords]:
    for place, reason in bundle.problems:
        yield LocatedRecords(place, 0, 0, (Refused(reason),))


def _read_export(
    bundle: Bundle, platform: str, names: Sequence[str], config: Config
) -> Iterator[LocatedRecords]:
    if not names:
        yield from _refuse_export(bundle, ())
        return
    yield from _refuse_problems(bundle)
    account: str | None = config.account or None
    # Without consent no author is handed over, so nobody need know the name.
    if config.consented and not account:
        for name in _find_allowed_files(bundle, _PROFILE_FILES[platform])[:1]:
            account, problem = _read_account(bundle, name, config)
            if problem is not None:
                yield LocatedRecords(bundle.source_file(name), 0, 0, (problem,))
    for name in names:
        yield from _read_entries(bundle, name, platform, account, config)


def _read_account(bundle: Bundle, name: str, config: Config) -> tuple[str | None, Refused | None]:
    """The account's name as the profile says, or why it cannot be read."""
    content = bytearray()
    source = bundle.open(name)
    try:
        while piece := source.read(1 << 20):
            content += piece
            if len(content) > config.max_line_mb << 20:
                return None, Refused("line_too_long")
    except Refused as refusal:
        return None, refusal
    found: list[str | None] = []

    def keep(data: bytes) -> Sequence[Record]:
        found.append(parse_owner(data))
        return ()

    (problem,) = decode_value(bytes(content).removeprefix(b"\xef\xbb\xbf"), keep) or (None,)
    return (found[0] if found else None), problem if isinstance(problem, Refused) else None


def _read_entries(
    bundle: Bundle, name: str, platform: str, account: str | None, config: Config
) -> Iterator[LocatedRecords]:
    maker = _PostMaker(platform, "/".join(name.split("/")[-2:]), account, config)
    place, row, lists = bundle.source_file(name), 0, False
    alone: dict[str, bytes] = {}
    longest = config.max_line_mb << 20
    for found in walk_json(bundle.open(name), (*_POST_LISTS, *_SINGLE_POST_KEYS), longest):
        if isinstance(found, Refused):
            row, lists = row + 1, True
            yield LocatedRecords(place, row, 0, (found,))
        elif not isinstance(found, JsonValue):
            lists = lists or found.is_array
        elif found.path in _SINGLE_POST_KEYS:
            alone[found.path] = found.data
        else:
            row, lists = row + 1, True
            yield LocatedRecords(place, row, len(found.data), maker.make_records(found.data, row))
    if alone and not lists:
        pairs = (b'"%s":%s' % (key.encode(), data) for key, data in alone.items())
        data = b"{" + b",".join(pairs) + b"}"
        yield LocatedRecords(place, 1, len(data), maker.make_records(data, 1))
    elif not lists:
        yield LocatedRecords(place, 0, 0, (Refused("no_posts"),))


class _PostMaker:
    """Makes the posts of one file."""

    def __init__(self, platform: str, file: str, account: str | None, config: Config) -> None:
        self._platform, self._file, self._account = platform, file, account
        self._config = config
        self._decode = _PARSERS[platform]
        self._first: int | None = None

    def make_records(self, data: bytes, row: int) -> Sequence[Record]:
        """The post that a record holds, or what it is instead."""
        return decode_value(data, lambda line: (self._post(self._decode(line), row),))

    def _post(self, entry: MetaEntry, row: int) -> Record:
        created = parse_micros(entry.time) if entry.time not in (0, "0") else None
        if self._first is None:
            self._first = created
        if entry.text is None:
            return Skipped("no_words")  # a picture, a shared link, a sticker
        known = f"{self._file}\0{row}\0{self._first}\0{created}"
        name = f"{self._platform}:{hashlib.sha256(known.encode()).hexdigest()[:24]}"
        if not self._config.consented:
            return Post(name, "", entry.kind, withdrawn="private")
        return Post(
            name,
            mask_tagged_people(entry.text) if self._config.mask_mentions else entry.text,
            entry.kind,
            entry.author or self._account,
            entry.community,
            created,
            consent="allowed",
        )
