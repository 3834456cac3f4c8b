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
from corpus.cli.options import OutOption, PlanArgument
from corpus.cli.printing import print_message, print_record
from corpus.errors import CorpusError

#: ``corpus sniff`` looks for posts in so many batches of so many posts.
_MAX_BATCHES, _BATCH_POSTS = 50, 1000
#: Files that are named in a warning.
_MAX_NAMED = 10


def check(plan: PlanArgument, out: OutOption = None) -> None:
    """Find all errors of a plan in one run; it reads the first records of each source."""
    from corpus.plan.model import Plan
    from corpus.storage import filesystem

    checked = Plan.load_checked(plan, out)
    print_warnings(checked)
    files = [file for source in checked.sources for file in source.list_files()]
    total = sum(filesystem.size_and_mtime(file)[0] for file in files)
    for number, source in enumerate(checked.sources, start=1):
        _warn_of_first_records(f"source {number} ({source.reader})", source)
    print(f"{checked.name} is sound")
    print(f"sources  {len(files)} file{'s' if len(files) != 1 else ''}, {total:,} bytes")
    print(f"stages   {' → '.join(stage.name for stage in checked.stages)}")
    print(f"output   {checked.output.path}")


def _warn_of_first_records(name: str, source: Any) -> None:
    """Warn of what is refused or not understood in the first records of a source."""
    from corpus.plan.first_records import read_first_records

    first = read_first_records(source, source.list_files()[0])
    for reason, count in sorted(first.refused.items()):
        print_message(f"warning: {name}: {count:,} of {first.records:,} refused: {reason}")
    for column, count in sorted(first.unreadable.items()):
        print_message(f"warning: {name}: {column}: {count:,} of {first.posts:,} not understood")
    for key, hint in first.absent.items():
        print_message(f"warning: {name}: no record of the first has the key '{key}'{hint}")


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
                f"source {number} ({source.reader}): not read, since they are no dumps: "
                f"{', '.join(shown)}{more}; a path or a pattern that names them reads them"
            )


def sniff(
    path: Annotated[str, typer.Argument(metavar="PATH", help="a dump, an archive or a folder")],
    rows: Annotated[int, typer.Option("--rows", "-n", min=0, help="posts to show")] = 3,
) -> None:
    """Say which reader fits a file, and show posts of it as they would be read."""
    from corpus import readers
    from corpus.plan import detect_format

    if not os.path.exists(path):
        raise CorpusError(f"no file or folder at '{path}'")
    if not os.access(path, os.R_OK):
        raise CorpusError(f"no permission to read '{path}'; chmod or chown it")
    proposals = detect_format.propose_sources(path)
    if not proposals:
        raise CorpusError(
            f"no reader knows '{path}'; 'corpus readers' lists them, and 'table' reads any JSON "
            "lines, CSV, TSV or Parquet once its fields are named"
        )
    name, settings = proposals[0].reader, proposals[0].settings
    print(f"{name}  {describe.first_line(name, readers.find(name))}")
    for other in proposals[1:]:
        print(f"  or perhaps {other.reader} ({other.score:.0%})")
    if name == "table" and "text" not in settings["fields"]:
        raise CorpusError(
            "it is a table, and no column looks like a text; name it in the plan: "
            "fields: {id: ..., text: ...}"
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
        print("no post in its first records")


def demo(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="where to write them")],
    posts: Annotated[int, typer.Option(min=200, help="about how many posts")] = 20_000,
    seed: Annotated[int, typer.Option(help="another seed, other posts")] = 1,
) -> None:
    """Write sample dumps: invented posts with planted duplicates, junk, toxic text and PII."""
    from corpus.demo import write

    write(Path(folder), posts=posts, seed=seed)
    print(f"about {posts:,} posts in {folder}; planted.json there says what is hidden in them")


def readers(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="one reader")] = None,
) -> None:
    """List the readers and their settings, or describe one with an example."""
    from corpus import readers

    if name is not None:
        print(describe.describe_reader(name))
    else:
        _print_modules(readers.names(), readers.find)


def filters(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="one stage")] = None,
) -> None:
    """List the stages and their settings, or describe one with its columns, reasons and example."""
    from corpus import stages

    if name is not None:
        print(describe.describe_stage(name))
    else:
        _print_modules(stages.names(), stages.find)


def _print_modules(names: Sequence[str], find: Callable[[str], Any]) -> None:
    for name in names:
        module = find(name)
        print(f"{name}  {describe.first_line(name, module)}")
        for key, field in module.Config.model_fields.items():
            default = "required" if field.is_required() else repr(field.default)
            print(f"    {key}: {default}  {field.description or ''}".rstrip())
