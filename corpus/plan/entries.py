"""The entries of a plan: sources, each a reader with its settings, and stages with theirs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel

from corpus import stage_names, stages
from corpus.plan import detect_format
from corpus.plan.problems import KeyPath
from corpus.readers.contract import ReaderConfig
from corpus.storage.filesystem import is_url
from corpus.tasks.files import file_sha256, file_version, fingerprint
from filters import contract
from filters.contract import FilterConfig, FilterModule
from filters.text.languages import list_model_files


@dataclass(frozen=True)
class Source:
    """A reader, its settings, and the path that its files are found at."""

    reader: str
    config: ReaderConfig
    #: The path of the entry in the plan, for errors; () if it is from no plan.
    entry: KeyPath = field(default=(), compare=False, repr=False)

    @property
    def config_json(self) -> str:
        """The settings as JSON, for a task."""
        return config_json(self.config)

    @property
    def deciding_settings(self) -> dict[str, Any]:
        """The settings that decide what is read, as plain data.

        Not the path, since the same dump may be in another folder, nor the limit of refusals.
        """
        return self.config.model_dump(mode="json", exclude={"path", "max_refused"})

    def list_files(self) -> list[str]:
        """The files to read, sorted; for an account's export perhaps a folder."""
        return detect_format.list_inputs(self.reader, self.config.path)

    def list_files_beside(self) -> list[str]:
        """The files in the source's folder that are no dumps of its reader, sorted."""
        return detect_format.list_beside(self.reader, self.config.path)


@dataclass(frozen=True)
class Stage:
    """A stage: its name, its settings, and what it is."""

    name: str
    config: FilterConfig
    #: The settings as the plan has them, where ``config`` names local copies of URLs instead, or
    #: files by their names in the output.
    original_config: FilterConfig | None = None
    #: What the stage is, if the plan calls it something else; '' for a stage of this very name.
    kind: str = ""
    #: The path of the entry in the plan, for errors; () if the plan has none.
    entry: KeyPath = field(default=(), compare=False, repr=False)

    @property
    def address(self) -> str:
        """What finds the stage's module: its kind, its source and its name."""
        kind = self.kind or self.name
        return stage_names.make_address(kind, self.name, stages.source_digest(kind))

    @property
    def module(self) -> FilterModule:
        """The stage's module, under the name that the plan gives it."""
        return stages.find(self.address)

    def format_entry(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The stage as an entry of a plan, with ``settings``."""
        return stage_names.format_entry(self.kind or self.name, self.name, settings)

    @property
    def config_json(self) -> str:
        """The settings as JSON, for a task."""
        return config_json(self.config)

    @property
    def is_barrier(self) -> bool:
        """Whether the stage looks at all parts together."""
        return stages.is_barrier(self.address)

    @property
    def needs_key(self) -> bool:
        """Whether the stage's outcome depends on the corpus's key."""
        return contract.wants_key(self.module, self.config)

    @property
    def read_columns(self) -> tuple[str, ...]:
        """The columns that the stage needs under its settings."""
        return contract.reads(self.module, self.config)

    @property
    def written_columns(self) -> Mapping[str, pl.DataType]:
        """The columns that the stage adds or rewrites under its settings, with their types."""
        return contract.writes(self.module, self.config)

    @cached_property
    def model_hashes(self) -> dict[str, str]:
        """The model files that the stage loads: name to SHA-256."""
        hashes: dict[str, str] = {}
        for file in contract.models(self.module, self.config):
            name = file.name
            while name in hashes:  # a file of the same name in another folder
                name = f"{name}+"
            hashes[name] = _hash_model(file)
        return hashes

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever the stage would decide differently."""
        module, kind = self.module, self.kind or self.name
        source = [digest] if (digest := stages.source_digest(kind)) else []
        address = stage_names.make_address(kind, self.name)
        parts = [address, *source, module.VERSION, self.settings_without_folders, self.model_hashes]
        if contract.languages(module, self.config):
            # A stage that judges by language identifies the posts itself where no stage has.
            parts.append([_hash_model(file) for file in list_model_files()])
        return fingerprint(*parts)

    @cached_property
    def resolved_settings(self) -> dict[str, Any]:
        """The settings as plain data, with every value that the stage itself chooses."""
        config = contract.resolved(self.module, self.original_config or self.config)
        return config.model_dump(mode="json")

    @cached_property
    def settings_without_folders(self) -> dict[str, Any]:
        """The same, with the last part of each path to a file that the stage reads.

        The files themselves are in :attr:`model_hashes`, so that their folder decides nothing.
        """
        files = self.list_files()
        settings: dict[str, Any] = hide_folders_of(self.resolved_settings, files)
        if self.original_config is not None:
            used = self.config.model_dump(mode="json")
            given = self.original_config.model_dump(mode="json")
            for name in used:
                if used[name] != given[name]:  # downloaded, or named as in the output
                    settings[name] = hide_folders_of(used[name], files)
        return settings

    def list_files(self) -> list[str]:
        """The files that the stage's settings name."""
        return [str(file) for file in contract.models(self.module, self.config)]


def hide_folders_of(value: Any, files: Sequence[str]) -> Any:
    """Plain data in which each path to one of ``files`` is its last part only."""
    return map_paths(value, files, lambda path: os.path.basename(os.path.normpath(path)))


def map_paths(value: Any, files: Sequence[str], change: Callable[[str], str]) -> Any:
    """Plain data with ``change`` applied to each path to one of ``files``, or to a folder of one.

    A path may be a pattern, and a word and a colon may precede it, such as ``transformers:``.
    """
    if isinstance(value, Mapping):
        return {name: map_paths(own, files, change) for name, own in value.items()}
    if isinstance(value, list | tuple):
        return [map_paths(own, files, change) for own in value]
    if not isinstance(value, str) or not value:
        return value
    for kind in ("", split_kind(value)[0]):
        path = value.removeprefix(kind)
        if any(matches_path(file, path) for file in files):
            return kind + change(path)
    return value


def split_kind(value: str) -> tuple[str, str]:
    """Split a setting such as ``transformers:folder``; other paths may have a colon too."""
    kind, colon, path = value.partition(":")
    return (kind + colon, path) if kind.isidentifier() and not is_url(value) else ("", value)


def matches_path(file: str, path: str) -> bool:
    """Return whether a path of a plan has the file: it is a file, a folder or a pattern."""
    file, path = os.path.normpath(file), os.path.normpath(path)
    if file == path or file.startswith(path.rstrip("/") + "/"):
        return True
    return _match_parts(file.split("/"), path.split("/"))


def _match_parts(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_match_parts(parts[at:], patterns[1:]) for at in range(len(parts) + 1))
    is_match = bool(parts) and (parts[0] == patterns[0] or fnmatch(parts[0], patterns[0]))
    return is_match and _match_parts(parts[1:], patterns[1:])


def _hash_model(path: Path) -> str:
    """SHA-256 of a model file: four stages may load the same one, of 50 MB."""
    return _hash_version(path, file_version(path))


@lru_cache(maxsize=256)
def _hash_version(path: Path, _version: tuple[int, ...]) -> str:
    return file_sha256(path)


def config_json(config: BaseModel) -> str:
    """Settings as JSON, for a task."""
    return json.dumps(config.model_dump(mode="json"), sort_keys=True)


def serialize_stages(chain: Sequence[Stage]) -> tuple[tuple[str, str], ...]:
    """Stages as a task takes them: the address and the settings as JSON of each."""
    return tuple((stage.address, stage.config_json) for stage in chain)
