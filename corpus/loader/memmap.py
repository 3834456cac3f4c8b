"""Write the tokens of a corpus as one flat array on disk, with the offset of each document.

``tokens.bin`` holds the ids of all documents, in the order of the shards, with a separator after
each document: ``numpy.memmap("tokens.bin", dtype)``. ``documents.bin`` holds as ``uint64`` the
index of each document's first token, and the number of tokens: one number more than there are
documents. ``index.json``, written last, holds the dtype, the tokenizer, and for each shard the
number of its documents and tokens and the index of the first of each.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from corpus.errors import BuildError, CorpusError
from corpus.loader.load import Split, load
from corpus.loader.shard_index import ShardIndex
from corpus.loader.token_encoder import TokenEncoder, make_encoder
from corpus.storage.derived_files import list_derived_files
from corpus.storage.folder_lock import locked_if_inside
from corpus.storage.remote_path import parse_path
from corpus.storage.unfinished_takedown import recover
from corpus.tasks.files import canonical_json, file_sha256, write_json

FORMAT_VERSION = 1
INDEX, TOKENS, DOCUMENTS = "index.json", "tokens.bin", "documents.bin"
_PROGRESS = ".progress.json"  # the shards that are in the unfinished files
_LOCK = ".lock"  # an empty file
#: Texts that are given to the tokenizer together.
_BATCH_TEXTS = 2_000


def tokenize(
    out: str | Path,
    tokenizer: str | Path,
    *,
    destination: str | Path | None = None,
    separator: str | None = None,
    dtype: str = "auto",
    split: str = "train",
) -> dict[str, Any]:
    """Write the tokens of the corpus at ``out`` to ``destination``; return the index.

    ``tokenizer`` is the path of a ``tokenizer.json``; ``destination`` is ``out/tokens`` by
    default; ``dtype`` is ``uint16``, ``uint32``, or ``auto``: ``uint16`` if the ids fit. If it was
    interrupted, it continues with the shard that was not finished. Raises
    :class:`~corpus.errors.CorpusError` if the tokenizer has no separator, its ids do not fit, or
    ``destination`` holds other tokens.
    """
    root = parse_path(out)
    folder = _choose_folder(root, destination, split)
    recover(root)
    with locked_if_inside(root, folder, "tokenization") as inside:
        part = load(out).split(split)
        encoder = make_encoder(tokenizer, separator)
        settings = {
            "format_version": FORMAT_VERSION,
            "corpus": part.identity,
            "tokenizer": {"sha256": encoder.identity, "vocabulary": encoder.vocabulary},
            "separator": encoder.separator,
            "dtype": _choose_dtype(encoder, dtype).name,
        }
        folder.mkdir(parents=True, exist_ok=True)
        with _lock_folder(folder):
            if (folder / INDEX).exists():
                return _load_finished_index(folder, settings)
            if isinstance(root, Path):
                list_derived_files(root, "tokens", folder, is_locked=inside)
            shards = _write_shards(part, encoder, folder, settings)
            return _write_index(folder, settings, shards)


def _choose_folder(root: Any, destination: str | Path | None, split: str) -> Path:
    if destination is not None:
        return Path(destination)
    if not isinstance(root, Path):
        raise CorpusError(f"'{root}' is a URL; name a local folder for the tokens with --to")
    folder = root / "tokens" / ("" if split == "train" else split)
    for path in (root / "tokens", folder):
        if path.is_symlink():
            raise CorpusError(f"'{path}' is a symbolic link; remove it, or name a folder with --to")
    return folder


def _choose_dtype(encoder: TokenEncoder, requested: str) -> np.dtype[Any]:
    if requested not in ("auto", "uint16", "uint32"):
        raise CorpusError(f"the type must be auto, uint16 or uint32; got '{requested}'")
    highest = max(encoder.vocabulary - 1, encoder.separator)
    if requested == "uint16" and highest > 0xFFFF:
        raise CorpusError(
            f"the tokenizer's ids go up to {highest:,} and uint16 holds 65,535; "
            "omit --dtype, or give uint32"
        )
    narrow = requested == "uint16" or (requested == "auto" and highest <= 0xFFFF)
    return np.dtype(np.uint16 if narrow else np.uint32)


def _load_finished_index(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    try:
        index: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        _ = index["tokenizer"], index["shards"]
    except (OSError, ValueError, KeyError, TypeError):
        raise CorpusError(_format_foreign(folder, INDEX)) from None
    for name, value in settings.items():
        if index.get(name) != value:
            raise CorpusError(
                f"'{folder}' holds tokens that were made with another {name}; "
                "remove them, or give another folder with --to"
            )
    return index


@contextmanager
def _lock_folder(folder: Path) -> Iterator[None]:
    """Let one process at a time write to a folder, and none to a folder with other files in it."""
    known = {INDEX, TOKENS, DOCUMENTS, "validation"}
    for path in folder.iterdir():
        if path.name not in known and not path.name.startswith("."):
            raise CorpusError(_format_foreign(folder, path.name))
    _refuse_foreign_files(folder)
    with open(folder / _LOCK, "ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BuildError(f"another process is writing to '{folder}'; wait for it") from None
        yield
    (folder / _LOCK).unlink(missing_ok=True)


def _refuse_foreign_files(folder: Path) -> None:
    """CorpusError if a file that will be written is there and is not of an earlier run.

    A link is foreign, and so is a second name of a file whose content would be changed.
    """
    unfinished = [_unfinished_path(folder, name) for name in (TOKENS, DOCUMENTS)]
    changed = [folder / _LOCK, *unfinished]
    for path in (*changed, *(folder / name for name in (_PROGRESS, INDEX, TOKENS, DOCUMENTS))):
        if not os.path.lexists(path):
            continue
        status = path.lstat()
        is_foreign = not stat.S_ISREG(status.st_mode)
        is_foreign |= path in changed and status.st_nlink > 1
        is_foreign |= path == folder / _LOCK and status.st_size > 0
        if path.name in (TOKENS, DOCUMENTS):
            is_foreign |= not any((folder / name).exists() for name in (INDEX, _PROGRESS))
        if is_foreign:
            raise CorpusError(_format_foreign(folder, path.name))


def _format_foreign(folder: Path, name: str) -> str:
    return (
        f"'{folder}' holds '{name}', which is not a token file of this tool; give another folder "
        "with --to"
    )


def _unfinished_path(folder: Path, name: str) -> Path:
    return folder / f".{name}.unfinished"


def _write_shards(
    split: Split, encoder: TokenEncoder, folder: Path, settings: dict[str, Any]
) -> list[dict[str, Any]]:
    """Append the tokens of each shard that is not finished; return the entries of all shards."""
    finished = _load_finished_shards(folder, settings)
    if finished and len(finished) == len(split.shards):
        return finished  # interrupted after the last shard, before the index
    index, dtype = split.shard_index(), np.dtype(settings["dtype"])
    tokens = sum(shard["tokens"] for shard in finished)
    documents = sum(shard["documents"] for shard in finished)
    tokens_bytes, documents_bytes = tokens * dtype.itemsize, 8 * (documents + bool(finished))
    with (
        _open_at(_unfinished_path(folder, TOKENS), tokens_bytes) as token_file,
        _open_at(_unfinished_path(folder, DOCUMENTS), documents_bytes) as document_file,
    ):
        if not finished:
            document_file.write(np.zeros(1, "<u8").tobytes())
        for number in range(len(finished), len(split.shards)):
            first_document, first_token = documents, tokens
            for texts in _read_texts(index, number):
                ids, sizes = encoder(texts)
                if ids.size and not 0 <= ids.min() <= ids.max() <= np.iinfo(dtype).max:
                    raise CorpusError(
                        f"the tokenizer made the id {ids.max():,}, which {dtype.name} cannot "
                        "hold; give --dtype uint32"
                    )
                token_file.write(ids.astype(dtype.newbyteorder("<")).tobytes())
                document_file.write((tokens + np.cumsum(sizes)).astype("<u8").tobytes())
                tokens += ids.size
                documents += sizes.size
            shard = split.shards[number]
            finished.append(
                {
                    "path": shard["path"],
                    "sha256": shard["sha256"],
                    "first_document": first_document,
                    "first_token": first_token,
                    "documents": documents - first_document,
                    "tokens": tokens - first_token,
                }
            )
            for file in (token_file, document_file):
                file.flush()
                os.fsync(file.fileno())
            write_json(folder / _PROGRESS, {"head": settings, "shards": finished}, durable=True)
    return finished


def _read_texts(index: ShardIndex, shard: int) -> Iterator[list[str]]:
    """Yield the texts of a shard in batches for the tokenizer."""
    for row_group in index.row_groups_of_shard(shard):
        index.prefetch_from(row_group, ["text"])
        texts = index.read_row_group(row_group, ["text"])["text"]
        for begin in range(0, len(texts), _BATCH_TEXTS):
            yield texts.slice(begin, _BATCH_TEXTS).to_pylist()


def _write_index(
    folder: Path, settings: dict[str, Any], shards: list[dict[str, Any]]
) -> dict[str, Any]:
    """Give the files their final names and write the index."""
    for name in (TOKENS, DOCUMENTS):
        if _unfinished_path(folder, name).exists():
            os.replace(_unfinished_path(folder, name), folder / name)
    files = [
        {
            "path": name,
            "bytes": (folder / name).stat().st_size,
            "sha256": file_sha256(folder / name),
        }
        for name in (TOKENS, DOCUMENTS)
    ]
    index = {
        **settings,
        "documents": sum(shard["documents"] for shard in shards),
        "tokens": sum(shard["tokens"] for shard in shards),
        "files": files,
        "shards": shards,
    }
    write_json(folder / INDEX, index, pretty=True, durable=True)
    (folder / _PROGRESS).unlink()
    return index


def _load_finished_shards(folder: Path, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of the shards that an earlier run finished with the same settings."""
    try:
        progress = json.loads((folder / _PROGRESS).read_text(encoding="utf-8"))
        same = canonical_json(progress["head"]) == canonical_json(settings)
        names = ("path", "sha256", "first_document", "first_token", "documents", "tokens")
        shards = [{name: shard[name] for name in names} for shard in progress["shards"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return shards if same and _covers_shards(folder, shards, settings["dtype"]) else []


def _covers_shards(folder: Path, shards: list[dict[str, Any]], dtype: str) -> bool:
    """Whether the files are at least as long as the entries of the shards say."""
    sizes = {
        TOKENS: sum(shard["tokens"] for shard in shards) * np.dtype(dtype).itemsize,
        DOCUMENTS: sum(shard["documents"] for shard in shards) * 8 + 8,
    }
    for name, size in sizes.items():
        files = [path for path in (_unfinished_path(folder, name), folder / name) if path.exists()]
        if not files or files[0].stat().st_size < size:
            return False
    return True


@contextmanager
def _open_at(path: Path, size: int) -> Iterator[IO[bytes]]:
    """Open a file for writing after its first ``size`` bytes."""
    with open(path, "r+b" if size and path.exists() else "wb") as file:
        file.truncate(size)
        file.seek(size)
        yield file
