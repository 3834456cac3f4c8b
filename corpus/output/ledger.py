"""Write the ledger: a row for each record that was refused and each post that was dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from corpus.privacy import keys, people
from corpus.privacy.pseudonyms import PseudonymSettings
from corpus.schema import LEDGER_COLUMNS, LEDGER_PEOPLE
from corpus.storage.parquet_columns import read_present_columns, write_frames
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write

#: The rows of a ledger file, and of a row group, which the task has in memory.
LEDGER_FILE_ROWS = 4_000_000
_ROW_GROUP_ROWS = 500_000


@dataclass(frozen=True)
class WriteLedgerFile:
    """Write a file of the ledger rows of one stage.

    Reads ``row_files``: ledger rows of several stages, or refused records. Of the rows of the stage
    in them, the first ``skip_rows`` are in the file before, and ``rows`` are written.
    """

    stage: str
    target: Path
    row_files: tuple[Path, ...]
    skip_rows: int
    rows: int
    scores: dict[str, Any]
    pseudonyms: PseudonymSettings

    @property
    def people_target(self) -> Path:
        """The encrypted file of the people of the rows."""
        folder = self.target.parent.parent / people.FOLDER
        return folder / people.ledger_people_name(self.target.name)

    def __call__(self) -> WriteLedgerFile:
        """Write the file, and that of the people of its rows if any are known."""
        pseudonyms = self.pseudonyms.load()
        key = keys.load_key(self.pseudonyms.key_path)
        people_rows = self._read_rows(LEDGER_PEOPLE)
        people.save_ledger_people(
            (people.pseudonymize_people(rows, pseudonyms) for rows in people_rows),
            self.people_target,
            key,
        )
        schema = LEDGER_COLUMNS | self.scores
        rows = (pseudonyms.replace_id_columns(rows) for rows in self._read_rows(schema))
        with atomic_write(self.target, durable=True) as temporary:
            write_frames(temporary, rows, schema, _ROW_GROUP_ROWS)
        return self

    def _read_rows(self, schema: Mapping[str, pl.DataType]) -> Iterator[pl.DataFrame]:
        """Yield the file's rows, a frame for each of ``row_files``, with the columns ``schema``."""
        first, end = self.skip_rows, self.skip_rows + self.rows
        for path in self.row_files:
            frame = read_present_columns(path, {**schema, "stage": pl.String})
            if "stage" in frame.columns:
                frame = frame.filter(pl.col("stage") == self.stage)
            else:  # refused records, which have neither an id nor scores
                frame = frame.with_columns(pl.lit(self.stage).alias("stage"))
            missing = [
                pl.lit(None, dtype=dtype).alias(name)
                for name, dtype in schema.items()
                if name not in frame
            ]
            yield frame.with_columns(missing).select(list(schema))[max(0, first) : max(0, end)]
            first, end = first - frame.height, end - frame.height


def make_ledger_tasks(
    stage: str,
    row_files: Sequence[tuple[Path, int]],
    folder: Path,
    scores: dict[str, Any],
    pseudonyms: PseudonymSettings,
) -> list[WriteLedgerFile]:
    """The tasks that write the rows of a stage in reading order, :data:`LEDGER_FILE_ROWS` a file.

    ``row_files`` are files, and the number of rows of the stage in each.
    """
    counts = (rows for _, rows in row_files)
    tasks = []
    for number, runs in enumerate(array_store.split_into_pieces(counts, LEDGER_FILE_ROWS)):
        target = folder / f"{stage}-{number:05d}.parquet"
        paths = tuple(row_files[part][0] for part, _, _ in runs)
        rows = sum(high - low for _, low, high in runs)
        tasks.append(WriteLedgerFile(stage, target, paths, runs[0][1], rows, scores, pseudonyms))
    return tasks
