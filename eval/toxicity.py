"""Print how well the toxicity filter ranks, decides and calibrates on held-out gold posts.

    python -m eval.toxicity [--data ../shared/data] [--model my.bin --label toxic]

``gold`` and ``split`` also serve ``scripts/train_toxicity.py``: a post is in ``test`` here
because of a hash of its own words, so it cannot have been trained on under another id.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import html
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filters import toxicity
from filters._text import folded
from filters.contract import Filter

Scores = NDArray[np.float32]
Labels = NDArray[np.bool_]

SETS = ("olid", "davidson", "germeval")

# Sentences about people that condemn nobody, and the groups to put into them. Invented.
NEUTRAL = (
    "I am a {} man and happy", "my best friend is a {} woman", "proud to be {}",
    "she is {} and a great teacher", "the {} community center opens at nine",
    "being {} in a small town", "a {} couple moved in next door", "are you {}?",
)  # fmt: skip
IDENTITIES = (
    "gay", "lesbian", "trans", "bisexual", "queer", "black", "white", "asian", "african",
    "latino", "mexican", "chinese", "muslim", "jewish", "christian", "hindu", "atheist",
    "deaf", "blind", "disabled", "autistic", "old", "female", "feminist", "arab", "turkish",
)  # fmt: skip


def gold(data: Path) -> pl.DataFrame:
    """All gold posts: ``set``, ``text``, ``offensive`` and the ``split`` of each."""
    rows = [*_olid(data), *_davidson(data), *_germeval(data)]
    posts = pl.DataFrame(rows, schema=["set", "text", "offensive"], orient="row")
    # The placeholder that OLID and GermEval put for a link tells nothing about the author.
    text = pl.col("text").map_batches(_decoded, pl.String).str.replace_all(r"\bURL\b", " ")
    posts = posts.with_columns(text=text).with_columns(folded=folded("text"))
    return posts.with_columns(split=pl.Series([split(text) for text in posts["folded"]]))


def split(folded_text: str) -> str:
    """``test`` for 20 % of texts, ``calibrate`` for 10 %, ``train`` for the rest, for ever."""
    digest = hashlib.blake2b(folded_text.encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "big") % 100
    return "test" if place < 20 else "calibrate" if place < 30 else "train"


def _decoded(texts: pl.Series) -> pl.Series:
    # Some rows were escaped twice ("&amp;gt;").
    return pl.Series([html.unescape(html.unescape(text)) for text in texts])


def _olid(data: Path) -> Iterator[tuple[str, str, bool]]:
    with (data / "toxicity/olid_train.tsv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield "olid", row["tweet"], row["subtask_a"] == "OFF"


def _davidson(data: Path) -> Iterator[tuple[str, str, bool]]:
    with (data / "toxicity/davidson.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            yield "davidson", row["tweet"], row["class"] != "2"


def _germeval(data: Path) -> Iterator[tuple[str, str, bool]]:
    with (data / "toxicity/germeval18_de_train.txt").open(encoding="utf-8") as lines:
        for line in lines:
            text, coarse, _ = line.rstrip("\n").split("\t")
            yield "germeval", text, coarse == "OFFENSE"


def auroc(scores: Scores, offensive: Labels) -> float:
    """The chance that an offensive post scores above an inoffensive one; ties count half."""
    ranks = pl.Series(scores).rank("average").to_numpy()
    hits = int(offensive.sum())
    return float((ranks[offensive].sum() - hits * (hits + 1) / 2) / (hits * (~offensive).sum()))


def precision_recall_f1(called: Labels, offensive: Labels) -> tuple[float, float, float]:
    """Of the class marked True."""
    hits = float((called & offensive).sum())
    precision, recall = hits / max(called.sum(), 1), hits / max(offensive.sum(), 1)
    return precision, recall, 2 * hits / max(called.sum() + offensive.sum(), 1)


def macro_f1(called: Labels, offensive: Labels) -> float:
    """The mean of both classes' F1."""
    here, there = (called, offensive), (~called, ~offensive)
    return (precision_recall_f1(*here)[2] + precision_recall_f1(*there)[2]) / 2


def best_cut(posts: pl.DataFrame) -> float:
    """The threshold of the highest macro-F1; look for it on posts that are not the test."""
    scores, offensive = posts["toxicity"].to_numpy(), posts["offensive"].to_numpy()
    cuts = [cut / 100 for cut in range(20, 61)]
    return max(cuts, key=lambda cut: macro_f1(scores > cut, offensive))


def print_ranking(posts: pl.DataFrame, cut: float, max_score: float) -> None:
    """One line a set: ranking, and decisions at one half, at ``cut`` and as the filter drops."""
    print(f"cut {cut:.2f} has the best macro-F1 on OLID's calibrate split\n")
    print("test set   posts   off%  AUROC | macro-F1: .5   cut", end="")
    print(f"    {max_score} | above {max_score}: P     R  dropped")
    for name in SETS:
        rows = posts.filter(pl.col("set") == name)
        scores, offensive = rows["toxicity"].to_numpy(), rows["offensive"].to_numpy()
        sure = scores > max_score
        precision, recall, _ = precision_recall_f1(sure, offensive)
        print(
            f"{name:10} {len(rows):5} {offensive.mean():6.1%} {auroc(scores, offensive):6.3f} | "
            f"{macro_f1(scores > 0.5, offensive):12.3f} {macro_f1(scores > cut, offensive):5.3f} "
            f"{macro_f1(sure, offensive):6.3f} | {precision:12.3f} {recall:5.3f} {sure.mean():8.1%}"
        )


def print_reliability(posts: pl.DataFrame, name: str) -> None:
    """What a score means: the share of offensive posts in each tenth of the scale."""
    rows = posts.filter(pl.col("set") == name)
    tenth = (pl.col("toxicity") * 10).floor().clip(0, 9).cast(pl.Int32)
    bins = rows.group_by(tenth.alias("tenth")).agg(
        pl.len(), pl.col("toxicity").mean(), pl.col("offensive").mean()
    )
    print(f"\nreliability, {name} test\nscore     posts  mean score  offensive")
    for place, count, mean, share in bins.sort("tenth").iter_rows():
        print(f".{place}-{(place + 1) / 10:.1f} {count:8} {mean:11.3f} {share:10.3f}")
    gap = ((bins["toxicity"] - bins["offensive"]).abs() * bins["len"]).sum() / len(rows)
    print(f"expected calibration error {gap:.3f}")


def print_identities(score: Filter, max_score: float) -> None:
    """How naming a group alone moves the score."""
    texts = [line.format(group) for group in IDENTITIES for line in NEUTRAL]
    rows = score(_posts(texts))
    means = rows["toxicity"].to_numpy().reshape(len(IDENTITIES), -1).mean(axis=1)
    ranked = sorted(zip(means.tolist(), IDENTITIES, strict=True), reverse=True)
    above = int((rows["toxicity"] > max_score).sum())
    print(f"\n{len(texts)} neutral sentences about groups: {above} above {max_score}; mean scores:")
    print(", ".join(f"{group} {mean:.2f}" for mean, group in ranked))


def print_plain(score: Filter, data: Path, max_score: float) -> None:
    """How much of an ordinary stream the filter would drop, and how fast it says so."""
    print(f"\nordinary posts         posts  above {max_score}  above .5   posts/s")
    for name in ("gurez.10000", "ile.10000", "youtube_first_20000", "redd.tok.uniq", "stacko-src"):
        text = (data / "plain" / name).read_text(encoding="utf-8", errors="replace")
        posts = _posts(text.splitlines())
        score(posts.head(10))
        start = time.perf_counter()
        scores = score(posts)["toxicity"]
        speed = len(posts) / (time.perf_counter() - start)
        print(
            f"{name:20} {len(posts):7} {_share(scores, max_score):9.2%} "
            f"{_share(scores, 0.5):9.2%} {speed:9,.0f}"
        )


def _share(scores: pl.Series, above: float) -> float:
    return int((scores > above).sum()) / len(scores)


def _posts(texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"id": [str(row) for row in range(len(texts))], "text": texts})


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", default="", help="a fastText model to measure instead of ours")
    parser.add_argument("--label", default="toxic")
    asked = parser.parse_args()
    config = toxicity.Config(model=asked.model, label=asked.label)
    score = toxicity.build(config)
    posts = score(gold(asked.data))
    cut = best_cut(posts.filter(pl.col("split") == "calibrate", pl.col("set") == "olid"))
    posts = posts.filter(pl.col("split") == "test")
    print_ranking(posts, cut, config.max_score)
    for name in ("olid", "germeval"):
        print_reliability(posts, name)
    print_identities(score, config.max_score)
    print_plain(score, asked.data, config.max_score)


if __name__ == "__main__":
    main()
