"""Opening dumps that are compressed, archived, cut off, or no text at all."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import zstandard

from corpus.formats.dump_input import DumpInput, expand_path
from corpus.formats.lines import is_binary
from corpus.plan.entries import matches_path
from corpus.readers import contract, reddit
from corpus.readers.batches import read_lines
from corpus.readers.contract import Cursor, Post, ReaderConfig
from tests.support.examples import is_wide


def line(number: int, body: str = "hello") -> bytes:
    return json.dumps({"id": f"c{number}", "body": body}).encode() + b"\n"


def noise(count: int) -> bytes:
    """Lines that compress badly, so that a cut falls in the middle of them."""
    dice = random.Random(1)
    return b"".join(line(n, dice.randbytes(400).hex()) for n in range(count))


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


def tar(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("day/00.json.bz2")
        packed = bz2.compress(content)
        entry.size = len(packed)
        archive.addfile(entry, io.BytesIO(packed))
    return buffer.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "zst": zstd,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lambda content: lzma.compress(content, preset=0),
    "tar": tar,
    "tar.gz": lambda content: gzip.compress(tar(content)),
    "plain": bytes,
}


def read(
    path: Path, part_posts: int = 100_000, start: contract.Cursor | None = None, limit: int = 16
) -> list[contract.Batch]:
    config = reddit.Config(path=str(path), max_line_mb=limit)
    return list(reddit.read(str(path), config, part_posts, start))


def write(folder: Path, content: bytes) -> Path:
    path = folder / "dump"
    path.write_bytes(content)
    return path


def bodies(path: Path, limit: int = 16) -> tuple[list[str], list[tuple[int, str]]]:
    """The texts of a file, and the row and reason of each refusal."""
    batches = read(path, limit=limit)
    texts = pl.concat(batch.posts for batch in batches)["text"].to_list()
    refused = pl.concat(batch.refused for batch in batches)
    return texts, [(row, reason) for _, row, reason in refused.rows()]


@pytest.mark.parametrize("kind", PACKERS)
def test_the_compression_is_detected_by_the_content(tmp_path: Path, kind: str) -> None:
    packed = PACKERS[kind](line(1) + line(2))
    path = write(tmp_path, packed)
    assert bodies(path) == (["hello", "hello"], [])
    assert hashlib.sha256(packed).hexdigest() == read(path)[-1].sha256


@pytest.mark.parametrize("kind", [kind for kind in PACKERS if kind != "plain"])
def test_a_dump_that_is_cut_off_is_read_up_to_the_cut(tmp_path: Path, kind: str) -> None:
    packed = PACKERS[kind](noise(4000))
    path = write(tmp_path, packed[: len(packed) * 2 // 3])
    texts, refused = bodies(path)
    assert 1500 < len(texts) < 4000
    assert [reason for _, reason in refused] == ["truncated_stream"]


def test_the_last_line_of_a_plain_dump_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    assert bodies(write(tmp_path, line(1) + line(2)[:9])) == (["hello"], [(2, "malformed_json")])


@pytest.mark.parametrize("kind", ["zst", "gz", "bz2"])
def test_concatenated_streams_are_one_dump(tmp_path: Path, kind: str) -> None:
    pack = PACKERS[kind]
    assert bodies(write(tmp_path, b"".join(pack(line(n)) for n in range(3)))) == (["hello"] * 3, [])


def test_a_zstd_window_of_2_gib_is_opened(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(
        window_log=31, enable_ldm=False, hash_log=6, chain_log=6, strategy=1
    )
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(line(1) + line(2)) + packer.flush()
    assert zstandard.get_frame_parameters(packed).window_size == 2**31
    assert bodies(write(tmp_path, packed)) == (["hello", "hello"], [])


def test_a_binary_file_is_refused_as_a_whole(tmp_path: Path) -> None:
    assert bodies(write(tmp_path, b"\x89PNG\r\n\x1a\n\0\0" * 999)) == ([], [(1, "not_text")])


def test_nuls_at_the_head_of_a_file_of_objects_cost_their_line(tmp_path: Path) -> None:
    odd = line(1).replace(b"hello", b"\0he\0llo") + line(2) + line(3)
    assert bodies(write(tmp_path, odd)) == (["hello"] * 2, [(1, "malformed_json")])
    assert bodies(write(tmp_path, b"\0PNG\0\n" + line(2))) == (["hello"], [(1, "malformed_json")])


@pytest.mark.parametrize("place", [1, 2])
def test_a_stray_control_byte_refuses_its_line_only(tmp_path: Path, place: int) -> None:
    lines = [line(n) for n in (1, 2, 3)]
    lines[place - 1] = lines[place - 1].replace(b"hello", b"hel\x01lo")
    assert bodies(write(tmp_path, b"".join(lines))) == (["hello"] * 2, [(place, "malformed_json")])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("body", ["hello", "こんにちは世界"])
def test_utf16_text_is_refused_as_a_whole(tmp_path: Path, encoding: str, body: str) -> None:
    content = json.dumps({"id": "c1", "body": body}, ensure_ascii=False) + "\n"
    path = write(tmp_path, (content * 99).encode(encoding))
    assert bodies(path) == ([], [(1, "not_text")])


def test_text_has_at_most_one_control_byte_in_twenty() -> None:
    assert not is_binary(b"")
    assert not is_binary(b"a\tb\r\n\x1b\x0c" * 9)
    assert not is_binary(b"\x01" + b"a" * 19)
    assert is_binary(b"\x01" + b"a" * 18)
    assert is_binary(b"\0" + b"a" * 511)


def test_a_tar_with_one_name_twice_resumes_without_loss(tmp_path: Path) -> None:
    path = tmp_path / "d.tar"
    with tarfile.open(path, "w") as archive:
        for content in (line(1) + line(2) + line(3), line(4) + line(5) + line(6)):
            entry = tarfile.TarInfo("caf\udce9.json")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))

    def decode(found: bytes) -> list[Post]:
        return [Post(json.loads(found)["id"], "text")]

    def ids(start: Cursor | None = None) -> list[list[str]]:
        config = ReaderConfig(path=str(path))
        batches = read_lines(str(path), config, decode, platform="t", part_posts=2, start=start)
        return [batch.posts["id"].to_list() for batch in batches]

    config = ReaderConfig(path=str(path))
    whole = list(read_lines(str(path), config, decode, platform="t", part_posts=2))
    expected = [batch.posts["id"].to_list() for batch in whole]
    assert sum(map(len, expected)) == 6
    for number, batch in enumerate(whole[:-1]):
        assert ids(batch.cursor) == expected[number + 1 :]


def test_an_empty_file_has_no_posts(tmp_path: Path) -> None:
    assert bodies(write(tmp_path, b"")) == ([], [])


def test_a_line_over_the_limit_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    content = line(1) + line(2, "x" * (20 << 20)) + line(3, "y" * (1 << 19)) + line(4)
    texts, refused = bodies(write(tmp_path, content), limit=1)
    assert ([len(t) for t in texts], refused) == ([5, 1 << 19, 5], [(2, "line_too_long")])
    assert len(bodies(write(tmp_path, content), limit=32)[0]) == 4


def test_lines_longer_than_a_read_are_whole_and_reading_resumes_behind_each(tmp_path: Path) -> None:
    texts = ["a" * 900_000, "b", "c" * 300_000, "d" * 2_000_000, "e"]
    rows = [{"id": text[0], "body": text} for text in texts]
    path = write(tmp_path, b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    whole = read(path, 1)
    assert [text for batch in whole for text in batch.posts["text"]] == texts
    for number, batch in enumerate(whole[:-1], start=1):
        rest = read(path, 1, batch.cursor)
        assert [text for batch in rest for text in batch.posts["text"]] == texts[number:]


def test_a_file_that_is_not_hashed_has_no_hash(tmp_path: Path) -> None:
    path = write(tmp_path, b"{}\n")
    with DumpInput(str(path)) as source:
        assert source.sha256() == hashlib.sha256(b"{}\n").hexdigest()
    with DumpInput(str(path), is_hashed=False) as source, pytest.raises(ValueError, match="hash"):
        source.sha256()


def test_a_last_line_over_the_limit_is_refused_too(tmp_path: Path) -> None:
    content = line(1) + b"x" * (5 << 20)
    assert bodies(write(tmp_path, content), limit=1) == (["hello"], [(2, "line_too_long")])


def test_invalid_utf8_refuses_its_line_only(tmp_path: Path) -> None:
    content = line(1) + b'{"id": "c2", "body": "\xff"}\n' + line(3)
    assert bodies(write(tmp_path, content)) == (["hello", "hello"], [(2, "invalid_utf8")])


def test_a_lone_surrogate_is_replaced_and_a_pair_is_kept(tmp_path: Path) -> None:
    content = rb'{"id": "c1", "body": "\ud83d \ud83d\ude00 \\ud83d"}' + b"\n" + line(2)
    texts, refused = bodies(write(tmp_path, content))
    assert (texts, refused) == (["\ufffd \U0001f600 \\ud83d", "hello"], [])


def test_nul_characters_are_removed_and_nul_bytes_refuse_their_line(tmp_path: Path) -> None:
    content = line(1, "padding " * 99) + line(2, "a\0b") + b"\0\0\n" + line(4)
    texts, refused = bodies(write(tmp_path, content))
    assert (texts[1:], refused) == (["ab", "hello"], [(3, "malformed_json")])


def test_several_objects_on_a_line_are_read_one_by_one(tmp_path: Path) -> None:
    content = line(1).strip() + line(2).strip() + b"  " + line(3) + line(4).strip() + b"{\n"
    assert bodies(write(tmp_path, content)) == (["hello"] * 4, [(2, "malformed_json")])


def test_a_byte_order_mark_and_windows_line_ends_are_not_text(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + line(1).replace(b"\n", b"\r\n") + line(2)
    assert bodies(write(tmp_path, content)) == (["hello", "hello"], [])


def test_deep_nesting_is_refused_and_not_fatal(tmp_path: Path) -> None:
    content = line(1) + b'{"id":' + b"[" * 100_000 + b"\n" + line(3)
    texts, refused = bodies(write(tmp_path, content))
    assert (texts, [row for row, _ in refused]) == (["hello", "hello"], [2])


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("cut", [1.0, 0.9])
def test_reading_resumes_at_every_cursor(tmp_path: Path, kind: str, cut: float) -> None:
    content = b"\xef\xbb\xbf" + noise(1200) + b"\nnot json\n" + noise(300)
    packed = PACKERS[kind](content)
    path = write(tmp_path, packed[: int(len(packed) * cut)])
    size = 250 if is_wide() else 400
    whole = read(path, size)
    assert len(whole) > 2
    for number, batch in enumerate(whole[:-1]):
        rest = read(path, size, batch.cursor)
        assert len(whole) - number - 1 == len(rest)
        for before, after in zip(whole[number + 1 :], rest, strict=True):
            assert before.posts.equals(after.posts)
            assert before.refused.equals(after.refused)
            assert before.cursor == after.cursor
            assert (before.skipped, before.sha256) == (after.skipped, after.sha256)


def test_a_cursor_is_never_in_a_finished_member(tmp_path: Path) -> None:
    path = tmp_path / "dump.tar"
    members = {"a": b"\0\1\2", "b": bz2.compress(noise(1000))[:-99], "c": line(1) + line(2)}
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    whole = [batch for batch in read(path, 1) if batch.refused.height or batch.cursor is None]
    reasons = [reason for batch in whole for reason in batch.refused["reason"].to_list()]
    assert reasons == ["not_text", "truncated_stream"]
    for number, batch in enumerate(whole[:-1]):
        rest = [later for later in read(path, 1, batch.cursor) if later.refused.height]
        assert [b.refused.rows() for b in whole[number + 1 : -1]] == [
            b.refused.rows() for b in rest
        ]


def test_a_path_is_a_file_a_folder_or_a_pattern(tmp_path: Path) -> None:
    for name in ("b.zst", "a.zst", "c.txt"):
        (tmp_path / name).write_bytes(b"")
    names = [str(tmp_path / name) for name in ("a.zst", "b.zst", "c.txt")]
    assert names == expand_path(str(tmp_path))
    assert names[:2] == expand_path(str(tmp_path / "*.zst"))
    assert names[:1] == expand_path(names[0])
    assert expand_path(str(tmp_path / "*.gz")) == []
    odd = tmp_path / "of [2024] *?"
    odd.mkdir()
    (odd / "a.jsonl").touch()
    assert expand_path(str(odd / "*.jsonl")) == [str(odd / "a.jsonl")]
    assert expand_path(str(odd / "**" / "?.jsonl")) == [str(odd / "a.jsonl")]
    assert matches_path(str(odd / "a.jsonl"), str(odd / "*.jsonl"))
    assert not matches_path(str(odd / "a.zst"), str(odd / "*.jsonl"))
