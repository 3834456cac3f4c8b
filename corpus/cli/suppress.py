"""``corpus suppress``: add requests to a key's suppression list, list them, look names up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from corpus.cli.options import JsonOption, read_lines
from corpus.errors import PlanError

KeyFileOption = Annotated[str, typer.Option("--key", help="the key whose list it is")]
IdsOption = Annotated[str | None, typer.Option(help="a file with a post id a line")]
AuthorsOption = Annotated[
    str | None, typer.Option(help="a file with 'platform:name', or a pseudonym, a line")
]
NamesOption = Annotated[str | None, typer.Option(help="a file with a person's name a line")]


def add(
    ids: IdsOption = None,
    authors: AuthorsOption = None,
    names: NamesOption = None,
    key: KeyFileOption = "corpus.key",
) -> None:
    """Add requests: no later build under the key has these posts, authors' posts or names.

    Finished corpora are not changed: run 'corpus takedown' on them, or build them again.
    """
    from corpus.privacy import suppression

    path = _require_key(key)
    if not (ids or authors or names):
        raise PlanError("nothing to add; give --ids FILE, --authors FILE or --names FILE")
    done = suppression.add(path, read_lines(ids), read_lines(authors), read_lines(names))
    print(
        f"added {done.ids:,} ids, {done.authors:,} authors and {done.names:,} names; "
        f"{done.after.entries:,} entries in {suppression.list_path(path)}"
    )


def list_entries(key: KeyFileOption = "corpus.key", as_json: JsonOption = False) -> None:
    """Count the requests and print the keyed names of posts and authors; no name is in clear."""
    from corpus.privacy import suppression

    listed = suppression.load(_require_key(key))
    ids, authors, names = sorted(listed.ids), sorted(listed.authors), len(listed.names)
    if as_json:
        print(json.dumps({"ids": ids, "authors": authors, "names": names}, indent=2))
        return
    print(f"{len(ids):,} ids, {len(authors):,} authors and {names:,} names")
    for kind, values in (("id", ids), ("author", authors)):
        for value in values:
            print(f"{kind} {value}")


def check(
    ids: IdsOption = None,
    authors: AuthorsOption = None,
    names: NamesOption = None,
    key: KeyFileOption = "corpus.key",
) -> None:
    """Say which posts, authors and names are listed; names are printed by the number of their line.

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


def _require_key(key: str) -> Path | str:
    from corpus.storage.filesystem import is_url

    if is_url(key):
        return key
    if not Path(key).is_file():
        raise PlanError(f"no key at '{key}'; give the key of the corpora with --key")
    return Path(key)
