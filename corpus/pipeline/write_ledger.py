"""Write what lies beside the shards: the ledger, the second copies, and the report's samples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus import conversations, stages
from corpus.dedup import barrier as dedup
from corpus.output import samples
from corpus.output import shards as writing
from corpus.pipeline import ingest, replacements
from corpus.pipeline import read_file as reading
from corpus.pipeline.context import Part, Story, chain

#: Files that one task of the samples looks at; what it finds is a file again.
_AT_ONCE = 8


def write(
    story: Story, parts: Sequence[Part], files: Sequence[ingest.DumpFile],
    shards: Sequence[dict[str, Any]], key_id: str,
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:  # fmt: skip
    """Write the ledger and the reserve, and choose a few posts for the report.

    These do not wait for one another: of each a step goes with a step of the others. Returns the
    reserve's card, and the posts, redacted.
    """
    ledger, keeps = _ledger(story, files), _keeps_copies(story)
    copies = _copies(story, key_id) if keeps else []
    sample = _sample(story, parts, files, shards, key_id)
    folder = story.space.out / replacements.FOLDER
    if keeps:
        folder.mkdir(exist_ok=True)

    def do(*tasks: Any) -> None:
        for _ in story.run(tasks, "writing the ledger"):
            pass

    do(*sample.kept, *sample.chosen.looked, *ledger)
    sample.chosen()
    do(*copies, *sample.dropped)
    pieces = replacements.cut(copies, folder, story.plan.key_path)
    do(sample, *pieces)

    wanted = {task.target for task in ledger}
    story.space.remove_others(story.space.dropped, wanted)
    card = None
    if keeps:
        story.space.remove_others(folder, {task.target for task in pieces})
        card = replacements.listed(folder)
    else:
        story.space.remove(folder.name)
    shown: list[dict[str, Any]] = json.loads(sample.target.read_text(encoding="utf-8"))
    return card, shown


# --------------------------------------------------------------------------- the ledger


def _ledger(story: Story, files: Sequence[ingest.DumpFile]) -> list[writing.WriteLedger]:
    """The tasks that write a row for each record refused and each post dropped."""
    scores = {
        name: dtype
        for name, dtype in story.plan.scores().items()
        if name not in conversations.WRITES  # of documents; a ledger row is a post
    }
    found = {"read": ingest.refusals(files)}
    for stage in story.plan.stages:
        found[stage.name] = [
            (part.dropped, part.dropping.get(stage.name, 0)) for part in story.ledgers
        ]
    return [
        task
        for stage, rows in found.items()
        for task in writing.cut_ledger(stage, rows, story.space.dropped, scores, story.plan.naming)
    ]


# --------------------------------------------------------------------------- the reserve


def _keeps_copies(story: Story) -> bool:
    *_, last = story.plan.segments()
    return isinstance(config := last[0].config, dedup.Config) and config.reserve


def _copies(story: Story, key_id: str) -> list[replacements.JudgeReserve]:
    """The tasks that judge the second copies of what has copies, as what stays was."""
    *_, last = story.plan.segments()
    measured = story.measured["dedup"]
    marks = [*(stage.fingerprint for stage in last), key_id, story.plan.output.ids]
    done = story.space.step("reserve", [posts.name for posts, _ in measured], marks)
    done = done / measured[0][1].parent.name if measured else done
    return [
        replacements.JudgeReserve(
            posts, arrays, arrays.with_suffix(".verdict.parquet"),
            dedup.runners_up(arrays.parent, index), done / f"{index:06d}.parquet",
            chain(last)[1:], tuple(story.plan.scores()), story.plan.naming,
        )
        for index, (posts, arrays) in enumerate(measured)
    ]  # fmt: skip


# --------------------------------------------------------------------------- the samples


def _sample(
    story: Story, parts: Sequence[Part], files: Sequence[ingest.DumpFile],
    shards: Sequence[dict[str, Any]], key_id: str,
) -> samples.Sample:  # fmt: skip
    """The task that redacts a few posts for the report, with those it comes after."""
    output = story.plan.output
    config = next((s.config for s in story.plan.stages if s.name == "pii"), None)
    redaction = reading.settings_json(config or stages.find("pii").Config())
    largest = story.facts.get("dedup", {}).get("largest", ())
    clusters = [row["cluster"] for row in largest if not row["earlier"]]
    marks = [*(stage.fingerprint for stage in story.plan.stages), redaction, key_id]
    cut = story.plan.cut()  # some shards are looked at together
    count = output.report_samples
    room = story.space.step("samples", [part.identity for part in parts], marks, cut, count)
    few = count * samples.KEPT_FOR_ONE
    paths = [story.space.out / shard["path"] for shard in shards] if count else []
    kept = tuple(
        samples.LookAtShards(
            room / f"kept-{number:05d}.parquet", some, few,
            tuple(clusters[: samples.MOST_CLUSTERS]),
        )
        for number, some in enumerate(_several(paths))
    )  # fmt: skip
    ledgers = [part.dropped for part in story.ledgers] if count else []
    looked = tuple(
        samples.LookAtLedgers(room / f"reasons-{number:05d}.parquet", some, count)
        for number, some in enumerate(_several(ledgers))
    )
    chosen = samples.ChooseDropped(room / "chosen.parquet", looked, count)
    posts = ingest.posts(files) if count else []
    asked = [part.dropped for part in story.ledgers if count and part.dropping.get("consent")]
    jobs: list[tuple[tuple[Path, ...], ...]] = [(some, ()) for some in _several(posts)]
    jobs += [((), some) for some in _several(asked)]
    dropped = tuple(
        samples.FindDropped(room / f"dropped-{number:05d}.parquet", chosen.target, *job)
        for number, job in enumerate(jobs)
    )
    return samples.Sample(
        room / "samples.drawn", count, kept, chosen, dropped, redaction, story.plan.naming
    )


def _several(paths: Sequence[Path]) -> list[tuple[Path, ...]]:
    return [tuple(paths[at : at + _AT_ONCE]) for at in range(0, len(paths), _AT_ONCE)]
