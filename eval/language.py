"""Print how well the language filter names the language of held-out gold posts.

    python -m eval.language [--data ../shared/data]

Rows are split by author: whoever wrote a post of ``test`` wrote nothing that was tuned on.
TweetLID's labels are people's; ``a+b`` is a post in two languages, ``a/b`` one that nobody could
tell apart, and either answer is right there. TwitUser's labels are of users, not of posts, so a
perfect filter would not reach 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from filters import _fasttext, language
from filters._text import flattened

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


def right(gold: str, said: str) -> bool:
    """Whether an answer is one of those that the label allows."""
    return said in gold.replace("+", "/").split("/")


def accuracy(gold: Sequence[str], said: Sequence[str]) -> float:
    """The share of right answers."""
    return sum(map(right, gold, said)) / len(gold)


def f1(gold: Sequence[str], said: Sequence[str], code: str) -> tuple[float, float, float]:
    """Precision, recall and F1 of one language."""
    hits = sum(s == code == g for g, s in zip(gold, said, strict=True))
    precision, recall = hits / max(said.count(code), 1), hits / max(gold.count(code), 1)
    return precision, recall, 2 * hits / max(said.count(code) + gold.count(code), 1)


def by_model(texts: pl.Series) -> list[str]:
    """What lid.176 says by itself of each text as it was written."""
    model = _fasttext.load(language.models(language.Config())[0])
    lines = texts.to_frame("text").select(flattened("text")).to_series().to_list()
    return [
        labels[0].removeprefix("__label__") if labels else "und"
        for labels, _ in _fasttext.predict(model, lines, 1)
    ]


def by_filter(texts: pl.Series) -> list[str]:
    """What the filter says with its defaults."""
    judge = language.build(language.Config())
    codes: list[str] = judge(texts.to_frame("text"))["lang"].to_list()
    return codes


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
    for name, answer in (("lid.176 raw", by_model), ("language filter", by_filter)):
        gold, said = sure["gold"].to_list(), answer(sure["text"])
        macro = sum(f1(gold, said, code)[2] for code in SIX) / len(SIX)
        precision, recall, _ = f1(gold, said, "en")
        start = time.perf_counter()
        other = answer(users["text"])
        speed = len(users) / (time.perf_counter() - start)
        print(
            f"{name:16}{macro:8.3f} {accuracy(gold, said):9.3f} {precision:10.3f} {recall:5.3f} "
            f"{accuracy(users['gold'].to_list(), other):10.3f} {speed:9,.0f}"
        )


if __name__ == "__main__":
    main()
