"""Measure the toxicity filter on posts of seven kinds that were read, weighted to their pools.

    python -m bench.quality.toxicity_sheet [--data ../shared/data] [--sheet dev.tsv]
                                           [--peers PYTHON] [--before FOLDER]

``judgement/dev.tsv`` tells abuse from vulgarity; ``weight`` is how many posts of the pool each row
stands for. Intervals are of 90 %, by drawing rows anew within each stratum. Errors are named by
their id in the sheet. ``--peers`` is an interpreter that has alt-profanity-check, ``--before`` a
folder with an earlier checkout. At the end the share of each whole pool that is dropped.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.quality import toxicity_peers
from bench.quality.sheet import load_pools
from bench.quality.toxicity_abuse import read_judgement
from bench.quality.toxicity_peers import ToxicityScorer, score_by
from filters import toxicity

DRAWS = 1000
WANTED_PRECISION = 0.8

Values = NDArray[np.float64]
Measure = Callable[[Values, Values, NDArray[np.int64]], float]


def weighted_auroc(scores: Values, weights: Values, positive: NDArray[np.bool_]) -> float:
    """Return the chance that a positive post of the pool scores above another; ties count half."""
    order = np.argsort(scores, kind="stable")
    _, group = np.unique(scores[order], return_inverse=True)
    here = np.bincount(group, weights[order] * positive[order])
    there = np.bincount(group, weights[order] * ~positive[order])
    below = np.cumsum(there) - there / 2
    return float(here @ below / max(here.sum() * there.sum(), 1e-12))


def recall_at_precision(scores: Values, weights: Values, positive: NDArray[np.bool_]) -> float:
    """Return the largest weighted recall at a threshold with ``WANTED_PRECISION`` or more."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(weights[order] * positive[order])
    called = np.cumsum(weights[order])
    last = np.append(np.diff(scores[order]) != 0, True)
    fine = last & (hits >= WANTED_PRECISION * called)
    return float(hits[fine].max(initial=0) / max(hits[-1], 1e-12))


def list_measures(max_score: float) -> dict[str, Measure]:
    """Return the figures by name, each of scores, weights and labels."""

    def share(label: int) -> Measure:
        return lambda s, w, a: float(
            (w * (a == label))[s > max_score].sum() / max(w[s > max_score].sum(), 1e-12)
        )

    def lost(label: int) -> Measure:
        return lambda s, w, a: float(
            (w * (s > max_score))[a == label].sum() / max(w[a == label].sum(), 1e-12)
        )

    return {
        "dropped": lambda s, w, a: float(w[s > max_score].sum() / w.sum()),
        "of them abusive": share(2),
        "vulgar only": share(1),
        "clean": share(0),
        "abusive found": lost(2),
        "clean lost": lost(0),
        "AUROC abuse": lambda s, w, a: weighted_auroc(s, w, a == 2),
        "AUROC abuse or vulgar": lambda s, w, a: weighted_auroc(s, w, a > 0),
        "found at precision .8": lambda s, w, a: recall_at_precision(s, w, a == 2),
    }


def bootstrap(
    measure: Measure, scores: Values, sheet: pl.DataFrame, draws: int
) -> tuple[float, float, float]:
    """Return a figure with the 5th and 95th percentile of draws within each stratum."""
    weights, abuse = sheet["weight"].to_numpy().astype(float), sheet["abuse"].to_numpy()
    random = np.random.default_rng(0)
    rows = sheet.with_row_index("row").group_by("platform", "stratum", maintain_order=True)
    strata = [part["row"].to_numpy() for _, part in rows]
    found = []
    for _ in range(draws):
        drawn = np.concatenate([random.choice(part, len(part)) for part in strata])
        found.append(measure(scores[drawn], weights[drawn], abuse[drawn]))
    low, high = np.quantile(found, (0.05, 0.95))
    return measure(scores, weights, abuse), float(low), float(high)


def print_sheet(
    sheet: pl.DataFrame, scorers: Mapping[str, ToxicityScorer], max_score: float, draws: int = DRAWS
) -> None:
    """Print the figures of every scorer with intervals, then by platform, then every error."""
    print(f"{len(sheet):,} posts for {sheet['weight'].sum():,.0f}; dropped above {max_score}")
    for who, score in scorers.items():
        scores = score(sheet["text"]).astype(float)
        print(f"\n{who}")
        for name, measure in list_measures(max_score).items():
            value, low, high = bootstrap(measure, scores, sheet, draws)
            print(f"  {name:24} {value:8.4f}  ({low:.4f} to {high:.4f})")
        for (platform,), part in sheet.with_columns(score=scores).group_by(
            "platform", maintain_order=True
        ):
            _print_platform(str(platform), part, max_score)
        judged = sheet.with_columns(score=scores)
        dropped = judged.filter(pl.col("score") > max_score, pl.col("abuse") < 2)
        missed = judged.filter(pl.col("score") <= max_score, pl.col("abuse") == 2)
        print("  dropped, not abusive: " + ", ".join(dropped["id"]))
        print("  abusive, kept: " + ", ".join(missed["id"]))


def _print_platform(platform: str, part: pl.DataFrame, max_score: float) -> None:
    kinds = part.group_by("abuse").agg(
        pool=pl.col("weight").sum(), gone=pl.col("weight").filter(pl.col("score") > max_score).sum()
    )
    by = {row["abuse"]: row for row in kinds.iter_rows(named=True)}
    gone = [by.get(label, {}).get("gone", 0.0) for label in (2, 1, 0)]
    pool = by.get(2, {}).get("pool", 0.0)
    shares = "/".join(f"{100 * each / sum(gone):.0f}" if sum(gone) else "-" for each in gone)
    found = f"{gone[0] / pool:.2f}" if pool else "-"
    dropped = 100 * sum(gone) / part["weight"].sum()
    print(
        f"  {platform:15} abusive/vulgar/clean {shares:>10}  found {found:>4}"
        f"  dropped {dropped:.2f} %"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sheet", type=Path, help="another sheet than judgement/dev.tsv")
    parser.add_argument("--peers", type=Path, help="an interpreter with alt-profanity-check")
    parser.add_argument("--before", type=Path, help="a folder with an earlier checkout")
    options = parser.parse_args()
    config = toxicity.Config()
    score_posts = toxicity.build(config)

    scorers: dict[str, ToxicityScorer] = {"toxicity": score_by(score_posts, "toxicity")}
    scorers["the higher of toxicity and profanity"] = score_by(score_posts, "toxicity", "profanity")
    scorers |= toxicity_peers.load_peers(options.peers, options.before)
    sheet = read_judgement(options.sheet or options.data / "judgement/dev.tsv")
    print_sheet(sheet, scorers, config.max_score)
    print("\nwhole pools               posts  dropped")
    for (source,), pool in load_pools(options.data).group_by("source", maintain_order=True):
        gone = int((scorers["toxicity"](pool["text"]) > config.max_score).sum())
        print(f"{source!s:20} {len(pool):10,} {gone:8}")


if __name__ == "__main__":
    main()
