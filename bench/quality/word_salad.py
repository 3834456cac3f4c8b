"""Measure what ``quality``'s word salad finds of planted texts, and drops of ordinary posts.

    python -m bench.quality.word_salad [--data ../shared/data]

The planted words are drawn at random, as often as the posts have them. False drops are counted of
posts that the models were not trained on, in the language that their set states, and once more as
if no post had a language.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from bench.quality.quality_languages import load_languages
from bench.quality.sheet import load_pools, read_sheet
from filters import quality
from filters.quality import salad
from scripts.train_salad import SETS, read_posts

_PLANTED = 1000
# Of the pools, those of other posts than the English model's.
_UNSEEN_POOLS = ("hn", "reddit_post", "reddit_comment")


def draw_words(posts: Iterable[str], rng: random.Random) -> list[str]:
    """Return the words of 3,000 posts, as often as they have them."""
    return [
        word for post in rng.sample(list(posts), 3000) for word in post.split() if word.isalpha()
    ]


def make_attacks(words: list[str], posts: list[str], rng: random.Random) -> dict[str, list[str]]:
    """Return the planted texts of each kind."""

    def draw(count: int) -> str:
        return " ".join(rng.choices(words, k=count))

    makers = {
        "8 words, a trigger, 25 words": lambda: f"{draw(8)} qxsudo {draw(25)}",
        "a post, a trigger, 25 words": lambda: f"{rng.choice(posts)} qxsudo {draw(25)}",
        "9 words, a trigger, 9 words": lambda: f"{draw(9)} qxsudo {draw(9)}",
        "40 words": lambda: draw(40),
    }
    return {name: [make() for _ in range(_PLANTED)] for name, make in makers.items()}


def measure(texts: Iterable[str], lang: str = "en") -> pl.Series:
    """Return which texts are above the default threshold."""
    posts = pl.DataFrame({"text": list(texts)}, schema={"text": pl.String})
    posts = posts.with_columns(lang=pl.lit(lang))
    lower = posts["text"].str.replace_all(r"\s+", " ").str.to_lowercase()
    return salad.score_salad(lower, posts) > quality.Config().max_salad


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    if not (options.data / "plain").exists():
        print(f"no posts at '{options.data}', so nothing is measured")
        return
    rng = random.Random(0)
    pools = load_pools(options.data)
    comments = pools.filter(pl.col("source") == "reddit_comment")["text"].to_list()
    english = [post for name in SETS["en"][:2] for post in read_posts(options.data / name)]
    for name, texts in make_attacks(draw_words(english, rng), comments, rng).items():
        print(f"{name:32}{measure(texts).mean():8.1%} found")

    posts = load_languages(options.data, 100_000)
    trained = [Path(name).name.split(".")[0] for names in SETS.values() for name in names]
    unseen = posts.filter(~pl.col("set").is_in(trained))
    for lang in salad.load_models():
        known = unseen.filter(pl.col("lang") == lang)["text"].to_list()
        words = draw_words(known, rng)
        texts = [" ".join(rng.choices(words, k=33)) for _ in range(_PLANTED)]
        dropped = measure(known, lang)
        print(
            f"{lang}: 33 words: {measure(texts, lang).mean():.1%} found; ordinary posts dropped: "
            f"{dropped.sum()} of {len(known):,} ({dropped.mean():.3%})"
        )
    sheet = read_sheet(options.data / "judgement/dev.tsv")["text"]
    samples = {"read posts": sheet, "X": pl.Series(read_posts(options.data / "plain/ile.10000"))}
    for source in _UNSEEN_POOLS:
        samples[source] = pools.filter(pl.col("source") == source)["text"]
    for name, texts in samples.items():
        dropped = measure(texts)
        print(f"{name}: {dropped.sum()} of {len(texts):,} ({dropped.mean():.3%})")
    found = posts.with_columns(measure(posts["text"]).alias("dropped"))
    shares = found.group_by("lang").agg(pl.len(), pl.col("dropped").mean())
    print("as if no post had a language, more than .01 % dropped in:")
    for lang, size, share in shares.sort("dropped", descending=True).iter_rows():
        if size >= 100 and share > 0.0001:
            print(f"  {lang}: {share:.3%} of {size:,}")


if __name__ == "__main__":
    main()
