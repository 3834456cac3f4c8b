"""Time the ``repeats`` filter on posts and long documents, against datatrove's duplicate lines.

    python -m bench.speed.repeats [FILE] [--datatrove PYTHON]

FILE holds one post a line; without it the shared tweets are read, or posts are invented. The long
documents are made of those posts by a seed: 5 to 60 a document, and one document in ten quotes
parents and pastes footers. PYTHON is the interpreter of an environment with datatrove (by default
the one of the peers, if it is installed), in which this file runs itself: one core, one process,
its filter alone, without n-grams and their words.
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

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # posts a second of one core

DOCUMENTS = 20_000
FOOTER = "I am a bot, and this action was performed automatically. Contact the moderators."
LINE = "What do we want? Everything, and now!\n"
HARD = {
    "a million newlines": "\n" * 1_000_000,
    "a line a million times": "a line that is long enough\n" * 1_000_000,
    "a megabyte of a line": LINE * (1_000_000 // len(LINE)),
    "no newline": "a" * 1_000_000,
    "different lines": "\n".join(f"this is the line number {n:07}" for n in range(32_000)),
    "different, and one twice": LINE * 2
    + "\n".join(f"this is the line number {n:07}" for n in range(32_000)),
    "as paragraphs": "a line that is long enough\n\n" * 36_000,
    "turns": f"user_1: {LINE}" * 23_000,
    "fences": f"```\n{LINE}" * 25_000,
    "marks of quotes and lists": "- > " * 125_000 + "`" * 500_000 + f"\n{LINE}{LINE}",
}


def main(arguments: list[str]) -> None:
    """Print the tables."""
    # Imported here, because datatrove's environment has no module of ours.
    from bench.peers.environment import installed_interpreter
    from bench.sample import read_posts

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*", metavar="FILE", help="posts, one a line")
    parser.add_argument("--datatrove", type=Path, default=installed_interpreter())
    options = parser.parse_args(arguments)
    name, posts = read_posts(options.files)
    plain, some = _documents(posts, 0.0), _documents(posts, 0.1)
    every = _documents(posts, 1.0)
    print(f"from {name}; one core")
    for what, texts in (
        (f"{len(posts):,} posts as they are", posts),
        ("long documents, no repeats", plain),
        ("long documents, 10 % repeat", some),
        ("long documents, all repeat", every),
    ):
        rate, cut, reject = _ours(texts)
        characters = sum(map(len, texts)) / len(texts)
        line = f"{what:32} {rate:>11,.0f}/s {rate * characters / 1e6:7.1f} M characters/s"
        print(f"{line}   cuts {cut:,}, drops {reject:,} of {len(texts):,}")
        if options.datatrove:
            slow, dropped = _run_peer(options.datatrove, texts)
            print(
                f"  datatrove, duplicate lines     {slow:>11,.0f}/s   ours is {rate / slow:.2f} "
                f"times that   cuts none, drops {dropped:,}"
            )
    for what, text in HARD.items():
        _ours([text], repeats=1)
        began = time.perf_counter()
        _ours([text], repeats=0)
        print(f"{what:32} {len(text):>11,} characters in {time.perf_counter() - began:.2f} s")


def _documents(posts: list[str], share: float) -> list[str]:
    """Return threads of posts; in a ``share`` of them, answers quote parents or have footers."""
    rng = random.Random(7)
    made = []
    for _ in range(DOCUMENTS):
        turns = rng.sample(posts, rng.randint(5, 60))
        if rng.random() < share:
            for at in range(1, len(turns)):
                if rng.random() < 0.3:
                    turns[at] = f"> {turns[at - 1]}\n\n{turns[at]}"
                elif rng.random() < 0.1:
                    turns[at] += f"\n\n{FOOTER}"
        made.append("\n\n".join(f"user_{at % 5 + 1}: {turn}" for at, turn in enumerate(turns)))
    return made


def _ours(texts: list[str], repeats: int = 5) -> tuple[float, int, int]:
    import polars as pl

    from filters import repeats as stage

    run = stage.build(stage.Config())
    frame = pl.DataFrame({"text": texts})
    judged = run(frame)
    rate = max((len(texts) / _seconds(lambda: run(frame)) for _ in range(repeats)), default=0.0)
    cut = int((judged["text"] != frame["text"]).sum())
    return rate, cut, judged.height - judged["reject"].null_count()


def _run_peer(python: Path, texts: list[str]) -> tuple[float, int]:
    """Run this file in datatrove's environment."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "texts.json"
        given.write_text(json.dumps(texts))
        env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": folder}
        found = subprocess.run(
            [str(python), __file__, "--inside", str(given)],
            check=True,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        rate, dropped = json.loads(found.stdout.splitlines()[-1])
    return rate, dropped


def _run_in_peer(given: Path) -> None:
    from datatrove.data import Document  # type: ignore[import-not-found]
    from datatrove.pipeline.filters import (  # type: ignore[import-not-found]
        gopher_repetition_filter as gopher,
    )

    # It splits words even without n-grams; duplicate lines need none.
    gopher.split_into_words = lambda text, language: []
    step = gopher.GopherRepetitionFilter(top_n_grams=(), dup_n_grams=())
    documents = [
        Document(text=text, id=str(at)) for at, text in enumerate(json.loads(given.read_text()))
    ]
    dropped = sum(step.filter(document) is not True for document in documents)
    best = min(
        _seconds(lambda: [step.filter(document) for document in documents]) for _ in range(5)
    )
    print(json.dumps([len(documents) / best, dropped]))


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        _run_in_peer(Path(sys.argv[2]))
    else:
        main(sys.argv[1:])
