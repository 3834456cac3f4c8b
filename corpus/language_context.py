"""Decide on a post's language again, from the languages of its author, thread and community.

A barrier, because the other posts of an author or a thread may be in any part. It reads the two
likeliest languages of each post, the *candidates*, which ``language`` has written. With ``p`` for
the probability of a candidate, ``n`` other posts of the author, ``s`` the sum of the candidate's
probability over them and ``g`` its share of all posts, the author supports the candidate with
``(s + a g) / (n + a)``, where ``a`` is ``smoothing``; so does the thread. The new probability is
proportional to ``p`` times both supports, each raised to its weight. The probability of all other
languages is weighted likewise, as one.

The languages of the posts that ``language`` is sure of give a prior for each platform and for each
community, which supports the candidates too. With ``n`` such posts in the community, ``c`` of them
in the candidate's language, and ``q`` the prior of the platform, that of the community is ``(c + 20
q) / (n + 20)``; in the same way the platform's prior is smoothed by the share of all posts. A post
does not count for itself, and no prior is below 0.002: what a post clearly says is not overruled.

Context does not separate near languages well (Galician from Spanish and Portuguese, Danish from
Norwegian …): it would replace the rarer by the more frequent. Between such candidates the weights
are multiplied by ``near_weight``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from corpus import stages
from corpus.partition.groups import mark_group_starts
from corpus.partition.hashing import hash_strings
from corpus.partition.partitions import (
    gather_rows,
    load_part_index,
    make_rows,
    scatter_rows,
    write_part_index,
)
from corpus.stages import BarrierInput
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write, write_json
from corpus.tasks.receipts import require_receipt, save_receipt
from corpus.tasks.task import (
    Arrays,
    ArrayTask,
    ResumableTask,
    Written,
    numbered_folder,
    run_tasks,
)
from filters.contract import FilterConfig, Threshold
from filters.text.arrays import F64, I64

READS = (
    *("id", "platform", "community", "author", "root_id"),
    *("lang", "lang_score", "lang2", "lang2_score"),
)
WRITES: dict[str, pl.DataType] = {
    "lang": pl.String(),
    "lang_score": pl.Float32(),
    "lang2": pl.String(),
    "lang2_score": pl.Float32(),
}
VERSION = 2
REASONS = (
    "no_language",
    "unsure_language",
    "other_language",
    "near_language",
)
TURN_REASONS = ("no_language", "unsure_language")
MOVABLE = {"min_score": "lang_score", "keep": "lang"}

I16 = NDArray[np.int16]

_LABEL = "weighing languages"
# The task of a key range needs more memory for each post than one that compares keys only.
_KEYS_PER_POST = 4
# Probabilities are summed as multiples of 1 / _PROBABILITY_UNITS; so a part may have 2 ** 27 posts.
_PROBABILITY_UNITS = 2**36
# From this probability on, a post counts for the prior of its community and platform; so many posts
# of the platform, or of all, are added to those of the community, or platform; the least prior.
_SURE, _PRIOR_SMOOTHING, _LEAST_PRIOR = 0.9, 20.0, 0.002
# How many posts of a community, by its hash, are surely in a language.
_COUNT_COLUMNS = ("one", "two", "code", "count")


class Config(FilterConfig):
    """Which languages are kept, and how much other posts of author, thread and community count."""

    keep: tuple[str, ...] = Field(
        (), description="codes: hi is Hindi in any script, hi-Latn romanised; empty keeps all"
    )
    min_score: float = Field(0.5, ge=0, le=1, description="least probability of a kept language")
    und_below: float = Field(
        0.2, ge=0, le=1, description="probability below which a post has no language: 'und'"
    )
    near: Literal["apart", "together"] = Field(
        "apart", description="together: near languages (es ca gl pt, no da sv, …) count as one"
    )
    author_weight: float = Field(0.5, ge=0, le=2, description="weight of the author's other posts")
    thread_weight: float = Field(0.25, ge=0, le=2, description="weight of the thread's other posts")
    community_weight: float = Field(
        0.5, ge=0, le=2, description="weight of the community's and the platform's sure posts"
    )
    near_weight: float = Field(
        0.5, ge=0, le=1, description="factor of the weights between near languages"
    )
    smoothing: float = Field(
        1.0, gt=0, description="posts with the languages of all posts, added to the other posts"
    )


def measure(posts: pl.DataFrame, config: Config) -> dict[str, NDArray[Any]]:
    """The hashes of the author, thread and community of each post; zeros for none."""
    author = pl.concat_str("platform", pl.lit(":"), "author")
    # The first post of a thread has no ``root_id``: the thread has its id.
    thread = pl.coalesce("root_id", "id")
    community = pl.concat_str("platform", pl.lit(":"), "community")
    return {
        "author": hash_strings(posts.select(author).to_series()),
        "thread": hash_strings(posts.select(thread).to_series()),
        "community": hash_strings(posts.select(community).to_series()),
    }


def decide(inputs: BarrierInput, config: Config) -> dict[str, Any]:
    """Write the verdict on each part; there are no facts for the manifest.

    All work is done by tasks of a part or of a key range. The task of a range needs some 180 bytes
    for each post of the authors, or threads, in it.
    """
    if not inputs.parts:
        return {}
    work_dir, run = inputs.work_dir / "all", inputs.run
    collecting = [
        CollectCandidates(work_dir, number, part.posts) for number, part in enumerate(inputs.parts)
    ]
    for _ in run(collecting, _LABEL):
        pass
    counts = _write_language_shares(work_dir, collecting)
    parts = write_part_index(work_dir, [part.measures for part in inputs.parts], counts)
    if config.community_weight:
        ranges = range(len(parts.key_ranges()))
        counting = [CountCommunities(work_dir, part) for part in range(len(parts.folders))]
        run_tasks(run, counting, _LABEL)
        run_tasks(run, [AddCommunities(work_dir, number) for number in ranges], _LABEL)
    kinds = tuple(_active_weights(config))
    if kinds:
        scattering = [
            ScatterCandidates(work_dir, part, kinds) for part in range(len(parts.folders))
        ]
        run_tasks(run, scattering, _LABEL)
        ranges = range(len(parts.key_ranges(_KEYS_PER_POST)))
        measuring = [
            MeasureContext(work_dir, kind, number, config.smoothing)
            for kind in kinds
            for number in ranges
        ]
        run_tasks(run, measuring, _LABEL)
    config_json = config.model_dump_json()
    writing = [
        WriteLanguageVerdict(work_dir, number, part.verdict, config_json)
        for number, part in enumerate(inputs.parts)
    ]
    run_tasks(run, writing, _LABEL)
    return {}


def _active_weights(config: Config) -> dict[str, float]:
    """The weights of author and thread that are not 0."""
    weights = {"author": config.author_weight, "thread": config.thread_weight}
    return {kind: weight for kind, weight in weights.items() if weight}


def _write_language_shares(work_dir: Path, collecting: Sequence[CollectCandidates]) -> list[int]:
    """Write all languages and their shares of all posts; return the number of posts of each part.

    The languages are in the order of their first posts. The file also has the number of sure posts
    of each platform in each language.
    """
    sums: dict[str, int] = {}
    platforms: dict[str, dict[str, int]] = {}
    counts = []
    for task in collecting:  # one after the other: there may be many parts
        facts = task.facts
        counts.append(int(facts["rows"]))
        for name, units in zip(facts["names"], facts["sums"], strict=True):
            sums[name] = sums.get(name, 0) + units
        for platform, name, sure in facts["sure"]:
            found = platforms.setdefault(platform, {})
            found[name] = found.get(name, 0) + sure
    total = max(sum(counts), 1) * _PROBABILITY_UNITS
    shares = [units / total for units in sums.values()]
    stored = {"names": list(sums), "shares": shares, "platforms": platforms}
    write_json(work_dir / "languages.json", stored)
    save_receipt(work_dir / "languages-written.json", {}, [work_dir / "languages.json"])
    return counts


def _load_language_shares(work_dir: Path) -> tuple[list[str], F64]:
    """All languages, and the share of each in all posts."""
    stored = json.loads((work_dir / "languages.json").read_text(encoding="utf-8"))
    return stored["names"], np.array(stored["shares"], np.float64)


def _load_platform_counts(work_dir: Path) -> dict[str, I64]:
    """The number of sure posts in each language, by platform."""
    stored = json.loads((work_dir / "languages.json").read_text(encoding="utf-8"))
    found = {}
    for platform, counts in stored["platforms"].items():
        listed = [counts.get(name, 0) for name in stored["names"]]
        found[platform] = np.array(listed, np.int64)
    return found


# --------------------------------------------------------------------------- tasks


def _candidates_folder(work_dir: Path, part: int) -> Path:
    return numbered_folder(work_dir, "candidates", part)


def _scattered_folder(work_dir: Path, part: int) -> Path:
    return numbered_folder(work_dir, "scattered", part)


def _community_counts_folder(work_dir: Path, part: int) -> Path:
    return numbered_folder(work_dir, "community-counts", part)


def _communities_folder(work_dir: Path, number: int) -> Path:
    return numbered_folder(work_dir, "communities", number)


def _context_folder(work_dir: Path, kind: str, number: int) -> Path:
    return work_dir / "context" / f"{kind}-{number:03d}"


@dataclass(frozen=True)
class CollectCandidates(ArrayTask):
    """Collect the two candidates of each post of a part.

    Reads the columns of ``language``. Writes for each post the codes of its candidates, which are
    indices into the part's languages (-1: none), and their probabilities; and the number of its
    platform. The facts are the languages, the sum of each one's probabilities, the number of posts,
    the platforms, and how many posts of each are surely in which language.
    """

    work_dir: Path
    part: int
    posts: Path

    @property
    def folder(self) -> Path:
        """The folder of codes and probabilities."""
        return _candidates_folder(self.work_dir, self.part)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Both arrays, shape (n, 2). A post without a language has its most likely one only."""
        und = pl.col("lang") == "und"
        columns = [*WRITES, "platform"]
        posts = pl.read_parquet(self.posts, columns=columns, glob=False).select(
            "platform",
            first=pl.when(und).then("lang2").otherwise("lang"),
            second=pl.when(~und).then("lang2"),
            score=pl.when(und).then("lang2_score").otherwise("lang_score").fill_null(0),
            score2=pl.when(~und).then("lang2_score").fill_null(0),
        )
        languages = pl.concat([posts["first"], posts["second"]]).unique(maintain_order=True)
        names: list[str] = languages.drop_nulls().to_list()
        code_of_name: dict[str | None, int] = {None: -1}
        code_of_name.update((name, code) for code, name in enumerate(names))
        coded = pl.col("first", "second").replace_strict(code_of_name, return_dtype=pl.Int16)
        codes = posts.select(coded).to_numpy()
        scores = posts.select("score", "score2").to_numpy()
        # The sum of whole numbers is the same in any order and for any division into parts.
        units = np.rint(scores.astype(np.float64) * _PROBABILITY_UNITS).astype(np.int64)
        sums = np.zeros(len(names), np.int64)
        np.add.at(sums, codes[codes >= 0], units[codes >= 0])
        platforms = posts["platform"].unique().sort().to_list()
        number = pl.col("platform").replace_strict(platforms, range(len(platforms)))
        sure = posts.filter(pl.col("score") >= _SURE, pl.col("first").is_not_null())
        facts = {
            "rows": posts.height,
            "names": names,
            "sums": sums.tolist(),
            "platforms": platforms,
            "sure": sure.group_by("platform", "first").len().sort("platform", "first").rows(),
        }
        arrays = {
            "codes": codes,
            "scores": scores,
            "platform": posts.select(number.cast(pl.Int32)).to_series().to_numpy(),
        }
        return arrays, facts


def _load_candidates(work_dir: Path, part: int, languages: Sequence[str]) -> tuple[I64, F64]:
    """The candidates of the posts of a part, as indices into ``languages``, and probabilities."""
    folder = _candidates_folder(work_dir, part)
    index_of_name = {name: index for index, name in enumerate(languages)}
    names = require_receipt(folder / "receipt.json")["names"]
    # The last entry is for the code -1.
    index_of_code = np.array([*(index_of_name[name] for name in names), -1], np.int64)
    codes = index_of_code[array_store.load_array(folder, "codes")]
    return codes, array_store.load_array(folder, "scores").astype(np.float64)


@dataclass(frozen=True)
class CountCommunities(ArrayTask):
    """Count the sure posts of a part's communities in each language, for the key ranges."""

    work_dir: Path
    part: int

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return _community_counts_folder(self.work_dir, self.part)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """A row for each community and language; the language -1 is for posts that are not sure."""
        parts = load_part_index(self.work_dir)
        languages, _ = _load_language_shares(self.work_dir)
        codes, scores = _load_candidates(self.work_dir, self.part, languages)
        keys = array_store.load_array(parts.folders[self.part], "community")
        code = np.where(scores[:, 0] >= _SURE, codes[:, 0], -1)
        counted = (
            pl.DataFrame({"one": keys[:, 0], "two": keys[:, 1], "code": code})
            .filter((pl.col("one") != 0) | (pl.col("two") != 0))
            .group_by("one", "two", "code")
            .agg(count=pl.len().cast(pl.Int64))
            .sort("one", "two", "code")
        )
        columns = {name: counted[name].to_numpy() for name in counted.columns}
        rows = make_rows(**columns, part=np.full(counted.height, self.part, np.int32))
        destinations = parts.find_ranges(columns["one"])
        return scatter_rows("counts", rows, destinations, len(parts.key_ranges())), {}


@dataclass(frozen=True)
class AddCommunities(ArrayTask):
    """Add the counts of all parts for the communities of a key range, for the parts with them."""

    work_dir: Path
    number: int

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return _communities_folder(self.work_dir, self.number)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """For each part a row for each of its communities and each language that is in it."""
        parts = load_part_index(self.work_dir)
        part_count = len(parts.folders)
        folders = [_community_counts_folder(self.work_dir, part) for part in range(part_count)]
        row = gather_rows(folders, "counts", self.number)
        counted = pl.DataFrame({name: row[name] for name in ("part", *_COUNT_COLUMNS)})
        totals = (
            counted.filter(pl.col("code") >= 0).group_by("one", "two", "code").agg(pl.sum("count"))
        )
        added = (
            counted.select("part", "one", "two")
            .unique()
            .join(totals, on=["one", "two"])
            .sort("part", "one", "two", "code")
        )
        rows = make_rows(**{name: added[name].to_numpy() for name in _COUNT_COLUMNS})
        return scatter_rows("counts", rows, added["part"].to_numpy(), part_count), {}


@dataclass(frozen=True)
class ScatterCandidates(ArrayTask):
    """Scatter the candidates of a part to the key ranges of the authors and of the threads."""

    work_dir: Path
    part: int
    kinds: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The folder of the rows of each kind."""
        return _scattered_folder(self.work_dir, self.part)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """For each kind, a row for each post that has an author, or thread."""
        parts = load_part_index(self.work_dir)
        languages, _ = _load_language_shares(self.work_dir)
        codes, scores = _load_candidates(self.work_dir, self.part, languages)
        count = len(parts.key_ranges(_KEYS_PER_POST))
        arrays: dict[str, Any] = {}
        for kind in self.kinds:
            keys = array_store.load_array(parts.folders[self.part], kind)
            at = np.flatnonzero(keys.any(axis=1))
            one, two = keys[at, 0], keys[at, 1]
            rows = make_rows(
                one=one,
                two=two,
                row_index=parts.part_offsets[self.part] + at,
                first=codes[at, 0].astype(np.int16),
                second=codes[at, 1].astype(np.int16),
                score=scores[at, 0].astype(np.float32),
                score2=scores[at, 1].astype(np.float32),
            )
            arrays |= scatter_rows(kind, rows, parts.find_ranges(one, _KEYS_PER_POST), count)
        return arrays, {}


@dataclass(frozen=True)
class MeasureContext(ArrayTask):
    """Compute the support of authors, or threads, for the candidates of their posts.

    Reads the posts of a key range from all parts. Writes the support for both candidates of each
    post, scattered by part; a post without other posts of its author, or thread, has no row.
    """

    work_dir: Path
    kind: str
    number: int
    smoothing: float

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return _context_folder(self.work_dir, self.kind, self.number)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """A row for each post with context."""
        parts = load_part_index(self.work_dir)
        _, share = _load_language_shares(self.work_dir)
        part_count = len(parts.folders)
        folders = [_scattered_folder(self.work_dir, part) for part in range(part_count)]
        row = gather_rows(folders, self.kind, self.number)
        # In this order the sums are the same for any division into parts.
        row = row[np.lexsort((row["row_index"], row["two"], row["one"]))]
        groups = np.cumsum(mark_group_starts(row["one"], row["two"])) - 1
        has_others = np.bincount(groups)[groups] > 1
        row, groups = row[has_others], groups[has_others]
        codes = np.stack([row["first"], row["second"]], axis=1)
        scores = np.stack([row["score"], row["score2"]], axis=1).astype(np.float64)
        support = _compute_support(groups, codes, scores, share, self.smoothing)
        rows = make_rows(row_index=row["row_index"], support=support[:, 0], support2=support[:, 1])
        destinations = np.searchsorted(parts.part_offsets[1:], row["row_index"], side="right")
        return scatter_rows("support", rows, destinations, part_count), {}


def _compute_support(groups: I64, codes: I16, scores: F64, share: F64, smoothing: float) -> F64:
    """The support of the other posts of each post's group for its candidates, shape (n, 2)."""
    valid = codes >= 0
    key = groups[:, None] * max(1, share.size) + codes
    keys, at = np.unique(key[valid], return_inverse=True)
    sums = np.bincount(at, weights=scores[valid], minlength=keys.size)
    total = np.zeros(codes.shape)
    total[valid] = sums[at]
    prior = np.append(share, 0.0)[codes]
    others = np.bincount(groups)[groups][:, None] - 1
    support = (total - np.where(valid, scores, 0) + smoothing * prior) / (others + smoothing)
    return np.clip(support, 0, 1)


@dataclass(frozen=True)
class WriteLanguageVerdict(ResumableTask):
    """Write the verdict file of a part.

    Reads the candidates of the part and the support for them from all key ranges. The file has the
    columns of ``WRITES`` and ``reject``.
    """

    work_dir: Path
    part: int
    verdict_file: Path
    config: str

    @property
    def receipt(self) -> Path:
        """The receipt of the file."""
        return self.work_dir / "verdicts" / f"{self.part:06d}.json"

    def write(self) -> Written:
        """Write the file."""
        config = Config.model_validate_json(self.config)
        languages, _ = _load_language_shares(self.work_dir)
        codes, scores = _load_candidates(self.work_dir, self.part, languages)
        posteriors = self._compute_posteriors(languages, codes, scores, config)
        frame = _make_verdict_frame(languages, codes, posteriors, config)
        with atomic_write(self.verdict_file) as temporary:
            frame.write_parquet(temporary)
        return Written([self.verdict_file])

    def _compute_posteriors(
        self, languages: Sequence[str], codes: I64, scores: F64, config: Config
    ) -> F64:
        """The new probabilities of each post's candidates, shape (n, 2)."""
        near = _mark_near_pairs(languages)
        is_near = near[codes[:, 0], codes[:, 1]] & (codes >= 0).all(axis=1)
        posteriors = scores.copy()
        rest = np.clip(1 - scores.sum(axis=1), 1e-6, None)
        for kind, weight in _active_weights(config).items():
            support, is_alone = self._load_support(kind)
            rest_support = np.clip(1 - support.sum(axis=1), 1e-6, 1)
            power = np.where(is_alone, 0.0, weight)
            power_between = np.where(is_near, power * config.near_weight, power)
            # The support for both candidates together, against all other languages, has the full
            # weight; only the division between the two has less if they are near.
            both = support.sum(axis=1, keepdims=True).clip(1e-9)
            posteriors *= (support / both) ** power_between[:, None] * both ** power[:, None]
            rest *= rest_support**power
        if config.community_weight:
            support = self._compute_priors(codes, scores)
            power_between = np.where(is_near, config.near_weight, 1.0) * config.community_weight
            both = support.sum(axis=1, keepdims=True)
            posteriors *= (support / both) ** power_between[:, None]
            posteriors *= both**config.community_weight
            rest *= np.clip(1 - both[:, 0], _LEAST_PRIOR, 1) ** config.community_weight
        posteriors /= (posteriors.sum(axis=1) + rest).clip(1e-12)[:, None]
        return posteriors

    def _load_support(self, kind: str) -> tuple[F64, NDArray[np.bool_]]:
        """The support of one kind for the part's posts (n, 2), and a mask of those without any."""
        parts = load_part_index(self.work_dir)
        begin, end = parts.part_offsets[self.part : self.part + 2]
        ranges = range(len(parts.key_ranges(_KEYS_PER_POST)))
        folders = [_context_folder(self.work_dir, kind, number) for number in ranges]
        row = gather_rows(folders, "support", self.part)
        at = row["row_index"] - begin
        support, is_alone = np.zeros((end - begin, 2)), np.ones(end - begin, bool)
        support[at, 0], support[at, 1], is_alone[at] = row["support"], row["support2"], False
        return support, is_alone

    def _compute_priors(self, codes: I64, scores: F64) -> F64:
        """The priors of the candidates in each post's community, or platform, shape (n, 2)."""
        _, share = _load_language_shares(self.work_dir)
        folder = _candidates_folder(self.work_dir, self.part)
        names = require_receipt(folder / "receipt.json")["platforms"]
        counts = _load_platform_counts(self.work_dir)
        platform = array_store.load_array(folder, "platform")
        # The last column is for no language. A post that counted is taken out of all counts.
        table = np.zeros((len(names), share.size + 1), np.int64)
        for number, name in enumerate(names):
            if name in counts:
                table[number, :-1] = counts[name]
        is_sure = scores[:, :1] >= _SURE
        own = is_sure & (codes == codes[:, :1])
        of_platform = table[platform[:, None], codes] - own
        size = table.sum(axis=1)[platform][:, None] - is_sure
        prior = of_platform + _PRIOR_SMOOTHING * np.append(share, 0.0)[codes]
        prior /= size + _PRIOR_SMOOTHING
        of_community, size, has_community = self._load_community_counts(codes)
        narrow = (of_community - own + _PRIOR_SMOOTHING * prior) / (
            size[:, None] - is_sure + _PRIOR_SMOOTHING
        )
        found: F64 = np.clip(np.where(has_community[:, None], narrow, prior), _LEAST_PRIOR, 1)
        return found

    def _load_community_counts(self, codes: I64) -> tuple[I64, I64, NDArray[np.bool_]]:
        """The sure posts of each post's community: in its candidates' languages, and all.

        The third array is a mask of the posts whose community has such posts.
        """
        parts = load_part_index(self.work_dir)
        ranges = range(len(parts.key_ranges()))
        folders = [_communities_folder(self.work_dir, number) for number in ranges]
        row = gather_rows(folders, "counts", self.part)
        counts = pl.DataFrame({name: row[name] for name in _COUNT_COLUMNS})
        keys = array_store.load_array(parts.folders[self.part], "community")
        posts = pl.DataFrame(
            {"one": keys[:, 0], "two": keys[:, 1], "code0": codes[:, 0], "code1": codes[:, 1]}
        )
        for number in (0, 1):
            named = counts.select("one", "two", pl.col("code").alias(f"code{number}"), "count")
            posts = posts.join(
                named.rename({"count": f"count{number}"}),
                on=["one", "two", f"code{number}"],
                how="left",
                maintain_order="left",
            )
        size = counts.group_by("one", "two").agg(size=pl.sum("count"))
        posts = posts.join(size, on=["one", "two"], how="left", maintain_order="left")
        found = posts.select(pl.col("count0", "count1", "size").fill_null(0)).to_numpy()
        return found[:, :2], found[:, 2], posts["size"].is_not_null().to_numpy()


def _mark_near_pairs(languages: Sequence[str]) -> NDArray[np.bool_]:
    """Which pairs of languages are near; the last row and column are for no language."""
    near = np.zeros((len(languages) + 1, len(languages) + 1), bool)
    for group in cast("Any", stages.find("language")).NEAR:
        members = [index for index, code in enumerate(languages) if code in group]
        near[np.ix_(members, members)] = True
    return near


def _make_verdict_frame(
    languages: Sequence[str], codes: I64, posteriors: F64, config: Config
) -> pl.DataFrame:
    """The verdict on a part: two languages for each post, the likelier first, and the reason."""
    order = np.argsort(-posteriors, axis=1, kind="stable")
    codes, posteriors = (
        np.take_along_axis(codes, order, 1),
        np.take_along_axis(posteriors, order, 1),
    )
    names = pl.Series(languages, dtype=pl.String)
    first, second = (_lookup_names(names, codes[:, column]) for column in (0, 1))
    score, score2 = (pl.Series(posteriors[:, column], dtype=pl.Float32) for column in (0, 1))
    unsure = (score < config.und_below) & (score > 0)
    frame = pl.DataFrame({"first": first, "second": second, "unsure": unsure}).select(
        lang=pl.when("unsure").then(None).otherwise("first").fill_null("und"),
        lang_score=score,
        lang2=pl.when("unsure").then("first").otherwise("second"),
        lang2_score=pl.when("unsure").then(score).otherwise(score2),
    )
    return frame.with_columns(verdict(config).alias("reject"))


def verdict(config: Config) -> pl.Expr:
    """The reason to drop a post, from the columns in ``WRITES`` alone: that of ``language``."""
    language = cast("Any", stages.find("language"))
    settings = config.model_dump(include={"keep", "min_score", "near"})
    # Not validated: the codes are those that ``language`` has written.
    reason: pl.Expr = language.verdict(language.Config.model_construct(**settings))
    return reason


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """The thresholds of the score of a wanted language, as in ``language``."""
    bounds: tuple[Threshold, ...] = cast("Any", stages.find("language")).bounds(config.keep)
    return bounds


def _lookup_names(names: pl.Series, codes: I64) -> pl.Series:
    indices = pl.select(pl.when(pl.Series(codes) >= 0).then(pl.Series(codes))).to_series()
    return names.gather(indices.cast(pl.UInt32))


def check(config: Config) -> None:
    """Check that the languages to keep are known codes."""
    language = cast("Any", stages.find("language"))
    language.Config.model_validate({"keep": config.keep, "min_score": config.min_score})
