"""Detect and read Mastodon's statuses (from its API and its streams) and account archives.

A post's id is ``mastodon:`` and its URI, which all servers share. Other fields of the API are local
to the server that was queried. In a dump from one server, these are resolved:

* **Replies** name their parent by a local id. The parent's URI is known, and set, if the parent is
  in the same page or thread; if a local account replies to itself, as in a chain of posts; and if
  the parent is by a local account that the reply mentions (such a URI contains the account's name,
  if the account is from before servers began to use numbers instead). A reply to a remote post
  elsewhere in the dump has a null parent, as its URI cannot be derived from a local id. In an
  account archive every reply has its parent's URI.
* **Deletions** in a stream name a local id as well. The file (or tar) is scanned once before it is
  read, so that a deletion applies to a status anywhere in the same file and, as a tombstone by URI,
  to its copies in other files. The scan needs eight bytes of memory for each deletion. A deletion
  of a status that is only in another file has no effect: store a stream in one tar.
* **Edits** become a tombstone that supersedes earlier versions.

Gab, Truth Social, Pleroma, GoToSocial and other software have the same API and are read with this
reader, as are the outboxes and activities of ActivityPub.

Only public posts are read by default. Others are counted as withdrawn, without their text: by their
visibility, and by what forks say of posts that are for the members of a server or of a group.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from corpus.formats.archives.bundle import Bundle
from corpus.formats.archives.zip_archive import is_zip
from corpus.formats.dump_input import DumpInput
from corpus.readers.batches import read_lines, read_records
from corpus.readers.contract import Batch, Cursor, Sample
from corpus.readers.mastodon.api import EVENTS, StatusDecoder, find_deleted
from corpus.readers.mastodon.archive import (
    ACTIVITY_TYPES,
    ACTOR_FILE,
    COLLECTION,
    COLLECTION_TYPES,
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
VERSION = 7
TOMBSTONES = True
FOLDERS = True
ACCOUNT_FILES = ("*.zip", "*.tar*", "*.tgz")

# The keys of a status in every version of the API, with a ``uri`` or, on Gab, a ``url``.
_STATUS_KEYS = frozenset(("account", "content", "visibility"))


def fits(sample: Sample) -> float:
    """Return how well the names in an archive, or the keys of the lines, fit Mastodon."""
    folders = {
        name.removesuffix(OUTBOX_FILE)
        for name in sample.members
        if _has_file_name(name, OUTBOX_FILE)
    }
    if folders:
        return 1.0 if any(folder + ACTOR_FILE in sample.members for folder in folders) else 0.7
    share = sample.matching_share(_is_status_or_event)
    head = sample.head
    if not share and looks_like_outbox(head):
        has_name = COLLECTION.search(head) is not None or sample.name.startswith("outbox")
        share = 0.9 * (has_name or head.lstrip()[:1] == b"[")
    return share


def _has_file_name(name: str, file_name: str) -> bool:
    return name == file_name or name.endswith("/" + file_name)


def _is_status_or_event(row: dict[str, Any]) -> bool:
    if row.keys() >= _STATUS_KEYS and ("uri" in row or "url" in row):
        return True
    if row.get("type") in ACTIVITY_TYPES and ("actor" in row or "attributedTo" in row):
        return isinstance(row.get("id"), str)
    if row.get("type") in COLLECTION_TYPES:
        return isinstance(row.get("orderedItems") or row.get("items"), list)
    if "ancestors" in row and "descendants" in row:
        return True
    return row.get("event") in EVENTS and isinstance(row.get("payload"), (str, dict))


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts of one file, folder or archive in batches."""
    if filesystem.is_folder(path) or is_zip(path):
        with Bundle(path) as bundle:
            if filesystem.is_folder(path) or bundle.problems or bundle.find_files(OUTBOX_FILE):
                located = read_bundle(bundle, config)
                yield from read_records(
                    located, bundle, platform=PLATFORM, part_posts=part_posts, start=start
                )
                return
    if is_outbox_in_tar(path):
        with DumpInput(path) as source:
            located = read_tar(source, config)
            yield from read_records(
                located, source, platform=PLATFORM, part_posts=part_posts, start=start
            )
        return
    decode = StatusDecoder(config, find_deleted(path, config)).decode
    yield from read_lines(
        path,
        config,
        decode,
        platform=PLATFORM,
        part_posts=part_posts,
        start=start,
        whole_arrays=True,
    )
