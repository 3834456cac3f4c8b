"""Read content-addressed archives (CARv1) and the Merkle search tree of a repository."""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Iterator
from typing import IO, Any

import libipld
import numpy as np

from corpus.errors import BuildError
from corpus.formats.byte_source import STREAM_ERRORS, ByteSource, Refused, get_refusal_reason

_CHUNK = 4 << 20
#: The protocol allows 1 MiB for a record or a node; twice that is accepted.
MAX_BLOCK_BYTES = 2 << 20
# How the content identifiers (CIDs) of the network begin: version 1, DAG-CBOR, SHA-256, 32 bytes.
_CID_PREFIX = b"\x01\x71\x12\x20"
_CID_BYTES = 36
_MAX_KEY_BYTES = 1024
# The index keeps 8 bytes of each hash; by chance, no two blocks share them.
_MAX_HASH_COLLISIONS = 8


def is_car(head: bytes) -> bool:
    """Return whether a file with this head is a CAR, of any version."""
    _, at = _read_varint(head, 0)
    is_small_map = at > 0 and head[at : at + 1] in (b"\xa1", b"\xa2")
    return is_small_map and head[at + 1 :].startswith((b"\x65roots", b"\x67version"))


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at ``at`` and where it ends; an end of -1 if it is invalid."""
    value = shift = 0
    for byte in data[at : at + 9]:  # the format allows 9 bytes
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, -1


def decode_cbor(block: bytes) -> Any:
    """Decode a block of DAG-CBOR."""
    try:
        return libipld.decode_dag_cbor(block)
    except (ValueError, RecursionError):
        raise Refused("malformed_cbor") from None


def verify_block(cid: bytes, data: bytes) -> bytes:
    """Return the data of a block if its hash is the one in its identifier; else refuse it."""
    if hashlib.sha256(data).digest() != cid[4:]:
        raise Refused("damaged_block")
    return data


def read_blocks(data: bytes) -> dict[bytes, bytes]:
    """Return the blocks of a small archive by identifier, up to where it breaks off."""
    size, at = _read_varint(data, 0)
    blocks: dict[bytes, bytes] = {}
    at += size
    while 0 < at < len(data):
        size, start = _read_varint(data, at)
        at = start + size
        if start < 0 or at > len(data):
            break
        blocks[data[start : start + _CID_BYTES]] = data[start + _CID_BYTES : at]
    return blocks


class ByteStream:
    """The bytes of a source, read or skipped in order, and copied to a file if one is given."""

    def __init__(self, source: ByteSource, copy: IO[bytes] | None = None) -> None:
        self._source = source
        self._copy = copy
        self._chunk = b""
        self._at = 0
        self.problem = ""
        self.offset = 0

    def _fill(self) -> bool:
        """Append a chunk to the unread rest of the last one; false at the end."""
        try:
            chunk = b"" if self.problem else self._source.read(_CHUNK)
        except STREAM_ERRORS as error:
            chunk, self.problem = b"", get_refusal_reason(error)
        if self._copy is not None:
            try:
                self._copy.write(chunk)
            except OSError as error:
                raise BuildError(f"cannot unpack a repository: {error.strerror}") from None
        self._chunk, self._at = self._chunk[self._at :] + chunk, 0
        return bool(chunk)

    def peek_bytes(self, size: int) -> bytes:
        """Return the next bytes, at most ``size``, without consuming them."""
        while len(self._chunk) - self._at < size and self._fill():
            pass
        return self._chunk[self._at : self._at + size]

    def skip_bytes(self, size: int) -> bool:
        """Skip ``size`` bytes; false if the source ends before."""
        self.offset += size
        while size > len(self._chunk) - self._at:
            size -= len(self._chunk) - self._at
            self._chunk, self._at = b"", 0
            if not self._fill():
                return False
        self._at += size
        return True

    def read_bytes(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer at the end."""
        data = self.peek_bytes(size)
        self.skip_bytes(len(data))
        return data


class CarArchive:
    """The blocks of an archive of any size, indexed in memory at 24 bytes a block."""

    def __init__(self, stream: ByteStream) -> None:
        self.root = _read_root(stream)
        self.problem = ""
        self._starts = array("Q")
        keys = array("Q")
        while head := stream.peek_bytes(64):
            size, start = _read_varint(head, 0)
            if start < 0 or not size:
                # After a wrong length, no later block can be found.
                self.problem = "malformed_car" if len(head) > 9 else "truncated_stream"
                break
            offset = stream.offset
            if not stream.skip_bytes(start + size):
                self.problem = "truncated_stream"
                break
            self._starts.append(offset)
            keys.append(int.from_bytes(head[start + 4 : start + 12], "big"))
        self.problem = stream.problem or self.problem
        hashes = np.frombuffer(keys, np.uint64) if keys else np.empty(0, np.uint64)
        self._order = np.argsort(hashes, kind="stable")
        self._keys = hashes[self._order]
        self._file = -1

    def attach_file(self, file: int) -> None:
        """Set the file descriptor to read the blocks from: a file of the stream's bytes."""
        self._file = file

    def read_block(self, cid: bytes) -> tuple[int, bytes]:
        """Return a block's number in the archive, from 1, and its data; refuse a missing one."""
        if type(cid) is not bytes or len(cid) != _CID_BYTES or not cid.startswith(_CID_PREFIX):
            raise Refused("unknown_cid")
        key = np.uint64(int.from_bytes(cid[4:12], "big"))
        first = int(np.searchsorted(self._keys, key))
        for index in range(first, min(first + _MAX_HASH_COLLISIONS, len(self._keys))):
            if self._keys[index] != key:
                break
            row = int(self._order[index])
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
        """Yield the (key, block identifier) pairs of a tree in order, or refusals of its nodes.

        A node that occurs twice is refused, so that a cycle cannot loop.
        """
        seen = bytearray(len(self._starts) + 1)
        stack: list[bytes | tuple[bytes, bytes]] = [tree]
        while stack:
            item = stack.pop()
            if isinstance(item, tuple):
                yield item
                continue
            try:
                row, block = self.read_block(item)
                if seen[row]:
                    raise Refused("malformed_tree")
                seen[row] = 1
                stack += reversed(_read_node(decode_cbor(block)))
            except Refused as refusal:
                yield refusal


def _read_root(stream: ByteStream) -> bytes:
    """Read an archive's header and return the identifier of its root."""
    size, start = _read_varint(stream.peek_bytes(9), 0)
    if start < 0 or size > MAX_BLOCK_BYTES:
        raise Refused("malformed_car")
    stream.skip_bytes(start)
    header = stream.read_bytes(size)
    if len(header) < size:
        raise Refused("truncated_stream")
    fields = decode_cbor(header)
    if type(fields) is not dict or fields.get("version") != 1:
        raise Refused("car_version")
    roots = fields.get("roots")
    if type(roots) is not list or not roots or type(roots[0]) is not bytes:
        raise Refused("no_root")
    return roots[0]


def _read_node(node: Any) -> list[bytes | tuple[bytes, bytes]]:
    """Return a node's children in order: subtrees and (key, block identifier) pairs."""
    if type(node) is not dict or type(node.get("e")) is not list:
        raise Refused("malformed_tree")
    children: list[bytes | tuple[bytes, bytes]] = []
    if node.get("l") is not None:
        children.append(node["l"])
    key = b""
    for entry in node["e"]:
        if type(entry) is not dict:
            raise Refused("malformed_tree")
        shared, rest, value = entry.get("p"), entry.get("k"), entry.get("v")
        if type(shared) is not int or type(rest) is not bytes or type(value) is not bytes:
            raise Refused("malformed_tree")
        # A key is stored without the prefix that it shares with the key before it.
        if not 0 <= shared <= len(key) or shared + len(rest) > _MAX_KEY_BYTES:
            raise Refused("malformed_tree")
        key = key[:shared] + rest
        children.append((key, value))
        if entry.get("t") is not None:
            children.append(entry["t"])
    return children
