"""The labelled sentences that teach and measure the models for names, by language.

A set teaches with its training split, and its development split measures. A set that has only a
development split is divided by a hash of its sentences: one in three measures.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from filters.text.arrays import I64

Sentence = tuple[list[str], list[str]]  # the tokens, and their tags
#: A text, and start and end of the people in it.
Labelled = tuple[str, list[tuple[int, int]]]
#: The languages that are written without spaces between words.
UNSPACED = ("zh", "ja")

#: The files that teach a language, in the folder that ``scripts/train_ner.py`` gets.
TEACHING = {
    "en": ("wnut17train.conll", "btc.train"),
    "de": ("de-germeval14.conll.zst", "mobie-train.conll"),
    "pt": ("pt-uner.conll.zst",),
    "sv": ("sv-uner.conll.zst", "sv-webbnyheter-train.txt"),
    "zh": ("zh-weibo.conll.zst", "zh-Hant-uner.conll.zst"),
    "ja": ("ja-gsd.conll.zst", "ja-wikipedia.json"),
}
LABELS = {
    "person": "PERSON",
    "PER": "PERSON",
    "location": "LOCATION",
    "LOC": "LOCATION",
    "ORG": "ORG",
    "corporation": "ORG",
    "group": "ORG",
}
_HELD_OUT = 3


def read_teaching(folder: Path, lang: str) -> list[Sentence]:
    """Return the sentences that teach a language. Only English has labels of places."""
    sentences: list[Sentence] = []
    for name in TEACHING[lang]:
        sentences += read_split(folder / name, teaching=True)
    return (
        sentences if lang == "en" else [(tokens, _only_people(tags)) for tokens, tags in sentences]
    )


def read_split(path: Path, *, teaching: bool) -> list[Sentence]:
    """Return the sentences of a file that teach, or those that measure."""
    read = list(_read(path))
    if "-test" in path.name:
        return [] if teaching else [sentence for _, sentence in read]
    has_training_split = any(split != "dev" for split, _ in read)
    chosen = []
    for split, sentence in read:
        held_out = split == "dev"
        if not has_training_split:
            held_out = zlib.crc32(" ".join(sentence[0]).encode()) % _HELD_OUT == 0
        if held_out != teaching:
            chosen.append(sentence)
    return chosen


def _read(path: Path) -> Iterator[tuple[str, Sentence]]:
    """Yield each sentence of a file with the name of its split, if the file has any."""
    if path.suffix == ".json":
        for record in json.loads(path.read_text(encoding="utf-8")):
            yield "", _spans_to_tags(record)
        return
    tokens: list[str] = []
    tags: list[str] = []
    split = following = ""
    for line in [*read_text(path).split("\n"), ""]:
        if line.startswith("# ") and "\t" not in line:
            following = line.removeprefix("# split=") if "split=" in line else following
            continue
        token, tag = _split_columns(line)
        if token and token != "-DOCSTART-":
            tokens.append(token)
            tags.append(_convert_tag(token, tag))
        elif tokens:
            yield split, (tokens, _repair_tags(tags))
            tokens, tags = [], []
        split = following


def read_text(path: Path) -> str:
    """Return the text of a file, which may be compressed."""
    if path.suffix == ".zst":
        import zstandard

        with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as content:
            return io.TextIOWrapper(content, encoding="utf-8", errors="replace").read()
    return path.read_text(encoding="utf-8", errors="replace")


def join(sentence: Sentence, *, spaced: bool) -> Labelled:
    """Return a sentence as a text; without spaces but between letters, unless ``spaced``.

    A name right after ``@`` or ``#`` is a handle or a hashtag, and no name.
    """
    text, spans = "", []
    for token, tag in zip(*sentence, strict=True):
        if text and (spaced or (text[-1].isascii() and token[0].isascii() and token[0].isalnum())):
            text += " "
        if tag == "I-PERSON":
            spans[-1] = (spans[-1][0], len(text) + len(token))
        elif tag == "B-PERSON":
            spans.append((len(text), len(text) + len(token)))
        text += token
    return text, [span for span in spans if text[max(0, span[0] - 1)] not in "@#\uff20\uff03"]


def count_people(labelled: list[Labelled], found: list[list[tuple[int, int]]]) -> I64:
    """Return a row for each text: people that are found whole, found, in the gold, touched.

    ``found`` is start and end of what a model finds in each text.
    """
    rows = []
    for (_, gold), spans in zip(labelled, found, strict=True):
        ours = set(spans)
        touched = sum(any(a < end and start < b for a, b in ours) for start, end in gold)
        rows.append((len(ours & set(gold)), len(ours), len(gold), touched))
    return np.array(rows, np.int64).reshape(-1, 4)


def _split_columns(line: str) -> tuple[str, str]:
    """Return token and tag, the first and the last column."""
    columns = [column.strip() for column in (line.split("\t") if "\t" in line else line.split())]
    return (columns[0], columns[-1]) if len(columns) > 1 else ("", "")


def _spans_to_tags(record: Any) -> Sentence:
    """Return the characters of a text and their tags."""
    text: str = record["text"]
    tags = ["O"] * len(text)
    for entity in record["entities"]:
        if entity["type"] == "\u4eba\u540d":
            begin, end = entity["span"]
            tags[begin:end] = ["B-PERSON", *["I-PERSON"] * (end - begin - 1)]
    return list(text), tags


def _convert_tag(token: str, tag: str) -> str:
    """Return the tag with our label. A handle or a hashtag is no name."""
    begin, _, kind = tag.rpartition("-")
    if kind not in LABELS or token[0] in "@#" or token.startswith("http"):
        return "O"
    return f"{begin or 'I'}-{LABELS[kind]}"


def _repair_tags(tags: list[str]) -> list[str]:
    """Turn an I-X that follows no X into B-X."""
    out: list[str] = []
    for tag in tags:
        before = out[-1][2:] if out else ""
        out.append(f"B-{tag[2:]}" if tag.startswith("I-") and tag[2:] != before else tag)
    return out


def _only_people(tags: list[str]) -> list[str]:
    return [tag if tag.endswith("PERSON") else "O" for tag in tags]
