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

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from corpus import arrays, stages
from corpus.gathered import Gathered
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
Floats = NDArray[np.float64]
_NOBODY = np.empty((0, 2), np.uint64)


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
        "author": _hashed(posts.select(author).to_series()),
        "thread": _hashed(posts.select(thread).to_series()),
    }


def _hashed(names: pl.Series) -> NDArray[np.uint64]:
    from corpus import kernels

    found = kernels.hash128(*arrays.flat(names.fill_null("")))
    found[names.is_null().to_numpy()] = 0
    return found


def decide(gathered: Gathered, config: Config) -> Iterator[pl.DataFrame]:
    """The verdict on each part. Memory: some fifty bytes a post."""
    known, codes, scores = _candidates(gathered.parts)
    share = np.bincount(codes[codes >= 0], weights=scores[codes >= 0], minlength=len(known)) / max(
        len(codes), 1
    )
    near = _near(known)
    # Whether two near languages are what a post is torn between.
    torn = near[codes[:, 0], codes[:, 1]] & (codes >= 0).all(axis=1)
    chance = scores.copy()
    rest = np.clip(1 - scores.sum(axis=1), 1e-6, None)
    for name, weight in (("author", config.author_weight), ("thread", config.thread_weight)):
        if not weight:
            continue
        groups = arrays.numbered(arrays.together(gathered.folders, name, _NOBODY))
        says = _company(groups, codes, scores, share, config.smoothing)
        others = np.clip(1 - says.sum(axis=1), 1e-6, 1)
        alone = (groups < 0) | (np.bincount(groups[groups >= 0], minlength=1)[groups] < 2)
        power = np.where(alone, 0.0, weight)
        inside = np.where(torn, power * config.near_weight, power)
        # Both candidates together keep what company gives them against the rest.
        both = says.sum(axis=1, keepdims=True).clip(1e-9)
        chance *= (says / both) ** inside[:, None] * both ** power[:, None]
        rest *= others**power
    chance /= (chance.sum(axis=1) + rest).clip(1e-12)[:, None]
    yield from _verdicts(gathered.parts, known, codes, chance, config)


def _candidates(parts: Sequence[Path]) -> tuple[list[str], Numbers, Floats]:
    """All languages, and per post its two candidates' numbers (-1: none) and probabilities.

    A post of no language has the one candidate that was not believed.
    """
    numbers: dict[str | None, int] = {None: -1}
    codes, scores = [np.zeros((0, 2), np.int16)], [np.zeros((0, 2), np.float32)]
    und = pl.col("lang") == "und"
    for part in parts:
        posts = pl.read_parquet(part, columns=list(WRITES), glob=False).select(
            first=pl.when(und).then("lang2").otherwise("lang"),
            second=pl.when(~und).then("lang2"),
            score=pl.when(und).then("lang2_score").otherwise("lang_score").fill_null(0),
            score2=pl.when(~und).then("lang2_score").fill_null(0),
        )
        names = pl.concat([posts["first"], posts["second"]]).unique(maintain_order=True)
        for name in names:
            numbers.setdefault(name, len(numbers) - 1)
        coded = posts.select(
            pl.col("first", "second").replace_strict(numbers, return_dtype=pl.Int16)
        )
        codes.append(coded.to_numpy())
        scores.append(posts.select("score", "score2").to_numpy())
    known = [name for name in numbers if name is not None]
    return known, np.concatenate(codes).astype(np.int64), np.concatenate(scores).astype(np.float64)


def _near(known: Sequence[str]) -> NDArray[np.bool_]:
    """Which pairs of languages are near; the last row and column stand for none."""
    near = np.zeros((len(known) + 1, len(known) + 1), bool)
    for group in cast("Any", stages.find("language")).NEAR:
        places = [number for number, code in enumerate(known) if code in group]
        near[np.ix_(places, places)] = True
    return near


def _company(
    groups: Numbers, codes: Numbers, scores: Floats, share: Floats, smoothing: float
) -> Floats:
    """How strongly the others of each post's group speak for its candidates."""
    size = np.bincount(groups[groups >= 0], minlength=1)
    width = len(share) or 1
    key = groups[:, None] * width + codes
    valid = (groups[:, None] >= 0) & (codes >= 0)
    sums: Floats = np.zeros(0)
    keys, place = np.unique(key[valid], return_inverse=True)
    if keys.size:
        sums = np.bincount(place, weights=scores[valid], minlength=keys.size).astype(np.float64)
    total = np.zeros(codes.shape)
    total[valid] = sums[place]
    prior = np.where(codes >= 0, np.append(share, 0.0)[codes], 0.0)
    others = np.where(groups >= 0, size[groups], 1)[:, None] - 1
    found = (total - np.where(valid, scores, 0) + smoothing * prior) / (others + smoothing)
    return np.clip(found, 0, 1)


def _verdicts(
    parts: Sequence[Path], known: Sequence[str], codes: Numbers, chance: Floats, config: Config
) -> Iterator[pl.DataFrame]:
    order = np.argsort(-chance, axis=1, kind="stable")
    codes, chance = np.take_along_axis(codes, order, 1), np.take_along_axis(chance, order, 1)
    names = pl.Series(known, dtype=pl.String)
    reason = verdict(config)
    begin = 0
    for part in parts:
        height = pl.scan_parquet(part, glob=False).select(pl.len()).collect().item()
        rows = slice(begin, begin + height)
        begin = rows.stop
        first, second = (_named(names, codes[rows, column]) for column in (0, 1))
        score, score2 = (pl.Series(chance[rows, column], dtype=pl.Float32) for column in (0, 1))
        unsure = (score < config.und_below) & (score > 0)
        found = pl.DataFrame({"first": first, "second": second, "unsure": unsure}).select(
            lang=pl.when("unsure").then(None).otherwise("first").fill_null("und"),
            lang_score=score,
            lang2=pl.when("unsure").then("first").otherwise("second"),
            lang2_score=pl.when("unsure").then(score).otherwise(score2),
        )
        yield found.with_columns(reason.alias("reject"))


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


def _named(names: pl.Series, codes: Numbers) -> pl.Series:
    found = pl.select(pl.when(pl.Series(codes) >= 0).then(pl.Series(codes))).to_series()
    return names.gather(found.cast(pl.UInt32))


def check(config: Config) -> None:
    """Look whether the languages to keep are codes at all."""
    language = cast("Any", stages.find("language"))
    language.Config.model_validate({"keep": config.keep, "min_score": config.min_score})
