"""Write a filter or a reader of the user's own, with its test, to begin from."""

from __future__ import annotations

import importlib.util
import keyword
from pathlib import Path
from typing import Annotated

import typer

from corpus.cli import skeletons
from corpus.errors import PlanError
from corpus.stage_names import NAME

#: The package of a name without one.
_PACKAGE = "own"

NameArgument = Annotated[
    str,
    typer.Argument(metavar="NAME", help="its name, such as emoji_count or my_pkg.emoji_count"),
]
FolderOption = Annotated[
    str, typer.Option("--to", help="the folder to write the package to, such as the plan's")
]


def new_filter(name: NameArgument, to: FolderOption = ".") -> None:
    """Write a working filter and its test, in a package of your own."""
    from corpus import stages

    package, own = _split(name, stages.names())
    files = _write(Path(to), package, own, skeletons.FILTER, skeletons.FILTER_TEST)
    _print_next(files, f"- {package}.{own}: {{max_share: 0.5}}", "under 'stages:'")


def new_reader(name: NameArgument, to: FolderOption = ".") -> None:
    """Write a working reader and its test, in a package of your own."""
    from corpus import readers

    package, own = _split(name, readers.names())
    files = _write(Path(to), package, own, skeletons.READER, skeletons.READER_TEST)
    _print_next(files, f"- {package}.{own}: {{path: posts.jsonl}}", "under 'sources:'")


def _split(name: str, built_in: list[str]) -> tuple[str, str]:
    """The package and the module's own name; PlanError if it can have neither."""
    package, _, own = name.rpartition(".")
    package = package or _PACKAGE
    for part in (*package.split("."), own):
        if not NAME.fullmatch(part) or keyword.iskeyword(part):
            raise PlanError(
                f"'{name}': '{part}' is not a valid module name; use small letters, digits and "
                "'_', such as my_pkg.emoji_count"
            )
    if own in built_in:
        raise PlanError(f"'{own}' is the name of a built-in one; give another name")
    return package, own


def _write(to: Path, package: str, name: str, module: str, test: str) -> list[Path]:
    """Write the package and the two files; return these. PlanError if something is there."""
    if not to.is_dir():
        raise PlanError(f"no folder '{to}'; create it first")
    _refuse_shadowed(to, package.partition(".")[0])
    folder = to
    for part in package.split("."):
        folder = folder / part
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise PlanError(f"'{folder}' is not a folder; give another name")
    files = [folder / f"{name}.py", folder / f"test_{name}.py"]
    if present := [file for file in files if file.exists() or file.is_symlink()]:
        raise PlanError(f"'{present[0]}' exists; give another name")
    folder.mkdir(parents=True, exist_ok=True)
    while folder != to:
        if not (folder / "__init__.py").exists():
            (folder / "__init__.py").write_text(skeletons.PACKAGE, encoding="utf-8")
        folder = folder.parent
    for file, text in zip(files, (module, test), strict=True):
        text = text.replace("{name}", name).replace("{package}", package)
        file.write_text(text, encoding="utf-8")
    return files


def _refuse_shadowed(to: Path, package: str) -> None:
    """PlanError for a package that Python finds elsewhere, before the plan's folder."""
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        found = None
    if found is None:
        return
    places = [Path(place) for place in found.submodule_search_locations or ()]
    if (to / package).resolve() not in [place.resolve() for place in places]:
        raise PlanError(
            f"'{package}' is the name of an installed module, which Python would find instead; "
            "give another one"
        )


def _print_next(files: list[Path], entry: str, section: str) -> None:
    for file in files:
        print(f"wrote   {file}")
    print(f"test    python -m pytest {files[1]}")
    print(f"use     {entry}    {section} of a plan in the same folder")
