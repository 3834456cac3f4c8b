"""Count what a finished corpus holds into one JSON, small for a corpus of any size.

Everything is counted from the shards and the ledger, by one or two tasks a file, and added up.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from corpus.errors import BuildError
from corpus.journal import CorpusFiles
from corpus.manifest import load_manifest
from corpus.report import count_files, timeline
from corpus.report.count_files import CountTables, HistogramBins
from corpus.report.funnel import has_conversations
from corpus.schema import INTERNAL_COLUMNS, POST
from corpus.storage.parquet_columns import read_schema
from corpus.storage.remote_path import RemotePath
from corpus.tasks.task import RunTasks, run_inline

STATISTICS_FILE = "statistics.json"
STATISTICS_FORMAT = 1
MAX_COMMUNITIES, MAX_LANGUAGES, MAX_OTHER_VALUES = 30, 60, 20
_BIN_COUNT = 100
#: Edges for lengths in characters: four bins to an octave from 4 on.
_LENGTH_EDGES = [0, 1, 2, 3, *sorted({math.floor(2 ** (step / 4)) for step in range(8, 121)})]
_MAX_VALUE_LENGTH = 200
#: Numeric columns that have charts of another kind.
_CHARTED_ELSEWHERE = ("cluster_size",)
#: What :func:`_find_largest` looks at, to the column of its values.
_LARGEST = {"thread": "root_id", "community": "community", "domain": "_host", "language": "lang"}
_EMPTY_SIZES = pl.DataFrame(schema={"_size": pl.Int64, "count": pl.Int64})

#: Run tasks, which the second argument names in the progress, and yield their results.


def load_statistics(folder: Path | RemotePath) -> dict[str, Any]:
    """Return the statistics of a finished corpus from its file, or count them if it has none.

    Raises :class:`~corpus.errors.BuildError` if a remote corpus has none.
    """
    files = CorpusFiles(folder)
    try:
        found: dict[str, Any] = json.loads(files.path(STATISTICS_FILE).read_text(encoding="utf-8"))
        if found["format"] == STATISTICS_FORMAT:
            return found
    except (OSError, ValueError, KeyError, TypeError):
        pass
    if isinstance(folder, RemotePath):
        raise BuildError(
            f"'{folder}' has no {STATISTICS_FILE}, so its posts must be counted; copy it to this "
            "machine first"
        )
    manifest = load_manifest(folder)
    shards = [files.path(shard["path"]) for shard in manifest["shards"]]
    return count_statistics(shards, files.ledger(), manifest)


def count_statistics(
    shards: Sequence[Path],
    ledger: Sequence[Path],
    manifest: Mapping[str, Any],
    run: RunTasks = run_inline,
) -> dict[str, Any]:
    """Count over the files of the shards and the ledger; ``run`` runs two tasks a file.

    ``scores`` has a histogram for each numeric column that a stage wrote. Its ``kept`` counts
    documents; ``own`` counts posts that were dropped for the threshold's reason and are beyond it;
    ``others`` counts all other dropped posts whose score is known. Raises
    :class:`~corpus.errors.BuildError` if a file is missing or damaged.
    """
    schema = _read_schema(shards[0]) if shards else dict(POST)
    scores = [name for name, dtype in schema.items() if _is_score(name, dtype)]
    pii = [name for name in schema if name.startswith("pii_")]
    floats = tuple(name for name in scores if not schema[name].is_integer())
    count_tasks = [
        *(count_files.CountFile(path, True, floats, tuple(pii)) for path in shards),
        *(count_files.CountFile(path, False, floats) for path in ledger),
    ]
    kept, dropped = _run_counts(count_tasks, run)
    thresholds = _threshold_of_column(manifest.get("thresholds", ()))
    bins = tuple(
        _choose_bins(name, schema[name], kept, dropped, thresholds.get(name)) for name in scores
    )
    bin_tasks = [
        *(count_files.BinFile(path, True, bins) for path in shards),
        *(count_files.BinFile(path, False, bins) for path in ledger),
    ]
    kept_bins, dropped_bins = _run_counts(bin_tasks if bins else [], run)
    return {
        "format": STATISTICS_FORMAT,
        "conversed": has_conversations(manifest),
        "columns": {name: str(dtype) for name, dtype in schema.items() if name not in POST},
        **_list_omitted(schema),
        "languages": _count_languages(kept, dropped) if "lang" in schema else None,
        "platforms": _count_top_values(kept, "platform", MAX_OTHER_VALUES),
        "kinds": _count_top_values(kept, "kind", MAX_OTHER_VALUES),
        "licenses": _count_top_values(kept, "license", MAX_OTHER_VALUES),
        "communities": _count_top_values(kept, "community", MAX_COMMUNITIES),
        "largest": _find_largest(kept),
        "timeline": timeline.summarize_timeline(kept["hours"])
        if shards
        else timeline.EMPTY_TIMELINE,
        "lengths": _count_lengths(kept),
        "scores": [
            _score_histogram(each, kept_bins, dropped_bins, thresholds.get(each.column))
            for each in bins
        ],
        "pii": _count_pii(kept, pii),
    }


def _list_omitted(schema: Mapping[str, pl.DataType]) -> dict[str, list[str]]:
    """Return the columns of posts that the shards do not have, if there are some."""
    names = [name for name in POST if name not in (*schema, *INTERNAL_COLUMNS)]
    return {"omitted_columns": names} if names else {}


def _is_score(name: str, dtype: pl.DataType) -> bool:
    """Whether a column has a histogram: a number that a stage wrote."""
    if name in POST or name in _CHARTED_ELSEWHERE or name.startswith("pii_"):
        return False
    return dtype.is_numeric()


def _run_counts(tasks: Sequence[Any], run: RunTasks) -> tuple[CountTables, CountTables]:
    """Return the sums over all shards, and those over all files of the ledger."""
    kept, dropped = count_files.TableSums(), count_files.TableSums()
    for is_shard, tables in run(tasks, "counting"):
        (kept if is_shard else dropped).add(tables)
    return kept.totals(), dropped.totals()


def _read_schema(shard: Path) -> dict[str, pl.DataType]:
    try:
        return dict(read_schema(shard))
    except (OSError, pl.exceptions.PolarsError):
        raise count_files.unreadable_file_error(shard) from None


def _threshold_of_column(
    thresholds: Sequence[Mapping[str, Any]],
) -> dict[str, Mapping[str, Any]]:
    """Return one threshold for each column: the first one of the last stage that has some.

    The column's values are those that the last stage wrote.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for row in thresholds:
        if row["column"] not in found or found[row["column"]]["stage"] != row["stage"]:
            found[row["column"]] = row
    return found


def _count_top_values(kept: CountTables, column: str, most: int) -> dict[str, Any]:
    """Return the most frequent values of a column; ties by name."""
    if column not in kept:
        return {"distinct": 0, "none": 0, "rest": 0, "top": []}
    named = kept[column].drop_nulls(column).sort(["count", column], descending=[True, False])
    return {
        "distinct": named.height,
        "none": int(kept[column].filter(pl.col(column).is_null())["count"].sum()),
        "rest": int(named["count"].slice(most).sum()),
        "top": [
            [name[:_MAX_VALUE_LENGTH], count]
            for name, count in named.head(most).select(column, "count").rows()
        ],
    }


def _find_largest(kept: CountTables) -> list[dict[str, Any]]:
    """Return the largest thread, community, domain and language: its share of the documents.

    ``distinct`` is how many there are; of threads and domains, at least how many. ``share`` of
    these two is a lower bound: of a shard only the largest are counted.
    """
    documents = int(kept["sizes"]["count"].sum()) if "sizes" in kept else 0
    largest = []
    for kind, column in _LARGEST.items():
        found = _count_top_values(kept, column, 1)
        if found["top"]:
            ((name, count),) = found["top"]
            share = round(count / documents, 4)
            row = {"kind": kind, "name": name, "documents": count, "share": share}
            largest.append(row | {"distinct": found["distinct"]})
    return largest


def _count_languages(kept: CountTables, dropped: CountTables) -> dict[str, Any]:
    """Return for each language its documents, their characters, and its dropped posts."""
    found = kept["lang"].rename({"count": "kept"}).select("lang", "kept", "characters")
    if "lang" in dropped:
        counts = dropped["lang"].rename({"count": "dropped"})
        found = found.join(counts, on="lang", how="full", coalesce=True)
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


def _count_lengths(kept: CountTables) -> dict[str, Any]:
    """Return a histogram of the documents' lengths, their median and the greatest one."""
    sizes = kept.get("sizes", _EMPTY_SIZES)
    bins = np.searchsorted(_LENGTH_EDGES, sizes["_size"].to_numpy(), side="right") - 1
    filled = [0] * len(_LENGTH_EDGES)
    for number, count in zip(bins.tolist(), sizes["count"], strict=True):
        filled[number] += count
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


def _count_pii(kept: CountTables, columns: Sequence[str]) -> list[list[Any]]:
    """Return for each entity the documents that had some, and how many were replaced."""
    found = {row["column"]: row for row in kept["pii"].iter_rows(named=True)} if columns else {}
    return [
        [name.removeprefix("pii_").upper(), found[name]["documents"], found[name]["count"]]
        for name in columns
    ]


# --------------------------------------------------------------------------- histograms


def _choose_bins(
    column: str,
    dtype: pl.DataType,
    kept: CountTables,
    dropped: CountTables,
    threshold: Mapping[str, Any] | None,
) -> HistogramBins:
    """Choose bins for a column; no bin has values on both sides of its threshold."""
    name = f"ends {column}"
    extremes = [found[name] for found in (kept, dropped) if name in found]
    edges = _choose_edges(extremes, dtype, threshold)
    if threshold:
        edges = _snap_to_threshold(edges, float(threshold["value"]))
    return HistogramBins(
        column=column,
        edges=tuple(edges),
        side="max" if threshold and threshold["side"] == "max" else "min",
        is_float32=dtype == pl.Float32,
        drop_reason=(threshold["stage"], threshold["reason"]) if threshold else None,
    )


def _score_histogram(
    bins: HistogramBins,
    kept: CountTables,
    dropped: CountTables,
    threshold: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the histogram of one column."""
    edges, last = list(bins.edges), len(bins.edges) - 2
    column = bins.column
    found = {"kept": _fill_bins(kept[column], last)}
    for name, own in (("own", True), ("others", False)):
        counts = dropped[column].filter(pl.col("own") == own) if column in dropped else None
        found[name] = [0] * (last + 1) if counts is None else _fill_bins(counts, last)
    if threshold and threshold["value"] in edges:
        # Two measures may share a reason. A post that this one lets pass was dropped by the other.
        at = edges.index(threshold["value"])
        for number in range(at) if bins.side == "max" else range(at, last + 1):
            found["others"][number] += found["own"][number]
            found["own"][number] = 0
    shown = None
    if threshold:
        names = ("stage", "setting", "side", "reason", "value", "note")
        shown = {name: threshold[name] for name in names if name in threshold}
    beyond = bool(kept[column]["over"].sum())
    return {"column": column, "edges": edges, "threshold": shown, "beyond": beyond, **found}


def _choose_edges(
    extremes: Sequence[pl.DataFrame], dtype: pl.DataType, threshold: Mapping[str, Any] | None
) -> list[float]:
    """Choose edges at whole numbers, at hundredths, or evenly between the extremes.

    The first and the last bin also hold the values beyond them.
    """
    if dtype.is_integer():
        wanted = 2 * int(threshold["value"]) if threshold else 0
        step = max(1, -(-wanted // _BIN_COUNT))
        return [step * n for n in range(_BIN_COUNT + 2)]
    both = pl.concat(extremes)
    low, high = both["low"].min(), both["high"].max()
    hundredths = [n / _BIN_COUNT for n in range(_BIN_COUNT + 1)]
    if low is None or high is None:
        return hundredths
    low, high = float(low), float(high)  # type: ignore[arg-type]
    if low >= 0 and (high <= 1 or (threshold is not None and 0 < threshold["value"] <= 1)):
        return hundredths
    if low > 0 and high / low > 1000:
        width = (math.log10(high) - math.log10(low)) / _BIN_COUNT
        return [_round(10 ** (math.log10(low) + width * n)) for n in range(_BIN_COUNT + 1)]
    width = (high - low) / _BIN_COUNT or 1.0
    return [_round(low + width * n) for n in range(_BIN_COUNT + 1)]


def _round(value: float) -> float:
    return float(f"{value:.6g}")


def _snap_to_threshold(edges: list[float], value: float) -> list[float]:
    """Move the nearest inner edge to the threshold, unless one is there."""
    if not edges[0] < value < edges[-1] or value in edges:
        return edges
    nearest = min(range(1, len(edges) - 1), key=lambda n: (abs(edges[n] - value), n))
    return [*edges[:nearest], value, *edges[nearest + 1 :]]


def _fill_bins(counts: pl.DataFrame, last: int) -> list[int]:
    filled = [0] * (last + 1)
    for number, count in counts.select("bin", "count").iter_rows():
        filled[min(number, last)] += count
    return filled
