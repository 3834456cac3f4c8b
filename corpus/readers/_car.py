"""Walk a repository export: CAR blocks of DAG-CBOR, from the commit over its tree to records."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from corpus.readers._decompress import BROKEN, Source

# A block is one record or one node of the tree; the network allows two megabytes.
_LONGEST = 8 << 20
_SHA256 = b"\x12\x20"  # how a CID says that SHA-256 of 32 bytes follows
_TID = {letter: place for place, letter in enumerate("234567abcdefghijklmnopqrstuvwxyz")}


class Commit(NamedTuple):
    """Whose repository it is, and of when."""

    did: str
    rev: int | None  # microseconds


class Entry(NamedTuple):
    """A record of the tree; ``body`` is null where it was not wanted, or is not there."""

    path: str  # collection/rkey
    cid: bytes
    body: dict[str, Any] | None
    problem: str


def is_car(head: bytes) -> bool:
    """Whether a file that begins so is a CAR: a short header that names its roots."""
    return (b"\xa2" in head[1:4] and b"eroots" in head[:16]) or b"gversion\x01" in head[:100]


def moment(tid: str) -> int | None:
    """Microseconds of a revision's name: 13 letters of base 32, the last ten bits a clock's id."""
    if len(tid) != 13 or any(letter not in _TID for letter in tid):
        return None
    value = 0
    for letter in tid:
        value = value << 5 | _TID[letter]
    return value >> 10


class Car:
    """One repository. Only the blocks that ``wanted`` picks, and the tree, stay in memory."""

    def __init__(self, source: Source, wanted: Callable[[bytes], bool]) -> None:
        #: Why blocks could not be read, one entry each.
        self.problems: list[str] = []
        self.commit: Commit | None = None
        self._blocks: dict[bytes, bytes] = {}
        self._seen: set[bytes] = set()
        self._tree: bytes | None = None
        try:
            roots = self._load(source, wanted)
        except BROKEN:
            roots = self._roots
            self.problems.append("truncated_stream")
        for root in roots:
            self._begin(root)

    def _load(self, source: Source, wanted: Callable[[bytes], bool]) -> list[bytes]:
        self._roots: list[bytes] = []
        reader = _Reader(source)
        header = _decoded(reader.take(reader.length() or 0))
        found = header.get("roots") if isinstance(header, dict) else None
        if not isinstance(found, list):
            self.problems.append("no_car_header")
            return []
        self._roots = [root for root in found if isinstance(root, bytes)]
        while (size := reader.length()) is not None:
            block = reader.take(size)
            split = _cid_end(block)
            cid, body = block[:split], block[split:]
            if not split or (
                cid[-34:-32] == _SHA256 and hashlib.sha256(body).digest() != cid[-32:]
            ):
                self.problems.append("damaged_block")
                continue
            self._seen.add(cid)
            if cid in self._roots or _is_node(body) or wanted(body):
                self._blocks[cid] = body
        return self._roots

    def _begin(self, root: bytes) -> None:
        commit = _decoded(self._blocks.get(root, b""))
        if not isinstance(commit, dict) or not isinstance(commit.get("did"), str):
            if "truncated_stream" not in self.problems:
                self.problems.append("no_commit")
            return
        self.commit = Commit(commit["did"], moment(str(commit.get("rev") or "")))
        data = commit.get("data")
        self._tree = data if isinstance(data, bytes) else None

    def entries(self) -> Iterator[Entry]:
        """The records in the tree's order, which is that of their paths."""
        if self._tree is None:
            return
        met: set[bytes] = set()
        # A node to open, or an entry to give; the last first.
        stack: list[bytes | Entry] = [self._tree]
        while stack:
            here = stack.pop()
            if isinstance(here, Entry):
                yield here
            elif here not in met:  # a tree that bites its tail is read once
                met.add(here)
                stack += reversed(self._node(here))

    def _node(self, cid: bytes) -> list[bytes | Entry]:
        node = _decoded(self._blocks.get(cid, b""))
        if not isinstance(node, dict) or not isinstance(node.get("e"), list):
            return [Entry("", cid, None, "missing_block")]
        out: list[bytes | Entry] = [node["l"]] if isinstance(node.get("l"), bytes) else []
        path = b""
        for item in node["e"]:
            if not isinstance(item, dict):
                return [*out, Entry("", cid, None, "damaged_block")]
            shared, rest, value = item.get("p"), item.get("k"), item.get("v")
            if not (
                isinstance(shared, int) and isinstance(rest, bytes) and isinstance(value, bytes)
            ):
                return [*out, Entry("", cid, None, "damaged_block")]
            path = path[:shared] + rest
            out.append(self._entry(path.decode("utf-8", "replace"), value))
            if isinstance(item.get("t"), bytes):
                out.append(item["t"])
        return out

    def _entry(self, path: str, cid: bytes) -> Entry:
        if cid not in self._blocks:
            return Entry(path, cid, None, "" if cid in self._seen else "missing_block")
        body = _decoded(self._blocks[cid])
        if not isinstance(body, dict):
            return Entry(path, cid, None, "damaged_block")
        return Entry(path, cid, body, "")


class _Reader:
    """Takes whole pieces from a stream."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def take(self, size: int) -> bytes:
        """Exactly ``size`` bytes; EOFError if there are fewer."""
        if not 0 <= size <= _LONGEST:
            raise ValueError("a block longer than any")
        found = bytearray()
        while len(found) < size:
            more = self._source.read(size - len(found))
            if not more:
                raise EOFError("the file ends too early")
            found += more
        return bytes(found)

    def length(self) -> int | None:
        """The next number (unsigned LEB128); null at the end of the file."""
        value = shift = 0
        while True:
            byte = self._source.read(1)
            if not byte:
                if shift:
                    raise EOFError("the file ends too early")
                return None
            value |= (byte[0] & 127) << shift
            shift += 7
            if byte[0] < 128:
                return value
            if shift > 63:
                raise ValueError("no such number")


def _cid_end(block: bytes) -> int:
    """Where a block's CID ends: version 1, a codec, and SHA-256; 0 if it is another kind."""
    return 36 if block[:1] == b"\x01" and block[2:4] == _SHA256 and len(block) >= 36 else 0


def _is_node(body: bytes) -> bool:
    # A map of two keys, the first of which is "e": what a node of the tree looks like in CBOR.
    return body[:3] == b"\xa2ae"


def _decoded(body: bytes) -> Any:
    import libipld

    try:
        return libipld.decode_dag_cbor(body)
    except (ValueError, TypeError, OverflowError, RecursionError, UnicodeDecodeError):
        return None
