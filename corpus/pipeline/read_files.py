"""Read dump files into parts on disk, once, so that even a build of one huge file resumes.

A large file is read by a task of its own. Small files that follow each other in the reading order
are read by one task and share its parts, since a task and a part take as long as hundreds of posts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from corpus import readers
from corpus.errors import BuildError, CorpusError
from corpus.pipeline.join_batches import BatchJoiner, DumpFile, FileCounts, JoinedBatch
from corpus.pipeline.settling import describe_last_hours
from corpus.pipeline.withdrawn_copies import make_tombstones, mark_notices, mark_withdrawn
from corpus.privacy import keys, removed_posts, suppression
from corpus.privacy.file_names import FileNamer
from corpus.readers.checks import check_batch, describe_failure
from corpus.readers.contract import Batch, Cursor, ReaderConfig, ReaderModule
from corpus.storage import filesystem
from corpus.tasks.files import atomic_write, write_json
from corpus.tasks.receipts import load_receipt, save_receipt

#: The size of the files that one task reads together. A larger file has a task of its own.
PACK_BYTES = 4 << 20
#: What a file counts besides its bytes, so that the files of a task are bounded in number.
_BYTES_PER_FILE = 1 << 10


def pack_files(files: Sequence[DumpFile]) -> Iterator[tuple[DumpFile, ...]]:
    """Divide the files of a source among tasks, by their sizes and their order alone."""
    pack: list[DumpFile] = []
    pack_bytes = 0
    for file in files:
        size_bytes = file.size_bytes + _BYTES_PER_FILE
        if pack and pack_bytes + size_bytes > PACK_BYTES:
            yield tuple(pack)
            pack, pack_bytes = [], 0
        pack.append(file)
        pack_bytes += size_bytes
    if pack:
        yield tuple(pack)


#: Where the next part begins: a file by its index, and the cursor in it; null: at its beginning.
TaskCursor = tuple[int, Cursor | None]


@dataclass(frozen=True)
class ReadFiles:
    """The task of reading files of one source, in order, into the parts in ``folder``.

    Each part has a receipt. The posts and the refused records have the files' names in the output,
    and not their paths. Posts on the suppression list are counted, and nothing else of them is
    written. It resumes after the last part that has a receipt. BuildError if a file changes
    meanwhile.
    """

    reader: str
    settings: str  # the reader's Config as JSON
    files: tuple[DumpFile, ...]
    folder: Path
    part_posts: int
    key_path: Path | str  # of the names of members of archives, and of the list
    suppressed: suppression.State = suppression.EMPTY  # of the key's list
    source_digest: str = ""  # of a reader of the user's own

    @property
    def size_bytes(self) -> int:
        """The bytes of all files when the build began."""
        return sum(file.size_bytes for file in self.files)

    def __call__(self) -> ReadFiles:
        """Read the parts that have no receipt yet."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        receipts = list(load_receipts(self.folder))
        if is_finished(receipts):
            return self
        number, cursor = receipts[-1]["cursor"] if receipts else (0, None)
        start = Cursor(*cursor) if cursor else None
        for index, part in enumerate(self._read_parts(number, start), start=len(receipts)):
            joined, next_part, position = part
            listed = apply_suppression_list(joined, self.key_path, self.suppressed)
            save_part(listed, self.folder, index, next_part, position)
        return self

    def _read_parts(
        self, first: int, start: Cursor | None
    ) -> Iterator[tuple[JoinedBatch, TaskCursor | None, int]]:
        """Yield the parts from file ``first`` on; where the next one begins; the bytes read."""
        module = readers.find(self.reader, self.source_digest)
        config = module.Config.model_validate_json(self.settings)
        namer = FileNamer(keys.load_key(self.key_path))
        joiner = BatchJoiner(module, config, self.part_posts, namer)
        position = sum(file.size_bytes for file in self.files[:first])
        for number, file in enumerate(self.files[first:], start=first):
            _check_unchanged(file)
            for batch in self._read_file(module, file, config, start):
                _check_unchanged(file)  # else parts of two versions of the file would be mixed
                if not joiner.has_space(batch):  # it is the first batch of its file
                    yield joiner.join(), (number, None), position
                joiner.add(number, file, batch)
                if batch.cursor is not None:
                    yield joiner.join(), (number, batch.cursor), position + batch.position
            start = None
            position += file.size_bytes
        yield joiner.join(), None, position

    def _read_file(
        self, module: ReaderModule, file: DumpFile, config: ReaderConfig, start: Cursor | None
    ) -> Iterator[Batch]:
        """The batches of one file; BuildError says where a reader of the user's own fails."""
        batches = module.read(file.path, config, self.part_posts, start)
        if not self.source_digest:
            yield from batches
            return
        first = "none"  # id of the batch before
        try:
            for batch in batches:
                yield check_batch(batch)
                first = batch.posts["id"][0] if batch.posts.height else first
        except (CorpusError, OSError, MemoryError, GeneratorExit):
            raise
        except Exception as error:
            raise BuildError(
                f"reader '{self.reader}', file {file.name}, after the batch with the first id "
                f"{first}: {describe_failure(self.reader, error)}"
            ) from None


def _check_unchanged(file: DumpFile) -> None:
    if filesystem.size_and_mtime(file.path) != (file.size_bytes, file.modified_ns):
        raise BuildError(
            f"'{file.path}' was changed while the build ran; wait until it is complete, or "
            "copy it, then run again"
        )


def apply_suppression_list(
    part: JoinedBatch, key_path: Path | str, suppressed: suppression.State
) -> JoinedBatch:
    """The part without the posts that the key's list has, which are counted.

    Its tombstones have the rows by which other posts that repeat them are found.
    """
    if not suppressed.entries:
        return part
    listed = suppression.load_state(key_path, suppressed)
    is_listed = suppression.mark_listed(listed, part.posts)
    posts = suppression.redact_posts(listed, part.posts.filter(~is_listed))
    if not is_listed.any():
        return replace(part, posts=posts)
    removed = removed_posts.describe_listed(listed, part.posts.filter(is_listed))
    counts = [
        replace(each, posts=each.posts - count, suppressed=count)
        for each, count in zip(part.counts, part.count_by_file(is_listed), strict=True)
    ]
    return JoinedBatch(posts, part.refused, pl.concat([part.tombstones, removed]), counts)


def save_part(
    part: JoinedBatch, folder: Path, index: int, cursor: TaskCursor | None, position: int
) -> None:
    """Write part ``index`` of ``folder``: posts, refusals, tombstones, counts and the receipt.

    ``cursor`` is where the next part begins, null after the last one; ``position`` is how many
    bytes of the task's files have been read.
    """
    posts = mark_notices(part.posts)
    is_withdrawn = mark_withdrawn(posts)
    withdrawn = part.count_by_file(is_withdrawn)
    counts = [
        replace(each, tombstones=each.tombstones + count)
        for each, count in zip(part.counts, withdrawn, strict=True)
    ]
    tombstones = pl.concat([part.tombstones, make_tombstones(posts.filter(is_withdrawn))])
    frames = {"posts": posts, "refused": part.refused, "tombstones": tombstones}
    written = [counts_path(folder, index)]
    write_json(written[0], [vars(each) for each in counts])
    for name, frame in frames.items():
        if frame.height or name == "posts":
            written.append(part_path(folder, index, name))
            with atomic_write(written[-1]) as temporary:
                frame.write_parquet(temporary, compression="zstd", compression_level=1)
    receipt = {
        "posts": posts.height,
        "refused": part.refused.height,
        "tombstones": tombstones.height,
        "repeating": int(removed_posts.mark_repeating(posts).sum()),
        "cursor": cursor,
        "position": position,
        **describe_last_hours(posts),
    }
    save_receipt(receipt_path(folder, index), receipt, written)


def part_path(folder: Path, index: int, name: str = "posts") -> Path:
    """The file of the posts, the refusals (``refused``) or the tombstones of part ``index``."""
    return folder / f"{index:06d}.{name}.parquet"


def counts_path(folder: Path, index: int) -> Path:
    """The counts of each file that part ``index`` has records of."""
    return folder / f"{index:06d}.counts.json"


def receipt_path(folder: Path, index: int) -> Path:
    """The receipt of part ``index``."""
    return folder / f"{index:06d}.json"


def load_receipts(folder: Path, start: int = 0) -> Iterator[dict[str, Any]]:
    """The valid receipts of a task's parts from part ``start`` on, up to the first that is not."""
    index = start
    while (receipt := load_receipt(receipt_path(folder, index))) is not None:
        yield receipt
        index += 1


def is_finished(receipts: list[dict[str, Any]]) -> bool:
    """Whether the last of a task's receipts is that of the end of its last file."""
    return bool(receipts) and receipts[-1]["cursor"] is None


def count_files(folder: Path, file_count: int) -> list[FileCounts]:
    """Add up what the parts of a task have of each of its files; BuildError if one is damaged."""
    totals = [FileCounts(number) for number in range(file_count)]
    for index, _ in enumerate(load_receipts(folder)):
        for found in _load_counts(counts_path(folder, index)):
            totals[found.file].add(found)
    return totals


def _load_counts(path: Path) -> list[FileCounts]:
    try:
        return [FileCounts(**each) for each in json.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError):
        raise BuildError(
            f"'{path.parent.name}/{path.name}' vanished or was changed while the build ran; run "
            "again to have it made anew"
        ) from None
