"""``expr`` drops posts by a condition in SQL, and a wrong condition is an error before a build."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.errors import PlanError
from corpus.plan.model import Plan
from filters import expr
from tests.conftest import post, write_lines
from tests.support.commands import command

MakePlan = Callable[..., dict[str, Any]]


def reasons(condition: str, **columns: list[Any]) -> list[str | None]:
    run = expr.build(expr.Config(drop=condition, reason="wanted"))
    return run(pl.DataFrame(columns))["reject"].to_list()


def test_posts_for_which_the_condition_is_true_are_dropped_with_the_reason() -> None:
    assert reasons("length(text) < 4", text=["tea", "some tea", None]) == ["wanted", None, None]


def test_a_condition_that_is_null_keeps_the_post() -> None:
    assert reasons("score < 3", score=[1, 5, None]) == ["wanted", None, None]
    assert reasons("score < 3 OR score IS NULL", score=[1, 5, None]) == ["wanted", None, "wanted"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("sensitive", ["wanted", None]),
        ("NOT sensitive AND score BETWEEN 1 AND 3", [None, "wanted"]),
        ("lang IN ('en', 'de')", ["wanted", None]),
        ("text ILIKE '%BUY%' OR regexp_like(text, 't.a')", ["wanted", "wanted"]),
        ("coalesce(score, 0) / 2 > 3 ", ["wanted", None]),
        ("CASE WHEN lang = 'en' THEN score > 5 END", ["wanted", None]),
        ("date_part('year', created_at) < 2020", [None, "wanted"]),
        ("split_part(text, ' ', 1) = 'now'", ["wanted", None]),
        ("text = 'CURRENT_DATE' OR true", ["wanted", "wanted"]),
    ],
)
def test_functions_of_one_post_are_understood(condition: str, expected: list[Any]) -> None:
    times = pl.Series([1_700_000_000_000_000, 0], dtype=pl.Datetime("us", "UTC"))
    found = reasons(
        condition,
        text=["now buy", "some tea"],
        sensitive=[True, False],
        lang=["en", "fr"],
        score=[9, 2],
        created_at=times,  # type: ignore[arg-type]
    )
    assert found == expected


@pytest.mark.parametrize(
    "condition",
    [
        "count(*) > 5",
        "score > avg(score)",
        "row_number() OVER (ORDER BY id) > 3",
        "sum(score) OVER (PARTITION BY author) > 3",
        "lag(score) OVER (ORDER BY id) > 1",
        "rank() OVER (ORDER BY score) < 3",
        "first(score) > 1",
        "unnest(mentions) = 'a'",
        "string_agg(text, ',') = 'a'",
        "corr(score, replies) > 0",
        "score IN (SELECT 1)",
        "columns('^s')",
        "sensitive AS reject",
    ],
)
def test_a_condition_over_several_posts_is_refused(condition: str) -> None:
    with pytest.raises(ValueError, match=r"each post alone|no polars SQL"):
        expr.Config(drop=condition)


@pytest.mark.parametrize("clock", ["CURRENT_DATE", "now()", "current_timestamp"])
def test_a_condition_that_depends_on_today_is_refused(clock: str) -> None:
    with pytest.raises(ValueError, match="would give another corpus on another day"):
        expr.Config(drop=f"created_at < {clock}")


def error_message(document: object) -> str:
    with pytest.raises(PlanError) as caught:
        Plan.parse(document, name="p.yaml")
    return str(caught.value)


def test_what_is_no_sql_is_an_error_of_the_plan(plan: MakePlan) -> None:
    found = error_message(plan([{"expr": {"drop": "length(text) <"}}]))
    assert found.startswith("p.yaml: stages[0] expr: 'drop': no polars SQL: unable to parse")


def test_an_unknown_column_is_named_with_the_nearest_known(plan: MakePlan) -> None:
    found = error_message(plan([{"expr": {"drop": "sensitve AND score < 3"}}]))
    assert found == (
        "p.yaml: stages[0] expr: needs the column 'sensitve'; no stage here writes it; did you "
        "mean 'sensitive'?"
    )


def test_a_column_of_a_later_stage_is_refused_and_one_of_an_earlier_is_not(plan: MakePlan) -> None:
    condition = {"expr": {"drop": "lang_score < 0.5"}}
    assert "move 'language' before it" in error_message(plan([condition, {"language": {}}]))
    Plan.parse(plan([{"language": {}}, condition]))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("length(text)", "its result is UInt32 and must be true or false"),
        ("text > 3", "cannot compare string with numeric type (i32); its columns: text is String"),
        ("created_at > '2024-01-01'", "its columns: created_at is Datetime"),
        ("regexp_like(text, '(')", "unclosed group"),
    ],
)
def test_a_condition_that_is_no_boolean_is_an_error_of_the_plan(
    plan: MakePlan, condition: str, expected: str
) -> None:
    found = error_message(plan([{"expr": {"drop": condition}}]))
    assert found.startswith("p.yaml: stages[0] expr: 'drop': ") and expected in found


def test_without_a_condition_check_says_so(plan: MakePlan, tmp_path: Path) -> None:
    write_lines(tmp_path / "posts.jsonl", [post(1)])
    with pytest.raises(PlanError, match="expr: no condition; give one"):
        Plan.parse(plan([{"expr": {}}])).check_paths()


def test_another_condition_or_reason_is_another_fingerprint(plan: MakePlan) -> None:
    given = ({"drop": "score < 1"}, {"drop": "score < 2"}, {"drop": "score < 1", "reason": "low"})
    prints = {Plan.parse(plan([{"expr": each}])).stages[1].fingerprint for each in given}
    assert len(prints) == 3


def test_dropped_posts_are_in_funnel_ledger_explain_and_report(
    plan: MakePlan, tmp_path: Path
) -> None:
    write_lines(tmp_path / "posts.jsonl", [post(1), post(2, text="tea")])
    stages = [{"expr": {"drop": "length(text) < 20", "reason": "too_short"}}]
    manifest = corpus.build(plan(stages, output={"path": str(tmp_path / "out"), "ids": "original"}))
    assert manifest["funnel"][-1]["stage"] == "expr"
    assert manifest["funnel"][-1]["dropped"] == {"too_short": 1}
    ledger = corpus.load(tmp_path / "out").dropped().collect()
    (row,) = ledger.select("stage", "reason").rows()
    assert row == ("expr", "too_short")
    found = command("explain", str(tmp_path / "out"), ledger["id"][0])
    assert "dropped by expr: too_short" in found.stdout
    assert "settings of expr: {'drop': 'length(text) < 20', 'reason': 'too_short'}" in found.stdout
    assert "too_short" in (tmp_path / "out" / "report.html").read_text()
