"""Build the manifest from the receipts of a build, and refuse counts that do not balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from corpus import dedup, stages
from corpus.dedup.minhash import choose_bands
from corpus.errors import BuildError
from corpus.manifest import MANIFEST_FORMAT_VERSION, find_imbalances
from corpus.pipeline import settling
from corpus.pipeline.context import BuildContext
from corpus.pipeline.ingest import InputFiles, list_post_files
from corpus.pipeline.join_batches import DumpFile, FileCounts
from corpus.pipeline.read_files import count_files
from corpus.plan.model import Plan
from corpus.privacy import suppression
from corpus.privacy.file_names import find_container
from corpus.report import list_tool_versions
from corpus.report.language_names import name_language
from corpus.schema import POST
from filters import contract

#: The share of a source's records, or of its values of a column, from which on a build warns.
_WARNING_SHARE = 0.01
#: How many languages a warning names.
_MAX_LISTED = 8
#: The share of a source's posts from which on a build warns that a stage drops them.
_WARNING_DROPPED = 0.1
#: The columns that every reader fills, if the dump has what they hold.
_EXPECTED_COLUMNS = ("author", "created_at")
#: Posts of a source of which the ids and texts are compared.
_MAX_COMPARED_POSTS = 1_000_000


def summarize_sources(
    files: Sequence[InputFiles], removed_repeats: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The manifest's entry for each input file, from the counts of the parts.

    ``removed_repeats`` are, by ``source_file``, the posts in the parts that were removed since, as
    they repeat suppressed ones.
    """
    names = {file.name for each in files for file in each.read_task.files}
    repeats = Counter[str]()
    for source_file, count in removed_repeats.items():
        name = find_container(source_file, names)
        assert name is not None  # the posts were read from these files
        repeats[name] += count
    return [
        _summarize_file(file, each.read_task.reader, counts, repeats[file.name])
        for each in files
        for file, counts in zip(
            each.read_task.files, count_files(each.folder, len(each.read_task.files)), strict=True
        )
    ]


def _summarize_file(
    file: DumpFile, reader: str, counts: FileCounts, repeats: int
) -> dict[str, Any]:
    suppressed, refused = counts.suppressed + repeats, sum(counts.refused.values())
    return {
        "path": file.name,
        "bytes": file.size_bytes,
        "sha256": counts.sha256,
        "reader": reader,
        "read": counts.posts + refused + counts.suppressed,
        "refused": refused,
        "refused_by_reason": dict(sorted(counts.refused.items())),
        **({"suppressed": suppressed} if suppressed else {}),
        "tombstones": counts.tombstones,
        "skipped": dict(sorted(counts.skipped.items())),
        **({"unreadable": dict(sorted(counts.unreadable.items()))} if counts.unreadable else {}),
    }


def check_any_read(sources: Sequence[dict[str, Any]], misfits: Sequence[str]) -> None:
    """BuildError if no source has a record that could be read.

    ``misfits`` say which sources look like those of other readers.
    """
    if any(entry["read"] > entry["refused"] for entry in sources):
        return
    refused = _sum_refusals(sources)
    if not refused:
        raise BuildError("the sources hold no posts; nothing was built")
    most = max(refused, key=lambda reason: refused[reason])
    raise BuildError(
        f"nothing could be read: {sum(refused.values())} records refused, most often '{most}'; "
        + ("; ".join(misfits) or "does the reader fit the files? 'corpus readers' lists them")
    )


@dataclass(frozen=True)
class SourceCounts:
    """What was read of all files of one source of the plan."""

    name: str  # "source 2 (table)"
    max_refused: float
    read: int
    refused: dict[str, int]  # by reason
    unreadable: dict[str, int]  # by column

    @property
    def posts(self) -> int:
        """How many records were read as posts."""
        return self.read - sum(self.refused.values())

    def describe_refusals(self) -> str:
        """Say how many records were refused, and most often why."""
        refused = sum(self.refused.values())
        most = max(self.refused, key=lambda reason: self.refused[reason])
        return (
            f"{self.name}: {refused:,} of {self.read:,} records were refused "
            f"({refused / self.read:.1%}), most often '{most}'"
        )


def count_by_source(
    plan: Plan, files: Sequence[InputFiles], entries: Sequence[dict[str, Any]]
) -> list[SourceCounts]:
    """Add up the manifest's entries of the files of each source, in the plan's order."""
    sources = [each.source for each in files for _ in each.read_task.files]
    entries_by_source: dict[int | None, list[dict[str, Any]]] = {}
    for number, entry in zip(sources, entries, strict=True):
        entries_by_source.setdefault(number, []).append(entry)
    counted = []
    for index, source in enumerate(plan.sources):
        refused, unreadable = Counter[str](), Counter[str]()
        own = entries_by_source.get(index, [])
        for entry in own:
            refused.update(entry["refused_by_reason"])
            unreadable.update(entry.get("unreadable", {}))
        read = sum(entry["read"] for entry in own)
        name = f"source {index + 1} ({source.reader})"
        counted.append(SourceCounts(name, source.config.max_refused, read, refused, unreadable))
    return counted


def find_shared_ids(
    context: BuildContext, files: Sequence[InputFiles], counted: Sequence[SourceCounts]
) -> list[str]:
    """Warn of tables in which posts of the same id differ in text.

    Of a source of millions of posts, about a million are compared, chosen by the hash of the id.
    """
    warnings = []
    for number, (source, counts) in enumerate(zip(context.plan.sources, counted, strict=True)):
        # An API's ids are unique, and versions of a post are told apart by when they were seen.
        mapped = getattr(source.config, "fields", {})
        if "id" not in mapped or "seen_at" in mapped:
            continue
        nth = -(-counts.posts // _MAX_COMPARED_POSTS)  # one post of so many is compared
        own = [file for file in files if file.source == number]
        hashed = pl.concat(
            pl.scan_parquet(path, glob=False)
            .filter(pl.col("withdrawn").is_null(), pl.col("id").hash(1) % max(nth, 1) == 0)
            .select(pl.col("id").hash(1), pl.col("text").hash(2))
            .unique()
            .collect()
            for path in list_post_files(context, own)
        )
        if shared := hashed.unique().group_by("id").len().filter(pl.col("len") > 1).height:
            least = "at least " if nth > 1 else ""
            warnings.append(
                f"{counts.name}: posts of the same id differ in text, {least}{shared:,} ids; if "
                "ids are unique only within a channel, map both: id: [channel, id]"
            )
    return warnings


def find_empty_columns(
    context: BuildContext, files: Sequence[InputFiles], counted: Sequence[SourceCounts]
) -> list[str]:
    """Warn of columns that no post of a source has a value in.

    Of a table those that the plan maps are looked at; the parents of replies where threads are
    made into documents.
    """
    threads = any(stages.keeps_turns(stage.address, stage.config) for stage in context.plan.stages)
    warnings = []
    for number, (source, counts) in enumerate(zip(context.plan.sources, counted, strict=True)):
        mapped = getattr(source.config, "fields", dict.fromkeys(_EXPECTED_COLUMNS))
        empty = [name for name in mapped if name in POST and name not in ("id", "text")]
        empty += ["parent_id"] if threads and "parent_id" not in empty else []
        for path in list_post_files(context, [file for file in files if file.source == number]):
            empty = [name for name in empty if _is_empty(path, name)] if empty else []
        if counts.posts:
            warnings += [f"{counts.name}: no post has a value in '{name}'" for name in empty]
    return warnings


def _is_empty(path: Path, column: str) -> bool:
    """Whether a column of a Parquet file is null in every row, by the file's own statistics."""
    metadata = pq.read_metadata(path)
    at = metadata.schema.names.index(column)
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(at).statistics
        if statistics is None or statistics.null_count != metadata.row_group(group).num_rows:
            return False
    return True


def list_language_warnings(plan: Plan, funnel: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say which stages could not judge more than a hundredth of their posts, by language.

    ``funnel`` has the row of each stage of the plan.
    """
    warnings = []
    for stage in plan.stages:
        row = funnel[stage.name]
        unjudged = row.get("unjudged", {})
        if (total := sum(unjudged.values())) > _WARNING_SHARE * row["read"]:
            most = sorted(unjudged.items(), key=lambda item: (-item[1], item[0]))
            listed = [
                f"{name_language(code)} {count / row['read']:.1%}"
                for code, count in most[:_MAX_LISTED]
            ]
            more = len(most) - len(listed)
            known = contract.languages(stage.module, stage.config)
            warnings.append(
                f"{stage.name}: {total:,} of {row['read']:,} posts ({total / row['read']:.1%}) are "
                f"in languages that it does not know, and its model or rules of words did not "
                f"judge them: "
                f"{', '.join(listed)}{f' and {more:,} more' if more else ''}; it knows "
                f"{', '.join(map(name_language, known))}"
            )
    return warnings


def list_drop_warnings(
    counted: Sequence[SourceCounts], origins: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Say which stages drop more than a tenth of a source's posts."""
    warnings = []
    for number, source in enumerate(counted, start=1):
        own = [row for row in origins if row["source"] == number]
        posts = sum(row["kept"] + sum(row["dropped"].values()) for row in own)
        dropped = Counter[str]()
        for row in own:
            dropped.update(row["dropped"])
        warnings += [
            f"{source.name}: {stage} drops {count:,} of {posts:,} posts ({count / posts:.1%})"
            for stage, count in dropped.items()
            if count > _WARNING_DROPPED * posts
        ]
    return warnings


def check_refusals(counted: Sequence[SourceCounts]) -> None:
    """BuildError if more of a source's records were refused than its ``max_refused``."""
    too_many = [
        source
        for source in counted
        if sum(source.refused.values()) > source.max_refused * source.read
    ]
    if too_many:
        found = "; ".join(
            f"{source.describe_refusals()}, and max_refused is {source.max_refused:g}"
            for source in too_many
        )
        raise BuildError(
            f"{found}. Look at the files, or raise max_refused: what was read is kept in work/, "
            "and the next run goes on from there"
        )


def list_warnings(counted: Sequence[SourceCounts]) -> list[str]:
    """Say of which sources more than a hundredth of the records or values were not understood."""
    warnings = [
        source.describe_refusals()
        for source in counted
        if sum(source.refused.values()) > _WARNING_SHARE * source.read
    ]
    return warnings + [
        f"{source.name}: {column}: {count:,} of {source.posts:,} not understood, and null"
        for source in counted
        for column, count in sorted(source.unreadable.items())
        if count > _WARNING_SHARE * source.posts
    ]


def count_suppressed_posts(context: BuildContext, sources: Sequence[dict[str, Any]]) -> None:
    """Add the posts that the readers dropped by the suppression list to the funnel.

    They are counted at the stage that drops all other withdrawn posts, and have no ledger row.
    """
    if suppressed := sum(entry.get("suppressed", 0) for entry in sources):
        context.add_to_funnel(
            {
                "stage": stages.REQUIRED,
                "read": suppressed,
                "kept": 0,
                "dropped": {suppression.REASON: suppressed},
                "seconds": 0.0,
            }
        )


def _sum_refusals(sources: Sequence[dict[str, Any]]) -> dict[str, int]:
    refused = Counter[str]()
    for entry in sources:
        refused.update(entry["refused_by_reason"])
    return refused


def build_manifest(
    context: BuildContext,
    sources: Sequence[dict[str, Any]],
    shards: Sequence[dict[str, Any]],
    index: Mapping[str, Any] | None,
    replacements: Mapping[str, Any] | None,
    people: Mapping[str, Any],
    warnings: Sequence[str] = (),
    origins: Sequence[Mapping[str, Any]] = (),
    last_posts: int = 0,
    edits: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Build the manifest; BuildError if read = refused + dropped + kept fails anywhere.

    ``shards`` are the shards' receipts, ``index`` is the content of ``index.json``,
    ``replacements`` and ``people`` are the entries for ``reserve/`` and ``people/``, ``warnings``
    are for the report, ``origins`` is what became of the posts of each source and platform, and
    ``last_posts`` were written or edited just before the end of their source, and ``edits`` are the
    counts of :mod:`corpus.pipeline.compare_versions`.
    """
    plan, refused = context.plan, _sum_refusals(sources)
    rows = [context.funnel[stage.name] for stage in plan.stages]
    funnel = [
        {
            **row,
            "dropped": dict(sorted(row["dropped"].items())),
            **{
                key: dict(sorted(row[key].items()))
                for key in ("kept_as_turns", "unjudged")
                if row.get(key)
            },
            "seconds": round(row["seconds"], 3),
        }
        for row in rows
    ]
    kept = sum(shard["posts"] for shard in shards)
    characters = sum(shard["characters"] for shard in shards)
    manifest = {
        "format_version": MANIFEST_FORMAT_VERSION,
        "tool": list_tool_versions(),
        "models": {stage.name: stage.model_hashes for stage in plan.stages if stage.model_hashes},
        "plan_fingerprint": plan.fingerprint(),
        "author_key_id": context.key_id,
        "ids": plan.output.ids,
        **({"suppression": context.suppressed.describe()} if context.suppressed.entries else {}),
        **({"canaries": plan.output.canaries} if plan.output.canaries else {}),
        "sources": list(sources),
        **({"warnings": list(warnings)} if warnings else {}),
        "refused": dict(sorted(refused.items())),
        "funnel": funnel,
        "origins": [dict(row) for row in origins],
        "thresholds": list(_list_thresholds(plan)),
        "dedup": {**_describe_signatures(plan), **context.facts.get("dedup", {})},
        **({"influence": context.facts["influence"]} if "influence" in context.facts else {}),
        "last_hours": {"hours": settling.HOURS, "posts": last_posts},
        **({"edits": dict(edits)} if edits else {}),
        "index": {key: index[key] for key in ("rows", "bytes", "scheme")} if index else {},
        "reserve": dict(replacements) if replacements else {},
        "people": dict(people),
        "shards": [
            {
                **{key: shard[key] for key in ("path", "rows", "bytes", "sha256", "row_groups")},
                **({} if shard["path"].startswith("shards/") else {"split": "validation"}),
            }
            for shard in shards
        ],
        "totals": {
            "read": sum(entry["read"] for entry in sources),
            "refused": sum(refused.values()),
            "dropped": sum(sum(row["dropped"].values()) for row in funnel),
            "kept": kept,
            "documents": sum(shard["rows"] for shard in shards),
            "characters": characters,
            # The usual estimate for byte-pair encodings of English: four characters a token.
            "tokens_estimated": characters // 4,
        },
    }
    if wrong := find_imbalances(manifest):
        raise BuildError(f"the counts do not balance at {', '.join(wrong)}; please report this")
    return manifest


def _list_thresholds(plan: Plan) -> Iterator[dict[str, Any]]:
    """For each setting that bounds a column: stage, column, setting, side, reason, value."""
    for stage in plan.stages:
        for bound in contract.thresholds(stage.module, stage.config):
            yield {
                "stage": stage.name,
                **bound._asdict(),
                "value": stage.resolved_settings[bound.setting],
            }


def _describe_signatures(plan: Plan) -> dict[str, Any]:
    """What anyone needs to compute the same MinHash signatures."""
    config = plan.find_config(dedup.Config)
    if config is None or config.exact_only:
        return {}
    bands, rows = choose_bands(config)
    return {
        "scheme": "affine32",
        "seed": 1,
        "hash": "murmur3_32",
        "permutations": config.permutations,
        "bands": bands,
        "rows": rows,
    }
