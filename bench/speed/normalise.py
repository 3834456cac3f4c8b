"""Time the ``normalise`` filter against ftfy on the same posts in the same run.

    python -m bench.speed.normalise [FILE]

FILE holds one post a line; without it the shared tweets are read, or posts are invented.
"""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # posts a second of one core

import sys
import time
from collections.abc import Callable
from typing import Any

import ftfy
import polars as pl

from bench.sample import read_posts
from filters import normalise

# Settings with which the filter does only what ftfy does too: no retweet heads, no links.
ALIKE = {"tco": "keep", "retweet_head": "keep"}


def main(arguments: list[str]) -> None:
    """Print the tables."""
    name, posts = read_posts(arguments)
    texts = pl.Series("text", posts)
    print(f"{len(posts):,} posts from {name}")
    theirs = {
        "ftfy.fix_encoding, each": _rate(
            lambda: [ftfy.fix_encoding(post) for post in posts], texts
        ),
        "ftfy.fix_text, each": _rate(lambda: [ftfy.fix_text(post) for post in posts], texts),
    }
    for what, settings in (("default", {}), ("as much as ftfy", ALIKE)):
        rate, changed = _ours(texts, settings)
        print(f"filters.normalise, {what:17} {rate:>10,.0f} posts/s   changes {changed:.1%}")
        for peer, slow in theirs.items():
            print(
                f"  {peer:34} {slow:>10,.0f} posts/s   normalise is {rate / slow:5.1f} times that"
            )
    clean = _clean(texts)
    rate, changed = _ours(clean, {})
    print(f"filters.normalise, {'clean posts alone':17} {rate:>10,.0f} posts/s   of {len(clean):,}")
    _print_repairs(texts)


def _ours(texts: pl.Series, settings: dict[str, Any]) -> tuple[float, float]:
    run = normalise.build(normalise.Config.model_validate(settings))
    posts = pl.DataFrame(
        {"id": pl.int_range(len(texts), eager=True).cast(pl.String), "text": texts}
    )
    changed = (run(posts)["text"] != texts).mean()
    return _rate(lambda: run(posts), texts, repeats=5), float(str(changed))


def _clean(texts: pl.Series) -> pl.Series:
    """Return the posts as the filter writes them, which it does not change again."""
    run = normalise.build(normalise.Config())
    return run(texts.to_frame())["text"]


def _print_repairs(texts: pl.Series) -> None:
    """Print how many posts ftfy repairs, with the gate of the filter and without it."""
    config = ftfy.TextFixerConfig(unescape_html=False)
    run = normalise.build(normalise.Config.model_validate({"mojibake": True, **ALIKE}))
    without = normalise.build(normalise.Config.model_validate({"mojibake": False, **ALIKE}))
    ours = run(texts.to_frame())["text"] != without(texts.to_frame())["text"]
    all_of_them = sum(ftfy.fix_encoding(text, config) != text for text in texts)
    print(f"repaired: {ours.sum():,} posts; by ftfy without a gate: {all_of_them:,}")


def _rate(run: Callable[[], object], texts: pl.Series, repeats: int = 1) -> float:
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return len(texts) / best


if __name__ == "__main__":
    main(sys.argv[1:])
