"""Measure what toxicity scores drop of benign posts: by group named, dialect and language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from bench.quality.toxicity_pairs import FALSE_FRIENDS, IDENTITIES, NEUTRAL, PAIRS
from bench.quality.toxicity_peers import ToxicityScorer

#: Words of African-American English, now used by many young people, that are no swear words.
DIALECT = (
    r"\b(finna|tryna|gon|ima|imma|ion|ain'?t|y'?all|bruh|deadass|lowkey|wit|dat|dem|homie|shawty|"
    r"no cap|fr)\b"
)
#: Words that are slurs, and often harmless among friends.
RECLAIMED = r"\b(nigg?as?|niccas?|bitch(es)?|hoes?|queer|dykes?|fags?)\b"
# The share of fewer posts would be chance.
_FEWEST = 60


def print_fairness(judges: Mapping[str, ToxicityScorer], max_score: float) -> None:
    """Print the scores of benign sentences by the group they name and by their wording."""
    print(f"\nneutral sentences about groups: mean score, above .5, above {max_score}")
    for who, judge in judges.items():
        for language, groups in IDENTITIES.items():
            texts = [line.format(group) for group in groups for line in NEUTRAL[language]]
            scores = judge(pl.Series(texts))
            means = scores.reshape(len(groups), -1).mean(axis=1).tolist()
            most = sorted(zip(means, groups, strict=True), reverse=True)[:3]
            shown = ", ".join(f"{group} {mean:.2f}" for mean, group in most)
            print(
                f"{who:19} {language} {len(texts)} {scores.mean():5.2f} {(scores > 0.5).sum():4} "
                f"{(scores > max_score).sum():4}   most: {shown}"
            )
    print(
        f"\nthe same said twice, marked / plain   pairs  mean score   above .5  above {max_score}"
    )
    for who, judge in judges.items():
        for kind, pairs in PAIRS.items():
            marked, plain = (judge(pl.Series([pair[side] for pair in pairs])) for side in (0, 1))
            print(
                f"{who:19} {kind:42} {len(pairs):2}  {marked.mean():.2f} / {plain.mean():.2f}  "
                f"{(marked > 0.5).sum():2} / {(plain > 0.5).sum()}  "
                f"{(marked > max_score).sum():2} / {(plain > max_score).sum()}"
            )
    print(f"\nfalse friends: mean score, above .5, above {max_score}")
    for who, judge in judges.items():
        for language, sentences in FALSE_FRIENDS.items():
            scores = judge(pl.Series(sentences))
            print(
                f"{who:19} {language:27} {len(sentences):2} {scores.mean():5.2f} "
                f"{(scores > 0.5).sum():3} {(scores > max_score).sum():3}"
            )


def print_benign(
    test: pl.DataFrame, judges: Mapping[str, ToxicityScorer], max_score: float
) -> None:
    """Print the share of inoffensive posts that would be dropped, by set and by wording."""
    benign = test.filter(~pl.col("offensive"))
    english = benign.filter(pl.col("set").is_in(["olid", "davidson"]))
    text = pl.col("text").str.to_lowercase()
    reclaimed = text.str.contains(RECLAIMED)
    marked = text.str.contains(DIALECT) & ~reclaimed
    groups = {
        f"{name}, all": benign.filter(pl.col("set") == name)["text"]
        for name in benign["set"].unique(maintain_order=True)
    } | {
        "olid, davidson: dialect-marked": english.filter(marked)["text"],
        "olid, davidson: reclaimed words": english.filter(reclaimed)["text"],
        "olid, davidson: neither": english.filter(~marked & ~reclaimed)["text"],
    }
    print(
        f"\ninoffensive test posts that are dropped   posts   above {max_score} / above .5: ",
        end="",
    )
    print("   ".join(judges))
    for name, texts in groups.items():
        scored = [judge(texts) for judge in judges.values()]
        shares = [f"{(s > max_score).mean():6.1%} / {(s > 0.5).mean():6.1%}" for s in scored]
        print(f"{name:38} {len(texts):8}   {'   '.join(shares)}")


def print_languages(judges: Mapping[str, ToxicityScorer], data: Path, max_score: float) -> None:
    """Print the share of ordinary, unlabelled posts that would be dropped, by language."""
    lines = (data / "langid/twituser_first_7000.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    posts = pl.DataFrame(
        {"lang": [row["lang"] for row in rows], "text": [row["text"] for row in rows]}
    )
    of = posts.group_by("lang").len().filter(pl.col("len") >= _FEWEST).sort("lang")
    print(
        f"\nordinary tweets by language, {posts.height}, not labelled: above {max_score}, above .5"
    )
    for who, judge in judges.items():
        scored = posts.with_columns(pl.Series("score", judge(posts["text"])))
        shares = scored.group_by("lang").agg(
            (pl.col("score") > max_score).mean().alias("sure"),
            (pl.col("score") > 0.5).mean().alias("half"),
        )
        shares = shares.join(of, on="lang").sort(["sure", "half", "lang"], descending=True)
        shown = ", ".join(
            f"{lang} {sure:.1%} {half:.1%}" for lang, sure, half, _ in shares.head(8).iter_rows()
        )
        every = scored["score"]
        print(
            f"{who:19} all {(every > max_score).mean():.2%} {(every > 0.5).mean():.2%}; of "
            f"{of.height} languages with {_FEWEST} tweets or more the most: {shown}"
        )
