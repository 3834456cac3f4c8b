"""Validate a plan: its keys and settings, the order of its stages, and the paths that it names.

Every check reports what is wrong, where, and the remedy. All errors are raised together, as one
PlanError with a line for each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import polars as pl
from pydantic import BaseModel, ValidationError

from corpus import filter_checks, readers, schema, stage_names, stages, user_code
from corpus.errors import BuildError, PlanError, did_you_mean
from corpus.plan import detect_format, settings_errors
from corpus.plan.entries import Source, Stage
from corpus.plan.private_plan import plans_folder
from corpus.plan.problems import KeyPath, Problems
from corpus.privacy import suppression
from corpus.readers.contract import ReaderConfig
from corpus.storage import filesystem
from filters import contract

AnyModel = TypeVar("AnyModel", bound=BaseModel)
AnyModule = TypeVar("AnyModule")

#: Files of a folder that are named in an error.
_MAX_NAMED = 6


# --------------------------------------------------------------------------- keys and settings


def check_mapping(value: object, problems: Problems, known: tuple[str, ...]) -> dict[str, Any]:
    """``value`` as a dict with the keys of ``known`` that it has; {} if it is something else."""
    if not isinstance(value, Mapping):
        problems.add(
            f"expected the keys {', '.join(known)}; found {settings_errors.describe_shape(value)}"
        )
        return {}
    _check_keys(value, problems, (), known)
    return {key: value[key] for key in known if key in value}


def check_sources(value: object, problems: Problems) -> list[Source]:
    """The sources in a list of ``- reader: {settings}``.

    Of one with wrong settings the path alone is there, in place of the reader's ``Config``.
    """
    if not value:
        problems.add("no 'sources'; name at least one reader and its path", ("sources",))
        return []
    sources = []
    known = [*readers.names(), *user_code.names(user_code.READERS)]
    for entry in _list_entries(value, problems, "sources", "reader", known):
        module = _load(readers.find, entry, problems)
        if module is None:
            continue
        checked = check_settings(module.Config, entry.settings, problems, entry.path)
        if checked.config is not None and checked.is_right:
            sources.append(Source(entry.kind, checked.config, entry.path))
        elif checked.path:  # so that its files are checked in the same run
            sources.append(Source(entry.kind, ReaderConfig(path=checked.path), entry.path))
    return sources


def check_stages(value: object, problems: Problems) -> list[Stage]:
    """The stages that are right in a list; the required one is there in any case.

    An entry is ``- stage: {settings}`` or ``- {stage: {settings}, as: name}``. The order of all
    is checked: of a stage with wrong settings, with those that are right.
    """
    others = (stage_names.NAME_KEY,)
    known = [*stages.names(), *user_code.names(user_code.FILTERS)]
    entries = _list_entries(value or [], problems, "stages", "stage", known, others)
    chain: list[tuple[Stage, bool]] = []
    for entry in entries:
        module = _load(stages.find, entry, problems)
        if module is None:
            continue
        checked = check_settings(module.Config, entry.settings, problems, entry.path)
        with problems.collected(entry.path):
            name = _check_name(entry)
            if checked.config is not None:
                kind = "" if name == entry.kind else entry.kind
                path = (*entry.path[:2], name)
                stage = Stage(name, checked.config, kind=kind, entry=path)
                chain.append((stage, checked.is_right))
    if all(entry.kind != stages.REQUIRED for entry in entries):
        chain.insert(0, (Stage(stages.REQUIRED, stages.find(stages.REQUIRED).Config()), True))
    has_all = len(chain) >= len(value) if isinstance(value, list) else True
    _check_order([stage for stage, _ in chain], problems, has_all=has_all)
    for stage, is_right in chain:
        if not is_right:
            with problems.collected(stage.entry):
                _check_model_files(stage)
    return [stage for stage, is_right in chain if is_right]


class _Entry(NamedTuple):
    """An entry of a list of sources or stages."""

    path: KeyPath
    kind: str
    settings: object
    others: Mapping[str, Any]  # the other keys


def _list_entries(
    value: object,
    problems: Problems,
    section: str,
    kind: str,
    known: Sequence[str],
    others: tuple[str, ...] = (),
) -> list[_Entry]:
    """The entries of known names in a list of ``- name: {settings}``, with the keys ``others``."""
    if not isinstance(value, list):
        problems.add(_explain_no_list(value, kind, known), (section,))
        return []
    entries: list[_Entry] = []
    for index, entry in enumerate(value):
        given = {entry: {}} if isinstance(entry, str) else entry
        own = [key for key in given if key not in others] if isinstance(given, Mapping) else []
        if len(own) != 1:
            problems.add(_explain_no_entry(entry, kind, known, others), (section, index))
            continue
        name = str(own[0])
        if name not in known and "." not in name:  # a dot is in the path of a module
            problems.add(f"unknown {kind} '{name}'{did_you_mean(name, known)}", (section, index))
            continue
        rest = {key: given[key] for key in others if key in given}
        settings = {} if given[own[0]] is None else given[own[0]]
        entries.append(_Entry((section, index, name), name, settings, rest))
    return entries


def _load(find: Callable[[str], AnyModule], entry: _Entry, problems: Problems) -> AnyModule | None:
    """The module of an entry; None, and an error, if it is code of the user's own that is wrong."""
    with problems.collected(entry.path):
        return find(entry.kind)
    return None


def _check_name(entry: _Entry) -> str:
    """The name of a stage; PlanError if the plan gives it one that it cannot have."""
    own = stage_names.default_name(entry.kind)
    given = entry.others.get(stage_names.NAME_KEY)
    taken = {*stages.names(), *stage_names.RESERVED, *schema.POST}
    is_wrong = own in taken or not stage_names.NAME.fullmatch(own)
    if given is None and stages.is_user_code(entry.kind) and is_wrong:
        raise PlanError(
            f"the stage cannot be called '{own}'; give it a name of small letters, digits and "
            f"'_': '- {{{entry.kind}: {{...}}, as: my_{own.lower()}}}'"
        )
    if given is None:
        return own
    if not isinstance(given, str) or not stage_names.NAME.fullmatch(given):
        raise PlanError(
            "'as': expected a word of small letters, digits and '_', such as "
            f"{own}_2; got {settings_errors.format_value(given)}"
        )
    if given == own:
        return own
    if not stages.may_be_renamed(entry.kind):
        raise PlanError(
            f"'as': a plan may have '{entry.kind}' only once and under its own name, because "
            f"{stages.why_not_renamed(entry.kind)}; remove 'as'"
        )
    if given in taken or given.startswith("pii_"):
        raise PlanError(f"'as': '{given}' means something else; give another name")
    return given


def _explain_no_list(value: object, kind: str, known: Sequence[str]) -> str:
    found = settings_errors.describe_shape(value)
    example = f"- {known[0]}: {{...}}"
    if isinstance(value, Mapping) and (names := [str(name) for name in value if name in known]):
        example = f"- {names[0]}: {{...}}"
    return f"expected a list with one {kind} on a line, as '{example}'; found {found}"


def _explain_no_entry(
    entry: object, kind: str, known: Sequence[str], others: tuple[str, ...]
) -> str:
    """What is wrong with an entry that is not one name with its settings."""
    expected = f"expected one '{kind}: {{...}}'"
    if others:
        expected += f", with '{others[0]}: name' beside it"
    if isinstance(entry, Mapping) and entry:
        names = [str(name) for name in entry if name in known]
        if len(names) > 1:
            return f"{expected}; found {' and '.join(names)}: begin each with '- ' on its own line"
        if len(names) == 1 and entry[names[0]] is None:
            return (
                f"{expected}; the settings of '{names[0]}' must be further to the right than its "
                f"name, or in one line: '- {names[0]}: {{key: value}}'"
            )
    return f"{expected}; found {settings_errors.describe_shape(entry)}"


@dataclass(frozen=True)
class Checked(Generic[AnyModel]):
    """Settings that were checked: those that are right, if the rest have defaults."""

    config: AnyModel | None
    path: str = ""  # the setting ``path`` as it is given
    is_right: bool = True


def check_settings(
    model: type[AnyModel], settings: object, problems: Problems, path: KeyPath
) -> Checked[AnyModel]:
    """``settings`` as a ``model``; an error at ``path`` for each that is wrong."""
    if not isinstance(settings, Mapping):
        problems.add(_explain_no_settings(model, settings, path), path)
        return Checked(_validate(model, {}), is_right=False)
    is_known = _check_keys(settings, problems, path, model.model_fields)
    known = {key: value for key, value in settings.items() if key in model.model_fields}
    try:
        return Checked(model.model_validate(known), str(known.get("path", "")), is_known)
    except ValidationError as error:
        errors = settings_errors.explain_errors(model, error)
    for key, text in errors:
        problems.add(text, (*path, key) if key in known else path)
    wrong = {key for key, _ in errors}
    right = {key: value for key, value in known.items() if key not in wrong}
    return Checked(_validate(model, right), str(right.get("path", "")), is_right=False)


def _validate(model: type[AnyModel], settings: Mapping[str, Any]) -> AnyModel | None:
    try:
        return model.model_validate(settings)
    except ValidationError:
        return None


def check_section(
    model: type[AnyModel], settings: object, problems: Problems, key: str
) -> AnyModel:
    """A section of a plan as a ``model`` all of whose settings have defaults."""
    given = {} if settings is None else settings
    config = check_settings(model, given, problems, (key,)).config
    return model.model_validate({}) if config is None else config


def _explain_no_settings(model: type[BaseModel], settings: object, path: KeyPath) -> str:
    """What is wrong with settings that are not keys with values."""
    name, shown = path[-1] if path else "", settings_errors.format_value(settings)
    found = settings_errors.describe_shape(settings)
    first = next(iter(model.model_fields))
    if isinstance(settings, str) and first == "path":
        return f"expected settings; found a text; write {name}: {{path: {shown}}}"
    fits = [key for key in model.model_fields if settings_errors.fits(model, key, settings)]
    # The first setting of a stage is the one that it is mostly about.
    key = fits[0] if len(fits) == 1 or first in fits else "KEY"
    example = f"{name}: {{{key}: {shown}}}"
    return f"expected settings like '{{key: value}}'; found {found}; write {example}"


def find_code_folder(value: object, folder: Path | None, problems: Problems) -> str:
    """The folder of the user's own code: ``value`` in ``folder``, or that itself; '' for none."""
    if value is None:
        return str(folder) if folder else ""
    path = Path(folder or "", value).absolute() if isinstance(value, str) and value else None
    if path is None or not path.is_dir():
        shown = settings_errors.format_value(value)
        problems.add(f"no folder {shown}; give the one that has your filters", ("code",))
        return ""
    return str(path)


def validate_settings(model: type[AnyModel], settings: object, where: str) -> AnyModel:
    """``settings`` as a ``model``; PlanError lists what is wrong, ``where``, and the remedy."""
    problems = Problems(where)
    checked = check_settings(model, settings, problems, ())
    problems.raise_all()
    assert checked.config is not None
    return checked.config


def _check_keys(
    settings: Mapping[Any, Any],
    problems: Problems,
    path: KeyPath,
    known: Sequence[str] | Mapping[str, Any],
) -> bool:
    """Whether all keys are known; an error for each that is not."""
    unknown = [key for key in settings if key not in known]
    for key in unknown:
        # Line numbers are of keys as they are written.
        problems.add(f"unknown key '{key}'{did_you_mean(str(key), known)}", (*path, key))
    return not unknown


# --------------------------------------------------------------------------- the order of stages


def _remedy_for_twice(stage: Stage) -> str:
    kind = stage.kind or stage.name
    if not stages.may_be_renamed(kind):
        return (
            f"a plan may have it only once, because {stages.why_not_renamed(kind)}; remove one of "
            "them"
        )
    return f"give one of them a name of its own: '- {{{kind}: {{...}}, as: {stage.name}_2}}'"


def _check_order(chain: Sequence[Stage], problems: Problems, *, has_all: bool) -> None:
    """Errors if a stage is there twice, must be first and is not, or cannot read its columns.

    A column that it reads may come later, not at all, or be of a type that it cannot use. Unless
    the chain ``has_all`` stages of the plan, one that is missing may write a column.
    """
    written: dict[str, pl.DataType] = dict(schema.POST)
    seen: set[str] = set()
    for index, stage in enumerate(chain):
        if index and stages.must_be_first(stage.address):
            problems.add("must come first; move it there", stage.entry)
        if stage.name in seen:
            problems.add(f"the stage is there twice; {_remedy_for_twice(stage)}", stage.entry)
        seen.add(stage.name)
        missing = [column for column in stage.read_columns if column not in written]
        for column in missing:
            later = [other.name for other in chain if column in other.written_columns]
            remedy = f"move '{later[0]}' before it" if later else "no stage here writes it"
            near = "" if later else did_you_mean(column, written)
            if later or has_all:
                problems.add(f"needs the column '{column}'; {remedy}{near}", stage.entry)
        if not missing:
            try:
                contract.check_types(stage.module, stage.config, written)
            except ValueError as error:
                problems.add(str(error).removeprefix(f"{stage.name}: "), stage.entry)
        for message in _list_shared_columns(stage, chain):
            problems.add(message, stage.entry)
        written.update(stage.written_columns)


def _list_shared_columns(stage: Stage, chain: Sequence[Stage]) -> list[str]:
    """What is wrong if a filter of the user's own writes a column that another stage writes."""
    if not stages.is_user_code(stage.kind or stage.name):
        return []
    return [
        f"it writes the column '{column}', as '{other.name}' does; give it another name in WRITES"
        for column in stage.written_columns
        if column not in schema.POST
        for other in chain
        if other is not stage and column in other.written_columns
    ]


def check_columns(columns: Sequence[str], known: Sequence[str], problems: Problems) -> None:
    """Add an error for each column of the output that no shard can have."""
    for index, name in enumerate(columns):
        if name not in known:
            remedy = did_you_mean(name, known)
            problems.add(f"columns: no column '{name}'{remedy}", ("output", "columns", index))


# --------------------------------------------------------------------------- files


def check_own_filter(stage: Stage, types: Mapping[str, pl.DataType]) -> None:
    """PlanError if a filter of the user's own breaks its contract, on invented posts.

    ``types`` are the columns that the earlier stages give it.
    """
    if not stages.is_user_code(stage.kind or stage.name):
        return
    try:
        filter_checks.check_filter(stage.module, stage.config, types)
    except filter_checks.ContractError as error:
        raise PlanError(str(error)) from None


def check_stage_files(stage: Stage) -> None:
    """PlanError if a model or a list that the stage's settings name cannot be used."""
    _check_model_files(stage)
    try:
        contract.check(stage.module, stage.config)
    except OSError as error:
        raise PlanError(f"cannot read the file '{error.filename}'") from None
    except ValueError as error:
        raise PlanError(str(error).removeprefix(f"{stage.name}: ")) from None


def _check_model_files(stage: Stage) -> None:
    if any(filesystem.is_url(file) for file in stage.list_files()):
        return  # not copied to this disk yet
    try:
        _ = stage.model_hashes
    except OSError as error:
        raise PlanError(f"cannot read the file '{error.filename}'") from None
    except ValueError as error:
        raise PlanError(str(error).removeprefix(f"{stage.name}: ")) from None


class SourceChecks:
    """Checks the files of a plan's sources, one source after another."""

    def __init__(self, output: str, folder: Path, key_path: Path | str) -> None:
        """``output`` is the plan's path, ``folder`` the local folder that is built in."""
        self._output = output.rstrip("/") + "/"
        self._folder = folder.resolve()
        self._key = Path(key_path).resolve()
        self._plans = plans_folder(key_path, folder).resolve()
        self._readers: dict[Path | str, str] = {}  # of each file, the source that reads it
        self._folders: dict[str, Path] = {}  # resolved, of the files
        self._own_folders: dict[Path, bool] = {}

    def check(self, source: Source) -> None:
        """PlanError if a source has no files, or has files that it must not read."""
        path = source.config.path
        files = _list_source_files(source)
        if os.path.isdir(path) and any(
            Path(path).resolve() in own.parents for own in (self._folder, self._key)
        ):
            raise PlanError(f"the output or the key would be inside '{path}'; put them elsewhere")
        for file in files:
            self._check_file(file, source)

    def _check_file(self, file: str, source: Source) -> None:
        real = file if filesystem.is_url(file) else self._resolve(file)
        if self._is_own(file, real):
            raise PlanError(f"'{file}' belongs to the output; narrow the path")
        if not file.isprintable():
            raise PlanError(
                f"the path {file!a} is not UTF-8 or has characters that do not print; rename it"
            )
        if real in self._readers:
            raise PlanError(f"'{file}' is already read by {self._readers[real]}; narrow a path")
        self._readers[real] = f"sources[{source.entry[1]}]" if source.entry else source.reader
        if not _is_readable(file):
            raise PlanError(f"no permission to read '{file}'; chmod or chown it")

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


def _list_source_files(source: Source) -> list[str]:
    """The files of a source; PlanError if there are none."""
    path = source.config.path
    if filesystem.is_url(path):
        filesystem.require_usable_url(path)
    try:
        files = source.list_files()
    except (OSError, BuildError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise PlanError(f"cannot look at '{path}': {reason}") from None
    if files:
        return files
    if any(mark in path for mark in "*?["):
        raise PlanError(f"path '{path}' matches no file{_describe_around(path)}")
    if os.path.isdir(path):
        what = "has no dump of this reader" if source.list_files_beside() else "is empty"
        raise PlanError(f"folder '{path}' {what}")
    raise PlanError(f"no file at '{path}'{_describe_around(path)}")


def _describe_around(path: str) -> str:
    """What there is where a path leads: the files of its folder, or the last folder that exists."""
    if filesystem.is_url(path):
        return ""
    folder = Path(path).parent
    wanted = folder
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    shown = f"'{folder}'" if folder != Path() else f"the current folder, '{Path.cwd().name}'"
    missing = wanted.relative_to(folder).parts
    names = sorted(name for name in os.listdir(folder) if name.isprintable())
    if missing and not set(missing[0]) & set("*?["):
        return f"; {shown} has no folder '{missing[0]}'{_suggest_name(missing[0], names)}"
    if not names:
        return f"; {shown} is empty"
    suggested = _suggest_name(Path(path).name, names)
    more = f" and {len(names) - _MAX_NAMED:,} more" if len(names) > _MAX_NAMED else ""
    return suggested or f"; {shown} has {', '.join(names[:_MAX_NAMED])}{more}"


def _suggest_name(name: str, names: Sequence[str]) -> str:
    hint = did_you_mean(name, names)
    return hint if "did you mean" in hint else ""


def _is_readable(file: str) -> bool:
    return filesystem.is_url(file) or os.access(file, os.R_OK)
