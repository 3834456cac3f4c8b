"""Commands that check, change or upload a finished corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

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


def takedown(
    out: LocalCorpusArgument,
    ids: Annotated[str | None, typer.Option(help="a file with a post id a line")] = None,
    authors: Annotated[
        str | None, typer.Option(help="a file with 'platform:name', or a pseudonym, a line")
    ] = None,
    notices: Annotated[
        str | None,
        typer.Option(help="a newer dump or compliance file: what it announces as deleted"),
    ] = None,
    key: KeyOption = None,
    names: Annotated[
        str | None, typer.Option(help="a file with a person's name a line, to replace in all texts")
    ] = None,
) -> None:
    """Remove posts and authors from a finished corpus; a copy replaces a removed original.

    Reposts of them are removed, and in the posts of others only what they quote is cut. Only the
    shards that hold them are written again, and later builds under the key keep them out. Stopped
    halfway, it finishes when run again.
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
            f"{announced.notices:,} notices, of {len(announced.ids):,} posts and "
            f"{len(announced.authors):,} authors here"
        )
    done = take_down(out, asked_ids, asked_authors, key, read_lines(names))
    print(f"{done['removed']:,} posts removed, {done['elected']:,} replaced by a copy")
    if done["cut"]:
        print(f"{done['cut']:,} posts of others changed, {done['redacted']:,} names replaced")
    if done["ledger_rows"]:
        print(f"{done['ledger_rows']:,} rows of dropped posts cleared in the ledger")
    if done["ledger_unknown"]:
        print("the ledger of this corpus does not say whose posts were dropped: it has no people/")
    if done["alongside"]:
        print(f"{done['alongside']:,} posts removed with documents that could not be cut")
    if done["tokens_removed"]:
        print("tokens/ held them too and was removed; run 'corpus tokenize' again")
    for name in done["exports_removed"]:
        print(f"{name}/ held them too and was removed; run 'corpus export' again")
    for path in done["copies"]:
        print(f"{Path(out) / path} was made of the old texts: remove it, and make it again")
    if done["work_removed"]:
        print("work/ held them too and was removed")
    if done["unknown"]:
        print(f"{len(done['unknown']):,} not found here:")
        for name in done["unknown"]:
            print(f"  {make_printable(name)}")
    if done["unresolved"]:
        print(
            "X's authors are numbers here, and the dumps did not say whose these names are; give "
            "the number of the account, such as x:1234567890"
        )


def publish(
    out: LocalCorpusArgument,
    url: Annotated[str, typer.Argument(metavar="URL", help="such as s3://bucket/corpus")],
    replace: Annotated[bool, typer.Option(help="upload over another corpus")] = False,
    with_index: Annotated[
        bool,
        typer.Option(
            "--with-index",
            help="upload index/ and reserve/ too, which need the key: for 'against' and takedowns",
        ),
    ] = False,
) -> None:
    """Upload a finished corpus: shards, then the rest, the manifest last.

    Only files that builds wrote are uploaded. Run it again to go on where an interrupted upload
    stopped.
    """
    from corpus import stages
    from corpus.report.terminal import make_printable
    from corpus.storage import filesystem, upload
    from corpus.storage.folder_lock import locked_corpus
    from corpus.storage.unfinished_takedown import recover

    if not filesystem.is_url(url):
        raise PlanError(f"'{url}' is no URL; give one such as s3://bucket/corpus")
    filesystem.require_usable_url(url)
    recover(Path(out))
    with locked_corpus(Path(out), "upload") as manifest:
        remote = upload.check_destination(url, replace=replace)
        if not replace and not upload.is_copy(remote, manifest):
            raise PlanError(f"'{url}' holds another corpus; give another URL, or --replace")
        done = upload.upload_corpus(
            Path(out),
            url,
            lambda step, done, total: None,
            omitted=() if with_index else upload.KEYED_FOLDERS,
            stages=stages.names(),
        )
    print(f"{len(manifest['shards'])} shards in {url}")
    if done.omitted_folders:
        names = " and ".join(f"{name}/" for name in done.omitted_folders)
        print(f"not uploaded: {names} (--with-index uploads them)")
    for name in done.foreign:
        print(f"not uploaded: {make_printable(name)}, which no build wrote")


def audit(
    out: LocalCorpusArgument,
    key: Annotated[
        str | None,
        typer.Option(help="the corpus's key, to look for canaries, requests and clear names"),
    ] = None,
    strict: Annotated[bool, typer.Option(help="look for names of people and places too")] = False,
    min_authors: Annotated[
        int, typer.Option(min=2, help="a string of fewer authors counts as rare")
    ] = 3,
    max_rare: Annotated[
        int | None, typer.Option(min=0, help="fail if there are more rare strings")
    ] = None,
    max_clear: Annotated[
        int | None,
        typer.Option(min=0, help="fail if more texts have the name of an author or post in clear"),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Read a finished corpus again and say whether anything private is in it. Exit status 0 or 1.

    Contact data and handles in texts, columns and files, by the plan's filter and by a detector of
    its own; ids, rare strings, canaries, suppressed posts, and whether the files are whole.
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
    quick: Annotated[bool, typer.Option("--quick", help="sizes only; no shard is read")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say whether a finished corpus is what was built. Exit status 0 or 1.

    Every hash, schema and count, and whether the ledger has a row for each dropped post.
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
        typer.Argument(metavar="[STAGE.SETTING=VALUE]...", help="such as toxicity.max_score=0.7"),
    ] = None,
    examples: Annotated[int, typer.Option(min=0, help="posts of each kind to show")] = 3,
    texts: Annotated[
        bool,
        typer.Option(
            "--text", help="redacted texts of posts it would bring back, of work/ or the dumps"
        ),
    ] = False,
    dumps: DumpsOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which posts other settings would drop or bring back; nothing is scored again.

    Without settings: what other values of each threshold would do.
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
