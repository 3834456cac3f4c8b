"""Measure what ``pii`` finds in each context: ``python -m bench.quality.pii_contexts [VALUES]``.

A table of entities and contexts (scripts that touch the detail, markup, punctuation, characters,
casing, glued words), each cell the share of 200 (``VALUES``) invented details of which nothing is
left; then spoken forms, messenger links and name-to-contact phrases. It ends with the list of cells
below their target (.995, and .95 for the last three groups), and exits with 1 if there are any.
"""

from __future__ import annotations

import os
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "1")

import polars as pl

import filters
from bench.quality.contexts import CONTEXTS, PHRASES, is_left
from bench.quality.invented_details import MAKERS, Detail

_TARGET = 0.995
_PHRASE_TARGET = 0.95
_BATCH_ROWS = 20_000
_MAX_TRIES = 20  # for a value that a context can write
#: The column heads of the table.
_SHORT_NAMES = {
    "EMAIL_ADDRESS": "EMAIL", "PHONE_NUMBER": "PHONE", "IP_ADDRESS": "IP", "CREDIT_CARD": "CARD",
    "IBAN_CODE": "IBAN", "US_SSN": "SSN", "MAC_ADDRESS": "MAC", "BITCOIN": "BTC",
}  # fmt: skip


class Case(NamedTuple):
    """A detail in a context: the row and the column of its cell, and the text of the post."""

    row: str
    column: str
    detail: Detail
    text: str


def make_cases(values: int, seed: int = 20) -> Iterator[Case]:
    """Yield ``values`` details of every entity in every context that can have one."""
    for context in CONTEXTS:
        for entity, make in MAKERS.items():
            rng = random.Random(f"{seed} {context.name} {entity}")
            for _ in range(values):
                for _ in range(_MAX_TRIES):
                    detail = make(rng)
                    text = context.write(detail, entity, rng)
                    if text is not None:
                        yield Case(f"{context.group}: {context.name}", entity, detail, text)
                        break
                else:
                    break


def _make_phrases(values: int, seed: int = 20) -> Iterator[Case]:
    for phrase in PHRASES:
        rng = random.Random(f"{seed} {phrase.name}")
        for _ in range(values):
            text, detail = phrase.make(rng)
            yield Case(phrase.name, phrase.group, detail, text)


def measure_recall(cases: list[Case]) -> dict[tuple[str, str], float]:
    """Return by row and column the share of details that the filter redacts whole."""
    judge = filters.find("pii").build(_make_config())
    gone: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
    for first in range(0, len(cases), _BATCH_ROWS):
        batch = cases[first : first + _BATCH_ROWS]
        posts = pl.DataFrame(
            {
                "id": [str(number) for number in range(len(batch))],
                "platform": [case.detail.platform for case in batch],
                "text": [case.text for case in batch],
            }
        )
        for case, after in zip(batch, judge(posts)["text"].to_list(), strict=True):
            gone[case.row, case.column].append(not is_left(case.detail, case.text, after))
    return {cell: sum(each) / len(each) for cell, each in gone.items()}


def _make_config() -> Any:
    return filters.find("pii").Config()


def _print_table(recall: dict[tuple[str, str], float]) -> None:
    width = max(len(row) for row, _ in recall)
    print(" " * width + "".join(f"{_SHORT_NAMES.get(name, name):>7}" for name in MAKERS))
    for row in dict.fromkeys(row for row, _ in recall):
        cells = (recall.get((row, column)) for column in MAKERS)
        shown = ("      ." if share is None else f"{share:7.3f}" for share in cells)
        print(f"{row:{width}}" + "".join(shown))
    for column in MAKERS:
        shares = [share for (_, name), share in recall.items() if name == column]
        full = sum(share >= _TARGET for share in shares)
        print(f"{column}: {full} of {len(shares)} contexts at {_TARGET} or above")


def main() -> int:
    """Print the tables and the cells below their target; return the exit status."""
    values = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    recall = measure_recall(list(make_cases(values)))
    _print_table(recall)
    phrases = measure_recall(list(_make_phrases(values)))
    print()
    for (row, group), share in phrases.items():
        print(f"{share:.3f}  {group}: {row}")
    for group in dict.fromkeys(group for _, group in phrases):
        shares = [share for (_, name), share in phrases.items() if name == group]
        print(f"{group}: {sum(shares) / len(shares):.3f} on average")
    low = [(share, f"{name} in {row}") for (row, name), share in recall.items() if share < _TARGET]
    low += [
        (share, f"{group}: {row}")
        for (row, group), share in phrases.items()
        if share < _PHRASE_TARGET
    ]
    print(f"\n{len(low)} of {len(recall) + len(phrases)} cells are below their target")
    for share, cell in sorted(low):
        print(f"  {share:.3f}  {cell}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
