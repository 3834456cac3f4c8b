"""Load filters and readers of the user's own, by dotted path or by entry point.

A plan names such code as ``my_pkg.emoji_count``, a module that can be imported, or by the name of
an entry point in the group ``corpus.filters`` or ``corpus.readers``. Modules are found as Python
finds them, and at last in the plan's folder, which is behind everything that is installed: nothing
in it can take the place of another module.

The code decides the output, so its source is in the fingerprint: the module, all ``.py`` files of
the package that it is in, and what it imports from beside it in a folder that is no installation.
Its modules are compiled from their source at each start, since Python's cache of compiled modules
does not notice two versions of one size within a second.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from corpus.errors import BuildError, PlanError, did_you_mean

#: The groups of entry points.
FILTERS, READERS = "corpus.filters", "corpus.readers"
#: What each group names, for messages.
_KINDS = {FILTERS: "stage", READERS: "reader"}
_INSTALLED = {"site-packages", "dist-packages"}
Versions = tuple[tuple[str, int, int], ...]  # of each file: path, time of change, bytes


@dataclass(frozen=True)
class UserModule:
    """A module of the user's own."""

    module: ModuleType
    digest: str  # SHA-256 of the source, without its folder
    files: Versions
    roots: tuple[str, ...]  # the packages, or single modules, that the source consists of

    def locate(self, error: BaseException) -> str:
        """Return the file and the line of the code at which ``error`` was raised, or ''."""
        own = {file for file, _, _ in self.files}
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in own]
        return f" at {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""


_folder = ""  # of the plan that is used
_is_appended = False  # whether this module has put it on the import path
_loaded: dict[str, UserModule] = {}  # by dotted path


# --------------------------------------------------------------------------- looking up


def use_folder(folder: str) -> None:
    """Append the folder of a plan to the import path, in place of that of an earlier plan.

    '' is no folder. Code that was loaded from the earlier folder is forgotten.
    """
    global _folder, _is_appended
    if folder != _folder:
        for path in [path for path, loaded in _loaded.items() if _is_below(loaded, _folder)]:
            _forget(path)
        if _is_appended and _folder in sys.path:
            sys.path.remove(_folder)
        _is_appended = bool(folder) and folder not in sys.path
        if _is_appended:
            sys.path.append(folder)
        _folder = folder
    importlib.invalidate_caches()
    _find_entry_points.cache_clear()


def names(group: str) -> list[str]:
    """Return the names of a group's entry points, sorted."""
    return sorted(_find_entry_points(group))


def find_path(name: str, group: str) -> str:
    """Return the dotted path of the module that a name in a plan is; PlanError if there is none."""
    found = _find_entry_points(group).get(name)
    if found is None and "." in name:
        return name
    if found is None:
        known = did_you_mean(name, names(group)) if names(group) else ""
        raise PlanError(f"unknown {_KINDS[group]} '{name}'{known}")
    if found.attr:
        raise PlanError(
            f"{describe(name, group)}: its entry point '{found.value}' names an attribute; name "
            f"the module: '{found.module}'"
        )
    return found.module


def is_user_code(name: str, group: str) -> bool:
    """Return whether a name that is no built-in one names code of the user's own."""
    return "." in name or name in _find_entry_points(group)


def load(name: str, group: str) -> UserModule:
    """Import the module that a plan calls ``name``; again, if its source has changed since.

    PlanError if it is not there or fails while it is imported.
    """
    path = find_path(name, group)
    loaded = _loaded.get(path)
    if loaded is not None and loaded.files == _file_versions([file for file, *_ in loaded.files]):
        return loaded
    _forget(path)
    _loaded[path] = _import(path, name, group)
    return _loaded[path]


def require_digest(name: str, group: str, digest: str) -> None:
    """BuildError unless the source of loaded code begins with ``digest``, if that is given."""
    if not load(name, group).digest.startswith(digest):
        raise BuildError(
            f"the source of {describe(name, group)} is not that with which the build began; if "
            "it was changed, run again, and on a cluster install the same on every node"
        )


def describe(name: str, group: str) -> str:
    """Return what a name in a plan is, for a message: ``stage 'my_pkg.emoji_count'``."""
    return f"{_KINDS[group]} '{name}'"


def list_shipped_paths() -> list[str]:
    """Return the packages and modules of the plan's folder that are loaded, for other machines."""
    found = []
    for loaded in _loaded.values():
        if not _is_below(loaded, _folder):
            continue
        for root in loaded.roots:
            package = Path(_folder, root)
            found.append(str(package if package.is_dir() else package.with_suffix(".py")))
    return sorted(set(found))


@lru_cache(maxsize=2)
def _find_entry_points(group: str) -> dict[str, EntryPoint]:
    return _read_entry_points(group, tuple(map(_folder_version, sys.path)))


@lru_cache(maxsize=4)
def _read_entry_points(group: str, versions: tuple[object, ...]) -> dict[str, EntryPoint]:
    """Read the metadata of every installed package, again only if ``versions`` have changed."""
    return {found.name: found for found in entry_points(group=group)}


def _folder_version(folder: str) -> tuple[str, int]:
    """What changes if a package is installed into a folder of the import path, or removed."""
    try:
        return os.path.abspath(folder), os.stat(folder or ".").st_mtime_ns
    except OSError:
        return folder, 0


# --------------------------------------------------------------------------- importing


class _SourceLoader(SourceFileLoader):
    """Compiles a module from its source, without Python's cache of compiled modules."""

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _Finder:
    """Finds the user's modules as Python does, and has them compiled from their source."""

    def __init__(self) -> None:
        self.roots: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in self.roots:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin and type(spec.loader) is SourceFileLoader:
            spec.loader = _SourceLoader(fullname, spec.origin)
        return spec


_finder = _Finder()


def _import(path: str, name: str, group: str) -> UserModule:
    root = path.partition(".")[0]
    _finder.roots.add(root)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name and (path == error.name or path.startswith(f"{error.name}.")):
            where = f" nor in '{_folder}', the plan's folder" if _folder else ""
            raise PlanError(
                f"{describe(name, group)}: there is no module '{error.name}', neither installed"
                f"{where}; a plan names a module by its dotted path, such as my_pkg.emoji_count"
            ) from None
        raise PlanError(
            f"{describe(name, group)}: '{path}' imports '{error.name}', which is not installed; "
            "install it"
        ) from None
    except (Exception, SystemExit) as error:
        raise PlanError(
            f"{describe(name, group)}: '{path}' cannot be imported: {type(error).__name__}: "
            f"{_describe_import_error(error)}; mend it"
        ) from None
    roots = _list_roots(root)
    files = [file for each in roots for _, file in _list_sources(each)]
    return UserModule(module, _hash(roots), _file_versions([str(file) for file in files]), roots)


def _describe_import_error(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.msg} in {Path(error.filename or '?').name}, line {error.lineno}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{str(error)[:200]}{where}"


def _forget(path: str) -> None:
    """Remove a module, and all modules of its roots, so that they are imported again."""
    loaded = _loaded.pop(path, None)
    roots = loaded.roots if loaded else ()
    for name in [name for name in sys.modules if name.partition(".")[0] in roots]:
        del sys.modules[name]
    for other in [other for other in _loaded if other.partition(".")[0] in roots]:
        del _loaded[other]
    importlib.invalidate_caches()


# --------------------------------------------------------------------------- its source


def _list_roots(root: str) -> tuple[str, ...]:
    """The package or module, and those beside it that it imports, in a folder of the user's own."""
    found, todo = [root], [root]
    folder = _folder_of(root)
    if folder is None or _INSTALLED & set(folder.parts):
        return tuple(found)
    while todo:
        for _, file in _list_sources(todo.pop()):
            for name in _list_imports(file):
                if name not in found and _folder_of(name) == folder:
                    _finder.roots.add(name)
                    found.append(name)
                    todo.append(name)
    return tuple(sorted(found))


def _list_imports(file: Path) -> Iterator[str]:
    """The first parts of the modules that a file imports by their full names."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def _folder_of(root: str) -> Path | None:
    """The folder that has a package or a module; None of what is built into Python."""
    spec = PathFinder.find_spec(root)
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or ())
    origin = places[0] if places else spec.origin
    return Path(origin).parent if origin and Path(origin).is_absolute() else None


def _list_sources(root: str) -> list[tuple[str, Path]]:
    """The source files of a package, or the one of a module, by their names in it, sorted."""
    spec = PathFinder.find_spec(root)
    if spec is None:
        return []
    if spec.submodule_search_locations is None:
        return [(root, Path(spec.origin))] if spec.origin else []
    return sorted(
        (f"{root}/{file.relative_to(place).as_posix()}", file)
        for place in spec.submodule_search_locations
        for file in Path(place).rglob("*.py")
    )


def _hash(roots: Sequence[str]) -> str:
    hasher = hashlib.sha256()
    for name, file in (source for root in roots for source in _list_sources(root)):
        hasher.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return hasher.hexdigest()


def _file_versions(files: Sequence[str]) -> Versions:
    versions = []
    for file in files:
        try:
            status = Path(file).stat()
        except OSError:
            versions.append((file, 0, -1))
            continue
        versions.append((file, status.st_mtime_ns, status.st_size))
    return tuple(versions)


def _is_below(loaded: UserModule, folder: str) -> bool:
    return bool(folder) and any(Path(folder) in Path(file).parents for file, *_ in loaded.files)
