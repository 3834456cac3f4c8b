"""Load the posts that say what is abuse, and those of the open English sets, for both scores.

``judgement`` tells abuse (somebody is insulted, threatened, demeaned) from mere vulgarity. The
other sets have notions of their own, which a teacher learns as tasks of their own (``TASKS``).
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from bench.quality.sheet import read_sheet
from bench.quality.toxicity_gold import decode_entities, split_of
from filters.text.cleaning import fold_text

#: What sets label: abuse; abuse or vulgarity; OLID's offence and its target; hatred; rude wording.
TASKS = ("abuse", "union", "offensive", "targeted", "hate", "rude")

#: Sets of ``toxicity_multi`` with a licence that lets them teach a model, and the task of each.
OPEN_SETS = {
    "en-hatemoji": "hate",
    "en-implicit": "hate",
    "en-stormfront": "hate",
    "en-mlma": "rude",
    "en-paradetox": "rude",
}
#: Posts without labels of an open set (WNUT17, CC BY 4.0), for the teacher to score.
PLAIN = ("gurez.10000", "ile.10000", "youtube_first_20000", "redd.tok.uniq", "stacko-src")
#: Those of them that are single sentences of longer posts.
SENTENCES = ("redd.tok.uniq", "stacko-src")
#: Labels of further posts of ``PLAIN``, x_v1 and OLID (CC BY 4.0) that were read for this project.
#: ``abuse`` as in ``judgement``, by the hash of the folded text; texts are not in the repository.
READINGS = Path(__file__).parents[2] / "scripts/toxicity_readings.tsv"
# The pools whose rows may be read and measured, but teach no model that is shipped.
_MEASURED_ONLY = ("hn", "reddit_post", "reddit_comment")


def read_judgement(path: Path) -> pl.DataFrame:
    """Return a sheet of read and labelled posts, with its texts unescaped and ``folded``."""
    return read_sheet(path).with_columns(folded=fold_text("text"))


def read_open_set(data: Path, name: str) -> pl.DataFrame:
    """Return ``label`` and ``text`` of a set of ``toxicity_multi``."""
    import zstandard

    packed = (data / "toxicity_multi" / f"{name}.tsv.zst").read_bytes()
    unpacked = zstandard.ZstdDecompressor().stream_reader(packed).read()
    table = pl.read_csv(io.BytesIO(unpacked), separator="\t", quote_char=None)
    return table.select("label", "text")


def load_taught(data: Path, sentences: Iterable[tuple[str, float, float]] = ()) -> pl.DataFrame:
    """Return the English posts that teach: ``set``, ``text``, ``folded``, ``split``, ``TASKS``.

    ``sentences`` are texts with the probabilities of ``abuse`` and ``union``. A task's column is
    null where the set does not tell. Posts of ``judgement/dev.tsv`` are left out, and so are pools
    whose rows only measure.
    """
    rows = [*read_judgement_rows(data), *_read_olid(data), *_read_davidson(data)]
    for name, task in OPEN_SETS.items():
        rows += [
            (name, text, {task: bool(label)})
            for label, text in read_open_set(data, name).iter_rows()
        ]
    rows += [
        ("sentences", text, {"abuse": abuse > 0, "union": union > 0})
        for text, abuse, union in sentences
    ]
    return make_table(rows, data)


def find_readings(folded: pl.Series) -> pl.Series:
    """Return the label in ``READINGS`` of each folded text, null where it was not read."""
    labels = dict(pl.read_csv(READINGS, separator="\t").iter_rows())
    keys = (hashlib.blake2b(text.encode(), digest_size=8).hexdigest() for text in folded)
    return pl.Series([labels.get(key) for key in keys], dtype=pl.Int64)


def load_unlabelled(data: Path) -> pl.DataFrame:
    """Return the posts without labels that a teacher may score, as ``load_taught`` does."""
    rows = [*_read_plain(data, PLAIN)]
    for name in ("a", "b"):
        posts = pl.read_ndjson(data / f"x_v1/{name}.no-labels.json", infer_schema_length=None)
        rows += [("x_v1", text, {}) for text in posts["text"] if text]
    return make_table(rows, data)


def load_sentences(data: Path) -> pl.DataFrame:
    """Return those posts of ``load_unlabelled`` that are sentences of longer posts."""
    return make_table([*_read_plain(data, SENTENCES)], data)


def _read_plain(data: Path, names: Iterable[str]) -> Iterator[tuple[str, str, dict[str, bool]]]:
    for name in names:
        lines = (data / "plain" / name).read_text("utf-8", errors="replace").split("\n")
        yield from (("plain", line, {}) for line in lines if line.strip())


def make_table(rows: list[tuple[str, str, dict[str, bool]]], data: Path) -> pl.DataFrame:
    """Return posts of sets, texts and the labels by task as a frame, without posts of the sheet."""
    posts = pl.DataFrame(
        {
            "set": [name for name, _, _ in rows],
            "text": [text for _, text, _ in rows],
            **{
                task: pl.Series([labels.get(task) for _, _, labels in rows], dtype=pl.Boolean)
                for task in TASKS
            },
        }
    )
    text = pl.col("text").map_batches(decode_entities, pl.String).str.replace_all(r"\bURL\b", " ")
    posts = posts.with_columns(text=text).with_columns(folded=fold_text("text"))
    kept_back = read_judgement(data / "judgement/dev.tsv")["folded"].implode()
    posts = posts.filter(pl.col("folded") != "", ~pl.col("folded").is_in(kept_back))
    return posts.with_columns(split=pl.Series([split_of(text) for text in posts["folded"]]))


def read_judgement_rows(data: Path) -> Iterator[tuple[str, str, dict[str, bool]]]:
    """Yield the posts of ``judgement/train.tsv`` that may teach: set, text, labels by task."""
    sheet = read_judgement(data / "judgement/train.tsv")
    sheet = sheet.filter(~pl.col("platform").is_in(_MEASURED_ONLY))
    for text, abuse in sheet.select("text", "abuse").iter_rows():
        yield "judgement", text, {"abuse": abuse == 2, "union": abuse > 0}


def _read_olid(data: Path) -> Iterator[tuple[str, str, dict[str, bool]]]:
    with (data / "toxicity/olid_train.tsv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            offensive = row["subtask_a"] == "OFF"
            targeted = row["subtask_b"] == "TIN"
            yield "olid", row["tweet"], {"offensive": offensive, "targeted": targeted}


def _read_davidson(data: Path) -> Iterator[tuple[str, str, dict[str, bool]]]:
    """Yield Davidson's posts: nothing in "neither" is abuse, nearly all of the rest is vulgar."""
    with (data / "toxicity/davidson.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            labels = {"hate": row["class"] == "0", "union": row["class"] != "2"}
            if row["class"] == "2":
                labels["abuse"] = False
            yield "davidson", row["tweet"], labels


def load_sheet_posts(data: Path) -> pl.DataFrame:
    """Return the posts of ``judgement/train.tsv`` that may teach, weighted back to their pools.

    ``dev.tsv`` tells how many posts of a pool each stratum stands for.
    """
    sheet = read_judgement(data / "judgement/train.tsv")
    pools = (
        read_judgement(data / "judgement/dev.tsv")
        .group_by("platform", "stratum")
        .agg(pool=pl.col("weight").sum())
    )
    return (
        sheet.filter(~pl.col("platform").is_in(_MEASURED_ONLY), pl.col("folded") != "")
        .join(pools, on=["platform", "stratum"], maintain_order="left")
        .with_columns(weight=pl.col("pool") / pl.len().over("platform", "stratum"))
        .drop("pool")
    )
