"""Count what a finished corpus holds: one small JSON, whatever the corpus's size.

Everything comes from the shards and the ledger, by a task or two a file, and is added up.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from corpus.errors import BuildError
from corpus.report import count_files, timeline
from corpus.report.funnel import conversed
from corpus.schema import POST
from corpus.storage.remote_path import Place
from corpus.tasks.receipts import load_manifest

FILE = "statistics.json"
FORMAT = 1
MOST_COMMUNITIES, MOST_LANGUAGES, MOST_OTHERS = 30, 60, 20
_BINS = 100
#: Lengths in characters, four bins to an octave from 4 on.
_LENGTHS = [0, 1, 2, 3, *sorted({math.floor(2 ** (step / 4)) for step in range(8, 121)})]
_OWN_CHARTS = ("cluster_size",)
_NO_SIZES = pl.DataFrame(schema={"_size": pl.Int64, "count": pl.Int64})

Run = Callable[[Sequence[Any], str], Iterable[Any]]


def _here(tasks: Sequence[Any], step: str) -> Iterable[Any]:
    return (task() for task in tasks)


def load(folder: Path | Place) -> dict[str, Any]:
    """The statistics of a finished corpus: those beside it, or gathered now if it has none."""
    try:
        found: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if found["format"] == FORMAT:
            return found
    except (OSError, ValueError, KeyError, TypeError):
        pass
    if isinstance(folder, Place):
        raise BuildError(
            f"'{folder}' has no {FILE}, so its posts must be counted; copy it to this machine first"
        )
    manifest = load_manifest(folder)
    shards = [folder / shard["path"] for shard in manifest["shards"]]
    return gather(shards, sorted((folder / "dropped").glob("*.parquet")), manifest)


def gather(
    shards: Sequence[Path], ledger: Sequence[Path], manifest: Mapping[str, Any], run: Run = _here
) -> dict[str, Any]:
    """Count over ``shards`` and ``ledger``; BuildError if one is missing or damaged.

    ``scores`` has a histogram for each numeric column that a stage wrote: ``kept`` counts
    documents, ``own`` posts that left for the threshold's reason and lie beyond it, ``others`` all
    other posts that left with the score known. ``run`` does the tasks, two a file.
    """
    schema = _schema(shards[0]) if shards else dict(POST)
    scores = [
        name
        for name, dtype in schema.items()
        if name not in POST and dtype.is_numeric() and name not in _OWN_CHARTS
        and not name.startswith("pii_")
    ]  # fmt: skip
    pii = [name for name in schema if name.startswith("pii_")]
    wanted = tuple(name for name in scores if not schema[name].is_integer())
    counting = [
        *(count_files.CountFile(path, True, wanted, tuple(pii)) for path in shards),
        *(count_files.CountFile(path, False, wanted) for path in ledger),
    ]
    kept, gone = _both(counting, run)
    bounds = _bounds(manifest.get("thresholds", ()))
    bins = tuple(_bins(name, schema[name], kept, gone, bounds.get(name)) for name in scores)
    placing = [
        *(count_files.PlaceFile(path, True, bins) for path in shards),
        *(count_files.PlaceFile(path, False, bins) for path in ledger),
    ]
    placed, left = _both(placing if bins else [], run)
    return {
        "format": FORMAT,
        "conversed": conversed(manifest),
        "columns": {name: str(dtype) for name, dtype in schema.items() if name not in POST},
        "languages": _languages(kept, gone) if "lang" in schema else None,
        "platforms": _top(kept, "platform", MOST_OTHERS),
        "kinds": _top(kept, "kind", MOST_OTHERS),
        "licenses": _top(kept, "license", MOST_OTHERS),
        "communities": _top(kept, "community", MOST_COMMUNITIES),
        "timeline": timeline.told(kept["hours"]) if shards else timeline.NOTHING,
        "lengths": _lengths(kept),
        "scores": [_score(each, placed, left, bounds.get(each.column)) for each in bins],
        "pii": _pii(kept, pii),
    }


def _both(tasks: Sequence[Any], run: Run) -> tuple[count_files.Tables, count_files.Tables]:
    """What all shards hold, and all files of the ledger."""
    kept, gone = count_files.Sums(), count_files.Sums()
    for of_shard, tables in run(tasks, "counting"):
        (kept if of_shard else gone).add(tables)
    return kept.all(), gone.all()


def _schema(shard: Path) -> dict[str, pl.DataType]:
    try:
        return dict(pl.scan_parquet(shard, glob=False).collect_schema())
    except (OSError, pl.exceptions.PolarsError):
        raise count_files.unreadable(shard) from None


def _bounds(told: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """One threshold for each column: the last stage's, for the column is as that one left it, and
    of several in a stage the first."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in told:
        if row["column"] not in found or found[row["column"]]["stage"] != row["stage"]:
            found[row["column"]] = row
    return found


def _top(kept: count_files.Tables, column: str, most: int) -> dict[str, Any]:
    """The most frequent values of a column; ties by name."""
    if column not in kept:
        return {"distinct": 0, "none": 0, "rest": 0, "top": []}
    named = kept[column].drop_nulls(column).sort(["count", column], descending=[True, False])
    return {
        "distinct": named.height,
        "none": int(kept[column].filter(pl.col(column).is_null())["count"].sum()),
        "rest": int(named["count"].slice(most).sum()),
        "top": [[name[:200], count] for name, count in named.head(most).rows()],
    }


def _languages(kept: count_files.Tables, gone: count_files.Tables) -> dict[str, Any]:
    """Each language: documents kept, their characters, posts dropped."""
    found = kept["lang"].rename({"count": "kept"}).select("lang", "kept", "characters")
    if "lang" in gone:
        left = gone["lang"].rename({"count": "dropped"})
        found = found.join(left, on="lang", how="full", coalesce=True)
    else:
        found = found.with_columns(pl.lit(0).alias("dropped"))
    found = found.drop_nulls("lang").with_columns(pl.exclude("lang").fill_null(0).cast(pl.Int64))
    found = found.sort(["kept", "dropped", "lang"], descending=[True, True, False])
    rest = found.slice(MOST_LANGUAGES)
    return {
        "distinct": found.height,
        "top": [list(row) for row in found.head(MOST_LANGUAGES).iter_rows()],
        "rest": [rest.height, int(rest["kept"].sum()), int(rest["dropped"].sum())],
    }


def _lengths(kept: count_files.Tables) -> dict[str, Any]:
    sizes = kept.get("sizes", _NO_SIZES)
    places = np.searchsorted(_LENGTHS, sizes["_size"].to_numpy(), side="right") - 1
    filled = [0] * len(_LENGTHS)
    for place, count in zip(places.tolist(), sizes["count"], strict=True):
        filled[place] += count
    last = max((n for n, count in enumerate(filled) if count), default=0)
    ordered = sizes.sort("_size")
    half = (ordered["count"].sum() + 1) // 2
    middle = ordered.filter(pl.col("count").cum_sum() >= half)["_size"]
    return {
        "edges": _LENGTHS[: last + 2],
        "counts": filled[: last + 1],
        "median": middle[0] if len(middle) else 0,
        "longest": ordered["_size"].max() or 0,
    }


def _pii(kept: count_files.Tables, columns: Sequence[str]) -> list[list[Any]]:
    """Each kind of detail: documents that held some, and how many were replaced."""
    found = {row["column"]: row for row in kept["pii"].iter_rows(named=True)} if columns else {}
    return [
        [name.removeprefix("pii_").upper(), found[name]["documents"], found[name]["count"]]
        for name in columns
    ]


# --------------------------------------------------------------------------- histograms


def _bins(
    column: str, dtype: pl.DataType, kept: count_files.Tables, gone: count_files.Tables,
    bound: Mapping[str, Any] | None,
) -> count_files.Bins:  # fmt: skip
    """How a column's values are placed: no bin lies on both sides of its threshold."""
    ends = [found[f"ends {column}"] for found in (kept, gone) if f"ends {column}" in found]
    edges = _edges(ends, dtype, bound)
    edges = _snapped(edges, float(bound["value"])) if bound else edges
    side = "max" if bound and bound["side"] == "max" else "min"
    own = (bound["stage"], bound["reason"]) if bound else None
    return count_files.Bins(column, tuple(edges), side, dtype == pl.Float32, own)


def _score(
    bins: count_files.Bins,
    kept: count_files.Tables,
    gone: count_files.Tables,
    bound: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The histogram of one column."""
    edges, last = list(bins.edges), len(bins.edges) - 2
    column = bins.column
    found = {"kept": _filled(kept[column], last)}
    for name, own in (("own", True), ("others", False)):
        of = gone[column].filter(pl.col("own") == own) if column in gone else None
        found[name] = [0] * (last + 1) if of is None else _filled(of, last)
    if bound and bound["value"] in edges:
        # Two measures may give one reason; what this one lets pass left because of the other.
        at = edges.index(bound["value"])
        for place in range(at) if bins.side == "max" else range(at, last + 1):
            found["others"][place] += found["own"][place]
            found["own"][place] = 0
    shown = {name: bound[name] for name in ("stage", "setting", "side", "reason", "value", "note")
             if name in bound} if bound else None  # fmt: skip
    over = bool(kept[column]["over"].sum())
    return {"column": column, "edges": edges, "threshold": shown, "beyond": over, **found}


def _edges(
    ends: Sequence[pl.DataFrame], dtype: pl.DataType, bound: Mapping[str, Any] | None
) -> list[float]:
    """Where the bins begin and end: by whole numbers, by hundredths, or evenly over what is there.

    The first and the last bin also hold what lies beyond them.
    """
    if dtype.is_integer():
        wanted = 2 * int(bound["value"]) if bound else 0
        whole = max(1, -(-wanted // _BINS))
        return [whole * n for n in range(_BINS + 2)]
    both = pl.concat(ends)
    low, high = both["low"].min(), both["high"].max()
    unit = [n / _BINS for n in range(_BINS + 1)]
    if low is None or high is None:
        return unit
    low, high = float(low), float(high)  # type: ignore[arg-type]
    if low >= 0 and (high <= 1 or (bound is not None and 0 < bound["value"] <= 1)):
        return unit
    if low > 0 and high / low > 1000:
        step = (math.log10(high) - math.log10(low)) / _BINS
        return [_round(10 ** (math.log10(low) + step * n)) for n in range(_BINS + 1)]
    width = (high - low) / _BINS or 1.0
    return [_round(low + width * n) for n in range(_BINS + 1)]


def _round(value: float) -> float:
    return float(f"{value:.6g}")


def _snapped(edges: list[float], value: float) -> list[float]:
    """The edges with the nearest inner one moved to the threshold: no bin lies on both sides."""
    if not edges[0] < value < edges[-1] or value in edges:
        return edges
    nearest = min(range(1, len(edges) - 1), key=lambda n: (abs(edges[n] - value), n))
    return [*edges[:nearest], value, *edges[nearest + 1 :]]


def _filled(counts: pl.DataFrame, last: int) -> list[int]:
    filled = [0] * (last + 1)
    for place, count in counts.select("bin", "count").iter_rows():
        filled[min(place, last)] += count
    return filled
