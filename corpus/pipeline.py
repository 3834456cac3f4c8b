"""The story of a build: read, judge, dedup, redact, write; each step resumes where it stopped."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from corpus import account, barrier, dedup, readers, report, runners, withdrawals
from corpus import judge as judging
from corpus import read as reading
from corpus import write as writing
from corpus.errors import BuildError
from corpus.judge import JudgePart
from corpus.manifest import NAME, load_receipt, replacing, save_receipt, write_json
from corpus.plan import Plan, Stage
from corpus.read import ReadFile, part_file, receipts
from corpus.runners import NOT_YET, Runner
from corpus.workspace import Workspace, claimed, finished_manifest
from corpus.write import Piece


class Observer(Protocol):
    """Somebody who watches a build; called from the building thread."""

    def step(self, name: str, done: int, total: int) -> None:
        """A step has done ``done`` of about ``total`` units."""
        ...

    def funnel(self, row: dict[str, Any]) -> None:
        """A stage has judged a part."""
        ...


class Unwatched:
    """Nobody watches."""

    def step(self, name: str, done: int, total: int) -> None:
        """Look away."""

    def funnel(self, row: dict[str, Any]) -> None:
        """Look away."""


@dataclass
class Story:
    """What the steps of one build share."""

    plan: Plan
    space: Workspace
    runner: Runner
    observer: Observer
    funnel: dict[str, dict[str, Any]] = field(default_factory=dict)
    ledgers: list[Part] = field(default_factory=list)


@dataclass(frozen=True)
class DumpFile:
    """One input file and the folder of its parts."""

    task: ReadFile
    bytes: int
    tombstones: bool
    identity: tuple[object, ...]


@dataclass(frozen=True)
class Part:
    """Posts on disk between two steps."""

    posts: Path
    rows: int
    text_bytes: int
    identity: tuple[object, ...]  # the input and all that was decided so far
    dropped: Path
    dropping: frozenset[str]  # the stages that have rows in ``dropped``


def build(
    plan: Plan | str | Path | dict[str, Any],
    *,
    out: str | None = None,
    workers: int | None = None,
    runner: str | None = None,
    replace: bool = False,
    observer: Observer | None = None,
) -> dict[str, Any]:
    """Build a corpus and return its manifest.

    ``plan`` is a path to a YAML plan, its content as a dict, or a :class:`corpus.Plan`; the other
    arguments stand in for what it says. A build that was interrupted goes on where it stopped,
    and one that is complete is only looked up. Raises :class:`~corpus.errors.PlanError` before
    anything is read and :class:`~corpus.errors.BuildError` after.
    """
    if isinstance(plan, dict):
        plan = Plan.parse(plan)
    elif not isinstance(plan, Plan):
        plan = Plan.load(plan)
    plan = plan.with_options(out, workers, runner)
    plan.check_paths()
    key_id = writing.ensure_key(plan.key_path, Path(plan.output.path))
    found = finished_manifest(plan, key_id, replace=replace)
    if found is not None:
        Workspace(plan).finish()  # a kill between the manifest and this left it behind
        return found
    with claimed(plan) as space:
        hands = runners.make(plan.run.runner, plan.run.workers)
        try:
            story = Story(plan, space, hands, observer or Unwatched())
            manifest = _tell(story, key_id)
        except (runners.WorkerDied, MemoryError):
            raise BuildError(
                "a worker process died, most likely for want of memory; run again with fewer "
                "--workers to go on where it stopped"
            ) from None
        except (OSError, pl.exceptions.PolarsError) as error:
            raise BuildError(
                f"{_trouble(error)}; make room or mend it, and run again to go on where it stopped"
            ) from None
        finally:
            hands.close()
        write_json(space.out / NAME, manifest, pretty=True, durable=True)
        space.finish()
    return manifest


def _trouble(error: Exception) -> str:
    """What the system says is wrong; nothing else, for a library's message may quote a post."""
    if isinstance(error, OSError):
        where = f" ('{error.filename}')" if error.filename else ""
        if error.errno is None and "written" in str(error):  # numpy's words for a full disk
            return "the disk took only a part of a file; is it full?"
        return f"{error.strerror or error}{where}"
    found = re.search(r"[\w ]+\(os error \d+\)", str(error))
    return found[0].strip() if found else f"{type(error).__name__} in polars"


def _tell(story: Story, key_id: str) -> dict[str, Any]:
    """The whole way from dumps to everything but the manifest itself."""
    files = _dump_files(story)
    first, *later = story.plan.segments()
    parts = _read_and_judge(story, files, first)
    sources = [account.source(f.task.path, f.task.reader, f.bytes, f.task.folder) for f in files]
    account.check_read(sources)
    for segment in later:
        verdicts = _dedup(story, parts, segment[0])
        parts = _judge(story, parts, segment, verdicts)
    shards = _write_shards(story, parts, key_id)
    _write_ledger(story, _found(files, "refused"))
    manifest = account.manifest(
        story.plan,
        sources,
        [story.funnel[stage.name] for stage in story.plan.stages],
        shards,
        key_id,
    )
    _write_papers(story, manifest)
    return manifest


# --------------------------------------------------------------------------- read and judge


def _dump_files(story: Story) -> list[DumpFile]:
    out = []
    for source in story.plan.sources:
        module = readers.find(source.reader)
        settings = reading.settings_json(source.config)
        for path in source.files():
            stat = Path(path).stat()
            identity = (
                source.reader, module.VERSION, settings, path, stat.st_size, stat.st_mtime_ns,
                story.plan.run.part_posts,
            )  # fmt: skip
            folder = story.space.step("read", *identity)
            task = ReadFile(source.reader, settings, path, folder, story.plan.run.part_posts)
            out.append(DumpFile(task, stat.st_size, module.TOMBSTONES, identity))
    return out


def _read_and_judge(
    story: Story, files: Sequence[DumpFile], segment: Sequence[Stage]
) -> list[Part]:
    """Read every file and judge its parts as they come.

    Where a source announces deletions, judging waits until all such sources are read: a delete
    notice may stand anywhere, also before its post.
    """
    chain, marks = _chain(segment), [stage.fingerprint for stage in segment]
    by_folder = {file.task.folder: file for file in files}
    pending = dict(by_folder)
    known: dict[Path, int] = dict.fromkeys(by_folder, 0)
    position: dict[Path, int] = dict.fromkeys(by_folder, 0)
    total = sum(file.bytes for file in files)
    judged: dict[tuple[Path, int], Part] = {}
    buried: Path | None = None
    buried_identity = ""

    def look() -> Iterator[JudgePart]:
        """The parts that have appeared since the last look."""
        for folder in by_folder:
            for receipt in receipts(folder, known[folder]):
                index = known[folder]
                known[folder] += 1
                position[folder] = receipt["position"]
                identity = (*by_folder[folder].identity, buried_identity, marks)
                target = story.space.step("judged", *identity)
                yield JudgePart(part_file(folder, index), target, index, chain, buried)

    def tasks() -> Iterator[runners.Task | None]:
        nonlocal buried, buried_identity
        for file in files:
            yield file.task
        while any(file.tombstones for file in pending.values()):
            yield NOT_YET
        buried, buried_identity = _tombstones(story, files)
        while True:
            all_read = not pending  # asked before looking: nothing can appear after
            yield from look()
            if all_read:
                return
            yield NOT_YET

    def idle() -> None:
        unread = sum(file.bytes - position[folder] for folder, file in pending.items())
        story.observer.step("reading", total - unread, total)

    for result in story.runner.run(tasks(), idle):
        if isinstance(result, ReadFile):
            pending.pop(result.folder)
            continue
        judged[result.posts.parent, result.index] = _judged(story, result)
        story.observer.step("judging", len(judged), sum(known.values()))
    idle()
    parts = [judged[folder, index] for folder in by_folder for index in range(known[folder])]
    story.ledgers += parts
    return parts


def _found(files: Sequence[DumpFile], name: str) -> list[Path]:
    """The refusals or tombstones of all parts, in reading order."""
    return [path for f in files for path in sorted(f.task.folder.glob(f"*.{name}.parquet"))]


def _tombstones(story: Story, files: Sequence[DumpFile]) -> tuple[Path | None, str]:
    """All that the sources say is deleted, in one file, and its identity."""
    announced = _found(files, "tombstones")
    if not announced:
        return None, ""
    names = [str(path.relative_to(story.space.work)) for path in announced]
    folder = story.space.step("tombstones", names)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / "all.parquet"
    withdrawals.gather(announced, target)
    return target, folder.name


def _chain(segment: Sequence[Stage]) -> judging.Chain:
    return tuple((stage.name, reading.settings_json(stage.config)) for stage in segment)


def _judged(story: Story, task: JudgePart) -> Part:
    """Add a judged part to the funnel and hand on what is left of it."""
    receipt = load_receipt(task.receipt)
    if receipt is None:
        raise BuildError(f"'{task.receipt.name}' vanished while the build ran; run again")
    for row in receipt["funnel"]:
        story.observer.funnel(row)
        into = story.funnel.setdefault(
            row["stage"],
            {"stage": row["stage"], "read": 0, "kept": 0, "dropped": {}, "seconds": 0.0},
        )
        for key in ("read", "kept", "seconds"):
            into[key] += row[key]
        for reason, count in row["dropped"].items():
            into["dropped"][reason] = into["dropped"].get(reason, 0) + count
    return Part(
        task.kept,
        receipt["posts"],
        receipt["text_bytes"],
        (task.folder.name, task.index),
        task.dropped,
        frozenset(row["stage"] for row in receipt["funnel"] if row["dropped"]),
    )


def _judge(
    story: Story, parts: Sequence[Part], segment: Sequence[Stage], verdicts: Sequence[Path]
) -> list[Part]:
    """Apply a barrier's verdicts and run the filters behind it."""
    chain, marks = _chain(segment), [stage.fingerprint for stage in segment]
    folder = story.space.step("judged", [part.identity for part in parts], marks)
    todo = [
        JudgePart(part.posts, folder, index, chain, None, verdict)
        for index, (part, verdict) in enumerate(zip(parts, verdicts, strict=True))
    ]
    judged: dict[int, Part] = {}
    for result in story.runner.run(iter(todo), lambda: None):
        judged[result.index] = _judged(story, result)
        story.observer.step("finishing", len(judged), len(todo))
    left = [judged[task.index] for task in todo]
    story.ledgers += left
    return left


# --------------------------------------------------------------------------- dedup


def _dedup(story: Story, parts: Sequence[Part], stage: Stage) -> list[Path]:
    """The barrier: sign all parts, decide over all, and write each part's verdict."""
    config = reading.settings_json(stage.config)
    root = story.space.step("dedup", [part.identity for part in parts], stage.fingerprint)
    todo = [
        barrier.SignPart(part.posts, root / f"{index:06d}", config)
        for index, part in enumerate(parts)
    ]
    paths = [root / f"{index:06d}.verdict.parquet" for index in range(len(parts))]
    receipt = root / "verdicts.json"
    if (done := load_receipt(receipt)) is None:
        for count, _ in enumerate(story.runner.run(iter(todo), lambda: None), start=1):
            story.observer.step("comparing", count, len(todo))
        began = time.perf_counter()
        assert isinstance(stage.config, dedup.Config)  # the only barrier there is
        verdict = dedup.duplicates([task.folder for task in todo], stage.config)
        barrier.save_verdicts([part.posts for part in parts], paths, verdict)
        signed = [load_receipt(task.folder / "receipt.json") or {} for task in todo]
        seconds = time.perf_counter() - began + sum(row.get("seconds", 0) for row in signed)
        done = save_receipt(receipt, {"seconds": seconds}, paths)
    row = {"stage": stage.name, "read": 0, "kept": 0, "dropped": {}, "seconds": done["seconds"]}
    story.funnel[stage.name] = row
    story.observer.funnel(row)
    return paths


# --------------------------------------------------------------------------- write


def _write_shards(story: Story, parts: Sequence[Part], key_id: str) -> list[dict[str, Any]]:
    output = story.plan.output
    cut = (output.shard_mb, output.row_group_mb, key_id, list(story.plan.scores()))
    done = story.space.step("shards", [part.identity for part in parts], cut)
    tasks = writing.cut_shards(
        [Piece(part.posts, part.rows, part.text_bytes) for part in parts],
        story.space.shards,
        done,
        shard_bytes=max(1, int(output.shard_mb * 1e6)),
        row_group_bytes=max(1, int(output.row_group_mb * 1e6)),
        scores=tuple(story.plan.scores()),
        key=story.plan.key_path,
    )
    for other in done.parent.iterdir() if done.parent.is_dir() else ():
        if other != done:  # its receipts speak of shards that are replaced from here on
            shutil.rmtree(other)
    valid = {task.target for task in tasks if load_receipt(task.receipt) is not None}
    for leftover in set(story.space.shards.iterdir()) - valid:
        leftover.unlink()  # of an earlier plan, or cut off while being written
    for count, _ in enumerate(story.runner.run(iter(tasks), lambda: None), start=1):
        story.observer.step("writing", count, len(tasks))
    written = [load_receipt(task.receipt) for task in tasks]
    return [row for row in written if row is not None]


def _write_ledger(story: Story, refused: Sequence[Path]) -> None:
    scores = story.plan.scores()
    wanted = writing.write_ledger("read", refused, story.space.dropped, scores)
    for stage in story.plan.stages:
        dropping = [part.dropped for part in story.ledgers if stage.name in part.dropping]
        wanted += writing.write_ledger(stage.name, dropping, story.space.dropped, scores)
    for leftover in set(story.space.dropped.iterdir()) - set(wanted):
        leftover.unlink()


def _write_papers(story: Story, manifest: dict[str, Any]) -> None:
    head = "# The plan as resolved: every default filled in. `run:` is not part of it.\n"
    papers = {
        "plan.yaml": head + story.plan.to_yaml(),
        "README.md": report.card(manifest, story.plan.to_yaml()),
        "report.html": report.page(manifest, story.plan.to_yaml()),
    }
    for name, text in papers.items():
        with replacing(story.space.out / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
