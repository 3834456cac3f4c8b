"""Commands that build a corpus and watch a build."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from corpus.cli.options import (
    DEFAULT_PLAN,
    JsonOption,
    LocalCorpusArgument,
    OutOption,
    PlanArgument,
)
from corpus.cli.plan import print_warnings
from corpus.cli.printing import print_message, use_json_log


def build(
    plan: PlanArgument = DEFAULT_PLAN,
    out: OutOption = None,
    workers: Annotated[
        int | None, typer.Option(help="worker processes; default: one per core")
    ] = None,
    runner: Annotated[
        str | None, typer.Option(help="serial, processes or ray; default: the plan's")
    ] = None,
    replace: Annotated[bool, typer.Option(help="replace a corpus that another plan built")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print no progress")] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="progress and errors as JSON lines on stderr")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="build a sample (1 %) and estimate the time, memory and disk of all"
        ),
    ] = False,
) -> None:
    """Build a corpus. After an interruption the same command continues where it stopped."""
    from corpus.pipeline import build as pipeline
    from corpus.plan.model import Plan
    from corpus.tasks import progress

    if log_json:
        use_json_log()
    checked = Plan.load_checked(plan, out, workers, runner)
    print_warnings(checked)
    if dry_run:
        from corpus.pipeline import estimate

        print(estimate.format_estimate(estimate.estimate_build(checked)))
        return
    with progress.open_observer(quiet, log_json) as observer:
        manifest = pipeline.build(checked, replace=replace, observer=observer)
    if not log_json:
        _print_summary(manifest, checked.output.path.rstrip("/"))


def _print_summary(manifest: Mapping[str, Any], folder: str) -> None:
    from rich.console import Console

    from corpus.report import terminal

    terminal.print_funnel(Console(), manifest)
    for warning in manifest.get("warnings", ()):
        print_message(f"warning: {warning}")
    print(f"shards  {folder}/shards")
    print(f"report  {folder}/report.html")


def status(out: LocalCorpusArgument, as_json: JsonOption = False) -> None:
    """Show the progress of a build, or how it ended. Exit status 1 if it died or failed."""
    from corpus.report.terminal import make_printable

    state = _read_state(Path(out))
    if as_json:
        print(json.dumps(state, indent=2))
    else:
        print(make_printable(_format_state(state)))
    if state["state"] in ("died", "failed", "stopped"):
        raise typer.Exit(1)


def _read_state(out: Path) -> dict[str, Any]:
    """Return the state of a build: its status file, or ``run`` and ``totals`` of its manifest.

    ManifestError if there is neither a build nor a corpus.
    """
    from corpus.errors import ManifestError
    from corpus.manifest import MANIFEST_NAME, load_manifest
    from corpus.tasks.status import read_status_file

    try:
        status = read_status_file(out / "work")
    except PermissionError:
        raise ManifestError(
            f"only the user who started the build of '{out}' can read its folder work/; run this "
            "as that user"
        ) from None
    if (out / MANIFEST_NAME).exists():
        manifest = load_manifest(out)
        return {"state": "done", "run": manifest.get("run", {}), "totals": manifest["totals"]}
    if status is None:
        raise ManifestError(
            f"'{out}' is neither a corpus nor an unfinished one; give the folder that "
            "'corpus build' writes"
        )
    return status


def _format_state(state: Mapping[str, Any]) -> str:
    from corpus.tasks.status import format_status

    if "totals" not in state:
        return format_status(state)
    totals, run = state["totals"], state["run"]
    lines = [f"done: {totals['kept']:,} of {totals['read']:,} posts kept"]
    if run:
        lines.append(
            f"{run['seconds']:,.0f} s, {run['posts_per_second']:,.0f} posts/s, "
            f"{run['bytes_per_second'] / 1e6:,.1f} MB/s, "
            f"at most {run['peak_memory_mb']:,} MB of memory"
        )
    return "\n".join(lines)
