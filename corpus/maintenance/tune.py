"""Estimate what other thresholds would do to a finished corpus, without scoring a post again.

For the stage with the changed threshold, the result is exactly that of a new build. What later
stages would do with a post that was dropped before is unknown, as it has no scores of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from corpus.errors import PlanError, did_you_mean
from corpus.maintenance.dropped_texts import DroppedTexts
from corpus.maintenance.replay import (
    PASSED,
    BuiltCorpus,
    BuiltStage,
    Settings,
    replay_verdicts,
    required_columns,
)
from corpus.plurals import inflect, pluralize
from corpus.schema import LEDGER_KEY
from filters import contract
from filters.contract import FilterConfig

#: The quantiles of a column's values that :func:`survey` tries as thresholds.
_QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
_OUTCOMES = ("leaves", "returns", "untold")
# Which posts each kind of outcome is of, and what would happen to them.
_OUTCOME_WORDS = {
    "leaves": ("kept post", "would be dropped"),
    "returns": ("dropped post", "would be kept here"),
    "earlier": ("post", "that a later stage dropped would be dropped here"),
    "untold": ("post", "would need a new build to decide"),
}
_MAX_TEXT_CHARACTERS = 160


def parse_proposals(words: Sequence[str]) -> dict[str, Settings]:
    """Parse ``stage.setting=value``, the value as YAML; return the settings of each stage.

    PlanError for another form.
    """
    proposals: dict[str, Settings] = {}
    for word in words:
        name, equals, value = word.partition("=")
        stage, dot, setting = name.strip().partition(".")
        if not (equals and dot and stage and setting):
            raise PlanError(f"'{word}': write 'stage.setting=value', as toxicity.max_score=0.7")
        try:
            proposals.setdefault(stage, {})[setting] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise PlanError(f"'{word}': the value is not valid YAML") from None
    return proposals


def _validate_settings(corpus: BuiltCorpus, stage: BuiltStage, settings: Settings) -> FilterConfig:
    known = contract.movable(stage.module, stage.config)
    for name in settings:
        if name not in type(stage.config).model_fields:
            raise PlanError(f"{stage.name} has no setting '{name}'{did_you_mean(name, known)}")
        if name not in known:
            why = contract.unmovable(stage.module).get(name, "it changes the scores themselves")
            raise PlanError(
                f"{stage.name}.{name} cannot be moved: {why}; change the plan and build again; "
                f"what can be moved without: {', '.join(known)}"
            )
    moved = corpus.with_settings(stage, settings)
    try:
        contract.check_moved(stage.module, stage.config, moved)
    except ValueError as error:
        raise PlanError(f"{stage.name}.{error}") from None
    return moved


def tune(
    out: str | Path,
    proposals: Mapping[str, Settings],
    examples: int = 3,
    texts: DroppedTexts | None = None,
) -> dict[str, Any]:
    """Return what proposed settings would do to the corpus at ``out``, as plain data.

    For each stage in the order of the plan: ``settings``, the old and new values; ``before`` and
    ``after``, the posts it drops by reason; ``leaves``, kept posts that it would drop, by reason;
    ``earlier``, posts dropped by a later stage that it would drop, by that stage; ``returns``,
    posts it dropped that it would keep, by reason; ``untold``, posts whose stored scores do not
    decide, by the stage that dropped them; and up to ``examples`` examples of ``leaves`` and
    ``returns``. A kept post has its text as in the shard; a dropped one has its redacted text if
    ``texts`` finds it, else none. Raises :class:`~corpus.errors.PlanError` for settings that do not
    exist or need a new build.
    """
    corpus = BuiltCorpus(out)
    proposed = sorted(
        ((corpus.find_stage(name), settings) for name, settings in proposals.items()),
        key=lambda pair: pair[0].position,
    )
    changed = [(stage, _validate_settings(corpus, stage, settings)) for stage, settings in proposed]
    columns = required_columns(corpus, [stage for stage, _ in changed])
    posts = corpus.scan_posts(columns).with_columns(_gone=pl.lit(False), _back=pl.lit(False))
    summaries = []
    for stage, config in changed:
        name = f"_new_{stage.name}"
        reaches_stage = (pl.col("_at") >= stage.position) | pl.col("_back")
        posts = replay_verdicts(corpus, posts, stage, config, name)
        if corpus.is_rescored(stage) and corpus.reshaping_stage:
            posts = posts.with_columns(
                pl.when(pl.col("_at") < corpus.reshaping_stage.position)
                .then(pl.col(name))
                .alias(name)
            )
        posts = posts.with_columns(_comes=reaches_stage & ~pl.col("_gone"))
        summaries.append(_summarize_stage(corpus, posts, stage, config, name, examples, texts))
        # The next stage gets the posts that this one keeps now, also those it dropped before.
        passes = (pl.col(name) == PASSED).fill_null(False)
        posts = posts.with_columns(
            _gone=pl.col("_gone") | (pl.col("_comes") & ~passes),
            _back=pl.col("_back") | (pl.col("_comes") & passes & (pl.col("_at") == stage.position)),
        )
    return {"corpus": str(out), "taken_down": corpus.taken_down_posts, "stages": summaries}


def _summarize_stage(
    corpus: BuiltCorpus,
    posts: pl.LazyFrame,
    stage: BuiltStage,
    config: FilterConfig,
    column: str,
    examples: int,
    texts: DroppedTexts | None,
) -> dict[str, Any]:
    """Count the posts that reach a stage by their old and new outcome."""
    reaching = posts.filter("_comes")
    size = pl.col("cluster_size") if "cluster_size" in posts.collect_schema() else pl.lit(1)
    counts = (
        reaching.group_by("_at", "_was", "_why", column)
        .agg(pl.sum("_posts").alias("n"), pl.col("_posts").filter(size > 1).sum().alias("many"))
        .sort("_at", "_was", "_why", column)
        .collect(engine="streaming")
    )
    summary: dict[str, Any] = {
        "stage": stage.name,
        "settings": {
            key: [value, getattr(config, key)]
            for key, value in stage.config
            if value != getattr(config, key)
        },
        "then": [each.name for each in corpus.stages if each.position > stage.position],
        "before": {},
        "after": {},
        "leaves": {},
        "earlier": {},
        "returns": {},
        "untold": {},
        "in_clusters": 0,
    }

    def add(into: str, key: str, count: int) -> None:
        summary[into][key] = summary[into].get(key, 0) + count

    for at, was, why, new, count, many in counts.iter_rows():
        if at == stage.position:
            add("before", why, count)
        if new is None:
            add("untold", was or "kept", count)
        elif new != PASSED:
            add("after", new, count)
            if was is None:
                add("leaves", new, count)
                summary["in_clusters"] += many
            elif at > stage.position:
                add("earlier", was, count)
        elif at == stage.position:
            add("returns", why, count)
    for key, rows in (
        ("leaves", reaching.filter(pl.col("_was").is_null(), pl.col(column) != PASSED)),
        ("returns", reaching.filter(pl.col("_at") == stage.position, pl.col(column) == PASSED)),
    ):
        picked = _pick_examples(rows, stage, column, examples)
        if texts and key == "returns":
            found = texts.add_texts(picked.drop("text")).select(*picked.columns)
            picked = found.filter(pl.col("text").is_not_null())
        summary[f"{key}_examples"] = [
            {name: value for name, value in row.items() if value is not None}
            for row in picked.iter_rows(named=True)
        ]
    return summary


def _pick_examples(rows: pl.LazyFrame, stage: BuiltStage, column: str, count: int) -> pl.DataFrame:
    """Pick a few rows, the same in every run: those whose ids, read backwards, are the lowest."""
    reason = pl.coalesce("_why", column).alias("reason")
    order = pl.col("id").str.reverse()
    types = contract.writes(stage.module, stage.config)
    scores = [name for name in stage.score_columns if not types[name].is_nested()]
    columns = rows.select(*LEDGER_KEY, reason, *scores, "text", order.alias("_order"))
    return columns.bottom_k(count, by="_order").sort("_order").drop("_order").collect()


def survey(out: str | Path) -> list[dict[str, Any]]:
    """Return what other values of each threshold would do.

    An entry has ``stage``, ``setting``, the ``value`` of the build, and ``rows``: a ``value`` with
    the number of kept posts it would drop (``leaves``), of dropped posts it would keep
    (``returns``), and of posts whose stored scores do not decide (``untold``). The values are
    quantiles of the scores.
    """
    corpus = BuiltCorpus(out)
    surveyed = []
    for stage in corpus.stages:
        written = contract.writes(stage.module, stage.config)
        nested = [name for name, dtype in written.items() if dtype.is_nested()]
        for setting, column in contract.movable(stage.module, stage.config).items():
            value = getattr(stage.config, setting)
            if column in nested or isinstance(value, bool):
                continue
            if isinstance(value, (int, float)):
                rows = _survey_setting(corpus, stage, setting, column)
                surveyed.append(
                    {"stage": stage.name, "setting": setting, "value": value, "rows": rows}
                )
    return surveyed


def _survey_setting(
    corpus: BuiltCorpus, stage: BuiltStage, setting: str, column: str
) -> list[dict[str, Any]]:
    posts = corpus.scan_posts(required_columns(corpus, [stage])).filter(
        pl.col("_at") >= stage.position
    )
    if corpus.is_rescored(stage) and corpus.reshaping_stage:
        posts = posts.filter(pl.col("_at") < corpus.reshaping_stage.position)
    built = getattr(stage.config, setting)
    column, _, field = column.partition(".")
    values = posts.select(pl.col(column).drop_nulls().alias("value"))
    if field:
        values = values.explode("value").select(pl.col("value").struct.field(field).alias("value"))
    quantiles = values.select(
        pl.col("value").cast(pl.Float64).quantile(share).alias(str(share)) for share in _QUANTILES
    ).collect(engine="streaming")
    configs = {built: stage.config}
    for quantile in quantiles.row(0):
        value: Any = quantile
        if quantile is not None:
            value = round(quantile) if isinstance(built, int) else float(f"{quantile:.3g}")
        try:
            configs.setdefault(value, _validate_settings(corpus, stage, {setting: value}))
        except PlanError:  # not a valid value of the setting, or one that needs a build
            continue
    totals = []
    for number, config in enumerate(configs.values()):
        new = pl.col(f"_new_{number}")
        posts = replay_verdicts(corpus, posts, stage, config, f"_new_{number}")
        kept, dropped_here = pl.col("_was").is_null(), pl.col("_at") == stage.position
        totals += [
            pl.col("_posts").filter(mask).sum().alias(f"{what}_{number}")
            for what, mask in (
                ("leaves", kept & (new != PASSED)),
                ("returns", dropped_here & (new == PASSED)),
                ("untold", new.is_null()),
            )
        ]
    sums = posts.select(totals).collect(engine="streaming").row(0, named=True)
    return [
        {"value": value, **{what: sums[f"{what}_{number}"] for what in _OUTCOMES}}
        for value, number in sorted((value, number) for number, value in enumerate(configs))
    ]


def format_tuning(result: Mapping[str, Any]) -> str:
    """Format the result of :func:`tune` for the terminal; texts are not made printable."""
    pieces = ["\n".join(_format_stage(row)) for row in result["stages"]]
    if result["taken_down"]:
        removed = pluralize(result["taken_down"], "post")
        pieces.append(f"not counted: {removed} that a takedown removed")
    return "\n\n".join(pieces)


def describe_outcome(outcome: str, count: int) -> str:
    """Return what would happen to so many posts, without their number."""
    noun, what = _OUTCOME_WORDS[outcome]
    return f"{inflect(count, noun)} {what}"


def _format_stage(summary: Mapping[str, Any]) -> Iterator[str]:
    settings = summary["settings"].items()
    moves = ", ".join(
        f"{name} {_format_value(old)} → {_format_value(new)}" for name, (old, new) in settings
    )
    yield f"{summary['stage']}: {moves or 'nothing changes'}"
    following = ", ".join(summary["then"]) or "the shards, as no stage follows"
    for outcome in ("leaves", "earlier", "returns", "untold"):
        counts = summary[outcome]
        number = sum(counts.values())
        if not number and outcome in ("earlier", "untold"):
            continue
        more = f"; next: {following}" if number and outcome == "returns" else ""
        yield f"{number:>11,} {describe_outcome(outcome, number)}{_format_counts(counts)}{more}"
    if summary["in_clusters"]:
        note = ": a copy that passes may replace one" if "dedup" in summary["then"] else ""
        yield f"  {summary['in_clusters']:>9,} of those that would be dropped have copies{note}"
    before, after = (sum(summary[key].values()) for key in ("before", "after"))
    about = "at least " if summary["untold"] else ""
    yield (
        f"  dropped by {summary['stage']}: {before:,} before, {about}{after:,} after"
        f"{_format_counts(summary['after'])}"
    )
    for key, title in (("leaves", "would be dropped"), ("returns", "would be kept")):
        for example in summary[f"{key}_examples"]:
            yield f"  {title}: {example['id']} ({example['reason']})"
            scores = {k: v for k, v in example.items() if k not in ("id", "reason", "text")}
            yield "    " + ", ".join(
                f"{name} {_format_value(value)}" for name, value in scores.items()
            )
            if "text" in example:
                line = " ".join(example["text"].split())
                cut = len(line) > _MAX_TEXT_CHARACTERS
                yield f"    {line[:_MAX_TEXT_CHARACTERS]}{'…' if cut else ''}"


def format_survey(surveyed: Sequence[Mapping[str, Any]]) -> str:
    """Format the result of :func:`survey` for the terminal."""
    if not surveyed:
        return "no stage of this corpus decides by a threshold over stored scores"
    tables = []
    for each in surveyed:
        lines = [
            f"{each['stage']}.{each['setting']}",
            f"{'value':>12}{'would drop':>12}{'would keep':>12}",
        ]
        undecided = any(row["untold"] for row in each["rows"])
        lines[1] += f"{'undecided':>12}" if undecided else ""
        for row in each["rows"]:
            counts = [row["leaves"], row["returns"], *([row["untold"]] if undecided else [])]
            note = "  as built" if row["value"] == each["value"] else ""
            lines.append(
                f"{_format_value(row['value']):>12}" + "".join(f"{n:>12,}" for n in counts) + note
            )
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _format_counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{name} {count:,}" for name, count in ordered)
    return f" ({listed})" if listed else ""


def _format_value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(str(each) for each in value) + "]"
    return str(value)
