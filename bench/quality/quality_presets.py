"""Measure what the quality presets drop of spam, and what they keep of ordinary posts.

    python -m bench.quality.quality_presets [--data ../shared/data] [--old REVISION]
                                            [--datatrove PYTHON]

Spam: UCI's YouTube comments. The weights of the signs of spam were set on ``tune`` (the comments on
Psy, LMFAO and Eminem); ``test`` is those on Katy Perry and Shakira, without the comments whose
author or text is in ``tune`` too. Ordinary posts: the sets in ``plain``; a few per cent of the
tweets are spam themselves. The published presets decide as datatrove does, so their rows are
datatrove's; ``--datatrove`` runs it, and prints how many posts differ. ``--old`` also measures the
rules of an earlier revision of this repository.
"""

from __future__ import annotations

import argparse
import html
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from bench.peers import environment
from bench.peers.datatrove_filters import PUBLISHED_PRESETS, count_differences, run_datatrove
from filters import quality

TUNE = ("Psy", "LMFAO", "Eminem")
PLAIN = {
    "tweets (gurez)": "gurez.10000",
    "tweets (ile)": "ile.10000",
    "YouTube": "youtube_first_20000",
    "Reddit": "redd.tok.uniq",
    "Stack Exchange": "stacko-src",
}
_TAG = re.compile(r"<[^<>]{0,2000}>")

#: Return the reason to drop each post (or null) of a frame with ``id`` and ``text``.
RejectReasons = Callable[[pl.DataFrame], pl.Series]


def load_spam(data: Path) -> pl.DataFrame:
    """Return UCI's comments: ``author``, ``text`` (HTML decoded), ``spam``, ``split`` (tune, test,
    both).

    ``both`` are comments of the test videos whose author or text is in ``tune`` as well.
    """
    frames = [
        pl.read_csv(file).select(
            author="AUTHOR", text="CONTENT", spam=pl.last() == 1, video=pl.lit(file.stem)
        )
        if "AUTHOR" in pl.read_csv(file, n_rows=1).columns
        else pl.read_csv(file).select(
            author=pl.nth(1), text=pl.nth(3), spam=pl.nth(4) == 1, video=pl.lit(file.stem)
        )
        for file in sorted((data / "spam").glob("Youtube*.csv"))
    ]
    rows = pl.concat(frames).with_columns(
        pl.col("text").map_batches(_decoded, return_dtype=pl.String),
        tune=pl.col("video").str.split("-").list.last().is_in(TUNE),
    )
    known = rows.filter("tune")
    seen = pl.col("author").is_in(known["author"].implode()) | pl.col("text").is_in(
        known["text"].implode()
    )
    split = pl.when("tune").then(pl.lit("tune")).when(seen).then(pl.lit("both"))
    return rows.with_columns(split=split.otherwise(pl.lit("test")))


def _decoded(texts: pl.Series) -> pl.Series:
    """Return the texts as a reader decodes them: line breaks and entities, without other tags."""
    lines = texts.str.replace_all("<br ?/?>", "\n").str.replace_all("\ufeff", "")
    return pl.Series([html.unescape(_TAG.sub("", text)).strip() for text in lines])


def load_ordinary_posts(data: Path) -> dict[str, pl.DataFrame]:
    """Return the ordinary posts by set."""
    found = {}
    for name, file in PLAIN.items():
        lines = (data / "plain" / file).read_bytes().decode("utf-8", "replace").split("\n")
        found[name] = _frame([line.strip("\r\n") for line in lines if line.strip()])
    return found


def _frame(texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"id": [str(n) for n in range(len(texts))], "text": texts})


def use_preset(**config: Any) -> RejectReasons:
    """Return the reasons of a preset with its settings."""
    run = quality.build(quality.Config(**config))
    return lambda posts: run(posts.select("id", "text"))["reject"]


def use_revision(revision: str) -> RejectReasons:
    """Return the reasons of the default rules of an earlier revision."""
    shown = ["git", "show", f"{revision}:filters/quality.py"]
    source = subprocess.run(shown, check=True, capture_output=True, text=True).stdout
    module = sys.modules["old_quality"] = ModuleType("old_quality")
    exec(compile(source, "old_quality", "exec"), module.__dict__)
    run = module.build(module.Config())
    return lambda posts: run(posts.select("id", "text"))["reject"]


def precision_recall(predicted: pl.Series, gold: pl.Series) -> tuple[float, float, float]:
    """Return precision, recall and F1 of the posts that are called spam."""
    hits = int((predicted & gold).sum())
    precision, recall = hits / max(int(predicted.sum()), 1), hits / max(int(gold.sum()), 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--old", default="", help="a revision with the older rules")
    parser.add_argument(
        "--datatrove",
        type=Path,
        default=environment.installed_interpreter(),
        help="an interpreter with datatrove; by default that of the peers, if it is installed",
    )
    options = parser.parse_args()
    comments, ordinary = load_spam(options.data), load_ordinary_posts(options.data)
    rules: dict[str, RejectReasons] = {"social": use_preset()}
    rules["social, no spam rules"] = use_preset(max_spam=1000, templates=False)
    if options.old:
        rules[f"{options.old} (old rules)"] = use_revision(options.old)
    rules |= {name: use_preset(preset=name) for name in PUBLISHED_PRESETS}
    rules["the published, in turn"] = use_preset(preset=list(PUBLISHED_PRESETS))
    _print_spam(comments, rules)
    _print_kept(ordinary, rules)
    if options.datatrove:
        posts = _frame(pl.concat(ordinary.values())["text"].to_list())
        decisions = run_datatrove(options.datatrove, posts["text"].to_list())
        counts = {
            name: count_differences(
                quality.build(quality.Config(preset=name))(posts), decisions[name]
            )  # type: ignore[arg-type]
            for name in PUBLISHED_PRESETS
        }
        print(f"\nof {len(posts):,} posts datatrove itself decides otherwise: {counts}")


def _print_spam(comments: pl.DataFrame, rules: dict[str, RejectReasons]) -> None:
    for split in ("tune", "test"):
        rows = comments.filter(split=split)
        gold = rows["spam"]
        print(f"\n{split}: {len(rows)} comments, {gold.sum()} spam")
        print(f"{'':26}precision  recall     F1   others kept")
        for name, find_reasons in rules.items():
            reasons = find_reasons(_frame(rows["text"].to_list()))
            _line(name, reasons.is_not_null(), gold)
            if name == "social":
                by = reasons.is_in(["spam", "bot_template"]).fill_null(False)
                _line("  as spam or template", by, gold)


def _line(name: str, predicted: pl.Series, gold: pl.Series) -> None:
    precision, recall, f1 = precision_recall(predicted, gold)
    kept = 1 - int((predicted & ~gold).sum()) / int((~gold).sum())
    print(f"{name:26}{precision:9.3f} {recall:7.3f} {f1:6.3f} {kept:13.3f}")


def _print_kept(ordinary: dict[str, pl.DataFrame], rules: dict[str, RejectReasons]) -> None:
    print("\nshare of ordinary posts kept")
    print(f"{'':26}" + "".join(f"{name:>16}" for name in ordinary))
    counts: dict[str, dict[str, int]] = {}
    for name, find_reasons in rules.items():
        line = f"{name:26}"
        for source, posts in ordinary.items():
            reasons = find_reasons(posts)
            line += f"{reasons.is_null().mean():16.3f}"
            if name == "social":
                tally = reasons.drop_nulls().value_counts(sort=True)
                counts[source] = dict(tally.iter_rows())
        print(line)
    print("\nwhy social drops them")
    for source, tally in counts.items():
        listed = ", ".join(f"{reason} {count}" for reason, count in tally.items())
        print(f"{source} ({len(ordinary[source]):,}): {listed}")


if __name__ == "__main__":
    main()
