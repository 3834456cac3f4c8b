"""Read the dumps into parts and judge each part as it comes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus import readers
from corpus.errors import BuildError
from corpus.pipeline import canaries
from corpus.pipeline import read_file as reading
from corpus.pipeline.context import BuildContext, Part, serialize_stages
from corpus.pipeline.filter_part import FilterPart
from corpus.pipeline.read_file import ReadFile, load_receipts, part_path
from corpus.plan import detect_format
from corpus.plan.model import Source, Stage
from corpus.privacy import keys
from corpus.privacy import tombstones as withdrawals
from corpus.tasks import runners
from corpus.tasks.runners import NOT_READY


@dataclass(frozen=True)
class InputFile:
    """One input file and the folder of its parts."""

    read_task: ReadFile
    size_bytes: int
    has_tombstones: bool
    identity: tuple[object, ...]


def list_input_files(context: BuildContext) -> list[InputFile]:
    """The files of all sources, in the plan's order."""
    out = []
    for source in context.plan.sources:
        tombstones = readers.find(source.reader).TOMBSTONES
        for path in source.list_files():
            identity = identify_file(source, path, context.plan.run.part_posts)
            reader, _, settings, _, size, changed, part_posts = identity
            folder = context.workspace.step_folder("read", *identity)
            task = ReadFile(reader, settings, path, folder, part_posts, size, changed)
            out.append(InputFile(task, size, tombstones, identity))
    count = context.plan.output.canaries
    return [*out, _list_canary_file(context, count)] if count else out


def identify_file(
    source: Source, path: str, part_posts: int
) -> tuple[str, int, str, str, int, int, int]:
    """What the parts of a file hang on: reader, version, settings, path, bytes, time, part size."""
    size, changed = detect_format.size_and_mtime(path)
    settings = reading.config_json(source.config)
    version = readers.find(source.reader).VERSION
    return source.reader, version, settings, path, size, changed, part_posts


def _list_canary_file(context: BuildContext, count: int) -> InputFile:
    """Posts of our own, as if they were one more file."""
    key = keys.load_key(context.plan.key_path)
    settings = json.dumps({"count": count, "seed": canaries.derive_seed(key).hex()})
    identity = (canaries.SOURCE_NAME, count, keys.key_id(key))
    folder = context.workspace.step_folder("read", *identity)
    task = canaries.PlantCanaries(
        canaries.SOURCE_NAME, settings, canaries.SOURCE_NAME, folder, count, 0, 0
    )
    return InputFile(task, 0, False, identity)


def read_and_filter(
    context: BuildContext, files: Sequence[InputFile], segment: Sequence[Stage]
) -> list[Part]:
    """Read every file and judge its parts as they come.

    Where a source announces deletions, judging waits until all such sources are read: a delete
    notice may stand anywhere, also before its post.
    """
    filters, marks, plan = (
        serialize_stages(segment),
        context.segment_fingerprints(segment),
        serialize_stages(context.plan.stages),
    )
    by_folder = {file.read_task.folder: file for file in files}
    pending = dict(by_folder)
    known: dict[Path, int] = dict.fromkeys(by_folder, 0)
    position: dict[Path, int] = dict.fromkeys(by_folder, 0)
    total = sum(file.size_bytes for file in files)
    judged: dict[tuple[Path, int], Part] = {}
    buried: Path | None = None
    buried_identity = ""

    def look() -> Iterator[FilterPart]:
        """The parts that have appeared since the last look."""
        for folder in by_folder:
            for receipt in load_receipts(folder, known[folder]):
                index = known[folder]
                known[folder] += 1
                position[folder] = receipt["position"]
                identity = (*by_folder[folder].identity, buried_identity, marks)
                target = context.workspace.step_folder("judged", *identity)
                posts, key = part_path(folder, index), context.plan.key_path
                yield FilterPart(posts, target, index, filters, buried, None, key, plan)

    def tasks() -> Iterator[runners.Runnable | None]:
        nonlocal buried, buried_identity
        for file in files:
            yield file.read_task
        while any(file.has_tombstones for file in pending.values()):
            yield NOT_READY
        buried, buried_identity = _fold_tombstones(context, files)
        while True:
            all_read = not pending  # asked before looking: nothing can appear after
            yield from look()
            if all_read:
                return
            yield NOT_READY

    def idle() -> None:
        unread = sum(file.size_bytes - position[folder] for folder, file in pending.items())
        context.observer.step("reading", total - unread, total)

    for result in context.runner.run(tasks(), idle):
        if isinstance(result, ReadFile):
            pending.pop(result.folder)
            continue
        judged[result.posts.parent, result.index] = context.record_part(result)
        context.observer.step("judging", len(judged), sum(known.values()))
    idle()
    for folder in by_folder:
        done = list(load_receipts(folder))
        if not reading.is_finished(done) or len(done) != known[folder]:
            raise BuildError(
                f"parts of '{by_folder[folder].read_task.path}' vanished while the build ran; run again"
            )
    parts = [judged[folder, index] for folder in by_folder for index in range(known[folder])]
    context.ledger_parts += parts
    return parts


def list_post_files(files: Sequence[InputFile]) -> list[Path]:
    """The posts of all parts, in reading order."""
    return [
        part_path(f.read_task.folder, n)
        for f in files
        for n, _ in enumerate(load_receipts(f.read_task.folder))
    ]


def list_refusal_files(files: Sequence[InputFile]) -> list[tuple[Path, int]]:
    """The refusals of the parts that have some, in reading order, and how many each has."""
    return _list_nonempty_files(files, "refused")


def _fold_tombstones(context: BuildContext, files: Sequence[InputFile]) -> tuple[Path | None, str]:
    """All that the sources say is deleted, folded, and its identity."""
    announced = _list_nonempty_files(files, "tombstones")
    if not announced:
        return None, ""
    paths = [path for path, _ in announced]
    folder = context.workspace.step_folder(
        "tombstones", [str(p.relative_to(context.workspace.work)) for p in paths]
    )
    withdrawals.fold_tombstones(folder, paths, sum(count for _, count in announced), context.run)
    return folder, folder.name


def _list_nonempty_files(files: Sequence[InputFile], name: str) -> list[tuple[Path, int]]:
    """The files of the parts that have some, in reading order, and how many each has."""
    found = []
    for file in files:
        for index, receipt in enumerate(load_receipts(file.read_task.folder)):
            told = receipt[name]
            if count := told if isinstance(told, int) else sum(told.values()):
                found.append((part_path(file.read_task.folder, index, name), count))
    return found
