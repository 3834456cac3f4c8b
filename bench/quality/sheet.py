"""Read the sheets of posts that were read and labelled, and weight their rows back to the pools.

``judgement/dev.tsv`` has posts of seven kinds, drawn by stratum: ``weight`` is how many posts of
the pool a row stands for. No sheet shows rates below a per cent by platform; :func:`load_pools`
returns every post of the pools, on which drops can be counted.
"""

from __future__ import annotations

import csv
import io
import json
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

#: The sheet's names for where a post is from, to the values of ``platform``.
PLATFORMS = {
    "hn": "hackernews",
    "reddit_post": "reddit",
    "reddit_comment": "reddit",
    "multi": "x",
    "x": "x",
    "youtube": "youtube",
    "stackexchange": "stackexchange",
}


class Share(NamedTuple):
    """A share of the pool, with the bounds that nine of ten draws are between."""

    value: float
    low: float
    high: float


def read_sheet(path: Path) -> pl.DataFrame:
    """Return a sheet of labelled posts, with the escapes in ``text`` undone."""
    sheet = pl.read_csv(path, separator="\t", quote_char=None)
    text = pl.col("text").str.replace_all("\\\\", "\x00", literal=True)
    for escape, character in (("\\n", "\n"), ("\\t", "\t"), ("\x00", "\\")):
        text = text.str.replace_all(escape, character, literal=True)
    return sheet.with_columns(text)


def draw_counts(sheet: pl.DataFrame, draws: int = 1000) -> NDArray[np.float64]:
    """Return how often each row is in each draw: a row a draw, a column a post.

    Posts are drawn anew, with replacement, within each stratum of a platform.
    """
    random = np.random.default_rng(0)
    counts = np.zeros((draws, len(sheet)))
    strata = sheet.with_row_index("row").group_by("platform", "stratum", maintain_order=True)
    for _, part in strata:
        rows = part["row"].to_numpy()
        counts[:, rows] = random.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), draws)
    return counts


def estimate_share(
    sheet: pl.DataFrame, part: pl.Series, whole: pl.Series, counts: NDArray[np.float64]
) -> Share:
    """Return the share of the posts in ``whole`` that are in ``part`` too; NaN if there are none.

    Both are booleans, a row a post of ``sheet``; a post counts by its ``weight``.
    """
    weights = sheet["weight"].to_numpy()
    inner = weights * (part & whole).to_numpy()
    outer = weights * whole.to_numpy()
    if not outer.any():
        return Share(np.nan, np.nan, np.nan)
    drawn = counts @ outer
    shares = (counts @ inner)[drawn > 0] / drawn[drawn > 0]
    low, high = np.quantile(shares, (0.05, 0.95))
    return Share(float(inner.sum() / outer.sum()), float(low), float(high))


def load_pools(data: Path) -> pl.DataFrame:
    """Return every post of each pool: ``source``, as the sheet names it, and ``text``."""
    plain = {
        "x": ("gurez.10000", "ile.10000"),
        "youtube": ("youtube_first_20000",),
        "stackexchange": ("stacko-src",),
    }
    texts: dict[str, list[str]] = {
        source: [line for name in names for line in _read_lines(data / "plain" / name)]
        for source, names in plain.items()
    }
    with (data / "hackernews/hacker_news.csv").open(newline="", encoding="utf-8-sig") as rows:
        texts["hn"] = [row["title"] for row in csv.DictReader(rows)]
    texts["reddit_post"] = [
        unescape(f"{row['title']}\n\n{row.get('selftext') or ''}")
        for row in _read_dump(data / "reddit/AskMen_submissions.zst")
        if row.get("selftext") not in ("[deleted]", "[removed]")
    ]
    texts["reddit_comment"] = [
        unescape(row["body"])
        for row in _read_dump(data / "reddit/RC_2005-12.zst")
        if row["body"] not in ("[deleted]", "[removed]")
    ]
    lines = _read_lines(data / "langid/twituser_first_7000.jsonl")
    texts["multi"] = [json.loads(line)["text"] for line in lines]
    frames = [
        pl.DataFrame({"text": posts}).with_columns(source=pl.lit(source))
        for source, posts in texts.items()
    ]
    return pl.concat(frames)


def _read_lines(path: Path) -> list[str]:
    lines = path.read_bytes().decode("utf-8", "replace").split("\n")
    return [line.strip("\r") for line in lines if line.strip()]


def _read_dump(path: Path) -> list[dict[str, Any]]:
    import zstandard

    with path.open("rb") as packed:
        reader = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(packed)
        return [json.loads(line) for line in io.TextIOWrapper(reader, "utf-8") if line.strip()]
