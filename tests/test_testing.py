"""``corpus.testing`` says what is wrong with a filter or a reader of the user's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import polars as pl
import pytest
from pydantic import ConfigDict, Field

from corpus.readers.batches import read_lines
from corpus.readers.contract import Batch, Post, ReaderConfig, ReaderModule, Refused
from corpus.testing import ContractError, check_filter, check_reader
from filters.contract import Filter, FilterConfig, FilterModule, Threshold


class _Config(FilterConfig):
    max: int = Field(3, description="a limit")


def _build(config: _Config) -> Filter:
    many = pl.col("length") > config.max

    def length(posts: pl.DataFrame) -> pl.DataFrame:
        posts = posts.with_columns(length=pl.col("text").str.len_chars().cast(pl.Int64))
        return posts.with_columns(reject=pl.when(many).then(pl.lit("long")))

    return length


def _verdict(config: _Config) -> pl.Expr:
    return pl.when(pl.col("length") > config.max).then(pl.lit("long"))


def make_filter(**changes: Any) -> FilterModule:
    parts: dict[str, Any] = {
        "Config": _Config,
        "READS": ("text",),
        "WRITES": {"length": pl.Int64()},
        "VERSION": 1,
        "build": _build,
        "MOVABLE": {"max": "length"},
        "verdict": _verdict,
    }
    return cast("FilterModule", SimpleNamespace(**(parts | changes)))


class _Open(_Config):
    model_config = ConfigDict(extra="ignore")


def test_a_filter_that_keeps_its_contract_passes() -> None:
    check_filter(make_filter())
    check_filter(make_filter(READS=("text", "mood")), types={"mood": pl.Float32()})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Config": _Open}, "'Config' accepts unknown settings"),
        ({"MOVABLE": {}}, "one of 'verdict' and 'MOVABLE'"),
        ({"MOVABLE": {"min": "length"}}, "MOVABLE: 'min'"),
        ({"verdict": lambda config: _verdict(_Config(max=16))}, "the verdict differs"),
        ({"verdict": lambda config: pl.col("text")}, "the verdict reads 'text'"),
        (
            {"thresholds": lambda config: (Threshold("words", "max", "max", "long"),)},
            "thresholds: 'max' of 'words'",
        ),
        ({"READS": ("text", "mood")}, "no type of the column 'mood' is known"),
        ({"WRITES": {"reject": pl.String()}}, "'reject' is written by the build"),
        ({"WRITES": {"length": pl.Int64(), "score": pl.String()}}, "'score' is a column of a post"),
    ],
)
def test_each_fault_of_a_filter_has_its_message(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ContractError, match=expected):
        check_filter(make_filter(**changes))


class _ReaderConfig(ReaderConfig):
    pass


class _Undescribed(ReaderConfig):
    board: str = ""


class _Entry(msgspec.Struct):
    id: int
    text: str


def _decode(line: bytes) -> tuple[Post, ...]:
    row = msgspec.json.decode(line, type=_Entry)
    return (Post(id=f"tea:{row.id}", text=row.text),)


def _read(path: str, config: Any, part_posts: int, start: Any = None) -> Iterator[Batch]:
    return read_lines(path, config, _decode, platform="tea", part_posts=part_posts, start=start)


def make_reader(**changes: Any) -> ReaderModule:
    parts: dict[str, Any] = {
        "Config": _ReaderConfig,
        "VERSION": 1,
        "PLATFORM": "tea",
        "TOMBSTONES": False,
        "fits": lambda sample: sample.matching_share(lambda row: {"id", "text"} <= row.keys()),
        "read": _read,
    }
    return cast("ReaderModule", SimpleNamespace(**(parts | changes)))


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "tea.jsonl"
    path.write_text("".join(json.dumps({"id": n, "text": f"cup {n}"}) + "\n" for n in range(7)))
    return path


def test_a_reader_that_keeps_its_contract_passes_and_its_posts_are_returned(dump: Path) -> None:
    assert check_reader(make_reader(), dump)["text"].to_list() == [f"cup {n}" for n in range(7)]


def _restart(path: str, config: Any, part_posts: int, start: Any = None) -> Iterator[Batch]:
    return _read(path, config, part_posts, None)


def _read_some(path: str, config: Any, part_posts: int, start: Any = None) -> Iterator[Batch]:
    for batch in _read(path, config, part_posts, start):
        batch.posts = batch.posts.head(100) if part_posts > 2 else batch.posts.head(1)
        yield batch


def _read_with_json(path: str, config: Any, part_posts: int, start: Any = None) -> Iterator[Batch]:
    def decode(line: bytes) -> tuple[Post, ...]:
        try:
            row = json.loads(line)
            return (Post(id=f"tea:{row['id']}", text=row["text"]),)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Refused("no_text") from None

    return read_lines(path, config, decode, platform="tea", part_posts=part_posts, start=start)


def _raise(path: str, config: Any, part_posts: int, start: Any = None) -> Iterator[Batch]:
    with open(path, encoding="utf-8") as file:
        file.read()
    yield from _read(path, config, part_posts, start)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Config": _Undescribed}, "the setting 'board' has no description"),
        ({"read": _restart}, "other posts from the cursor of batch 1 on"),
        ({"read": _read_some}, "other posts when it reads two at a time"),
        ({"read": lambda *given: iter([])}, "the reader yields no batch"),
        ({"read": lambda *given: iter([1])}, "yielded int and must yield batches"),
        ({"read": _raise}, "a file with binary: the reader raised UnicodeDecodeError"),
        ({"read": _read_with_json}, "a file with half an emoji: a post has half of a character"),
        ({"fits": lambda sample: 0}, r"fits\(\) is 0 for a file of the format"),
        ({"fits": lambda sample: 2}, r"fits\(\) is 2"),
        ({"PLATFORM": ""}, "it has no 'PLATFORM'"),
    ],
)
def test_each_fault_of_a_reader_has_its_message(
    dump: Path, changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ContractError, match=expected):
        check_reader(make_reader(**changes), dump)
