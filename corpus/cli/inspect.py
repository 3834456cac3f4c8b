"""Commands that show what a finished corpus holds."""

from __future__ import annotations

import json
import random
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpus.cli.options import CorpusArgument, DumpsOption, KeyOption
from corpus.cli.printing import print_post, print_record
from corpus.errors import CorpusError, PlanError, did_you_mean
from corpus.plurals import pluralize

if TYPE_CHECKING:
    import polars as pl

    from corpus.loader.load import Corpus

_COMPARISON_FILE = "against.html"


def report(
    out: CorpusArgument,
    against: Annotated[str | None, typer.Option(help="another corpus to compare with")] = None,
    html: Annotated[
        str | None, typer.Option(help="write the report, with speeds, to this file")
    ] = None,
) -> None:
    """Print the report of a finished corpus, or write a page that compares it with another one."""
    from corpus.journal import read_consistently
    from corpus.storage.folder_lock import locked_if_inside
    from corpus.storage.remote_path import parse_path
    from corpus.storage.unfinished_takedown import recover

    folder = parse_path(out)
    recover(folder)
    if not (html or against):
        _print_report(folder)
        return
    page = Path(html or _COMPARISON_FILE)
    with locked_if_inside(folder, page, "report"):
        other = parse_path(against) if against else None
        recover(other)
        text = read_consistently(
            folder, lambda: _render_comparison(folder, other) if other else _render(folder)
        )
        _write_page(page, text)


def _print_report(folder: Any) -> None:
    from rich.console import Console

    from corpus.journal import read_consistently
    from corpus.manifest import load_manifest
    from corpus.report import statistics, terminal

    manifest, counts = read_consistently(
        folder, lambda: (load_manifest(folder), statistics.load_statistics(folder))
    )
    terminal.print_report(Console(), manifest, counts)
    print(f"\npage    {folder / 'report.html'}")


def _render_comparison(folder: Any, other: Any) -> str:
    from corpus.maintenance.diff import compare_corpora
    from corpus.report.comparison_page import render_comparison

    return render_comparison(folder, other, compare_corpora(folder, other))


def _render(folder: Any) -> str:
    from corpus.manifest import load_manifest
    from corpus.plan.built_plan import load_built_plan
    from corpus.report import report_page, statistics
    from corpus.report.published_plan import PublishedPlan

    manifest, counts = load_manifest(folder), statistics.load_statistics(folder)
    plan = PublishedPlan.parse(load_built_plan(folder).text)
    return report_page.render_report(manifest, plan, counts, with_speeds=True)


def _write_page(path: Path, text: str) -> None:
    from corpus.tasks.files import atomic_write

    if not path.parent.is_dir():
        raise PlanError(f"no folder '{path.parent}' to write the page to; create it first")
    if path.is_dir():
        raise PlanError(f"'{path}' is a folder; give a file with --html")
    if path.is_symlink() or (path.exists() and not _is_page(path, text)):
        raise PlanError(
            f"'{path}' is not a report, so it is not replaced; give another file with --html"
        )
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"page    {path}")


def _is_page(path: Path, text: str) -> bool:
    """Whether a file begins as the pages of this tool do."""
    begin = text[: text.index("content=")].encode()
    with path.open("rb") as file:
        return file.read(len(begin)) == begin


def diff(
    before: Annotated[
        str, typer.Argument(metavar="A", help="a corpus: the folder that 'corpus build' wrote")
    ],
    after: Annotated[str, typer.Argument(metavar="B", help="the corpus to compare it with")],
    posts: Annotated[
        bool, typer.Option("--posts", help="also list each post with another outcome")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON lines")] = False,
) -> None:
    """Compare two builds: settings, counts and, with --posts, the outcome of each post."""
    from corpus.maintenance.diff import compare_corpora, compare_posts, format_differences
    from corpus.report.terminal import make_printable
    from corpus.storage.filesystem import is_url
    from corpus.storage.unfinished_takedown import recover

    recover(Path(before))
    recover(Path(after))
    if urls := [given for given in (before, after) if is_url(given)]:
        raise PlanError(
            f"'{urls[0]}': copy it to this machine first: 'corpus diff' reads all posts"
        )
    differences = compare_corpora(Path(before), Path(after))
    obstacle = None if differences["comparable"] is True else differences["comparable"]
    if posts and obstacle:
        raise CorpusError(f"posts cannot be compared: {obstacle}")
    if as_json:
        print(json.dumps(differences, ensure_ascii=False))
    else:
        print(format_differences(differences))
        if obstacle:
            print(f"note: posts cannot be compared: {obstacle}")
    if not posts:
        return
    count = 0
    for change in compare_posts(Path(before), Path(after)):
        count += 1
        if as_json:
            print(json.dumps(change._asdict(), ensure_ascii=False))
        else:
            print(make_printable(f"{change.id}: {change.before} → {change.after}"))
    if not as_json:
        print(f"{pluralize(count, 'post')} with another outcome")


def peek(
    out: CorpusArgument,
    dropped: Annotated[str | None, typer.Option(help="show posts that this stage dropped")] = None,
    reason: Annotated[str | None, typer.Option(help="with --dropped: only for this reason")] = None,
    rows: Annotated[int, typer.Option("--rows", "-n", min=1, help="how many to show")] = 5,
    seed: Annotated[int, typer.Option(help="the random seed: another one shows other rows")] = 0,
    text: Annotated[
        bool,
        typer.Option(
            "--text", help="with --dropped: show redacted texts, read from work/ or the dumps"
        ),
    ] = False,
    dumps: DumpsOption = None,
    key: KeyOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="show every column that has a value")
    ] = False,
) -> None:
    """Show random documents, or with --dropped random rows of the ledger, which have no text."""
    from corpus.journal import read_consistently
    from corpus.storage.remote_path import RemotePath, parse_path

    folder = parse_path(out)
    if dropped is None and (reason or text):
        raise PlanError("--reason and --text are for dropped posts; name a stage with --dropped")
    if text and isinstance(folder, RemotePath):
        raise PlanError(
            f"'{out}' is a URL, and texts of dropped posts are not uploaded; run this where the "
            "corpus was built"
        )

    def pick() -> pl.DataFrame | None:
        picked = _pick_rows(out, dropped, reason, rows, seed)
        return picked if picked is None or not text else _add_texts(picked, out, key, dumps)

    picked = read_consistently(folder, pick)
    if picked is None:
        print("no documents" if dropped is None else f"'{dropped}' dropped no post")
        return
    thresholds = _load_thresholds(out) if dropped is not None else []
    for record in picked.iter_rows(named=True):
        if everything:
            print_record(record)
        elif dropped is None:
            print_post(record["text"], _list_facts(record))
        else:
            print_post(record.get("text"), _list_ledger_facts(record, thresholds, text))


def _pick_rows(
    out: str, dropped: str | None, reason: str | None, rows: int, seed: int
) -> pl.DataFrame | None:
    """Return random documents or ledger rows; None if there are none."""
    import polars as pl

    from corpus.loader.load import load

    corpus = load(out)
    frame = corpus.scan()
    if dropped is not None:
        reasons = {row["stage"]: row["dropped"] for row in corpus.manifest["funnel"]}
        reasons = {"read": corpus.manifest["refused"], **reasons}
        if dropped not in reasons:
            hint = did_you_mean(dropped, reasons)
            raise CorpusError(f"no stage '{dropped}' in this corpus{hint}")
        frame = corpus.dropped().filter(pl.col("stage") == dropped)
        if reason is not None:
            if reason not in reasons[dropped]:
                hint = did_you_mean(reason, reasons[dropped])
                raise CorpusError(f"'{dropped}' dropped no post for '{reason}'{hint}")
            frame = frame.filter(pl.col("reason") == reason)
    total = frame.select(pl.len()).collect().item()
    if not total:
        return None
    chosen = random.Random(seed).sample(range(total), min(rows, total))
    picked = frame.with_row_index("_row").filter(pl.col("_row").is_in(chosen)).drop("_row")
    return picked.collect()


def _add_texts(rows: pl.DataFrame, out: str, key: str | None, dumps: str | None) -> pl.DataFrame:
    from corpus.maintenance.dropped_texts import DroppedTexts

    return DroppedTexts(out, key, dumps).add_texts(rows)


def _load_thresholds(out: str) -> list[dict[str, Any]]:
    from corpus.manifest import load_manifest
    from corpus.storage.remote_path import parse_path

    found: list[dict[str, Any]] = load_manifest(parse_path(out)).get("thresholds", [])
    return found


def _list_facts(record: dict[str, Any]) -> list[object]:
    """What a reader of a kept document wants to know."""
    lang = record.get("lang")
    return [
        *_list_origin(record),
        f"{lang} {record['lang_score']:.2f}" if lang and record.get("lang_score") else lang,
        f"score {record['score']:,}" if record.get("score") is not None else None,
        pluralize(len(record["post_ids"]), "post") if record.get("post_ids") else None,
        record["id"],
    ]


def _list_ledger_facts(
    record: dict[str, Any], thresholds: list[dict[str, Any]], has_texts: bool
) -> list[object]:
    """Which stage dropped a post, why, and the measures that decided."""
    if has_texts and record.get("text") is None:
        found: list[object] = ["(no text to show)"]
    else:
        found = _list_origin(record)
    measures = [
        f"{row['column']} {record[row['column']]:.4g} ({row['setting']} {row['value']})"
        for row in thresholds
        if (row["stage"], row["reason"]) == (record["stage"], record["reason"])
        and record.get(row["column"]) is not None
    ]
    place = f"{record['source_file']}, row {record['source_row']}"
    return [f"{record['stage']}: {record['reason']}", *measures, *found, place, record["id"]]


def _list_origin(record: dict[str, Any]) -> list[object]:
    created = record.get("created_at")
    origin = [record.get(name) for name in ("platform", "kind", "community")]
    return [*origin, f"{created:%Y-%m-%d}" if created else None]


def explain(
    out: CorpusArgument,
    post_id: Annotated[
        str, typer.Argument(metavar="POST_ID", help="the id of the post, such as reddit:t1_c0abc")
    ],
    key: KeyOption = None,
) -> None:
    """Show what happened to a post: kept, or dropped by which stage, why, and its scores."""
    from corpus.journal import read_version, require_version
    from corpus.loader.load import load

    corpus = load(out)
    version = read_version(corpus.path)
    name = _find_id_in_corpus(post_id, corpus, key)
    count = _print_kept(post_id, name, corpus) + _print_dropped(post_id, name, corpus)
    require_version(corpus.path, version)
    if not count:
        raise CorpusError(
            f"no post '{post_id}' in '{out}', kept or dropped; ids look like reddit:t1_c0abc or "
            "x:1234567890; records that could not be read have no id (see 'corpus peek OUT "
            "--dropped read')"
        )


def _find_id_in_corpus(post_id: str, corpus: Corpus, key: str | None) -> str:
    """Return the id that the corpus has for a post: keyed, or as the platform has it."""
    from corpus.privacy import keys
    from corpus.privacy.pseudonyms import Pseudonymizer

    if corpus.manifest.get("ids", "original") == "original" or keys.KEYED_ID.search(post_id):
        return post_id
    secret = keys.load_corpus_key(corpus.path, corpus.manifest, key)
    return Pseudonymizer(secret, "keyed").pseudonymize_id(post_id) or post_id


def _print_kept(post_id: str, name: str, corpus: Corpus) -> int:
    """Print the documents that hold a post; return how many there are."""
    import polars as pl

    from corpus.report.terminal import make_printable

    matches = pl.col("id") == name
    if "post_ids" in corpus.scan().collect_schema():
        matches = matches | pl.col("post_ids").list.contains(name)
    count = 0
    for shard in corpus.manifest["shards"]:
        documents = corpus.scan([shard]).filter(matches).drop("text").collect()
        for document in documents.iter_rows(named=True):
            count += 1
            part_of = document["id"] != name
            inside = f", document {make_printable(document['id'])}" if part_of else ""
            print(f"{post_id}: kept, in {shard['path']}{inside}")
            print_record(document, skip=("id",))
    return count


def _print_dropped(post_id: str, name: str, corpus: Corpus) -> int:
    """Print the ledger rows of a post with the settings of their stages; return how many."""
    import polars as pl

    from corpus.plan.built_plan import load_built_plan

    settings = dict(load_built_plan(corpus.path).public_stages)
    rows = corpus.dropped().filter(pl.col("id") == name).collect()
    for row in rows.iter_rows(named=True):
        stage = row["stage"]
        print(f"{post_id}: dropped by {stage}: {row['reason']}")
        print_record(row, skip=("id", "stage", "reason"))
        if stage in settings:
            lines = textwrap.wrap(
                f"settings of {stage}: {settings[stage]}",
                96,
                initial_indent="  ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            print("\n".join(lines))
    return len(rows)
