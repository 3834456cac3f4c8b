"""Measure how well the language filter names the language of held-out gold posts.

    python -m bench.quality.language [--data ../shared/data]

Rows are split by author: no author of a ``test`` post wrote a post that was tuned on.
Of TweetLID, posts that people gave one of six languages count: not those in two (``a+b``), nor
those that may be in either of two (``a/b``). TwitUser's labels are of users, not of posts, so a
perfect filter would not reach 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.quality import toxicity
from bench.quality.toxicity import precision_recall_f1
from corpus import language_context
from corpus.readers import reddit
from corpus.stages import BarrierInput, MeasuredPart
from corpus.tasks import array_store
from corpus.tasks.task import run_inline
from filters import language
from filters.text import fasttext
from filters.text.cleaning import flatten_whitespace
from filters.text.identifier import eldc_model, words

Codes = NDArray[np.str_]
LanguagePredictor = Callable[[pl.DataFrame], pl.DataFrame]

SIX = ("es", "pt", "ca", "en", "gl", "eu")
#: AfriSenti's files, to the codes of their languages. Nigerian Pidgin, the Arabic of Algeria and
#: Morocco, and Mozambique's Portuguese have no label of their own and are not used.
AFRISENTI = {
    "am": "am",
    "ha": "ha",
    "ig": "ig",
    "kr": "rw",
    "sw": "sw",
    "ts": "ts",
    "twi": "tw",
    "yo": "yo",
}
SCHEMA = {"author": pl.String, "gold": pl.String, "text": pl.String}


def load_tweetlid(data: Path) -> pl.DataFrame:
    """Return TweetLID's rows: ``author``, ``gold``, ``text``, ``split``."""
    lines = (data / "langid/tweetlid_train.tsv").read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t", 3)[1:] for line in lines if line.count("\t") >= 3]
    return _split(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def load_twituser(data: Path) -> pl.DataFrame:
    """Return TwitUser's rows, in the same columns."""
    lines = (data / "langid/twituser_first_7000.jsonl").read_text(encoding="utf-8").split("\n")
    found = [json.loads(line) for line in lines if line.strip()]
    rows = [(each["uid"], each["lang"], each["text"]) for each in found]
    return _split(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def load_sheet(path: Path) -> pl.DataFrame:
    """Return a sheet of posts that people read and labelled; ``gold`` is its language."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").rstrip("\n").split("\n")]
    text = pl.col("text")
    for escaped, character in (("\\n", "\n"), ("\\t", "\t"), ("\\\\", "\\")):
        text = text.str.replace_all(escaped, character, literal=True)
    return pl.DataFrame(rows[1:], schema=rows[0], orient="row").with_columns(text, gold="lang")


def _split(posts: pl.DataFrame) -> pl.DataFrame:
    """Add the column ``split``: ``test`` for half of the authors, ``tune`` for the others."""

    def half(author: str) -> str:
        digest = hashlib.blake2b(author.encode(), digest_size=1).digest()
        return "test" if digest[0] < 128 else "tune"

    return posts.with_columns(split=pl.col("author").map_elements(half, return_dtype=pl.String))


def load_open_posts(data: Path) -> pl.DataFrame:
    """Return the posts of sets with an open licence, with their ``set`` and ``split``.

    Where a set has no authors, each text is its own author, so that equal posts have one split.
    """
    parts = []
    for code, language_code in AFRISENTI.items():
        lines = (data / f"langid/afrisenti/{code}_dev.tsv").read_text(encoding="utf-8")
        texts = [line.split("\t")[1] for line in lines.split("\n")[1:] if line.count("\t") >= 2]
        parts.append(one_author_per_text("afrisenti", language_code, texts))
    gold = toxicity.load_gold(data)
    for name, code in (("davidson", "en"), ("olid", "en"), ("germeval", "de")):
        texts = gold.filter(pl.col("set") == name)["text"].to_list()
        parts.append(one_author_per_text(name, code, texts))
    texts = pl.read_csv(data / "toxicity/toldbr_pt.csv")["text"].drop_nulls().to_list()
    parts.append(one_author_per_text("told-br", "pt", texts))
    lines = (data / "plain/redd.tok.uniq").read_text(encoding="utf-8", errors="replace")
    parts.append(one_author_per_text("reddit", "en", lines.splitlines()[:6000]))
    lines = (data / "plain/stacko-src").read_text(encoding="utf-8", errors="replace")
    parts.append(one_author_per_text("stackexchange", "en", lines.splitlines()))
    return pl.concat(parts)


def one_author_per_text(name: str, code: str, texts: list[str]) -> pl.DataFrame:
    """Return the different ones of ``texts`` in the columns of :func:`load_open_posts`."""
    found = pl.DataFrame({"text": texts}).unique("text", maintain_order=True)
    rows = found.select(author="text", gold=pl.lit(code), text="text")
    return _split(rows).with_columns(set=pl.lit(name))


def accuracy(gold: Codes, predicted: Codes) -> float:
    """Return the share of right answers."""
    return float((gold == predicted).mean())


def f1(gold: Codes, predicted: Codes, code: str) -> tuple[float, float, float]:
    """Return precision, recall and F1 of one language."""
    return precision_recall_f1(predicted == code, gold == code)


def predict_with_lid176() -> LanguagePredictor:
    """Return a predictor that runs lid.176 alone on each text as it was written."""
    model = fasttext.load_model(language.models(language.Config())[0])

    def judge(posts: pl.DataFrame) -> pl.DataFrame:
        lines = posts.select(flatten_whitespace("text")).to_series().to_list()
        found = fasttext.predict_labels(model, lines, 1)
        codes = [labels[0].removeprefix("__label__") for labels, _ in found]
        scores = [min(float(chances[0]), 1.0) for _, chances in found]
        return posts.with_columns(lang=pl.Series(codes), lang_score=pl.Series(scores))

    return judge


def predict_with_eldc() -> LanguagePredictor:
    """Return a predictor that runs eldc alone on the words of each text."""

    def judge(posts: pl.DataFrame) -> pl.DataFrame:
        labels = sorted(eldc_model.list_languages() | eldc_model.DISTRUSTED)
        lines = words.split_to_strings(*words.extract_words(posts))
        numbers = eldc_model.identify(lines, labels, labels)
        found = [labels[number] if number >= 0 else "und" for number in numbers]
        return posts.with_columns(lang=pl.Series(found), lang_score=pl.lit(1.0))

    return judge


def with_language_context(judge: LanguagePredictor) -> LanguagePredictor:
    """Return a predictor that runs another one, then the barrier ``language_context``."""
    config = language_context.Config()

    def again(posts: pl.DataFrame) -> pl.DataFrame:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            missing = {"root_id", "community"} - set(posts.columns)
            known = [pl.lit(None, pl.String).alias(name) for name in sorted(missing)]
            judged = judge(posts).with_columns(
                pl.lit("x").alias("platform"),
                pl.int_range(pl.len()).cast(pl.String).alias("id"),
                *known,
            )
            array_store.save_arrays(language_context.measure(judged, config), folder / "0")
            judged.write_parquet(folder / "0.parquet")
            part = MeasuredPart(
                folder / "0.parquet", folder / "0", folder / "verdict.parquet", folder / "unused"
            )
            inputs = BarrierInput([part], folder, folder / "key", run_inline)
            language_context.decide(inputs, config)
            verdict = pl.read_parquet(part.verdict)
        return judged.with_columns(verdict.get_columns())

    return again


def macro_f1(gold: Codes, predicted: Codes) -> float:
    """Return the mean F1 of the six languages."""
    return sum(f1(gold, predicted, code)[2] for code in SIX) / len(SIX)


def codes_of(posts: pl.DataFrame, column: str) -> Codes:
    """Return one column as an array of codes."""
    return np.array(posts[column].fill_null("").to_list())


def print_overall(
    judges: dict[str, LanguagePredictor], six: pl.DataFrame, users: pl.DataFrame
) -> None:
    """Print macro-F1, accuracy, each language's F1, and posts per second of processor time."""
    print(f"{'':26}macro-F1 accuracy  TwitUser  posts/s | F1: " + "    ".join(SIX))
    for name, judge in judges.items():
        gold, predicted = codes_of(six, "gold"), codes_of(judge(six), "lang")
        start = time.process_time()
        other = codes_of(judge(users), "lang")
        speed = len(users) / (time.process_time() - start)
        each = " ".join(f"{f1(gold, predicted, code)[2]:5.3f}" for code in SIX)
        right = accuracy(codes_of(users, "gold"), other)
        print(
            f"{name:26}{macro_f1(gold, predicted):8.3f} {accuracy(gold, predicted):8.3f} "
            f"{right:9.3f} {speed:8,.0f} | {each}"
        )


def print_english(judges: dict[str, LanguagePredictor], rows: dict[str, pl.DataFrame]) -> None:
    """Print precision and recall of English at several thresholds of the score."""
    print(f"\nEnglish{'':29}P at 0     R | P at .5    R | P at .65   R | R at P.97  P at R.90")
    for name, judge in judges.items():
        for source, posts in rows.items():
            judged, gold = judge(posts), codes_of(posts, "gold") == "en"
            predicted = codes_of(judged, "lang") == "en"
            score = np.where(predicted, judged["lang_score"].to_numpy(), -1.0)
            figures = []
            for least in (0.0, 0.5, 0.65):
                precision, recall, _ = precision_recall_f1(score >= max(least, 1e-9), gold)
                figures.append(f"{precision:7.3f} {recall:5.3f}")
            order = np.argsort(-score, kind="stable")[: int(predicted.sum())]
            hits = np.cumsum(gold[order])
            precision_at = hits / np.arange(1, len(order) + 1)
            recall_at = hits / gold.sum()
            sure = np.flatnonzero(precision_at >= 0.97)
            much = np.flatnonzero(recall_at >= 0.90)
            ends = (
                f"{recall_at[sure[-1]]:9.3f}" if sure.size else "     none",
                f"{precision_at[much[0]]:9.3f}" if much.size else "     none",
            )
            print(f"{name:24}{source:10}{' | '.join(figures)} | {' '.join(ends)}")


def print_reliability(judged: pl.DataFrame) -> None:
    """Print the share of right answers in each tenth of the score, and by length."""
    rows = judged.with_columns(
        right=pl.col("lang") == pl.col("gold"),
        tenth=(pl.col("lang_score") * 10).floor().clip(0, 9).cast(pl.Int32),
        letters=pl.col("text").str.count_matches(r"\p{L}").clip(1).log(2).floor().cast(pl.Int32),
    )
    print("\nreliability, both test halves\nscore     posts  mean score   right")
    table = rows.group_by("tenth").agg(
        pl.len(), pl.col("lang_score").mean(), pl.col("right").mean()
    )
    for tenth, count, mean, share in table.sort("tenth").iter_rows():
        print(f".{tenth}-{(tenth + 1) / 10:.1f} {count:8} {mean:11.3f} {share:7.3f}")
    gap = ((table["lang_score"] - table["right"]).abs() * table["len"]).sum() / len(rows)
    print(f"expected calibration error {gap:.3f}\nletters       posts  mean score   right")
    table = rows.group_by("letters").agg(
        pl.len(), pl.col("lang_score").mean(), pl.col("right").mean()
    )
    for power, count, mean, share in table.sort("letters").iter_rows():
        print(f"{f'{2**power} to {2 ** (power + 1) - 1}':12}{count:7} {mean:11.3f} {share:7.3f}")


def print_doubt(posts: pl.DataFrame, judge: LanguagePredictor) -> None:
    """Print what the filter predicts for posts of no language, and of two."""
    judged = judge(posts)
    single = pl.col("gold").is_in(SIX)
    und = pl.col("lang") == "und"
    mixed = pl.col("lang_mixed").is_not_null()
    both = pl.col("gold").str.contains(r"^\w+\+\w+$")
    pair = pl.concat_list("lang", "lang_mixed").list.sort().list.join("+") == pl.col("gold")
    print(f"\n{'of TweetLID test':52} posts    und     mixed  both named")
    for name, which in (
        ("in one of six languages", single),
        ("that nobody could name (und)", pl.col("gold") == "und"),
        ("in two languages", both),
        ("in one of two near ones", pl.col("gold").str.contains("/")),
    ):
        rows = judged.filter(which)
        shares = rows.select(
            und=und.mean(), mixed=mixed.mean(), pair=(mixed & pair).mean().fill_null(0)
        ).row(0)
        print(f"{name:52}{len(rows):6} {shares[0]:6.3f} {shares[1]:9.3f} {shares[2]:10.3f}")


def print_elsewhere(posts: pl.DataFrame, judges: dict[str, LanguagePredictor]) -> None:
    """Print the share of right answers in sets that no setting was chosen on."""
    print("\nnamed right (test halves)     posts  " + "  ".join(judges))
    answers = {name: judge(posts) for name, judge in judges.items()}
    for (name, code), rows in posts.group_by(["set", "gold"], maintain_order=True):
        shares = [
            (found.filter(pl.col("set") == name, pl.col("gold") == code)["lang"] == code).mean()
            for found in answers.values()
        ]
        figures = "  ".join(
            f"{share:{len(name)}.3f}" for share, name in zip(shares, judges, strict=True)
        )
        learnt = "" if name in ("olid", "told-br", "stackexchange") else " (other half learnt)"
        print(f"{name:12} {code:4} {len(rows):17}  {figures}{learnt}")


#: The platforms of the kinds of posts in the sheet ``dev.tsv``.
PLATFORMS = {
    **{"hn": "hackernews", "reddit_post": "reddit", "reddit_comment": "reddit", "multi": "x"},
    **{"stackexchange": "stackexchange", "x": "x", "youtube": "youtube"},
}


def print_sheets(data: Path) -> None:
    """Print what ``keep: [en]`` drops and keeps of the labelled sheets, weighted to their pools."""
    sheet = load_sheet(data / "judgement/dev.tsv").with_columns(
        pl.col("weight").cast(pl.Float64),
        kind="platform",
        platform=pl.col("platform").replace_strict(PLATFORMS),
    )
    judge = language.build(language.Config(keep=("en",)))
    judged = judge(sheet.drop("lang")).with_columns(lost=pl.col("reject").is_not_null())
    english = judged.filter(pl.col("gold") == "en")
    others = judged.filter(~pl.col("gold").str.contains("en|und"))
    weighted = (pl.col("lost") * pl.col("weight")).sum() / pl.col("weight").sum()
    counted = (pl.len(), pl.col("lost").sum(), weighted.alias("share"))
    rows = [
        *english.group_by("kind").agg(counted).sort("kind").iter_rows(),
        ("all", *english.select(counted).row(0)),
        ("other languages", *others.select(counted).row(0)),
    ]
    print(f"\n{'keep: [en] on the labelled sheet, English by kind':52} posts  dropped  weighted")
    for kind, count, lost, share in rows:
        print(f"{kind:52}{count:6} {lost:8}  {share:8.2%}")
    sheet = load_sheet(data / "judgement/languages_dev.tsv").filter(pl.col("sure") == "1")
    judged = language.build(language.Config())(sheet.drop("lang"))
    right = judged.select((pl.col("lang") == pl.col("gold")).mean()).item()
    print(f"{'of posts in 58 languages, named right':52}{judged.height:6} {right:18.3f}")


def print_threads(data: Path, judge: LanguagePredictor) -> None:
    """Print how many comments of a real month are English, alone and with their threads."""
    config = reddit.Config(path=str(data / "reddit/RC_2005-12.zst"))
    batches = reddit.read(config.path, config, 100_000, None)
    posts = pl.concat([batch.posts for batch in batches]).select("text", "root_id")
    posts = posts.filter(pl.col("text").str.contains(r"\p{L}")).with_columns(
        author=pl.lit(None, pl.String)
    )
    short = pl.col("text").str.count_matches(r"\w+") <= 5
    print("\nReddit comments of 2005-12 called English    all   of five words or fewer")
    for name, found in (
        ("alone", judge(posts)),
        ("in its thread", with_language_context(judge)(posts)),
    ):
        english = found.with_columns(right=pl.col("lang") == "en")
        few = english.filter(short)
        print(f"{name:40}{english['right'].mean():8.3f} {few['right'].mean():12.3f}  ({len(few)})")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    posts = load_tweetlid(data).filter(pl.col("split") == "test")
    six = posts.filter(pl.col("gold").is_in(SIX))
    users = load_twituser(data).filter(pl.col("split") == "test")
    raw, ours = predict_with_lid176(), language.build(language.Config())
    cleaned = language.build(language.Config(correct=False, und_below=0))
    few = language.build(language.Config(languages=SIX))
    print(f"TweetLID test: {len(six)} posts in one of six languages; TwitUser test: {len(users)}\n")
    print_overall(
        {
            "lid.176 raw": raw,
            "lid.176, post cleaned": cleaned,
            "eldc, post cleaned": predict_with_eldc(),
            "language": ours,
            "language, of the six": few,
            "language_context": with_language_context(ours),
        },
        six,
        users,
    )
    print_english(
        {"lid.176 raw": raw, "language": ours, "language_context": with_language_context(ours)},
        {"TweetLID": six, "TwitUser": users, "both": pl.concat([six, users])},
    )
    print_reliability(ours(pl.concat([six, users])))
    print_doubt(posts, ours)
    print_elsewhere(
        load_open_posts(data).filter(pl.col("split") == "test"),
        {"lid.176 raw": raw, "lid.176 cleaned": cleaned, "language": ours},
    )
    print_sheets(data)
    print_threads(data, ours)


if __name__ == "__main__":
    main()
