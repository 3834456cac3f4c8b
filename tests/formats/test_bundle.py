"""A folder or a zip of which only the files that are asked for are opened."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.formats import byte_source
from corpus.formats.archives.bundle import Bundle
from corpus.formats.byte_source import STREAM_ERRORS
from corpus.readers.contract import Refused
from tests.support.archives import linked, locked, zipped, zipped_as

FILES = {
    "twitter-2024/data/tweets.js": b"window.YTD.tweets.part0 = []",
    "twitter-2024/data/tweets-part1.js": b"1" * 5000,
    "twitter-2024/data/tweets-part2.js": b"2",
    "twitter-2024/data/tweets-part10.js": b"10",
    "twitter-2024/data/direct-messages.js": b"private",
    "twitter-2024/assets/data/x.png": b"\0",
}


def folder(tmp_path: Path) -> str:
    for name, content in FILES.items():
        file = tmp_path / "archive" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return str(tmp_path / "archive")


def zip_file(tmp_path: Path) -> str:
    path = tmp_path / "archive.zip"
    path.write_bytes(zipped(FILES))
    return str(path)


both = pytest.mark.parametrize("make", [folder, zip_file])
Make = Callable[[Path], str]


def whole(bundle: Bundle, name: str) -> bytes:
    found, stream = b"", bundle.open(name)
    while piece := stream.read(777):
        found += piece
    return found


@both
def test_all_names_are_listed_and_no_file_is_opened(tmp_path: Path, make: Make) -> None:
    with Bundle(make(tmp_path)) as bundle:
        assert sorted(FILES) == bundle.names()
        assert (bundle.position, bundle.problems) == (0, [])


@both
def test_patterns_match_the_last_parts_of_names(tmp_path: Path, make: Make) -> None:
    with Bundle(make(tmp_path)) as bundle:
        assert bundle.find_files("tweets.js", "data/tweets-part*.js") == [
            "twitter-2024/data/tweets-part1.js",
            "twitter-2024/data/tweets-part2.js",
            "twitter-2024/data/tweets-part10.js",
            "twitter-2024/data/tweets.js",
        ]
        assert bundle.find_files("data/*.png") == ["twitter-2024/assets/data/x.png"]
        # A star stays within its part, and a pattern needs as many parts as it has.
        assert bundle.find_files("twitter-2024/*.js", "a/b/c/d/tweets.js", "weets.js") == []


@both
def test_a_file_is_read_unchanged_and_progress_is_counted(tmp_path: Path, make: Make) -> None:
    with Bundle(make(tmp_path)) as bundle:
        for name, content in FILES.items():
            before = bundle.position
            assert content == whole(bundle, name)
            assert bundle.position > before


def test_source_files_distinguish_a_folder_from_a_zip(tmp_path: Path) -> None:
    assert Bundle(folder(tmp_path)).source_file("data/a") == f"{tmp_path}/archive/data/a"
    assert Bundle(folder(tmp_path) + "/").source_file("data/a") == f"{tmp_path}/archive/data/a"
    assert Bundle(zip_file(tmp_path)).source_file("data/a") == f"{tmp_path}/archive.zip!data/a"


def test_the_hash_of_a_zip_is_that_of_the_file(tmp_path: Path) -> None:
    with Bundle(zip_file(tmp_path)) as bundle:
        assert hashlib.sha256(zipped(FILES)).hexdigest() == bundle.sha256()


def test_the_hash_of_a_folder_is_of_what_was_opened_in_whatever_order(tmp_path: Path) -> None:
    first, second, third = list(FILES)[:3]

    def hashed(*names: str) -> str:
        with Bundle(folder(tmp_path)) as bundle:
            for name in names:
                bundle.open(name).read(1)
            return bundle.sha256()

    assert hashed(first, second) == hashed(second, first)
    assert len({hashed(), hashed(first), hashed(second), hashed(first, second)}) == 4
    before = hashed(first, second)
    (tmp_path / "archive" / third).write_bytes(b"changed")
    os.chmod(tmp_path / "archive" / third, 0)
    with Bundle(str(tmp_path / "archive")) as bundle:
        bundle.open(first).read(1)
        bundle.open(second).read(1)
        assert before == bundle.sha256()
    (tmp_path / "archive" / second).write_bytes(b"changed")
    with Bundle(str(tmp_path / "archive")) as bundle:
        bundle.open(first).read(1)
        bundle.open(second).read(1)
        assert before != bundle.sha256()


@pytest.mark.parametrize("name", ["../a", "/a", "C:/a", "x/../../a", "..\\a"])
def test_a_name_with_a_path_out_of_the_zip_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"good": b"1", name: b"2"}))
    with Bundle(str(path)) as bundle:
        assert bundle.names() == ["good"]
        assert bundle.problems == [(f"{path}!{name}".replace("\\", "/"), "unsafe_path")]


def test_links_devices_and_locked_members_of_a_zip_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    for content, reason in (
        (linked("a", "/etc/passwd"), "symlink"),
        (linked("a", "", 0o020666), "not_a_file"),
        (locked({"a": b"1"}), "encrypted_member"),
    ):
        path.write_bytes(content)
        with Bundle(str(path)) as bundle:
            assert (bundle.names(), bundle.problems) == ([], [(f"{path}!a", reason)])


def test_links_out_of_a_folder_and_pipes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x" / "inner").mkdir(parents=True)
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "x" / "good").write_text("1")
    (tmp_path / "x" / "inner" / "within").symlink_to("../good")
    (tmp_path / "x" / "again").symlink_to("inner")
    (tmp_path / "x" / "out").symlink_to("../outside")
    (tmp_path / "x" / "root").symlink_to("/")
    (tmp_path / "x" / "broken").symlink_to("nowhere")
    (tmp_path / "x" / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "x" / "pipe")
    with Bundle(str(tmp_path / "x")) as bundle:
        assert bundle.names() == ["good", "inner/within"]
        assert sorted(bundle.problems) == [
            (f"{tmp_path}/x/broken", "symlink"),
            (f"{tmp_path}/x/loop", "symlink"),
            (f"{tmp_path}/x/out", "symlink"),
            (f"{tmp_path}/x/pipe", "not_a_file"),
            (f"{tmp_path}/x/root", "symlink"),
        ]


def test_a_zip_that_cannot_be_read_has_no_names_and_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "broken.zip"
    content = zipped(FILES)
    directory = content.index(b"PK\x01\x02")
    for damaged, reason in (
        (content[:directory], "truncated_stream"),
        (content[: len(content) // 2], "truncated_stream"),
        (content[:directory] + b"XX" + content[directory + 2 :], "damaged_archive"),
        (b"no zip at all", "not_an_archive"),
        (b"", "not_an_archive"),
    ):
        path.write_bytes(damaged)
        with Bundle(str(path)) as bundle:
            assert (bundle.names(), bundle.problems) == ([], [(str(path), reason)])
            assert hashlib.sha256(damaged).hexdigest() == bundle.sha256()


def test_a_file_that_breaks_off_raises_its_refusal(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    content = bytearray(zipped({"a": b"12345", "b": b"6"}, zipfile.ZIP_STORED))
    content[33] ^= 1
    path.write_bytes(content)
    with Bundle(str(path)) as bundle:
        with pytest.raises(Refused) as refused:
            whole(bundle, "a")
        assert refused.value.reason == "damaged_member"
        assert isinstance(refused.value, STREAM_ERRORS)
        assert whole(bundle, "b") == b"6"
    path.write_bytes(zipped_as("a", 97, b"", b""))
    with Bundle(str(path)) as bundle, pytest.raises(Refused, match="unsupported_compression"):
        whole(bundle, "a")


def test_a_bomb_in_a_bundle_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_source, "BOMB_BYTES", 1 << 20)
    monkeypatch.setattr(byte_source, "BOMB_RATIO", 100)
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"a": bytes(4 << 20), "b": b"6"}, zipfile.ZIP_BZIP2))
    with Bundle(str(path)) as bundle:
        with pytest.raises(Refused, match="decompression_bomb"):
            whole(bundle, "a")
        assert whole(bundle, "b") == b"6"


def test_one_name_twice_in_a_zip_is_two_files(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("x/a.js", b"1")
        archive.writestr("x/a.js", b"2")
    with Bundle(str(path)) as bundle:
        assert bundle.find_files("a.js") == ["x/a.js", "x/a.js#2"]
        assert [whole(bundle, name) for name in bundle.names()] == [b"1", b"2"]


@both
def test_files_of_operating_systems_are_skipped(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FILES, "__MACOSX/twitter-2024/._tweets.js", b"")
    monkeypatch.setitem(FILES, "twitter-2024/.DS_Store", b"")
    with Bundle(make(tmp_path)) as bundle:
        assert len(bundle.find_files("*", "*.js")) == 6
        assert len(bundle.names()) == 6
