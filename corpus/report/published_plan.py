"""The plan as papers may show it: no path that leads into somebody's machine, no list of names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

#: A list longer than this is told by its length: it may name thousands of accounts.
_MAX_LIST_LENGTH = 12
#: Settings that name people or places of the machine: only how many there are is told.
_COUNTED_SETTINGS = ("public", "bots", "bots_file", "public_file", "communities_file")
_ABSOLUTE = re.compile(r"^(?:[\\/~]|[A-Za-z]:[\\/]|\.\.[\\/]|file:)")


@dataclass(frozen=True)
class PublishedPlan:
    """A resolved plan."""

    plan: Mapping[str, Any]

    @classmethod
    def parse(cls, plan_yaml: str) -> PublishedPlan:
        """Read ``plan.yaml``."""
        found = yaml.safe_load(plan_yaml)
        return cls(found if isinstance(found, dict) else {})

    def output_option(self, name: str) -> str:
        """An option of ``output`` that the papers are told, or nothing."""
        return str((self.plan.get("output") or {}).get(name) or "").strip()

    @property
    def title(self) -> str:
        """What the dataset is called."""
        return self.output_option("title") or "A corpus of posts"

    @cached_property
    def stages(self) -> list[tuple[str, dict[str, Any]]]:
        """The stages in order, with what of their settings may be shown."""
        return [
            (name, _redact_setting(own or {}))
            for stage in self.plan.get("stages") or ()
            for name, own in stage.items()
        ]

    @cached_property
    def readers(self) -> list[str]:
        """The readers, each once."""
        return list(dict.fromkeys(name for s in self.plan.get("sources") or () for name in s))

    def to_yaml(self) -> str:
        """The whole plan as YAML, as far as it may be shown."""
        sources = [
            {name: _redact_setting(own or {})}
            for s in self.plan.get("sources") or ()
            for name, own in s.items()
        ]
        stages = [{name: own} for name, own in self.stages]
        output = _redact_setting(self.plan.get("output") or {})
        told = {"sources": sources, "stages": stages, "output": output}
        text: str = yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=100)
        return text


def _redact_setting(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _redact_setting(own, str(key)) for key, own in value.items()}
    if isinstance(value, list):
        if value and (name in _COUNTED_SETTINGS or len(value) > _MAX_LIST_LENGTH):
            return f"({len(value)} entries)"
        return [_redact_setting(own) for own in value]
    return hide_folders(value) if isinstance(value, str) else value


def hide_folders(path: str) -> str:
    """A path that leads out of the folder at hand, as its last part; anything else as it is."""
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1] if _ABSOLUTE.search(path) else path


def display_names(paths: list[str]) -> list[str]:
    """File names as papers give them: relative to the folder that all of them are in."""
    out = [path for path in paths if _ABSOLUTE.search(path)]
    if not out:
        return paths
    try:
        shared = os.path.commonpath([os.path.dirname(path) for path in out])
    except ValueError:  # of several drives, or relative ones among them
        return [hide_folders(path) for path in paths]
    names = {path: os.path.relpath(path, shared) for path in out}
    return [names.get(path, path) for path in paths]
