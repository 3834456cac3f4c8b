"""Names of dump files in the output."""

from __future__ import annotations

import re

import pytest

from corpus.privacy.file_names import FileNamer

KEY = bytes(range(32))
KEYED = re.compile(r"~[0-9a-f]{16}")


@pytest.mark.parametrize(
    "name",
    [
        "posts.jsonl",
        "RC_2024-05.zst",
        "reddit/comments/2019/RC_2019-01.zst",
        "part-00001-of-00010.parquet",
        "2015/03/01/00/07.json.bz2",
        "twitter-stream-2015-03-01.tar",
        "tweets.2021-02-03T04-05-06Z.jsonl.gz",
        "000123456.parquet",
        ".",
        "*.zst",
        "part-*.parquet",
    ],
)
def test_general_words_dates_and_short_numbers_stay(name: str) -> None:
    assert FileNamer(KEY).name_path(name) == name


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("facebook-rosafinch88.jsonl", ".jsonl"),
        ("rosa.finch@mail.example.csv.gz", ".csv.gz"),
        ("@rosafinch.json", ".json"),
        ("u_rosafinch_posts.jsonl", ".jsonl"),
        ("rosa_comments.zst", ".zst"),
        ("did:plc:rosafinch.car", ".car"),
        ("rosafinch.bsky.social.car", ".car"),
        ("4915112345678.jsonl", ".jsonl"),
        ("0151-234-5678.jsonl", ".jsonl"),
        ("93.184.216.34.jsonl", ".jsonl"),
        ("12345.json", ".json"),
        ("Пост.jsonl", ".jsonl"),
        ("rosafinch", ""),
    ],
)
def test_other_names_are_keyed_and_keep_the_suffix(name: str, ending: str) -> None:
    named = FileNamer(KEY).name_path(f"posts/{name}")
    assert KEYED.fullmatch(named.removeprefix("posts/").removesuffix(ending))
    assert named == FileNamer(KEY).name_path(f"posts/{name}")
    assert named != FileNamer(bytes(32)).name_path(f"posts/{name}")


def test_names_that_differ_stay_different() -> None:
    namer = FileNamer(KEY)
    names = ["Rosa.json", "rosa.json", "rosa.csv", "finch.json", "rosa/finch.json"]
    assert len({namer.name_path(name) for name in names}) == len(names)


def test_a_folder_named_after_a_person_is_keyed_alone() -> None:
    folder, own = FileNamer(KEY).name_path("rosa.finch/posts.jsonl").split("/")
    assert KEYED.fullmatch(folder) and own == "posts.jsonl"


def test_a_reader_s_patterns_decide_about_the_file_s_own_name() -> None:
    namer = FileNamer(KEY)
    assert KEYED.fullmatch(namer.name_path("archive.zip", ("*",)).removesuffix(".zip"))
    assert namer.name_path("tea.example-Posts.7z", (), ("tea.*",)) == "tea.example-Posts.7z"
    assert namer.name_path("tea.rosa@x.7z", (), ("tea.*",)).startswith("~")
    assert namer.name_path("rosa/tea.7z", (), ("tea.*",)).startswith("~")


def test_members_of_archives_are_named_part_by_part() -> None:
    named = FileNamer(KEY).name_members("messages/inbox/rosafinch_77/message_1.json")
    assert re.fullmatch(r"messages/inbox/~[0-9a-f]{16}/message_1\.json", named)
    assert FileNamer(KEY).name_members("data.zip!data/tweets.js") == "data.zip!data/tweets.js"
