"""Compare two corpora: settings, counts, and post by post if asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from corpus.errors import CorpusError
from corpus.journal import CorpusFiles, read_version, require_version
from corpus.manifest import load_manifest
from corpus.plan.built_plan import load_built_plan
from corpus.report.funnel import list_funnel_rows
from corpus.report.numbers import format_setting
from corpus.report.terminal import make_printable
from corpus.storage.remote_path import RemotePath

#: About how many posts of both corpora are compared at once; each needs about 100 bytes.
_POSTS_PER_BATCH = 2_000_000
KEPT = "kept"


class PostChange(NamedTuple):
    """A post that another stage dropped, or that only one of two corpora kept.

    ``before`` and ``after`` are ``kept``, the stage and the reason of its drop, or ``absent`` if
    the post is neither in the shards nor in the ledger.
    """

    id: str
    before: str
    after: str


def compare_corpora(before: Path | RemotePath, after: Path | RemotePath) -> dict[str, Any]:
    """Return what differs in ``settings``, ``models``, ``tools``, ``sources`` and ``totals``.

    Each is a list of ``{name, before, after}``; a value that one of them lacks is null. ``stages``
    has the counts of every stage, and the reasons whose counts differ. ``comparable`` is true, or
    says why posts cannot be compared.
    """
    old, new = load_manifest(before), load_manifest(after)
    return {
        "settings": _list_differences(_flatten(_load_plan(before)), _flatten(_load_plan(after))),
        "models": _list_differences(
            _flatten(old.get("models", {})), _flatten(new.get("models", {}))
        ),
        "tools": _list_differences(old.get("tool", {}), new.get("tool", {})),
        "sources": _list_differences(_source_hashes(old), _source_hashes(new)),
        "stages": _compare_stages(old, new),
        "totals": _list_differences(old["totals"], new["totals"]),
        "comparable": explain_incomparable(old, new) or True,
    }


def _load_plan(folder: Path | RemotePath) -> dict[str, Any]:
    """Return the plan with its stages by name, so that a stage which moved is the same stage."""
    plan = load_built_plan(folder)
    stages = plan.public_stages
    return {"order": [name for name, _ in stages], **dict(stages), "output": plan.output}


def _source_hashes(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {source["path"]: source["sha256"][:16] for source in manifest["sources"]}


def _flatten(value: Any, name: str = "") -> dict[str, Any]:
    """Return the values of nested mappings by dotted name."""
    if isinstance(value, Mapping) and value:
        found: dict[str, Any] = {}
        for key, own in value.items():
            found |= _flatten(own, f"{name}.{key}" if name else str(key))
        return found
    return {name: value}


def _list_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = dict.fromkeys([*old, *new])
    return [
        {"name": name, "before": old.get(name), "after": new.get(name)}
        for name in names
        if old.get(name) != new.get(name)
    ]


def _compare_stages(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each stage of either corpus, with the reasons whose counts differ."""
    before, after = ({row.stage: row for row in list_funnel_rows(each)} for each in (old, new))
    found = []
    for stage in dict.fromkeys([*before, *after]):
        pair = before.get(stage), after.get(stage)
        reasons = (dict(row.reasons) if row else {} for row in pair)
        found.append(
            {
                "stage": stage,
                "read": [row.read if row else None for row in pair],
                "kept": [row.kept if row else None for row in pair],
                "gone": [row.dropped if row else None for row in pair],
                "reasons": _list_differences(*reasons),
            }
        )
    return found


def explain_incomparable(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Say why the posts of two corpora cannot be matched by their ids; empty if they can."""
    one, two = (each.get("ids", "original") for each in (old, new))
    if one != two:
        return (
            f"one has '{one}' ids and the other '{two}' ones; build both with 'ids: original', or "
            "both keyed with the same key"
        )
    if one == "keyed" and old["author_key_id"] != new["author_key_id"]:
        return (
            "their ids are keyed under different keys; build both with the same key "
            "('output: {key: FILE}'), or with 'ids: original'"
        )
    return ""


def compare_posts(before: Path, after: Path) -> Iterator[PostChange]:
    """Yield each post whose outcome differs, in an order that is the same in every run.

    Memory is bounded: posts are compared in batches by a hash of their ids. Refused records have
    no id and are not compared. Raises :class:`~corpus.errors.CorpusError` if the two corpora name
    their posts differently, if a shard is missing, or if one of them is changed meanwhile.
    """
    versions = {folder: read_version(folder) for folder in (before, after)}
    old, new = load_manifest(before), load_manifest(after)
    if reason := explain_incomparable(old, new):
        raise CorpusError(f"posts cannot be compared: {reason}")
    total = old["totals"]["read"] + new["totals"]["read"]
    batches = max(1, -(-total // _POSTS_PER_BATCH))
    one, two = _post_outcomes(before, old), _post_outcomes(after, new)
    for batch in range(batches):
        changes = list(_compare_batch(one, two, batches, batch))
        for folder, version in versions.items():
            require_version(folder, version)
        yield from changes


def _compare_batch(
    one: pl.LazyFrame, two: pl.LazyFrame, batches: int, batch: int
) -> Iterator[PostChange]:
    in_batch = pl.col("id").hash(7) % batches == batch
    old, new = (_merge_outcomes(frame.filter(in_batch)) for frame in (one, two))
    both = (
        old.join(new, on="id", how="full", suffix="_after", coalesce=True)
        .with_columns(pl.col("at", "at_after").fill_null("absent"))
        .filter(pl.col("at") != pl.col("at_after"))
        .sort("id")
        .collect(engine="streaming")
    )
    for row in both.iter_rows():
        yield PostChange(*row)


def _post_outcomes(folder: Path, manifest: Mapping[str, Any]) -> pl.LazyFrame:
    """Return the outcome of each post: ``id``, and ``at``: ``kept``, or the stage and reason."""
    files = CorpusFiles(folder)
    shards = [files.path(shard["path"]) for shard in manifest["shards"]]
    for path in shards:
        if not path.is_file():
            raise CorpusError(f"'{path}' is missing; copy the corpus again, or rebuild it")
    frames = []
    for path in shards:
        frame = pl.scan_parquet(path, glob=False)
        if "post_ids" in frame.collect_schema():
            frame = frame.select(pl.col("post_ids").explode(empty_as_null=False).alias("id"))
        frames.append(frame.select("id", pl.lit(KEPT).alias("at")))
    outcome = pl.concat_str("stage", pl.lit(": "), "reason").alias("at")
    for path in files.ledger():
        frames.append(pl.scan_parquet(path, glob=False).select("id", outcome).drop_nulls("id"))
    return pl.concat(frames) if frames else pl.LazyFrame(schema={"id": pl.String, "at": pl.String})


def _merge_outcomes(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row an id: ``kept`` if any of its rows is kept, else all of its outcomes."""
    outcomes = pl.col("at").unique().sort()
    is_kept = (pl.col("at") == KEPT).any()
    merged = pl.when(is_kept).then(pl.lit(KEPT)).otherwise(outcomes.str.join("; "))
    return frame.group_by("id").agg(merged.alias("at"))


# --------------------------------------------------------------------------- in words


def format_differences(differences: Mapping[str, Any]) -> str:
    """Return the differences as lines for the terminal."""
    lines: list[str] = []
    for name in ("settings", "models", "tools", "sources"):
        if differences[name]:
            lines.append("versions" if name == "tools" else name)
            lines += [
                f"  {row['name']}: {format_setting(row['before'])} → {format_setting(row['after'])}"
                for row in differences[name]
            ]
    lines.append("posts")
    for row in differences["stages"]:
        kept, dropped = _format_change(*row["kept"]), _format_change(*row["gone"])
        lines.append(f"  {row['stage']}: kept {kept}, dropped {dropped}")
        lines += [
            f"    {reason['name']}: {_format_change(reason['before'], reason['after'])}"
            for reason in row["reasons"]
        ]
    lines.append("totals")
    lines += [
        f"  {row['name']}: {_format_change(row['before'], row['after'])}"
        for row in differences["totals"]
    ]
    if not differences["totals"]:
        lines.append("  the same counts")
    return "\n".join(make_printable(line) for line in lines)


def _format_change(old: int | None, new: int | None) -> str:
    if old is None or new is None:
        return f"{_format_count(old)} → {_format_count(new)}"
    return f"{old:,}" if old == new else f"{old:,} → {new:,} ({new - old:+,})"


def _format_count(value: int | None) -> str:
    return "none" if value is None else f"{value:,}"
