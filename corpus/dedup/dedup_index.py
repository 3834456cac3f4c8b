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

from corpus.dedup.index_rows import Found
from corpus.errors import BuildError, PlanError
from corpus.privacy import keys
from corpus.privacy.pseudonyms import Naming
from corpus.tasks import array_store
from corpus.tasks.receipts import file_sha256, load_receipt, replacing, save_receipt, write_json

FOLDER = "index"
CARD = "index.json"
FORMAT_VERSION = 1
PIECE_POSTS = 100_000


class Entries(NamedTuple):
    """A piece of an index."""

    ids: pl.Series
    exact: NDArray[np.uint64]  # (n, 2)
    hashes: NDArray[np.uint32]  # flat; none if only whole texts were compared
    places: NDArray[np.int64]  # (n + 1,)


def card(corpus: Path, scheme: dict[str, Any], *, shingles: bool) -> Path:
    """The file that describes a corpus's index; PlanError unless it fits ``scheme``."""
    path = corpus / FOLDER / CARD
    if not corpus.is_dir():
        raise PlanError(f"dedup: against: no corpus at '{corpus}'")
    if not path.is_file():
        raise PlanError(
            f"dedup: against: '{corpus}' has no index; build it with 'dedup: {{index: true}}'"
        )
    found = read_card(corpus)
    if found["format_version"] > FORMAT_VERSION:
        raise PlanError(
            f"dedup: against: the index of '{corpus}' is of a newer version of this tool"
        )
    for name, value in scheme.items():
        if found["scheme"].get(name) != value:
            raise PlanError(
                f"dedup: against: '{corpus}' was compared with {name} "
                f"{_shown(found['scheme'].get(name))} and this plan has {_shown(value)}; "
                "make them the same, or build that corpus again"
            )
    if shingles and not found["shingles"]:
        raise PlanError(
            f"dedup: against: '{corpus}' was built with exact_only and knows no shingles; "
            "set 'exact_only: true' here too, or build it again"
        )
    return path


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_card(corpus: Path) -> dict[str, Any]:
    """What ``index.json`` says; PlanError if it cannot be read."""
    path = corpus / FOLDER / CARD
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _ = found["format_version"], found["scheme"], found["key_id"], found["pieces"]
    except (OSError, ValueError, KeyError, TypeError):
        raise PlanError(f"'{path}' cannot be read as an index; build that corpus again") from None
    return found


def check_keys(corpora: Iterable[Path], key_id: str) -> None:
    """PlanError if the index of one of the corpora was enciphered with another key."""
    for corpus in corpora:
        if read_card(corpus)["key_id"] != key_id:
            raise PlanError(
                f"dedup: against: the index of '{corpus}' was made with another key; "
                "give that corpus's key with 'output: {key: ...}'"
            )


def pieces(corpus: Path) -> list[Path]:
    """The files of an index, each as its card has it."""
    return [corpus / FOLDER / piece["path"] for piece in read_card(corpus)["pieces"]]


def load(path: Path, key: bytes) -> Entries:
    """Decipher a piece; BuildError if it is damaged."""
    try:
        opened = keys.unseal(path.read_bytes(), key)
    except (OSError, BuildError):
        raise BuildError(
            f"'{path}' is missing or damaged, or made with another key; build that corpus again"
        ) from None
    frame = pl.read_parquet(io.BytesIO(opened))
    counts = frame["shingles"].list.len().to_numpy().astype(np.int64)
    return Entries(
        frame["id"],
        np.stack([frame["exact_one"].to_numpy(), frame["exact_two"].to_numpy()], axis=1),
        frame["shingles"].explode(empty_as_null=False).to_numpy().astype(np.uint32),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
    )


def pack(entries: Entries, key: bytes) -> bytes:
    """Encipher a piece."""
    frame = pl.DataFrame(
        {
            "id": entries.ids,
            "exact_one": entries.exact[:, 0],
            "exact_two": entries.exact[:, 1],
            "shingles": array_store.lists(entries.hashes, entries.places),
        }
    )
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
    return keys.seal(buffer.getvalue(), key)


# --------------------------------------------------------------------------- writing it


class Span(NamedTuple):
    """A run of the posts of a part that reached the shards."""

    posts: Path
    measured: Path
    found: Path  # the folder of the array of their rows
    low: int
    high: int


@dataclass(frozen=True)
class WritePiece:
    """The task of writing a piece."""

    spans: tuple[Span, ...]
    target: Path
    receipt: Path
    naming: Naming

    def __call__(self) -> WritePiece:
        """Write the piece unless its receipt is there."""
        if load_receipt(self.receipt) is not None:
            return self
        parts = [_entries(span) for span in self.spans]
        counts = [np.diff(part.places) for part in parts]
        entries = Entries(
            self.naming.open().post(pl.concat([part.ids for part in parts])),
            np.concatenate([part.exact for part in parts]),
            np.concatenate([part.hashes for part in parts]),
            np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(counts))]),
        )
        with replacing(self.target, durable=True) as temporary:
            temporary.write_bytes(pack(entries, keys.load_key(self.naming.key)))
        receipt = {
            "path": self.target.name, "rows": len(entries.ids),
            "bytes": self.target.stat().st_size, "sha256": file_sha256(self.target),
        }  # fmt: skip
        save_receipt(self.receipt, receipt, [self.target])
        return self


def _entries(span: Span) -> Entries:
    from corpus.partition import union_find

    rows = array_store.piece(span.found, "rows", span.low, span.high)
    hashes, counts = np.empty(0, np.uint32), np.zeros(rows.size, np.int64)
    if (span.measured / "hashes.npy").exists():
        places = array_store.whole(span.measured, "places")
        every = array_store.whole(span.measured, "hashes")
        hashes, counts = union_find.take_shingles(every, places, rows)
    return Entries(
        pl.read_parquet(span.posts, columns=["id"], glob=False)["id"].gather(rows),
        array_store.whole(span.measured, "exact")[rows],
        hashes,
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
    )


def cut(
    posts: Sequence[Path], measured: Sequence[Path], found: Sequence[Found], folder: Path,
    done: Path, naming: Naming,
) -> list[WritePiece]:  # fmt: skip
    """The tasks that write every kept post once, so many to a piece, wherever the parts end.

    ``found``: of each part's posts those that reached the shards.
    """
    return [
        WritePiece(
            tuple(
                Span(
                    posts[part], measured[part], found[part].folder,
                    found[part].low + low, found[part].low + high,
                )
                for part, low, high in piece
            ),
            folder / f"{number:05d}.sealed",
            done / f"{number:05d}.json",
            naming,
        )
        for number, piece in enumerate(
            array_store.cut((rows.high - rows.low for rows in found), PIECE_POSTS)
        )
    ]  # fmt: skip


def write_card(
    folder: Path,
    receipts: list[dict[str, Any]],
    scheme: dict[str, Any],
    shingles: bool,
    key_id: str,
) -> dict[str, Any]:
    """Write ``index.json``, which makes the index count; return it."""
    named = [{key: row[key] for key in ("path", "rows", "bytes", "sha256")} for row in receipts]
    found = {
        "format_version": FORMAT_VERSION,
        "scheme": scheme,
        "shingles": shingles,
        "key_id": key_id,
        "rows": sum(row["rows"] for row in named),
        "bytes": sum(row["bytes"] for row in named),
        "pieces": named,
    }
    write_json(folder / CARD, found, pretty=True, durable=True)
    return found
