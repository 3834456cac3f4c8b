"""Audit the files beside the shards: the ledger, the documentation, and every file's name.

``index/``, ``reserve/`` and ``people/`` are encrypted, and are not read.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import yaml

from corpus.journal import CorpusFiles
from corpus.maintenance.checks import MAX_EXAMPLES, Check
from corpus.maintenance.contact_data import ContactDataDetector, sum_counts
from corpus.maintenance.visible_text import SEPARATOR
from corpus.plurals import pluralize
from corpus.privacy import keys
from corpus.privacy.pseudonyms import ID_COLUMNS
from corpus.storage.parquet_columns import read_row_groups, read_schema

#: A folder in which a system keeps a user's files; the part after it is a user's name.
HOME_FOLDER = r"(?i)(?:^|[/\\])(?:home|users|documents and settings)[/\\][^/\\\s]+[/\\]"
_UNREAD_FOLDERS = ("index", "reserve", "people", "shards", "work")
#: Keyed names of files, posts, authors and pages, and the checksums of the manifest: of random hex
#: digits some could be read as the number of a card, of an account or of a phone.
_KEYED_NAME = re.compile(
    r"~(?:[0-9a-f]{24}|[0-9a-f]{16})(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z-])(?:u_)?(?:[0-9a-f]{64}|[0-9a-f]{32})(?![0-9A-Za-z-])"
)
_PAGES = (".json", ".yaml", ".yml", ".html", ".md", ".txt", ".csv", ".jsonl")
_MAX_PAGE_BYTES = 64 << 20


def find_in_values(values: pl.Series, detector: ContactDataDetector) -> dict[str, Counter[str]]:
    """Return by value what the distinct values of a column contain, home folders included."""
    distinct = values.drop_nulls().unique()
    counted = detector.count(_remove_keyed_names(distinct))
    found = {distinct[row]: counts for row, counts in counted.items()}
    for value in distinct.filter(distinct.str.contains(HOME_FOLDER)):
        found.setdefault(value, Counter())["HOME_FOLDER"] += 1
    return found


def _remove_keyed_names(texts: pl.Series) -> pl.Series:
    rows = texts.str.contains("[0-9a-f]{16}").arg_true()
    changed = [_KEYED_NAME.sub(SEPARATOR, text) for text in texts.gather(rows)]
    return texts.clone().scatter(rows, changed) if changed else texts


def format_counts(counts: Counter[str]) -> str:
    """Return ``EMAIL_ADDRESS 2, PHONE_NUMBER 1``, or ``none``."""
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"


def check_files_for_contact_data(files: CorpusFiles, detector: ContactDataDetector) -> Check:
    """Look for contact data in the names of all files, in the ledger and in the pages."""
    folder = Path(files.folder)
    total: Counter[str] = Counter()
    where: list[str] = []
    own = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    names = pl.Series([path.relative_to(folder).as_posix() for path in own], dtype=pl.String)
    for number, (row, counts) in enumerate(detector.count(_remove_keyed_names(names)).items(), 1):
        total += counts
        # The name itself is what must not be printed.
        where.append(f"a file's name in {Path(names[row]).parent.as_posix()}/ ({number})")
    ledger = files.ledger()
    pages = [path for path in own if path.suffix in _PAGES]
    for path in (*ledger, *pages):
        name = path.relative_to(folder)
        if name.parts[0] in _UNREAD_FOLDERS:
            continue
        try:
            counts = _count_in_file(files.path(name.as_posix()), detector)
        except (
            OSError,
            ValueError,
            pa.ArrowException,
            pl.exceptions.PolarsError,
            yaml.YAMLError,
            RecursionError,
        ):
            counts = Counter({"UNREADABLE": 1})
        if counts:
            total += counts
            where.append(name.as_posix())
    return Check(
        "no contact data in the other files",
        not total,
        f"{pluralize(len(own), 'file name')}, {pluralize(len(pages), 'page')}, "
        f"{pluralize(len(ledger), 'ledger file')}: "
        f"{format_counts(total)}",
        tuple(where[:MAX_EXAMPLES]),
    )


def _count_in_file(path: Path, detector: ContactDataDetector) -> Counter[str]:
    if path.suffix == ".parquet":
        names = [name for name, kind in read_schema(path).items() if kind == pl.String]
        total: Counter[str] = Counter()
        for name in names:
            if name not in ID_COLUMNS:
                distinct = [rows[name].unique() for rows in read_row_groups(path, [name])]
                for counts in find_in_values(pl.concat(distinct).unique(), detector).values():
                    total += counts
        return total
    if path.stat().st_size > _MAX_PAGE_BYTES:
        raise ValueError("larger than a page")
    content = path.read_text(encoding="utf-8")
    lines = pl.Series(list(_list_strings(path.suffix, content)), dtype=pl.String).unique()
    found = sum_counts(detector.count(_remove_keyed_names(lines)))
    if folders := int(lines.str.contains(HOME_FOLDER).sum()):
        found["HOME_FOLDER"] += folders
    return found


def _list_strings(suffix: str, content: str) -> Iterator[str]:
    """Yield the texts of a page: a JSON or YAML document's strings, HTML's texts, else lines."""
    if suffix == ".json":
        yield from _walk(json.loads(content))
    elif suffix in (".yaml", ".yml"):
        for document in yaml.safe_load_all(content):
            yield from _walk(document)
        yield from (line for line in content.splitlines() if line.lstrip().startswith("#"))
    elif suffix == ".html":
        reader = _TextReader()
        reader.feed(content)
        yield from reader.texts
    else:
        yield from content.splitlines()


def _walk(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if isinstance(key, str) and not key.startswith("@"):  # JSON-LD's @type
                yield key
            yield from _walk(each)
    elif isinstance(value, list):
        for each in value:
            yield from _walk(each)


class _TextReader(HTMLParser):
    """Collects the texts of a page and the values of its attributes that people read or follow."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._skipping = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin to skip style and script; collect attributes."""
        if tag in ("style", "script"):
            self._skipping = tag
        self.texts += [
            value for name, value in attrs if value and name in ("href", "title", "alt", "src")
        ]

    def handle_endtag(self, tag: str) -> None:
        """End skipping."""
        if tag == self._skipping:
            self._skipping = ""

    def handle_data(self, data: str) -> None:
        """Collect a text."""
        if not self._skipping and data.strip():
            self.texts.append(data)


def count_unkeyed_ledger_ids(ledger: Sequence[Path]) -> int:
    """Return how many ids in the ledger are not keyed."""
    keyed = keys.KEYED_ID.pattern.replace(r"\Z", "$")
    count = 0
    for path in ledger:
        names = [name for name in ID_COLUMNS if name in read_schema(path)]
        unkeyed = [(~pl.col(name).str.contains(keyed)).sum().alias(name) for name in names]
        for rows in read_row_groups(path, names) if names else ():
            count += sum(rows.select(unkeyed).row(0))
    return count


def count_listed_ledger_ids(ledger: Sequence[Path], ids: frozenset[str]) -> int:
    """Return how many rows of the ledger have one of the ids."""
    if not ids:
        return 0
    groups = (rows for path in ledger for rows in read_row_groups(path, ["id"]))
    return sum(int(rows["id"].is_in(list(ids)).sum()) for rows in groups)
