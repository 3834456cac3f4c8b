"""Zips, 7zs, tars and blocks, one in another: the same posts as from the plain file."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import random
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import inflate64
import polars as pl
import psutil
import py7zr
import pytest
import zstandard

from corpus.formats import byte_source
from corpus.formats.archives import ppmd_process
from corpus.formats.dump_input import DumpInput
from corpus.readers import contract, reddit, table
from tests.support.archives import (
    DAY,
    blocks,
    linked,
    locked,
    seven,
    tarred,
    zipped,
    zipped_as,
)
from tests.support.examples import examples, is_wide


def line(number: int, body: str = "hello") -> bytes:
    return json.dumps({"id": f"c{number}", "body": body}).encode() + b"\n"


def lines(first: int, last: int) -> bytes:
    """Lines that compress badly, so that a cut falls in the middle of them."""
    dice = random.Random(first)
    return b"".join(line(n, dice.randbytes(40).hex()) for n in range(first, last))


HALVES = {"day/a.json": lines(0, 700), "day/b.json": lines(700, 1500)}
WHOLE = lines(0, 700) + lines(700, 1500)


def deflated64(content: bytes) -> bytes:
    engine = inflate64.Deflater()
    return bytes(engine.deflate(content) + engine.flush())


def filtered(*filters: dict[str, int]) -> Callable[[], bytes]:
    return lambda: seven(HALVES, filters)


PACKED: dict[str, Callable[[], bytes]] = {
    "zip, stored": lambda: zipped(HALVES, zipfile.ZIP_STORED),
    "zip, deflate": lambda: zipped(HALVES),
    "zip, bz2": lambda: zipped(HALVES, zipfile.ZIP_BZIP2),
    "zip, lzma": lambda: zipped(HALVES, zipfile.ZIP_LZMA),
    "zip, deflate64": lambda: zipped_as("a", 9, deflated64(WHOLE), WHOLE),
    "zip, zstd": lambda: zipped_as("a", 93, zstandard.ZstdCompressor().compress(WHOLE), WHOLE),
    "zip, xz": lambda: zipped_as("a", 95, lzma.compress(WHOLE), WHOLE),
    "7z, lzma2": lambda: seven(HALVES),
    "7z, lzma": filtered({"id": py7zr.FILTER_LZMA}),
    "7z, bz2": filtered({"id": py7zr.FILTER_BZIP2}),
    "7z, ppmd": filtered({"id": py7zr.FILTER_PPMD, "order": 6, "mem": 20}),
    "7z, delta": filtered({"id": py7zr.FILTER_DELTA}, {"id": py7zr.FILTER_LZMA2, "preset": 1}),
    "7z, bcj": filtered({"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA2, "preset": 1}),
    "7z, bcj and lzma": filtered({"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA}),
    "7z, deflate": filtered({"id": py7zr.FILTER_DEFLATE}),
    "7z, zstd": filtered({"id": py7zr.FILTER_ZSTD, "level": 3}),
    "7z, stored": filtered({"id": py7zr.FILTER_COPY}),
    "tar.gz": lambda: gzip.compress(tarred(HALVES)),
    "blocks": lambda: blocks(WHOLE),
    "zip in a tar": lambda: tarred({"q.zip": zipped(HALVES)}),
    "tar.gz in a zip": lambda: zipped({"q.tar.gz": gzip.compress(tarred(HALVES))}),
    "7z in a zip": lambda: zipped({"q.7z": seven(HALVES)}),
    "zip in a 7z": lambda: seven({"q": zipped(HALVES)}),
    "zip in a tar in a 7z": lambda: seven({"q": tarred({"r": zipped(HALVES)})}),
    "bz2 in a zip": lambda: zipped({n: bz2.compress(c) for n, c in HALVES.items()}),
    "blocks in a 7z": lambda: seven({"RC_2023-01.zst_blocks": blocks(WHOLE)}),
    "zip.gz": lambda: gzip.compress(zipped(HALVES)),
}


@pytest.fixture
def dump(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "dump"
        path.write_bytes(content)
        return path

    return write


Dump = Callable[[bytes], Path]


def batches(
    path: Path, part_posts: int = 100_000, start: contract.Cursor | None = None
) -> list[contract.Batch]:
    return list(reddit.read(str(path), reddit.Config(path=str(path)), part_posts, start))


def read(path: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """The ids of a file's posts, and the place in it and the reason of each refusal."""
    found = batches(path)
    refused = pl.concat(batch.refused for batch in found)
    ids = pl.concat(batch.posts for batch in found)["id"].to_list()
    return (
        [name.removeprefix("reddit:t1_c") for name in ids],
        [(place.removeprefix(str(path)), reason) for place, _, reason in refused.rows()],
    )


def numbers(first: int, last: int) -> list[str]:
    return [str(n) for n in range(first, last)]


@pytest.mark.parametrize("kind", PACKED)
def test_the_posts_are_those_of_the_plain_file(dump: Dump, kind: str) -> None:
    plain = pl.concat(batch.posts for batch in batches(dump(WHOLE)))
    packed = PACKED[kind]()
    path = dump(packed)
    found = batches(path)
    posts = pl.concat(batch.posts for batch in found)
    assert plain.drop("source_file", "source_row").equals(posts.drop("source_file", "source_row"))
    assert sum(batch.refused.height for batch in found) == 0
    assert (hashlib.sha256(packed).hexdigest(), len(packed)) == (
        found[-1].sha256,
        found[-1].position,
    )


@pytest.mark.parametrize("kind", PACKED)
def test_reading_resumes_at_every_cursor(dump: Dump, kind: str) -> None:
    path = dump(PACKED[kind]())
    size = 290 if is_wide() else 490
    whole = batches(path, size)
    assert len(whole) > 3
    for number, batch in enumerate(whole[:-1]):
        rest = batches(path, size, batch.cursor)
        assert len(whole) - number - 1 == len(rest)
        for before, after in zip(whole[number + 1 :], rest, strict=True):
            assert before.posts.equals(after.posts)
            assert (before.cursor, before.sha256) == (after.cursor, after.sha256)


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_resumed_read_repeats_and_omits_no_refusal(
    dump: Dump, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    inner = zipped({"../b": b"", "c": lines(100, 200), "../d": b""})
    files = {"../a": b"", "b": lines(0, 100), "x": inner, "../e": b"", "f": lines(200, 300)}
    path = dump(pack(files))
    whole = batches(path, 30)
    places = [place.removeprefix(f"{path}!") for b in whole for place in b.refused["source_file"]]
    assert places == ["../a", "x!../b", "x!../d", "../e"]
    for number, batch in enumerate(whole[:-1]):
        rest = batches(path, 30, batch.cursor)
        for before, after in zip(whole[number + 1 :], rest, strict=True):
            assert before.posts.equals(after.posts)
            assert before.refused.equals(after.refused)


@pytest.mark.parametrize("kind", ["zip, deflate", "7z, lzma2", "7z, ppmd"])
def test_progress_advances_while_a_member_is_read(dump: Dump, kind: str) -> None:
    packed = PACKED[kind]()
    places = [batch.position for batch in batches(dump(packed), 100)]
    assert places == sorted(places)
    assert len(set(places)) > 1
    assert len(packed) == places[-1]


@pytest.mark.parametrize("kind", [kind for kind in PACKED if not kind.startswith("7z, ")])
def test_an_archive_that_is_cut_off_is_read_up_to_the_cut(dump: Dump, kind: str) -> None:
    packed = PACKED[kind]()
    dice = random.Random(1)
    kept = []
    cuts = 30 if is_wide() else 8
    for _ in range(cuts):
        ids, refused = read(dump(packed[: dice.randrange(8, len(packed) * 9 // 10)]))
        assert numbers(0, len(ids)) == ids
        assert refused
        kept.append(len(ids))
    if kind in ("zip, stored", "zip, deflate", "zip, lzma", "tar.gz", "zip in a tar", "zip.gz"):
        assert len(set(kept)) > cuts // 2
    if kind in ("blocks", "bz2 in a zip"):
        assert len(set(kept)) > 1


@pytest.mark.parametrize("kind", [kind for kind in PACKED if kind.startswith("7z, ")])
def test_a_7z_that_is_cut_off_is_refused_as_its_directory_is_missing(dump: Dump, kind: str) -> None:
    packed = PACKED[kind]()
    for place in range(32, len(packed) - 1, len(packed) // (30 if is_wide() else 10)):
        assert read(dump(packed[:place])) == ([], [("", "truncated_stream")])


# Blocks carry no checksum, and pyppmd's process is slow to start.
CHECKED = [kind for kind in PACKED if kind not in ("blocks", "7z, ppmd")]


@pytest.mark.parametrize("kind", CHECKED)
def test_a_flipped_bit_is_never_silent_nor_fatal(dump: Dump, kind: str) -> None:
    packed = PACKED[kind]()
    whole = pl.concat(batch.posts for batch in batches(dump(packed)))
    dice = random.Random(2)
    for _ in range(200 if is_wide() else 8):
        damaged = bytearray(packed)
        damaged[dice.randrange(len(packed))] ^= 1 << dice.randrange(8)
        found = batches(dump(bytes(damaged)))
        posts = pl.concat(batch.posts for batch in found)
        refused = sum(batch.refused.height for batch in found)
        same = whole.drop("source_file").equals(posts.drop("source_file"))
        assert refused or same


def test_a_crash_of_pyppmd_is_a_damaged_member(dump: Dump) -> None:
    packed = PACKED["7z, ppmd"]()
    dice = random.Random(2)
    for _ in range(10):
        damaged = bytearray(packed)
        damaged[dice.randrange(32, len(packed) - 300)] ^= 1 << dice.randrange(8)
        assert {reason for _, reason in read(dump(bytes(damaged)))[1]} & {
            "damaged_member",
            "not_text",
        }


def test_flipped_bits_in_blocks_are_not_fatal(dump: Dump) -> None:
    packed = blocks(WHOLE)
    dice = random.Random(2)
    for _ in range(examples(200)):
        damaged = bytearray(packed)
        damaged[dice.randrange(len(packed))] ^= 1 << dice.randrange(8)
        ids, refused = read(dump(bytes(damaged)))
        assert len(ids) == 1500 or refused


def test_a_last_block_that_is_cut_off_is_a_truncated_stream(dump: Dump) -> None:
    first, second = blocks(lines(0, 100)), blocks(lines(100, 200))
    for end in (1, 3, 4, 20, len(second) - 1):
        path = dump(first + second[:end])
        assert read(path) == (numbers(0, 100), [("", "truncated_stream")])


def test_gaps_between_the_rows_of_a_block_are_damage(dump: Dump) -> None:
    whole = struct.pack("<III", 1, 7, len(line(1))) + b" " * 7 + line(1)
    frame = zstandard.ZstdCompressor().compress(whole)
    path = dump(struct.pack("<I", len(frame)) + frame)
    assert read(path) == ([], [("", "damaged_block")])


def test_a_damaged_member_does_not_cost_other_members(dump: Dump) -> None:
    packed = bytearray(zipped(HALVES))
    packed[2000] ^= 1
    ids, refused = read(dump(bytes(packed)))
    assert numbers(700, 1500) == ids[-800:]
    assert [place for place, reason in refused if "json" not in reason] == ["!day/a.json"]


def test_a_zip_whose_directory_is_damaged_is_read_by_its_headers(dump: Dump) -> None:
    packed = zipped(HALVES)
    place = packed.index(b"PK\x01\x02")
    path = dump(packed[:place] + b"XXXX" + packed[place + 4 :])
    assert read(path) == (numbers(0, 1500), [("", "damaged_archive")])
    assert read(dump(packed[:place])) == (numbers(0, 1500), [("", "truncated_stream")])


class Pipe(io.BytesIO):
    """What zipfile cannot seek in, so that it writes each length behind its member."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: object) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def test_a_zip_that_was_written_to_a_pipe_and_cut_off_is_read_by_its_headers(dump: Dump) -> None:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in HALVES.items():
            archive.writestr(zipfile.ZipInfo(name, DAY), content, zipfile.ZIP_DEFLATED)
    packed = pipe.getvalue()
    assert read(dump(packed)) == (numbers(0, 1500), [])
    ids, refused = read(dump(packed[: packed.index(b"PK\x01\x02") - 2000]))
    assert 700 < len(ids) < 1500
    assert numbers(0, len(ids)) == ids
    assert refused == [("!day/b.json", "truncated_stream")]


def test_a_damaged_tar_header_is_not_taken_for_the_end(dump: Dump) -> None:
    packed = bytearray(tarred(HALVES))
    packed[packed.index(b"day/b.json")] ^= 1
    path = dump(bytes(packed))
    assert read(path) == (numbers(0, 700), [("", "damaged_archive")])


def test_a_second_tar_after_the_first_is_refused(dump: Dump) -> None:
    path = dump(tarred({"a": line(1)}) + tarred({"b": line(2)}))
    assert read(path) == (["1"], [("", "data_behind_end")])


@pytest.mark.parametrize(
    "name", ["../a", "a/../../b", "/etc/a", "C:/a", "C:\\a", "..\\a", "a\\..\\b"]
)
@pytest.mark.parametrize("pack", [zipped, seven, tarred])
def test_a_name_with_a_path_out_of_the_archive_is_refused(
    dump: Dump, name: str, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    try:
        packed = pack({"before": line(1), name: line(2), "behind": line(3)})
    except ValueError:  # py7zr will not write some of them
        pytest.skip("py7zr does not write such a name")
    path = dump(packed)
    ids, refused = read(path)
    if ids == ["1", "2", "3"]:
        assert pack is seven and b".\0.\0" not in packed
        return
    assert (ids, refused) == (["1", "3"], [("!" + name.replace("\\", "/"), "unsafe_path")])


def test_a_member_without_a_name_is_refused(dump: Dump) -> None:
    packed = zipped({"aaa": line(1), "b": line(2)}).replace(b"aaa", b"\0aa")
    assert read(dump(packed)) == (["2"], [("!\ufffdaa", "unsafe_path")])


def test_names_with_backslashes_are_folders(dump: Dump) -> None:
    packed = zipped({"data/x.json": line(1)}).replace(b"data/x", b"data\\x")
    path = dump(packed)
    assert batches(path)[0].posts["source_file"].to_list() == [f"{path}!data/x.json"]


def test_links_and_devices_are_refused(dump: Dump, tmp_path: Path) -> None:
    assert read(dump(linked("a", "/etc/passwd"))) == ([], [("!a", "symlink")])
    assert read(dump(linked("a", "", 0o010644))) == ([], [("!a", "not_a_file")])
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind in (("a", tarfile.SYMTYPE), ("b", tarfile.FIFOTYPE), ("c", tarfile.DIRTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
    assert read(dump(buffer.getvalue())) == ([], [("!a", "symlink"), ("!b", "not_a_file")])
    (tmp_path / "link").symlink_to("/etc/hostname")
    with py7zr.SevenZipFile(tmp_path / "dump", "w") as seven_zip:
        seven_zip.write(tmp_path / "link", "a")
        seven_zip.writestr(line(1), "b")
    assert read(tmp_path / "dump") == (["1"], [("!a", "symlink")])


def test_what_is_encrypted_is_refused(dump: Dump) -> None:
    assert read(dump(locked({"a": line(1), "b": line(2)}))) == (
        [],
        [("!a", "encrypted_member"), ("!b", "encrypted_member")],
    )
    path = dump(seven({"a": line(1)}, password="x"))
    assert read(path) == ([], [("!a", "encrypted_member")])
    path = dump(seven({"a": line(1)}, password="x", hidden=True))
    assert read(path) == ([], [("", "encrypted_member")])


def test_an_unknown_method_is_refused_for_its_member_alone(dump: Dump) -> None:
    path = dump(zipped_as("a", 97, b"packed", line(1)))
    assert read(path) == ([], [("!a", "unsupported_compression")])


LITTER = {"__MACOSX/._a.json": b"\0", "x/.DS_Store": b"\0", "desktop.ini": b"[a]", "Thumbs.db": b""}


@pytest.mark.parametrize("pack", [zipped, seven, tarred])
def test_files_of_operating_systems_are_skipped(
    dump: Dump, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    assert read(dump(pack({"a.json": line(1)} | LITTER))) == (["1"], [])


def test_one_name_twice_in_a_zip_is_two_members(dump: Dump) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a", line(1))
        archive.writestr("a", line(2))
    path = dump(buffer.getvalue())
    places = batches(path)[0].posts["source_file"].to_list()
    assert places == [f"{path}!a", f"{path}!a#2"]


def test_an_empty_archive_has_no_posts(dump: Dump) -> None:
    for packed in (zipped({}), seven({}), zipped({"folder/": b""})):
        assert read(dump(packed)) == ([], [])


def nested(depth: int) -> bytes:
    packed = line(1)
    for number in range(depth):
        packed = zipped({f"{number}.zip": packed})
    return packed


def test_archives_nest_three_deep_and_no_deeper(dump: Dump) -> None:
    assert read(dump(nested(3))) == (["1"], [])
    assert read(dump(nested(4))) == ([], [("!3.zip!2.zip!1.zip", "nested_too_deep")])


def test_compression_nests_three_deep_and_no_deeper(dump: Dump) -> None:
    packed = gzip.compress(bz2.compress(lzma.compress(line(1))))
    assert read(dump(packed)) == (["1"], [])
    assert read(dump(gzip.compress(packed))) == ([], [("", "nested_too_deep")])


@pytest.mark.parametrize("pack", [zipped, seven, tarred])
def test_only_members_that_are_selected_are_opened(
    dump: Dump, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    inner = zipped({"Posts.xml": line(3), "Votes.xml": line(4)})
    packed = pack({"Votes.xml": lines(0, 500), "Posts.xml": line(1), "x.zip": inner})
    with DumpInput(str(dump(packed)), lambda name: name.endswith("Posts.xml")) as source:
        found = {member.name: member.open().read(99) for member in source.members()}
    assert found == {"Posts.xml": line(1), "x.zip!Posts.xml": line(3)}


def test_a_member_that_is_not_selected_is_not_opened(dump: Dump) -> None:
    packed = bytearray(zipped({"Votes.xml": lines(0, 500), "Posts.xml": line(1)}))
    packed[900] ^= 255
    with DumpInput(str(dump(bytes(packed))), lambda name: name == "Posts.xml") as source:
        assert [member.name for member in source.members()] == ["Posts.xml"]
        assert source.take_problems() == []


@pytest.mark.parametrize("kind", ["7z, ppmd", "7z, lzma2", "zip in a tar"])
def test_stopping_early_ends_child_processes_and_removes_temporary_files(
    dump: Dump, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spool").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "spool"))
    before = psutil.Process().children(), psutil.Process().num_threads()
    with DumpInput(str(dump(PACKED[kind]()))) as source:
        for member in source.members():
            assert member.open().read(10)
            break
    assert before == (psutil.Process().children(), psutil.Process().num_threads())
    assert list((tmp_path / "spool").iterdir()) == []
    # The test run's own output may be a file.
    left = [Path(file.path) for file in psutil.Process().open_files()]
    assert [path for path in left if tmp_path in path.parents] == []


def test_ppmd_is_read_completely_in_reads_of_any_size(dump: Dump) -> None:
    with DumpInput(str(dump(PACKED["7z, ppmd"]()))) as source:
        found = b""
        for member in source.members():
            stream = member.open()
            while piece := stream.read(777):
                found += piece
    assert found == WHOLE


def test_a_ppmd_model_of_no_legal_size_is_damage() -> None:
    assert ppmd_process.main(0, 0, struct.pack("<BL", 1, 1 << 20), 9) == 3
    assert ppmd_process.main(0, 0, struct.pack("<BL", 6, 1), 9) == 3


# -- bombs ---------------------------------------------------------------------------------------

SAME = line(1, "a" * 500)
FLAT = SAME * 8000  # 4 MB


def twice(content: bytes) -> bytes:
    return gzip.compress(gzip.compress(content))


def shared(count: int) -> bytes:
    """A zip whose members all begin alike and all hold the same bytes."""
    packed = zipped({f"{n:03}": FLAT if n == count - 1 else b"" for n in range(count)})
    archive = zipfile.ZipFile(io.BytesIO(packed))
    last = archive.infolist()[-1]
    local = packed[last.header_offset : archive.start_dir]
    entries = b""
    for number in range(count):
        entry = bytearray(packed[packed.rindex(b"PK\x01\x02") : packed.rindex(b"PK\x05\x06")])
        entry[46:49] = b"%03d" % number
        entry[42:46] = struct.pack("<I", 0)
        entries += bytes(entry)
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(entries), len(local), 0)
    return local + entries + b"PK\x05\x06" + end


def sparse(size: int) -> bytes:
    """A tar of one file that claims to be ``size`` zeros and stores none."""
    entry = tarfile.TarInfo("zeros")
    entry.type, entry.size = tarfile.GNUTYPE_SPARSE, 0
    header = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


BOMBS: dict[str, Callable[[], bytes]] = {
    "zst": lambda: zstandard.ZstdCompressor().compress(FLAT),
    "bz2": lambda: bz2.compress(FLAT),
    "xz": lambda: lzma.compress(FLAT),
    "gz in gz": lambda: twice(FLAT),
    "zip": lambda: zipped({"a": FLAT}, zipfile.ZIP_BZIP2),
    "7z": lambda: seven({"a": FLAT}),
    "7z, ppmd": lambda: seven({"a": FLAT}, [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 20}]),
    "zip of gz in gz": lambda: zipped({"a": twice(FLAT)}),
    "zip in a zip": lambda: zipped({"a": zipped({"b": FLAT})}),
    "blocks": lambda: blocks(FLAT, 10_000),
    "tar.gz in gz": lambda: gzip.compress(gzip.compress(tarred({"a": FLAT}))),
}


@pytest.fixture
def small_allowance(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(byte_source, "BOMB_BYTES", 1 << 20)
    monkeypatch.setattr(byte_source, "BOMB_RATIO", 100)
    return


@pytest.mark.usefixtures("small_allowance")
@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_stopped(dump: Dump, kind: str) -> None:
    ids, refused = read(dump(BOMBS[kind]()))
    assert [reason for _, reason in refused] == ["decompression_bomb"]
    # One step of a decompressor, and the batches on the way, may pass beyond the mark.
    assert len(ids) * len(SAME) < 3 << 20


@pytest.mark.usefixtures("small_allowance")
def test_other_members_than_a_bomb_are_read(dump: Dump) -> None:
    packed = zipped({"a": lines(0, 50), "b": twice(FLAT), "c": lines(50, 100)})
    ids, refused = read(dump(packed))
    assert ids[:50] + ids[-50:] == numbers(0, 100)
    assert refused == [("!b", "decompression_bomb")]


@pytest.mark.usefixtures("small_allowance")
def test_many_small_bombs_are_one_large_one(dump: Dump) -> None:
    piece = twice(SAME * 1600)  # 0.8 MB each
    ids, refused = read(dump(zipped({f"{n}": piece for n in range(20)})))
    assert [reason for _, reason in refused] == ["decompression_bomb"] * 19
    assert len(ids) * len(SAME) < 4 << 20


@pytest.mark.usefixtures("small_allowance")
def test_members_that_share_their_bytes_are_a_bomb(dump: Dump) -> None:
    ids, refused = read(dump(shared(30)))
    assert {reason for _, reason in refused} == {"decompression_bomb"}
    assert len(refused) == 30
    assert len(ids) * len(SAME) < 3 << 20


@pytest.mark.usefixtures("small_allowance")
def test_a_real_dump_of_any_size_is_not_a_bomb(dump: Dump) -> None:
    ids, refused = read(dump(gzip.compress(lines(0, 20_000))))
    assert (len(ids), refused) == (20_000, [])


def test_a_sparse_file_of_a_terabyte_takes_no_time(dump: Dump) -> None:
    assert read(dump(sparse(1 << 33))) == ([], [("!zeros", "not_text")])
    with DumpInput(str(dump(sparse(1 << 33)))) as source:
        for member in source.members():
            stream = member.open()
            with pytest.raises(byte_source.Refused, match="decompression_bomb"):
                while stream.read(1 << 22):
                    pass


# -- the table reader ----------------------------------------------------------------------------

ROWS = b"id,body\n" + b"".join(b'%d,"text, of %d"\n' % (n, n) for n in range(500))


@pytest.mark.parametrize(
    "packed",
    [
        zipped({"train.csv": ROWS}),
        seven({"train.csv": ROWS}),
        zipped({"t.csv.gz": gzip.compress(ROWS)}),
    ],
    ids=["zip", "7z", "gz in a zip"],
)
def test_a_packed_table_is_read_as_the_table(dump: Dump, packed: bytes) -> None:
    def posts(path: Path) -> pl.DataFrame:
        config = table.Config(path=str(path), fields={"id": "id", "text": "body"})
        found = list(table.read(str(path), config, 100))
        assert sum(batch.refused.height for batch in found) == 0
        return pl.concat(batch.posts for batch in found)

    plain = posts(dump(ROWS))
    assert plain.height == 500
    assert plain.drop("source_file").equals(posts(dump(packed)).drop("source_file"))


def test_a_damaged_zip_of_tables_is_refused_and_reading_continues(dump: Dump) -> None:
    packed = bytearray(zipped({"a.csv": ROWS, "b.csv": ROWS}, zipfile.ZIP_STORED))
    packed[600] ^= 1
    path = dump(bytes(packed))
    config = table.Config(path=str(path), fields={"id": "id", "text": "body"})
    found = list(table.read(str(path), config, 100_000))
    refused = pl.concat(batch.refused for batch in found)
    assert sum(batch.posts.height for batch in found) >= 998
    assert refused["reason"].to_list()[-1] == "damaged_member"
