"""Read Mastodon: statuses as its API and its streams give them, and account archives.

A post's id is ``mastodon:`` and its URI, which all servers share. Much else in an API's answer
is local to the server that gave it, so this is what joins, in a dump taken from one server:

* **Replies** name their parent by a local id. The parent's URI is known for sure, and given, where
  the parent stands in the same page or thread; where a local account answers itself, as in a
  chain of posts; and where the parent is by a local account that the reply mentions (its URI is
  made of the name, if the account is from before servers began to use numbers instead). A reply to
  a remote post elsewhere in the dump has a null parent: its URI cannot be told from a local id. In
  an account archive every reply has its parent's URI.
* **Deletions** in a stream name a local id too. The file (or tar) is looked through once before it
  is read, so that a deletion reaches a status of the same file wherever it stands, and as a
  tombstone by URI every copy in other files; eight bytes of memory a deletion, none a status. A
  deletion of a status that only another file holds reaches nothing: keep a stream in one tar.
* **Edits** leave a tombstone that ends the versions from before.

Only public posts are read by default. Others are counted as withdrawn, without their text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from corpus.formats import dump_input, seekable_file
from corpus.formats.archives.bundle import Bundle
from corpus.readers.contract import Batch, Cursor, Sample, read_lines, read_records
from corpus.readers.mastodon.api import EVENTS, find_deleted, make_decoder
from corpus.readers.mastodon.archive import (
    ACTOR_FILE,
    OUTBOX_FILE,
    is_outbox_in_tar,
    looks_like_outbox,
    read_bundle,
    read_tar,
)
from corpus.readers.mastodon.common import Config
from corpus.storage import filesystem

__all__ = ["FOLDERS", "PLATFORM", "TOMBSTONES", "VERSION", "Config", "fits", "read"]

PLATFORM = "mastodon"
VERSION = 1
TOMBSTONES = True
FOLDERS = True

# A status has these in every version of the API.
_STATUS_KEYS = frozenset(("account", "content", "uri", "visibility"))


def fits(sample: Sample) -> float:
    """How surely this is Mastodon's: by an archive's names, or by the keys of a status."""
    folders = {
        name.removesuffix(OUTBOX_FILE)
        for name in sample.members
        if _has_file_name(name, OUTBOX_FILE)
    }
    if folders:
        return 1.0 if any(folder + ACTOR_FILE in sample.members for folder in folders) else 0.7
    found = sample.matching_share(_is_status_or_event)
    head = sample.head
    if not found and head.lstrip()[:1] == b"[":
        found = 0.9 * all(b'"%s"' % key.encode() in head for key in _STATUS_KEYS)
    if not found and looks_like_outbox(head):
        found = 0.9 * (b'"OrderedCollection"' in head or sample.name.startswith("outbox"))
    return found


def _has_file_name(name: str, file_name: str) -> bool:
    return name == file_name or name.endswith("/" + file_name)


def _is_status_or_event(row: dict[str, Any]) -> bool:
    if row.keys() >= _STATUS_KEYS:
        return True
    if "ancestors" in row and "descendants" in row:
        return True
    return row.get("event") in EVENTS and isinstance(row.get("payload"), (str, dict))


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts of one file, folder or archive in batches."""
    if filesystem.is_folder(path) or _is_zip(path):
        with Bundle(path) as bundle:
            if filesystem.is_folder(path) or bundle.problems or bundle.find_files(OUTBOX_FILE):
                found = read_bundle(bundle, config)
                yield from read_records(
                    found, bundle, platform=PLATFORM, part_posts=part_posts, start=start
                )
                return
    if is_outbox_in_tar(path):
        with dump_input.DumpInput(path) as source:
            found = read_tar(path, source, config)
            yield from read_records(
                found, source, platform=PLATFORM, part_posts=part_posts, start=start
            )
        return
    decode = make_decoder(config, find_deleted(path, config))
    yield from read_lines(
        path, config, decode, platform=PLATFORM, part_posts=part_posts, start=start
    )


def _is_zip(path: str) -> bool:
    with seekable_file.open_seekable(path) as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
