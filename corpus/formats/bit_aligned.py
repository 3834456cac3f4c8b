"""Find a pattern at any bit of a stream, and read the stream from that bit on."""

from __future__ import annotations

from collections.abc import Callable

from corpus.formats.byte_source import ByteSource, LookaheadSource

#: Of the patterns that are searched.
PATTERN_BYTES = 6


class BitAlignedSource:
    """A source that is read from any bit on; at first from its first bit."""

    def __init__(self, source: ByteSource) -> None:
        self._input = LookaheadSource(source)
        self._shift = 0  # bits of the first unread byte that were read
        #: The bytes that the last call of :meth:`read_some` has read.
        self.last_read = b""

    def read_some(self, size: int) -> bytes:
        """Return between 1 and ``size`` bytes; none at the end."""
        self.last_read = b""  # if the source raises
        if not self._shift:
            self.last_read = self._input.read_some(size)
            return self.last_read
        # A byte is made of the bits of two, and the second is read again for the next byte.
        self.last_read = raw = self._input.read(size + 1)
        if len(raw) > 1:
            self._input.unread(raw[-1:])
            self.last_read = raw[:-1]
        bits = int.from_bytes(raw, "big") << self._shift
        shifted = (bits & ((1 << 8 * len(raw)) - 1)).to_bytes(len(raw), "big")
        return shifted[:-1] if len(raw) > 1 else shifted

    def unread_tail(self, size: int) -> None:
        """Put back the bytes from which the last ``size`` of the last :meth:`read_some` are."""
        kept = len(self.last_read) - size
        self._input.unread(self.last_read[kept:])
        self.last_read = self.last_read[:kept]

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` whole bytes, or fewer at the end, without reading them."""
        return self._input.peek(size)

    def skip(self, size: int) -> None:
        """Discard whole bytes."""
        self._input.read(size)

    def skip_zeros(self) -> bool:
        """Discard whole bytes of zero; return False if nothing follows them."""
        return self._input.skip_zeros()

    def skip_to(self, find: Callable[[bytes], int], overlap: int = 16) -> bool:
        """Discard the bytes before the match of ``find``; return False if there is none.

        A match has at most ``overlap`` bytes more than one.
        """
        self._shift = 0
        return self._input.skip_to(find, overlap)

    def skip_to_bits(self, pattern: int) -> bool:
        """Discard the bits before a pattern of 48 bits; return False if it does not occur."""
        if not self._input.skip_to(lambda data: find_bits(data, pattern) >> 3, PATTERN_BYTES + 1):
            return False
        self._shift = find_bits(self._input.peek(PATTERN_BYTES + 1), pattern)
        return True


def find_bits(data: bytes, pattern: int) -> int:
    """Return the offset, in bits, of the first match of a pattern of 48 bits; -1 for none."""
    found = [_find_shifted(data, pattern, shift) for shift in range(8)]
    return min((offset for offset in found if offset >= 0), default=-1)


def _find_shifted(data: bytes, pattern: int, shift: int) -> int:
    """Return the first match that begins ``shift`` bits after the beginning of a byte."""
    wanted = (pattern << (8 - shift)).to_bytes(PATTERN_BYTES + 1, "big")
    inner = wanted[1:PATTERN_BYTES]
    at = data.find(inner, 1)
    while at >= 0:
        window = int.from_bytes(data[at - 1 : at + PATTERN_BYTES].ljust(7, b"\0"), "big")
        mask = ((1 << 48) - 1) << (8 - shift)
        if window & mask == pattern << (8 - shift) and (
            not shift or at + PATTERN_BYTES <= len(data)
        ):
            return 8 * (at - 1) + shift
        at = data.find(inner, at + 1)
    return -1
