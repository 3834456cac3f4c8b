"""Read content-addressed archives (CARv1) and the Merkle search tree that a repository keeps."""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Iterator
from typing import IO, Any

import libipld
import numpy as np

from corpus.errors import BuildError
from corpus.formats import dump_input
from corpus.readers.contract import LocatedRecords, Refused

_CHUNK = 4 << 20
#: The protocol stops at 1 MiB for a record or a node; beyond twice that it is a fault or worse.
MAX_BLOCK_BYTES = 2 << 20
# What a CID of the network looks like: version 1, DAG-CBOR, SHA-256, 32 bytes.
_CID_PREFIX = b"\x01\x71\x12\x20"
_CID_BYTES = 36
_MAX_KEY_BYTES = 1024
# So many blocks may share the 8 bytes that the index keeps of a hash: by chance, none do.
_MAX_HASH_COLLISIONS = 8


def is_car(head: bytes) -> bool:
    """Whether a file that begins so is a CAR, of any version."""
    _, at = _read_varint(head, 0)
    return at > 0 and head[at : at + 1] in (b"\xa1", b"\xa2") and (
        head[at + 1 :].startswith((b"\x65roots", b"\x67version"))
    )  # fmt: skip


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at ``at`` and where it ends; an end of -1 if it is none."""
    value = shift = 0
    for byte in data[at : at + 9]:  # more than 9 bytes are refused by the format
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, -1


def decode_cbor(block: bytes) -> Any:
    """What a block of DAG-CBOR holds."""
    try:
        return libipld.decode_dag_cbor(block)
    except (ValueError, RecursionError):
        raise Refused("malformed_cbor") from None


def verify_block(cid: bytes, data: bytes) -> bytes:
    """The block's data, if it is what its identifier promises."""
    if hashlib.sha256(data).digest() != cid[4:]:
        raise Refused("damaged_block")
    return data


def read_blocks(data: bytes) -> dict[bytes, bytes]:
    """The blocks of a small archive, by identifier, up to where it breaks off."""
    size, at = _read_varint(data, 0)
    found: dict[bytes, bytes] = {}
    at += size
    while 0 < at < len(data):
        size, start = _read_varint(data, at)
        at = start + size
        if start < 0 or at > len(data):
            break
        found[data[start : start + _CID_BYTES]] = data[start + _CID_BYTES : at]
    return found


def take_archive_refusals(source: dump_input.DumpInput) -> Iterator[LocatedRecords]:
    """What of an archive around these files could not be had, since this was last asked."""
    for place, row, reason in source.take_refusals():
        yield LocatedRecords(place, row, 0, (Refused(reason),))


class ByteStream:
    """The bytes of a source, taken or passed over in order, and perhaps copied to a file."""

    def __init__(self, source: dump_input.ByteSource, copy: IO[bytes] | None = None) -> None:
        self._source = source
        self._copy = copy
        self._chunk = b""
        self._at = 0
        self.problem = ""
        self.offset = 0

    def _fill(self) -> bool:
        """Add a chunk behind what is left of the last; false at the end."""
        try:
            chunk = b"" if self.problem else self._source.read(_CHUNK)
        except dump_input.STREAM_ERRORS as error:
            chunk, self.problem = b"", dump_input.get_refusal_reason(error)
        if self._copy is not None:
            try:
                self._copy.write(chunk)
            except OSError as error:
                raise BuildError(f"cannot unpack a repository: {error.strerror}") from None
        self._chunk, self._at = self._chunk[self._at :] + chunk, 0
        return bool(chunk)

    def peek_bytes(self, size: int) -> bytes:
        """The next bytes, at most ``size``, which stay to be taken."""
        while len(self._chunk) - self._at < size and self._fill():
            pass
        return self._chunk[self._at : self._at + size]

    def skip_bytes(self, size: int) -> bool:
        """Pass over ``size`` bytes; false if there are not as many."""
        self.offset += size
        while size > len(self._chunk) - self._at:
            size -= len(self._chunk) - self._at
            self._chunk, self._at = b"", 0
            if not self._fill():
                return False
        self._at += size
        return True

    def read_bytes(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        data = self.peek_bytes(size)
        self.skip_bytes(len(data))
        return data


class CarArchive:
    """The blocks of an archive of any size: where each lies is in memory, 24 bytes a block."""

    def __init__(self, stream: ByteStream) -> None:
        self.root = _read_root(stream)
        self.problem = ""
        self._starts = array("Q")
        keys = array("Q")
        while head := stream.peek_bytes(64):
            size, start = _read_varint(head, 0)
            if start < 0 or not size:
                # Where one length is wrong, all that follows is lost.
                self.problem = "malformed_car" if len(head) > 9 else "truncated_stream"
                break
            offset = stream.offset
            if not stream.skip_bytes(start + size):
                self.problem = "truncated_stream"
                break
            self._starts.append(offset)
            keys.append(int.from_bytes(head[start + 4 : start + 12], "big"))
        self.problem = stream.problem or self.problem
        every = np.frombuffer(keys, np.uint64) if keys else np.empty(0, np.uint64)
        self._order = np.argsort(every, kind="stable")
        self._keys = every[self._order]
        self._file = -1

    def attach_file(self, file: int) -> None:
        """Say which open file holds the bytes that the stream gave."""
        self._file = file

    def read_block(self, cid: bytes) -> tuple[int, bytes]:
        """The number of a block in the archive, from 1, and its data, or why there is none."""
        if type(cid) is not bytes or len(cid) != _CID_BYTES or not cid.startswith(_CID_PREFIX):
            raise Refused("unknown_cid")
        key = np.uint64(int.from_bytes(cid[4:12], "big"))
        first = int(np.searchsorted(self._keys, key))
        for place in range(first, min(first + _MAX_HASH_COLLISIONS, len(self._keys))):
            if self._keys[place] != key:
                break
            row = int(self._order[place])
            data = self._read(self._starts[row], cid)
            if data is not None:
                return row + 1, data
        raise Refused("missing_block")

    def _read(self, offset: int, cid: bytes) -> bytes | None:
        section = os.pread(self._file, 8192, offset)
        size, start = _read_varint(section, 0)
        if section[start : start + _CID_BYTES] != cid:
            return None
        if size > MAX_BLOCK_BYTES:
            raise Refused("block_too_large")
        if start + size > len(section):
            section += os.pread(self._file, start + size - len(section), offset + len(section))
        return verify_block(cid, section[start + _CID_BYTES : start + size])

    def walk_tree(self, tree: bytes) -> Iterator[tuple[bytes, bytes] | Refused]:
        """The keys of a tree with what each points to, in order, and each part that is unreadable.

        No node is opened twice, so that neither a circle nor a shared branch can hold this up.
        """
        seen = bytearray(len(self._starts) + 1)
        left: list[bytes | tuple[bytes, bytes]] = [tree]
        while left:
            item = left.pop()
            if isinstance(item, tuple):
                yield item
                continue
            try:
                row, block = self.read_block(item)
                if seen[row]:
                    raise Refused("malformed_tree")
                seen[row] = 1
                left += reversed(_read_node(decode_cbor(block)))
            except Refused as refusal:
                yield refusal


def _read_root(stream: ByteStream) -> bytes:
    """The identifier in an archive's header of what it is an archive of."""
    size, start = _read_varint(stream.peek_bytes(9), 0)
    if start < 0 or size > MAX_BLOCK_BYTES:
        raise Refused("malformed_car")
    stream.skip_bytes(start)
    header = stream.read_bytes(size)
    if len(header) < size:
        raise Refused("truncated_stream")
    found = decode_cbor(header)
    if type(found) is not dict or found.get("version") != 1:
        raise Refused("car_version")
    roots = found.get("roots")
    if type(roots) is not list or not roots or type(roots[0]) is not bytes:
        raise Refused("no_root")
    return roots[0]


def _read_node(node: Any) -> list[bytes | tuple[bytes, bytes]]:
    """What hangs on a node of the tree, in order: lower nodes, and keys with what they point to."""
    if type(node) is not dict or type(node.get("e")) is not list:
        raise Refused("malformed_tree")
    found: list[bytes | tuple[bytes, bytes]] = []
    if node.get("l") is not None:
        found.append(node["l"])
    key = b""
    for entry in node["e"]:
        if type(entry) is not dict:
            raise Refused("malformed_tree")
        shared, rest, value = entry.get("p"), entry.get("k"), entry.get("v")
        if type(shared) is not int or type(rest) is not bytes or type(value) is not bytes:
            raise Refused("malformed_tree")
        # A key is written without what it has in common with the one before.
        if not 0 <= shared <= len(key) or shared + len(rest) > _MAX_KEY_BYTES:
            raise Refused("malformed_tree")
        key = key[:shared] + rest
        found.append((key, value))
        if entry.get("t") is not None:
            found.append(entry["t"])
    return found
