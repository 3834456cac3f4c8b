"""Decide again about the posts of a finished corpus, from the keys that are stored with them.

A post has a row for each of its keys that may be pushed with somewhat looser settings than those of
the build, and for each that has more posts than a cap. So ``corpus tune`` decides about each key as
a new build does, as long as no setting is looser than that.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl

from corpus.influence import evidence
from corpus.influence.config import Config
from corpus.influence.keys import KINDS
from corpus.partition.partitions import Rows
from filters.text.arrays import I64

#: The column for the keys of a post.
COLUMN = "influence_keys"
#: ``key``: its number in the build; ``rank``: the post's among those of the key; ``is_devoted``:
#: the author writes little else; then of the key, as :class:`evidence.KeyStatistics` has it:
#: ``devoted`` is the share of its authors, and ``burst`` that of its posts on the densest day.
FIELDS: dict[str, pl.DataType] = {
    "key": pl.UInt32(),
    "kind": pl.String(),
    "rank": pl.Int64(),
    "is_devoted": pl.Boolean(),
    "posts": pl.Int64(),
    "authors": pl.Int64(),
    "devoted": pl.Float64(),
    "evidence": pl.Float64(),
    "burst": pl.Float64(),
    "repeated_authors": pl.Int64(),
    "devoted_authors": pl.Int64(),
    "expected": pl.Float64(),
    "habit": pl.Float64(),
}
TYPE = pl.List(pl.Struct(FIELDS))
#: The settings that decide about a key, to the field that each is compared with.
_THRESHOLDS = {
    "min_posts": "posts",
    "min_authors": "authors",
    "min_devoted": "devoted",
    "min_evidence": "evidence",
    "min_burst": "burst",
}
_CAPS = {
    "max_domain_posts": "domain",
    "max_hashtag_posts": "hashtag",
    "max_phrase_posts": "long_phrase",
}
#: By how much each setting may be looser than in the build.
_LOOSER = {
    "min_posts": 0.6,
    "min_devoted": 0.85,
    "usual_odds": 0.75,
    "min_evidence": 0.5,
    "min_burst": 0.75,
}
#: The settings that ``tune`` cannot move, each with why.
UNMOVABLE = {
    "new_account_days": "how old the accounts were is not stored",
    "author_share": "it decides which authors write little else, and how many posts of an author "
    "have a key is not stored",
    "allow": "the keys are stored without their names",
}


def loosen(config: Config) -> Config:
    """The loosest settings for which the keys are stored."""
    changes: dict[str, Any] = {
        name: getattr(config, name) * factor for name, factor in _LOOSER.items()
    }
    changes |= {
        "min_posts": max(2, math.ceil(changes["min_posts"])),
        "min_authors": min(2, config.min_authors),
        "usual_odds": max(1.0, changes["usual_odds"]),
    }
    return config.model_copy(update=changes)


def movable(config: Config) -> dict[str, str]:
    """The settings that ``tune`` can move, each with the column or field it is compared with."""
    settings = {"max_pushed": "pushed_rank"} if config.action == "cap" else {}
    settings |= {name: f"{COLUMN}.{field}" for name, field in _THRESHOLDS.items()}
    settings |= dict.fromkeys(_CAPS, COLUMN)
    return settings | {"usual_odds": COLUMN, "action": COLUMN}


def check_moved(built: Config, moved: Config) -> None:
    """ValueError if what is stored does not decide under ``moved``: it says why not."""
    loosest = loosen(built)
    for name in (*_THRESHOLDS, "usual_odds"):
        value, least = getattr(moved, name), getattr(loosest, name)
        if name == "min_burst" and value > 0 and not built.min_burst:
            raise ValueError(
                "min_burst cannot be moved: the build had 0, and stored no keys of bursts; change "
                "the plan and build again"
            )
        if name == "min_burst" and value == 0:
            continue
        if value < least:
            raise ValueError(
                f"{name} cannot be moved below {least:g}: the build stored the keys that it would "
                f"push with {least:g}, and not others; change the plan and build again"
            )
    for name in _CAPS:
        value, cap = getattr(moved, name), getattr(built, name)
        if value and (not cap or value < cap):
            known = f"only of the posts after the first {cap}" if cap else "of no post, as it had 0"
            raise ValueError(
                f"{name} cannot be moved to {value}: the build stored the ranks {known}; change "
                "the plan and build again"
            )


def list_by_post(
    rows: Rows, numbers: I64, keys: evidence.KeyStatistics, config: Config, count: int
) -> pl.Series:
    """The keys of each of ``count`` posts as a list; null for none.

    ``rows`` has ``row_index``, the post's from 0, ``rank`` and ``is_devoted``; ``numbers`` are the
    numbers of the keys, rows of ``keys``.
    """
    order = np.lexsort((numbers, rows["row_index"]))
    rows, numbers = rows[order], numbers[order]
    own = pl.DataFrame(
        {
            "row": rows["row_index"],
            "key": numbers,
            "kind": pl.Series(KINDS, dtype=pl.String).gather(keys.key[numbers] & np.uint64(7)),
            "rank": rows["rank"],
            "is_devoted": rows["is_devoted"],
            "posts": keys.posts[numbers],
            "authors": keys.authors[numbers],
            "devoted": (keys.devoted / keys.authors)[numbers],
            "evidence": evidence.measure_evidence(keys, config.usual_odds)[numbers],
            "burst": keys.burst[numbers],
            "repeated_authors": keys.repeated[numbers],
            "devoted_authors": keys.devoted[numbers],
            "expected": keys.expected[numbers],
            "habit": keys.habit[numbers],
        },
    )
    lists = own.group_by("row", maintain_order=True).agg(pl.struct(*FIELDS).alias(COLUMN))
    posts = pl.DataFrame({"row": np.arange(count)})
    return posts.join(lists, on="row", how="left", maintain_order="left")[COLUMN].cast(TYPE)


def decide_again(posts: pl.LazyFrame, config: Config, *, is_complete: bool) -> pl.Expr:
    """The reason to drop a post under ``config``, "" to keep it, or null where this is unknown.

    ``posts`` are those about which the stage decided, with :data:`COLUMN`. Unless they are all of
    them, it is unknown of a post with one pushed key: what the others write decides.
    """
    if config.action == "annotate":
        return pl.lit("")
    rows = posts.select(COLUMN).with_row_index("row").filter(pl.col(COLUMN).is_not_null())
    rows = rows.explode(COLUMN).unnest(COLUMN)
    pushed, incidental = _find_pushed(rows.collect(engine="streaming"), config)
    keys, field = pl.col(COLUMN).list, pl.element().struct.field
    is_pushed = field("key").is_in(pushed.implode())
    ranks = keys.eval(field("rank").filter(is_pushed)).list
    is_capped = pl.lit(value=False)
    for name, kind in _CAPS.items():
        if cap := getattr(config, name):
            is_above = (field("kind") == kind) & (field("posts") > cap) & (field("rank") > cap)
            is_capped |= keys.eval(is_above).list.any().fill_null(value=False)
    kept = pl.when(is_capped).then(pl.lit("over_key_cap")).otherwise(pl.lit(""))
    alone = pl.lit(None, pl.String)
    if is_complete:
        is_by_itself = ~field("key").is_in(incidental.implode())
        by_itself = keys.eval(is_pushed & is_by_itself).list.any()
        alone = pl.when(by_itself).then(pl.lit("pushed")).otherwise(kept)
    is_over = ranks.max() > (config.max_pushed if config.action == "cap" else 0)
    return (
        pl.when(is_over & (ranks.len() > 1))
        .then(pl.lit("pushed"))
        .when(is_over)
        .then(alone)
        .otherwise(kept)
    )


def _find_pushed(rows: pl.DataFrame, config: Config) -> tuple[pl.Series, pl.Series]:
    """The keys that are pushed, and those of them whose lone posts are not pushed by themselves."""
    keys = rows.unique("key").sort("key")
    values = {name: keys[name].to_numpy() for name in FIELDS if name != "kind"}
    found = evidence.KeyStatistics(
        key=values["key"],
        posts=values["posts"],
        authors=values["authors"],
        devoted=values["devoted_authors"],
        sole=values["repeated_authors"],  # not used
        repeated=values["repeated_authors"],
        expected=values["expected"],
        habit=values["habit"],
        burst=values["burst"],
    )
    pushed = keys["key"].filter(pl.Series(evidence.mark_pushed(found, config), dtype=pl.Boolean))
    of_pushed = rows.filter(pl.col("key").is_in(pushed.implode()))
    alone = of_pushed.filter(pl.len().over("row") == 1).group_by("key")
    counts = alone.agg(pl.len().alias("posts"), pl.sum("is_devoted").alias("devoted"))
    posts, devoted = counts["posts"].to_numpy(), counts["devoted"].to_numpy()
    is_pushed = evidence.mark_pushed_alone(posts, devoted, config)
    return pushed, counts["key"].filter(~pl.Series(is_pushed, dtype=pl.Boolean))
