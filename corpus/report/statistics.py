"""Count what a finished corpus holds: one small JSON, whatever the corpus's size.

Everything comes from the shards and the ledger by streaming scans, a column at a time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pyarrow as pa

from corpus.errors import BuildError
from corpus.manifest import LEDGER, load_manifest
from corpus.places import Place
from corpus.report import timeline
from corpus.report.funnel import conversed
from corpus.schema import POST

FILE = "statistics.json"
FORMAT = 1
MOST_COMMUNITIES, MOST_LANGUAGES, MOST_OTHERS = 30, 60, 20
_BINS = 100
#: Lengths in characters, four bins to an octave from 4 on.
_LENGTHS = [0, 1, 2, 3, *sorted({math.floor(2 ** (step / 4)) for step in range(8, 121)})]
_OWN_CHARTS = ("cluster_size",)


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
    shards: Sequence[Path], ledger: Sequence[Path], manifest: Mapping[str, Any]
) -> dict[str, Any]:
    """Scan ``shards`` and ``ledger``; BuildError if one is missing or damaged.

    ``scores`` has a histogram for each numeric column that a stage wrote: ``kept`` counts
    documents, ``own`` posts that left for the threshold's reason and lie beyond it, ``others`` all
    other posts that left with the score known.
    """
    try:
        return _gather(shards, ledger, manifest)
    except (OSError, pa.ArrowInvalid, pl.exceptions.PolarsError) as error:
        where = next((path for path in (*shards, *ledger) if not _readable(path)), None)
        told = f"'{where}' is missing or damaged" if where else f"{type(error).__name__} in polars"
        raise BuildError(f"{told}; restore it, or build again") from None


def _readable(path: Path) -> bool:
    try:
        pl.scan_parquet(path, glob=False).select(pl.all().hash().sum()).collect()
    except (OSError, pl.exceptions.PolarsError):
        return False
    return True


def _gather(
    shards: Sequence[Path], ledger: Sequence[Path], manifest: Mapping[str, Any]
) -> dict[str, Any]:
    kept = pl.scan_parquet(list(shards), glob=False) if shards else pl.LazyFrame(schema=POST)
    gone = _ledger(ledger)
    schema = kept.collect_schema()
    gone_schema = gone.collect_schema()
    scores = [
        name
        for name, dtype in schema.items()
        if name not in POST and dtype.is_numeric() and name not in _OWN_CHARTS
        and not name.startswith("pii_")
    ]  # fmt: skip
    bounds = _bounds(manifest.get("thresholds", ()))
    return {
        "format": FORMAT,
        "conversed": conversed(manifest),
        "columns": {name: str(dtype) for name, dtype in schema.items() if name not in POST},
        "languages": _languages(kept, gone) if "lang" in schema else None,
        "platforms": _top(kept, "platform", MOST_OTHERS),
        "kinds": _top(kept, "kind", MOST_OTHERS),
        "licenses": _top(kept, "license", MOST_OTHERS),
        "communities": _top(kept, "community", MOST_COMMUNITIES),
        "timeline": timeline.gather(kept),
        "lengths": _lengths(kept),
        "scores": [
            _score(kept, gone if name in gone_schema else None, name, schema[name], bounds)
            for name in scores
        ],
        "pii": _pii(kept, [name for name in schema if name.startswith("pii_")]),
    }


def _bounds(told: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """One threshold for each column: the last stage's, for the column is as that one left it, and
    of several in a stage the first."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in told:
        if row["column"] not in found or found[row["column"]]["stage"] != row["stage"]:
            found[row["column"]] = row
    return found


def _ledger(paths: Sequence[Path]) -> pl.LazyFrame:
    """All ledger rows; files of a takedown may have fewer columns."""
    frames = [pl.scan_parquet(path, glob=False) for path in paths]
    return pl.concat(frames, how="diagonal") if frames else pl.LazyFrame(schema=LEDGER)


def collected(frame: pl.LazyFrame) -> pl.DataFrame:
    """The result of a streaming query."""
    return frame.collect(engine="streaming")


def _top(frame: pl.LazyFrame, column: str, most: int) -> dict[str, Any]:
    """The most frequent values of a column; ties by name."""
    if column not in frame.collect_schema():
        return {"distinct": 0, "none": 0, "rest": 0, "top": []}
    counts = collected(frame.group_by(column).agg(pl.len().alias("count")))
    named = counts.drop_nulls(column).sort(["count", column], descending=[True, False])
    return {
        "distinct": named.height,
        "none": int(counts.filter(pl.col(column).is_null())["count"].sum()),
        "rest": int(named["count"].slice(most).sum()),
        "top": [[name[:200], count] for name, count in named.head(most).iter_rows()],
    }


def _languages(kept: pl.LazyFrame, gone: pl.LazyFrame) -> dict[str, Any]:
    """Each language: documents kept, their characters, posts dropped."""
    size = pl.col("text").str.len_chars().cast(pl.Int64).sum()
    found = collected(kept.group_by("lang").agg(pl.len().alias("kept"), size.alias("characters")))
    if "lang" in gone.collect_schema():
        left = collected(gone.drop_nulls("lang").group_by("lang").agg(pl.len().alias("dropped")))
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


def _lengths(kept: pl.LazyFrame) -> dict[str, Any]:
    size = pl.col("text").str.len_chars().cast(pl.Int64)
    counts = collected(kept.select(size.alias("size")).group_by("size").agg(pl.len()))
    places = np.searchsorted(_LENGTHS, counts["size"].to_numpy(), side="right") - 1
    filled = [0] * len(_LENGTHS)
    for place, count in zip(places.tolist(), counts["len"], strict=True):
        filled[place] += count
    last = max((n for n, count in enumerate(filled) if count), default=0)
    ordered = counts.sort("size")
    half = (ordered["len"].sum() + 1) // 2
    middle = ordered.filter(pl.col("len").cum_sum() >= half)["size"]
    return {
        "edges": _LENGTHS[: last + 2],
        "counts": filled[: last + 1],
        "median": middle[0] if len(middle) else 0,
        "longest": ordered["size"].max() or 0,
    }


def _pii(kept: pl.LazyFrame, columns: Sequence[str]) -> list[list[Any]]:
    """Each kind of detail: documents that held some, and how many were replaced."""
    if not columns:
        return []
    wanted = [
        each
        for name in columns
        for each in (
            (pl.col(name) > 0).sum().alias(f"{name} documents"),
            pl.col(name).cast(pl.Int64).sum().alias(name),
        )
    ]
    row = collected(kept.select(wanted)).row(0, named=True)
    return [
        [name.removeprefix("pii_").upper(), int(row[f"{name} documents"]), int(row[name])]
        for name in columns
    ]


# --------------------------------------------------------------------------- histograms


def _score(
    kept: pl.LazyFrame, gone: pl.LazyFrame | None, column: str, dtype: pl.DataType,
    bounds: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """The histogram of one column. Bins are open below where the threshold is a maximum.

    So a bin's edge splits as the threshold does, and counts at edges are exact.
    """
    bound = bounds.get(column)
    edges = _edges(kept, gone, column, dtype, bound)
    edges = _snapped(edges, float(bound["value"])) if bound else edges
    side = "max" if bound and bound["side"] == "max" else "min"
    placed = _place(column, edges, side, dtype)
    last = len(edges) - 2
    known = pl.col(column).is_not_null() & pl.col(column).cast(pl.Float64).is_not_nan()
    counts = collected(kept.filter(known).group_by(placed.alias("bin")).agg(pl.len()))
    found = {"kept": _filled(counts, last)}
    for name in ("own", "others"):
        found[name] = [0] * (last + 1)
    if gone is not None:
        own = pl.lit(False)
        if bound:
            own = (pl.col("stage") == bound["stage"]) & (pl.col("reason") == bound["reason"])
        keys = [placed.alias("bin"), own.alias("own")]
        left = collected(gone.filter(known).group_by(keys).agg(pl.len()))
        found["own"] = _filled(left.filter("own"), last)
        found["others"] = _filled(left.filter(~pl.col("own")), last)
    if bound and bound["value"] in edges:
        # Two measures may give one reason; what this one lets pass left because of the other.
        at = edges.index(bound["value"])
        for place in range(at) if side == "max" else range(at, last + 1):
            found["others"][place] += found["own"][place]
            found["own"][place] = 0
    over = kept.select((pl.col(column) > edges[-1]).any()).collect().item()
    shown = {name: bound[name] for name in ("stage", "setting", "side", "reason", "value", "note")
             if name in bound} if bound else None  # fmt: skip
    return {"column": column, "edges": edges, "threshold": shown, "beyond": bool(over), **found}


def _edges(
    kept: pl.LazyFrame, gone: pl.LazyFrame | None, column: str, dtype: pl.DataType,
    bound: Mapping[str, Any] | None,
) -> list[float]:  # fmt: skip
    """Where the bins begin and end: by whole numbers, by hundredths, or evenly over what is there.

    The first and the last bin also hold what lies beyond them.
    """
    if dtype.is_integer():
        wanted = 2 * int(bound["value"]) if bound else 0
        whole = max(1, -(-wanted // _BINS))
        return [whole * n for n in range(_BINS + 2)]
    ends = [pl.col(column).min().alias("low"), pl.col(column).max().alias("high")]
    frames = [frame.filter(pl.col(column).is_finite()).select(ends)
              for frame in (kept, gone) if frame is not None]  # fmt: skip
    both = collected(pl.concat(frames))
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


def _place(column: str, edges: Sequence[float], side: str, kind: pl.DataType) -> pl.Expr:
    """The bin of each value."""
    # As the stages compare: beside a Float32 the threshold is one too.
    dtype = np.float32 if kind == pl.Float32 else np.float64
    inner = np.array(edges[1:-1], dtype)
    how: Literal["left", "right"] = "left" if side == "max" else "right"

    def places(values: pl.Series) -> pl.Series:
        return pl.Series(
            np.searchsorted(inner, values.to_numpy().astype(dtype), how), dtype=pl.Int64
        )

    return pl.col(column).map_batches(places, return_dtype=pl.Int64, is_elementwise=True)


def _filled(counts: pl.DataFrame, last: int) -> list[int]:
    filled = [0] * (last + 1)
    for place, count in counts.select("bin", "len").iter_rows():
        filled[min(place, last)] += count
    return filled
