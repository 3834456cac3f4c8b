"""Read the first records of a source, to find what the plan has wrong about its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import polars as pl

from corpus import readers
from corpus.errors import BuildError, CorpusError, PlanError, did_you_mean
from corpus.plan import detect_format
from corpus.plan.entries import Source
from corpus.plan.guess_columns import list_columns
from corpus.readers import table
from corpus.readers.checks import check_batch, describe_failure
from corpus.schema import empty_posts
from corpus.storage import filesystem

_POSTS = 1000


@dataclass(frozen=True)
class FirstRecords:
    """What a reader finds at the beginning of a file."""

    posts: int
    records: int  # posts and refused records
    refused: Mapping[str, int]  # records by reason
    unreadable: Mapping[str, int]  # values that were not understood, by column of the posts
    is_empty: bool  # it finds nothing of its format: no post, no notice of a deletion
    absent: Mapping[str, str]  # keys that 'fields' maps and no record has; of each, a hint


def read_first_records(source: Source, file: str) -> FirstRecords:
    """Read the beginning of one of a source's files; PlanError if the settings do not fit it."""
    version = filesystem.size_and_mtime(file)
    digest = readers.source_digest(source.reader)
    return _read(source.reader, source.config.model_dump_json(), file, version, digest)


def read_first_posts(source: Source, file: str) -> pl.DataFrame:
    """Return the posts at the beginning of one of a source's files."""
    batches = readers.find(source.reader).read(file, source.config, _POSTS, None)
    batch = next(iter(batches), None)
    return empty_posts() if batch is None else batch.posts


@lru_cache(maxsize=256)
def _read(
    reader: str, settings: str, file: str, _version: tuple[int, int], digest: str
) -> FirstRecords:
    module = readers.find(reader)
    config = module.Config.model_validate_json(settings)
    try:
        batch = next(iter(module.read(file, config, _POSTS, None)), None)
        if digest and batch is not None:
            check_batch(batch)
    except BuildError as error:
        raise PlanError(str(error)) from None
    except OSError as error:
        raise PlanError(f"cannot read '{file}': {error.strerror or error}") from None
    except Exception as error:
        if not digest or isinstance(error, CorpusError):
            raise
        raise PlanError(f"'{file}': {describe_failure(reader, error)}") from None
    if batch is None:
        return FirstRecords(0, 0, {}, {}, is_empty=True, absent={})
    return FirstRecords(
        batch.posts.height,
        batch.posts.height + batch.refused.height,
        Counter(batch.refused["reason"].to_list()),
        batch.unreadable,
        is_empty=not (batch.posts.height or batch.tombstones.height),
        absent=_find_absent_keys(config, file) if isinstance(config, table.Config) else {},
    )


def _find_absent_keys(config: table.Config, file: str) -> dict[str, str]:
    """The mapped keys that no record at the beginning of a file of JSON has.

    A key may be rare. Of each there is a hint which was meant, or ''.
    """
    sample = replace(detect_format.take_sample(file), records=config.records)
    if not sample.objects or config.format not in ("detect", "jsonl"):
        return {}
    known = list_columns(sample.objects)
    parents = {name[:at] for name in known for at, mark in enumerate(name) if mark == "."}
    absent = [name for name in config.list_columns() if name not in {*known, *parents}]
    hints = {name: did_you_mean(name, known) for name in absent}
    return {name: hint if "did you mean" in hint else "" for name, hint in hints.items()}


def check_source(source: Source) -> None:
    """PlanError if the settings do not fit the first file, or if another reader is for the files.

    A file's beginning may mislead. So it is an error only if the source's reader finds nothing in
    its first and in its last file, and another reader fits both for certain.
    """
    files = source.list_files()
    first = read_first_records(source, files[0])
    texts = source.config.get_sources("text") if isinstance(source.config, table.Config) else ()
    if first.is_empty and any(name in first.absent for name in texts):
        raise PlanError(
            *(
                f"no record at the beginning of '{files[0]}' has the key '{name}', which 'fields' "
                f"maps to 'text'{first.absent[name]}; 'corpus sniff' proposes fields"
                for name in texts
                if name in first.absent
            )
        )
    other = detect_format.find_better_reader(source.reader, files[0]) if first.is_empty else ""
    if not other:
        return
    last = files[-1]
    if last != files[0]:
        if detect_format.find_better_reader(source.reader, last) != other:
            return
        if not read_first_records(source, last).is_empty:
            return
    raise PlanError(
        f"'{files[0]}' looks like '{other}', and '{source.reader}' finds no post in it; "
        f"write '- {other}: {{path: ...}}', or name files of '{source.reader}'"
    )
