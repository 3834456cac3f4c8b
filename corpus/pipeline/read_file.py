"""Turn one dump file into parts on disk, once, so that even one giant file resumes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus import readers
from corpus.errors import BuildError
from corpus.plan import detect_format
from corpus.readers.contract import Batch, Cursor
from corpus.tasks.files import atomic_write
from corpus.tasks.receipts import load_receipt, save_receipt


@dataclass(frozen=True)
class ReadFile:
    """The task of reading one file into ``folder``; picks up behind the last whole part."""

    reader: str
    settings: str  # the reader's Config as JSON
    path: str
    folder: Path
    part_posts: int
    size_bytes: int  # in bytes, when the build began
    modified_ns: int  # when it was changed last by then, in ns

    def __call__(self) -> ReadFile:
        """Read what is not there yet."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        done = list(load_receipts(self.folder))
        if is_finished(done):
            return self
        self._check_unchanged()
        start = Cursor(*done[-1]["cursor"]) if done else None
        module = readers.find(self.reader)
        config = module.Config.model_validate_json(self.settings)
        for index, batch in enumerate(
            module.read(self.path, config, self.part_posts, start), start=len(done)
        ):
            self._check_unchanged()  # else half of one state of it would be mixed with half of another
            save_part(batch, self.folder, index)
        return self

    def _check_unchanged(self) -> None:
        if detect_format.size_and_mtime(self.path) != (self.size_bytes, self.modified_ns):
            raise BuildError(
                f"'{self.path}' was changed while the build ran; let it be finished, or copy it, "
                "then run again"
            )


def save_part(batch: Batch, folder: Path, index: int) -> None:
    """Write a part and its receipt."""
    written = []
    for name in ("posts", "refused", "tombstones"):
        frame = getattr(batch, name)
        if frame.height or name == "posts":
            written.append(part_path(folder, index, name))
            with atomic_write(written[-1]) as temporary:
                frame.write_parquet(temporary, compression="zstd", compression_level=1)
    reasons = batch.refused["reason"].value_counts().sort("reason")
    receipt = {
        "posts": batch.posts.height,
        "refused": dict(reasons.iter_rows()),
        "tombstones": batch.tombstones.height,
        "skipped": batch.skipped,
        "cursor": batch.cursor,
        "position": batch.position,
        "sha256": batch.sha256,
    }
    save_receipt(receipt_path(folder, index), receipt, written)


def part_path(folder: Path, index: int, name: str = "posts") -> Path:
    """Where part ``index`` keeps its posts, refusals or tombstones."""
    return folder / f"{index:06d}.{name}.parquet"


def receipt_path(folder: Path, index: int) -> Path:
    """Where part ``index`` keeps its receipt."""
    return folder / f"{index:06d}.json"


def load_receipts(folder: Path, start: int = 0) -> Iterator[dict[str, Any]]:
    """The receipts of whole parts, in order, up to the first gap."""
    index = start
    while (receipt := load_receipt(receipt_path(folder, index))) is not None:
        yield receipt
        index += 1


def is_finished(part_receipts: list[dict[str, Any]]) -> bool:
    """Whether the receipts reach to the end of the file."""
    return bool(part_receipts) and part_receipts[-1]["cursor"] is None


def config_json(config: Any) -> str:
    """A Config as JSON, for a task."""
    return json.dumps(config.model_dump(mode="json"), sort_keys=True)
