"""Measure the language filter on posts in 58 languages that were read and labelled one by one.

    python -m bench.quality.language_sheet [--data ../shared/data] [--sheet languages_dev.tsv]
                                           [--errors]

For `language`, lid.176 and eldc: the share of posts identified, by language, its mean over the
languages, and by number of words; then which near languages are taken for each other. A post whose
reader could not distinguish two near languages (``sure`` is 0) is not counted; ``sh`` is Serbian,
Croatian or Bosnian, and of two languages in alternation either is right. ``--errors`` prints each
error as its id in the sheet.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from bench.quality import language as gold_sets
from bench.quality.sheet import read_sheet
from filters import language
from filters.text.identifier import words

#: The near languages that the tables show, each with what it is taken for.
NEAR_PAIRS = (
    ("sr", "hr", "bs", "sl"),
    ("cs", "sk"),
    ("da", "no", "sv"),
    ("id", "ms"),
    ("mk", "bg"),
    ("ur", "fa"),
    ("az", "tr"),
)
#: The fewest words of each class of length.
LENGTHS = {1: "1-2", 3: "3-5", 6: "6-10", 11: "11+"}
#: A language of at least this many posts has an aim of its own.
MANY = 20
#: With fewer posts than this, a language's share says little.
FEW = 5


def load_posts(path: Path) -> pl.DataFrame:
    """Return the sheet's posts that are in a language: ``id``, ``gold``, ``text``, ``words``."""
    sheet = read_sheet(path).filter(pl.col("sure") == 1, pl.col("lang") != "und")
    lines = words.split_to_strings(*words.extract_words(sheet))
    count = pl.Series([len(line.split()) for line in lines])
    return sheet.select("id", "text", gold="lang").with_columns(words=count)


def mark_right(found: pl.Expr, gold: pl.Expr) -> pl.Expr:
    """Return whether the language found is one that the reader allows."""
    either = gold.str.replace("^sh$", "sr+hr+bs+sh").str.split("+")
    return either.list.contains(found)


def identify(posts: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the posts with ``lang`` and ``right`` for each of the models."""
    judges = {
        "language": language.build(language.Config()),
        "lid.176": gold_sets.predict_with_lid176(),
        "eldc": gold_sets.predict_with_eldc(),
    }
    right = mark_right(pl.col("lang"), pl.col("gold"))
    return {name: judge(posts).with_columns(right=right) for name, judge in judges.items()}


def average_by_language(judged: pl.DataFrame, fewest: int = 1) -> float:
    """Return the mean over the languages of at least ``fewest`` posts of the share identified."""
    shares = judged.group_by("gold").agg(pl.len(), pl.col("right").mean())
    found = shares.filter(pl.col("len") >= fewest)["right"]
    return float(found.sum()) / max(len(found), 1)


def _print_rows(title: str, rows: Iterable[tuple[str, int, Mapping[str, float]]]) -> None:
    names: tuple[str, ...] = ()
    for label, count, shares in rows:
        if not names:
            names = tuple(shares)
            print(f"\n{title:24}{'posts':>6}" + "".join(f"{name:>10}" for name in names))
        print(f"{label:24}{count:6}" + "".join(f"{shares[name]:10.3f}" for name in names))


def _share_right(judged: Mapping[str, pl.DataFrame], which: pl.Expr) -> dict[str, float]:
    found = {name: rows.filter(which)["right"] for name, rows in judged.items()}
    return {name: right.sum() / max(len(right), 1) for name, right in found.items()}


def print_tables(judged: Mapping[str, pl.DataFrame]) -> None:
    """Print the share identified in all, by language, and by number of words."""
    ours = judged["language"]
    sizes = ours.group_by("gold").len().sort("len", "gold", descending=[True, False])
    rows = [("all posts", ours.height, _share_right(judged, pl.lit(True)))]
    for fewest in (1, FEW):
        named = sizes.filter(pl.col("len") >= fewest)
        mean = {name: average_by_language(rows, fewest) for name, rows in judged.items()}
        title = "mean of languages" if fewest == 1 else f"of {fewest} posts or more"
        rows.append((title, int(named["len"].sum()), mean))
    _print_rows("identified", rows)
    _print_rows(
        f"by language ({MANY} or more: ≥ .85)",
        (
            (code, count, _share_right(judged, pl.col("gold") == code))
            for code, count in sizes.iter_rows()
        ),
    )
    bounds = [*LENGTHS, 1 << 30]
    by_length = []
    for index, (least, name) in enumerate(LENGTHS.items()):
        which = pl.col("words").clip(1).is_between(least, bounds[index + 1] - 1)
        by_length.append((f"{name} words", ours.filter(which).height, _share_right(judged, which)))
    _print_rows("by length", by_length)


def print_near(judged: pl.DataFrame) -> None:
    """Print what the posts in near languages are taken for, by `language`."""
    print(f"\n{'near languages':24}posts  found in")
    for group in NEAR_PAIRS:
        for code in group:
            rows = judged.filter(pl.col("gold") == code)
            counts = rows.group_by("lang").len().sort("len", "lang", descending=[True, False])
            found = ", ".join(f"{lang} {count}" for lang, count in counts.iter_rows())
            print(f"{code:24}{rows.height:5}  {found or '-'}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sheet", type=Path, help="another sheet than judgement/languages_dev.tsv")
    parser.add_argument("--errors", action="store_true")
    options = parser.parse_args()
    path = options.sheet or options.data / "judgement/languages_dev.tsv"
    if not path.exists():
        print(f"no sheet at '{path}', so nothing is measured")
        return
    judged = identify(load_posts(path))
    print_tables(judged)
    print_near(judged["language"])
    if options.errors:
        print("\nerrors of `language`: id, in, found in")
        for row in judged["language"].filter(~pl.col("right")).select("id", "gold", "lang").rows():
            print("  ".join(row))


if __name__ == "__main__":
    main()
