"""Validate a plan: its keys and settings, the order of its stages, and the paths that it names.

Every check reports what is wrong, where, and the remedy. All errors are raised together, as one
PlanError with a line for each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import polars as pl
from pydantic import BaseModel, ValidationError

from corpus import readers, schema, stage_names, stages
from corpus.errors import BuildError, PlanError, did_you_mean
from corpus.plan import detect_format
from corpus.plan.entries import Source, Stage
from corpus.plan.private_plan import plans_folder
from corpus.privacy import suppression
from corpus.storage import filesystem
from filters import contract

AnyModel = TypeVar("AnyModel", bound=BaseModel)


class Problems:
    """Collects the errors of a plan, so that the user can mend them all in one go."""

    def __init__(self) -> None:
        self._messages: list[str] = []

    def add(self, message: str) -> None:
        """Add an error."""
        self._messages.append(message)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Add the PlanError that is raised inside, and go on after it."""
        try:
            yield
        except PlanError as error:
            self._messages.append(str(error))

    def raise_all(self) -> None:
        """PlanError with a line for each error, if there is one."""
        if self._messages:
            raise PlanError("\n".join(dict.fromkeys(self._messages)))


# --------------------------------------------------------------------------- keys and settings


def check_mapping(value: object, where: str, known: tuple[str, ...]) -> dict[str, Any]:
    """``value`` as a dict with no other keys than ``known``; else PlanError."""
    if not isinstance(value, Mapping):
        raise PlanError(f"{where}: expected keys {', '.join(known)}; found {_describe_type(value)}")
    _check_keys(value, where, known)
    return dict(value)


def check_sources(value: object, where: str) -> list[Source]:
    """A list of ``- reader: {settings}``; else PlanError."""
    sources, problems = [], Problems()
    for entry in _list_entries(value, where, "reader", (), problems):
        with problems.collected():
            _check_known(entry.kind, "reader", readers.names(), where)
            config = validate_settings(readers.find(entry.kind).Config, entry.value, entry.where)
            sources.append(Source(entry.kind, config))
    problems.raise_all()
    return sources


def check_stages(value: object, where: str) -> list[Stage]:
    """A list of ``- stage: {settings}`` or ``- {stage: {settings}, as: name}``; else PlanError."""
    chain, problems = [], Problems()
    for entry in _list_entries(value, where, "stage", (stage_names.NAME_KEY,), problems):
        with problems.collected():
            _check_known(entry.kind, "stage", stages.names(), where)
            name = _check_name(entry)
            config = validate_settings(stages.find(entry.kind).Config, entry.value, entry.where)
            kind = "" if name == entry.kind else entry.kind
            chain.append(Stage(name, config, kind=kind))
    problems.raise_all()
    return chain


class _Entry(NamedTuple):
    """An entry of a list of sources or stages."""

    where: str
    kind: str
    value: object  # the settings
    others: Mapping[str, Any]  # the other keys


def _list_entries(
    value: object, where: str, kind: str, others: tuple[str, ...], problems: Problems
) -> list[_Entry]:
    """The entries of a list; what is none is added to ``problems``."""
    if not isinstance(value, list):
        raise PlanError(
            f"{where}: expected a list of '- name: {{...}}'; found {_describe_type(value)}"
        )
    entries = []
    for index, entry in enumerate(value):
        given = {entry: {}} if isinstance(entry, str) else entry
        own = [key for key in given if key not in others] if isinstance(given, Mapping) else []
        if len(own) != 1:
            more = f", with '{others[0]}: name' beside it" if others else ""
            problems.add(
                f"{where}[{index}]: expected one '{kind}: {{...}}'{more}; "
                f"found {_describe_type(entry)}"
            )
            continue
        rest = {key: given[key] for key in others if key in given}
        name = str(own[0])
        entries.append(_Entry(f"{where}[{index}] {name}", name, given[own[0]] or {}, rest))
    return entries


def _check_known(name: str, kind: str, known: Sequence[str], where: str) -> None:
    if name not in known:
        file = where.partition(":")[0]
        raise PlanError(f"unknown {kind} '{name}' in {file}{did_you_mean(name, known)}")


def _check_name(entry: _Entry) -> str:
    """The name of a stage; PlanError if the plan gives it one that it cannot have."""
    own = stage_names.default_name(entry.kind)
    given = entry.others.get(stage_names.NAME_KEY)
    if given is None:
        return own
    if not isinstance(given, str) or not stage_names.NAME.fullmatch(given):
        raise PlanError(
            f"{entry.where}: 'as': expected a word of small letters, digits and '_', such as "
            f"{own}_2; got {_shorten_value(given)}"
        )
    if given == own:
        return own
    if not stages.may_be_renamed(entry.kind):
        raise PlanError(
            f"{entry.where}: 'as': '{entry.kind}' can be in a plan once, under its own name; "
            "remove 'as'"
        )
    if given in stages.names() or given in stage_names.RESERVED:
        raise PlanError(f"{entry.where}: 'as': '{given}' means something else; give another name")
    return given


def validate_settings(model: type[AnyModel], settings: object, where: str) -> AnyModel:
    """``settings`` as a ``model``; PlanError lists what is wrong, ``where``, and the remedy."""
    if not isinstance(settings, Mapping):
        raise PlanError(
            f"{where}: expected settings like '{{key: value}}'; found {_describe_type(settings)}"
        )
    _check_keys(settings, where, model.model_fields)
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        problems = Problems()
        for found in error.errors():
            key = ".".join(str(piece) for piece in found["loc"]) or "settings"
            if found["type"] == "missing":
                problems.add(f"{where}: '{key}' is missing; it must be given")
                continue
            message = found["msg"].removeprefix("Value error, ")
            problems.add(f"{where}: '{key}': {message}; got {_shorten_value(found['input'])}")
    problems.raise_all()
    raise AssertionError


def _check_keys(
    settings: Mapping[Any, Any], where: str, known: Sequence[str] | Mapping[str, Any]
) -> None:
    problems = Problems()
    for key in settings:
        if key not in known:
            problems.add(f"{where}: unknown key '{key}'{did_you_mean(str(key), known)}")
    problems.raise_all()


def _describe_type(value: object) -> str:
    if value is None:
        return "nothing"
    names = {dict: "keys", list: "a list", str: "text", bool: "true/false", int: "a number"}
    return names.get(type(value), type(value).__name__)


def _shorten_value(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of too many digits to be written out
        return "a very long number"
    return text if len(text) <= 60 else text[:57] + "..."


# --------------------------------------------------------------------------- the order of stages


def _remedy_for_twice(stage: Stage) -> str:
    kind = stage.kind or stage.name
    if not stages.may_be_renamed(kind):
        return "a plan may have it once; remove one of them"
    return f"give one of them a name of its own: '- {{{kind}: {{...}}, as: {stage.name}_2}}'"


def check_order(chain: Sequence[Stage], name: str) -> None:
    """PlanError if a stage is there twice, must be first and is not, or cannot read its columns.

    A column that it reads may come later, not at all, or be of a type that it cannot use.
    """
    problems = Problems()
    written: dict[str, pl.DataType] = dict(schema.POST)
    seen: set[str] = set()
    for index, stage in enumerate(chain):
        where = f"{name}: stages[{index}] {stage.name}"
        if index and stages.must_be_first(stage.address):
            problems.add(f"{name}: stages: '{stage.name}' must come first; move it there")
        if stage.name in seen:
            problems.add(f"{where}: the stage is there twice; {_remedy_for_twice(stage)}")
        seen.add(stage.name)
        missing = [column for column in stage.read_columns if column not in written]
        for column in missing:
            later = [other.name for other in chain if column in other.written_columns]
            remedy = f"move '{later[0]}' before it" if later else "no stage here writes it"
            near = "" if later else did_you_mean(column, written)
            problems.add(f"{where}: needs the column '{column}'; {remedy}{near}")
        if not missing:
            try:
                contract.check_types(stage.module, stage.config, written)
            except ValueError as error:
                problems.add(f"{where}: {error}")
        written.update(stage.written_columns)
    problems.raise_all()


# --------------------------------------------------------------------------- files


def check_stage_files(stage: Stage, name: str) -> None:
    """PlanError if a model or a list that the stage's settings name cannot be used."""
    try:
        _ = stage.model_hashes
        contract.check(stage.module, stage.config)
    except OSError as error:
        raise PlanError(f"{name}: {stage.name}: cannot read the file '{error.filename}'") from None
    except ValueError as error:
        raise PlanError(f"{name}: {error}") from None


class SourceChecks:
    """Checks the files of a plan's sources, one source after another."""

    def __init__(self, name: str, output: str, folder: Path, key_path: Path | str) -> None:
        """``output`` is the plan's path, ``folder`` the local folder that is built in."""
        self._name = name
        self._output = output.rstrip("/") + "/"
        self._folder = folder.resolve()
        self._key = Path(key_path).resolve()
        self._plans = plans_folder(key_path, folder).resolve()
        self._readers: dict[Path | str, str] = {}  # of each file, the source that reads it
        self._folders: dict[str, Path] = {}  # resolved, of the files
        self._own_folders: dict[Path, bool] = {}

    def check(self, index: int, source: Source) -> None:
        """PlanError if source number ``index`` has no files, or has files that it must not read."""
        where, path = f"{self._name}: sources[{index}] {source.reader}", source.config.path
        files = _list_source_files(source, where)
        if os.path.isdir(path) and any(
            Path(path).resolve() in own.parents for own in (self._folder, self._key)
        ):
            raise PlanError(
                f"{where}: the output or the key would be inside '{path}'; put them elsewhere"
            )
        for file in files:
            self._check_file(file, index, where)

    def _check_file(self, file: str, index: int, where: str) -> None:
        real = file if filesystem.is_url(file) else self._resolve(file)
        if self._is_own(file, real):
            raise PlanError(f"{where}: '{file}' belongs to the output; narrow the path")
        if not file.isprintable():
            raise PlanError(
                f"{where}: the path {file!a} is not UTF-8 or has characters that do not print; "
                "rename it"
            )
        if real in self._readers:
            raise PlanError(
                f"{where}: '{file}' is already read by {self._readers[real]}; narrow a path"
            )
        self._readers[real] = f"sources[{index}]"
        if not _is_readable(file):
            raise PlanError(f"{where}: no permission to read '{file}'; chmod or chown it")

    def _resolve(self, file: str) -> Path:
        """The real path of a file; that of its folder is found once for all files in it."""
        folder, name = os.path.split(file)
        if name in ("", ".", "..") or os.path.islink(file):
            return Path(file).resolve()
        if folder not in self._folders:
            self._folders[folder] = Path(folder).resolve()
        return self._folders[folder] / name

    def _is_own(self, file: str, real: Path | str) -> bool:
        """Whether a file is in the output, or is the key, its suppression list or a plan."""
        if isinstance(real, str):
            return file.startswith(self._output)
        if real in (self._key, self._key.with_name(self._key.name + suppression.SUFFIX)):
            return True
        folder = real.parent
        if folder not in self._own_folders:
            own = {self._folder, self._plans}
            self._own_folders[folder] = not own.isdisjoint((folder, *folder.parents))
        return self._own_folders[folder]


def find_first_file(source: Source) -> str | None:
    """The first file of a source; null if there is none that can be read: SourceChecks says so."""
    try:
        files = source.list_files()
    except (OSError, BuildError):
        return None
    return files[0] if files and _is_readable(files[0]) else None


def list_misfits(sources: Sequence[Source], first_files: Sequence[str | None]) -> list[str]:
    """Say of which sources the first file looks like another reader's; the plan's reader reads it.

    A file's beginning may mislead, and the user may know better.
    """
    found = []
    for number, (source, file) in enumerate(zip(sources, first_files, strict=True), start=1):
        if file is not None and (other := detect_format.find_better_reader(source.reader, file)):
            found.append(
                f"source {number} ({source.reader}): its first file looks like '{other}' and is "
                f"read by {source.reader}, as the plan says; 'corpus sniff' shows the posts in it"
            )
    return found


def _list_source_files(source: Source, where: str) -> list[str]:
    """The files of a source; PlanError if there are none."""
    path = source.config.path
    if filesystem.is_url(path):
        filesystem.require_usable_url(path)
    try:
        files = source.list_files()
    except (OSError, BuildError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise PlanError(f"{where}: cannot look at '{path}': {reason}") from None
    if files:
        return files
    if any(mark in path for mark in "*?["):
        raise PlanError(f"{where}: path '{path}' matches no file")
    if os.path.isdir(path):
        what = "has no dump of this reader" if source.list_files_beside() else "is empty"
        raise PlanError(f"{where}: folder '{path}' {what}")
    raise PlanError(f"{where}: no file at '{path}' (from {Path.cwd().name}/)")


def _is_readable(file: str) -> bool:
    return filesystem.is_url(file) or os.access(file, os.R_OK)
