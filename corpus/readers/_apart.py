"""Unpack a folder of a 7z in a process of its own, because pyppmd crashes on damaged data.

One flipped bit in four ends in a segmentation fault there (pyppmd 1.3.1), which would take the
whole build with it. The child reads the file of its standard input at the places it is told, and
writes pieces: how many packed bytes it has taken, the piece's length, the piece.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from typing import Any

PIECE = 1 << 20
_HEAD = struct.Struct("<QI")
#: How the child ends: the exit status and the reason it stands for.
ENDS = {0: "truncated_stream", 3: "damaged_member", 4: "unsupported_compression"}


class Apart:
    """A folder's unpacked content, as a child process tells it."""

    def __init__(self, file: int, begin: int, packed: int, folder: Any) -> None:
        coders = [
            coder
            | {"method": coder["method"].hex(), "properties": (coder["properties"] or b"").hex()}
            for coder in folder.coders
        ]
        task = json.dumps([begin, packed, coders, folder.unpacksizes])
        # -P: this folder's own modules must not pass for the standard library's.
        self._child = subprocess.Popen(
            [sys.executable, "-P", __file__, task],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.consumed = 0

    def decompress(self) -> bytes:
        """The next piece; empty at the end."""
        assert self._child.stdout
        head = self._child.stdout.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return b""
        self.consumed, size = _HEAD.unpack(head)
        return self._child.stdout.read(size)

    def reason(self) -> str:
        """Why there is no more."""
        return ENDS.get(self._child.wait(), "damaged_member")

    def close(self) -> None:
        """End the child, whether or not it is done."""
        assert self._child.stdout
        self._child.kill()
        self._child.stdout.close()
        self._child.wait()


class _Packed:
    """The packed bytes, read without moving the place at which the parent reads."""

    def __init__(self, begin: int) -> None:
        self._at = begin

    def read(self, size: int) -> bytes:
        data = os.pread(0, size, self._at)
        self._at += len(data)
        return data


def main() -> int:
    """Unpack as the only argument says; returns one of :data:`ENDS`."""
    from py7zr.compressor import SevenZipDecompressor
    from py7zr.exceptions import UnsupportedCompressionMethodError

    begin, packed, told, sizes = json.loads(sys.argv[1])
    coders = [
        coder
        | {
            "method": bytes.fromhex(coder["method"]),
            "properties": bytes.fromhex(coder["properties"]) or None,
        }
        for coder in told
    ]
    source, idle, left = _Packed(begin), 0, sizes[-1]
    try:
        decoder = SevenZipDecompressor(coders, packed, sizes, crc=None, blocksize=1 << 16)
        while left > 0 and idle < 2:
            before = decoder.consumed
            piece = decoder.decompress(source, min(PIECE, left))
            idle = 0 if piece or decoder.consumed > before else idle + 1
            left -= len(piece)
            if piece:
                sys.stdout.buffer.write(_HEAD.pack(decoder.consumed, len(piece)) + piece)
        sys.stdout.buffer.flush()
    except UnsupportedCompressionMethodError:
        return 4
    except BrokenPipeError:
        return 0
    except Exception:
        # Each of the decoders has errors of its own, and py7zr does not gather them.
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
