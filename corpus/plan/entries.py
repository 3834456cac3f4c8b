"""The entries of a plan: sources, each a reader with its settings, and stages with theirs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl
from pydantic import BaseModel

from corpus import stages
from corpus.plan import detect_format
from corpus.readers.contract import ReaderConfig
from corpus.tasks.files import file_sha256, fingerprint
from filters import contract
from filters.contract import FilterConfig


@dataclass(frozen=True)
class Source:
    """A reader, its settings, and the path that its files are found at."""

    reader: str
    config: ReaderConfig

    @property
    def config_json(self) -> str:
        """The settings as JSON, for a task."""
        return config_json(self.config)

    def list_files(self) -> list[str]:
        """The files to read, sorted; for an account's export perhaps a folder."""
        return detect_format.list_inputs(self.reader, self.config.path)


@dataclass(frozen=True)
class Stage:
    """A stage's name and settings."""

    name: str
    config: FilterConfig
    #: The settings as the plan has them, where ``config`` names local copies of URLs instead.
    original_config: FilterConfig | None = None

    @property
    def config_json(self) -> str:
        """The settings as JSON, for a task."""
        return config_json(self.config)

    @property
    def is_barrier(self) -> bool:
        """Whether the stage looks at all parts together."""
        return stages.is_barrier(self.name)

    @property
    def needs_key(self) -> bool:
        """Whether the stage's outcome depends on the corpus's key."""
        return contract.wants_key(stages.find(self.name), self.config)

    @property
    def written_columns(self) -> Mapping[str, pl.DataType]:
        """The columns that the stage adds or rewrites under its settings, with their types."""
        return contract.writes(stages.find(self.name), self.config)

    @cached_property
    def model_hashes(self) -> dict[str, str]:
        """The model files that the stage loads: name to SHA-256. A large file is hashed once."""
        hashes: dict[str, str] = {}
        for file in contract.models(stages.find(self.name), self.config):
            name = file.name
            while name in hashes:  # a file of the same name in another folder
                name = f"{name}+"
            hashes[name] = file_sha256(file)
        return hashes

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever the stage would decide differently."""
        version = stages.find(self.name).VERSION
        return fingerprint(self.name, version, self.resolved_settings, self.model_hashes)

    @cached_property
    def resolved_settings(self) -> dict[str, Any]:
        """The settings as plain data, with every value that the stage itself chooses."""
        config = contract.resolved(stages.find(self.name), self.original_config or self.config)
        return config.model_dump(mode="json")


def config_json(config: BaseModel) -> str:
    """Settings as JSON, for a task."""
    return json.dumps(config.model_dump(mode="json"), sort_keys=True)


def serialize_stages(chain: Sequence[Stage]) -> tuple[tuple[str, str], ...]:
    """Stages as a task takes them: the name and the settings as JSON of each."""
    return tuple((stage.name, stage.config_json) for stage in chain)
