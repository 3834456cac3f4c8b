"""A plan chooses the columns of the shards; what takedowns need is there in any case."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus.errors import PlanError
from corpus.maintenance.takedown import take_down
from corpus.maintenance.verify import verify
from tests.conftest import post, sentence, write_lines
from tests.support.commands import command

MakePlan = Callable[..., dict[str, Any]]
NEEDED = [
    "text", "id", "platform", "kind", "author", "created_at", "parent_id", "original_author",
]  # fmt: skip


def build(tmp_path: Path, plan: MakePlan, columns: list[str], *stages: Any, **output: Any) -> Path:
    rows = [post(n) for n in range(12)] + [post(90, text=sentence(3) + "!"), post(91, text="ok")]
    write_lines(tmp_path / "posts.jsonl", rows)
    settings = {"path": str(tmp_path / "out"), "ids": "original", "columns": columns, **output}
    corpus.build(plan(list(stages) or None, output=settings))
    return tmp_path / "out"


def test_the_shards_have_the_chosen_columns_and_those_that_are_needed(
    tmp_path: Path, plan: MakePlan
) -> None:
    out = build(tmp_path, plan, ["quality_words", "text", "score"])
    columns = corpus.load(out).scan().collect_schema().names()
    assert columns == [*NEEDED[:-2], "parent_id", "score", "original_author",
                       "quality_words", "cluster", "cluster_size"]  # fmt: skip
    assert corpus.load(out).scan().collect()["quality_words"].min() > 1


def test_the_documents_are_the_same_as_with_all_columns(tmp_path: Path, plan: MakePlan) -> None:
    some = corpus.load(build(tmp_path, plan, ["quality_words"])).scan().collect()
    key = str(tmp_path / "corpus.key")
    build(tmp_path, plan, [], path=str(tmp_path / "all"), key=key)
    every = corpus.load(tmp_path / "all").scan().collect()
    assert every.select(some.columns).equals(some)


def test_conversations_keep_what_finds_their_turns(tmp_path: Path, plan: MakePlan) -> None:
    out = build(tmp_path, plan, ["text"], {"conversations": {"mode": "path"}})
    columns = corpus.load(out).scan().collect_schema().names()
    assert columns == [*NEEDED[:-2], "parent_id", "original_author",
                       "post_ids", "authors", "original_authors", "turn_ends",
                       "turn_reasons"]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["quality_word"], "no column 'quality_word'; did you mean 'quality_words'?"),
        (["toxicity"], "no column 'toxicity'"),
        (["seen_at"], "no column 'seen_at'"),
    ],
)
def test_a_column_that_no_shard_has_is_refused(
    tmp_path: Path, plan: MakePlan, columns: list[str], message: str
) -> None:
    with pytest.raises(PlanError, match=rf"output: columns: {message.replace('?', '.')}"):
        build(tmp_path, plan, columns)
    with pytest.raises(PlanError, match="no column 'source_file'"):
        build(tmp_path, plan, ["source_file"], source_columns=False)


def test_a_wrong_stage_is_no_reason_to_refuse_its_columns(plan: MakePlan) -> None:
    document = plan([{"toxicity": {"max_scor": 1}}], output={"columns": ["toxicity"]})
    with pytest.raises(PlanError) as found:
        corpus.Plan.parse(document)
    assert "max_scor" in str(found.value) and "columns" not in str(found.value)


def test_takedowns_verify_and_the_commands_work_without_the_other_columns(
    tmp_path: Path, plan: MakePlan
) -> None:
    out = build(tmp_path, plan, ["text"], {"quality": {}}, {"dedup": {}})
    assert take_down(out, ["table:3"])["elected"] == 1
    assert take_down(out, ["table:5"])["removed"] == 1
    assert "table:90" in corpus.load(out).scan().collect()["id"]
    assert verify(out)["passed"]
    for arguments in (["report"], ["peek"], ["audit"], ["explain", "table:7"], ["status"]):
        done = command(arguments[0], str(out), *arguments[1:])
        assert done.returncode == 0, (arguments, done.stdout + done.stderr)
    tuned = command("tune", str(out), "quality.min_words=9")
    assert tuned.returncode == 2 and "its plan omits it (output: columns)" in tuned.stderr


def test_the_metadata_lists_the_columns_that_are_there(tmp_path: Path, plan: MakePlan) -> None:
    out = build(tmp_path, plan, ["lang_hint"])
    found = json.loads((out / "croissant.json").read_text())
    fields = [field["name"] for field in found["recordSet"][0]["field"]]
    assert sorted(fields) == sorted(corpus.load(out).scan().collect_schema().names())


def test_other_columns_are_another_corpus(tmp_path: Path, plan: MakePlan) -> None:
    out = build(tmp_path, plan, ["text"])
    with pytest.raises(PlanError, match="another plan"):
        build(tmp_path, plan, ["score"])
    assert "columns:" in (out / "plan.yaml").read_text()
    built = corpus.Plan.parse(plan(output={"path": str(out)}))
    assert "columns" not in built.resolved()["output"]
