"""Detect which reader fits a file or folder, and list the files of a source."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, cast

from corpus import readers
from corpus.formats.archives.bundle import Bundle
from corpus.formats.byte_source import STREAM_ERRORS
from corpus.formats.dump_input import DumpInput, expand_path
from corpus.formats.seekable_file import open_seekable
from corpus.readers.contract import Sample
from corpus.storage import filesystem

_HEAD_BYTES = 1 << 20
_MAX_NAMES = 5_000
#: The least score of a reader that fits for certain.
MIN_FIT = 0.5


def take_sample(path: str) -> Sample:
    """Read the start of a file, or the names in a folder or zip; no content raises an error."""
    name = os.path.basename(os.path.abspath(path))
    if filesystem.is_folder(path):
        return Sample(name, _list_member_names(path), b"")
    members: tuple[str, ...] = ()
    with open_seekable(path) as file:
        if file.read(4) == b"PK\x03\x04":
            members = _list_member_names(path)
    head = b""
    with DumpInput(path) as source:
        for member in source.members():
            if member.name and not members:
                members = (member.name,)  # of an archive that is read in order, the first
            try:
                stream = member.open()
                while len(head) < _HEAD_BYTES and (more := stream.read(_HEAD_BYTES - len(head))):
                    head += more
            except STREAM_ERRORS:
                pass  # the bytes before the damage are enough
            break
    return Sample(name, members, head)


def _list_member_names(path: str) -> tuple[str, ...]:
    with Bundle(path) as bundle:
        return tuple(bundle.names()[:_MAX_NAMES])


def rank_readers(path: str) -> list[tuple[str, float]]:
    """The readers that may fit and their scores, the best first; of a folder, by its first file."""
    found = _score_readers(take_sample(path))
    if not found and filesystem.is_folder(path):
        files = expand_path(path)
        return _score_readers(take_sample(files[0])) if files else []
    return found


def _score_readers(sample: Sample) -> list[tuple[str, float]]:
    scored = [(name, float(readers.find(name).fits(sample))) for name in readers.names()]
    return sorted(((n, s) for n, s in scored if s > 0), key=lambda pair: (-pair[1], pair[0]))


def find_better_reader(reader: str, path: str) -> str:
    """The reader that fits for certain where ``reader`` does not fit at all, or ''."""
    if reader == "table":
        return ""  # a user who maps the columns by hand knows what the file is
    scores = rank_readers(path)
    if not scores or scores[0][1] < MIN_FIT or dict(scores).get(reader, 0) > 0:
        return ""
    return scores[0][0]


def list_inputs(reader: str, path: str) -> list[str]:
    """The inputs at a source's ``path``, sorted: files, or whole folders for some readers."""
    if not getattr(readers.find(reader), "FOLDERS", False):
        return expand_path(path)
    if filesystem.is_url(path):
        if filesystem.is_folder(path):
            return _list_folder_inputs(reader, path, filesystem.list_folder(path))
        return [path] if filesystem.exists(path) else filesystem.glob(path)
    if not Path(path).is_dir():
        import glob

        return [path] if Path(path).exists() else sorted(glob.glob(path, recursive=True))
    return _list_folder_inputs(reader, path, sorted(str(child) for child in Path(path).iterdir()))


def _list_folder_inputs(reader: str, path: str, children: list[str]) -> list[str]:
    archives = [child for child in children if _is_archive(reader, child)]
    if len(archives) > 1:  # taken as one, the folder would look like an archive in a folder
        return archives
    return [path] if _is_archive(reader, path) else children


def _is_archive(reader: str, path: str) -> bool:
    if not filesystem.is_folder(path) and not path.lower().endswith(".zip"):
        return False
    return (
        readers.find(reader).fits(Sample(Path(path).name, _list_member_names(path), b"")) >= MIN_FIT
    )


_ID_COLUMN_NAMES = ("id", "id_str", "_id", "uri", "post_id", "comment_id", "tweet_id")
_TEXT_COLUMN_NAMES = (
    "text",
    "body",
    "content",
    "full_text",
    "message",
    "comment",
    "selftext",
    "post",
    "title",
)


def guess_fields(path: str) -> dict[str, str]:
    """Guess ``fields`` for the table reader from the first row's names; ``text`` may be missing."""
    sample = take_sample(path)
    names: Sequence[Any] = ()
    if sample.objects:
        names = list(sample.objects[0])
    elif sample.head.startswith(b"PAR1"):
        import polars as pl

        try:
            with open_seekable(path) as file:
                names = list(pl.read_parquet_schema(cast("IO[bytes]", file)))
        except (pl.exceptions.PolarsError, OSError):
            return {}
    else:
        first = sample.head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
        text = first.decode("utf-8", "replace")
        names = [name.strip(' "\r') for name in text.split("\t" if "\t" in text else ",")]
    lower = {str(name).lower(): str(name) for name in names}
    found = {}
    for field, known in (("id", _ID_COLUMN_NAMES), ("text", _TEXT_COLUMN_NAMES)):
        for name in known:
            if name in lower:
                found[field] = lower[name]
                break
    return found
