"""Fine-tune a small transformer as a teacher, and score posts with it.

Needs ``torch``, for training only. ``scripts.toxicity_teacher`` and
``scripts.toxicity_languages_teacher`` say which encoder learns what.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch

BATCH = 32
HEAD_RATE = 1e-3
WARM_UP = 0.06
_SCORED_BATCH = 128

#: Returns the token ids of each text.
Tokenize = Callable[[list[str]], list[list[int]]]


class Lessons(NamedTuple):
    """What a teacher learns, of n posts and k tasks.

    ``labels`` (n, k) are nan where a label is unknown, and there ``weights`` (n, k) are 0. ``draw``
    returns the rows of a pass; ``sets`` (n,) number the sets of the posts if each has a bias of its
    own, which is dropped after training.
    """

    tokens: list[list[int]]
    labels: np.ndarray
    weights: np.ndarray
    draw: Callable[[np.random.Generator], np.ndarray]
    steps: int
    sets: np.ndarray | None = None


class Teacher(torch.nn.Module):
    """An encoder, the mean of its last states, and a logit for each task."""

    def __init__(
        self, encoder: Any, tokenize: Tokenize, *, padding: int, tasks: int, sets: int = 0
    ) -> None:
        super().__init__()
        self.encoder, self.tokenize, self.padding, self.tasks = encoder, tokenize, padding, tasks
        # Half of the time would go to the vectors of words that are not here.
        self.encoder.embeddings.requires_grad_(False)
        self.heads = torch.nn.Linear(self.encoder.config.hidden_size, tasks)
        if sets:
            self.biases = torch.nn.Embedding(sets, tasks)
            torch.nn.init.zeros_(self.biases.weight)

    def forward(self, rows: list[list[int]]) -> Any:
        """Return the logits of texts by their token ids, a column for each task."""
        width = max(map(len, rows))
        ids = torch.tensor([row + [self.padding] * (width - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        shares = mask[:, :, None].to(states.dtype)
        pooled = (states * shares).sum(1) / shares.sum(1)
        return self.heads(torch.nn.functional.dropout(pooled, 0.1, self.training))


def prepare(texts: pl.Series, prefix: str = "") -> list[str]:
    """Return texts as a teacher reads them: no handles, no addresses, no retweet heads."""
    from filters.text.cleaning import clean_text

    cleaned = texts.to_frame("text").select(
        prefix + clean_text("text").str.replace_all(r"@USER\b|\b(?:MENTION\d+)\b", " ")
    )
    return cleaned.to_series().to_list()


def score(teacher: Teacher, texts: list[str]) -> np.ndarray:
    """Return the logit of each task for each text."""
    teacher.eval()
    tokens = teacher.tokenize(texts)
    order = np.argsort([len(row) for row in tokens], kind="stable")
    found = np.zeros((len(texts), teacher.tasks), dtype=np.float32)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for first in range(0, len(order), _SCORED_BATCH):
            chosen = order[first : first + _SCORED_BATCH]
            found[chosen] = teacher([tokens[row] for row in chosen]).float().numpy()
    return found


def fine_tune(
    teacher: Teacher,
    lessons: Lessons,
    *,
    passes: int,
    rate: float,
    seed: int,
    report: Callable[[Teacher, int], None],
) -> None:
    """Train ``teacher``; ``rate`` is the encoder's. ``report`` is called after each pass."""
    random = np.random.default_rng(seed)
    tokens, labels, weights, draw, steps, sets = lessons
    trained = [each for each in teacher.encoder.parameters() if each.requires_grad]
    encoder = {id(each) for each in teacher.encoder.parameters()}
    heads = [each for each in teacher.parameters() if id(each) not in encoder]
    optimizer = torch.optim.AdamW(
        [{"params": trained, "lr": rate}, {"params": heads, "lr": HEAD_RATE}],
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
        rows = random.permutation(draw(random))
        batches = []
        for first in range(0, len(rows), BATCH * 40):
            # Posts of like length share a batch, which saves padding.
            part = rows[first : first + BATCH * 40]
            part = part[np.argsort([len(tokens[row]) for row in part], kind="stable")]
            batches += [part[at : at + BATCH] for at in range(0, len(part), BATCH)]
        for batch in random.permutation(len(batches)):
            chosen = batches[batch]
            with torch.autocast("cpu", torch.bfloat16):
                logits = teacher([tokens[row] for row in chosen])
            logits = logits.float()
            if sets is not None:
                logits = logits + teacher.biases(torch.tensor(sets[chosen]))
            losses = torch.nn.functional.binary_cross_entropy_with_logits(
                logits, torch.tensor(np.nan_to_num(labels[chosen])), reduction="none"
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


def write_soft_labels(
    posts: pl.DataFrame, found: np.ndarray, tasks: Sequence[str], out: Path
) -> None:
    """Write posts with a column ``soft_TASK`` for each task to ``soft.parquet`` in ``out``."""
    posts.with_columns(
        pl.Series(f"soft_{task}", found[:, column]) for column, task in enumerate(tasks)
    ).write_parquet(out / "soft.parquet")


def run(teach: Callable[..., None], description: str | None, out: str, passes: int) -> None:
    """Call ``teach`` with the data, output folder, passes and seed of the command line."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path(out))
    parser.add_argument("--passes", type=int, default=passes)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    teach(options.data, options.out, options.passes, options.seed)
