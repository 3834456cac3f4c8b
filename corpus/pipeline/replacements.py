"""Keep a second copy of what has copies, for the day the first must go.

Of each text that several people posted, the next best copy by another author goes through the
same stages as what stays, and ends up in ``reserve/``, enciphered with the corpus's key and beside
the index's knowledge of it. When the copy that stayed is taken down, that one takes its place: the
dump need not be read again.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from corpus.errors import BuildError
from corpus.output.shards import leaving
from corpus.pipeline.filter_part import Chain, judge
from corpus.privacy import keys
from corpus.privacy.pseudonyms import Naming
from corpus.tasks import array_store
from corpus.tasks.receipts import file_sha256, load_receipt, needed_receipt, replacing, save_receipt

FOLDER = "reserve"
PIECE_POSTS = 100_000
#: What the index would hold of the post, and why it left; these never reach a shard.
KNOWN: dict[str, pl.DataType] = {
    "_reason": pl.String(),
    "_exact_one": pl.UInt64(),
    "_exact_two": pl.UInt64(),
    "_shingles": pl.List(pl.UInt32),
}


@dataclass(frozen=True)
class JudgeReserve:
    """The task of putting a part's second copies through the stages behind dedup."""

    posts: Path
    measured: Path
    verdict: Path
    rows: Path  # the folder of an array of the copies' rows
    target: Path
    chain: Chain
    scores: tuple[str, ...]
    naming: Naming

    @property
    def receipt(self) -> Path:
        """Its existence says that the part is done."""
        return self.target.with_suffix(".json")

    def __call__(self) -> JudgeReserve:
        """Judge them unless the receipt is there."""
        if load_receipt(self.receipt) is None:
            self.target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = self._judged()
            with replacing(self.target) as temporary:
                found.write_parquet(temporary)
            save_receipt(self.receipt, {"rows": found.height}, [self.target])
        return self

    def _judged(self) -> pl.DataFrame:
        rows = pl.Series(array_store.whole(self.rows, "rows"))
        posts = pl.read_parquet(self.posts, glob=False)[rows]
        verdict = pl.read_parquet(self.verdict, glob=False)[rows].rename({"reject": "_reason"})
        known = posts.hstack(verdict).hstack(self._known(rows))
        kept, _, _ = judge(known, self.chain, str(self.posts), None, self.naming.key)
        own = kept.select(list(KNOWN))
        return leaving(kept, self.scores, self.naming.open()).hstack(own)

    def _known(self, rows: pl.Series) -> pl.DataFrame:
        from corpus.partition import union_find

        exact = array_store.whole(self.measured, "exact")[rows.to_numpy()]
        shingles: Any = pl.Series([[]] * len(rows), dtype=pl.List(pl.UInt32))
        if (self.measured / "hashes.npy").exists():
            places = array_store.whole(self.measured, "places")
            hashes, counts = union_find.take_shingles(
                array_store.whole(self.measured, "hashes"), places, rows.to_numpy()
            )
            shingles = array_store.lists(hashes, np.concatenate([[0], np.cumsum(counts)]))
        columns = {"_exact_one": exact[:, 0], "_exact_two": exact[:, 1], "_shingles": shingles}
        return pl.DataFrame(columns, schema_overrides=KNOWN)


class Span(NamedTuple):
    """A run of the second copies of a part."""

    copies: Path
    low: int
    high: int


@dataclass(frozen=True)
class WritePiece:
    """The task of writing a piece of the reserve."""

    spans: tuple[Span, ...]
    target: Path
    key: Path | str

    def __call__(self) -> WritePiece:
        """Write the piece."""
        found = [
            pl.read_parquet(span.copies, glob=False)[span.low : span.high] for span in self.spans
        ]
        save(pl.concat(found), self.target, keys.load_key(self.key))
        return self


def cut(judged: Sequence[JudgeReserve], folder: Path, key: Path | str) -> list[WritePiece]:
    """The tasks that write the pieces, each of so many posts wherever the parts end."""
    rows = [needed_receipt(task.receipt)["rows"] for task in judged]
    return [
        WritePiece(
            tuple(Span(judged[part].target, low, high) for part, low, high in piece),
            folder / f"{number:05d}.sealed",
            key,
        )
        for number, piece in enumerate(array_store.cut(rows, PIECE_POSTS))
    ]


def listed(folder: Path) -> dict[str, Any]:
    """What the manifest tells of a reserve."""
    files = pieces(folder)
    return {
        "bytes": sum(file.stat().st_size for file in files),
        "pieces": [
            {"path": file.name, "bytes": file.stat().st_size, "sha256": file_sha256(file)}
            for file in files
        ],
    }


def pieces(folder: Path) -> list[Path]:
    """The files of a reserve, in order."""
    return sorted(folder.glob("*.sealed"))


def save(piece: pl.DataFrame, target: Path, key: bytes) -> None:
    """Encipher a piece and write it, whole or not at all."""
    buffer = io.BytesIO()
    piece.write_parquet(buffer, compression="zstd")
    with replacing(target, durable=True) as temporary:
        temporary.write_bytes(keys.seal(buffer.getvalue(), key))


def load(path: Path, key: bytes) -> pl.DataFrame:
    """Decipher a piece; BuildError if it is damaged."""
    try:
        return pl.read_parquet(io.BytesIO(keys.unseal(path.read_bytes(), key)))
    except (OSError, BuildError):
        raise BuildError(f"'{path}' is missing or damaged, or made with another key") from None
