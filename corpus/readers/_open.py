"""Open a dump: decompress by content, walk tar members, split lines, survive what is broken."""

from __future__ import annotations

import bz2
import hashlib
import json
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Protocol, cast

import zstandard

from corpus.errors import BuildError

_CHUNK = 4 << 20
# Reddit's dumps declare windows of up to 2 GiB, which libzstd refuses unless told otherwise.
_ZSTD_WINDOW = 2**31
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
#: What a decompressor or an archive raises where its data breaks off.
BROKEN = (
    EOFError,
    OSError,
    ValueError,
    lzma.LZMAError,
    tarfile.TarError,
    zlib.error,
    zstandard.ZstdError,
)


class Line(NamedTuple):
    """One line without its end. ``end`` is the offset behind it; ``problem`` a refusal or ''."""

    data: bytes
    end: int
    problem: str = ""


class Source(Protocol):
    """Whatever gives bytes: a file, a decompressor, a member of an archive."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; empty at the end."""
        ...


class _Hashed:
    """The raw file, hashed and counted as it passes by."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 - Input closes it
        self._sha = hashlib.sha256()
        self.position = 0

    def read(self, size: int = -1, /) -> bytes:
        try:
            data = self._file.read(_CHUNK if size < 0 else size)
        except OSError as error:
            # The disk's trouble is not the dump's: it must not pass for the end of the file.
            raise BuildError(f"cannot read '{self._file.name}': {error.strerror}") from None
        self._sha.update(data)
        self.position += len(data)
        return data

    def finish(self) -> str:
        while self.read(_CHUNK):
            pass
        return self._sha.hexdigest()

    def close(self) -> None:
        self._file.close()


class _Peeked:
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

    def read(self, size: int = _CHUNK, /) -> bytes:
        if self._left:
            data, self._left = self._left[:size], self._left[size:]
            return data
        if self._error:
            raise self._error
        return self._source.read(size)


class _Inflate:
    """A stream decompressor over gz, bz2 or xz that gives all it can before a break.

    The standard library's file objects raise at a truncation and keep back what they had
    decoded; a dump cut off in the middle must give every line before the cut.
    """

    def __init__(self, source: Source, kind: str) -> None:
        self._source = source
        self._kind = kind
        self._engine = self._new()
        self._started = False
        self._pending = b""

    def _new(self) -> zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor:
        if self._kind == "gz":
            return zlib.decompressobj(wbits=31)
        return bz2.BZ2Decompressor() if self._kind == "bz2" else lzma.LZMADecompressor()

    def read(self, size: int = _CHUNK, /) -> bytes:
        while True:
            if self._engine.eof:
                # Several streams one after another make one file (Archive Team's bz2, pigz).
                rest = self._engine.unused_data or self._source.read(1 << 16)
                rest = rest.lstrip(b"\0")
                if not rest:
                    return b""
                self._engine, self._started, self._pending = self._new(), False, rest
            data = self._step(size)
            if data:
                self._started = True
                return data

    def _step(self, size: int) -> bytes:
        engine = self._engine
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


class _Zstd:
    """A zstd decompressor with a 2 GiB window that gives all it can before a break."""

    def __init__(self, source: Source) -> None:
        context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._source = _Counting(source)
        self._reader = context.stream_reader(
            cast(IO[bytes], self._source), read_size=1 << 18, read_across_frames=True
        )
        self._context = context

    def read(self, size: int = _CHUNK, /) -> bytes:
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


def decompressed(source: Source) -> tuple[_Peeked, str]:
    """Undo the compression that the first bytes show, whatever the file is called.

    Returns the decompressed stream (its head can be looked at) and the kind: zst, gz, bz2, xz
    or plain.
    """
    peeked = _Peeked(source)
    head = peeked.head
    if head[:4] == b"\x28\xb5\x2f\xfd" or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5):
        return _Peeked(_Zstd(peeked)), "zst"
    for magic, kind in ((b"\x1f\x8b", "gz"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz")):
        if head.startswith(magic):
            return _Peeked(_Inflate(peeked, kind)), kind
    return peeked, "plain"


class Member:
    """One stream of lines: the file itself (``name`` is empty) or a member of an archive."""

    def __init__(self, name: str, source: Source) -> None:
        self.name = name
        self._source = source

    def open(self) -> _Peeked:
        """The decompressed bytes, for a reader that cuts them into records itself."""
        return decompressed(self._source)[0]

    def lines(self, longest: int, skip: int = 0) -> Iterator[Line]:
        """Yield the lines after the first ``skip`` bytes.

        Blank lines come with empty data, so that rows count true. A line over ``longest`` bytes,
        and the point where the stream breaks, come as a problem.
        """
        stream = self.open()
        if not skip and is_binary(stream.head):
            yield Line(b"", 0, "not_text")
            return
        at, carry, too_long, broken = 0, b"", False, False
        first = True
        while True:
            try:
                chunk = stream.read(_CHUNK)
            except BROKEN:
                chunk, broken = b"", True
            if not chunk:
                break
            if at + len(chunk) <= skip:  # read before: only pass over it
                at += len(chunk)
                first = False
                continue
            if at < skip:
                chunk, at, first = chunk[skip - at :], skip, False
            if first:
                first = False
                if chunk.startswith(b"\xef\xbb\xbf"):
                    chunk, at = chunk[3:], 3
            head, newline, tail = chunk.rpartition(b"\n")
            if not newline:
                carry = b"" if too_long else carry + tail
                at += len(chunk)
                if len(carry) > longest:
                    carry, too_long = b"", True
                continue
            pieces = (carry + head).split(b"\n")
            start = at - len(carry)
            for index, piece in enumerate(pieces):
                start += len(piece) + 1
                if index == 0 and too_long:
                    start = at + head.find(b"\n") + 1 if b"\n" in head else at + len(head) + 1
                    too_long = False
                    yield Line(b"", start, "line_too_long")
                elif len(piece) > longest:
                    yield Line(b"", start, "line_too_long")
                else:
                    yield Line(piece.strip(), start)
            at += len(chunk)
            carry = tail
            if len(carry) > longest:
                carry, too_long = b"", True
        if too_long:
            yield Line(b"", at, "line_too_long")
        elif carry.strip() and not broken:
            yield Line(carry.strip(), at)
        if broken:
            yield Line(b"", at, "truncated_stream")


def is_binary(head: bytes) -> bool:
    """Whether a file that begins so is no text; a stray control byte costs just its own line."""
    # JSON and CSV hold no raw NUL; UTF-16 text, which is full of them, is caught here too.
    return b"\0" in head or 20 * len(_CONTROL.findall(head)) > len(head)


class Input:
    """A dump file, perhaps compressed, perhaps a tar of (compressed) files."""

    def __init__(self, path: str) -> None:
        self._raw = _Hashed(path)
        self.path = path
        self.problem = ""

    def __enter__(self) -> Input:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._raw.close()

    @property
    def position(self) -> int:
        """Compressed bytes consumed so far."""
        return self._raw.position

    def sha256(self) -> str:
        """The hash of the whole file; reads what is left of it."""
        return self._raw.finish()

    def members(self, after: str | None = None) -> Iterator[Member]:
        """Yield the streams of lines in order; ``after`` starts at the member of that name."""
        stream, _ = decompressed(self._raw)
        if stream.head[257:262] != b"ustar":
            yield Member("", stream)
            return
        found = not after
        seen: dict[str, int] = {}
        try:
            with tarfile.open(fileobj=cast(IO[bytes], _AsFile(stream)), mode="r|") as archive:
                for entry in archive:
                    name = _unique(entry.name, seen)
                    found = found or name == after
                    if not (entry.isfile() and found):
                        continue
                    content = archive.extractfile(entry)
                    if content is not None:
                        yield Member(name, content)
        except BROKEN:
            self.problem = "truncated_stream"


def _unique(name: str, seen: dict[str, int]) -> str:
    """A member's name as plain text; an archive that was appended to can hold it twice."""
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}#{seen[name]}"


class _AsFile:
    """Just enough of a file for tarfile's streaming mode, which only reads."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        wanted = bytearray()
        while size < 0 or len(wanted) < size:
            piece = self._source.read(_CHUNK if size < 0 else size - len(wanted))
            if not piece:
                break
            wanted += piece
        return bytes(wanted)


_SURROGATE = re.compile(
    rb"(?<!\\)((?:\\\\)*)\\u(?:(?P<pair>[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def mend_surrogates(line: bytes) -> bytes:
    """Replace each lone surrogate escape by U+FFFD; proper pairs stay."""

    def mend(match: re.Match[bytes]) -> bytes:
        return match[0] if match["pair"] else match[1] + rb"\ufffd"

    return _SURROGATE.sub(mend, line)


def split_objects(line: bytes) -> list[bytes]:
    """Split a line that holds several JSON objects; an empty list if it is no such line."""
    decoder = json.JSONDecoder()
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return []
    pieces, at = [], 0
    while at < len(text):
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            # What stands behind the last whole object is refused by its decoder.
            pieces.append(text[at:].encode("utf-8"))
            break
        pieces.append(text[at:end].encode("utf-8"))
        at = end
        while at < len(text) and text[at] in " \t\r":
            at += 1
    return pieces


def expand(pattern: str) -> list[str]:
    """The files a ``path`` stands for, sorted: a file, all files of a folder, or a glob."""
    path = Path(pattern)
    if path.is_dir():
        return sorted(str(file) for file in path.rglob("*") if file.is_file())
    if path.exists():
        return [pattern]
    import glob

    return sorted(file for file in glob.glob(pattern, recursive=True) if Path(file).is_file())
