"""Time the ``decontaminate`` filter against plain Python sets and datatrove, on the same posts.

    python -m bench.speed.decontaminate [FILE] [--datatrove PYTHON]

FILE holds one post a line; without it the shared tweets are read, or posts are invented. The
evaluation set is 100,000 items of the posts' own words by a seed, and one post in a hundred is
given an item. PYTHON is the interpreter of an environment with datatrove (by default the one of the
peers, if it is installed), in which this file runs itself: one core, one process, the same posts
and items, datatrove's filter alone (no reader, no writer).
"""

from __future__ import annotations

import argparse
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
    # Imported here, because datatrove's environment has no module of ours.
    from bench.peers.environment import installed_interpreter
    from bench.sample import read_posts

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*", metavar="FILE", help="posts, one a line")
    parser.add_argument("--datatrove", type=Path, default=installed_interpreter())
    options = parser.parse_args(arguments)
    name, posts = read_posts(options.files)
    items = _make_items(posts)
    planted = _plant_items(posts, items)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.jsonl"
        path.write_text("".join(json.dumps({"q": item}) + "\n" for item in items))
        results = {"filters.decontaminate": _ours(path, posts), "Python sets": _sets(items, posts)}
        if options.datatrove:
            results["datatrove NGramsDecontFilter"] = _run_peer(options.datatrove, path, posts)
    print(f"{len(posts):,} posts from {name}, {len(planted):,} with one of {ITEMS:,} items")
    ours = results["filters.decontaminate"]
    for what, found in results.items():
        caught, times = len(planted & set(found["rows"])), ours["rate"] / found["rate"]
        print(
            f"{what:30} {found['rate']:>10,.0f} posts/s   ours is {times:6.1f} times that   "
            f"index {found['index']:5.1f} s   finds {caught} and {len(found['rows']) - caught} more"
        )
    print(f"the sets find the posts that we find: {ours['rows'] == results['Python sets']['rows']}")


def _make_items(posts: list[str]) -> list[str]:
    """Return items of 8 to 40 words, drawn by their frequency in the posts."""
    rng, words = random.Random(11), [word for post in posts for word in post.split()]
    return [" ".join(rng.choices(words, k=rng.randint(8, 40))) for _ in range(ITEMS)]


def _plant_items(posts: list[str], items: list[str]) -> set[int]:
    """Add an item in capitals to one post in a hundred; return the rows of these posts."""
    rng = random.Random(12)
    rows = set(rng.sample(range(len(posts)), len(posts) // 100))
    for row in sorted(rows):
        posts[row] = f"{posts[row]}: {rng.choice(items).upper()}!"
    return rows


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
    """Run a plain implementation: a dictionary of joined words, and every window of a post."""
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


def _run_peer(python: Path, path: Path, posts: list[str]) -> dict[str, Any]:
    """Run this file in datatrove's environment."""
    given, out = path.with_name("posts.json"), path.with_name("out.json")
    given.write_text(json.dumps(posts))
    command = [str(python), __file__, "--inside", str(path), str(given), str(out)]
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(path.parent / "cache")}
    subprocess.run(command, check=True, env=env, stderr=subprocess.DEVNULL)
    found = json.loads(out.read_text())
    return _measured(found["rows"], found["rate"], found["index"])


def _run_in_peer(path: Path, given: Path, out: Path) -> None:
    """Write datatrove's index of the items as its indexer does, and run its filter on each post."""
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
        _run_in_peer(*map(Path, sys.argv[2:5]))
    else:
        main(sys.argv[1:])
