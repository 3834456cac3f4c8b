"""Find the sources in a folder of dumps: which reader reads which of its files, and how."""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from corpus import readers
from corpus.errors import BuildError, PlanError
from corpus.manifest import MANIFEST_NAME, is_manifest
from corpus.plan import detect_format, first_records
from corpus.plan.entries import Source
from corpus.storage import filesystem

#: Of more files than this whose names differ in digits only, some are looked into, not all.
_MAX_ALIKE = 40
_LOOKED_AT = 6
#: A table is read as posts if besides the text one of these is found in it.
_SIGNS_OF_POSTS = {"id", "author", "created_at"}
_TABLE_NAME = re.compile(r"\.(?:csv|tsv|parquet|jsonl|ndjson)(?:\.[a-z0-9]{2,4})?$", re.I)
_DIGITS = re.compile(r"\d+")
_NOT_IN_PLATFORM = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class FoundSource:
    """Files that one reader reads with the same settings."""

    reader: str
    settings: dict[str, Any]  # with ``path``
    files: tuple[str, ...]
    problem: str = ""  # why it cannot be read with these settings alone: one is missing

    @property
    def size_bytes(self) -> int:
        """The bytes of all files; of a folder that is one archive, of the files in it."""
        return sum(map(_count_bytes, self.files))

    def make_source(self) -> Source:
        """The source as a plan has it."""
        config = readers.find(self.reader).Config.model_validate(self.settings)
        return Source(self.reader, config)


@dataclass(frozen=True)
class Survey:
    """What a folder holds."""

    sources: list[FoundSource] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # files that no reader fits
    beside: list[str] = field(default_factory=list)  # what describes dumps: a README, checksums
    corpora: list[str] = field(default_factory=list)  # folders that builds wrote
    unreadable: list[str] = field(default_factory=list)  # without permission to read


#: A reader, and its settings as JSON without the path: files that agree in both are one source.
_Kind = tuple[str, str]


def find_sources(folder: str) -> Survey:
    """Look into every folder below ``folder`` and detect the reader of each file.

    Of many files whose names differ in digits only, the first, the last and some between are
    looked into. Folders that a build wrote are not looked into.
    """
    survey = Survey()
    kinds: dict[_Kind, list[str]] = {}
    problems: dict[_Kind, str] = {}
    for inputs in _list_alike(_walk(folder, survey)):
        for file, kind, problem in _detect_alike(inputs, survey):
            kinds.setdefault(kind, []).append(file)
            if problem:
                problems.setdefault(kind, problem)
    for kind, files in kinds.items():
        reader, settings = kind[0], json.loads(kind[1])
        for path, covered in _cover(reader, sorted(files)):
            own = {"path": path, **settings}
            survey.sources.append(FoundSource(reader, own, tuple(covered), problems.get(kind, "")))
    survey.sources.sort(key=lambda source: (source.files[0], source.reader))
    return _name_platforms(survey)


# --------------------------------------------------------------------------- walking


def _walk(folder: str, survey: Survey) -> Iterator[str]:
    """The files below a folder, and the folders that are one archive of an account or a server."""
    try:
        children = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        survey.unreadable.append(folder)
        return
    if _is_corpus(folder):
        survey.corpora.append(folder)
        return
    if _is_archive(folder, children):
        yield folder
        return
    for entry in children:
        if entry.name.startswith(".") or not entry.name.isprintable():
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, survey)
        elif entry.is_file():
            if os.access(entry.path, os.R_OK):
                yield entry.path
            else:
                survey.unreadable.append(entry.path)


def _is_corpus(folder: str) -> bool:
    """Whether a build wrote a folder, or is writing it."""
    if os.path.exists(os.path.join(folder, "work", "begun.json")):
        return True
    try:
        text = Path(folder, MANIFEST_NAME).read_text(encoding="utf-8")
        return is_manifest(json.loads(text))
    except (OSError, ValueError, RecursionError):
        return False


def _is_archive(folder: str, children: Sequence[os.DirEntry[str]]) -> bool:
    """Whether a folder is one archive for some reader, and not a folder that has one among others.

    An archive fits its reader by the names of its files, and so does a folder around it.
    """
    for name in readers.names():
        if not getattr(readers.find(name), "FOLDERS", False):
            continue
        if detect_format.list_inputs(name, folder) == [folder]:
            inner = [each for each in children if detect_format.is_archive(name, each.path)]
            others = [each for each in children if each not in inner]
            if not inner or not any(_is_of_another(name, each) for each in others):
                return True
    return False


def _is_of_another(reader: str, entry: os.DirEntry[str]) -> bool:
    """Whether a file, or one of the first files of a folder, is a dump of another reader."""
    files = [entry.path]
    if entry.is_dir():
        for name in readers.names():
            is_for_folders = getattr(readers.find(name), "FOLDERS", False)
            if name != reader and is_for_folders and detect_format.is_archive(name, entry.path):
                return True
        below = (path for path in sorted(Path(entry.path).rglob("*")) if path.is_file())
        files = [str(path) for path in islice(below, _LOOKED_AT)]
    for file in files:
        detected = _detect(file) if os.access(file, os.R_OK) else None
        found = detected[0][0] if detected else reader
        # The archives of accounts have files of JSON that look like tables.
        if found != reader and (found != "table" or _TABLE_NAME.search(file)):
            return True
    return False


def _list_alike(inputs: Iterator[str]) -> list[list[str]]:
    """The inputs in groups whose paths differ in digits only."""
    groups: dict[str, list[str]] = {}
    for path in inputs:
        groups.setdefault(_DIGITS.sub("0", path), []).append(path)
    return list(groups.values())


# --------------------------------------------------------------------------- detecting


def _detect_alike(inputs: Sequence[str], survey: Survey) -> Iterator[tuple[str, _Kind, str]]:
    """Each input of a group that a reader reads, with the reader and settings, and its problem."""
    if len(inputs) > _MAX_ALIKE:
        step = (len(inputs) - 1) / (_LOOKED_AT - 1)
        looked_at = [inputs[round(number * step)] for number in range(_LOOKED_AT)]
        found = {_detect(path) for path in looked_at}
        if len(found) == 1 and (only := found.pop()) is not None:
            yield from ((path, *only) for path in inputs)
            return
    for path in inputs:
        detected = _detect(path)
        if detected is not None:
            yield path, *detected
        elif detect_format.describes_dumps(path):
            survey.beside.append(path)
        else:
            survey.unknown.append(path)


def _detect(path: str) -> tuple[_Kind, str] | None:
    """The reader of an input with its settings, and what hinders it; None if none is known."""
    try:
        proposals = detect_format.propose_sources(path)
    except (OSError, BuildError):
        return None
    for proposal in proposals:
        name, settings = proposal.reader, dict(proposal.settings)
        if name == "table":
            fields = settings.get("fields", {})
            if "text" not in fields or not _SIGNS_OF_POSTS & set(fields):
                continue
        problem = ""
        try:
            config = readers.find(name).Config.model_validate(settings)
            source = Source(name, config)
            first = first_records.read_first_records(source, path)
            if first.is_empty and proposal.score < detect_format.MIN_FIT:
                continue
        except PlanError as error:
            if proposal.score < detect_format.MIN_FIT:
                continue
            problem = error.messages[0]
        except ValueError:
            continue
        del settings["path"]
        return (name, json.dumps(settings)), problem
    return None


# --------------------------------------------------------------------------- paths


def _cover(reader: str, files: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Paths of a plan that have exactly these files between them, each with its files."""
    for path in _list_candidates(files):
        if detect_format.list_inputs(reader, path) == list(files):
            return [(path, list(files))]
    if len({os.path.dirname(file) for file in files}) > 1:
        groups = _group(files, os.path.dirname)
    elif len({_list_endings(file) for file in files}) > 1:
        groups = _group(files, _list_endings)
    else:
        groups = [[file] for file in files]
    return [found for group in groups for found in _cover(reader, group)]


def _group(files: Sequence[str], key: Any) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for file in files:
        groups.setdefault(key(file), []).append(file)
    return list(groups.values())


def _list_endings(file: str) -> str:
    """The endings of a file's name, such as ``.jsonl.zst``; '' of a name without one."""
    return "".join(Path(file).suffixes[-2:])


def _list_candidates(files: Sequence[str]) -> Iterator[str]:
    """Paths that may have exactly these files, the best first."""
    if len(files) == 1:
        yield files[0]
        yield glob.escape(files[0])
        return
    folder = os.path.commonpath([os.path.dirname(file) for file in files])
    names = [os.path.basename(file) for file in files]
    shared = _find_beginning([name[::-1] for name in names])[::-1]
    ending = shared[shared.index(".") :] if "." in shared else ""
    beginning = _find_beginning(names)
    # Of RC_2024-01 and RC_2024-02 better RC_ than RC_2024-0.
    words = beginning.rstrip("0123456789-_.")
    separator = beginning[len(words) : len(words) + 1].strip("0123456789")
    beginnings = dict.fromkeys(["", words + separator, beginning])
    escaped = glob.escape(folder)
    for inner in ("", "**/"):
        for start in beginnings:
            yield f"{escaped}/{inner}{glob.escape(start)}*{glob.escape(ending)}"
    yield folder


def _find_beginning(names: Sequence[str]) -> str:
    """What all names begin with."""
    first, last = min(names), max(names)
    same = (a == b for a, b in zip(first, last, strict=False))
    return "".join(letter for letter, _ in zip(first, takewhile(bool, same), strict=False))


def _count_bytes(path: str) -> int:
    if not os.path.isdir(path):
        return filesystem.size_and_mtime(path)[0]
    return sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())


def _name_platforms(survey: Survey) -> Survey:
    """Give each table a platform of its own, so that equal ids are not the same post."""
    taken: set[str] = set(readers.names())
    for number, source in enumerate(survey.sources):
        if source.reader != "table":
            continue
        first = source.files[0]
        name = Path(first).name if len(source.files) == 1 else Path(first).parent.name
        stem = _NOT_IN_PLATFORM.sub("_", name.partition(".")[0].lower()).strip("_") or "table"
        platform, count = stem, 1
        while platform in taken:
            count += 1
            platform = f"{stem}_{count}"
        taken.add(platform)
        settings = {"path": source.settings["path"], "platform": platform, **source.settings}
        survey.sources[number] = FoundSource("table", settings, source.files, source.problem)
    return survey
