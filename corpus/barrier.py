"""What a barrier is: a stage that must see all parts before it can judge any post.

A barrier's module in this package exposes, beside a filter's ``Config``, ``READS``, ``WRITES`` and
``VERSION``:

* ``measure(posts, config)``: what it needs to know of one part, as flat arrays; no text;
* ``decide(gathered, config)``: with the arrays of all parts on disk, the target of each part, in
  order, to which a task has written a frame with the part's rows: its ``WRITES`` and ``reject``.
  What the manifest should tell of it goes to ``facts.json`` in the room it is given.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import polars as pl

from corpus import stages
from corpus.gathered import BarrierInput
from corpus.tasks import array_store
from corpus.tasks.receipts import load_receipt, save_receipt


class Barrier(Protocol):
    """The shape of a barrier's module."""

    Config: Any
    WRITES: Mapping[str, pl.DataType]

    def measure(self, posts: pl.DataFrame, config: Any) -> Mapping[str, Any]:
        """What must be known of one part."""
        ...

    def decide(self, gathered: BarrierInput, config: Any) -> Iterator[Path]:
        """The file with the verdict on each part."""
        ...


def find_barrier(name: str) -> Barrier:
    """The barrier ``name``."""
    return cast("Barrier", stages.find(name))


@dataclass(frozen=True)
class MeasurePart:
    """The task of measuring one part for a barrier."""

    stage_name: str
    posts: Path
    folder: Path
    config_json: str

    @property
    def receipt(self) -> Path:
        """Its existence says that the part is done."""
        return self.folder / "receipt.json"

    def __call__(self) -> MeasurePart:
        """Measure the part unless its receipt is there."""
        if load_receipt(self.receipt) is None:
            module = find_barrier(self.stage_name)
            config = module.Config.model_validate_json(self.config_json)
            posts = pl.read_parquet(self.posts, glob=False)
            module.measure(posts.head(1), config)  # compiles kernels, which is no part of the work
            began = time.perf_counter()
            written = array_store.save_arrays(module.measure(posts, config), self.folder)
            seconds = time.perf_counter() - began
            save_receipt(self.receipt, {"seconds": seconds}, written)
        return self
