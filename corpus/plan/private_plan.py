"""Keep a build's plan with its real paths beside the corpus's key, where only its owner reads it.

The output has the plan without paths, which describe a machine and may name its user and the people
whose exports were read. The folder ``corpus.key.plans/`` (the key's name and ``.plans``, mode 0700)
has for each corpus, named after its folder and its plan, ``NAME.yaml``, a plan that can be built,
and ``NAME.files.json``: the path of each file that ``source_file`` names.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from corpus.privacy import keys
from corpus.storage import filesystem
from corpus.tasks.files import atomic_write
from corpus.yaml_text import dump_yaml

FOLDER_SUFFIX = ".plans"
_HEAD = (
    "# Private: the plan of a corpus with the paths it was built from. Keep it with the key.\n"
    "# The corpus's own plan.yaml has no paths.\n"
)


@dataclass(frozen=True)
class PrivatePlan:
    """A plan with absolute paths."""

    path: Path
    written_ns: int  # when the build began, in nanoseconds since 1970
    document: dict[str, Any]
    files: dict[str, str]  # by their names in the output


def plans_folder(key_path: Path | str, out: Path) -> Path:
    """Return the folder of private plans: beside the key, or beside the output for a key's URL.

    If the key's path is a link, it is beside the file that the link leads to.
    """
    is_url = filesystem.is_url(key_path)
    key = out.parent / "corpus.key" if is_url else keys.follow_links(key_path)
    return key.with_name(key.name + FOLDER_SUFFIX)


def write(
    document: dict[str, Any], files: dict[str, str], key_path: Path | str, out: Path, name: str
) -> None:
    """Write the plan of the corpus in ``out``; OSError if the folder cannot be written to.

    ``name`` is the plan's fingerprint; ``files`` are paths by their names in the output.
    """
    folder = plans_folder(key_path, out)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = _stem(out, name)
    text = _HEAD + dump_yaml(document)
    for file, content in (
        (f"{stem}.files.json", json.dumps(files, ensure_ascii=True, indent=0)),
        (f"{stem}.yaml", text),
    ):
        with atomic_write(folder / file) as temporary:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(content)


def find(key_path: Path | str, out: Path, name: str) -> PrivatePlan | None:
    """Return the private plan of the corpus in ``out``; None if there is none that can be read.

    If the corpus was moved to a folder of another name, a plan with its fingerprint is found if
    there is only one.
    """
    path = _find_plan(plans_folder(key_path, out), out, name)
    if path is None and not filesystem.is_url(key_path):
        # Earlier versions wrote beside a link to a key.
        path = _find_plan(Path(f"{key_path}{FOLDER_SUFFIX}"), out, name)
    if path is None:
        return None
    with suppress(OSError, ValueError, yaml.YAMLError):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        files = json.loads(path.with_suffix(".files.json").read_text(encoding="utf-8"))
        if isinstance(document, dict) and isinstance(files, dict):
            return PrivatePlan(path, path.stat().st_mtime_ns, document, files)
    return None


def _find_plan(folder: Path, out: Path, name: str) -> Path | None:
    path = folder / f"{_stem(out, name)}.yaml"
    if path.is_file():
        return path
    others = sorted(folder.glob(f"*-{name[:16]}.yaml"))
    return others[0] if len(others) == 1 else None


def absolute_path(path: str) -> str:
    """Return a path from the root; a URL as it is."""
    return path if filesystem.is_url(path) else os.path.abspath(path)


def _stem(out: Path, name: str) -> str:
    return f"{out.resolve().name}-{name[:16]}"
