"""The texts of the modules that ``corpus new`` writes: a working filter or reader, and its test.

``{package}`` and ``{name}`` stand for the names that the user has given.
"""

from __future__ import annotations

FILTER = '''"""Drop posts of whose letters too many are capitals.

A working example: put a measure of your own in place of the share of capital letters, and run the
test beside this file.
"""

from __future__ import annotations

import polars as pl
from pydantic import Field

from filters.contract import Filter, FilterConfig, Threshold

#: The columns that the filter needs. Those of a post are in corpus.schema.POST; those that stages
#: write are there if the plan names these stages before.
READS = ("text",)
#: The columns that it adds, with their types. The ledger and the corpus have them.
WRITES: dict[str, pl.DataType] = {"{name}": pl.Float32()}
#: A change of this file runs the stage anew. Raise it when something else decides otherwise.
VERSION = 1
#: The settings that can be changed from the stored columns alone, for `corpus tune`.
MOVABLE = {"max_share": "{name}"}


class Config(FilterConfig):
    """How many capital letters a post may have."""

    max_share: float = Field(
        0.5, ge=0, le=1, description="posts with a larger share of capital letters are dropped"
    )


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """Return which setting bounds which column, for the report."""
    return (Threshold("{name}", "max_share", "max", "many_capitals"),)


def verdict(config: Config) -> pl.Expr:
    """Return the reason to drop a post, or null, from the stored columns."""
    return pl.when(pl.col("{name}") > config.max_share).then(pl.lit("many_capitals"))


def build(config: Config) -> Filter:
    """Return the filter; what it needs is loaded here, once."""
    text = pl.col("text").fill_null("")
    capitals, letters = text.str.count_matches(r"\\p{Lu}"), text.str.count_matches(r"\\p{L}")
    share = (capitals / letters.clip(lower_bound=1)).cast(pl.Float32)
    reject = verdict(config)

    def {name}(posts: pl.DataFrame) -> pl.DataFrame:
        return posts.with_columns(share.alias("{name}")).with_columns(reject.alias("reject"))

    return {name}
'''

FILTER_TEST = '''"""The filter {name} keeps its contract, and drops what it should."""

import polars as pl
from corpus.testing import check_filter

from {package} import {name}


def test_it_keeps_the_contract_of_a_filter() -> None:
    check_filter({name})


def test_posts_in_capitals_are_dropped_with_a_reason() -> None:
    posts = pl.DataFrame({"id": ["1", "2"], "text": ["BUY IT NOW", "We met at the harbour."]})
    filtered = {name}.build({name}.Config(max_share=0.5))(posts)
    assert filtered["reject"].to_list() == ["many_capitals", None]
    assert filtered["{name}"].to_list()[0] == 1
'''

READER = '''"""Read posts that are one JSON object on each line.

A working example: change `_Entry` and `_decode` to the records of your format, and run the test
beside this file. A line looks like this:

    {"number": 12, "user": "ada", "time": 1714521600, "body": "Lovely tea!", "answers": 11}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from corpus.readers.batches import read_lines
from corpus.readers.contract import Batch, Cursor, Post, ReaderConfig, Record, Refused, Sample

#: The first part of each id.
PLATFORM = "{name}"
#: A change of this file reads the dumps anew. Raise it when something else reads other posts.
VERSION = 1
#: Whether a record can withdraw a post of another file; see corpus.readers.contract.Tombstone.
TOMBSTONES = False


class Config(ReaderConfig):
    """The file to read. Write a field with a description for each further setting."""


class _Entry(msgspec.Struct):
    """A line."""

    number: int | None = None
    user: str | None = None
    time: int | None = None  # seconds since 1970, UTC
    body: str | None = None
    answers: int | None = None  # the number of the post that this one replies to


_parse = msgspec.json.Decoder(_Entry).decode


def fits(sample: Sample) -> float:
    """Return the share of lines that are of this format."""
    return sample.matching_share(lambda row: {"number", "body"} <= row.keys())


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts of one file in batches of about ``part_posts``."""
    return read_lines(path, config, _decode, platform=PLATFORM, part_posts=part_posts, start=start)


def _decode(line: bytes) -> Sequence[Record]:
    """Return the records on a line. A refused one is counted, with its reason, in the ledger."""
    row = _parse(line)
    if row.number is None:
        raise Refused("no_id")
    if row.body is None:
        raise Refused("no_text")
    return (
        Post(
            id=f"{PLATFORM}:{row.number}",
            text=row.body,
            kind="post" if row.answers is None else "reply",
            author=row.user,
            created_at=None if row.time is None else row.time * 1_000_000,
            parent_id=None if row.answers is None else f"{PLATFORM}:{row.answers}",
        ),
    )
'''

READER_TEST = '''"""The reader {name} keeps its contract, and finds the posts of a file."""

import json
from pathlib import Path

from corpus.testing import check_reader

from {package} import {name}

ROWS = [
    {"number": 11, "user": "ben", "time": 1714521000, "body": "The scones were warm."},
    {"number": 12, "user": "ada", "time": 1714521600, "body": "Lovely tea!", "answers": 11},
    {"number": 13},
]


def test_it_keeps_the_contract_of_a_reader_and_finds_the_posts(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps(row) + "\\n" for row in ROWS))
    posts = check_reader({name}, path)
    assert posts.select("id", "kind", "author", "text", "parent_id").rows() == [
        ("{name}:11", "post", "ben", "The scones were warm.", None),
        ("{name}:12", "reply", "ada", "Lovely tea!", "{name}:11"),
    ]
'''

PACKAGE = '"""Filters and readers of our own."""\n'
