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
from corpus.pipeline.context import Part, Story, chain
from corpus.pipeline.filter_part import JudgePart
from corpus.pipeline.read_file import ReadFile, part_file, receipts
from corpus.plan import detect_format
from corpus.plan.model import Source, Stage
from corpus.privacy import keys
from corpus.privacy import tombstones as withdrawals
from corpus.tasks import runners
from corpus.tasks.runners import NOT_YET


@dataclass(frozen=True)
class DumpFile:
    """One input file and the folder of its parts."""

    task: ReadFile
    bytes: int
    tombstones: bool
    identity: tuple[object, ...]


def dump_files(story: Story) -> list[DumpFile]:
    """The files of all sources, in the plan's order."""
    out = []
    for source in story.plan.sources:
        tombstones = readers.find(source.reader).TOMBSTONES
        for path in source.files():
            identity = file_identity(source, path, story.plan.run.part_posts)
            reader, _, settings, _, size, changed, part_posts = identity
            folder = story.space.step("read", *identity)
            task = ReadFile(reader, settings, path, folder, part_posts, size, changed)
            out.append(DumpFile(task, size, tombstones, identity))
    count = story.plan.output.canaries
    return [*out, _canaries(story, count)] if count else out


def file_identity(
    source: Source, path: str, part_posts: int
) -> tuple[str, int, str, str, int, int, int]:
    """What the parts of a file hang on: reader, version, settings, path, bytes, time, part size."""
    size, changed = detect_format.size_and_time(path)
    settings = reading.settings_json(source.config)
    version = readers.find(source.reader).VERSION
    return source.reader, version, settings, path, size, changed, part_posts


def _canaries(story: Story, count: int) -> DumpFile:
    """Posts of our own, as if they were one more file."""
    key = keys.load_key(story.plan.key_path)
    settings = json.dumps({"count": count, "seed": canaries.seed(key).hex()})
    identity = (canaries.NAME, count, keys.key_id(key))
    folder = story.space.step("read", *identity)
    task = canaries.PlantCanaries(canaries.NAME, settings, canaries.NAME, folder, count, 0, 0)
    return DumpFile(task, 0, False, identity)


def read_and_judge(story: Story, files: Sequence[DumpFile], segment: Sequence[Stage]) -> list[Part]:
    """Read every file and judge its parts as they come.

    Where a source announces deletions, judging waits until all such sources are read: a delete
    notice may stand anywhere, also before its post.
    """
    filters, marks, plan = chain(segment), story.marks(segment), chain(story.plan.stages)
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
                posts, key = part_file(folder, index), story.plan.key_path
                yield JudgePart(posts, target, index, filters, buried, None, key, plan)

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
        judged[result.posts.parent, result.index] = story.judged(result)
        story.observer.step("judging", len(judged), sum(known.values()))
    idle()
    for folder in by_folder:
        done = list(receipts(folder))
        if not reading.finished(done) or len(done) != known[folder]:
            raise BuildError(
                f"parts of '{by_folder[folder].task.path}' vanished while the build ran; run again"
            )
    parts = [judged[folder, index] for folder in by_folder for index in range(known[folder])]
    story.ledgers += parts
    return parts


def posts(files: Sequence[DumpFile]) -> list[Path]:
    """The posts of all parts, in reading order."""
    return [
        part_file(f.task.folder, n) for f in files for n, _ in enumerate(receipts(f.task.folder))
    ]


def refusals(files: Sequence[DumpFile]) -> list[tuple[Path, int]]:
    """The refusals of the parts that have some, in reading order, and how many each has."""
    return _counted(files, "refused")


def _tombstones(story: Story, files: Sequence[DumpFile]) -> tuple[Path | None, str]:
    """All that the sources say is deleted, folded, and its identity."""
    announced = _counted(files, "tombstones")
    if not announced:
        return None, ""
    paths = [path for path, _ in announced]
    folder = story.space.step("tombstones", [str(p.relative_to(story.space.work)) for p in paths])
    withdrawals.fold(folder, paths, sum(count for _, count in announced), story.run)
    return folder, folder.name


def _counted(files: Sequence[DumpFile], name: str) -> list[tuple[Path, int]]:
    """The files of the parts that have some, in reading order, and how many each has."""
    found = []
    for file in files:
        for index, receipt in enumerate(receipts(file.task.folder)):
            told = receipt[name]
            if count := told if isinstance(told, int) else sum(told.values()):
                found.append((part_file(file.task.folder, index, name), count))
    return found
