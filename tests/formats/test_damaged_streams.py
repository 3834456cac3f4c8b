"""Of a damaged stream everything is read but the damage, which is one refusal in its row."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import zstandard

from corpus.readers.table import Config, read

COUNT = 1800
Pack = Callable[[bytes], bytes]


def pack_blocks(data: bytes) -> bytes:
    """A block of ``.zst_blocks`` of the lines in ``data``."""
    rows = data.splitlines()
    directory, offset = struct.pack("<I", len(rows)), 0
    for row in rows:
        directory += struct.pack("<II", offset, len(row))
        offset += len(row)
    frame = zstandard.ZstdCompressor().compress(directory + b"".join(rows))
    return struct.pack("<I", len(frame)) + frame


STREAMS: dict[str, Pack] = {
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "gz": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
}
CODECS = {**STREAMS, "zst_blocks": pack_blocks}


def post(number: int) -> bytes:
    words = "".join(random.Random(number).choices("abcdefghij ", k=40))
    return json.dumps({"id": str(number), "text": words}).encode() + b"\n"


def posts(low: int, high: int) -> bytes:
    return b"".join(map(post, range(low, high)))


THIRDS = [posts(0, 600), posts(600, 1200), posts(1200, COUNT)]


def config_of(path: Path) -> Config:
    fields = {"id": "id", "text": "text"}
    return Config.model_validate({"path": str(path), "format": "jsonl", "fields": fields})


def read_file(
    folder: Path, data: bytes, part_posts: int = 10_000
) -> tuple[list[int], list[tuple[int, str]]]:
    """The ids of the posts and the row and reason of each refusal.

    A post that damage has altered has the id -1.
    """
    path = folder / "posts"
    path.write_bytes(data)
    batches = list(read(str(path), config_of(path), part_posts))
    names = [name.partition(":")[2] for batch in batches for name in batch.posts["id"]]
    ids = [int(name) if name.isdecimal() else -1 for name in names]
    refusals = [
        row for batch in batches for row in batch.refused.select("source_row", "reason").iter_rows()
    ]
    return ids, refusals


@pytest.mark.parametrize("codec", STREAMS)
def test_zeros_behind_a_stream_are_padding(tmp_path: Path, codec: str) -> None:
    packed = [STREAMS[codec](part) for part in THIRDS]
    data = packed[0] + bytes(512) + packed[1] + packed[2] + bytes(70_000)
    assert read_file(tmp_path, data) == (list(range(COUNT)), [])


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_any_number_of_zeros_is_padding(tmp_path: Path, count: int) -> None:
    packed = [STREAMS["zst"](part) for part in THIRDS]
    assert read_file(tmp_path, bytes(count).join(packed)) == (list(range(COUNT)), [])


@pytest.mark.parametrize("codec", STREAMS)
def test_a_gap_in_the_outer_of_two_compressions_repeats_no_post(tmp_path: Path, codec: str) -> None:
    inner = b"".join(STREAMS[codec](posts(low, low + 20)) for low in range(0, COUNT, 20))
    half = len(inner) // 2
    outer = STREAMS["zst"](inner[:half]) + b"other bytes" + STREAMS["zst"](inner[half:])
    ids, refused = read_file(tmp_path, outer)
    assert ids == sorted(set(ids)) and ids[0] == 0 and ids[-1] == COUNT - 1
    assert COUNT - len(ids) <= 20
    assert {reason for _, reason in refused} == {"damaged_stream"}


@pytest.mark.parametrize("codec", CODECS)
def test_other_bytes_behind_a_stream_are_one_refusal_behind_its_last_row(
    tmp_path: Path, codec: str
) -> None:
    ids, refused = read_file(tmp_path, CODECS[codec](posts(0, COUNT)) + b"other bytes " * 9)
    assert ids == list(range(COUNT))
    assert [row for row, _ in refused] == [COUNT + 1]


@pytest.mark.parametrize("codec", CODECS)
def test_other_bytes_between_streams_are_one_refusal_between_their_rows(
    tmp_path: Path, codec: str
) -> None:
    first, second, third = [CODECS[codec](part) for part in THIRDS]
    ids, refused = read_file(tmp_path, first + b"other bytes " * 9 + second + third)
    assert ids == list(range(COUNT))
    assert [row for row, _ in refused] == [601]


@pytest.mark.parametrize("codec", CODECS)
def test_damage_in_one_stream_costs_no_post_of_another(tmp_path: Path, codec: str) -> None:
    first, second, third = [CODECS[codec](part) for part in THIRDS]
    for share in (0.02, 0.3, 0.5, 0.9):
        damaged = bytearray(second)
        damaged[int(len(second) * share)] ^= 0x55
        ids, refused = read_file(tmp_path, first + damaged + third)
        assert ids[:600] == list(range(600))
        assert ids[-600:] == list(range(1200, COUNT))
        assert refused or codec == "zst_blocks"  # its frames have no checksum


@pytest.mark.parametrize("codec", STREAMS)
def test_a_line_that_is_cut_by_a_gap_is_a_part_of_the_gap(tmp_path: Path, codec: str) -> None:
    whole = posts(0, COUNT)
    first, second = STREAMS[codec](whole[:40_010]), STREAMS[codec](whole[40_010:])
    ids, refused = read_file(tmp_path, first + b"other bytes" + second)
    (lost,) = set(range(COUNT)) - set(ids)
    assert ids == [number for number in range(COUNT) if number != lost]
    assert refused == [(lost + 1, "damaged_stream")]


def test_a_damaged_block_of_bz2_costs_the_block(tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": str(n), "text": random.Random(n).randbytes(99).hex()})
        for n in range(22_000)
    ]
    packed = bytearray(bz2.compress("\n".join(lines).encode()))
    packed[len(packed) // 2] ^= 1
    ids, refused = read_file(tmp_path, bytes(packed), part_posts=50_000)
    assert ids == sorted(set(ids)) and ids[0] == 0 and ids[-1] == 21_999
    assert 22_000 - len(ids) < 4500  # 900 kB
    assert [reason for _, reason in refused] == ["damaged_stream"]


def pack_xz_blocks(parts: Sequence[bytes]) -> tuple[bytes, list[int]]:
    """A stream of xz with a block for each part, as xz writes it in threads; and their offsets."""

    def number(value: int) -> bytes:
        return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + number(value >> 7)

    def with_checksum(data: bytes) -> bytes:
        return data + struct.pack("<I", zlib.crc32(data))

    def padded(data: bytes) -> bytes:
        return data + bytes(-len(data) % 4)

    flags, records, offsets = b"\0\1", b"", []
    stream = b"\xfd7zXZ\0" + flags + struct.pack("<I", zlib.crc32(flags))
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}]
    for part in parts:
        offsets.append(len(stream))
        data = lzma.compress(part, lzma.FORMAT_RAW, filters=filters)
        header = with_checksum(b"\x02\0\x21\1\x08\0\0\0")
        records += number(len(header) + len(data) + 4) + number(len(part))
        stream += header + padded(data) + struct.pack("<I", zlib.crc32(part))
    index = with_checksum(padded(b"\0" + number(len(parts)) + records))
    footer = struct.pack("<I", len(index) // 4 - 1) + flags
    return stream + index + struct.pack("<I", zlib.crc32(footer)) + footer + b"YZ", offsets


@pytest.mark.parametrize("where", ["the header", "the data", "the checksum"])
def test_a_damaged_block_of_xz_costs_the_block(tmp_path: Path, where: str) -> None:
    whole, offsets = pack_xz_blocks([*THIRDS, posts(COUNT, COUNT + 9)])
    assert lzma.decompress(whole) == b"".join(THIRDS) + posts(COUNT, COUNT + 9)
    packed = bytearray(whole)
    packed[
        {"the header": offsets[1] + 4, "the data": offsets[1] + 99}.get(where, offsets[2] - 1)
    ] ^= 1
    for data in (bytes(packed), bytes(packed) + bytes(512), bytes(packed) + lzma.compress(post(0))):
        ids, refused = read_file(tmp_path, data)
        read = [number for number in ids if number >= 0]
        # What xz has decoded in the call that fails is lost: the last rows before the damage.
        whole_rows = {"the header": 590, "the data": 590, "the checksum": 1190}[where]
        assert {*range(whole_rows), *range(1200, COUNT + 9)} <= set(read)
        assert refused
    again = [[row for row in read_file(tmp_path, bytes(packed), part)] for part in (100, 10_000)]
    assert again[0] == again[1]


def test_a_flipped_bit_of_deflate_costs_nothing_before_it(tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": str(n), "text": random.Random(n).randbytes(40).hex()})
        for n in range(3000)
    ]
    packed = bytearray(gzip.compress("\n".join(lines).encode(), mtime=0))
    at = len(packed) // 2
    packed[at : at + 40] = bytes(40)  # no code of deflate
    ids, refused = read_file(tmp_path, bytes(packed))
    assert ids[:1400] == list(range(1400))
    assert refused


@pytest.mark.parametrize("codec", CODECS)
def test_a_resumed_read_refuses_each_gap_once(tmp_path: Path, codec: str) -> None:
    first, second, third = [CODECS[codec](part) for part in THIRDS]
    data = first + b"other bytes " * 9 + second + b"more of them" + third
    path = tmp_path / "posts"
    path.write_bytes(data)
    config = config_of(path)
    whole = list(read(str(path), config, 200))
    for number, batch in enumerate(whole[:-1]):
        assert batch.cursor is not None
        rest = list(read(str(path), config, 200, batch.cursor))
        assert _rows(rest) == _rows(whole[number + 1 :])
    assert [row for _, refused in _rows(whole) for row in refused] == [601, 1202]


def _rows(batches: Sequence[object]) -> list[tuple[list[str], list[int]]]:
    found = [
        (batch.posts["id"].to_list(), batch.refused["source_row"].to_list())  # type: ignore[attr-defined]
        for batch in batches
    ]
    return [(ids, refused) for ids, refused in found if ids or refused]


@pytest.mark.parametrize("at", [0, 40, 900])
def test_a_block_of_nuls_costs_its_line(tmp_path: Path, at: int) -> None:
    data = posts(0, at) + bytes(4096) + posts(at, 1000)
    ids, refused = read_file(tmp_path, data)
    assert ids == [number for number in range(1000) if number != at]
    assert [row for row, _ in refused] == [at + 1]
