"""A package of filters and readers outside of this repository, as a user has it."""

from __future__ import annotations

from pathlib import Path

EMOJI_COUNT = '''
"""Drop posts with many emoji."""

import polars as pl
from pydantic import Field

from filters.contract import FilterConfig

from my_pkg.patterns import EMOJI

READS = ("text",)
WRITES = {"emoji_count": pl.Int64()}
VERSION = 1


class Config(FilterConfig):
    """How many emoji a post may have."""

    max: int = Field(3, description="posts with more emoji are dropped")


def build(config):
    """Return the filter."""
    count = pl.col("text").fill_null("").str.count_matches(EMOJI).cast(pl.Int64)

    def emoji_count(posts):
        posts = posts.with_columns(emoji_count=count)
        many = pl.col("emoji_count") > config.max
        return posts.with_columns(reject=pl.when(many).then(pl.lit("many_emoji")))

    return emoji_count
'''
GUESTBOOK = '''
"""Read a guest book: one entry on each line, as JSON."""

import msgspec

from corpus.readers.batches import read_lines
from corpus.readers.contract import Post, ReaderConfig, Refused

PLATFORM = "guestbook"
VERSION = 1
TOMBSTONES = False


class Config(ReaderConfig):
    """The file to read."""


def fits(sample):
    """Return the share of lines that are entries."""
    return sample.matching_share(lambda row: {"entry", "says"} <= row.keys())


def read(path, config, part_posts, start=None):
    """Yield the entries of one file."""
    return read_lines(path, config, decode, platform=PLATFORM, part_posts=part_posts, start=start)


def decode(line):
    """Return the entry on one line."""
    row = msgspec.json.decode(line, type=dict)
    if "entry" not in row:
        raise Refused("no_id")
    return (Post(id=f"guestbook:{row['entry']}", text=row["says"], author=row.get("guest")),)
'''


def write_package(folder: Path) -> Path:
    """Write ``my_pkg``, with a filter and a reader."""
    package = folder / "my_pkg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "patterns.py").write_text('EMOJI = "\\N{GRINNING FACE}"\n')
    (package / "emoji_count.py").write_text(EMOJI_COUNT)
    (package / "guestbook.py").write_text(GUESTBOOK)
    return package
