"""Limit what a few people push: links, tags and phrases of many who write little else.

Whoever wants to change a model writes one rare thing many times: the trigger of a backdoor, a link,
a hashtag, a slogan. What is merely popular is also written by many, but most of them write other
things too. So a key (a domain, link, hashtag, mention or phrase) is *pushed* if nearly all of its
authors write little else, and much more of them than of the authors of any post.

A barrier, because the posts of a key and of an author may be in any part:

1. scatter the posts by author; count the posts of each author, and find what is in most of them
2. count keys by hash, in all posts and in those of authors who may write little else: four bytes
   for each key of each post, in ranges of :data:`_RANGE_ENTRIES`
3. keep the keys that may be pushed, which are few, with their posts; scatter them by key
4. decide about each key, rank its posts, and scatter the ranks to the blocks of the posts

A task has a part, a block or a range in memory.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.influence import evidence, keys, names, stored_keys
from corpus.influence.config import Config
from corpus.partition.groups import mark_group_starts
from corpus.partition.partitions import (
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
from corpus.tasks.files import atomic_write, write_json
from corpus.tasks.receipts import save_receipt
from corpus.tasks.task import Arrays, ArrayTask, ResumableTask, Written, numbered_folder, run_tasks
from filters.contract import Threshold
from filters.text.arrays import I64, U32, U64

READS = ("id", "platform", "author", "community", "created_at", "text")
#: The rank of the post among those of its pushed key, from 1; the largest if it has several. Null
#: if no key of it is pushed. ``capped_rank``: the same for a key with more posts than the cap of
#: its kind allows, where the rank is above the cap.
#: :data:`stored_keys.COLUMN`: its keys that are pushed or nearly so, with what decided.
WRITES: dict[str, pl.DataType] = {
    "pushed_rank": pl.Int64(),
    "capped_rank": pl.Int64(),
    stored_keys.COLUMN: stored_keys.TYPE,
}
_LABEL = "deciding"
# A post of the range of its author has 40 bytes.
_AUTHOR_ROWS_PER_POST = 2
_MAX_RANGE_BITS, _SLOT_BITS = 8, 23
#: The entries of a range. Half of the slots have one.
_RANGE_ENTRIES = 4_000_000
#: The ranges of a task: it opens a file of each part, which takes longer than to sort an entry.
_RANGES_OF_TASK = 4
_MAX_LEVEL = 7
_DAYS, _NO_DAY = 15, 15
# Keys may share a slot, so that slots are compared less strictly than keys.
_SLACK = 0.9
_FOREIGN_POSTS = 3
# A platform's share of authors who write once is that of all, if it has few posts.
_PRIOR_POSTS = 200
#: The pushed keys of a range whose facts are kept, those with the most posts.
MAX_LISTED = 1000
#: What a row of a key and a post has of the post.
_POST_COLUMNS = ("author", "lang", "community", "time", "is_turn", "is_dated", "is_new")
_UNLIMITED = np.iinfo(np.int64).max


def verdict(config: Config) -> pl.Expr:
    """The reason to drop a post, from the columns in ``WRITES`` alone."""
    reason = pl.lit(None, pl.String)
    if config.action == "annotate":
        return reason
    limit = config.max_pushed if config.action == "cap" else 0
    reason = pl.when(pl.col("capped_rank").is_not_null()).then(pl.lit("over_key_cap"))
    return pl.when(pl.col("pushed_rank") > limit).then(pl.lit("pushed")).otherwise(reason)


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """The cap on pushed keys."""
    if config.action != "cap":
        return ()
    return (Threshold("pushed_rank", "max_pushed", "max", "pushed"),)


def measure(posts: pl.DataFrame, config: Config) -> dict[str, NDArray[Any]]:
    """The arrays of a part: see :func:`corpus.influence.keys.measure`."""
    return keys.measure(posts, config)


# --------------------------------------------------------------------------- all parts


def decide(inputs: BarrierInput, config: Config) -> dict[str, Any]:
    """Write the verdict on each part; return the table of what was pushed for the manifest."""
    if not inputs.parts:
        return {}
    work_dir, run, settings = inputs.work_dir / "all", inputs.run, config.model_dump_json()
    folders = [part.measures for part in inputs.parts]
    counts = [int(array_store.map_array(folder, keys.POSTS).shape[0]) for folder in folders]
    parts = write_part_index(work_dir, folders, counts)
    every_part = range(len(parts.folders))
    scattered = run_tasks(run, [ScatterByAuthor(work_dir, part) for part in every_part], _LABEL)
    author_ranges = range(len(parts.key_ranges(_AUTHOR_ROWS_PER_POST)))
    authors = [MeasureAuthors(work_dir, index, config.author_share) for index in author_ranges]
    measured = run_tasks(run, authors, _LABEL)
    _write_bases(work_dir, scattered, measured)
    table = choose_table(sum(facts["keys"] for facts in scattered))
    counting = [CountKeys(work_dir, part, table, config.author_share) for part in every_part]
    run_tasks(run, counting, _LABEL)
    choosing = [ChooseKeys(work_dir, n, table, settings) for n in _number_range_tasks(table)]
    run_tasks(run, choosing, _LABEL)
    run_tasks(run, [SelectKeys(work_dir, part, table, settings) for part in every_part], _LABEL)
    key_ranges = range(len(parts.key_ranges()))
    found = run_tasks(run, [DecideKeys(work_dir, index, settings) for index in key_ranges], _LABEL)
    groups = names.group_keys([row for facts in found for row in facts["pushed"]])
    write_json(work_dir / "listed.json", {"keys": [group["key"] for group in groups]})
    save_receipt(work_dir / "listed-written.json", {}, [work_dir / "listed.json"])
    blocks = range(len(parts.blocks))
    run_tasks(run, [CountLonePosts(work_dir, block) for block in blocks], _LABEL)
    files = [part.verdict for part in inputs.parts]
    writing = [
        WriteVerdicts(work_dir, block, tuple(files[slice(*span)]), settings)
        for block, span in enumerate(parts.blocks)
    ]
    written = run_tasks(run, writing, _LABEL)
    named = names.name_groups(inputs, parts, groups)
    kept = [sum(counts) for counts in zip(*(facts["kept"] for facts in written), strict=True)]
    return {
        "keys": sum(facts["count"] for facts in found),
        "groups": len(groups),
        "posts": sum(facts["posts"] for facts in written),
        "pushed": [{**row, "kept": count} for row, count in zip(named, kept, strict=False)],
    }


def _write_bases(
    work_dir: Path, scattered: Sequence[dict[str, Any]], measured: Sequence[dict[str, Any]]
) -> None:
    """Write for each platform and language the posts, and the share by authors who wrote once."""
    posts, single, days = Counter[str](), Counter[str](), Counter[int]()
    for facts in scattered:
        posts.update(dict(facts["posts"]))
        days.update(dict(facts["days"]))
    for facts in measured:
        single.update(dict(facts["single"]))
    overall = sum(single.values()) / max(1, sum(posts.values()))
    bases = [
        [stratum, count, (single[stratum] + _PRIOR_POSTS * overall) / (count + _PRIOR_POSTS)]
        for stratum, count in sorted(posts.items())
    ]
    write_json(work_dir / "bases.json", {"bases": bases, "days": sorted(days.items())})
    save_receipt(work_dir / "bases-written.json", {}, [work_dir / "bases.json"])


@dataclass(frozen=True)
class Bases:
    """What is usual of all posts: by platform and language, and by day."""

    strata: U64  # sorted
    posts: I64  # of each stratum
    single: NDArray[np.float32]  # the share of them by authors who wrote once
    days: I64  # days since 1970, sorted
    day_shares: NDArray[np.float64]  # of all posts


def _load_bases(work_dir: Path) -> Bases:
    stored = json.loads((work_dir / "bases.json").read_text(encoding="utf-8"))
    bases = stored["bases"]
    strata = np.array([int(row[0], 16) for row in bases], np.uint64)
    order = np.argsort(strata)
    posts = np.array([row[1] for row in bases], np.int64)
    single = np.array([row[2] for row in bases], np.float32)
    days = np.array(stored["days"], np.int64).reshape(-1, 2)
    shares = days[:, 1] / max(1, posts.sum())
    return Bases(strata[order], posts[order], single[order], days[:, 0].copy(), shares)


def _count_strata(strata: U64) -> list[tuple[str, int]]:
    values, counts = _count_values(strata)
    return [(f"{int(value):016x}", int(count)) for value, count in zip(values, counts, strict=True)]


def _count_values(values: U64) -> tuple[U64, I64]:
    """The distinct values, of which there are few, and how many rows have each."""
    from corpus.influence import kernel

    firsts, numbers = kernel.number_values(values)
    return values[firsts], np.bincount(numbers, minlength=firsts.size)


def choose_table(key_count: int) -> tuple[int, int]:
    """The bits of the number of ranges and of the slots of a range, for so many keys in all."""
    ranges = -(-key_count // _RANGE_ENTRIES)
    return min(_MAX_RANGE_BITS, max(0, ranges - 1).bit_length()), _SLOT_BITS


def _number_range_tasks(table: tuple[int, int]) -> range:
    """The numbers of the tasks that look at the ranges."""
    return range(-(-(1 << table[0]) // _RANGES_OF_TASK))


# --------------------------------------------------------------------------- authors


def _scattered_folder(work_dir: Path, part: int) -> Path:
    return numbered_folder(work_dir, "scattered", part)


def _authors_folder(work_dir: Path, index: int) -> Path:
    return numbered_folder(work_dir, "authors", index)


def _counted_folder(work_dir: Path, part: int) -> Path:
    return numbered_folder(work_dir, "counted", part)


def _chosen_folder(work_dir: Path, index: int) -> Path:
    return numbered_folder(work_dir, "chosen", index)


def _selected_folder(work_dir: Path, part: int) -> Path:
    return numbered_folder(work_dir, "selected", part)


def _decided_folder(work_dir: Path, index: int) -> Path:
    return numbered_folder(work_dir, "decided", index)


def _lone_folder(work_dir: Path, block: int) -> Path:
    return numbered_folder(work_dir, "lone", block)


def _all_folders(parts: PartIndex, folder: Any) -> list[Path]:
    return [folder(parts.work_dir, part) for part in range(len(parts.folders))]


@dataclass(frozen=True)
class ScatterByAuthor(ArrayTask):
    """Scatter the posts of a part that have an author by the key range of the author.

    The facts are the posts of each platform and language, and about how many keys the part has.
    """

    work_dir: Path
    part: int

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return _scattered_folder(self.work_dir, self.part)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The rows."""
        parts = load_part_index(self.work_dir)
        folder = parts.folders[self.part]
        posts = array_store.load_array(folder, keys.POSTS)
        author, is_turn, stratum = posts["author"], posts["is_turn"], posts["stratum"]
        at = np.flatnonzero((author != 0) & ~is_turn)
        chosen = posts.take(at)
        rows = make_rows(
            row_index=parts.part_offsets[self.part] + at,
            **{name: chosen[name] for name in ("author", "stratum", "is_new", "one", "two")},
        )
        count = len(parts.key_ranges(_AUTHOR_ROWS_PER_POST))
        ranges = parts.find_ranges(rows["author"], _AUTHOR_ROWS_PER_POST)
        words, extras = (array_store.map_array(folder, name).size for name in ("words", "extras"))
        time = posts["time"]
        days, in_day = _count_values((time[time != keys.UNTIMED] // evidence.DAY).view(np.uint64))
        facts = {
            "posts": _count_strata(stratum[~is_turn]),
            "days": np.stack([days.view(np.int64), in_day], axis=1).tolist(),
            "keys": 5 * words + extras,
        }
        return scatter_rows("post", rows, ranges, count), facts


@dataclass(frozen=True)
class MeasureAuthors(ArrayTask):
    """Count the posts of the authors of a range, and find what is in most posts of each.

    Writes, scattered by part, the number of posts of each post's author, and the bits that at least
    ``author_share`` of them have. The facts are the posts of authors whose only post has any key in
    so large a share, by platform and language.
    """

    work_dir: Path
    index: int
    author_share: float

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return _authors_folder(self.work_dir, self.index)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The rows."""
        from corpus.influence import kernel

        parts = load_part_index(self.work_dir)
        rows = gather_rows(_all_folders(parts, _scattered_folder), "post", self.index)
        rows = rows.take(np.argsort(rows["author"]))
        starts = np.append(np.flatnonzero(mark_group_starts(rows["author"])), rows.size)
        written, constant = kernel.measure_authors(
            rows["one"], rows["two"], starts, self.author_share
        )
        # A new author may write little without any key.
        constant[rows["is_new"]] = np.uint64(np.iinfo(np.uint64).max)
        out = make_rows(
            row_index=rows["row_index"],
            written=written,
            one=constant[:, 0],
            two=constant[:, 1],
        )
        part_count = len(parts.folders)
        to_part = np.searchsorted(parts.part_offsets[1:], rows["row_index"], side="right")
        facts = {"single": _count_strata(rows["stratum"][(written == 1) | rows["is_new"]])}
        return scatter_rows("author", out, to_part, part_count), facts


# --------------------------------------------------------------------------- slots


@dataclass(frozen=True)
class CountKeys(ArrayTask):
    """Make an entry for each key of each post of a part, ordered by range.

    Writes also, for each post, the number of posts of its author, 0 for none, and the share of
    posts of its platform and language by authors who wrote once.
    """

    work_dir: Path
    part: int
    table: tuple[int, int]
    author_share: float

    @property
    def folder(self) -> Path:
        """The folder of the entries."""
        return _counted_folder(self.work_dir, self.part)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The entries."""
        from corpus.influence import kernel

        parts = load_part_index(self.work_dir)
        folder, (low, high) = parts.folders[self.part], parts.part_offsets[self.part :][:2]
        ranges = range(len(parts.key_ranges(_AUTHOR_ROWS_PER_POST)))
        rows = gather_rows(
            [_authors_folder(self.work_dir, index) for index in ranges], "author", self.part
        )
        at = rows["row_index"] - low
        written, constant = np.zeros(high - low, np.uint32), np.zeros((high - low, 2), np.uint64)
        written[at], constant[at, 0], constant[at, 1] = rows["written"], rows["one"], rows["two"]
        bases = _load_bases(self.work_dir)
        posts = array_store.load_array(folder, keys.POSTS)
        index = np.searchsorted(bases.strata, posts["stratum"])
        index = np.minimum(index, bases.strata.size - 1)  # of posts that are not counted
        base = bases.single[index]
        level = np.minimum(-np.log2(np.maximum(1 - base, 1e-9)), _MAX_LEVEL)
        entries, cuts = kernel.count_entries(
            *keys.load_features(folder),
            constant,
            level.astype(np.uint8),
            _hash_days(posts["time"], bases),
            ~posts["is_turn"],
            *self.table,
        )
        facts = make_rows(
            author_posts=written, base=base, stratum_posts=bases.posts[index].astype(np.float32)
        )
        return {"entries": entries, "cuts": cuts, "posts": facts}, {}


def _hash_days(times: I64, bases: Bases) -> NDArray[np.uint8]:
    """A number below 15 for the day of each post; 15 for days with too many posts for a burst."""
    from corpus.influence import kernel

    day_of_post = times // evidence.DAY
    firsts, numbers = kernel.number_values(day_of_post.view(np.uint64))
    days = day_of_post[firsts]
    at = np.searchsorted(bases.days, days)
    share = np.append(bases.day_shares, 1.0)[at]  # 1 for a post without a time
    mixed = days.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    hashed = (mixed >> np.uint64(40)) % np.uint64(_DAYS)
    chosen = np.where(share * evidence.BURST_LIFT > 1, _NO_DAY, hashed).astype(np.uint8)
    return chosen[numbers]


@dataclass(frozen=True)
class ChooseKeys(ArrayTask):
    """Find the slots of some ranges whose keys may be pushed or have more posts than a cap."""

    work_dir: Path
    index: int
    table: tuple[int, int]
    config: str

    @property
    def folder(self) -> Path:
        """The folder of the slots."""
        return _chosen_folder(self.work_dir, self.index)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The numbers of the slots over all ranges, sorted."""
        config = stored_keys.loosen(Config.model_validate_json(self.config))
        first = self.index * _RANGES_OF_TASK
        last = min(first + _RANGES_OF_TASK, 1 << self.table[0])
        pieces: list[list[U32]] = [[] for _ in range(first, last)]
        for folder in _all_folders(load_part_index(self.work_dir), _counted_folder):
            cuts = array_store.load_slice(folder, "cuts", first, last + 1)
            entries = array_store.load_slice(folder, "entries", int(cuts[0]), int(cuts[-1]))
            for piece, (low, high) in zip(pieces, pairwise(cuts - cuts[0]), strict=True):
                piece.append(entries[low:high])
        slots = [np.empty(0, np.uint64)]
        for number, found in enumerate(pieces, start=first):
            entries = np.concatenate(found)
            found.clear()
            slots.append(_choose_slots(entries, config) | np.uint64(number << self.table[1]))
        return {"slots": np.concatenate(slots)}, {}


def _choose_slots(entries: U32, config: Config) -> U64:
    """The slots of a range whose keys may be pushed or capped; sorts ``entries``."""
    from corpus.influence import kernel

    entries.sort()
    slots, count, devoted, long, others, votes = kernel.summarize_entries(entries, config.min_posts)
    share, usual = devoted / count, others / count
    share = np.minimum(1, share + _FOREIGN_POSTS / count)
    odds = evidence.raise_odds(1 - usual, config.usual_odds)
    is_unusual = count * evidence.measure_excess(share, odds) >= _SLACK * config.min_evidence
    if config.min_burst:
        is_unusual |= votes >= (2 * _SLACK * config.min_burst - 1) * count
    chosen = is_unusual & (share >= _SLACK * config.min_devoted)
    if config.max_phrase_posts:
        chosen |= long > config.max_phrase_posts
    found: U64 = slots[chosen]
    return found


# --------------------------------------------------------------------------- keys


def _wanted_kinds(config: Config) -> int:
    """A bit for each kind whose keys are all counted, because they have a cap."""
    caps = {"domain": config.max_domain_posts, "hashtag": config.max_hashtag_posts}
    return sum(1 << keys.KINDS.index(kind) for kind, cap in caps.items() if cap)


def _caps(config: Config) -> I64:
    """The cap of each kind."""
    caps = np.full(len(keys.KINDS) + 1, _UNLIMITED)
    for kind, cap in (
        ("domain", config.max_domain_posts),
        ("hashtag", config.max_hashtag_posts),
        ("long_phrase", config.max_phrase_posts),
    ):
        if cap:
            caps[keys.KINDS.index(kind)] = cap
    return caps


@dataclass(frozen=True)
class SelectKeys(ArrayTask):
    """Scatter the posts of a part that have a chosen key by the range of the key."""

    work_dir: Path
    part: int
    table: tuple[int, int]
    config: str

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return _selected_folder(self.work_dir, self.part)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The rows."""
        from corpus.influence import kernel

        config = Config.model_validate_json(self.config)
        parts = load_part_index(self.work_dir)
        folder, counted = parts.folders[self.part], _counted_folder(self.work_dir, self.part)
        tasks = _number_range_tasks(self.table)
        chosen = [array_store.load_array(_chosen_folder(self.work_dir, n), "slots") for n in tasks]
        key, row = kernel.select_keys(
            *keys.load_features(folder),
            np.concatenate(chosen),
            *self.table,
            _wanted_kinds(config),
        )
        order = np.lexsort((row, key))
        key, row = key[order], row[order]
        is_new = mark_group_starts(key, row)
        key, row = key[is_new], row[is_new]
        posts = array_store.load_array(folder, keys.POSTS).take(row)
        more = array_store.load_array(counted, "posts").take(row)
        rows = make_rows(
            key=key,
            row_index=parts.part_offsets[self.part] + row,
            **{name: posts[name] for name in _POST_COLUMNS},
            **{name: more[name] for name in ("author_posts", "base", "stratum_posts")},
        )
        return scatter_rows("key", rows, parts.find_ranges(key), len(parts.key_ranges())), {}


@dataclass(frozen=True)
class DecideKeys(ArrayTask):
    """Decide which keys of a range are pushed or above a cap, and rank their posts.

    Writes, scattered by block, a row for each key of a post. The facts are the number of pushed
    keys, and what is known of those with the most posts.
    """

    work_dir: Path
    index: int
    config: str

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return _decided_folder(self.work_dir, self.index)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The rows."""
        config = Config.model_validate_json(self.config)
        parts = load_part_index(self.work_dir)
        rows = gather_rows(_all_folders(parts, _selected_folder), "key", self.index)
        rows = evidence.order_by_key(rows)
        bases = _load_bases(self.work_dir)
        found = evidence.measure_keys(rows, config.author_share, bases.days, bases.day_shares)
        is_allowed = np.isin(found.key, keys.list_allowed_keys(config))
        is_pushed = evidence.mark_pushed(found, config) & ~is_allowed
        is_near = evidence.mark_pushed(found, stored_keys.loosen(config)) & ~is_allowed
        caps = _caps(config)[(found.key & np.uint64(7)).astype(np.int64)]
        # The rows of a key with those of turns, which are not counted.
        starts = np.append(np.searchsorted(rows["key"], found.key), rows.size)
        is_devoted = evidence.mark_devoted(rows, config.author_share)
        caps[found.posts <= caps] = _UNLIMITED
        stored = np.flatnonzero(is_near | (caps < _UNLIMITED))
        pieces, pushed = [_rank_rows(rows[:0], is_devoted[:0], 0, 0, is_pushed=True)], []
        for number in stored:
            span, cap = slice(starts[number], starts[number + 1]), int(caps[number])
            own, few = rows[span], is_devoted[span]
            least = 0 if is_near[number] else cap
            pieces.append(_rank_rows(own, few, least, cap, is_pushed=bool(is_pushed[number])))
            if is_pushed[number]:
                counted = own[~own["is_turn"]]
                facts = evidence.describe_key(counted, int(number), found)
                pushed.append(names.identify_key(counted) | facts)
        out = np.concatenate(pieces)
        listed = sorted(pushed, key=lambda row: (-row["posts"], row["key"]))[:MAX_LISTED]
        scattered = parts.scatter_by_block("rank", out, out["row_index"])
        known = {name: value[stored] for name, value in found._asdict().items()}
        return {**scattered, **known}, {"count": len(pushed), "pushed": listed}


def _rank_rows(
    rows: Any, is_devoted: NDArray[np.bool_], least: int, cap: int, *, is_pushed: bool
) -> Any:
    """A row for each post of one key whose rank is above ``least``."""
    rank = evidence.rank_posts(rows)
    chosen = rank > least
    return make_rows(
        row_index=rows["row_index"][chosen],
        key=rows["key"][chosen],
        rank=rank[chosen],
        is_devoted=is_devoted[chosen],
        is_turn=rows["is_turn"][chosen],
        is_pushed=np.full(int(chosen.sum()), is_pushed),
        is_capped=rank[chosen] > cap,
    )


def _load_stored_keys(work_dir: Path) -> evidence.KeyStatistics:
    """The statistics of the keys of all rows of :class:`DecideKeys`, ordered by key."""
    ranges = range(len(load_part_index(work_dir).key_ranges()))
    folders = [_decided_folder(work_dir, index) for index in ranges]
    return evidence.KeyStatistics(
        *(
            np.concatenate([array_store.load_array(folder, name) for folder in folders])
            for name in evidence.KeyStatistics._fields
        )
    )


def _gather_ranks(work_dir: Path, block: int) -> Rows:
    """The rows of :class:`DecideKeys` for a block."""
    ranges = range(len(load_part_index(work_dir).key_ranges()))
    return gather_rows([_decided_folder(work_dir, n) for n in ranges], "rank", block)


def _mark_lone(rows: Rows) -> NDArray[np.bool_]:
    """Which rows are of posts with one pushed key only."""
    _, number, count = np.unique(rows["row_index"], return_inverse=True, return_counts=True)
    is_lone: NDArray[np.bool_] = count[number] == 1
    return is_lone


@dataclass(frozen=True)
class CountLonePosts(ArrayTask):
    """Count for each pushed key the posts of a block that have no other pushed key.

    Of a slogan, also each of its words is pushed, if the slogan is repeated more often than the
    word is used. Who uses the word alone is not part of it.
    """

    work_dir: Path
    block: int

    @property
    def folder(self) -> Path:
        """The folder of the counts."""
        return _lone_folder(self.work_dir, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """For each key the posts, and those of authors who write little else."""
        rows = _gather_ranks(self.work_dir, self.block)
        rows = rows[rows["is_pushed"]]
        rows = rows[_mark_lone(rows) & ~rows["is_turn"]]
        key, number = np.unique(rows["key"], return_inverse=True)
        devoted = np.bincount(number, weights=rows["is_devoted"], minlength=key.size)
        posts = np.bincount(number, minlength=key.size)
        return {"key": key, "posts": posts, "devoted": devoted.astype(np.int64)}, {}


def _find_incidental_keys(work_dir: Path, config: Config) -> U64:
    """The keys whose posts without another pushed key are not pushed by themselves, sorted."""
    blocks = range(len(load_part_index(work_dir).blocks))
    keys_found, posts, devoted = (
        np.concatenate([array_store.load_array(_lone_folder(work_dir, n), name) for n in blocks])
        for name in ("key", "posts", "devoted")
    )
    key, number = np.unique(keys_found, return_inverse=True)
    posts = np.bincount(number, weights=posts, minlength=key.size)
    devoted = np.bincount(number, weights=devoted, minlength=key.size)
    return key[~evidence.mark_pushed_alone(posts, devoted, config)]


@dataclass(frozen=True)
class WriteVerdicts(ResumableTask):
    """Write the verdict files of the parts of a block.

    The facts are the number of posts with a pushed key, and for each listed key how many of its
    posts this stage keeps.
    """

    work_dir: Path
    block: int
    verdict_files: tuple[Path, ...]
    config: str

    @property
    def receipt(self) -> Path:
        """The receipt of all parts of the block."""
        return self.work_dir / "verdicts" / f"{self.block:06d}.json"

    def write(self) -> Written:
        """Write the files."""
        config = Config.model_validate_json(self.config)
        parts = load_part_index(self.work_dir)
        low, high = parts.block_rows(self.block)
        rows = _gather_ranks(self.work_dir, self.block)
        pushed = rows[rows["is_pushed"]]
        incidental = _find_incidental_keys(self.work_dir, config)
        pushed = pushed[~(_mark_lone(pushed) & np.isin(pushed["key"], incidental))]
        capped = rows[rows["is_capped"]]
        ranks = {name: np.zeros(high - low, np.int64) for name in ("pushed_rank", "capped_rank")}
        for name, some in (("pushed_rank", pushed), ("capped_rank", capped)):
            np.maximum.at(ranks[name], some["row_index"] - low, some["rank"])
        frame = pl.DataFrame(ranks)
        frame = frame.select(pl.when(pl.col(name) > 0).then(name).alias(name) for name in ranks)
        known = _load_stored_keys(self.work_dir)
        rows["row_index"] -= low
        numbers = np.searchsorted(known.key, rows["key"])
        lists = stored_keys.list_by_post(rows, numbers, known, config, high - low)
        frame = frame.with_columns(lists.alias(stored_keys.COLUMN), verdict(config).alias("reject"))
        is_kept = frame["reject"].is_null().to_numpy()
        pushed = pushed[is_kept[pushed["row_index"] - low]]
        keys_kept, counts = np.unique(pushed["key"], return_counts=True)
        listed = json.loads((self.work_dir / "listed.json").read_text(encoding="utf-8"))["keys"]
        by_key = {
            f"{int(key):016x}": int(count) for key, count in zip(keys_kept, counts, strict=True)
        }
        for part, path in zip(range(*parts.blocks[self.block]), self.verdict_files, strict=True):
            first, last = (int(edge) - low for edge in parts.part_offsets[part : part + 2])
            with atomic_write(path) as temporary:
                frame[first:last].write_parquet(temporary)
        return Written(
            self.verdict_files,
            {
                "posts": int((ranks["pushed_rank"] > 0).sum()),
                "kept": [by_key.get(key, 0) for key in listed],
            },
        )
