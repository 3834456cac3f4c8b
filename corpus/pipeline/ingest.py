"""Read the dumps into parts, and filter each part as soon as it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from corpus import readers
from corpus.errors import BuildError
from corpus.pipeline import compare_versions, settling
from corpus.pipeline.context import BuildContext, Part
from corpus.pipeline.filter_part import FilterPart
from corpus.pipeline.join_batches import DumpFile
from corpus.pipeline.plant_canaries import PlantCanaries
from corpus.pipeline.read_files import ReadFiles, is_finished, load_receipts, pack_files, part_path
from corpus.pipeline.remove_repeats import ReadPart, remove_repeats
from corpus.plan.entries import Source, Stage, serialize_stages
from corpus.plan.model import Plan
from corpus.privacy import canaries, keys, suppression
from corpus.privacy.tombstones import fold_tombstones
from corpus.storage import filesystem
from corpus.tasks import runners
from filters import contract

#: Raised when the files of a part have other content for the same posts.
_PART_VERSION = 5


@dataclass(frozen=True)
class InputFiles:
    """The input files that one task reads into parts: a large one, or small ones of one source."""

    read_task: ReadFiles | PlantCanaries
    has_tombstones: bool  # whether their reader may find deletion notices
    identity: tuple[object, ...]
    source: int | None = None  # the index of their source in the plan; none: canaries

    @property
    def folder(self) -> Path:
        """The folder of the parts."""
        return self.read_task.folder


def list_input_files(context: BuildContext) -> list[InputFiles]:
    """The files of all sources, in the plan's order; canaries, if any, are the last."""
    plan, files = context.plan, []
    for number, pack in list_packs(plan):
        source = plan.sources[number]
        identity = identify_pack(source, pack, plan.run.part_posts, context.key_id)
        identity = identify_parts_of(identity, context.suppressed)
        task = ReadFiles(
            source.reader,
            source.config_json,
            pack,
            context.workspace.step_folder("read", *identity),
            plan.run.part_posts,
            plan.key_path,
            context.suppressed,
            readers.source_digest(source.reader),
        )
        has_tombstones = readers.find(source.reader).TOMBSTONES
        files.append(InputFiles(task, has_tombstones, identity, number))
    if plan.output.canaries:
        files.append(_make_canary_file(context))
    return files


def list_first_files(context: BuildContext, files: Sequence[InputFiles]) -> list[str | None]:
    """The first file of each source of the plan; null if it has none."""
    first: dict[int | None, str] = {}
    for each in files:
        first.setdefault(each.source, each.read_task.files[0].path)
    return [first.get(number) for number in range(len(context.plan.sources))]


def list_packs(plan: Plan) -> Iterator[tuple[int, tuple[DumpFile, ...]]]:
    """The files of each task that reads, with the index of their source, in reading order."""
    for number, named in groupby(plan.name_files(), attrgetter("source")):
        files = [
            DumpFile(file.path, file.name, *filesystem.size_and_mtime(file.path)) for file in named
        ]
        for pack in pack_files(files):
            yield number, pack


def identify_pack(
    source: Source, files: Sequence[DumpFile], part_posts: int, key_id: str
) -> tuple[object, ...]:
    """What the parts of some files depend on, wherever their folder is.

    That is the reader, its version and settings, the files' names, bytes and times of change, the
    size of a part, and the key, by which names of members are keyed.
    """
    return (
        source.reader,
        *readers.identify(source.reader),
        source.deciding_settings,
        [(file.name, file.size_bytes, file.modified_ns) for file in files],
        part_posts,
        key_id,
    )


def identify_parts_of(
    files: tuple[object, ...], suppressed: suppression.State
) -> tuple[object, ...]:
    """What the parts depend on with a suppression list: with another, on other posts."""
    identity = (*files, _PART_VERSION)
    return (*identity, suppressed.digest) if suppressed.entries else identity


def _make_canary_file(context: BuildContext) -> InputFiles:
    count = context.plan.output.canaries
    seed = canaries.derive_seed(keys.load_key(context.plan.key_path))
    identity = (canaries.SOURCE_NAME, count, context.key_id)
    folder = context.workspace.step_folder("read", *identity, _PART_VERSION)
    return InputFiles(PlantCanaries(folder, count, seed), False, identity)


# --------------------------------------------------------------------------- reading and filtering


def read_and_filter(
    context: BuildContext, files: Sequence[InputFiles], segment: Sequence[Stage]
) -> list[Part]:
    """Read every file and filter its parts as they appear; return the parts in reading order.

    Where a reader may find deletion notices, filtering waits until all files of such readers are
    read: a notice may come before its post or after it, in any file.
    """
    scheduler = PartScheduler(context, files, segment)
    for result in context.runner.run(scheduler.iter_tasks(), scheduler.report_reading):
        scheduler.collect(result)
    scheduler.report_reading()
    parts = scheduler.finished_parts()
    context.ledger_parts += parts
    return parts


class PartScheduler:
    """Decides which task comes next while files are read into parts and parts are filtered."""

    def __init__(
        self, context: BuildContext, files: Sequence[InputFiles], segment: Sequence[Stage]
    ) -> None:
        self._context = context
        self._files = files
        self._chain = serialize_stages(segment)
        self._all_stages = serialize_stages(context.plan.stages)
        self._keeps_turns = context.plan.keeps_turns(segment[-1])
        self._fingerprints = context.segment_fingerprints(segment)
        self._wants_ends = any(
            contract.wants_dump_end(each.module, each.config) for each in segment
        )
        #: By the folder of the parts: the files that are not read to their end, those of which not
        #: all parts have been found, how many have, and how many bytes of the files these used.
        self._unread = {each.folder: each for each in files}
        self._incomplete = dict(self._unread)
        self._part_counts = dict.fromkeys(self._unread, 0)
        self._positions = dict.fromkeys(self._unread, 0)
        self._filtered: dict[tuple[Path, int], Part] = {}
        self._targets: dict[Path, Path] = {}  # of the filtered parts, by folder of the parts
        self._total_bytes = sum(each.read_task.size_bytes for each in files)
        self._read_bytes = self._found_parts = 0

    def iter_tasks(self) -> Iterator[runners.Runnable | None]:
        """The tasks in the order in which they may start; ``NOT_READY`` while none may."""
        for file in self._files:
            yield file.read_task
        is_listed = self._context.suppressed.entries > 0
        waits = is_listed or self._wants_ends
        while any(waits or file.has_tombstones for file in self._unread.values()):
            yield runners.NOT_READY
        ends = _find_dump_ends(self._files) if self._wants_ends else {}
        tombstones = _fold_tombstones(self._context, self._files)
        # Never of files that may or may not be read already.
        complete = [file for file in self._files if is_listed or file.has_tombstones]
        repeats = remove_repeats(self._context, _list_read_parts(complete), tombstones)
        while True:
            all_read = not self._unread  # asked before looking: no part can appear after it
            yield from self._iter_new_parts(tombstones, repeats, ends)
            if all_read:
                return
            yield runners.NOT_READY

    def _iter_new_parts(
        self, tombstones: Path | None, repeats: str, ends: Mapping[int | None, int]
    ) -> Iterator[FilterPart]:
        """Tasks that filter the parts which have appeared since the last call."""
        removed = (tombstones.name if tombstones else "", *([repeats] if repeats else ()))
        for file in list(self._incomplete.values()):
            if file.folder not in self._targets:
                identity = (*file.identity, *removed, self._fingerprints)
                if file.source in ends:
                    identity += (ends[file.source],)
                target = self._context.workspace.step_folder("filtered", *identity)
                self._targets[file.folder] = target
            for receipt in load_receipts(file.folder, self._part_counts[file.folder]):
                index = self._part_counts[file.folder]
                self._part_counts[file.folder] += 1
                self._found_parts += 1
                self._add_read_bytes(file, receipt["position"])
                if is_finished([receipt]):
                    del self._incomplete[file.folder]
                posts = part_path(file.folder, index)
                yield FilterPart(
                    self._targets[file.folder],
                    index,
                    self._context.rewritten_parts.get(posts, posts),
                    self._chain,
                    tombstones=tombstones,
                    key_path=self._context.plan.key_path,
                    all_stages=self._all_stages,
                    keeps_turns=self._keeps_turns,
                    dump_end=ends.get(file.source),
                )

    def collect(self, result: ReadFiles | PlantCanaries | FilterPart) -> None:
        """Take the result of a task: files were read to the end, or a part was filtered."""
        if isinstance(result, ReadFiles | PlantCanaries):
            file = self._unread.pop(result.folder)
            self._add_read_bytes(file, file.read_task.size_bytes)
            return
        part = self._context.record_part(result)
        self._filtered[result.folder, result.index] = part
        self._context.observer.step("filtering", len(self._filtered), self._found_parts)

    def _add_read_bytes(self, file: InputFiles, position: int) -> None:
        if position > self._positions[file.folder]:
            self._read_bytes += position - self._positions[file.folder]
            self._positions[file.folder] = position

    def report_reading(self) -> None:
        """Show how many bytes of all files have been read."""
        self._context.observer.step("reading", self._read_bytes, self._total_bytes)

    def finished_parts(self) -> list[Part]:
        """All filtered parts, in reading order; BuildError if parts on disk have vanished."""
        for file in self._files:
            receipts = list(load_receipts(file.folder))
            if not is_finished(receipts) or len(receipts) != self._part_counts[file.folder]:
                path = file.read_task.files[0].path
                raise BuildError(f"parts of '{path}' vanished while the build ran; run again")
        return [
            self._filtered[self._targets[file.folder], index]
            for file in self._files
            for index in range(self._part_counts[file.folder])
        ]


def _find_dump_ends(files: Sequence[InputFiles]) -> dict[int | None, int]:
    """The latest time in each source that has times, by its index in the plan."""
    ends = {
        source: settling.find_end(receipts)
        for source, receipts in _list_receipts_by_source(files).items()
    }
    return {source: end for source, end in ends.items() if end is not None}


def count_last_posts(files: Sequence[InputFiles]) -> int:
    """The posts that were written or edited in the last hours of their source."""
    return sum(map(settling.count_last_posts, _list_receipts_by_source(files).values()))


def compare_edits(context: BuildContext, files: Sequence[InputFiles]) -> dict[str, int]:
    """The counts of :func:`compare_versions.compare_versions`; {} if no version was superseded."""
    tombstones = _fold_tombstones(context, files)
    superseded = any("superseded" in row["dropped"] for row in context.funnel.values())
    if not superseded or tombstones is None:
        return {}
    ends = _find_dump_ends(files)
    paths_of = [list_post_files(context, [file]) for file in files]
    versions = [
        compare_versions.VersionFile(path, ends.get(file.source))
        for file, of_file in zip(files, paths_of, strict=True)
        for path in of_file
    ]
    paths = [str(each.posts.relative_to(context.workspace.work)) for each in versions]
    folder = context.workspace.step_folder("edits", paths, tombstones.name)
    found = compare_versions.compare_versions(folder, versions, tombstones, context.run)
    return found if found["compared"] else {}


def _list_receipts_by_source(
    files: Sequence[InputFiles],
) -> dict[int | None, list[dict[str, Any]]]:
    found: dict[int | None, list[dict[str, Any]]] = {}
    for file in files:
        if file.source is not None:  # canaries have no end
            found.setdefault(file.source, []).extend(load_receipts(file.folder))
    return found


def _fold_tombstones(context: BuildContext, files: Sequence[InputFiles]) -> Path | None:
    """Fold the deletion notices of all files; the folder of the result, None if there are none."""
    found = _list_nonempty_files(files, "tombstones")
    if not found:
        return None
    paths = [path for path, _ in found]
    names = [str(path.relative_to(context.workspace.work)) for path in paths]
    folder = context.workspace.step_folder("tombstones", names)
    fold_tombstones(folder, paths, sum(count for _, count in found), context.run)
    return folder


# --------------------------------------------------------------------------- what was read


def list_post_files(context: BuildContext, files: Sequence[InputFiles]) -> list[Path]:
    """The posts of all parts, in reading order."""
    paths = [part.posts for part in _list_read_parts(files)]
    return [context.rewritten_parts.get(path, path) for path in paths]


def _list_read_parts(files: Sequence[InputFiles]) -> list[ReadPart]:
    return [
        ReadPart(part_path(file.folder, index), receipt["repeating"])
        for file in files
        for index, receipt in enumerate(load_receipts(file.folder))
    ]


def list_refusal_files(files: Sequence[InputFiles]) -> list[tuple[Path, int]]:
    """The refusals of the parts that have any, in reading order, with how many each has."""
    return _list_nonempty_files(files, "refused")


def _list_nonempty_files(files: Sequence[InputFiles], name: str) -> list[tuple[Path, int]]:
    return [
        (part_path(file.folder, index, name), receipt[name])
        for file in files
        for index, receipt in enumerate(load_receipts(file.folder))
        if receipt[name]
    ]
