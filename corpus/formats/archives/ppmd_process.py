"""Unpack PPMd in a process of its own, because pyppmd crashes on damaged data.

One in twenty flipped bits ends in a segmentation fault of pyppmd 1.3.1, which would end the whole
build; py7zr's calls of it crash even on some intact data. The child process is this file, run as a
script: it reads the file on its standard input from a given offset, and writes pieces, each as the
number of packed bytes consumed so far, the length of the piece, and the piece.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys

_OUTPUT_BYTES = 1 << 20
_INPUT_BYTES = 1 << 16
_PIECE_HEADER = struct.Struct("<QI")
#: Exit statuses of the child.
_EXIT_TRUNCATED, _EXIT_DAMAGED = 0, 3
#: The most memory that the format allows for a model.
_MAX_MODEL_MEMORY = 0xFFFFFFFF - 12 * 3


class PpmdProcess:
    """The unpacked bytes of PPMd data, from a child process.

    ``file`` is a file descriptor; the ``packed_size`` bytes from ``offset`` on are unpacked by
    ``properties`` (the 7z's coder properties) to ``unpacked_size`` bytes.
    """

    def __init__(
        self, file: int, offset: int, packed_size: int, properties: bytes, unpacked_size: int
    ) -> None:
        task = [str(offset), str(packed_size), properties.hex(), str(unpacked_size)]
        # -P: the modules of this folder must not shadow those of the standard library.
        self._child = subprocess.Popen(
            [sys.executable, "-P", __file__, *task],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        #: Packed bytes consumed so far.
        self.consumed_bytes = 0

    def read(self) -> bytes:
        """Return the next piece; empty at the end."""
        assert self._child.stdout
        head = self._child.stdout.read(_PIECE_HEADER.size)
        if len(head) < _PIECE_HEADER.size:
            return b""
        self.consumed_bytes, size = _PIECE_HEADER.unpack(head)
        return self._child.stdout.read(size)

    def failure_reason(self) -> str:
        """Return why the data ended: truncation, or damage, which includes a crash."""
        return "truncated_stream" if self._child.wait() == _EXIT_TRUNCATED else "damaged_member"

    def close(self) -> None:
        """End the child, also before it is done."""
        assert self._child.stdout
        self._child.kill()
        self._child.stdout.close()
        self._child.wait()


def main(offset: int, packed_size: int, properties: bytes, unpacked_size: int) -> int:
    """Unpack to the standard output, and return the exit status."""
    import pyppmd  # comes with py7zr

    order, memory = struct.unpack("<BL", properties[:5])
    if not (2 <= order <= 64 and 1 << 11 <= memory <= _MAX_MODEL_MEMORY):
        return _EXIT_DAMAGED
    try:
        engine = pyppmd.Ppmd7Decoder(order, memory)
        taken, idle = 0, 0
        while unpacked_size > 0 and idle < 2:
            # Input while it still has some of the last crashes it, too.
            feed = b""
            if engine.needs_input:
                feed = os.pread(0, min(_INPUT_BYTES, packed_size - taken), offset + taken)
                taken += len(feed)
                feed = feed or b"\0"  # it returns the last symbols only for more input
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
