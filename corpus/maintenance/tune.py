"""Say what another threshold would have done to a finished corpus, without scoring a post again.

What is told of a stage is exactly what a new build would do there. What the stages behind it would
make of a post that comes back, its scores do not say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from corpus.errors import PlanError, did_you_mean
from corpus.maintenance.replay import (
    PASSED,
    ROW_KEY,
    BuiltCorpus,
    BuiltStage,
    Settings,
    replay_verdicts,
    required_columns,
)
from filters import contract
from filters.contract import FilterConfig

#: Where in the column's values the table of :func:`survey` looks.
_QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
_OUTCOMES = ("leaves", "returns", "untold")
_MAX_TEXT_CHARACTERS = 160  # characters of a text


def parse_proposals(words: Sequence[str]) -> dict[str, Settings]:
    """``stage.setting=value`` by stage; a value is as YAML has it. PlanError for another form."""
    found: dict[str, Settings] = {}
    for word in words:
        left, equals, value = word.partition("=")
        stage, dot, setting = left.strip().partition(".")
        if not (equals and dot and stage and setting):
            raise PlanError(f"'{word}': write 'stage.setting=value', as toxicity.max_score=0.7")
        try:
            found.setdefault(stage, {})[setting] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise PlanError(f"'{word}': the value is not as YAML has it") from None
    return found


def _validate_settings(corpus: BuiltCorpus, stage: BuiltStage, settings: Settings) -> FilterConfig:
    known = contract.movable(stage.module, stage.config)
    for name in settings:
        if name not in type(stage.config).model_fields:
            raise PlanError(f"{stage.name} has no setting '{name}'{did_you_mean(name, known)}")
        if name not in known:
            raise PlanError(
                f"{stage.name}.{name} changes the scores themselves: change the plan and build "
                f"again; what can be moved without: {', '.join(known)}"
            )
    return corpus.with_settings(stage, settings)


def tune(out: str | Path, proposals: Mapping[str, Settings], examples: int = 3) -> dict[str, Any]:
    """What the settings ``asked`` for would do to the corpus at ``out``, as plain data.

    For each stage in plan order: the ``settings`` from and to; ``dropped`` there by reason,
    ``before`` and ``after``; ``leaves``: kept posts that would leave, by reason; ``earlier``: posts
    that a later stage dropped and that would leave here, by that stage; ``returns``: posts it
    dropped that would go on, by reason; ``untold``: posts whose scores do not tell, by where they
    ended; and up to ``examples`` of those that leave and return. A kept post has its text as it is
    in the shard; a dropped one has none. Raises :class:`~corpus.errors.PlanError` for settings that
    are not there or cannot be moved.
    """
    corpus = BuiltCorpus(out)
    chosen = sorted(
        ((corpus.find_stage(name), own) for name, own in proposals.items()),
        key=lambda p: p[0].position,
    )
    moved = [(stage, _validate_settings(corpus, stage, settings)) for stage, settings in chosen]
    columns = required_columns(corpus, [stage for stage, _ in moved])
    posts = corpus.scan_posts(columns).with_columns(_gone=pl.lit(False), _back=pl.lit(False))
    found = []
    for stage, config in moved:
        name = f"_new_{stage.name}"
        comes = (pl.col("_at") >= stage.position) | pl.col("_back")
        posts = replay_verdicts(posts, stage, config, name)
        if corpus.is_rescored(stage) and corpus.reshaping_stage:
            posts = posts.with_columns(
                pl.when(pl.col("_at") < corpus.reshaping_stage.position)
                .then(pl.col(name))
                .alias(name)
            )
        posts = posts.with_columns(_comes=comes & ~pl.col("_gone"))
        found.append(_summarize_stage(corpus, posts, stage, config, name, examples))
        # What leaves here, or may, does not come to the next stage; what returns does.
        passes = (pl.col(name) == PASSED).fill_null(False)
        posts = posts.with_columns(
            _gone=pl.col("_gone") | (pl.col("_comes") & ~passes),
            _back=pl.col("_back") | (pl.col("_comes") & passes & (pl.col("_at") == stage.position)),
        )
    return {"corpus": str(out), "taken_down": corpus.taken_down_posts, "stages": found}


def _summarize_stage(
    corpus: BuiltCorpus, posts: pl.LazyFrame, stage: BuiltStage, config: FilterConfig, column: str,
    examples: int,
) -> dict[str, Any]:  # fmt: skip
    came = posts.filter("_comes")
    size = pl.col("cluster_size") if "cluster_size" in posts.collect_schema() else pl.lit(1)
    counts = (
        came.group_by("_at", "_was", "_why", column)
        .agg(pl.sum("_posts").alias("n"), pl.col("_posts").filter(size > 1).sum().alias("many"))
        .sort("_at", "_was", "_why", column)
        .collect(engine="streaming")
    )
    told: dict[str, Any] = {
        "stage": stage.name,
        "settings": {
            key: [value, getattr(config, key)]
            for key, value in stage.config
            if value != getattr(config, key)
        },
        "then": [each.name for each in corpus.stages if each.position > stage.position],
        "before": {}, "after": {}, "leaves": {}, "earlier": {}, "returns": {}, "untold": {},
        "in_clusters": 0,
    }  # fmt: skip

    def add(into: str, key: str, count: int) -> None:
        told[into][key] = told[into].get(key, 0) + count

    for at, was, why, new, count, many in counts.iter_rows():
        if at == stage.position:
            add("before", why, count)
        if new is None:
            add("untold", was or "kept", count)
        elif new != PASSED:
            add("after", new, count)
            if was is None:
                add("leaves", new, count)
                told["in_clusters"] += many
            elif at > stage.position:
                add("earlier", was, count)
        elif at == stage.position:
            add("returns", why, count)
    for key, rows in (
        ("leaves", came.filter(pl.col("_was").is_null(), pl.col(column) != PASSED)),
        ("returns", came.filter(pl.col("_at") == stage.position, pl.col(column) == PASSED)),
    ):
        told[f"{key}_examples"] = _pick_examples(rows, stage, column, examples)
    return told


def _pick_examples(
    rows: pl.LazyFrame, stage: BuiltStage, column: str, count: int
) -> list[dict[str, Any]]:
    """A few of ``rows``, the same each time: the ends of ids are as good as chance."""
    reason = pl.coalesce("_why", column).alias("reason")
    order = pl.col("id").str.reverse()
    found = rows.select(*ROW_KEY, reason, *stage.score_columns, "text", order.alias("_order"))
    picked = found.bottom_k(count, by="_order").sort("_order").drop("_order").collect()
    return [
        {key: value for key, value in row.items() if value is not None}
        for row in picked.iter_rows(named=True)
    ]


# --------------------------------------------------------------------------- looking around


def survey(out: str | Path) -> list[dict[str, Any]]:
    """What other values of each threshold would do: ``stage``, ``setting``, its ``value`` now, and
    ``rows`` of ``value``, kept posts that would leave (``leaves``), dropped ones that would go on
    (``returns``) and ``untold`` ones. The values are taken from the scores' quantiles."""
    corpus = BuiltCorpus(out)
    found = []
    for stage in corpus.stages:
        for setting, column in contract.movable(stage.module, stage.config).items():
            now = getattr(stage.config, setting)
            if isinstance(now, (int, float)) and not isinstance(now, bool):
                rows = _survey_setting(corpus, stage, setting, column)
                found.append({"stage": stage.name, "setting": setting, "value": now, "rows": rows})
    return found


def _survey_setting(
    corpus: BuiltCorpus, stage: BuiltStage, setting: str, column: str
) -> list[dict[str, Any]]:
    posts = corpus.scan_posts(required_columns(corpus, [stage])).filter(
        pl.col("_at") >= stage.position
    )
    if corpus.is_rescored(stage) and corpus.reshaping_stage:
        posts = posts.filter(pl.col("_at") < corpus.reshaping_stage.position)
    now = getattr(stage.config, setting)
    cuts = posts.select(
        pl.col(column).cast(pl.Float64).quantile(share).alias(str(share)) for share in _QUANTILES
    ).collect(engine="streaming")
    tried = {now: stage.config}
    for cut in cuts.row(0):
        value = None if cut is None else round(cut) if isinstance(now, int) else float(f"{cut:.3g}")
        try:
            tried.setdefault(value, corpus.with_settings(stage, {setting: value}))
        except PlanError:  # a value that no plan may have
            continue
    totals = []
    for number, config in enumerate(tried.values()):
        new = pl.col(f"_new_{number}")
        posts = replay_verdicts(posts, stage, config, f"_new_{number}")
        kept, here = pl.col("_was").is_null(), pl.col("_at") == stage.position
        totals += [
            pl.col("_posts").filter(mask).sum().alias(f"{what}_{number}")
            for what, mask in (
                ("leaves", kept & (new != PASSED)),
                ("returns", here & (new == PASSED)),
                ("untold", new.is_null()),
            )
        ]
    sums = posts.select(totals).collect(engine="streaming").row(0, named=True)
    return [
        {"value": value, **{what: sums[f"{what}_{number}"] for what in _OUTCOMES}}
        for value, number in sorted((value, number) for number, value in enumerate(tried))
    ]


# --------------------------------------------------------------------------- in words


def format_tuning(result: Mapping[str, Any]) -> str:
    """What :func:`tune` found, for people to read; texts are whatever they are."""
    pieces = ["\n".join(_format_stage(row)) for row in result["stages"]]
    if result["taken_down"]:
        pieces.append(f"{result['taken_down']:,} posts were taken down and are not counted")
    return "\n\n".join(pieces)


def _format_stage(summary: Mapping[str, Any]) -> Iterator[str]:
    settings = summary["settings"].items()
    moves = ", ".join(
        f"{name} {_format_value(old)} → {_format_value(new)}" for name, (old, new) in settings
    )
    yield f"{summary['stage']}: {moves or 'nothing changes'}"
    then = ", ".join(summary["then"]) or "the shards: no stage is behind"
    lines = [
        ("kept posts would leave", summary["leaves"], ""),
        ("posts would leave here rather than later", summary["earlier"], ""),
        ("dropped posts would go on", summary["returns"], f"; on to {then}"),
        ("posts cannot be told without a build", summary["untold"], ""),
    ]
    for what, counts, more in lines:
        number = sum(counts.values())
        yield f"  {number:>9,} {what}{_format_counts(counts)}{more if number else ''}"
    if summary["in_clusters"]:
        yield (
            f"  {summary['in_clusters']:>9,} of those that would leave stand for copies too: where a "
            "copy passes, it may take the place"
            if "dedup" in summary["then"]
            else f"  {summary['in_clusters']:>9,} of those that would leave stand for copies too"
        )
    before, after = (sum(summary[key].values()) for key in ("before", "after"))
    about = "at least " if summary["untold"] else ""
    yield (
        f"  dropped by {summary['stage']}: {before:,} before, {about}{after:,} after"
        f"{_format_counts(summary['after'])}"
    )
    for key, title in (("leaves", "would leave"), ("returns", "would go on")):
        for example in summary[f"{key}_examples"]:
            yield f"  {title}: {example['id']} ({example['reason']})"
            scores = {k: v for k, v in example.items() if k not in ("id", "reason", "text")}
            yield "    " + ", ".join(
                f"{name} {_format_value(value)}" for name, value in scores.items()
            )
            if "text" in example:
                line = " ".join(example["text"].split())
                yield f"    {line[:_MAX_TEXT_CHARACTERS]}{'…' if len(line) > _MAX_TEXT_CHARACTERS else ''}"


def format_survey(found: Sequence[Mapping[str, Any]]) -> str:
    """What :func:`survey` found, for people to read."""
    if not found:
        return "no stage of this corpus decides by a threshold over stored scores"
    tables = []
    for each in found:
        lines = [f"{each['stage']}.{each['setting']}", f"{'value':>12}{'leave':>12}{'go on':>12}"]
        unknown = any(row["untold"] for row in each["rows"])
        lines[1] += f"{'untold':>12}" if unknown else ""
        for row in each["rows"]:
            counts = [row["leaves"], row["returns"], *([row["untold"]] if unknown else [])]
            now = "  as built" if row["value"] == each["value"] else ""
            lines.append(
                f"{_format_value(row['value']):>12}" + "".join(f"{n:>12,}" for n in counts) + now
            )
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _format_counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    told = ", ".join(f"{name} {count:,}" for name, count in ordered)
    return f" ({told})" if told else ""


def _format_value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(str(each) for each in value) + "]"
    return str(value)
