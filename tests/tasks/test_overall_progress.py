"""The share of a whole build never falls, and the time left follows what was measured."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from corpus.pipeline.expected_phases import list_expected_phases
from corpus.plan.model import Plan
from corpus.tasks import progress
from corpus.tasks.overall_progress import OverallProgress, Phase, format_left

PHASES = [
    Phase("reading", 1),
    Phase("filtering", 3, is_beside=True),
    Phase("measuring", 2, is_of_kept=True, shown=0.5),
    Phase("writing", 4, is_of_kept=True),
]


def test_the_time_left_follows_the_seconds_of_earlier_phases() -> None:
    overall = OverallProgress(PHASES, 0)
    assert overall.seconds_left is None and overall.share == 0
    for second in range(1, 11):
        overall.step("reading", second, 10, second)
    for second in range(1, 31):
        overall.step("filtering", second, 30, 10 + second)
    # 40 seconds for a cost of 4; a cost of 6 is left.
    assert overall.seconds_left == pytest.approx(60, abs=5)
    assert overall.share == pytest.approx(0.4, abs=0.03)
    overall.count("quality", 100, 50)  # half of the posts are left to measure and write
    for second in range(1, 31):
        overall.step("other", second, 30, 40 + second / 100)
    assert overall.seconds_left == pytest.approx(30, abs=5)


def test_the_share_never_falls_and_ends_below_one_until_the_build_is_done() -> None:
    overall, shares = OverallProgress(PHASES, 0), []
    for now, (label, done, total) in enumerate(
        [
            *[("reading", 1, 2), ("filtering", 1, 1), ("reading", 2, 2), ("filtering", 1, 4)],
            *[("filtering", 4, 4), ("measuring", 1, 9), ("unknown", 1, 2), ("writing", 9, 9)],
        ],
        start=1,
    ):
        overall.step(label, done, total, now * now)
        shares.append(overall.share)
    assert shares == sorted(shares) and shares[-1] < 1
    assert len(set(shares)) > 4


def test_a_phase_beside_another_counts_for_what_that_has_finished() -> None:
    overall = OverallProgress(PHASES, 0)
    overall.step("reading", 1, 10, 10)
    overall.step("filtering", 1, 1, 11)  # all parts that there are, of a tenth of the input
    assert overall.share < 0.3


def test_phases_that_an_earlier_run_has_finished_do_not_shorten_the_estimate() -> None:
    overall = OverallProgress(PHASES, 0)
    overall.step("reading", 1, 1, 0.001)
    overall.step("filtering", 1, 1, 0.002)
    for second in range(1, 11):
        overall.step("measuring", second, 10, second)
    # 10 seconds for half a cost of 2: as much for its other half, and 40 for writing.
    assert overall.seconds_left == pytest.approx(50, rel=0.25)


def test_time_left_is_no_finer_than_an_estimate_can_be() -> None:
    written = [format_left(seconds) for seconds in (3, 44, 400, 8000)]
    assert written == [
        "some seconds left",
        "about 40 s left",
        "about 7 min left",
        "about 2 h 13 min left",
    ]


def test_lines_and_the_table_show_the_whole_build() -> None:
    stream = io.StringIO()
    log = progress.LineLog(stream)
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    live = progress.LiveDisplay(console)
    for shown in (log, live):
        shown.expect(PHASES)
        shown.step("reading", 10, 10)
        shown.step("filtering", 10, 10)
    assert re.search(r"s  filtering 100%  \d+% of all, some seconds left\n", stream.getvalue())
    live.close()
    with console.capture() as captured:
        console.print(live._render())
    first = re.sub(r"\x1b\[[\d;]*m", "", captured.get()).splitlines()[0]
    assert re.match(r"all +━{20} +\d+% +some seconds left", first)


def test_every_stage_of_a_plan_is_in_a_phase() -> None:
    stages: list[dict[str, Any]] = [{"language": {}}, {"dedup": {}}, {"pii": {}}]
    plan = Plan.parse({"sources": [{"reddit": {"path": "x"}}], "stages": stages})
    phases = list_expected_phases(plan)
    assert [phase.label for phase in phases] == [
        "reading",
        "filtering",
        "measuring (dedup)",
        "filtering (from dedup on)",
        "writing",
        "writing the ledger",
        "counting",
    ]
    assert phases[3].cost > phases[1].cost > 0.5  # pii costs more than language
