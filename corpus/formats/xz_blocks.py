"""Find the blocks of an xz stream, so that reading goes on behind a damaged one.

The .xz file format, version 1.2: a stream is a header of 12 bytes, blocks, an index that begins
with a zero, and a footer. A block is a header that ends in a CRC-32, data in LZMA2 with a mark of
its end, zeros up to a multiple of four bytes, and a checksum of the size that the stream's header
declares. Tools that compress in threads write a block for every few megabytes.
"""

from __future__ import annotations

import lzma
import re
import zlib
from typing import NamedTuple

MAGIC = b"\xfd7zXZ\0"
#: The most bytes that are looked at for a block's header; those of common tools have 12 to 28.
MAX_HEADER_BYTES = 64
# The size, the flags (of one filter), two sizes or none, and LZMA2 with its dictionary.
_HEADER = re.compile(rb"(?=[\x01-\x0f][\x00\x40\x80\xc0].{0,18}?\x21\x01([\x00-\x28]))", re.DOTALL)
_CHECK_BYTES = {0: 0, 1: 4, 4: 8, 10: 32}


class BlockHeader(NamedTuple):
    """The size of a block's header in bytes, and that of the dictionary of its data."""

    size: int
    dictionary_bytes: int

    def new_decompressor(self) -> lzma.LZMADecompressor:
        """Return a decompressor of the data behind the header."""
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": self.dictionary_bytes}]
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)


def get_check_bytes(stream_header: bytes) -> int:
    """Return the size of the checksum behind each block; 8, as xz writes it, if that is unknown."""
    is_known = stream_header.startswith(MAGIC) and len(stream_header) > 7
    return _CHECK_BYTES.get(stream_header[7] & 0x0F, 8) if is_known else 8


def parse_header(data: bytes) -> BlockHeader | None:
    """Parse the header of a block with the filter LZMA2 alone; null for anything else."""
    match = _HEADER.match(data)
    if match is None:
        return None
    size = 4 * (data[0] + 1)
    stored = int.from_bytes(data[size - 4 : size], "little")
    if len(data) < size or zlib.crc32(data[: size - 4]) != stored:
        return None
    bits = match[1][0]
    return BlockHeader(size, (2 | bits & 1) << (bits // 2 + 11))


def find_next(data: bytes) -> int:
    """Return the offset of the next stream or block, or -1."""
    streams = data.find(MAGIC)
    blocks = (each.start() for each in _HEADER.finditer(data))
    block = next((at for at in blocks if parse_header(data[at : at + MAX_HEADER_BYTES])), -1)
    return min((at for at in (streams, block) if at >= 0), default=-1)
