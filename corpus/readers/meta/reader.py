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
from corpus.formats.json_stream import Value, decoded, walk
from corpus.formats.times import micros
from corpus.readers.contract import (
    Batch,
    Cursor,
    Located,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
    read_records,
)
from corpus.readers.meta.common import Entry, facebook, instagram, owner, unmarked

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
_FILES = {
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
_PROFILE = {
    "facebook": ("profile_information/profile_information.json",),
    "instagram": ("personal_information/personal_information.json",),
}
_NEVER = frozenset((
    "messages", "inbox", "message_requests", "archived_threads", "filtered_threads",
    "e2ee_cutover", "security_and_login_information", "ads_information",
))  # fmt: skip
_PAGES = ("your_posts*.html", "posts_*.html", "comments.html", "post_comments*.html")
_LISTS = (
    "item", "posts.item", "posts_v2.item", "comments.item", "comments_v2.item",
    "comments_media_comments.item", "comments_reels_comments.item", "ig_reels_media.item",
)  # fmt: skip
# A list of one post has been written as the post itself.
_ALONE = ("timestamp", "data", "attachments", "media", "title", "creation_timestamp")
_DECODE: dict[str, Callable[[bytes], Entry]] = {"facebook": facebook, "instagram": instagram}


def fits(sample: Sample) -> float:
    """How surely this is an account's export, by the names in it."""
    for platform, patterns in _FILES.items():
        names = [name for name in sample.members if _allowed(name) and _ends(name, patterns)]
        if any("your_posts" in name or "your_instagram_activity" in name for name in names):
            return 1.0
        if names:
            known = any(_ends(name, _PROFILE[platform]) for name in sample.members)
            return 0.9 if known or sample.name.startswith(platform) else 0.6
    return 0.0


def _allowed(name: str) -> bool:
    return _NEVER.isdisjoint(name.split("/")[:-1])


def _ends(name: str, patterns: Sequence[str]) -> bool:
    """Whether the last parts of a name fit one of the patterns."""
    last = "/".join(name.split("/")[-2:])
    return any(fnmatchcase(last, pattern) for pattern in patterns)


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts and comments of one export, a folder or a zip, in batches."""
    with Bundle(path) as bundle:
        files = {platform: _opened(bundle, patterns) for platform, patterns in _FILES.items()}
        there = [platform for platform, names in files.items() if names]
        if config.platform != "detect":
            there = [config.platform]
        if len(there) == 1:
            found = _located(bundle, there[0], files[there[0]], config)
        else:
            found = _nothing(bundle, there)
        yield from read_records(
            found,
            bundle,
            platform=there[0] if there else PLATFORM,
            part_posts=part_posts,
            start=start,
        )


def _opened(bundle: Bundle, patterns: Sequence[str]) -> list[str]:
    return [name for name in bundle.matching(*patterns) if _allowed(name)]


def _nothing(bundle: Bundle, there: Sequence[str]) -> Iterator[Located]:
    """Why nothing can be read."""
    yield from _problems(bundle)
    if there:
        # A batch is of one platform; the plan can name the export twice, once for each.
        yield Located(bundle.path, 0, 0, (Refused("facebook_and_instagram"),))
    elif bundle.matching(*_PAGES):
        yield Located(bundle.path, 0, 0, (Refused("html_not_json"),))
    elif not bundle.problems:
        yield Located(bundle.path, 0, 0, (Refused("no_posts"),))


def _problems(bundle: Bundle) -> Iterator[Located]:
    for place, reason in bundle.problems:
        yield Located(place, 0, 0, (Refused(reason),))


def _located(
    bundle: Bundle, platform: str, names: Sequence[str], config: Config
) -> Iterator[Located]:
    if not names:
        yield from _nothing(bundle, ())
        return
    yield from _problems(bundle)
    account: str | None = config.account or None
    # Without consent no author is handed over, so nobody need know the name.
    if config.consented and not account:
        for name in _opened(bundle, _PROFILE[platform])[:1]:
            account, problem = _account(bundle, name, config)
            if problem is not None:
                yield Located(bundle.place(name), 0, 0, (problem,))
    for name in names:
        yield from _entries(bundle, name, platform, account, config)


def _account(bundle: Bundle, name: str, config: Config) -> tuple[str | None, Refused | None]:
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
        found.append(owner(data))
        return ()

    (problem,) = decoded(bytes(content).removeprefix(b"\xef\xbb\xbf"), keep) or (None,)
    return (found[0] if found else None), problem if isinstance(problem, Refused) else None


def _entries(
    bundle: Bundle, name: str, platform: str, account: str | None, config: Config
) -> Iterator[Located]:
    maker = _Maker(platform, "/".join(name.split("/")[-2:]), account, config)
    place, row, lists = bundle.place(name), 0, False
    alone: dict[str, bytes] = {}
    longest = config.max_line_mb << 20
    for found in walk(bundle.open(name), (*_LISTS, *_ALONE), longest):
        if isinstance(found, Refused):
            row, lists = row + 1, True
            yield Located(place, row, 0, (found,))
        elif not isinstance(found, Value):
            lists = lists or found.is_array
        elif found.path in _ALONE:
            alone[found.path] = found.data
        else:
            row, lists = row + 1, True
            yield Located(place, row, len(found.data), maker.records(found.data, row))
    if alone and not lists:
        pairs = (b'"%s":%s' % (key.encode(), data) for key, data in alone.items())
        data = b"{" + b",".join(pairs) + b"}"
        yield Located(place, 1, len(data), maker.records(data, 1))
    elif not lists:
        yield Located(place, 0, 0, (Refused("no_posts"),))


class _Maker:
    """Makes the posts of one file."""

    def __init__(self, platform: str, file: str, account: str | None, config: Config) -> None:
        self._platform, self._file, self._account = platform, file, account
        self._config = config
        self._decode = _DECODE[platform]
        self._first: int | None = None

    def records(self, data: bytes, row: int) -> Sequence[Record]:
        """The post that a record holds, or what it is instead."""
        return decoded(data, lambda line: (self._post(self._decode(line), row),))

    def _post(self, entry: Entry, row: int) -> Record:
        created = micros(entry.time) if entry.time not in (0, "0") else None
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
            unmarked(entry.text) if self._config.mask_mentions else entry.text,
            entry.kind,
            entry.author or self._account,
            entry.community,
            created,
            consent="allowed",
        )
