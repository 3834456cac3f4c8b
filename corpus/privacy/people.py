"""Keep encrypted who wrote the posts of the ledger, and which names stand for which authors.

No file of ``dropped/`` has an author. For each of them ``people/`` has an encrypted file with the
pseudonyms of its rows, in the same order, so that a takedown of an author finds the rows of posts
that were dropped. Other files of ``people/`` map names in texts, such as X's screen names, to
authors, where a dump states both. All names are pseudonyms, as authors are in the shards.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from corpus.errors import BuildError
from corpus.privacy import keys, suppression
from corpus.privacy.pseudonyms import Pseudonymizer, PseudonymSettings
from corpus.schema import LEDGER_PEOPLE
from corpus.storage.parquet_columns import write_frames
from corpus.tasks.files import atomic_write, file_sha256

FOLDER = "people"
#: The columns of a ledger row's people: author, author of the original, id of the original.
COLUMNS: dict[str, pl.DataType] = {
    name.removeprefix("_"): dtype for name, dtype in LEDGER_PEOPLE.items()
}
#: The columns of a name: the pseudonyms of ``platform:name`` and of ``platform:author``.
NAME_COLUMNS: dict[str, pl.DataType] = {"name": pl.String(), "author": pl.String()}
_ROW_GROUP_ROWS = 1 << 18


def ledger_people_name(ledger_name: str) -> str:
    """Return the name of the file in ``people/`` for a file of ``dropped/``."""
    return f"dropped-{ledger_name.removesuffix('.parquet')}.sealed"


def pseudonymize_people(rows: pl.DataFrame, pseudonymizer: Pseudonymizer) -> pl.DataFrame:
    """Return the columns :data:`COLUMNS` for ledger rows with ``LEDGER_PEOPLE``, or nulls."""
    for name, dtype in LEDGER_PEOPLE.items():
        if name not in rows.columns:
            rows = rows.with_columns(pl.lit(None, dtype).alias(name))
    return pl.DataFrame(
        {
            "author": pseudonymizer.pseudonymize_authors(rows["_author"]),
            "original_author": pseudonymizer.pseudonymize_authors(rows["_original_author"]),
            "original": pseudonymizer.pseudonymize_ids(rows["_original"]),
        },
        schema=COLUMNS,
    )


def save_people(rows: pl.DataFrame, target: Path, key: bytes) -> None:
    """Encrypt rows and write them to ``target``, complete or not at all."""
    buffer = io.BytesIO()
    rows.write_parquet(buffer, compression="zstd")
    _encrypt(buffer, target, key)


def save_ledger_people(frames: Iterable[pl.DataFrame], target: Path, key: bytes) -> None:
    """Encrypt the columns :data:`COLUMNS` of a ledger file's rows, which come in ``frames``.

    Writes no file if nobody is known, and removes one of an earlier build.
    """
    known = False

    def note_known() -> Iterator[pl.DataFrame]:
        nonlocal known
        for frame in frames:
            known = known or any(frame[name].null_count() < frame.height for name in COLUMNS)
            yield frame

    buffer = io.BytesIO()
    write_frames(buffer, note_known(), COLUMNS, _ROW_GROUP_ROWS)
    if known:
        target.parent.mkdir(exist_ok=True)
        _encrypt(buffer, target, key)
    else:
        target.unlink(missing_ok=True)


def _encrypt(buffer: io.BytesIO, target: Path, key: bytes) -> None:
    with atomic_write(target, durable=True) as temporary:
        temporary.write_bytes(keys.encrypt(buffer.getbuffer(), key, "people"))


def load_people(path: Path, key: bytes) -> pl.DataFrame:
    """Read and decrypt a file of ``people/``; BuildError if it is damaged."""
    try:
        return pl.read_parquet(io.BytesIO(keys.decrypt(path.read_bytes(), key, "people")))
    except (OSError, BuildError):
        raise BuildError(f"'{path}' is missing or damaged, or made with another key") from None


def describe_pieces(folder: Path) -> dict[str, Any]:
    """The manifest's entry for ``people/``: bytes, and path, bytes and SHA-256 of each file."""
    files = sorted(folder.glob("*.sealed"))
    return {
        "bytes": sum(file.stat().st_size for file in files),
        "pieces": [
            {"path": file.name, "bytes": file.stat().st_size, "sha256": file_sha256(file)}
            for file in files
        ],
    }


@dataclass(frozen=True)
class WriteNames:
    """The task of writing which names stand for which authors in some files of posts."""

    post_files: tuple[Path, ...]
    target: Path
    pseudonyms: PseudonymSettings
    suppressed: suppression.State = suppression.EMPTY  # of the key's list

    def __call__(self) -> WriteNames:
        """Write the file, unless the posts have no names of authors who are not listed."""
        pairs = pl.concat([_find_names(path) for path in self.post_files]).unique().sort("name")
        pseudonymizer = self.pseudonyms.load()
        names = pl.DataFrame(
            {name: pseudonymizer.pseudonymize_authors(pairs[name]) for name in NAME_COLUMNS},
            schema=NAME_COLUMNS,
        )
        listed = suppression.load_state(self.pseudonyms.key_path, self.suppressed)
        names = names.filter(~pl.any_horizontal(pl.all().is_in(list(listed.authors))))
        if names.height:
            save_people(
                names.unique().sort("name", "author"),
                self.target,
                keys.load_key(self.pseudonyms.key_path),
            )
        else:
            self.target.unlink(missing_ok=True)
        return self


def _find_names(path: Path) -> pl.DataFrame:
    """Return ``platform:name`` and ``platform:author`` of the people whom a file's posts name."""
    posts = pl.read_parquet(
        path, columns=["platform", "author", "author_name", "mentions"], glob=False
    )
    own = posts.select("platform", pl.col("author_name").alias("name"), "author")
    mentioned = (
        posts.select("platform", pl.col("mentions").str.split(" "))
        .explode("mentions")
        .select(
            "platform",
            pl.col("mentions").str.extract(r"^(.*)=").alias("name"),
            pl.col("mentions").str.extract(r"=([^=]*)$").alias("author"),
        )
    )
    prefix = pl.concat_str("platform", pl.lit(":"))
    return (
        pl.concat([own, mentioned])
        .drop_nulls()
        .select(
            pl.concat_str(prefix, pl.col("name").str.to_lowercase()).alias("name"),
            pl.concat_str(prefix, pl.col("author").str.to_lowercase()).alias("author"),
        )
        .unique()
    )


class Names:
    """Which names stand for which authors, as pseudonyms, in the files of a corpus."""

    def __init__(self, paths: Sequence[Path], key: bytes) -> None:
        self._tables = [load_people(path, key) for path in paths]

    def find_authors(self, names: set[str]) -> dict[str, set[str]]:
        """Return the authors of those of ``names`` that stand for some."""
        return self._find("name", names)

    def find_names(self, authors: set[str]) -> dict[str, set[str]]:
        """Return the names that stand for some of ``authors``: name to authors."""
        return self._find("author", authors)

    def _find(self, column: str, values: set[str]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for table in self._tables:
            for name, author in table.filter(pl.col(column).is_in(list(values))).iter_rows():
                found.setdefault(name, set()).add(author)
        return found
