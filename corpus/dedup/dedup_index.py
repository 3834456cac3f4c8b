"""Keep what dedup knows of a finished corpus beside it, for later corpora to be built against.

``index/`` holds a piece for each part of the posts that reached the shards: ids, text hashes,
shingle hashes. From them bands of any threshold can be made again, and a candidate is verified as
exactly as within one build. Hashes of words would give away what was redacted, so every piece is
enciphered with the corpus's key; ``index.json`` says in clear what it takes to be comparable.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.dedup.index_rows import RowRun
from corpus.errors import BuildError, PlanError
from corpus.privacy import keys
from corpus.privacy.pseudonyms import PseudonymSettings
from corpus.stages import MeasuredPart
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write, file_sha256, write_json
from corpus.tasks.receipts import load_receipt, save_receipt

INDEX_FOLDER = "index"
INDEX_FILE = "index.json"
INDEX_FORMAT_VERSION = 1
PIECE_POSTS = 100_000


class IndexPiece(NamedTuple):
    """A piece of an index."""

    ids: pl.Series
    text_hashes: NDArray[np.uint64]  # (n, 2)
    shingle_hashes: NDArray[np.uint32]  # flat; none if only whole texts were compared
    shingle_offsets: NDArray[np.int64]  # (n + 1,)


def find_compatible_index(corpus: Path, scheme: dict[str, Any], *, shingles: bool) -> Path:
    """The file that describes a corpus's index; PlanError unless it fits ``scheme``."""
    path = corpus / INDEX_FOLDER / INDEX_FILE
    if not corpus.is_dir():
        raise PlanError(f"dedup: against: no corpus at '{corpus}'")
    if not path.is_file():
        raise PlanError(
            f"dedup: against: '{corpus}' has no index; build it with 'dedup: {{index: true}}'"
        )
    found = read_index_file(corpus)
    if found["format_version"] > INDEX_FORMAT_VERSION:
        raise PlanError(
            f"dedup: against: the index of '{corpus}' is of a newer version of this tool"
        )
    for name, value in scheme.items():
        if found["scheme"].get(name) != value:
            raise PlanError(
                f"dedup: against: '{corpus}' was compared with {name} "
                f"{_to_json(found['scheme'].get(name))} and this plan has {_to_json(value)}; "
                "make them the same, or build that corpus again"
            )
    if shingles and not found["shingles"]:
        raise PlanError(
            f"dedup: against: '{corpus}' was built with exact_only and knows no shingles; "
            "set 'exact_only: true' here too, or build it again"
        )
    return path


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_index_file(corpus: Path) -> dict[str, Any]:
    """What ``index.json`` says; PlanError if it cannot be read."""
    path = corpus / INDEX_FOLDER / INDEX_FILE
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _ = found["format_version"], found["scheme"], found["key_id"], found["pieces"]
    except (OSError, ValueError, KeyError, TypeError):
        raise PlanError(f"'{path}' cannot be read as an index; build that corpus again") from None
    return found


def check_keys(corpora: Iterable[Path], key_id: str) -> None:
    """PlanError if the index of one of the corpora was enciphered with another key."""
    for corpus in corpora:
        if read_index_file(corpus)["key_id"] != key_id:
            raise PlanError(
                f"dedup: against: the index of '{corpus}' was made with another key; "
                "give that corpus's key with 'output: {key: ...}'"
            )


def list_index_pieces(corpus: Path) -> list[Path]:
    """The files of an index, each as its card has it."""
    return [corpus / INDEX_FOLDER / piece["path"] for piece in read_index_file(corpus)["pieces"]]


def load_piece(path: Path, key: bytes) -> IndexPiece:
    """Decipher a piece; BuildError if it is damaged."""
    try:
        opened = keys.decrypt(path.read_bytes(), key)
    except (OSError, BuildError):
        raise BuildError(
            f"'{path}' is missing or damaged, or made with another key; build that corpus again"
        ) from None
    frame = pl.read_parquet(io.BytesIO(opened))
    counts = frame["shingles"].list.len().to_numpy().astype(np.int64)
    return IndexPiece(
        frame["id"],
        np.stack([frame["exact_one"].to_numpy(), frame["exact_two"].to_numpy()], axis=1),
        frame["shingles"].explode(empty_as_null=False).to_numpy().astype(np.uint32),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
    )


def encrypt_piece(piece: IndexPiece, key: bytes) -> bytes:
    """Encipher a piece."""
    frame = pl.DataFrame(
        {
            "id": piece.ids,
            "exact_one": piece.text_hashes[:, 0],
            "exact_two": piece.text_hashes[:, 1],
            "shingles": array_store.make_list_series(piece.shingle_hashes, piece.shingle_offsets),
        }
    )
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
    return keys.encrypt(buffer.getvalue(), key)


# --------------------------------------------------------------------------- writing it


class IndexedRun(NamedTuple):
    """A run of the posts of a part that reached the shards."""

    posts: Path
    measures: Path
    rows_folder: Path  # the folder of the array of their rows
    low: int
    high: int


@dataclass(frozen=True)
class WriteIndexPiece:
    """The task of writing a piece."""

    runs: tuple[IndexedRun, ...]
    target: Path
    receipt: Path
    naming: PseudonymSettings

    def __call__(self) -> WriteIndexPiece:
        """Write the piece unless its receipt is there."""
        if load_receipt(self.receipt) is not None:
            return self
        parts = [_read_run(span) for span in self.runs]
        counts = [np.diff(part.shingle_offsets) for part in parts]
        entries = IndexPiece(
            self.naming.load().pseudonymize_ids(pl.concat([part.ids for part in parts])),
            np.concatenate([part.text_hashes for part in parts]),
            np.concatenate([part.shingle_hashes for part in parts]),
            np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(counts))]),
        )
        with atomic_write(self.target, durable=True) as temporary:
            temporary.write_bytes(encrypt_piece(entries, keys.load_key(self.naming.key_path)))
        receipt = {
            "path": self.target.name, "rows": len(entries.ids),
            "bytes": self.target.stat().st_size, "sha256": file_sha256(self.target),
        }  # fmt: skip
        save_receipt(self.receipt, receipt, [self.target])
        return self


def _read_run(run: IndexedRun) -> IndexPiece:
    from corpus.dedup import candidates_kernel

    rows = array_store.load_slice(run.rows_folder, "rows", run.low, run.high)
    hashes, counts = np.empty(0, np.uint32), np.zeros(rows.size, np.int64)
    if (run.measures / "hashes.npy").exists():
        places = array_store.load_array(run.measures, "places")
        every = array_store.load_array(run.measures, "hashes")
        hashes, counts = candidates_kernel.gather_shingles(every, places, rows)
    return IndexPiece(
        pl.read_parquet(run.posts, columns=["id"], glob=False)["id"].gather(rows),
        array_store.load_array(run.measures, "exact")[rows],
        hashes,
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
    )


def make_piece_tasks(
    measured_parts: Sequence[MeasuredPart],
    indexed_rows: Sequence[RowRun],
    folder: Path,
    receipts_dir: Path,
    naming: PseudonymSettings,
) -> list[WriteIndexPiece]:
    """The tasks that write every kept post once, so many to a piece, wherever the parts end.

    ``found``: of each part's posts those that reached the shards.
    """
    return [
        WriteIndexPiece(
            tuple(
                IndexedRun(
                    measured_parts[part].posts,
                    measured_parts[part].measures,
                    indexed_rows[part].folder,
                    indexed_rows[part].low + low,
                    indexed_rows[part].low + high,
                )
                for part, low, high in piece
            ),
            folder / f"{number:05d}.sealed",
            receipts_dir / f"{number:05d}.json",
            naming,
        )
        for number, piece in enumerate(
            array_store.split_into_pieces(
                (rows.high - rows.low for rows in indexed_rows), PIECE_POSTS
            )
        )
    ]


def write_index_file(
    folder: Path,
    receipts: list[dict[str, Any]],
    scheme: dict[str, Any],
    shingles: bool,
    key_id: str,
) -> dict[str, Any]:
    """Write ``index.json``, which makes the index count; return it."""
    named = [{key: row[key] for key in ("path", "rows", "bytes", "sha256")} for row in receipts]
    found = {
        "format_version": INDEX_FORMAT_VERSION,
        "scheme": scheme,
        "shingles": shingles,
        "key_id": key_id,
        "rows": sum(row["rows"] for row in named),
        "bytes": sum(row["bytes"] for row in named),
        "pieces": named,
    }
    write_json(folder / INDEX_FILE, found, pretty=True, durable=True)
    return found
