"""What ``corpus report`` and ``corpus diff`` do."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from corpus.errors import CorpusError, PlanError
from corpus.maintenance.diff import compare_corpora, compare_posts, format_differences
from corpus.report import report_page, terminal
from corpus.report.comparison_page import render_comparison
from corpus.report.published_plan import PublishedPlan
from corpus.report.statistics import load_statistics
from corpus.storage.folder_lock import locked_corpus
from corpus.storage.remote_path import RemotePath
from corpus.tasks.receipts import atomic_write, load_manifest

DEFAULT_COMPARISON_FILE = "against.html"


def show_report(
    out: Path | RemotePath, against: Path | RemotePath | None, html: Path | None
) -> None:
    """Print the report on ``out``, or write a page of it, or of it ``against`` another corpus."""
    target = html or (Path(DEFAULT_COMPARISON_FILE) if against is not None else None)
    if isinstance(out, Path) and target and target.resolve().is_relative_to(out.resolve()):
        with locked_corpus(out, "report", shared=True):
            _report(out, against, html)
    else:
        _report(out, against, html)


def _report(out: Path | RemotePath, against: Path | RemotePath | None, html: Path | None) -> None:
    manifest = load_manifest(out)
    if against is not None:
        page = render_comparison(out, against, compare_corpora(out, against))
        _write_page(html or Path(DEFAULT_COMPARISON_FILE), page)
        return
    statistics = load_statistics(out)
    if html is not None:
        plan = PublishedPlan.parse((out / "plan.yaml").read_text(encoding="utf-8"))
        _write_page(html, report_page.render_report(manifest, plan, statistics, with_speeds=True))
        return
    terminal.print_report(Console(), manifest, statistics)
    print(f"\npage    {out / 'report.html'}")


def _write_page(path: Path, text: str) -> None:
    if not path.parent.is_dir():
        raise PlanError(f"no folder '{path.parent}' to write the page to; make it first")
    if path.is_dir():
        raise PlanError(f"'{path}' is a folder; give a file with --html")
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"page    {path}")


def show_diff(before: Path, after: Path, posts: bool, as_json: bool) -> None:
    """Print what differs between two corpora, and each post if asked."""
    found = compare_corpora(before, after)
    if posts and found["comparable"] is not True:
        raise CorpusError(f"posts cannot be compared: {found['comparable']}")
    print(json.dumps(found, ensure_ascii=False) if as_json else format_differences(found))
    if not posts:
        if not as_json and found["comparable"] is not True:
            print(f"note: posts cannot be compared: {found['comparable']}")
        return
    count = 0
    for change in compare_posts(before, after):
        count += 1
        if as_json:
            print(json.dumps(change._asdict(), ensure_ascii=False))
        else:
            print(terminal.make_printable(f"{change.id}: {change.before} → {change.after}"))
    if not as_json:
        print(f"{count:,} post{'s' if count != 1 else ''} moved")
