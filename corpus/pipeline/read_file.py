"""Read one dump file into parts on disk, once, so that even a build of one huge file resumes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from corpus import readers
from corpus.errors import BuildError
from corpus.pipeline.withdrawn_copies import withdraw_copies
from corpus.privacy import suppression
from corpus.readers.contract import Batch, Cursor
from corpus.readers.reposts import fill_original_authors
from corpus.storage import filesystem
from corpus.tasks.files import atomic_write
from corpus.tasks.receipts import load_receipt, save_receipt


@dataclass(frozen=True)
class ReadFile:
    """The task of reading the file at ``path`` into the parts in ``folder``, each with a receipt.

    Posts on the suppression list are counted in the receipt, and nothing else of them is written.
    It resumes after the last part that has a receipt. BuildError if the file changes meanwhile.
    """

    reader: str
    settings: str  # the reader's Config as JSON
    path: str
    folder: Path
    part_posts: int
    size_bytes: int  # when the build began
    modified_ns: int  # when the build began
    key_path: Path | str = ""
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
        for index, batch in enumerate(batches, start=len(receipts)):
            self._check_unchanged()  # else parts of two versions of the file would be mixed
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
    """The batch without the posts that the key's list has, and how many these are."""
    if not suppressed.entries:
        return batch, 0
    listed = suppression.load_state(key_path, suppressed)
    posts = suppression.redact_posts(listed, suppression.drop_listed(listed, batch.posts))
    return replace(batch, posts=posts), batch.posts.height - posts.height


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
        "skipped": batch.skipped,
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
