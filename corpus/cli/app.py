"""The command line: ``corpus build PLAN`` and what belongs to it."""

from __future__ import annotations

import _thread
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from corpus.cli import examples
from corpus.errors import BuildError, CorpusError, PlanError, did_you_mean

app = typer.Typer(
    name="corpus",
    help="Raw post dumps in, a training-ready Parquet corpus out.\n\n"
    "Exit status: 0 done, 1 the build failed (or audit and status found something), "
    "2 the command or the plan is wrong, 130 stopped by Ctrl-C, SIGTERM or SIGHUP (run again to "
    "go on).",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


def _print_version(requested: bool) -> None:
    if requested:
        from corpus import __version__

        typer.echo(f"corpus-builder {__version__}")
        raise typer.Exit


@app.callback()
def _root_command(
    version: Annotated[
        bool,
        typer.Option("--version", help="print the version", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Options of no command."""


def _require_local(out: str) -> str:
    """A corpus on this machine, for what changes it or reads it piece by piece."""
    from corpus.storage import filesystem

    if filesystem.is_url(out):
        raise PlanError(
            f"'{out}' is elsewhere; give the folder here that it was built in, or a copy (what "
            "changed here goes there with 'corpus publish OUT URL --replace')"
        )
    return out


PlanArgument = Annotated[str, typer.Argument(metavar="PLAN", help="a YAML plan")]
CorpusArgument = Annotated[
    str, typer.Argument(metavar="OUT", help="a finished corpus, here or a URL")
]
LocalCorpusArgument = Annotated[
    str, typer.Argument(metavar="OUT", help="a folder that a build wrote", callback=_require_local)
]
OutOption = Annotated[str | None, typer.Option("--out", help="the folder to build")]


@app.command()
def build(
    plan: PlanArgument,
    out: OutOption = None,
    workers: Annotated[int | None, typer.Option(help="processes; default: every core")] = None,
    runner: Annotated[str | None, typer.Option(help="serial, processes or ray")] = None,
    replace: Annotated[bool, typer.Option(help="build over what another plan built")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress")] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="progress and errors as JSON lines on stderr")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="build a hundredth, say what all of it would take")
    ] = False,
) -> None:
    """Build a corpus. Run it again to go on where an interrupted build stopped."""
    from corpus.pipeline import build as pipeline
    from corpus.plan.model import Plan
    from corpus.tasks import progress

    if log_json:
        _use_json_log()
    checked = Plan.load(plan).with_options(out, workers, runner)
    for warning in _list_warnings(checked):
        _print_message(f"warning: {warning}")
    if dry_run:
        from corpus.pipeline import estimate

        print(estimate.format_estimate(estimate.estimate_build(checked)))
        return
    with progress.open_observer(quiet, log_json) as watcher:
        manifest = pipeline.build(checked, replace=replace, observer=watcher)
    if log_json:
        return
    _print_funnel(manifest)
    folder = checked.output.path.rstrip("/")
    print(f"shards  {folder}/shards")
    print(f"report  {folder}/report.html")


@app.command()
def status(
    out: LocalCorpusArgument,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say how far a running build is, or how it ended. Exit status 1 if it died or failed."""
    from corpus.tasks import status as standing

    found = standing.read_status(Path(out))
    print(json.dumps(found, indent=2) if as_json else make_printable(standing.format_status(found)))
    if found["state"] in ("died", "failed", "stopped"):
        raise typer.Exit(1)


@app.command()
def check(plan: PlanArgument, out: OutOption = None) -> None:
    """Check a plan without reading more than the start of its files."""
    from corpus.plan import detect_format
    from corpus.plan.model import Plan

    checked = Plan.load(plan).with_options(out).with_local_copies()
    checked.check_paths()
    for warning in _list_warnings(checked):
        _print_message(f"warning: {warning}")
    files = [file for source in checked.sources for file in source.list_files()]
    total = sum(detect_format.size_and_mtime(file)[0] for file in files)
    print(f"{checked.name} is sound")
    print(f"sources  {len(files)} file{'s' if len(files) != 1 else ''}, {total:,} bytes")
    print(f"stages   {' → '.join(stage.name for stage in checked.stages)}")
    print(f"output   {checked.output.path}")


@app.command()
def sniff(
    path: Annotated[str, typer.Argument(metavar="PATH", help="a dump, an archive or a folder")],
    rows: Annotated[int, typer.Option("--rows", "-n", min=0, help="posts to show")] = 3,
) -> None:
    """Say which reader fits a file, and show posts of it as they would be read."""
    from corpus import readers
    from corpus.plan import detect_format as nose

    if not os.path.exists(path):
        raise CorpusError(f"no file or folder at '{path}'")
    if not os.access(path, os.R_OK):
        raise CorpusError(f"no permission to read '{path}'; chmod or chown it")
    scores = nose.rank_readers(path)
    if not scores:
        raise CorpusError(
            f"no reader knows '{path}'; 'corpus readers' lists them, and 'table' reads any JSON "
            "lines, CSV, TSV or Parquet once its fields are named"
        )
    name = scores[0][0]
    print(f"{name}  {(readers.find(name).__doc__ or '').strip().splitlines()[0]}")
    for other, score in scores[1:]:
        print(f"  or perhaps {other} ({score:.0%})")
    settings: dict[str, Any] = {"path": path}
    if name == "table":
        settings["fields"] = nose.guess_fields(path)
        if "text" not in settings["fields"]:
            raise CorpusError(
                "it is a table, and no column looks like a text; name it in the plan: "
                "fields: {id: ..., text: ...}"
            )
    shown = json.dumps(settings, ensure_ascii=False)
    if not shown.isprintable():  # names of columns are as strange as posts
        shown = json.dumps(settings)
    print(f"\nsources:\n  - {name}: {shown}\n")
    _print_first_posts(name, settings, path, rows)


def _print_first_posts(name: str, settings: dict[str, Any], path: str, rows: int) -> None:
    """Print the first posts of a source, and what else was met on the way to them."""
    from corpus import readers
    from corpus.plan import detect_format as nose

    module = readers.find(name)
    files = nose.list_inputs(name, path)
    refused: dict[str, int] = {}
    left = rows
    batches = module.read(files[0], module.Config.model_validate(settings), 1000, None)
    for number, batch in enumerate(batches, start=1):
        for row in batch.posts.head(left).iter_rows(named=True):
            left -= 1
            _print_record(row)
        for reason in batch.refused["reason"]:
            refused[reason] = refused.get(reason, 0) + 1
        if left <= 0 or number >= 50:
            break
    for reason, count in sorted(refused.items()):
        print(f"refused so far: {reason} {count:,}")
    if left == rows and rows:
        print("no post in its first records")


@app.command()
def demo(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="where to write them")],
    posts: Annotated[int, typer.Option(min=200, help="about how many posts")] = 20_000,
    seed: Annotated[int, typer.Option(help="another seed, other posts")] = 1,
) -> None:
    """Write sample dumps: invented posts with planted duplicates, junk, toxic text and PII."""
    from corpus import demo as generator

    generator.write(Path(folder), posts=posts, seed=seed)
    print(f"about {posts:,} posts in {folder}; planted.json there says what is hidden in them")


@app.command()
def report(
    out: CorpusArgument,
    against: Annotated[str | None, typer.Option(help="another corpus, to see both beside")] = None,
    html: Annotated[
        str | None, typer.Option(help="write a page here, with speeds; needed for none but them")
    ] = None,
) -> None:
    """Print what a finished corpus holds, or write two of them side by side as a page."""
    from corpus.cli import report as commands
    from corpus.storage.remote_path import parse_path

    commands.show_report(
        parse_path(out), parse_path(against) if against else None, Path(html) if html else None
    )


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="a folder that a build wrote")],
    after: Annotated[str, typer.Argument(metavar="B", help="another one")],
    posts: Annotated[bool, typer.Option("--posts", help="each post that moved, too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON lines")] = False,
) -> None:
    """Say what moved between two builds: settings, counts and, if asked, each post."""
    from corpus.cli import report as commands
    from corpus.storage.filesystem import is_url

    if found := [given for given in (before, after) if is_url(given)]:
        raise PlanError(f"'{found[0]}': copy it to this machine first; diff reads all of its posts")
    commands.show_diff(Path(before), Path(after), posts, as_json)


@app.command()
def peek(
    out: CorpusArgument,
    dropped: Annotated[str | None, typer.Option(help="ledger rows of this stage")] = None,
    rows: Annotated[int, typer.Option("--rows", "-n", min=1, help="how many")] = 5,
    seed: Annotated[int, typer.Option(help="another seed, other rows")] = 0,
) -> None:
    """Show a few documents, or with --dropped a few ledger rows (which hold no text)."""
    import polars as pl

    from corpus.loader.load import load

    found = load(out)
    frame = found.scan()
    if dropped is not None:
        known = ["read", *(row["stage"] for row in found.manifest["funnel"])]
        if dropped not in known:
            raise CorpusError(f"no stage '{dropped}' in this corpus{did_you_mean(dropped, known)}")
        frame = found.dropped().filter(pl.col("stage") == dropped)
    total = frame.select(pl.len()).collect().item()
    if not total:
        print("nothing there")
        return
    import random

    chosen = sorted(random.Random(seed).sample(range(total), min(rows, total)))
    picked = frame.with_row_index("_row").filter(pl.col("_row").is_in(chosen)).drop("_row")
    for row in picked.collect().iter_rows(named=True):
        _print_record(row)


@app.command()
def explain(
    out: CorpusArgument,
    post_id: Annotated[str, typer.Argument(metavar="POST_ID", help="such as reddit:t1_c0abc")],
    key: Annotated[
        str | None, typer.Option(help="the corpus's key; default: corpus.key beside OUT")
    ] = None,
) -> None:
    """Say what became of a post: kept, or which stage dropped it, why, with which scores."""
    import textwrap

    import polars as pl
    import yaml

    from corpus.loader.load import load

    found = load(out)
    hits = 0
    name = _id_in_corpus(post_id, found, key)
    holds = pl.col("id") == name
    if "post_ids" in found.scan().collect_schema():
        holds = holds | pl.col("post_ids").list.contains(name)
    for listed in found.manifest["shards"]:
        kept = found.scan([listed]).filter(holds).drop("text").collect()
        for row in kept.iter_rows(named=True):
            hits += 1
            inside = f", document {make_printable(row['id'])}" if row["id"] != name else ""
            print(f"{post_id}: kept, in {listed['path']}{inside}")
            _print_record(row, skip=("id",))
    plan = yaml.safe_load((found.path / "plan.yaml").read_text(encoding="utf-8"))
    settings = {name: config for stage in plan["stages"] for name, config in stage.items()}
    gone = found.dropped().filter(pl.col("id") == name).collect()
    for row in gone.iter_rows(named=True):
        hits += 1
        stage, reason = row["stage"], row["reason"]
        print(f"{post_id}: dropped by {stage}: {reason}")
        _print_record(row, skip=("id", "stage", "reason"))
        if stage in settings:
            told = f"under {stage}: {settings[stage]}"
            print(textwrap.fill(told, 96, initial_indent="  ", subsequent_indent="    ",
                                break_long_words=False, break_on_hyphens=False))  # fmt: skip
    if not hits:
        raise CorpusError(
            f"no post '{post_id}' in '{out}', kept or dropped; ids look like reddit:t1_c0abc or "
            "x:1234567890, and refused records (corpus peek --dropped read) have none"
        )


def _id_in_corpus(post_id: str, found: Any, key: str | None) -> str:
    """What a corpus calls a post."""
    from corpus.privacy import keys
    from corpus.privacy.pseudonyms import Pseudonymizer

    if found.manifest.get("ids", "original") == "original" or keys.KEYED_ID.search(post_id):
        return post_id
    return (
        Pseudonymizer(
            keys.load_corpus_key(found.path, found.manifest, key), "keyed"
        ).pseudonymize_id(post_id)
        or post_id
    )


@app.command()
def takedown(
    out: LocalCorpusArgument,
    ids: Annotated[str | None, typer.Option(help="a file with a post id a line")] = None,
    authors: Annotated[
        str | None, typer.Option(help="a file with 'platform:name', or a pseudonym, a line")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="the corpus's key; default: corpus.key beside OUT")
    ] = None,
) -> None:
    """Take posts and authors out of a finished corpus; a second copy takes a first one's place.

    Only the shards that hold them are written again. Stopped halfway, it finishes when run again.
    """
    from corpus.maintenance.takedown import take_down

    if not ids and not authors:
        raise PlanError("nothing to take down; give --ids FILE, or --authors FILE, or both")
    found = take_down(out, _read_lines(ids), _read_lines(authors), key)
    print(
        f"{found['removed']:,} posts taken out, {found['elected']:,} second copies in their place"
    )
    if found["alongside"]:
        print(f"{found['alongside']:,} posts went with documents that could not be cut")
    if found["tokens_removed"]:
        print("tokens/ held them too and was removed; run 'corpus tokenize' again")
    if found["unknown"]:
        print(f"{len(found['unknown']):,} not found here:")
        for name in found["unknown"]:
            print(f"  {make_printable(name)}")


def _read_lines(path: str | None) -> list[str]:
    """The lines of a file that are not blank."""
    if path is None:
        return []
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise PlanError(f"cannot read '{path}': {reason}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


@app.command()
def publish(
    out: LocalCorpusArgument,
    url: Annotated[str, typer.Argument(metavar="URL", help="such as s3://bucket/corpus")],
    replace: Annotated[bool, typer.Option(help="upload over another corpus")] = False,
) -> None:
    """Upload a finished corpus: shards, then the rest, the manifest last. Stopped, it goes on."""
    from corpus.storage import filesystem
    from corpus.storage import upload as publishing
    from corpus.storage.folder_lock import locked_corpus

    if not filesystem.is_url(url):
        raise PlanError(f"'{url}' is no URL; give one such as s3://bucket/corpus")
    filesystem.require_usable_url(url)
    with locked_corpus(Path(out), "upload") as manifest:
        there = publishing.check_destination(url, replace=replace)
        if there not in (None, manifest) and not replace:
            raise PlanError(f"'{url}' holds another corpus; give another URL, or --replace")
        publishing.upload_corpus(Path(out), url, lambda step, done, total: None)
    print(f"{len(manifest['shards'])} shards in {url}")


@app.command()
def audit(
    out: LocalCorpusArgument,
    key: Annotated[str | None, typer.Option(help="the corpus's key, to look for canaries")] = None,
    strict: Annotated[bool, typer.Option(help="look for people and places too")] = False,
    min_authors: Annotated[
        int, typer.Option(min=2, help="a string of fewer authors counts as rare")
    ] = 3,
    max_rare: Annotated[
        int | None, typer.Option(min=0, help="fail if there are more rare strings")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Read a finished corpus again and say whether anything private is in it. Exit status 0 or 1.

    Contact data, handles, ids, rare strings, canaries, and whether the files are whole.
    """
    from corpus.maintenance import audit as auditing

    found = auditing.audit(
        out, key=key, strict=strict, min_authors=min_authors, max_rare=max_rare, workers=workers
    )
    print(json.dumps(found, indent=2) if as_json else auditing.format_audit(found))
    if not found["passed"]:
        raise typer.Exit(1)


@app.command()
def verify(
    out: CorpusArgument,
    quick: Annotated[bool, typer.Option("--quick", help="sizes only; no shard is read")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say whether a finished corpus is what was built. Exit status 0 or 1.

    Every hash, schema and count, and whether the ledger has a row for each post that left.
    """
    from corpus.maintenance import verify as verifying

    found = verifying.verify(out, quick=quick)
    print(json.dumps(found, indent=2) if as_json else verifying.format_verification(found))
    if not found["passed"]:
        raise typer.Exit(1)


@app.command()
def tokenize(
    out: CorpusArgument,
    tokenizer: Annotated[str, typer.Option(help="a tokenizer.json")],
    separator: Annotated[
        str | None, typer.Option(help="the token behind each document; default: end of text")
    ] = None,
    dtype: Annotated[str, typer.Option(help="auto, uint16 or uint32")] = "auto",
    to: Annotated[str | None, typer.Option(help="where to write; default: OUT/tokens")] = None,
    split: Annotated[str, typer.Option(help="train or validation")] = "train",
) -> None:
    """Write the tokens of a finished corpus as one flat array, for numpy.memmap.

    Run it again to go on where it stopped.
    """
    from corpus.loader import memmap

    found = memmap.tokenize(
        out, tokenizer, destination=to, separator=separator, dtype=dtype, split=split
    )
    print(f"{found['tokens']:,} tokens of {found['documents']:,} documents as {found['dtype']}")
    own = Path(out) / "tokens" / ("" if split == "train" else split)
    print(f"tokens  {to or own}")


@app.command()
def tune(
    out: LocalCorpusArgument,
    asked: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STAGE.SETTING=VALUE]...", help="such as toxicity.max_score=0.7"),
    ] = None,
    examples: Annotated[int, typer.Option(min=0, help="posts of each kind to show")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say which posts other settings would drop or bring back; nothing is scored again.

    Without settings: what other values of each threshold would do.
    """
    from corpus.maintenance import tune as tuning

    if asked:
        found = tuning.tune(out, tuning.parse_proposals(asked), examples)
        text = tuning.format_tuning(found)
    else:
        looked = tuning.survey(out)
        found, text = {"corpus": out, "settings": looked}, tuning.format_survey(looked)
    print(json.dumps(found, indent=2) if as_json else make_printable(text))


@app.command()
def train(
    labelled: Annotated[str, typer.Option(help="JSON lines, CSV, TSV or Parquet, packed or not")],
    text: Annotated[str, typer.Option(help="the column with the posts' texts")],
    label: Annotated[str, typer.Option(help="the column with their labels")],
    out: Annotated[str, typer.Option(help="the model to write: .bin, or .ftz for a small one")],
    precision: Annotated[
        float | None, typer.Option(help="find the score from which on a label has this precision")
    ] = None,
    wanted: Annotated[
        list[str] | None,
        typer.Option("--for", help="for this label (may be repeated); all if none"),
    ] = None,
    dim: Annotated[int | None, typer.Option(help="numbers to a vector [16]")] = None,
    epochs: Annotated[int | None, typer.Option(help="how often a post is seen [20]")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="the first step's size [0.3]")] = None,
    word_ngrams: Annotated[int | None, typer.Option(help="words in a row, at most [2]")] = None,
    min_chars: Annotated[int | None, typer.Option(help="characters, at least [3]")] = None,
    max_chars: Annotated[int | None, typer.Option(help="characters, at most [6]")] = None,
    most_rows: Annotated[int | None, typer.Option(help="vectors at most [1048576]")] = None,
    seed: Annotated[int | None, typer.Option(help="another seed, another model [1]")] = None,
    delimiter: Annotated[str, typer.Option(help="of a CSV, if no comma")] = "",
    quotes: Annotated[bool, typer.Option(help='whether " opens a quoted field of a CSV')] = True,
) -> None:
    """Train a classifier on posts that you have labelled, for the stage 'classifier'.

    Prints precision and recall on posts held out, and writes the model's card beside it. The same
    file gives the same bytes. Exit status 1 if no threshold gives the wanted precision.
    """
    from corpus.plan.model import validate_settings
    from corpus.training import labelled_data as table
    from corpus.training import model_card, train_classifier
    from corpus.training.fit_fasttext import TrainingSettings

    asked = {
        "dim": dim, "epochs": epochs, "learning_rate": learning_rate, "word_ngrams": word_ngrams,
        "min_chars": min_chars, "max_chars": max_chars, "most_rows": most_rows, "seed": seed,
    }  # fmt: skip
    given = {name: value for name, value in asked.items() if value is not None}
    settings = validate_settings(TrainingSettings, given, "train")
    posts = table.read_labelled(labelled, text, label, delimiter, quotes)
    trained = train_classifier.train(posts, out, settings, precision, wanted or ())
    page = model_card.card_path(trained.model)
    page.write_text(model_card.render_model_card(trained, text, label), encoding="utf-8")
    print(make_printable(model_card.format_metrics(trained)))
    print(f"model   {trained.model}\ncard    {page}")
    if trouble := model_card.explain_missing_thresholds(trained):
        raise BuildError(trouble)


@app.command()
def readers() -> None:
    """List the readers and their settings."""
    from corpus import readers as folder

    _print_modules(folder.names(), folder.find)


@app.command()
def filters() -> None:
    """List the stages and their settings."""
    from corpus import stages

    _print_modules(stages.names(), stages.find)


examples.add_examples(app)

# --------------------------------------------------------------------------- printing


def _list_warnings(plan: Any) -> list[str]:
    names = [stage.name for stage in plan.stages]
    found = []
    if "pii" not in names:
        found.append("the plan has no 'pii' stage: contact data stays in the texts")
    if plan.output.keep_work:
        found.append("keep_work leaves unredacted posts in work/; remove it before sharing")
    return found


def _print_modules(names: list[str], find: Callable[[str], Any]) -> None:
    for name in names:
        module = find(name)
        print(f"{name}  {(module.__doc__ or '').strip().splitlines()[0]}")
        for key, field in module.Config.model_fields.items():
            default = "required" if field.is_required() else repr(field.default)
            print(f"    {key}: {default}  {field.description or ''}".rstrip())


def _print_funnel(manifest: dict[str, Any]) -> None:
    from rich.console import Console

    from corpus.report import terminal

    terminal.print_funnel(Console(), manifest)


def _print_record(row: dict[str, Any], skip: tuple[str, ...] = ()) -> None:
    text = row.pop("text", None)
    if text is not None:
        print(make_printable(text))
    for name, value in row.items():
        if value is not None and name not in skip:
            shown = f"{value:.4g}" if isinstance(value, float) else make_printable(str(value))
            print(f"  {name}: {shown}")
    print()


def make_printable(text: str) -> str:
    """The text without characters that act on a terminal."""
    # A post may hold escape sequences or direction marks that would act on the terminal.
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


_log_format = "text"


def _use_json_log() -> None:
    global _log_format
    _log_format = "json"


def _print_message(message: str) -> None:
    if _log_format == "json":
        from datetime import UTC, datetime

        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        print(json.dumps({"time": when, "event": "said", "text": message}), file=sys.stderr)
    else:
        print(f"corpus: {message}", file=sys.stderr)


class StopRequested(BaseException):
    """Ctrl-C or a request to end; typer would swallow a KeyboardInterrupt without a word."""


_EXIT_TIMEOUT_SECONDS = 20.0
_STOPPED_MESSAGE = "stopped; run the same command again to go on where it stopped"


def _handle_stop_signal(signum: int, frame: FrameType | None) -> None:
    # Not by threading.Thread, whose locks the interrupted code may hold.
    _thread.start_new_thread(_force_exit, (130, _STOPPED_MESSAGE))
    raise StopRequested


def _force_exit(status: int, message: str = "") -> None:
    """End the process after a while, as kill -9 would.

    What is raised in a destructor or under a bare ``except`` of a library is lost, and a pool that
    a worker died in may wait for it at the end for ever. Workers notice and go.
    """
    time.sleep(_EXIT_TIMEOUT_SECONDS)
    if message:
        _print_message(message)
    os._exit(status)


def main() -> None:
    """Run a command; errors become one line and an exit status."""
    for wish in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(wish) is not signal.SIG_IGN:  # as under nohup
            signal.signal(wish, _handle_stop_signal)
    try:
        app()
    except CorpusError as error:
        _print_message(
            make_printable(str(error)[:2000])
        )  # it may quote a plan or a name from an archive
        _thread.start_new_thread(_force_exit, (1 if isinstance(error, BuildError) else 2,))
        sys.exit(1 if isinstance(error, BuildError) else 2)
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # as with `corpus peek OUT | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        _print_message(make_printable(f"{error.strerror or error}: '{error.filename}'"))
        sys.exit(1)
    except StopRequested:
        for wish in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(wish, signal.SIG_IGN)  # the end is near already
        _print_message(_STOPPED_MESSAGE)
        sys.exit(130)


if __name__ == "__main__":
    main()
