"""Measure what the filters drop and keep of posts that were read, weighted back to their pools.

    python -m bench.quality.judgement [--data ../shared/data] [--sheet dev.tsv]
                                      [--datatrove PYTHON] [--profanity PYTHON]

For ``toxicity``, ``quality`` and ``language`` with their default settings, for all platforms and
by platform, with intervals of 90 %; beside them, in the same run, datatrove's filters,
alt-profanity-check and lid.176. ``--datatrove`` and ``--profanity`` are interpreters that have
them; what is not there is left out with a message. Every error is named by its id in the sheet.
At the end, what ``quality`` drops of every post of the pools.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.peers import environment
from bench.peers.datatrove_filters import PUBLISHED_PRESETS, run_datatrove
from bench.quality import toxicity_peers
from bench.quality.language import predict_with_lid176
from bench.quality.sheet import (
    PLATFORMS,
    Share,
    draw_counts,
    estimate_share,
    load_pools,
    read_sheet,
)
from bench.quality.toxicity_peers import ToxicityScorer
from filters import language, quality, toxicity

#: Returns which posts are dropped, a boolean a row.
Judge = Callable[[pl.DataFrame], pl.Series]
#: A figure: its name, which posts are counted, and among which; of a sheet and what is dropped.
Masks = Callable[[pl.DataFrame, pl.Series], tuple[pl.Series, pl.Series]]

TOXICITY_FIGURES: dict[str, Masks] = {
    "of what is dropped, abusive": lambda sheet, gone: (sheet["abuse"] == 2, gone),
    "of what is dropped, vulgar only": lambda sheet, gone: (sheet["abuse"] == 1, gone),
    "of what is dropped, clean": lambda sheet, gone: (sheet["abuse"] == 0, gone),
    "abusive posts found": lambda sheet, gone: (gone, sheet["abuse"] == 2),
}
QUALITY_FIGURES: dict[str, Masks] = {
    "good posts dropped": lambda sheet, gone: (gone, sheet["junk"] == 0),
    "spam and templates found": lambda sheet, gone: (gone, sheet["junk"].is_in([1, 2])),
    "posts with nothing to read found": lambda sheet, gone: (gone, sheet["junk"] == 3),
}
LANGUAGE_FIGURES: dict[str, Masks] = {
    "English dropped": lambda sheet, gone: (gone, sheet["lang"] == "en"),
    "other languages kept": lambda sheet, gone: (
        ~gone,
        (sheet["lang"] != "und") & ~sheet["lang"].str.contains("en"),
    ),
}
#: Which posts are errors: those that a stage drops and should not, and those it should drop.
ERRORS: dict[str, tuple[pl.Expr, pl.Expr]] = {
    "toxicity": (pl.col("abuse") < 2, pl.col("abuse") == 2),
    "quality": (pl.col("junk") == 0, pl.col("junk").is_in([1, 2])),
    "language": (pl.col("lang") == "en", pl.lit(False)),
}


def add_platform(sheet: pl.DataFrame) -> pl.DataFrame:
    """Return the posts as a plan's filters get them: ``id``, ``platform``, ``text``."""
    source = "platform" if "platform" in sheet.columns else "source"
    return sheet.with_row_index("row").select(
        pl.col("row").cast(pl.String).alias("id"),
        pl.col(source).replace_strict(PLATFORMS, default=None).alias("platform"),
        "text",
    )


def judge_with(module: object, **settings: object) -> Judge:
    """Return the judge of a filter: which posts get a reason."""
    config = module.Config(**settings)  # type: ignore[attr-defined]
    run = module.build(config)  # type: ignore[attr-defined]
    return lambda sheet: run(add_platform(sheet))["reject"].is_not_null()


def judge_by_score(score: ToxicityScorer) -> Judge:
    """Return the judge that drops what a peer scores above the default threshold."""
    max_score = toxicity.Config().max_score
    return lambda sheet: pl.Series(score(sheet["text"]) > max_score)


def judge_with_datatrove(python: Path) -> dict[str, Judge]:
    """Return the judges of datatrove's filters of quality."""

    def judge_by(preset: str) -> Judge:
        def judge(sheet: pl.DataFrame) -> pl.Series:
            decisions = run_datatrove(python, sheet["text"].to_list())[preset]
            return pl.Series(decisions["reasons"], dtype=pl.String).is_not_null()

        return judge

    return {f"datatrove {preset}": judge_by(preset) for preset in PUBLISHED_PRESETS}


def print_figures(
    stage: str,
    sheet: pl.DataFrame,
    judges: Mapping[str, Judge],
    figures: Mapping[str, Masks],
    counts: NDArray[np.float64],
) -> None:
    """Print each figure of each judge, for all posts and by platform; then the first's errors."""
    print(f"\n## {stage}")
    for number, (who, judge) in enumerate(judges.items()):
        gone = judge(sheet)
        dropped = np.average(gone.to_numpy(), weights=sheet["weight"].to_numpy())
        print(f"\n{who}: {dropped:.2%} dropped")
        for name, masks in figures.items():
            part, whole = masks(sheet, gone)
            print(f"  {name:34}{_show(estimate_share(sheet, part, whole, counts))}")
            for (platform,), _ in sheet.group_by("platform", maintain_order=True):
                here = whole & (sheet["platform"] == platform)
                if here.any():
                    share = estimate_share(sheet, part, here, counts)
                    print(f"    {platform!s:32}{_show(share)}  of {here.sum()}")
        if number == 0:
            for line in list_errors(stage, sheet, gone):
                print(f"  {line}")


def _show(share: Share) -> str:
    return f"{share.value:8.2%}  ({share.low:.2%} to {share.high:.2%})"


def list_errors(stage: str, sheet: pl.DataFrame, gone: pl.Series) -> list[str]:
    """Return a line of the ids of what is wrongly dropped, and one of what is wrongly kept."""
    wrongly_dropped, wrongly_kept = ERRORS[stage]
    judged = sheet.with_columns(gone.alias("gone"))
    dropped = judged.filter("gone", wrongly_dropped)["id"]
    kept = judged.filter(~pl.col("gone"), wrongly_kept)["id"]
    return [
        f"wrongly dropped ({len(dropped)}): {' '.join(dropped)}",
        f"wrongly kept ({len(kept)}): {' '.join(kept)}",
    ]


def print_pools(data: Path) -> None:
    """Print what ``quality`` drops of every post of the pools, by reason and platform."""
    pools = load_pools(data)
    reasons = quality.build(quality.Config())(add_platform(pools))["reject"]
    judged = pools.with_columns(reasons.alias("reason"))
    sizes = dict(judged.group_by("source").len().iter_rows())
    print("\n## what quality drops of whole pools\n")
    print(f"{'':18}" + "".join(f"{source:>16}" for source in sizes))
    print(f"{'posts':18}" + "".join(f"{size:16,}" for size in sizes.values()))
    tally = dict(
        ((reason, source), count)
        for reason, source, count in judged.group_by("reason", "source").len().iter_rows()
    )
    for reason in sorted({reason for reason, _ in tally if reason}):
        row = (tally.get((reason, source), 0) for source in sizes)
        print(f"{reason:18}" + "".join(f"{count:16,}" for count in row))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sheet", type=Path, help="another sheet than judgement/dev.tsv")
    parser.add_argument(
        "--datatrove",
        type=Path,
        default=environment.installed_interpreter(),
        help="an interpreter with datatrove; by default that of the peers, if it is installed",
    )
    parser.add_argument(
        "--profanity",
        type=Path,
        default=environment.profanity_interpreter(),
        help="an interpreter with alt-profanity-check; by default .bench/profanity's, if it exists",
    )
    options = parser.parse_args()
    path = options.sheet or options.data / "judgement/dev.tsv"
    if not path.exists():
        print(f"no sheet at '{path}', so nothing is measured")
        return
    sheet = read_sheet(path)
    counts = draw_counts(sheet)
    print(f"{len(sheet):,} posts for {sheet['weight'].sum():,.0f}; intervals of 90 %")

    judges: dict[str, Judge] = {"toxicity": judge_with(toxicity)}
    for name, score in toxicity_peers.load_peers(options.profanity, None).items():
        judges[name] = judge_by_score(score)
    print_figures("toxicity", sheet, judges, TOXICITY_FIGURES, counts)

    judges = {"quality": judge_with(quality)}
    if options.datatrove:
        judges |= judge_with_datatrove(options.datatrove)
    else:
        print("no --datatrove, so datatrove's filters are not measured")
    print_figures("quality", sheet, judges, QUALITY_FIGURES, counts)

    judges = {"language, keep: [en]": judge_with(language, keep=["en"])}
    predict = predict_with_lid176()
    judges["lid.176"] = lambda posts: predict(posts)["lang"] != "en"
    print_figures("language", sheet, judges, LANGUAGE_FIGURES, counts)
    print_pools(options.data)


if __name__ == "__main__":
    main()
