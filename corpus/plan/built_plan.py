"""The plan of a finished corpus: its public form in the output, and reading it again.

``plan.yaml`` in the output has no paths, no names of accounts and no contact data. Whoever needs
the real settings reads the private plan beside the key too (see :mod:`corpus.plan.private_plan`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from corpus import readers, stages, user_code
from corpus.errors import ManifestError
from corpus.manifest import load_manifest
from corpus.plan import private_plan, source_names
from corpus.plan.entries import Source, Stage, hide_folders_of, map_paths, split_kind
from corpus.plan.private_plan import PrivatePlan, absolute_path
from corpus.privacy.file_names import FileNamer
from corpus.stage_names import Entry, parse_entry
from corpus.storage import filesystem
from corpus.yaml_text import dump_yaml

if TYPE_CHECKING:
    from corpus.storage.remote_path import RemotePath

PLAN_NAME = "plan.yaml"
#: The first line of the ``plan.yaml`` that a build writes.
PLAN_HEAD = "# The plan as resolved: every default filled in. `run:` is not part of it.\n"
#: The lines after it.
PUBLIC_NOTE = (
    "# This is its public form, without paths, lists of accounts and contact data: the settings\n"
    "# under `reduced` are not those of the build, and it cannot be built from. The plan with its\n"
    "# paths is beside the corpus's key, in the folder of the key's name and `.plans`.\n"
)
#: The key of ``plan.yaml`` that lists the settings which are not as the build had them.
REDUCED = "reduced"
#: Settings of stages that are lists of accounts, and those that are paths.
_ACCOUNT_LISTS = ("public", "bots")
_PATH_SETTINGS = ("model", "ner", "against", "subreddit_blocklist")
_OUTPUT_PATHS = ("path", "local", "key")
_ABSOLUTE = re.compile(r"^(?:[\\/~]|[A-Za-z]:[\\/]|\.\.?[\\/]|file:)")
_PRIVATE_WORD = re.compile(r"(?i)[^\s@]@[^\s@]+\.[^\s@]|^(?:/?r/)?u_[\w-]+$|^/?u(?:ser)?/.+|^@\S+$")
_REMOVED = "(removed)"


# --------------------------------------------------------------------------- writing


def make_public_document(
    sources: Sequence[Source], chain: Sequence[Stage], output: Mapping[str, Any], key: bytes
) -> dict[str, Any]:
    """Return what the output's ``plan.yaml`` says; ``output`` are its settings without paths."""
    reducer = _Reducer(FileNamer(key))
    return {
        "sources": [
            {source.reader: reducer.reduce_source(number, source)}
            for number, source in enumerate(sources)
        ],
        "stages": [stage.format_entry(reducer.reduce_stage(stage)) for stage in chain],
        "output": dict(output),
        REDUCED: reducer.reduced,
    }


def format_public_plan(public: Mapping[str, Any]) -> str:
    """Return the text of the output's ``plan.yaml``."""
    text = dump_yaml(dict(public))
    return PLAN_HEAD + PUBLIC_NOTE + text


def make_private_document(
    sources: Sequence[Source], chain: Sequence[Stage], output: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the plan with absolute paths; ``output`` are all of its settings."""
    paths = {name: absolute_path(output[name]) for name in _OUTPUT_PATHS if output.get(name)}
    return {
        "sources": [
            {
                source.reader: {
                    **source.config.model_dump(mode="json"),
                    "path": absolute_path(source.config.path),
                }
            }
            for source in sources
        ],
        "stages": [
            stage.format_entry(
                map_paths(stage.resolved_settings, stage.list_files(), absolute_path)
            )
            for stage in chain
        ],
        "output": {**output, **paths},
    }


class _Reducer:
    """Makes settings public, and lists those that it changes."""

    def __init__(self, namer: FileNamer) -> None:
        self._namer = namer
        self.reduced: list[str] = []

    def reduce_source(self, number: int, source: Source) -> dict[str, Any]:
        """Return the settings of a reader without the fixed part of the path."""
        settings = source.config.model_dump(mode="json", exclude={"path"})
        settings = self._reduce(settings, f"sources[{number}]")
        self.reduced.append(f"sources[{number}].path")
        return {"path": self._name_pattern(source.config.path), **settings}

    def reduce_stage(self, stage: Stage) -> dict[str, Any]:
        """Return the settings of a stage with the last parts of paths."""
        settings = stage.resolved_settings
        named = hide_folders_of(settings, stage.list_files())
        for name, value in named.items():
            if value != settings[name]:
                self.reduced.append(f"{stage.name}.{name}")
            elif name in _ACCOUNT_LISTS and value:
                self.reduced.append(f"{stage.name}.{name}")
                named[name] = [f"({len(value)} accounts)"]
            elif name == "prefer_sources" and any("/" in pattern for pattern in value):
                self.reduced.append(f"{stage.name}.{name}")
                named[name] = [self._name_pattern(pattern) for pattern in value]
        return {**named, **self._reduce(named, stage.name)}

    def _reduce(self, settings: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Return the settings with the last parts of other paths, and without contact data."""
        reduced = {}
        for name, value in settings.items():
            is_path = name in _PATH_SETTINGS or name.endswith("_file")
            reduced[name] = _reduce_value(value, is_path)
            if reduced[name] != value and f"{where}.{name}" not in self.reduced:
                self.reduced.append(f"{where}.{name}")
        return reduced

    def _name_pattern(self, path: str) -> str:
        """Return what follows the fixed folders of a pattern, without words that may be names."""
        if not any(mark in path for mark in "*?["):
            is_folder = path.endswith("/") or filesystem.is_folder(path)
            return "." if is_folder else self._namer.name_path(os.path.basename(path))
        path = path.partition("://")[2] if filesystem.is_url(path) else path
        fixed = source_names.fixed_folder(path)
        return self._namer.name_path(path[len(fixed) :].lstrip("/"))


def _reduce_value(value: Any, is_path: bool) -> Any:
    if isinstance(value, Mapping):
        return {name: _reduce_value(own, is_path) for name, own in value.items()}
    if isinstance(value, list):
        return [_reduce_value(own, is_path) for own in value]
    if not isinstance(value, str):
        return value
    if _PRIVATE_WORD.search(value):
        return _REMOVED
    kind, path = split_kind(value)
    if _ABSOLUTE.search(path) or filesystem.is_url(path) or (is_path and "/" in path):
        return kind + re.split(r"[\\/]", path.rstrip("\\/"))[-1]
    return value


# --------------------------------------------------------------------------- reading


@dataclass(frozen=True)
class BuiltPlan:
    """The plan of a finished corpus."""

    folder: Path | RemotePath
    text: str  # of plan.yaml
    public: dict[str, Any]  # what it says
    private: PrivatePlan | None

    @property
    def document(self) -> dict[str, Any]:
        """The plan with its real settings, or in its public form if the private one is missing."""
        return self.public if self.private is None else self.private.document

    @property
    def entries(self) -> list[Entry]:
        """The stages in order, each with its kind, its name and its settings."""
        return [parse_entry(stage) for stage in self.document["stages"]]

    @property
    def stages(self) -> list[tuple[str, dict[str, Any]]]:
        """The names of the stages in order, each with its settings."""
        return _list_stages(self.document)

    def use_code(self) -> None:
        """Use the folder of the user's own code that the corpus was built with.

        ManifestError if the plan names such code and this is not where the corpus was built: the
        plan of a corpus that somebody else has built must not choose what is imported here.
        """
        own = [entry.kind for entry in self.entries if stages.is_user_code(entry.kind)]
        read = [name for source in self.document["sources"] for name in source]
        own += [name for name in read if readers.is_user_code(name)]
        if not own:
            return
        if self.private is None:
            raise ManifestError(
                f"'{own[0]}' of '{self.folder}' is code of the user's own, and is used only where "
                "the corpus was built: the private plan is missing, in the folder named after the "
                "corpus's key and '.plans'"
            )
        user_code.use_folder(str(self.private.document.get("code") or ""))

    @property
    def public_stages(self) -> list[tuple[str, dict[str, Any]]]:
        """The stages in order, each with its settings as they may be shown."""
        return _list_stages(self.public)

    @property
    def output(self) -> dict[str, Any]:
        """The settings of ``output``, without paths."""
        return dict(self.public.get("output") or {})

    def stage_settings(self, name: str, *needed: str) -> dict[str, Any]:
        """Return the settings of a stage, ``{}`` if the plan has none of this name.

        ManifestError if one of the settings ``needed`` is only in the private plan, and it is
        missing.
        """
        missing = [each for each in needed if f"{name}.{each}" in self.public.get(REDUCED, ())]
        if missing and self.private is None:
            raise ManifestError(
                f"the setting '{name}.{missing[0]}' of '{self.folder}' is needed, and only the "
                "private plan has it, in the folder named after the corpus's key and '.plans'; "
                "run this where the corpus was built, or give the key with --key"
            )
        return dict(dict(self.stages).get(name) or {})


def _list_stages(document: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    entries = map(parse_entry, document["stages"])
    return [(entry.name, entry.settings) for entry in entries]


def load_built_plan(folder: Path | RemotePath, key: str | Path | None = None) -> BuiltPlan:
    """Read the plan of the corpus in ``folder``, and its private plan if that is there.

    ``key`` is the file of the corpus's key, by default ``corpus.key`` beside the folder.
    ManifestError if ``plan.yaml`` is missing or no plan.
    """
    path = folder / PLAN_NAME
    try:
        text = path.read_text(encoding="utf-8")
        public = yaml.safe_load(text)
        _list_stages(public)
    except (
        OSError,
        UnicodeDecodeError,
        yaml.YAMLError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
    ):
        raise ManifestError(f"'{path}' is missing or no plan; copy the corpus again") from None
    private = None
    if isinstance(folder, Path) and REDUCED in public:
        private = find_private_plan(folder, key)
    return BuiltPlan(folder, text, public, private)


def find_private_plan(folder: Path, key: str | Path | None = None) -> PrivatePlan | None:
    """Return the private plan of the corpus in ``folder``, or None; ``key`` is the key's file."""
    try:
        fingerprint = str(load_manifest(folder)["plan_fingerprint"])
    except (ManifestError, KeyError):
        return None
    return private_plan.find(key or folder.parent / "corpus.key", folder, fingerprint)
