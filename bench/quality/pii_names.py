"""Measure the people that ``pii`` finds by language: ``python -m bench.quality.pii_names``.

Held-out gold: the sentences that ``ner_gold.py`` keeps from teaching. Precision, recall and F1 of
whole names with the 95 % interval of F1 (sentences drawn again 1,000 times), and the share of names
of which something is found. Then the speed of each model on posts. French and Dutch have no model:
they are read by the English one, and counted as unjudged. ``--more FOLDER`` has sets that are not
in ../shared/data.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # posts a second of one core

import numpy as np
import polars as pl

from bench.measure import SHARED_DATA
from bench.quality.ner_gold import (
    UNSPACED,
    Labelled,
    count_people,
    join,
    read_split,
    read_text,
)
from filters import pii
from filters.pii import ner
from filters.text.arrays import I64

SETS = {
    "de": ("de-germeval14.conll.zst",),
    "pt": ("pt-uner.conll.zst",),
    "sv": ("sv-uner.conll.zst", "sv-webbnyheter-test.txt"),
    "zh": ("zh-weibo.conll.zst", "zh-Hant-uner.conll.zst"),
    "ja": ("ja-gsd.conll.zst",),
    "fr": ("fr-wikiann.conll.zst",),
    "nl": ("nl-wikiann.conll.zst",),
}
POSTS = {
    "de": "de-potts.txt.zst",
    "pt": "pt-toldbr.txt.zst",
    "zh": "zh-lccctoy.txt.zst",
    "ja": "ja-open2ch.txt.zst",
}
_MOST = 3000
_RESAMPLES = 1000


def print_gold(folders: list[Path]) -> None:
    """Print a row for each set."""
    print("\nPeople in held-out gold: names, precision, recall, F1 (95 % interval), names touched")
    engine = ner.load_engine("posts")
    for lang, names in SETS.items():
        for name in names:
            path = next((each / name for each in folders if (each / name).exists()), None)
            if path is None:
                print(f"{lang} {name}: not here")
                continue
            held_out = [
                join(sentence, spaced=lang not in UNSPACED)
                for sentence in read_split(path, teaching=False)
            ][:_MOST]
            print(f"{lang} {name:26} {summarize(_count(engine, held_out, lang))}")


def _count(engine: ner.NerEngine, labelled: list[Labelled], lang: str) -> I64:
    found = engine([text for text, _ in labelled], [lang] * len(labelled))
    people = [[(s.start, s.end) for s in spans if s.entity == "PERSON"] for spans in found]
    return count_people(labelled, people)


def summarize(counts: I64) -> str:
    """Return the scores of rows of counts, as :func:`count_people` gives them."""
    right, found, wanted, touched = counts.sum(axis=0)
    chance = np.random.default_rng(1)
    drawn = chance.integers(0, len(counts), (_RESAMPLES, len(counts)))
    sums = counts[drawn].sum(axis=1)
    scores = 2 * sums[:, 0] / np.maximum(sums[:, 1] + sums[:, 2], 1)
    low, high = np.quantile(scores, (0.025, 0.975))
    f1 = 2 * right / max(found + wanted, 1)
    return (
        f"{wanted:>5,} {right / max(found, 1):.3f} {right / max(wanted, 1):.3f} "
        f"{f1:.3f} ({low:.3f}-{high:.3f}) {touched / max(wanted, 1):.3f}"
    )


def print_speed() -> None:
    """Print the posts a second of ``profile: strict`` with ``lang``, and how many have a name."""
    print("\nposts/s of profile: strict, and the share of posts with a name")
    redact = pii.build(pii.Config(profile="strict"))
    for lang, name in POSTS.items():
        texts = read_text(SHARED_DATA / "unlabelled" / name).split("\n")[:10_000]
        posts = pl.DataFrame({"text": texts, "lang": [lang] * len(texts)})
        redact(posts[:200])
        began = time.perf_counter()
        done = redact(posts)
        rate = len(texts) / (time.perf_counter() - began)
        print(f"{lang} {name:24} {rate:>8,.0f} {(done['pii_person'] > 0).mean():.3f}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--more", type=Path, nargs="*", default=[])
    options, _ = parser.parse_known_args()
    if not SHARED_DATA.is_dir():
        raise SystemExit("no ../shared/data here: no data to measure on")
    print_gold([SHARED_DATA / "ner", *options.more])
    print_speed()


if __name__ == "__main__":
    main()
