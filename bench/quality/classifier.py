"""Measure ``corpus train`` and the classifier filter on posts that people have labelled.

    python -m bench.quality.classifier [--data ../shared/data]

Three tasks: spam under YouTube videos (each video is tested by a model of the four others, and all
comments are counted once), offence in English and in German tweets (as ``toxicity_gold`` splits
them; its ``calibrate`` rows are not used). Compared in the same run: always the commonest label,
and fastText itself on the text as it was written, with its defaults and with our settings. fastText
runs with eleven threads, because with fewer it starts from memory that it never wrote; its figures
vary.

Our defaults were chosen on the four videos marked * and on the ``calibrate`` rows. Only this script
has read the fifth video and the ``test`` rows; it was run six times during the work. Seconds are
processor time of all threads together.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.quality.toxicity import load_gold, macro_f1, precision_recall_f1
from corpus.training import fit_fasttext
from corpus.training.fit_fasttext import TrainingSettings
from filters import classifier
from filters.text.cleaning import flatten_whitespace
from filters.text.fasttext import predict_labels

Labels = NDArray[np.bool_]
Predict = Callable[[pl.DataFrame], Labels]
Train = Callable[[pl.DataFrame, Path], Predict]


class Task(NamedTuple):
    """A task: posts to train on and posts to test on, both with ``text`` and ``wanted``."""

    name: str
    train: pl.DataFrame
    test: pl.DataFrame


def tasks(data: Path) -> Iterator[Task]:
    """Yield all tasks; those of one name are counted together."""
    videos = [
        pl.read_csv(path).select(text="CONTENT", wanted=pl.col("label") == 1)
        for path in sorted(data.glob("spam/*.csv"))
    ]
    for number, video in enumerate(videos):
        others = pl.concat([*videos[:number], *videos[number + 1 :]])
        name = "spam, the fifth video" if number == len(videos) - 1 else "spam, four videos*"
        yield Task(name, others, video)
    posts = load_gold(data).rename({"offensive": "wanted"})
    for each in ("olid", "germeval"):
        own = posts.filter(pl.col("set") == each).select("text", "wanted", "split")
        yield Task(
            f"offence, {each}",
            own.filter(pl.col("split") == "train"),
            own.filter(pl.col("split") == "test"),
        )


def train_majority(posts: pl.DataFrame, folder: Path) -> Predict:
    """Predict always the commonest label."""
    common = Counter(posts["wanted"].to_list()).most_common(1)[0][0]
    return lambda posts: np.full(len(posts), common)


def train_fasttext(**settings: float) -> Train:
    """Train fastText itself on each text as it was written, on one line."""

    def train(posts: pl.DataFrame, folder: Path) -> Predict:
        import fasttext

        lines = posts.select(
            pl.format("__label__{} {}", "wanted", flatten_whitespace("text"))
        ).to_series()
        (folder / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        options = {"input": str(folder / "lines.txt"), "thread": 11, "verbose": 0, **settings}
        model = fasttext.train_supervised(**options)

        def predict(posts: pl.DataFrame) -> Labels:
            texts = posts.select(flatten_whitespace("text")).to_series().to_list()
            found = predict_labels(model, texts, 1)
            return np.array([names[:1] == ["__label__true"] for names, _ in found])

        return predict

    return train


def train_ours(suffix: str) -> Train:
    """Fit as ``corpus train`` does, and predict through the filter."""

    def train(posts: pl.DataFrame, folder: Path) -> Predict:
        texts = posts.select(tokens=classifier.clean_for_training("text"), wanted="wanted")
        texts = texts.filter(pl.col("tokens") != "")
        labels = texts["wanted"].cast(pl.Int32).to_numpy()
        path = folder / f"model{suffix}"
        model = fit_fasttext.fit(texts["tokens"], labels, 2, TrainingSettings())
        fit_fasttext.save(model, ["no", "yes"], [int((labels == at).sum()) for at in (0, 1)], path)
        classifier.write_model_note(path, ["no", "yes"], {})
        classify = classifier.build(classifier.Config(model=str(path)))

        return lambda posts: (
            (classify(posts)["classifier_label"] == "yes").fill_null(False).to_numpy()
        )

    return train


OURS = TrainingSettings()
TRAINERS: dict[str, Train] = {
    "commonest label": train_majority,
    "fastText, its defaults": train_fasttext(),
    "fastText, our settings": train_fasttext(
        dim=OURS.dim,
        epoch=OURS.epochs,
        lr=OURS.learning_rate,
        wordNgrams=OURS.word_ngrams,
        minn=OURS.min_chars,
        maxn=OURS.max_chars,
        bucket=1 << 18,
    ),
    "corpus train, .bin": train_ours(".bin"),
    "corpus train, .ftz": train_ours(".ftz"),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    by_name: dict[str, list[Task]] = {}
    for task in tasks(parser.parse_args().data):
        by_name.setdefault(task.name, []).append(task)
    print(f"{'':46}  macro-F1  accuracy      P      R     F1    MB  train s  posts/s")
    for name, parts in by_name.items():
        wanted = np.concatenate([part.test["wanted"].to_numpy() for part in parts])
        for way, train in TRAINERS.items():
            predictions, size, training, predicting = [], 0, 0.0, 1e-9
            for part in parts:
                with tempfile.TemporaryDirectory() as folder:
                    train(parts[0].train.head(50), Path(folder))  # compiles the kernels
                    began = time.process_time()
                    predict = train(part.train, Path(folder))
                    training += time.process_time() - began
                    began = time.process_time()
                    predictions.append(predict(part.test))
                    predicting += time.process_time() - began
                    size = max(
                        [path.stat().st_size for path in Path(folder).glob("model.*")] or [0]
                    )
            called = np.concatenate(predictions)
            precision, recall, f1 = precision_recall_f1(called, wanted)
            print(
                f"{name:22} {way:23} {macro_f1(called, wanted):9.3f} "
                f"{(called == wanted).mean():9.3f} {precision:6.3f} {recall:6.3f} {f1:6.3f} "
                f"{size / 1e6:5.1f} {training:8.1f} {len(wanted) / predicting:8,.0f}"
            )


if __name__ == "__main__":
    main()
