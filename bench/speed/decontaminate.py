"""Time the ``decontaminate`` filter beside plain Python sets and datatrove, on the same posts.

    python -m bench.speed.decontaminate [FILE] [--datatrove PYTHON]

FILE holds one post a line; without it the shared tweets are read, or posts are made up. The
evaluation set is 100,000 items of the posts' own words by a seed, and one post in a hundred is
given an item. PYTHON is that of an environment with datatrove, where this file starts itself: one
core, one process, the same posts and items, its filter alone (no reader, no writer).
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # posts a second of one core

ITEMS, NGRAM, LEAST = 100_000, 13, 8


def main(arguments: list[str]) -> None:
    """Print the table."""
    theirs = arguments[arguments.index("--datatrove") + 1] if "--datatrove" in arguments else ""
    files = [name for name in arguments if name not in ("--datatrove", theirs)]
    from bench.speed.pii import read_posts

    name, posts = read_posts(files)
    items, posts = _items(posts), list(posts)
    planted = _planted(posts, items)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.jsonl"
        path.write_text("".join(json.dumps({"q": item}) + "\n" for item in items))
        results = {
            "filters.decontaminate.filter": _ours(path, posts),
            "Python sets": _sets(items, posts),
        }
        if theirs:
            results["datatrove NGramsDecontFilter"] = _elsewhere(theirs, path, posts)
    print(f"{len(posts):,} posts from {name}, {len(planted):,} with one of {ITEMS:,} items")
    ours = results["filters.decontaminate.filter"]
    for what, found in results.items():
        caught, times = len(planted & set(found["rows"])), ours["rate"] / found["rate"]
        print(
            f"{what:30} {found['rate']:>10,.0f} posts/s   ours is {times:6.1f} times that   "
            f"index {found['index']:5.1f} s   finds {caught} and {len(found['rows']) - caught} more"
        )
    print(f"the sets find the posts that we find: {ours['rows'] == results['Python sets']['rows']}")


def _items(posts: list[str]) -> list[str]:
    """Items of 8 to 40 words, drawn as often as they are written."""
    chance, words = random.Random(11), [word for post in posts for word in post.split()]
    return [" ".join(chance.choices(words, k=chance.randint(8, 40))) for _ in range(ITEMS)]


def _planted(posts: list[str], items: list[str]) -> set[int]:
    """Give one post in a hundred an item, in capitals; their places."""
    chance = random.Random(12)
    places = set(chance.sample(range(len(posts)), len(posts) // 100))
    for place in sorted(places):
        posts[place] = f"{posts[place]}: {chance.choice(items).upper()}!"
    return places


def _measured(rows: list[int], rate: float, index: float) -> dict[str, Any]:
    return {"rows": rows, "rate": rate, "index": index}


def _ours(path: Path, posts: list[str]) -> dict[str, Any]:
    import polars as pl

    from filters import decontaminate

    config = decontaminate.Config(against=(str(path),), max_items=ITEMS)
    decontaminate.build(config)  # compiles, once a machine
    began = time.perf_counter()
    run = decontaminate.build(config)
    index = time.perf_counter() - began
    frame = pl.DataFrame({"text": posts})
    rows = run(frame)["reject"].is_not_null().arg_true().to_list()
    best = min(_seconds(lambda: run(frame)) for _ in range(7))
    return _measured(rows, len(posts) / best, index)


def _sets(items: list[str], posts: list[str]) -> dict[str, Any]:
    """As one would write it: a dictionary of joined words, and every window of a post."""
    import unicodedata

    import regex

    from filters.decontaminate.ngram_index import _UNSPACED_SCRIPTS

    alone = regex.compile(f"([{_UNSPACED_SCRIPTS}])")
    parts = regex.compile(r"[^\p{L}\p{N}\p{M}]+")

    def read(text: str) -> list[str]:
        text = unicodedata.normalize("NFKC", text).lower()
        return alone.sub(r" \1 ", parts.sub(" ", text)).split()

    began = time.perf_counter()
    known: dict[str, int] = {}
    for row, item in enumerate(items):
        words = read(item)
        size = min(NGRAM, len(words))
        for at in range(len(words) - size + 1 if size >= LEAST else 0):
            known.setdefault(" ".join(words[at : at + size]), row)
    index = time.perf_counter() - began

    def holds(post: str) -> bool:
        words = read(post)
        return any(
            " ".join(words[at : at + size]) in known
            for size in range(LEAST, NGRAM + 1)
            for at in range(len(words) - size + 1)
        )

    rows = list[int]()
    taken = _seconds(lambda: rows.extend(n for n, post in enumerate(posts) if holds(post)))
    return _measured(rows, len(posts) / taken, index)


def _elsewhere(python: str, path: Path, posts: list[str]) -> dict[str, Any]:
    """Start this file in datatrove's environment."""
    given, out = path.with_name("posts.json"), path.with_name("out.json")
    given.write_text(json.dumps(posts))
    command = [python, __file__, "--inside", str(path), str(given), str(out)]
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(path.parent / "cache")}
    subprocess.run(command, check=True, env=env, stderr=subprocess.DEVNULL)
    found = json.loads(out.read_text())
    return _measured(found["rows"], found["rate"], found["index"])


def _inside(path: Path, given: Path, out: Path) -> None:
    """Datatrove's index of the items, written as its indexer does, and its filter on each post."""
    import numpy as np
    from datatrove.data import Document  # type: ignore[import-not-found]
    from datatrove.pipeline.decont.n_grams import (  # type: ignore[import-not-found]
        NGramsDecontConfig,
        NGramsDecontFilter,
        NGramsDecontIndexer,
    )

    config = NGramsDecontConfig(n_grams=NGRAM)
    folder = path.parent / "index"
    # Without lighteval the class cannot be called, though nothing here needs lighteval.
    indexer = object.__new__(NGramsDecontIndexer)
    NGramsDecontIndexer.__init__(indexer, str(folder), config=config)
    began = time.perf_counter()
    hashes = set[int]()
    for line in path.read_text().splitlines():
        hashes.update(indexer.compute_hashes(json.loads(line)["q"]))
    folder.mkdir(exist_ok=True)
    np.array(list(hashes), dtype=config.hash_config.np_descr).tofile(folder / "items.index.hashes")
    step = NGramsDecontFilter(str(folder), config=config)
    step.load_index_hashes()
    index = time.perf_counter() - began
    documents = [
        Document(text=text, id=str(n)) for n, text in enumerate(json.loads(given.read_text()))
    ]
    step.filter(documents[0])
    rows = list[int]()
    taken = _seconds(
        lambda: rows.extend(n for n, post in enumerate(documents) if step.filter(post) is not True)
    )
    out.write_text(json.dumps({"rows": rows, "rate": len(documents) / taken, "index": index}))


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        _inside(*map(Path, sys.argv[2:5]))
    else:
        main(sys.argv[1:])
