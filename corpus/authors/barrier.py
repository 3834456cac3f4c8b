"""Drop posts by who wrote them and where: bots, the most active, the repetitive, above a cap.

A barrier, because the posts of an author may be in any part. The rules are applied in this order,
and each counts only the posts that the rules before it have kept: community, bot, most active,
repetitive, cap of the author, the community, the thread. The rules of authors do not apply to posts
without an author. A post that an earlier stage keeps only where a kept post answers it (see
``TURN_REASONS`` in ``filters.contract``) is dropped with its author, and is the first above the
cap, but is not counted.

A task scatters the measures of a part's posts by the hash of the author, to key ranges where each
author is complete; the outcome is scattered back to the blocks of the posts. The task of a range
has some :data:`~corpus.partition.partitions.RANGE_KEYS` keys in memory, that of a block 17 bytes a
post.
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

from corpus import dedup
from corpus.authors.decisions import (
    KEYS_PER_POST,
    TURN,
    author_ranges,
    decided_folder,
    load_block_decisions,
)
from corpus.authors.group_caps import GroupCap, apply_cap, mark_over_caps
from corpus.dedup import minhash
from corpus.errors import PlanError
from corpus.partition.groups import mark_group_starts, rank_in_groups
from corpus.partition.hashing import hash_strings
from corpus.partition.partitions import (
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
from corpus.tasks.task import Arrays, ArrayTask, ResumableTask, Written, numbered_folder, run_tasks
from filters.contract import FilterConfig
from filters.text.arrays import I64, U64

READS = ("id", "platform", "author", "community", "root_id", "bot", "text", "created_at", "score")
#: How many posts of the author reached this stage; null for a post without an author.
WRITES: dict[str, pl.DataType] = {"author_posts": pl.Int64()}
VERSION = 1

REASONS = (
    "",
    "community_not_allowed",
    "community_blocked",
    "declared_bot",
    "listed_bot",
    "bot_name",
    "most_active",
    "repetitive_author",
    "over_author_cap",
    "over_community_cap",
    "over_thread_cap",
)
_MOST_ACTIVE, _REPETITIVE, _OVER_CAP = (
    REASONS.index(name) for name in ("most_active", "repetitive_author", "over_author_cap")
)
# Two posts of one author share a band with probability 0.91 at Jaccard 0.8, 0.67 at 0.7 and 0.17
# at 0.5 (1 - (1 - s^r)^b, b = 6 bands of r = 5 rows). That is enough to find a habit.
_SIGNATURE_CONFIG = dedup.Config.model_validate(
    {"permutations": 32, "jaccard": 0.7, "bands": 6, "rows": 5}
)
_BANDS = tuple(f"band_{band}" for band in range(minhash.choose_bands(_SIGNATURE_CONFIG)[0]))
# Names of people that end like those of bots.
_FAMILY_NAMES = ("abbot", "talbot", "cabot")
_LABEL = "deciding"


class Config(FilterConfig):
    """Which authors and communities are dropped. By default only bots are."""

    drop_bots: bool = Field(True, description="drop accounts that the source declares to be bots")
    bots: tuple[str, ...] = Field((), description="more accounts to drop, in any letter case")
    bots_file: str = Field("", description="a file of such accounts, one a line; # begins a note")
    bot_suffix: bool = Field(True, description="drop names that end in 'bot' (not ids or numbers)")
    communities: tuple[str, ...] = Field((), description="keep only these; empty keeps all")
    communities_file: str = Field("", description="a file of such communities, one a line")
    blocked_communities: tuple[str, ...] = Field((), description="drop these")
    blocked_communities_file: str = Field("", description="a file of such, one a line")
    drop_most_active: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of authors to drop, the most active; TimeLMs (2022) dropped 0.01",
    )
    max_posts: int = Field(0, ge=0, description="posts of one author to keep; 0 for all")
    max_community_posts: int = Field(
        0, ge=0, description="posts of one community to keep; 0 for all"
    )
    max_thread_posts: int = Field(0, ge=0, description="posts of one thread to keep; 0 for all")
    keep: Literal["earliest", "best_score", "sample"] = Field(
        "earliest", description="which posts are kept of those above a cap"
    )
    max_repeated: float = Field(
        1.0,
        ge=0,
        le=1,
        description="drop authors if a larger share of their posts nearly repeats another of them",
    )
    min_posts: int = Field(10, ge=2, description="max_repeated drops no author of fewer posts")


def models(config: Config) -> list[Path]:
    """The files that the settings name; a changed list changes the fingerprint."""
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
            ) from None
    cleaned = (line.partition("#")[0] for line in lines)
    return sorted({name.strip().lower() for name in (*names, *cleaned) if name.strip()})


def _strip_community_prefix(community: str) -> str:
    return community.removeprefix("/").removeprefix("r/")


def _community_name() -> pl.Expr:
    """The name of a post's community, as the lists are compared with it."""
    return pl.col("community").str.to_lowercase().str.replace(r"^/?r/", "")


def _list_caps(config: Config) -> tuple[GroupCap, ...]:
    """The caps that are not of authors, in their order."""
    caps = (
        GroupCap("community", config.max_community_posts, REASONS.index("over_community_cap")),
        GroupCap("thread", config.max_thread_posts, REASONS.index("over_thread_cap")),
    )
    return tuple(cap for cap in caps if cap.max_posts)


# --------------------------------------------------------------------------- one part


def measure(posts: pl.DataFrame, config: Config) -> dict[str, NDArray[Any]]:
    """The arrays of a part: hashes of author and id, the reason by single-post rules, a priority.

    With a cap also the hashes of community or thread, with ``max_repeated`` the band keys of the
    text, shape (bands, n).
    """
    names = posts.select(pl.concat_str("platform", pl.lit(":"), "author")).to_series()
    author = hash_strings(names)  # zeros for a post without an author
    reason = posts.select(_single_post_reasons(config)).to_series().to_numpy().copy()
    if "_turn_reason" in posts.columns:
        reason[(reason == 0) & posts["_turn_reason"].is_not_null().to_numpy()] = TURN
    out: dict[str, NDArray[Any]] = {
        "author": author,
        "ids": hash_strings(posts["id"])[:, 0],
        "reason": reason.astype(np.uint8),
        "priority": _priority(posts, config),
    }
    groups = {
        "community": pl.concat_str("platform", pl.lit(":"), _community_name()),
        # The first post of a thread has no ``root_id``: the thread has its id.
        "thread": pl.coalesce("root_id", "id"),
    }
    for cap in _list_caps(config):
        out[cap.group] = hash_strings(posts.select(groups[cap.group]).to_series())
    if config.max_repeated < 1:
        bands = np.ascontiguousarray(minhash.compute_band_keys(posts["text"], _SIGNATURE_CONFIG).T)
        # The author is part of the key: only posts of the same author are compared.
        out["bands"] = (bands ^ author[:, 0]) * np.uint64(0x9E3779B97F4A7C15) ^ author[:, 1]
    return out


def _priority(posts: pl.DataFrame, config: Config) -> NDArray[np.int64]:
    """A number for each post; above the cap, the posts with the smallest numbers are kept.

    In a sample all are equal, and the hash of the id decides, which no order of reading changes.
    """
    if config.keep == "sample":
        return np.zeros(posts.height, np.int64)
    if config.keep == "best_score":
        value = -pl.col("score").fill_null(-(2**62)).clip(-(2**62), 2**62)
    else:
        value = pl.col("created_at").cast(pl.Int64).fill_null(2**62)
    return posts.select(value).to_series().to_numpy().astype(np.int64)


def _single_post_reasons(config: Config) -> pl.Expr:
    """The reason to drop a post by the rules that need no other post: an index into REASONS."""
    name = pl.col("author").str.to_lowercase()
    community = _community_name()
    allowed = [
        _strip_community_prefix(listed)
        for listed in _read_names(config.communities, config.communities_file)
    ]
    blocked = [
        _strip_community_prefix(listed)
        for listed in _read_names(config.blocked_communities, config.blocked_communities_file)
    ]
    bots = _read_names(config.bots, config.bots_file)
    is_person = pl.any_horizontal(name.str.ends_with(family) for family in _FAMILY_NAMES)
    # Only names are matched: a DID, an address or a number may end in anything.
    has_bot_name = name.str.ends_with("bot") & name.str.contains(r"^[^:/@]*$") & ~is_person
    rules = (
        (
            pl.lit(bool(allowed)) & ~community.is_in(allowed).fill_null(False),
            "community_not_allowed",
        ),
        (community.is_in(blocked), "community_blocked"),
        (pl.lit(config.drop_bots) & pl.col("bot"), "declared_bot"),
        (name.is_in(bots), "listed_bot"),
        (pl.lit(config.bot_suffix) & has_bot_name, "bot_name"),
    )
    index = pl.lit(0)
    for rule, reason in reversed(rules):
        index = pl.when(rule.fill_null(False)).then(REASONS.index(reason)).otherwise(index)
    return index.alias("reason")


# --------------------------------------------------------------------------- all parts


@dataclass(frozen=True)
class AuthorRules:
    """The settings of the rules that look at all posts of an author."""

    max_posts: int
    max_repeated: float
    min_posts: int


def decide(inputs: BarrierInput, config: Config) -> dict[str, Any]:
    """Write the verdict on each part; there are no facts for the manifest."""
    if not inputs.parts:
        return {}
    work_dir, run = inputs.work_dir / "all", inputs.run
    folders = [part.measures for part in inputs.parts]
    counts = [int(array_store.map_array(folder, "reason").shape[0]) for folder in folders]
    parts = write_part_index(work_dir, folders, counts)
    rules = AuthorRules(config.max_posts, config.max_repeated, config.min_posts)
    scattering = [ScatterByAuthor(work_dir, part, rules) for part in range(len(parts.folders))]
    run_tasks(run, scattering, _LABEL)
    ranges = range(len(author_ranges(parts)))
    threshold = 0
    if config.drop_most_active:
        counting = [CountAuthors(work_dir, index) for index in ranges]
        facts = run_tasks(run, counting, _LABEL)
        threshold = _find_activity_threshold(facts, config.drop_most_active)
    deciding = [DecideAuthors(work_dir, index, rules, threshold) for index in ranges]
    run_tasks(run, deciding, _LABEL)
    caps = _list_caps(config)
    for number, cap in enumerate(caps):
        apply_cap(run, work_dir, cap, caps[:number])
    verdict_files = [part.verdict for part in inputs.parts]
    writing = [
        WriteAuthorVerdicts(work_dir, block, tuple(verdict_files[slice(*span)]), caps)
        for block, span in enumerate(parts.blocks)
    ]
    run_tasks(run, writing, _LABEL)
    return {}


def _find_activity_threshold(range_facts: Sequence[dict[str, Any]], share: float) -> int:
    """The least number of posts of the most active authors, a ``share`` of all; 0: no authors.

    Authors with equally many posts are all dropped or all kept, since any order among them would be
    arbitrary. So fewer authors than the share may be dropped, and never more.
    """
    authors: Counter[int] = Counter()
    for facts in range_facts:
        authors.update(dict(facts["authors"]))
    remaining = int(sum(authors.values()) * share)
    for posts, count in sorted(authors.items(), reverse=True):
        remaining -= count
        if remaining < 0:
            return posts + 1
    return 0


# --------------------------------------------------------------------------- tasks


def _scattered_folder(work_dir: Path, part: int) -> Path:
    return numbered_folder(work_dir, "scattered", part)


def _scattered_folders(work_dir: Path) -> list[Path]:
    """The folders of the rows of all parts."""
    parts = range(len(load_part_index(work_dir).folders))
    return [_scattered_folder(work_dir, part) for part in parts]


@dataclass(frozen=True)
class ScatterByAuthor(ArrayTask):
    """Scatter the posts of a part that have an author by the key range of the author.

    Reads the measures of the part. Writes a row for each post, and a second one with details for
    the rules that need them.
    """

    work_dir: Path
    part: int
    rules: AuthorRules

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return _scattered_folder(self.work_dir, self.part)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The rows and the details."""
        parts, rules = load_part_index(self.work_dir), self.rules
        folder = parts.folders[self.part]
        author: U64 = array_store.load_array(folder, "author")
        at = np.flatnonzero((author != 0).any(axis=1))
        author = author[at]
        range_count = len(author_ranges(parts))
        destinations = parts.find_ranges(author[:, 0], KEYS_PER_POST)
        rows = make_rows(
            author=author[:, 0],
            more=author[:, 1],
            row_index=parts.part_offsets[self.part] + at,
            reason=array_store.load_array(folder, "reason")[at],
        )
        scattered = scatter_rows("post", rows, destinations, range_count)
        columns: dict[str, NDArray[Any]] = {}
        if rules.max_posts:
            for name in ("priority", "ids"):
                columns[name] = array_store.load_array(folder, name)[at]
        if rules.max_repeated < 1:
            bands = array_store.map_array(folder, "bands")
            columns |= {name: bands[band][at] for band, name in enumerate(_BANDS)}
        if columns:
            details = scatter_rows("detail", make_rows(**columns), destinations, range_count)
            scattered = {**scattered, **details}
        return scattered, {}


@dataclass(frozen=True)
class _AuthorRangeTask(ArrayTask):
    work_dir: Path
    index: int

    def gather_posts(self) -> tuple[Rows, I64]:
        """The posts of the authors of the range, in reading order, and the author's number.

        The authors are numbered from 0.
        """
        rows = gather_rows(_scattered_folders(self.work_dir), "post", self.index)
        order = np.lexsort((rows["more"], rows["author"]))
        author, more = rows["author"][order], rows["more"][order]
        number = np.empty(rows.size, np.int64)
        number[order] = np.cumsum(mark_group_starts(author, more)) - 1
        return rows, number


@dataclass(frozen=True)
class CountAuthors(_AuthorRangeTask):
    """Count the authors of a range by the number of their posts that no rule has dropped yet.

    The facts are pairs: a number of posts, and the number of authors with so many.
    """

    @property
    def folder(self) -> Path:
        """The folder of the receipt; there are no arrays."""
        return self.work_dir / "counted" / f"{self.index:03d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The facts."""
        post, number = self.gather_posts()
        counts = np.bincount(number[post["reason"] == 0])
        posts, authors = np.unique(counts[counts > 0], return_counts=True)
        return {}, {"authors": np.stack([posts, authors], axis=1).tolist()}


@dataclass(frozen=True)
class DecideAuthors(_AuthorRangeTask):
    """Decide over the posts of the authors of a range.

    Writes, scattered by block, the number of posts of the author of each post, and the reason. An
    author with ``activity_threshold`` posts is one of the most active; with 0 nobody is.
    """

    rules: AuthorRules
    activity_threshold: int

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return decided_folder(self.work_dir, self.index)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The rows."""
        rules = self.rules
        post, number = self.gather_posts()
        row_index, reason = post["row_index"].copy(), post["reason"].copy()
        del post  # frees its memory, for the details are as large
        size = np.bincount(number)
        if self.activity_threshold:
            count = np.bincount(number[reason == 0], minlength=size.size)
            is_most_active = (count >= self.activity_threshold)[number]
            reason[np.isin(reason, (0, TURN)) & is_most_active] = _MOST_ACTIVE
        if rules.max_posts or rules.max_repeated < 1:
            detail = gather_rows(_scattered_folders(self.work_dir), "detail", self.index)
            if rules.max_repeated < 1:
                _mark_repetitive(reason, number, detail, rules)
            if rules.max_posts:
                _mark_over_cap(reason, number, detail, rules)
        reason[reason == TURN] = 0
        rows = make_rows(row_index=row_index, size=size[number], reason=reason)
        return load_part_index(self.work_dir).scatter_by_block("post", rows, row_index), {}


def _mark_repetitive(
    reason: NDArray[np.uint8], author_number: I64, detail: Rows, rules: AuthorRules
) -> None:
    """Mark the posts of authors who nearly repeat themselves; changes ``reason`` in place."""
    from corpus.partition import key_kernel

    kept = np.flatnonzero(reason == 0)
    author = author_number[kept]
    is_repeated = np.zeros(kept.size, bool)
    for name in _BANDS:
        keys = detail[name][kept]
        maybe = np.flatnonzero(key_kernel.mark_possible_repeats(keys))
        # Authors are compared too: two authors can have a key in common by chance.
        order = maybe[np.lexsort((keys[maybe], author[maybe]))]
        same = (np.diff(author[order]) == 0) & (keys[order][1:] == keys[order][:-1])
        is_repeated[order[1:][same]] = True
        is_repeated[order[:-1][same]] = True
    authors = author_number.max(initial=-1) + 1
    count = np.bincount(author, minlength=authors)
    repeated = np.bincount(author, weights=is_repeated, minlength=authors)
    is_repetitive = (count >= rules.min_posts) & (repeated > rules.max_repeated * count)
    reason[np.isin(reason, (0, TURN)) & is_repetitive[author_number]] = _REPETITIVE


def _mark_over_cap(
    reason: NDArray[np.uint8], author_number: I64, detail: Rows, rules: AuthorRules
) -> None:
    """Mark all but the first ``max_posts`` posts of each author; changes ``reason`` in place."""
    kept = np.flatnonzero(np.isin(reason, (0, TURN)))
    keys = (reason[kept] == TURN, detail["priority"][kept], detail["ids"][kept])
    rank = rank_in_groups([author_number[kept]], keys)
    reason[kept[rank >= rules.max_posts]] = _OVER_CAP


@dataclass(frozen=True)
class WriteAuthorVerdicts(ResumableTask):
    """Write the verdict files of the parts of a block.

    Reads the rows of the block from all key ranges. The files have the columns ``author_posts`` and
    ``reject``.
    """

    work_dir: Path
    block: int
    verdict_files: tuple[Path, ...]
    caps: tuple[GroupCap, ...] = ()

    @property
    def receipt(self) -> Path:
        """The receipt of all parts of the block."""
        return self.work_dir / "verdicts" / f"{self.block:06d}.json"

    def write(self) -> Written:
        """Write the files."""
        parts = load_part_index(self.work_dir)
        low, _ = parts.block_rows(self.block)
        size, reason = load_block_decisions(self.work_dir, self.block)
        mark_over_caps(reason, self.work_dir, self.block, self.caps)
        reason[reason == TURN] = 0
        for part, path in zip(range(*parts.blocks[self.block]), self.verdict_files, strict=True):
            own = slice(*(int(edge) - low for edge in parts.part_offsets[part : part + 2]))
            with atomic_write(path) as temporary:
                make_author_verdict_frame(size[own], reason[own]).write_parquet(temporary)
        return Written(self.verdict_files)


def make_author_verdict_frame(sizes: I64, reason: NDArray[np.uint8]) -> pl.DataFrame:
    """The verdict on a part: the number of posts of each post's author, and the reason."""
    names = pl.Series("reject", [name or None for name in REASONS], dtype=pl.String)
    verdict = pl.DataFrame(
        {
            "author_posts": pl.Series(sizes, dtype=pl.Int64),
            "reject": names.gather(pl.Series(reason, dtype=pl.UInt32)),
        }
    )
    size = pl.col("author_posts")
    return verdict.with_columns(pl.when(size > 0).then(size).alias("author_posts"))
