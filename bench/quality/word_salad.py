"""Measure what ``quality``'s word salad finds of planted texts, and drops of ordinary posts.

    python -m bench.quality.word_salad [--data ../shared/data]

What tools write over comments before they delete them, and texts stuffed with keywords, are made as
the tools' code and documentation describe it (shreddit, redact.dev, browser scripts with a word
list or random letters; Google's examples of keyword stuffing), of words of the posts. Of these the
table also says how many ``quality`` drops for any reason, and how many the readers take for a
deletion if the comment was edited.

The planted words are drawn at random, as often as the posts have them. False drops are counted of
posts that the models were not trained on, in the language that their set states, and once more as
if no post had a language.
"""

from __future__ import annotations

import argparse
import random
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from bench.quality.quality_languages import load_languages
from bench.quality.sheet import load_pools, read_sheet
from filters import quality
from filters.quality import salad
from filters.text.removal_notices import find_notice, is_random_words
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


_LOREM = (
    "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut "
    "labore et dolore magna aliqua enim ad minim veniam quis nostrud exercitation ullamco laboris "
    "nisi aliquip ex ea commodo consequat duis aute irure in reprehenderit voluptate velit esse "
    "cillum fugiat nulla pariatur excepteur sint occaecat cupidatat non proident sunt culpa"
)
_CITIES = (
    "Boston Denver Austin Dallas Houston Phoenix Seattle Portland Oakland Miami Tampa Atlanta "
    "Chicago Detroit Memphis Omaha Tulsa Fresno Tucson Mesa Raleigh Newark Buffalo Reno Boise"
)
_GOODS = ("shoes", "watches", "loans", "insurance", "pills", "tickets", "phones", "jewelry")
_SELLING = ("cheap", "best", "buy", "discount", "online", "affordable", "top", "free", "sale")


def make_overwritten(words: list[str], rng: random.Random) -> dict[str, list[str]]:
    """Return texts as tools write over comments, and stuffed with keywords."""
    distinct = sorted({word.lower() for word in words if word.isascii() and len(word) > 3})
    counted = Counter(word.lower() for word in words if word.isascii())
    common = [word for word, _ in counted.most_common(2000) if len(word) > 4]
    letters = string.ascii_letters + string.digits

    def draw(source: Sequence[str], low: int, high: int) -> str:
        return " ".join(rng.sample(source, rng.randint(low, high)))

    def stuff() -> str:
        goods = rng.choice(_GOODS)
        return " ".join(f"{rng.choice(_SELLING)} {goods}" for _ in range(rng.randint(8, 20)))

    def name_cities() -> str:
        goods = rng.choice(_GOODS)
        return " ".join(
            f"{goods} {city}" for city in rng.sample(_CITIES.split(), rng.randint(8, 20))
        )

    makers = {
        "words of a dictionary, 8 to 20": lambda: draw(distinct, 8, 20),
        "words of a dictionary, a sentence": lambda: draw(distinct, 8, 20).capitalize() + ".",
        "8 of the most common words": lambda: draw(common, 8, 8),
        "12 to 25 of the most common words": lambda: draw(common, 12, 25),
        "the same, and the tool's notice": lambda: (
            f"{draw(common, 10, 16)} `this message was mass deleted/edited with redact.dev`"
        ),
        "lorem ipsum": lambda: draw(_LOREM.split(), 8, 20).capitalize() + ".",
        "20 letters and digits": lambda: "".join(rng.choices(letters, k=20)),
        "keywords: goods with what sells": stuff,
        "keywords: goods with cities": name_cities,
        "keywords: a list with commas": lambda: ", ".join(
            f"{rng.choice(_SELLING)} {rng.choice(_GOODS)}" for _ in range(rng.randint(8, 20))
        ),
    }
    return {name: [make() for _ in range(_PLANTED)] for name, make in makers.items()}


def print_overwritten(words: list[str], rng: random.Random) -> None:
    """Print the share of each kind that is found."""
    judge = quality.build(quality.Config())
    print(f"{'written over, or stuffed':36}{'salad':>8}{'quality':>9}{'if edited':>11}")
    for name, texts in make_overwritten(words, rng).items():
        posts = pl.DataFrame({"text": texts, "kind": ["reply"] * len(texts)})
        dropped = judge(posts.with_columns(lang=pl.lit("en")))["reject"].is_not_null().mean()
        edited = sum(bool(find_notice(text) or is_random_words(text)) for text in texts)
        shares = f"{measure(texts).mean():8.1%}{dropped:9.1%}{edited / len(texts):11.1%}"
        print(f"{name:36}{shares}")


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

    print_overwritten(draw_words(english, rng), rng)
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
