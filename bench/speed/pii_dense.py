"""Time ``pii`` on texts of nothing but details.

    python -m bench.speed.pii_dense [--megabytes 0.1 0.4] [--only WORD ...] [--forms apart ...]

For each entity, apart, run together and in disguise: the seconds of the processor for a text of
each size, and how many times as long a megabyte of the largest takes as one of the smallest: 1 is
linear. A text has a megabyte of different details, repeated up to its size. Exits with 1 if a
megabyte takes more than twice as long.
"""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import random
import sys
import time
from collections.abc import Callable

import polars as pl

from bench.quality.invented_details import MAKERS, NATIONAL_MAKERS, make_name
from filters import pii
from filters.contract import Filter
from filters.pii.national import COUNTRIES

_MEGABYTE = 1_000_000
_MAX_GROWTH = 2

#: What makes one detail.
DETAILS: dict[str, Callable[[random.Random], str]] = {
    **{name: lambda rng, make=make: make(rng).text for name, make in MAKERS.items()},
    "national": lambda rng: NATIONAL_MAKERS[rng.choice(list(NATIONAL_MAKERS))](rng).text,
    "spelled": lambda rng: f"{make_name(rng)}.{make_name(rng)} at posteo dot de",
    "contact": lambda rng: f"snap: {make_name(rng)}_{rng.randrange(99)}",
    "log": lambda rng: f'{MAKERS["IP_ADDRESS"](rng).text} - "GET / HTTP/1.1" 200\n',
}
FORMS = {"apart": "{} ", "together": "{}", "in disguise": "_{}\u200b_"}


def make_text(entity: str, form: str, size: int) -> str:
    """Return a text of ``size`` characters of details."""
    rng, parts, missing = random.Random(1), list[str](), min(size, _MEGABYTE)
    while missing > 0:
        parts.append(FORMS[form].format(DETAILS[entity](rng)))
        missing -= len(parts[-1])
    text = "".join(parts)
    return (text * (size // len(text) + 1))[:size]


def build_filter(entity: str) -> Filter:
    """Return the filter that looks for an entity, after it has run once."""
    redact = pii.build(pii.Config(countries=COUNTRIES if entity == "national" else ()))
    measure(redact, make_text(entity, "apart", 5000))
    return redact


def measure(redact: Filter, text: str) -> float:
    """Return the processor time in seconds for one post."""
    posts = pl.DataFrame({"id": ["1"], "text": [text]})
    start = time.process_time()
    redact(posts)
    return time.process_time() - start


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=float, nargs="+", default=[0.1, 0.4])
    parser.add_argument("--only", nargs="+", choices=DETAILS, default=list(DETAILS))
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    wanted = parser.parse_args()
    sizes = wanted.megabytes
    heads = "".join(f"{f'{size:g} MB':>9}" for size in sizes)
    print(f"{'':28}{heads}  a megabyte takes")
    worst = 0.0
    for entity in wanted.only:
        redact = build_filter(entity)
        for form in wanted.forms:
            texts = (make_text(entity, form, round(size * _MEGABYTE)) for size in sizes)
            seconds = [measure(redact, text) for text in texts]
            growth = seconds[-1] / sizes[-1] / (seconds[0] / sizes[0])
            worst = max(worst, growth)
            row = "".join(f"{each:>9.1f}" for each in seconds)
            print(f"{entity:15}{form:13}{row}  x {growth:.2f}", flush=True)
    return 1 if worst > _MAX_GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
