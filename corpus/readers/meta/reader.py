"""Detect and read the exports that Facebook and Instagram give to an account's owner.

The export does not state who could see a post: friends only, a group, or everybody. So nothing is
read as public unless the plan has ``consented: true``; without it every post is counted as
withdrawn (``private`` in the funnel), without text or author.

Only the files of posts and comments, and the one with the account's name, are opened: never
messages, drafts, archived or deleted posts, posts to groups, or other files. Where a record in
these files says that it was written in a group, on another person's page or for an audience that is
not public, it is withdrawn as private as well: the owner cannot consent for the others.

Posts of Threads are in the export of the Instagram account, and are read with it. An export is in
JSON or in HTML (:mod:`corpus.readers.meta.html`); of one in both, the JSON is read.

Posts have no ids in the export, so each id is a hash of the file's own name, the row in it, and two
times: the post's and that of the file's first post, in HTML as written. The same export gives the
same ids whatever its path; another export of the account gives other ones. Ids are in the output,
also those of dropped posts, so they contain nothing worth guessing: from a hash of the account one
could guess names, and from a hash of the text what redaction removed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field

from corpus.formats.archives.bundle import Bundle
from corpus.formats.json_stream import JsonValue, walk_json
from corpus.formats.times import UNREADABLE, parse_given_micros, parse_micros
from corpus.readers.batches import (
    decode_value,
    parse_value,
    read_records,
    read_whole,
    refuse_file,
    refuse_problems,
)
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
    Unreadable,
    UtcOffsetMinutes,
)
from corpus.readers.meta.common import (
    MetaEntry,
    mask_tagged_people,
    parse_facebook,
    parse_instagram,
    parse_owner,
)
from corpus.readers.meta.html import INSTAGRAM_OFFSET_MINUTES, find_owner, read_blocks

FOLDERS = True
ACCOUNT_FILES = ("*",)
PLATFORM = "facebook"  # or "instagram", by the names in the export
VERSION = 5
TOMBSTONES = True


class Config(ReaderConfig):
    """What to read, and whether the owner has consented."""

    consented: bool = Field(
        default=False,
        description="the account's owner has agreed that these posts are used. The export does not "
        "state who could see them, so without this all are withdrawn as private",
    )
    platform: Literal["detect", "facebook", "instagram"] = Field(
        default="detect", description="the platform; 'detect' decides by the names in the export"
    )
    account: str = Field(
        default="",
        description="the account's name, as the author of its posts; empty: from its profile",
    )
    mask_mentions: bool = Field(
        default=True, description="replace the name of a tagged person by '@user' (Facebook)"
    )
    utc_offset_minutes: UtcOffsetMinutes | None = Field(
        default=None,
        description="the zone of the times in Facebook's pages in HTML, as minutes ahead of UTC; "
        "without it their posts have no time",
    )


# The files of an export to open; their folders have changed over the years.
_POST_FILES = {
    "facebook": (
        "posts/your_posts.json",
        "posts/your_posts_*.json",
        "posts/profile_posts_*.json",
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
        "threads/threads_and_replies.json",
    ),
}
_PROFILE_FILES = {
    "facebook": ("profile_information/profile_information.json",),
    "instagram": ("personal_information/personal_information.json",),
}
_PAGE_FILES = {
    platform: tuple(pattern.removesuffix(".json") + ".html" for pattern in patterns)
    for platform, patterns in _POST_FILES.items()
}
# The pages with the account's name.
_OWNER_PAGES = (
    "profile_information/profile_information.html",
    "personal_information/personal_information.html",
    "start_here.html",
    "index.html",
)
_EXCLUDED_FOLDERS = frozenset(
    (
        "messages",
        "inbox",
        "message_requests",
        "archived_threads",
        "filtered_threads",
        "e2ee_cutover",
        "security_and_login_information",
        "ads_information",
    )
)
#: What no other export has in the names of its files of posts.
_KNOWN_NAMES = ("your_posts", "profile_posts", "your_instagram_activity")
_HTML_FILES = ("your_posts*.html", "posts_*.html", "comments.html", "post_comments*.html")
_POST_LISTS = (
    "item",
    "posts.item",
    "posts_v2.item",
    "comments.item",
    "comments_v2.item",
    "comments_media_comments.item",
    "comments_reels_comments.item",
    "ig_reels_media.item",
    "text_post_app_text_posts.item",
)
# Some exports write a list of one post as the post itself.
_SINGLE_POST_KEYS = (
    *("timestamp", "data", "attachments", "media", "title", "creation_timestamp"),
    *("group", "audience", "privacy", "label_values"),
)
_PARSERS: dict[str, Callable[[bytes], MetaEntry]] = {
    "facebook": parse_facebook,
    "instagram": parse_instagram,
}


def fits(sample: Sample) -> float:
    """Return how well the names in an archive fit an export."""
    for platform, patterns in _POST_FILES.items():
        patterns = (*patterns, *_PAGE_FILES[platform])
        names = [
            name for name in sample.members if _is_allowed(name) and _ends_with_any(name, patterns)
        ]
        if any(known in name for name in names for known in _KNOWN_NAMES):
            return 1.0
        if names:
            has_profile = any(
                _ends_with_any(name, _PROFILE_FILES[platform]) for name in sample.members
            )
            return 0.9 if has_profile or sample.name.startswith(platform) else 0.6
    return 0.0


def _is_allowed(name: str) -> bool:
    return _EXCLUDED_FOLDERS.isdisjoint(name.split("/")[:-1])


def _ends_with_any(name: str, patterns: Sequence[str]) -> bool:
    """Return whether the last two parts of a name match one of the patterns."""
    last = "/".join(name.split("/")[-2:])
    return any(fnmatchcase(last, pattern) for pattern in patterns)


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts and comments of one export, a folder or a zip, in batches."""
    with Bundle(path) as bundle:
        files = {
            platform: _find_allowed_files(bundle, patterns)
            or _find_allowed_files(bundle, _PAGE_FILES[platform])
            for platform, patterns in _POST_FILES.items()
        }
        platforms = [platform for platform, names in files.items() if names]
        if config.platform != "detect":
            platforms = [config.platform]
        if len(platforms) == 1:
            located = _read_export(bundle, platforms[0], files[platforms[0]], config)
        else:
            located = _refuse_export(bundle, platforms)
        yield from read_records(
            located,
            bundle,
            platform=platforms[0] if platforms else PLATFORM,
            part_posts=part_posts,
            start=start,
        )


def _find_allowed_files(bundle: Bundle, patterns: Sequence[str]) -> list[str]:
    return [name for name in bundle.find_files(*patterns) if _is_allowed(name)]


def _refuse_export(bundle: Bundle, platforms: Sequence[str]) -> Iterator[LocatedRecords]:
    """Refuse an export from which nothing can be read."""
    yield from refuse_problems(bundle.problems)
    if platforms:
        # A source has one platform; the plan can list the export twice, once for each.
        yield refuse_file(bundle.path, "facebook_and_instagram")
    elif bundle.find_files(*_HTML_FILES):
        yield refuse_file(bundle.path, "html_not_json")
    elif not bundle.problems:
        yield refuse_file(bundle.path, "no_posts")


def _read_export(
    bundle: Bundle, platform: str, names: Sequence[str], config: Config
) -> Iterator[LocatedRecords]:
    if not names:
        yield from _refuse_export(bundle, ())
        return
    yield from refuse_problems(bundle.problems)
    account: str | None = config.account or None
    is_html = names[0].endswith(".html")
    # Without consent the posts have no author, so the profile is not read.
    if config.consented and not account:
        patterns = _OWNER_PAGES if is_html else _PROFILE_FILES[platform]
        for name in _find_allowed_files(bundle, patterns)[: len(patterns) if is_html else 1]:
            owner = _read_owner(bundle, name, config)
            if isinstance(owner, Refused):
                yield LocatedRecords(bundle.source_file(name), 0, 0, (owner,))
            else:
                account = account or owner
    for name in names:
        read = _read_page if is_html else _read_entries
        yield from read(bundle, name, platform, account, config)


def _read_owner(bundle: Bundle, name: str, config: Config) -> str | Refused | None:
    """Return the account's name in the profile, or why the profile cannot be read."""
    content = read_whole(bundle.open(name), config.max_line_mb << 20)
    if isinstance(content, bytes) and name.endswith(".html"):
        return find_owner(content.decode("utf-8", "replace"))
    return content if isinstance(content, Refused) else parse_value(content, parse_owner)


def _read_entries(
    bundle: Bundle, name: str, platform: str, account: str | None, config: Config
) -> Iterator[LocatedRecords]:
    maker = _PostMaker(platform, "/".join(name.split("/")[-2:]), account, config)
    source_file, row, has_list = bundle.source_file(name), 0, False
    single_post: dict[str, bytes] = {}
    paths = (*_POST_LISTS, *_SINGLE_POST_KEYS)
    for event in walk_json(bundle.open(name), paths, config.max_line_mb << 20, one_kind=True):
        if isinstance(event, Refused):
            row, has_list = row + 1, True
            yield LocatedRecords(source_file, row, 0, (event,))
        elif not isinstance(event, JsonValue):
            has_list = has_list or event.is_array
        elif event.path in _SINGLE_POST_KEYS:
            single_post[event.path] = event.data
        else:
            row, has_list = row + 1, True
            records = maker.make_records(event.data, row)
            yield LocatedRecords(source_file, row, len(event.data), records)
    if single_post and not has_list:
        pairs = (b'"%s":%s' % (key.encode(), data) for key, data in single_post.items())
        data = b"{" + b",".join(pairs) + b"}"
        yield LocatedRecords(source_file, 1, len(data), maker.make_records(data, 1))
    elif not has_list:
        yield refuse_file(source_file, "no_posts")


def _read_page(
    bundle: Bundle, name: str, platform: str, account: str | None, config: Config
) -> Iterator[LocatedRecords]:
    offset = config.utc_offset_minutes
    if platform == "instagram":
        offset = INSTAGRAM_OFFSET_MINUTES
    maker = _PostMaker(platform, "/".join(name.split("/")[-2:]), account, config)
    is_comments = "comments" in name.rpartition("/")[2]
    source_file, row = bundle.source_file(name), 0
    blocks = read_blocks(
        bundle.open(name),
        platform,
        is_comments=is_comments,
        max_bytes=config.max_line_mb << 20,
    )
    for row, (entry, size_bytes) in enumerate(blocks, start=1):
        records: Sequence[Record] = (entry,) if isinstance(entry, Refused) else ()
        if isinstance(entry, MetaEntry):
            records = maker.make_local_records(entry, row, offset)
        yield LocatedRecords(source_file, row, size_bytes, records)
    if not row:
        yield refuse_file(source_file, "no_posts")


class _PostMaker:
    """Makes the posts of one file."""

    def __init__(self, platform: str, file: str, account: str | None, config: Config) -> None:
        self._platform, self._file, self._account = platform, file, account
        self._config = config
        self._decode = _PARSERS[platform]
        self._first_time: int | None = None

    def make_records(self, data: bytes, row: int) -> Sequence[Record]:
        """Decode a record to its post, or to a skipped or refused record."""
        return decode_value(data, lambda line: (self._make_post(self._decode(line), row),))

    def make_local_records(
        self, entry: MetaEntry, row: int, offset: int | None
    ) -> Sequence[Record]:
        """Make the records of an entry with a local time, of a clock ``offset`` minutes ahead.

        Without an offset the post has no time.
        """
        record = self._make_post(entry, row)
        if not isinstance(record, Post) or record.withdrawn is not None:
            return (record,)
        created = record.created_at
        if created is None or created == UNREADABLE or offset is None:
            return (record._replace(created_at=None), Unreadable("created_at"))
        return (record._replace(created_at=created - offset * 60_000_000),)

    def _make_post(self, entry: MetaEntry, row: int) -> Record:
        time = entry.time if entry.time not in (0, "0") else None
        created = parse_micros(time)
        if self._first_time is None:
            self._first_time = created
        if entry.text is None:
            return Skipped("no_words")  # a picture, a shared link, a sticker
        identity = f"{self._file}\0{row}\0{self._first_time}\0{created}"
        name = f"{self._platform}:{hashlib.sha256(identity.encode()).hexdigest()[:24]}"
        if not self._config.consented or entry.is_restricted:
            return Post(name, "", entry.kind, withdrawn="private")
        return Post(
            name,
            mask_tagged_people(entry.text) if self._config.mask_mentions else entry.text,
            entry.kind,
            entry.author or self._account,
            created_at=parse_given_micros(time),
            consent="allowed",
        )
