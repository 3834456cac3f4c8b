"""Commands that help to write a plan: they detect formats, list settings and check a plan."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from corpus.cli import describe
from corpus.cli.options import DEFAULT_PLAN, OutOption, PlanArgument
from corpus.cli.printing import print_message, print_record
from corpus.errors import CorpusError
from corpus.plurals import pluralize

#: ``corpus sniff`` looks for posts in so many batches of so many posts.
_MAX_BATCHES, _BATCH_POSTS = 50, 1000
#: Files that are named in a warning.
_MAX_NAMED = 10


def check(plan: PlanArgument = DEFAULT_PLAN, out: OutOption = None) -> None:
    """Find all errors of a plan in one run; it reads the first records of each source."""
    from corpus.plan.model import Plan
    from corpus.storage import filesystem

    checked = Plan.load_checked(plan, out)
    print_warnings(checked)
    files = [file for source in checked.sources for file in source.list_files()]
    total = sum(filesystem.size_and_mtime(file)[0] for file in files)
    for number, source in enumerate(checked.sources, start=1):
        _warn_of_first_records(f"source {number} ({source.reader})", source)
    print(f"{checked.name}: no errors")
    print(f"sources  {pluralize(len(files), 'file')}, {pluralize(total, 'byte')}")
    print(f"stages   {' → '.join(stage.name for stage in checked.stages)}")
    print(f"output   {checked.output.path}")


def _warn_of_first_records(name: str, source: Any) -> None:
    """Warn of what is refused or not understood in the first records of a source."""
    from corpus.plan.first_records import read_first_records

    first = read_first_records(source, source.list_files()[0])
    records = f"of the first {pluralize(first.records, 'record')}"
    for reason, count in sorted(first.refused.items()):
        print_message(f"warning: {name}: {records}, {count:,} refused: {reason}")
    posts = f"of the first {pluralize(first.posts, 'post')}"
    for column, count in sorted(first.unreadable.items()):
        print_message(f"warning: {name}: {posts}, {count:,} without a readable '{column}'")
    for key, hint in first.absent.items():
        print_message(f"warning: {name}: none of the first records has the key '{key}'{hint}")


def print_warnings(plan: Any) -> None:
    """Warn of settings of a plan that put privacy at risk, and of files that are not read."""
    if "pii" not in [stage.name for stage in plan.stages]:
        print_message("warning: the plan has no 'pii' stage: contact data is not redacted")
    if plan.output.keep_work:
        print_message(
            "warning: keep_work keeps unredacted posts in work/; remove it before sharing"
        )
    for warning in (*plan.list_misfits(), *plan.list_unknown_languages()):
        print_message(f"warning: {warning}")
    for number, source in enumerate(plan.sources, start=1):
        if beside := source.list_files_beside():
            shown = [os.path.relpath(file, source.config.path) for file in beside[:_MAX_NAMED]]
            more = f" and {len(beside) - _MAX_NAMED:,} more" if len(beside) > _MAX_NAMED else ""
            print_message(
                f"source {number} ({source.reader}): these files do not look like dumps and are "
                f"not read: {', '.join(shown)}{more}; to read them, name them in 'path'"
            )


def sniff(
    path: Annotated[str, typer.Argument(metavar="PATH", help="a dump, an archive or a folder")],
    rows: Annotated[int, typer.Option("--rows", "-n", min=0, help="how many posts to show")] = 3,
) -> None:
    """Detect which reader fits a file, and show its first posts as that reader reads them."""
    from corpus import readers
    from corpus.plan import detect_format

    if not os.path.exists(path):
        raise CorpusError(f"no file or folder at '{path}'")
    if not os.access(path, os.R_OK):
        raise CorpusError(f"no permission to read '{path}'; chmod or chown it")
    proposals = detect_format.propose_sources(path)
    if not proposals:
        raise CorpusError(
            f"no reader fits '{path}'; 'corpus readers' lists all of them, and 'table' reads any "
            "JSON lines, CSV, TSV or Parquet if the plan names its fields"
        )
    name, settings = proposals[0].reader, proposals[0].settings
    print(f"{name}  {describe.first_line(name, readers.find(name))}")
    for other in proposals[1:]:
        print(f"  or perhaps {other.reader} ({other.score:.0%})")
    if name == "table" and "text" not in settings["fields"]:
        raise CorpusError(
            "this is a table, and no column looks like the text of posts; name the columns in the "
            "plan: fields: {id: ..., text: ...}"
        )
    output = {"path": f"out/{os.path.basename(os.path.abspath(path)).partition('.')[0] or name}"}
    print(f"\nsources:\n  - {name}: {_format_settings(settings)}")
    print(f"output: {_format_settings(output)}\n")
    _print_first_posts(name, settings, path, rows)


def _format_settings(settings: dict[str, Any]) -> str:
    """Return settings as JSON, which is YAML too."""
    shown = json.dumps(settings, ensure_ascii=False)
    # A column's name may hold control characters, as a post may.
    return shown if shown.isprintable() else json.dumps(settings)


def _print_first_posts(name: str, settings: dict[str, Any], path: str, rows: int) -> None:
    """Print the first posts of a source, and count the records refused before them."""
    from corpus import readers
    from corpus.plan import detect_format

    reader = readers.find(name)
    file = detect_format.list_inputs(name, path)[0]
    refused: Counter[str] = Counter()
    unreadable: Counter[str] = Counter()
    printed = 0
    batches = reader.read(file, reader.Config.model_validate(settings), _BATCH_POSTS, None)
    for number, batch in enumerate(batches, start=1):
        for post in batch.posts.head(rows - printed).iter_rows(named=True):
            printed += 1
            print_record(post)
        refused.update(batch.refused["reason"])
        unreadable.update(batch.unreadable)
        if printed == rows or number == _MAX_BATCHES:
            break
    for reason, count in sorted(refused.items()):
        print(f"refused so far: {reason} {count:,}")
    for column, count in sorted(unreadable.items()):
        print(f"not understood so far: {column} {count:,}")
    if rows and not printed:
        print("its first records contain no post")


def demo(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="the folder to write")],
    posts: Annotated[int, typer.Option(min=200, help="about how many posts")] = 20_000,
    seed: Annotated[int, typer.Option(help="the random seed: another one gives other posts")] = 1,
) -> None:
    """Write sample dumps: invented posts with planted duplicates, spam, toxic texts and PII."""
    from corpus.demo import write

    write(Path(folder), posts=posts, seed=seed)
    print(f"dumps   {folder}, about {posts:,} posts")
    print(f"planted {folder}/planted.json lists the planted duplicates, spam and contact data")
    print(f"next    'corpus init {folder}'")


def readers(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="the reader to describe")
    ] = None,
) -> None:
    """List the readers and their settings, or describe one with an example."""
    from corpus import readers, user_code

    if name is not None:
        print(describe.describe_reader(name))
    else:
        _print_modules(readers.names(), readers.find)
        _print_installed(user_code.READERS, readers.names(), readers.find)


def filters(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="the stage to describe")
    ] = None,
) -> None:
    """List the stages and their settings, or describe one with its columns, reasons and example."""
    from corpus import stages, user_code

    if name is not None:
        print(describe.describe_stage(name))
    else:
        _print_modules(stages.names(), stages.find)
        _print_installed(user_code.FILTERS, stages.names(), stages.find)


def _print_installed(group: str, built_in: Sequence[str], find: Callable[[str], Any]) -> None:
    """Print what installed packages add by entry points; one that cannot be loaded is a warning."""
    from corpus import user_code

    for name in user_code.names(group):
        if name in built_in:
            continue
        try:
            module = find(name)
        except CorpusError as error:
            print_message(f"warning: {error}")
            continue
        _print_module(f"{name} ({user_code.find_path(name, group)})", name, module)


def _print_modules(names: Sequence[str], find: Callable[[str], Any]) -> None:
    for name in names:
        _print_module(name, name, find(name))


def _print_module(title: str, name: str, module: Any) -> None:
    print(f"{title}  {describe.first_line(name, module)}")
    for key, field in module.Config.model_fields.items():
        default = "required" if field.is_required() else repr(field.default)
        print(f"    {key}: {default}  {field.description or ''}".rstrip())
