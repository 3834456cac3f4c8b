"""Time a whole build against datatrove's equivalent, on the same posts in the same run.

    python -m bench.speed.end_to_end [--posts N] [--input FILE.jsonl] [--datatrove-python PATH]

Both read the same JSONL file and write Parquet; each is a process of its own, pinned, with one
thread a library, timed from its start to its end. In the first comparison the thresholds of
both reject nothing: web rules reject most posts, so that datatrove's later stages would have
nothing to do. Ours has two rules that no setting turns off (runs of one character, more links than
words), which reject about one post in a hundred. Both drop duplicates before PII. The table of
stages gives the posts that each stage read. The second comparison uses both as they are configured
for English.

Ours also scores toxicity and runs Presidio; datatrove has regular expressions for e-mail and IP
addresses. Without datatrove's environment (made in ``.bench/peers`` when there is a network) only
our own numbers are printed. On one worker, wall time well above CPU time means that something else
was using the core: run again on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench import measure, sample
from bench.peers import environment
from filters import language

_PASS_ALL: list[dict[str, Any]] = [
    {"consent": {}},
    {"language": {"keep": []}},
    {
        "quality": {
            "min_words": 0,
            "max_link_share": 1,
            "max_mention_share": 1,
            "max_hashtag_share": 1,
            "min_letter_share": 0,
            "max_word_chars": 1_000_000,
            "min_distinct_words": 0,
            "templates": False,  # still looked for, no longer a reason
        }
    },
    {"toxicity": {"max_score": 1}},
    {"dedup": {"jaccard": 0.8}},
    {"pii": {"profile": "contact"}},
]
# The stages of the shipped plan for English.
_AS_CONFIGURED: list[dict[str, Any]] = yaml.safe_load(
    (measure.ROOT / "configs" / "reddit.yaml").read_text(encoding="utf-8")
)["stages"]

# Our stage, to the parts of names of datatrove's steps that do the same.
_SAME = {
    "consent": (),
    "language": ("Language ID",),
    "quality": ("Gopher Repetition", "Gopher Quality", "FineWeb Quality"),
    "toxicity": (),
    "dedup": ("MinHash stage",),
    "pii": ("PII",),
}


@dataclass(frozen=True)
class Run:
    """A run of one of the two systems."""

    name: str
    workers: int
    posts: int
    kept: int
    measured: measure.Measurement
    stages: dict[str, tuple[int, float]] = field(default_factory=dict)  # posts, seconds

    @property
    def rate(self) -> float:
        """Posts a second, from the start of the process to its end."""
        return self.posts / self.measured.seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed.end_to_end", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--posts", type=int, default=100_000, help="how many (100,000)")
    parser.add_argument("--input", type=Path, help="take the posts from this JSONL's 'text' keys")
    parser.add_argument(
        "--datatrove-python",
        type=Path,
        default=environment.PYTHON,
        metavar="PATH",
        help="the interpreter of an environment with datatrove (.bench/datatrove/bin/python)",
    )
    options = parser.parse_args(arguments)
    python = environment.find_interpreter(options.datatrove_python)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        _compare(Path(folder), options.posts, options.input, python)


def _compare(folder: Path, wanted: int, source: Path | None, python: Path | None) -> None:
    posts = folder / "posts.jsonl"
    _log("writing the posts")
    print(sample.write_sample(posts, wanted, source), flush=True)
    count = sum(1 for _ in posts.open("rb"))
    if not count:
        sys.exit("bench: no posts to measure with")
    _warm_up(folder, posts, python)
    same = [_ours(folder, posts, count, "ours", _PASS_ALL, workers) for workers in (1, 2)]
    configured = [_ours(folder, posts, count, "ours, English", _AS_CONFIGURED, 1)]
    if python is not None:
        name = f"datatrove {environment.find_version(python, 'datatrove')}"
        same += _theirs(folder, posts, count, name, python, as_configured=False)
        configured += _theirs(folder, posts, count, f"{name}, English", python, as_configured=True)
    _print_runs("thresholds that reject nothing: nearly every post reaches every stage", same)
    _print_stages(same)
    _print_runs("as configured: what a stage rejects, later stages need not see", configured)


# --------------------------------------------------------------------------- runs


def _warm_up(folder: Path, posts: Path, python: Path | None) -> None:
    """Compile what is compiled once on a machine; a failure comes before the long runs."""
    few = folder / "few.jsonl"
    with posts.open("rb") as lines, few.open("wb") as out:
        out.writelines(line for _, line in zip(range(500), lines, strict=False))
    count = sum(1 for _ in few.open("rb"))
    ours = _ours(folder, few, count, "warm-up", _PASS_ALL, 1)
    theirs: list[Run] = []
    if python is not None:
        theirs = _theirs(folder, few, count, "warm-up of datatrove", python, as_configured=False)
    for run in (ours, *theirs):
        print(f"{run.name} ({run.posts} posts, mostly starting): {run.measured.seconds:.1f} s")


def _ours(
    folder: Path, posts: Path, count: int, name: str, stages: list[dict[str, Any]], workers: int
) -> Run:
    _log(f"{name}, {workers} worker{'s' if workers != 1 else ''}")
    fields = {key: key for key in ("id", "text", "author", "created_at")}
    plan = {
        "sources": [{"table": {"path": str(posts), "platform": "bench", "fields": fields}}],
        "stages": stages,
    }
    measured, out = measure.measure_build(plan, folder / f"{name}-{workers}", workers)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    if manifest["totals"]["read"] != count:
        raise measure.CommandFailed(f"read {manifest['totals']['read']} of {count} posts")
    found = {row["stage"]: (row["read"], row["seconds"]) for row in manifest["funnel"]}
    return Run(name, workers, count, manifest["totals"]["kept"], measured, found)


def _theirs(
    folder: Path, posts: Path, count: int, name: str, python: Path, *, as_configured: bool
) -> list[Run]:
    """Return the run of datatrove; print why and return nothing if it fails."""
    _log(name)
    work = folder / name
    work.mkdir()
    model, *_ = language.models(language.Config.model_validate({}))
    script = measure.ROOT / "bench" / "peers" / "datatrove_pipeline.py"
    command = [str(python), str(script), str(posts), str(work), str(model)]
    command += ["--as-configured"] if as_configured else []
    try:
        # Its environment must not see our modules.
        measured = measure.measure_command(command, work / "log.txt", 1, {"PYTHONPATH": ""})
    except measure.CommandFailed as error:
        print(f"{name} failed, so it is not compared:\n{error}", file=sys.stderr)
        return []
    steps = json.loads((work / "steps.json").read_text(encoding="utf-8"))
    kept = sum(int(step["kept"]) for step in steps if "MinHash stage 4" in step["step"])
    return [Run(name, 1, count, kept, measured, _grouped(steps, count))]


def _grouped(steps: list[dict[str, Any]], count: int) -> dict[str, tuple[int, float]]:
    """Return the seconds of datatrove's steps by the stage of ours that does the same."""
    found: dict[str, tuple[int, float]] = {}
    for stage, marks in _SAME.items():
        own = [step for step in steps if any(mark in step["step"] for mark in marks)]
        seconds = sum(step["seconds"] for step in own)
        if stage == "dedup":  # signing is timed around the reader that feeds it
            seconds -= sum(
                step["seconds"]
                for step in steps
                if step["run"] == "signatures" and "READER" in step["step"]
            )
        if own:
            found[stage] = (max(int(step["posts"]) for step in own) or count, seconds)
    return found


# --------------------------------------------------------------------------- printing


def _print_runs(title: str, runs: list[Run]) -> None:
    base = next((run for run in runs if run.name.startswith("datatrove")), None)
    rows = [
        (
            run.name,
            str(run.workers),
            f"{run.posts:,}",
            f"{run.kept:,}",
            f"{run.measured.seconds:,.1f}",
            f"{run.measured.cpu_seconds:,.1f}",
            f"{run.rate:,.0f}",
            f"{run.measured.peak_mb:,.0f}",
            f"{run.rate / base.rate:.1f}" if base else "",
        )
        for run in runs
    ]
    head = (
        "run",
        "workers",
        "posts",
        "kept",
        "wall s",
        "CPU s",
        "posts/s",
        "peak MB",
        "x datatrove",
    )
    print(f"\n{title}")
    _table(head, rows)


def _print_stages(runs: list[Run]) -> None:
    """Print the time of each stage with one worker; the rest is reading, writing, starting."""
    ours = runs[0]
    theirs = next((run for run in runs if run.name.startswith("datatrove")), None)
    rows = []
    for stage, (posts, seconds) in ours.stages.items():
        rate = posts / seconds if seconds else 0.0
        cells = [stage, f"{posts:,}", f"{seconds:.2f}", f"{rate:,.0f}" if rate else ""]
        cells += [""] * 4
        if theirs and stage in theirs.stages:
            came, took = theirs.stages[stage]
            cells[4:] = [
                f"{came:,}",
                f"{took:.2f}",
                f"{came / took:,.0f}",
                f"{rate * took / came:.1f}",
            ]
        rows.append(tuple(cells))
    rest = [_rest(run) if run else 0.0 for run in (ours, theirs)]
    rates = [ours.posts / seconds if seconds > 0 else 0.0 for seconds in rest]
    cells = ["read, write, start", f"{ours.posts:,}", f"{rest[0]:.2f}", f"{rates[0]:,.0f}"]
    cells += [""] * 4
    if theirs:
        ratio = rates[0] / rates[1] if rates[1] else 0.0
        cells[4:] = [f"{theirs.posts:,}", f"{rest[1]:.2f}", f"{rates[1]:,.0f}", f"{ratio:.1f}"]
    rows.append(tuple(cells))
    head = (
        "stage, 1 worker",
        "ours: posts",
        "s",
        "posts/s",
        "datatrove: posts",
        "s",
        "posts/s",
        "ours x",
    )
    print()
    _table(head, rows)


def _rest(run: Run) -> float:
    return run.measured.seconds - sum(seconds for _, seconds in run.stages.values())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table: its first column aligned left, the others right."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    for line in lines:
        first, *rest = zip(line, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
        print(f"| {' | '.join(cells)} |", flush=True)


def _log(message: str) -> None:
    print(f"bench: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except measure.CommandFailed as error:
        sys.exit(f"bench: a build failed:\n{error}")
