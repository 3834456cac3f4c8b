"""Undo compression as the bytes stream by, and give all there is before a break."""

from __future__ import annotations

import bz2
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Protocol, TypeAlias, cast

import zstandard

CHUNK = 4 << 20
# Reddit's dumps declare windows of up to 2 GiB, which libzstd refuses unless told otherwise.
_ZSTD_WINDOW = 2**31


# What a decompressor was about to give when it met a break is lost, so it gives little at a time.
_STEP = 1 << 17


class Unreadable(ValueError):
    """Raised where bytes cannot be had, with the reason that the ledger shows."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


#: What a decompressor or an archive raises where its data breaks off.
BROKEN = (
    EOFError,
    OSError,
    ValueError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    zstandard.ZstdError,
)


def reason_of(error: Exception) -> str:
    """The reason to refuse what was met by one of :data:`BROKEN`."""
    return error.reason if isinstance(error, Unreadable) else "truncated_stream"


class Source(Protocol):
    """Whatever gives bytes: a file, a decompressor, a member of an archive."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; empty at the end."""
        ...


#: No true dump shrinks a thousandfold: JSON lines shrink ten- to thirtyfold, and even a log that
#: says one thing over and over stays below some hundreds.
BOMB_RATIO = 1000
#: How much may come out of one file on disk beyond that ratio, in sum over all that it holds:
#: runs of blanks may shrink as far as they like, a file made to fill disks and eat days may not.
BOMB_BYTES = 1 << 30


# What a member's headers take counts as bytes that went in: a few lines may have shared theirs.
_HEADERS = 256


class Allowance:
    """What has come out of one file on disk beyond :data:`BOMB_RATIO`, of all its streams."""

    def __init__(self) -> None:
        self.excess = 0.0


class Guarded:
    """Stops a stream of which far more comes out than went in.

    ``consumed`` tells how many bytes of the file on disk have been read so far: compression
    inside compression must not multiply what each layer may do.
    """

    def __init__(self, source: Source, consumed: Callable[[], float], allowance: Allowance) -> None:
        self._source = source
        self._consumed = consumed
        self._allowance = allowance
        self._begin = consumed() - _HEADERS
        self._size = 0
        self._excess = 0.0

    def read(self, size: int = CHUNK, /) -> bytes:
        """At most ``size`` bytes; raises ``decompression_bomb`` for a stream that is one."""
        data = self._source.read(size)
        self._size += len(data)
        excess = max(0.0, self._size - BOMB_RATIO * (self._consumed() - self._begin))
        self._allowance.excess += excess - self._excess
        self._excess = excess
        # A stream that keeps to the ratio is read on even beside one that does not.
        if excess and self._allowance.excess > BOMB_BYTES:
            raise Unreadable("decompression_bomb")
        return data


class Raw:
    """A source as just enough of a file: ``read`` gives all that was asked for, or the end."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        """Exactly ``size`` bytes unless the source ends before."""
        wanted = bytearray()
        while size < 0 or len(wanted) < size:
            piece = self._source.read(CHUNK if size < 0 else size - len(wanted))
            if not piece:
                break
            wanted += piece
        return bytes(wanted)


class Peeked:
    """A source whose first bytes have been looked at.

    A break met while peeking is held back, to be raised where the data really ends.
    """

    def __init__(self, source: Source, size: int = 512) -> None:
        self._source = source
        self._error: Exception | None = None
        self.head = b""
        try:
            while len(self.head) < size and (more := source.read(size - len(self.head))):
                self.head += more
        except BROKEN as error:
            self._error = error
        self._left = self.head

    def read(self, size: int = CHUNK, /) -> bytes:
        if self._left:
            data, self._left = self._left[:size], self._left[size:]
            return data
        if self._error:
            raise self._error
        return self._source.read(size)


_Engine: TypeAlias = "zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor"
_ENGINES: dict[str, Callable[[], _Engine]] = {
    "gz": lambda: zlib.decompressobj(wbits=31),
    "bz2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}


class Inflate:
    """A stream decompressor over gz, bz2 or xz that gives all it can before a break.

    The standard library's file objects raise at a truncation and keep back what they had
    decoded; a dump cut off in the middle must give every line before the cut.
    """

    def __init__(
        self, source: Source, engine: Callable[[], _Engine], *, single: bool = False
    ) -> None:
        self._source = source
        self._new = engine
        self._single = single  # one stream only: what follows it is something else
        self._engine = engine()
        self._pending = b""

    def read(self, size: int = CHUNK, /) -> bytes:
        """At most ``size`` bytes; raises where the data is broken."""
        while True:
            if self._engine.eof:
                if self._single:
                    return b""
                # Several streams one after another make one file (Archive Team's bz2, pigz).
                rest = self._engine.unused_data or self._source.read(1 << 16)
                rest = rest.lstrip(b"\0")
                if not rest:
                    return b""
                self._engine, self._pending = self._new(), rest
            data = self._step(size)
            if data:
                return data

    def _step(self, size: int) -> bytes:
        engine, size = self._engine, min(size, _STEP)
        if isinstance(engine, (bz2.BZ2Decompressor, lzma.LZMADecompressor)):
            feed = self._pending or (self._more() if engine.needs_input else b"")
            self._pending = b""
            return engine.decompress(feed, size)
        feed = engine.unconsumed_tail or self._pending or self._more()
        self._pending = b""
        return engine.decompress(feed, size)

    def _more(self) -> bytes:
        data = self._source.read(1 << 16)
        if not data:
            raise EOFError("the compressed stream ends too early")
        return data


class Zstd:
    """A zstd decompressor with a 2 GiB window that gives all it can before a break."""

    def __init__(self, source: Source) -> None:
        context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._source = _Counting(source)
        self._reader = context.stream_reader(
            cast(IO[bytes], self._source), read_size=1 << 18, read_across_frames=True
        )
        self._context = context

    def read(self, size: int = CHUNK, /) -> bytes:
        data = self._reader.read(size)
        if not data and not self._complete():
            raise EOFError("the zstd frame ends too early")
        return data

    def _complete(self) -> bool:
        # The reader does not tell a finished frame from a cut one, so the frame headers do:
        # every complete frame ends in a last block, which _Counting has watched for.
        return self._source.complete()


class _Counting:
    """Follows zstd's frame and block headers as the bytes pass, to tell an end from a cut.

    RFC 8878: a frame is a magic number, a header, blocks of a 3-byte header (bit 0: last block,
    bits 1-2: type, the rest: size), and an optional 4-byte checksum.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._want = 5  # magic number and the frame header descriptor
        self._have = b""
        self._skip = 0
        self._state = "magic"
        self._checksum = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(1 << 18 if size < 0 else size)
        self._watch(data)
        return data

    def complete(self) -> bool:
        """Whether the bytes so far end exactly at the end of a frame."""
        return self._state == "magic" and not self._have and not self._skip

    def _watch(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            take = min(self._want - len(self._have), len(data) - at)
            self._have += data[at : at + take]
            at += take
            if len(self._have) == self._want:
                self._advance()

    def _advance(self) -> None:
        have, self._have = self._have, b""
        if self._state == "magic":
            magic = int.from_bytes(have[:4], "little")
            if 0x184D2A50 <= magic <= 0x184D2A5F:  # a skippable frame: its size follows
                self._have, self._state, self._want = have[4:], "skippable", 4
                return
            descriptor = have[4]
            single = descriptor >> 5 & 1
            content = (single, 2, 4, 8)[descriptor >> 6]
            self._checksum = 4 if descriptor >> 2 & 1 else 0
            self._skip = (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3] + content
            self._state, self._want = "block", 3
        elif self._state == "skippable":
            self._skip = int.from_bytes(have, "little")
            self._state, self._want = "magic", 5
        else:
            header = int.from_bytes(have, "little")
            # A run-length block (type 1) stores one byte however long it is.
            self._skip = 1 if header >> 1 & 3 == 1 else header >> 3
            if header & 1:
                self._skip += self._checksum
                self._state, self._want = "magic", 5


#: So many layers of compression, one in another, are undone; real files have one, seldom two.
DEEPEST = 3


class Tallied:
    """Counts what is read of a source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._size = 0

    def read(self, size: int = CHUNK, /) -> bytes:
        """At most ``size`` bytes."""
        data = self._source.read(size)
        self._size += len(data)
        return data

    def consumed(self) -> float:
        """How much has been read so far."""
        return self._size


class _Failing:
    """A source that can only say why it cannot be read."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def read(self, size: int, /) -> bytes:
        raise Unreadable(self._reason)


def decompressed(
    source: Source,
    consumed: Callable[[], float] | None = None,
    allowance: Allowance | None = None,
) -> tuple[Peeked, str]:
    """Undo the compression that the first bytes show, whatever the file is called.

    Returns the decompressed stream (its head can be looked at) and the outermost kind: zst, gz,
    bz2, xz, zst_blocks or plain. ``consumed`` tells how much of the file on disk has been read,
    and ``allowance`` is shared by all streams of that file; without them the source is the file.
    """
    if consumed is None:
        source = tallied = Tallied(source)
        consumed = tallied.consumed
    allowance = allowance or Allowance()
    stream = Peeked(source)
    outermost = kind = _kind(stream.head)
    for _ in range(DEEPEST):
        if kind == "plain":
            return stream, outermost
        # A guard begins to count before the first byte is decompressed, at the bytes peeked at.
        stream = Peeked(Guarded(_engine(stream, kind), consumed, allowance))
        kind = _kind(stream.head)
    return (stream if kind == "plain" else Peeked(_Failing("nested_too_deep"))), outermost


def _kind(head: bytes) -> str:
    if head[:4] == ZSTD or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5):
        return "zst"
    for magic, kind in ((b"\x1f\x8b", "gz"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz")):
        if head.startswith(magic):
            return kind
    return "zst_blocks" if looks_like_blocks(head) else "plain"


def _engine(stream: Source, kind: str) -> Source:
    if kind == "zst":
        return Zstd(stream)
    return Blocks(stream) if kind == "zst_blocks" else Inflate(stream, _ENGINES[kind])


#: A ``.zst_blocks`` file has no magic number: it begins with a length, then a zstd frame.
ZSTD = b"\x28\xb5\x2f\xfd"
_MOST_ROWS = 1 << 22  # in a block; the files that exist have some hundreds
_damaged = "damaged_block"


def looks_like_blocks(head: bytes) -> bool:
    """Whether a file that begins so is made of blocks, each a length and a zstd frame."""
    return head[4:8] == ZSTD and int.from_bytes(head[:4], "little") > len(ZSTD)


class Blocks:
    """The rows of a ``.zst_blocks`` file as lines.

    Each block is its length (4 bytes; all numbers are little-endian) and a zstd frame. In that
    stand the number of rows, an offset and a length for each, and the rows one behind the other.
    """

    def __init__(self, source: Source) -> None:
        self._source = Raw(source)
        self._pieces = self._read()
        self._left = memoryview(b"")

    def read(self, size: int = CHUNK, /) -> bytes:
        """At most ``size`` bytes; raises where a block is broken."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = memoryview(piece)
        data, self._left = self._left[:size], self._left[size:]
        return bytes(data)

    def _read(self) -> Iterator[bytes]:
        while length := self._source.read(4):
            if len(length) < 4:
                raise EOFError("the last block is cut off")
            packed = _Limited(self._source, int.from_bytes(length, "little"))
            yield from self._rows(Raw(Zstd(packed)))
            if packed.read(1):
                raise Unreadable(_damaged)

    def _rows(self, block: Raw) -> Iterator[bytes]:
        count = int.from_bytes(block.read(4), "little")
        places = block.read(8 * count) if count <= _MOST_ROWS else b""
        if len(places) < 8 * count:
            raise Unreadable(_damaged)
        end, ready = 0, bytearray()
        for offset, size in struct.iter_unpack("<II", places):
            if offset != end:  # no writer leaves gaps or lets rows overlap
                raise Unreadable(_damaged)
            end += size
            while size:  # a length can claim 4 GiB
                piece = block.read(min(size, CHUNK))
                if not piece:
                    raise Unreadable(_damaged)
                size -= len(piece)
                ready += piece
                if len(ready) >= CHUNK:
                    yield bytes(ready)
                    ready.clear()
            ready += b"\n"
        yield bytes(ready)
        if block.read(1):
            raise Unreadable(_damaged)


class _Limited:
    """The next ``size`` bytes of a source, which must be there."""

    def __init__(self, source: Raw, size: int) -> None:
        self._source = source
        self._left = size

    def read(self, size: int, /) -> bytes:
        data = self._source.read(min(size, self._left))
        if self._left and not data:
            raise EOFError("the last block is cut off")
        self._left -= len(data)
        return data
