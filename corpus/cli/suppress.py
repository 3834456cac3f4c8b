"""``corpus suppress``: add requests to a key's suppression list, list them, look names up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from corpus.cli.options import JsonOption, read_lines
from corpus.errors import PlanError
from corpus.plurals import pluralize

KeyFileOption = Annotated[str, typer.Option("--key", help="the key that the list belongs to")]
IdsOption = Annotated[str | None, typer.Option(help="a file with one post id per line")]
AuthorsOption = Annotated[
    str | None, typer.Option(help="a file with one 'platform:name' or pseudonym per line")
]
NamesOption = Annotated[str | None, typer.Option(help="a file with one person's name per line")]


def add(
    ids: IdsOption = None,
    authors: AuthorsOption = None,
    names: NamesOption = None,
    key: KeyFileOption = "corpus.key",
) -> None:
    """Add requests: no later build with this key will have these posts, authors or names.

    Finished corpora are not changed: run 'corpus takedown' on them, or build them again.
    """
    from corpus.privacy import suppression

    path = _require_key(key)
    if not (ids or authors or names):
        raise PlanError("nothing to add; give --ids FILE, --authors FILE or --names FILE")
    done = suppression.add(path, read_lines(ids), read_lines(authors), read_lines(names))
    print(
        f"added {_format_counts(done.ids, done.authors, done.names)}; "
        f"{suppression.list_path(path)} now has {pluralize(done.after.entries, 'entry', 'entries')}"
    )


def list_entries(key: KeyFileOption = "corpus.key", as_json: JsonOption = False) -> None:
    """Count the requests and print the pseudonyms of posts and authors; no name is readable."""
    from corpus.privacy import suppression

    listed = suppression.load(_require_key(key))
    ids, authors, names = sorted(listed.ids), sorted(listed.authors), len(listed.names)
    if as_json:
        print(json.dumps({"ids": ids, "authors": authors, "names": names}, indent=2))
        return
    print(_format_counts(len(ids), len(authors), names))
    for kind, values in (("id", ids), ("author", authors)):
        for value in values:
            print(f"{kind} {value}")


def check(
    ids: IdsOption = None,
    authors: AuthorsOption = None,
    names: NamesOption = None,
    key: KeyFileOption = "corpus.key",
) -> None:
    """Check whether posts, authors and names are listed; a name is shown as its line number.

    Exit status 0 whether they are or not.
    """
    from corpus.privacy import suppression
    from corpus.report.terminal import make_printable

    listed = suppression.load(_require_key(key))
    if not (ids or authors or names):
        raise PlanError("nothing to look up; give --ids FILE, --authors FILE or --names FILE")
    found = [(f"id {name}", listed.includes_id(name)) for name in read_lines(ids)]
    found += [(f"author {name}", listed.includes_author(name)) for name in read_lines(authors)]
    found += [
        (f"name number {number}", listed.includes_name(name))
        for number, name in enumerate(read_lines(names), start=1)
    ]
    for name, is_listed in found:
        print(f"{'listed    ' if is_listed else 'not listed'}  {make_printable(name)}")


def _format_counts(ids: int, authors: int, names: int) -> str:
    return f"{pluralize(ids, 'id')}, {pluralize(authors, 'author')}, {pluralize(names, 'name')}"


def _require_key(key: str) -> Path | str:
    from corpus.storage.filesystem import is_url

    if is_url(key):
        return key
    if not Path(key).is_file():
        raise PlanError(f"no key at '{key}'; give the key of the corpora with --key")
    return Path(key)
