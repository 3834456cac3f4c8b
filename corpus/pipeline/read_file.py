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
from corpus.tasks.receipts import load_receipt, replacing, save_receipt


@dataclass(frozen=True)
class ReadFile:
    """The task of reading one file into ``folder``; picks up behind the last whole part."""

    reader: str
    settings: str  # the reader's Config as JSON
    path: str
    folder: Path
    part_posts: int
    size: int  # in bytes, when the build began
    changed: int  # when it was changed last by then, in ns

    def __call__(self) -> ReadFile:
        """Read what is not there yet."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        done = list(receipts(self.folder))
        if finished(done):
            return self
        self._unchanged()
        start = Cursor(*done[-1]["cursor"]) if done else None
        module = readers.find(self.reader)
        config = module.Config.model_validate_json(self.settings)
        for index, batch in enumerate(
            module.read(self.path, config, self.part_posts, start), start=len(done)
        ):
            self._unchanged()  # else half of one state of it would be mixed with half of another
            save(batch, self.folder, index)
        return self

    def _unchanged(self) -> None:
        if detect_format.size_and_time(self.path) != (self.size, self.changed):
            raise BuildError(
                f"'{self.path}' was changed while the build ran; let it be finished, or copy it, "
                "then run again"
            )


def save(batch: Batch, folder: Path, index: int) -> None:
    """Write a part and its receipt."""
    written = []
    for name in ("posts", "refused", "tombstones"):
        frame = getattr(batch, name)
        if frame.height or name == "posts":
            written.append(part_file(folder, index, name))
            with replacing(written[-1]) as temporary:
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
    save_receipt(receipt_file(folder, index), receipt, written)


def part_file(folder: Path, index: int, name: str = "posts") -> Path:
    """Where part ``index`` keeps its posts, refusals or tombstones."""
    return folder / f"{index:06d}.{name}.parquet"


def receipt_file(folder: Path, index: int) -> Path:
    """Where part ``index`` keeps its receipt."""
    return folder / f"{index:06d}.json"


def receipts(folder: Path, start: int = 0) -> Iterator[dict[str, Any]]:
    """The receipts of whole parts, in order, up to the first gap."""
    index = start
    while (receipt := load_receipt(receipt_file(folder, index))) is not None:
        yield receipt
        index += 1


def finished(done: list[dict[str, Any]]) -> bool:
    """Whether the receipts reach to the end of the file."""
    return bool(done) and done[-1]["cursor"] is None


def settings_json(config: Any) -> str:
    """A Config as JSON, for a task."""
    return json.dumps(config.model_dump(mode="json"), sort_keys=True)
