"""Print how well the language filter names the language of held-out gold posts.

    python -m eval.language [--data ../shared/data]

Rows are split by author: whoever wrote a post of ``test`` wrote nothing that was tuned on.
Of TweetLID, posts that people gave one of six languages count: not those in two (``a+b``), nor
those that nobody could tell apart (``a/b``). TwitUser's labels are of users, not of posts, so a
perfect filter would not reach 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from eval.toxicity import precision_recall_f1
from filters import _fasttext, language
from filters._text import flattened

Codes = NDArray[np.str_]
Answer = Callable[[pl.Series], Codes]

SIX = ("es", "pt", "ca", "en", "gl", "eu")
SCHEMA = {"author": pl.String, "gold": pl.String, "text": pl.String}


def tweetlid(data: Path) -> pl.DataFrame:
    """TweetLID's rows: ``author``, ``gold``, ``text``, ``split``."""
    lines = (data / "langid/tweetlid_train.tsv").read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t", 3)[1:] for line in lines if line.count("\t") >= 3]
    return _split(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def twituser(data: Path) -> pl.DataFrame:
    """TwitUser's rows, in the same columns."""
    lines = (data / "langid/twituser_first_7000.jsonl").read_text(encoding="utf-8").split("\n")
    found = [json.loads(line) for line in lines if line.strip()]
    rows = [(each["uid"], each["lang"], each["text"]) for each in found]
    return _split(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def _split(posts: pl.DataFrame) -> pl.DataFrame:
    """``test`` for half of the authors, ``tune`` for the others, for ever."""

    def half(author: str) -> str:
        digest = hashlib.blake2b(author.encode(), digest_size=1).digest()
        return "test" if digest[0] < 128 else "tune"

    return posts.with_columns(split=pl.col("author").map_elements(half, return_dtype=pl.String))


def accuracy(gold: Codes, said: Codes) -> float:
    """The share of right answers."""
    return float((gold == said).mean())


def f1(gold: Codes, said: Codes, code: str) -> tuple[float, float, float]:
    """Precision, recall and F1 of one language."""
    return precision_recall_f1(said == code, gold == code)


def by_model() -> Answer:
    """lid.176 by itself, on each text as it was written."""
    model = _fasttext.load(language.models(language.Config())[0])

    def answer(texts: pl.Series) -> Codes:
        lines = texts.to_frame("text").select(flattened("text")).to_series().to_list()
        found = _fasttext.predict(model, lines, 1)
        return np.array([labels[0].removeprefix("__label__") for labels, _ in found])

    return answer


def by_filter() -> Answer:
    """The filter with its defaults."""
    judge = language.build(language.Config())
    return lambda texts: np.array(judge(texts.to_frame("text"))["lang"].to_list())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    posts = tweetlid(data).filter(pl.col("split") == "test")
    sure = posts.filter(pl.col("gold").is_in(SIX))
    users = twituser(data).filter(pl.col("split") == "test")
    print(f"TweetLID test: {len(sure)} posts in one of six languages; TwitUser test: {len(users)}")
    print(f"{'':16}macro-F1  accuracy  English P     R   TwitUser   posts/s")
    for name, answer in (("lid.176 raw", by_model()), ("language filter", by_filter())):
        gold, said = np.array(sure["gold"].to_list()), answer(sure["text"])
        macro = sum(f1(gold, said, code)[2] for code in SIX) / len(SIX)
        precision, recall, _ = f1(gold, said, "en")
        start = time.perf_counter()
        other = answer(users["text"])
        speed = len(users) / (time.perf_counter() - start)
        print(
            f"{name:16}{macro:8.3f} {accuracy(gold, said):9.3f} {precision:10.3f} {recall:5.3f} "
            f"{accuracy(np.array(users['gold'].to_list()), other):10.3f} {speed:9,.0f}"
        )


if __name__ == "__main__":
    main()
