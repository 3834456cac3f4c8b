"""The command that writes a plan for a folder of dumps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from corpus.cli.options import DEFAULT_PLAN
from corpus.cli.printing import print_message
from corpus.errors import CorpusError, PlanError
from corpus.plurals import pluralize

_MAX_NAMED = 10


def init(
    dumps: Annotated[str, typer.Argument(metavar="DUMPS", help="the folder with the dumps")],
    out: Annotated[str, typer.Option("--out", help="the plan to write")] = DEFAULT_PLAN,
    force: Annotated[
        bool, typer.Option("--force", help="replace a plan that this command wrote")
    ] = False,
) -> None:
    """Detect the dumps in a folder and write a commented plan that builds them."""
    from corpus.plan.find_sources import find_sources
    from corpus.plan.propose_plan import count_languages, format_size, propose_plan
    from corpus.tasks.files import atomic_write

    if not os.path.isdir(dumps):
        what = "is a file; give its folder" if os.path.exists(dumps) else "does not exist"
        raise PlanError(f"'{dumps}' {what}")
    _check_plan(Path(out), force)
    survey = find_sources(os.path.normpath(dumps))
    for source in survey.sources:
        files = pluralize(len(source.files), "file")
        print(f"{source.reader:<14} {source.settings['path']}")
        print(f"{'':<14} {files}, {format_size(source.size_bytes)}")
        if source.problem:
            print_message(f"warning: {source.reader}: {source.problem}")
    _print_names("no reader fits", survey.unknown)
    _print_names("skipped, because a build wrote it:", survey.corpora)
    _print_names("no permission to read", survey.unreadable)
    if not survey.sources:
        raise CorpusError(
            f"no dump found in '{dumps}'; 'corpus readers' lists what can be read, and the reader "
            "'table' reads any JSON lines, CSV, TSV or Parquet if the plan names its fields"
        )
    languages = count_languages(survey.sources)
    name = os.path.basename(os.path.abspath(dumps))
    text = propose_plan(survey, languages, f"out/{name}")
    with atomic_write(Path(out)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"\nplan    {out}")
    print(f"next    read the plan, then run 'corpus check {out}' and 'corpus build {out}'")


def _check_plan(path: Path, force: bool) -> None:
    """PlanError if the plan may not be written to ``path``."""
    from corpus.plan.propose_plan import HEAD

    if not path.parent.is_dir():
        raise PlanError(f"no folder '{path.parent}' to write the plan to; create it first")
    if not os.path.lexists(path):
        return
    if not force:
        raise PlanError(f"'{path}' exists; give another file with --out, or --force to replace it")
    if path.is_symlink() or not path.is_file() or not _begins_with(path, HEAD):
        raise PlanError(
            f"'{path}' was not written by 'corpus init', so --force does not replace it; give "
            "another file with --out"
        )


def _begins_with(path: Path, head: str) -> bool:
    with path.open("rb") as file:
        return file.read(len(head.encode())) == head.encode()


def _print_names(title: str, names: list[str]) -> None:
    for name in names[:_MAX_NAMED]:
        print_message(f"{title} '{name}'")
    if len(names) > _MAX_NAMED:
        print_message(f"{title} {len(names) - _MAX_NAMED:,} more; the plan names some of them")
