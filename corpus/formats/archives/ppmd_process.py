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

_OUTPUT_BYTES = 1 << 20
_INPUT_BYTES = 1 << 16
_PIECE_HEADER = struct.Struct("<QI")
#: How the child ends: the exit status and the reason it stands for.
_EXIT_TRUNCATED, _EXIT_DAMAGED = 0, 3
#: The most memory that the format lets a model take; what claims more is damaged.
_MAX_MODEL_MEMORY = 0xFFFFFFFF - 12 * 3


class PpmdProcess:
    """What PPMd unpacks to, as a child process tells it.

    ``begin`` and ``packed`` say where it lies in the file, ``properties`` how it was packed, and
    ``size`` how much comes out.
    """

    def __init__(
        self, file: int, offset: int, packed_size: int, properties: bytes, unpacked_size: int
    ) -> None:
        task = [str(offset), str(packed_size), properties.hex(), str(unpacked_size)]
        # -P: this folder's own modules must not pass for the standard library's.
        self._child = subprocess.Popen(
            [sys.executable, "-P", __file__, *task],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        #: Packed bytes taken so far.
        self.consumed_bytes = 0

    def read(self) -> bytes:
        """The next piece; empty at the end."""
        assert self._child.stdout
        head = self._child.stdout.read(_PIECE_HEADER.size)
        if len(head) < _PIECE_HEADER.size:
            return b""
        self.consumed_bytes, size = _PIECE_HEADER.unpack(head)
        return self._child.stdout.read(size)

    def failure_reason(self) -> str:
        """Why there is no more: a crash counts as damage."""
        return "truncated_stream" if self._child.wait() == _EXIT_TRUNCATED else "damaged_member"

    def close(self) -> None:
        """End the child, whether or not it is done."""
        assert self._child.stdout
        self._child.kill()
        self._child.stdout.close()
        self._child.wait()


def main(offset: int, packed_size: int, properties: bytes, unpacked_size: int) -> int:
    """Unpack to the standard output; returns the exit status."""
    import pyppmd  # comes with py7zr

    order, memory = struct.unpack("<BL", properties[:5])
    if not (2 <= order <= 64 and 1 << 11 <= memory <= _MAX_MODEL_MEMORY):
        return _EXIT_DAMAGED
    try:
        engine = pyppmd.Ppmd7Decoder(order, memory)
        taken, idle = 0, 0
        while unpacked_size > 0 and idle < 2:
            # It must be given nothing while it still has something: that, too, crashes it.
            feed = b""
            if engine.needs_input:
                feed = os.pread(0, min(_INPUT_BYTES, packed_size - taken), offset + taken)
                taken += len(feed)
                feed = feed or b"\0"  # the last symbols come out only when there is more
            piece = engine.decode(feed, min(_OUTPUT_BYTES, unpacked_size))
            idle = 0 if piece or len(feed) > 1 else idle + 1
            unpacked_size -= len(piece)
            if piece:
                sys.stdout.buffer.write(_PIECE_HEADER.pack(taken, len(piece)) + piece)
                sys.stdout.buffer.flush()
    except (ValueError, MemoryError):
        return _EXIT_DAMAGED
    return _EXIT_TRUNCATED


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3]), int(sys.argv[4])))
