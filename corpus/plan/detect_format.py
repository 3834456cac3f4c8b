"""Detect which reader fits a file or folder, and list the files of a source."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from corpus import readers
from corpus.formats.archives.bundle import Bundle
from corpus.formats.byte_source import STREAM_ERRORS
from corpus.formats.csv_dialect import guess_csv
from corpus.formats.dump_input import DumpInput, expand_path, match_pattern
from corpus.formats.json_sample import find_record_arrays, sample_objects
from corpus.formats.parquet_file import PARQUET_ERRORS, PARQUET_MAGIC, iter_slices, open_parquet
from corpus.formats.seekable_file import open_seekable
from corpus.plan.guess_columns import guess_fields
from corpus.readers.contract import Sample
from corpus.readers.table import Config as TableConfig
from corpus.readers.table.reader import detect_format as detect_table_format
from corpus.storage import filesystem

_HEAD_BYTES = 1 << 20
_MAX_NAMES = 5_000
_PARQUET_ROWS = 200
#: The least score of a reader that fits for certain.
MIN_FIT = 0.5
#: Files that lie beside dumps: what describes them, their checksums, and what systems write.
_BESIDE_DUMPS = re.compile(
    r"\..*|(?:readme|licen[sc]e|copying|changelog|citation|notice|authors|index)(?:\.[a-z]{1,5})?|"
    r"(?:md5|sha(?:1|256|512))sums?(?:\.txt)?|desktop\.ini|thumbs\.db|"
    r".*\.(?:md|rst|pdf|docx?|png|jpe?g|gif|svg|webp|mp4|md5|sha1|sha256|sha512|sig|asc|torrent|part|"
    r"ya?ml|toml|py|ipynb|sh|css|js)",
    re.I,
)
#: Files that may be dumps of some readers.
_MAYBE_DUMPS = re.compile(r".*\.(?:txt|html?|log|xml)", re.I)


def take_sample(path: str) -> Sample:
    """Read the start of a file, or the names in a folder or zip; no content raises an error."""
    name = os.path.basename(os.path.abspath(path))
    if filesystem.is_folder(path):
        return Sample(name, _list_member_names(path), b"")
    members: tuple[str, ...] = ()
    with open_seekable(path) as file:
        if file.read(4) == b"PK\x03\x04":
            members = _list_member_names(path)
    head = b""
    with DumpInput(path) as source:
        for member in source.members():
            if member.name and not members:
                members = (member.name,)  # of an archive that is read in order, the first
            try:
                stream = member.open()
                while len(head) < _HEAD_BYTES and (more := stream.read(_HEAD_BYTES - len(head))):
                    head += more
            except STREAM_ERRORS:
                pass  # the bytes before the damage are enough
            break
    return Sample(name, members, head)


def _list_member_names(path: str) -> tuple[str, ...]:
    with Bundle(path) as bundle:
        return tuple(bundle.names()[:_MAX_NAMES])


def rank_readers(path: str) -> list[tuple[str, float]]:
    """The readers that may fit and their scores, the best first; of a folder, by its first file."""
    found = _score_readers(take_sample(path))
    if not found and filesystem.is_folder(path):
        files = expand_path(path)
        return _score_readers(take_sample(files[0])) if files else []
    return found


def _score_readers(sample: Sample) -> list[tuple[str, float]]:
    scored = [(name, float(readers.find(name).fits(sample))) for name in readers.names()]
    return sorted(((n, s) for n, s in scored if s > 0), key=lambda pair: (-pair[1], pair[0]))


def find_better_reader(reader: str, path: str) -> str:
    """The reader that fits for certain where ``reader`` does not fit at all, or ''."""
    if reader == "table":
        return ""  # a user who maps the columns by hand knows what the file is
    scores = rank_readers(path)
    if not scores or scores[0][1] < MIN_FIT or dict(scores).get(reader, 0) > 0:
        return ""
    if readers.is_user_code(reader) and readers.find(reader).fits(take_sample(path)) > 0:
        return ""
    return scores[0][0]


def list_inputs(reader: str, path: str) -> list[str]:
    """The inputs at a source's ``path``, sorted: files, or whole folders for some readers.

    Of a folder these are the files that may be dumps of the reader; ``list_beside`` has the others.
    """
    inputs = _list_all_inputs(reader, path)
    return [file for file in inputs if not _is_beside(reader, path, file)]


def list_beside(reader: str, path: str) -> list[str]:
    """The files in a source's folder that are no dumps of the reader, sorted: a README."""
    return [file for file in _list_all_inputs(reader, path) if _is_beside(reader, path, file)]


def _is_beside(reader: str, path: str, file: str) -> bool:
    """Whether a file in a folder is no dump: by its name, unless it has the reader's format."""
    name = os.path.basename(file)
    is_beside, may_be_dump = _BESIDE_DUMPS.fullmatch(name), _MAYBE_DUMPS.fullmatch(name)
    if file == path or not (is_beside or may_be_dump) or not filesystem.is_folder(path):
        return False
    if filesystem.is_folder(file) or not os.access(file, os.R_OK):
        return False  # an archive; or a file whose permission is to be asked for
    score = readers.find(reader).fits(take_sample(file))
    return score < MIN_FIT if is_beside else score == 0


def describes_dumps(path: str) -> bool:
    """Return whether a file is no dump by its name: a README, a licence, checksums, a picture."""
    return _BESIDE_DUMPS.fullmatch(os.path.basename(path)) is not None


def _list_all_inputs(reader: str, path: str) -> list[str]:
    if not getattr(readers.find(reader), "FOLDERS", False):
        return expand_path(path)
    if filesystem.is_url(path):
        if filesystem.is_folder(path):
            return _list_folder_inputs(reader, path, filesystem.list_folder(path))
        return [path] if filesystem.exists(path) else filesystem.glob(path)
    if not Path(path).is_dir():
        return [path] if Path(path).exists() else match_pattern(path)
    return _list_folder_inputs(reader, path, sorted(str(child) for child in Path(path).iterdir()))


def _list_folder_inputs(reader: str, path: str, children: list[str]) -> list[str]:
    archives = [child for child in children if is_archive(reader, child)]
    if len(archives) > 1:  # taken as one, the folder would look like an archive in a folder
        return archives
    if is_archive(reader, path):
        return [path]
    # No archive is below: the files in the folders below are sources of their own.
    return [
        file
        for child in children
        for file in (expand_path(child) if filesystem.is_folder(child) else [child])
    ]


def is_archive(reader: str, path: str) -> bool:
    """Return whether a folder or a zip fits a reader by the names of the files in it."""
    if not filesystem.is_folder(path) and not path.lower().endswith(".zip"):
        return False
    return (
        readers.find(reader).fits(Sample(Path(path).name, _list_member_names(path), b"")) >= MIN_FIT
    )


@dataclass(frozen=True)
class Proposal:
    """A reader that may fit a source, and the settings to read it with."""

    reader: str
    score: float  # from 0 to 1
    settings: dict[str, Any]


def propose_sources(path: str) -> list[Proposal]:
    """The readers that may fit, with settings, the best first; of a folder, by its first file.

    Records under a key of a JSON document are found if no reader of a specific format fits the
    document itself. The settings of a table lack ``fields`` without ``text`` if no column looks
    like a text.
    """
    sample, file = take_sample(path), path
    scores = _score_readers(sample)
    if not scores and filesystem.is_folder(path) and (files := expand_path(path)):
        file = files[0]
        sample = take_sample(file)
        scores = _score_readers(sample)
    settings: dict[str, Any] = {"path": path}
    if not scores or scores[0][1] < MIN_FIT:
        for records in find_record_arrays(sample.head):
            under_key = _score_readers(replace(sample, records=records))
            if under_key and under_key[0][1] >= MIN_FIT:
                settings["records"] = records
                scores = under_key
                break
    return [
        Proposal(name, score, settings | (_guess_table(file, sample) if name == "table" else {}))
        for name, score in scores
        if "records" not in settings or "records" in readers.find(name).Config.model_fields
    ]


def _guess_table(path: str, sample: Sample) -> dict[str, Any]:
    """Return the settings of the table reader for a file, as far as they can be guessed."""
    settings: dict[str, Any] = {}
    found, expected = detect_table_format(path), ""
    rows: Sequence[Mapping[str, Any]]
    if sample.head.startswith(PARQUET_MAGIC):
        rows = _read_parquet_rows(path)
    elif sample.objects:
        expected = "jsonl"
        records, rows = _choose_records(sample)
        if records:
            settings["records"] = records
    elif (table := guess_csv(sample.head)) is not None:
        expected = found if found in ("csv", "tsv") else "csv"
        rows = [dict(zip(table.columns, row, strict=False)) for row in table.rows]
        if table.delimiter != ("\t" if expected == "tsv" else ","):
            settings["delimiter"] = table.delimiter
        for name in ("encoding", "quotes", "escape", "skip_lines"):
            value = getattr(table, name)
            if value != TableConfig.model_fields[name].default:
                settings[name] = value
    else:
        return {"fields": {}}
    if expected not in ("", found):
        settings["format"] = expected
    fields, time_format = guess_fields(rows)
    if time_format:
        settings["time_format"] = time_format
    return {"fields": fields, **settings}


def _choose_records(sample: Sample) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """Return the keys to the records of a document of JSON, and the first records.

    An array in a document is preferred to the document itself if that is one object, unless the
    array has a single record.
    """
    best: tuple[str, Sequence[Mapping[str, Any]]] = ("", sample.objects)
    has_text = "text" in guess_fields(sample.objects)[0]
    if has_text and len(sample.objects) > 1:
        return best
    least = 2 if has_text else 1
    for records in find_record_arrays(sample.head):
        rows = sample_objects(sample.head, records)
        if len(rows) >= least and "text" in guess_fields(rows)[0]:
            best, least = (records, rows), len(rows) + 1
    return best


def _read_parquet_rows(path: str) -> Sequence[Mapping[str, Any]]:
    table = open_parquet(path)
    if table is None:
        return []
    try:
        for piece in iter_slices(table, table.schema_arrow.names, 0):
            if not isinstance(piece, int):
                rows: list[dict[str, Any]] = piece[:_PARQUET_ROWS].to_pylist()
                return rows
    except (*PARQUET_ERRORS, ValueError):  # a time outside the calendar, a text that is not UTF-8
        pass
    return [dict.fromkeys(table.schema_arrow.names)]
