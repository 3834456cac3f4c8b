"""Read the texts of evaluation sets: JSON lines, JSON, CSV, TSV or Parquet.

An error names the file and the row, and never quotes their content.
"""

from __future__ import annotations

import glob
import gzip
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

NumberedRow = tuple[int, Mapping[str, Any]]  # the row's number in its file, from 1; its columns

_COMPRESSED = (".gz", ".zst")


class EvaluationSet(NamedTuple):
    """The texts of one file, row by row."""

    name: str
    texts: list[str]
    row_numbers: list[int]  # of each text
    row_count: int  # of all rows, with a text or without


def expand_patterns(patterns: Iterable[str]) -> list[Path]:
    """Return the files that match ``patterns``, each once; a pattern without a match as it is."""
    files: dict[Path, Path] = {}
    for pattern in patterns:
        matches = (
            [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern, recursive=True))
        )
        for path in [Path(each) for each in matches if Path(each).is_file()] or [Path(pattern)]:
            files.setdefault(path.resolve(), path)
    return list(files.values())


def read_evaluation_sets(paths: Sequence[Path], columns: Sequence[str]) -> list[EvaluationSet]:
    """Read the texts of ``columns`` in every set, or of all columns where none is named.

    Raises ValueError for a set without rows, without the columns or without a text, and for a
    column that is in no set.
    """
    sets, all_columns = [], set[str]()
    for name, path in zip(_name_sets(paths), paths, strict=True):
        texts: list[str] = []
        row_numbers: list[int] = []
        row_count, set_columns = 0, set[str]()
        for number, row in _read_rows(path):
            row_count += 1
            set_columns.update(row)
            for column in columns or row:
                texts.extend(_iter_strings(row.get(column)))
            row_numbers.extend([number] * (len(texts) - len(row_numbers)))
        if not set_columns:
            raise ValueError(f"{path} is empty; remove it from 'against'")
        if columns and set_columns.isdisjoint(columns):
            raise ValueError(
                f"{path} has none of the columns {_join_names(columns)}; "
                f"it {_describe_columns(set_columns)}"
            )
        if not texts:
            raise ValueError(
                f"{path} has no text in these columns; it {_describe_columns(set_columns)}"
            )
        all_columns |= set_columns
        sets.append(EvaluationSet(name, texts, row_numbers, row_count))
    for column in columns:
        if column not in all_columns:
            raise ValueError(
                f"no set has a column '{column}'; together it {_describe_columns(all_columns)}"
            )
    return sets


def _describe_columns(columns: Iterable[str]) -> str:
    return f"has: {_join_names(sorted(columns))}"


def _join_names(columns: Iterable[str]) -> str:
    return ", ".join(columns)


def _name_sets(paths: Sequence[Path]) -> list[str]:
    """Return each file's stem, after as many of its folders as make all names different."""
    for parts in range(1, 1 + max((len(path.parts) for path in paths), default=0)):
        names = ["/".join([*path.parts[-parts:-1], _file_stem(path)]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [path.as_posix() for path in paths]


def _file_stem(path: Path) -> str:
    return Path(path.stem).stem if path.suffix in _COMPRESSED else path.stem


def _file_extension(path: Path) -> str:
    return Path(path.stem if path.suffix in _COMPRESSED else path.name).suffix.lower()


def _iter_strings(value: object) -> Iterator[str]:
    """Yield every string in a value, at any depth, in order."""
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, Mapping):
            stack.extend(reversed(list(part.values())))
        elif isinstance(part, (list, tuple)):
            stack.extend(reversed(part))


def _read_rows(path: Path) -> Iterator[NumberedRow]:
    extension = _file_extension(path)
    if extension == ".parquet" == path.suffix.lower():
        return _read_parquet(path)
    if extension not in _PARSERS:
        known = ", ".join([*_PARSERS, ".parquet"])
        raise ValueError(f"{path} is of an unknown kind; known: {known} (and .gz, .zst of them)")
    return _PARSERS[extension](_read_content(path), path)


def _read_content(path: Path) -> bytes:
    """Return the content of a file, decompressed."""
    import zstandard

    raw = path.read_bytes()
    try:
        if path.suffix == ".gz":
            return gzip.decompress(raw)
        pieces = []
        while path.suffix == ".zst" and raw:  # a file may be several frames
            frame = zstandard.ZstdDecompressor().decompressobj()
            pieces.append(frame.decompress(raw))
            if not frame.eof:
                raise EOFError
            raw = frame.unused_data
    except (OSError, EOFError, zstandard.ZstdError):
        raise ValueError(f"{path} is cut or no {path.suffix} at all; fetch it again") from None
    return b"".join(pieces) or raw


def _parse_json_lines(content: bytes, path: Path) -> Iterator[NumberedRow]:
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line.strip():
            location = f"{path}, line {number}"
            yield number, _require_object(_decode_json(line, location), location)


def _parse_json(content: bytes, path: Path) -> Iterator[NumberedRow]:
    content = content.removeprefix(b"\xef\xbb\xbf").strip()
    if not content.startswith(b"["):
        yield from _parse_json_lines(content, path)
        return
    for number, row in enumerate(_decode_json(content, str(path)), 1):
        yield number, _require_object(row, f"{path}, item {number}")


def _decode_json(content: bytes, location: str) -> Any:
    import msgspec

    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError(f"{location}: broken JSON; repair it or remove it") from None


def _require_object(value: object, location: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise ValueError(f"{location}: expected an object, of which each key is a column")


def _parse_csv(content: bytes, path: Path) -> Iterator[NumberedRow]:
    separator = "\t" if _file_extension(path) == ".tsv" else ","
    try:
        frame = pl.read_csv(io.BytesIO(content), separator=separator, infer_schema=False)
    except pl.exceptions.NoDataError:
        return iter(())
    except pl.exceptions.PolarsError:  # its message may quote the file
        raise ValueError(f"{path} is not valid CSV or not UTF-8; check its quotes") from None
    return _iter_frame_rows(frame)


def _read_parquet(path: Path) -> Iterator[NumberedRow]:
    try:
        return _iter_frame_rows(pl.read_parquet(path, glob=False))
    except pl.exceptions.PolarsError:
        raise ValueError(f"{path} is not valid Parquet; fetch it again") from None


def _iter_frame_rows(frame: pl.DataFrame) -> Iterator[NumberedRow]:
    return enumerate(frame.iter_rows(named=True), 1)


_PARSERS: dict[str, Callable[[bytes, Path], Iterator[NumberedRow]]] = {
    ".jsonl": _parse_json_lines,
    ".ndjson": _parse_json_lines,
    ".json": _parse_json,
    ".csv": _parse_csv,
    ".tsv": _parse_csv,
}
