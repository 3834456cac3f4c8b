"""Read recorded firehose frames, each a length in 4 little-endian bytes and the frame as sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import libipld
import msgspec

from corpus.formats.car import (
    ByteStream,
    decode_cbor,
    read_blocks,
    verify_block,
)
from corpus.formats.dump_input import DumpInput
from corpus.formats.times import parse_micros
from corpus.readers.batches import refuse_problems
from corpus.readers.bluesky.events import (
    decode_account_event,
    decode_commit,
    decode_sync_event,
    make_skipped,
    parse_tid_micros,
)
from corpus.readers.bluesky.post import Config
from corpus.readers.contract import LocatedRecords, Record, Refused

T = TypeVar("T")

# How a frame's header begins: a map of "op" and, except in errors, "t".
_HEADERS = (b"\xa2\x61t", b"\xa2\x62op", b"\xa1\x62op")


class _Header(msgspec.Struct, gc=False):
    op: int
    t: str = ""


class _Operation(msgspec.Struct, gc=False):
    action: str | None = None
    path: str | None = None
    cid: bytes | None = None


class _Body(msgspec.Struct, gc=False):
    """The fields of a change, and of a notice about an account."""

    repo: str | None = None
    did: str | None = None
    time: str | None = None
    rev: str | None = None
    ops: list[_Operation] | None = None
    blocks: bytes | None = None
    too_big: bool | None = msgspec.field(default=None, name="tooBig")
    active: bool | None = None
    status: str | None = None


def is_frames(head: bytes) -> bool:
    """Return whether a file with this head is a series of lengths and frames."""
    return head[4:].startswith(_HEADERS) and int.from_bytes(head[:4], "little") < 1 << 24


def read_frames(source: DumpInput, config: Config, skip_frames: int) -> Iterator[LocatedRecords]:
    """Yield the records of each frame; the first ``skip_frames`` frames are not decoded."""
    max_bytes = config.max_line_mb << 20
    count = 0
    for member in source.members():
        yield from refuse_problems(source.take_problems())
        file = member.source_file
        stream = ByteStream(member.open())
        row = 0
        while head := stream.read_bytes(4):
            row += 1
            count += 1
            size = int.from_bytes(head, "little")
            is_complete = len(head) == 4
            records: Sequence[Record] = ()
            if is_complete and size > max_bytes:
                is_complete = stream.skip_bytes(size)
                records = (Refused("frame_too_long"),)
            elif is_complete:
                data = stream.read_bytes(size)
                is_complete = len(data) == size
                if is_complete and count > skip_frames:
                    records = _decode_frame(data, config)
            if not is_complete:
                records = (Refused(stream.problem or "truncated_stream"),)
            yield LocatedRecords(file, row, min(size, max_bytes), records)
            if not is_complete:
                break
        else:
            if stream.problem:
                yield LocatedRecords(file, row, 0, (Refused(stream.problem),))
    yield from refuse_problems(source.take_problems())


def _decode_frame(data: bytes, config: Config) -> Sequence[Record]:
    try:
        parts = libipld.decode_dag_cbor_multi(data)
    except (ValueError, RecursionError):
        return (Refused("malformed_cbor"),)
    if len(parts) != 2:
        return (Refused("malformed_frame"),)
    try:
        header = msgspec.convert(parts[0], _Header)
        if header.op == -1:
            return make_skipped("error")
        body = msgspec.convert(parts[1], _Body)
        return _decode_message(header.t, body, config)
    except msgspec.ValidationError:
        return (Refused("wrong_type"),)
    except Refused as refusal:
        return (refusal,)


def _decode_message(kind: str, body: _Body, config: Config) -> Sequence[Record]:
    seen_at = parse_micros(body.time) if body.time is not None else None
    if seen_at is None:
        seen_at = parse_tid_micros(body.rev)
    if kind == "#commit":
        return _decode_commit_frame(body, seen_at, config)
    if kind == "#account":
        return decode_account_event(body.did, seen_at, body.active, body.status)
    if kind == "#tombstone":  # the notice of a deleted account until 2024
        return decode_account_event(body.did, seen_at, False, "deleted")
    if kind == "#sync":
        return decode_sync_event(body.did, seen_at)
    return make_skipped(kind.removeprefix("#"))


def _decode_commit_frame(body: _Body, seen_at: int | None, config: Config) -> Sequence[Record]:
    records: list[Record] = []
    blocks: dict[bytes, bytes] | None = None
    if body.too_big:
        records.append(Refused("too_big"))  # the frame does not contain the changes
    for operation in body.ops or ():

        def load(shape: type[T], cid: bytes | None = operation.cid) -> T:
            nonlocal blocks
            if blocks is None:
                blocks = read_blocks(body.blocks or b"")
            block = blocks.get(cid or b"")
            if block is None:
                raise Refused("missing_block")
            return msgspec.convert(decode_cbor(verify_block(cid or b"", block)), shape)

        collection, _, rkey = (operation.path or "").partition("/")
        try:
            records += decode_commit(
                body.repo, seen_at, operation.action, collection, rkey, load, config
            )
        except msgspec.ValidationError:
            records.append(Refused("wrong_type"))
        except Refused as refusal:
            records.append(refusal)
    return records or make_skipped("empty_commit")
