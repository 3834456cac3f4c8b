"""All commands of ``corpus``, in the order of the help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from corpus.cli import build, export, init, inspect, maintain, new, plan, suppress, train, view

#: Each command, with the examples at the end of its help.
COMMANDS: dict[Callable[..., None], tuple[str, ...]] = {
    build.build: (
        "corpus build",
        "corpus build my.yaml",
        "corpus build my.yaml --out out/again --workers 4",
        "corpus build my.yaml --dry-run",
        "corpus build my.yaml --log-json 2> build.log",
    ),
    build.status: ("corpus status out/reddit-en", "watch corpus status out/reddit-en"),
    init.init: ("corpus init dumps", "corpus init dumps/reddit --out reddit.yaml"),
    plan.check: ("corpus check", "corpus check my.yaml"),
    plan.sniff: ("corpus sniff dumps/RC_2024-05.zst", "corpus sniff export.zip -n 10"),
    plan.demo: ("corpus demo dumps/demo", "corpus demo dumps/large --posts 100000 --seed 2"),
    inspect.report: ("corpus report out/reddit-en",),
    inspect.diff: (
        "corpus diff out/reddit-en out/again",
        "corpus diff out/reddit-en out/again --posts --json > moved.jsonl",
    ),
    inspect.peek: (
        "corpus peek out/reddit-en -n 20 --seed 3",
        "corpus peek out/reddit-en --dropped quality",
    ),
    view.view: ("corpus view out/reddit-en", "corpus view out/reddit-en --dumps /data/dumps"),
    inspect.explain: ("corpus explain out/reddit-en reddit:t1_c0abc",),
    maintain.takedown: (
        "corpus takedown out/reddit-en --ids ids.txt",
        "corpus takedown out/reddit-en --authors authors.txt --key keys/corpus.key",
        "corpus takedown out/x-en --notices compliance.jsonl",
    ),
    maintain.publish: ("corpus publish out/reddit-en s3://bucket/reddit-en",),
    maintain.audit: (
        "corpus audit out/reddit-en",
        "corpus audit out/reddit-en --strict --json > audit.json",
    ),
    maintain.verify: ("corpus verify out/reddit-en", "corpus verify out/reddit-en --quick"),
    train.tokenize: ("corpus tokenize out/reddit-en --tokenizer tokenizer.json",),
    export.export: (
        "corpus export out/reddit-en --format jsonl --columns id,text,lang --where \"lang = 'en'\"",
        "corpus export out/reddit-en --format megatron --tokenizer tokenizer.json --to data",
        "corpus export out/threads --format chat --to sft --chat-form sharegpt",
    ),
    maintain.tune: (
        "corpus tune out/reddit-en",
        "corpus tune out/reddit-en toxicity.max_score=0.7 --json",
    ),
    train.train: (
        "corpus train --labelled spam.csv --text body --label kind --out spam.ftz",
        "corpus train --labelled spam.csv --text body --label kind --out spam.ftz "
        "--precision 0.95 --for spam",
    ),
    plan.readers: ("corpus readers", "corpus readers table"),
    plan.filters: ("corpus filters", "corpus filters language"),
}

#: The commands of ``corpus suppress``, by their names.
SUPPRESS_COMMANDS: dict[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    "add": (
        suppress.add,
        ("corpus suppress add --authors authors.txt", "corpus suppress add --names names.txt"),
    ),
    "list": (suppress.list_entries, ("corpus suppress list --key keys/corpus.key",)),
    "check": (suppress.check, ("corpus suppress check --ids ids.txt",)),
}

#: The commands of ``corpus new``, by their names.
NEW_COMMANDS: dict[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    "filter": (
        new.new_filter,
        ("corpus new filter emoji_count", "corpus new filter my_pkg.emoji_count --to plans"),
    ),
    "reader": (new.new_reader, ("corpus new reader my_pkg.guestbook",)),
}

app = typer.Typer(
    name="corpus",
    help="Raw post dumps in, a training-ready Parquet corpus out.\n\n"
    "Exit status: 0 done, 1 the build failed (or audit, verify and status found something), "
    "2 the command or the plan is wrong, 130 stopped by Ctrl-C, SIGTERM or SIGHUP (run the command "
    "again to continue).",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


def _print_version(requested: bool) -> None:
    if requested:
        from corpus import __version__

        typer.echo(f"social-corpus {__version__}")
        raise typer.Exit


@app.callback()
def _root_command(
    version: Annotated[
        bool,
        typer.Option("--version", help="print the version", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Take the options that belong to no command."""


def _format_examples(examples: tuple[str, ...]) -> str:
    # In typer's help a blank line ends a paragraph, so each example gets a line of its own.
    return "\n\n".join(["Examples:", *examples])


for _command, _examples in COMMANDS.items():
    app.command(epilog=_format_examples(_examples))(_command)
_suppress = typer.Typer(
    help="Manage the list of posts and people that no later build with the same key may contain.",
    no_args_is_help=True,
)
for _name, (_command, _examples) in SUPPRESS_COMMANDS.items():
    _suppress.command(_name, epilog=_format_examples(_examples))(_command)
app.add_typer(_suppress, name="suppress")
_new = typer.Typer(
    help="Write a working filter or reader of your own, with its test, as a starting point.",
    no_args_is_help=True,
)
for _name, (_command, _examples) in NEW_COMMANDS.items():
    _new.command(_name, epilog=_format_examples(_examples))(_command)
app.add_typer(_new, name="new")
