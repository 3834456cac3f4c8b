"""Write what dedup measured of a finished corpus to ``index/``, for later corpora to compare with.

``index/`` has a piece for every :data:`PIECE_POSTS` posts of the shards: their ids, text hashes and
shingle hashes. From these the bands for any threshold are computed again, and candidates are
verified as exactly as within one build. The hashes are those of the texts in the shards (see
:mod:`corpus.dedup.output_texts`): whoever decrypts them learns nothing that the shards do not say.
Because they could still be compared with texts from elsewhere, each piece is encrypted with the
corpus's key. ``index.json`` is not: it lists the pieces and the settings that a comparable corpus
must have.
"""

from __future__ import annotations

import hmac
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.dedup import index_rows, output_texts
from corpus.dedup.config import Config
from corpus.dedup.index_rows import RowRun
from corpus.dedup.output_texts import StageChain, TextHashes
from corpus.errors import BuildError, PlanError
from corpus.journal import CorpusFiles
from corpus.privacy import keys
from corpus.privacy.pseudonyms import PseudonymSettings
from corpus.stages import MeasuredPart
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write, canonical_json, file_sha256, write_json
from corpus.tasks.task import ResumableTask, Written

INDEX_FOLDER = "index"
INDEX_FILE = "index.json"
#: 2: hashes of the texts in the shards. In version 1 they were of the texts before redaction.
INDEX_FORMAT_VERSION = 2
PIECE_POSTS = 100_000
#: Settings of ``pii`` that drop posts, and the name of a file whose lines are in ``public`` too.
_NOT_OF_TEXTS = frozenset({"max_spans", "public_file"})
#: Those by which names are found, which the profile ``strict`` does.
_OF_NAMES = frozenset({"ner", "ner_langs"})


class IndexPiece(NamedTuple):
    """The posts of a piece of an index."""

    ids: pl.Series
    text_hashes: NDArray[np.uint64]  # (n, 2)
    shingle_hashes: NDArray[np.uint32]  # flat; none if only whole texts were compared
    shingle_offsets: NDArray[np.int64]  # (n + 1,)


def find_compatible_index(corpus: Path, scheme: dict[str, Any], *, shingles: bool) -> Path:
    """The path of a corpus' ``index.json``; PlanError unless its scheme equals ``scheme``.

    With ``shingles`` the index must contain shingles too.
    """
    path: Path = CorpusFiles(corpus).path(f"{INDEX_FOLDER}/{INDEX_FILE}")
    if not corpus.is_dir():
        raise PlanError(f"dedup: against: no corpus at '{corpus}'")
    if not path.is_file():
        raise PlanError(
            f"dedup: against: '{corpus}' has no index; build it with 'dedup: {{index: true}}', "
            "and upload a copy with 'corpus publish --with-index'"
        )
    description = read_index_file(corpus)
    if description["format_version"] > INDEX_FORMAT_VERSION:
        raise PlanError(
            f"dedup: against: the index of '{corpus}' is of a newer version of this tool"
        )
    for name, value in scheme.items():
        if description["scheme"].get(name) != value:
            raise PlanError(
                f"dedup: against: '{corpus}' was compared with {name} "
                f"{_to_json(description['scheme'].get(name))} and this plan has {_to_json(value)}; "
                "make them the same, or build that corpus again"
            )
    if not description.get("texts", True):
        raise PlanError(
            f"dedup: against: the index of '{corpus}' has no texts, because 'pii' replaces names "
            "in its documents; put 'pii' before 'conversations' there, and build it again"
        )
    if shingles and not description["shingles"]:
        raise PlanError(
            f"dedup: against: '{corpus}' was built with exact_only, so its index has no shingles; "
            "set 'exact_only: true' here too, or build it again"
        )
    return path


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_index_file(corpus: Path) -> dict[str, Any]:
    """The content of ``index.json`` of a corpus; PlanError if it cannot be read."""
    path = corpus / INDEX_FOLDER / INDEX_FILE
    try:
        description: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _ = (
            description["format_version"],
            description["scheme"],
            description["key_id"],
            description["pieces"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise PlanError(f"'{path}' cannot be read as an index; build that corpus again") from None
    return description


def check_keys(corpora: Iterable[Path], key_id: str) -> None:
    """Raise PlanError if the index of one of the corpora was encrypted with another key."""
    for corpus in corpora:
        if read_index_file(corpus)["key_id"] != key_id:
            raise PlanError(
                f"dedup: against: the index of '{corpus}' was made with another key; "
                "give that corpus's key with 'output: {key: ...}'"
            )


def describe_redaction(pii_config: str, key: bytes) -> dict[str, str]:
    """The settings of ``pii`` that decide a text, as keyed digests; empty without the stage.

    Lists of accounts and names of files are not disclosed by them.
    """
    settings = json.loads(pii_config) if pii_config else {}
    unused = _NOT_OF_TEXTS if settings.get("profile") == "strict" else _NOT_OF_TEXTS | _OF_NAMES
    derived = hmac.digest(key, b"corpus redaction settings", "sha256")
    return {
        name: hmac.digest(derived, canonical_json(value).encode(), "sha256").hex()[:16]
        for name, value in sorted(settings.items())
        if name not in unused
    }


def check_redaction(corpora: Iterable[Path], redaction: Mapping[str, str]) -> list[str]:
    """Return a warning for each corpus that was redacted with other settings than a plan has.

    ``redaction`` is :func:`describe_redaction` of the plan. The texts of posts with contact data
    differ then; all other posts are compared as they are.
    """
    warnings = []
    for corpus in corpora:
        earlier = read_index_file(corpus).get("redaction")
        if not earlier or earlier == redaction:
            continue  # nothing was redacted, or an earlier version does not say how
        if redaction:
            others = sorted(
                name for name in {*earlier, *redaction} if earlier.get(name) != redaction.get(name)
            )
            more = f" (and {len(others) - 1} more)" if others[1:] else ""
            difference = f"with another 'pii: {others[0]}'{more}"
        else:
            difference = "by 'pii', which this plan lacks"
        warnings.append(
            f"dedup: against: '{corpus}' was redacted {difference}: posts with contact data may "
            "not be recognized there by their texts; give 'pii' the settings of the plan.yaml there"
        )
    return warnings


def list_index_pieces(corpus: Path) -> list[Path]:
    """The files of the pieces of a corpus' index, in the order of ``index.json``."""
    files, pieces = CorpusFiles(corpus), read_index_file(corpus)["pieces"]
    return [files.path(f"{INDEX_FOLDER}/{piece['path']}") for piece in pieces]


def load_piece(path: Path, key: bytes) -> IndexPiece:
    """Decrypt a piece; BuildError if it is missing or damaged, or if the key is another."""
    try:
        data = keys.decrypt(path.read_bytes(), key, INDEX_FOLDER)
    except (OSError, BuildError):
        raise BuildError(
            f"'{path}' is missing or damaged, or made with another key; build that corpus again"
        ) from None
    frame = pl.read_parquet(io.BytesIO(data))
    counts = frame["shingles"].list.len().to_numpy().astype(np.int64)
    return IndexPiece(
        frame["id"],
        np.stack([frame["exact_one"].to_numpy(), frame["exact_two"].to_numpy()], axis=1),
        frame["shingles"].explode(empty_as_null=False).to_numpy().astype(np.uint32),
        _offsets(counts),
    )


def encrypt_piece(piece: IndexPiece, key: bytes) -> bytes:
    """The encrypted bytes of a piece: a Parquet file under the corpus' key."""
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
    return keys.encrypt(buffer.getvalue(), key, INDEX_FOLDER)


# --------------------------------------------------------------------------- writing it


class IndexSettings(NamedTuple):
    """What the tasks that write the index need to know of the plan."""

    dedup_config: str  # as JSON
    later_filters: StageChain
    pseudonyms: PseudonymSettings
    #: Whether the texts of the posts are known as they are in the output (see ``knows_texts``).
    has_texts: bool = True


class IndexedRun(NamedTuple):
    """Posts of a part that reached the shards, and the files that the index is made from."""

    posts: Path
    measures: Path  # the folder of the arrays that dedup computed for the part
    #: The part after the last stage; None where ``conversations`` has made documents of the posts.
    final_posts: Path | None
    rows: RowRun

    def load(self, settings: IndexSettings) -> tuple[pl.Series, TextHashes]:
        """Read the ids of the posts in the output, and the hashes of their texts there."""
        rows = self.rows.load()
        posts = output_texts.read_posts(self.posts)[pl.Series(rows)]
        config = Config.model_validate_json(settings.dedup_config)
        ids = settings.pseudonyms.load().pseudonymize_ids(posts["id"])
        chain = output_texts.select_text_stages(settings.later_filters)
        if not settings.has_texts:
            return ids, output_texts.no_text(ids)
        if self.final_posts is None:
            texts = output_texts.rewrite_texts(posts, chain, settings.pseudonyms.key_path)
        else:
            final = pl.read_parquet(self.final_posts, columns=["id", "text"], glob=False)
            final = final.unique("id", keep="first").rename({"text": "_text"})
            texts = posts.join(final, on="id", how="left", maintain_order="left")["_text"]
        measured = load_measured_hashes(self.measures, rows)
        before = posts["text"].fill_null("")
        return ids, output_texts.replace_hashes(measured, before, texts.fill_null(""), config)


def load_measured_hashes(measures: Path, rows: NDArray[np.int64]) -> TextHashes:
    """The hashes of n rows of a part, of the texts before any later stage has changed them.

    ``measures`` is the folder of the arrays that dedup computed. With ``exact_only`` there are no
    shingles.
    """
    from corpus.dedup import candidates_kernel

    text_hashes = array_store.load_array(measures, "text_hashes")[rows]
    if not array_store.has_array(measures, "hashes"):
        return TextHashes(text_hashes, np.empty(0, np.uint32), np.zeros(rows.size, np.int64))
    hashes = array_store.load_array(measures, "hashes")
    offsets = array_store.load_array(measures, "offsets")
    return TextHashes(text_hashes, *candidates_kernel.gather_shingles(hashes, offsets, rows))


def _offsets(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


@dataclass(frozen=True)
class WriteIndexPiece(ResumableTask):
    """Write an encrypted piece of the index.

    Reads posts before and after the later stages, and the arrays that dedup computed for them;
    replaces the ids as the plan says. The facts are those of the piece in ``index.json``.
    """

    runs: tuple[IndexedRun, ...]
    target: Path
    receipt: Path
    settings: IndexSettings

    def write(self) -> Written:
        """Write the piece."""
        ids, hashes = zip(*(run.load(self.settings) for run in self.runs), strict=True)
        piece = IndexPiece(
            pl.concat(ids),
            np.concatenate([part.text_hashes for part in hashes]),
            np.concatenate([part.shingle_hashes for part in hashes]),
            _offsets(np.concatenate([part.shingle_counts for part in hashes])),
        )
        key = keys.load_key(self.settings.pseudonyms.key_path)
        with atomic_write(self.target, durable=True) as temporary:
            temporary.write_bytes(encrypt_piece(piece, key))
        facts = {
            "path": self.target.name,
            "rows": len(piece.ids),
            "bytes": self.target.stat().st_size,
            "sha256": file_sha256(self.target),
        }
        return Written([self.target], facts)


def make_piece_tasks(
    measured_parts: Sequence[MeasuredPart],
    final_parts: Sequence[Path],
    indexed_rows: Sequence[RowRun],
    folder: Path,
    receipts_dir: Path,
    settings: IndexSettings,
) -> list[WriteIndexPiece]:
    """The tasks that write the ``indexed_rows`` of each part, :data:`PIECE_POSTS` to a piece.

    ``final_parts`` is the output of the last stage.
    """
    is_same_part = index_rows.has_same_rows(measured_parts, final_parts)
    runs = [
        IndexedRun(part.posts, part.measures, final_parts[number] if is_same_part else None, rows)
        for number, (part, rows) in enumerate(zip(measured_parts, indexed_rows, strict=True))
    ]
    counts = (rows.high - rows.low for rows in indexed_rows)
    return [
        WriteIndexPiece(
            tuple(
                runs[part]._replace(rows=runs[part].rows.slice(low, high))
                for part, low, high in piece
            ),
            folder / f"{number:05d}.sealed",
            receipts_dir / f"{number:05d}.json",
            settings,
        )
        for number, piece in enumerate(array_store.split_into_pieces(counts, PIECE_POSTS))
    ]


def write_index_file(
    folder: Path,
    receipts: list[dict[str, Any]],
    scheme: dict[str, Any],
    shingles: bool,
    key_id: str,
    *,
    texts: bool = True,
    redaction: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Write ``index.json``, without which there is no index; return its content.

    ``shingles`` and ``texts`` say whether the pieces have any; ``redaction`` is that of the texts.
    """
    named = [{key: row[key] for key in ("path", "rows", "bytes", "sha256")} for row in receipts]
    description = {
        "format_version": INDEX_FORMAT_VERSION,
        "scheme": scheme,
        "shingles": shingles,
        "texts": texts,
        "redaction": dict(redaction or {}),
        "key_id": key_id,
        "rows": sum(row["rows"] for row in named),
        "bytes": sum(row["bytes"] for row in named),
        "pieces": named,
    }
    write_json(folder / INDEX_FILE, description, pretty=True, durable=True)
    return description
