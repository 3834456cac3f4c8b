"""Drop or cap posts by who wrote them and where: bots, the most active, the repetitive.

A barrier, because how much somebody wrote shows only over all parts. Rules are tried in this
order, and each counts only what the ones before it left: community, bot, most active, repetitive,
cap. Posts without an author are nobody's: only the community rules reach them.

A task of a part sends what is known of each post to the range of keys that its author's hash lies
in, where each author is seen whole; the outcome goes back to the blocks of the posts. A task of a
range holds some :data:`exchange.RANGE_KEYS` keys, and one of a block 17 bytes a post.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from corpus.dedup import barrier as dedup
from corpus.errors import PlanError
from corpus.partition.hashing import hash_strings
from corpus.partition.partitions import (
    I64,
    U64,
    PartIndex,
    Rows,
    gather_rows,
    load_part_index,
    make_rows,
    scatter_rows,
    write_part_index,
)
from corpus.stages import BarrierInput
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write
from corpus.tasks.receipts import load_receipt, save_receipt
from corpus.tasks.task import Arrays, ArrayTask, run_tasks
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
_SIGNATURE_CONFIG = dedup.Config.model_validate(
    {"permutations": 32, "jaccard": 0.7, "miss_weight": 0.8}
)
_BANDS = tuple(f"band_{band}" for band in range(dedup.choose_bands(_SIGNATURE_CONFIG)[0]))
# A post is a row of some hundred bytes in its range, as much as so many keys.
_KEYS_PER_POST = 3
_FAMILY_NAMES = ("abbot", "talbot", "cabot")  # family names, which are people's


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


def _read_names(names: Sequence[str], file: str) -> list[str]:
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


def _strip_community_prefix(community: str) -> str:
    return community.removeprefix("/").removeprefix("r/")


# --------------------------------------------------------------------------- one part


def measure(posts: pl.DataFrame, config: Config) -> dict[str, NDArray[Any]]:
    """What must be known of a part: the author as a hash, the rules that need no more, bands."""
    known = pl.concat_str("platform", pl.lit(":"), "author")
    names = posts.select(known).to_series()
    author = hash_strings(names)
    out: dict[str, NDArray[Any]] = {
        "author": author,
        "ids": hash_strings(posts["id"])[:, 0],
        "reason": posts.select(_single_post_reasons(config))
        .to_series()
        .to_numpy()
        .astype(np.uint8),
        "prefer": _priority(posts, config),
    }
    if config.max_repeated < 1:
        bands = np.ascontiguousarray(dedup.compute_band_keys(posts["text"], _SIGNATURE_CONFIG).T)
        # Only a post of the same author can be repeated: the author is part of the key.
        out["bands"] = (bands ^ author[:, 0]) * np.uint64(0x9E3779B97F4A7C15) ^ author[:, 1]
    return out


def _priority(posts: pl.DataFrame, config: Config) -> NDArray[np.int64]:
    """Smaller stays. A sample goes by the hash of the id, which no order of reading changes."""
    if config.keep == "sample":
        return np.zeros(posts.height, np.int64)
    if config.keep == "best_score":
        wish = -pl.col("score").fill_null(-(2**62)).clip(-(2**62), 2**62)
    else:
        wish = pl.col("created_at").cast(pl.Int64).fill_null(2**62)
    return posts.select(wish).to_series().to_numpy().astype(np.int64)


def _single_post_reasons(config: Config) -> pl.Expr:
    """The reasons that a post shows by itself, as an index into REASONS."""
    name = pl.col("author").str.to_lowercase()
    place = pl.col("community").str.to_lowercase().str.replace(r"^/?r/", "")
    allowed = [
        _strip_community_prefix(found)
        for found in _read_names(config.communities, config.communities_file)
    ]
    blocked = [
        _strip_community_prefix(found)
        for found in _read_names(config.blocked_communities, config.blocked_communities_file)
    ]
    bots = _read_names(config.bots, config.bots_file)
    person = pl.any_horizontal(name.str.ends_with(family) for family in _FAMILY_NAMES)
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


@dataclass(frozen=True)
class AuthorRules:
    """The settings of the rules that look at all posts of an author."""

    max_posts: int
    max_repeated: float
    min_posts: int


def decide(inputs: BarrierInput, config: Config) -> dict[str, Any]:
    """Write the verdict on each part; the manifest records nothing of it."""
    if not inputs.parts:
        return {}
    room, run = inputs.work_dir / "all", inputs.run
    folders = [part.measures for part in inputs.parts]
    counts = [int(array_store.map_array(folder, "reason").shape[0]) for folder in folders]
    where = write_part_index(room, folders, counts)
    rules = AuthorRules(config.max_posts, config.max_repeated, config.min_posts)
    run_tasks(
        run, [ScatterByAuthor(room, part, rules) for part in range(len(where.folders))], "deciding"
    )
    ranges = range(len(_author_ranges(where)))
    least = 0
    if config.drop_most_active:
        told = run_tasks(run, [CountAuthors(room, index) for index in ranges], "deciding")
        least = _find_activity_threshold(told, config.drop_most_active)
    run_tasks(run, [DecideAuthors(room, index, rules, least) for index in ranges], "deciding")
    telling = [
        WriteAuthorVerdicts(
            room, block, tuple(part.verdict for part in inputs.parts[slice(*parts)])
        )
        for block, parts in enumerate(where.blocks)
    ]
    for _ in run(telling, "deciding"):
        pass
    return {}


def _author_ranges(parts: PartIndex) -> list[tuple[int, int]]:
    """The shares of the first bytes of authors' hashes."""
    return parts.key_ranges(_KEYS_PER_POST)


def _find_activity_threshold(receipts: Sequence[dict[str, Any]], share: float) -> int:
    """The least number of posts that makes an author one of the most active."""
    authors: Counter[int] = Counter()
    for row in receipts:
        authors.update(dict(row["authors"]))
    wanted = int(sum(authors.values()) * share)
    # Authors with equally many posts all stay or all go: the outcome must not hang on an order
    # among equals, and no more may go than were asked for.
    for posts, count in sorted(authors.items(), reverse=True):
        wanted -= count
        if wanted < 0:
            return posts + 1
    return 0  # there are no authors


# --------------------------------------------------------------------------- tasks


def _scattered_folders(parts: PartIndex) -> list[Path]:
    """Where the rows of each part are."""
    return [parts.work_dir / "sent" / f"{part:06d}" for part in range(len(parts.folders))]


def _decided_folders(parts: PartIndex) -> list[Path]:
    """Where the rows of each range are."""
    return [
        parts.work_dir / "judged" / f"{index:03d}" for index in range(len(_author_ranges(parts)))
    ]


@dataclass(frozen=True)
class ScatterByAuthor(ArrayTask):
    """Send the posts of a part that are somebody's to the ranges of their authors."""

    work_dir: Path
    part: int
    rules: AuthorRules

    @property
    def folder(self) -> Path:
        """Where the rows go."""
        return _scattered_folders(load_part_index(self.work_dir))[self.part]

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """A row a post, and another of what only some rules look at, if they are asked for."""
        where, rules = load_part_index(self.work_dir), self.rules
        folder = where.folders[self.part]
        author: U64 = array_store.load_array(folder, "author")
        at = np.flatnonzero((author != 0).any(axis=1))
        author = author[at]
        ranges = _author_ranges(where)
        to = where.find_ranges(author[:, 0], _KEYS_PER_POST)
        reason = array_store.load_array(folder, "reason")[at]
        place = where.part_offsets[self.part] + at
        found = make_rows(author=author[:, 0], more=author[:, 1], place=place, reason=reason)
        sent = scatter_rows("post", found, to, len(ranges))
        columns: dict[str, NDArray[Any]] = {}
        if rules.max_posts:
            columns |= {
                name: array_store.load_array(folder, name)[at] for name in ("prefer", "ids")
            }
        if rules.max_repeated < 1:
            bands = array_store.map_array(folder, "bands")
            columns |= {name: bands[band][at] for band, name in enumerate(_BANDS)}
        if columns:
            sent = {**sent, **scatter_rows("detail", make_rows(**columns), to, len(ranges))}
        return sent, {}


@dataclass(frozen=True)
class _AuthorRangeTask(ArrayTask):
    work_dir: Path
    index: int

    def gather_posts(self) -> tuple[Rows, I64]:
        """The posts whose authors are in the range, in reading order, and a number an author."""
        found = gather_rows(_scattered_folders(load_part_index(self.work_dir)), "post", self.index)
        return found, array_store.number_distinct(
            np.stack([found["author"], found["more"]], axis=1)
        )


@dataclass(frozen=True)
class CountAuthors(_AuthorRangeTask):
    """Count the authors in a range by how many posts of theirs are left."""

    @property
    def folder(self) -> Path:
        """Where the receipt goes."""
        return self.work_dir / "counted" / f"{self.index:03d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """How many posts, and how many authors have so many."""
        post, number = self.gather_posts()
        counts = np.bincount(number[post["reason"] == 0])
        posts, authors = np.unique(counts[counts > 0], return_counts=True)
        return {}, {"authors": np.stack([posts, authors], axis=1).tolist()}


@dataclass(frozen=True)
class DecideAuthors(_AuthorRangeTask):
    """Decide over the posts of the authors in a range."""

    rules: AuthorRules
    activity_threshold: int  # who has so many posts left is one of the most active; 0: nobody is

    @property
    def folder(self) -> Path:
        """Where the rows for the blocks of the posts go."""
        return _decided_folders(load_part_index(self.work_dir))[self.index]

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Of each post how many its author has, and the reason."""
        where, rules = load_part_index(self.work_dir), self.rules
        post, number = self.gather_posts()
        place, reason = post["place"].copy(), post["reason"].copy()
        del post  # the details are as large
        size = np.bincount(number)
        if self.activity_threshold:
            count = np.bincount(number[reason == 0], minlength=size.size)
            reason[(reason == 0) & (count >= self.activity_threshold)[number]] = _MOST_ACTIVE
        if rules.max_posts or rules.max_repeated < 1:
            detail = gather_rows(_scattered_folders(where), "detail", self.index)
            if rules.max_repeated < 1:
                _mark_repetitive(reason, number, detail, rules)
            if rules.max_posts:
                _mark_over_cap(reason, number, detail, rules)
        found = make_rows(place=place, size=size[number], reason=reason)
        return scatter_rows("post", found, where.find_blocks(place), len(where.blocks)), {}


def _mark_repetitive(
    reason: NDArray[np.uint8], author_number: I64, detail: Rows, rules: AuthorRules
) -> None:
    from corpus.partition import key_kernel

    left = np.flatnonzero(reason == 0)
    of = author_number[left]
    repeated = np.zeros(left.size, bool)
    for name in _BANDS:
        keys = detail[name][left]
        maybe = np.flatnonzero(key_kernel.mark_possible_repeats(keys))
        # By author too: what two authors' keys have in common by chance is no habit.
        order = maybe[np.lexsort((keys[maybe], of[maybe]))]
        same = (np.diff(of[order]) == 0) & (keys[order][1:] == keys[order][:-1])
        repeated[order[1:][same]] = True
        repeated[order[:-1][same]] = True
    count = np.bincount(of)
    again = np.bincount(of, weights=repeated)
    habit = (count >= rules.min_posts) & (again > rules.max_repeated * count)
    reason[left[habit[of]]] = _REPETITIVE


def _mark_over_cap(
    reason: NDArray[np.uint8], author_number: I64, detail: Rows, rules: AuthorRules
) -> None:
    left = np.flatnonzero(reason == 0)
    order = np.lexsort((detail["ids"][left], detail["prefer"][left], author_number[left]))
    of = author_number[left][order]
    nth = np.arange(of.size) - np.searchsorted(of, of)
    reason[left[order[nth >= rules.max_posts]]] = _OVER_CAP


@dataclass(frozen=True)
class WriteAuthorVerdicts:
    """The task of writing the verdicts on the parts of a block."""

    work_dir: Path
    block: int
    verdict_files: tuple[Path, ...]

    @property
    def receipt(self) -> Path:
        """Its existence says that the verdicts are there."""
        return self.work_dir / "told" / f"{self.block:06d}.json"

    def __call__(self) -> WriteAuthorVerdicts:
        """Write them unless the receipt is there."""
        if load_receipt(self.receipt) is None:
            self._write_verdicts()
            self.receipt.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            save_receipt(self.receipt, {}, list(self.verdict_files))
        return self

    def _write_verdicts(self) -> None:
        where = load_part_index(self.work_dir)
        low, high = where.block_rows(self.block)
        post = gather_rows(_decided_folders(where), "post", self.block)
        at = post["place"] - low
        size = np.zeros(high - low, np.int64)  # what nobody wrote stays at none
        reason = where.load_block_array("reason", self.block)
        size[at], reason[at] = post["size"], post["reason"]
        for part, target in zip(range(*where.blocks[self.block]), self.verdict_files, strict=True):
            own = slice(*(int(edge) - low for edge in where.part_offsets[part : part + 2]))
            with atomic_write(target) as temporary:
                make_author_verdict_frame(size[own], reason[own]).write_parquet(temporary)


def make_author_verdict_frame(sizes: I64, reason: NDArray[np.uint8]) -> pl.DataFrame:
    """The verdict on one part: how many posts each one's author has, and why a post leaves."""
    names = pl.Series("reject", [name or None for name in REASONS], dtype=pl.String)
    found = pl.DataFrame(
        {
            "author_posts": pl.Series(sizes, dtype=pl.Int64),
            "reject": names.gather(pl.Series(reason, dtype=pl.UInt32)),
        }
    )
    size = pl.col("author_posts")
    return found.with_columns(pl.when(size > 0).then(size).alias("author_posts"))
