"""Train the models of ``quality``'s measure of word salad, and write them to ``filters/models``.

    python -m scripts.train_salad [--data ../shared/data] [--out filters/models/salad.npz]

For each language, a logistic regression separates stretches of real posts from words drawn at
random from the same posts. Only sets whose licence permits it are read (:data:`SETS`; the model
card in docs/quality.md lists them). The result is the same on every run.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import zstandard

from filters.quality import salad
from filters.text.arrays import F32, I64, U8, U64
from filters.text.jit import jit

#: Files below the data folder, by language.
SETS: dict[str, tuple[str, ...]] = {
    "en": (
        "plain/gurez.10000",
        "plain/youtube_first_20000",
        "plain/redd.tok.uniq",
        "plain/stacko-src",
        "toxicity/olid_train.tsv",
        "toxicity_multi/en-paradetox.tsv.zst",
        "toxicity_multi/en-implicit.tsv.zst",
        "toxicity_multi/en-hatemoji.tsv.zst",
        "toxicity_multi/en-stormfront.tsv.zst",
        "x_v1/a.no-labels.json",
        "x_v1/b.no-labels.json",
        "langid/afrisenti/pcm_dev.tsv",
    ),
    "de": (
        "unlabelled/de-potts.txt.zst",
        "toxicity_multi/de-gahd.tsv.zst",
        "toxicity/germeval18_de_train.txt",
    ),
    "es": ("toxicity_multi/es-offendes.tsv.zst", "unlabelled/es-crisislex.txt.zst"),
    "pt": ("unlabelled/pt-toldbr.txt.zst",),
}
#: A word of the vocabulary has so many posts.
_LEAST_POSTS = 2
_PASSES, _RATE = 8, 0.05
_LEAST, _MOST = 6, 32  # words of a stretch
_DECAY = 2e-5


def read_posts(path: Path) -> list[str]:
    """Return the texts of a set."""
    content = path.read_bytes()
    if path.suffix == ".zst":
        content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
    lines = content.decode("utf-8", "replace").split("\n")
    name = path.name
    if name.endswith(".json"):
        return [json.loads(line)["text"] for line in lines if line.strip()]
    if name == "olid_train.tsv":
        return [row[1] for row in csv.reader(lines[1:], delimiter="\t", quoting=3) if len(row) > 1]
    if name == "pcm_dev.tsv":  # Nigerian Pidgin, which identifiers of languages call English
        return [line.split("\t")[1] for line in lines[1:] if line.strip()]
    if name.startswith("germeval"):
        return [line.split("\t")[0] for line in lines if line.strip()]
    if name.endswith(".tsv.zst"):
        return [line.split("\t")[-1].replace("\\n", "\n") for line in lines[1:] if line.strip()]
    return [line for line in lines if line.strip()]


def train(posts: list[str], bits_of_weights: int, seed: int = 0) -> salad.Model:
    """Return the model of a language from its posts, with a power of two of weights."""
    texts = pl.Series(posts).str.replace_all(r"\s+", " ").str.to_lowercase().unique().sort()
    words, endings, starts = salad.hash_words(texts)
    rows = np.repeat(np.arange(len(texts)), np.diff(starts))
    pairs = pl.DataFrame({"word": words, "row": rows}).filter(pl.col("word") != 0).unique()
    counted = pairs.group_by("word").len().filter(pl.col("len") >= _LEAST_POSTS)["word"]
    bits = (counted.to_numpy() >> np.uint64(64 - salad.VOCABULARY_BITS)).astype(np.int64)
    flags = np.zeros(1 << salad.VOCABULARY_BITS, np.uint8)
    flags[bits] = 1
    vocabulary = np.packbits(flags, bitorder="little")
    weights = _fit(words, endings, starts, vocabulary, 1 << bits_of_weights, seed)
    stored = np.clip(np.rint(weights * salad.WEIGHT_SCALE), -127, 127).astype(np.int8)
    print(f"  {len(texts):,} posts, {len(counted):,} words, {np.count_nonzero(stored):,} weights")
    return salad.Model(stored, vocabulary)


@jit
def _fit(words: U64, endings: U64, starts: I64, vocabulary: U8, size: int, seed: int) -> F32:
    """Return the weights: a stochastic descent over stretches, half of them drawn at random."""
    np.random.seed(seed)
    mask = np.uint64(size - 1)
    weights, squares = np.zeros(size, np.float32), np.full(size, 1e-3, np.float32)
    slots = np.zeros(salad.MAX_SLOTS, np.uint64)
    all_slots = np.zeros(salad.MAX_SLOTS * _MOST, np.uint64)
    drawn_words, drawn_endings = np.zeros(_MOST, np.uint64), np.zeros(_MOST, np.uint64)
    rows = starts.size - 1
    for _ in range(_PASSES * 2 * rows):
        row = np.random.randint(rows)
        first, last = starts[row], starts[row + 1]
        if last - first < _LEAST:
            continue
        is_salad = np.random.random() < 0.5
        length = np.random.randint(_LEAST, _MOST + 1)
        count = 0
        if is_salad:
            # Of three, one has the same post's words, in another order.
            own = np.random.random() < 0.33
            low, high = (first, last) if own else (0, words.size)
            for index in range(length):
                at = np.random.randint(low, high)
                for _ in range(8):
                    if words[at] != 0:
                        break
                    at = np.random.randint(low, high)
                drawn_words[index], drawn_endings[index] = words[at], endings[at]
            for at in range(length):
                found = salad.list_slots(drawn_words, drawn_endings, at, 0, vocabulary, slots)
                all_slots[count : count + found] = slots[:found]
                count += found
        else:
            begin = first + np.random.randint(max(1, last - first - length + 1))
            for at in range(begin, min(begin + length, last)):
                found = salad.list_slots(words, endings, at, begin, vocabulary, slots)
                all_slots[count : count + found] = slots[:found]
                count += found
        total = 0.0
        for index in range(count):
            total += weights[all_slots[index] & mask]
        error = 1 / (1 + np.exp(-total)) - (1.0 if is_salad else 0.0)
        for index in range(count):
            slot = all_slots[index] & mask
            gradient = error + _DECAY * weights[slot]
            squares[slot] += gradient * gradient
            weights[slot] -= _RATE * gradient / np.sqrt(squares[slot])
    return weights


def main() -> None:
    """Train and write the models."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=salad.MODEL_FILE)
    parser.add_argument("--only", nargs="*", default=list(SETS), help="languages")
    options = parser.parse_args()
    arrays: dict[str, np.ndarray] = {"languages": np.array(json.dumps(options.only))}
    for lang in options.only:
        print(lang, flush=True)
        posts = [text for name in SETS[lang] for text in read_posts(options.data / name)]
        model = train(posts, 19 if lang == "en" else 18)
        arrays[f"{lang}_weights"], arrays[f"{lang}_vocabulary"] = model
    np.savez_compressed(options.out, **arrays)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
