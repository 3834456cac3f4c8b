"""The dedup barrier as tasks: sign each part, then write the verdict on each part."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from corpus import dedup
from corpus.manifest import load_receipt, replacing, save_receipt


@dataclass(frozen=True)
class SignPart:
    """The task of hashing one part for dedup."""

    posts: Path
    folder: Path
    config: str

    def __call__(self) -> SignPart:
        """Sign the part unless its receipt is there."""
        receipt = self.folder / "receipt.json"
        if load_receipt(receipt) is None:
            config = dedup.Config.model_validate_json(self.config)
            posts = pl.read_parquet(self.posts, glob=False)
            dedup.sign(posts.head(1), config)  # compiles the kernels, which is no part of signing
            began = time.perf_counter()
            dedup.save(dedup.sign(posts, config), self.folder)
            seconds = time.perf_counter() - began
            save_receipt(receipt, {"seconds": seconds}, sorted(self.folder.glob("*.npy")))
        return self


def save_verdicts(posts: Sequence[Path], targets: Sequence[Path], verdict: dedup.Verdict) -> None:
    """Cut the verdict into the parts ``posts``, with the kept posts' ids written out."""
    ids = [pl.read_parquet(path, columns=["id"], glob=False)["id"] for path in posts]
    every = pl.concat([pl.Series("id", [], dtype=pl.String), *ids])
    begin = 0
    for part, target in zip(ids, targets, strict=True):
        rows = slice(begin, begin + len(part))
        keeper = verdict.keeper[rows]
        frame = dedup.verdict_frame(
            every.gather(keeper), verdict.size[keeper], verdict.reason[rows]
        )
        with replacing(target) as temporary:
            frame.write_parquet(temporary)
        begin = rows.stop
