"""Read labelled posts: JSON lines, CSV, TSV or Parquet, compressed or not."""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from dataclasses import dataclass

import msgspec
import polars as pl

from corpus.errors import PlanError, did_you_mean
from corpus.formats.dump_input import DumpInput
from corpus.readers import table
from filters import classifier

#: A column with more labels than this, or longer ones, is taken for another column.
MAX_LABELS = 500
MAX_LABEL_LENGTH = 100
#: The reader maps the labels to this column of a post, which may have any short text.
_LABEL_COLUMN = "license"
_PREFIX = "__label__"


@dataclass(frozen=True)
class LabelledPosts:
    """Labelled posts, and counts of the rows of the file that are none.

    ``posts`` has the columns ``text``, ``label``, and ``tokens``, the words that a model reads.
    """

    path: str
    sha256: str
    posts: pl.DataFrame
    refused: dict[str, int]  # reason to rows
    unlabelled: int
    empty_texts: int  # rows whose text has no word to read


def read_labelled(
    path: str, text: str, label: str, delimiter: str = "", quotes: bool = True
) -> LabelledPosts:
    """Read the columns ``text`` and ``label`` of the table at ``path``.

    Raises :class:`~corpus.errors.PlanError` if the file or a column is missing, or if the labels
    look like another column.
    """
    if not os.path.isfile(path):
        raise PlanError(f"--labelled '{path}': no such file; give one file")
    if text == label:
        raise PlanError(f"--text and --label are both '{text}'; name two columns")
    config = table.Config(
        path=path, fields={"text": text, _LABEL_COLUMN: label}, delimiter=delimiter, quotes=quotes
    )
    try:
        batches = list(table.read(path, config, 100_000))
    except PlanError as error:
        raise PlanError(re.sub(r", which 'fields' maps to '\w+'", "", str(error))) from None
    rows = pl.concat(
        [batch.posts.select("text", pl.col(_LABEL_COLUMN).alias("label")) for batch in batches]
    )
    refused = Counter(reason for batch in batches for reason in batch.refused["reason"])
    if rows["label"].null_count() == rows.height:
        raise _no_labels_error(path, text, label, rows.height, refused)
    named = rows.drop_nulls("label").with_columns(pl.col("label").str.strip_prefix(_PREFIX))
    _check_labels(path, label, named["label"])
    posts = named.with_columns(tokens=classifier.clean_for_training("text"))
    readable = posts.filter(pl.col("tokens") != "")
    return LabelledPosts(
        path=path,
        sha256=str(batches[-1].sha256),
        posts=readable,
        refused=dict(sorted(refused.items())),
        unlabelled=rows.height - named.height,
        empty_texts=posts.height - readable.height,
    )


def _check_labels(path: str, label: str, labels: pl.Series) -> None:
    count, longest = labels.n_unique(), int(labels.str.len_chars().max() or 0)  # type: ignore[arg-type]
    if count > MAX_LABELS or longest > MAX_LABEL_LENGTH:
        # The values are not shown, because they may be posts.
        raise PlanError(
            f"{path}: column '{label}' has {count:,} different values, the longest of {longest:,} "
            f"characters; labels are at most {MAX_LABELS} and {MAX_LABEL_LENGTH} characters long. "
            "Is it another column?"
        )


def _no_labels_error(
    path: str, text: str, label: str, rows: int, refused: Counter[str]
) -> PlanError:
    """Return the error that says why no row has both a text and a label."""
    if rows:
        hint = (
            _suggest_column(path, label)
            or "; each is empty, or holds a list, a fraction or no text"
        )
        return PlanError(f"{path}: none of {rows:,} rows has a label in '{label}'{hint}")
    if set(refused) == {"no_text"}:
        return PlanError(f"{path}: no row has a text in '{text}'{_suggest_column(path, text)}")
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in refused.most_common(3))
    return PlanError(
        f"{path}: no row can be read as a table's ({reasons or 'it is empty'}); give JSON lines, "
        "CSV, TSV or Parquet"
    )


def _suggest_column(path: str, column: str) -> str:
    """Return a hint with similar columns of the first JSON lines, if ``column`` is not there."""
    known: set[str] = set()
    with DumpInput(path) as source:
        for member in source.members():
            for line in itertools.islice(member.lines(16 << 20), 20):
                try:
                    found = msgspec.json.decode(line.data)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
                if isinstance(found, dict):
                    known |= {key for key in found if len(key) <= 40}
            break
    return did_you_mean(column, known) if known and column.split(".")[0] not in known else ""
