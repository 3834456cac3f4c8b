"""Read repository exports: the records of one account's repository as CAR."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TypeVar

import msgspec

from corpus.errors import BuildError
from corpus.formats.car import ByteStream, CarArchive, decode_cbor, is_car
from corpus.formats.dump_input import DumpInput
from corpus.formats.lines import DumpMember
from corpus.formats.seekable_file import open_seekable
from corpus.readers.batches import refuse_file, refuse_problems
from corpus.readers.bluesky.events import PROFILES_COLLECTION, decode_commit, parse_tid_micros
from corpus.readers.bluesky.post import NO_LABELS, Config, LabelledRecord
from corpus.readers.contract import LocatedRecords, Record, Refused

T = TypeVar("T")


class _Commit(msgspec.Struct, gc=False):
    """The root block of a repository. Early repositories have no ``rev``."""

    did: str
    data: bytes
    rev: str | None = None


def read_repos(source: DumpInput, config: Config) -> Iterator[LocatedRecords]:
    """Yield the records of a repository, or of each repository in an archive."""
    for member in source.members():
        yield from refuse_problems(source.take_problems())
        file = member.source_file
        with ExitStack() as open_files:
            try:
                archive = _index_blocks(member, source.path, open_files)
                if archive.problem:
                    yield refuse_file(file, archive.problem)
                yield from _read_repo(archive, file, config)
            except Refused as refusal:
                yield LocatedRecords(file, 0, 0, (refusal,))
    yield from refuse_problems(source.take_problems())


def _index_blocks(member: DumpMember, path: str, open_files: ExitStack) -> CarArchive:
    """Index the blocks of a repository in a file with random access.

    A compressed repository, or one in an archive, is unpacked to an unnamed temporary file, so that
    memory is bounded for any size.
    """
    stream = member.open()
    if not is_car(stream.head):
        raise Refused("not_a_car")
    plain = open_files.enter_context(open_seekable(path))
    if not member.name and plain.read(len(stream.head)) == stream.head:
        archive = CarArchive(ByteStream(stream))
        archive.attach_file(plain.fileno())
    else:
        try:
            unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - the stack closes it
        except OSError as error:
            raise BuildError(f"cannot create a temporary file: {error.strerror}") from None
        open_files.enter_context(unpacked)
        archive = CarArchive(ByteStream(stream, unpacked))
        unpacked.flush()
        archive.attach_file(unpacked.fileno())
    return archive


def _read_repo(archive: CarArchive, file: str, config: Config) -> Iterator[LocatedRecords]:
    _, block = archive.read_block(archive.root)
    try:
        head = msgspec.convert(decode_cbor(block), _Commit)
    except msgspec.ValidationError:
        raise Refused("malformed_commit") from None
    seen_at = parse_tid_micros(head.rev)
    account = NO_LABELS
    for entry in archive.walk_tree(head.data):
        if isinstance(entry, Refused):
            yield LocatedRecords(file, 0, 0, (entry,))
            continue
        key, cid = entry
        try:
            path = key.decode("ascii")
        except UnicodeDecodeError:
            yield LocatedRecords(file, 0, 0, (Refused("malformed_key"),))
            continue
        record = _LazyRecord(archive, cid)
        records: Sequence[Record]
        try:
            collection, _, rkey = path.partition("/")
            if path == f"{PROFILES_COLLECTION}/self":
                # Keys are sorted, so "actor" comes before "feed" and all posts follow.
                account = record(LabelledRecord).get_label_names()
            records = decode_commit(
                head.did, seen_at, "create", collection, rkey, record, config, account
            )
        except Refused as refusal:
            records = (refusal,)
        yield LocatedRecords(file, record.row, record.size, records)


class _LazyRecord:
    """A record that is read when it is called."""

    def __init__(self, archive: CarArchive, cid: bytes) -> None:
        self._archive = archive
        self._cid = cid
        self.row = self.size = 0

    def __call__(self, shape: type[T]) -> T:
        self.row, block = self._archive.read_block(self._cid)
        self.size = len(block)
        try:
            return msgspec.convert(decode_cbor(block), shape)
        except msgspec.ValidationError:
            raise Refused("wrong_type") from None
