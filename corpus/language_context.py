"""Judge a post's language again by what its author and its thread are written in.

A barrier, because an author's other posts and a thread's may lie in any part. It reads what
``language`` wrote: the two likeliest languages of each post. With ``p`` for a candidate's
probability, ``n`` other posts of the author, ``s`` the sum of the candidate's probability over
them and ``g`` its share of all posts, the author speaks for it with ``(s + a g) / (n + a)``,
where ``a`` is ``smoothing``; the thread likewise. The new probability is in proportion to ``p``
times both, each to the power of its weight; what neither candidate had stays with the rest.

Near languages (Galician beside Spanish and Portuguese, Danish beside Norwegian …) are not told
apart by company, which would drown the rarer: between such candidates context has
``near_weight`` of its say.
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
from corpus.tasks.receipts import load_receipt, require_receipt, save_receipt
from corpus.tasks.task import Arrays, ArrayTask, run_tasks
from filters.contract import FilterConfig, Threshold

READS = (
    "id", "platform", "author", "root_id", "lang", "lang_score", "lang2", "lang2_score",
)  # fmt: skip
WRITES: dict[str, pl.DataType] = {
    "lang": pl.String(),
    "lang_score": pl.Float32(),
    "lang2": pl.String(),
    "lang2_score": pl.Float32(),
}
VERSION = 1
MOVABLE = {"min_score": "lang_score", "keep": "lang"}

Numbers = NDArray[np.int64]
Codes = NDArray[np.int16]
Floats = NDArray[np.float64]

_PROGRESS_LABEL = "weighing languages"
# A range's task holds more for each post than one that looks at keys alone.
_KEYS_PER_POST = 4
# Probabilities are added up as multiples of 1 / _UNITS; a part may have 2 ** 27 posts.
_PROBABILITY_UNITS = 2**36


class Config(FilterConfig):
    """Which languages stay, and how much company counts."""

    keep: tuple[str, ...] = Field((), description="ISO 639 codes; empty keeps every language")
    min_score: float = Field(
        0.5, ge=0, le=1, description="probability below which a kept language is not believed"
    )
    und_below: float = Field(
        0.2, ge=0, le=1, description="probability below which a post has no language: 'und'"
    )
    near: Literal["apart", "together"] = Field(
        "apart", description="together: near languages (es ca gl pt, no da sv, …) count as one"
    )
    author_weight: float = Field(0.5, ge=0, le=2, description="what an author's other posts count")
    thread_weight: float = Field(0.25, ge=0, le=2, description="what the thread's others count")
    near_weight: float = Field(
        0.5, ge=0, le=1, description="context's say between near languages, beside others"
    )
    smoothing: float = Field(1.0, gt=0, description="posts of everybody's added to each company")


def measure(posts: pl.DataFrame, config: Config) -> dict[str, NDArray[Any]]:
    """What must be known of a part: the author and the thread of each post, as hashes."""
    author = pl.concat_str("platform", pl.lit(":"), "author")
    # A thread's first post has no root but itself.
    thread = pl.coalesce("root_id", "id")
    return {
        "author": hash_strings(posts.select(author).to_series()),
        "thread": hash_strings(posts.select(thread).to_series()),
    }


def decide(inputs: BarrierInput, config: Config) -> dict[str, Any]:
    """Write the verdict on each part; the manifest records nothing of it.

    All is done by tasks of a part or of a range of keys. One of a range holds some 180 bytes for
    each post of the authors, or threads, in it.
    """
    if not inputs.parts:
        return {}
    room, run = inputs.work_dir / "all", inputs.run
    heard = [CollectCandidates(room, index, part.posts) for index, part in enumerate(inputs.parts)]
    for _ in run(heard, _PROGRESS_LABEL):
        pass
    where = write_part_index(
        room, [part.measures for part in inputs.parts], _write_language_shares(room, heard)
    )
    kinds = tuple(_active_weights(config))
    if kinds:
        scattering = [ScatterCandidates(room, index, kinds) for index in range(len(where.folders))]
        run_tasks(run, scattering, _PROGRESS_LABEL)
        ranges = range(len(where.key_ranges(_KEYS_PER_POST)))
        company = [
            MeasureContext(room, kind, at, config.smoothing) for kind in kinds for at in ranges
        ]
        run_tasks(run, company, _PROGRESS_LABEL)
    settings = config.model_dump_json()
    telling = [
        WriteLanguageVerdict(room, index, part.verdict, settings)
        for index, part in enumerate(inputs.parts)
    ]
    for _ in run(telling, _PROGRESS_LABEL):
        pass
    return {}


def _active_weights(config: Config) -> dict[str, float]:
    """What each kind of company counts, of those that count."""
    weights = {"author": config.author_weight, "thread": config.thread_weight}
    return {kind: weight for kind, weight in weights.items() if weight}


def _write_language_shares(
    work_dir: Path, candidate_tasks: Sequence[CollectCandidates]
) -> list[int]:
    """Write down all languages and the share of each; returns how many posts each part has.

    Languages are in the order of their first posts.
    """
    sums: dict[str, int] = {}
    counts = []
    for task in candidate_tasks:  # one at a time: there may be many parts
        told = task.facts
        counts.append(int(told["rows"]))
        for name, units in zip(told["names"], told["sums"], strict=True):
            sums[name] = sums.get(name, 0) + units
    whole = max(sum(counts), 1) * _PROBABILITY_UNITS
    shares = [units / whole for units in sums.values()]
    write_json(work_dir / "known.json", {"names": list(sums), "shares": shares})
    save_receipt(work_dir / "known-written.json", {}, [work_dir / "known.json"])
    return counts


def _load_language_shares(work_dir: Path) -> tuple[list[str], Floats]:
    """All languages, and the share of each in all posts."""
    found = json.loads((work_dir / "known.json").read_text(encoding="utf-8"))
    return found["names"], np.array(found["shares"], np.float64)


# --------------------------------------------------------------------------- tasks


@dataclass(frozen=True)
class CollectCandidates(ArrayTask):
    """Note the two candidates of each post of a part, and which languages they are."""

    work_dir: Path
    index: int
    posts: Path

    @property
    def folder(self) -> Path:
        """Where they go."""
        return _candidates_folder(self.work_dir, self.index)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Per post its candidates' numbers (-1: none) among the part's, and probabilities.

        A post of no language has the one candidate that was not believed.
        """
        und = pl.col("lang") == "und"
        posts = pl.read_parquet(self.posts, columns=list(WRITES), glob=False).select(
            first=pl.when(und).then("lang2").otherwise("lang"),
            second=pl.when(~und).then("lang2"),
            score=pl.when(und).then("lang2_score").otherwise("lang_score").fill_null(0),
            score2=pl.when(~und).then("lang2_score").fill_null(0),
        )
        found = pl.concat([posts["first"], posts["second"]]).unique(maintain_order=True)
        names: list[str] = found.drop_nulls().to_list()
        numbers: dict[str | None, int] = {None: -1}
        numbers.update((name, number) for number, name in enumerate(names))
        coded = pl.col("first", "second").replace_strict(numbers, return_dtype=pl.Int16)
        codes = posts.select(coded).to_numpy()
        scores = posts.select("score", "score2").to_numpy()
        # Whole numbers: their sum is the same in whatever order, and however posts are cut.
        units = np.rint(scores.astype(np.float64) * _PROBABILITY_UNITS).astype(np.int64)
        sums = np.zeros(len(names), np.int64)
        np.add.at(sums, codes[codes >= 0], units[codes >= 0])
        told = {"rows": posts.height, "names": names, "sums": sums.tolist()}
        return {"codes": codes, "scores": scores}, told


def _candidates_folder(work_dir: Path, index: int) -> Path:
    return work_dir / "candidates" / f"{index:06d}"


def _load_candidates(
    work_dir: Path, index: int, languages: Sequence[str]
) -> tuple[Numbers, Floats]:
    """Per post of a part its candidates' numbers among all languages, and probabilities."""
    folder = _candidates_folder(work_dir, index)
    number = {name: at for at, name in enumerate(languages)}
    names = require_receipt(folder / "receipt.json")["names"]
    among = np.array([*(number[name] for name in names), -1], np.int64)  # the last one for none
    return among[array_store.load_array(folder, "codes")], array_store.load_array(
        folder, "scores"
    ).astype(np.float64)


@dataclass(frozen=True)
class ScatterCandidates(ArrayTask):
    """Send the posts of a part to the ranges that their authors and their threads lie in."""

    work_dir: Path
    index: int
    kinds: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where the rows go."""
        return _scattered_folder(self.work_dir, self.index)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """A row for each post that is somebody's, ordered by range, for each kind."""
        where = load_part_index(self.work_dir)
        known, _ = _load_language_shares(self.work_dir)
        codes, scores = _load_candidates(self.work_dir, self.index, known)
        count = len(where.key_ranges(_KEYS_PER_POST))
        found: dict[str, Any] = {}
        for kind in self.kinds:
            keys = array_store.load_array(where.folders[self.index], kind)
            at = np.flatnonzero(keys.any(axis=1))  # zeros stand for nobody
            one, two = keys[at, 0], keys[at, 1]
            sent = make_rows(
                one=one, two=two, place=where.part_offsets[self.index] + at,
                first=codes[at, 0].astype(np.int16), second=codes[at, 1].astype(np.int16),
                score=scores[at, 0].astype(np.float32), score2=scores[at, 1].astype(np.float32),
            )  # fmt: skip
            found |= scatter_rows(kind, sent, where.find_ranges(one, _KEYS_PER_POST), count)
        return found, {}


def _scattered_folder(work_dir: Path, index: int) -> Path:
    return work_dir / "scattered" / f"{index:06d}"


@dataclass(frozen=True)
class MeasureContext(ArrayTask):
    """Hear what company says of each post whose author, or thread, is in a range of keys."""

    work_dir: Path
    kind: str
    number: int
    smoothing: float

    @property
    def folder(self) -> Path:
        """Where rows for the posts' parts go."""
        return _context_folder(self.work_dir, self.kind, self.number)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """How strongly the others speak for both candidates; no row for a post without others."""
        where = load_part_index(self.work_dir)
        _, share = _load_language_shares(self.work_dir)
        parts = len(where.folders)
        row = gather_rows(
            (_scattered_folder(self.work_dir, at) for at in range(parts)), self.kind, self.number
        )
        # In this order sums are the same however posts are cut into parts.
        row = row[np.lexsort((row["place"], row["two"], row["one"]))]
        new = np.ones(row.size, bool)
        new[1:] = (row["one"][1:] != row["one"][:-1]) | (row["two"][1:] != row["two"][:-1])
        groups = np.cumsum(new) - 1
        accompanied = np.bincount(groups)[groups] > 1
        row, groups = row[accompanied], groups[accompanied]
        codes = np.stack([row["first"], row["second"]], axis=1)
        scores = np.stack([row["score"], row["score2"]], axis=1).astype(np.float64)
        found = _compute_support(groups, codes, scores, share, self.smoothing)
        said = make_rows(place=row["place"], says=found[:, 0], says2=found[:, 1])
        to = np.searchsorted(where.part_offsets[1:], said["place"], side="right")
        return scatter_rows("said", said, to, parts), {}


def _context_folder(work_dir: Path, kind: str, number: int) -> Path:
    return work_dir / "company" / f"{kind}-{number:03d}"


def _compute_support(
    groups: Numbers, codes: Codes, scores: Floats, share: Floats, smoothing: float
) -> Floats:
    """How strongly the others of each post's group speak for its candidates."""
    valid = codes >= 0
    key = groups[:, None] * max(1, share.size) + codes
    keys, at = np.unique(key[valid], return_inverse=True)
    sums = np.bincount(at, weights=scores[valid], minlength=keys.size)
    total = np.zeros(codes.shape)
    total[valid] = sums[at]
    prior = np.append(share, 0.0)[codes]
    others = np.bincount(groups)[groups][:, None] - 1
    found = (total - np.where(valid, scores, 0) + smoothing * prior) / (others + smoothing)
    return np.clip(found, 0, 1)


@dataclass(frozen=True)
class WriteLanguageVerdict:
    """The task of writing the verdict on a part."""

    work_dir: Path
    index: int
    verdict_file: Path
    config: str

    @property
    def receipt(self) -> Path:
        """Its existence says that the verdict is there."""
        return self.work_dir / "told" / f"{self.index:06d}.json"

    def __call__(self) -> WriteLanguageVerdict:
        """Write it unless the receipt is there."""
        if load_receipt(self.receipt) is None:
            config = Config.model_validate_json(self.config)
            known, _ = _load_language_shares(self.work_dir)
            codes, scores = _load_candidates(self.work_dir, self.index, known)
            chance = self._compute_posteriors(known, codes, scores, config)
            with atomic_write(self.verdict_file) as temporary:
                _make_verdict_frame(known, codes, chance, config).write_parquet(temporary)
            self.receipt.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            save_receipt(self.receipt, {}, [self.verdict_file])
        return self

    def _compute_posteriors(
        self, languages: Sequence[str], codes: Numbers, scores: Floats, config: Config
    ) -> Floats:
        """The new probabilities of each post's candidates."""
        near = _mark_near_pairs(languages)
        # Whether two near languages are what a post is torn between.
        torn = near[codes[:, 0], codes[:, 1]] & (codes >= 0).all(axis=1)
        chance = scores.copy()
        rest = np.clip(1 - scores.sum(axis=1), 1e-6, None)
        for kind, weight in _active_weights(config).items():
            says, alone = self._load_support(kind)
            others = np.clip(1 - says.sum(axis=1), 1e-6, 1)
            power = np.where(alone, 0.0, weight)
            inside = np.where(torn, power * config.near_weight, power)
            # Both candidates together keep what company gives them against the rest.
            both = says.sum(axis=1, keepdims=True).clip(1e-9)
            chance *= (says / both) ** inside[:, None] * both ** power[:, None]
            rest *= others**power
        chance /= (chance.sum(axis=1) + rest).clip(1e-12)[:, None]
        return chance

    def _load_support(self, kind: str) -> tuple[Floats, NDArray[np.bool_]]:
        """What one kind of company says of each post of the part, and which posts are alone."""
        where = load_part_index(self.work_dir)
        begin, end = where.part_offsets[self.index : self.index + 2]
        ranges = range(len(where.key_ranges(_KEYS_PER_POST)))
        row = gather_rows(
            (_context_folder(self.work_dir, kind, at) for at in ranges), "said", self.index
        )
        at = row["place"] - begin
        says, alone = np.zeros((end - begin, 2)), np.ones(end - begin, bool)
        says[at, 0], says[at, 1], alone[at] = row["says"], row["says2"], False
        return says, alone


def _mark_near_pairs(languages: Sequence[str]) -> NDArray[np.bool_]:
    """Which pairs of languages are near; the last row and column stand for none."""
    near = np.zeros((len(languages) + 1, len(languages) + 1), bool)
    for group in cast("Any", stages.find("language")).NEAR:
        places = [number for number, code in enumerate(languages) if code in group]
        near[np.ix_(places, places)] = True
    return near


def _make_verdict_frame(
    languages: Sequence[str], codes: Numbers, posteriors: Floats, config: Config
) -> pl.DataFrame:
    """The verdict on one part: two languages each, the likelier first, and why a post leaves."""
    order = np.argsort(-posteriors, axis=1, kind="stable")
    codes, posteriors = (
        np.take_along_axis(codes, order, 1),
        np.take_along_axis(posteriors, order, 1),
    )
    names = pl.Series(languages, dtype=pl.String)
    first, second = (_lookup_names(names, codes[:, column]) for column in (0, 1))
    score, score2 = (pl.Series(posteriors[:, column], dtype=pl.Float32) for column in (0, 1))
    unsure = (score < config.und_below) & (score > 0)
    found = pl.DataFrame({"first": first, "second": second, "unsure": unsure}).select(
        lang=pl.when("unsure").then(None).otherwise("first").fill_null("und"),
        lang_score=score,
        lang2=pl.when("unsure").then("first").otherwise("second"),
        lang2_score=pl.when("unsure").then(score).otherwise(score2),
    )
    return found.with_columns(verdict(config).alias("reject"))


def verdict(config: Config) -> pl.Expr:
    """The reason to leave, from the columns in ``WRITES`` alone: the one of ``language``."""
    language = cast("Any", stages.find("language"))
    settings = config.model_dump(include={"keep", "min_score", "near"})
    # The codes are those that 'language' wrote; what they may be is its matter.
    found: pl.Expr = language.verdict(language.Config.model_construct(**settings))
    return found


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """What a wanted language's score is held to, as in ``language``."""
    found: tuple[Threshold, ...] = cast("Any", stages.find("language")).bounds(config.keep)
    return found


def _lookup_names(names: pl.Series, codes: Numbers) -> pl.Series:
    found = pl.select(pl.when(pl.Series(codes) >= 0).then(pl.Series(codes))).to_series()
    return names.gather(found.cast(pl.UInt32))


def check(config: Config) -> None:
    """Look whether the languages to keep are codes at all."""
    language = cast("Any", stages.find("language"))
    language.Config.model_validate({"keep": config.keep, "min_score": config.min_score})
