"""Read one dump file into parts on disk, once, so that even a build of one huge file resumes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from corpus import readers
from corpus.errors import BuildError
from corpus.pipeline.withdrawn_copies import withdraw_copies
from corpus.privacy import keys, removed_posts, suppression
from corpus.privacy.file_names import FileNamer
from corpus.readers.contract import Batch, Cursor, ReaderConfig, ReaderModule
from corpus.readers.reposts import fill_original_authors
from corpus.schema import REMOVED_TARGETS
from corpus.storage import filesystem
from corpus.tasks.files import atomic_write
from corpus.tasks.receipts import load_receipt, save_receipt


@dataclass(frozen=True)
class ReadFile:
    """The task of reading the file at ``path`` into the parts in ``folder``, each with a receipt.

    The posts and the refused records have ``name``, the file's name in the output, and not its
    path. Posts on the suppression list are counted in the receipt, and nothing else of them is
    written. It resumes after the last part that has a receipt. BuildError if the file changes
    meanwhile.
    """

    reader: str
    settings: str  # the reader's Config as JSON
    path: str
    name: str
    folder: Path
    part_posts: int
    size_bytes: int  # when the build began
    modified_ns: int  # when the build began
    key_path: Path | str  # of the names of members of archives, and of the list
    suppressed: suppression.State = suppression.EMPTY  # of the key's list

    def __call__(self) -> ReadFile:
        """Read the parts that have no receipt yet."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        receipts = list(load_receipts(self.folder))
        if is_finished(receipts):
            return self
        self._check_unchanged()
        start = Cursor(*receipts[-1]["cursor"]) if receipts else None
        module = readers.find(self.reader)
        config = module.Config.model_validate_json(self.settings)
        batches = module.read(self.path, config, self.part_posts, start)
        names = SourceFileNames(self.path, self.name, FileNamer(keys.load_key(self.key_path)))
        for index, batch in enumerate(batches, start=len(receipts)):
            self._check_unchanged()  # else parts of two versions of the file would be mixed
            batch = names.rename(batch, module, config)
            batch = replace(batch, posts=fill_original_authors(batch.posts))
            listed = apply_suppression_list(batch, self.key_path, self.suppressed)
            save_part(*listed, self.folder, index)
        return self

    def _check_unchanged(self) -> None:
        if filesystem.size_and_mtime(self.path) != (self.size_bytes, self.modified_ns):
            raise BuildError(
                f"'{self.path}' was changed while the build ran; wait until it is complete, or "
                "copy it, then run again"
            )


def apply_suppression_list(
    batch: Batch, key_path: Path | str, suppressed: suppression.State
) -> tuple[Batch, int]:
    """The batch without the posts that the key's list has, and how many these are.

    Its tombstones have the rows by which other posts that repeat them are found.
    """
    if not suppressed.entries:
        return batch, 0
    listed = suppression.load_state(key_path, suppressed)
    is_listed = suppression.mark_listed(listed, batch.posts)
    posts = suppression.redact_posts(listed, batch.posts.filter(~is_listed))
    if not is_listed.any():
        return replace(batch, posts=posts), 0
    removed = removed_posts.describe_listed(listed, batch.posts.filter(is_listed))
    tombstones = pl.concat([batch.tombstones, removed])
    return replace(batch, posts=posts, tombstones=tombstones), int(is_listed.sum())


class SourceFileNames:
    """Puts the names of the output in place of paths in ``source_file``."""

    def __init__(self, path: str, name: str, namer: FileNamer) -> None:
        self._path = path
        self._name = name
        self._namer = namer

    def rename(self, batch: Batch, module: ReaderModule, config: ReaderConfig) -> Batch:
        """Rename the files of a batch, and make the ids that its reader makes of their names."""
        posts, refused = (self._rename_column(frame) for frame in (batch.posts, batch.refused))
        if assign_ids := getattr(module, "assign_ids", None):
            posts = assign_ids(posts, config)
        return replace(batch, posts=posts, refused=refused)

    def _rename_column(self, frame: pl.DataFrame) -> pl.DataFrame:
        old = frame["source_file"].unique().drop_nulls()
        new = pl.Series([self._rename(name) for name in old], dtype=pl.String)
        return frame.with_columns(
            frame["source_file"].replace_strict(old, new, default=None, return_dtype=pl.String)
        )

    def _rename(self, source_file: str) -> str:
        for start, separator in ((self._path, "!"), (self._path.rstrip("/"), "/")):
            if source_file.startswith(start + separator):
                members = source_file[len(start) + 1 :]
                return f"{self._name}{separator}{self._namer.name_members(members)}"
        if source_file == self._path:
            return self._name
        return f"{self._name}!{self._namer.name_members(source_file)}"


def save_part(batch: Batch, suppressed: int, folder: Path, index: int) -> None:
    """Write a batch as part ``index`` of ``folder``: posts, refusals, tombstones and receipt.

    ``suppressed`` is the number of posts that the batch had besides, and that no file may have.
    """
    batch = withdraw_copies(batch)
    frames = {"posts": batch.posts, "refused": batch.refused, "tombstones": batch.tombstones}
    written = []
    for name, frame in frames.items():
        if frame.height or name == "posts":
            written.append(part_path(folder, index, name))
            with atomic_write(written[-1]) as temporary:
                frame.write_parquet(temporary, compression="zstd", compression_level=1)
    reasons = batch.refused["reason"].value_counts().sort("reason")
    receipt = {
        "posts": batch.posts.height,
        "suppressed": suppressed,
        "refused": dict(reasons.iter_rows()),
        "tombstones": batch.tombstones.height,
        "of_removed_posts": int(batch.tombstones["target"].is_in(REMOVED_TARGETS).sum()),
        "repeating": int(removed_posts.mark_repeating(batch.posts).sum()),
        "skipped": batch.skipped,
        "unreadable": batch.unreadable,
        "cursor": batch.cursor,
        "position": batch.position,
        "sha256": batch.sha256,
    }
    save_receipt(receipt_path(folder, index), receipt, written)


def part_path(folder: Path, index: int, name: str = "posts") -> Path:
    """The file of the posts, the refusals (``refused``) or the tombstones of part ``index``."""
    return folder / f"{index:06d}.{name}.parquet"


def receipt_path(folder: Path, index: int) -> Path:
    """The receipt of part ``index``."""
    return folder / f"{index:06d}.json"


def load_receipts(folder: Path, start: int = 0) -> Iterator[dict[str, Any]]:
    """The valid receipts of a file's parts from part ``start`` on, up to the first that is not."""
    index = start
    while (receipt := load_receipt(receipt_path(folder, index))) is not None:
        yield receipt
        index += 1


def is_finished(receipts: list[dict[str, Any]]) -> bool:
    """Whether the last of a file's receipts is that of the file's end."""
    return bool(receipts) and receipts[-1]["cursor"] is None
