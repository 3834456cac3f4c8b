"""A plan has a filter twice under two names, which all that is made of the plan knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus import stages
from corpus.errors import PlanError
from corpus.maintenance.tune import tune
from corpus.plan.model import Plan
from filters import contract
from tests.conftest import contents, post, write_lines
from tests.support.commands import command

MakePlan = Callable[..., dict[str, Any]]
TWICE = [
    {"quality": {"min_words": 2}},
    {"quality": {"min_words": 12}, "as": "long"},
    {"expr": {"drop": "long_words > 100", "reason": "too_long"}, "as": "cap"},
    {"dedup": {}},
]


def error_message(document: object) -> str:
    with pytest.raises(PlanError) as caught:
        Plan.parse(document, name="p.yaml")
    return str(caught.value)


def test_a_stage_that_is_there_twice_wants_a_name(plan: MakePlan) -> None:
    assert error_message(plan([{"quality": {}}, {"quality": {}}])) == (
        "p.yaml: stages[1] quality: the stage is there twice; give one of them a name of its own: "
        "'- {quality: {...}, as: quality_2}'"
    )
    assert "a plan may have it only once, because it compares all posts" in error_message(
        plan([{"dedup": {}}, {"dedup": {}}])
    )
    twice = [{"quality": {}, "as": "one"}, {"expr": {"drop": "bot"}, "as": "one"}]
    assert "stages[1] one: the stage is there twice" in error_message(plan(twice))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"quality": {}, "as": "a-b"}, "'as': expected a word of small letters"),
        ({"quality": {}, "as": 3}, "'as': expected a word of small letters"),
        ({"quality": {}, "as": "toxicity"}, "'as': 'toxicity' means something else"),
        ({"injection": {}, "as": "score"}, "'as': 'score' means something else"),
        ({"quality": {}, "as": "pii_two"}, "'as': 'pii_two' means something else"),
        ({"quality": {}, "as": "read"}, "'as': 'read' means something else"),
        (
            {"dedup": {}, "as": "twin"},
            "only once and under its own name, because it compares",
        ),
        ({"pii": {}, "as": "redact"}, "'pii' only once and under its own name, because the report"),
        ({"consent": {}, "as": "first"}, "because it must be the first stage; remove 'as'"),
        ({"as": "x"}, "expected one 'stage: {...}', with 'as: name' beside it; found keys"),
        ({"qualty": {}, "as": "x"}, "unknown stage 'qualty'; did you mean 'quality'?"),
    ],
)
def test_a_name_that_a_stage_cannot_have_is_an_error(
    plan: MakePlan, entry: dict[str, Any], expected: str
) -> None:
    assert expected in error_message(plan([entry]))


def test_a_renamed_filter_writes_other_columns_and_decides_the_same() -> None:
    posts = pl.DataFrame({"id": ["1", "2"], "text": ["short", "a post of some more words here"]})
    plain, renamed = stages.find("quality"), stages.find("quality as long")
    settings = plain.Config.model_validate({"min_words": 3})
    first, second = plain.build(settings)(posts), renamed.build(settings)(posts)
    assert second["reject"].equals(first["reject"])
    assert set(renamed.WRITES) == {
        column.replace("quality", "long", 1) if column.startswith("quality") else column
        for column in plain.WRITES
    }
    for column in plain.WRITES:
        name = column.replace("quality", "long", 1) if column.startswith("quality") else column
        assert second[name].equals(first[column])
    config = contract.resolved(plain, settings)
    verdict = contract.verdict(renamed, config)
    assert verdict is not None
    assert set(verdict.meta.root_names()) <= set(renamed.WRITES)
    assert second.select(verdict.eq_missing(second["reject"]).all()).item()
    assert {bound.column for bound in contract.thresholds(renamed, config)} <= set(renamed.WRITES)


def test_a_renamed_filter_does_not_touch_what_the_other_one_has_written() -> None:
    posts = pl.DataFrame({"id": ["1"], "text": ["a post of some words"]})
    run = [stages.find(name) for name in ("quality", "quality as long")]
    once = run[0].build(run[0].Config())(posts).drop("reject")
    before = once.with_columns(pl.lit(None, dtype).alias(n) for n, dtype in run[0].WRITES.items())
    after = run[1].build(run[1].Config())(before)
    assert after.select(before.columns).equals(before)
    assert after["long_words"].to_list() == [5]


def test_another_name_is_another_fingerprint_and_the_own_name_is_not(plan: MakePlan) -> None:
    def fingerprint(entry: dict[str, Any]) -> str:
        return Plan.parse(plan([entry])).fingerprint()

    assert fingerprint({"quality": {}, "as": "quality"}) == fingerprint({"quality": {}})
    assert fingerprint({"quality": {}, "as": "long"}) != fingerprint({"quality": {}})


@pytest.fixture
def built(plan: MakePlan, tmp_path: Path) -> Path:
    short = [post(900 + n, text=f"Only {n} words of mine") for n in range(4)]
    write_lines(tmp_path / "posts.jsonl", [*(post(n) for n in range(40)), *short])
    corpus.build(plan(TWICE))
    return tmp_path / "out"


def test_funnel_ledger_plan_and_report_have_the_name(built: Path) -> None:
    loaded = corpus.load(built)
    assert [row["stage"] for row in loaded.manifest["funnel"]] == [
        "consent",
        "quality",
        "long",
        "cap",
        "dedup",
    ]
    (row,) = [row for row in loaded.manifest["funnel"] if row["stage"] == "long"]
    assert sum(row["dropped"].values()) == 4
    ledger = loaded.dropped().filter(pl.col("stage") == "long").collect()
    assert ledger.height == 4 and ledger["long_words"].to_list() == [5] * 4
    assert ledger["quality_words"].to_list() == [5] * 4
    assert (built / "dropped" / "long-00000.parquet").exists()
    again = Plan.load(built / "plan.yaml")
    assert [(stage.name, stage.kind) for stage in again.stages][1:4] == [
        ("quality", ""),
        ("long", "quality"),
        ("cap", "expr"),
    ]
    page = (built / "report.html").read_text()
    assert "long_words" in page and "as: long" in page


def test_commands_know_the_name(built: Path, plan: MakePlan, tmp_path: Path) -> None:
    found = command("peek", str(built), "--dropped", "long")
    assert found.returncode == 0 and "long: " in found.stdout
    ledger = corpus.load(built).dropped().filter(pl.col("stage") == "long").collect()
    found = command("explain", str(built), ledger["id"][0])
    assert f"dropped by long: {ledger['reason'][0]}" in found.stdout
    assert "settings of long: {" in found.stdout
    result = tune(built, {"long": {"min_words": 3}})
    (summary,) = result["stages"]
    assert summary["stage"] == "long" and sum(summary["returns"].values()) == 4
    other = tmp_path / "other"
    changed = [{"quality": {"min_words": 3}, "as": "long"} if "as" in e else e for e in TWICE[:2]]
    corpus.build(plan([*changed, {"dedup": {}}]), out=str(other))
    found = command("diff", str(built), str(other))
    assert "long.min_words" in found.stdout
    assert command("verify", str(built)).returncode == 0


@pytest.mark.parametrize(
    "run",  # tests/plan/test_user_code.py has a renamed stage in processes, in make test too
    [
        {"runner": "serial"},
        pytest.param({"runner": "processes", "workers": 2}, marks=pytest.mark.slow),
    ],
    ids=["serial", "processes"],
)
def test_a_renamed_stage_is_the_same_under_every_runner(
    built: Path, plan: MakePlan, tmp_path: Path, run: dict[str, Any]
) -> None:
    corpus.build(plan(TWICE, run=run | {"part_posts": 9}), out=str(tmp_path / "again"))
    assert contents(tmp_path / "again") == contents(built)


def test_a_build_that_was_stopped_goes_on_after_a_stage_got_another_name(
    built: Path, plan: MakePlan
) -> None:
    # Stopped while the ledger was written: no manifest, and a file of a stage of this plan only.
    ledger = (built / "dropped" / "long-00000.parquet").read_bytes()
    first = plan(TWICE)
    first["output"]["keep_work"] = True
    corpus.build(first, replace=True)
    (built / "manifest.json").unlink()
    (built / "dropped" / "long-00000.parquet").write_bytes(ledger)
    renamed = [{**entry, "as": "brief"} if entry.get("as") == "long" else entry for entry in TWICE]
    renamed[2] = {"expr": {"drop": "brief_words > 100"}, "as": "cap"}
    manifest = corpus.build(plan(renamed))
    assert manifest["funnel"][2]["stage"] == "brief"
    assert not (built / "dropped" / "long-00000.parquet").exists()
