"""The plan as it may be published: no path of somebody's machine, no list of accounts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from corpus.stage_names import Entry, format_entry, parse_entry
from corpus.yaml_text import dump_yaml

#: A longer list is replaced by its length: it may name thousands of accounts.
_MAX_LIST_LENGTH = 12
#: Settings that name people or files of the machine: a list of them is replaced by its length.
_COUNTED_SETTINGS = ("public", "bots", "bots_file", "public_file", "communities_file")
_ABSOLUTE = re.compile(r"^(?:[\\/~]|[A-Za-z]:[\\/]|\.\.[\\/]|file:)")


@dataclass(frozen=True)
class PublishedPlan:
    """A resolved plan, read for what its documentation may show of it."""

    plan: Mapping[str, Any]

    @classmethod
    def parse(cls, plan_yaml: str) -> PublishedPlan:
        """Read the text of ``plan.yaml``."""
        found = yaml.safe_load(plan_yaml)
        return cls(found if isinstance(found, dict) else {})

    def output_option(self, name: str) -> str:
        """Return an option of ``output`` as text; empty if the plan does not set it."""
        return str((self.plan.get("output") or {}).get(name) or "").strip()

    @property
    def title(self) -> str:
        """The title of the dataset."""
        return self.output_option("title") or "A corpus of posts"

    @cached_property
    def stages(self) -> list[tuple[str, dict[str, Any]]]:
        """The names of the stages in order, each with its settings as they may be shown."""
        return [(entry.name, entry.settings) for entry in self._entries]

    @cached_property
    def _entries(self) -> list[Entry]:
        entries = map(parse_entry, self.plan.get("stages") or ())
        return [entry._replace(settings=_redact_setting(entry.settings)) for entry in entries]

    @cached_property
    def readers(self) -> list[str]:
        """The names of the readers, each once."""
        return list(dict.fromkeys(name for s in self.plan.get("sources") or () for name in s))

    def has_stage(self, name: str) -> bool:
        """Whether the plan runs a stage."""
        return any(name == stage for stage, _ in self.stages)

    @cached_property
    def shown_yaml(self) -> str:
        """The plan as YAML, as it may be shown."""
        sources = [
            {name: _redact_setting(own or {})}
            for s in self.plan.get("sources") or ()
            for name, own in s.items()
        ]
        stages = [format_entry(entry.kind, entry.name, entry.settings) for entry in self._entries]
        output = _redact_setting(self.plan.get("output") or {})
        shown = {"sources": sources, "stages": stages, "output": output}
        return dump_yaml(shown, width=100)


def _redact_setting(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _redact_setting(own, str(key)) for key, own in value.items()}
    if isinstance(value, list):
        if value and (name in _COUNTED_SETTINGS or len(value) > _MAX_LIST_LENGTH):
            return f"({len(value)} entries)"
        return [_redact_setting(own) for own in value]
    return hide_folders(value) if isinstance(value, str) else value


def hide_folders(path: str) -> str:
    """Return the last part of a path that leads out of the working folder; else the text itself."""
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1] if _ABSOLUTE.search(path) else path


def display_names(paths: list[str]) -> list[str]:
    """Return the names that the documentation gives to files.

    They are relative to the deepest folder that holds all of the absolute ones.
    """
    absolute = [path for path in paths if _ABSOLUTE.search(path)]
    if not absolute:
        return paths
    try:
        shared = os.path.commonpath([os.path.dirname(path) for path in absolute])
    except ValueError:  # of several drives, or relative ones among them
        return [hide_folders(path) for path in paths]
    names = {path: os.path.relpath(path, shared) for path in absolute}
    return [names.get(path, path) for path in paths]
