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
from corpus.report.funnel import has_conversations
from corpus.schema import POST
from corpus.storage.remote_path import RemotePath
from corpus.tasks.receipts import load_manifest

STATISTICS_FILE = "statistics.json"
STATISTICS_FORMAT = 1
MAX_COMMUNITIES, MAX_LANGUAGES, MAX_OTHER_VALUES = 30, 60, 20
_BIN_COUNT = 100
#: Lengths in characters, four bins to an octave from 4 on.
_LENGTH_EDGES = [0, 1, 2, 3, *sorted({math.floor(2 ** (step / 4)) for step in range(8, 121)})]
_CHARTED_ELSEWHERE = ("cluster_size",)
_EMPTY_SIZES = pl.DataFrame(schema={"_size": pl.Int64, "count": pl.Int64})

RunTasks = Callable[[Sequence[Any], str], Iterable[Any]]


def _run_serially(tasks: Sequence[Any], step: str) -> Iterable[Any]:
    return (task() for task in tasks)


def load_statistics(folder: Path | RemotePath) -> dict[str, Any]:
    """The statistics of a finished corpus: those beside it, or gathered now if it has none."""
    try:
        found: dict[str, Any] = json.loads((folder / STATISTICS_FILE).read_text(encoding="utf-8"))
        if found["format"] == STATISTICS_FORMAT:
            return found
    except (OSError, ValueError, KeyError, TypeError):
        pass
    if isinstance(folder, RemotePath):
        raise BuildError(
            f"'{folder}' has no {STATISTICS_FILE}, so its posts must be counted; copy it to this machine first"
        )
    manifest = load_manifest(folder)
    shards = [folder / shard["path"] for shard in manifest["shards"]]
    return count_statistics(shards, sorted((folder / "dropped").glob("*.parquet")), manifest)


def count_statistics(
    shards: Sequence[Path],
    ledger: Sequence[Path],
    manifest: Mapping[str, Any],
    run: RunTasks = _run_serially,
) -> dict[str, Any]:
    """Count over ``shards`` and ``ledger``; BuildError if one is missing or damaged.

    ``scores`` has a histogram for each numeric column that a stage wrote: ``kept`` counts
    documents, ``own`` posts that left for the threshold's reason and lie beyond it, ``others`` all
    other posts that left with the score known. ``run`` does the tasks, two a file.
    """
    schema = _read_schema(shards[0]) if shards else dict(POST)
    scores = [
        name
        for name, dtype in schema.items()
        if name not in POST and dtype.is_numeric() and name not in _CHARTED_ELSEWHERE
        and not name.startswith("pii_")
    ]  # fmt: skip
    pii = [name for name in schema if name.startswith("pii_")]
    wanted = tuple(name for name in scores if not schema[name].is_integer())
    counting = [
        *(count_files.CountFile(path, True, wanted, tuple(pii)) for path in shards),
        *(count_files.CountFile(path, False, wanted) for path in ledger),
    ]
    kept, gone = _run_counts(counting, run)
    bounds = _threshold_of_column(manifest.get("thresholds", ()))
    bins = tuple(_choose_bins(name, schema[name], kept, gone, bounds.get(name)) for name in scores)
    placing = [
        *(count_files.BinFile(path, True, bins) for path in shards),
        *(count_files.BinFile(path, False, bins) for path in ledger),
    ]
    placed, left = _run_counts(placing if bins else [], run)
    return {
        "format": STATISTICS_FORMAT,
        "conversed": has_conversations(manifest),
        "columns": {name: str(dtype) for name, dtype in schema.items() if name not in POST},
        "languages": _count_languages(kept, gone) if "lang" in schema else None,
        "platforms": _count_top_values(kept, "platform", MAX_OTHER_VALUES),
        "kinds": _count_top_values(kept, "kind", MAX_OTHER_VALUES),
        "licenses": _count_top_values(kept, "license", MAX_OTHER_VALUES),
        "communities": _count_top_values(kept, "community", MAX_COMMUNITIES),
        "timeline": timeline.summarize_timeline(kept["hours"])
        if shards
        else timeline.EMPTY_TIMELINE,
        "lengths": _count_lengths(kept),
        "scores": [_score_histogram(each, placed, left, bounds.get(each.column)) for each in bins],
        "pii": _count_pii(kept, pii),
    }


def _run_counts(
    tasks: Sequence[Any], run: RunTasks
) -> tuple[count_files.CountTables, count_files.CountTables]:
    """What all shards hold, and all files of the ledger."""
    kept, gone = count_files.TableSums(), count_files.TableSums()
    for of_shard, tables in run(tasks, "counting"):
        (kept if of_shard else gone).add(tables)
    return kept.totals(), gone.totals()


def _read_schema(shard: Path) -> dict[str, pl.DataType]:
    try:
        return dict(pl.scan_parquet(shard, glob=False).collect_schema())
    except (OSError, pl.exceptions.PolarsError):
        raise count_files.unreadable_file_error(shard) from None


def _threshold_of_column(told: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """One threshold for each column: the last stage's, for the column is as that one left it, and
    of several in a stage the first."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in told:
        if row["column"] not in found or found[row["column"]]["stage"] != row["stage"]:
            found[row["column"]] = row
    return found


def _count_top_values(kept: count_files.CountTables, column: str, most: int) -> dict[str, Any]:
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


def _count_languages(
    kept: count_files.CountTables, gone: count_files.CountTables
) -> dict[str, Any]:
    """Each language: documents kept, their characters, posts dropped."""
    found = kept["lang"].rename({"count": "kept"}).select("lang", "kept", "characters")
    if "lang" in gone:
        left = gone["lang"].rename({"count": "dropped"})
        found = found.join(left, on="lang", how="full", coalesce=True)
    else:
        found = found.with_columns(pl.lit(0).alias("dropped"))
    found = found.drop_nulls("lang").with_columns(pl.exclude("lang").fill_null(0).cast(pl.Int64))
    found = found.sort(["kept", "dropped", "lang"], descending=[True, True, False])
    rest = found.slice(MAX_LANGUAGES)
    return {
        "distinct": found.height,
        "top": [list(row) for row in found.head(MAX_LANGUAGES).iter_rows()],
        "rest": [rest.height, int(rest["kept"].sum()), int(rest["dropped"].sum())],
    }


def _count_lengths(kept: count_files.CountTables) -> dict[str, Any]:
    sizes = kept.get("sizes", _EMPTY_SIZES)
    places = np.searchsorted(_LENGTH_EDGES, sizes["_size"].to_numpy(), side="right") - 1
    filled = [0] * len(_LENGTH_EDGES)
    for place, count in zip(places.tolist(), sizes["count"], strict=True):
        filled[place] += count
    last = max((n for n, count in enumerate(filled) if count), default=0)
    ordered = sizes.sort("_size")
    half = (ordered["count"].sum() + 1) // 2
    middle = ordered.filter(pl.col("count").cum_sum() >= half)["_size"]
    return {
        "edges": _LENGTH_EDGES[: last + 2],
        "counts": filled[: last + 1],
        "median": middle[0] if len(middle) else 0,
        "longest": ordered["_size"].max() or 0,
    }


def _count_pii(kept: count_files.CountTables, columns: Sequence[str]) -> list[list[Any]]:
    """Each kind of detail: documents that held some, and how many were replaced."""
    found = {row["column"]: row for row in kept["pii"].iter_rows(named=True)} if columns else {}
    return [
        [name.removeprefix("pii_").upper(), found[name]["documents"], found[name]["count"]]
        for name in columns
    ]


# --------------------------------------------------------------------------- histograms


def _choose_bins(
    column: str, dtype: pl.DataType, kept: count_files.CountTables, gone: count_files.CountTables,
    bound: Mapping[str, Any] | None,
) -> count_files.HistogramBins:  # fmt: skip
    """How a column's values are placed: no bin lies on both sides of its threshold."""
    ends = [found[f"ends {column}"] for found in (kept, gone) if f"ends {column}" in found]
    edges = _choose_edges(ends, dtype, bound)
    edges = _snap_to_threshold(edges, float(bound["value"])) if bound else edges
    side = "max" if bound and bound["side"] == "max" else "min"
    own = (bound["stage"], bound["reason"]) if bound else None
    return count_files.HistogramBins(column, tuple(edges), side, dtype == pl.Float32, own)


def _score_histogram(
    bins: count_files.HistogramBins,
    kept: count_files.CountTables,
    gone: count_files.CountTables,
    bound: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The histogram of one column."""
    edges, last = list(bins.edges), len(bins.edges) - 2
    column = bins.column
    found = {"kept": _fill_bins(kept[column], last)}
    for name, own in (("own", True), ("others", False)):
        of = gone[column].filter(pl.col("own") == own) if column in gone else None
        found[name] = [0] * (last + 1) if of is None else _fill_bins(of, last)
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


def _choose_edges(
    ends: Sequence[pl.DataFrame], dtype: pl.DataType, bound: Mapping[str, Any] | None
) -> list[float]:
    """Where the bins begin and end: by whole numbers, by hundredths, or evenly over what is there.

    The first and the last bin also hold what lies beyond them.
    """
    if dtype.is_integer():
        wanted = 2 * int(bound["value"]) if bound else 0
        whole = max(1, -(-wanted // _BIN_COUNT))
        return [whole * n for n in range(_BIN_COUNT + 2)]
    both = pl.concat(ends)
    low, high = both["low"].min(), both["high"].max()
    unit = [n / _BIN_COUNT for n in range(_BIN_COUNT + 1)]
    if low is None or high is None:
        return unit
    low, high = float(low), float(high)  # type: ignore[arg-type]
    if low >= 0 and (high <= 1 or (bound is not None and 0 < bound["value"] <= 1)):
        return unit
    if low > 0 and high / low > 1000:
        step = (math.log10(high) - math.log10(low)) / _BIN_COUNT
        return [_round(10 ** (math.log10(low) + step * n)) for n in range(_BIN_COUNT + 1)]
    width = (high - low) / _BIN_COUNT or 1.0
    return [_round(low + width * n) for n in range(_BIN_COUNT + 1)]


def _round(value: float) -> float:
    return float(f"{value:.6g}")


def _snap_to_threshold(edges: list[float], value: float) -> list[float]:
    """The edges with the nearest inner one moved to the threshold: no bin lies on both sides."""
    if not edges[0] < value < edges[-1] or value in edges:
        return edges
    nearest = min(range(1, len(edges) - 1), key=lambda n: (abs(edges[n] - value), n))
    return [*edges[:nearest], value, *edges[nearest + 1 :]]


def _fill_bins(counts: pl.DataFrame, last: int) -> list[int]:
    filled = [0] * (last + 1)
    for place, count in counts.select("bin", "count").iter_rows():
        filled[min(place, last)] += count
    return filled
