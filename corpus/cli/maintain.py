"""Commands that check, change or upload a finished corpus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpus.cli.options import (
    CorpusArgument,
    DumpsOption,
    JsonOption,
    KeyOption,
    LocalCorpusArgument,
    read_lines,
)
from corpus.errors import PlanError
from corpus.plurals import pluralize

if TYPE_CHECKING:
    from corpus.storage.filesystem import Commit


def takedown(
    out: LocalCorpusArgument,
    ids: Annotated[str | None, typer.Option(help="a file with one post id per line")] = None,
    authors: Annotated[
        str | None, typer.Option(help="a file with one 'platform:name' or pseudonym per line")
    ] = None,
    notices: Annotated[
        str | None,
        typer.Option(help="a newer dump or compliance file, for what it says is deleted"),
    ] = None,
    key: KeyOption = None,
    names: Annotated[
        str | None,
        typer.Option(help="a file with one person's name per line, to replace in all texts"),
    ] = None,
) -> None:
    """Remove posts and authors from a finished corpus.

    If the corpus has another copy of a removed post, that copy takes its place. Reposts are
    removed; in posts that quote a removed post only the quotation is cut. Only the shards
    concerned are written again, and later builds with the same key leave these posts out. If it
    is interrupted, run the same command again.
    """
    from corpus.maintenance.notices import find_announced
    from corpus.maintenance.takedown import take_down
    from corpus.report.terminal import make_printable

    if not (ids or authors or notices or names):
        raise PlanError(
            "nothing to take down; give --ids, --authors or --names FILE, or --notices SOURCE"
        )
    asked_ids, asked_authors = read_lines(ids), read_lines(authors)
    if notices:
        announced = find_announced(out, notices, key)
        asked_ids += sorted(announced.ids)
        asked_authors += sorted(announced.authors)
        print(
            f"{pluralize(announced.notices, 'deletion notice')}; this corpus has "
            f"{pluralize(len(announced.ids), 'post')} and "
            f"{pluralize(len(announced.authors), 'author')} of them"
        )
    done = take_down(out, asked_ids, asked_authors, key, read_lines(names))
    removed = pluralize(done["removed"], "post")
    print(f"{removed} removed; a copy replaces {done['elected']:,} of them")
    if done["cut"]:
        print(
            f"{pluralize(done['cut'], 'post')} of others changed, "
            f"{pluralize(done['redacted'], 'name')} replaced"
        )
    if done["ledger_rows"]:
        print(f"{pluralize(done['ledger_rows'], 'row')} of dropped posts cleared in the ledger")
    if done["ledger_unknown"]:
        print(
            "the ledger may have rows of these authors: without the folder people/ it does not "
            "show whose posts were dropped"
        )
    if done["alongside"]:
        print(
            f"{pluralize(done['alongside'], 'post')} of others removed, because the document "
            "around a removed post could not be shortened"
        )
    if done["tokens_removed"]:
        print("tokens/ removed, because it had these posts; run 'corpus tokenize' again")
    for name in done["exports_removed"]:
        print(f"{name}/ removed, because it had these posts; run 'corpus export' again")
    for path in done["copies"]:
        print(f"{Path(out) / path} was made from the old texts: delete it and make it again")
    if done["work_removed"]:
        print("work/ removed, because it had these posts")
    if done["unknown"]:
        print(f"not found in this corpus: {len(done['unknown']):,}")
        for name in done["unknown"]:
            print(f"  {make_printable(name)}")
    if any(":" not in name and name in asked_ids for name in done["unknown"]):
        print("a post's id begins with its platform, such as reddit:t1_c0abc; add it and run again")
    if done["unresolved"]:
        print(
            "X's authors are numbers here, and the dumps did not say whose these names are; give "
            "the number of the account, such as x:1234567890"
        )


def publish(
    out: LocalCorpusArgument,
    url: Annotated[
        str, typer.Argument(metavar="URL", help="where to upload, such as s3://bucket/corpus")
    ],
    replace: Annotated[bool, typer.Option(help="replace another corpus at the URL")] = False,
    with_index: Annotated[
        bool,
        typer.Option(
            "--with-index",
            help="also upload index/ and reserve/, for 'against' and takedowns; they need the key",
        ),
    ] = False,
    squash_history: Annotated[
        bool,
        typer.Option(
            "--squash-history",
            help="then make one commit of a Hub repository, which removes all earlier files of it",
        ),
    ] = False,
) -> None:
    """Upload a finished corpus: shards, then the rest, the manifest last.

    Only files that a build wrote are uploaded. After an interruption the same command continues.
    What the store still holds of replaced files is listed.
    """
    from corpus import stages
    from corpus.report.terminal import make_printable
    from corpus.storage import filesystem, upload
    from corpus.storage.folder_lock import locked_corpus
    from corpus.storage.unfinished_takedown import recover

    if not filesystem.is_url(url):
        raise PlanError(f"'{url}' is not a URL; give one such as s3://bucket/corpus")
    filesystem.require_usable_url(url)
    if squash_history and not url.lower().startswith("hf://"):
        raise PlanError(f"'{url}' has no commits; --squash-history is for hf:// URLs")
    recover(Path(out))
    with locked_corpus(Path(out), "upload") as manifest:
        remote = upload.check_destination(url, replace=replace)
        if not replace and not upload.is_copy(remote, manifest):
            raise PlanError(f"'{url}' holds another corpus; give another URL, or --replace")
        commits = [] if squash_history else filesystem.list_commits(url)
        done = upload.upload_corpus(
            Path(out),
            url,
            lambda step, done, total: None,
            omitted=() if with_index else upload.KEYED_FOLDERS,
            stages=stages.names(),
        )
    print(f"uploaded to {url}: {pluralize(len(manifest['shards']), 'shard')}")
    if done.omitted_folders:
        names = " and ".join(f"{name}/" for name in done.omitted_folders)
        print(f"not uploaded: {names} (--with-index uploads them)")
    for name in done.foreign:
        print(f"not uploaded: {make_printable(name)}, which no build wrote")
    if squash_history:
        filesystem.squash_commits(url)
        print(f"all commits of {url} are one now, without the files of earlier ones")
    elif done.replaced:
        _print_history(url, commits, done.replaced)


_COMMITS_LISTED = 10


def _print_history(url: str, commits: Sequence[Commit], replaced: Sequence[str]) -> None:
    """Print where the store still holds files that were replaced: earlier commits, or versions."""
    from corpus.storage import filesystem

    if commits:
        names = ", ".join(f"{each.name[:12]} ({each.day})" for each in commits[:_COMMITS_LISTED])
        more = len(commits) - _COMMITS_LISTED
        print(
            f"{pluralize(len(commits), 'earlier commit')} may still hold what was replaced or "
            f"removed: {names}"
            + (f" and {more} more" if more > 0 else "")
            + "; --squash-history makes one commit of all"
        )
        return
    older = filesystem.count_older_versions(replaced)
    if older is None:
        print(
            f"files at {url} were replaced or removed; if the store keeps versions of objects, "
            "remove the older ones with its own tools"
        )
    for file, count in sorted((older or {}).items()):
        print(f"still held by the store: {pluralize(count, 'older version')} of {file}")


def audit(
    out: LocalCorpusArgument,
    key: Annotated[
        str | None,
        typer.Option(help="the key of the corpus, to search for canaries, requests and names"),
    ] = None,
    strict: Annotated[
        bool, typer.Option(help="also search for names of people and places")
    ] = False,
    min_authors: Annotated[
        int, typer.Option(min=2, help="a string that fewer authors wrote counts as rare")
    ] = 3,
    max_rare: Annotated[
        int | None, typer.Option(min=0, help="fail above this number of rare strings")
    ] = None,
    max_clear: Annotated[
        int | None,
        typer.Option(min=0, help="fail if more texts contain an author's name or a post's id"),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="worker processes")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Search a finished corpus for private data. Exit status 1 if it finds any.

    It searches texts, columns and files for contact data and handles, with the plan's settings of
    'pii' and with a second, independent detector; it checks ids, rare strings, canaries, the
    suppression list, and that all files are as they were built.
    """
    from corpus.maintenance import audit

    result = audit.audit(
        out,
        key=key,
        strict=strict,
        min_authors=min_authors,
        max_rare=max_rare,
        max_clear=max_clear,
        workers=workers,
    )
    _finish_check(result, audit.format_audit(result), as_json)


def verify(
    out: CorpusArgument,
    quick: Annotated[
        bool, typer.Option("--quick", help="compare sizes only, without reading the shards")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check that a finished corpus is as it was built. Exit status 1 if not.

    It compares every hash, schema and count with the manifest, and the ledger's rows with the
    number of dropped posts.
    """
    from corpus.maintenance import verify

    result = verify.verify(out, quick=quick)
    _finish_check(result, verify.format_verification(result), as_json)


def _finish_check(result: dict[str, Any], text: str, as_json: bool) -> None:
    print(json.dumps(result, indent=2) if as_json else text)
    if not result["passed"]:
        raise typer.Exit(1)


def tune(
    out: LocalCorpusArgument,
    proposals: Annotated[
        list[str] | None,
        typer.Argument(metavar="STAGE.SETTING=VALUE", help="such as toxicity.max_score=0.7"),
    ] = None,
    examples: Annotated[
        int, typer.Option(min=0, help="how many examples of each kind to show")
    ] = 3,
    texts: Annotated[
        bool,
        typer.Option(
            "--text", help="also show redacted texts of dropped posts, read from work/ or the dumps"
        ),
    ] = False,
    dumps: DumpsOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which posts other settings would drop or keep, from the stored scores.

    Without settings it shows what other values of each threshold would do.
    """
    from corpus.journal import read_consistently
    from corpus.maintenance import tune
    from corpus.maintenance.dropped_texts import DroppedTexts
    from corpus.report.terminal import make_printable
    from corpus.storage.unfinished_takedown import recover

    recover(Path(out))
    if proposals:
        parsed = tune.parse_proposals(proposals)
        found = DroppedTexts(out, key, dumps) if texts else None
        result = read_consistently(Path(out), lambda: tune.tune(out, parsed, examples, found))
        text = tune.format_tuning(result)
    else:
        settings = read_consistently(Path(out), lambda: tune.survey(out))
        result, text = {"corpus": out, "settings": settings}, tune.format_survey(settings)
    print(json.dumps(result, indent=2) if as_json else make_printable(text))
