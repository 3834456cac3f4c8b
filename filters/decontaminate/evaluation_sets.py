"""Read the texts of evaluation sets: JSON lines, JSON, CSV, TSV or Parquet.

An error names the file and the row, and never quotes what stands there.
"""

from __future__ import annotations

import glob
import gzip
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

NumberedRow = tuple[int, Mapping[str, Any]]  # where it stands, counting from 1, and its columns

_COMPRESSED = (".gz", ".zst")


class EvaluationSet(NamedTuple):
    """The texts of one file, row by row."""

    name: str
    texts: list[str]
    row_numbers: list[int]  # of each text
    row_count: int  # the rows there are, with a text or without


def expand_patterns(patterns: Iterable[str]) -> list[Path]:
    """The files that ``patterns`` stand for, each once; one that fits none, as it is."""
    found: dict[Path, Path] = {}
    for pattern in patterns:
        fits = [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern, recursive=True))
        for path in [Path(fit) for fit in fits if Path(fit).is_file()] or [Path(pattern)]:
            found.setdefault(path.resolve(), path)
    return list(found.values())


def read_evaluation_sets(paths: Sequence[Path], columns: Sequence[str]) -> list[EvaluationSet]:
    """Read the texts of ``columns`` in every set, or of all columns where none is named."""
    sets, seen = [], set[str]()
    for name, path in zip(_name_sets(paths), paths, strict=True):
        texts: list[str] = []
        rows: list[int] = []
        height, here = 0, set[str]()
        for place, row in _read_rows(path):
            height += 1
            here.update(row)
            for column in columns or row:
                texts.extend(_iter_strings(row.get(column)))
            rows.extend([place] * (len(texts) - len(rows)))
        if not here:
            raise ValueError(f"{path} is empty; take it out of 'against'")
        if columns and here.isdisjoint(columns):
            raise ValueError(
                f"{path} has none of the columns {_join_names(columns)}; it {_describe_columns(here)}"
            )
        if not texts:
            raise ValueError(f"{path} has no text in these columns; it {_describe_columns(here)}")
        seen |= here
        sets.append(EvaluationSet(name, texts, rows, height))
    for column in columns:
        if column not in seen:
            raise ValueError(
                f"no set has a column '{column}'; together it {_describe_columns(seen)}"
            )
    return sets


def _describe_columns(columns: Iterable[str]) -> str:
    return f"has: {_join_names(sorted(columns))}"


def _join_names(columns: Iterable[str]) -> str:
    return ", ".join(columns)


def _name_sets(paths: Sequence[Path]) -> list[str]:
    """Each file's stem, with as much in front of it as tells it from the others."""
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
    """Every string in a value, however deep, in order."""
    rest = [value]
    while rest:
        part = rest.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, Mapping):
            rest.extend(reversed(list(part.values())))
        elif isinstance(part, (list, tuple)):
            rest.extend(reversed(part))


def _read_rows(path: Path) -> Iterator[NumberedRow]:
    kind = _file_extension(path)
    if kind == ".parquet" == path.suffix.lower():
        return _read_parquet(path)
    if kind not in _PARSERS:
        known = ", ".join([*_PARSERS, ".parquet"])
        raise ValueError(f"{path} is of an unknown kind; known: {known} (and .gz, .zst of them)")
    return _PARSERS[kind](_read_content(path), path)


def _read_content(path: Path) -> bytes:
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
    for place, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line.strip():
            yield (
                place,
                _require_object(
                    _decode_json(line, f"{path}, line {place}"), f"{path}, line {place}"
                ),
            )


def _parse_json(content: bytes, path: Path) -> Iterator[NumberedRow]:
    content = content.removeprefix(b"\xef\xbb\xbf").strip()
    if not content.startswith(b"["):
        yield from _parse_json_lines(content, path)
        return
    for place, row in enumerate(_decode_json(content, str(path)), 1):
        yield place, _require_object(row, f"{path}, item {place}")


def _decode_json(content: bytes, where: str) -> Any:
    import msgspec

    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError(f"{where}: broken JSON; mend it or take it out") from None


def _require_object(value: object, where: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise ValueError(f"{where}: expected an object, of which each key is a column")


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
