"""Drop or cap posts by who wrote them and where: bots, the most active, the repetitive.

A barrier, because how much somebody wrote shows only over all parts. Rules are tried in this
order, and each counts only what the ones before it left: community, bot, most active, repetitive,
cap. Posts without an author are nobody's: only the community rules reach them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from corpus import arrays, dedup
from corpus.errors import PlanError
from corpus.gathered import Gathered
from filters.contract import FilterConfig

READS = ("id", "platform", "author", "community", "bot", "text", "created_at", "score")
#: How many posts of the author reached this stage; null for posts that are nobody's.
WRITES: dict[str, pl.DataType] = {"author_posts": pl.Int64()}
VERSION = 1

REASONS = (
    "", "community_not_allowed", "community_blocked", "declared_bot", "listed_bot", "bot_name",
    "most_active", "repetitive_author", "over_author_cap",
)  # fmt: skip
_MOST_ACTIVE, _REPETITIVE, _OVER_CAP = (
    REASONS.index(name) for name in ("most_active", "repetitive_author", "over_author_cap")
)
# Two posts of one author share a band with probability 0.91 at Jaccard 0.8, 0.67 at 0.7 and 0.17
# at 0.5 (1 - (1 - s^r)^b, b = 6 bands of r = 5 rows): enough to tell a habit, which is asked.
_SIGNATURE = dedup.Config.model_validate({"permutations": 32, "jaccard": 0.7, "miss_weight": 0.8})
_NOT_BOTS = ("abbot", "talbot", "cabot")  # family names, which are people's


class Config(FilterConfig):
    """Who and what is left out. By default only bots are."""

    drop_bots: bool = Field(True, description="drop accounts that the source declares to be bots")
    bots: tuple[str, ...] = Field((), description="more accounts to drop, in any letter case")
    bots_file: str = Field("", description="a file of such accounts, one a line; # begins a note")
    bot_suffix: bool = Field(True, description="drop names that end in 'bot' (not ids or numbers)")
    communities: tuple[str, ...] = Field((), description="keep only these; empty keeps all")
    communities_file: str = Field("", description="a file of such communities, one a line")
    blocked_communities: tuple[str, ...] = Field((), description="drop these")
    blocked_communities_file: str = Field("", description="a file of such, one a line")
    drop_most_active: float = Field(
        0.0, ge=0, lt=1,
        description="share of authors to drop, the most active; TimeLMs (2022) dropped 0.01",
    )  # fmt: skip
    max_posts: int = Field(0, ge=0, description="posts of one author that stay; 0 for all")
    keep: Literal["earliest", "best_score", "sample"] = Field(
        "earliest", description="which posts stay under max_posts"
    )
    max_repeated: float = Field(
        1.0, ge=0, le=1,
        description="drop authors of whose posts a larger share nearly repeats another of theirs",
    )  # fmt: skip
    min_posts: int = Field(10, ge=2, description="max_repeated judges no author of fewer posts")


def models(config: Config) -> list[Path]:
    """The files that the Config names; a changed list changes the fingerprint."""
    names = (config.bots_file, config.communities_file, config.blocked_communities_file)
    return [Path(name) for name in names if name]


def _listed(names: Sequence[str], file: str) -> list[str]:
    lines: list[str] = []
    if file:
        try:
            lines = Path(file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            raise PlanError(
                f"authors: cannot read the list '{file}'; give a UTF-8 text file"
            ) from (None)
    cleaned = (line.partition("#")[0] for line in lines)
    return sorted({name.strip().lower() for name in (*names, *cleaned) if name.strip()})


def _bare(community: str) -> str:
    return community.removeprefix("/").removeprefix("r/")


# --------------------------------------------------------------------------- one part


def measure(posts: pl.DataFrame, config: Config) -> dict[str, NDArray[Any]]:
    """What must be known of a part: the author as a hash, the rules that need no more, bands."""
    from corpus import kernels

    known = pl.concat_str("platform", pl.lit(":"), "author")
    names = posts.select(known).to_series()
    author = kernels.hash128(*arrays.flat(names.fill_null("")))
    author[names.is_null().to_numpy()] = 0
    out: dict[str, NDArray[Any]] = {
        "author": author,
        "ids": kernels.hash128(*arrays.flat(posts["id"]))[:, 0],
        "reason": posts.select(_by_itself(config)).to_series().to_numpy().astype(np.uint8),
        "prefer": _prefer(posts, config),
    }
    if config.max_repeated < 1:
        bands = np.ascontiguousarray(dedup.band_keys(posts["text"], _SIGNATURE).T)
        # Only a post of the same author can be repeated: the author is part of the key.
        out["bands"] = (bands ^ author[:, 0]) * np.uint64(0x9E3779B97F4A7C15) ^ author[:, 1]
    return out


def _prefer(posts: pl.DataFrame, config: Config) -> NDArray[np.int64]:
    """Smaller stays. A sample goes by the hash of the id, which no order of reading changes."""
    if config.keep == "sample":
        return np.zeros(posts.height, np.int64)
    if config.keep == "best_score":
        wish = -pl.col("score").fill_null(-(2**62)).clip(-(2**62), 2**62)
    else:
        wish = pl.col("created_at").cast(pl.Int64).fill_null(2**62)
    return posts.select(wish).to_series().to_numpy().astype(np.int64)


def _by_itself(config: Config) -> pl.Expr:
    """The reasons that a post shows by itself, as an index into REASONS."""
    name = pl.col("author").str.to_lowercase()
    place = pl.col("community").str.to_lowercase().str.replace(r"^/?r/", "")
    allowed = [_bare(found) for found in _listed(config.communities, config.communities_file)]
    blocked = [
        _bare(found)
        for found in _listed(config.blocked_communities, config.blocked_communities_file)
    ]
    bots = _listed(config.bots, config.bots_file)
    person = pl.any_horizontal(name.str.ends_with(family) for family in _NOT_BOTS)
    # An id is no name: a did, an address or a number may end in anything.
    bot_name = name.str.ends_with("bot") & name.str.contains(r"^[^:/@]*$") & ~person
    rules = (
        (pl.lit(bool(allowed)) & ~place.is_in(allowed).fill_null(False), "community_not_allowed"),
        (place.is_in(blocked), "community_blocked"),
        (pl.lit(config.drop_bots) & pl.col("bot"), "declared_bot"),
        (name.is_in(bots), "listed_bot"),
        (pl.lit(config.bot_suffix) & bot_name, "bot_name"),
    )
    found = pl.lit(0)
    for rule, reason in reversed(rules):
        found = pl.when(rule.fill_null(False)).then(REASONS.index(reason)).otherwise(found)
    return found.alias("reason")


# --------------------------------------------------------------------------- all parts


def decide(gathered: Gathered, config: Config) -> Iterator[pl.DataFrame]:
    """The verdict on each part. Memory: a few numbers a post, one band at a time."""
    folders = gathered.folders
    reason = arrays.together(folders, "reason", np.empty(0, np.uint8))
    number = arrays.numbered(arrays.together(folders, "author", np.empty((0, 2), np.uint64)))
    size = np.bincount(number[number >= 0], minlength=1)
    known = number >= 0
    if config.drop_most_active:
        _most_active(reason, number, config)
    if config.max_repeated < 1:
        _repetitive(reason, number, folders, config)
    if config.max_posts:
        _capped(reason, number, folders, config)
    names = pl.Series("reject", [name or None for name in REASONS], dtype=pl.String)
    begin = 0
    for folder in folders:
        rows = slice(begin, begin + len(arrays.mapped(folder, "reason")))
        count = pl.Series("author_posts", size[number[rows]], dtype=pl.Int64)
        yield pl.DataFrame(
            [
                pl.select(pl.when(pl.Series(known[rows])).then(count).alias("author_posts"))
                .to_series()
                .cast(pl.Int64),
                names.gather(pl.Series(reason[rows], dtype=pl.UInt32)).alias("reject"),
            ]
        )
        begin = rows.stop


def _left(reason: NDArray[np.uint8], number: NDArray[np.int64]) -> NDArray[np.int64]:
    """The posts with an author that no rule has taken yet."""
    return np.flatnonzero((reason == 0) & (number >= 0))


def _most_active(reason: NDArray[np.uint8], number: NDArray[np.int64], config: Config) -> None:
    rows = _left(reason, number)
    counts = np.bincount(number[rows]) if rows.size else np.zeros(0, np.int64)
    active = counts[counts > 0]
    wanted = int(active.size * config.drop_most_active)
    if not wanted:
        return
    # Authors with as many posts as the last of them all stay or all go with those above: the
    # outcome must not hang on an order among equals, and no more may go than were asked for.
    edge = np.sort(active)[::-1][wanted - 1]
    above = counts > edge
    if np.count_nonzero(counts >= edge) == wanted:
        above = counts >= edge
    reason[rows[above[number[rows]]]] = _MOST_ACTIVE


def _repetitive(
    reason: NDArray[np.uint8], number: NDArray[np.int64], folders: Sequence[Path], config: Config
) -> None:
    rows = _left(reason, number)
    if not rows.size:
        return
    repeated = np.zeros(rows.size, bool)
    for band in range(dedup.bands_and_rows(_SIGNATURE)[0]):
        keys = arrays.together(folders, "bands", np.empty(0, np.uint64), band)[rows]
        order = np.argsort(keys, kind="stable")
        same = keys[order][1:] == keys[order][:-1]
        repeated[order[1:][same]] = True
        repeated[order[:-1][same]] = True
    count = np.bincount(number[rows])
    again = np.bincount(number[rows], weights=repeated)
    habit = (count >= config.min_posts) & (again > config.max_repeated * count)
    reason[rows[habit[number[rows]]]] = _REPETITIVE


def _capped(
    reason: NDArray[np.uint8], number: NDArray[np.int64], folders: Sequence[Path], config: Config
) -> None:
    rows = _left(reason, number)
    prefer = arrays.together(folders, "prefer", np.empty(0, np.int64))[rows]
    ids = arrays.together(folders, "ids", np.empty(0, np.uint64))[rows]
    order = np.lexsort((ids, prefer, number[rows]))
    of = number[rows][order]
    begins = np.flatnonzero(np.r_[True, of[1:] != of[:-1]]) if of.size else np.empty(0, np.int64)
    lengths = np.diff(np.r_[begins, of.size])
    nth = np.arange(of.size) - np.repeat(begins, lengths)
    reason[rows[order[nth >= config.max_posts]]] = _OVER_CAP
