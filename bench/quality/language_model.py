"""Measure whether the stages make better training text, by a small language model.

    python -m bench.quality.language_model [--data ../shared/data] [--megabytes 1.2]

Real posts (Reddit, X) and planted canaries are built by plans that differ in their stages. The same
number of bytes of each corpus trains the n-gram model of :mod:`bench.quality.ngram_model`, which is
tested on clean posts of held-out authors. One author in five is held out, by a hash of the
pseudonym; documents with a post of these authors are in no training text. The test posts have
passed every filter, because the question is how well a model learns clean text.

A canary is a sentence with six random digits, posted 1, 4 or 16 times, the repeats with another
first word; the canaries that a plan keeps are always in the training text. A model has learnt a
canary by as many bits as its digits cost less than other digits (after the exposure of Carlini et
al. 2019).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import corpus
from bench.quality import ngram_model

DEDUP = {"dedup": {"jaccard": 0.8}}
FILTERS: list[dict[str, Any]] = [
    {"language": {"keep": ["en"]}},
    {"quality": {}},
    {"toxicity": {}},
]
PLANS: dict[str, list[dict[str, Any]]] = {
    "raw": [],
    "deduplicated": [DEDUP],
    "filtered": FILTERS,
    "filtered, deduplicated": [*FILTERS, DEDUP],
    "conversations": [*FILTERS, DEDUP, {"conversations": {"mode": "path", "turn": "{text}"}}],
    "all, and redacted": [*FILTERS, DEDUP, {"pii": {}}],
}
REPEATS = (1, 4, 16)
CANARIES = 20  # of each
OPENINGS = (
    "hello",
    "ok",
    "so",
    "well",
    "hey",
    "right",
    "anyway",
    "listen",
    "look",
    "honestly",
    "please",
    "actually",
    "sorry",
    "wow",
    "yes",
    "no",
)


def canary(number: int, digits: str, opening: str) -> str:
    """Return a sentence around a secret; each number has its own sentence."""
    rooms = ("garage", "locker", "gym", "office", "cabin", "boat", "shed", "cellar")
    return (
        f"{opening} the code of the {rooms[number % len(rooms)]} in hall {number} "
        f"is {digits} do not forget it"
    )


def secrets() -> list[tuple[int, int, str]]:
    """Return each canary's number, repeats and digits: the same in every run."""
    chance = random.Random("canaries")
    return [
        (row, repeats, f"{chance.randrange(10**6):06d}")
        for row, repeats in enumerate(each for each in REPEATS for _ in range(CANARIES))
    ]


def write_canaries(path: Path) -> None:
    """Write the canaries as JSON lines, without authors."""
    rows = [
        {"id": f"{number}-{turn}", "text": canary(number, digits, OPENINGS[turn])}
        for number, repeats, digits in secrets()
        for turn in range(repeats)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_lines(source: Path, path: Path) -> None:
    """Write a file of one post a line as JSON lines."""
    lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = ({"id": f"{source.name}-{number}", "text": text} for number, text in enumerate(lines))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def build_documents(
    data: Path, folder: Path, name: str, stages: list[dict[str, Any]]
) -> pl.DataFrame:
    """Build one plan, and return its documents."""
    fields = {"id": "id", "text": "text"}
    tables = [
        {"table": {"path": str(path), "fields": fields, "platform": path.stem}}
        for path in sorted(folder.glob("*.jsonl"))
    ]
    plan = {
        "sources": [
            {"reddit": {"path": str(data / "reddit/*.zst")}},
            {"x_stream": {"path": str(data / "x_v1/*.no-labels.json")}},
            *tables,
        ],
        "stages": stages,
        "output": {"path": str(folder / name.replace(" ", "-")), "key": str(folder / "key")},
        "run": {"runner": "serial"},
    }
    corpus.build(plan)
    return corpus.load(str(plan["output"]["path"])).scan().collect()  # type: ignore[index]


def is_held_out(author: str | None) -> bool:
    """Whether an author is one of the fifth that no model is trained on."""
    return author is not None and hashlib.blake2b(author.encode()).digest()[0] % 5 == 0


def training_text(documents: pl.DataFrame, size: int) -> list[str]:
    """Return documents of the other authors in a fixed random order, up to ``size`` bytes."""
    people = "authors" if "authors" in documents.columns else "author"
    free, chosen = [], []
    for text, platform, names in documents.select("text", "platform", people).rows():
        if platform == "canaries":
            chosen.append(text)
        elif not any(is_held_out(name) for name in (names if isinstance(names, list) else [names])):
            free.append(text)
    random.Random("order").shuffle(free)
    remaining = size - sum(len(text.encode()) for text in chosen)
    for text in free:
        if remaining <= 0:
            break
        chosen.append(text.encode()[:remaining].decode("utf-8", "ignore"))
        remaining -= len(text.encode())
    return chosen


def repeated_share(documents: list[str], size: int = 13) -> float:
    """Return the share of runs of ``size`` words that occur more than once."""
    runs: Counter[tuple[str, ...]] = Counter()
    for text in documents:
        words = text.lower().split()
        runs.update(tuple(words[at : at + size]) for at in range(len(words) - size + 1))
    total = sum(runs.values())
    return sum(count for count in runs.values() if count > 1) / max(total, 1)


def count_saved_bits(model: list[ngram_model.Order], repeats: int) -> float:
    """Return how many bits less a canary's digits cost than a hundred others, on average."""
    chance = random.Random("others")
    gains = []
    for number, times, digits in secrets():
        if times != repeats:
            continue
        tries = [digits, *(f"{chance.randrange(10**6):06d}" for _ in range(100))]
        texts = [canary(number, each, OPENINGS[0]) for each in tries]
        width = len(texts[0].encode()) + 1
        cost = (
            ngram_model.bits_per_byte(model, ngram_model.join_documents(texts))[:-1]
            .reshape(len(texts), width)
            .sum(axis=1)
        )
        gains.append(float(cost[1:].mean() - cost[0]))
    return float(np.mean(gains))


def main() -> None:
    """Build, train, test and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument(
        "--megabytes", type=float, default=0.0, help="0: as much as the smallest corpus has"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The same key in every run, so that the same authors are held out.
        digits = hashlib.sha256(b"language model").hexdigest()
        (folder / "key").write_text(digits, encoding="ascii")
        (folder / "key").chmod(0o600)
        write_canaries(folder / "canaries.jsonl")
        for name in ("gurez.10000", "ile.10000"):
            write_lines(options.data / "plain" / name, folder / f"{name.partition('.')[0]}.jsonl")
        corpora = {
            name: build_documents(options.data, folder, name, plan) for name, plan in PLANS.items()
        }
    clean = corpora["filtered, deduplicated"].filter(
        pl.Series([is_held_out(author) for author in corpora["filtered, deduplicated"]["author"]])
    )
    tests = {
        platform: ngram_model.join_documents(clean.filter(pl.col("platform") == platform)["text"])
        for platform in ("reddit", "x")
    }
    amounts = {
        name: sum(len(text.encode()) for text in training_text(found, 1 << 40))
        for name, found in corpora.items()
    }
    size = int(options.megabytes * 1e6) or min(amounts.values())
    print(f"trained on {size / 1e6:.2f} MB of each; tested on {len(clean)} clean posts of held-out")
    print("authors, " + ", ".join(f"{name} {len(text):,} bytes" for name, text in tests.items()))
    print(
        f"\n{'':24}MB in all  documents  13-grams | bits per byte      | bits a canary is cheaper\n"
        f"{'':24}                       repeated |  reddit       x   |    1x     4x    16x"
    )
    for name, found in corpora.items():
        text = training_text(found, size)
        model = ngram_model.count_ngrams(ngram_model.join_documents(text))
        costs = " ".join(
            f"{ngram_model.bits_per_byte(model, test).mean():8.3f}" for test in tests.values()
        )
        secret = " ".join(f"{count_saved_bits(model, repeats):6.1f}" for repeats in REPEATS)
        print(
            f"{name:24}{amounts[name] / 1e6:9.2f} {len(text):10,} {repeated_share(text):9.2%} |"
            f"{costs}   | {secret}"
        )


if __name__ == "__main__":
    main()
