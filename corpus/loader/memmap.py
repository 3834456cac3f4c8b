"""Write the tokens of a corpus as one flat array on disk, and where each document begins.

``tokens.bin`` holds the ids of all documents end to end, in the order of the shards, a separator
behind each: ``numpy.memmap("tokens.bin", dtype)``. ``documents.bin`` holds where each begins, and
the end: ``uint64``, one more than there are documents. ``index.json``, written last, tells the
type, the tokenizer, and of each shard how many documents and tokens it has and which come first.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from corpus.errors import BuildError, CorpusError
from corpus.loader import token_encoder
from corpus.loader.load import Split, load
from corpus.storage.folder_lock import locked_corpus
from corpus.storage.remote_path import parse_path
from corpus.tasks.files import canonical_json, file_sha256, write_json

FORMAT_VERSION = 1
INDEX, TOKENS, DOCUMENTS = "index.json", "tokens.bin", "documents.bin"
_PROGRESS_FILE = "progress.json"  # what is done of files that have no final name yet


def tokenize(
    out: str | Path,
    tokenizer: str | Path,
    *,
    destination: str | Path | None = None,
    separator: str | None = None,
    dtype: str = "auto",
    split: str = "train",
) -> dict[str, Any]:
    """Write the tokens of the corpus at ``out`` to ``to`` (``out/tokens``); return the index.

    ``tokenizer`` is the path of a ``tokenizer.json``; ``dtype`` is ``uint16``, ``uint32``,
    or ``auto``: ``uint16`` if the ids fit.
    Stopped, it goes on at the shard where it was. Raises :class:`~corpus.errors.CorpusError` if
    the tokenizer has no separator, or its ids do not fit, or ``to`` holds other tokens.
    """
    with _corpus_lock(out, destination):
        return _tokenize(out, tokenizer, destination, separator, dtype, split)


@contextmanager
def _corpus_lock(out: str | Path, to: str | Path | None) -> Iterator[None]:
    """Where the tokens go into the corpus's own folder: no build and no takedown meanwhile."""
    folder = parse_path(out)
    if not isinstance(folder, Path) or (
        to is not None and not Path(to).resolve().is_relative_to(folder.resolve())
    ):
        yield
        return
    with locked_corpus(folder, "tokenization", shared=True):
        yield


def _tokenize(
    out: str | Path,
    tokenizer: str | Path,
    to: str | Path | None,
    separator: str | None,
    dtype: str,
    split: str,
) -> dict[str, Any]:
    corpus = load(out)
    part = corpus.split(split)
    encoder = token_encoder.make_encoder(tokenizer, separator)
    kind = _choose_dtype(encoder, dtype)
    own = corpus.path / "tokens" / ("" if split == "train" else split)
    if not (to or isinstance(own, Path)):
        raise CorpusError(f"'{out}' is elsewhere; say with --to where the tokens go here")
    folder = Path(to or own)
    head = {
        "format_version": FORMAT_VERSION,
        "corpus": part.identity,
        "tokenizer": {"sha256": encoder.identity, "vocabulary": encoder.vocabulary},
        "separator": encoder.separator,
        "dtype": kind.name,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with _lock_folder(folder):
        if (folder / INDEX).exists():
            return _load_finished_index(folder, head)
        shards = _write_shards(part, encoder, kind, folder, head)
        for name in (TOKENS, DOCUMENTS):
            if _unfinished_path(folder, name).exists():
                os.replace(_unfinished_path(folder, name), folder / name)
        index = {
            **head,
            "documents": sum(shard["documents"] for shard in shards),
            "tokens": sum(shard["tokens"] for shard in shards),
            "files": [
                {"path": name, "bytes": (folder / name).stat().st_size,
                 "sha256": file_sha256(folder / name)}
                for name in (TOKENS, DOCUMENTS)
            ],
            "shards": shards,
        }  # fmt: skip
        write_json(folder / INDEX, index, pretty=True, durable=True)
        (folder / f".{_PROGRESS_FILE}").unlink()
    return index


def _choose_dtype(encoder: token_encoder.TokenEncoder, requested: str) -> np.dtype[Any]:
    if requested not in ("auto", "uint16", "uint32"):
        raise CorpusError(f"the type must be auto, uint16 or uint32; got '{requested}'")
    highest = max(encoder.vocabulary - 1, encoder.separator)
    if requested == "uint16" and highest > 0xFFFF:
        raise CorpusError(
            f"the tokenizer's ids go up to {highest:,} and uint16 holds 65,535; "
            "leave --dtype out, or give uint32"
        )
    narrow = requested == "uint16" or (requested == "auto" and highest <= 0xFFFF)
    return np.dtype(np.uint16 if narrow else np.uint32)


def _load_finished_index(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    for name, value in settings.items():
        if found.get(name) != value:
            raise CorpusError(
                f"'{folder}' holds tokens that were made with another {name}; "
                "remove them, or give another folder with --to"
            )
    return found


@contextmanager
def _lock_folder(folder: Path) -> Iterator[None]:
    """One writer at a time; a folder with other things in it is left alone."""
    known = {INDEX, TOKENS, DOCUMENTS, "validation"}
    for path in folder.iterdir():
        if path.name not in known and not path.name.startswith("."):
            raise CorpusError(
                f"'{folder}' holds '{path.name}', which is no tokens; give another folder with --to"
            )
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BuildError(f"another process is writing to '{folder}'; wait for it") from None
        yield
    (folder / ".lock").unlink(missing_ok=True)


def _unfinished_path(folder: Path, name: str) -> Path:
    return folder / f".{name}.unfinished"


def _write_shards(
    split: Split, encoder: token_encoder.TokenEncoder, dtype: np.dtype[Any], folder: Path,
    settings: dict[str, Any],
) -> list[dict[str, Any]]:  # fmt: skip
    """Append shard after shard; what is on record as done stays as it is."""
    done = _load_finished_shards(folder, settings)
    listed = split.shards
    if len(done) == len(listed) and done:
        return done  # stopped between the last shard and the index
    shelf = split.shard_index()
    tokens = sum(shard["tokens"] for shard in done)
    documents = sum(shard["documents"] for shard in done)
    with (
        _open_at(_unfinished_path(folder, TOKENS), tokens * dtype.itemsize) as flat,
        _open_at(_unfinished_path(folder, DOCUMENTS), documents * 8 + 8 * bool(done)) as offsets,
    ):
        if not done:
            offsets.write(np.zeros(1, "<u8").tobytes())
        for number in range(len(done), len(listed)):
            first = {"first_document": documents, "first_token": tokens}
            for group in shelf.row_groups_of_shard(number):
                shelf.prefetch(range(group, min(group + 3, shelf.row_counts.size)), ["text"])
                texts = shelf.read_row_group(group, ["text"])["text"]
                for begin in range(0, len(texts), 2_000):
                    ids, sizes = encoder(texts.slice(begin, 2_000).to_pylist())
                    if ids.size and not 0 <= ids.min() <= ids.max() <= np.iinfo(dtype).max:
                        raise CorpusError(
                            f"the tokenizer made the id {ids.max():,}, which {dtype.name} cannot "
                            "hold; give --dtype uint32"
                        )
                    flat.write(ids.astype(dtype.newbyteorder("<")).tobytes())
                    offsets.write((tokens + np.cumsum(sizes)).astype("<u8").tobytes())
                    tokens += ids.size
                    documents += sizes.size
            done.append(
                {"path": listed[number]["path"], "sha256": listed[number]["sha256"], **first,
                 "documents": documents - first["first_document"],
                 "tokens": tokens - first["first_token"]}
            )  # fmt: skip
            for file in (flat, offsets):
                file.flush()
                os.fsync(file.fileno())
            write_json(
                folder / f".{_PROGRESS_FILE}", {"head": settings, "shards": done}, durable=True
            )
    return done


def _load_finished_shards(folder: Path, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The shards that an earlier run finished, if it was of the same tokens."""
    try:
        found = json.loads((folder / f".{_PROGRESS_FILE}").read_text(encoding="utf-8"))
        same = canonical_json(found["head"]) == canonical_json(settings)
        names = ("path", "sha256", "first_document", "first_token", "documents", "tokens")
        shards = [{name: shard[name] for name in names} for shard in found["shards"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    if not same or not _covers_shards(folder, shards, np.dtype(settings["dtype"]).itemsize):
        return []
    return shards


def _covers_shards(folder: Path, shards: list[dict[str, Any]], size: int) -> bool:
    """Whether the files hold at least what is on record."""
    sizes = {
        TOKENS: sum(shard["tokens"] for shard in shards) * size,
        DOCUMENTS: sum(shard["documents"] for shard in shards) * 8 + 8,
    }
    for name, least in sizes.items():
        files = [path for path in (_unfinished_path(folder, name), folder / name) if path.exists()]
        if not files or files[0].stat().st_size < least:
            return False
    return True


@contextmanager
def _open_at(path: Path, size: int) -> Iterator[IO[bytes]]:
    """Open a file to go on with behind its first ``size`` bytes."""
    with open(path, "r+b" if size and path.exists() else "wb") as file:
        file.truncate(size)
        file.seek(size)
        yield file
