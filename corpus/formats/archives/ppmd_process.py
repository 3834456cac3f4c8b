"""Unpack PPMd in a process of its own, because pyppmd crashes on damaged data.

One flipped bit in twenty ends in a segmentation fault there (pyppmd 1.3.1), which would take the
whole build with it; py7zr's own way of calling it crashes even on some that are whole. The child
reads the file of its standard input at the place it is told, and writes pieces: how many packed
bytes it has taken, the piece's length, the piece.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys

_PIECE = 1 << 20
_BLOCK = 1 << 16
_HEAD = struct.Struct("<QI")
#: How the child ends: the exit status and the reason it stands for.
_CUT, _DAMAGED = 0, 3
#: The most memory that the format lets a model take; what claims more is damaged.
_MOST_MEMORY = 0xFFFFFFFF - 12 * 3


class Apart:
    """What PPMd unpacks to, as a child process tells it.

    ``begin`` and ``packed`` say where it lies in the file, ``properties`` how it was packed, and
    ``size`` how much comes out.
    """

    def __init__(self, file: int, begin: int, packed: int, properties: bytes, size: int) -> None:
        task = [str(begin), str(packed), properties.hex(), str(size)]
        # -P: this folder's own modules must not pass for the standard library's.
        self._child = subprocess.Popen(
            [sys.executable, "-P", __file__, *task],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        #: Packed bytes taken so far.
        self.consumed = 0

    def read(self) -> bytes:
        """The next piece; empty at the end."""
        assert self._child.stdout
        head = self._child.stdout.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return b""
        self.consumed, size = _HEAD.unpack(head)
        return self._child.stdout.read(size)

    def reason(self) -> str:
        """Why there is no more: a crash counts as damage."""
        return "truncated_stream" if self._child.wait() == _CUT else "damaged_member"

    def close(self) -> None:
        """End the child, whether or not it is done."""
        assert self._child.stdout
        self._child.kill()
        self._child.stdout.close()
        self._child.wait()


def main(begin: int, packed: int, properties: bytes, size: int) -> int:
    """Unpack to the standard output; returns the exit status."""
    import pyppmd  # comes with py7zr

    order, memory = struct.unpack("<BL", properties[:5])
    if not (2 <= order <= 64 and 1 << 11 <= memory <= _MOST_MEMORY):
        return _DAMAGED
    try:
        engine = pyppmd.Ppmd7Decoder(order, memory)
        taken, idle = 0, 0
        while size > 0 and idle < 2:
            # It must be given nothing while it still has something: that, too, crashes it.
            feed = b""
            if engine.needs_input:
                feed = os.pread(0, min(_BLOCK, packed - taken), begin + taken)
                taken += len(feed)
                feed = feed or b"\0"  # the last symbols come out only when there is more
            piece = engine.decode(feed, min(_PIECE, size))
            idle = 0 if piece or len(feed) > 1 else idle + 1
            size -= len(piece)
            if piece:
                sys.stdout.buffer.write(_HEAD.pack(taken, len(piece)) + piece)
                sys.stdout.buffer.flush()
    except (ValueError, MemoryError):
        return _DAMAGED
    return _CUT


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3]), int(sys.argv[4])))
