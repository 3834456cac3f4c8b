"""Which documents are set aside for validation, against the whole done in one piece."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from corpus.errors import BuildError
from corpus.output import train_validation_split
from corpus.partition import partitions, permutation
from corpus.tasks.task import run_inline

START = datetime(2024, 5, 1, tzinfo=UTC)


def documents(count: int, authors: int) -> pl.DataFrame:
    rng = np.random.default_rng(count)
    who = rng.integers(0, authors, count)
    answers = rng.integers(0, 4, count) == 0
    parent = rng.integers(0, count, count)
    return pl.DataFrame(
        {
            "platform": ["x"] * count,
            "author": [f"a{n}" if n else None for n in who.tolist()],
            "id": [str(n) for n in range(count)],
            "parent_id": [
                str(to) if is_one else None
                for to, is_one in zip(parent.tolist(), answers.tolist(), strict=True)
            ],
            "created_at": [START + timedelta(hours=n) for n in range(count)],
            "text": ["words"] * count,
        },
        schema_overrides={"created_at": pl.Datetime("us", "UTC")},
    )


def split_plainly(posts: pl.DataFrame, share: float, after: int | None) -> list[bool]:
    """The split by a search for groups, drawn in order while they fit."""
    group = list(range(posts.height))
    rows, names = train_validation_split.list_ties(posts)
    of: dict[str, list[int]] = {}
    for row, name in zip(rows.to_list(), names.to_list(), strict=True):
        of.setdefault(name, []).append(row)
    changed = True
    while changed:
        changed = False
        for tied in of.values():
            least = min(group[row] for row in tied)
            for row in tied:
                changed |= group[row] != least
                group[row] = least
    wanted = max(1, share * posts.height)
    drawn = permutation.splitmix64(
        np.arange(posts.height, dtype=np.uint64), "validation", 7
    ).tolist()
    times = posts["created_at"].dt.timestamp("us").to_list()
    chosen, total = set(), 0
    for first in sorted(set(group), key=lambda one: drawn[one]):
        members = [row for row in range(posts.height) if group[row] == first]
        if len(members) > max(1, share * posts.height / 4):
            continue
        if after is not None and any(times[row] < after for row in members):
            continue
        total += len(members)
        if total > wanted:
            break
        chosen.add(first)
    return [one in chosen for one in group]


def split_in_blocks(
    folder: Path, posts: pl.DataFrame, parts: int, share: float, after: int | None
) -> list[bool]:
    size = -(-posts.height // parts)
    pieces = [posts.slice(at * size, size) for at in range(parts)]
    for at, piece in enumerate(pieces):
        piece.write_parquet(folder / f"{at}.parquet")
        train_validation_split.MeasureTies(folder / f"{at}.parquet", folder / f"ties-{at}")()
    ties = [folder / f"ties-{at}" for at in range(parts)]
    counts = [piece.height for piece in pieces]
    train_validation_split.choose_validation(
        folder / "all", ties, counts, share, 7, after, run_inline
    )
    return [
        one
        for at in range(parts)
        for one in train_validation_split.load_validation_mask(folder / "all", at).tolist()
    ]


@pytest.mark.parametrize("after", [None, 100])
@pytest.mark.parametrize("authors", [5, 60, 900])
@pytest.mark.parametrize("block", [40, 4_000_000])
def test_the_split_in_blocks_is_that_of_one_process(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    block: int,
    authors: int,
    after: int | None,
) -> None:
    monkeypatch.setattr(partitions, "BLOCK_POSTS", block)
    monkeypatch.setattr(partitions, "RANGE_KEYS", 10 * block)
    posts = documents(400, authors)
    since = after and int((START + timedelta(hours=after)).timestamp()) * 1_000_000
    wanted = split_plainly(posts, 0.1, since)
    if not any(wanted):
        with pytest.raises(BuildError, match="nothing can be set aside"):
            split_in_blocks(tmp_path, posts, 20, 0.1, since)
    else:
        assert split_in_blocks(tmp_path, posts, 20, 0.1, since) == wanted


def test_small_groups_reach_the_wanted_share(tmp_path: Path) -> None:
    posts = documents(50, 4_000).with_columns(parent_id=pl.lit(None, pl.String))
    assert sum(split_in_blocks(tmp_path, posts, 3, 1.0, None)) == 50
    (tmp_path / "little").mkdir()
    assert sum(split_in_blocks(tmp_path / "little", posts, 1, 0.001, None)) == 1
