"""Measure the toxicity filter on labelled posts of many languages, each set by itself.

    python -m bench.quality.toxicity_languages [--data ../shared/data]

The sets are those of ``toxicity_multi``, GermEval and ToLD-Br. Each is measured on posts that no
model has learnt from: the test split by a hash of the words, as in :mod:`toxicity_gold`. Every post
has the set's language, as the stage ``language`` would give it. The AUROC has an interval of 95 %
(Hanley and McNeil 1982); "first" is that of the model of English, German and Portuguese. Only the
``open`` sets taught the models. Last comes the share of ordinary posts that is dropped.
"""

from __future__ import annotations

import argparse
import io
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.quality.toxicity_gold import decode_entities, load_gold, split_of
from bench.quality.toxicity_sheet import weighted_auroc
from filters import toxicity
from filters.text.cleaning import fold_text

Values = NDArray[np.float64]


class LabelledSet(NamedTuple):
    """A set of posts: what its licence permits, and what its label means.

    ``abuse``: an insult of somebody, a threat or hate. ``union``: that or swearing.
    """

    licence: Literal["open", "unstated", "research"]
    meaning: Literal["abuse", "union"]


#: The sets of ``toxicity_multi`` outside English by name; a name begins with the language.
SETS = {
    "ar-mlma": LabelledSet("open", "union"),
    "da-dkhate": LabelledSet("open", "union"),
    "de-gahd": LabelledSet("open", "abuse"),
    "el-ogtd": LabelledSet("open", "union"),
    "es-offendes": LabelledSet("open", "abuse"),
    "fr-mlma": LabelledSet("open", "union"),
    "ko-beep": LabelledSet("open", "abuse"),
    "ko-curse2runo": LabelledSet("open", "union"),
    "ko-kmhas": LabelledSet("open", "union"),
    "pl-poleval2019": LabelledSet("open", "abuse"),
    "ro-offense": LabelledSet("open", "union"),
    "tr-offenseval": LabelledSet("open", "union"),
    "ur-ruhsold": LabelledSet("open", "union"),
    "zh-cold": LabelledSet("open", "abuse"),
    "zh-swsr": LabelledSet("open", "abuse"),
    "am-uhh": LabelledSet("unstated", "union"),
    "ar-lhsab": LabelledSet("unstated", "union"),
    "ar-mahed25": LabelledSet("unstated", "union"),
    "ar-osact4": LabelledSet("unstated", "union"),
    "ar-thsab": LabelledSet("unstated", "union"),
    "bn-abusive": LabelledSet("unstated", "union"),
    "de-germeval21": LabelledSet("unstated", "union"),
    "fa-parsoff": LabelledSet("unstated", "union"),
    "he-olah": LabelledSet("unstated", "union"),
    "hi-constraint21": LabelledSet("unstated", "union"),
    "hi-macd": LabelledSet("unstated", "union"),
    "jv-local": LabelledSet("unstated", "union"),
    "kn-dravidian": LabelledSet("unstated", "union"),
    "kn-macd": LabelledSet("unstated", "union"),
    "ml-dravidian": LabelledSet("unstated", "union"),
    "ml-macd": LabelledSet("unstated", "union"),
    "ru-russedetox": LabelledSet("unstated", "union"),
    "sq-albhate": LabelledSet("unstated", "union"),
    "su-local": LabelledSet("unstated", "union"),
    "ta-dravidian": LabelledSet("unstated", "union"),
    "ta-macd": LabelledSet("unstated", "union"),
    "te-macd": LabelledSet("unstated", "union"),
    "tr-hate2": LabelledSet("unstated", "abuse"),
    "ur-nuhons": LabelledSet("unstated", "union"),
    "es-detoxis": LabelledSet("research", "union"),
    "fr-cyberado": LabelledSet("research", "union"),
    "hi-hasoc19": LabelledSet("research", "union"),
    "hi-hasoc21": LabelledSet("research", "union"),
    "id-multilabel": LabelledSet("research", "union"),
    "ig-afrihate": LabelledSet("research", "union"),
    "mr-mahahate": LabelledSet("research", "union"),
    "my-hatespeech": LabelledSet("research", "union"),
    "pt-hatebr": LabelledSet("research", "union"),
    "sw-afrihate": LabelledSet("research", "union"),
    "th-toxicity": LabelledSet("research", "union"),
    "vi-victsd": LabelledSet("research", "union"),
    "vi-vihsd": LabelledSet("research", "union"),
    "yo-afrihate": LabelledSet("research", "union"),
}
#: Sets whose language is not the beginning of their name.
LANGUAGES = {"ur-ruhsold": "ur-Latn", "germeval": "de", "toldbr": "pt"}


def get_set_language(name: str) -> str:
    """Return the code of a set's language."""
    return LANGUAGES.get(name, name.partition("-")[0])


def load_sets(data: Path, names: Iterable[str]) -> pl.DataFrame:
    """Return the posts of sets: ``set``, ``lang``, ``text``, ``abuse``, ``union``, ``split``.

    ``abuse`` and ``union`` are null where the set does not separate them: what is only said to be
    offensive may be vulgar, and what is no abuse may be.
    """
    parts = [_load_set(data, name) for name in names]
    gold = load_gold(data).filter(pl.col("set").is_in(("germeval", "toldbr")))
    attacks = (pl.col("insult") | pl.col("identity_hate")).fill_null(False)
    parts.append(gold.select("set", "text", abuse=attacks, union="offensive"))
    posts = pl.concat(parts).with_columns(
        text=pl.col("text").map_batches(decode_entities, pl.String)
    )
    posts = posts.with_columns(folded=fold_text("text"))
    return posts.filter(pl.col("folded") != "").select(
        "set",
        pl.col("set").map_elements(get_set_language, pl.String).alias("lang"),
        "text",
        "abuse",
        "union",
        pl.col("folded").map_elements(split_of, pl.String).alias("split"),
    )


def _load_set(data: Path, name: str) -> pl.DataFrame:
    import zstandard

    packed = (data / "toxicity_multi" / f"{name}.tsv.zst").read_bytes()
    unpacked = zstandard.ZstdDecompressor().stream_reader(packed).read()
    table = pl.read_csv(io.BytesIO(unpacked), separator="\t", quote_char=None, infer_schema=False)
    label = table["label"] == "1"
    text = table["text"].fill_null("").str.replace_all("\\n", " ", literal=True)
    none = pl.lit(None, pl.Boolean)
    if SETS[name].meaning == "abuse":
        abuse, union = label, pl.when(label).then(label).otherwise(none)
    else:
        abuse, union = pl.when(~label).then(label).otherwise(none), label
    return pl.DataFrame({"set": [name] * len(text), "text": text}).with_columns(
        abuse=abuse, union=union
    )


#: The files of ``unlabelled`` whose language is not the beginning of their name.
_UNLABELLED_LANGUAGES = {"ur-roman": "ur-Latn", "ar-arabizi": "ar-Latn"}


def load_ordinary(data: Path) -> pl.DataFrame:
    """Return the posts without labels: ``source`` (the file's name), ``lang``, ``text``."""
    import zstandard

    parts = []
    for path in sorted((data / "unlabelled").glob("*.txt.zst")):
        name = path.name.removesuffix(".txt.zst")
        lang = _UNLABELLED_LANGUAGES.get(name, name.partition("-")[0])
        unpacked = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
        lines = [line for line in unpacked.decode().split("\n") if line.strip()]
        parts.append(
            pl.DataFrame({"text": lines}).select("text", source=pl.lit(name), lang=pl.lit(lang))
        )
    return pl.concat(parts)


class Ranking(NamedTuple):
    """An area under the ROC curve with its interval of 95 %."""

    auroc: float
    low: float
    high: float


def rank(scores: Values, positive: NDArray[np.bool_]) -> Ranking:
    """Return the AUROC of scores; the interval is Hanley and McNeil's."""
    area = weighted_auroc(scores, np.ones(len(scores)), positive)
    ours, theirs = int(positive.sum()), int((~positive).sum())
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (ours - 1) * (one - area**2) + (theirs - 1) * (two - area**2)
    margin = 1.96 * math.sqrt(max(spread, 0) / max(ours * theirs, 1))
    return Ranking(area, max(area - margin, 0), min(area + margin, 1))


def describe_set(posts: pl.DataFrame, max_score: float) -> str:
    """Return the figures of posts with ``label`` and the scores, one of them of the first model."""
    positive = posts["label"].to_numpy()
    first = rank(posts["first"].to_numpy().astype(float), positive).auroc
    head = f"{len(posts):6,} {positive.mean():5.3f} {first:6.3f}"
    if posts["toxicity"].null_count() == len(posts):
        return f"{head}  not judged"
    scores = posts.select(pl.col("toxicity", "profanity").fill_null(0)).to_numpy().astype(float)
    ours, higher = rank(scores[:, 0], positive), rank(scores.max(axis=1), positive)
    above = scores[:, 0] > max_score
    return (
        f"{head} {ours.auroc:6.3f} ({ours.low:.3f} to {ours.high:.3f}) {higher.auroc:6.3f}"
        f"  {above.mean():6.4f} {positive[above].mean() if above.any() else math.nan:5.3f}"
        f" {above[positive].mean():5.3f}"
    )


def main() -> None:
    """Print the table of sets, then the shares of ordinary posts that are dropped."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    config = toxicity.Config()
    judge = toxicity.build(config)
    columns = ["toxicity", "profanity"]
    posts = load_sets(options.data, SETS).filter(pl.col("split") == "test")
    posts = posts.with_columns(
        *judge(posts.select("text", "lang")).select(columns),
        first=judge(posts.select("text"))["toxicity"],
        label=pl.coalesce("union", "abuse"),
    )
    print(
        "set            licence   means   posts  rate  first  toxicity                higher"
        "   above .8: share, labelled, found"
    )
    for (name,), part in posts.group_by("set", maintain_order=True):
        about = SETS.get(str(name), LabelledSet("open", "union"))
        line = describe_set(part, config.max_score)
        print(f"{name!s:14} {about.licence:9} {about.meaning:5} {line}")
    print("\nordinary posts    posts  dropped")
    ordinary = load_ordinary(options.data)
    ordinary = ordinary.with_columns(judge(ordinary)["toxicity"])
    for (lang,), part in ordinary.group_by("lang", maintain_order=True):
        if part["toxicity"].null_count() < len(part):
            share = (part["toxicity"] > config.max_score).mean()
            print(f"{lang!s:15} {len(part):7,}  {share:.4f}")


if __name__ == "__main__":
    main()
